package responses

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/chat"
)

// writer appends JSON. A name or an element is preceded by a comma unless it
// is the first: no value ends in an opening bracket.
type writer struct{ b []byte }

func (w *writer) last() byte {
	if len(w.b) == 0 {
		return 0
	}
	return w.b[len(w.b)-1]
}

// next begins an element of an array, or a member.
func (w *writer) next() {
	if c := w.last(); c != '[' && c != '{' && c != ':' && c != 0 {
		w.b = append(w.b, ',')
	}
}

// name begins a member of an object. Names are the dialect's own, or those
// that [extras] has read.
func (w *writer) name(n string) {
	w.next()
	w.quoted(n)
	w.b = append(w.b, ':')
}

// quoted writes a string; what is not UTF-8 in it is replaced.
func (w *writer) quoted(s string) {
	at := len(w.b)
	b, err := jsontext.AppendQuote(w.b, s)
	if err != nil {
		b, _ = jsontext.AppendQuote(w.b[:at], strings.ToValidUTF8(s, "\uFFFD"))
	}
	w.b = b
}

func (w *writer) str(name, value string) { w.name(name); w.quoted(value) }

// opt writes a string that is not empty.
func (w *writer) opt(name, value string) {
	if value != "" {
		w.str(name, value)
	}
}

// orNull writes a string, or null for an empty one.
func (w *writer) orNull(name, value string) {
	if value == "" {
		w.raw(name, "null")
		return
	}
	w.str(name, value)
}

// raw writes a value as it is.
func (w *writer) raw(name, value string) {
	w.name(name)
	w.value(value)
}

// value writes a value as it is, but on one line: an event of a stream has no
// other. What breaks a line in JSON is white space between its tokens.
func (w *writer) value(v string) {
	at := len(w.b)
	w.b = append(w.b, v...)
	for i := at; i < len(w.b); i++ {
		n := bytes.IndexAny(w.b[i:], "\n\r")
		if n < 0 {
			return
		}
		i += n
		w.b[i] = ' '
	}
}

func (w *writer) int(name string, n int64) {
	w.name(name)
	w.b = strconv.AppendInt(w.b, n, 10)
}

func (w *writer) bool(name string, v bool) {
	w.raw(name, strconv.FormatBool(v))
}

// number writes a number that is stated.
func (w *writer) number(name string, n chat.Number) {
	if n != "" {
		w.raw(name, string(n))
	}
}

// numberOr writes a number, or what stands for one that is not stated.
func (w *writer) numberOr(name string, n chat.Number, or string) {
	if n == "" {
		n = chat.Number(or)
	}
	w.raw(name, string(n))
}

func (w *writer) open(c byte)  { w.b = append(w.b, c) }
func (w *writer) close(c byte) { w.b = append(w.b, c) }

// object begins an object that is a member.
func (w *writer) object(name string) { w.name(name); w.open('{') }

// array begins an array that is a member.
func (w *writer) array(name string) { w.name(name); w.open('[') }

// element begins an object that is an element.
func (w *writer) element() { w.next(); w.open('{') }

// own writes the dialect's own fields into the object that is open, but for
// those of names that are skipped.
func (w *writer) own(x chat.Extra, skip ...string) {
fields:
	for _, f := range x {
		if f.Dialect != own || strings.Contains(f.Name, ".") {
			continue
		}
		for _, s := range skip {
			if f.Name == s {
				continue fields
			}
		}
		w.raw(f.Name, string(f.Value))
	}
}

// ownWithin writes the dialect's own fields whose names have the prefix, which
// says the object that they stand in.
func (w *writer) ownWithin(prefix string, x chat.Extra) {
	for _, f := range x {
		if name, inside := strings.CutPrefix(f.Name, prefix); inside && f.Dialect == own {
			w.raw(name, string(f.Value))
		}
	}
}

// hasWithin reports whether there are such fields.
func hasWithin(prefix string, x chat.Extra) bool {
	for _, f := range x {
		if f.Dialect == own && strings.HasPrefix(f.Name, prefix) {
			return true
		}
	}
	return false
}

// metadata writes a map, sorted, as an object.
func (w *writer) metadata(m map[string]string, keys []string) {
	w.object("metadata")
	for _, k := range keys {
		w.str(k, m[k])
	}
	w.close('}')
}

// logprobs writes log probabilities; an entry of top has no top itself.
func (w *writer) logprobs(name string, list []chat.Logprob, top bool) {
	w.array(name)
	w.logprobList(list, top)
	w.close(']')
}

func (w *writer) logprobList(list []chat.Logprob, top bool) {
	for i := range list {
		w.element()
		w.str("token", list[i].Token)
		w.numberOr("logprob", list[i].Logprob, "0")
		w.array("bytes")
		for _, b := range list[i].Bytes {
			w.next()
			w.b = strconv.AppendInt(w.b, int64(b), 10)
		}
		w.close(']')
		if top {
			w.logprobs("top_logprobs", list[i].Top, false)
		}
		w.close('}')
	}
}

// citation writes a citation as an annotation; false: the dialect cannot say it.
func (w *writer) citation(c *chat.Citation) bool {
	switch {
	case c.Native != nil && c.Native.Dialect == own:
		w.next()
		w.value(string(c.Native.Value))
		return true
	case c.Kind == chat.CiteURL && c.URL != "":
		span := chat.Range{}
		if c.Span != nil {
			span = *c.Span
		}
		w.element()
		w.str("type", "url_citation")
		w.str("url", c.URL)
		w.str("title", c.Title)
		w.int("start_index", span.Start)
		w.int("end_index", span.End)
		w.close('}')
		return true
	case c.Kind == chat.CiteFile && c.File != "":
		w.element()
		w.str("type", "file_citation")
		w.str("file_id", c.File)
		w.str("filename", c.Title)
		w.int("index", 0)
		w.close('}')
		return true
	}
	return false
}
