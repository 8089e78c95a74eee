package bedrock

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Stream implements dialect.Server.
func (Server) Stream(a *dialects.Answering) dialects.StreamEncoder { return &streamEncoder{a: a} }

// streamEncoder writes events as frames of ConverseStream. Only calls and
// pictures begin with a frame of their own; blocks that say nothing are left
// out, and the others numbered 0, 1, 2…
type streamEncoder struct {
	a     *dialects.Answering
	head  chat.Extra
	tier  string
	usage *chat.Usage

	kind  chat.Kind // of the open part
	own   string    // kind of the open block of Bedrock's own
	block int       // of the next block
	shown bool      // the open part has a frame
	held  []byte    // of the open part: bytes of a picture, or JSON of Bedrock's own
	tail  []byte    // the metadata frame
}

// frameHeads are what stands before the payload of each kind of frame: room
// for the lengths, and the headers.
var frameHeads = func() map[string][]byte {
	heads := map[string][]byte{}
	for _, event := range []string{"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "chunk"} {
		f := wire.BeginFrame(nil)
		f.Text(":event-type", event)
		f.Text(":content-type", "application/json")
		f.Text(":message-type", "event")
		b, err := f.End()
		if err != nil {
			panic("bedrock: headers that no frame may have: " + err.Error())
		}
		heads[event] = b[:len(b)-4]
	}
	return heads
}()

// begin begins a frame: its payload is appended next, then seal is called with
// what begin was given.
func begin(dst []byte, event string) []byte { return append(dst, frameHeads[event]...) }

// seal ends the frame that begins at start: lengths and checksums.
func seal(dst []byte, start int) []byte {
	frame := dst[start:]
	binary.BigEndian.PutUint32(frame, uint32(len(frame)+4))
	binary.BigEndian.PutUint32(frame[8:], crc32.ChecksumIEEE(frame[:8]))
	return binary.BigEndian.AppendUint32(dst, crc32.ChecksumIEEE(frame))
}

// Event implements dialect.StreamEncoder.
func (e *streamEncoder) Event(dst []byte, ev *chat.Event) ([]byte, error) {
	switch ev.Kind {
	case chat.Begin:
		e.head, e.tier = ev.Head.Extra, ev.Head.Tier
		return e.frame(dst, "messageStart", func(w *writer) { w.str("role", "assistant") }), nil
	case chat.Count:
		u := *ev.Usage
		e.usage = &u
		return dst, nil
	case chat.End:
		e.tail = e.frame(e.tail[:0], "metadata", func(w *writer) {
			var aside chat.Extra
			if e.usage != nil {
				w.name("usage")
				w.usage(e.usage)
				aside = e.usage.Extra
			}
			w.metadata(e.head, aside, e.tier)
		})
		return dst, nil
	case chat.Fail:
		return dst, nil
	}
	if ev.Choice != 0 { // there is one answer; callers cannot ask for more
		lose(e.a).Drop("choices")
		return dst, nil
	}
	switch ev.Kind {
	case chat.Start:
		return e.start(dst, ev.Part), nil
	case chat.Delta:
		return e.delta(dst, ev.Bytes), nil
	case chat.Seal:
		return e.sealed(dst, ev.State), nil
	case chat.Cite:
		return e.deltaOf(dst, "citation", func(w *writer) { w.citation(ev.Citation) }), nil
	case chat.Speech:
		lose(e.a).Drop("choices[].parts[].transcript")
	case chat.Tokens:
		lose(e.a).Drop("choices[].parts[].logprobs")
	case chat.Stop:
		return e.stop(dst), nil
	case chat.Finish:
		return e.frame(dst, "messageStop", func(w *writer) {
			w.str("stopReason", stopReason(ev.Ending, lose(e.a)))
			w.extra(ev.Ending.Extra)
		}), nil
	}
	return dst, nil
}

// frame writes a frame whose payload is an object.
func (e *streamEncoder) frame(dst []byte, event string, write func(w *writer)) []byte {
	start := len(dst)
	w := writer{append(begin(dst, event), '{')}
	write(&w)
	w.close('}')
	return seal(w.b, start)
}

// blockFrame writes a frame about the open block.
func (e *streamEncoder) blockFrame(dst []byte, event string, write func(w *writer)) []byte {
	return e.frame(dst, event, func(w *writer) {
		w.raw("contentBlockIndex", []byte(chat.NumberOf(int64(e.block))))
		write(w)
	})
}

func (e *streamEncoder) deltaOf(dst []byte, which string, write func(w *writer)) []byte {
	e.shown = true
	return e.blockFrame(dst, "contentBlockDelta", func(w *writer) {
		w.open("delta", '{')
		w.name(which)
		write(w)
		w.close('}')
	})
}

func (e *streamEncoder) start(dst []byte, p *chat.Part) []byte {
	e.kind, e.own, e.shown, e.held = p.Content.Kind(), "", false, e.held[:0]
	switch x := p.Content.(type) {
	case chat.ToolCall:
		e.shown = true
		return e.blockFrame(dst, "contentBlockStart", func(w *writer) {
			w.open("start", '{')
			w.open("toolUse", '{')
			w.str("toolUseId", fitID(x.ID))
			w.str("name", fitTool(x.Name))
			w.close('}')
			w.close('}')
		})
	case chat.Media:
		format, known := formatOf(&x)
		if x.Medium != chat.Image || !known {
			lose(e.a).Drop("choices[].parts[].data")
			e.kind = ""
			return dst
		}
		e.shown = true
		return e.blockFrame(dst, "contentBlockStart", func(w *writer) {
			w.open("start", '{')
			w.open("image", '{')
			w.str("format", format)
			w.close('}')
			w.close('}')
		})
	case chat.Native:
		if x.Dialect != name || x.Type != "toolUse" && x.Type != "toolResult" {
			lose(e.a).Drop("choices[].parts[].native")
			e.kind = ""
			return dst
		}
		e.own = x.Type
	}
	return dst
}

// delta writes a piece of the open part. It allocates nothing but what dst needs.
func (e *streamEncoder) delta(dst []byte, piece []byte) []byte {
	before, after := "", "}"
	switch e.kind {
	case chat.KindText, chat.KindRefusal:
		before = `{"text":`
	case chat.KindReasoning:
		before, after = `{"reasoningContent":{"text":`, "}}"
	case chat.KindCall:
		before, after = `{"toolUse":{"input":`, "}}"
	case chat.KindMedia:
		return e.picture(dst, piece)
	case chat.KindNative:
		e.held = append(e.held, piece...)
		return dst
	default:
		return dst
	}
	e.shown = true
	if e.kind == chat.KindCall {
		e.held = append(e.held[:0], '.') // it has input
	}
	return e.short(dst, before, piece, after)
}

// short writes a delta of one string.
func (e *streamEncoder) short(dst []byte, before string, piece []byte, after string) []byte {
	start := len(dst)
	dst = append(begin(dst, "contentBlockDelta"), `{"contentBlockIndex":`...)
	dst = appendInt(dst, e.block)
	dst = append(append(dst, `,"delta":`...), before...)
	dst = quote(dst, piece)
	dst = append(append(dst, after...), '}')
	return seal(dst, start)
}

func appendInt(dst []byte, n int) []byte {
	if n >= 10 {
		dst = appendInt(dst, n/10)
	}
	return append(dst, byte('0'+n%10))
}

// picture writes bytes of a picture as pieces that are whole in themselves.
func (e *streamEncoder) picture(dst []byte, piece []byte) []byte {
	e.held = append(e.held, piece...)
	ready := len(e.held) / 4 * 4
	if ready == 0 {
		return dst
	}
	dst = e.short(dst, `{"image":{"source":{"bytes":`, e.held[:ready], "}}}")
	e.held = append(e.held[:0], e.held[ready:]...)
	return dst
}

// sealed writes the state of the open part, if Bedrock has a place for it.
func (e *streamEncoder) sealed(dst []byte, s *chat.State) []byte {
	if e.kind != chat.KindReasoning || shown(s, lose(e.a)) == nil {
		if e.kind != chat.KindReasoning {
			lose(e.a).Drop("choices[].parts[].state")
		}
		return dst
	}
	member := "signature"
	if s.Kind == chat.Redacted {
		member = "redactedContent"
	}
	return e.deltaOf(dst, "reasoningContent", func(w *writer) {
		w.b = append(w.b, '{')
		w.str(member, s.Blob)
		w.close('}')
	})
}

func (e *streamEncoder) stop(dst []byte) []byte {
	switch {
	case e.kind == chat.KindCall && len(e.held) == 0: // no arguments: callers parse what they gathered
		dst = e.short(dst, `{"toolUse":{"input":`, []byte("{}"), "}}")
	case e.own != "":
		dst = e.native(dst)
	case e.kind == chat.KindMedia && len(e.held) > 0:
		if rest, ok := standard(string(e.held)); ok {
			dst = e.short(dst, `{"image":{"source":{"bytes":`, []byte(rest), "}}}")
		}
	}
	e.kind, e.held = "", e.held[:0]
	if !e.shown {
		return dst
	}
	e.shown = false
	dst = e.blockFrame(dst, "contentBlockStop", func(*writer) {})
	e.block++
	return dst
}

// native writes a block of Bedrock's own: its members but for what comes in
// pieces stand in its start.
func (e *streamEncoder) native(dst []byte) []byte {
	pieces := "input"
	if e.own == "toolResult" {
		pieces = "content"
	}
	var s wire.Scanner
	s.Reset(e.held)
	s.Lenient = true
	if !s.Object() {
		lose(e.a).Drop("choices[].parts[].native")
		return dst
	}
	var start writer
	var content []byte
	start.b = append(start.b, '{')
	for n := s.Name(); n != nil; n = s.Name() {
		member := string(n)
		value := s.Slice(s.Skip())
		if member == pieces {
			content = value
			continue
		}
		start.raw(member, value)
	}
	start.close('}')
	if s.End() != nil {
		lose(e.a).Drop("choices[].parts[].native")
		return dst
	}
	e.shown = true
	dst = e.blockFrame(dst, "contentBlockStart", func(w *writer) {
		w.open("start", '{')
		w.raw(e.own, start.b)
		w.close('}')
	})
	if len(content) == 0 {
		return dst
	}
	return e.deltaOf(dst, e.own, func(w *writer) {
		if e.own == "toolResult" {
			w.b = append(w.b, content...)
			return
		}
		w.b = append(w.b, '{')
		w.str("input", string(content))
		w.close('}')
	})
}

// Tail implements dialect.StreamEncoder: the metadata frame is last.
func (e *streamEncoder) Tail(dst []byte) []byte {
	dst = append(dst, e.tail...)
	e.tail = e.tail[:0]
	return dst
}

// Fail implements dialect.StreamEncoder.
func (e *streamEncoder) Fail(dst []byte, f *fault.Fault) []byte {
	e.tail = e.tail[:0]
	return Exception(dst, f, e.a)
}

// Exception appends the frame by which a stream ends in a fault.
func Exception(dst []byte, f *fault.Fault, a *dialects.Answering) []byte {
	b := wire.BeginFrame(dst)
	b.Text(":exception-type", exception(f.Kind))
	b.Text(":content-type", "application/json")
	b.Text(":message-type", "exception")
	b.Payload(dialects.Refusal(dialects.Bedrock, f, a.Call))
	out, err := b.End()
	if err != nil { // reasons beyond what a frame may hold: say the fault alone
		return Exception(dst, fault.New(f.Kind, "The stream failed."), a)
	}
	return out
}

// KeepAlive implements dialect.StreamEncoder: an empty piece of the block that
// is open. Before the first and between two there is none: a block begun for it
// would be an empty one of the message.
func (e *streamEncoder) KeepAlive(dst []byte) []byte {
	if !e.shown {
		return dst
	}
	switch e.kind {
	case chat.KindText, chat.KindRefusal:
		return e.short(dst, `{"text":`, nil, "}")
	case chat.KindReasoning:
		return e.short(dst, `{"reasoningContent":{"text":`, nil, "}}")
	case chat.KindCall:
		return e.short(dst, `{"toolUse":{"input":`, nil, "}}")
	}
	return dst
}

// chunk appends a frame of InvokeModel with the bytes of an event.
func chunk(dst []byte, event []byte) []byte {
	start := len(dst)
	dst = append(begin(dst, "chunk"), `{"bytes":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, event)
	return seal(append(dst, `"}`...), start)
}
