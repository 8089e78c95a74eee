package main

import (
	"encoding/json"
	"slices"

	"bulkhead/catalog"
	"bulkhead/marking"
)

// ceilingMeaning is a banner that an estate writes for a ceiling, and the
// subject that it is shorthand for.
type ceilingMeaning struct {
	Banner string       `json:"banner"`
	Means  marking.Spec `json:"means"`
}

// String gives the meaning in the fields that an estate could write instead.
func (c ceilingMeaning) String() string {
	b, err := json.Marshal(c.Means)
	if err != nil {
		return c.Banner
	}
	return c.Banner + " as a ceiling is " + string(b)
}

// ceilingsOf expands every banner that an estate writes for a ceiling, once
// each, in order. The estate has been checked, so that all of them parse.
func ceilingsOf(e *catalog.Estate) []ceilingMeaning {
	var banners []string
	add := func(c catalog.Ceiling) {
		if c.Banner != "" {
			banners = append(banners, c.Banner)
		}
	}
	add(e.Enclave.Ceiling)
	add(e.Enclave.Authorisation.Ceiling)
	for _, p := range e.Partitions {
		add(p.Ceiling)
	}
	for _, o := range e.Offerings {
		for _, a := range o.Authorisations {
			add(a.Ceiling)
		}
	}
	for _, w := range e.Workloads {
		add(catalog.Ceiling{Banner: w.Marking.Ceiling})
		add(w.Audience.Subject)
	}
	slices.Sort(banners)
	r := e.Register()
	var out []ceilingMeaning
	for _, b := range slices.Compact(banners) {
		reading := r.Read(b)
		if spec, err := marking.CeilingSpec(r.Label(reading.Mark)); err == nil && reading.Valid() {
			out = append(out, ceilingMeaning{b, spec})
		}
	}
	return out
}
