package responses

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"bulkhead/chat"

	dialects "bulkhead/dialect"
)

// response is what a reply object says beside its items. Members that the
// vendor's schema or the Open Responses specification demand are always there.
type response struct {
	a       *dialects.Answering
	losses  *chat.Losses
	now     func() time.Time
	id      string
	model   string
	created int64
	tier    string
	minted  int

	status string      // in_progress, completed, incomplete, failed
	reason string      // of incomplete
	fault  []byte      // of failed: the error object
	usage  *chat.Usage // nil: not known
	echo   []byte      // members that echo the request
}

// begin takes what is known of a reply before its first content.
func (r *response) begin(a *dialects.Answering, h *chat.Head, now func() time.Time) {
	*r = response{a: a, losses: a.Loss, now: now, id: h.ID, model: h.Model, created: h.Created, tier: h.Tier, status: "in_progress"}
	if r.losses == nil {
		r.losses = chat.NewLosses(own, nil, nil)
	}
	if len(r.id) < 6 || r.id[:5] != "resp_" {
		r.id = r.mint("resp_")
	}
	if r.model == "" {
		r.model = a.Model
	}
	if r.created == 0 {
		r.created = a.Created.Unix()
	}
	if r.tier == "" {
		r.tier = "default"
	}
	r.drops("", h.Extra)
	asked := a.Request
	if asked == nil {
		asked = &chat.Request{}
	}
	r.echo = echo(asked)
}

// ours follows the prefix of the ids that we make.
const ours = "bk"

// mint makes an id from the call's: the next of this reply. It is as long as
// OpenAI's own.
func (r *response) mint(prefix string) string {
	sum := sha256.Sum256([]byte(string(r.a.Call) + "/" + strconv.Itoa(r.minted)))
	r.minted++
	return prefix + ours + hex.EncodeToString(sum[:23])
}

// vendorID gives an item's id as a vendor may see it: none for one of ours,
// which no vendor knows.
func vendorID(id string) string {
	if _, rest, ok := strings.Cut(id, "_"); ok && len(rest) == 48 && strings.HasPrefix(rest, ours) {
		return ""
	}
	return id
}

// drops names the fields of other dialects, which have no place.
func (r *response) drops(path string, x chat.Extra) {
	for _, f := range x {
		if f.Dialect != own {
			r.losses.Drop(path + f.Name)
		}
	}
}

// end takes why the answer ends. refused: the model said so in a refusal.
func (r *response) end(e *chat.Ending, refused bool) {
	r.status = "completed"
	switch e.Reason {
	case chat.ReasonLength, chat.ReasonContext:
		r.status, r.reason = "incomplete", "max_output_tokens"
	case chat.ReasonFilter:
		r.status, r.reason = "incomplete", "content_filter"
	case chat.ReasonRefusal:
		if !refused {
			r.status, r.reason = "incomplete", "content_filter"
		}
	case chat.ReasonBroken:
		r.status = "failed"
		w := writer{}
		w.open('{')
		w.str("code", "server_error")
		w.str("message", "The model's output was malformed.")
		w.close('}')
		r.fault = w.b
	}
	if e.Sequence != "" {
		r.losses.Drop("choices[].ending.stop_sequence")
	}
	r.drops("choices[].ending.", e.Extra)
}

// itemStatus is the status of an item; the last one is as whole as the reply.
func (r *response) itemStatus(last bool) string {
	if last && r.status == "incomplete" {
		return "incomplete"
	}
	return "completed"
}

// response writes the reply object with its items, and the vendor's own fields.
func (w *writer) response(r *response, items []byte, x ...chat.Extra) {
	w.open('{')
	w.str("id", r.id)
	w.str("object", "response")
	w.int("created_at", r.created)
	w.str("status", r.status)
	if r.status == "completed" && r.now != nil {
		w.int("completed_at", r.now().Unix())
	} else {
		w.raw("completed_at", "null")
	}
	if r.fault != nil {
		w.raw("error", string(r.fault))
	} else {
		w.raw("error", "null")
	}
	if r.status == "incomplete" {
		w.object("incomplete_details")
		w.str("reason", r.reason)
		w.close('}')
	} else {
		w.raw("incomplete_details", "null")
	}
	w.str("model", r.model)
	w.str("service_tier", r.tier)
	w.array("output")
	w.b = append(w.b, items...)
	w.close(']')
	w.usage(r.usage)
	w.b = append(w.b, ',')
	w.b = append(w.b, r.echo...)
	for _, extra := range x {
		w.own(extra)
	}
	w.close('}')
}

// usage writes what was consumed; null where it is not known.
func (w *writer) usage(u *chat.Usage) {
	if u == nil {
		w.raw("usage", "null")
		return
	}
	w.object("usage")
	w.int("input_tokens", u.Prompt())
	w.object("input_tokens_details")
	w.int("cached_tokens", u.CacheRead)
	w.int("cache_write_tokens", u.CacheWrite())
	w.ownWithin(withinInput, u.Extra)
	w.close('}')
	w.int("output_tokens", u.Output)
	w.object("output_tokens_details")
	w.int("reasoning_tokens", u.Reasoning)
	w.ownWithin(withinOutput, u.Extra)
	w.close('}')
	w.int("total_tokens", u.Total())
	w.own(u.Extra)
	w.close('}')
}

// withinInput and withinOutput precede the names of details of usage that only
// the dialect knows.
const (
	withinInput  = "input_tokens_details."
	withinOutput = "output_tokens_details."
)

// echo writes the members that say what was asked. Where the caller said
// nothing they hold the API's own defaults, which the specification demands as
// numbers and words; what the vendor's model did instead nobody says.
func echo(r *chat.Request) []byte {
	e := &encoder{writer: writer{make([]byte, 0, 512)}, to: &dialects.Upstream{}, losses: chat.NewLosses(own, nil, nil), echo: true}
	e.bool("background", false)
	instructions, _ := chat.Plain(r.Instructions)
	e.orNull("instructions", instructions)
	e.numberOr("max_output_tokens", r.Sampling.MaxTokens, "null")
	e.kept(r, "max_tool_calls", "null")
	e.bool("parallel_tool_calls", r.Parallel == nil || *r.Parallel)
	e.raw("previous_response_id", "null")
	e.orNull("prompt_cache_key", r.Cache.Key)
	e.orNull("prompt_cache_retention", r.Cache.Retention)
	t := r.Thinking
	if t == nil {
		t = &chat.Thinking{}
	}
	e.object("reasoning")
	e.orNull("effort", t.Effort)
	e.orNull("summary", t.Summary)
	e.own(t.Extra)
	e.close('}')
	e.orNull("safety_identifier", r.SafetyID)
	e.bool("store", false)
	e.numberOr("temperature", r.Sampling.Temperature, "1")
	e.numberOr("top_p", r.Sampling.TopP, "1")
	e.numberOr("top_logprobs", r.Sampling.TopLogprobs, "0")
	e.int("frequency_penalty", 0)
	e.int("presence_penalty", 0)
	e.object("text")
	if r.Format != nil {
		e.format(r.Format)
	} else {
		e.raw("format", `{"type":"text"}`)
	}
	e.opt("verbosity", r.Verbosity)
	e.close('}')
	if r.Choice == nil {
		e.str("tool_choice", "auto")
	} else {
		e.choice(r)
	}
	e.array("tools")
	for i := range r.Tools {
		if err := e.tool(i, &r.Tools[i]); err != nil {
			continue // a tool of another dialect, which no caller of this one has sent
		}
	}
	e.close(']')
	e.kept(r, "truncation", `"disabled"`)
	e.orNull("user", r.User)
	e.metadata(r.Metadata, slices.Sorted(maps.Keys(r.Metadata)))
	return e.b
}

// kept writes a field of the request that only the dialect knows, or what
// stands for one that is not there.
func (e *encoder) kept(r *chat.Request, name, or string) {
	if v := r.Extra.Get(own, name); v != nil {
		or = string(v)
	}
	e.raw(name, or)
}
