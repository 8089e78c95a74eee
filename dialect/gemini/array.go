package gemini

import (
	"bytes"
	"errors"
	"io"

	"bulkhead/wire"
)

// errElement is met when a streamed array holds what is no object.
var errElement = errors.New("a streamed array holds what is no object")

// elements cuts a JSON array that grows into its objects, without changing a
// byte. Reads may split it anywhere. Use as [wire.EventReader].
type elements struct {
	src        io.Reader
	buf        []byte
	start, end int // what is held: buf[start:end]
	seen       int // up to here, from start, has been looked at
	max        int
	depth      int // of open objects and arrays; the array itself is 1
	begun      int // where the object begins, from start
	quoted     bool
	escaped    bool
	closed     bool // the array has ended
}

func (r *elements) reset(src io.Reader, buf []byte, max int) {
	if cap(buf) == 0 {
		buf = make([]byte, 4096)
	}
	*r = elements{src: src, buf: buf[:cap(buf)], max: max}
}

// fill waits for more bytes: one read.
func (r *elements) fill() error {
	if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
		r.end -= r.start
		r.start = 0
	}
	if r.end == len(r.buf) {
		if len(r.buf) >= r.max {
			return wire.ErrEventTooLarge
		}
		bigger := make([]byte, min(2*len(r.buf), r.max))
		copy(bigger, r.buf[:r.end])
		r.buf = bigger
	}
	n, err := r.src.Read(r.buf[r.end:])
	r.end += n
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return err
}

// next gives the next object, and the bytes it came in, with what stands
// before it. The end of the array, and white space after it, are frames
// without an object. No frame: more must be read.
func (r *elements) next() (frame, object []byte, err error) {
	held := r.buf[r.start:r.end]
	if r.closed {
		if len(bytes.Trim(held, " \t\r\n")) > 0 {
			return nil, nil, errElement
		}
		return r.take(len(held)), nil, nil
	}
	for i := r.seen; i < len(held); i++ {
		c := held[i]
		switch {
		case r.quoted:
			r.quoted = r.escaped || c != '"'
			r.escaped = !r.escaped && c == '\\'
		case r.depth > 1 && c == '"':
			r.quoted = true
		case c == '{' || c == '[' && r.depth != 1:
			if r.depth == 0 && c != '[' {
				return nil, nil, errElement
			}
			if r.depth == 1 {
				r.begun = i
			}
			r.depth++
		case c == '}' && r.depth > 1 || c == ']' && r.depth > 0:
			r.depth--
			switch r.depth {
			case 0:
				r.closed = true
				return r.take(i + 1), nil, nil
			case 1:
				object = held[r.begun : i+1]
				return r.take(i + 1), object, nil
			}
		case r.depth <= 1 && c != ' ' && c != '\t' && c != '\r' && c != '\n' && (c != ',' || r.depth == 0):
			return nil, nil, errElement
		}
	}
	r.seen = len(held)
	return nil, nil, nil
}

// take gives the first n bytes held and passes over them.
func (r *elements) take(n int) []byte {
	if n == 0 {
		return nil
	}
	frame := r.buf[r.start : r.start+n]
	r.start += n
	r.seen, r.begun = 0, 0
	return frame
}
