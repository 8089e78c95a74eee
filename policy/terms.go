package policy

import (
	"slices"
	"time"

	"bulkhead/catalog"
)

// The verdicts of terms, as the estate writes them.
const (
	allowed     = "allowed"
	prohibited  = "prohibited"
	conditional = "conditional"
)

// said is what one document says of one purpose.
type said struct {
	document    string // "terms openai-usage 2025-10-29", "contract jwcc-0007, clause C-5"
	verdict     string
	obligations []string
	source      catalog.Source
}

// version is one version of a vendor's terms with what it says of a purpose.
type version struct {
	said
	id        string
	adopted   time.Time // zero: by nobody
	retrieved time.Time
}

// stance is all that was written of one purpose for one offering.
type stance struct {
	code       string
	low        bool      // the purpose is of low risk
	versions   []version // of the vendor's terms, silent ones included
	supersedes []said    // clauses of its contract that stand in their place
	tightens   []said    // clauses that can only take away
}

// cited is a place that imposes something.
type cited struct {
	document string
	source   catalog.Source
}

// barring is a list of organisations that are left out.
type barring struct {
	cited
	catalog.Barred
}

// speaksOf gives what a document says of a purpose: of its own code, or of the
// nearest above it.
func speaksOf(purposes map[string]catalog.Term, code string) (catalog.Term, bool) {
	for at := code; at != ""; at = above(at) {
		if t, ok := purposes[at]; ok {
			return t, true
		}
	}
	return catalog.Term{}, false
}

// stanceOn gathers what is written of a purpose for an offering.
func (c *compiler) stanceOn(o *catalog.Offering, p *catalog.Purpose, code string) *stance {
	out := &stance{code: code, low: p.Risk == catalog.Low}
	if v := c.vendor(o); v != nil {
		for i := range v.Terms {
			t := &v.Terms[i]
			term, _ := speaksOf(t.Purposes, code)
			out.versions = append(out.versions, version{
				said{"terms " + t.ID + " " + t.Version, term.Verdict, term.Obligations, t.Source}, t.ID, t.Adopted.Date, t.Retrieved})
		}
	}
	for _, lay := range c.overlays(o) {
		term, ok := speaksOf(lay.Purposes, code)
		if !ok {
			continue
		}
		s := said{"contract " + lay.Contract, term.Verdict, term.Obligations, lay.Source}
		if lay.Supersedes() {
			s.document += ", clause " + lay.Clause
			out.supersedes = append(out.supersedes, s)
		} else {
			out.tightens = append(out.tightens, s)
		}
	}
	return out
}

// conditionsOf gathers who is left out of an offering, and what keeps it off
// the agency's own machines.
func (c *compiler) conditionsOf(o *catalog.Offering) (barred []barring, only []cited) {
	add := func(document string, b catalog.Barred, cloudOnly bool, source catalog.Source) {
		if !b.Empty() {
			barred = append(barred, barring{cited{document, source}, b})
		}
		if cloudOnly {
			only = append(only, cited{document, source})
		}
	}
	if v := c.vendor(o); v != nil {
		for i := range v.Terms {
			t := &v.Terms[i]
			add("terms "+t.ID+" "+t.Version, t.Barred, t.CloudOnly, t.Source)
		}
	}
	for _, lay := range c.overlays(o) {
		add("contract "+lay.Contract, lay.Barred, lay.CloudOnly, lay.Source)
	}
	return barred, only
}

func (c *compiler) vendor(o *catalog.Offering) *catalog.Vendor {
	for _, v := range c.estate.Vendors {
		if v.Name == o.Model.Vendor {
			return v
		}
	}
	return nil
}

// overlays are those of the contract under which the offering is bought, for
// its model's vendor.
func (c *compiler) overlays(o *catalog.Offering) []*catalog.Overlay {
	var out []*catalog.Overlay
	for _, k := range c.estate.Contracts {
		for _, lay := range k.Overlays {
			if k.Name == o.Contract() && lay.Vendor == o.Model.Vendor {
				out = append(out, lay)
			}
		}
	}
	return out
}

// ruling is what terms and contract come to at an instant.
type ruling struct {
	prohibited  []said
	unknown     bool // nothing that counts speaks of the purpose
	unadopted   bool // nothing that speaks of it was adopted
	obligations []owed
}

// owed is an obligation and the document that imposes it.
type owed struct {
	name catalog.Obligation
	said
}

// at gives what holds at an instant. Of each policy the version that was
// adopted last counts, else the one that was read last; of several policies the
// strictest; clauses of the contract come after.
func (s *stance) at(now time.Time) ruling {
	var out ruling
	speaks, adopted := false, len(s.supersedes) > 0
	if adopted {
		for i := range s.supersedes {
			speaks = out.take(&s.supersedes[i]) || speaks
		}
	} else {
		for i := range s.versions {
			v := &s.versions[i]
			if s.current(v, now) {
				took := out.take(&v.said)
				speaks, adopted = speaks || took, adopted || took && v.inForce(now)
			}
		}
	}
	out.unknown, out.unadopted = !speaks, !adopted
	for i := range s.tightens {
		out.take(&s.tightens[i])
	}
	return out
}

func (v *version) inForce(now time.Time) bool { return !v.adopted.IsZero() && !now.Before(v.adopted) }

// current reports whether no other version of the same policy counts before v.
func (s *stance) current(v *version, now time.Time) bool {
	for i := range s.versions {
		w := &s.versions[i]
		if w == v || w.id != v.id {
			continue
		}
		switch was, is := v.inForce(now), w.inForce(now); {
		case is && !was, is && was && w.adopted.After(v.adopted), !is && !was && w.retrieved.After(v.retrieved):
			return false
		}
	}
	return true
}

// take adds what one document says, and reports whether it says anything.
func (r *ruling) take(s *said) bool {
	switch s.verdict {
	case prohibited:
		r.prohibited = append(r.prohibited, *s)
	case conditional:
		if len(s.obligations) == 0 {
			return false // a condition that is not named cannot be met
		}
		for _, name := range s.obligations {
			if !slices.ContainsFunc(r.obligations, func(o owed) bool { return string(o.name) == name }) {
				r.obligations = append(r.obligations, owed{catalog.Obligation(name), *s})
			}
		}
	case allowed:
	default:
		return false
	}
	return true
}

// Standing is what is known of a purpose at an offering.
type Standing struct {
	Spoken  bool // terms or a superseding clause speak of it
	Adopted bool // and somebody of the agency stands behind what they say
	Risk    catalog.Risk
}

// Standing says how far terms and contract speak of a purpose of a workload's
// at an offering of the estate.
func (e *Engine) Standing(o *catalog.Offering, purpose string, now time.Time) Standing {
	s := e.offerings[o.Index].stances[purpose]
	if s == nil {
		return Standing{Risk: catalog.High}
	}
	r := s.at(now)
	out := Standing{Spoken: !r.unknown, Adopted: !r.unadopted, Risk: catalog.High}
	if s.low {
		out.Risk = catalog.Low
	}
	return out
}
