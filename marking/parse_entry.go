package marking

import (
	"slices"
	"strings"
)

// entry reads one entry of a segment and says which category it belongs to. seg is the category of the entries before
// it in the same segment.
func (p *parser) entry(at span, ctx, seg category) category {
	s := p.upper(at)
	if l, ok := ParseLevel(s); ok && seg != catSAP {
		// Whatever comes of the line, it says this too.
		p.out.Mark.Level = max(p.out.Mark.Level, l)
		p.out.Known++
		p.fail(ErrCategoryRepeat, at, "a mark has one level; the highest counts")
		return catUnknown
	}
	if ctx == catCUICategory {
		return p.cuiCategory(s, at)
	}
	w, ok := p.r.words[s]
	if !ok {
		return p.longEntry(s, at, seg)
	}
	p.out.Known++
	if p.portion() && !w.portion || !p.portion() && !w.banner {
		p.fail(ErrForm, at, "a banner names controls, a portion mark abbreviates them")
	}
	switch w.cat {
	case catDissem, catNonIC:
		p.control(w.control, s, at)
		if w.control == RELTO && (s != "REL" || !p.portion()) {
			p.fail(ErrRelToEmpty, at, "REL TO needs its list: REL TO USA, ...")
		} else if w.control == DISPLAYONLY {
			p.fail(ErrDisplayEmpty, at, "DISPLAY ONLY needs its list")
		}
	case catAEA:
		p.aea(w.aea, at)
	case catNATO:
		p.addTo(&p.out.Mark.NATOControls, s, at, ErrListOrder)
	case catFGI:
		p.out.Mark.FGI.Present, p.fgiAt = true, at
	case catSAP:
		p.out.Mark.Waived = true
		if len(p.out.Mark.SAP) == 0 {
			p.fail(ErrUnknownToken, at, "WAIVED stands only with a special access programme")
		}
	case catCUI:
		p.cuiControl(s, at)
	}
	return w.cat
}

// longEntry reads an entry that is more than one known word.
func (p *parser) longEntry(s string, at span, seg category) category {
	if rest, ok := cutAny(s, "SAR-", "SPECIAL ACCESS REQUIRED-"); ok {
		p.out.Known++
		p.sap(rest, at)
		return catSAP
	}
	if seg == catSAP {
		p.sap(s, at)
		return catSAP
	}
	if p.sci(s, at) {
		p.out.Known++
		return catSCI
	}
	if rest, ok := cutAny(s, "REL TO", "AUTHORIZED FOR RELEASE TO"); ok && (rest == "" || rest[0] == ' ' || rest[0] == ',') {
		p.out.Known++
		p.relTo(rest, at)
		return catDissem
	}
	if rest, ok := cutAny(s, "DISPLAY ONLY"); ok && (rest == "" || rest[0] == ' ' || rest[0] == ',') {
		p.out.Known++
		p.displayOnly(rest, at)
		return catDissem
	}
	if rest, ok := cutAny(s, "FGI ", "FOREIGN GOVERNMENT INFORMATION "); ok {
		p.out.Known++
		p.fgi(rest, at)
		return catFGI
	}
	if cat := p.aeaEntry(s, at); cat != catNone {
		p.out.Known++
		return cat
	}
	if rest, ok := cutAny(s, "SP-"); ok && categoryName(rest) {
		return p.cuiCategory(s, at)
	}
	if rest, ok := cutAny(s, "ACCM-"); ok && programName(rest) {
		p.out.Known++
		p.addTo(&p.out.Mark.ACCM, rest, at, ErrListOrder)
		return catNonIC
	}
	if p.r.table.cui[s] != "" {
		return p.cuiCategory(s, at)
	}
	p.out.Mark.Unknown = append(p.out.Mark.Unknown, s)
	p.fail(ErrUnknownToken, at, "not a registered control")
	return catUnknown
}

func cutAny(s string, prefixes ...string) (string, bool) {
	for _, x := range prefixes {
		if rest, ok := strings.CutPrefix(s, x); ok {
			return rest, true
		}
	}
	return "", false
}

// control notes a dissemination or other control and checks its order.
func (p *parser) control(c Control, s string, at span) {
	m := &p.out.Mark
	if m.Controls.Has(c) {
		p.fail(ErrDuplicate, at, "a control is named twice")
		return
	}
	m.Controls |= setOf(c)
	p.controls[c] = at
	p.order(c, s, at)
}

func (p *parser) order(c Control, s string, at span) {
	m := &p.out.Mark
	if m.cuiOnly() && !nonICOnly.Has(c) {
		if p.lastLDC > s {
			p.fail(ErrCUILDCOrder, at, "limited dissemination controls are alphabetical")
		}
		p.lastLDC = s
		return
	}
	if m.CUI.Present && ldcOnly.Has(c) {
		return
	}
	// DoDM 5200.01 puts DISPLAY ONLY before FISA; both orders are read.
	if p.anyIC && c < p.lastIC && !(c == FISA && p.lastIC == DISPLAYONLY) {
		p.fail(ErrDissemOrder, at, "controls stand in the order of the Register")
	}
	p.lastIC, p.anyIC = c, true
}

// addTo adds a name to a sorted list and faults one that is out of order or there already.
func (p *parser) addTo(list *[]string, s string, at span, disorder Code) {
	n := len(*list)
	switch {
	case slices.Contains(*list, s):
		p.fail(ErrDuplicate, at, "named twice")
		return
	case n > 0 && compareNames((*list)[n-1], s) > 0:
		p.fail(disorder, at, "numbers first, then alphabetical")
	}
	i := n
	for i > 0 && compareNames((*list)[i-1], s) > 0 {
		i--
	}
	*list = slices.Insert(*list, i, s)
}

// compareNames orders numbers by value before names by letters.
func compareNames(a, b string) int {
	an, bn := digits(a), digits(b)
	switch {
	case an && bn && len(a) != len(b):
		return len(a) - len(b)
	case an != bn:
		if an {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// programName reports whether s may name a special access programme: words of letters and digits.
func programName(s string) bool {
	return readinName(s) && s[0] != '?'
}

// multipleProgrammes stands in a banner for more programmes than it may name (DoDM 5200.01 Volume 2).
const multipleProgrammes = "MULTIPLE PROGRAMS"

func (p *parser) sap(name string, at span) {
	if !programName(name) {
		p.out.Mark.Unknown = append(p.out.Mark.Unknown, "SAR-"+name)
		p.fail(ErrUnknownToken, at, "SAR- is followed by a programme's name")
		return
	}
	if name == multipleProgrammes {
		p.warn(WarnUnknownEntry, at, "its programmes are not named, so nobody is known to be read into them")
	}
	p.addTo(&p.out.Mark.SAP, name, at, ErrListOrder)
}

func (p *parser) cuiControl(s string, at span) {
	m := &p.out.Mark
	switch {
	case m.CUI.Present:
		p.fail(ErrDuplicate, at, "CUI is named twice")
	case !m.Classified() && p.out.Levelled:
		p.fail(ErrCUIPrefix, at, "a line that is CUI alone begins with CUI, not with UNCLASSIFIED")
	}
	if s == "CONTROLLED" && p.portion() {
		p.fail(ErrCUIPortionControl, at, "a portion says CUI")
	}
	m.CUI.Present = true
}

func (p *parser) cuiCategory(s string, at span) category {
	m := &p.out.Mark
	if !m.CUI.Present {
		p.fail(ErrCUIControlMissing, at, "a CUI category stands behind the word CUI")
		m.CUI.Present = true
	}
	if w, ok := p.r.words[s]; ok && legacyCUI.Has(w.control) && (w.cat == catDissem || w.cat == catNonIC) || s == "OUO" {
		p.fail(ErrLegacyMarking, at, "a marking of old has no force in CUI")
		return catCUICategory
	}
	name, specified := strings.CutPrefix(s, "SP-")
	if !categoryName(name) {
		m.Unknown = append(m.Unknown, s)
		p.fail(ErrUnknownToken, at, "not a CUI category")
		return catUnknown
	}
	if known := p.r.table.cui[name]; known != "" {
		name = known
		p.out.Known++
	} else {
		p.warn(WarnUnknownEntry, at, "no CUI category of the table; held by nobody who does not list it")
	}
	if !specified {
		p.addTo(&m.CUI.Basic, name, at, ErrCUIOrder)
		return catCUICategory
	}
	p.out.Known++
	if len(m.CUI.Basic) > 0 {
		p.fail(ErrCUISpecifiedFirst, at, "specified categories come before basic ones")
	}
	p.addTo(&m.CUI.Specified, name, at, ErrCUIOrder)
	return catCUICategory
}
