package wire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// value reads a scalar, or enters a container.
func (s *Scanner) value() {
	switch c := s.peek(); c {
	case '{':
		s.open(c, true)
	case '[':
		s.open(c, false)
	case '"':
		s.heard()
	case 't':
		s.literal("true")
	case 'f':
		s.literal("false")
	case 'n':
		s.literal("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		s.number()
	default:
		s.expected("a JSON value")
	}
}

func (s *Scanner) literal(word string) {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		s.fail("expected %s", word)
		return
	}
	s.pos += len(word)
}

// number reads RFC 8259's number: no plus, no leading zeros, digits on both
// sides of a point.
func (s *Scanner) number() {
	d, i := s.data, s.pos
	if d[i] == '-' {
		i++
	}
	whole := i
	i = digits(d, i)
	switch {
	case i == whole:
		s.failAt(i, "a number without digits")
		return
	case d[whole] == '0' && i > whole+1:
		s.failAt(whole, "a number with a leading zero")
		return
	}
	if i < len(d) && d[i] == '.' {
		j := digits(d, i+1)
		if j == i+1 {
			s.failAt(j, "a number without digits after its point")
			return
		}
		i = j
	}
	if i < len(d) && (d[i] == 'e' || d[i] == 'E') {
		i++
		if i < len(d) && (d[i] == '+' || d[i] == '-') {
			i++
		}
		j := digits(d, i)
		if j == i {
			s.failAt(j, "a number without digits in its exponent")
			return
		}
		i = j
	}
	s.pos = i
}

func digits(d []byte, i int) int {
	for i < len(d) && d[i]-'0' <= 9 {
		i++
	}
	return i
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// heard reads a string that is a value.
func (s *Scanner) heard() (escaped, ok bool) {
	at := s.pos + 1
	escaped, ok = s.str()
	if ok && s.Hear != nil {
		s.Hear(s.data[at:s.pos-1], escaped, false)
	}
	return escaped, ok
}

// shortText is how much of a string is looked at word by word; for more, the
// processor's own search for a byte is faster.
const shortText = 64

// str reads a string from its opening quote.
func (s *Scanner) str() (escaped, ok bool) {
	d, i := s.data, s.pos+1
	from := i
	end := min(len(d)-8, from+shortText)
	for i <= end {
		// Eight bytes at a time: the first that is a quote, a backslash, a
		// control character or not ASCII is found by the borrow of a
		// subtraction, which is exact for the lowest such byte.
		w := binary.LittleEndian.Uint64(d[i:])
		quote := w ^ ('"' * ones)
		slash := w ^ ('\\' * ones)
		hit := (quote-ones)&^quote | (slash-ones)&^slash | (w - 0x20*ones) | w
		if hit &= highs; hit == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(hit) / 8
		if d[i] == '"' {
			s.pos = i + 1
			return false, true
		}
		break
	}
	return s.long(from, i)
}

// nearBytes is how far the next quote or backslash is looked for word by word.
const nearBytes = 128

// long reads on a string that began at from and of which all before i is plain.
// In a chat the next escape is a line away, and for that eight bytes at a time,
// asked for all that matters at once, are quicker than a search for each; where
// nothing is near, the processor's own search for a byte is faster.
func (s *Scanner) long(from, i int) (escaped, ok bool) {
	d, quote := s.data, -1
	var beyond uint64 // has a high bit once there was a byte that is not ASCII
	for far := i + nearBytes; ; {
		for i+8 <= len(d) && i < far {
			w := binary.LittleEndian.Uint64(d[i:])
			q, b := w^('"'*ones), w^('\\'*ones)
			beyond |= w
			if hit := ((q-ones)&^q | (b-ones)&^b | (w-0x20*ones)&^w) & highs; hit != 0 {
				i += bits.TrailingZeros64(hit) / 8
				break
			}
			i += 8
		}
		if i < len(d) && d[i] != '"' && d[i] != '\\' && d[i] >= 0x20 {
			if quote < i {
				if quote = bytes.IndexByte(d[i:], '"'); quote < 0 {
					quote = len(d)
				} else {
					quote += i
				}
			}
			next := bytes.IndexByte(d[i:quote], '\\')
			if next < 0 {
				next = quote
			} else {
				next += i
			}
			clear, high := plain(d[i:next])
			beyond |= high
			i += clear
		}
		switch {
		case i == len(d):
			if s.isUTF8(from, i, beyond) {
				s.failAt(i, "the text ends within a string")
			}
			return false, false
		case d[i] == '"':
			s.pos = i + 1
			return escaped, s.isUTF8(from, i, beyond)
		case d[i] != '\\':
			if s.isUTF8(from, i, beyond) {
				s.failAt(i, "a control character within a string")
			}
			return false, false
		}
		length := 2
		if i+1 == len(d) || short[d[i+1]] == 0 {
			length = escape(d[i:])
			if length == 0 && s.Lenient && halfPair(d[i:]) {
				length = 6
			}
			if length == 0 {
				if s.isUTF8(from, i, beyond) {
					s.failAt(i, "an escape that JSON does not know, or half of a surrogate pair")
				}
				return false, false
			}
		}
		escaped = true
		i += length
		far = i + nearBytes
	}
}

// plain gives how many bytes come before the first control character, and in
// the high bits of beyond whether any is not ASCII.
func plain(b []byte) (clear int, beyond uint64) {
	var control uint64
	i := 0
	for ; i+32 <= len(b); i += 32 {
		w0, w1 := binary.LittleEndian.Uint64(b[i:]), binary.LittleEndian.Uint64(b[i+8:])
		w2, w3 := binary.LittleEndian.Uint64(b[i+16:]), binary.LittleEndian.Uint64(b[i+24:])
		control |= (w0-0x20*ones)&^w0 | (w1-0x20*ones)&^w1 | (w2-0x20*ones)&^w2 | (w3-0x20*ones)&^w3
		beyond |= w0 | w1 | w2 | w3
	}
	for ; i < len(b); i++ {
		if b[i] < 0x20 {
			control = highs
		}
		beyond |= uint64(b[i])
	}
	if control&highs == 0 {
		return len(b), beyond
	}
	return max(0, bytes.IndexFunc(b, func(r rune) bool { return r < 0x20 })), beyond
}

// isUTF8 checks from..to, if beyond says that not all of it is ASCII.
func (s *Scanner) isUTF8(from, to int, beyond uint64) bool {
	if b := s.data[from:to]; beyond&highs != 0 && !utf8.Valid(b) {
		s.failAt(from+invalidAt(b), "text that is not UTF-8")
		return false
	}
	return true
}

// invalidAt finds the first byte of b that is not UTF-8.
func invalidAt(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(b)
}
