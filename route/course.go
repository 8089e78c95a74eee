package route

import (
	"math/rand/v2"
	"time"

	"bulkhead/catalog"
	"bulkhead/fault"
)

// Bounds of a course where the workload does not say.
const (
	DefaultAttempts = 6
	quickPause      = 50 * time.Millisecond  // before an offering that broke is asked once more; up to twice that
	limitReserve    = 500 * time.Millisecond // what must be left of the caller's time when a limit has passed
	longestRest     = 2 * time.Second        // longer limits are the caller's to wait for
)

// CourseOptions bound a course.
type CourseOptions struct {
	Attempts int       // most of them; zero: DefaultAttempts
	Until    time.Time // when the caller's time is up
	Filtered bool      // what a vendor's filter stopped is asked of the next offering
	Refused  bool      // so is what a vendor refused as the caller's fault
	Once     bool      // no offering is asked again after an answer: the caller's library does that itself
}

// Course is the way of one call along the offerings that may serve it: which is
// asked next, after what pause, and what the caller is told if none answers. It
// never leads outside the order it was given.
//
// An offering whose connection was reset, or that failed with status 500, is
// asked once more after a moment; one whose vendor had let go of an idle
// connection at once; one that said when its limit passes at the end, once in a
// call, if that is soon and within the caller's time: longer limits are the
// caller's to wait for, and told. All others are asked once. After a refusal for
// length only offerings with a larger context follow.
type Course struct {
	order    []*catalog.Offering
	options  CourseOptions
	at       int // the next place
	attempts int
	again    int // place to ask once more; -1: none
	pause    time.Duration
	quick    map[int]bool // places that were asked once more
	last     int          // the place that was given last
	least    int64        // the context must be larger; zero: any will do
	rests    []rest       // of limits that pass
	waited   bool         // for one of them
	ending   error        // no other offering is asked after it; nil: none yet
	refusal  error        // a vendor's, of what another may accept
	trouble  error        // the worst of the others
}

// rest is an offering whose limit passes.
type rest struct {
	place int
	until time.Time
}

// NewCourse begins a course along offerings in their order.
func NewCourse(order []*catalog.Offering, o CourseOptions) *Course {
	if o.Attempts <= 0 {
		o.Attempts = DefaultAttempts
	}
	return &Course{order: order, options: o, again: -1, last: -1}
}

// Next gives the place in the order of the offering to ask now, and for how long
// to wait before. It says no when none should be asked any more.
func (c *Course) Next(now time.Time) (place int, wait time.Duration, ok bool) {
	if c.ending != nil || c.attempts >= c.options.Attempts || c.attempts > 0 && !c.options.Until.IsZero() && !now.Before(c.options.Until) {
		return 0, 0, false
	}
	if c.again >= 0 {
		place, wait = c.again, c.pause
		c.again = -1
		return c.give(place), wait, true
	}
	for ; c.at < len(c.order); c.at++ {
		if c.least > 0 && c.order[c.at].Model.Context <= c.least {
			continue
		}
		c.at++
		return c.give(c.at - 1), 0, true
	}
	return c.rested(now)
}

func (c *Course) give(place int) int {
	c.last = place
	c.attempts++
	return place
}

// rested gives the offering whose limit passes first, if that is soon enough.
func (c *Course) rested(now time.Time) (int, time.Duration, bool) {
	first := -1
	for i, r := range c.rests {
		if first < 0 || r.until.Before(c.rests[first].until) {
			first = i
		}
	}
	if first < 0 {
		return 0, 0, false
	}
	r := c.rests[first]
	c.rests, c.waited = nil, true
	wait := max(0, r.until.Sub(now))
	wait += rand.N(wait/8 + time.Millisecond) // so that those who wait do not come as a crowd
	if wait > longestRest || !c.options.Until.IsZero() && now.Add(wait+limitReserve).After(c.options.Until) {
		return 0, 0, false
	}
	return c.give(r.place), wait, true
}

// Skipped says that the offering given last could not be asked, and was not: it
// is no attempt, and is not given again. Where one was asked and failed, that is
// what the caller is told: of a vendor that broke it says more than that its
// circuit has opened since.
func (c *Course) Skipped(err error) {
	c.attempts--
	if c.trouble == nil || c.attempts == 0 {
		c.worse(err)
	}
}

// Trouble is what else is known of an attempt that failed.
type Trouble struct {
	LetGo bool // on a connection that had served before and was closed without a word
	Broke bool // by a reset, or by status 500: a moment later it may do
}

// Failed says how the attempt at the offering given last failed. The errors are
// those that [Course.Verdict] gives.
func (c *Course) Failed(err error, t Trouble, now time.Time) {
	f := fault.From(err)
	switch {
	case f.Kind == fault.UpstreamRefused:
		c.refused(err, f)
		return
	case conclusive(f):
		c.ending = err
		return
	}
	c.worse(err)
	switch {
	case (t.LetGo || t.Broke && !c.options.Once) && !c.quick[c.last]:
		if c.quick == nil {
			c.quick = map[int]bool{}
		}
		c.quick[c.last], c.again, c.pause = true, c.last, 0
		if !t.LetGo {
			c.pause = quickPause + rand.N(quickPause)
		}
	case f.RetryAfter > 0 && !f.NoRetry && !c.waited && !c.options.Once && (f.Kind == fault.UpstreamRateLimited || f.Kind == fault.UpstreamUnavailable):
		c.rests = append(c.rests, rest{c.last, now.Add(f.RetryAfter)})
	}
}

// refused decides whether a refusal is the end: it is what the caller must mend,
// unless another offering can hold more, the workload wants the next to be asked,
// or the one that refused stands in for another that failed.
func (c *Course) refused(err error, f *fault.Fault) {
	standIn, on := c.trouble != nil || c.refusal != nil, false
	switch f.Ground {
	case fault.TooLong:
		c.least, on = max(c.least, c.order[c.last].Model.Context, 1), true
	case fault.Filtered:
		on = c.options.Filtered
	default:
		on = c.options.Refused || standIn
	}
	if c.refusal = err; !on {
		c.ending = err
	}
}

// worse keeps what the caller is told of troubles: a limit that passes is more
// use than a fault that may not, and what an offering could not be sent says
// nothing of the others.
func (c *Course) worse(err error) {
	if c.trouble != nil {
		before, now := fault.From(c.trouble).Kind, fault.From(err).Kind
		if before == fault.UpstreamRateLimited && now != fault.UpstreamRateLimited || now == fault.Unsupported {
			return
		}
	}
	c.trouble = err
}

// Verdict is why no offering has answered. The refusal of a vendor that stood in
// for another is not told where that other may yet serve: the request may be in
// order.
func (c *Course) Verdict() error {
	switch {
	case c.ending != nil:
		return c.ending
	case c.trouble == nil || c.refusal != nil && fault.From(c.trouble).Kind == fault.UpstreamMisconfig:
		return c.refusal
	}
	return c.trouble
}

// conclusive reports whether no other offering should be asked: the fault is
// the caller's, or ours, or the call's time is up.
func conclusive(f *fault.Fault) bool {
	switch f.Kind {
	case fault.Cancelled, fault.Overloaded, fault.LedgerUnavailable, fault.Internal:
		return true
	case fault.UpstreamTimeout, fault.UpstreamError:
		return f.NoRetry
	}
	return false
}
