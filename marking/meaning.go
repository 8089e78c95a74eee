package marking

import (
	"slices"
	"time"
)

// relidoSince is the day from which a classified portion without caveats and without a release marking is handled as
// RELIDO (Register Table 2).
var relidoSince = time.Date(2010, 6, 28, 0, 0, 0, 0, time.UTC)

// Label is what a mark means where its date is not known: classified without a release marking is NOFORN, and so is a
// bare REL whose banner was not given. An invalid mark means what could be read of it.
func (r *Register) Label(m Mark) Label { return r.LabelDated(m, time.Time{}) }

// LabelDated is what a mark of the given day means; the zero time is a day not known.
func (r *Register) LabelDated(m Mark, day time.Time) Label {
	l := Label{known: true, level: m.Level, cui: m.CUI.Present, aea: m.AEA.kinds}
	if l.level == Restricted {
		l.level = Confidential
	}
	l.sigma = m.AEA.sigmas[0].or(m.AEA.sigmas[1])
	r.addReadins(&l, m)
	r.addCategories(&l, m)
	r.addSources(&l, m)
	l.controls = m.Controls &^ (releaseSet | setOf(SBUNOFORN, LESNOFORN, FEDONLY, FEDCON, NOCON))
	l.excluded = excludedBy(m.Controls)
	noforn := r.addImplied(&l, m)
	r.addRelease(&l, m, day)
	if noforn {
		l.noforn()
	}
	l.close()
	return l
}

// Unmarked is the label of what is unclassified, without controls and open to all: the bottom of the lattice.
func Unmarked() Label { return Label{known: true, open: true} }

// unnamed is the read-in to programmes that a banner leaves unnamed: held by nobody.
const unnamed = "?SAR-" + multipleProgrammes

// addReadins notes each system, compartment and sub-compartment with those above it, programmes and the like.
func (r *Register) addReadins(l *Label, m Mark) {
	n := len(m.SAP) + len(m.ACCM) + len(m.NATOControls) + len(m.Unknown)
	for _, s := range m.SCI {
		n++
		for _, c := range s.Compartments {
			n += 1 + len(c.Sub)
		}
	}
	if n == 0 {
		return
	}
	needs := make([]string, 0, n+1)
	for _, s := range m.SCI {
		needs = append(needs, s.System)
		for _, c := range s.Compartments {
			id := s.System + "-" + c.ID
			needs = append(needs, id)
			for _, sub := range c.Sub {
				needs = append(needs, id+" "+sub)
			}
		}
	}
	for _, s := range m.SAP {
		if s == multipleProgrammes {
			s = unnamed
		} else {
			s = "SAR-" + s
		}
		needs = append(needs, s)
	}
	for _, s := range m.ACCM {
		needs = append(needs, "ACCM-"+s)
	}
	needs = append(needs, m.NATOControls...)
	if len(m.NATOControls) > 0 {
		needs = append(needs, "NATO")
	}
	for _, s := range m.Unknown {
		needs = append(needs, "?"+s)
	}
	l.needs = normal(needs)
}

// addCategories notes CUI categories; a specified one demands what the basic one does, and one that the table does not
// hold must be held by name.
func (r *Register) addCategories(l *Label, m Mark) {
	if len(m.CUI.Specified)+len(m.CUI.Basic) == 0 {
		return
	}
	list := make([]string, 0, 2*len(m.CUI.Specified)+len(m.CUI.Basic))
	for _, c := range m.CUI.Specified {
		list = append(list, "SP-"+c, c)
		if r.table.cui[c] == "" {
			list = append(list, "?"+c)
		}
	}
	for _, c := range m.CUI.Basic {
		list = append(list, c)
		if r.table.cui[c] == "" {
			list = append(list, "?"+c)
		}
	}
	l.categories = normal(list)
}

// addSources notes whose information it is: what is foreign or joint becomes FGI in a US document.
func (r *Register) addSources(l *Label, m Mark) {
	owners := m.Countries
	if m.FGI.Present {
		owners = slices.Concat(owners, m.FGI.Countries)
	}
	l.concealed = m.FGI.Present && len(m.FGI.Countries) == 0 || m.System == Foreign && len(m.Countries) == 0
	for _, c := range owners {
		if c != "USA" {
			l.fgi = append(l.fgi, packCode(c))
		}
	}
	l.fgi = normal(l.fgi)
}

// excludedBy is who may not have what carries these controls of CUI.
func excludedBy(cs ControlSet) audience {
	var out audience
	if cs.Has(FEDONLY) {
		out |= sltt | contractor | foreigner
	}
	if cs.Has(NOCON) {
		out |= contractor | foreigner
	}
	if cs.Has(FEDCON) {
		out |= sltt | foreigner
	}
	return out
}

// addImplied adds the controls that others imply and reports whether NOFORN is among them.
func (r *Register) addImplied(l *Label, m Mark) (noforn bool) {
	has := m.Controls.Has
	for _, s := range m.SCI {
		if sys := r.table.systems[s.System]; sys != nil {
			_, implied := sys.needs(s)
			l.controls |= implied & setOf(ORCON)
			noforn = noforn || implied.Has(NOFORN)
		}
	}
	if has(SBUNOFORN) {
		l.controls |= setOf(SBU)
		noforn = true
	}
	if has(LESNOFORN) {
		l.controls |= setOf(LES)
		noforn = true
	}
	if l.aea&aeaCNWDI != 0 {
		l.aea |= aeaRD
	}
	return noforn || has(EXDIS) || has(NODIS) || has(NOFORN)
}

// addRelease notes to whom it may be released (Register Tables 2 and 3).
func (r *Register) addRelease(l *Label, m Mark, day time.Time) {
	has := m.Controls.Has
	listed := has(RELTO) && len(m.RelTo) > 0 && m.RelTo[0] == "USA"
	l.noRELIDO = !has(RELIDO) || has(ORCON) || has(ORCONUSGOV) || has(DISPLAYONLY)
	switch {
	case m.Controls&releaseSet == 0 && l.level == Unclassified:
		l.open, l.noRELIDO = true, l.controls&setOf(ORCON, ORCONUSGOV) != 0
	case m.Controls&releaseSet == 0:
		l.rel, l.disp = onlyUSA, onlyUSA
		l.noRELIDO = day.IsZero() || day.Before(relidoSince) || caveated(l, m)
	case listed:
		l.rel = r.members(m.RelTo)
		l.disp = l.rel
		if has(DISPLAYONLY) {
			l.disp = union(l.rel, r.members(m.DisplayOnly))
		}
	case has(DISPLAYONLY):
		l.rel, l.disp = onlyUSA, union(onlyUSA, r.members(m.DisplayOnly))
	default:
		l.rel, l.disp = onlyUSA, onlyUSA
		l.noRELIDO = l.noRELIDO || has(RELTO)
	}
}

// caveated reports whether a portion carries more than its level.
func caveated(l *Label, m Mark) bool {
	return m.System != US || len(l.needs) > 0 || l.aea != 0 || len(l.fgi) > 0 || l.concealed || l.cui || l.controls != 0 ||
		l.excluded != 0
}

// members are the codes of a list and those that they stand for. An organisation stays in the set beside its members:
// its own staff may have what names it, and a banner can name it again.
func (r *Register) members(list []string) []code {
	out := make([]code, 0, len(list)+8)
	out = append(out, usa)
	for _, s := range list {
		c := packCode(s)
		out = append(append(out, c), r.table.expand(c)...)
	}
	return normal(out)
}
