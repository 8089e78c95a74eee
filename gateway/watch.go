package gateway

import (
	"context"
	"sync"
	"time"

	"bulkhead/fault"
)

// watch ends an attempt when what is expected next does not come in time. One
// timer serves the whole attempt: moving the deadline further away costs no
// more than writing it down.
type watch struct {
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	timer    *time.Timer
	armed    time.Time // when the timer fires
	deadline time.Time
	what     string
	limit    time.Duration
	done     bool
}

// newWatch starts a watch that has nothing to expect yet; stop ends it.
func newWatch(cancel context.CancelCauseFunc) *watch { return &watch{cancel: cancel} }

// expect says what must come within limit from now, though not after total.
func (w *watch) expect(what string, limit time.Duration, total time.Time) {
	w.expectBy(what, time.Now().Add(limit), limit, total)
}

// expectBy says what must come before deadline, which is limit after something
// that was heard, though not after total.
func (w *watch) expectBy(what string, deadline time.Time, limit time.Duration, total time.Time) {
	if total.Before(deadline) {
		what, deadline, limit = "the end of the call", total, 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.what, w.deadline, w.limit = what, deadline, limit
	switch {
	case w.done:
	case w.timer == nil:
		w.armed = deadline
		w.timer = time.AfterFunc(time.Until(deadline), w.fire)
	case deadline.Before(w.armed):
		w.armed = deadline
		w.timer.Reset(time.Until(deadline))
	}
}

// rest expects nothing but the call's end: the vendor is not waited for.
func (w *watch) rest(total time.Time) { w.expectBy("", total.Add(1), 0, total) }

// fire runs on the timer.
func (w *watch) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done {
		return
	}
	if left := time.Until(w.deadline); left > 0 {
		w.armed = w.deadline
		w.timer.Reset(left)
		return
	}
	w.done = true
	f := fault.New(fault.UpstreamTimeout, "The offering was silent for too long: %s did not come within %v.", w.what, w.limit)
	if w.limit == 0 {
		f = fault.New(fault.UpstreamTimeout, "The call took longer than a call may.").Final()
	}
	w.cancel(f)
}

// stop ends the watch.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = true
	if w.timer != nil {
		w.timer.Stop()
	}
}
