package route

import (
	"context"
	"sync"
	"time"

	"bulkhead/catalog"
	"bulkhead/fault"
)

// Bounds of a turnstile where the enclave does not say.
const (
	DefaultConcurrent = 20_000
	DefaultWaiting    = 2_000
	DefaultWait       = time.Second
)

// Turnstile bounds how many calls are carried at once and how many wait to be.
// A full line turns away its lowest: memory is bounded whatever comes. It is
// safe for concurrent use; its zero value has the default bounds.
type Turnstile struct {
	mu     sync.Mutex
	bounds catalog.Calls // zero: the defaults
	under  int
	lines  [ranks]line
	shed   [ranks]int64
	out    func() // leave, made once so that Enter allocates nothing
}

// ranks are the priorities from the highest.
const ranks = 3

func rankOf(p catalog.Priority) int {
	switch p {
	case catalog.HighPriority:
		return 0
	case catalog.LowPriority:
		return 2
	}
	return 1
}

// waiter is a call in a line.
type waiter struct {
	prev, next *waiter
	turn       chan struct{} // closed once it is decided
	in         bool          // it may go in; else it was turned away
}

// line is who waits, the first come first.
type line struct {
	first, last *waiter
	n           int
}

func (l *line) push(w *waiter) {
	if w.prev = l.last; w.prev != nil {
		w.prev.next = w
	} else {
		l.first = w
	}
	l.last = w
	l.n++
}

func (l *line) remove(w *waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		l.last = w.prev
	}
	w.prev, w.next = nil, nil
	l.n--
}

// Bound changes the bounds. Calls that are under way stay, even if they are too
// many now; of those that wait the lowest are turned away until the rest may.
func (t *Turnstile) Bound(c catalog.Calls) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bounds = c
	b := t.limits()
	t.admit()
	for t.waiting() > b.Waiting {
		t.dismiss()
	}
}

func (t *Turnstile) limits() catalog.Calls {
	if t.bounds.Concurrent <= 0 {
		return catalog.Calls{Concurrent: DefaultConcurrent, Waiting: DefaultWaiting, Wait: DefaultWait}
	}
	return t.bounds
}

// Enter lets a call in, at once or after it has waited for its turn: those of a
// higher priority go first, then who came first. leave must be called exactly
// once when the call has ended. A call is turned away with Overloaded if it came
// to a full line as the lowest, if one of a higher priority took its place
// there, or if its turn did not come in time; with Cancelled if ctx ended.
func (t *Turnstile) Enter(ctx context.Context, p catalog.Priority) (leave func(), err error) {
	rank := rankOf(p)
	t.mu.Lock()
	if t.out == nil {
		t.out = t.leave
	}
	leave = t.out
	b := t.limits()
	if t.under < b.Concurrent && t.waiting() == 0 {
		t.under++
		t.mu.Unlock()
		return leave, nil
	}
	if t.waiting() >= b.Waiting && !t.dismissBelow(rank) {
		t.shed[rank]++
		t.mu.Unlock()
		return nil, overloaded(b.Wait)
	}
	w := &waiter{turn: make(chan struct{})}
	t.lines[rank].push(w)
	t.mu.Unlock()

	timer := time.NewTimer(b.Wait)
	defer timer.Stop()
	select {
	case <-w.turn:
	case <-timer.C:
		err = overloaded(b.Wait)
	case <-ctx.Done():
		err = fault.New(fault.Cancelled, "The caller went away.").Because(context.Cause(ctx))
	}
	if err == nil {
		if w.in { // closed after it was set
			return leave, nil
		}
		return nil, overloaded(b.Wait)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-w.turn: // decided meanwhile
		if w.in && ctx.Err() == nil {
			return leave, nil
		}
		if w.in {
			t.leaveLocked()
		}
		return nil, err
	default:
	}
	t.lines[rank].remove(w)
	if ctx.Err() == nil {
		t.shed[rank]++
	}
	return nil, err
}

func overloaded(wait time.Duration) error {
	f := fault.New(fault.Overloaded, "Bulkhead carries as many calls as it may; try again shortly.")
	f.RetryAfter = max(time.Second, wait)
	return f
}

func (t *Turnstile) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leaveLocked()
}

func (t *Turnstile) leaveLocked() {
	t.under--
	t.admit()
}

// admit lets in who waits, while there is room. The caller holds the lock.
func (t *Turnstile) admit() {
	for most := t.limits().Concurrent; t.under < most; {
		w := t.next()
		if w == nil {
			return
		}
		t.under++
		w.in = true
		close(w.turn)
	}
}

// next takes the first of the highest line that has one.
func (t *Turnstile) next() *waiter {
	for i := range t.lines {
		if w := t.lines[i].first; w != nil {
			t.lines[i].remove(w)
			return w
		}
	}
	return nil
}

// dismissBelow turns away the last of the lowest line, if that is lower than
// rank.
func (t *Turnstile) dismissBelow(rank int) bool {
	for i := ranks - 1; i > rank; i-- {
		if t.lines[i].n > 0 {
			t.dismiss()
			return true
		}
	}
	return false
}

// dismiss turns away the last of the lowest line.
func (t *Turnstile) dismiss() {
	for i := ranks - 1; i >= 0; i-- {
		if w := t.lines[i].last; w != nil {
			t.lines[i].remove(w)
			t.shed[i]++
			close(w.turn)
			return
		}
	}
}

func (t *Turnstile) waiting() (n int) {
	for i := range t.lines {
		n += t.lines[i].n
	}
	return n
}

// Load is what a turnstile holds, by priority where it says so.
type Load struct {
	Under   int
	Waiting map[catalog.Priority]int
	Shed    map[catalog.Priority]int64 // since the start
}

// Load tells what the turnstile holds now.
func (t *Turnstile) Load() Load {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := Load{t.under, map[catalog.Priority]int{}, map[catalog.Priority]int64{}}
	for _, p := range []catalog.Priority{catalog.HighPriority, catalog.NormalPriority, catalog.LowPriority} {
		l.Waiting[p], l.Shed[p] = t.lines[rankOf(p)].n, t.shed[rankOf(p)]
	}
	return l
}
