package gateway

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"bulkhead/catalog"
	"bulkhead/fault"
	"bulkhead/policy"
)

// suspensions are what operators have withdrawn, beside every estate. They are
// looked at when a call is planned and again before each of its attempts, and
// can only take offerings away.
type suspensions struct {
	now   func() time.Time
	set   atomic.Pointer[suspended]
	mu    sync.Mutex
	under map[*flight]struct{} // attempts under way
	timer *time.Timer          // at the next instant at which one begins to hold; nil: none
}

// suspended is a set of suspensions; it never changes.
type suspended struct {
	all    []catalog.Suspension
	change int64 // index of the ledger's entry about the last change of it; -1: none
}

var nothingSuspended = &suspended{change: -1}

// flight is an attempt under way.
type flight struct {
	workload string
	offering *catalog.Offering
	cancel   context.CancelCauseFunc
}

func (s *suspensions) load() *suspended {
	if set := s.set.Load(); set != nil {
		return set
	}
	return nothingSuspended
}

// bar gives the suspension that keeps a workload from an offering now, or nil.
func (s *suspended) bar(workload string, o *catalog.Offering, now time.Time) *catalog.Suspension {
	for i := range s.all {
		if s.all[i].Holds(workload, o, now) {
			return &s.all[i]
		}
	}
	return nil
}

// errSuspended is why an attempt at an offering that is suspended ends.
var errSuspended = errors.New("the offering is suspended")

// barred is the fault of an attempt at an offering that is suspended.
func barred(x *catalog.Suspension, o *catalog.Offering) *fault.Fault {
	return fault.New(fault.UpstreamUnavailable, "The offering %s is suspended (%s).", o.Name, x.ID).Because(errSuspended)
}

// Suspend puts suspensions in force, in the stead of those before, for every
// attempt that is not under way yet. Those under way at an offering that is
// suspended with Cut are ended; it gives how many. index is that of the ledger's
// entry about the change; below zero: none, and the calls' records do not change.
func (g *Gateway) Suspend(all []catalog.Suspension, index int64) (cut int) {
	s := &g.suspensions
	s.mu.Lock()
	defer s.mu.Unlock()
	next := &suspended{all: all, change: index}
	if index < 0 {
		next.change = s.load().change
	}
	s.set.Store(next)
	return s.enforce()
}

// Suspensions counts the suspensions that are in force now.
func (g *Gateway) Suspensions() int {
	n, now := 0, g.now()
	set := g.suspensions.load()
	for i := range set.all {
		if set.all[i].InForce(now) {
			n++
		}
	}
	return n
}

// enforce cuts what must be and sets the timer to when that may change. The
// caller holds the lock.
func (s *suspensions) enforce() (cut int) {
	set, now := s.load(), s.now()
	for f := range s.under {
		if x := set.bar(f.workload, f.offering, now); x != nil && set.cuts(f, now) {
			f.cancel(barred(x, f.offering))
			delete(s.under, f)
			cut++
		}
	}
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	var next time.Time
	for i := range set.all {
		if t := set.all[i].Next(now); !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if !next.IsZero() {
		s.timer = time.AfterFunc(next.Sub(now), func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.enforce()
		})
	}
	return cut
}

// cuts reports whether one of the suspensions of an attempt under way ends it.
func (s *suspended) cuts(f *flight, now time.Time) bool {
	for i := range s.all {
		if s.all[i].Cut && s.all[i].Holds(f.workload, f.offering, now) {
			return true
		}
	}
	return false
}

// board notes an attempt that is about to begin, and then looks whether it may:
// a suspension that comes meanwhile finds it here, or is found.
func (s *serving) board(a *answer) error {
	all := &s.g.suspensions
	a.flight = &flight{s.rec.Workload, a.offering, a.cancel}
	all.mu.Lock()
	if all.under == nil {
		all.under = map[*flight]struct{}{}
	}
	all.under[a.flight] = struct{}{}
	all.mu.Unlock()
	return s.barred(a.offering)
}

// land forgets an attempt that has ended.
func (s *suspensions) land(f *flight) {
	if f == nil {
		return
	}
	s.mu.Lock()
	delete(s.under, f)
	s.mu.Unlock()
}

// barred says why an offering of the call may not be asked now, or nil.
func (s *serving) barred(o *catalog.Offering) error {
	if x := s.g.suspensions.load().bar(s.rec.Workload, o, s.g.now()); x != nil {
		return barred(x, o)
	}
	return nil
}

// narrow leaves out what is suspended, and notes for the record by which set.
// The workload's callers are told no more than it says.
func (s *serving) narrow(permit *policy.Permit, order []int) ([]int, error) {
	s.suspended = s.g.suspensions.load()
	if len(s.suspended.all) == 0 {
		return order, nil
	}
	now := s.g.now()
	left := order[:0:len(order)]
	f := fault.New(fault.UpstreamUnavailable, "Every offering that may serve this call is suspended").Final()
	clauses := ""
	for _, n := range order {
		o := permit.Offering(n)
		x := s.suspended.bar(s.rec.Workload, o, now)
		if x == nil {
			left = append(left, n)
			continue
		}
		f.Reasons = append(f.Reasons, fault.Reason{Offering: o.Name, Rule: "suspended", Why: "suspension " + x.ID + " of " + x.What.String() + " is in force"})
		if clauses += "; "; len(f.Reasons) == 1 {
			clauses = ": "
		}
		clauses += o.Name + " by " + x.ID
	}
	if len(left) > 0 {
		return left, nil
	}
	if w := s.snapshot.Estate.Workloads[s.rec.Workload]; w != nil && w.RefusalDetail == "brief" {
		f.Reasons, clauses = []fault.Reason{{Rule: "suspended", Why: "a suspension is in force"}}, ""
	}
	f.Message += clauses + ". The operators of Bulkhead can say for how long."
	return nil, f
}

// change is the index of the last applied change that the call was planned by.
func (s *serving) change() int64 {
	if s.suspended == nil {
		return s.snapshot.change
	}
	return max(s.snapshot.change, s.suspended.change)
}
