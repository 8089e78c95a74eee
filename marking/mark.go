package marking

import (
	"slices"
	"strconv"
	"strings"
)

// Mark is what was written, in canonical order: names in words and legacy names stand as today's codes. Slices are
// owned by the mark and are not to be changed.
type Mark struct {
	Form   Form
	System System
	Level  Level
	// Countries own the information where the system is not [US].
	Countries []string
	SCI       []SCI
	// SAP holds the programs without their prefix.
	SAP    []string
	Waived bool
	AEA    AEA
	// NATOControls holds ATOMAL, BALK and BOHEMIA.
	NATOControls []string
	FGI          FGI
	CUI          CUI
	Controls     ControlSet
	// RelTo is the list of REL TO, USA first. It is empty for the bare REL of a portion, which means the list of the
	// banner.
	RelTo       []string
	DisplayOnly []string
	// ACCM holds the nicknames of alternative compensatory control measures.
	ACCM []string
	// Unknown holds what no table or rule knows; a mark that has any is invalid.
	Unknown []string
}

// SCI is one control system with what is below it.
type SCI struct {
	System       string        `json:"system"`
	Compartments []Compartment `json:"compartments"`
}

// Compartment is a compartment with its sub-compartments.
type Compartment struct {
	ID  string   `json:"id"`
	Sub []string `json:"sub"`
}

// FGI says that foreign government information is inside. No countries means that a source is concealed.
type FGI struct {
	Present   bool
	Countries []string
}

// CUI says that controlled unclassified information is inside, and of which categories.
type CUI struct {
	Present          bool
	Specified, Basic []string
}

// Fields is a mark in the plain form that programs read.
type Fields struct {
	System      string     `json:"system"`
	Level       string     `json:"level"`
	Countries   []string   `json:"countries"`
	SCI         []SCI      `json:"sci"`
	SAP         []string   `json:"sap"`
	AEA         []string   `json:"aea"`
	Dissem      []string   `json:"dissem"`
	RelTo       []string   `json:"rel_to"`
	DisplayOnly []string   `json:"display_only"`
	NonIC       []string   `json:"nonic"`
	FGI         *[]string  `json:"fgi"`
	CUI         *CUIFields `json:"cui"`
}

// CUIFields is the CUI part of [Fields].
type CUIFields struct {
	Specified []string `json:"specified"`
	Basic     []string `json:"basic"`
}

// fromBanner stands in rel_to for the bare REL of a portion.
const fromBanner = "@BANNER"

// Fields is the mark in the plain form that programs read. FGI is nil where there is none and empty where a source is
// concealed; the controls of NATO stand under sap.
func (m Mark) Fields() Fields {
	full := func(s []string) []string { return append([]string{}, s...) }
	f := Fields{
		System: m.System.String(), Level: m.Level.String(), Countries: full(m.Countries), SCI: []SCI{},
		SAP: append(full(m.SAP), m.NATOControls...), AEA: append([]string{}, m.AEA.items(Portion, m.Level)...),
		Dissem: []string{}, RelTo: full(m.RelTo), DisplayOnly: full(m.DisplayOnly), NonIC: []string{},
	}
	for _, s := range m.SCI {
		out := SCI{System: s.System, Compartments: []Compartment{}}
		for _, c := range s.Compartments {
			out.Compartments = append(out.Compartments, Compartment{ID: c.ID, Sub: full(c.Sub)})
		}
		f.SCI = append(f.SCI, out)
	}
	for c := range m.Controls.All {
		if nonICOnly.Has(c) {
			f.NonIC = append(f.NonIC, c.String())
		} else {
			f.Dissem = append(f.Dissem, c.String())
		}
	}
	for _, a := range m.ACCM {
		f.NonIC = append(f.NonIC, "ACCM-"+a)
	}
	if m.bareREL() {
		f.RelTo = []string{fromBanner}
	}
	if m.FGI.Present {
		list := full(m.FGI.Countries)
		f.FGI = &list
	}
	if m.CUI.Present {
		f.CUI = &CUIFields{Specified: full(m.CUI.Specified), Basic: full(m.CUI.Basic)}
	}
	return f
}

// bareREL reports whether the mark is a portion whose REL takes its list from the banner.
func (m Mark) bareREL() bool {
	return m.Form == Portion && m.Controls.Has(RELTO) && len(m.RelTo) == 0
}

// Resolve is a portion with its bare REL given the list of the banner it stands under. A mark without one, or a banner
// without a list, is given back as it is.
func (m Mark) Resolve(banner Mark) Mark {
	if m.bareREL() {
		m.RelTo = banner.RelTo
	}
	return m
}

// Classified reports whether the level is above UNCLASSIFIED.
func (m Mark) Classified() bool { return m.Level > Unclassified }

// cuiOnly reports whether the first word of the mark is CUI.
func (m Mark) cuiOnly() bool { return m.CUI.Present && m.System == US && !m.Classified() }

// String is the canonical form by the IC's rules. It parses to the same mark.
func (m Mark) String() string { return IC.print(m) }

func (p Profile) print(m Mark) string {
	w := writer{form: m.Form}
	w.first(m)
	w.segment(sciItems(m.SCI)...)
	w.segment(sapItems(m.SAP, p)...)
	if m.Waived {
		w.segment("WAIVED")
	}
	w.segment(m.AEA.items(m.Form, m.Level)...)
	w.segment(m.NATOControls...)
	if m.FGI.Present {
		w.segment(strings.Join(append([]string{"FGI"}, m.FGI.Countries...), " "))
	}
	if m.CUI.Present {
		if !m.cuiOnly() {
			w.segment("CUI")
		}
		w.segment(cuiItems(m.CUI)...)
	}
	w.segment(dissemItems(m, p)...)
	w.segment(nonICItems(m)...)
	return w.close()
}

// writer builds a mark segment by segment.
type writer struct {
	b    []byte
	form Form
}

func (w *writer) first(m Mark) {
	w.b = make([]byte, 0, 96)
	level := m.Level.Word()
	if w.form == Portion {
		w.b = append(w.b, '(')
		level = m.Level.String()
	}
	switch m.System {
	case Joint:
		w.add("//JOINT ", level, " ", strings.Join(m.Countries, " "))
	case NATO:
		w.add(natoFirst(m.Form, m.Level))
	case Foreign:
		owners := "FGI"
		if len(m.Countries) > 0 {
			owners = strings.Join(m.Countries, " ")
		}
		w.add("//", owners, " ", level)
	default:
		if m.cuiOnly() {
			level = "CUI"
		}
		w.add(level)
	}
}

func (w *writer) add(parts ...string) {
	for _, s := range parts {
		w.b = append(w.b, s...)
	}
}

func natoFirst(f Form, l Level) string {
	if f == Portion {
		if l == TopSecret {
			return "//CTS"
		}
		return "//N" + l.String()
	}
	if l == TopSecret {
		return "//COSMIC TOP SECRET"
	}
	return "//NATO " + l.Word()
}

func (w *writer) segment(items ...string) {
	if len(items) == 0 {
		return
	}
	w.b = append(w.b, '/', '/')
	for i, it := range items {
		if i > 0 {
			w.b = append(w.b, '/')
		}
		w.b = append(w.b, it...)
	}
}

func (w *writer) close() string {
	if w.form == Portion {
		w.b = append(w.b, ')')
	}
	return string(w.b)
}

func sciItems(list []SCI) []string {
	var out []string
	for _, s := range list {
		item := s.System
		for _, c := range s.Compartments {
			item += "-" + c.ID
			for _, sub := range c.Sub {
				item += " " + sub
			}
		}
		out = append(out, item)
	}
	return out
}

func sapItems(list []string, p Profile) []string {
	out := slices.Clone(list)
	for i := range out {
		if i == 0 || p == DoD {
			out[i] = "SAR-" + out[i]
		}
	}
	return out
}

// items are the AEA markings in register order. CNWDI at CONFIDENTIAL is written in the only way that allows it there.
func (a AEA) items(f Form, l Level) []string {
	var out []string
	sigma := " "
	if f == Portion {
		sigma = "-SG "
	} else {
		sigma = "-SIGMA "
	}
	list := func(name string, s sigmaSet) string {
		b := append([]byte(name), sigma...)
		for i, n := range s.numbers() {
			if i > 0 {
				b = append(b, ' ')
			}
			b = strconv.AppendInt(b, int64(n), 10)
		}
		return string(b)
	}
	if a.kinds&aeaRD != 0 {
		if a.kinds&aeaCNWDI != 0 && l == Confidential {
			out = append(out, "RD-N")
		} else if a.kinds&aeaCNWDI != 0 {
			out = append(out, "RD-CNWDI")
		}
		if !a.sigmas[0].empty() {
			out = append(out, list("RD", a.sigmas[0]))
		}
		if len(out) == 0 {
			out = append(out, "RD")
		}
	}
	if a.kinds&aeaFRD != 0 {
		if a.sigmas[1].empty() {
			out = append(out, "FRD")
		} else {
			out = append(out, list("FRD", a.sigmas[1]))
		}
	}
	for _, k := range [...]struct {
		kind            aeaKinds
		banner, portion string
	}{{aeaDCNI, "DOD UCNI", "DCNI"}, {aeaUCNI, "DOE UCNI", "UCNI"}, {aeaTFNI, "TFNI", "TFNI"}} {
		if a.kinds&k.kind == 0 {
			continue
		}
		if f == Portion {
			out = append(out, k.portion)
		} else {
			out = append(out, k.banner)
		}
	}
	return out
}

func cuiItems(c CUI) []string {
	out := make([]string, 0, len(c.Specified)+len(c.Basic))
	for _, s := range c.Specified {
		out = append(out, "SP-"+s)
	}
	return append(out, c.Basic...)
}

// dissemItems are the dissemination controls: on a line that is CUI alone alphabetical, else in register order with
// what stands only on CUI after it.
func dissemItems(m Mark, p Profile) []string {
	var out []string
	fisa := -1
	for c := range (m.Controls &^ nonICOnly).All {
		item := controlRules[c].banner
		if m.Form == Portion {
			item = controlRules[c].portion
		}
		switch c {
		case RELTO:
			if len(m.RelTo) > 0 {
				item = "REL TO " + strings.Join(m.RelTo, ", ")
			}
		case DISPLAYONLY:
			item = "DISPLAY ONLY " + strings.Join(m.DisplayOnly, ", ")
			if p == DoD && fisa >= 0 {
				out = slices.Insert(out, fisa, item)
				continue
			}
		case FISA:
			fisa = len(out)
		}
		out = append(out, item)
	}
	if m.cuiOnly() {
		slices.SortFunc(out, compareFold)
	}
	return out
}

func compareFold(a, b string) int { return strings.Compare(strings.ToUpper(a), strings.ToUpper(b)) }

func nonICItems(m Mark) []string {
	var out []string
	for c := range (m.Controls & nonICOnly).All {
		if m.Form == Portion {
			out = append(out, controlRules[c].portion)
		} else {
			out = append(out, controlRules[c].banner)
		}
	}
	for _, a := range m.ACCM {
		out = append(out, "ACCM-"+a)
	}
	return out
}
