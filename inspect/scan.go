package inspect

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// blockBytes is how much is read for one question before the next is asked of it, so that it stays in the cache.
const blockBytes = 16 << 10

var doubleSlash = []byte("//")

// scan looks through a view. Each block is asked, in vector steps: where are double slashes, where do lines begin,
// is there anything that could be a disguise, is there a long run of base64.
func (s *Scanner) scan(v *view) {
	text := v.text
	next := 0 // up to where a mark has been taken
	line := 0 // where the line begins that has not been looked at
	for lo := 0; lo < len(text); lo += blockBytes {
		hi := min(lo+blockBytes, len(text))
		next = s.slashes(v, max(lo, next), hi)
		line = s.lines(v, line, lo, hi)
		if v.under != nil {
			continue
		}
		if v.unseen || disguised(text[lo:hi]) {
			s.unfolded(v, lo, hi)
			v.unseen = false
		}
		if v.spans == nil {
			s.encoded(v, lo, hi)
		}
	}
	if line < len(text) {
		s.line(v, line, len(text))
	}
}

// slashes looks at each double slash that begins in lo..hi. It returns where to go on.
func (s *Scanner) slashes(v *view, lo, hi int) int {
	end := min(hi+1, len(v.text))
	for lo < end {
		i := slashPair(v.text[lo:end])
		if i < 0 {
			break
		}
		i += lo
		lo = s.candidate(v, i)
	}
	return max(lo, hi)
}

// slashPair is where the first double slash stands. In text full of marks it is near, and for that a few bytes at a time
// in line are quicker than a call.
func slashPair(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+9 <= len(b) && i < 32; i += 8 {
		x := binary.LittleEndian.Uint64(b[i:]) ^ '/'*ones
		for hit := (x - ones) &^ x & highs; hit != 0; hit &= hit - 1 {
			if at := i + bits.TrailingZeros64(hit)>>3; b[at] == '/' && b[at+1] == '/' {
				return at
			}
		}
	}
	if n := bytes.Index(b[i:], doubleSlash); n >= 0 {
		return i + n
	}
	return -1
}

// lines looks at each line that ends in lo..hi, the first of which begins at line. It returns where the line begins that
// ends later.
func (s *Scanner) lines(v *view, line, lo, hi int) int {
	t := v.text[:hi]
	for at := max(line, lo); ; at = line {
		i := newline(t[at:])
		if i < 0 {
			return line
		}
		if opens[t[line]] {
			s.line(v, line, at+i)
		}
		line = at + i + 1
	}
}

// newline is where the first line break stands. Most lines are short, and for these eight bytes at a time in line are
// quicker than a call.
func newline(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for i := 0; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:]) ^ '\n'*ones
		if hit := (x - ones) &^ x & highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
		if i == 56 {
			if n := bytes.IndexByte(b[64:], '\n'); n >= 0 {
				return 64 + n
			}
			return -1
		}
	}
	return bytes.IndexByte(b, '\n')
}

// opens holds the bytes with which a line of interest can begin.
var opens = func() (t [256]bool) {
	for _, c := range []byte(" \t\r(TSCUNRcodmhO*_>\"'[<=~`|-DHM") {
		t[c] = true
	}
	for c, unseen := range control {
		t[c] = t[c] || unseen
	}
	return t
}()

// disguised reports whether a block holds anything that stands for another letter: an escape, or a letter beyond ASCII
// that looks like one of ASCII, or that cannot be seen. What ordinary prose has beyond ASCII does not count.
func disguised(b []byte) bool {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], '\\')
		if i < 0 {
			break
		}
		from += i
		for from < len(b) && b[from] == '\\' {
			from++
		}
		// Line breaks and quotes that are escaped hide nothing by themselves.
		if from < len(b) && (b[from] == '/' || b[from] == 'u') {
			return true
		}
	}
	const high = 0x8080808080808080
	for i := 0; i < len(b); {
		if i+64 <= len(b) {
			c := b[i : i+64]
			x := binary.LittleEndian.Uint64(c) | binary.LittleEndian.Uint64(c[8:]) |
				binary.LittleEndian.Uint64(c[16:]) | binary.LittleEndian.Uint64(c[24:]) |
				binary.LittleEndian.Uint64(c[32:]) | binary.LittleEndian.Uint64(c[40:]) |
				binary.LittleEndian.Uint64(c[48:]) | binary.LittleEndian.Uint64(c[56:])
			if x&high == 0 {
				i += 64
				continue
			}
		}
		for end := min(i+64, len(b)); i < end; {
			if i+8 <= len(b) {
				w := binary.LittleEndian.Uint64(b[i:]) & high
				if w == 0 {
					i += 8
					continue
				}
				i += bits.TrailingZeros64(w) >> 3
			} else if b[i] < 0x80 {
				i++
				continue
			}
			r, size := step(b[i:])
			if r != kept {
				return true
			}
			i += size
		}
	}
	return false
}

// control holds the bytes of ASCII that cannot be seen, but for blanks and line breaks. To look for them everywhere would
// halve the speed, so they are seen where they stand in the way of a candidate.
var control = func() (t [256]bool) {
	for c := range 0x20 {
		t[c] = c != '\t' && c != '\n' && c != '\r'
	}
	t[0x7f] = true
	return t
}()

// unfolded scans a block with its disguises taken off, and as much around it as a mark can be long.
func (s *Scanner) unfolded(v *view, lo, hi int) {
	from, to := max(0, lo-tailBytes), min(len(v.text), hi+tailBytes)
	out, changed := fold(s.fold[:0], v.text[from:to])
	s.fold = out
	if changed {
		s.scan(&view{text: out, prose: v.prose, under: v, from: from, to: to})
	}
}
