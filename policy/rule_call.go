package policy

import (
	"bulkhead/catalog"
	"bulkhead/marking"
)

// The rules of the call. Each forbids by c.forbid, or says nothing.

func markingFloor(c *cell) {
	w := c.ask.workload
	if !w.floor.AtMost(c.ask.Label) {
		c.forbid(w.Source, "the marking is below the floor of workload %s%s", w.Name, c.ask.shown(w.floor, w.Marking.Floor))
	}
}

func markingCeiling(c *cell) {
	w := c.ask.workload
	if v := w.ceiling.May(c.ask.Label); !v.Allow {
		c.forbid(w.Source, "the marking is above the ceiling of workload %s%s: %s", w.Name, c.ask.shown(w.highest, w.Marking.Ceiling), reads(v))
	}
}

// shown gives a banner of the estate for a text, or nothing if who asks may not
// have what it is of: its very words could name a read-in.
func (a *ask) shown(l marking.Label, banner string) string {
	if !a.mayHave(l) {
		return ""
	}
	return ", " + banner
}

// mayHave reports whether all who are known to ask may have a marking.
func (a *ask) mayHave(l marking.Label) bool {
	p := a.Principal.Person
	return a.workload.audience.May(l).Allow && (p == nil || p.subject.May(l).Allow)
}

func enclaveCeiling(c *cell) {
	e := &c.engine.estate.Enclave
	if v := c.engine.enclave.May(c.ask.Label); !v.Allow {
		c.forbid(e.Source, "the marking is above the ceiling of the enclave: %s", reads(v))
	}
}

func enclaveAuthorisation(c *cell) {
	a := &c.engine.estate.Enclave.Authorisation
	if why := outOfDate(a, c.ask.now); why != "" {
		c.forbid(a.Source, "the enclave's %s %s", named(a), why)
	}
}

func audienceDates(c *cell) {
	w := c.ask.workload
	if !c.ask.now.Before(w.Audience.Expires) {
		c.forbid(w.Source, "the document on the audience of workload %s, %s, has expired", w.Name, w.Audience.Document)
	}
}

func accessOfSubject(c *cell) {
	w := c.ask.workload
	if v := w.audience.May(c.ask.Label); !v.Allow {
		c.forbid(w.Source, "the audience of workload %s may not have the marking: %s", w.Name, reads(v))
	}
	if p := c.ask.Principal.Person; p != nil {
		if v := p.subject.May(c.ask.Label); !v.Allow {
			c.forbid(catalog.Source{}, "the person who calls may not have the marking: %s", reads(v))
		}
	}
}

func purposeKnown(c *cell) {
	w := c.ask.workload
	entry, stated := w.purposes[c.ask.purpose]
	switch {
	case !stated:
		c.forbid(w.Source, "the purpose %q is not among those of workload %s", c.ask.purpose, w.Name)
	case entry == nil:
		c.forbid(w.Source, "the purpose %q is not in the table of purposes", c.ask.purpose)
	}
}

func highImpact(c *cell) {
	h := &c.ask.workload.HighImpact
	switch {
	case h.State != "yes":
	case h.Practices == "":
		c.forbid(h.Source, "the workload is high-impact, and no document records its practices")
	case !within(c.ask.now, c.ask.now, h.Expires):
		c.forbid(h.Source, "the workload is high-impact, and the document on its practices, %s, has expired", h.Practices)
	}
}

// reads is a verdict as a clause that names nothing one must be read into.
func reads(v marking.Verdict) string {
	switch v.Rule {
	case marking.RuleClearance, marking.RuleRelease, marking.RuleCategory, marking.RuleAudience, marking.RuleCUI, marking.RuleNoSubject, marking.RuleNoLabel:
		return v.Why()
	case marking.RuleControl:
		return "it carries a dissemination control that may not be held"
	default:
		return "it asks for a read-in that is not held"
	}
}
