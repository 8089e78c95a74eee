package marking

import "slices"

// Label is what a mark means: its level, what a subject must be read into, the categories and controls it demands, and
// whom it may be released to, closed under what these imply. Labels of the same meaning are equal by [Label.Equal].
// They form a lattice: [Label.Join] is the least label that covers both, [Label.AtMost] its order.
//
// The zero Label is the top of the lattice: not known, so above every label and held by nobody. A label is a value and
// may be shared; its sets are never changed once made.
type Label struct {
	known     bool
	level     Level // never Restricted
	cui       bool  // controlled unclassified information is inside
	concealed bool  // a foreign source is concealed
	// open: nobody has limited the release. Else rel may receive, and disp may be shown (rel is within disp).
	open bool
	// noRELIDO: some part may not be released by a disclosure officer.
	noRELIDO bool
	controls ControlSet // without the release set, SBU NOFORN, LES NOFORN and the audiences of CUI
	excluded audience   // who may not have it, by CUI's limited dissemination controls
	aea      aeaKinds
	sigma    sigmaSet
	needs    []string // read-ins: SI, SI-G, SI-G ABCD, SAR-BP, ACCM-X, NATO, ATOMAL; "?X" for an unknown control
	// categories are of CUI: PRVCY, SP-CTI; SP-X is never without X; "?X" marks one that the table does not hold.
	categories []string
	fgi        []code
	rel, disp  []code
}

// audience is a set of kinds of affiliation.
type audience uint8

const (
	federal audience = 1 << iota
	sltt
	contractor
	foreigner
)

// Level is the label's level; [TopSecret] for the zero label.
func (l Label) Level() Level {
	if !l.known {
		return TopSecret
	}
	return l.level
}

// Known reports whether the label is one at all; the zero label is not.
func (l Label) Known() bool { return l.known }

// CUI reports whether controlled unclassified information is inside.
func (l Label) CUI() bool { return l.cui || !l.known }

// Join is the least label that is at least a and at least b: the highest level, every compartment and control of both,
// and the release that both allow. It is associative, commutative and idempotent.
func Join(a, b Label) Label { return a.Join(b) }

// Join is the least label that is at least a and at least b.
func (a Label) Join(b Label) Label {
	if !a.known || !b.known {
		return Label{}
	}
	out := Label{
		known:      true,
		level:      max(a.level, b.level),
		cui:        a.cui || b.cui,
		concealed:  a.concealed || b.concealed,
		noRELIDO:   a.noRELIDO || b.noRELIDO,
		controls:   a.controls | b.controls,
		excluded:   a.excluded | b.excluded,
		aea:        a.aea | b.aea,
		sigma:      a.sigma.or(b.sigma),
		needs:      union(a.needs, b.needs),
		categories: union(a.categories, b.categories),
		fgi:        union(a.fgi, b.fgi),
	}
	switch {
	case a.open:
		out.open, out.rel, out.disp = b.open, b.rel, b.disp
	case b.open:
		out.rel, out.disp = a.rel, a.disp
	default:
		out.rel, out.disp = intersect(a.rel, b.rel), intersect(a.disp, b.disp)
	}
	out.close()
	return out
}

// close adds what several parts imply together. What one part implies alone is added when the label is made and
// survives joining. Adding is monotone, so joining stays associative.
func (l *Label) close() {
	// UCNI leaves a classified banner but forces NOFORN (Register D.2).
	if l.level > Unclassified && l.aea&(aeaDCNI|aeaUCNI) != 0 {
		l.noforn()
	}
	// NATO information asks for a read-in as soon as the whole is classified (Register Table 5).
	if l.level > Unclassified && contains(l.fgi, nato) && !contains(l.needs, "NATO") {
		l.needs = union(l.needs, natoReadin)
	}
}

var natoReadin = []string{"NATO"}

var onlyUSA = []code{usa}

func (l *Label) noforn() {
	l.open, l.noRELIDO, l.rel, l.disp = false, true, onlyUSA, onlyUSA
}

// AtMost reports whether a ≤ b: whoever may have b may have a, part by part. It holds exactly if a.Join(b) equals b.
func (a Label) AtMost(b Label) bool {
	switch {
	case !b.known:
		return true
	case !a.known, a.level > b.level, a.cui && !b.cui, a.concealed && !b.concealed, a.noRELIDO && !b.noRELIDO,
		a.controls&^b.controls != 0, a.excluded&^b.excluded != 0, a.aea&^b.aea != 0, !a.sigma.within(b.sigma):
		return false
	case !a.open && (b.open || !within(b.rel, a.rel) || !within(b.disp, a.disp)):
		return false
	}
	return within(a.needs, b.needs) && within(a.categories, b.categories) && within(a.fgi, b.fgi)
}

// Equal reports whether the labels mean the same.
func (a Label) Equal(b Label) bool {
	return a.known == b.known && a.level == b.level && a.cui == b.cui && a.concealed == b.concealed &&
		a.open == b.open && a.noRELIDO == b.noRELIDO && a.controls == b.controls && a.excluded == b.excluded &&
		a.aea == b.aea && a.sigma == b.sigma && slices.Equal(a.needs, b.needs) &&
		slices.Equal(a.categories, b.categories) && slices.Equal(a.fgi, b.fgi) && slices.Equal(a.rel, b.rel) &&
		slices.Equal(a.disp, b.disp)
}
