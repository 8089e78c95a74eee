package wire

import (
	"bytes"
	"errors"
	"io"
)

// ErrEventTooLarge is met when an event is larger than the reader's limit. The
// stream cannot be read on: fail it.
var ErrEventTooLarge = errors.New("a server-sent event over the limit")

// Event is one server-sent event with the bytes it came in
// (https://html.spec.whatwg.org/multipage/server-sent-events.html, as of 2026).
// Its slices are valid until the next call of [EventReader.Fill].
type Event struct {
	Raw  []byte // as it came, blank line included
	Data []byte // the data lines joined by LF; nil if there was none
	Type []byte // the event line; nil if there was none
}

// EventReader cuts a stream into events without changing a byte. Lines may end
// in LF, CR or CRLF, and reads may split it anywhere.
//
// Use: Fill, then Next until it says no, then Fill again; at the end Rest gives
// what follows the last blank line.
type EventReader struct {
	src        io.Reader
	buf        []byte
	start, end int // what is held: buf[start:end]
	seen       int // up to here, from start, no event ends
	max        int
	eof        bool
	joined     []byte
}

// Reset begins a new stream whose events may have max bytes. buf is used for
// as long as events fit, and grown beyond; it is nil for one of its own.
func (r *EventReader) Reset(src io.Reader, buf []byte, max int) {
	if buf == nil {
		buf = make([]byte, 4096)
	}
	*r = EventReader{src: src, buf: buf[:cap(buf)], max: max, joined: r.joined[:0]}
}

// Fill waits for more bytes: one read. It gives io.EOF when there are none
// left, ErrEventTooLarge when an event does not fit, or the source's error.
func (r *EventReader) Fill() error {
	if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
		r.end -= r.start
		r.start = 0
	}
	if r.end == len(r.buf) {
		if len(r.buf) >= r.max {
			return ErrEventTooLarge
		}
		bigger := make([]byte, min(2*len(r.buf), r.max))
		copy(bigger, r.buf[:r.end])
		r.buf = bigger
	}
	n, err := r.src.Read(r.buf[r.end:])
	r.end += n
	if errors.Is(err, io.EOF) {
		r.eof = true
		if n > 0 {
			err = nil
		}
	}
	return err
}

// Next gives the next whole event of what is held.
func (r *EventReader) Next() (Event, bool) {
	held := r.buf[r.start:r.end]
	for line := r.seen; ; {
		n, next := lineEnd(held, line, r.eof)
		if n < 0 {
			r.seen = line
			return Event{}, false
		}
		if n == line { // a blank line: the event ends
			r.start += next
			r.seen = 0
			return r.event(held[:next]), true
		}
		line = next
	}
}

// Rest is what is held of an event whose blank line has not come.
func (r *EventReader) Rest() []byte { return r.buf[r.start:r.end] }

// lineEnd finds the end of the line that begins at from, and where the next
// one begins; -1 if it has not come. A CR in the last place may be the half of
// a CRLF, so it ends a line only once more has come or nothing more can.
func lineEnd(b []byte, from int, eof bool) (end, next int) {
	rest := b[from:]
	lf := bytes.IndexByte(rest, '\n')
	before := rest
	if lf >= 0 {
		before = rest[:lf]
	}
	if cr := bytes.IndexByte(before, '\r'); cr >= 0 {
		switch {
		case cr+1 == lf:
			return from + cr, from + lf + 1
		case cr+1 < len(rest) || eof:
			return from + cr, from + cr + 1
		}
		return -1, 0
	}
	if lf < 0 {
		return -1, 0
	}
	return from + lf, from + lf + 1
}

// event reads the fields of an event that ends in a blank line.
func (r *EventReader) event(raw []byte) Event {
	e := Event{Raw: raw}
	several := false
	for at := 0; at < len(raw); {
		end, next := lineEnd(raw, at, true)
		if end < 0 {
			break
		}
		name, value, colon := bytes.Cut(raw[at:end], []byte{':'})
		if !colon {
			value = name[len(name):] // a field without a value is there all the same
		}
		value = bytes.TrimPrefix(value, []byte{' '})
		switch {
		case len(name) == 4 && string(name) == "data":
			switch {
			case e.Data == nil:
				e.Data = value[:len(value):len(value)]
			case !several:
				r.joined = append(append(append(r.joined[:0], e.Data...), '\n'), value...)
				several = true
			default:
				r.joined = append(append(r.joined, '\n'), value...)
			}
		case len(name) == 5 && string(name) == "event":
			e.Type = value
		}
		at = next
	}
	if several {
		e.Data = r.joined
	}
	return e
}
