package catalog

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Suspension withdraws what agrees with a selector while the estate stays as
// it is. It is ordered by an operator, kept beside the estate and looked at
// before each attempt; it can only take away. Times are UTC to the millisecond.
type Suspension struct {
	ID       string
	What     Selector
	Reason   string
	Document string
	Cut      bool      // calls under way are ended; else they may go on to their end
	From     time.Time // first instant at which it holds
	Ends     time.Time // first instant at which it holds no more of itself; zero: it holds until it is lifted
	Only     []string  // workloads that it holds for, by name; empty: for all
	Drill    string    // id of the live drill that it is part of; empty: it is meant
	Ordered  time.Time
	By       string // who ordered it, and by which path

	Exempt   []string  // workloads that it does not hold for, by name
	Approver string    // of the exemption
	Until    time.Time // first instant at which the exemption no longer holds

	Lifted   time.Time // first instant at which it holds no more; zero: it was not lifted
	LiftedBy string
}

// Selector names what is withdrawn: one vendor, cloud, partition, offering or model.
type Selector struct{ Kind, Name string }

// The kinds of selectors.
const (
	OfVendor    = "vendor"
	OfCloud     = "cloud"
	OfPartition = "partition"
	OfOffering  = "offering" // endpoint/offering
	OfModel     = "model"    // vendor/name
)

// SelectorKinds are the kinds of selectors.
func SelectorKinds() []string {
	return []string{OfVendor, OfCloud, OfPartition, OfOffering, OfModel}
}

// ParseSelector reads kind=name.
func ParseSelector(text string) (Selector, error) {
	kind, name, ok := strings.Cut(text, "=")
	if !ok || name == "" || !slices.Contains(SelectorKinds(), kind) {
		return Selector{}, fmt.Errorf("%q is not read; write KIND=NAME with one of the kinds %s", text, strings.Join(SelectorKinds(), ", "))
	}
	return Selector{kind, name}, nil
}

// String is kind=name.
func (s Selector) String() string { return s.Kind + "=" + s.Name }

// NameOf is what an offering has for the selector's kind.
func (s Selector) NameOf(o *Offering) string {
	switch s.Kind {
	case OfVendor:
		return o.Model.Vendor
	case OfCloud:
		return o.Endpoint.Cloud
	case OfPartition:
		return o.Endpoint.Partition
	case OfOffering:
		return o.Name
	case OfModel:
		return o.Model.FullName()
	}
	return s.Name // what this version cannot tell apart is covered
}

// Covers reports whether an offering is one of those withdrawn.
func (s *Suspension) Covers(o *Offering) bool { return s.What.NameOf(o) == s.What.Name }

// Over reports whether the suspension has come to its own end.
func (s *Suspension) Over(now time.Time) bool { return !s.Ends.IsZero() && !now.Before(s.Ends) }

// InForce reports whether the suspension has begun, has not come to its end and
// was not lifted.
func (s *Suspension) InForce(now time.Time) bool {
	return !now.Before(s.From) && (s.Lifted.IsZero() || now.Before(s.Lifted)) && !s.Over(now)
}

// Holds reports whether the suspension keeps a workload from an offering now.
func (s *Suspension) Holds(workload string, o *Offering, now time.Time) bool {
	return s.InForce(now) && s.Covers(o) && (len(s.Only) == 0 || slices.Contains(s.Only, workload)) && !(now.Before(s.Until) && slices.Contains(s.Exempt, workload))
}

// Next is the first instant after now at which the suspension may begin to hold
// for somebody; zero: none.
func (s *Suspension) Next(now time.Time) time.Time {
	switch {
	case !s.Lifted.IsZero() || s.Over(now):
		return time.Time{}
	case now.Before(s.From):
		return s.From
	case len(s.Exempt) > 0 && now.Before(s.Until):
		return s.Until
	}
	return time.Time{}
}
