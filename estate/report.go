package estate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Code names a kind of remark, for programs.
type Code string

const (
	Unreadable  Code = "unreadable"  // a file or folder that cannot be part of an estate
	Syntax      Code = "syntax"      // not the YAML that is read here
	UnknownKey  Code = "unknown_key" // a key that nothing reads
	MissingKey  Code = "missing_key" // a key that must be there
	WrongType   Code = "wrong_type"  // text for a number, a list for a map
	NotAllowed  Code = "not_allowed" // a word that is not among the allowed ones
	Impossible  Code = "impossible"  // well formed, but no such value can be
	Dangling    Code = "dangling"    // a reference to what is not declared
	Duplicate   Code = "duplicate"   // the same name twice
	OtherDomain Code = "other_domain"
	Literal     Code = "literal_secret" // a secret's value where a reference belongs
	WrongHost   Code = "wrong_host"     // an address that is not of its partition, region or cryptography
	Undecidable Code = "undecidable"    // what nothing can be decided about

	Unserved Code = "unserved" // finding: an alias or a model that no offering has
	Unused   Code = "unused"   // finding: an offering that no workload can reach
	Exposed  Code = "exposed"  // finding: a secret would travel in the clear

	Expired        Code = "expired"         // finding by Study: a document that no longer holds
	Expiring       Code = "expiring"        // finding by Study: one that will soon not
	NoRoute        Code = "no_route"        // finding by Study: an alias that nothing may serve
	Dependent      Code = "dependent"       // finding by Study: independence that is not met
	Unusable       Code = "unusable"        // finding by Study: an offering that no workload may use
	Idle           Code = "idle"            // finding by Study: a policy that can never apply
	TermsMissing   Code = "terms_missing"   // finding by Study: a used purpose of which no terms speak
	TermsUnadopted Code = "terms_unadopted" // finding by Study: terms in use that nobody adopted
	Strands        Code = "strands"         // finding by Study: a phase-out that leaves an alias nothing
	StatusUnknown  Code = "status_unknown"  // finding by Study: a status of unknown state

	Uncopied Code = "uncopied" // warning: checkpoints of the ledger go to no second place

	Unchecked Code = "unchecked" // note: secrets are opened when they are used, not at load
	NotBuilt  Code = "not_built" // note: a dialect that Bulkhead does not speak yet
)

// Remark is one thing to say about an estate, with its place.
type Remark struct {
	File    string `json:"file"`             // relative to the folder, with slashes
	Line    int    `json:"line,omitempty"`   // from 1; zero: the file as a whole
	Column  int    `json:"column,omitempty"` // from 1
	Code    Code   `json:"code"`
	Message string `json:"message"` // what is wrong
	Hint    string `json:"hint"`    // what to write instead
}

// String gives the remark as one line: file:line:column: message; hint.
func (m Remark) String() string {
	place := m.File
	if m.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", m.File, m.Line, m.Column)
	}
	if m.Hint == "" {
		return place + ": " + m.Message
	}
	return place + ": " + m.Message + "; " + m.Hint
}

// Report is all there is to say about one reading of an estate. Its JSON form
// is an outside form: fields are added, never renamed.
type Report struct {
	Digest   string   `json:"digest,omitempty"` // empty if there are faults
	Counts   Counts   `json:"counts"`
	Faults   []Remark `json:"faults"`   // any of them makes the estate bad
	Findings []Remark `json:"findings"` // the estate loads, and someone should look
	Warnings []Remark `json:"warnings"` // what the agency had better do; the estate is fine without
	Notes    []Remark `json:"notes"`    // good to know

	Tables []TableUse `json:"tables,omitempty"` // that the estate was read by; none if there are faults

	canonical []byte
	lines     []byte
}

// TableUse is a table that an estate was read by: the shipped one, with the
// estate's own entries in it.
type TableUse struct {
	Table   string       `json:"table"`             // markings, partitions or purposes
	Edition string       `json:"edition"`           // of the shipped table, then of each file with entries
	Profile string       `json:"profile,omitempty"` // of markings: ic, dod or legacy
	Entries []TableEntry `json:"entries,omitempty"` // the estate's own, in order of place
}

// TableEntry is one entry of the estate in a table.
type TableEntry struct {
	Kind      string `json:"kind"` // such as cui category, organisation, partition
	Name      string `json:"name"`
	Replaces  bool   `json:"replaces"`            // whether the shipped table has one of the name; else it is added
	Withdrawn bool   `json:"withdrawn,omitempty"` // whether it leaves the table
	File      string `json:"file"`
	Line      int    `json:"line"`
}

// Counts says how much was read.
type Counts struct {
	Files     int `json:"files"`
	Vendors   int `json:"vendors"`
	Models    int `json:"models"`
	Endpoints int `json:"endpoints"`
	Offerings int `json:"offerings"`
	Contracts int `json:"contracts"`
	Workloads int `json:"workloads"`
}

// Canonical gives the bytes that Digest is taken over; nil if there are faults.
// The caller must not change them.
func (r *Report) Canonical() []byte { return r.canonical }

// Lines gives where the parts of the estate stand in its files, for [Restore];
// nil if there are faults. The digest does not cover them.
func (r *Report) Lines() []byte { return r.lines }

// Err gives nil for an estate without faults, else an error whose message has
// every fault on a line of its own.
func (r *Report) Err() error {
	if len(r.Faults) == 0 {
		return nil
	}
	return &FaultsError{Faults: r.Faults}
}

// FaultsError is a bad estate as an error: repair the files it names.
type FaultsError struct{ Faults []Remark }

// Error has every fault on a line of its own.
func (e *FaultsError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, m := range e.Faults {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

// table notes a table that the estate was read by; entries may be in any order.
func (r *Report) table(u TableUse) {
	slices.SortFunc(u.Entries, func(a, b TableEntry) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, strings.Compare(a.Name, b.Name))
	})
	r.Tables = append(r.Tables, u)
}

// settle puts the remarks in order of place and drops repetitions.
func (r *Report) settle() {
	for _, list := range []*[]Remark{&r.Faults, &r.Findings, &r.Warnings, &r.Notes} {
		slices.SortStableFunc(*list, func(a, b Remark) int {
			return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column,
				strings.Compare(a.Message, b.Message))
		})
		*list = slices.Compact(*list)
		if *list == nil {
			*list = []Remark{}
		}
	}
}
