package openai

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"bulkhead/chat"
)

// writer appends JSON. It sets commas itself: before whatever follows a value.
type writer struct{ b []byte }

// sep sets a comma unless the next value is the first of its container.
func (w *writer) sep() {
	if n := len(w.b); n > 0 {
		switch w.b[n-1] {
		case '{', '[', ':', ' ':
		default:
			w.b = append(w.b, ',')
		}
	}
}

func (w *writer) open(c byte)  { w.sep(); w.b = append(w.b, c) }
func (w *writer) close(c byte) { w.b = append(w.b, c) }

// name begins a member. Names are this package's own words, or were read from JSON.
func (w *writer) name(s string) {
	w.sep()
	w.b = append(appendText(w.b, s), ':')
}

// object and array begin a member that is a container.
func (w *writer) object(name string) { w.name(name); w.b = append(w.b, '{') }
func (w *writer) array(name string)  { w.name(name); w.b = append(w.b, '[') }

func (w *writer) text(s string) { w.sep(); w.b = appendText(w.b, s) }

func (w *writer) raw(v chat.Raw) { w.sep(); w.b = append(w.b, v...) }

func (w *writer) str(name, value string) { w.name(name); w.b = appendText(w.b, value) }

// said writes a member that is left out when it is empty.
func (w *writer) said(name, value string) {
	if value != "" {
		w.str(name, value)
	}
}

func (w *writer) int(name string, n int64) { w.name(name); w.b = strconv.AppendInt(w.b, n, 10) }

// number writes a member that is left out when it is not stated.
func (w *writer) number(name string, n chat.Number) {
	if n != "" {
		w.name(name)
		w.b = append(w.b, n...)
	}
}

func (w *writer) bool(name string, v bool) { w.name(name); w.b = strconv.AppendBool(w.b, v) }

// flag writes a member that is left out when it is not stated.
func (w *writer) flag(name string, v *bool) {
	if v != nil {
		w.bool(name, *v)
	}
}

func (w *writer) value(name string, v chat.Raw) { w.name(name); w.b = append(w.b, v...) }

func (w *writer) null(name string) { w.name(name); w.b = append(w.b, "null"...) }

// texts writes a member that is a list of strings.
func (w *writer) texts(name string, list []string) {
	w.array(name)
	for _, s := range list {
		w.text(s)
	}
	w.close(']')
}

// extra writes fields that are the dialect's own, those under a prefix alone:
// of "function.x" under "function." the member x. Names with a dot are under one.
func (w *writer) extra(x chat.Extra, prefix string) {
	for _, f := range x {
		if name, ok := strings.CutPrefix(f.Name, prefix); ok && f.Dialect == own && !strings.Contains(name, ".") {
			w.value(name, f.Value)
		}
	}
}

const hex = "0123456789abcdef"

// appendText writes a JSON string. What is not UTF-8 in it is replaced.
func appendText(dst []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return appendQuoted(dst, s)
}

// appendQuoted writes a JSON string of text that is UTF-8.
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}
