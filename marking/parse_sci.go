package marking

import (
	"slices"
	"strings"
)

// sci reads a control system with what is below it, and reports whether s begins with one.
func (p *parser) sci(s string, at span) bool {
	name, rest, _ := strings.Cut(s, "-")
	sys := p.r.table.systems[name]
	if sys == nil {
		var ok bool
		if name, rest, ok = strings.Cut(s, " "); !ok {
			return false
		}
		if sys = p.r.table.systems[name]; sys == nil {
			return false
		}
		p.fail(ErrSCISyntax, at, "a compartment is joined to its system by -")
	}
	p.sciAt = at
	if slices.Contains(sys.legacyNames, name) {
		p.warn(WarnLegacy, at, name+" is now "+sys.name)
	}
	m := &p.out.Mark
	i := slices.IndexFunc(m.SCI, func(x SCI) bool { return x.System == sys.name })
	if i >= 0 {
		p.fail(ErrDuplicate, at, "a system is named twice; its compartments are joined by -")
	} else {
		i = len(m.SCI)
		for i > 0 && compareNames(m.SCI[i-1].System, sys.name) > 0 {
			i--
		}
		if i < len(m.SCI) {
			p.fail(ErrSCIOrder, at, "systems stand numbers first, then alphabetical")
		}
		m.SCI = slices.Insert(m.SCI, i, SCI{System: sys.name})
	}
	if len(s) > len(name) && rest == "" {
		p.fail(ErrSCISyntax, at, "a compartment stands after -")
	}
	for rest != "" {
		var item string
		var more bool
		item, rest, more = strings.Cut(rest, "-")
		p.compartment(&m.SCI[i], sys, item, at)
		if more && rest == "" {
			p.fail(ErrSCISyntax, at, "a compartment stands after -")
		}
	}
	switch n := len(m.SCI[i].Compartments); {
	case n == 0 && sys.required:
		p.fail(ErrSCISyntax, at, sys.name+" needs a compartment")
	case n == 0 && sys.bareIsLegacy:
		p.warn(WarnLegacy, at, sys.name+" without a compartment is a form of old")
	}
	return true
}

func (p *parser) compartment(to *SCI, sys *system, item string, at span) {
	id, subs, _ := strings.Cut(item, " ")
	rule := sys.parts[id]
	switch {
	case id == "" || !alnum(id):
		p.fail(ErrSCISyntax, at, "a compartment is letters and digits")
		return
	case rule != nil:
		id = rule.id
	case sys.any != nil && !sys.any.fits(id):
		p.fail(ErrSCISyntax, at, "no compartment of "+sys.name+" is this long: "+id)
	case sys.any == nil && !anySub.fits(id):
		p.fail(ErrSCISyntax, at, "too long for a compartment: "+id)
	case sys.any == nil:
		p.warn(WarnUnknownEntry, at, "no compartment of the table; needs its own read-in: "+sys.name+"-"+id)
	}
	c := Compartment{ID: id}
	shape := &anySub
	if rule != nil && rule.sub != nil {
		shape = rule.sub
	}
	for subs != "" {
		var sub string
		sub, subs, _ = strings.Cut(subs, " ")
		if !shape.fits(sub) {
			p.fail(ErrSCISyntax, at, "no sub-compartment of "+sys.name+"-"+id+" looks like this: "+sub)
		}
		if alnum(sub) && sub != "" {
			p.addTo(&c.Sub, sub, at, ErrSCIOrder)
		}
	}
	list := to.Compartments
	i := len(list)
	for i > 0 && compareNames(list[i-1].ID, id) > 0 {
		i--
	}
	if i < len(list) {
		p.fail(ErrSCIOrder, at, "compartments stand numbers first, then alphabetical")
	}
	if i > 0 && list[i-1].ID == id {
		p.fail(ErrDuplicate, at, "a compartment is named twice")
		for _, sub := range c.Sub {
			if !slices.Contains(list[i-1].Sub, sub) {
				list[i-1].Sub = append(list[i-1].Sub, sub)
			}
		}
		slices.SortFunc(list[i-1].Sub, compareNames)
		return
	}
	to.Compartments = slices.Insert(list, i, c)
}

// fits reports whether a name has the length and the letters of the shape.
func (s *part) fits(name string) bool {
	return len(name) >= s.minLen && len(name) <= s.maxLen && alnum(name)
}

// needs is the lowest level that a system as it stands in a mark may have, and the controls it implies.
func (s *system) needs(in SCI) (Level, ControlSet) {
	if len(in.Compartments) == 0 {
		return s.min, s.implies
	}
	low, implied := s.min, s.implies
	if s.bareIsLegacy {
		low = Unclassified
	}
	for _, c := range in.Compartments {
		rule := s.parts[c.ID]
		if rule == nil {
			rule = s.any
		}
		if rule == nil {
			continue
		}
		low, implied = max(low, rule.min), implied|rule.implies
		if len(c.Sub) > 0 && rule.sub != nil {
			low, implied = max(low, rule.sub.min), implied|rule.sub.implies
		}
	}
	return low, implied
}

// natoPortions are the first words of NATO portions; the last three carry a control and are forms of old.
var natoPortions = map[string]struct {
	level   Level
	control string
}{
	"NU": {Unclassified, ""}, "NR": {Restricted, ""}, "NC": {Confidential, ""}, "NS": {Secret, ""}, "CTS": {TopSecret, ""},
	"NCA": {Confidential, "ATOMAL"}, "NSAT": {Secret, "ATOMAL"}, "CTSA": {TopSecret, "ATOMAL"},
	"CTS-B": {TopSecret, "BOHEMIA"}, "CTS-BALK": {TopSecret, "BALK"},
}

// nonUS reads the first segment of a line that begins with two slashes.
func (p *parser) nonUS(at span, s string) {
	m := &p.out.Mark
	first, rest, _ := strings.Cut(s, " ")
	if n, ok := natoPortions[s]; ok {
		m.System, m.Level, m.Countries, p.out.Levelled = NATO, n.level, []string{"NATO"}, true
		if !p.portion() {
			p.fail(ErrForm, at, "a banner spells the level out")
		}
		if n.control != "" {
			p.warn(WarnLegacy, at, "the control now stands in a segment of its own")
			m.NATOControls = []string{n.control}
		}
		return
	}
	switch first {
	case "JOINT":
		m.System = Joint
		level, codes := cutLevel(rest)
		if !p.owned(level, at) {
			return
		}
		list := p.list(codes, at, false)
		if len(list) < 2 {
			p.fail(ErrNoClassification, at, "JOINT names its owners, two or more, after the level")
		}
		p.sorted(list, at)
		m.Countries = list
	case "NATO", "COSMIC":
		m.System, m.Countries = NATO, []string{"NATO"}
		if !p.owned(rest, at) {
			return
		}
		if (first == "COSMIC") != (m.Level == TopSecret) {
			p.fail(ErrNATOLevel, at, "COSMIC stands with TOP SECRET, and only there")
		}
		if p.portion() {
			p.fail(ErrForm, at, "a portion mark of NATO is one of NU, NR, NC, NS, CTS")
		}
	case "FGI":
		m.System = Foreign
		p.owned(rest, at)
	default:
		m.System = Foreign
		codes, level := cutLastLevel(s)
		if level == "" || codes == "" {
			m.System = US
			p.fail(ErrNoClassification, at, "after // stands whose classification it is: //GBR SECRET, //NATO SECRET, //JOINT SECRET ...")
			p.last = catNone
			p.entries(at)
			return
		}
		if !p.owned(level, at) {
			return
		}
		list := p.list(codes, at, false)
		if slices.Contains(list, "USA") {
			p.fail(ErrFGIUSA, at, "what the US owns is a US line, or a JOINT one")
		}
		p.sorted(list, at)
		m.Countries = list
	}
}

// owned sets the level of a line that is not of the US.
func (p *parser) owned(level string, at span) bool {
	if p.levelWord(level, at) {
		return true
	}
	p.fail(ErrNoClassification, at, "no level of classification: "+level)
	return false
}

// cutLevel takes the level off the front of s.
func cutLevel(s string) (level, rest string) {
	if rest, ok := strings.CutPrefix(s, "TOP SECRET"); ok {
		return "TOP SECRET", strings.TrimPrefix(rest, " ")
	}
	level, rest, _ = strings.Cut(s, " ")
	return level, rest
}

// cutLastLevel takes the level off the end of s; level is empty if there is none.
func cutLastLevel(s string) (rest, level string) {
	if rest, ok := strings.CutSuffix(s, " TOP SECRET"); ok {
		return rest, "TOP SECRET"
	}
	i := strings.LastIndexByte(s, ' ')
	if i < 0 {
		return s, ""
	}
	if _, ok := ParseLevel(s[i+1:]); !ok {
		return s, ""
	}
	return s[:i], s[i+1:]
}
