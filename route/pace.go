package route

import (
	"math"
	"sync/atomic"
	"time"
)

// How fast offerings are: what they are put in order by, and when they are slow.
const (
	slowShare   = 0.8              // of slow replies in the window that makes an offering slow
	exploreIdle = time.Minute      // after which nobody knows any more how fast an offering is
	exploreGap  = 10 * time.Second // between two calls that find out
)

// drag notes that an offering is slow of late. The lock of its place guards it.
type drag struct {
	window window
	on     bool
	until  time.Time // when one call may find out whether it still is
}

// note counts a reply.
func (d *drag) note(now time.Time, slow bool, r *rules) {
	if d.on {
		if !slow {
			*d = drag{}
			return
		}
		d.until = now.Add(r.longest)
		return
	}
	d.window.add(now, slow)
	if total, slow := d.window.sum(now); total >= r.volume && float64(slow) >= slowShare*float64(total) {
		*d = drag{on: true, until: now.Add(time.Duration(float64(r.longest) * (0.8 + 0.4*r.random())))}
	}
}

// holds reports whether the offering is to be asked after the others. Once its
// time has come one call is told that it is not, and finds out.
func (d *drag) holds(now time.Time, r *rules) bool {
	if d.on && !now.Before(d.until) {
		d.until = now.Add(r.probeFor)
		return false
	}
	return d.on
}

// average is a moving average of waits, most of which is the last few.
type average struct {
	bits atomic.Uint64 // of seconds
	at   atomic.Int64  // Unix nanoseconds of the last; zero: none
}

// add counts a wait. Its callers take turns.
func (a *average) add(now time.Time, d time.Duration) {
	v := d.Seconds()
	if a.at.Load() != 0 {
		v = 0.7*math.Float64frombits(a.bits.Load()) + 0.3*v
	}
	a.bits.Store(math.Float64bits(v))
	a.at.Store(now.UnixNano())
}

// value gives the average in seconds; not known: nobody asked yet.
func (a *average) value() (seconds float64, known bool) {
	return math.Float64frombits(a.bits.Load()), a.at.Load() != 0
}

// measure counts how long a good reply took. The caller holds the lock.
func (s *seat) measure(now time.Time, r Result) {
	switch {
	case r.FirstContent > 0:
		s.first.add(now, r.FirstContent)
		s.drag.note(now, r.FirstContent >= s.slow, s.circuit.rules)
	case r.Took > 0:
		s.whole.add(now, r.Took)
		s.drag.note(now, r.Took >= s.slowOne, s.circuit.rules)
	}
}

// speed gives what is known of how fast a call of the kind would be.
func (s *seat) speed(stream bool) (seconds float64, known bool) {
	mine, other := &s.whole, &s.first
	if stream {
		mine, other = other, mine
	}
	if v, ok := mine.value(); ok {
		return v, true
	}
	return other.value()
}

// unexplored reports whether nobody knows how fast the offering is, and whether
// this call shall find out: one at a time, not a crowd.
func (s *seat) unexplored(now time.Time) bool {
	n := now.UnixNano()
	if n-max(s.first.at.Load(), s.whole.at.Load()) < int64(exploreIdle) {
		return false
	}
	looked := s.looked.Load()
	return n-looked >= int64(exploreGap) && s.looked.CompareAndSwap(looked, n)
}
