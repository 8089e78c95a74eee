package responses

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Client is the dialect on the vendor's side. The zero Client is ready.
type Client struct{}

var (
	_ dialects.Client      = Client{}
	_ dialects.CountClient = Client{}
)

// minOutputTokens is the least that max_output_tokens may be (CreateResponse).
const minOutputTokens = 16

// Encode implements [dialects.Client].
func (Client) Encode(r *chat.Request, to *dialects.Upstream, l *chat.Losses) (*dialects.Outbound, error) {
	e := &encoder{writer: writer{make([]byte, 0, 1024)}, to: to, losses: l}
	e.open('{')
	e.str("model", to.Model)
	if err := e.asked(r); err != nil {
		return nil, err
	}
	if err := e.sampling(&r.Sampling); err != nil {
		return nil, err
	}
	if err := e.identity(r); err != nil {
		return nil, err
	}
	store := to.Store && r.Store != nil && *r.Store
	if r.Store != nil && *r.Store && !store {
		l.Drop("store")
	}
	e.bool("store", store)
	e.include(r, store)
	if r.Stream {
		e.bool("stream", true)
	}
	e.own(l.Own("", r.Extra), "include")
	e.close('}')
	return &dialects.Outbound{Method: http.MethodPost, Path: path(call.Chat, to), Body: e.b}, nil
}

// EncodeCount implements [dialects.CountClient]. What does not change the
// count is left out.
func (Client) EncodeCount(r *chat.Request, to *dialects.Upstream, l *chat.Losses) (*dialects.Outbound, error) {
	e := &encoder{writer: writer{make([]byte, 0, 1024)}, to: to, losses: l}
	e.open('{')
	e.str("model", to.Model)
	if err := e.asked(r); err != nil {
		return nil, err
	}
	for _, f := range r.Extra.Of(own) {
		if _, known := countFields[f.Name]; known {
			e.raw(f.Name, string(f.Value))
		}
	}
	e.close('}')
	return &dialects.Outbound{Method: http.MethodPost, Path: path(call.CountTokens, to), Body: e.b}, nil
}

// asked writes what the model reads: instructions, conversation, tools, the
// form of the answer, how to reason.
func (e *encoder) asked(r *chat.Request) error {
	if err := e.instructions(r.Instructions); err != nil {
		return err
	}
	if err := e.input(r.Messages); err != nil {
		return err
	}
	if err := e.tools(r); err != nil {
		return err
	}
	if r.Format != nil || r.Verbosity != "" || hasWithin(withinText, r.Extra) {
		e.object("text")
		if r.Format != nil {
			e.format(r.Format)
		}
		e.opt("verbosity", r.Verbosity)
		e.ownWithin(withinText, r.Extra)
		e.close('}')
	}
	e.thinking(r.Thinking)
	return nil
}

// instructions writes what stands beside the conversation, in one text.
func (e *encoder) instructions(parts []chat.Part) error {
	text := ""
	for i := range parts {
		t, ok := parts[i].Content.(chat.Text)
		if !ok {
			if err := e.losses.Refuse(fmt.Sprintf("instructions[%d]", i), "has instructions of text alone"); err != nil {
				return err
			}
			continue
		}
		if parts[i].Cache != nil {
			e.losses.Drop("instructions[].cache")
		}
		if text != "" && t.Text != "" {
			text += "\n\n"
		}
		text += t.Text
	}
	e.opt("instructions", text)
	return nil
}

// format writes the form of the answer. Its name is the dialect's demand.
func (e *encoder) format(f *chat.Format) {
	e.object("format")
	e.str("type", string(f.Kind))
	if f.Kind == chat.FormatSchema {
		name := f.Name
		if name == "" {
			name = "answer"
		}
		e.str("name", name)
		e.opt("description", f.Description)
		schema := f.Schema
		if len(schema) == 0 {
			schema = chat.Raw(`{}`)
		}
		e.raw("schema", string(schema))
		if f.Strict != nil {
			e.bool("strict", *f.Strict)
		}
	}
	e.own(e.losses.Own("format", f.Extra))
	e.close('}')
}

// thinking writes how much to reason. A summary is asked for only where the
// caller did: vendors give it to accounts they have verified.
func (e *encoder) thinking(t *chat.Thinking) {
	if t == nil {
		return
	}
	effort, summary := t.Effort, t.Summary
	if effort == "" {
		effort = e.effort(t)
	} else if t.Budget != "" {
		e.losses.Drop("thinking.budget")
	}
	switch {
	case summary != "":
	case t.Show != nil && *t.Show:
		summary = "auto"
		e.losses.Approximate("thinking.show")
	case t.Display == "summarized":
		summary = "auto"
	}
	own := e.losses.Own("thinking", t.Extra)
	if effort == "" && summary == "" && len(own) == 0 {
		return
	}
	e.object("reasoning")
	e.opt("effort", effort)
	e.opt("summary", summary)
	e.own(own)
	e.close('}')
}

// effort gives the effort that stands for what another dialect says.
func (e *encoder) effort(t *chat.Thinking) string {
	switch {
	case t.Mode == chat.ThinkingOff && e.to.Reasoning == "":
		e.losses.Drop("thinking.mode") // a model that does not reason would refuse to be told not to
		return ""
	case t.Mode == chat.ThinkingOff:
		return "none"
	case t.Budget != "":
		n, ok := t.Budget.Int()
		if !ok || n < 0 {
			e.losses.Drop("thinking.budget")
			return ""
		}
		e.losses.Approximate("thinking.budget")
		return chat.EffortOf(n)
	case t.Mode == chat.ThinkingAdaptive:
		e.losses.Approximate("thinking.mode")
		return "high"
	case t.Mode == chat.ThinkingOn:
		e.losses.Approximate("thinking.mode")
		return "medium"
	}
	return ""
}

// sampling writes how tokens are chosen.
func (e *encoder) sampling(s *chat.Sampling) error {
	if n, ok := s.MaxTokens.Int(); ok && n < minOutputTokens {
		e.losses.Clamp("sampling.max_tokens")
		e.int("max_output_tokens", minOutputTokens)
	} else {
		e.number("max_output_tokens", s.MaxTokens)
	}
	e.number("temperature", s.Temperature)
	e.number("top_p", s.TopP)
	e.number("top_logprobs", s.TopLogprobs)
	for _, drop := range []struct {
		said bool
		path string
	}{
		{s.TopK != "", "sampling.top_k"}, {s.FrequencyPenalty != "", "sampling.frequency_penalty"}, {s.PresencePenalty != "", "sampling.presence_penalty"},
		{s.Seed != "", "sampling.seed"}, {len(s.LogitBias) > 0, "sampling.logit_bias"},
	} {
		if drop.said {
			e.losses.Drop(drop.path)
		}
	}
	if len(s.Stop) > 0 {
		if err := e.losses.Refuse("sampling.stop", "has no stop sequences"); err != nil {
			return err
		}
	}
	if n, ok := s.N.Int(); s.N != "" && (!ok || n != 1) {
		return e.losses.Refuse("sampling.n", "gives one answer")
	}
	return nil
}

// tiers are the words of service_tier (ServiceTierResponses).
var tiers = []string{"auto", "default", "flex", "scale", "priority", "fast", "ultrafast"}

// identity writes who asks, and what is asked of the vendor's cache and service.
func (e *encoder) identity(r *chat.Request) error {
	e.opt("user", r.User)
	e.opt("safety_identifier", r.SafetyID)
	if r.Metadata != nil {
		e.metadata(r.Metadata, slices.Sorted(maps.Keys(r.Metadata)))
	}
	if slices.Contains(tiers, r.Tier) {
		e.str("service_tier", r.Tier)
	} else if r.Tier != "" {
		e.losses.Drop("service_tier")
	}
	if r.Cache.Auto != nil {
		e.losses.Drop("caching.auto")
	}
	e.opt("prompt_cache_key", r.Cache.Key)
	e.opt("prompt_cache_retention", r.Cache.Retention)
	for _, m := range r.Modes {
		if m != "text" {
			if err := e.losses.Refuse("modalities", "answers in text alone"); err != nil {
				return err
			}
		}
	}
	if r.Cache.Resource != "" {
		return e.losses.Refuse("caching.resource", "has no prompts kept in a cache by name")
	}
	return nil
}

// include writes what the reply is to hold besides. Where the vendor keeps
// nothing, reasoning must come encrypted, or a later turn is refused.
func (e *encoder) include(r *chat.Request, store bool) {
	var words []string
	if kept := r.Extra.Get(own, "include"); kept != nil {
		if err := json.Unmarshal(kept, &words); err != nil {
			words = nil // what Decode kept is a list of strings
		}
	}
	if t := r.Thinking; t != nil && t.Sealed != nil && *t.Sealed || !store && (reasons(t) || e.to.Reasoning != "") {
		words = append(words, sealedReasoning)
	}
	if r.Sampling.Logprobs != nil && *r.Sampling.Logprobs {
		words = append(words, logprobsWord)
	}
	if len(words) == 0 {
		return
	}
	e.array("include")
	for _, word := range words {
		e.next()
		e.quoted(word)
	}
	e.close(']')
}

// logprobsWord is the word of include that asks for log probabilities.
const logprobsWord = "message.output_text.logprobs"

// reasons reports whether the model is asked to reason.
func reasons(t *chat.Thinking) bool {
	return t != nil && t.Mode != chat.ThinkingOff && t.Effort != "none" && (t.Mode != "" || t.Effort != "" || t.Budget != "" || t.Summary != "")
}

// CountReply implements [dialects.CountClient].
func (Client) CountReply(body []byte, _ *wire.Scanner) (*chat.Usage, error) {
	var doc struct {
		Input *int64 `json:"input_tokens"`
	}
	if err := json.Unmarshal(body, &doc, lenient); err != nil || doc.Input == nil {
		return nil, fault.New(fault.UpstreamError, "The vendor's count of tokens cannot be read.").Because(err)
	}
	return &chat.Usage{Input: count(*doc.Input)}, nil
}
