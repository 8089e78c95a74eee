package route_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/fault"
	"bulkhead/route"
)

func offerings(contexts ...int64) []*catalog.Offering {
	var out []*catalog.Offering
	for i, c := range contexts {
		out = append(out, &catalog.Offering{Name: fmt.Sprint("o", i), Model: &catalog.Model{Context: c}})
	}
	return out
}

// step is one turn of a course: how the attempt ends, and what is asked next.
type step struct {
	fails   *fault.Fault
	trouble route.Trouble
	next    int // place; -1: none
}

func TestCourse_GoesOnOnlyWhereItCanHelp(t *testing.T) {
	broken := func() *fault.Fault { return fault.New(fault.UpstreamError, "broken") }
	limited := func(after time.Duration) *fault.Fault {
		f := fault.New(fault.UpstreamRateLimited, "limited")
		f.RetryAfter = after
		return f
	}
	refused := func(g fault.Ground) *fault.Fault {
		f := fault.New(fault.UpstreamRefused, "refused").Final()
		f.Ground = g
		return f
	}
	for name, row := range map[string]struct {
		contexts []int64
		options  route.CourseOptions
		steps    []step
		verdict  fault.Kind
	}{
		"to the next":                       {[]int64{1, 1}, route.CourseOptions{}, []step{{broken(), route.Trouble{}, 1}, {broken(), route.Trouble{}, -1}}, fault.UpstreamError},
		"once more after a reset":           {[]int64{1, 1}, route.CourseOptions{}, []step{{broken(), route.Trouble{Broke: true}, 0}, {broken(), route.Trouble{Broke: true}, 1}, {fault.New(fault.UpstreamUnavailable, ""), route.Trouble{}, -1}}, fault.UpstreamUnavailable},
		"not to a silent one again":         {[]int64{1}, route.CourseOptions{}, []step{{fault.New(fault.UpstreamTimeout, "silent"), route.Trouble{}, -1}}, fault.UpstreamTimeout},
		"nor when the time is up":           {[]int64{1, 1}, route.CourseOptions{}, []step{{fault.New(fault.UpstreamTimeout, "over").Final(), route.Trouble{}, -1}}, fault.UpstreamTimeout},
		"a short limit is waited for":       {[]int64{1, 1}, route.CourseOptions{}, []step{{limited(time.Second), route.Trouble{}, 1}, {broken(), route.Trouble{}, 0}, {limited(time.Second), route.Trouble{}, -1}}, fault.UpstreamRateLimited},
		"a long one is told":                {[]int64{1}, route.CourseOptions{}, []step{{limited(7 * time.Second), route.Trouble{}, -1}}, fault.UpstreamRateLimited},
		"the caller's fault is the end":     {[]int64{1, 1}, route.CourseOptions{}, []step{{refused(""), route.Trouble{}, -1}}, fault.UpstreamRefused},
		"unless the workload wants more":    {[]int64{1, 1}, route.CourseOptions{Refused: true}, []step{{refused(""), route.Trouble{}, 1}, {refused(""), route.Trouble{}, -1}}, fault.UpstreamRefused},
		"a stand-in that refuses":           {[]int64{1, 1, 1}, route.CourseOptions{}, []step{{broken(), route.Trouble{}, 1}, {refused(""), route.Trouble{}, 2}, {broken(), route.Trouble{}, -1}}, fault.UpstreamError},
		"a filter is the end":               {[]int64{1, 1}, route.CourseOptions{}, []step{{refused(fault.Filtered), route.Trouble{}, -1}}, fault.UpstreamRefused},
		"also behind another":               {[]int64{1, 1, 1}, route.CourseOptions{}, []step{{broken(), route.Trouble{}, 1}, {refused(fault.Filtered), route.Trouble{}, -1}}, fault.UpstreamRefused},
		"a filter that is no end":           {[]int64{1, 1}, route.CourseOptions{Filtered: true}, []step{{refused(fault.Filtered), route.Trouble{}, 1}}, fault.UpstreamRefused},
		"too long goes to what holds more":  {[]int64{8, 8, 4, 0, 16}, route.CourseOptions{}, []step{{refused(fault.TooLong), route.Trouble{}, 4}, {refused(fault.TooLong), route.Trouble{}, -1}}, fault.UpstreamRefused},
		"too long and nothing larger":       {[]int64{8, 8}, route.CourseOptions{}, []step{{refused(fault.TooLong), route.Trouble{}, -1}}, fault.UpstreamRefused},
		"not more than the workload allows": {[]int64{1, 1, 1}, route.CourseOptions{Attempts: 2}, []step{{broken(), route.Trouble{}, 1}, {broken(), route.Trouble{}, -1}}, fault.UpstreamError},
		"our own trouble is the end":        {[]int64{1, 1}, route.CourseOptions{}, []step{{fault.New(fault.LedgerUnavailable, ""), route.Trouble{}, -1}}, fault.LedgerUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1e9, 0)
			row.options.Until = now.Add(time.Minute)
			c := route.NewCourse(offerings(row.contexts...), row.options)
			place, _, ok := c.Next(now)
			if place != 0 || !ok {
				t.Fatalf("begins at %d, %v", place, ok)
			}
			for i, s := range row.steps {
				c.Failed(s.fails, s.trouble, now)
				place, wait, ok := c.Next(now)
				if !ok {
					place = -1
				}
				if place != s.next {
					t.Fatalf("step %d: next is %d, want %d", i, place, s.next)
				}
				if wait < 0 || wait > 3*time.Second {
					t.Errorf("step %d: waits %v", i, wait)
				}
				now = now.Add(wait)
			}
			if got := fault.From(c.Verdict()); got == nil || got.Kind != row.verdict {
				t.Errorf("verdict %v, want %s", got, row.verdict)
			}
		})
	}
}

// TestCourse_IsBounded walks random courses: none asks more often than it may,
// outside the order, a silent offering twice, or when the caller's time is up.
func TestCourse_IsBounded(t *testing.T) {
	kinds := []fault.Kind{fault.UpstreamError, fault.UpstreamUnavailable, fault.UpstreamRateLimited, fault.UpstreamTimeout, fault.UpstreamRefused, fault.UpstreamMisconfig, fault.Cancelled}
	for seed := range uint64(20_000) {
		r := rand.New(rand.NewPCG(seed, 7))
		contexts := make([]int64, 1+r.IntN(8))
		for i := range contexts {
			contexts[i] = r.Int64N(4)
		}
		now := time.Unix(1e9, 0)
		o := route.CourseOptions{Attempts: 1 + r.IntN(10), Until: now.Add(time.Duration(r.IntN(5000)) * time.Millisecond), Filtered: r.IntN(2) == 0, Refused: r.IntN(2) == 0}
		c := route.NewCourse(offerings(contexts...), o)
		asked, silent, all := map[int]int{}, map[int]bool{}, 0
		for {
			place, wait, ok := c.Next(now)
			if !ok {
				break
			}
			if all > 0 && now.Add(wait).After(o.Until) && wait > time.Second {
				t.Fatalf("seed %d: waits %v beyond the caller's time", seed, wait)
			}
			if asked[place]++; place >= len(contexts) || silent[place] || asked[place] > 3 {
				t.Fatalf("seed %d: asks place %d of %d, silent %v, %d times", seed, place, len(contexts), silent[place], asked[place])
			}
			if all++; all > o.Attempts {
				t.Fatalf("seed %d: %d attempts of %d", seed, all, o.Attempts)
			}
			now = now.Add(wait + time.Duration(r.IntN(300))*time.Millisecond)
			f := fault.New(kinds[r.IntN(len(kinds))], "")
			f.RetryAfter = time.Duration(r.IntN(4000)) * time.Millisecond
			if f.Kind == fault.UpstreamRefused {
				f.Ground = []fault.Ground{"", fault.TooLong, fault.Filtered}[r.IntN(3)]
			}
			silent[place] = f.Kind == fault.UpstreamTimeout
			c.Failed(f, route.Trouble{Broke: f.Kind == fault.UpstreamError && r.IntN(2) == 0}, now)
		}
		if c.Verdict() == nil {
			t.Fatalf("seed %d: no verdict", seed)
		}
	}
}

func TestCourse_TellsOfTheVendorThatBrokeNotOfItsCircuit(t *testing.T) {
	broken, asleep := fault.New(fault.UpstreamError, "broken"), fault.New(fault.UpstreamUnavailable, "not asked")
	c := route.NewCourse(offerings(1, 1), route.CourseOptions{})
	now := time.Unix(0, 0)
	c.Next(now)
	c.Failed(broken, route.Trouble{LetGo: true}, now)
	for _, want := range []int{0, 1} { // once more, and the other one
		if place, _, ok := c.Next(now); !ok || place != want {
			t.Fatalf("Next: %d, %v, want %d", place, ok, want)
		}
		c.Skipped(asleep)
	}
	if got := c.Verdict(); got != error(broken) {
		t.Errorf("the caller is told %v, want %v", got, broken)
	}
	c = route.NewCourse(offerings(1), route.CourseOptions{})
	c.Next(now)
	c.Skipped(asleep)
	if got := c.Verdict(); got != error(asleep) {
		t.Errorf("of one that was never asked the caller is told %v, want %v", got, asleep)
	}
}
