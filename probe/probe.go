// Package probe keeps the times at which offerings are checked: one check after
// the other of each, at the interval that the estate says, spread by chance.
//
// What a check is, whether it is made at all, and what is learnt from it is the
// path's of a call; nothing here speaks to anybody. Begin with [New].
package probe

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"bulkhead/catalog"
)

// Target is an offering that a workload checks.
type Target struct {
	Workload, Offering string
	Every              time.Duration
}

// Targets are those of an estate: the offerings of each alias that a workload
// names in its [catalog.Probe].
func Targets(e *catalog.Estate) []Target {
	var out []Target
	for _, w := range e.Workloads {
		p := w.Service.Probe
		alias := w.Aliases[p.Alias]
		if alias == nil || p.Every <= 0 {
			continue
		}
		for _, o := range alias.Offerings {
			out = append(out, Target{w.Name, o.Name, p.Every})
		}
	}
	return out
}

// Options are what a rota needs.
type Options struct {
	// Check makes one check and returns when it is over; ctx ends it. again is
	// how long until the offering's circuit lets the next call through, where that
	// is sooner than the interval; zero: the interval holds.
	Check  func(ctx context.Context, t Target) (again time.Duration)
	Random func() float64 // from 0 to below 1; nil: the system's
}

// soonest is how soon one check may follow another of the same offering.
const soonest = 200 * time.Millisecond

// Rota knows which offerings are checked, and when. Its methods may be used at
// once from many goroutines. Make one with [New].
type Rota struct {
	options Options
	changed chan struct{} // has one if the targets have changed

	mu      sync.Mutex
	targets map[Target]bool
	busy    map[string]bool // offerings of which a check is under way
}

// New makes a rota that checks nothing yet.
func New(o Options) *Rota {
	if o.Random == nil {
		o.Random = rand.Float64
	}
	return &Rota{options: o, changed: make(chan struct{}, 1), busy: map[string]bool{}}
}

// Use says what is checked from now on. The turns of what was checked before go
// on as they are; a check under way goes on to its end.
func (r *Rota) Use(targets []Target) {
	r.mu.Lock()
	r.targets = make(map[Target]bool, len(targets))
	for _, t := range targets {
		r.targets[t] = true
	}
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// Run makes the checks until ctx ends, and returns when none is under way. It
// is called once.
func (r *Rota) Run(ctx context.Context) {
	var turns sync.WaitGroup
	defer turns.Wait()
	ends := map[Target]chan struct{}{}
	for {
		r.mu.Lock()
		for t, end := range ends {
			if !r.targets[t] {
				close(end)
				delete(ends, t)
			}
		}
		for t := range r.targets {
			if ends[t] == nil {
				end := make(chan struct{})
				ends[t] = end
				turns.Go(func() { r.turns(ctx, end, t) })
			}
		}
		r.mu.Unlock()
		select {
		case <-r.changed:
		case <-ctx.Done():
			return
		}
	}
}

// turns checks one target again and again, the first time at any moment of its
// interval, so that a start is no crowd.
func (r *Rota) turns(ctx context.Context, end <-chan struct{}, t Target) {
	timer := time.NewTimer(r.part(t.Every, 0, 1))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-end:
			return
		case <-ctx.Done():
			return
		}
		next := r.part(t.Every, 0.9, 1.1)
		if again := r.check(ctx, t); again > 0 {
			next = min(next, max(soonest, r.part(again, 1, 1.1)))
		}
		timer.Reset(next)
	}
}

// part is a part of a time, by chance between two shares of it.
func (r *Rota) part(d time.Duration, from, to float64) time.Duration {
	return time.Duration(float64(d) * (from + (to-from)*r.options.Random()))
}

// check makes a check, unless one of the offering is under way for another
// workload.
func (r *Rota) check(ctx context.Context, t Target) (again time.Duration) {
	r.mu.Lock()
	busy := r.busy[t.Offering]
	r.busy[t.Offering] = true
	r.mu.Unlock()
	if busy {
		return 0
	}
	defer func() {
		r.mu.Lock()
		delete(r.busy, t.Offering)
		r.mu.Unlock()
	}()
	return r.options.Check(ctx, t)
}
