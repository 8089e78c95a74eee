package responses

import "bulkhead/chat"

// stop ends the open part: its last events, and its entry in the item.
func (s *streamEncoder) stop(w *writer) {
	p, it := &s.part, &s.item
	switch x := p.part.Content.(type) {
	case chat.Text, chat.Refusal:
		s.stopText(w)
	case chat.Reasoning:
		s.stopReasoning(w, x)
	case chat.ToolCall:
		s.stopCall(w, x)
	case chat.Native:
		if x.Dialect != own {
			s.resp.losses.Drop("choices[].parts[].native")
			break
		}
		s.once(w, p.text)
	case chat.Media:
		var picture writer
		picture.picture(&s.resp, &p.part, x.Medium, string(p.text))
		if len(picture.b) > 0 {
			s.once(w, picture.b)
		}
	}
	if p.state != nil && it.kind != chat.KindReasoning {
		s.resp.losses.Drop("choices[].parts[].state")
	}
}

// stopText ends a part of a message.
func (s *streamEncoder) stopText(w *writer) {
	p, it := &s.part, &s.item
	_, refusal := p.part.Content.(chat.Refusal)
	typ, member := "response.output_text.done", "text"
	if refusal {
		typ, member = "response.refusal.done", "refusal"
	}
	probs := "[]"
	if len(p.probs.b) > 0 {
		p.probs.close(']')
		probs = string(p.probs.b)
	}
	s.open(w, typ)
	s.at(w)
	w.int("content_index", int64(it.parts))
	w.escaped(member, p.text)
	if !refusal {
		w.raw("logprobs", probs)
	}
	s.shut(w)

	from := len(it.main.b)
	it.main.b = append(it.main.b, ',')
	it.main.b = append(it.main.b, '{')
	if refusal {
		it.main.str("type", "refusal")
	} else {
		it.main.str("type", "output_text")
		notes := "[]"
		if len(p.notes.b) > 0 {
			p.notes.close(']')
			notes = string(p.notes.b)
		}
		it.main.raw("annotations", notes)
		it.main.raw("logprobs", probs)
	}
	it.main.escaped(member, p.text)
	it.main.ownWithin(within, p.part.Extra)
	it.main.close('}')
	s.open(w, "response.content_part.done")
	s.at(w)
	w.int("content_index", int64(it.parts))
	w.raw("part", string(it.main.b[from+1:]))
	s.shut(w)
	it.parts++
}

// stopReasoning ends an entry of a reasoning item. One without text is shown
// only where it was an entry of a summary before; what has neither text nor
// state nor an id is not there.
func (s *streamEncoder) stopReasoning(w *writer, x chat.Reasoning) {
	p, it := &s.part, &s.item
	if p.state != nil {
		it.sealed = sealState(p.state)
		it.ends = p.part.Item == ""
		s.openItem(w, "rs_")
	}
	if !p.shown && x.Summary && p.part.Item != "" {
		s.show(w)
	}
	if !p.shown {
		return
	}
	kind, index, done, to := "reasoning_summary_text", "summary_index", "response.reasoning_summary_part.done", &it.main
	typ := "summary_text"
	if p.typ == "response.reasoning_text.delta" {
		kind, index, done, to = "reasoning_text", "content_index", "response.content_part.done", &it.inside
		typ = "reasoning_text"
	}
	s.open(w, "response."+kind+".done")
	s.at(w)
	w.int(index, int64(s.entry(index)))
	w.escaped("text", p.text)
	s.shut(w)
	from := len(to.b)
	to.b = append(to.b, ',', '{')
	to.str("type", typ)
	to.escaped("text", p.text)
	to.close('}')
	s.open(w, done)
	s.at(w)
	w.int(index, int64(s.entry(index)))
	w.raw("part", string(to.b[from+1:]))
	s.shut(w)
	if index == "summary_index" {
		it.summaries++
	} else {
		it.parts++
	}
}

// entry is the index of the open part among those of its kind.
func (s *streamEncoder) entry(index string) int {
	if index == "summary_index" {
		return s.item.summaries
	}
	return s.item.parts
}

// stopCall ends a call. A function's arguments are JSON text, so that none
// are an empty object.
func (s *streamEncoder) stopCall(w *writer, x chat.ToolCall) {
	p := &s.part
	if !x.Custom && blank(p.text) {
		p.text = p.text[:0]
		s.delta(w, []byte("{}"))
	}
	typ, member := "response.function_call_arguments.done", "arguments"
	if x.Custom {
		typ, member = "response.custom_tool_call_input.done", "input"
	}
	s.open(w, typ)
	s.at(w)
	if !x.Custom {
		w.str("name", x.Name)
	}
	w.escaped(member, p.text)
	s.shut(w)
}

// blank reports whether a text in JSON's own form holds white space alone.
func blank(text []byte) bool {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ' ':
		case c == '\\' && i+1 < len(text) && (text[i+1] == 'n' || text[i+1] == 't' || text[i+1] == 'r'):
			i++
		default:
			return false
		}
	}
	return true
}

// once writes an item that comes whole.
func (s *streamEncoder) once(w *writer, item []byte) {
	for _, typ := range []string{"response.output_item.added", "response.output_item.done"} {
		s.open(w, typ)
		w.int("output_index", int64(s.index))
		w.raw("item", string(item))
		s.shut(w)
	}
	s.keep(item)
	s.item = openItem{main: writer{s.item.main.b[:0]}, inside: writer{s.item.inside.b[:0]}}
}

// keep adds a whole item to the reply.
func (s *streamEncoder) keep(item []byte) {
	if len(s.items.b) > 0 {
		s.items.b = append(s.items.b, ',')
	}
	s.items.b = append(s.items.b, item...)
	s.index++
}

// closeItem ends the item that is open, if one is.
func (s *streamEncoder) closeItem(w *writer, last bool) {
	it := &s.item
	if it.kind == "" || it.id == "" {
		it.kind = ""
		return
	}
	var out writer
	out.open('{')
	out.str("id", it.id)
	switch x := it.part.Content.(type) {
	case chat.ToolCall:
		// What was written of it as it came is the same text.
		out.str("type", map[bool]string{false: "function_call", true: "custom_tool_call"}[x.Custom])
		out.escaped(map[bool]string{false: "arguments", true: "input"}[x.Custom], s.part.text)
		out.str("call_id", callID(x.ID))
		out.str("name", x.Name)
		out.str("status", s.resp.itemStatus(last))
	case chat.Reasoning:
		out.str("type", "reasoning")
		out.entries("summary", it.main.b)
		if len(it.inside.b) > 0 {
			out.entries("content", it.inside.b)
		}
		out.opt("encrypted_content", it.sealed)
	default:
		out.str("type", "message")
		out.str("role", "assistant")
		out.entries("content", it.main.b)
		out.str("status", s.resp.itemStatus(last))
	}
	out.own(it.part.Extra)
	out.close('}')
	s.open(w, "response.output_item.done")
	w.int("output_index", int64(s.index))
	w.raw("item", string(out.b))
	s.shut(w)
	s.keep(out.b)
	it.kind, it.id = "", ""
}

// entries writes an array of entries, each of which a comma precedes.
func (w *writer) entries(name string, list []byte) {
	w.array(name)
	if len(list) > 0 {
		w.b = append(w.b, list[1:]...)
	}
	w.close(']')
}

// escaped writes a string that is in JSON's own form but for its quotes.
func (w *writer) escaped(name string, text []byte) {
	w.name(name)
	w.b = append(w.b, '"')
	w.b = append(append(w.b, text...), '"')
}
