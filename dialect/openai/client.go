package openai

import (
	"net/http"
	"slices"

	"bulkhead/call"
	"bulkhead/chat"

	dialects "bulkhead/dialect"
)

// Client is the vendor's side of the hub: requests out, replies in.
type Client struct{}

var (
	_ dialects.Client          = Client{}
	_ dialects.EmbeddingClient = Client{}
)

// Stream gives a decoder of a streamed reply.
func (Client) Stream(to *dialects.Upstream) dialects.StreamDecoder {
	return &streamDecoder{family: to.Family}
}

// Encode writes a chat completion.
func (Client) Encode(r *chat.Request, to *dialects.Upstream, l *chat.Losses) (*dialects.Outbound, error) {
	e := encoder{r: r, to: to, l: l}
	e.w.b = make([]byte, 0, e.size())
	e.w.open('{')
	if !byURL(to.Surface) {
		e.w.str("model", to.Model)
	}
	for _, write := range []func() error{e.messages, e.tools, e.format, e.thinking, e.sampling, e.settings} {
		if err := write(); err != nil {
			return nil, err
		}
	}
	e.own()
	e.w.close('}')
	return &dialects.Outbound{Method: http.MethodPost, Path: path(to, call.Chat), Body: e.w.b}, nil
}

// encoder writes one request.
type encoder struct {
	w  writer
	r  *chat.Request
	to *dialects.Upstream
	l  *chat.Losses

	toolsWritten bool
}

// size guesses how long the body becomes, so that it is seldom copied.
func (e *encoder) size() int {
	n := 512
	for i := range e.r.Messages {
		for k := range e.r.Messages[i].Parts {
			switch x := e.r.Messages[i].Parts[k].Content.(type) {
			case chat.Text:
				n += len(x.Text) + len(x.Text)/8
			case chat.Media:
				n += len(x.Data)
			case chat.ToolCall:
				n += 2*len(x.Arguments) + 64
			case chat.ToolResult:
				text, _ := chat.Plain(x.Parts)
				n += len(text) + len(text)/8
			}
			n += 64
		}
	}
	for i := range e.r.Tools {
		n += len(e.r.Tools[i].Schema) + len(e.r.Tools[i].Description) + 96
	}
	return n
}

// thinking says how much to reason. The dialect has efforts alone, and never
// shows what was thought.
func (e *encoder) thinking() error {
	t := e.r.Thinking
	if t == nil {
		return nil
	}
	effort := t.Effort
	switch budget, stated := t.Budget.Int(); {
	case effort != "":
		if t.Budget != "" {
			e.l.Drop("thinking.budget")
		}
	case t.Mode == chat.ThinkingOff:
		if e.to.Reasoning == "effort" {
			effort = "none"
		} else {
			e.l.Drop("thinking.mode")
		}
	case stated && budget >= 0:
		effort = chat.EffortOf(budget)
		e.l.Approximate("thinking.budget")
	case t.Mode == chat.ThinkingAdaptive:
		effort = "high" // what it is where it is not stated (Anthropic API, effort, 2026)
		e.l.Approximate("thinking.mode")
	case t.Mode == chat.ThinkingOn || t.Budget != "":
		e.l.Approximate("thinking.mode") // the model's own default
	}
	e.w.said("reasoning_effort", effort)
	if t.Summary != "" {
		e.l.Drop("thinking.summary")
	}
	if t.Display == "summarized" {
		e.l.Drop("thinking.display")
	}
	if t.Show != nil && *t.Show {
		e.l.Drop("thinking.show")
	}
	if t.Sealed != nil && *t.Sealed {
		e.l.Drop("thinking.sealed")
	}
	e.l.Own("thinking", t.Extra)
	return nil
}

// maxStops is how many stop sequences the API takes.
const maxStops = 4

func (e *encoder) sampling() error {
	p, w := &e.r.Sampling, &e.w
	w.number("max_completion_tokens", p.MaxTokens)
	w.number("temperature", p.Temperature)
	w.number("top_p", p.TopP)
	if p.TopK != "" {
		e.l.Drop("sampling.top_k")
	}
	w.number("frequency_penalty", p.FrequencyPenalty)
	w.number("presence_penalty", p.PresencePenalty)
	w.number("seed", p.Seed)
	w.number("n", p.N)
	switch {
	case len(p.Stop) > maxStops:
		if err := e.l.Refuse("sampling.stop", "takes four stop sequences at most"); err != nil {
			return err
		}
	case len(p.Stop) > 0:
		w.texts("stop", p.Stop)
	}
	if p.Logprobs != nil || p.TopLogprobs != "" {
		w.bool("logprobs", p.Logprobs == nil || *p.Logprobs)
	}
	w.number("top_logprobs", p.TopLogprobs)
	if len(p.LogitBias) > 0 {
		w.object("logit_bias")
		for _, token := range sorted(p.LogitBias) {
			w.number(token, p.LogitBias[token])
		}
		w.close('}')
	}
	return nil
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// tiers are the words of service_tier.
var tiers = map[string]string{"auto": "auto", "default": "default", "flex": "flex", "scale": "scale", "priority": "priority", "fast": "fast",
	"standard": "default", "standard_only": "default"}

// settings writes what does not steer the model itself.
func (e *encoder) settings() error {
	r, w := e.r, &e.w
	modes := r.Modes
	for _, mode := range r.Modes {
		if mode == "text" || mode == "audio" && r.Extra.Get(own, "audio") != nil {
			continue
		}
		if err := e.l.Refuse("modalities", "cannot answer in "+mode); err != nil {
			return err
		}
		modes = nil
	}
	if len(modes) > 0 {
		w.texts("modalities", modes)
	}
	if r.Stream {
		w.bool("stream", true)
	}
	w.said("user", r.User)
	e.newer("verbosity", "verbosity", r.Verbosity)
	e.newer("safety_identifier", "safety_id", r.SafetyID)
	e.newer("prompt_cache_key", "caching.key", r.Cache.Key)
	if r.Tier != "" {
		word := tiers[r.Tier]
		switch {
		case word == "":
			e.l.Drop("service_tier")
		case word != r.Tier:
			e.l.Approximate("service_tier")
		}
		e.newer("service_tier", "service_tier", word)
	}
	w.said("prompt_cache_retention", r.Cache.Retention)
	if r.Cache.Resource != "" {
		if err := e.l.Refuse("caching.resource", "has no prompts that the vendor keeps"); err != nil {
			return err
		}
	}
	return e.storing()
}

// newer writes a field that Azure's deployments surface lacks (2025-03-01-preview
// against v1 of 2026-07).
func (e *encoder) newer(name, path, value string) {
	if value == "" {
		return
	}
	if e.to.Surface == deployments {
		e.l.Drop(path)
		return
	}
	e.w.str(name, value)
}

// storing writes store, which is true only where the row grants it, and
// metadata, which the API takes only with it.
func (e *encoder) storing() error {
	store := e.r.Store != nil && *e.r.Store && e.to.Store
	if e.r.Store != nil {
		e.w.bool("store", store)
		if *e.r.Store != store {
			e.l.Drop("store")
		}
	}
	if len(e.r.Metadata) > 0 {
		if !store {
			e.l.Drop("metadata")
			return nil
		}
		e.w.object("metadata")
		for _, key := range sorted(e.r.Metadata) {
			e.w.str(key, e.r.Metadata[key])
		}
		e.w.close('}')
	}
	return nil
}

// own writes the caller's fields of this dialect, and stream_options.
func (e *encoder) own() {
	mine := e.l.Own("", e.r.Extra)
	e.w.extra(mine, "")
	const under = "stream_options."
	ask := e.r.Stream && e.to.AskUsage
	options := writer{}
	options.open('{')
	options.extra(mine, under)
	if ask {
		options.bool("include_usage", true)
	}
	options.close('}')
	if len(options.b) > 2 {
		e.w.value("stream_options", chat.Raw(options.b))
	}
}
