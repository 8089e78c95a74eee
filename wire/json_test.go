package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/wire"
)

func skip(b []byte) error {
	var s wire.Scanner
	s.Reset(b)
	s.Skip()
	return s.End()
}

func TestScanner_RefusesWhatTwoParsersCouldReadDifferently(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "", "at byte 0: the text ends"},
		{"white space alone", " \n", "the text ends"},
		{"not JSON", "hello", "expected a JSON value"},
		{"truncated object", `{"a":1`, "the text ends"},
		{"truncated string", `{"a":"b`, "the text ends within a string"},
		{"trailing text", `{} {}`, "at byte 3: more text"},
		{"trailing comma", `{"a":1,}`, "expected a name"},
		{"trailing comma in array", `[1,]`, "comma before the end"},
		{"same name twice", `{"model":"a","model":"b"}`, `at byte 13: the name "model" occurs twice`},
		{"same name by escape", `{"model":"a","mod\u0065l":"b"}`, `"model" occurs twice`},
		{"same name by slash escape", `{"a/b":1,"a\/b":2}`, `"a/b" occurs twice`},
		{"same name deep", `{"x":[{"y":{"a":1,"b":2,"a":3}}]}`, `"a" occurs twice`},
		{"invalid UTF-8", "{\"a\":\"x\xff\"}", "at byte 7: text that is not UTF-8"},
		{"invalid UTF-8 in a long string", "[\"" + strings.Repeat("a", 30) + "\xc3(" + strings.Repeat("b", 30) + "\"]", "at byte 32: text that is not UTF-8"},
		{"overlong UTF-8", "[\"\xc0\xaf\"]", "not UTF-8"},
		{"lone surrogate", `["\ud800"]`, "surrogate"},
		{"surrogates reversed", `["\udc00\ud800"]`, "surrogate"},
		{"unknown escape", `["\x"]`, "escape"},
		{"control character", "[\"a\nb\"]", "control character"},
		{"byte order mark", "\xef\xbb\xbf{}", "expected a JSON value"},
		{"leading zero", `[01]`, "leading zero"},
		{"plus", `[+1]`, "expected a JSON value"},
		{"bare point", `[1.]`, "after its point"},
		{"bare exponent", `[1e]`, "exponent"},
		{"NaN", `[NaN]`, "expected a JSON value"},
		{"single quotes", `{'a':1}`, "expected a name"},
		{"comment", `{/*x*/}`, "expected a name"},
		{"deep", strings.Repeat("[", 1000), "nested deeper than 128"},
		{"wrong bracket", `[1}`, "comma or the end of the array"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := skip([]byte(tt.in))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestScanner_RefusesTooManyNames(t *testing.T) {
	var b strings.Builder
	b.WriteByte('{')
	for i := range wire.MaxNames + 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"n%d":1`, i)
	}
	b.WriteByte('}')
	if err := skip([]byte(b.String())); err == nil || !strings.Contains(err.Error(), "more than 10000 names") {
		t.Errorf("got %v", err)
	}
}

func TestScanner_FindsATwinAmongManyNames(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"first":0`)
	for i := range 100 {
		fmt.Fprintf(&b, `,"n%d":%d`, i, i)
	}
	if err := skip([]byte(b.String() + `}`)); err != nil {
		t.Fatal(err)
	}
	for _, twin := range []string{"first", "n0", "n40", "n99"} {
		if err := skip([]byte(b.String() + `,"` + twin + `":1}`)); err == nil || !strings.Contains(err.Error(), "occurs twice") {
			t.Errorf("twin of %q: got %v", twin, err)
		}
	}
}

func TestScanner_WalksWhatItsCallerWants(t *testing.T) {
	in := []byte(` {"model" : "gp\u0074", "n": [1, -2.5e3, {"x": null}], "stream":true } `)
	var s wire.Scanner
	s.Reset(in)
	var got []string
	if !s.Object() {
		t.Fatal(s.End())
	}
	for name := s.Name(); name != nil; name = s.Name() {
		got = append(got, string(name))
		switch string(name) {
		case "model":
			span, escaped, ok := s.Text()
			got = append(got, fmt.Sprintf("%s %t %t", wire.Unescape(nil, s.Slice(span)), escaped, ok))
		case "n":
			s.Array()
			for s.Element() {
				got = append(got, s.Next().String(), string(s.Slice(s.Skip())))
			}
		default:
			got = append(got, string(s.Slice(s.Skip())))
		}
	}
	if err := s.End(); err != nil {
		t.Fatal(err)
	}
	want := `model gpt true true n a number 1 a number -2.5e3 an object {"x": null} stream true`
	if g := strings.Join(got, " "); g != want {
		t.Errorf("got  %s\nwant %s", g, want)
	}
}

func TestScanner_HearsEveryStringOnce(t *testing.T) {
	var s wire.Scanner
	s.Reset([]byte(`{"a":"x","b\u0063":["y",{"d":"z\n"}],"e":1}`))
	var got []string
	s.Hear = func(raw []byte, escaped, name bool) { got = append(got, fmt.Sprintf("%s %t %t", raw, escaped, name)) }
	s.Skip()
	if err := s.End(); err != nil {
		t.Fatal(err)
	}
	want := `a false true|x false false|b\u0063 true true|y false false|d false true|z\n true false|e false true`
	if g := strings.Join(got, "|"); g != want {
		t.Errorf("heard %s\nwant  %s", g, want)
	}
}

func TestSplice_ChangesItsSpansAndNothingElse(t *testing.T) {
	body := []byte(`{"model":"a","store":true,"x":1}`)
	s := wire.Splice{Body: body, Edits: []wire.Edit{
		{Span: wire.Span{Start: 1, End: 1}, With: []byte(`"new":0,`)},
		{Span: wire.Span{Start: 9, End: 12}, With: []byte(`"longer"`)},
		{Span: wire.Span{Start: 21, End: 25}, With: []byte(`false`)},
	}}
	const want = `{"new":0,"model":"longer","store":false,"x":1}`
	var b bytes.Buffer
	n, err := s.WriteTo(&b)
	if err != nil || b.String() != want || int(n) != len(want) || s.Len() != len(want) || string(s.Append(nil)) != want {
		t.Errorf("got %q (%d, %v), Len %d", b.String(), n, err, s.Len())
	}
}

// seeds reads the recorded exchanges in testdata.
func seeds(f testing.TB, glob string) [][]byte {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "recorded", glob))
	if err != nil || len(files) == 0 {
		f.Fatalf("no recorded exchanges %s: %v", glob, err)
	}
	var out [][]byte
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// FuzzScanner holds the scanner against another implementation, jsontext with
// its defaults (no duplicate names, no invalid UTF-8): the same texts must be
// accepted, but for our own bounds on depth and names.
func FuzzScanner(f *testing.F) {
	for _, s := range seeds(f, "*.json") {
		f.Add(s)
	}
	for _, s := range []string{`{"a":1,"\u0061":2}`, `["\ud83d\ude00"]`, `[1e400,-0,0.0]`, "\"\u00e9\"", `{"":{}}`, strings.Repeat("[", 200)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		err := skip(in)
		var own *wire.SyntaxError
		if err != nil && !errors.As(err, &own) {
			t.Fatalf("%T is no *SyntaxError", err)
		}
		if own != nil && (strings.Contains(own.Msg, "deeper") || strings.Contains(own.Msg, "names")) {
			return
		}
		if own != nil && (own.Offset < 0 || own.Offset > len(in)) {
			t.Fatalf("offset %d of %d bytes", own.Offset, len(in))
		}
		d := jsontext.NewDecoder(bytes.NewReader(in))
		_, other := d.ReadValue()
		if other == nil {
			if _, end := d.ReadToken(); end != io.EOF {
				other = errors.New("trailing text")
			}
		}
		if (err == nil) != (other == nil) {
			t.Fatalf("here %v, there %v, for %q", err, other, in)
		}
	})
}

// FuzzUnescape holds Unescape against the same.
func FuzzUnescape(f *testing.F) {
	f.Add(`a\u00e9\ud83d\ude00\/\n`)
	f.Fuzz(func(t *testing.T, in string) {
		text := []byte(`"` + in + `"`)
		want, err := jsontext.AppendUnquote(nil, text)
		if err != nil || skip(text) != nil {
			return
		}
		if got := wire.Unescape(nil, []byte(in)); !bytes.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func FuzzSplice(f *testing.F) {
	for _, s := range seeds(f, "*.json") {
		f.Add(s, uint16(1), uint16(3), []byte("x"))
	}
	f.Fuzz(func(t *testing.T, body []byte, a, b uint16, with []byte) {
		start, end := int(a)%(len(body)+1), int(b)%(len(body)+1)
		if start > end {
			start, end = end, start
		}
		s := wire.Splice{Body: body, Edits: []wire.Edit{{Span: wire.Span{Start: start, End: end}, With: with}}}
		want := string(body[:start]) + string(with) + string(body[end:])
		if got := string(s.Append(nil)); got != want || s.Len() != len(want) {
			t.Fatalf("got %q (%d), want %q", got, s.Len(), want)
		}
	})
}

func BenchmarkScanner_100KB(b *testing.B) {
	text := []byte(`{"model":"chat","messages":[{"role":"user","content":"` + strings.Repeat("the quick brown fox jumps over the lazy dog, ", 2275) + `"}]}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var s wire.Scanner
	for b.Loop() {
		s.Reset(text)
		s.Skip()
		if err := s.End(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScanner_Chunk(b *testing.B) {
	text := []byte(`{"id":"chatcmpl-ABfw031mOJeYCSHe4yI2ZjOA6kMJL","object":"chat.completion.chunk","created":1727346168,"model":"gpt-4o-2024-08-06","system_fingerprint":"fp_5050236cbd","choices":[{"index":0,"delta":{"content":"I'm"},"logprobs":null,"finish_reason":null}]}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var s wire.Scanner
	for b.Loop() {
		s.Reset(text)
		s.Skip()
		if err := s.End(); err != nil {
			b.Fatal(err)
		}
	}
}
