package gemini

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/chat"
)

// writer appends JSON. Commas are put where the byte before asks for one.
type writer struct{ b []byte }

func (w *writer) comma() {
	if n := len(w.b); n > 0 {
		switch w.b[n-1] {
		case '{', '[', ':', ',':
		default:
			w.b = append(w.b, ',')
		}
	}
}

// key writes a member's name.
func (w *writer) key(name string) *writer {
	w.comma()
	w.b = append(appendText(w.b, name), ':')
	return w
}

func (w *writer) open(c byte) {
	w.comma()
	w.b = append(w.b, c)
}

func (w *writer) close(c byte) { w.b = append(w.b, c) }

func (w *writer) text(s string) {
	w.comma()
	w.b = appendText(w.b, s)
}

func (w *writer) raw(v []byte) {
	w.comma()
	w.b = append(w.b, v...)
}

func (w *writer) boolean(v bool) {
	w.comma()
	w.b = strconv.AppendBool(w.b, v)
}

func (w *writer) integer(n int64) {
	w.comma()
	w.b = strconv.AppendInt(w.b, n, 10)
}

// member writes a text member that is not empty.
func (w *writer) member(name, value string) {
	if value != "" {
		w.key(name).text(value)
	}
}

// number writes a number that is stated.
func (w *writer) number(name string, n chat.Number) {
	if n != "" {
		w.key(name).raw([]byte(n))
	}
}

// own writes fields of this dialect as members.
func (w *writer) own(x chat.Extra) {
	for _, f := range x {
		if f.Dialect == name {
			w.key(f.Name).raw(f.Value)
		}
	}
}

// flat writes a value on one line: outside of strings, a line's end is white space.
func (w *writer) flat(v []byte) {
	w.comma()
	at := len(w.b)
	w.b = append(w.b, v...)
	for i := at; i < len(w.b); i++ {
		if w.b[i] == '\n' || w.b[i] == '\r' {
			w.b[i] = ' '
		}
	}
}

// appendText writes a JSON string; what is not UTF-8 in it is replaced.
func appendText[T ~string | ~[]byte](dst []byte, s T) []byte {
	at := len(dst)
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		out, err = jsontext.AppendQuote(dst[:at], strings.ToValidUTF8(string(s), "\uFFFD"))
		if err != nil {
			panic("gemini: a text that was made UTF-8 is not: " + err.Error())
		}
	}
	return out
}
