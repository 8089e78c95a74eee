package marking

import "strings"

// Parse reads a text as one mark of the given form, strictly: what is not canonical is a fault. It reads on after a
// fault, so that all are told and the mark holds whatever could be read; a token that nothing knows is kept in
// [Mark.Unknown].
func (r *Register) Parse(text string, form Form) Reading {
	p := parser{r: r, text: text, level: span{0, len(text)}}
	p.out.Mark.Form = form
	p.line()
	if p.out.Levelled {
		p.check()
	}
	return p.out
}

// span is a piece of the text, as byte offsets.
type span struct{ lo, hi int }

type parser struct {
	r    *Register
	text string
	out  Reading

	last     category // of the segment before
	level    span     // where the classification stands
	controls [numControls]span
	lastIC   Control // the control before, for the order
	anyIC    bool    // there is a control before
	lastLDC  string  // the entry before, on a line that is CUI alone
	aeaAt    span
	fgiAt    span
	sciAt    span
	cnwdiN   bool // CNWDI was written RD-N
}

func (p *parser) fail(code Code, at span, message string) {
	p.out.Errors = append(p.out.Errors, Fault{code, at.lo, at.hi - at.lo, message})
}

func (p *parser) warn(code Code, at span, message string) {
	p.out.Warnings = append(p.out.Warnings, Fault{code, at.lo, at.hi - at.lo, message})
}

func (p *parser) portion() bool { return p.out.Mark.Form == Portion }

// line reads the whole text: parentheses, then segments.
func (p *parser) line() {
	at := p.trim(span{0, len(p.text)})
	if at.lo == at.hi {
		p.fail(ErrEmpty, span{0, len(p.text)}, "nothing is marked")
		return
	}
	at = p.parens(at)
	if at.lo == at.hi {
		p.fail(ErrEmpty, span{0, len(p.text)}, "nothing is marked")
		return
	}
	nonUS := strings.HasPrefix(p.text[at.lo:at.hi], "//")
	if nonUS {
		lead := at.lo
		at.lo = p.slashes(at.lo, at.hi)
		if at.lo == at.hi {
			p.fail(ErrBadSeparator, span{lead, at.hi}, "a separator without a classification")
			return
		}
	}
	for first := true; ; first = false {
		end, next := at.hi, at.hi
		if i := strings.Index(p.text[at.lo:at.hi], "//"); i >= 0 {
			end = at.lo + i
			next = p.slashes(end, at.hi)
		}
		seg := p.trim(span{at.lo, end})
		switch {
		case seg.lo == seg.hi:
			p.fail(ErrBadSeparator, span{at.lo, next}, "nothing stands between two separators")
		case first:
			p.classification(seg, nonUS)
		default:
			p.segment(seg)
		}
		if end == at.hi {
			return
		}
		if next == at.hi {
			p.fail(ErrBadSeparator, span{end, next}, "the line ends in a separator")
			return
		}
		at.lo = next
	}
}

// parens takes the parentheses off a portion.
func (p *parser) parens(at span) span {
	open, shut := p.text[at.lo] == '(', p.text[at.hi-1] == ')'
	whole := at
	if open {
		at.lo++
	}
	if shut && at.hi > at.lo {
		at.hi--
	}
	switch {
	case p.portion() && !(open && shut && whole.hi-whole.lo > 1):
		p.fail(ErrPortionParens, whole, "a portion mark stands in parentheses")
	case !p.portion() && (open || shut):
		p.fail(ErrForm, whole, "a banner has no parentheses; a portion mark is read with the portion form")
	}
	return p.trim(at)
}

// slashes steps over the slashes at lo, of which there should be two.
func (p *parser) slashes(lo, hi int) int {
	i := lo
	for i < hi && p.text[i] == '/' {
		i++
	}
	if i-lo > 2 {
		p.fail(ErrBadSeparator, span{lo, i}, "categories are separated by two slashes")
	}
	return i
}

func (p *parser) trim(at span) span {
	in := at
	for at.lo < at.hi && blank(p.text[at.lo]) {
		at.lo++
	}
	for at.hi > at.lo && blank(p.text[at.hi-1]) {
		at.hi--
	}
	if in != at && at.lo != at.hi {
		bad := span{in.lo, at.lo}
		if bad.lo == bad.hi {
			bad = span{at.hi, in.hi}
		}
		p.fail(ErrWhitespace, bad, "no blanks around a mark, //, / or -")
	}
	return at
}

func blank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// upper gives the text at a span in capital letters with single blanks, and faults what was not so.
func (p *parser) upper(at span) string {
	s := p.text[at.lo:at.hi]
	clean := true
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || blank(c) && (c != ' ' || i > 0 && s[i-1] == ' ') {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	// The two controls that are written in small letters.
	if s == "Attorney-Client" || s == "Attorney-WP" {
		return strings.ToUpper(s)
	}
	up := asciiUpper(s)
	if up != s {
		p.fail(ErrCase, at, "marks are written in capital letters")
	}
	if f := strings.Join(strings.Fields(up), " "); f != up {
		p.fail(ErrWhitespace, at, "words are separated by one blank")
		up = f
	}
	return up
}

// asciiUpper leaves letters beyond ASCII alone, so that lengths do not change.
func asciiUpper(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 32
		}
		return r
	}, s)
}

// classification reads the first segment.
func (p *parser) classification(at span, nonUS bool) {
	p.level = at
	p.last = catLevel
	m := &p.out.Mark
	s := p.upper(at)
	if nonUS {
		p.nonUS(at, s)
		return
	}
	if p.levelWord(s, at) {
		if m.Level == Restricted {
			p.fail(ErrLevel, at, "RESTRICTED is not a level of the US")
		}
		return
	}
	if s == "CUI" || s == "CONTROLLED" {
		p.out.Levelled, m.CUI.Present, p.last = true, true, catCUI
		if s == "CONTROLLED" && p.portion() {
			p.fail(ErrCUIPortionControl, at, "a portion says CUI")
		}
		return
	}
	p.fail(ErrNoClassification, at, "begins with none of TOP SECRET, SECRET, CONFIDENTIAL, UNCLASSIFIED, CUI")
	// SECRET/NOFORN still says SECRET.
	if i := strings.IndexByte(s, '/'); i > 0 && len(s) == at.hi-at.lo {
		p.fail(ErrBadSeparator, span{at.lo + i, at.lo + i + 1}, "categories are separated by two slashes")
		if p.levelWord(strings.TrimRight(s[:i], " "), span{at.lo, at.lo + i}) {
			p.entries(p.trim(span{at.lo + i + 1, at.hi}))
			return
		}
	}
	p.last = catNone
	p.entries(at)
}

// levelWord sets the level if s is one, in either spelling.
func (p *parser) levelWord(s string, at span) bool {
	l, ok := ParseLevel(s)
	if !ok {
		return false
	}
	p.out.Mark.Level, p.out.Levelled = l, true
	p.levelForm(s, at)
	return true
}

// levelForm faults a level spelled as the other form has it.
func (p *parser) levelForm(s string, at span) {
	if p.portion() != (len(s) <= 2) {
		if p.portion() {
			p.fail(ErrForm, at, "a portion mark abbreviates the level")
		} else {
			p.fail(ErrForm, at, "a banner spells the level out")
		}
	}
}

// segment reads a segment after the first. A level that comes late is read for what it says.
func (p *parser) segment(at span) {
	if !p.out.Levelled {
		if s := asciiUpper(p.text[at.lo:at.hi]); p.levelWord(s, at) {
			return
		}
	}
	p.entries(at)
}

// entries reads what stands between two separators, and checks its place in the line.
func (p *parser) entries(at span) {
	ctx := p.segmentContext(at)
	var cat category
	for lo := at.lo; ; {
		hi := at.hi
		if i := strings.IndexByte(p.text[lo:at.hi], '/'); i >= 0 {
			hi = lo + i
		}
		e := p.trim(span{lo, hi})
		if e.lo == e.hi {
			p.fail(ErrBadSeparator, span{max(lo-1, at.lo), hi}, "nothing stands between two slashes")
		} else {
			c := p.entry(e, ctx, cat)
			if cat == catNone || cat == catUnknown {
				if cat = c; cat != catUnknown {
					p.place(cat, at)
				}
			} else if c != cat && c != catUnknown {
				p.fail(ErrBadSeparator, e, "entries of another category come after two slashes")
			}
		}
		if hi == at.hi {
			return
		}
		lo = hi + 1
	}
}

// place checks the category of a segment against the one before.
func (p *parser) place(cat category, at span) {
	waived := cat == catSAP && p.last == catSAP && p.text[at.lo:at.hi] == "WAIVED"
	switch {
	case cat == p.last && cat == catDissem && p.r.profile == DoD:
		p.warn(WarnProfile, at, "the Register joins dissemination controls by /")
	case cat == p.last && !waived:
		p.fail(ErrCategoryRepeat, at, "a category comes once; its entries are joined by /")
	case cat < p.last:
		p.fail(ErrCategoryOrder, at, "the order is level, SCI, SAP, AEA, FGI, CUI, CUI categories, dissemination, other")
	default:
		p.last = cat
	}
}

// segmentContext says whether words that name both a CUI category and a control are to be read as categories: right
// after the word CUI, if nothing in the segment can only be a control.
func (p *parser) segmentContext(at span) category {
	if p.last != catCUI {
		return catNone
	}
	for e := range strings.SplitSeq(p.text[at.lo:at.hi], "/") {
		e = strings.TrimSpace(e)
		w, ok := p.r.words[e]
		if !ok {
			w, ok = p.r.words[asciiUpper(e)]
		}
		switch {
		case ok && w.cat != catUnknown && p.r.table.cui[e] == "":
			return catNone
		case strings.HasPrefix(e, "REL TO ") || strings.HasPrefix(e, "DISPLAY ONLY") || strings.HasPrefix(e, "ACCM-"):
			return catNone
		}
	}
	return catCUICategory
}
