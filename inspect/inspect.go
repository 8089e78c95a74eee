// Package inspect finds marks in what goes to a model and comes back: prompts, tool schemas, arguments, results, names
// and metadata, of any size, in one pass.
//
// Begin with [Scanner]: give it each piece of text in order with [Scanner.Scan], what is short and not prose with
// [Scanner.ScanName], say with [Scanner.Unread] what cannot be read, and take the [Result]. Text comes unescaped, as a
// JSON reader gives it; escapes that are still inside (JSON within JSON) are looked through.
//
// It finds marks, not classified facts: text that says a secret without a mark on it passes. docs/markings.md has what
// is found, what is not, and how often it errs. A line that looks like a mark counts at the highest level that can be
// read in it, valid or not.
package inspect

import (
	"unsafe"

	"bulkhead/marking"
)

// Finding is one mark in the text. It does not hold the text.
type Finding struct {
	Label marking.Label
	// Part counts the pieces given, from 0; Offset and Length are bytes of that piece. A mark that runs over into the
	// next piece is placed where it begins, and Length goes beyond the piece.
	Part, Offset, Length int
}

// Result is what a scan came to.
type Result struct {
	// Label covers all that was found; it is [marking.Unmarked] where nothing was.
	Label marking.Label
	// Found counts the marks; Highest is the first of those of the highest level.
	Found   int
	Highest Finding
	// Unread are the parts that could not be read.
	Unread []Unread
}

// Scanner reads the pieces of one call. The zero Scanner is not usable; it is not for concurrent use.
type Scanner struct {
	register *marking.Register
	part     int
	result   Result
	marks    cache
	bare     bareCount
	// bareLabels are what the lone portion marks mean.
	bareLabels [numBare]marking.Label
	tail       tail
	fold       []byte
	seam       []byte
}

// New is a scanner that reads marks by the register.
func New(r *marking.Register) *Scanner {
	s := &Scanner{register: r}
	for t, text := range bareTokens {
		s.bareLabels[t] = r.Label(r.Parse("("+text+")", marking.Portion).Mark)
	}
	s.Reset()
	return s
}

// Reset makes the scanner ready for another call.
func (s *Scanner) Reset() {
	s.part, s.result, s.bare = 0, Result{Label: marking.Unmarked()}, bareCount{}
	s.tail.text, s.tail.spans = s.tail.text[:0], s.tail.spans[:0]
	s.marks.reset()
}

// Scan reads the next piece of text. A mark may begin in one piece and end in the next. The bytes are not kept.
func (s *Scanner) Scan(text []byte) {
	s.scanSeam(text)
	v := view{text: text, part: s.part, prose: true}
	s.scan(&v)
	s.keepTail(text)
	s.part++
}

// ScanString is [Scanner.Scan] without a copy.
func (s *Scanner) ScanString(text string) {
	// Nothing writes to the bytes; a copy would cost more than the scan.
	s.Scan(unsafe.Slice(unsafe.StringData(text), len(text)))
}

// ScanName reads a name, a value of an enumeration or the like: there a lone level word is no mark.
func (s *Scanner) ScanName(text []byte) {
	v := view{text: text, part: s.part}
	s.scan(&v)
	s.tail.text, s.tail.spans = s.tail.text[:0], s.tail.spans[:0]
	s.part++
}

// Result is what the scan came to. More pieces may follow.
func (s *Scanner) Result() Result {
	out := s.result
	for _, f := range s.bare.marks(out.Found > 0) {
		out.add(f)
	}
	return out
}

func (r *Result) add(f Finding) {
	if r.Found == 0 || f.Label.Level() > r.Highest.Label.Level() {
		r.Highest = f
	}
	r.Found++
	r.Label = r.Label.Join(f.Label)
}

// view is a text to look for marks in: a piece, two pieces where they meet, or either with its disguises taken off.
type view struct {
	text  []byte
	part  int
	prose bool
	spans []span // for a seam: which piece each stretch is from
	seam  int    // for a seam: where the last piece begins; a finding must reach over it
	under *view  // for a folded text: what it was folded from, beginning at from
	from  int
	to    int
	at    cursor // for a folded text: the place looked up last
	// unseen: a control character stands where a mark may be.
	unseen bool
	// encoded is up to where base64 has been looked for.
	encoded int
}

// place is where lo..hi of the view stands in the pieces. ok is false for what another view finds.
func (v *view) place(lo, hi int) (part, offset, length int, ok bool) {
	if v.under != nil {
		raw := v.under.text[v.from:v.to]
		a := v.at.seek(raw, lo)
		b := v.at.seek(raw, hi)
		if b-a == hi-lo {
			return 0, 0, 0, false
		}
		return v.under.place(v.from+a, v.from+b)
	}
	if v.spans == nil {
		return v.part, lo, hi - lo, true
	}
	if lo >= v.seam || hi <= v.seam {
		return 0, 0, 0, false
	}
	at := v.spans[0]
	for _, s := range v.spans {
		if s.at <= lo {
			at = s
		}
	}
	return at.part, at.offset + lo - at.at, hi - lo, true
}

// span says that a seam's bytes from at on are those of a piece from offset on.
type span struct{ at, part, offset int }

// tail is the end of what was read, which a mark may run on from.
type tail struct {
	text  []byte
	spans []span
}

// tailBytes is the longest mark that is found over the border of two pieces.
const tailBytes = 256

// scanSeam looks for marks that begin before the piece and end in it.
func (s *Scanner) scanSeam(text []byte) {
	if len(s.tail.text) == 0 || len(text) == 0 {
		return
	}
	head := text[:min(len(text), tailBytes)]
	s.seam = append(append(s.seam[:0], s.tail.text...), head...)
	s.tail.spans = append(s.tail.spans, span{len(s.tail.text), s.part, 0})
	s.scan(&view{text: s.seam, prose: true, spans: s.tail.spans, seam: len(s.tail.text)})
	s.tail.spans = s.tail.spans[:len(s.tail.spans)-1]
}

// keepTail keeps the last bytes read.
func (s *Scanner) keepTail(text []byte) {
	t := &s.tail
	if len(text) >= tailBytes {
		from := len(text) - tailBytes
		t.text = append(t.text[:0], text[from:]...)
		t.spans = append(t.spans[:0], span{0, s.part, from})
		return
	}
	if len(text) == 0 {
		return
	}
	if drop := len(t.text) + len(text) - tailBytes; drop > 0 {
		t.text = append(t.text[:0], t.text[drop:]...)
		n := 0
		for i, x := range t.spans {
			end := len(t.text) + drop
			if i+1 < len(t.spans) {
				end = t.spans[i+1].at
			}
			if end <= drop {
				continue
			}
			if x.at < drop {
				x.offset, x.at = x.offset+drop-x.at, drop
			}
			x.at -= drop
			t.spans[n] = x
			n++
		}
		t.spans = t.spans[:n]
	}
	t.spans = append(t.spans, span{len(t.text), s.part, 0})
	t.text = append(t.text, text...)
}
