package gemini

import (
	"maps"
	"math"
	"slices"
	"strings"

	"bulkhead/chat"
)

// options writes what is asked of the answer.
func (e *encoder) options() {
	e.choice()
	e.config()
	r := e.r
	e.member("cachedContent", r.Cache.Resource)
	e.labels()
	e.tier()
	if r.Store != nil {
		switch {
		case !vertex(e.to):
			e.key("store").boolean(*r.Store && e.to.Store)
		case *r.Store:
			e.l.Drop("store")
		}
	}
	for _, f := range []struct {
		path   string
		stated bool
	}{
		{"parallel_tools", r.Parallel != nil && !*r.Parallel}, {"sampling.logit_bias", r.Sampling.LogitBias != nil}, {"caching.auto", r.Cache.Auto != nil},
		{"caching.key", r.Cache.Key != ""}, {"caching.retention", r.Cache.Retention != ""}, {"verbosity", r.Verbosity != ""},
		{"user", r.User != ""}, {"safety_id", r.SafetyID != ""},
	} {
		if f.stated {
			e.l.Drop(f.path)
		}
	}
	for _, f := range e.l.Own("", r.Extra) {
		if !strings.Contains(f.Name, ".") {
			e.key(f.Name).raw(f.Value)
		}
	}
}

// under writes the request's own fields whose path lies in an object.
func (e *encoder) under(prefix string) {
	for _, f := range e.r.Extra.Of(name) {
		if rest, ok := strings.CutPrefix(f.Name, prefix); ok && !strings.Contains(rest, ".") {
			e.key(rest).raw(f.Value)
		}
	}
}

// shut closes an object that began at from with its name at at, or takes it
// back if it is empty.
func (e *encoder) shut(at, from int) {
	if len(e.b) == from {
		e.b = e.b[:at]
		return
	}
	e.close('}')
}

func (e *encoder) choice() {
	at := len(e.b)
	e.key("toolConfig").open('{')
	from := len(e.b)
	inner := len(e.b)
	e.key("functionCallingConfig").open('{')
	innerFrom := len(e.b)
	e.mode()
	e.under("toolConfig.functionCallingConfig.")
	e.shut(inner, innerFrom)
	e.under("toolConfig.")
	e.shut(at, from)
}

// mode writes how the model is to choose. Tools that are strict, and a subset
// of which none need be called, ask for VALIDATED, which holds arguments to
// their schemas.
func (e *encoder) mode() {
	c := e.r.Choice
	strict := slices.ContainsFunc(e.r.Tools, func(t chat.Tool) bool { return t.Kind == chat.Function && t.Strict != nil && *t.Strict })
	if strict {
		e.l.Approximate("tools[].strict")
	}
	if c == nil {
		if strict {
			e.key("mode").text("VALIDATED")
		}
		return
	}
	own := e.l.Own("tool_choice", c.Extra)
	names := c.Names
	switch c.Mode {
	case chat.ChoiceNone:
		e.key("mode").text("NONE")
		names = nil
	case chat.ChoiceAny, chat.ChoiceOne:
		e.key("mode").text("ANY")
	default:
		switch {
		case own.Get(name, "mode") != nil:
			e.key("mode").raw(own.Get(name, "mode"))
		case len(names) > 0:
			e.l.Approximate("tool_choice.mode")
			e.key("mode").text("VALIDATED")
		case strict:
			e.key("mode").text("VALIDATED")
		default:
			e.key("mode").text("AUTO")
		}
	}
	if len(names) > 0 {
		e.key("allowedFunctionNames").open('[')
		for _, n := range names {
			e.text(n)
		}
		e.close(']')
	}
}

// maxStops is how many stop sequences the vendor takes.
const maxStops = 5

func (e *encoder) config() {
	at := len(e.b)
	e.key("generationConfig").open('{')
	from := len(e.b)
	s := &e.r.Sampling
	e.number("candidateCount", s.N)
	e.number("maxOutputTokens", s.MaxTokens)
	e.number("temperature", s.Temperature)
	e.number("topP", s.TopP)
	e.number("topK", s.TopK)
	if n, whole := s.Seed.Int(); whole && n >= math.MinInt32 && n <= math.MaxInt32 {
		e.number("seed", s.Seed)
	} else if s.Seed != "" {
		e.l.Drop("sampling.seed")
	}
	e.number("presencePenalty", s.PresencePenalty)
	e.number("frequencyPenalty", s.FrequencyPenalty)
	if len(s.Stop) > maxStops && !e.refuse("sampling.stop", "takes at most five stop sequences") {
		return
	}
	if n := min(len(s.Stop), maxStops); n > 0 {
		e.key("stopSequences").open('[')
		for _, stop := range s.Stop[:n] {
			e.text(stop)
		}
		e.close(']')
	}
	if s.Logprobs != nil {
		e.key("responseLogprobs").boolean(*s.Logprobs)
	}
	if s.TopLogprobs != "0" {
		e.number("logprobs", s.TopLogprobs)
	}
	e.modes()
	e.format()
	e.thinking()
	e.under("generationConfig.")
	e.shut(at, from)
}

func (e *encoder) modes() {
	if len(e.r.Modes) == 0 {
		return
	}
	e.key("responseModalities").open('[')
	for _, m := range e.r.Modes {
		switch m {
		case "text", "image", "audio", "modality_unspecified":
			e.text(strings.ToUpper(m))
		default:
			e.refuse("modalities", "does not answer in that way")
		}
	}
	e.close(']')
}

func (e *encoder) format() {
	f := e.r.Format
	if f == nil {
		return
	}
	if f.Name != "" {
		e.l.Drop("format.name")
	}
	if f.Description != "" {
		e.l.Drop("format.description")
	}
	own := e.l.Own("format", f.Extra)
	mime := "application/json"
	if f.Kind == chat.FormatText {
		mime = "text/plain"
	}
	if m := own.Get(name, "responseMimeType"); m != nil {
		e.key("responseMimeType").raw(m)
	} else {
		e.key("responseMimeType").text(mime)
	}
	if f.Kind == chat.FormatSchema && f.Schema != nil {
		e.key("responseJsonSchema").raw(f.Schema)
	}
}

// thinking writes how much the model is to reason: in levels to Gemini 3 and
// later, which cannot be told not to, and in tokens to 2.5.
func (e *encoder) thinking() {
	t := e.r.Thinking
	if t == nil {
		return
	}
	at := len(e.b)
	e.key("thinkingConfig").open('{')
	from := len(e.b)
	show := t.Show
	switch {
	case show != nil:
	case t.Summary != "":
		e.l.Approximate("thinking.summary")
		show = new(true)
	case t.Display == "summarized":
		show = new(true)
	case t.Display == "omitted":
		show = new(false)
	}
	if show != nil {
		e.key("includeThoughts").boolean(*show)
	}
	off := t.Mode == chat.ThinkingOff || t.Effort == "none"
	budget, whole := t.Budget.Int()
	switch {
	case levels(e.to) && off:
		e.l.Approximate("thinking.mode")
		e.key("thinkingLevel").text("MINIMAL")
	case off:
		e.key("thinkingBudget").integer(0)
	case whole && (t.Effort == "" || !levels(e.to)): // both at once are an error
		if t.Effort != "" {
			e.l.Drop("thinking.effort")
		}
		e.key("thinkingBudget").integer(budget)
	case t.Effort != "":
		if whole {
			e.l.Drop("thinking.budget")
		}
		e.effort(t.Effort)
	case t.Mode == chat.ThinkingAdaptive && !levels(e.to):
		e.key("thinkingBudget").integer(-1)
	case t.Mode == chat.ThinkingOn && !levels(e.to):
		e.key("thinkingBudget").integer(-1)
	}
	e.own(e.l.Own("thinking", t.Extra))
	e.shut(at, from)
}

func (e *encoder) effort(effort string) {
	if !levels(e.to) {
		tokens, known := chat.BudgetOf(effort)
		e.l.Approximate("thinking.effort")
		if known {
			e.key("thinkingBudget").integer(tokens)
		}
		return
	}
	switch effort {
	case "minimal", "low", "medium", "high":
		e.key("thinkingLevel").text(strings.ToUpper(effort))
	case "xhigh", "max":
		e.l.Approximate("thinking.effort")
		e.key("thinkingLevel").text("HIGH")
	default:
		e.l.Drop("thinking.effort")
	}
}

// labels writes metadata where they have a place: Vertex's labels, whose keys
// and values are short and in lower case
// (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/add-labels-to-api-calls, 2026).
func (e *encoder) labels() {
	if len(e.r.Metadata) == 0 {
		return
	}
	if !vertex(e.to) {
		e.l.Drop("metadata")
		return
	}
	at := len(e.b)
	e.key("labels").open('{')
	from := len(e.b)
	for _, k := range slices.Sorted(maps.Keys(e.r.Metadata)) {
		v := e.r.Metadata[k]
		if !label(k) || k == "" || !label(v) {
			e.l.Drop("metadata")
			continue
		}
		e.key(k).text(v)
	}
	e.shut(at, from)
}

func label(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return len(s) <= 63
}

func (e *encoder) tier() {
	switch e.r.Tier {
	case "", "auto":
	case "default", "standard":
		e.key("serviceTier").text("standard")
	case "standard_only":
		e.l.Approximate("service_tier")
		e.key("serviceTier").text("standard")
	case "flex", "priority":
		e.key("serviceTier").text(e.r.Tier)
	default:
		e.l.Drop("service_tier")
	}
}
