// Package route puts the offerings that may serve a call in the order in which
// they are asked, knows which of them are worth asking, and bounds how many
// calls are carried at once.
//
// Whether an offering may serve a call is decided before: nothing here can add
// one. [Plan] gives the order; [Health] learns from what calls meet with, and
// gives or withholds leave to ask; [Turnstile] lets calls in.
// docs/routing.md says it in plain words. Begin with [Plan].
package route

import (
	"fmt"
	"math"
	"time"

	"bulkhead/catalog"
	"bulkhead/fault"
)

// Call is what the order depends on beside the offerings.
type Call struct {
	Service       *catalog.Service // of the workload; nil: by preference
	Stream        bool
	Input, Output int64 // tokens it may come to, for prices
	Now           time.Time
	Random        func() float64 // from 0 to below 1; needed for an order by weight
}

// Plan gives the indices into permitted in the order in which the offerings
// are asked. Models go as the alias lists them, and the offerings of one model
// as the workload says; an offering that is slow of late goes after all others,
// one whose vendor asked to be left alone goes last. Left out are those whose
// endpoint cannot be used (missing gives why, or nil) and those whose circuit is
// open. If that leaves none, it is those whose circuits let calls through early,
// since there is nowhere else to go, and early says so to [Health.Ask]. If none
// is left at all it gives a fault whose reasons name every offering:
// UpstreamUnavailable with the time until the first may be asked, or
// UpstreamMisconfig if no endpoint can be used. A nil Health knows nothing.
func Plan(permitted []*catalog.Offering, missing func(*catalog.Offering) error, h *Health, c Call) (order []int, early bool, err error) {
	order = plan(permitted, missing, h, c, false)
	if order == nil && h != nil {
		order, early = plan(permitted, missing, h, c, true), true
	}
	if order == nil {
		return nil, false, nothingLeft(permitted, missing, h, c.Now)
	}
	return order, early, nil
}

func plan(permitted []*catalog.Offering, missing func(*catalog.Offering) error, h *Health, c Call, early bool) []int {
	var room [16]entry
	list := room[:0]
	for n, o := range permitted {
		if missing(o) != nil {
			continue
		}
		e := entry{n: n}
		if len(list) > 0 { // offerings of a model stand together
			e.model = list[len(list)-1].model
			if permitted[list[len(list)-1].n].Model != o.Model {
				e.model++
			}
		}
		if h != nil {
			var open bool
			if e.tier, open = h.tier(o, c.Now, early); open {
				continue
			}
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		return nil
	}
	rank(list, permitted, h, c)
	order := make([]int, len(list))
	for i := range list {
		order[i] = list[i].n
	}
	return order
}

// entry is an offering on its way to its place.
type entry struct {
	n     int // index into permitted
	tier  uint8
	model int     // place of its model in the alias
	key   float64 // among the offerings of its model: the least first
}

// Tiers of the order.
const (
	sound uint8 = iota
	slow
	resting
)

func (e *entry) before(f *entry) bool {
	if e.tier != f.tier {
		return e.tier < f.tier
	}
	if e.model != f.model {
		return e.model < f.model
	}
	return e.key < f.key
}

// tier says how an offering stands; open: it is not asked at all, or not early.
func (h *Health) tier(o *catalog.Offering, now time.Time, early bool) (tier uint8, open bool) {
	s := h.seat(o)
	if s == nil {
		return sound, false
	}
	if s.resting(now) {
		tier = resting
	}
	if s.sound.Load() {
		return tier, false
	}
	p := s.place
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.wait(now) > 0 && !(early && s.spares(now)) {
		return tier, true
	}
	if tier == sound && s.drag.holds(now, s.circuit.rules) {
		tier = slow
	}
	return tier, false
}

// rank puts entries in order, those that nothing tells apart as they stood.
func rank(list []entry, permitted []*catalog.Offering, h *Health, c Call) {
	if c.Service != nil {
		explored := false
		for i := range list {
			e := &list[i]
			switch o := permitted[e.n]; c.Service.Order {
			case catalog.ByPrice:
				e.key = cost(o, c)
			case catalog.ByWeight:
				e.key = chance(c.Service, o, c.Random)
			case catalog.ByLatency:
				e.key, explored = h.latency(o, c, explored || e.tier != sound || e.model != list[0].model)
			}
		}
	}
	for i := 1; i < len(list); i++ { // few, and mostly in order
		for j := i; j > 0 && list[j].before(&list[j-1]); j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

// cost is what a call may cost, in millionths of a millionth of a dollar; what
// has no price is the dearest.
func cost(o *catalog.Offering, c Call) float64 {
	if !o.Price.Known {
		return math.Inf(1)
	}
	return float64(o.Price.Input)*float64(c.Input) + float64(o.Price.Output)*float64(c.Output)
}

// chance draws without replacement: the least of -ln(u)/w comes first with
// probability w over the sum of weights (Efraimidis and Spirakis 2006,
// doi:10.1016/j.ipl.2005.11.003).
func chance(s *catalog.Service, o *catalog.Offering, random func() float64) float64 {
	w, named := s.Weights[o.Name]
	if !named {
		w = 1
	}
	if w <= 0 {
		return math.Inf(1)
	}
	return -math.Log(1-random()) / float64(w)
}

// latency is the wait that is expected of an offering, in seconds. One of which
// it is not known comes after the others, but for the one call that finds out.
func (h *Health) latency(o *catalog.Offering, c Call, explored bool) (float64, bool) {
	if h == nil {
		return 0, explored
	}
	s := h.seat(o)
	if s == nil {
		return math.Inf(1), explored
	}
	if !explored && s.unexplored(c.Now) {
		return -1, true
	}
	if v, known := s.speed(c.Stream); known {
		return v, explored
	}
	return math.Inf(1), explored
}

// nothingLeft says why no offering can be asked.
func nothingLeft(permitted []*catalog.Offering, missing func(*catalog.Offering) error, h *Health, now time.Time) error {
	var reasons []fault.Reason
	var soonest time.Duration
	open := 0
	for _, o := range permitted {
		r := fault.Reason{Offering: o.Name, Source: fmt.Sprintf("%s:%d", o.Source.File, o.Source.Line)}
		if missing(o) != nil {
			r.Rule, r.Why = "endpoint-set-up", "its endpoint lacks its secret or certificates"
		} else {
			in := max(time.Second, h.RetryIn(o, now).Truncate(time.Second)+time.Second)
			if open++; open == 1 || in < soonest {
				soonest = in
			}
			r.Rule, r.Why = "circuit-open", fmt.Sprintf("it failed of late and is tried again within %v", in)
		}
		reasons = append(reasons, r)
	}
	if open == 0 {
		f := fault.New(fault.UpstreamMisconfig, "No offering that may serve this call can be asked: the endpoints lack their secrets or certificates; the operators' log says which.")
		f.Reasons = reasons
		return f.Final()
	}
	f := fault.New(fault.UpstreamUnavailable, "All offerings that may serve this call have failed of late; try again shortly.")
	f.Reasons, f.RetryAfter = reasons, soonest
	return f
}
