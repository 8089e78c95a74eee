package wire

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// escape gives the length of the escape at the start of b: 2, 6, or 12 for a
// surrogate pair; 0 if it is none that may stand in a text.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		r, ok := hex4(b[2:])
		switch {
		case !ok:
			return 0
		case !utf16.IsSurrogate(r):
			return 6
		case len(b) >= 12 && b[6] == '\\' && b[7] == 'u':
			low, ok := hex4(b[8:])
			if ok && utf16.DecodeRune(r, low) != utf8.RuneError {
				return 12
			}
		}
	}
	return 0
}

// halfPair reports whether b begins with the escape of half a surrogate pair.
func halfPair(b []byte) bool {
	if len(b) < 6 || b[1] != 'u' {
		return false
	}
	r, ok := hex4(b[2:])
	return ok && utf16.IsSurrogate(r)
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// Unescape appends to dst the text that raw, the bytes between the quotes of a
// string a [Scanner] has read, stands for. On bytes that no Scanner has
// accepted it copies what it cannot undo.
func Unescape(dst, raw []byte) []byte {
	for {
		plain := bytes.IndexByte(raw, '\\')
		if plain < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:plain]...)
		raw = raw[plain:]
		if len(raw) > 1 && short[raw[1]] != 0 {
			dst = append(dst, short[raw[1]])
			raw = raw[2:]
			continue
		}
		switch n := escape(raw); n {
		case 6:
			r, _ := hex4(raw[2:])
			dst = utf8.AppendRune(dst, r)
			raw = raw[6:]
		case 12:
			high, _ := hex4(raw[2:])
			low, _ := hex4(raw[8:])
			dst = utf8.AppendRune(dst, utf16.DecodeRune(high, low))
			raw = raw[12:]
		default:
			dst = append(dst, raw[0])
			raw = raw[1:]
		}
	}
}

// short is what the one-letter escapes stand for.
var short = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
