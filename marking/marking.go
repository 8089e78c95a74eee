// Package marking holds the values under every decision: marks, which are what was written on a document, and labels,
// which are what a mark means.
//
// Begin with [Register]: it reads marks by a [Table] (what exists: SCI systems, CUI categories, countries) and a
// [Profile] (whose rules hold where texts differ). [Register.Parse] gives a [Reading] with every fault at its place;
// [Register.Label] gives the meaning of a mark; [Label.Join] and [Label.AtMost] are the lattice; [Subject.May] says
// whether a subject may have what a label covers.
//
// A mark round-trips: parsing what [Mark.String] prints gives the mark again. A label does not: its banner is a
// rendering, and what a banner no longer shows (FOUO under SECRET, FRD beside RD) the label still demands. So labels are
// stored and passed on in their JSON form, never as a banner.
//
// The package finds no marks in running text; that is the work of package inspect. It follows the IC Markings System
// Register and Manual of 31 December 2016, 32 CFR 2001 and 2002, the NARA CUI Marking Handbook, and for [DoD] the DoD
// Manual 5200.01 Volume 2.
package marking

// Level is how far disclosure would harm, from [Unclassified] to [TopSecret]. [Restricted] stands only on marks of
// other nations; a label takes it for [Confidential].
type Level uint8

// The levels, in order.
const (
	Unclassified Level = iota
	Restricted
	Confidential
	Secret
	TopSecret
)

var levelWords = [...]struct{ portion, banner string }{
	{"U", "UNCLASSIFIED"}, {"R", "RESTRICTED"}, {"C", "CONFIDENTIAL"}, {"S", "SECRET"}, {"TS", "TOP SECRET"},
}

// String is the level as portions write it: U, R, C, S or TS.
func (l Level) String() string {
	if int(l) < len(levelWords) {
		return levelWords[l].portion
	}
	return "?"
}

// Word is the level as banners write it, such as "TOP SECRET".
func (l Level) Word() string {
	if int(l) < len(levelWords) {
		return levelWords[l].banner
	}
	return "?"
}

// ParseLevel reads a level in either spelling, upper case.
func ParseLevel(s string) (Level, bool) {
	for l, w := range levelWords {
		if s == w.portion || s == w.banner {
			return Level(l), true
		}
	}
	return Unclassified, false
}

// System is whose marking system the first words of a mark belong to.
type System uint8

// The systems. Of marks that are not of the US, [Foreign] has one or more owners, [NATO] one, and [Joint] owners that
// may include the US.
const (
	US System = iota
	Foreign
	NATO
	Joint
)

// String is the system's word: US, FGI, NATO or JOINT.
func (s System) String() string {
	return [...]string{"US", "FGI", "NATO", "JOINT"}[s&3]
}

// Form is the way a mark is written: on a line of its own, or in parentheses before a portion.
type Form uint8

// The two forms.
const (
	Banner Form = iota
	Portion
)

// String is "banner" or "portion".
func (f Form) String() string {
	return [...]string{"banner", "portion"}[f&1]
}
