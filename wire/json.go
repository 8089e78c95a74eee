// Package wire reads and cuts bytes as they lie on the wire: JSON texts of
// which nothing may be re-encoded ([Scanner], [Splice]), server-sent events
// ([EventReader]) and frames of AWS event streams ([FrameReader],
// [FrameBuilder]).
//
// It knows no vendor and no field. A JSON text is read once, front to back,
// and everything that two parsers could read differently is refused: names
// that occur twice in an object (escapes undone), text that is not UTF-8,
// lone surrogates, anything after the value. Syntax is RFC 8259, with the
// restrictions of RFC 7493 (I-JSON) on names and text.
package wire

import (
	"bytes"
	"fmt"
)

// MaxDepth is how deep values may be nested.
const MaxDepth = 128

// MaxNames is how many names one object may have.
const MaxNames = 10_000

// Kind is the kind of a JSON value, told by its first byte.
type Kind byte

// The kinds; Invalid stands for anything that begins no value.
const (
	Invalid Kind = 0
	Object  Kind = '{'
	Array   Kind = '['
	String  Kind = '"'
	Number  Kind = '0'
	True    Kind = 't'
	False   Kind = 'f'
	Null    Kind = 'n'
)

// String names the kind as a person would.
func (k Kind) String() string {
	switch k {
	case Object:
		return "an object"
	case Array:
		return "an array"
	case String:
		return "a string"
	case Number:
		return "a number"
	case True, False:
		return "a boolean"
	case Null:
		return "null"
	}
	return "no JSON value"
}

// Span is a half-open range of byte offsets into the text.
type Span struct{ Start, End int }

// SyntaxError says where a text stops being acceptable JSON, and why.
type SyntaxError struct {
	Offset int // in bytes from the start of the text
	Msg    string
}

// Error gives the place and the reason.
func (e *SyntaxError) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Msg) }

// Scanner reads one JSON text in a single pass. Its caller walks the parts it
// wants ([Scanner.Object] with [Scanner.Name], [Scanner.Array] with
// [Scanner.Element]) and passes over the rest ([Scanner.Skip]); every byte is
// checked either way. After the first fault every method does nothing and says
// no; [Scanner.End] gives the fault. The text is never written to, and spans
// and slices point into it.
type Scanner struct {
	data   []byte
	pos    int
	err    *SyntaxError
	depth  int
	frames [MaxDepth]frame
	names  []name // of all open objects, outermost first
	undone []byte // names that had escapes, undone

	// Lenient lets names occur twice and halves of surrogate pairs pass: for a
	// reply that is only metered and goes on as it came. Reset unsets it.
	Lenient bool

	// Hear, if set, is given every string as it is read, names included: the
	// bytes between the quotes, and whether they hold escapes. Reset unsets it.
	Hear func(raw []byte, escaped, name bool)
}

// frame is an open object or array.
type frame struct {
	object bool
	begun  bool // a member or element has been read
	base   int  // index of the object's first name in names
	seen   map[string]struct{}
}

// name is where a name's unescaped bytes lie: in data, or in undone.
type name struct {
	start, end int
	undone     bool
}

// Reset begins a new text. The zero Scanner needs it too.
func (s *Scanner) Reset(data []byte) {
	s.data, s.pos, s.err, s.depth = data, 0, nil, 0
	s.names, s.undone, s.Hear, s.Lenient = s.names[:0], s.undone[:0], nil, false
}

// Pos is the offset of the next byte to be read, white space included.
func (s *Scanner) Pos() int { return s.pos }

// Failed reports whether a fault was met.
func (s *Scanner) Failed() bool { return s.err != nil }

// End checks that nothing but white space is left and gives the first fault of
// the text, a *SyntaxError, or nil.
func (s *Scanner) End() error {
	if s.err == nil {
		if s.peek(); s.pos < len(s.data) {
			s.fail("more text after the end of the JSON value")
		}
	}
	if s.err != nil {
		return s.err
	}
	return nil
}

func (s *Scanner) fail(format string, args ...any) { s.failAt(s.pos, format, args...) }

func (s *Scanner) failAt(at int, format string, args ...any) {
	if s.err == nil {
		s.err = &SyntaxError{Offset: at, Msg: fmt.Sprintf(format, args...)}
	}
}

// peek passes over white space and gives the next byte, 0 at the end.
func (s *Scanner) peek() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\n', '\r', '\t':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// Next tells the kind of the next value without reading it.
func (s *Scanner) Next() Kind {
	if s.err != nil {
		return Invalid
	}
	switch c := s.peek(); c {
	case '{', '[', '"', 't', 'f', 'n':
		return Kind(c)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return Number
	}
	return Invalid
}

// Object enters an object; it says no if the next value is none.
func (s *Scanner) Object() bool { return s.open('{', true) }

// Array enters an array; it says no if the next value is none.
func (s *Scanner) Array() bool { return s.open('[', false) }

func (s *Scanner) open(c byte, object bool) bool {
	if s.err != nil {
		return false
	}
	if s.peek() != c {
		s.expected(Kind(c).String())
		return false
	}
	if s.depth == MaxDepth {
		s.fail("nested deeper than %d", MaxDepth)
		return false
	}
	s.pos++
	s.frames[s.depth] = frame{object: object, base: len(s.names)}
	s.depth++
	return true
}

// expected faults the next byte, or the end of the text.
func (s *Scanner) expected(what string) {
	if s.peek(); s.pos >= len(s.data) {
		s.fail("the text ends where %s was expected", what)
		return
	}
	s.fail("expected %s", what)
}

// Element reports whether the array that was entered last has a further
// element, which the caller then reads; at the array's end it leaves it.
func (s *Scanner) Element() bool {
	if s.err != nil {
		return false
	}
	f := &s.frames[s.depth-1]
	c := s.peek()
	switch {
	case c == ']':
		s.pos++
		s.depth--
		return false
	case !f.begun:
		f.begun = true
		return true
	case c == ',':
		s.pos++
		if s.peek() == ']' {
			s.fail("a comma before the end of an array")
			return false
		}
		return true
	}
	s.expected("a comma or the end of the array")
	return false
}

// Name reads the next member's name of the object that was entered last,
// escapes undone, and the caller then reads its value; at the object's end it
// leaves it and gives nil. The name is valid until the next call.
func (s *Scanner) Name() []byte {
	if s.err != nil {
		return nil
	}
	f := &s.frames[s.depth-1]
	c := s.peek()
	if c == '}' {
		s.pos++
		s.depth--
		s.names = s.names[:f.base]
		if s.depth == 0 {
			s.undone = s.undone[:0]
		}
		return nil
	}
	if f.begun {
		if c != ',' {
			s.expected("a comma or the end of the object")
			return nil
		}
		s.pos++
		c = s.peek()
	}
	f.begun = true
	if c != '"' {
		s.expected("a name in double quotes")
		return nil
	}
	return s.name(f)
}

// name reads a name and its colon and refuses one that the object has already.
func (s *Scanner) name(f *frame) []byte {
	at := s.pos
	escaped, ok := s.str()
	if !ok {
		return nil
	}
	n := name{start: at + 1, end: s.pos - 1}
	if s.Hear != nil {
		s.Hear(s.data[n.start:n.end], escaped, true)
	}
	if escaped {
		from := len(s.undone)
		s.undone = Unescape(s.undone, s.data[n.start:n.end])
		n = name{start: from, end: len(s.undone), undone: true}
	}
	b := s.bytes(n)
	if !s.Lenient && !s.first(f, b) {
		s.failAt(at, "the name %q occurs twice in one object", clip(b))
		return nil
	}
	s.names = append(s.names, n)
	if s.peek() != ':' {
		s.expected("a colon after the name")
		return nil
	}
	s.pos++
	return b
}

func (s *Scanner) bytes(n name) []byte {
	if n.undone {
		return s.undone[n.start:n.end]
	}
	return s.data[n.start:n.end]
}

// linearNames is the number of names up to which comparing with each of them
// is cheaper than a table.
const linearNames = 32

// first reports whether the open object f has no such name yet.
func (s *Scanner) first(f *frame, b []byte) bool {
	have := s.names[f.base:]
	if len(have) < linearNames {
		for _, n := range have {
			if n.end-n.start == len(b) && bytes.Equal(s.bytes(n), b) {
				return false
			}
		}
		return true
	}
	if len(have) >= MaxNames {
		s.fail("an object with more than %d names", MaxNames)
		return true
	}
	if f.seen == nil {
		f.seen = make(map[string]struct{}, 2*linearNames)
		for _, n := range have {
			f.seen[string(s.bytes(n))] = struct{}{}
		}
	}
	if _, twice := f.seen[string(b)]; twice {
		return false
	}
	f.seen[string(b)] = struct{}{}
	return true
}

// clip bounds what of a name is repeated in an error.
func clip(b []byte) []byte {
	if len(b) > 64 {
		return b[:64]
	}
	return b
}

// Text reads a string and gives the span between its quotes, and whether it
// holds escapes, which [Unescape] undoes.
func (s *Scanner) Text() (span Span, escaped, ok bool) {
	if s.err != nil {
		return Span{}, false, false
	}
	if s.peek() != '"' {
		s.expected("a string")
		return Span{}, false, false
	}
	at := s.pos
	if escaped, ok = s.heard(); !ok {
		return Span{}, false, false
	}
	return Span{at + 1, s.pos - 1}, escaped, true
}

// Slice gives the bytes of a span.
func (s *Scanner) Slice(p Span) []byte { return s.data[p.Start:p.End] }

// Skip passes over the next value, checking it whole, and gives its span.
func (s *Scanner) Skip() Span {
	if s.err != nil {
		return Span{s.pos, s.pos}
	}
	s.peek()
	at, floor := s.pos, s.depth
	for {
		s.value()
		for s.err == nil && s.depth > floor && !s.more() {
		}
		if s.err != nil || s.depth == floor {
			return Span{at, s.pos}
		}
	}
}

// more steps to the next value of the innermost open container, or leaves it.
func (s *Scanner) more() bool {
	if s.frames[s.depth-1].object {
		return s.Name() != nil
	}
	return s.Element()
}
