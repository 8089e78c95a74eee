// Package drill watches the calls of workloads that agreed to live drills, and
// says what a drill did to them.
//
// A live drill withdraws for real what serves a workload, for a while. This
// package counts what its callers met with before and during, says when that is
// worse than was agreed, and makes the [Report]. What is withdrawn, and when it
// comes back, is for package control. Begin with [NewWatch].
package drill

import (
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/money"
)

// What a drill is compared with, and by how much time its stop conditions look back.
const (
	Before   = 10 * time.Minute
	Lately   = time.Minute
	slotTime = 10 * time.Second
	slots    = int(Before / slotTime)
)

// Watch counts calls. It keeps something for aliases of the estate alone, of
// workloads that are drillable alone; calls of others cost it one look into a
// map. It is safe for concurrent use. Make one with [NewWatch].
type Watch struct{ view atomic.Pointer[view] }

// view is what an estate makes of a watch. It is never changed, only replaced.
type view struct {
	series map[place]*series
	prices map[string]catalog.Price // by offering
}

// place is an alias of a workload.
type place struct{ workload, alias string }

// series is what callers of an alias met with of late, and during a drill.
type series struct {
	mu     sync.Mutex
	ring   [slots]slot
	began  time.Time // of the drill under way; zero: there is none
	before tally
	during tally
	first  time.Time // end of the first call of the drill that was answered
	failed time.Time // of the last that failed
}

type slot struct {
	number int64 // of the part of time that is counted here
	tally
}

// NewWatch returns a watch that knows of no estate yet.
func NewWatch() *Watch {
	w := &Watch{}
	w.view.Store(&view{})
	return w
}

// Use takes over the workloads of an estate. What was counted of an alias that
// had the same name stays.
func (w *Watch) Use(e *catalog.Estate) {
	old := w.view.Load()
	next := &view{series: map[place]*series{}, prices: map[string]catalog.Price{}}
	for _, wl := range e.Workloads {
		if !wl.Service.Drillable {
			continue
		}
		for _, a := range wl.Aliases {
			at := place{wl.Name, a.Name}
			if next.series[at] = old.series[at]; next.series[at] == nil {
				next.series[at] = &series{}
			}
			for _, o := range a.Offerings {
				next.prices[o.Name] = o.Price
			}
		}
	}
	w.view.Store(next)
}

// Observe counts a call at its end. Checks of health are no callers.
func (w *Watch) Observe(r *call.Record) {
	v := w.view.Load()
	s := v.series[place{r.Workload, r.Alias}]
	if s == nil || r.Key == call.Checker {
		return
	}
	end := r.Start.Add(r.Took)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() || !r.Start.Before(s.began) {
		s.slot(end).add(r, v.prices)
	}
	switch {
	case s.began.IsZero():
	case r.Start.Before(s.began): // under way when it began, and not of it
		s.before.add(r, v.prices)
	default:
		answered, failed := s.during.add(r, v.prices)
		if answered && (s.first.IsZero() || end.Before(s.first)) {
			s.first = end
		}
		if failed && end.After(s.failed) {
			s.failed = end
		}
	}
}

func slotOf(at time.Time) int64 { return at.Unix() / int64(slotTime/time.Second) }

func (s *series) slot(at time.Time) *tally {
	n := slotOf(at)
	p := &s.ring[uint64(n)%uint64(slots)]
	if p.number != n {
		*p = slot{number: n}
	}
	return &p.tally
}

// last sums what ended within d before now.
func (s *series) last(d time.Duration, now time.Time) (sum tally) {
	n, parts := slotOf(now), int64(d/slotTime)
	for i := range s.ring {
		if p := &s.ring[i]; p.number <= n && n-p.number < parts {
			sum.merge(&p.tally)
		}
	}
	return sum
}

// of gives the series of workloads, in the order of their names.
func (v *view) of(workloads []string) []place {
	var out []place
	for at := range v.series {
		if slices.Contains(workloads, at.workload) {
			out = append(out, at)
		}
	}
	slices.SortFunc(out, func(a, b place) int {
		if c := strings.Compare(a.workload, b.workload); c != 0 {
			return c
		}
		return strings.Compare(a.alias, b.alias)
	})
	return out
}

// Begin begins a drill for workloads: what they met with in the last ten minutes
// is what it is compared with, and calls that begin from now on are of it.
func (w *Watch) Begin(workloads []string, now time.Time) {
	v := w.view.Load()
	for _, at := range v.of(workloads) {
		s := v.series[at]
		s.mu.Lock()
		s.before, s.during = s.last(Before, now), tally{}
		s.ring, s.began, s.first, s.failed = [slots]slot{}, now, time.Time{}, time.Time{}
		s.mu.Unlock()
	}
}

// End ends the drill for workloads. What they met with in it is forgotten, so
// that the next one is not compared with it.
func (w *Watch) End(workloads []string) {
	v := w.view.Load()
	for _, at := range v.of(workloads) {
		s := v.series[at]
		s.mu.Lock()
		s.ring, s.began, s.before, s.during = [slots]slot{}, time.Time{}, tally{}, tally{}
		s.mu.Unlock()
	}
}

// Results gives, for each alias of the workloads, what the drill under way did
// to its callers so far. What serves the alias is for the caller to say.
func (w *Watch) Results(workloads []string) []Alias {
	v := w.view.Load()
	out := []Alias{}
	for _, at := range v.of(workloads) {
		s := v.series[at]
		s.mu.Lock()
		a := Alias{Workload: at.workload, Alias: at.alias, Before: s.before.figures(), During: s.during.figures()}
		a.FirstAnswer, a.LastFailure = s.offset(s.first), s.offset(s.failed)
		s.mu.Unlock()
		out = append(out, a)
	}
	return out
}

// offset is how long after the drill's begin something was, in milliseconds.
func (s *series) offset(at time.Time) *int64 {
	if at.IsZero() || s.began.IsZero() {
		return nil
	}
	ms := at.Sub(s.began).Milliseconds()
	return &ms
}

// Breach says in words which of the limits the last minute of a drill is beyond,
// and for whom. Empty: none.
func (w *Watch) Breach(workloads []string, l Limits, now time.Time) string {
	v := w.view.Load()
	for _, at := range v.of(workloads) {
		s := v.series[at]
		s.mu.Lock()
		lately, before := s.last(Lately, now), s.before
		s.mu.Unlock()
		if why := l.breach(&lately, &before); why != "" {
			return "workload " + at.workload + ", alias " + at.alias + ": " + why
		}
	}
	return ""
}

// tally counts calls.
type tally struct {
	answered, failed, refused, cancelled int64
	input, output                        int64 // tokens of what was answered
	cost                                 money.Amount
	priced                               int64 // answered calls whose cost is known
	waits                                [bins]int64
	by                                   map[string]int64 // answered, by offering
}

// add counts a call and says what it was.
func (t *tally) add(r *call.Record, prices map[string]catalog.Price) (answered, failed bool) {
	switch {
	case r.Ending == call.Complete:
		t.answered++
	case r.Ending == call.Gone:
		t.cancelled++
		return false, false
	case r.Ending == call.Cut || broke(r):
		t.failed++
		return false, true
	default:
		t.refused++
		return false, false
	}
	wait := r.FirstByte
	if wait <= 0 {
		wait = r.Took
	}
	t.waits[bin(wait)]++
	t.input, t.output = t.input+r.Usage.Input, t.output+r.Usage.Output
	if p, ok := prices[r.Offering]; ok && p.Known && r.Usage.Known {
		t.cost += cost(p, r.Usage)
		t.priced++
	}
	if t.by == nil {
		t.by = map[string]int64{}
	}
	t.by[r.Offering]++
	return true, false
}

// broke reports whether a call without a reply is one that should have had one:
// not what a rule or a vendor refused as it stands.
func broke(r *call.Record) bool {
	return r.Status >= 500 || r.Status == 429 || strings.HasPrefix(r.Kind, "upstream_") && r.Kind != "upstream_refused"
}

func (t *tally) merge(o *tally) {
	t.answered, t.failed, t.refused, t.cancelled = t.answered+o.answered, t.failed+o.failed, t.refused+o.refused, t.cancelled+o.cancelled
	t.input, t.output, t.cost, t.priced = t.input+o.input, t.output+o.output, t.cost+o.cost, t.priced+o.priced
	for i, n := range o.waits {
		t.waits[i] += n
	}
	for name, n := range o.by {
		if t.by == nil {
			t.by = map[string]int64{}
		}
		t.by[name] += n
	}
}

// bins of waits: the first is up to a millisecond, each further one up to the
// square root of two as long; the last has no end.
const bins = 42

func bin(d time.Duration) int {
	if d <= time.Millisecond {
		return 0
	}
	return min(bins-1, int(math.Ceil(2*math.Log2(float64(d)/float64(time.Millisecond)))))
}

// longest is the upper end of a bin.
func longest(bin int) time.Duration {
	return time.Duration(float64(time.Millisecond) * math.Exp2(float64(bin)/2))
}

// quantile is the wait that a share of the answered calls did not exceed, to the
// upper end of its bin; zero: none was answered.
func (t *tally) quantile(share float64) time.Duration {
	need, seen := int64(math.Ceil(share*float64(t.answered))), int64(0)
	for i, n := range t.waits {
		if seen += n; n > 0 && seen >= need {
			return longest(i)
		}
	}
	return 0
}

// cost is what a call cost by the estate's prices, rounded up to a millionth of
// a dollar.
func cost(p catalog.Price, u call.Usage) money.Amount {
	cached := min(max(u.CachedInput, 0), max(u.Input, 0))
	sum := times(u.Input-cached, p.Input) + times(cached, p.CachedInput) + times(u.Output, p.Output)
	return sum
}

func times(tokens int64, price money.Amount) money.Amount {
	if tokens <= 0 || price <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(tokens), uint64(price))
	if hi >= money.Micro {
		return math.MaxInt64 / 4 // no call costs that
	}
	q, r := bits.Div64(hi, lo, money.Micro)
	if r > 0 {
		q++
	}
	return money.Amount(min(q, math.MaxInt64/4))
}
