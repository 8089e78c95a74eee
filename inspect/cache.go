package inspect

import (
	"encoding/binary"
	"hash/maphash"

	"bulkhead/marking"
)

// cache remembers what texts that look like marks came to, so that a page full of the same marks costs little. It is a
// table with open addressing: no text is read twice in a call.
type cache struct {
	seed  maphash.Seed
	index []int32 // into read, plus one; 0 is free
	read  []reading
	short [64]shortText // where the short texts of late stand in read
}

// shortText is a text of 8 to 16 bytes, whole: its first and last eight bytes say all of it.
type shortText struct {
	head, tail uint64
	size       uint8
	shape      shape
	at         int32 // into read, plus one
}

func (c *cache) shortAt(text []byte, sh shape) (slot *shortText, hit bool) {
	head, tail := binary.LittleEndian.Uint64(text), binary.LittleEndian.Uint64(text[len(text)-8:])
	slot = &c.short[(head^tail*0x9E3779B97F4A7C15)*0x9E3779B97F4A7C15>>58]
	if slot.at > 0 && slot.head == head && slot.tail == tail && int(slot.size) == len(text) && slot.shape == sh {
		return slot, true
	}
	*slot = shortText{head: head, tail: tail, size: uint8(len(text)), shape: sh}
	return slot, false
}

// reading is what one text came to.
type reading struct {
	text  string
	shape shape
	is    bool
	noted bool // the result covers the label
	label marking.Label
}

// shape is what of the surroundings decides whether a text is a mark.
type shape uint8

const (
	portion shape = 1 << iota // stands behind a parenthesis
	short                     // an abbreviation: U, C, S, TS, R
	start                     // begins the line
	cui
	loose // something else stands for two slashes
)

const (
	firstIndex = 256
	// mostTexts bounds the work of one call: who writes more different marks than this has the rest reported as unread.
	mostTexts = 4096
)

func (c *cache) reset() {
	if c.index == nil {
		c.seed, c.index = maphash.MakeSeed(), make([]int32, firstIndex)
	}
	if len(c.read) > 0 {
		if len(c.index) > 4*firstIndex {
			c.index = make([]int32, firstIndex)
		} else {
			clear(c.index)
		}
		clear(c.read)
		clear(c.short[:])
		c.read = c.read[:0]
	}
}

// at is the place in the index for a text: what was read, or the free place for it.
func (c *cache) at(text []byte, sh shape) *int32 {
	for h := maphash.Bytes(c.seed, text); ; h++ {
		slot := &c.index[h&uint64(len(c.index)-1)]
		if *slot == 0 {
			return slot
		}
		if r := &c.read[*slot-1]; r.shape == sh && r.text == string(text) {
			return slot
		}
	}
}

// add remembers a reading.
func (c *cache) add(r reading) {
	c.read = append(c.read, r)
	if 2*len(c.read) > len(c.index) {
		c.index = make([]int32, 4*len(c.index))
		for i := range c.read {
			*c.at([]byte(c.read[i].text), c.read[i].shape) = int32(i + 1)
		}
	} else {
		*c.at([]byte(r.text), r.shape) = int32(len(c.read))
	}
}

// take reads lo..hi as a mark and notes it.
func (s *Scanner) take(v *view, lo, hi int, w word) {
	text := v.text[lo:hi]
	if len(text) < 8 || len(text) > 16 {
		s.note(v, lo, hi, s.marks.reading(s, text, w))
		return
	}
	slot, hit := s.marks.shortAt(text, w.is)
	if !hit {
		slot.at = s.marks.reading(s, text, w)
	}
	s.note(v, lo, hi, slot.at)
}

// reading is where the reading of a text stands, plus one; 0 if there have been too many.
func (c *cache) reading(s *Scanner, text []byte, w word) int32 {
	if at := *c.at(text, w.is); at != 0 {
		return at
	}
	if len(c.read) == mostTexts {
		return 0
	}
	own := string(text)
	label, ok := s.read(own, w)
	c.add(reading{text: own, shape: w.is, is: ok, label: label})
	return int32(len(c.read))
}

// note notes what a text at lo..hi came to.
func (s *Scanner) note(v *view, lo, hi int, at int32) {
	if at == 0 {
		s.tooMany(v, lo, hi)
		return
	}
	switch r := &s.marks.read[at-1]; {
	case !r.is:
	case r.noted:
		// What is covered already needs no place. In other views it may have been counted before.
		if v.under == nil && v.spans == nil {
			s.result.Found++
		}
	default:
		r.noted = s.found(v, lo, hi, r.label)
	}
}

// found notes a mark at its place, and reports whether the place is this view's to tell.
func (s *Scanner) found(v *view, lo, hi int, l marking.Label) bool {
	part, offset, length, ok := v.place(lo, hi)
	if !ok {
		return false
	}
	r := &s.result
	if r.Found > 0 && l.Level() <= r.Highest.Label.Level() && l.AtMost(r.Label) {
		r.Found++
		return true
	}
	r.add(Finding{Label: l, Part: part, Offset: offset, Length: length})
	return true
}

func (s *Scanner) tooMany(v *view, lo, hi int) {
	if part, offset, length, ok := v.place(lo, hi); ok {
		s.unread(Unread{Part: part, Kind: TooManyMarks, Offset: offset, Length: length})
	}
}
