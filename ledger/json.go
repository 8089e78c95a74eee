package ledger

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// JSON is a value in the canonical form of RFC 8785. The zero value is absent.
// Make one with [Canonical], once for values that recur.
type JSON struct{ text string }

// Canonical puts a JSON value into canonical form. It fails on what is no
// JSON, has a name twice, or is not UTF-8.
func Canonical(v jsontext.Value) (JSON, error) {
	c := v.Clone()
	if err := c.Canonicalize(); err != nil {
		return JSON{}, fmt.Errorf("canonical JSON: %w", err)
	}
	return JSON{string(c)}, nil
}

// Canonized is a text that its maker knows to be in canonical form: it came
// out of a canonicalizer, or out of [JSON.String].
func Canonized(text string) JSON { return JSON{text} }

// IsZero reports whether the value is absent.
func (j JSON) IsZero() bool { return j.text == "" }

// MarshalJSON is the value.
func (j JSON) MarshalJSON() ([]byte, error) {
	if j.text == "" {
		return []byte("null"), nil
	}
	return []byte(j.text), nil
}

// UnmarshalJSON puts a value into canonical form, as [Canonical].
func (j *JSON) UnmarshalJSON(b []byte) (err error) {
	*j, err = Canonical(b)
	return err
}

// String is the canonical text, or empty.
func (j JSON) String() string { return j.text }

// object appends a canonical JSON object member by member. Its user gives the
// members in the order of their names; a test holds every entry to that.
type object struct {
	b    []byte
	more bool
}

func (o *object) open() { o.b, o.more = append(o.b, '{'), false }

func (o *object) close() { o.b, o.more = append(o.b, '}'), true }

// name writes a member's name, which needs no escape.
func (o *object) name(name string) {
	if o.more {
		o.b = append(o.b, ',')
	}
	o.more = true
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, '"', ':')
}

// key writes a member's name that may need escapes.
func (o *object) key(name string) {
	if o.more {
		o.b = append(o.b, ',')
	}
	o.more = true
	o.b = append(appendString(o.b, clip(name)), ':')
}

func (o *object) int(name string, v int64) {
	o.name(name)
	o.b = strconv.AppendInt(o.b, v, 10)
}

// some writes a number unless it is zero.
func (o *object) some(name string, v int64) {
	if v != 0 {
		o.int(name, v)
	}
}

func (o *object) flag(name string, v bool) {
	if v {
		o.name(name)
		o.b = append(o.b, "true"...)
	}
}

// text writes a string unless it is empty, cut to what one member may take.
func (o *object) text(name, v string) {
	if v != "" {
		o.name(name)
		o.b = appendString(o.b, clip(v))
	}
}

// word writes a string that needs no escape.
func (o *object) word(name, v string) {
	o.name(name)
	o.b = append(o.b, '"')
	o.b = append(o.b, v...)
	o.b = append(o.b, '"')
}

func (o *object) json(name string, v JSON) {
	if v.text != "" {
		o.name(name)
		o.b = append(o.b, v.text...)
	}
}

func (o *object) list(name string, v []string) {
	if len(v) == 0 {
		return
	}
	o.name(name)
	o.b = append(o.b, '[')
	for i, s := range v {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = appendString(o.b, clip(s))
	}
	o.b = append(o.b, ']')
}

// micros writes a duration in microseconds unless it is zero.
func (o *object) micros(name string, d time.Duration) { o.some(name, d.Microseconds()) }

// maxText is what one string may take: names and ids are far shorter. Longer
// ones are cut, so that no caller and no vendor can fill an entry.
const maxText = 512

func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// stamp writes an instant in UTC with six digits of a second.
func (o *object) stamp(name string, t time.Time) {
	o.name(name)
	o.b = append(o.b, '"')
	o.b = appendTime(o.b, t)
	o.b = append(o.b, '"')
}

func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = digits(b, year, 4)
	b = digits(append(b, '-'), int(month), 2)
	b = digits(append(b, '-'), day, 2)
	b = digits(append(b, 'T'), hour, 2)
	b = digits(append(b, ':'), minute, 2)
	b = digits(append(b, ':'), second, 2)
	b = digits(append(b, '.'), t.Nanosecond()/1000, 6)
	return append(b, 'Z')
}

func digits(b []byte, v, n int) []byte {
	var d [6]byte
	for i := n - 1; i >= 0; i-- {
		d[i] = byte('0' + v%10)
		v /= 10
	}
	return append(b, d[:n]...)
}

const hexDigits = "0123456789abcdef"

// appendString writes a string as RFC 8785, 3.2.2.2 asks: the seven short
// escapes, \u00xx for other controls, everything else as it is. What is not
// UTF-8 becomes U+FFFD, since there is no canonical form of it.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += n
			continue
		}
		i++
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i-1]...)
		from = i
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}
