package responses

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/chat"
	"bulkhead/fault"

	dialects "bulkhead/dialect"
)

// Stream implements [dialects.Server].
func (s Server) Stream(a *dialects.Answering) dialects.StreamEncoder {
	return &streamEncoder{server: s, a: a}
}

// streamEncoder writes a reply as events of the dialect. One item is open at a
// time, and within it one part; what is whole is kept, for the last event
// holds the reply again.
type streamEncoder struct {
	server Server
	a      *dialects.Answering
	resp   response
	begun  bool
	ended  bool
	seq    int64
	ending *chat.Ending
	head   chat.Extra // of the reply, known before its content

	index   int    // of the open item, or of the next one
	items   writer // of whole items, with their commas
	item    openItem
	part    openPart
	refused bool
}

// openItem is the item that is open.
type openItem struct {
	kind      chat.Kind // empty: none; text also of a refusal
	part      chat.Part // the first, of which the item has its id and fields
	id        string
	parts     int    // entries of content so far
	summaries int    // entries of a summary so far
	main      writer // entries of content, or of a summary
	inside    writer // entries of a reasoning item's own content
	sealed    string
	// ends says that the item takes no further part.
	ends bool
}

// openPart is the part that is open.
type openPart struct {
	part  chat.Part
	shown bool   // its first event has gone out
	place string // of its deltas: what stands between the number and the text
	after string // what stands behind it
	typ   string // of its deltas
	text  []byte // so far, as it stands in JSON
	notes writer // annotations
	cites int
	probs writer // log probabilities
	state *chat.State
}

// Event implements [dialects.StreamEncoder].
func (s *streamEncoder) Event(dst []byte, e *chat.Event) ([]byte, error) {
	w := &writer{dst}
	switch {
	case e.Kind == chat.Begin:
		s.begin(w, e.Head)
	case e.Kind == chat.Count:
		u := *e.Usage
		s.resp.usage = &u
		s.resp.drops("usage.", u.Extra)
	case e.Kind == chat.End:
		s.ended = true
	case e.Kind == chat.Fail:
	case e.Choice != 0:
		s.resp.losses.Drop("choices")
	case e.Kind == chat.Finish:
		ending := *e.Ending
		s.ending = &ending
		s.resp.end(e.Ending, s.refused)
		s.closeItem(w, true)
	default:
		s.within(w, e)
	}
	return w.b, nil
}

func (s *streamEncoder) begin(w *writer, h *chat.Head) {
	s.resp.begin(s.a, h, s.server.Now)
	s.begun, s.head = true, h.Extra
	s.whole(w, "response.created")
	s.whole(w, "response.in_progress")
}

// whole writes an event that holds the reply as it stands.
func (s *streamEncoder) whole(w *writer, typ string) {
	s.open(w, typ)
	w.name("response")
	if s.ending == nil {
		w.response(&s.resp, s.items.b)
	} else {
		w.response(&s.resp, s.items.b, s.head, s.ending.Extra)
	}
	s.shut(w)
}

// open begins an event. Its name is that of its type, as the specification demands.
func (s *streamEncoder) open(w *writer, typ string) {
	w.b = append(append(w.b, "event: "...), typ...)
	w.b = append(append(w.b, "\ndata: {\"type\":\""...), typ...)
	w.b = append(w.b, `","sequence_number":`...)
	w.b = strconv.AppendInt(w.b, s.seq, 10)
	s.seq++
}

func (s *streamEncoder) shut(w *writer) { w.b = append(w.b, "}\n\n"...) }

// at writes where an event of the open item belongs.
func (s *streamEncoder) at(w *writer) {
	w.str("item_id", s.item.id)
	w.int("output_index", int64(s.index))
}

// within writes an event of a part.
func (s *streamEncoder) within(w *writer, e *chat.Event) {
	p := &s.part
	switch e.Kind {
	case chat.Start:
		s.start(w, e.Part)
	case chat.Delta:
		if !p.shown {
			s.show(w)
		}
		s.delta(w, e.Bytes)
	case chat.Seal:
		state := *e.State
		p.state = &state
	case chat.Cite:
		s.cite(w, e.Citation)
	case chat.Tokens:
		s.tokens(w, e.Logprobs)
	case chat.Speech:
		s.resp.losses.Drop("choices[].parts[].transcript")
	case chat.Stop:
		s.stop(w)
	}
}

// start opens a part, and an item unless it belongs to the one that is open.
func (s *streamEncoder) start(w *writer, part *chat.Part) {
	kind := part.Content.Kind()
	if kind == chat.KindRefusal {
		kind, s.refused = chat.KindText, true
	}
	it := &s.item
	if it.kind != kind || it.ends || it.part.Item != part.Item || kind != chat.KindText && kind != chat.KindReasoning {
		s.closeItem(w, false)
		*it = openItem{kind: kind, part: *part, main: writer{it.main.b[:0]}, inside: writer{it.inside.b[:0]}}
	}
	s.part = openPart{part: *part, text: s.part.text[:0], notes: writer{s.part.notes.b[:0]}, probs: writer{s.part.probs.b[:0]}}
	s.resp.drops("choices[].parts[].", part.Extra)
	switch x := part.Content.(type) {
	case chat.Text, chat.Refusal:
		s.openItem(w, "msg_")
		s.show(w)
	case chat.Reasoning:
		if part.Item != "" {
			s.openItem(w, "rs_")
		}
	case chat.ToolCall:
		s.openItem(w, callPrefix(x))
		s.part.shown = true
		s.deltas("response.function_call_arguments.delta", "", 0, "")
		if x.Custom {
			s.deltas("response.custom_tool_call_input.delta", "", 0, "")
		}
	}
}

// openItem says that an item begins, once.
func (s *streamEncoder) openItem(w *writer, prefix string) {
	it := &s.item
	if it.id != "" {
		return
	}
	it.id = s.resp.itemID(&it.part, prefix)
	s.open(w, "response.output_item.added")
	w.int("output_index", int64(s.index))
	w.object("item")
	w.str("id", it.id)
	switch x := it.part.Content.(type) {
	case chat.ToolCall:
		w.str("type", map[bool]string{false: "function_call", true: "custom_tool_call"}[x.Custom])
		w.str(map[bool]string{false: "arguments", true: "input"}[x.Custom], "")
		w.str("call_id", callID(x.ID))
		w.str("name", x.Name)
		w.str("status", "in_progress")
	case chat.Reasoning:
		w.str("type", "reasoning")
		w.array("summary")
		w.close(']')
	default:
		w.str("type", "message")
		w.str("role", "assistant")
		w.array("content")
		w.close(']')
		w.str("status", "in_progress")
	}
	w.own(it.part.Extra)
	w.close('}')
	s.shut(w)
}

// show writes the event that begins a part, and readies its deltas.
func (s *streamEncoder) show(w *writer) {
	p, it := &s.part, &s.item
	p.shown = true
	switch p.part.Content.(type) {
	case chat.Text:
		s.added(w, "response.content_part.added", "content_index", it.parts, `{"type":"output_text","annotations":[],"logprobs":[],"text":""}`)
		s.deltas("response.output_text.delta", "content_index", it.parts, `,"logprobs":[]`)
	case chat.Refusal:
		s.added(w, "response.content_part.added", "content_index", it.parts, `{"type":"refusal","refusal":""}`)
		s.deltas("response.refusal.delta", "content_index", it.parts, "")
	case chat.Reasoning:
		s.openItem(w, "rs_")
		if p.part.Item != "" && !p.part.Content.(chat.Reasoning).Summary {
			s.added(w, "response.content_part.added", "content_index", it.parts, `{"type":"reasoning_text","text":""}`)
			s.deltas("response.reasoning_text.delta", "content_index", it.parts, "")
			return
		}
		s.added(w, "response.reasoning_summary_part.added", "summary_index", it.summaries, `{"type":"summary_text","text":""}`)
		s.deltas("response.reasoning_summary_text.delta", "summary_index", it.summaries, "")
	}
}

func (s *streamEncoder) added(w *writer, typ, index string, n int, part string) {
	s.open(w, typ)
	s.at(w)
	w.int(index, int64(n))
	w.raw("part", part)
	s.shut(w)
}

// deltas readies what stands around the text of each delta.
func (s *streamEncoder) deltas(typ, index string, n int, after string) {
	w := writer{[]byte{'{'}}
	s.at(&w)
	if index != "" {
		w.int(index, int64(n))
	}
	w.name("delta")
	s.part.typ, s.part.place, s.part.after = typ, ","+string(w.b[1:]), after+"}\n\n"
}

// delta writes more of the open part. Of what is not shown piece by piece it
// keeps the text alone.
func (s *streamEncoder) delta(w *writer, text []byte) {
	p := &s.part
	if p.typ == "" {
		p.text = append(p.text, text...)
		return
	}
	s.open(w, p.typ)
	w.b = append(w.b, p.place...)
	at := len(w.b)
	w.b, _ = jsontext.AppendQuote(w.b, text) // events are UTF-8
	p.text = append(p.text, w.b[at+1:len(w.b)-1]...)
	w.b = append(w.b, p.after...)
}

// cite writes a source of the open part.
func (s *streamEncoder) cite(w *writer, c *chat.Citation) {
	p := &s.part
	at := len(p.notes.b)
	if at == 0 {
		p.notes.open('[')
	}
	from := len(p.notes.b)
	if !p.notes.citation(c) {
		p.notes.b = p.notes.b[:at]
		s.resp.losses.Drop("choices[].parts[].citations")
		return
	}
	note := p.notes.b[from:]
	if note[0] == ',' {
		note = note[1:]
	}
	s.open(w, "response.output_text.annotation.added")
	s.at(w)
	w.int("content_index", int64(s.item.parts))
	w.int("annotation_index", int64(p.cites))
	w.raw("annotation", string(note))
	s.shut(w)
	p.cites++
}

// tokens writes log probabilities as a delta without text, since they come
// apart from it. A refusal has no place for them.
func (s *streamEncoder) tokens(w *writer, list []chat.Logprob) {
	p := &s.part
	if _, text := p.part.Content.(chat.Text); !text {
		s.resp.losses.Drop("choices[].parts[].logprobs")
		return
	}
	if len(p.probs.b) == 0 {
		p.probs.open('[')
	}
	p.probs.logprobList(list, true)
	s.open(w, p.typ)
	w.b = append(append(w.b, p.place...), `""`...)
	w.logprobs("logprobs", list, true)
	s.shut(w)
}

// Tail implements [dialects.StreamEncoder].
func (s *streamEncoder) Tail(dst []byte) []byte {
	if !s.ended || s.ending == nil {
		return dst
	}
	w := &writer{dst}
	s.whole(w, "response."+s.resp.status)
	w.b = append(w.b, "data: [DONE]\n\n"...) // the specification demands it; OpenAI's SDKs stop at it
	return w.b
}

// Fail implements [dialects.StreamEncoder]: an error event with its members
// both flat, as the schema has them, and nested, as the API sends them and SDKs
// raise them (MAPPING trap 18); then the reply, failed.
func (s *streamEncoder) Fail(dst []byte, f *fault.Fault) []byte {
	w := &writer{dst}
	if !s.begun {
		s.begin(w, &chat.Head{})
	}
	message := f.Message
	if s.a.Call != "" {
		message += " Call " + string(s.a.Call) + "."
	}
	s.open(w, "error")
	w.str("code", string(f.Kind))
	w.str("message", message)
	w.orNull("param", f.Field)
	nested := dialects.Refusal(dialects.Responses, f, s.a.Call) // {"error":{…}}
	w.b = append(append(w.b, ','), nested[1:]...)
	w.b = append(w.b, "\n\n"...)
	code := "server_error"
	if f.Kind == fault.RateLimited || f.Kind == fault.UpstreamRateLimited {
		code = "rate_limit_exceeded"
	}
	e := writer{}
	e.open('{')
	e.str("code", code)
	e.str("message", message)
	e.close('}')
	s.resp.status, s.resp.fault = "failed", e.b
	s.whole(w, "response.failed")
	return w.b
}

// KeepAlive implements [dialects.StreamEncoder].
func (*streamEncoder) KeepAlive(dst []byte) []byte { return append(dst, ": keep-alive\n\n"...) }
