package marking

import (
	"math/bits"
	"slices"
)

// Rule names the rule of access that decided, for machines.
type Rule string

// The rules of access (Register Table 5), in the order in which they are asked.
const (
	// RuleGranted: every rule holds.
	RuleGranted Rule = "granted"
	// RuleNoSubject: nothing is known of the subject.
	RuleNoSubject Rule = "no_subject"
	// RuleNoLabel: the marking is not known.
	RuleNoLabel Rule = "no_label"
	// RuleClearance: the clearance is below the level.
	RuleClearance Rule = "clearance"
	// RuleSCIClearance: sensitive compartmented information asks for TOP SECRET eligibility whatever its level.
	RuleSCIClearance Rule = "sci_clearance"
	// RuleReadin: a compartment, programme or the like has not been opened to the subject.
	RuleReadin Rule = "readin"
	// RuleAEA: Restricted Data, CNWDI, a SIGMA or UCNI has not been opened to the subject.
	RuleAEA Rule = "aea"
	// RuleRelease: NOFORN, REL TO, RELIDO or DISPLAY ONLY leaves out a country of the subject or its organisation.
	RuleRelease Rule = "release"
	// RuleControl: a dissemination control is not for the subject.
	RuleControl Rule = "control"
	// RuleCUI: the subject may hold no CUI.
	RuleCUI Rule = "cui"
	// RuleCategory: the subject may not hold a CUI category.
	RuleCategory Rule = "cui_category"
	// RuleAudience: FED ONLY, FEDCON or NOCON leaves out the subject's affiliation.
	RuleAudience Rule = "cui_audience"
)

// Verdict says whether a subject may have data and which rule decided.
type Verdict struct {
	Allow bool
	Rule  Rule
	part  string // what of the label the rule is about
}

// Part is what of the label the rule is about, such as a read-in; it may name what lies outside the subject's read-ins,
// so it is for the record and not for the subject.
func (v Verdict) Part() string { return v.part }

var ruleWords = map[Rule]string{
	RuleGranted:      "every rule holds",
	RuleNoSubject:    "nothing is known of the subject",
	RuleNoLabel:      "the marking is not known",
	RuleClearance:    "the clearance is below ",
	RuleSCIClearance: "sensitive compartmented information needs TOP SECRET eligibility at every level: ",
	RuleReadin:       "no read-in to ",
	RuleAEA:          "no access to ",
	RuleRelease:      "release leaves out the subject's citizenship or affiliation: ",
	RuleControl:      "the subject may not hold ",
	RuleCUI:          "the subject may hold no CUI",
	RuleCategory:     "the subject may not hold CUI category ",
	RuleAudience:     "limited dissemination leaves out the subject's affiliation: ",
}

// Why is the verdict as a sentence. It may name what lies outside the subject's read-ins.
func (v Verdict) Why() string {
	if v.Rule == "" {
		return ruleWords[RuleNoSubject]
	}
	return ruleWords[v.Rule] + v.part
}

func deny(r Rule, part string) Verdict { return Verdict{Rule: r, part: part} }

// May says whether the subject may have what the label covers. It is monotone: who may have a label may have every
// label at most it. Whatever is missing denies. What may only be shown (DISPLAY ONLY) is denied, since what a gateway
// returns can be kept.
func (s *Subject) May(l Label) Verdict { return s.may(&l) }

func (s *Subject) may(l *Label) Verdict {
	switch {
	case !s.made:
		return deny(RuleNoSubject, "")
	case !l.known:
		return deny(RuleNoLabel, "")
	case s.clearance < l.level:
		return deny(RuleClearance, l.level.Word())
	}
	if len(l.needs) > 0 {
		if v := s.readIn(l.needs); !v.Allow {
			return v
		}
	}
	if l.aea&^s.aea != 0 || !l.sigma.within(s.sigma) {
		return deny(RuleAEA, aeaWord(l.aea&^s.aea))
	}
	if !l.open {
		if part, ok := s.released(l); !ok {
			return deny(RuleRelease, part)
		}
	}
	if not := l.controls &^ s.controls; not != 0 {
		return deny(RuleControl, controlRules[not.first()].banner)
	}
	if l.excluded != 0 && (s.who == 0 || l.excluded&s.who != 0) {
		return deny(RuleAudience, audienceWord(l.excluded))
	}
	if l.cui {
		if v := s.holds(l.categories); !v.Allow {
			return v
		}
	}
	return Verdict{Allow: true, Rule: RuleGranted}
}

// readIn holds each needed read-in against the subject's.
func (s *Subject) readIn(needs []string) Verdict {
	have := s.readins
	j := 0
	for _, n := range needs {
		if s.clearance < TopSecret && sciReadin(n) {
			return deny(RuleSCIClearance, n)
		}
		for j < len(have) && have[j] != n {
			j++
		}
		if j == len(have) {
			return deny(RuleReadin, n)
		}
	}
	return Verdict{Allow: true}
}

// released holds the release against the subject's countries and organisation. What is for the US alone asks that the
// subject has no other country, until a human decision on dual nationals says otherwise.
func (s *Subject) released(l *Label) (string, bool) {
	word := "REL TO"
	onlyUS := len(l.rel) == 1
	if onlyUS {
		word = "NOFORN"
		if !l.noRELIDO {
			word = "RELIDO"
		} else if len(l.disp) > 1 {
			word = "DISPLAY ONLY"
		}
	}
	if s.org == 0 || len(s.homes) == 0 || !contains(l.rel, s.org) {
		return word, false
	}
	in := 0
	for _, h := range s.homes {
		if contains(l.rel, h) {
			in++
		}
	}
	if in == 0 || in < len(s.homes) && (onlyUS || s.every) {
		return word, false
	}
	return "", true
}

// holds holds CUI categories against the subject's. One that no table knows must be held by name.
func (s *Subject) holds(categories []string) Verdict {
	if !s.cui {
		return deny(RuleCUI, "")
	}
	// From the end, so that SP-CTI is named before CTI, which it stands on.
	for _, c := range slices.Backward(categories) {
		switch {
		case c[0] == '?':
			if s.anyCUI {
				return deny(RuleCategory, c)
			}
		case !s.anyCUI && !contains(s.categories, c):
			return deny(RuleCategory, c)
		}
	}
	return Verdict{Allow: true}
}

func aeaWord(k aeaKinds) string {
	names := [...]string{"RD", "CNWDI", "FRD", "DOD UCNI", "DOE UCNI", "TFNI"}
	if i := bits.TrailingZeros8(uint8(k)); i < len(names) {
		return names[i]
	}
	return "SIGMA"
}

func audienceWord(a audience) string {
	switch {
	case a&(sltt|contractor) == sltt|contractor:
		return "FED ONLY"
	case a&contractor != 0:
		return "NOCON"
	}
	return "FEDCON"
}
