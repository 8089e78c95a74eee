package marking

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Spec is what is said of a subject: a person, the audience of a workload, an offering, an enclave or any ceiling.
// [Person], [Audience] and [Ceiling] make a [Subject] of it.
type Spec struct {
	// Clearance is U, C, S or TS.
	Clearance string `json:"clearance"`
	// Readins are named as labels name what they need: SI, SI-G, SI-G ABCD, SAR-BP, RD, RD-CNWDI, SIGMA 14, NATO, ATOMAL,
	// ACCM-X; also EXDIS, NODIS, NC2-ESI, HVSACO, AC, AWP and DL ONLY, which admit those that are named.
	Readins     []string `json:"readins,omitempty"`
	Citizenship []string `json:"citizenship,omitempty"`
	// Affiliation is US-FED, US-SLTT, CONTRACTOR or a country's or organisation's code with -GOV.
	Affiliation string `json:"affiliation,omitempty"`
	// Controls names the dissemination controls that it may hold. Left out, it is any for a person and an audience, and
	// none for a ceiling.
	Controls *List `json:"controls,omitempty"`
	// CUI names the categories that it may hold, as SP-CTI (both kinds) or PRVCY (basic alone). Left out, a ceiling has no
	// CUI at all; a person and an audience have what a US affiliation admits, and with a foreign affiliation none.
	CUI *List `json:"cui,omitempty"`
}

// List is names, or any. In JSON it is an array or the word "any".
type List struct {
	Any   bool
	Names []string
}

// MarshalJSON is an array, or the word "any".
func (l List) MarshalJSON() ([]byte, error) {
	if l.Any {
		return []byte(`"any"`), nil
	}
	return json.Marshal(append([]string{}, l.Names...))
}

// UnmarshalJSON reads an array, or the word "any".
func (l *List) UnmarshalJSON(b []byte) error {
	if string(b) == `"any"` {
		*l = List{Any: true}
		return nil
	}
	var names []string
	if err := json.Unmarshal(b, &names); err != nil || names == nil {
		return errors.New(`neither a list of names nor "any"`)
	}
	*l = List{Names: names}
	return nil
}

// Subject is who or what may or may not have data, made ready for [Subject.May]. The zero Subject may have nothing. It
// does not change once made and may be shared.
type Subject struct {
	made       bool
	every      bool // all its countries count, not the best of them
	clearance  Level
	readins    []string
	controls   ControlSet
	aea        aeaKinds
	sigma      sigmaSet
	cui        bool
	anyCUI     bool
	categories []string
	who        audience
	org        code
	homes      []code
}

// Person is one human being. Countries are those of one citizen: being listed with one of them is enough for REL TO,
// but not for what is for the US alone.
func Person(s Spec) (Subject, error) {
	return compile(s, person)
}

// Audience is all who see a workload's replies. Countries are those of several people: all must be listed.
func Audience(s Spec) (Subject, error) {
	return compile(s, group)
}

// Ceiling is the most that an enclave, offering or workload may hold. What is left out it may not hold.
func Ceiling(s Spec) (Subject, error) {
	return compile(s, ceiling)
}

// kind says how a spec is to be read.
type kind uint8

const (
	person kind = iota
	group
	ceiling
)

// compile checks a spec, telling all its faults, and works out what each control asks.
func compile(s Spec, k kind) (Subject, error) {
	out := Subject{made: true, every: k != person}
	controls := List{Any: k != ceiling}
	var errs []error
	var ok bool
	if out.clearance, ok = ParseLevel(s.Clearance); !ok || out.clearance == Restricted {
		errs = append(errs, fmt.Errorf("clearance: %q is not one of U, C, S, TS", s.Clearance))
	}
	for _, x := range s.Readins {
		if !readinName(x) || x[0] == '?' {
			errs = append(errs, fmt.Errorf("readins: %q is not a read-in; write it as SI-G ABCD or SAR-BP", x))
		}
	}
	out.readins = normal(slices.Clone(s.Readins))
	for _, x := range s.Citizenship {
		if len(x) < 2 || len(x) > 4 || !upperAlpha(x) {
			errs = append(errs, fmt.Errorf("citizenship: %q is not a country code such as USA", x))
			continue
		}
		out.homes = append(out.homes, packCode(x))
	}
	out.homes = normal(out.homes)
	if err := out.affiliate(s.Affiliation); err != nil {
		errs = append(errs, err)
	}
	if s.Controls != nil {
		controls = *s.Controls
	}
	if err := out.admit(controls); err != nil {
		errs = append(errs, err)
	}
	if err := out.hold(s.CUI, k != ceiling); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return Subject{}, err
	}
	return out, nil
}

func (s *Subject) affiliate(name string) error {
	switch name {
	case "":
		return nil
	case "US-FED":
		s.who, s.org = federal, usa
	case "US-SLTT":
		s.who, s.org = sltt, usa
	case "CONTRACTOR":
		s.who, s.org = contractor, usa
	default:
		land, ok := strings.CutSuffix(name, "-GOV")
		if !ok || len(land) < 2 || len(land) > 4 || !upperAlpha(land) || land == "USA" {
			return fmt.Errorf("affiliation: %q is not one of US-FED, US-SLTT, CONTRACTOR, or a code with -GOV such as GBR-GOV", name)
		}
		s.who, s.org = foreigner, packCode(land)
	}
	return nil
}

// asks is what a control asks of its holder, beside being admitted by the subject's list.
type asks struct {
	from   audience
	onlyUS bool
	readin string
}

const (
	usGovernment = federal | sltt
	anybody      = federal | sltt | contractor | foreigner
)

// controlAsks follows Register Table 5 and the definitions of the controls; what they leave open is closed here.
var controlAsks = [numControls]asks{
	RSEN:           {from: anybody},
	FOUO:           {from: usGovernment},
	ORCON:          {from: federal},
	ORCONUSGOV:     {from: federal},
	IMCON:          {from: anybody},
	PROPIN:         {from: federal | sltt | foreigner},
	DSEN:           {from: usGovernment},
	FISA:           {from: usGovernment},
	AttorneyClient: {from: anybody, readin: "AC"},
	AttorneyWP:     {from: anybody, readin: "AWP"},
	DLONLY:         {from: anybody, readin: "DL ONLY"},
	LIMDIS:         {from: federal, onlyUS: true},
	EXDIS:          {from: federal, onlyUS: true, readin: "EXDIS"},
	NODIS:          {from: federal, onlyUS: true, readin: "NODIS"},
	SBU:            {from: usGovernment},
	LES:            {from: usGovernment},
	SSI:            {from: usGovernment},
	NC2ESI:         {from: federal | contractor, onlyUS: true, readin: "NC2-ESI"},
	NNPI:           {from: federal, onlyUS: true},
	HVSACO:         {from: federal | contractor, readin: "HVSACO"},
}

// admit works out which controls and AEA markings the subject may hold.
func (s *Subject) admit(list List) error {
	listed := ^ControlSet(0)
	ucni := aeaDCNI | aeaUCNI
	if !list.Any {
		listed, ucni = 0, 0
		for _, n := range list.Names {
			switch c, ok := ParseControl(n); {
			case ok:
				listed |= setOf(c)
			case n == "DCNI" || n == "DOD UCNI":
				ucni |= aeaDCNI
			case n == "UCNI" || n == "DOE UCNI":
				ucni |= aeaUCNI
			default:
				return fmt.Errorf("controls: %q is not a control; write banner names such as ORCON, or any", n)
			}
		}
	}
	onlyUS := len(s.homes) == 1 && s.homes[0] == usa
	for c := range numControls {
		a := controlAsks[c]
		if listed.Has(c) && a.from&s.who != 0 && (!a.onlyUS || onlyUS) && (a.readin == "" || contains(s.readins, a.readin)) {
			s.controls |= setOf(c)
		}
	}
	s.aea = aeaFRD | aeaTFNI
	if onlyUS && s.who&(federal|sltt|contractor) != 0 {
		s.aea |= ucni
	}
	for _, x := range s.readins {
		switch {
		case x == "RD" || x == "Q":
			s.aea |= aeaRD
		case x == "RD-CNWDI" || x == "CNWDI":
			s.aea |= aeaCNWDI
		}
		if numbers, ok := cutAny(x, "SIGMA ", "RD-SIGMA ", "RD-SG ", "FRD-SIGMA ", "FRD-SG "); ok {
			for f := range strings.FieldsSeq(numbers) {
				if n, err := strconv.Atoi(f); err == nil && n > 0 && n < 100 {
					s.sigma.add(n)
				}
			}
		}
	}
	return nil
}

// hold works out which CUI the subject may hold.
func (s *Subject) hold(list *List, byAffiliation bool) error {
	if list == nil {
		s.anyCUI = byAffiliation && s.who&(federal|sltt|contractor) != 0
		s.cui = s.anyCUI
		return nil
	}
	s.cui, s.anyCUI = true, list.Any
	for _, n := range list.Names {
		base, specified := strings.CutPrefix(n, "SP-")
		if !categoryName(base) {
			return fmt.Errorf("cui: %q is not a category; write SP-CTI, PRVCY, or any", n)
		}
		s.categories = append(s.categories, base)
		if specified {
			s.categories = append(s.categories, n)
		}
	}
	s.categories = normal(s.categories)
	return nil
}

// CeilingSpec is the least ceiling that may have the label: what a banner written as a ceiling stands for.
func CeilingSpec(l Label) (Spec, error) {
	s := Spec{Clearance: l.level.String(), Controls: &List{}}
	for _, n := range l.needs {
		if sciReadin(n) {
			s.Clearance = TopSecret.String()
		}
		s.Readins = append(s.Readins, n)
	}
	if l.aea&aeaRD != 0 {
		s.Readins = append(s.Readins, "RD")
	}
	if l.aea&aeaCNWDI != 0 {
		s.Readins = append(s.Readins, "RD-CNWDI")
	}
	for _, n := range l.sigma.numbers() {
		s.Readins = append(s.Readins, "SIGMA "+strconv.Itoa(n))
	}
	for c := range l.controls.All {
		s.Controls.Names = append(s.Controls.Names, controlRules[c].banner)
		if r := controlAsks[c].readin; r != "" {
			s.Readins = append(s.Readins, r)
		}
	}
	if l.aea&aeaDCNI != 0 {
		s.Controls.Names = append(s.Controls.Names, "DCNI")
	}
	if l.aea&aeaUCNI != 0 {
		s.Controls.Names = append(s.Controls.Names, "UCNI")
	}
	if l.cui {
		s.CUI = &List{}
		for _, c := range l.categories {
			if c[0] != '?' && !contains(l.categories, "SP-"+c) {
				s.CUI.Names = append(s.CUI.Names, c)
			}
		}
	}
	// Where the label says nothing of release, some controls still ask for citizens of the US.
	homes := [][]string{nil, {"USA"}}
	if !l.open {
		homes = [][]string{codeStrings(l.rel)}
	}
	for _, s.Citizenship = range homes {
		for _, s.Affiliation = range [...]string{"", "CONTRACTOR", "US-SLTT", "US-FED"} {
			if c, err := Ceiling(s); err == nil && c.May(l).Allow {
				return s, nil
			}
		}
	}
	return Spec{}, errors.New("no subject may have what this marking covers")
}

// sciReadin reports whether a read-in is to sensitive compartmented information.
func sciReadin(n string) bool {
	switch n {
	case "NATO", "ATOMAL", "BALK", "BOHEMIA":
		return false
	}
	return n[0] != '?' && !strings.HasPrefix(n, "SAR-") && !strings.HasPrefix(n, "ACCM-")
}
