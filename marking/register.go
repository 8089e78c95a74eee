package marking

import "strings"

// Profile says whose rules hold where texts differ (the table is in docs/markings.md).
type Profile uint8

// The profiles.
const (
	// IC follows the Register of 2016.
	IC Profile = iota
	// DoD follows DoDM 5200.01 Volume 2: no NOFORN on UNCLASSIFIED, CNWDI at CONFIDENTIAL, SIGMA 1 to 99, EXDIS and
	// NODIS without NOFORN; it prints each SAP with its prefix and DISPLAY ONLY before FISA.
	DoD
	// Legacy is IC with SIGMA 1 to 99, for documents of old.
	Legacy
)

// ParseProfile reads "ic", "dod" or "legacy".
func ParseProfile(s string) (Profile, bool) {
	for p, name := range [...]string{"ic", "dod", "legacy"} {
		if s == name {
			return Profile(p), true
		}
	}
	return IC, false
}

// String is "ic", "dod" or "legacy".
func (p Profile) String() string { return [...]string{"ic", "dod", "legacy", "?"}[min(p, 3)] }

// Register reads and prints marks by a table and a profile. It does not change once made and may be shared.
type Register struct {
	table      *Table
	profile    Profile
	words      map[string]word
	programmes int // most that a banner names; zero: all
}

// category is the position of a segment in a line.
type category uint8

const (
	catNone category = iota
	catLevel
	catSCI
	catSAP
	catAEA
	catNATO
	catFGI
	catCUI
	catCUICategory
	catDissem
	catNonIC
	catUnknown
)

// word is what one entry of a segment stands for.
type word struct {
	cat     category
	control Control
	aea     aeaKinds
	banner  bool // may be written in a banner
	portion bool // may be written in a portion
}

// NewRegister makes a register of a table and a profile.
func NewRegister(t *Table, p Profile) *Register {
	r := &Register{table: t, profile: p, words: make(map[string]word, 128)}
	put := func(s string, w word) {
		if s == "" {
			return
		}
		old := r.words[s]
		w.banner, w.portion = w.banner || old.banner, w.portion || old.portion
		r.words[s] = w
	}
	for c := range numControls {
		rule := &controlRules[c]
		w := word{cat: catDissem, control: c}
		if nonICOnly.Has(c) {
			w.cat = catNonIC
		}
		w.banner = true
		put(rule.banner, w)
		put(strings.ToUpper(rule.banner), w)
		put(rule.long, w)
		w.banner, w.portion = false, true
		put(rule.portion, w)
	}
	delete(r.words, "DISPLAY")
	for _, a := range [...]struct {
		kind            aeaKinds
		banner, portion string
		long            string
	}{
		{aeaRD, "RD", "RD", "RESTRICTED DATA"},
		{aeaFRD, "FRD", "FRD", "FORMERLY RESTRICTED DATA"},
		{aeaDCNI, "DOD UCNI", "DCNI", "DOD UNCLASSIFIED CONTROLLED NUCLEAR INFORMATION"},
		{aeaUCNI, "DOE UCNI", "UCNI", "DOE UNCLASSIFIED CONTROLLED NUCLEAR INFORMATION"},
		{aeaTFNI, "TFNI", "TFNI", "TRANSCLASSIFIED FOREIGN NUCLEAR INFORMATION"},
	} {
		put(a.banner, word{cat: catAEA, aea: a.kind, banner: true})
		put(a.long, word{cat: catAEA, aea: a.kind, banner: true})
		put(a.portion, word{cat: catAEA, aea: a.kind, portion: true})
	}
	for _, s := range [...]string{"ATOMAL", "BALK", "BOHEMIA"} {
		put(s, word{cat: catNATO, banner: true, portion: true})
	}
	put("FGI", word{cat: catFGI, banner: true, portion: true})
	put("FOREIGN GOVERNMENT INFORMATION", word{cat: catFGI, banner: true})
	put("CUI", word{cat: catCUI, banner: true, portion: true})
	put("CONTROLLED", word{cat: catCUI, banner: true})
	put("WAIVED", word{cat: catSAP, banner: true, portion: true})
	return r
}

// NamingAtMost is the register with banners that name n special access programmes at most; the banner of a label with
// more says SAR-MULTIPLE PROGRAMS, since texts differ on the number and some agencies' banners may not list them. Zero
// names all. Portions, marks as they were written, and what a label means are the same at every n.
func (r *Register) NamingAtMost(n int) *Register {
	out := *r
	out.programmes = max(0, n)
	return &out
}

// Under is the register with another profile.
func (r *Register) Under(p Profile) *Register {
	out := *r
	out.profile = p
	return &out
}

// Table is the table that the register reads by.
func (r *Register) Table() *Table { return r.table }

// Profile is the profile that the register reads by.
func (r *Register) Profile() Profile { return r.profile }

// Read reads a text in whichever form it is: a banner, or a portion with or without its parentheses, which is how people
// abbreviate a marking in files and headers. A text that is neither is given as the banner it fails to be.
func (r *Register) Read(text string) Reading {
	banner := r.Parse(text, Banner)
	if banner.Valid() {
		return banner
	}
	if !strings.HasPrefix(text, "(") {
		text = "(" + text + ")"
	}
	if portion := r.Parse(text, Portion); portion.Valid() {
		return portion
	}
	return banner
}

// Print is the canonical form of a mark under the register's profile.
func (r *Register) Print(m Mark) string { return r.profile.print(m) }

// Reading is what came of reading a text: the mark as far as it could be read, and every fault.
type Reading struct {
	Mark     Mark
	Errors   []Fault
	Warnings []Fault
	// Levelled reports whether a classification, or CUI, was read at all.
	Levelled bool
	// Known counts the entries after the classification that a table or rule knows.
	Known int
}

// Valid reports whether the text is a mark without errors.
func (r Reading) Valid() bool { return len(r.Errors) == 0 }
