package marking

import (
	"slices"
	"strings"
)

// Banner renders a label as the banner line of a US document. A banner shows less than the label holds: what is
// absorbed (FOUO, SBU and LIMDIS by a classification, FRD by RD, EXDIS by NODIS, basic by specified) is left out, and
// what is foreign or joint becomes level and FGI. The zero label has no banner: the text is "UNKNOWN".
func (r *Register) Banner(l Label) string {
	return r.render(l, Banner)
}

// Portion renders a label as a portion mark of a US document, on the terms of [Register.Banner].
func (r *Register) Portion(l Label) string {
	return r.render(l, Portion)
}

// String renders the label as a banner without a table, so that an organisation and its members stand side by side.
func (l Label) String() string {
	return (&Register{table: &Table{}}).render(l, Banner)
}

const unknownBanner = "UNKNOWN"

func (r *Register) render(l Label, f Form) string {
	if !l.known {
		if f == Portion {
			return "(" + unknownBanner + ")"
		}
		return unknownBanner
	}
	return r.profile.print(r.mark(l, f))
}

// mark is the mark that shows a label.
func (r *Register) mark(l Label, f Form) Mark {
	m := Mark{Form: f, System: US, Level: l.level, CUI: CUI{Present: l.cui}}
	classified := l.level > Unclassified
	for _, n := range l.needs {
		r.showReadin(&m, n)
	}
	if r.programmes > 0 && f == Banner && len(m.SAP) > r.programmes {
		m.SAP = []string{multipleProgrammes}
	}
	slices.SortFunc(m.SAP, compareNames)
	sortSCI(m.SCI)
	m.AEA = shownAEA(l)
	if l.cui {
		m.CUI.Specified, m.CUI.Basic = shownCategories(l)
	}
	if classified && (l.concealed || len(l.fgi) > 0) {
		m.FGI.Present = true
		if !l.concealed {
			list := slices.Clone(l.fgi)
			slices.SortFunc(list, orderCodes)
			m.FGI.Countries = codeStrings(list)
		}
	}
	m.Controls = shownControls(l)
	r.showRelease(&m, l)
	// FOUO gives way to any other control that is not of release (Register D.2).
	if m.Controls&^(releaseSet|setOf(FOUO)) != 0 {
		m.Controls &^= setOf(FOUO)
	}
	return m
}

// showReadin puts one demanded read-in where a mark shows it. Read-ins come sorted, parents before what is below them.
func (r *Register) showReadin(m *Mark, n string) {
	if s, ok := strings.CutPrefix(n, "SAR-"); ok {
		m.SAP = append(m.SAP, s)
		return
	}
	if s, ok := strings.CutPrefix(n, "ACCM-"); ok {
		m.ACCM = append(m.ACCM, s)
		return
	}
	switch {
	case n == unnamed:
		m.SAP = append(m.SAP, multipleProgrammes)
		return
	case n == "NATO" || n[0] == '?':
		return // shown as FGI, or not at all
	case n == "ATOMAL" || n == "BALK" || n == "BOHEMIA":
		m.NATOControls = append(m.NATOControls, n)
		return
	}
	name, rest, deeper := strings.Cut(n, "-")
	i := slices.IndexFunc(m.SCI, func(s SCI) bool { return s.System == name })
	if i < 0 {
		i = len(m.SCI)
		m.SCI = append(m.SCI, SCI{System: name})
	}
	if !deeper {
		return
	}
	id, sub, below := strings.Cut(rest, " ")
	s := &m.SCI[i]
	j := slices.IndexFunc(s.Compartments, func(c Compartment) bool { return c.ID == id })
	if j < 0 {
		j = len(s.Compartments)
		s.Compartments = append(s.Compartments, Compartment{ID: id})
	}
	if below {
		s.Compartments[j].Sub = append(s.Compartments[j].Sub, sub)
	}
}

func sortSCI(list []SCI) {
	slices.SortFunc(list, func(a, b SCI) int { return compareNames(a.System, b.System) })
	for _, s := range list {
		slices.SortFunc(s.Compartments, func(a, b Compartment) int { return compareNames(a.ID, b.ID) })
		for _, c := range s.Compartments {
			slices.SortFunc(c.Sub, compareNames)
		}
	}
}

// shownAEA is what a banner shows: RD beats FRD beats TFNI, SIGMA numbers stand under RD if there is one, UCNI only on
// what is unclassified; where CUI leads the line UCNI is one of its categories.
func shownAEA(l Label) AEA {
	a := AEA{kinds: l.aea}
	if l.level > Unclassified || l.cui {
		a.kinds &^= aeaDCNI | aeaUCNI
	}
	switch {
	case a.kinds&aeaRD != 0:
		a.kinds &^= aeaFRD | aeaTFNI
		a.sigmas[0] = l.sigma
	case a.kinds&aeaFRD != 0:
		a.kinds &^= aeaTFNI
		a.sigmas[1] = l.sigma
	}
	return a
}

// shownCategories leaves out a basic category whose specified one is there.
func shownCategories(l Label) (specified, basic []string) {
	for _, c := range l.categories {
		if s, ok := strings.CutPrefix(c, "SP-"); ok {
			specified = append(specified, s)
		} else if c[0] != '?' && !contains(l.categories, "SP-"+c) {
			basic = append(basic, c)
		}
	}
	if l.level == Unclassified {
		for _, u := range [...]struct {
			kind aeaKinds
			name string
		}{{aeaDCNI, "DCNI"}, {aeaUCNI, "UCNI"}} {
			if l.aea&u.kind != 0 && !contains(l.categories, u.name) {
				basic = append(basic, u.name)
			}
		}
	}
	slices.SortFunc(specified, compareNames)
	slices.SortFunc(basic, compareNames)
	return specified, basic
}

// shownControls are the controls of a banner but for release.
func shownControls(l Label) ControlSet {
	cs := l.controls
	if cs.Has(ORCON) {
		cs &^= setOf(ORCONUSGOV)
	}
	if cs.Has(NODIS) {
		cs &^= setOf(EXDIS)
	}
	if l.level > Unclassified {
		cs &^= setOf(FOUO, SBU, LIMDIS)
	} else if l.cui {
		cs &^= legacyCUI
	}
	if !l.cui {
		return cs &^ ldcOnly
	}
	if cs.Has(DLONLY) {
		return cs
	}
	switch {
	case l.excluded&(sltt|contractor) == sltt|contractor:
		cs |= setOf(FEDONLY)
	case l.excluded&contractor != 0:
		cs |= setOf(NOCON)
	case l.excluded&sltt != 0:
		cs |= setOf(FEDCON)
	}
	return cs
}

// showRelease writes the release as NOFORN, RELIDO, REL TO, DISPLAY ONLY, or not at all.
func (r *Register) showRelease(m *Mark, l Label) {
	if l.open {
		return
	}
	rel, shown := r.shownList(l.rel), r.shownList(l.disp)
	if len(rel) > 1 {
		m.Controls |= setOf(RELTO)
		m.RelTo = rel
	}
	for _, s := range shown {
		if !slices.Contains(rel, s) && !contains(l.rel, packCode(s)) {
			m.DisplayOnly = append(m.DisplayOnly, s)
		}
	}
	switch {
	case len(m.DisplayOnly) > 0:
		m.Controls |= setOf(DISPLAYONLY)
	case !l.noRELIDO:
		m.Controls |= setOf(RELIDO)
	case len(rel) <= 1:
		m.Controls |= setOf(NOFORN)
	}
}

// shownList is a set of codes as a list: USA first, countries that an organisation of the set stands for left out, and
// an organisation left out that has a member the set has not.
func (r *Register) shownList(set []code) []string {
	var covered []code
	kept := make([]code, 0, len(set))
	for _, c := range set {
		members := r.table.members[c]
		switch {
		case len(members) == 0:
			kept = append(kept, c)
		case within(members, set):
			kept = append(kept, c)
			covered = union(covered, members)
		}
	}
	out := []string{"USA"}
	slices.SortFunc(kept, orderCodes)
	for _, c := range kept {
		if c != usa && !contains(covered, c) {
			out = append(out, c.String())
		}
	}
	return out
}
