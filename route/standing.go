package route

import (
	"cmp"
	"slices"
	"time"

	"bulkhead/fault"
)

// Standing is the state of a circuit. Offering is empty for that of an endpoint.
type Standing struct {
	Endpoint, Offering string
	State              State
	RetryIn            time.Duration
	Kind               fault.Kind // of the last failure; empty: there was none
	Resting            bool       // the vendor asked to be left alone
	Slow               bool
}

// Standings gives the state of every circuit, each endpoint before its
// offerings, in the order of their names.
func (h *Health) Standings(now time.Time) []Standing {
	var out []Standing
	seen := map[*place]bool{}
	for _, s := range *h.seats.Load() {
		p := s.place
		if seen[p] {
			continue
		}
		seen[p] = true
		p.mu.Lock()
		out = append(out, Standing{Endpoint: p.name, RetryIn: p.circuit.wait(now), State: p.circuit.state, Kind: p.kind})
		for _, s := range p.seats {
			out = append(out, Standing{Endpoint: p.name, Offering: s.name, RetryIn: s.circuit.wait(now), State: s.circuit.state, Kind: s.kind, Resting: s.resting(now), Slow: s.drag.on})
		}
		p.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Offering, b.Offering))
	})
	return out
}
