package wire_test

import (
	"encoding/json"
	"strings"
	"testing"

	"bulkhead/wire"
)

// chat is a text of 100 KB as applications send it: short lines, quotes, a letter beyond ASCII now and then.
func chat() string {
	const lines = "The clerk asked: \"When is the hearing?\" and was told that it had been moved.\n" +
		"- item one, still open\n\t- below it, a path such as C:\\temp\n\nLe café est fermé. Nobody objected to that.\n"
	return strings.Repeat(lines, 100<<10/len(lines)+1)[:100<<10]
}

func quoted(tb testing.TB, s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// BenchmarkScanner_Escaped reads 100 KB with an escape every thirty bytes or so.
func BenchmarkScanner_Escaped(b *testing.B) {
	text := []byte(`{"model":"chat","messages":[{"role":"user","content":` + string(quoted(b, chat())) + `}]}`)
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

// BenchmarkUnescape undoes the escapes of the same text.
func BenchmarkUnescape(b *testing.B) {
	raw := quoted(b, chat())
	raw = raw[1 : len(raw)-1]
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = wire.Unescape(dst[:0], raw)
	}
}

// BenchmarkUnescape_Sparse is for text that has almost none.
func BenchmarkUnescape_Sparse(b *testing.B) {
	raw := []byte(strings.Repeat(strings.Repeat("plain words and more of them ", 100)+`\n`, 35))
	b.SetBytes(int64(len(raw)))
	var dst []byte
	for b.Loop() {
		dst = wire.Unescape(dst[:0], raw)
	}
}
