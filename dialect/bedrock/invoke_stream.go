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

// Frame appends the frame of an event of the bodies' dialect: its name and its JSON.
type Frame = func(dst []byte, event string, data []byte) []byte

// Stream implements dialect.Server: the events of the bodies' dialect, each in
// a chunk frame.
func (i Invoke) Stream(a *dialects.Answering) dialects.StreamEncoder {
	e := &chunkEncoder{a: a}
	e.StreamEncoder = i.Frames(a, e.frame)
	return e
}

// chunkEncoder is the encoder of the bodies' dialect, its events in frames.
// What AWS says of a stream itself, its counts and its failures, is AWS's form.
type chunkEncoder struct {
	dialects.StreamEncoder
	a     *dialects.Answering
	data  []byte // scratch: an event with the counts
	usage *chat.Usage
}

// Event implements dialect.StreamEncoder.
func (e *chunkEncoder) Event(dst []byte, ev *chat.Event) ([]byte, error) {
	if ev.Kind == chat.Count {
		u := *ev.Usage
		e.usage = &u
	}
	return e.StreamEncoder.Event(dst, ev)
}

// Fail implements dialect.StreamEncoder.
func (e *chunkEncoder) Fail(dst []byte, f *fault.Fault) []byte { return Exception(dst, f, e.a) }

// frame puts an event into a chunk. To the one that ends a message Bedrock adds
// what was used.
func (e *chunkEncoder) frame(dst []byte, event string, data []byte) []byte {
	if body, whole := bytes.CutSuffix(data, []byte("}")); whole && e.usage != nil && event == "message_stop" {
		b := append(append(e.data[:0], body...), `,"amazon-bedrock-invocationMetrics":{"inputTokenCount":`...)
		b = strconv.AppendInt(b, e.usage.Input+e.usage.ToolPrompt, 10)
		b = append(b, `,"outputTokenCount":`...)
		b = strconv.AppendInt(b, e.usage.Output, 10)
		e.data = append(b, "}}"...)
		data = e.data
	}
	return chunk(dst, data)
}

// Events reads the events of one stream in the dialect of the bodies, one at a
// time; Close gives those that only the end of the stream decides, or the fault
// of one that broke off.
type Events interface {
	Read(data []byte, emit chat.Sink) error
	Close(emit chat.Sink) error
}

// InvokeStream reads the frames of a stream of InvokeModel. begin begins the
// events of a stream in the dialect of the bodies; nil is for families that no
// dialect reads: then each chunk is a piece of one block of Bedrock's own, and
// the counts in the last one end the reply.
func InvokeStream(begin func() Events) dialects.StreamDecoder {
	if begin == nil {
		return &opaqueDecoder{}
	}
	return &chunkDecoder{begin: begin}
}

// chunkDecoder takes events out of frames.
type chunkDecoder struct {
	frames wire.FrameReader
	scan   wire.Scanner
	begin  func() Events
	inner  Events
	bytes  []byte // of the event
	failed bool
}

// Reset implements dialect.StreamDecoder.
func (d *chunkDecoder) Reset(src io.Reader, buf []byte, max int) {
	d.frames.Reset(src, buf, max)
	d.inner, d.failed = d.begin(), false
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
	return f.Raw, d.inner.Read(d.bytes, emit)
}

// Close implements dialect.StreamDecoder.
func (d *chunkDecoder) Close(emit chat.Sink) error {
	switch {
	case d.failed:
		return nil
	case len(d.frames.Rest()) > 0:
		return fault.New(fault.UpstreamError, "The vendor's stream broke off within a frame.")
	}
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
