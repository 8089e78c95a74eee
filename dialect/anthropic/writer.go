package anthropic

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/chat"
)

// writer appends JSON. Commas come of themselves: a value or name that follows
// another gets one.
type writer struct{ b []byte }

// next makes room for a value or a name.
func (w *writer) next() {
	if n := len(w.b); n > 0 {
		switch w.b[n-1] {
		case '{', '[', ':':
		default:
			w.b = append(w.b, ',')
		}
	}
}

func (w *writer) open(c byte) {
	w.next()
	w.b = append(w.b, c)
}

func (w *writer) close(c byte) { w.b = append(w.b, c) }

// name writes a member's name, which needs no escapes.
func (w *writer) name(name string) {
	w.next()
	w.b = append(append(append(w.b, '"'), name...), '"', ':')
}

// foreign writes a member's name that may need escapes.
func (w *writer) foreign(name string) {
	w.text(name)
	w.b = append(w.b, ':')
}

func (w *writer) text(s string) {
	w.next()
	w.b = quoted(w.b, s)
}

func (w *writer) raw(v []byte) {
	w.next()
	w.b = append(w.b, v...)
}

func (w *writer) int(n int64) {
	w.next()
	w.b = strconv.AppendInt(w.b, n, 10)
}

func (w *writer) bool(v bool) {
	w.next()
	w.b = strconv.AppendBool(w.b, v)
}

// members with a value, left out where there is none.

func (w *writer) textAt(name, value string) {
	if value != "" {
		w.name(name)
		w.text(value)
	}
}

func (w *writer) numberAt(name string, n chat.Number) {
	if n != "" {
		w.name(name)
		w.raw([]byte(n))
	}
}

func (w *writer) boolAt(name string, v *bool) {
	if v != nil {
		w.name(name)
		w.bool(*v)
	}
}

// extras writes fields of this dialect, without those whose names have a dot:
// these stand in an object within, and are written there.
func (w *writer) extras(x chat.Extra) {
	for _, f := range x {
		if f.Dialect == name && !strings.ContainsRune(f.Name, '.') {
			w.foreign(f.Name)
			w.raw(f.Value)
		}
	}
}

// within writes the fields of this dialect that stand in the object of that name.
func (w *writer) within(object string, x chat.Extra) {
	for _, f := range x {
		if rest, ok := strings.CutPrefix(f.Name, object); ok && f.Dialect == name && rest != "" && rest[0] == '.' {
			w.foreign(rest[1:])
			w.raw(f.Value)
		}
	}
}

// inside reports whether any field of this dialect stands in the object of that name.
func inside(object string, x chat.Extra) bool {
	for _, f := range x {
		if f.Dialect == name && strings.HasPrefix(f.Name, object+".") {
			return true
		}
	}
	return false
}

// quoted appends a JSON string; what is not UTF-8 in it is replaced.
func quoted[T string | []byte](dst []byte, s T) []byte {
	at := len(dst)
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		out, _ = jsontext.AppendQuote(dst[:at], strings.ToValidUTF8(string(s), "\uFFFD"))
	}
	return out
}
