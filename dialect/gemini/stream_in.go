package gemini

import (
	"bytes"
	"errors"
	"io"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/wire"
)

// streamDecoder reads a stream in either of its forms, which its first byte
// tells: an array begins with a bracket.
type streamDecoder struct {
	replyDecoder
	scan wire.Scanner

	src    io.Reader
	buf    []byte
	max    int
	form   form
	first  []byte // what was read before the form was known
	events wire.EventReader
	array  elements
}

type form int

const (
	formUnknown form = iota
	formEvents
	formArray
)

// Stream gives a decoder of a streamed reply.
func (Client) Stream(to *dialect.Upstream) dialect.StreamDecoder {
	return &streamDecoder{replyDecoder: replyDecoder{family: to.Family}}
}

// Reset begins a stream.
func (d *streamDecoder) Reset(src io.Reader, buf []byte, max int) {
	*d = streamDecoder{replyDecoder: replyDecoder{family: d.family, stream: true, undo: d.undo}, src: src, buf: buf, max: max}
	d.s = &d.scan
}

// Fill waits for more bytes.
func (d *streamDecoder) Fill() error {
	switch d.form {
	case formEvents:
		return d.events.Fill()
	case formArray:
		return d.array.fill()
	}
	var b [512]byte
	n, err := d.src.Read(b[:])
	d.first = append(d.first, b[:n]...)
	if len(d.first) > d.max {
		return wire.ErrEventTooLarge
	}
	seen := bytes.TrimLeft(d.first, " \t\r\n")
	if len(seen) == 0 {
		if n > 0 && errors.Is(err, io.EOF) {
			err = nil
		}
		return err
	}
	src := &resumed{d.first, d.src, err}
	d.first = nil
	if seen[0] == '[' {
		d.form = formArray
		d.array.reset(src, d.buf, d.max)
		return d.array.fill()
	}
	d.form = formEvents
	d.events.Reset(src, d.buf, d.max)
	return d.events.Fill()
}

// resumed reads what was read already, then the error that came with it, then
// the source.
type resumed struct {
	first []byte
	src   io.Reader
	err   error
}

func (r *resumed) Read(b []byte) (int, error) {
	if len(r.first) > 0 {
		n := copy(b, r.first)
		r.first = r.first[n:]
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	return r.src.Read(b)
}

// Next reads the next whole frame that is held.
func (d *streamDecoder) Next(emit chat.Sink) ([]byte, error) {
	switch d.form {
	case formEvents:
		e, ok := d.events.Next()
		if !ok {
			return nil, nil
		}
		data := bytes.Trim(e.Data, " \t\r\n")
		if e.Data == nil {
			// An error may stand without "data:".
			if data = bytes.Trim(e.Raw, " \t\r\n"); len(data) == 0 || data[0] != '{' {
				return e.Raw, nil
			}
		}
		if len(data) == 0 || string(data) == "[DONE]" {
			return e.Raw, nil
		}
		return e.Raw, d.chunk(data, emit)
	case formArray:
		frame, object, err := d.array.next()
		if err != nil {
			return nil, broken("its array holds what is no object").Because(err)
		}
		if object == nil {
			return frame, nil
		}
		return frame, d.chunk(object, emit)
	}
	return nil, nil
}

// Close gives the events that only the end decides.
func (d *streamDecoder) Close(emit chat.Sink) error {
	if d.over {
		return nil
	}
	whole := false
	switch d.form {
	case formEvents:
		rest := bytes.Trim(d.events.Rest(), " \t\r\n")
		if len(rest) > 0 && rest[0] == '{' {
			if c, err := d.outline(rest); err == nil && c.error.End > 0 {
				return d.chunk(rest, emit)
			}
		}
		whole = len(rest) == 0
	case formArray:
		whole = d.array.closed
	}
	if !whole {
		return fault.New(fault.UpstreamError, "The vendor's reply broke off.")
	}
	return d.finish(emit)
}
