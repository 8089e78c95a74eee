package inspect

import (
	"bytes"
	"encoding/binary"
	"slices"

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
	if !v.prose || hi-lo < 3 || !opens[t[lo]] {
		return
	}
	if t[lo] == '(' {
		s.barePortion(v, lo, hi)
		return
	}
	if hi-lo > 96 {
		return
	}
	if hi-lo < 48 && controlled(t[lo:hi]) {
		v.unseen = true
	}
	a, b := lo, hi
	for a < b && decorates(t[a]) {
		a++
	}
	for b > a && (decorates(t[b-1]) || t[b-1] == '/') {
		b--
	}
	if b-a < 3 {
		return
	}
	if c := t[a]; b-a < 48 && (c == 'S' || c == 'T' || c == 'C' || c == 'U') {
		s.loose(v, a, b)
	}
	if c := t[a]; c == 'N' || c == 'C' && t[a+1] == 'O' && t[a+2] == 'S' {
		if l, ok := s.ally(t[a:b]); ok {
			s.found(v, a, b, l)
			return
		}
	}
	if b-a > 12 {
		// Longer than any level: only "Classification: SECRET" is left, which ends in the last letter of a level.
		if last := t[b-1]; last != 'T' && last != 'L' && last != 'D' && last != 'I' {
			return
		}
		i := bytes.IndexByte(t[a:b], ':')
		if i < 0 || !says(t[a:a+i]) {
			return
		}
		for a += i + 1; a < b && (blank(t[a]) || decorates(t[a])); {
			a++
		}
	}
	if l, ok := s.level(t[a:b]); ok {
		s.found(v, a, b, l)
	}
}

// controlled reports whether a line has a control character.
func controlled(b []byte) bool {
	const highs, ones = 0x8080808080808080, 0x0101010101010101
	for ; len(b) >= 8; b = b[8:] {
		if w := binary.LittleEndian.Uint64(b); (w-0x20*ones)&^w&highs != 0 && slices.ContainsFunc(b[:8], isControl) {
			return true
		}
	}
	return slices.ContainsFunc(b, isControl)
}

func isControl(c byte) bool { return control[c] }

// ally reads a line that is a level of NATO and nothing else, without the slashes that should stand before it.
func (s *Scanner) ally(b []byte) (marking.Label, bool) {
	switch string(b) {
	case "COSMIC TOP SECRET", "NATO SECRET", "NATO CONFIDENTIAL", "NATO RESTRICTED", "NATO UNCLASSIFIED":
		got := s.register.Parse("//"+string(b), marking.Banner)
		return s.register.Label(got.Mark), got.Levelled
	}
	return marking.Label{}, false
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
	end := bytes.IndexByte(t[:min(len(t), 40)], ')')
	if end < 2 {
		return
	}
	token := t[1:end]
	if end > 5 || end > 3 && (token[1] == '/' || token[1] == '-') {
		s.loose(v, lo, lo+end+1)
		return
	}
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
	case listed(rest):
		s.bare.options++
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

// listed reports whether another letter stands in parentheses further on: (S) small (M) medium.
func listed(rest []byte) bool {
	for {
		i := bytes.IndexByte(rest, '(')
		if i < 0 || i+2 >= len(rest) {
			return false
		}
		if c := rest[i+1]; rest[i+2] == ')' && c != 'U' && c != 'S' && c != 'C' {
			return true
		}
		rest = rest[i+1:]
	}
}

// loose reads a line or a portion mark in which one slash, a hyphen, a bar or a blank stands where two slashes should, if
// all of it makes sense.
func (s *Scanner) loose(v *view, lo, hi int) {
	t := v.text[lo:hi]
	w := word{lo: lo, is: start}
	from := 0
	if t[0] == '(' {
		w.is |= portion
		from = 1
	}
	for _, level := range [...]string{"TOP SECRET", "SECRET", "CONFIDENTIAL", "UNCLASSIFIED", "TS", "S", "C"} {
		at := from + len(level)
		if w.is&portion != 0 && len(level) > 2 || !bytes.HasPrefix(t[from:], []byte(level)) {
			continue
		}
		end := at
		for end < len(t) && end-at < 3 && (t[end] == '/' || t[end] == '-' || t[end] == '|' || t[end] == ' ') {
			end++
		}
		if end > at && end < len(t) && string(t[at:end]) != "//" {
			w.loose, w.skip = uint8(at), uint8(end-at)
			if w.is |= loose; len(level) <= 2 {
				w.is |= short
			}
			s.take(v, lo, hi, w)
		}
		return
	}
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
