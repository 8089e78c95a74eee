package marking

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:embed table.json
var shippedTable []byte

// TableData is what changes over the years, as a file writes it. A [Table] is made of it.
type TableData struct {
	// Edition says what the data was taken from and when.
	Edition       string         `json:"edition"`
	Countries     []string       `json:"countries,omitempty"`
	Organisations []Organisation `json:"organisations,omitempty"`
	CUI           []string       `json:"cui,omitempty"`
	// Withdrawn names CUI categories that the registry no longer has; in [Table.With] they leave the table, so that they
	// are unknown and restrict.
	Withdrawn []string        `json:"withdrawn,omitempty"`
	SCI       []SystemControl `json:"sci,omitempty"`
}

// Organisation is a code of countries, mostly of four letters. Without members it is known but opaque: it stands for
// itself alone, so that an intersection with a country list is empty.
type Organisation struct {
	Code    string   `json:"code"`
	Members []string `json:"members,omitempty"`
}

// SystemControl is one SCI control system (Register section on SCI).
type SystemControl struct {
	System string `json:"system"`
	Title  string `json:"title,omitempty"`
	// Legacy are names of old that now mean this system; they are read, never written.
	Legacy []string `json:"legacy,omitempty"`
	// Min is the lowest level on which the system without compartments may stand.
	Min string `json:"min"`
	// BareIsLegacy says that the system without a compartment is a form of old.
	BareIsLegacy        bool     `json:"bare_is_legacy,omitempty"`
	CompartmentRequired bool     `json:"compartment_required,omitempty"`
	Implies             []string `json:"implies,omitempty"`
	Compartments        []Part   `json:"compartments,omitempty"`
	// Any admits compartments that are not listed, by their length.
	Any  *Shape `json:"any,omitempty"`
	Note string `json:"note,omitempty"`
}

// Part is one compartment of a system.
type Part struct {
	ID      string   `json:"id"`
	Title   string   `json:"title,omitempty"`
	Min     string   `json:"min"`
	Implies []string `json:"implies,omitempty"`
	// Sub admits sub-compartments, by their length; nil admits one to six letters and digits.
	Sub *Shape `json:"sub,omitempty"`
}

// Shape admits names of letters and digits by their length.
type Shape struct {
	MinLen  int      `json:"min_len"`
	MaxLen  int      `json:"max_len"`
	Min     string   `json:"min"`
	Implies []string `json:"implies,omitempty"`
}

// Table is the data that marks are read by. It does not change once made and may be shared.
type Table struct {
	data      TableData
	countries map[string]code
	members   map[code][]code // an organisation that is known has an entry, empty if opaque
	names     map[code]string
	cui       map[string]string
	systems   map[string]*system
	reserved  map[string]bool // words that no system may be called by; only while the table is made
}

type system struct {
	name         string
	legacyNames  []string
	min          Level
	bareIsLegacy bool
	required     bool
	implies      ControlSet
	parts        map[string]*part
	any          *part
}

type part struct {
	id             string
	minLen, maxLen int
	min            Level
	implies        ControlSet
	sub            *part
}

// anySub is how sub-compartments look where the table says nothing of them.
var anySub = part{minLen: 1, maxLen: 6}

// Shipped is the table that comes with this build. Its edition says what it was taken from. NATO and most other
// organisations are opaque in it: their members must come from a table that the agency vouches for.
func Shipped() *Table { return shipped() }

var shipped = sync.OnceValue(func() *Table {
	data, err := DecodeTable(shippedTable)
	if err == nil {
		var t *Table
		if t, err = NewTable(data); err == nil {
			return t
		}
	}
	panic("marking: the shipped table is broken: " + err.Error())
})

// DecodeTable reads a table's JSON form, strictly.
func DecodeTable(b []byte) (TableData, error) {
	var data TableData
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&data); err != nil {
		return TableData{}, fmt.Errorf("marking table: %w", err)
	}
	return data, nil
}

// NewTable makes a table of data. All faults are told at once.
func NewTable(data TableData) (*Table, error) {
	t := &Table{
		data: data, countries: map[string]code{}, members: map[code][]code{}, names: map[code]string{},
		cui: map[string]string{}, systems: map[string]*system{},
	}
	var errs []error
	if data.Edition == "" {
		errs = append(errs, errors.New("edition: say what the table was taken from and when"))
	}
	for _, c := range data.Countries {
		if len(c) != 3 || !upperAlpha(c) {
			errs = append(errs, fmt.Errorf("countries: %q is not three capital letters", c))
			continue
		}
		t.countries[c], t.names[packCode(c)] = packCode(c), c
	}
	for _, o := range data.Organisations {
		if err := t.addOrganisation(o); err != nil {
			errs = append(errs, err)
		}
	}
	for _, c := range data.CUI {
		if !categoryName(c) {
			errs = append(errs, fmt.Errorf("cui: %q is not a category's abbreviation", c))
			continue
		}
		t.cui[c] = c
	}
	t.reserve()
	for _, s := range data.SCI {
		if err := t.addSystem(s); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return t, nil
}

// With is the table with entries of over added or put in the place of those of the same name.
func (t *Table) With(over TableData) (*Table, error) {
	d := TableData{
		Edition:       t.data.Edition + "; " + over.Edition,
		Countries:     slices.Concat(t.data.Countries, over.Countries),
		CUI:           slices.Concat(t.data.CUI, over.CUI),
		Organisations: slices.Clone(t.data.Organisations),
		SCI:           slices.Clone(t.data.SCI),
	}
	slices.Sort(d.Countries)
	slices.Sort(d.CUI)
	d.Countries, d.CUI = slices.Compact(d.Countries), slices.Compact(d.CUI)
	for _, c := range over.Withdrawn {
		if slices.Contains(over.CUI, c) {
			return nil, fmt.Errorf("withdrawn: %s is in cui as well", c)
		}
		if !slices.Contains(d.CUI, c) {
			return nil, fmt.Errorf("withdrawn: %s is no category of the table", c)
		}
		d.CUI = slices.DeleteFunc(d.CUI, func(x string) bool { return x == c })
	}
	for _, o := range over.Organisations {
		d.Organisations = slices.DeleteFunc(d.Organisations, func(x Organisation) bool { return x.Code == o.Code })
		d.Organisations = append(d.Organisations, o)
	}
	for _, s := range over.SCI {
		d.SCI = slices.DeleteFunc(d.SCI, func(x SystemControl) bool { return x.System == s.System })
		d.SCI = append(d.SCI, s)
	}
	if over.Edition == "" {
		return nil, errors.New("edition: say what the entries were taken from and when")
	}
	return NewTable(d)
}

// Data is what the table was made of; the caller must not change it.
func (t *Table) Data() TableData { return t.data }

// Country reports whether the table has a country of three letters.
func (t *Table) Country(s string) bool { _, ok := t.countries[s]; return ok }

// Edition says what the table was taken from and when.
func (t *Table) Edition() string { return t.data.Edition }

// MarshalJSON is the table's whole content, for a digest of what a decision rests on.
func (t *Table) MarshalJSON() ([]byte, error) { return json.Marshal(t.data) }

func (t *Table) addOrganisation(o Organisation) error {
	if len(o.Code) < 2 || len(o.Code) > 4 || !upperAlpha(o.Code) {
		return fmt.Errorf("organisations: %q is not two to four capital letters", o.Code)
	}
	if _, ok := t.countries[o.Code]; ok {
		return fmt.Errorf("organisations: %q is a country", o.Code)
	}
	members := []code{}
	for _, m := range o.Members {
		c, ok := t.countries[m]
		if !ok {
			return fmt.Errorf("organisations: %s: member %q is not in countries", o.Code, m)
		}
		members = append(members, c)
	}
	slices.Sort(members)
	t.members[packCode(o.Code)], t.names[packCode(o.Code)] = members, o.Code
	return nil
}

func (t *Table) addSystem(s SystemControl) error {
	if !alnum(s.System) || s.System == "" {
		return fmt.Errorf("sci: %q is not letters and digits", s.System)
	}
	var errs []error
	level := func(word string) Level {
		l, ok := ParseLevel(word)
		if !ok || l == Unclassified || l == Restricted {
			errs = append(errs, fmt.Errorf("sci: %s: min %q is not one of C, S, TS", s.System, word))
		}
		return l
	}
	implies := func(names []string) ControlSet {
		var set ControlSet
		for _, n := range names {
			c, ok := ParseControl(n)
			if !ok || c != ORCON && c != NOFORN {
				errs = append(errs, fmt.Errorf("sci: %s: implies %q is not ORCON or NOFORN", s.System, n))
			}
			set |= setOf(c)
		}
		return set
	}
	shape := func(x *Shape) *part {
		if x == nil {
			return nil
		}
		if x.MinLen < 1 || x.MaxLen < x.MinLen || x.MaxLen > longestName {
			errs = append(errs, fmt.Errorf("sci: %s: min_len %d, max_len %d are not 1 to %d, in order", s.System, x.MinLen, x.MaxLen, longestName))
		}
		return &part{minLen: x.MinLen, maxLen: x.MaxLen, min: level(x.Min), implies: implies(x.Implies)}
	}
	sys := &system{
		name: s.System, min: level(s.Min), bareIsLegacy: s.BareIsLegacy, required: s.CompartmentRequired,
		implies: implies(s.Implies), parts: map[string]*part{}, any: shape(s.Any),
	}
	sys.legacyNames = s.Legacy
	for _, c := range s.Compartments {
		for i, name := range [...]string{c.ID, c.Title} {
			if i == 0 && (c.ID == "" || !alnum(c.ID)) || !alnum(name) {
				errs = append(errs, fmt.Errorf("sci: %s: compartment %q is not letters and digits", s.System, name))
			} else if name != "" && sys.parts[name] != nil {
				errs = append(errs, fmt.Errorf("sci: %s: compartment %s is there twice", s.System, name))
			}
		}
		p := &part{id: c.ID, min: level(c.Min), implies: implies(c.Implies), sub: shape(c.Sub)}
		sys.parts[c.ID] = p
		if c.Title != "" {
			sys.parts[c.Title] = p
		}
	}
	for _, name := range slices.Concat([]string{s.System, s.Title}, s.Legacy) {
		switch other := t.systems[name]; {
		case name == "":
		case !words(name):
			errs = append(errs, fmt.Errorf("sci: %s: %q is not capital letters and digits", s.System, name))
		case t.reserved[name]:
			errs = append(errs, fmt.Errorf("sci: %s: %s is another word of marks", s.System, name))
		case other != nil && other.name != s.System:
			errs = append(errs, fmt.Errorf("sci: %s: %s stands for %s already", s.System, name, other.name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, name := range slices.Concat([]string{s.System, s.Title}, s.Legacy) {
		if name != "" {
			t.systems[name] = sys
		}
	}
	return nil
}

// longestName bounds names of compartments.
const longestName = 24

// words reports whether s is words of letters and digits with single blanks between.
func words(s string) bool {
	for w := range strings.SplitSeq(s, " ") {
		if w == "" || !alnum(w) {
			return false
		}
	}
	return true
}

// reserve notes the words that mean something else wherever they stand.
func (t *Table) reserve() {
	t.reserved = map[string]bool{"JOINT": true, "NATO": true, "COSMIC": true, "SAR": true, "SP": true, "ACCM": true,
		"SPECIAL ACCESS REQUIRED": true, "REL": true}
	for w := range NewRegister(&Table{}, IC).words {
		t.reserved[w] = true
	}
	for _, l := range levelWords {
		t.reserved[l.portion], t.reserved[l.banner] = true, true
	}
}

// expand is the code and, for an organisation with members, these too.
func (t *Table) expand(c code) []code { return t.members[c] }

// Categories are the CUI categories of the table, sorted.
func (t *Table) Categories() []string { return slices.Sorted(maps.Keys(t.cui)) }
