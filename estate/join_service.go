package estate

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"bulkhead/catalog"
)

// What stands for what an enclave does not say of its calls.
const (
	defaultConcurrent = 20_000
	defaultWaiting    = 2_000
	defaultWait       = time.Second
	longestWait       = 30 * time.Second
	defaultProbeEvery = 30 * time.Second
	shortestProbe     = 5 * time.Second
	defaultHeld       = 512 << 20
)

func (c calls) value() catalog.Calls {
	out := catalog.Calls{Concurrent: defaultConcurrent, Waiting: defaultWaiting, Wait: cmp.Or(c.Wait.V, defaultWait)}
	if c.Concurrent.written() {
		out.Concurrent = int(c.Concurrent.V)
	}
	if c.Waiting.written() {
		out.Waiting = int(c.Waiting.V)
	}
	return out
}

// joinCalls faults bounds that would hold callers instead of bounding them.
func (j *joiner) joinCalls(file string, c calls) {
	if c.Wait.V > longestWait {
		j.fault(spot{file, c.Wait.at}, Impossible, "write 30s or less", "calls would wait longer than callers do")
	}
}

// joinService reads how a workload's calls are carried, and finds the
// offerings and the alias that it names. Its aliases are joined already.
func (j *joiner) joinService(file string, f *workloadFile, w *catalog.Workload) catalog.Service {
	s := catalog.Service{
		Order:          catalog.Order(or(f.Order.V, string(catalog.ByPreference))),
		Priority:       catalog.Priority(or(f.Priority.V, string(catalog.NormalPriority))),
		Drillable:      f.Drillable.V,
		FailoverOn:     words(f.FailoverOn),
		Attempts:       int(f.Attempts.V),
		MaxAtomicReply: f.MaxAtomic.V,
	}
	if held := cmp.Or(j.est.Enclave.HeldBytes, defaultHeld); s.MaxAtomicReply > held {
		j.fault(spot{file, f.MaxAtomic.at}, Impossible, "write max_atomic_reply no larger than the enclave's held_bytes", "one reply is more than all calls together may hold")
	}
	if f.Weights.written() {
		s.Weights = j.weights(file, f, w)
	}
	if f.Probe.written() {
		s.Probe = j.probe(file, f, w)
	}
	return s
}

func (j *joiner) weights(file string, f *workloadFile, w *catalog.Workload) map[string]int {
	if f.Order.V != string(catalog.ByWeight) && (f.Order.V != "" || !f.Order.written()) {
		j.fault(spot{file, f.Weights.at}, Impossible, "write order: weight, or remove weights", "weights have no effect unless offerings are ordered by weight")
	}
	out := make(map[string]int, len(f.Weights.Rows))
	for _, r := range f.Weights.Rows {
		o := j.offerings[r.Name]
		switch {
		case o == nil:
			j.dangling(spot{file, r.at}, "clouds", "offering", r.Name, slices.Collect(maps.Keys(j.offerings)))
		case !reaches(w, o):
			j.fault(spot{file, r.at}, Impossible, "add "+o.Model.FullName()+" to an alias, or remove the weight", "no alias of the workload has offering %s", quoted(r.Name))
		default:
			out[r.Name] = int(r.Value.V)
		}
	}
	return out
}

// reaches reports whether one of a workload's aliases has an offering. One
// whose model had a fault counts as reached.
func reaches(w *catalog.Workload, o *catalog.Offering) bool {
	if o.Model == nil {
		return true
	}
	for _, a := range w.Aliases {
		if slices.Contains(a.Offerings, o) {
			return true
		}
	}
	return false
}

func (j *joiner) probe(file string, f *workloadFile, w *catalog.Workload) catalog.Probe {
	p := catalog.Probe{Alias: f.Probe.Alias.V, Every: cmp.Or(f.Probe.Every.V, defaultProbeEvery)}
	if p.Alias != "" && w.Aliases[p.Alias] == nil && f.Aliases.written() && !f.Aliases.lost {
		j.fault(spot{file, f.Probe.Alias.at}, Dangling, suggest(p.Alias, slices.Sorted(maps.Keys(w.Aliases)), "alias"), "the workload has no alias %s", quoted(p.Alias))
	}
	if p.Every < shortestProbe {
		j.fault(spot{file, f.Probe.Every.at}, Impossible, "write 5s or more", "a check so often is load, not a check")
	}
	return p
}
