package openai

import (
	"strings"
	"unicode/utf8"

	"bulkhead/chat"
	"bulkhead/fault"

	dialects "bulkhead/dialect"
)

// losses of an answer; a record that nobody asked for is kept and thrown away.
func lossesOf(a *dialects.Answering) *chat.Losses {
	if a.Loss != nil {
		return a.Loss
	}
	return chat.NewLosses(own, nil, nil)
}

// Reply writes a chat completion.
func (Server) Reply(dst []byte, r *chat.Reply, a *dialects.Answering) ([]byte, error) {
	l := lossesOf(a)
	w := writer{dst}
	w.b = append(w.b, '{')
	w.head(r.ID, "chat.completion", r.Created, r.Model, a)
	w.array("choices")
	for i := range r.Choices {
		if err := w.choice(i, &r.Choices[i], a, l); err != nil {
			return dst, err
		}
	}
	w.close(']')
	if r.Usage != nil {
		l.Own("usage", r.Usage.Extra)
		w.usage(r.Usage)
	}
	w.said("service_tier", r.Tier)
	w.said("system_fingerprint", r.Fingerprint)
	w.extra(l.Own("", r.Extra), "")
	w.close('}')
	return w.b, nil
}

// head writes what a reply or chunk is.
func (w *writer) head(id, object string, created int64, model string, a *dialects.Answering) {
	if id == "" {
		id = "chatcmpl-" + string(a.Call)
	}
	if model == "" {
		model = a.Model
	}
	if created == 0 && !a.Created.IsZero() {
		created = a.Created.Unix()
	}
	w.str("id", id)
	w.str("object", object)
	w.int("created", created)
	w.str("model", model)
}

// choiceOut is what a choice's parts come to in a message, which has one place
// for each kind.
type choiceOut struct {
	text, refusal, reasoning strings.Builder
	said, declined           []chat.Logprob
	cites                    []chat.Citation
	calls                    []*chat.Part
	spoken                   *chat.Part
	runes                    int64 // of the text so far
}

func (w *writer) choice(index int, c *chat.Choice, a *dialects.Answering, l *chat.Losses) error {
	m := gather(c.Parts, l)
	w.open('{')
	w.int("index", int64(index))
	w.object("message")
	w.str("role", "assistant")
	if m.text.Len() > 0 {
		w.str("content", m.text.String())
	} else {
		w.null("content")
	}
	w.said("reasoning_content", m.reasoning.String())
	if m.refusal.Len() > 0 {
		w.str("refusal", m.refusal.String())
	} else {
		w.null("refusal")
	}
	if len(m.calls) > 0 {
		w.array("tool_calls")
		for _, p := range m.calls {
			w.toolCall(p, p.Content.(chat.ToolCall).ID)
		}
		w.close(']')
	}
	w.annotations(m.cites)
	if m.spoken != nil {
		w.sound(m.spoken, a)
	}
	mine := l.Own("choices[].ending", c.Ending.Extra)
	w.extra(mine, "message.")
	w.close('}')
	w.logprobs(m.said, m.declined)
	word, err := finishOf(&c.Ending, m.refusal.Len() > 0, l)
	if err != nil {
		return err
	}
	w.str("finish_reason", word)
	w.extra(mine, "")
	w.close('}')
	return nil
}

// gather puts parts where a message has them, and names what it has no place for.
func gather(parts []chat.Part, l *chat.Losses) *choiceOut {
	m := &choiceOut{}
	for i := range parts {
		p := &parts[i]
		_, call := p.Content.(chat.ToolCall)
		if p.State != nil && !(call && p.State.Kind == chat.ThoughtSig) {
			l.Drop("choices[].parts[].state")
		}
		if x, is := p.Content.(chat.Media); !is || x.Medium != chat.Audio {
			l.Own("choices[].parts[]", p.Extra)
		}
		switch x := p.Content.(type) {
		case chat.Text:
			if len(m.calls) > 0 && x.Text != "" {
				l.Approximate("choices[].parts")
			}
			m.cites = m.cite(m.cites, &x, l)
			m.text.WriteString(x.Text)
			m.runes += int64(utf8.RuneCountInString(x.Text))
			m.said = append(m.said, x.Logprobs...)
		case chat.Refusal:
			m.refusal.WriteString(x.Text)
			m.declined = append(m.declined, x.Logprobs...)
		case chat.Reasoning:
			if m.reasoning.Len() > 0 && x.Text != "" {
				m.reasoning.WriteString("\n\n")
			}
			m.reasoning.WriteString(x.Text)
		case chat.ToolCall:
			m.calls = append(m.calls, p)
		case chat.Media:
			if x.Medium == chat.Audio && m.spoken == nil {
				m.spoken = p
			} else {
				l.Drop("choices[].parts[].data")
			}
		case chat.Native:
			l.Drop("choices[].parts[].native")
		}
	}
	return m
}

// cite keeps the citations that the dialect has: addresses, with their place
// in the whole text.
func (m *choiceOut) cite(out []chat.Citation, x *chat.Text, l *chat.Losses) []chat.Citation {
	for _, c := range x.Citations {
		if !citable(&c) {
			l.Drop("choices[].parts[].citations")
			continue
		}
		span := chat.Range{Start: 0, End: int64(utf8.RuneCountInString(x.Text))}
		if c.Span != nil {
			span = *c.Span
		}
		c.Span = &chat.Range{Start: m.runes + span.Start, End: m.runes + span.End}
		out = append(out, c)
	}
	return out
}

// citable reports whether an annotation can say the citation.
func citable(c *chat.Citation) bool {
	return c.Kind == chat.CiteURL || c.Native != nil && c.Native.Dialect == own
}

func (w *writer) annotations(list []chat.Citation) {
	if len(list) == 0 {
		return
	}
	w.array("annotations")
	for _, c := range list {
		if c.Kind != chat.CiteURL {
			w.raw(c.Native.Value)
			continue
		}
		w.open('{')
		w.str("type", "url_citation")
		w.object("url_citation")
		w.int("start_index", c.Span.Start)
		w.int("end_index", c.Span.End)
		w.str("url", c.URL)
		w.str("title", c.Title)
		w.close('}')
		w.close('}')
	}
	w.close(']')
}

// toolCall writes a call as a message has it. Arguments are never empty: an
// application would read them as JSON.
func (w *writer) toolCall(p *chat.Part, id string) {
	c := p.Content.(chat.ToolCall)
	w.open('{')
	w.str("id", id)
	if c.Custom {
		w.str("type", "custom")
		w.object("custom")
		w.str("name", c.Name)
		w.str("input", c.Arguments)
		w.extra(p.Extra, "custom.")
	} else {
		w.str("type", "function")
		w.object("function")
		w.str("name", c.Name)
		w.str("arguments", argumentsOf(c.Arguments))
		w.extra(p.Extra, "function.")
	}
	w.close('}')
	if p.State != nil && p.State.Kind == chat.ThoughtSig {
		w.signature(p.State.Blob)
	}
	w.extra(p.Extra, "")
	w.close('}')
}

func argumentsOf(text string) string {
	if strings.TrimSpace(text) == "" {
		return "{}"
	}
	return text
}

// signature writes Google's extension of a call.
func (w *writer) signature(blob string) {
	w.object("extra_content")
	w.object("google")
	w.str("thought_signature", blob)
	w.close('}')
	w.close('}')
}

// sound writes a spoken reply.
func (w *writer) sound(p *chat.Part, a *dialects.Answering) {
	x := p.Content.(chat.Media)
	w.object("audio")
	id := p.Item
	if id == "" {
		id = "audio_" + string(a.Call)
	}
	w.str("id", id)
	w.str("data", x.Data)
	w.str("transcript", x.Transcript)
	if p.Extra.Get(own, "expires_at") == nil {
		w.int("expires_at", 0) // nothing is kept under the id
	}
	w.extra(p.Extra, "")
	w.close('}')
}

// finishOf gives the finish reason for the hub's. Output that the vendor calls
// malformed is an error: every finish reason would present it as whole.
func finishOf(e *chat.Ending, refused bool, l *chat.Losses) (string, error) {
	switch e.Reason {
	case chat.ReasonLength:
		return "length", nil
	case chat.ReasonContext:
		l.Approximate("choices[].ending.reason")
		return "length", nil
	case chat.ReasonTool:
		return "tool_calls", nil
	case chat.ReasonFilter:
		return "content_filter", nil
	case chat.ReasonRefusal:
		if !refused {
			return "content_filter", nil
		}
	case chat.ReasonSequence:
		l.Drop("choices[].ending.stop_sequence")
	case chat.ReasonPause:
		l.Approximate("choices[].ending.reason")
	case chat.ReasonBroken:
		return "", fault.New(fault.UpstreamError, "The model's output was malformed, as its vendor says; ask again.")
	}
	return "stop", nil
}
