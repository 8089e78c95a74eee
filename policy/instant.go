package policy

import (
	"slices"
	"time"

	"bulkhead/catalog"
)

// instantsOf gathers every date at which a rule can change its mind, sorted.
func instantsOf(e *catalog.Estate) []time.Time {
	var all []time.Time
	add := func(times ...time.Time) {
		for _, t := range times {
			if !t.IsZero() {
				all = append(all, t)
			}
		}
	}
	attested := func(list []catalog.Attestation) {
		for i := range list {
			add(list[i].Expires)
		}
	}
	add(e.Enclave.Authorisation.Issued, e.Enclave.Authorisation.Expires)
	for _, v := range e.Vendors {
		for i := range v.Terms {
			add(v.Terms[i].Adopted.Date)
		}
	}
	for _, o := range e.Offerings {
		add(o.Enablement.From)
		for i := range o.Enablement.Notices {
			add(o.Enablement.Notices[i].Until())
		}
		for i := range o.Authorisations {
			add(o.Authorisations[i].Issued, o.Authorisations[i].Expires)
		}
		attested(o.Attestations)
	}
	for _, w := range e.Workloads {
		add(w.Audience.Expires, w.HighImpact.Expires)
		attested(w.Attestations)
	}
	for _, s := range e.Statuses {
		add(s.From, s.Until)
	}
	for _, p := range e.PhaseOuts {
		for _, s := range p.Stages {
			add(s.From)
		}
	}
	for _, x := range e.Exemptions {
		add(x.Expires)
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// contextsOf gathers the sizes of the models' contexts, sorted.
func contextsOf(e *catalog.Estate) []int64 {
	var all []int64
	for _, o := range e.Offerings {
		all = append(all, o.Model.Context)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
