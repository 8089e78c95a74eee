package policy

import (
	"slices"
	"time"

	"bulkhead/catalog"
)

// bar keeps a workload from an offering for a span of time.
type bar struct {
	from, until time.Time // zero: unbounded
	exempt      time.Time // until then the workload is exempted; zero: it is not
	why         string
	source      catalog.Source
}

func (b *bar) holds(now time.Time) bool {
	return within(now, b.from, b.until) && (b.exempt.IsZero() || !now.Before(b.exempt))
}

// barsOf gives everything that ever keeps a workload from an offering. All
// statuses that run at once are in it, so that the strictest has effect.
func (c *compiler) barsOf(w *catalog.Workload, o *catalog.Offering) []bar {
	var out []bar
	for _, s := range c.estate.Statuses {
		if !covered(s.Covers, o) || !binds(s.Binds, w, o) || (s.State != "in_force" && s.State != "unknown") {
			continue
		}
		out = append(out, c.barsOfStatus(s, w, o)...)
	}
	for _, p := range c.estate.PhaseOuts {
		if p.Status != nil || !covered(p.Covers, o) {
			continue
		}
		if from, ok := stageFor(p, w); ok {
			out = append(out, bar{from: from, exempt: c.exemptFromPhaseOut(p, w),
				why: "phase-out " + p.ID + " (" + p.Document + ") has reached workload " + w.Name, source: p.Source})
		}
	}
	return out
}

// barsOfStatus gives what a status that has effect comes to: its phase-outs'
// stages where there are any for the workload, else the status at once.
func (c *compiler) barsOfStatus(s *catalog.Status, w *catalog.Workload, o *catalog.Offering) []bar {
	exempt := time.Time{}
	for _, e := range c.estate.Exemptions {
		if e.Status == s && slices.Contains(e.Workloads, w.Name) {
			exempt = later(exempt, e.Expires)
		}
	}
	state := "in force"
	if s.State == "unknown" {
		state = "of unknown state, which counts as in force"
	}
	why := "status " + s.ID + " of " + s.Authority + " (" + s.Document + ") is " + state
	var out []bar
	for _, p := range c.estate.PhaseOuts {
		if p.Status != s || !covered(p.Covers, o) {
			continue
		}
		if from, ok := stageFor(p, w); ok {
			out = append(out, bar{from: later(from, s.From), until: s.Until, exempt: later(exempt, c.exemptFromPhaseOut(p, w)),
				why: why + ", and its phase-out " + p.ID + " has reached workload " + w.Name, source: p.Source})
		}
	}
	if len(out) == 0 {
		out = append(out, bar{from: s.From, until: s.Until, exempt: exempt, why: why, source: s.Source})
	}
	return out
}

func (c *compiler) exemptFromPhaseOut(p *catalog.PhaseOut, w *catalog.Workload) time.Time {
	out := time.Time{}
	for _, e := range c.estate.Exemptions {
		if e.PhaseOut == p && slices.Contains(e.Workloads, w.Name) {
			out = later(out, e.Expires)
		}
	}
	return out
}

// stageFor is the first day on which a phase-out reaches a workload. One whose
// class is not stated is in every stage.
func stageFor(p *catalog.PhaseOut, w *catalog.Workload) (from time.Time, ok bool) {
	for _, s := range p.Stages {
		if len(s.Workloads) > 0 && w.Class != "" && !slices.Contains(s.Workloads, w.Class) && !slices.Contains(s.Workloads, w.Name) {
			continue
		}
		if !ok || s.From.Before(from) {
			from, ok = s.From, true
		}
	}
	return from, ok
}

// covered reports whether an offering agrees with all that is written of what
// is covered; a product that is not stated may be the one.
func covered(c catalog.Cover, o *catalog.Offering) bool {
	agrees := func(want, have string) bool { return want == "" || want == have }
	return c != (catalog.Cover{}) && agrees(c.Vendor, o.Model.Vendor) && agrees(c.Model, o.Model.FullName()) &&
		agrees(c.Cloud, o.Endpoint.Cloud) && agrees(c.Offering, o.Name) && (o.Model.Product == "" || agrees(c.Product, o.Model.Product))
}

// binds reports whether a status binds a workload at an offering. Organisations
// and contractors add up; national security systems and lines narrow.
func binds(b catalog.Binds, w *catalog.Workload, o *catalog.Offering) bool {
	everyone := len(b.Organisations) == 0 && !b.Contractors
	named := slices.Contains(b.Organisations, w.Owner.Organisation) || slices.Contains(b.Organisations, w.Owner.Agency)
	contractor := b.Contractors && (w.Owner.Contractor || w.Audience.Subject.Affiliation == "CONTRACTOR")
	switch {
	case !everyone && !named && !contractor:
		return false
	case b.NSS && !w.Owner.NSS:
		return false
	}
	return len(b.Lines) == 0 || o.Line == nil || slices.Contains(b.Lines, o.Line)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
