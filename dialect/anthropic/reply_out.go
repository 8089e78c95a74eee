package anthropic

import (
	"slices"

	"bulkhead/chat"

	dialects "bulkhead/dialect"
)

// Reply implements [dialects.Server].
func (Server) Reply(dst []byte, r *chat.Reply, a *dialects.Answering) ([]byte, error) {
	w := writer{}
	w.open('{')
	w.head(headOf(r), a)
	w.name("content")
	w.open('[')
	ending := chat.Ending{}
	if len(r.Choices) > 0 {
		ending = r.Choices[0].Ending
		for i := range r.Choices[0].Parts {
			w.block(&r.Choices[0].Parts[i], a.Loss)
		}
	}
	w.close(']')
	if len(r.Choices) > 1 {
		lost(a.Loss, (*chat.Losses).Drop, "choices")
	}
	refused := len(r.Choices) > 0 && slices.ContainsFunc(r.Choices[0].Parts, func(p chat.Part) bool { return p.Content.Kind() == chat.KindRefusal })
	w.ending(&ending, refused, a.Loss)
	for _, f := range append(slices.Clip(keepOwn(a.Loss, "", r.Extra)), keepOwn(a.Loss, "choices[].ending", ending.Extra)...) {
		w.foreign(f.Name)
		w.raw(f.Value)
	}
	w.name("usage")
	w.usage(r.Usage, r.Tier, a.Loss)
	w.close('}')
	return append(dst, w.b...), nil
}

// CountReply implements [dialects.CountServer].
func (Server) CountReply(dst []byte, u *chat.Usage, a *dialects.Answering) ([]byte, error) {
	w := writer{}
	w.open('{')
	w.name("input_tokens")
	if u == nil {
		w.raw(jsonNull)
	} else {
		w.int(u.Prompt())
	}
	if u != nil {
		w.extras(u.Extra)
	}
	w.close('}')
	return append(dst, w.b...), nil
}

var jsonNull = []byte("null")

// headOf is what is known of a reply before its content.
func headOf(r *chat.Reply) *chat.Head {
	return &chat.Head{ID: r.ID, Model: r.Model}
}

// head writes the members with which a message begins.
func (w *writer) head(h *chat.Head, a *dialects.Answering) {
	id, model := h.ID, h.Model
	if id == "" {
		id = "msg_" + string(a.Call)
	}
	if model == "" {
		model = a.Model
	}
	w.name("id")
	w.text(id)
	w.name("type")
	w.text("message")
	w.name("role")
	w.text("assistant")
	w.name("model")
	w.text(model)
}

// lost names a loss where somebody listens.
func lost(l *chat.Losses, how func(*chat.Losses, string), path string) {
	if l != nil {
		how(l, path)
	}
}

// keepOwn gives the fields of this dialect and names the others as lost.
func keepOwn(l *chat.Losses, path string, x chat.Extra) chat.Extra {
	if l == nil {
		return x.Of(name)
	}
	for _, f := range x {
		if f.Dialect != name {
			l.Drop(join(path, f.Name))
		}
	}
	return x.Of(name)
}

func join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}

// Paths of losses in replies.
const (
	partPath  = "choices[].parts[]"
	statePath = partPath + ".state"
)

// block writes a part of a reply as the blocks that it is, of which there may be none.
func (w *writer) block(p *chat.Part, l *chat.Losses) {
	keepOwn(l, partPath, p.Extra)
	switch x := p.Content.(type) {
	case chat.Text:
		if x.Text == "" && len(x.Citations) == 0 {
			break // an empty block is refused when it is sent back
		}
		w.textBlock(x.Text, x.Citations, p.Extra)
		if len(x.Logprobs) > 0 {
			lost(l, (*chat.Losses).Drop, partPath+".logprobs")
		}
	case chat.Refusal:
		lost(l, (*chat.Losses).Approximate, partPath+".refusal")
		if x.Text != "" {
			w.textBlock(x.Text, nil, p.Extra)
		}
	case chat.Reasoning:
		w.reasoning(p, x, l)
		return
	case chat.ToolCall:
		w.call(&x, chat.FitID(x.ID), p.Extra, nil, func() { lost(l, (*chat.Losses).Approximate, partPath+".arguments") })
	case chat.Native:
		if x.Dialect != name {
			lost(l, (*chat.Losses).Drop, partPath+"."+x.Type)
			return
		}
		w.raw(x.Value)
	default:
		lost(l, (*chat.Losses).Drop, partPath+"."+string(p.Content.Kind()))
	}
	if p.State != nil {
		lost(l, (*chat.Losses).Drop, statePath)
	}
}

func (w *writer) textBlock(text string, citations []chat.Citation, x chat.Extra) {
	w.open('{')
	w.name("type")
	w.text("text")
	w.name("text")
	w.text(text)
	if len(citations) > 0 {
		w.name("citations")
		w.open('[')
		for i := range citations {
			w.cite(&citations[i])
		}
		w.close(']')
	}
	w.extras(x)
	w.close('}')
}

// reasoning writes a thinking block, a redacted one, or both.
func (w *writer) reasoning(p *chat.Part, x chat.Reasoning, l *chat.Losses) {
	signature, redacted := sealOf(p, l)
	if x.Text != "" || signature != "" {
		w.open('{')
		w.name("type")
		w.text("thinking")
		w.name("thinking")
		w.text(x.Text)
		w.name("signature")
		w.text(signature)
		w.extras(p.Extra)
		w.close('}')
	}
	if redacted != "" {
		w.redacted(redacted)
	}
}

func (w *writer) redacted(data string) {
	w.open('{')
	w.name("type")
	w.text("redacted_thinking")
	w.name("data")
	w.text(data)
	w.close('}')
}

// sealOf gives the state of reasoning as a caller of this dialect carries it:
// in a signature, or as redacted data.
func sealOf(p *chat.Part, l *chat.Losses) (signature, redacted string) {
	if p.State == nil {
		return "", ""
	}
	switch p.State.Kind {
	case chat.SignedText:
		return p.State.Blob, ""
	case chat.Redacted:
		return "", p.State.Blob
	case chat.Encrypted:
		return seal(p), ""
	}
	lost(l, (*chat.Losses).Drop, statePath)
	return "", ""
}

// call writes a tool_use block. odd is called when the arguments are no object.
func (w *writer) call(c *chat.ToolCall, id string, x chat.Extra, cache *chat.CacheMark, odd func()) {
	input, fit := c.Object()
	if fit == chat.Wrapped || fit == chat.Broken {
		odd()
	}
	w.open('{')
	w.name("type")
	w.text("tool_use")
	w.name("id")
	w.text(id)
	w.name("name")
	w.text(c.Name)
	w.name("input")
	w.raw(input)
	w.mark(cache, x)
	w.extras(x)
	w.close('}')
}

// stops are the words for why a reply ends.
var stops = map[chat.Reason]string{
	chat.ReasonStop: "end_turn", chat.ReasonSequence: "stop_sequence", chat.ReasonLength: "max_tokens", chat.ReasonContext: "model_context_window_exceeded",
	chat.ReasonTool: "tool_use", chat.ReasonFilter: "refusal", chat.ReasonRefusal: "refusal", chat.ReasonPause: "pause_turn", chat.ReasonBroken: "end_turn",
}

// said is the word for an ending: the vendor's own where it is of this dialect.
func said(e *chat.Ending, l *chat.Losses) string {
	word, ok := stops[e.Reason]
	if reasonOf(e.Said) == e.Reason && e.Said != "" {
		return e.Said
	}
	if e.Reason == chat.ReasonFilter || e.Reason == chat.ReasonBroken {
		lost(l, (*chat.Losses).Approximate, "choices[].ending.reason")
	}
	if !ok {
		word = "end_turn"
	}
	return word
}

// reasonOf gives the reason that a word of this dialect is; empty if it is none.
func reasonOf(word string) chat.Reason {
	switch word {
	case "end_turn":
		return chat.ReasonStop
	case "stop_sequence":
		return chat.ReasonSequence
	case "max_tokens":
		return chat.ReasonLength
	case "model_context_window_exceeded":
		return chat.ReasonContext
	case "tool_use":
		return chat.ReasonTool
	case "refusal":
		return chat.ReasonRefusal
	case "pause_turn", "compaction":
		return chat.ReasonPause
	}
	return ""
}

// ending writes stop_reason and stop_sequence. Dialects with a place for
// refusals say that such a reply just stopped.
func (w *writer) ending(e *chat.Ending, refused bool, l *chat.Losses) {
	w.name("stop_reason")
	if refused && e.Reason == chat.ReasonStop {
		w.text(stops[chat.ReasonRefusal])
	} else {
		w.text(said(e, l))
	}
	w.name("stop_sequence")
	w.orNull(e.Sequence)
}

// usage writes the counts; what is not known is null and never zero.
func (w *writer) usage(u *chat.Usage, tier string, l *chat.Losses) {
	w.open('{')
	if u == nil {
		w.name("input_tokens")
		w.raw(jsonNull)
		w.name("output_tokens")
		w.raw(jsonNull)
	} else {
		w.counts(u)
		for _, f := range keepOwn(l, "usage", u.Extra) {
			w.foreign(f.Name)
			w.raw(f.Value)
		}
	}
	if tier != "" {
		w.name("service_tier")
		w.text(tierWord(tier))
	}
	w.close('}')
}

// counts writes the counters. What hosted tools of other vendors put into the
// prompt counts as input.
func (w *writer) counts(u *chat.Usage) {
	w.name("input_tokens")
	w.int(u.Input + u.ToolPrompt)
	w.name("cache_creation_input_tokens")
	w.int(u.CacheWrite())
	w.name("cache_read_input_tokens")
	w.int(u.CacheRead)
	w.name("cache_creation")
	w.open('{')
	w.name("ephemeral_5m_input_tokens")
	w.int(u.CacheWrite5m)
	w.name("ephemeral_1h_input_tokens")
	w.int(u.CacheWrite1h)
	w.close('}')
	w.name("output_tokens")
	w.int(u.Output)
	if u.Reasoning > 0 {
		w.name("output_tokens_details")
		w.open('{')
		w.name("thinking_tokens")
		w.int(u.Reasoning)
		w.close('}')
	}
}

// tierWord is this dialect's word for the tier that served a call.
func tierWord(tier string) string {
	if tier == tierDefault {
		return "standard"
	}
	return tier
}
