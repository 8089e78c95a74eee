package route

import "time"

// State is what a circuit lets through.
type State uint8

const (
	Closed   State = iota // every call
	Open                  // none, until its time has come
	HalfOpen              // one call, whose outcome decides
)

// String is closed, open or half_open.
func (s State) String() string { return [...]string{"closed", "open", "half_open"}[s] }

// outcome is what an attempt says of that which a circuit stands for.
type outcome uint8

const (
	silent outcome = iota // nothing
	good
	bad
)

// rules are the numbers of a circuit.
type rules struct {
	inARow   int     // failures in a row that open it
	share    float64 // of failures among the outcomes of the window that opens it
	volume   int     // fewest outcomes for the share to count
	parole   int     // good outcomes that it owes once it has closed; until then two failures in a row open it
	probeFor time.Duration
	first    time.Duration // that it stays open; doubled each time it opens anew
	longest  time.Duration // that it stays open
	believed time.Duration // of a vendor's own word, more than longest
	random   func() float64
}

// circuit opens when what it stands for fails, lets single calls through once
// its time has come, and closes when one of them is good. Its owner's lock
// guards it.
type circuit struct {
	rules  *rules
	state  State
	told   State     // last, to whom it matters
	epoch  uint64    // another one after each change of state
	until  time.Time // open: when a call may be let through
	lease  time.Time // half-open: when the call that was let through counts as failed
	streak int       // failures in a row
	opened int       // times that it opened since it last was sound
	parole int       // good outcomes that it still owes
	word   time.Time // until when the vendor itself wants to be left alone
	early  early
	window window
}

// early paces the calls that an open circuit lets through before its time has
// come, since their callers have nowhere else to go: one after the other, so
// many at once and so many a second.
type early struct {
	at   time.Time // when there were left
	left float64
}

const (
	earlyAtOnce  = 50
	earlyASecond = 20
)

func (e *early) available(now time.Time) float64 {
	if e.at.IsZero() {
		return earlyAtOnce
	}
	return min(earlyAtOnce, e.left+now.Sub(e.at).Seconds()*earlyASecond)
}

func (e *early) take(now time.Time) { e.at, e.left = now, e.available(now)-1 }

// ticket is leave to ask, and what its outcome is counted by.
type ticket struct {
	epoch uint64
	probe bool
	early bool // before the time had come
}

// expire counts a call that was let through and has not been heard of as failed.
func (c *circuit) expire(now time.Time) {
	if c.state == HalfOpen && !now.Before(c.lease) {
		c.trip(c.lease, 0)
	}
}

// spares reports whether a call may be let through that has nowhere else to go,
// though it is not due. The vendor's own word is kept all the same.
func (c *circuit) spares(now time.Time) bool {
	return c.state == Open && !now.Before(c.word) && c.early.available(now) >= 1
}

// take gives a call leave; the caller has found that it need not wait, or another circuit lets
// it through that decides about this one as well.
func (c *circuit) take(now time.Time) ticket {
	if c.state == Closed {
		return ticket{epoch: c.epoch}
	}
	t := ticket{probe: true, early: c.state == Open && now.Before(c.until)}
	c.state, c.lease = HalfOpen, now.Add(c.rules.probeFor)
	c.epoch++
	t.epoch = c.epoch
	return t
}

// news reports whether it opened or closed since it was last asked.
func (c *circuit) news() bool {
	if c.state == HalfOpen || c.state == c.told {
		return false
	}
	c.told = c.state
	return true
}

// wait is how long until a call may be let through.
func (c *circuit) wait(now time.Time) time.Duration {
	c.expire(now)
	switch c.state {
	case Open:
		return max(0, c.until.Sub(now))
	case HalfOpen: // the outcome may come at any time
		return min(time.Second, c.lease.Sub(now))
	}
	return 0
}

// settle counts the outcome of a call that had leave. Outcomes of calls that
// began before the circuit last changed say nothing of what is now.
func (c *circuit) settle(t ticket, o outcome, now time.Time, atLeast time.Duration) {
	c.expire(now)
	switch {
	case t.epoch != c.epoch:
		if t.probe && o == good && c.state == Open { // too late to close it, and still a good sign
			c.until = now
		}
	case t.probe:
		c.decide(t, o, now, atLeast)
	case o == good:
		c.window.add(now, false)
		c.streak = 0
		if c.parole > 0 {
			if c.parole--; c.parole == 0 {
				c.opened = 0
			}
		}
	case o == bad:
		c.window.add(now, true)
		c.streak++
		total, failed := c.window.sum(now)
		if c.streak >= c.rules.inARow || c.parole > 0 && c.streak >= 2 ||
			total >= c.rules.volume && float64(failed) >= c.rules.share*float64(total) {
			c.trip(now, atLeast)
		}
	}
}

// decide ends the half-open state.
func (c *circuit) decide(t ticket, o outcome, now time.Time, atLeast time.Duration) {
	switch {
	case o == good:
		c.state, c.parole, c.streak = Closed, c.rules.parole, 0
		c.epoch++
		c.window = window{}
	case o == bad && t.early && now.Before(c.until): // it says no more than was known
		c.state = Open
		c.epoch++
		c.heed(now, atLeast)
	case o == bad:
		c.trip(now, atLeast)
	default: // nothing was learnt: the next call may try
		c.state, c.until = Open, now
		c.epoch++
	}
}

// trip opens the circuit for longer each time, and at least for what the
// vendor asked.
func (c *circuit) trip(now time.Time, atLeast time.Duration) {
	stay := c.rules.first << min(c.opened, 16)
	if stay > c.rules.longest || stay <= 0 {
		stay = c.rules.longest
	}
	stay = time.Duration(float64(stay) * (0.8 + 0.4*c.rules.random())) // so that not all servers ask at once
	c.state, c.until = Open, now.Add(stay)
	c.heed(now, atLeast)
	c.opened++
	c.epoch++
	c.streak, c.parole = 0, 0
	c.window = window{}
}

// heed keeps the circuit open for as long as the vendor asked.
func (c *circuit) heed(now time.Time, d time.Duration) {
	if d <= 0 {
		return
	}
	c.word = now.Add(min(d, c.rules.believed))
	if c.until.Before(c.word) {
		c.until = c.word
	}
}

// window counts outcomes of the last half minute, by parts of it.
type window struct {
	parts [windowParts]struct {
		number        int64 // of the part of time that is counted here
		total, failed int32
	}
}

const (
	windowParts = 10
	windowPart  = 3 * time.Second
)

func partOf(now time.Time) int64 { return now.Unix() / int64(windowPart/time.Second) }

func (w *window) add(now time.Time, failed bool) {
	n := partOf(now)
	p := &w.parts[uint64(n)%windowParts]
	if p.number != n {
		p.number, p.total, p.failed = n, 0, 0
	}
	p.total++
	if failed {
		p.failed++
	}
}

func (w *window) sum(now time.Time) (total, failed int) {
	n := partOf(now)
	for i := range w.parts {
		if p := &w.parts[i]; p.total > 0 && n-p.number < windowParts && n >= p.number {
			total, failed = total+int(p.total), failed+int(p.failed)
		}
	}
	return total, failed
}
