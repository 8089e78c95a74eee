package gemini

import (
	"bytes"
	"strconv"
	"strings"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"
)

// walker reads a JSON text that is sound, field by field, and knows where it
// is. It keeps the first fault and reads on.
type walker struct {
	s     *wire.Scanner
	at    []step
	fault *fault.Fault
}

// step is a member's name, or an element's index.
type step struct {
	name  string
	index int
}

// field is the path of the value that is read.
func (w *walker) field() string {
	var b strings.Builder
	for _, s := range w.at {
		switch {
		case s.name == "":
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case b.Len() > 0:
			b.WriteString("." + s.name)
		default:
			b.WriteString(s.name)
		}
	}
	return b.String()
}

func (w *walker) refuse(kind fault.Kind, format string, args ...any) {
	if w.fault == nil && !w.s.Failed() {
		w.fault = fault.New(kind, format, args...).At(w.field()).Final()
	}
}

// end gives the first fault.
func (w *walker) end() error {
	if err := w.s.End(); err != nil {
		return fault.New(fault.Malformed, "The body is not acceptable JSON: %v.", err).Final()
	}
	if w.fault != nil {
		return w.fault
	}
	return nil
}

// misfit passes over a value of the wrong kind.
func (w *walker) misfit(kind wire.Kind, want string) {
	if w.s.Skip(); !w.s.Failed() {
		w.refuse(fault.Malformed, "%s is %s; it must be %s.", w.field(), kind, want)
	}
}

// object calls read for each member that is not null, by its name in JSON's form.
func (w *walker) object(read func(member string, kind wire.Kind)) {
	if kind := w.s.Next(); kind != wire.Object {
		w.misfit(kind, "an object")
		return
	}
	w.s.Object()
	for raw := w.s.Name(); raw != nil; raw = w.s.Name() {
		kind := w.s.Next()
		if kind == wire.Null {
			w.s.Skip()
			continue
		}
		member := camel(raw)
		w.at = append(w.at, step{name: member})
		read(member, kind)
		w.at = w.at[:len(w.at)-1]
	}
}

// array calls read for each element.
func (w *walker) array(read func(i int)) {
	if kind := w.s.Next(); kind != wire.Array {
		w.misfit(kind, "an array")
		return
	}
	w.s.Array()
	for i := 0; w.s.Element(); i++ {
		w.at = append(w.at, step{index: i})
		read(i)
		w.at = w.at[:len(w.at)-1]
	}
}

func (w *walker) text() string {
	if kind := w.s.Next(); kind != wire.String {
		w.misfit(kind, "a string")
		return ""
	}
	return unquote(w.slice())
}

func (w *walker) texts() (out []string) {
	w.array(func(int) { out = append(out, w.text()) })
	return out
}

func (w *walker) boolean() bool {
	kind := w.s.Next()
	if kind != wire.True && kind != wire.False {
		w.misfit(kind, "a boolean")
		return false
	}
	w.s.Skip()
	return kind == wire.True
}

// number reads a number, which may stand in quotes.
func (w *walker) number() chat.Number {
	kind := w.s.Next()
	if kind != wire.Number && kind != wire.String {
		w.misfit(kind, "a number")
		return ""
	}
	n := chat.Number(bytes.Trim(w.slice(), `"`))
	if _, ok := n.Float(); !ok {
		w.refuse(fault.Malformed, "%s is not a number.", w.field())
		return ""
	}
	return n
}

// raw keeps a value as it was written.
func (w *walker) raw() chat.Raw { return bytes.Clone(w.slice()) }

// slice gives the bytes of the next value, without white space around them.
func (w *walker) slice() []byte {
	w.s.Next()
	at := w.s.Pos()
	end := w.s.Skip().End
	if w.s.Failed() {
		return nil
	}
	return w.s.Slice(wire.Span{Start: at, End: end})
}
