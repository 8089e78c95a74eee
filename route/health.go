package route

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bulkhead/catalog"
	"bulkhead/fault"
)

// HealthOptions are the numbers by which offerings and endpoints are judged.
// The zero value of each is its default.
type HealthOptions struct {
	InARow    int           // failures in a row that open an offering's circuit; 5
	Unreached int           // failures to connect in a row that open an endpoint's; 3
	Share     float64       // of failures in the last half minute that opens either; 0.5
	Volume    int           // fewest outcomes in it for the share to count; 20
	First     time.Duration // that a circuit stays open, doubled each time it opens anew; 1s
	Longest   time.Duration // that it stays open; 15s
	Believed  time.Duration // most of a vendor's retry-after that keeps it open; 1m
	ProbeFor  time.Duration // after which a call that was let through counts as failed; 30s

	// Slow is the wait for the first content of a stream that is slow; a
	// quarter of what the endpoint's limits allow. A unary reply is slow after
	// a quarter of what it may take.
	Slow time.Duration

	Random func() float64 // from 0 to below 1, for jitter; nil: the system's
	// Told is told of each change of a circuit, after it and in no order; nil:
	// nobody. One that opens again, after a call that was let through, or lets one
	// through, is no news.
	Told func(Change)
}

// Change is that a circuit opened, or closed again. Offering is empty for that
// of an endpoint.
type Change struct {
	Endpoint, Offering string
	State              State
	Kind               fault.Kind // of the last outcome; empty: it was good
}

// Result is what an attempt showed. Kind is empty if it was answered. Of a
// failure before which not a byte of the request left, since no connection
// stood or the sign-in failed, Unreached says so: that is the endpoint's doing
// and not the offering's. A call whose own time ran out is [fault.Cancelled].
type Result struct {
	Kind         fault.Kind
	Unreached    bool
	FirstContent time.Duration // of a stream; zero: it was none, or there was no content
	Took         time.Duration // to the end of the reply, or of the attempt
	RetryAfter   time.Duration // the vendor's own word; zero: none
}

// Health knows of each offering and endpoint whether it is worth asking. It is
// made of what calls met with and nothing else. It is safe for concurrent use;
// begin with [NewHealth] and [Health.Use].
type Health struct {
	offerings rules
	endpoints rules
	slow      time.Duration
	told      func(Change)
	seats     atomic.Pointer[map[string]*seat] // by full name of the offering; never changed, only replaced
	use       sync.Mutex
}

// place is an endpoint. Its lock guards its circuit and those of its offerings.
type place struct {
	name, url string

	mu      sync.Mutex
	circuit circuit
	reach   bool      // it opened because nobody could connect
	last    time.Time // last good outcome
	kind    fault.Kind
	seats   []*seat
}

// seat is an offering on its endpoint.
type seat struct {
	name, id string
	place    *place
	slow     time.Duration // first content of a stream that came so late
	slowOne  time.Duration // unary reply that took so long

	// Guarded by the lock of place.
	circuit circuit
	kind    fault.Kind
	since   time.Time // when it opened
	failing bool      // it opened for what may be the endpoint's doing
	drag    drag

	sound  atomic.Bool  // both circuits closed, not resting, not slow: nothing to look at
	rest   atomic.Int64 // Unix nanoseconds until which the vendor wants to be left alone
	limits atomic.Int32 // that the vendor set in a row without saying for how long
	first  average      // of first content
	whole  average      // of unary replies
	looked atomic.Int64 // when somebody was last sent to learn how fast it is
}

// NewHealth returns a health that knows of nothing yet.
func NewHealth(o HealthOptions) *Health {
	or := func(d, otherwise time.Duration) time.Duration {
		if d > 0 {
			return d
		}
		return otherwise
	}
	count := func(n, otherwise int) int {
		if n > 0 {
			return n
		}
		return otherwise
	}
	h := &Health{slow: o.Slow, told: o.Told}
	if h.told == nil {
		h.told = func(Change) {}
	}
	h.offerings = rules{
		inARow: count(o.InARow, 5), share: 0.5, volume: count(o.Volume, 20), parole: 3, probeFor: or(o.ProbeFor, 30*time.Second),
		first: or(o.First, time.Second), longest: or(o.Longest, 15*time.Second), believed: or(o.Believed, time.Minute), random: o.Random,
	}
	if o.Share > 0 {
		h.offerings.share = o.Share
	}
	if o.Random == nil {
		h.offerings.random = rand.Float64
	}
	h.endpoints = h.offerings
	h.endpoints.inARow = count(o.Unreached, 3)
	h.seats.Store(&map[string]*seat{})
	return h
}

// Use takes over the offerings and endpoints of an estate. What is known of
// those that had the same name and address stays, also for calls that see an
// earlier estate; those that are gone are forgotten.
func (h *Health) Use(e *catalog.Estate) {
	h.use.Lock()
	defer h.use.Unlock()
	old := *h.seats.Load()
	places := map[string]*place{}
	for _, s := range old {
		places[s.place.name] = s.place
	}
	next := make(map[string]*seat, len(e.Offerings))
	fresh := map[string]*place{}
	for _, o := range e.Offerings {
		if o.Endpoint == nil || next[o.Name] != nil {
			continue
		}
		p := fresh[o.Endpoint.Name]
		if p == nil {
			if p = places[o.Endpoint.Name]; p == nil || p.url != o.Endpoint.URL {
				p = &place{name: o.Endpoint.Name, url: o.Endpoint.URL, circuit: circuit{rules: &h.endpoints}}
			}
			fresh[p.name] = p
		}
		s := old[o.Name]
		if s == nil || s.place != p || s.id != o.ID {
			s = &seat{name: o.Name, id: o.ID, place: p, circuit: circuit{rules: &h.offerings}}
		}
		next[o.Name] = s
	}
	for _, p := range fresh {
		p.mu.Lock()
		p.seats = p.seats[:0:0]
		for _, o := range e.Offerings {
			if s := next[o.Name]; s != nil && s.place == p && !slices.Contains(p.seats, s) {
				s.slow, s.slowOne = h.slowness(o)
				p.seats = append(p.seats, s)
			}
		}
		p.look()
		p.mu.Unlock()
	}
	h.seats.Store(&next)
}

// slowness says from when on replies of an offering are slow: the first content
// of a stream, and a unary reply.
func (h *Health) slowness(o *catalog.Offering) (stream, unary time.Duration) {
	stream, unary = 30*time.Second, 150*time.Second // a quarter of the gateway's defaults
	if o.Model != nil && slices.Contains(o.Model.Capabilities, "reasoning") {
		stream = unary
	}
	if l := o.Endpoint.Limits.FirstContent; l > 0 {
		stream = l / 4
	}
	if l := o.Endpoint.Limits.Header; l > 0 {
		unary = l / 4
	}
	if h.slow > 0 {
		stream = h.slow
	}
	return stream, unary
}

func (h *Health) seat(o *catalog.Offering) *seat { return (*h.seats.Load())[o.Name] }

// look notes on each offering whether there is anything to look at. The caller
// holds the lock.
func (p *place) look() {
	for _, s := range p.seats {
		s.sound.Store(p.circuit.state == Closed && s.circuit.state == Closed && !s.drag.on)
	}
}

// Pass is leave to ask an offering once. Its zero value is leave that nobody
// keeps count of.
type Pass struct {
	health *Health
	seat   *seat
	own    ticket // of the offering's circuit
	place  ticket // of the endpoint's
}

// Ask gives leave to ask an offering now. If it does not, nothing may be sent:
// the circuit of the offering or of its endpoint is open, or one call is on its
// way already to find out. A call that has nowhere else to go (early) is let
// through by a circuit before its time, if none else is on its way, the vendor
// has not asked to be left alone, and there were not too many: 50 at once, 20 a
// second. Every pass must be [Pass.Done]; until then, or until it has taken too
// long, nobody else gets one from a circuit that is half-open.
func (h *Health) Ask(o *catalog.Offering, now time.Time, early bool) (Pass, bool) {
	s := h.seat(o)
	if s == nil {
		return Pass{}, true
	}
	p := s.place
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.wait(now) > 0 {
		if !early || !s.spares(now) {
			return Pass{}, false
		}
		s.decides(now).early.take(now)
	}
	pass := Pass{health: h, seat: s, place: p.circuit.take(now), own: s.circuit.take(now)}
	return pass, true
}

// decides is the circuit that lets calls through to an offering, or does not:
// the endpoint's unless it is closed, or the offering's own one has a call under
// way. The caller holds the lock of the place, here and below.
func (s *seat) decides(now time.Time) *circuit {
	s.place.circuit.expire(now)
	s.circuit.expire(now)
	if s.place.circuit.state == Closed || s.place.circuit.wait(now) == 0 && s.circuit.state == HalfOpen {
		return &s.circuit
	}
	return &s.place.circuit
}

// wait is how long until the offering may be asked.
func (s *seat) wait(now time.Time) time.Duration { return s.decides(now).wait(now) }

// spares reports whether it may be asked at once all the same, by a call that
// has nowhere else to go.
func (s *seat) spares(now time.Time) bool {
	return s.circuit.state != HalfOpen && s.decides(now).spares(now)
}

// RetryIn is how long until an offering may be asked; zero: it may be now.
func (h *Health) RetryIn(o *catalog.Offering, now time.Time) time.Duration {
	s := h.seat(o)
	if s == nil || s.sound.Load() {
		return 0
	}
	s.place.mu.Lock()
	defer s.place.mu.Unlock()
	return s.wait(now)
}

// CheckIn is how long until an offering may be asked without need; zero: it may
// be now. Beside its circuit its vendor may want it to be left alone.
func (h *Health) CheckIn(o *catalog.Offering, now time.Time) time.Duration {
	in := h.RetryIn(o, now)
	if s := h.seat(o); s != nil && s.resting(now) {
		in = max(in, time.Duration(s.rest.Load()-now.UnixNano()))
	}
	return in
}

// reading is what a result says of the offering and of its endpoint.
func reading(r Result) (own, place outcome) {
	switch r.Kind {
	case "":
		return good, good
	case fault.UpstreamRateLimited: // somebody is there to say so
		return good, good
	case fault.UpstreamError, fault.UpstreamTimeout, fault.UpstreamUnavailable, fault.UpstreamMisconfig:
		if r.Unreached {
			return silent, bad
		}
		return bad, good
	}
	return silent, silent
}

// Done counts what became of an attempt, at its end. It must be called exactly
// once for each pass.
func (p Pass) Done(now time.Time, r Result) {
	s := p.seat
	if s == nil {
		return
	}
	if r.RetryAfter > 0 || r.Kind == fault.UpstreamRateLimited {
		s.tire(now, r.RetryAfter)
	} else if r.Kind == "" {
		s.rest.Store(0)
		s.limits.Store(0)
	}
	own, at := reading(r)
	var told [maxTold]Change
	pl := s.place
	pl.mu.Lock()
	before, beforePlace := s.circuit.state, pl.circuit.state
	if r.Kind == "" {
		s.measure(now, r)
		pl.last = now
	}
	if r.Kind != "" && (own == bad || at == bad) {
		s.kind, pl.kind = r.Kind, r.Kind
	}
	if at == good && p.place.probe && !pl.reach && own == bad && r.Kind != fault.UpstreamMisconfig {
		at = bad // it opened since its offerings failed one after the other, and they still do
	}
	if at == good && own == bad && r.Kind == fault.UpstreamTimeout {
		at = silent // a connection that stands and is silent proves nothing
		if p.place.probe {
			at = bad
		}
	}
	if own == silent && at == bad && p.own.probe {
		own = bad
	}
	pl.circuit.settle(p.place, at, now, r.RetryAfter)
	s.circuit.settle(p.own, own, now, r.RetryAfter)
	n := pl.after(s, r, own == bad, before, beforePlace, now, &told)
	pl.look()
	pl.mu.Unlock()
	for _, c := range told[:n] {
		p.health.told(c)
	}
}

// maxTold is how many circuits one outcome can change and be told of.
const maxTold = 2

// after draws what follows for the endpoint and its other offerings, and gives
// the changes there were. The caller holds the lock.
func (p *place) after(s *seat, r Result, failed bool, before, beforePlace State, now time.Time, told *[maxTold]Change) (n int) {
	if failed && s.circuit.state == Open && before != Open {
		s.since, s.failing = now, r.Kind != fault.UpstreamMisconfig
		if p.circuit.state == Closed && p.down() {
			p.reach = false
			p.circuit.trip(now, 0)
		}
	} else if p.circuit.state == Open && beforePlace == Closed {
		p.reach = true
	}
	if p.circuit.state == Closed && beforePlace != Closed {
		for _, other := range p.seats { // what failed with it may be tried again
			if other.circuit.state == Open {
				other.circuit.until = now
			}
		}
	}
	if p.circuit.news() {
		told[n] = Change{p.name, "", p.circuit.state, r.Kind}
		n++
	}
	if s.circuit.news() {
		told[n] = Change{p.name, s.name, s.circuit.state, r.Kind}
		n++
	}
	return n
}

// down reports whether the endpoint itself has failed: two of its offerings
// have, one after the other, and none has answered since the first of them did.
func (p *place) down() bool {
	n := 0
	for _, s := range p.seats {
		if s.circuit.state != Closed && s.failing && s.since.After(p.last) {
			n++
		}
	}
	return n >= 2
}

// tire notes that the vendor wants to be left alone. Where it does not say for
// how long it is a second, and twice as long each further time.
func (s *seat) tire(now time.Time, d time.Duration) {
	if d <= 0 {
		d = time.Second << min(s.limits.Add(1)-1, 4)
	}
	s.rest.Store(now.Add(d).UnixNano())
}

// resting reports whether the vendor asked to be left alone at the time.
func (s *seat) resting(now time.Time) bool {
	until := s.rest.Load()
	return until != 0 && now.UnixNano() < until
}
