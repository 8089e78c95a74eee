package marking

import "math/bits"

// Control is a dissemination control, of the IC, of CUI or of an agency outside the IC.
type Control uint8

// The controls. Their order is the order in which a mark prints them: the Register's, then what stands only on CUI,
// alphabetically, then the controls from outside the IC.
const (
	RSEN Control = iota
	FOUO
	ORCON
	ORCONUSGOV
	IMCON
	NOFORN
	PROPIN
	RELTO
	RELIDO
	DSEN
	FISA
	DISPLAYONLY

	AttorneyClient
	AttorneyWP
	DLONLY
	FEDONLY
	FEDCON
	NOCON

	LIMDIS
	EXDIS
	NODIS
	SBU
	SBUNOFORN
	LES
	LESNOFORN
	SSI
	NC2ESI
	NNPI
	HVSACO

	numControls
)

// controlRule is what the Register (Table 4) and the CUI registry say of one control.
type controlRule struct {
	banner, portion string
	long            string // the title in words, where it differs from banner
	min             Level  // the lowest level it may stand on
}

var controlRules = [numControls]controlRule{
	RSEN:           {"RSEN", "RS", "RISK SENSITIVE", Secret},
	FOUO:           {"FOUO", "FOUO", "FOR OFFICIAL USE ONLY", Unclassified},
	ORCON:          {"ORCON", "OC", "ORIGINATOR CONTROLLED", Confidential},
	ORCONUSGOV:     {"ORCON-USGOV", "OC-USGOV", "ORIGINATOR CONTROLLED-USGOV", Confidential},
	IMCON:          {"IMCON", "IMC", "CONTROLLED IMAGERY", Secret},
	NOFORN:         {"NOFORN", "NF", "NOT RELEASABLE TO FOREIGN NATIONALS", Unclassified},
	PROPIN:         {"PROPIN", "PR", "CAUTION-PROPRIETARY INFORMATION INVOLVED", Unclassified},
	RELTO:          {"REL TO", "REL", "AUTHORIZED FOR RELEASE TO", Unclassified},
	RELIDO:         {"RELIDO", "RELIDO", "RELEASABLE BY INFORMATION DISCLOSURE OFFICIAL", Unclassified},
	DSEN:           {"DEA SENSITIVE", "DSEN", "", Unclassified},
	FISA:           {"FISA", "FISA", "FOREIGN INTELLIGENCE SURVEILLANCE ACT", Unclassified},
	DISPLAYONLY:    {"DISPLAY ONLY", "DISPLAY", "", Unclassified},
	AttorneyClient: {"Attorney-Client", "AC", "", Unclassified},
	AttorneyWP:     {"Attorney-WP", "AWP", "", Unclassified},
	DLONLY:         {"DL ONLY", "DL ONLY", "", Unclassified},
	FEDONLY:        {"FED ONLY", "FED ONLY", "", Unclassified},
	FEDCON:         {"FEDCON", "FEDCON", "", Unclassified},
	NOCON:          {"NOCON", "NOCON", "", Unclassified},
	LIMDIS:         {"LIMDIS", "DS", "LIMITED DISTRIBUTION", Unclassified},
	EXDIS:          {"EXDIS", "XD", "EXCLUSIVE DISTRIBUTION", Unclassified},
	NODIS:          {"NODIS", "ND", "NO DISTRIBUTION", Unclassified},
	SBU:            {"SBU", "SBU", "SENSITIVE BUT UNCLASSIFIED", Unclassified},
	SBUNOFORN:      {"SBU NOFORN", "SBU-NF", "SENSITIVE BUT UNCLASSIFIED NOFORN", Unclassified},
	LES:            {"LES", "LES", "LAW ENFORCEMENT SENSITIVE", Unclassified},
	LESNOFORN:      {"LES NOFORN", "LES-NF", "LAW ENFORCEMENT SENSITIVE NOFORN", Unclassified},
	SSI:            {"SSI", "SSI", "SENSITIVE SECURITY INFORMATION", Unclassified},
	NC2ESI:         {"NC2-ESI", "NC2-ESI", "", Unclassified},
	NNPI:           {"NNPI", "NNPI", "", Unclassified},
	HVSACO:         {"HVSACO", "HVSACO", "HANDLE VIA SPECIAL ACCESS CHANNELS ONLY", Unclassified},
}

// String is the control's portion code, such as "NF".
func (c Control) String() string {
	if c < numControls {
		return controlRules[c].portion
	}
	return "?"
}

// ParseControl reads a control by banner name or portion code.
func ParseControl(s string) (Control, bool) {
	for c := range numControls {
		if r := &controlRules[c]; s == r.banner || s == r.portion {
			return c, true
		}
	}
	return 0, false
}

// ControlSet is a set of controls; the zero value is empty.
type ControlSet uint32

func setOf(cs ...Control) ControlSet {
	var s ControlSet
	for _, c := range cs {
		s |= 1 << c
	}
	return s
}

// Has reports whether c is in the set.
func (s ControlSet) Has(c Control) bool { return s>>c&1 != 0 }

// All yields the set's controls in printing order.
func (s ControlSet) All(yield func(Control) bool) {
	for ; s != 0; s &= s - 1 {
		if !yield(Control(bits.TrailingZeros32(uint32(s)))) {
			return
		}
	}
}

// first is the first control of a set that is not empty.
func (s ControlSet) first() Control { return Control(bits.TrailingZeros32(uint32(s))) }

const (
	ldcOnly   = ControlSet(1<<AttorneyClient | 1<<AttorneyWP | 1<<DLONLY | 1<<FEDONLY | 1<<FEDCON | 1<<NOCON)
	nonICOnly = ControlSet(1<<LIMDIS | 1<<EXDIS | 1<<NODIS | 1<<SBU | 1<<SBUNOFORN | 1<<LES | 1<<LESNOFORN |
		1<<SSI | 1<<NC2ESI | 1<<NNPI | 1<<HVSACO)
	releaseSet = ControlSet(1<<NOFORN | 1<<RELTO | 1<<RELIDO | 1<<DISPLAYONLY)
	// legacyCUI has no force on a CUI line (32 CFR 2002, Handbook v1.1).
	legacyCUI = ControlSet(1<<FOUO | 1<<SBU | 1<<SBUNOFORN | 1<<LES | 1<<LESNOFORN)
)

// AEA is a set of Atomic Energy Act markings; the zero value is empty.
type AEA struct {
	kinds  aeaKinds
	sigmas [2]sigmaSet // under RD, under FRD
}

type aeaKinds uint8

const (
	aeaRD aeaKinds = 1 << iota
	aeaCNWDI
	aeaFRD
	aeaDCNI
	aeaUCNI
	aeaTFNI
)

// sigmaSet holds SIGMA numbers 1 to 99.
type sigmaSet [2]uint64

func (s *sigmaSet) add(n int)     { s[n>>6] |= 1 << (n & 63) }
func (s sigmaSet) has(n int) bool { return s[n>>6]>>(n&63)&1 != 0 }
func (s sigmaSet) empty() bool    { return s[0]|s[1] == 0 }
func (s sigmaSet) or(t sigmaSet) sigmaSet {
	return sigmaSet{s[0] | t[0], s[1] | t[1]}
}

// within reports whether every number of s is in t.
func (s sigmaSet) within(t sigmaSet) bool { return s[0]&^t[0]|s[1]&^t[1] == 0 }

func (s sigmaSet) numbers() []int {
	var out []int
	for n := range 100 {
		if s.has(n) {
			out = append(out, n)
		}
	}
	return out
}

// Empty reports whether there is no AEA marking.
func (a AEA) Empty() bool { return a.kinds == 0 }
