package bedrock

import (
	"bytes"
	"encoding/base64"
	"io"
	"strconv"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Stream implements dialect.Server: the events of the bodies' dialect, each in
// a chunk frame.
func (i Invoke) Stream(a *dialects.Answering) dialects.StreamEncoder {
	return &chunkEncoder{inner: i.Server.Stream(a), a: a}
}

// chunkEncoder puts server-sent events into frames.
type chunkEncoder struct {
	inner dialects.StreamEncoder
	a     *dialects.Answering
	text  []byte // scratch: what the inner encoder wrote
	data  []byte // scratch: an event with the counts
	usage *chat.Usage
}

// Event implements dialect.StreamEncoder.
func (e *chunkEncoder) Event(dst []byte, ev *chat.Event) ([]byte, error) {
	if ev.Kind == chat.Count {
		u := *ev.Usage
		e.usage = &u
	}
	var err error
	if e.text, err = e.inner.Event(e.text[:0], ev); err != nil {
		return dst, err
	}
	return e.chunks(dst, e.text), nil
}

// chunks wraps the data of each event; what has none, such as a comment, goes nowhere.
func (e *chunkEncoder) chunks(dst, events []byte) []byte {
	for len(events) > 0 {
		line := events
		if end := bytes.IndexByte(events, '\n'); end >= 0 {
			line, events = events[:end], events[end+1:]
		} else {
			events = nil
		}
		if data, is := bytes.CutPrefix(line, []byte("data:")); is {
			dst = chunk(dst, e.counted(bytes.TrimSpace(data)))
		}
	}
	return dst
}

// counted adds what was used to the event that ends a message, as Bedrock does.
func (e *chunkEncoder) counted(data []byte) []byte {
	body, last := bytes.CutSuffix(data, []byte("}"))
	if e.usage == nil || !last || !bytes.Contains(data, []byte(`"message_stop"`)) || peek(data, "type") != "message_stop" {
		return data
	}
	b := append(append(e.data[:0], body...), `,"amazon-bedrock-invocationMetrics":{"inputTokenCount":`...)
	b = strconv.AppendInt(b, e.usage.Input+e.usage.ToolPrompt, 10)
	b = append(b, `,"outputTokenCount":`...)
	b = strconv.AppendInt(b, e.usage.Output, 10)
	e.data = append(b, "}}"...)
	return e.data
}

// Tail implements dialect.StreamEncoder.
func (e *chunkEncoder) Tail(dst []byte) []byte {
	e.text = e.inner.Tail(e.text[:0])
	return e.chunks(dst, e.text)
}

// Fail implements dialect.StreamEncoder.
func (e *chunkEncoder) Fail(dst []byte, f *fault.Fault) []byte { return Exception(dst, f, e.a) }

// KeepAlive implements dialect.StreamEncoder.
func (e *chunkEncoder) KeepAlive(dst []byte) []byte {
	e.text = e.inner.KeepAlive(e.text[:0])
	return e.chunks(dst, e.text)
}

// InvokeStream reads the frames of a stream of InvokeModel. inner reads the
// server-sent events that their bytes would be in the dialect of the bodies;
// nil is for families that no dialect reads: then each chunk is a piece of one
// block of Bedrock's own, and the counts in the last one end the reply.
func InvokeStream(inner dialects.StreamDecoder) dialects.StreamDecoder {
	if inner == nil {
		return &opaqueDecoder{}
	}
	return &chunkDecoder{inner: inner}
}

// pipe hands bytes to an inner decoder's reads.
type pipe struct {
	held []byte
	end  bool
}

// Read implements io.Reader.
func (p *pipe) Read(b []byte) (int, error) {
	n := copy(b, p.held)
	p.held = p.held[n:]
	if n == 0 && p.end {
		return 0, io.EOF
	}
	return n, nil
}

// chunkDecoder takes events out of frames.
type chunkDecoder struct {
	frames wire.FrameReader
	scan   wire.Scanner
	inner  dialects.StreamDecoder
	pipe   pipe
	bytes  []byte // of the event
	event  []byte // with its lines
	failed bool
}

// Reset implements dialect.StreamDecoder.
func (d *chunkDecoder) Reset(src io.Reader, buf []byte, max int) {
	d.frames.Reset(src, buf, max)
	d.pipe, d.failed = pipe{}, false
	d.inner.Reset(&d.pipe, nil, max)
}

// Fill implements dialect.StreamDecoder.
func (d *chunkDecoder) Fill() error { return d.frames.Fill() }

// Next implements dialect.StreamDecoder.
func (d *chunkDecoder) Next(emit chat.Sink) ([]byte, error) {
	f, ok, err := d.frames.Next()
	switch {
	case err != nil:
		return nil, unreadable(err)
	case !ok:
		return nil, nil
	case d.failed:
		return f.Raw, nil
	}
	if bad := failure(&f); bad != nil {
		d.failed = true
		return f.Raw, emit(chatFail(bad))
	}
	if string(f.Text(":event-type")) != "chunk" {
		return f.Raw, nil
	}
	if d.bytes, err = payload(&d.scan, f.Payload, d.bytes); err != nil {
		return f.Raw, err
	}
	d.event = serverSent(&d.scan, d.event[:0], d.bytes)
	d.pipe.held = d.event
	return f.Raw, d.drain(emit)
}

// drain lets the inner decoder read all that it is given.
func (d *chunkDecoder) drain(emit chat.Sink) error {
	for len(d.pipe.held) > 0 {
		if err := d.inner.Fill(); err != nil {
			return unreadable(err)
		}
		for {
			frame, err := d.inner.Next(emit)
			if err != nil {
				return err
			}
			if frame == nil {
				break
			}
		}
	}
	return nil
}

// Close implements dialect.StreamDecoder.
func (d *chunkDecoder) Close(emit chat.Sink) error {
	switch {
	case d.failed:
		return nil
	case len(d.frames.Rest()) > 0:
		return fault.New(fault.UpstreamError, "The vendor's stream broke off within a frame.")
	}
	d.pipe.end = true
	return d.inner.Close(emit)
}

// payload decodes the bytes of a chunk.
func payload(s *wire.Scanner, frame, dst []byte) ([]byte, error) {
	s.Reset(frame)
	s.Lenient = true
	dst = dst[:0]
	found := false
	if s.Object() {
		for n := s.Name(); n != nil; n = s.Name() {
			if string(n) != "bytes" || s.Next() != wire.String {
				s.Skip() // padding
				continue
			}
			span, _, _ := s.Text()
			out, err := base64.StdEncoding.AppendDecode(dst, s.Slice(span))
			if err != nil {
				return dst, unreadable(err)
			}
			dst, found = out, true
		}
	}
	if err := s.End(); err != nil {
		return dst, unreadable(err)
	}
	if !found {
		return dst, fault.New(fault.UpstreamError, "The vendor's stream has a chunk without bytes.")
	}
	return dst, nil
}

// serverSent writes an event as Anthropic's own API sends it: its type as the
// name, its JSON on one line or several.
func serverSent(s *wire.Scanner, dst, event []byte) []byte {
	s.Reset(event)
	s.Lenient = true
	if s.Next() == wire.Object && s.Object() {
		for n := s.Name(); n != nil; n = s.Name() {
			if string(n) == "type" && s.Next() == wire.String {
				span, escaped, _ := s.Text()
				if !escaped {
					dst = append(append(append(dst, "event: "...), s.Slice(span)...), '\n')
				}
				break
			}
			s.Skip()
		}
	}
	for line := range bytes.Lines(event) {
		dst = append(append(dst, "data: "...), bytes.TrimRight(line, "\r\n")...)
		dst = append(dst, '\n')
	}
	return append(dst, '\n')
}

// opaqueDecoder reads streams of families that no dialect reads, for the relay
// lane: that there is content, what was used, and that the reply is whole. The
// last chunk is the one with the counts of the call.
type opaqueDecoder struct {
	frames wire.FrameReader
	scan   wire.Scanner
	event  chat.Event
	bytes  []byte
	begun  bool
	over   bool
}

// Reset implements dialect.StreamDecoder.
func (d *opaqueDecoder) Reset(src io.Reader, buf []byte, max int) {
	d.frames.Reset(src, buf, max)
	d.begun, d.over = false, false
}

// Fill implements dialect.StreamDecoder.
func (d *opaqueDecoder) Fill() error { return d.frames.Fill() }

// Next implements dialect.StreamDecoder.
func (d *opaqueDecoder) Next(emit chat.Sink) ([]byte, error) {
	f, ok, err := d.frames.Next()
	switch {
	case err != nil:
		return nil, unreadable(err)
	case !ok:
		return nil, nil
	case d.over:
		return f.Raw, nil
	}
	if bad := failure(&f); bad != nil {
		d.over = true
		return f.Raw, emit(chatFail(bad))
	}
	if string(f.Text(":event-type")) != "chunk" {
		return f.Raw, nil
	}
	if d.bytes, err = payload(&d.scan, f.Payload, d.bytes); err != nil {
		return f.Raw, err
	}
	return f.Raw, d.piece(emit)
}

func (d *opaqueDecoder) piece(emit chat.Sink) error {
	if !d.begun {
		d.begun = true
		if err := emit(&chat.Event{Kind: chat.Begin, Head: &chat.Head{}}); err != nil {
			return err
		}
		if err := emit(&chat.Event{Kind: chat.Start, Part: &chat.Part{Content: chat.Native{Dialect: name, Type: "chunk"}}}); err != nil {
			return err
		}
	}
	usage, last, err := d.counts()
	if err != nil {
		return err
	}
	d.event = chat.Event{Kind: chat.Delta, Bytes: d.bytes}
	if err := emit(&d.event); err != nil || !last {
		return err
	}
	d.over = true
	for _, ev := range []chat.Event{{Kind: chat.Stop}, {Kind: chat.Finish, Ending: &chat.Ending{Reason: chat.ReasonStop}}, {Kind: chat.Count, Usage: usage}, {Kind: chat.End}} {
		if ev.Kind == chat.Count && usage == nil {
			continue
		}
		if err := emit(&ev); err != nil {
			return err
		}
	}
	return nil
}

// counts reads the counts of a chunk, if it has them.
func (d *opaqueDecoder) counts() (u *chat.Usage, last bool, err error) {
	s := &d.scan
	s.Reset(d.bytes)
	s.Lenient = true
	if s.Object() {
		for n := s.Name(); n != nil; n = s.Name() {
			if string(n) != "amazon-bedrock-invocationMetrics" || s.Next() != wire.Object {
				s.Skip()
				continue
			}
			last = true
			var c chat.Usage
			known := 0
			s.Object()
			for n := s.Name(); n != nil; n = s.Name() {
				of := decoder{s: s}
				switch string(n) {
				case "inputTokenCount":
					c.Input, known = count(&of, known)
				case "outputTokenCount":
					c.Output, known = count(&of, known)
				case "cacheReadInputTokenCount":
					c.CacheRead, _ = count(&of, 0)
				case "cacheWriteInputTokenCount":
					c.CacheWrite5m, _ = count(&of, 0)
				default:
					s.Skip()
				}
			}
			if known == 2 {
				u = &c
			}
		}
	}
	if err := s.End(); err != nil {
		return nil, false, unreadable(err)
	}
	return u, last, nil
}

func count(d *decoder, known int) (int64, int) {
	n, ok := d.count(d.s.Next())
	if ok {
		known++
	}
	return n, known
}

// Close implements dialect.StreamDecoder.
func (d *opaqueDecoder) Close(chat.Sink) error {
	if d.over {
		return nil
	}
	return fault.New(fault.UpstreamError, "The vendor's stream broke off.")
}
