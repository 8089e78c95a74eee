package openai

import (
	"unicode/utf8"

	"bulkhead/chat"
	"bulkhead/fault"

	dialects "bulkhead/dialect"
)

// streamEncoder writes events as chunks.
type streamEncoder struct {
	a     *dialects.Answering
	l     *chat.Losses
	usage bool   // the caller asked for it
	front []byte // of every chunk: from data: to the opening of choices
	first []byte // fields of the dialect's own that the first chunk bears
	after []byte // of every chunk: from the end of choices
	lanes []laneOut
	count *chat.Usage // what is known last
	last  chat.Usage  // what count points to
	ended bool
}

// laneOut is how far a choice has come.
type laneOut struct {
	spoke    bool // its first chunk has gone
	kind     chat.Kind
	custom   bool
	empty    bool // the part that is open has had no delta
	dropped  bool // the part that is open has no place
	call     int  // index of the latest call
	refused  bool
	reasoned bool // an earlier part of reasoning had text
	pending  bool // a blank line goes before the next reasoning
	runes    int64
	from     int64 // where the open text began
	cites    []chat.Citation
	cited    bool // the citations have gone
}

func newStreamEncoder(a *dialects.Answering) *streamEncoder {
	return &streamEncoder{a: a, l: lossesOf(a), usage: a.Request != nil && a.Request.Usage}
}

// Event writes the chunks of an event. Held back is the end marker.
func (e *streamEncoder) Event(dst []byte, ev *chat.Event) ([]byte, error) {
	switch ev.Kind {
	case chat.Begin:
		e.begin(ev.Head)
		return dst, nil
	case chat.Count:
		e.last = *ev.Usage
		e.last.Extra = append(chat.Extra(nil), ev.Usage.Extra...)
		e.count = &e.last
		return dst, nil
	case chat.End:
		e.ended = true
		return e.counted(dst), nil
	case chat.Fail:
		return dst, nil
	}
	for len(e.lanes) <= ev.Choice {
		e.lanes = append(e.lanes, laneOut{call: -1})
	}
	l := &e.lanes[ev.Choice]
	switch ev.Kind {
	case chat.Start:
		return e.start(dst, ev, l), nil
	case chat.Delta, chat.Speech:
		return e.delta(dst, ev, l), nil
	case chat.Seal:
		return e.seal(dst, ev, l), nil
	case chat.Cite:
		e.cite(ev.Citation, l)
	case chat.Tokens:
		return e.tokens(dst, ev, l), nil
	case chat.Stop:
		return e.stop(dst, ev, l), nil
	case chat.Finish:
		return e.finish(dst, ev, l)
	}
	return dst, nil
}

// begin prepares what every chunk has in common.
func (e *streamEncoder) begin(h *chat.Head) {
	w := writer{[]byte("data: {")}
	w.head(h.ID, "chat.completion.chunk", h.Created, h.Model, e.a)
	w.said("service_tier", h.Tier)
	w.said("system_fingerprint", h.Fingerprint)
	w.array("choices")
	e.front = w.b
	if e.after = []byte("]"); e.usage {
		e.after = []byte(`],"usage":null`)
	}
	own := writer{[]byte("]")}
	own.extra(e.l.Own("", h.Extra), "")
	e.first = own.b[1:]
}

// open begins a chunk of a choice, up to its delta's members; close ends it.
func (e *streamEncoder) open(dst []byte, choice int) writer {
	w := writer{append(dst, e.front...)}
	w.open('{')
	w.int("index", int64(choice))
	w.object("delta")
	return w
}

var unfinished = []byte(`},"logprobs":null,"finish_reason":null}`)

func (e *streamEncoder) close(w *writer) []byte {
	w.b = append(w.b, unfinished...)
	return e.end(w)
}

func (e *streamEncoder) end(w *writer) []byte {
	w.b = append(w.b, e.after...)
	w.b = append(w.b, e.first...)
	e.first = nil
	return append(w.b, "}\n\n"...)
}

// speak writes the first chunk of a choice, which alone says the role.
func (e *streamEncoder) speak(dst []byte, ev *chat.Event, l *laneOut) []byte {
	if l.spoke {
		return dst
	}
	l.spoke = true
	w := e.open(dst, ev.Choice)
	w.str("role", "assistant")
	if ev.Part != nil && ev.Part.Content.Kind() == chat.KindText {
		w.str("content", "")
	} else {
		w.null("content")
	}
	w.null("refusal")
	return e.close(&w)
}

func (e *streamEncoder) start(dst []byte, ev *chat.Event, l *laneOut) []byte {
	dst = e.speak(dst, ev, l)
	l.kind, l.empty, l.dropped, l.from = ev.Part.Content.Kind(), true, false, l.runes
	switch x := ev.Part.Content.(type) {
	case chat.Text:
		if l.call >= 0 {
			e.l.Approximate("choices[].parts")
		}
		e.l.Own("choices[].parts[]", ev.Part.Extra)
	case chat.Refusal:
		l.refused = true
	case chat.Reasoning:
		l.pending = l.reasoned
	case chat.ToolCall:
		l.call++
		l.custom = x.Custom
		if len(l.cites) > 0 {
			w := e.open(dst, ev.Choice)
			e.cites(&w, l)
			dst = e.close(&w)
		}
		return e.called(dst, ev, &x, l)
	case chat.Media:
		if x.Medium != chat.Audio {
			e.l.Drop("choices[].parts[].data")
			l.dropped = true
			return dst
		}
		id := ev.Part.Item
		if id == "" {
			id = "audio_" + string(e.a.Call)
		}
		w := e.open(dst, ev.Choice)
		w.object("audio")
		w.str("id", id)
		w.close('}')
		return e.close(&w)
	case chat.Native:
		e.l.Drop("choices[].parts[].native")
		l.dropped = true
	}
	return dst
}

// called writes the first piece of a call, which alone has its id and name.
func (e *streamEncoder) called(dst []byte, ev *chat.Event, c *chat.ToolCall, l *laneOut) []byte {
	w := e.open(dst, ev.Choice)
	w.array("tool_calls")
	w.open('{')
	w.int("index", int64(l.call))
	w.str("id", c.ID)
	kind, input := callWords(c.Custom)
	w.str("type", kind)
	w.object(kind)
	w.str("name", c.Name)
	w.str(input, "")
	w.close('}')
	w.extra(e.l.Own("choices[].parts[]", ev.Part.Extra), "")
	w.close('}')
	w.close(']')
	return e.close(&w)
}

func callWords(custom bool) (kind, input string) {
	if custom {
		return "custom", "input"
	}
	return "function", "arguments"
}

func (e *streamEncoder) delta(dst []byte, ev *chat.Event, l *laneOut) []byte {
	if l.dropped {
		return dst
	}
	l.empty = false
	w := e.open(dst, ev.Choice)
	switch l.kind {
	case chat.KindText:
		l.runes += int64(utf8.RuneCount(ev.Bytes))
		w.bytes("content", ev.Bytes)
	case chat.KindRefusal:
		w.bytes("refusal", ev.Bytes)
	case chat.KindReasoning:
		w.name("reasoning_content")
		if l.pending {
			w.b = append(w.b, `"\n\n`...)
			at := len(w.b)
			w.b = appendQuoted(w.b, ev.Bytes)
			w.b = append(w.b[:at], w.b[at+1:]...)
		} else {
			w.b = appendQuoted(w.b, ev.Bytes)
		}
		l.pending, l.reasoned = false, true
	case chat.KindMedia:
		w.object("audio")
		if ev.Kind == chat.Speech {
			w.bytes("transcript", ev.Bytes)
		} else {
			w.bytes("data", ev.Bytes)
		}
		w.close('}')
	default:
		e.piece(&w, l, ev.Bytes)
	}
	return e.close(&w)
}

// piece writes more of a call's arguments.
func (e *streamEncoder) piece(w *writer, l *laneOut, b []byte) {
	kind, input := callWords(l.custom)
	w.array("tool_calls")
	w.open('{')
	w.int("index", int64(l.call))
	w.object(kind)
	w.bytes(input, b)
	w.close('}')
	w.close('}')
	w.close(']')
}

// bytes writes a member that is text of an event.
func (w *writer) bytes(name string, b []byte) {
	w.name(name)
	w.b = appendQuoted(w.b, b)
}

// seal writes the signature of a call as Google's extension has it.
func (e *streamEncoder) seal(dst []byte, ev *chat.Event, l *laneOut) []byte {
	if l.kind != chat.KindCall || ev.State.Kind != chat.ThoughtSig {
		e.l.Drop("choices[].parts[].state")
		return dst
	}
	w := e.open(dst, ev.Choice)
	w.array("tool_calls")
	w.open('{')
	w.int("index", int64(l.call))
	w.object("function") // OpenAI's own library for Python wants one in every delta of a call
	w.close('}')
	w.signature(ev.State.Blob)
	w.close('}')
	w.close(']')
	return e.close(&w)
}

// cite keeps a citation until the text is over, at the first call or at the
// choice's end: SDKs that gather deltas take annotations once alone.
func (e *streamEncoder) cite(c *chat.Citation, l *laneOut) {
	if !citable(c) || l.cited {
		e.l.Drop("choices[].parts[].citations")
		return
	}
	kept := *c
	if kept.Span = (*chat.Range)(nil); c.Span != nil {
		kept.Span = &chat.Range{Start: l.from + c.Span.Start, End: l.from + c.Span.End}
	} else {
		kept.Span = &chat.Range{Start: l.from, End: l.runes}
	}
	l.cites = append(l.cites, kept)
}

// cites writes all citations.
func (e *streamEncoder) cites(w *writer, l *laneOut) {
	w.annotations(l.cites)
	l.cited = l.cited || len(l.cites) > 0
	l.cites = nil
}

func (e *streamEncoder) tokens(dst []byte, ev *chat.Event, l *laneOut) []byte {
	w := e.open(dst, ev.Choice)
	w.close('}')
	if l.kind == chat.KindRefusal {
		w.logprobs(nil, ev.Logprobs)
	} else {
		w.logprobs(ev.Logprobs, nil)
	}
	w.null("finish_reason")
	w.close('}')
	return e.end(&w)
}

// stop ends a part. Arguments are never empty: an application would read them as JSON.
func (e *streamEncoder) stop(dst []byte, ev *chat.Event, l *laneOut) []byte {
	if l.kind != chat.KindCall || !l.empty || l.custom {
		return dst
	}
	w := e.open(dst, ev.Choice)
	e.piece(&w, l, []byte("{}"))
	return e.close(&w)
}

func (e *streamEncoder) finish(dst []byte, ev *chat.Event, l *laneOut) ([]byte, error) {
	word, err := finishOf(ev.Ending, l.refused, e.l)
	if err != nil {
		return dst, err
	}
	dst = e.speak(dst, ev, l)
	mine := e.l.Own("choices[].ending", ev.Ending.Extra)
	w := e.open(dst, ev.Choice)
	e.cites(&w, l)
	w.extra(mine, "message.")
	w.close('}')
	w.null("logprobs")
	w.str("finish_reason", word)
	w.extra(mine, "")
	w.close('}')
	return e.end(&w), nil
}

// counted writes the chunk with the usage, if it was asked for and is known.
func (e *streamEncoder) counted(dst []byte) []byte {
	if !e.usage || e.count == nil {
		return dst
	}
	e.l.Own("usage", e.count.Extra)
	w := writer{append(dst, e.front...)}
	w.close(']')
	w.usage(e.count)
	return append(w.b, "}\n\n"...)
}

// Tail is the end marker, after a reply that is whole.
func (e *streamEncoder) Tail(dst []byte) []byte {
	if !e.ended {
		return dst
	}
	return append(dst, "data: "+Done+"\n\n"...)
}

// Fail is an error object where the next chunk would be.
func (e *streamEncoder) Fail(dst []byte, f *fault.Fault) []byte {
	return append(dst, ErrorEvent(f, e.a.Call)...)
}

// KeepAlive is a comment.
func (e *streamEncoder) KeepAlive(dst []byte) []byte { return append(dst, KeepAlive...) }
