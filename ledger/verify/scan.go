package verify

import (
	"errors"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// member is a name and a value of an object, as they stand in the text.
type member struct {
	name  string
	value []byte
}

var errCanonical = errors.New("it is not in the canonical form of RFC 8785")

// maxDepth bounds how deep an entry nests.
const maxDepth = 64

// object reads a text that is one JSON object in canonical form, and gives its
// members. Form and content are checked in one pass: there is one text for a
// value, so what is read here cannot be read otherwise elsewhere.
func object(text []byte, members []member) ([]member, error) {
	s := scanner{b: text}
	if len(text) == 0 || text[0] != '{' {
		return nil, errCanonical
	}
	members, err := s.object(members, true, 0)
	if err == nil && s.at != len(text) {
		err = errCanonical
	}
	return members, err
}

type scanner struct {
	b  []byte
	at int
}

func (s *scanner) peek() byte {
	if s.at < len(s.b) {
		return s.b[s.at]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) value(depth int) error {
	if depth > maxDepth {
		return errCanonical
	}
	switch c := s.peek(); c {
	case '{':
		_, err := s.object(nil, false, depth)
		return err
	case '[':
		s.at++
		if s.take(']') {
			return nil
		}
		for {
			if err := s.value(depth + 1); err != nil {
				return err
			}
			if s.take(']') {
				return nil
			}
			if !s.take(',') {
				return errCanonical
			}
		}
	case '"':
		_, err := s.text()
		return err
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

func (s *scanner) word(w string) error {
	if len(s.b)-s.at < len(w) || string(s.b[s.at:s.at+len(w)]) != w {
		return errCanonical
	}
	s.at += len(w)
	return nil
}

// object reads an object whose names are in order, each once.
func (s *scanner) object(members []member, keep bool, depth int) ([]member, error) {
	s.at++
	if s.take('}') {
		return members, nil
	}
	var last []byte
	for first := true; ; first = false {
		if s.peek() != '"' {
			return nil, errCanonical
		}
		name, err := s.text()
		if err != nil {
			return nil, err
		}
		if !first && !before(last, name) {
			return nil, errCanonical
		}
		last = name
		if !s.take(':') {
			return nil, errCanonical
		}
		from := s.at
		if err := s.value(depth + 1); err != nil {
			return nil, err
		}
		if keep {
			members = append(members, member{string(name), s.b[from:s.at]})
		}
		if s.take('}') {
			return members, nil
		}
		if !s.take(',') {
			return nil, errCanonical
		}
	}
}

// before compares two names, as they are spelled, by their UTF-16 units.
func before(a, b []byte) bool {
	plain := func(s []byte) bool {
		for _, c := range s {
			if c >= utf8.RuneSelf || c == '\\' {
				return false
			}
		}
		return true
	}
	if plain(a) && plain(b) {
		return string(a) < string(b)
	}
	return slices.Compare(units(a), units(b)) < 0
}

func units(spelled []byte) []uint16 {
	text, err := unquote(spelled)
	if err != nil {
		return nil // text has read it: it can be undone
	}
	return utf16.Encode([]rune(text))
}

// unquote undoes the escapes of what stands between quotes.
func unquote(spelled []byte) (string, error) {
	quoted := append(append([]byte{'"'}, spelled...), '"')
	out, err := jsontext.AppendUnquote(nil, quoted)
	return string(out), err
}

// text reads a string in its one spelling and gives what is between the quotes.
func (s *scanner) text() ([]byte, error) {
	s.at++
	from := s.at
	for s.at < len(s.b) {
		c := s.b[s.at]
		switch {
		case c == '"':
			s.at++
			return s.b[from : s.at-1], nil
		case c < ' ':
			return nil, errCanonical
		case c == '\\':
			if err := s.escape(); err != nil {
				return nil, err
			}
		case c < utf8.RuneSelf:
			s.at++
		default:
			r, n := utf8.DecodeRune(s.b[s.at:])
			if r == utf8.RuneError && n == 1 {
				return nil, errCanonical
			}
			s.at += n
		}
	}
	return nil, errCanonical
}

// escape reads an escape that cannot be spelled otherwise.
func (s *scanner) escape() error {
	if s.at+1 >= len(s.b) {
		return errCanonical
	}
	switch s.b[s.at+1] {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		s.at += 2
		return nil
	case 'u':
	default:
		return errCanonical
	}
	if s.at+6 > len(s.b) {
		return errCanonical
	}
	hex := s.b[s.at+2 : s.at+6]
	v, err := strconv.ParseUint(string(hex), 16, 16)
	if err != nil || v >= ' ' || v == '\b' || v == '\f' || v == '\n' || v == '\r' || v == '\t' || hex[3] >= 'A' && hex[3] <= 'F' {
		return errCanonical
	}
	s.at += 6
	return nil
}

// number reads a number in its one spelling. Integers are read here; what has
// a fraction or an exponent only an opaque value can have, and it is compared
// with what a library writes.
func (s *scanner) number() error {
	from := s.at
	s.take('-')
	digits := s.at
	for s.at < len(s.b) && s.b[s.at] >= '0' && s.b[s.at] <= '9' {
		s.at++
	}
	if n := s.at - digits; n > 0 && n < 16 && !isFraction(s.peek()) {
		if s.b[digits] == '0' && (n > 1 || digits > from) {
			return errCanonical
		}
		return nil
	}
	for s.at < len(s.b) && (isFraction(s.b[s.at]) || s.b[s.at] >= '0' && s.b[s.at] <= '9' || s.b[s.at] == '-') {
		s.at++
	}
	v := jsontext.Value(s.b[from:s.at]).Clone()
	if len(v) == 0 || v.Canonicalize() != nil || string(v) != string(s.b[from:s.at]) {
		return errCanonical
	}
	return nil
}

func isFraction(c byte) bool { return c == '.' || c == 'e' || c == 'E' || c == '+' }
