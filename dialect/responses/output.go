package responses

import (
	"strings"

	"bulkhead/chat"
)

// output writes a content part of what the assistant said, and names what it
// cannot say.
func (w *writer) output(p *chat.Part, l *chat.Losses, path string) {
	w.element()
	switch x := p.Content.(type) {
	case chat.Text:
		w.str("type", "output_text")
		w.array("annotations")
		for k := range x.Citations {
			if !w.citation(&x.Citations[k]) {
				l.Drop(path + ".citations")
			}
		}
		w.close(']')
		w.logprobs("logprobs", x.Logprobs, true)
		w.str("text", x.Text)
	case chat.Refusal:
		w.str("type", "refusal")
		w.str("refusal", x.Text)
		if len(x.Logprobs) > 0 {
			l.Drop(path + ".logprobs")
		}
	}
	w.ownWithin(within, p.Extra)
	w.close('}')
}

// call writes the members of a tool's call. A function's arguments are JSON
// text, so that none are an empty object.
func (w *writer) call(x chat.ToolCall, id string) {
	if x.Custom {
		w.str("type", "custom_tool_call")
		w.str("call_id", id)
		w.str("input", x.Arguments)
	} else {
		w.str("type", "function_call")
		w.str("arguments", arguments(x.Arguments))
		w.str("call_id", id)
	}
	w.str("name", x.Name)
}

func arguments(text string) string {
	if strings.TrimSpace(text) == "" {
		return "{}"
	}
	return text
}

// thoughts writes the texts of a reasoning item: summaries, and the reasoning
// itself where a vendor of the dialect showed it.
func (w *writer) thoughts(parts []chat.Part) {
	w.array("summary")
	inside := false
	for k := range parts {
		r, _ := parts[k].Content.(chat.Reasoning)
		switch {
		case contentOf(&parts[k]):
			inside = true
		case summaryOf(&parts[k]):
			w.element()
			w.str("type", "summary_text")
			w.str("text", r.Text)
			w.close('}')
		}
	}
	w.close(']')
	if !inside {
		return
	}
	w.array("content")
	for k := range parts {
		if contentOf(&parts[k]) {
			w.element()
			w.str("type", "reasoning_text")
			w.str("text", parts[k].Content.(chat.Reasoning).Text)
			w.close('}')
		}
	}
	w.close(']')
}

// contentOf reports whether reasoning goes into an item's content: that of the
// dialect's own vendors, whose items have ids, stands where it stood. That of
// others goes into the summary, which is what clients show and send back.
func contentOf(p *chat.Part) bool {
	r, _ := p.Content.(chat.Reasoning)
	return !r.Summary && p.Item != "" && r.Text != ""
}

// summaryOf reports whether reasoning is an entry of an item's summary.
func summaryOf(p *chat.Part) bool {
	r, _ := p.Content.(chat.Reasoning)
	return r.Summary && p.Item != "" || r.Text != "" && !contentOf(p)
}

// thought reports whether any of the parts has text.
func thought(parts []chat.Part) bool {
	for k := range parts {
		if r, _ := parts[k].Content.(chat.Reasoning); r.Text != "" {
			return true
		}
	}
	return false
}

// stateOf gives the state of an item's parts, nil if there is none.
func stateOf(parts []chat.Part) *chat.State {
	for k := len(parts) - 1; k >= 0; k-- {
		if parts[k].State != nil {
			return parts[k].State
		}
	}
	return nil
}
