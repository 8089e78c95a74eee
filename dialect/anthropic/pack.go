package anthropic

import "bulkhead/chat"

// Paths of losses in requests.
const (
	inPath     = "messages[].parts[]"
	resultPath = inPath + ".parts[]"
)

// onlyJSON asks for what this dialect has no option for.
const onlyJSON = "Answer with one JSON object and nothing else."

// system writes the instructions that lead.
func (p *packer) system(lead []chat.Part) {
	if f := p.r.Format; f != nil && f.Kind == chat.FormatObject {
		p.l.Approximate("format")
		lead = append(lead[:len(lead):len(lead)], chat.Say(onlyJSON))
	}
	w := &p.w
	begun := false
	for i := range lead {
		t, ok := lead[i].Content.(chat.Text)
		switch {
		case !ok:
			p.refuse("instructions[]", "takes instructions as text alone")
			continue
		case t.Text == "":
			continue
		}
		if !begun {
			begun = true
			w.name("system")
			w.open('[')
		}
		p.text(&lead[i], t, "instructions[]")
	}
	if begun {
		w.close(']')
	}
}

// messages writes the conversation: turns that alternate, results first.
func (p *packer) messages(messages []chat.Message) {
	w := &p.w
	w.name("messages")
	w.open('[')
	for _, m := range p.turns(messages) {
		p.message(&m)
	}
	w.close(']')
}

// turns puts instructions within the conversation where the API takes them:
// behind a user's turn, on models that know them; elsewhere they are said by
// the user, and named.
func (p *packer) turns(messages []chat.Message) []chat.Message {
	out := make([]chat.Message, 0, len(messages))
	for i, m := range messages {
		if m.Name != "" {
			p.l.Drop("messages[].name")
		}
		if m.Role == chat.Developer {
			m.Role = chat.System
		}
		if m.Role != chat.System {
			out = append(out, m)
			continue
		}
		behind := i > 0 && (messages[i-1].Role == chat.User || behindUser(out)) && (i == len(messages)-1 || messages[i+1].Role != chat.User)
		if !p.to.MidSystem || !behind {
			m.Role = chat.User
			p.l.Approximate("messages[].role")
		}
		out = append(out, m)
	}
	return chat.Turns(out)
}

// behindUser reports whether the last message is of the system behind a user's.
func behindUser(out []chat.Message) bool {
	n := len(out)
	return n > 0 && out[n-1].Role == chat.System
}

func (p *packer) message(m *chat.Message) {
	w := &p.w
	at := len(w.b)
	w.open('{')
	w.name("role")
	w.text(string(m.Role))
	w.name("content")
	w.open('[')
	from := len(w.b)
	for i := range m.Parts {
		p.part(&m.Parts[i])
	}
	if len(w.b) == from { // nothing that can be said: no message
		w.b = w.b[:at]
		return
	}
	w.close(']')
	w.extras(p.l.Own("messages[]", m.Extra))
	w.close('}')
}

// part writes a part of the conversation, or nothing.
func (p *packer) part(part *chat.Part) {
	switch x := part.Content.(type) {
	case chat.Text:
		if x.Text == "" { // which the API refuses
			if part.Cache != nil {
				p.l.Drop(inPath + ".cache")
			}
			return
		}
		p.text(part, x, inPath)
	case chat.Refusal:
		p.l.Approximate(inPath + ".refusal")
		if x.Text != "" {
			p.text(part, chat.Text{Text: x.Text}, inPath)
		}
	case chat.Media:
		p.media(part, &x, inPath)
	case chat.Reasoning:
		p.reasoning(part, x)
		return
	case chat.ToolCall:
		id := chat.FitID(x.ID)
		if id != x.ID {
			p.l.Approximate(inPath + ".id")
		}
		p.w.call(&x, id, p.l.Own(inPath, part.Extra), part.Cache, func() { p.l.Approximate(inPath + ".arguments") })
	case chat.ToolResult:
		p.result(part, &x)
	case chat.Native:
		if x.Dialect != name {
			p.refuse(inPath+"."+x.Type, "has no such block")
			return
		}
		p.w.raw(x.Value)
	case chat.JSON:
		p.l.Approximate(inPath + ".value")
		p.text(part, chat.Text{Text: string(x.Value)}, inPath)
	}
	if part.State != nil { // of a vendor that signs calls and text
		p.l.Drop(inPath + ".state")
	}
}

func (p *packer) text(part *chat.Part, t chat.Text, path string) {
	w := &p.w
	w.open('{')
	w.name("type")
	w.text("text")
	w.name("text")
	w.text(t.Text)
	begun := false
	for i := range t.Citations {
		if !home(&t.Citations[i]) {
			p.l.Drop(path + ".citations")
			continue
		}
		if !begun {
			begun = true
			w.name("citations")
			w.open('[')
		}
		w.raw(t.Citations[i].Native.Value)
	}
	if begun {
		w.close(']')
	}
	w.mark(part.Cache, part.Extra)
	w.extras(p.l.Own(path, part.Extra))
	w.close('}')
}

// carries reports whether a part's state may go to this vendor: it is of this
// vendor's family, or of no known one where the estate lets such go.
func (p *packer) carries(part *chat.Part) bool {
	s := part.State
	if s == nil || s.Kind != chat.SignedText && s.Kind != chat.Redacted {
		return false
	}
	return s.Minter == p.to.Family && s.Minter != "" || s.Minter == "" && p.to.UnknownOK
}

// reasoning writes a turn's own reasoning. Without its signature, or with
// another's, the vendor would refuse it: it is left out.
func (p *packer) reasoning(part *chat.Part, x chat.Reasoning) {
	if !p.carries(part) {
		if part.State != nil {
			p.l.Drop(inPath + ".state")
		} else {
			p.l.Drop(inPath + ".reasoning")
		}
		return
	}
	w := &p.w
	if part.State.Kind == chat.Redacted {
		w.redacted(part.State.Blob)
		return
	}
	w.open('{')
	w.name("type")
	w.text("thinking")
	w.name("thinking")
	w.text(x.Text)
	w.name("signature")
	w.text(part.State.Blob)
	w.extras(p.l.Own(inPath, part.Extra))
	w.close('}')
}

// result writes what a tool gave back.
func (p *packer) result(part *chat.Part, x *chat.ToolResult) {
	w := &p.w
	id := chat.FitID(x.CallID)
	if id != x.CallID {
		p.l.Approximate(inPath + ".call_id")
	}
	w.open('{')
	w.name("type")
	w.text("tool_result")
	w.name("tool_use_id")
	w.text(id)
	at := len(w.b)
	w.name("content")
	w.open('[')
	from := len(w.b)
	for i := range x.Parts {
		p.inResult(&x.Parts[i])
	}
	if w.close(']'); len(w.b) == from+1 {
		w.b = w.b[:at] // a result that says nothing
	}
	if x.Error {
		w.name("is_error")
		w.bool(true)
	}
	w.mark(part.Cache, part.Extra)
	w.extras(p.l.Own(inPath, part.Extra))
	w.close('}')
}

// inResult writes a part of a result.
func (p *packer) inResult(part *chat.Part) {
	switch x := part.Content.(type) {
	case chat.Text:
		if x.Text != "" {
			p.text(part, x, resultPath)
		}
	case chat.JSON:
		p.l.Approximate(resultPath + ".value")
		p.text(part, chat.Text{Text: string(x.Value)}, resultPath)
	case chat.Media:
		p.media(part, &x, resultPath)
	case chat.Native:
		if x.Dialect != name {
			p.refuse(resultPath+"."+x.Type, "has no such block")
			return
		}
		p.w.raw(x.Value)
	default:
		p.refuse(resultPath+"."+string(part.Content.Kind()), "takes text, images and documents in results")
	}
}
