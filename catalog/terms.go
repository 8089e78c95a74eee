package catalog

import "time"

// Risk says how much a purpose can harm; what is unknown of it counts as the
// worst unless the risk is low (DESIGN, law 8).
type Risk string

const (
	High Risk = "high"
	Low  Risk = "low"
)

// Purpose is an entry of the table of purposes: what a workload may use AI for.
type Purpose struct {
	Code     string // such as benefits.casework
	Below    bool   // the codes below it, Code.*, are of it as well
	Category string // the category of vendors' policies that speaks of it
	Risk     Risk
	Title    string
	Source   Source // of the estate's own entry; zero: the shipped table
}

// Obligation is a condition under which something is allowed, such as
// HUMAN_REVIEW or CONTRACT_MOD(P00002).
type Obligation string

// Attestation is a person's word that an obligation is met.
type Attestation struct {
	Obligation   Obligation
	By, Document string
	Purposes     []string  // for which it holds; empty: all
	Expires      time.Time // first day on which it no longer holds
	Source       Source
}

// Barred names organisations that a vendor's terms or a contract leave out.
type Barred struct {
	Organisations []string // or agencies
	Intelligence  bool     // every element of the intelligence community
	Unless        Obligation
}

// Empty reports whether nobody is barred.
func (b Barred) Empty() bool { return len(b.Organisations) == 0 && !b.Intelligence }

// Overlay is what a contract changes in a vendor's terms, for the offerings
// that are bought under it.
type Overlay struct {
	Contract  string
	Vendor    string
	Clause    string // with Approver: supersedes the terms; without: can only tighten them
	Approver  string
	Purposes  map[string]Term // by code
	Barred    Barred
	CloudOnly bool // not on machines of the agency
	Source    Source
}

// Supersedes reports whether the overlay stands in place of the terms.
func (o *Overlay) Supersedes() bool { return o.Clause != "" && o.Approver != "" }

// HighImpact says whether a workload is high-impact AI (OMB M-25-21).
type HighImpact struct {
	State     string // yes, presumed_not, no; empty: not stated
	Reason    string
	Practices string    // document that records the minimum practices
	Expires   time.Time // of that document; zero: never
	Source    Source
}
