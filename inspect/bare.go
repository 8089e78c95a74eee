package inspect

import (
	"bytes"

	"bulkhead/marking"
)

// bare is a portion mark that is nothing but a level: (S) at the beginning of a line may be a mark, or an option in a
// list, a copyright, somebody's initials.
type bare uint8

const (
	bareU bare = iota
	bareC
	bareS
	bareTS
	bareCUI
	numBare
)

var bareTokens = [numBare]string{"U", "C", "S", "TS", "CUI"}

// bareCount is what lines began with, until the whole is known.
type bareCount struct {
	lines   [numBare]int // followed by a sentence
	short   [numBare]int // followed by a word or two
	first   [numBare]Finding
	options int  // lines that begin with another letter or number in parentheses
	opens   bool // a piece begins with one that a sentence follows
}

// marks are the lone portion marks that count, now that the whole is known. Beside other marks all do. Alone they do if
// (U) stands beside a higher one, if two lines have one, or if a piece begins with one; but not in a list of options.
// (CUI) means nothing else, so it always counts.
func (b *bareCount) marks(others bool) []Finding {
	higher, all := 0, 0
	for t := range numBare {
		n := b.lines[t]
		if all += n; t != bareU {
			higher += n + b.short[t]
		}
	}
	u := b.lines[bareU] + b.short[bareU]
	sure := others || u > 0 && higher > 0 || b.options == 0 && (all > 1 || b.opens)
	var out []Finding
	for t := range numBare {
		if b.lines[t]+b.short[t] > 0 && (sure || t == bareCUI) {
			out = append(out, b.first[t])
		}
	}
	return out
}

// line looks at a whole line for what needs no double slash: a level alone, a level behind "Classification:", a portion
// mark that is only a level.
func (s *Scanner) line(v *view, lo, hi int) {
	t := v.text
	for hi > lo && blank(t[hi-1]) {
		hi--
	}
	for lo < hi && blank(t[lo]) {
		lo++
	}
	if !v.prose || hi-lo < 3 {
		return
	}
	if t[lo] == '(' {
		s.barePortion(v, lo, hi)
		return
	}
	if hi-lo > 96 {
		return
	}
	a, b := lo, hi
	for a < b && decorates(t[a]) {
		a++
	}
	for b > a && decorates(t[b-1]) {
		b--
	}
	if i := bytes.IndexByte(t[a:b], ':'); i > 0 && says(t[a:a+i]) {
		a += i + 1
		for a < b && (blank(t[a]) || decorates(t[a])) {
			a++
		}
	}
	if l, ok := s.level(t[a:b]); ok {
		s.found(v, a, b, l)
	}
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

// decorates reports whether people put c around a banner.
func decorates(c byte) bool {
	switch c {
	case '*', '_', '=', '-', '|', '~', '`', '"', '\'', '<', '>', '[', ']', ' ':
		return true
	}
	return false
}

// says reports whether what stands before a colon says that a classification follows.
func says(b []byte) bool {
	for len(b) > 0 && (decorates(b[len(b)-1]) || blank(b[len(b)-1])) {
		b = b[:len(b)-1]
	}
	for _, word := range [...]string{"CLASSIFICATION", "MARKING", "CLASSIFICATIONLEVEL", "CAVEAT"} {
		if n := len(b) - len(word); n >= 0 && folded(b[n:], word) && (n == 0 || !letter(b[n-1])) {
			return true
		}
	}
	return false
}

// level reads a line that is one of the words of a banner, in capitals.
func (s *Scanner) level(b []byte) (marking.Label, bool) {
	switch string(b) {
	case "SECRET":
		return s.bareLabels[bareS], true
	case "TOP SECRET", "TOPSECRET":
		return s.bareLabels[bareTS], true
	case "CONFIDENTIAL":
		return s.bareLabels[bareC], true
	case "UNCLASSIFIED":
		return s.bareLabels[bareU], true
	case "CUI", "CONTROLLED":
		return s.bareLabels[bareCUI], true
	}
	return marking.Label{}, false
}

// barePortion notes a line that begins with a letter or two in parentheses.
func (s *Scanner) barePortion(v *view, lo, hi int) {
	t := v.text[lo:hi]
	end := bytes.IndexByte(t[:min(len(t), 6)], ')')
	if end < 2 {
		return
	}
	token := t[1:end]
	part, offset, length, ok := v.place(lo, lo+end+1)
	if !ok {
		return
	}
	which := numBare
	for i, text := range bareTokens {
		if string(token) == text {
			which = bare(i)
		}
	}
	rest := t[end+1:]
	switch {
	case which == numBare:
		if len(token) == 1 || letter(token[0]) && token[0] >= 'a' {
			s.bare.options++
		}
		return
	case len(rest) > 0 && rest[0] != ' ', which == bareC && copyright(rest):
		return
	}
	b := &s.bare
	if b.lines[which]+b.short[which] == 0 {
		b.first[which] = Finding{Label: s.bareLabels[which], Part: part, Offset: offset, Length: length}
	}
	if !sentence(rest) {
		b.short[which]++
		return
	}
	b.lines[which]++
	b.opens = b.opens || offset == 0 && which != bareU
}

// sentence reports whether at least four words follow, the first with a capital, a figure or a quote.
func sentence(rest []byte) bool {
	if len(rest) < 2 {
		return false
	}
	c := rest[1]
	if c >= 'a' && c <= 'z' {
		return false
	}
	return bytes.Count(rest, []byte(" ")) >= 4
}

// copyright reports whether what follows (C) is a year or a company.
func copyright(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " ")
	if len(rest) == 0 || rest[0] >= '0' && rest[0] <= '9' {
		return true
	}
	for _, word := range [...]string{"opyright", "ights reserved", " Inc", " Ltd", " LLC", " Corp", " GmbH", " Foundation"} {
		if bytes.Contains(rest, []byte(word)) {
			return true
		}
	}
	return false
}
