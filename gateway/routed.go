package gateway

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"bulkhead/catalog"
	"bulkhead/egress"
	"bulkhead/fault"
	"bulkhead/policy"
	"bulkhead/route"
)

// outputGuess is how many tokens a reply is taken for where the call does not
// bound it, to compare prices by.
const outputGuess = 500

// enter lets the call in, or turns it away if Bulkhead has too many.
func (s *serving) enter(ctx context.Context, w *catalog.Workload) (err error) {
	s.leaves, err = s.g.turnstile.Enter(ctx, w.Service.Priority)
	return err
}

// routed says what the order of the offerings depends on.
func (s *serving) routed() route.Call {
	asked := s.request.Asked()
	c := route.Call{
		Stream: asked.Stream, Input: int64(len(s.body.bytes))/bytesAToken + 1, Output: orElse(asked.MaxOutput, outputGuess),
		Now: s.g.now(), Random: rand.Float64,
	}
	if w := s.snapshot.Estate.Workloads[s.rec.Workload]; w != nil {
		c.Service = &w.Service
	}
	return c
}

// healthy takes the pass without which an offering is not asked, or says that
// its circuit is open.
func (s *serving) healthy(o *catalog.Offering) error {
	now, ok := s.g.now(), false
	if s.pass, ok = s.g.health.Ask(o, now, s.early); ok {
		return nil
	}
	f := fault.New(fault.UpstreamUnavailable, "The offering %s failed of late and is not asked for the moment.", o.Name)
	f.RetryAfter = s.g.health.RetryIn(o, now)
	return f
}

// met is what an attempt showed of its offering's health. What ended it from our
// side, the caller's or the estate's says nothing of that.
func met(a *answer, took time.Duration, err error) route.Result {
	r := route.Result{Took: took}
	if err == nil {
		if a.whole == nil {
			r.FirstContent = took
		}
		return r
	}
	f := fault.From(err)
	r.Kind, r.RetryAfter = f.Kind, f.RetryAfter
	var e *egress.Failure
	r.Unreached = errors.As(err, &e) && (e.Phase == egress.Connecting || e.Phase == egress.SigningIn)
	if conclusive := f.NoRetry && (f.Kind == fault.UpstreamTimeout || f.Kind == fault.UpstreamError); conclusive || errors.Is(err, policy.ErrOver) || errors.Is(err, errSuspended) {
		r.Kind = fault.Cancelled
	}
	return r
}
