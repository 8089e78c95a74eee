package estate

import (
	"slices"

	"bulkhead/catalog"
)

// joinExclusions makes statuses, phase-outs and exemptions, and checks what they name.
func (j *joiner) joinExclusions(file string, f *exclusionFile) {
	ids := []string{}
	statuses, leaving := map[string]*catalog.Status{}, map[string]*catalog.PhaseOut{}
	for _, s := range f.Statuses.Items {
		ids = append(ids, s.ID.V)
		j.declare("status or phase-out", s.ID.V, spot{file, s.ID.at})
		if from, until := s.From.V, s.Until.V; !from.IsZero() && !until.IsZero() && !from.Before(until) {
			j.fault(spot{file, s.Until.at}, Impossible, "write an end after from", "status %s ends before it begins", quoted(s.ID.V))
		}
		statuses[s.ID.V] = &catalog.Status{ID: s.ID.V, Authority: s.Authority.V, Instrument: s.Instrument.V, Document: s.Document.V,
			Covers: j.covers(file, s.Covers), Binds: j.binds(file, s.Binds), State: s.State.V, From: s.From.V, Until: s.Until.V, Source: spot{file, s.at}.source()}
		j.est.Statuses = append(j.est.Statuses, statuses[s.ID.V])
	}
	for _, p := range f.PhaseOuts.Items {
		ids = append(ids, p.ID.V)
		j.declare("status or phase-out", p.ID.V, spot{file, p.ID.at})
		if p.Status.V != "" && statuses[p.Status.V] == nil {
			j.dangling(spot{file, p.Status.at}, "", "status of this file", p.Status.V, keysOf(statuses))
		}
		out := &catalog.PhaseOut{ID: p.ID.V, Status: statuses[p.Status.V], Covers: j.covers(file, p.Covers), Document: p.Document.V, Source: spot{file, p.at}.source()}
		for _, s := range p.Stages.Items {
			out.Stages = append(out.Stages, catalog.Stage{From: s.From.V, Workloads: words(s.Workloads), Source: spot{file, s.at}.source()})
			for _, w := range s.Workloads.Items {
				j.class(spot{file, w.at}, w.V)
			}
		}
		leaving[p.ID.V] = out
		j.est.PhaseOuts = append(j.est.PhaseOuts, out)
	}
	for _, e := range f.Exemptions.Items {
		j.declare("exemption", e.ID.V, spot{file, e.ID.at})
		if e.From.V != "" && !slices.Contains(ids, e.From.V) {
			j.dangling(spot{file, e.From.at}, "", "status or phase-out of this file", e.From.V, slices.Clone(ids))
		}
		for _, w := range e.Workloads.Items {
			if w.V != "" && j.est.Workloads[w.V] == nil {
				j.dangling(spot{file, w.at}, "workloads", "workload", w.V, keysOf(j.est.Workloads))
			}
		}
		j.est.Exemptions = append(j.est.Exemptions, &catalog.Exemption{ID: e.ID.V, Status: statuses[e.From.V], PhaseOut: leaving[e.From.V],
			Workloads: words(e.Workloads), Reason: e.Reason.V, Approver: e.Approver.V, Expires: e.Expires.V, Source: spot{file, e.at}.source()})
	}
}

func (j *joiner) covers(file string, c covers) catalog.Cover {
	if c.written() && !c.Vendor.written() && !c.Model.written() && !c.Cloud.written() && !c.Offering.written() {
		j.fault(spot{file, c.at}, MissingKey, "name a vendor, product of a vendor, model, cloud or offering", "it covers nothing")
	}
	if c.Product.written() && !c.Vendor.written() && !c.Model.written() {
		j.fault(spot{file, c.Product.at}, MissingKey, "add vendor", "a product is of a vendor")
	}
	if c.Model.V != "" {
		j.model(file, c.Model)
	}
	if c.Offering.V != "" && j.offerings[c.Offering.V] == nil {
		j.dangling(spot{file, c.Offering.at}, "clouds", "offering", c.Offering.V, keysOf(j.offerings))
	}
	return catalog.Cover{Vendor: c.Vendor.V, Product: c.Product.V, Model: c.Model.V, Cloud: c.Cloud.V, Offering: c.Offering.V}
}

func (j *joiner) binds(file string, b binds) catalog.Binds {
	out := catalog.Binds{Organisations: words(b.Organisations), Contractors: b.Contractors.V, NSS: b.NSS.V}
	for _, ref := range b.Lines.Items {
		if line := j.contractLine(file, ref); line != nil {
			out.Lines = append(out.Lines, line)
		}
	}
	return out
}

// class faults a stage that names neither a class nor a workload of the estate,
// since it would reach nobody.
func (j *joiner) class(s spot, name string) {
	classes := keysOf(j.est.Workloads)
	for _, w := range j.est.Workloads {
		classes = append(classes, w.Class)
	}
	if name != "" && !slices.Contains(classes, name) {
		slices.Sort(classes)
		j.dangling(s, "workloads", "class of workloads", name, slices.Compact(classes))
	}
}
