package anthropic

import (
	"slices"

	"bulkhead/chat"
	"bulkhead/fault"

	dialects "bulkhead/dialect"
)

// Stream implements [dialects.Server].
func (Server) Stream(a *dialects.Answering) dialects.StreamEncoder { return NewStream(a, nil) }

// Frame appends the frame of an event: its name, which is its type too, and its JSON.
type Frame func(dst []byte, event string, data []byte) []byte

// NewStream begins a streamed reply whose events lie in frames of another kind
// than server-sent events, as on InvokeModel; nil is for server-sent events.
func NewStream(a *dialects.Answering, frame Frame) dialects.StreamEncoder {
	if frame == nil {
		frame = serverSent
	}
	return &encoder{a: a, frame: frame}
}

// serverSent is the frame of the Messages API: SDKs dispatch on the event line.
func serverSent(dst []byte, event string, data []byte) []byte {
	dst = append(append(append(dst, "event: "...), event...), "\ndata: "...)
	return append(append(dst, data...), "\n\n"...)
}

// encoder writes one stream. Blocks are opened when there is something in them:
// an empty one would be refused when the caller sends it back. message_start
// waits for the event that follows Begin, which may be the usage.
type encoder struct {
	a     *dialects.Answering
	frame Frame
	w     writer

	head    chat.Head
	started bool
	index   int       // of the next block
	part    chat.Part // that is open
	open    bool      // its block is
	whole   []byte    // of a native block; the input of a free-form call
	counted bool
	usage   chat.Usage
	ending  chat.Ending
	refused bool // a part is a refusal
	many    bool // more than one choice was seen
	over    bool
}

// begin empties the buffer for the next event's JSON and writes its type.
func (e *encoder) begin(event string) {
	e.w.b = append(e.w.b[:0], '{')
	e.w.name("type")
	e.w.text(event)
}

func (e *encoder) end(dst []byte, event string) []byte {
	e.w.close('}')
	return e.frame(dst, event, e.w.b)
}

// Event implements [dialects.StreamEncoder].
func (e *encoder) Event(dst []byte, ev *chat.Event) ([]byte, error) {
	switch ev.Kind {
	case chat.Fail:
		return dst, nil // Fail writes it
	case chat.Begin:
		e.head = *ev.Head
		e.head.Extra = cloned(keepOwn(e.a.Loss, "", ev.Head.Extra))
		return dst, nil
	case chat.Count:
		e.count(ev.Usage)
	}
	if !e.started {
		e.started = true
		dst = e.start(dst)
	}
	if ev.Choice > 0 {
		if !e.many {
			e.many = true
			lost(e.a.Loss, (*chat.Losses).Drop, "choices")
		}
		return dst, nil
	}
	switch ev.Kind {
	case chat.Start:
		dst = e.startPart(dst, ev.Part)
	case chat.Delta:
		dst = e.delta(dst, ev.Bytes)
	case chat.Seal:
		dst = e.seal(dst, ev.State)
	case chat.Cite:
		dst = e.openText(dst)
		e.begin("content_block_delta")
		e.at(e.index)
		e.w.name("delta")
		e.w.open('{')
		e.w.name("type")
		e.w.text("citations_delta")
		e.w.name("citation")
		e.w.cite(ev.Citation)
		e.w.close('}')
		dst = e.end(dst, "content_block_delta")
	case chat.Tokens:
		lost(e.a.Loss, (*chat.Losses).Drop, partPath+".logprobs")
	case chat.Stop:
		dst = e.stop(dst)
	case chat.Finish:
		e.ending = *ev.Ending
		e.ending.Extra = cloned(keepOwn(e.a.Loss, "choices[].ending", ev.Ending.Extra))
	case chat.End:
		dst = e.last(dst)
		e.over = true
	}
	return dst, nil
}

// cloned copies what a later event may overwrite.
func cloned(x chat.Extra) chat.Extra {
	for i := range x {
		x[i].Value = slices.Clone(x[i].Value)
	}
	return x
}

func (e *encoder) count(u *chat.Usage) {
	e.usage, e.counted = *u, true
	e.usage.Extra = cloned(keepOwn(e.a.Loss, "usage", u.Extra))
}

// start writes message_start. Its usage is required; what is not known yet is
// zero here, and stands in message_delta.
func (e *encoder) start(dst []byte) []byte {
	e.begin("message_start")
	w := &e.w
	w.name("message")
	w.open('{')
	w.head(&e.head, e.a)
	w.name("content")
	w.open('[')
	w.close(']')
	w.name("stop_reason")
	w.raw(jsonNull)
	w.name("stop_sequence")
	w.raw(jsonNull)
	w.extras(e.head.Extra)
	w.name("usage")
	w.usage(&e.usage, e.head.Tier, nil)
	w.close('}')
	return e.end(dst, "message_start")
}

func (e *encoder) at(index int) {
	e.w.name("index")
	e.w.int(int64(index))
}

// startPart begins a part. Calls begin at once; other blocks when there is
// something in them.
func (e *encoder) startPart(dst []byte, p *chat.Part) []byte {
	e.part, e.open, e.whole = *p, false, e.whole[:0]
	e.part.Extra = keepOwn(e.a.Loss, partPath, p.Extra)
	switch x := p.Content.(type) {
	case chat.ToolCall:
		dst = e.openBlock(dst, func(w *writer) {
			w.name("type")
			w.text("tool_use")
			w.name("id")
			w.text(chat.FitID(x.ID))
			w.name("name")
			w.text(x.Name)
			w.name("input")
			w.raw([]byte("{}"))
			w.extras(e.part.Extra)
		})
	case chat.Refusal:
		e.refused = true
		lost(e.a.Loss, (*chat.Losses).Approximate, partPath+".refusal")
	case chat.Native:
		if x.Dialect != name {
			lost(e.a.Loss, (*chat.Losses).Drop, partPath+"."+x.Type)
		}
	case chat.Media:
		lost(e.a.Loss, (*chat.Losses).Drop, partPath+"."+string(chat.KindMedia))
	}
	return dst
}

func (e *encoder) openBlock(dst []byte, write func(w *writer)) []byte {
	e.open = true
	e.begin("content_block_start")
	e.at(e.index)
	e.w.name("content_block")
	e.w.open('{')
	write(&e.w)
	e.w.close('}')
	return e.end(dst, "content_block_start")
}

func (e *encoder) openText(dst []byte) []byte {
	if e.open {
		return dst
	}
	return e.openBlock(dst, func(w *writer) {
		w.name("type")
		w.text("text")
		w.name("text")
		w.text("")
		w.extras(e.part.Extra)
	})
}

func (e *encoder) openThinking(dst []byte) []byte {
	if e.open {
		return dst
	}
	return e.openBlock(dst, func(w *writer) {
		w.name("type")
		w.text("thinking")
		w.name("thinking")
		w.text("")
		w.name("signature")
		w.text("")
		w.extras(e.part.Extra)
	})
}

// delta writes more of the part that is open.
func (e *encoder) delta(dst, piece []byte) []byte {
	switch x := e.part.Content.(type) {
	case chat.Text, chat.Refusal:
		return e.piece(e.openText(dst), "text_delta", "text", piece)
	case chat.Reasoning:
		return e.piece(e.openThinking(dst), "thinking_delta", "thinking", piece)
	case chat.ToolCall:
		if !x.Custom {
			return e.piece(dst, "input_json_delta", "partial_json", piece)
		}
		e.whole = append(e.whole, piece...)
	case chat.Native:
		if x.Dialect == name {
			e.whole = append(e.whole, piece...)
		}
	}
	return dst
}

// piece writes a delta of the open block.
func (e *encoder) piece(dst []byte, typ, member string, piece []byte) []byte {
	e.begin("content_block_delta")
	e.at(e.index)
	e.w.name("delta")
	e.w.open('{')
	e.w.name("type")
	e.w.text(typ)
	e.w.name(member)
	e.w.next()
	e.w.b = quoted(e.w.b, piece)
	e.w.close('}')
	return e.end(dst, "content_block_delta")
}

// seal writes the state of reasoning: a signature, or a redacted block.
func (e *encoder) seal(dst []byte, s *chat.State) []byte {
	p := chat.Part{Content: e.part.Content, State: s, Item: e.part.Item}
	if p.Content.Kind() != chat.KindReasoning {
		lost(e.a.Loss, (*chat.Losses).Drop, statePath)
		return dst
	}
	signature, redacted := sealOf(&p, e.a.Loss)
	if signature != "" {
		return e.piece(e.openThinking(dst), "signature_delta", "signature", []byte(signature))
	}
	if redacted != "" {
		e.whole = append(e.whole, redacted...)
	}
	return dst
}

// stop ends the part that is open.
func (e *encoder) stop(dst []byte) []byte {
	switch x := e.part.Content.(type) {
	case chat.ToolCall:
		if x.Custom {
			x.Arguments = string(e.whole)
			input, _ := x.Object()
			lost(e.a.Loss, (*chat.Losses).Approximate, partPath+".arguments")
			dst = e.piece(dst, "input_json_delta", "partial_json", input)
		}
	case chat.Native:
		if x.Dialect == name {
			dst = e.native(dst)
		}
	case chat.Reasoning:
		if len(e.whole) > 0 {
			dst = e.closeBlock(dst)
			data := string(e.whole)
			dst = e.openBlock(dst, func(w *writer) {
				w.name("type")
				w.text("redacted_thinking")
				w.name("data")
				w.text(data)
			})
		}
	}
	return e.closeBlock(dst)
}

func (e *encoder) closeBlock(dst []byte) []byte {
	if !e.open {
		return dst
	}
	e.begin("content_block_stop")
	e.at(e.index)
	e.open = false
	e.index++
	return e.end(dst, "content_block_stop")
}

// last writes message_delta: why the reply ends, and all that is counted.
func (e *encoder) last(dst []byte) []byte {
	e.begin("message_delta")
	w := &e.w
	w.name("delta")
	w.open('{')
	w.ending(&e.ending, e.refused, e.a.Loss)
	var outside chat.Extra
	for _, f := range e.ending.Extra {
		if f.Name == contextManagement {
			outside = append(outside, f)
			continue
		}
		w.foreign(f.Name)
		w.raw(f.Value)
	}
	w.close('}')
	w.name("usage")
	if e.counted {
		w.usage(&e.usage, "", nil)
	} else {
		w.usage(nil, "", nil)
	}
	w.extras(outside)
	return e.end(dst, "message_delta")
}

// contextManagement stands beside the delta, not in it.
const contextManagement = "context_management"

// Tail implements [dialects.StreamEncoder]: message_stop.
func (e *encoder) Tail(dst []byte) []byte {
	if !e.over {
		return dst
	}
	e.begin("message_stop")
	return e.end(dst, "message_stop")
}

// Fail implements [dialects.StreamEncoder].
func (e *encoder) Fail(dst []byte, f *fault.Fault) []byte {
	e.over = false // no end marker follows
	return e.frame(dst, "error", dialects.Refusal(dialects.Anthropic, f, e.a.Call))
}

// KeepAlive implements [dialects.StreamEncoder]: a ping, which SDKs pass over
// even before message_start.
func (e *encoder) KeepAlive(dst []byte) []byte {
	return e.frame(dst, "ping", []byte(`{"type": "ping"}`))
}
