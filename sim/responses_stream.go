package sim

// stream gives the completion as events, each under the name of its type; there is no end marker.
func (w *responsesWire) stream(f Fault) *stream {
	w.event("response.created", object{{"response", w.response("in_progress", []object{})}})
	w.event("response.in_progress", object{{"response", w.response("in_progress", []object{})}})
	index := 0
	if w.reasons() {
		w.streamReasoning(index)
		index++
	}
	if w.says() {
		w.streamMessage(index)
		index++
	}
	for _, c := range w.answer.calls {
		w.streamCall(index, c)
		index++
	}
	w.event("response."+w.status(), object{{"response", w.response("completed", w.output())}})
	s := &stream{chunks: w.chunks, framing: namedEvent, marks: 1}
	if f.Usage == "duplicate" { // the last event twice, as nothing else here has a usage
		s.chunks = append(s.chunks, s.chunks[len(s.chunks)-1])
	}
	return s
}

// event adds an event: its type, its number, and what it says.
func (w *responsesWire) event(typ string, rest object) {
	w.chunks = append(w.chunks, encode(append(object{{"type", typ}, {"sequence_number", len(w.chunks)}}, rest...)))
}

// delta adds a piece of a text, with the random padding by which OpenAI hides the length of tokens.
func (w *responsesWire) delta(typ string, rest object) {
	if w.vendor.Kind != Compatible && w.req.obfuscate {
		rest = append(rest, member{"obfuscation", w.dice.letters(1 + w.dice.below(16))})
	}
	w.event(typ, rest)
}

func (w *responsesWire) streamReasoning(index int) {
	w.event("response.output_item.added", object{{"output_index", index}, {"item", w.reasoningItem(false)}})
	if text := w.thought(); text != "" {
		at := object{{"item_id", w.itemID("rs_", "")}, {"output_index", index}, {"summary_index", 0}}
		with := func(m ...member) object { return append(at[:len(at):len(at)], m...) }
		w.event("response.reasoning_summary_part.added", with(member{"part", object{{"type", "summary_text"}, {"text", ""}}}))
		for _, t := range Tokens(text) {
			w.delta("response.reasoning_summary_text.delta", with(member{"delta", t}))
		}
		w.event("response.reasoning_summary_text.done", with(member{"text", text}))
		w.event("response.reasoning_summary_part.done", with(member{"part", object{{"type", "summary_text"}, {"text", text}}}))
	}
	w.event("response.output_item.done", object{{"output_index", index}, {"item", w.reasoningItem(true)}})
}

func (w *responsesWire) streamMessage(index int) {
	id := w.itemID("msg_", "")
	w.event("response.output_item.added", object{{"output_index", index}, {"item", object{
		{"id", id}, {"type", "message"}, {"status", "in_progress"}, {"content", []any{}}, {"role", "assistant"},
	}}})
	at := object{{"item_id", id}, {"output_index", index}, {"content_index", 0}}
	with := func(m ...member) object { return append(at[:len(at):len(at)], m...) }
	w.event("response.content_part.added", with(member{"part", w.contentPart("", false)}))
	for i, t := range w.answer.tokens {
		if w.answer.refused {
			w.delta("response.refusal.delta", with(member{"delta", t}))
			continue
		}
		w.delta("response.output_text.delta", with(member{"delta", t}, member{"logprobs", w.probs(i, i+1)}))
	}
	if w.answer.refused {
		w.event("response.refusal.done", with(member{"refusal", w.answer.text()}))
	} else {
		w.event("response.output_text.done", with(member{"text", w.answer.text()}, member{"logprobs", w.probs(0, len(w.answer.tokens))}))
	}
	w.event("response.content_part.done", with(member{"part", w.contentPart(w.answer.text(), false)}))
	w.event("response.output_item.done", object{{"output_index", index}, {"item", w.messageItem()}})
}

func (w *responsesWire) streamCall(index int, c toolCall) {
	added := w.callItem(c, false)
	w.event("response.output_item.added", object{{"output_index", index}, {"item", added}})
	kind, field := "response.function_call_arguments", "arguments"
	if c.custom {
		kind, field = "response.custom_tool_call_input", "input"
	}
	at := object{{"item_id", added.text("id")}, {"output_index", index}}
	with := func(m ...member) object { return append(at[:len(at):len(at)], m...) }
	for _, t := range c.tokens {
		w.delta(kind+".delta", with(member{"delta", t}))
	}
	w.event(kind+".done", with(member{field, c.input()}))
	w.event("response.output_item.done", object{{"output_index", index}, {"item", w.callItem(c, true)}})
}
