package gateway

import (
	"context"
	"math/rand/v2"

	"bulkhead/catalog"
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
