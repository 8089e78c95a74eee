package inspect

import (
	"hash/maphash"

	"bulkhead/marking"
)

// cache remembers what texts that look like marks came to, so that a page full of the same marks costs little.
type cache struct {
	seed    maphash.Seed
	slots   []slot
	entries int // how many texts were read, not how many are remembered
}

type slot struct {
	text  string
	shape shape
	is    bool
	label marking.Label
	used  bool
}

// shape is what of the surroundings decides whether a text is a mark.
type shape uint8

const (
	slots = 512
	// mostTexts bounds the work of one call: who writes more different marks than this has the rest reported as unread.
	mostTexts = 8192
)

func (c *cache) reset() {
	if c.slots == nil {
		c.seed, c.slots = maphash.MakeSeed(), make([]slot, slots)
	}
	if c.entries > 0 {
		clear(c.slots)
		c.entries = 0
	}
}

// take reads lo..hi as a mark and notes it.
func (s *Scanner) take(v *view, lo, hi int, w word) {
	text := v.text[lo:hi]
	sh := w.shape()
	at := &s.marks.slots[maphash.Bytes(s.marks.seed, text)%slots]
	if !at.used || at.shape != sh || at.text != string(text) {
		if s.marks.entries++; s.marks.entries > mostTexts {
			s.tooMany(v, lo, hi)
			return
		}
		own := string(text)
		label, ok := s.read(own, w)
		*at = slot{text: own, shape: sh, is: ok, label: label, used: true}
	}
	if at.is {
		s.found(v, lo, hi, at.label)
	}
}

func (w word) shape() shape {
	var s shape
	for i, b := range [...]bool{w.portion, w.short, w.small, w.start, w.cui} {
		if b {
			s |= 1 << i
		}
	}
	return s
}

// found notes a mark at its place.
func (s *Scanner) found(v *view, lo, hi int, l marking.Label) {
	part, offset, length, ok := v.place(lo, hi)
	if !ok {
		return
	}
	r := &s.result
	if r.Found > 0 && l.Level() <= r.Highest.Label.Level() && l.AtMost(r.Label) {
		r.Found++
		return
	}
	r.add(Finding{Label: l, Part: part, Offset: offset, Length: length})
}

func (s *Scanner) tooMany(v *view, lo, hi int) {
	if part, offset, length, ok := v.place(lo, hi); ok {
		s.unread(Unread{Part: part, Kind: TooManyMarks, Offset: offset, Length: length})
	}
}
