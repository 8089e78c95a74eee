package chat

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Raw is a JSON value as it was written.
type Raw = jsontext.Value

// Number is a JSON number as it was written, so that no digit is lost; empty
// says that it was not stated.
type Number string

// Int gives the number if it is a whole one that an int64 holds. 1.0 and 1e3 are whole.
func (n Number) Int() (int64, bool) {
	if !n.is() {
		return 0, false
	}
	if i, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		return i, true
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil || f >= 1<<53 || f <= -1<<53 || f != float64(int64(f)) {
		return 0, false
	}
	return int64(f), true
}

// Float gives the nearest float64. WARNING: digits beyond its precision are lost.
func (n Number) Float() (float64, bool) {
	if !n.is() {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(n), 64)
	return f, err == nil
}

// is reports whether the text is a JSON number; what Go reads besides is none.
func (n Number) is() bool { return Raw(n).Kind() == '0' && Raw(n).IsValid() }

// NumberOf writes an integer.
func NumberOf(i int64) Number { return Number(strconv.FormatInt(i, 10)) }

// MarshalJSONTo writes the number as it is.
func (n Number) MarshalJSONTo(e *jsontext.Encoder) error {
	if n == "" {
		return e.WriteToken(jsontext.Null)
	}
	return e.WriteValue(jsontext.Value(n))
}

// UnmarshalJSONFrom reads a number, or null for one that is not stated.
func (n *Number) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	v, err := d.ReadValue()
	switch {
	case err != nil:
		return err
	case v.Kind() == 'n':
		*n = ""
	case v.Kind() != '0':
		return &jsontext.SyntacticError{ByteOffset: d.InputOffset(), JSONPointer: d.StackPointer(), Err: errNumber}
	default:
		*n = Number(v)
	}
	return nil
}

// Fitting says what became of arguments that must be an object.
type Fitting string

// How arguments became an object. All but Exact are approximations, to be named.
const (
	Exact   Fitting = "exact"
	Empty   Fitting = "empty"   // no text: no arguments
	Wrapped Fitting = "wrapped" // JSON, but no object: {"value": …}
	Broken  Fitting = "broken"  // no JSON, as when cut by a limit: {"_raw": "…"}
)

// Object gives the arguments as a JSON object, for dialects that have them so:
// never broken JSON, and what is an object byte for byte.
func (c ToolCall) Object() (Raw, Fitting) {
	text := strings.TrimSpace(c.Arguments)
	v := Raw(text)
	switch {
	case text == "":
		return Raw("{}"), Empty
	case c.Custom || !v.IsValid():
		return Raw(`{"_raw":` + quote(c.Arguments) + `}`), Broken
	case v.Kind() != '{':
		return Raw(`{"value":` + text + `}`), Wrapped
	}
	return v, Exact
}

// quote writes a JSON string; what is not UTF-8 in it is replaced.
func quote(s string) string {
	b, err := jsontext.AppendQuote(nil, strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		panic("chat: a text that was made UTF-8 is not: " + err.Error())
	}
	return string(b)
}

// maxIDBytes is the length that every dialect takes for the id of a call.
const maxIDBytes = 64

// FitID gives an id of a call as every dialect takes it, [a-zA-Z0-9_-]{1,64}:
// itself where it fits, otherwise always the same other one, so that a history
// that is replayed still matches.
func FitID(id string) string {
	fits := id != "" && len(id) <= maxIDBytes
	for i := 0; fits && i < len(id); i++ {
		c := id[i]
		fits = c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	}
	if fits {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "call_" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:15]))
}

// DataURL gives media type and base64 of a data URL (RFC 2397); false for any
// other URL, and for data that is not base64.
func DataURL(url string) (mediaType, base64 string, ok bool) {
	rest, ok := cutPrefixFold(url, "data:")
	if !ok {
		return "", "", false
	}
	head, data, ok := strings.Cut(rest, ",")
	if !ok {
		return "", "", false
	}
	mediaType, is64 := cutSuffixFold(head, ";base64")
	if !is64 {
		return "", "", false
	}
	mediaType, _, _ = strings.Cut(mediaType, ";")
	return strings.ToLower(mediaType), data, true
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func cutSuffixFold(s, suffix string) (string, bool) {
	n := len(s) - len(suffix)
	if n < 0 || !strings.EqualFold(s[n:], suffix) {
		return s, false
	}
	return s[:n], true
}
