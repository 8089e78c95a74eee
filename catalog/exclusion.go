package catalog

import "time"

// Status is what an authority said against using something, or took back.
type Status struct {
	ID, Authority, Instrument, Document string
	Binds                               Binds
	Covers                              Cover
	State                               string    // in_force, stayed, enjoined, vacated, lifted, expired, unknown
	From                                time.Time // zero: always
	Until                               time.Time // first day on which it no longer holds; zero: never
	Source                              Source
}

// Binds says whom a status binds; zero: everyone.
type Binds struct {
	Organisations []string // or agencies
	Contractors   bool
	NSS           bool // national security systems only
	Lines         []*Line
}

// Cover is what a status or phase-out is about: what agrees with every field
// that is written.
type Cover struct{ Vendor, Product, Model, Cloud, Offering string }

// PhaseOut says by when what is being left.
type PhaseOut struct {
	ID       string
	Status   *Status // that it carries out; nil: none, the agency's own decision
	Covers   Cover
	Stages   []Stage
	Document string
	Source   Source
}

// Stage is the first day on which workloads may no longer use what is left.
type Stage struct {
	From      time.Time
	Workloads []string // classes or names; empty: all
	Source    Source
}

// Exemption lets workloads go on for a while.
type Exemption struct {
	ID        string
	Status    *Status   // exempted from it and from what carries it out
	PhaseOut  *PhaseOut // or from this alone
	Workloads []string  // by name
	Reason    string
	Approver  string
	Expires   time.Time // first day on which it no longer holds
	Source    Source
}
