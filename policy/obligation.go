package policy

import (
	"strings"
	"time"

	"bulkhead/catalog"
)

// Gate is a part of the path of a call that enforces an obligation.
type Gate string

// The gates. Which of them are built is told to [Compile].
const (
	NoTools Gate = "no_tools" // a call that offers tools is refused
	Atomic  Gate = "atomic"   // nothing is passed on before the reply is whole
	Capture Gate = "capture"  // content is kept, encrypted
	Rate    Gate = "rate"     // calls are limited in number
)

// Means is how an obligation can be met.
type Means string

// The means. What has none of them is unmet, and denies.
const (
	Enforced Means = "enforced" // by a gate of the path
	Probed   Means = "probed"   // by a test that runs against the offering
	Attested Means = "attested" // by a person's word, with document and expiry
	Decided  Means = "decided"  // by a built-in rule, from the estate alone
	Unmet    Means = "unmet"
)

// Built are the gates that the path of this build has, and so the obligations
// that it enforces.
func Built() []Gate { return []Gate{Atomic} }

// Duty is an obligation and how it is met.
type Duty struct {
	Obligation catalog.Obligation
	Means      Means
	Gate       Gate           // of Enforced
	By         string         // of Attested
	Document   string         // of Attested
	Source     catalog.Source // of the attestation
}

// gated names the gate that enforces an obligation.
var gated = map[string]Gate{
	"NO_TOOLS": NoTools, "ATOMIC_DELIVERY": Atomic, "CAPTURE": Capture, "LOGGING": Capture, "RATE_LIMIT": Rate,
}

// probed are obligations that only a test against the offering can show; a
// person's word does not do. No prober is built yet, so they are unmet.
var probed = map[string]bool{"CLASSIFIER": true, "SAFETY_FILTER": true}

// cloudOnly is met where the offering is not on the agency's own machines.
const cloudOnly = "CLOUD_ONLY"

// meet says how an obligation is met for a workload at an offering, and if it
// is not, why.
func (c *cell) meet(name catalog.Obligation) (d Duty, why string) {
	d = Duty{Obligation: name, Means: Unmet}
	kind, _, _ := strings.Cut(string(name), "(")
	if gate, ok := gated[kind]; ok {
		for _, built := range c.engine.options.Gates {
			if built == gate {
				d.Means, d.Gate = Enforced, gate
				return d, ""
			}
		}
		return d, "its gate " + string(gate) + " is not built"
	}
	if probed[kind] {
		return d, "nothing has tested it at this offering"
	}
	if kind == cloudOnly {
		if c.offering.own {
			return d, "the offering is on the agency's own machines"
		}
		d.Means = Decided
		return d, ""
	}
	why = "nobody has attested it"
	for _, list := range [...][]catalog.Attestation{c.offering.Attestations, c.ask.workload.Attestations} {
		for i := range list {
			a := &list[i]
			switch {
			case a.Obligation != name || !holdsFor(a.Purposes, c.ask.purpose):
			case !c.ask.now.Before(a.Expires):
				why = "its attestation " + a.Document + " has expired"
			default:
				return Duty{Obligation: name, Means: Attested, By: a.By, Document: a.Document, Source: a.Source}, ""
			}
		}
	}
	return d, why
}

func holdsFor(purposes []string, purpose string) bool {
	if len(purposes) == 0 {
		return true
	}
	for _, p := range purposes {
		if p == purpose {
			return true
		}
	}
	return false
}

// within reports whether now is at or after from and before until, each
// unbounded if it is zero.
func within(now, from, until time.Time) bool {
	return !now.Before(from) && (until.IsZero() || now.Before(until))
}
