package route_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkhead/catalog"
	"bulkhead/fault"
	"bulkhead/route"
)

var began = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// world is an estate of endpoints a, b, … with offerings 1, 2, … of one model each.
func world(endpoints, offerings int) *catalog.Estate {
	e := &catalog.Estate{}
	for i := range endpoints {
		p := &catalog.Endpoint{Name: string(rune('a' + i)), URL: "https://" + string(rune('a'+i)) + ".example"}
		e.Endpoints = append(e.Endpoints, p)
		for j := range offerings {
			e.Offerings = append(e.Offerings, &catalog.Offering{
				Name: fmt.Sprintf("%s/%d", p.Name, j+1), Endpoint: p, ID: fmt.Sprint(j + 1), Index: len(e.Offerings),
				Model: &catalog.Model{Vendor: "acme", Name: fmt.Sprint(j + 1)},
			})
		}
	}
	return e
}

// sameModel makes all offerings those of one model.
func sameModel(e *catalog.Estate) *catalog.Estate {
	for _, o := range e.Offerings {
		o.Model = e.Offerings[0].Model
	}
	return e
}

func healthOf(e *catalog.Estate, o route.HealthOptions) *route.Health {
	if o.Random == nil {
		o.Random = rand.New(rand.NewPCG(1, 2)).Float64
	}
	h := route.NewHealth(o)
	h.Use(e)
	return h
}

// try asks an offering once, and reports whether it had leave.
func try(h *route.Health, o *catalog.Offering, now time.Time, r route.Result) bool {
	p, ok := h.Ask(o, now, false)
	if ok {
		p.Done(now, r)
	}
	return ok
}

var (
	fine = route.Result{FirstContent: time.Second, Took: 2 * time.Second}
	down = route.Result{Kind: fault.UpstreamError, Took: time.Second}
	gone = route.Result{Kind: fault.UpstreamUnavailable, Unreached: true, Took: time.Second}
)

func stateOf(t testing.TB, h *route.Health, endpoint, offering string, now time.Time) route.State {
	t.Helper()
	for _, s := range h.Standings(now) {
		if s.Endpoint == endpoint && s.Offering == offering {
			return s.State
		}
	}
	t.Fatalf("no circuit of %q on %q", offering, endpoint)
	return 0
}

func TestHealth_OpensAfterFiveFailuresInARow(t *testing.T) {
	e := world(1, 2)
	h, o := healthOf(e, route.HealthOptions{}), e.Offerings[0]
	for i := range 5 {
		if !try(h, o, began, down) {
			t.Fatalf("no leave for failure %d", i+1)
		}
	}
	if try(h, o, began, fine) || h.RetryIn(o, began) <= 0 {
		t.Errorf("asked though it failed five times in a row; retry in %v", h.RetryIn(o, began))
	}
	if !try(h, e.Offerings[1], began, fine) {
		t.Error("the other offering of the endpoint is not asked")
	}
}

func TestHealth_OpensOnTheShareOfFailures(t *testing.T) {
	e := world(1, 1)
	h, o := healthOf(e, route.HealthOptions{}), e.Offerings[0]
	for i := range 10 {
		for _, r := range []route.Result{fine, down} {
			if !try(h, o, began.Add(time.Duration(i)*time.Second), r) {
				t.Fatalf("closed after %d of each", i)
			}
		}
	}
	if try(h, o, began.Add(9*time.Second), fine) {
		t.Error("asked though half of twenty calls failed")
	}
}

func TestHealth_ForgetsFailuresOfLongAgo(t *testing.T) {
	e := world(1, 1)
	h, o := healthOf(e, route.HealthOptions{}), e.Offerings[0]
	for i := range 40 { // half fail, two in a row at most, but never twenty within half a minute
		for _, r := range []route.Result{fine, down} {
			if !try(h, o, began.Add(time.Duration(i)*5*time.Second), r) {
				t.Fatalf("opened at %d", i)
			}
		}
	}
}

// What says nothing of a vendor opens nothing, and closes nothing.
func TestHealth_NeutralOutcomesDecideNothing(t *testing.T) {
	neutral := []fault.Kind{fault.UpstreamRefused, fault.Cancelled, fault.Overloaded, fault.LedgerUnavailable, fault.Internal, fault.Malformed, fault.Unsupported, fault.Draining, fault.StoreUnavailable}
	rapid.Check(t, func(t *rapid.T) {
		e := world(2, 2)
		h, now := healthOf(e, route.HealthOptions{}), began
		for range rapid.IntRange(1, 200).Draw(t, "calls") {
			o := rapid.SampledFrom(e.Offerings).Draw(t, "offering")
			r := route.Result{Kind: rapid.SampledFrom(neutral).Draw(t, "kind")}
			if !try(h, o, now, r) {
				t.Fatalf("%s opened something", r.Kind)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
		}
	})
	e := world(1, 1)
	h, o := healthOf(e, route.HealthOptions{}), e.Offerings[0]
	for range 5 {
		try(h, o, began, down)
	}
	now := began.Add(time.Minute)
	for _, k := range neutral {
		if !try(h, o, now, route.Result{Kind: k}) {
			t.Errorf("%s kept the next call from trying", k)
		}
		if stateOf(t, h, "a", "a/1", now) == route.Closed {
			t.Errorf("%s closed the circuit", k)
		}
	}
}

// Whatever comes in whatever order: a circuit that is not closed lets one call
// through at a time, a closed one never more failures in a row than allowed.
func TestHealth_LetsOneProbeThroughAtATime(t *testing.T) {
	results := []route.Result{fine, down, gone, {Kind: fault.UpstreamMisconfig}, {Kind: fault.UpstreamTimeout}, {Kind: fault.UpstreamRateLimited}, {Kind: fault.Cancelled}}
	rapid.Check(t, func(t *rapid.T) {
		e := world(1, rapid.IntRange(1, 3).Draw(t, "offerings"))
		h, now := healthOf(e, route.HealthOptions{ProbeFor: 30 * time.Second}), began
		type flight struct {
			pass  route.Pass
			name  string
			began time.Time
		}
		var under []flight
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				o := rapid.SampledFrom(e.Offerings).Draw(t, "offering")
				place, own := standing(h, "", now), standing(h, o.Name, now)
				wait := h.RetryIn(o, now)
				early := rapid.Bool().Draw(t, "early")
				pass, ok := h.Ask(o, now, early)
				if closed := place == route.Closed && own == route.Closed; !ok && wait == 0 || ok && !early && wait > 0 || closed && !ok || ok && pass.Probe() == closed {
					t.Fatalf("states %v and %v, retry in %v: leave %v, probe %v", place, own, wait, ok, pass.Probe())
				}
				if !ok {
					continue
				}
				for _, f := range under {
					if pass.Probe() && f.pass.Probe() && f.name == o.Name && now.Sub(f.began) < 30*time.Second {
						t.Fatalf("a second probe of %s at %v, the first is of %v", o.Name, now, f.began)
					}
				}
				under = append(under, flight{pass, o.Name, now})
			case 1:
				if len(under) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(under)-1).Draw(t, "flight")
				under[i].pass.Done(now, rapid.SampledFrom(results).Draw(t, "result"))
				under = append(under[:i], under[i+1:]...)
			case 2:
				now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
			}
		}
		for _, f := range under {
			f.pass.Done(now, fine)
		}
		// Whatever was, an endpoint that answers is back within seconds.
		for end := now.Add(time.Minute); now.Before(end); now = now.Add(500 * time.Millisecond) {
			for _, o := range e.Offerings {
				try(h, o, now, fine)
			}
		}
		for _, s := range h.Standings(now) {
			if s.State != route.Closed {
				t.Fatalf("after a minute of good answers: %+v", s)
			}
		}
	})
}

func standing(h *route.Health, offering string, now time.Time) route.State {
	for _, s := range h.Standings(now) {
		if s.Offering == offering {
			return s.State
		}
	}
	return route.Closed
}

func TestHealth_RecoversWithTheFirstGoodProbeWithinSeconds(t *testing.T) {
	e := world(1, 1)
	h, o := healthOf(e, route.HealthOptions{}), e.Offerings[0]
	now, asked := began, 0
	for ; now.Before(began.Add(10 * time.Minute)); now = now.Add(100 * time.Millisecond) {
		if try(h, o, now, down) {
			asked++
		}
	}
	if asked < 20 || asked > 70 {
		t.Errorf("a vendor that was down for 10 minutes was asked %d times", asked)
	}
	back := now
	for !try(h, o, now, fine) {
		now = now.Add(100 * time.Millisecond)
	}
	if d := now.Sub(back); d > 18*time.Second {
		t.Errorf("asked again only %v after it was back", d)
	}
	if !try(h, o, now, fine) || stateOf(t, h, "a", "a/1", now) != route.Closed {
		t.Error("not closed after a good probe")
	}
}

func TestHealth_OpensSoonerOnAVendorThatFlaps(t *testing.T) {
	e := world(1, 1)
	h, o := healthOf(e, route.HealthOptions{}), e.Offerings[0]
	for range 5 {
		try(h, o, began, down)
	}
	now := began.Add(time.Minute)
	try(h, o, now, fine)
	try(h, o, now, down)
	try(h, o, now, down)
	if try(h, o, now, fine) {
		t.Error("asked a third time though it had only just recovered")
	}
}

func TestHealth_AProbeThatIsNeverHeardOfCountsAsFailed(t *testing.T) {
	e := world(1, 1)
	h, o := healthOf(e, route.HealthOptions{ProbeFor: 10 * time.Second}), e.Offerings[0]
	for range 5 {
		try(h, o, began, down)
	}
	now := began.Add(5 * time.Second)
	lost, ok := h.Ask(o, now, false)
	if !ok || !lost.Probe() {
		t.Fatal("no probe")
	}
	if _, ok := h.Ask(o, now.Add(9*time.Second), false); ok {
		t.Error("a second probe while the first is under way")
	}
	if h.RetryIn(o, now.Add(11*time.Second)) == 0 {
		t.Error("no pause after a probe that was not heard of")
	}
	later := now.Add(14 * time.Second)
	if !try(h, o, later, down) {
		t.Error("no further probe")
	}
	lost.Done(later, down) // counted already
	if lost.Done(later, fine); stateOf(t, h, "a", "a/1", later) != route.Open {
		t.Error("an answer that came too late closed the circuit")
	}
}

func TestHealth_ResultsOfBeforeTheOutageDoNotCloseIt(t *testing.T) {
	e := world(1, 1)
	h, o := healthOf(e, route.HealthOptions{}), e.Offerings[0]
	long, _ := h.Ask(o, began, false)
	for range 5 {
		try(h, o, began, down)
	}
	long.Done(began, fine)
	if try(h, o, began, fine) {
		t.Error("a stream from before the outage closed the circuit")
	}
}

func TestHealth_KnowsAnEndpointThatCannotBeReachedAcrossItsOfferings(t *testing.T) {
	e := world(2, 3)
	h := healthOf(e, route.HealthOptions{})
	for i := range 3 { // each offering once
		if !try(h, e.Offerings[i], began, gone) {
			t.Fatalf("no leave for offering %d", i)
		}
	}
	for i := range 3 {
		if try(h, e.Offerings[i], began, fine) {
			t.Errorf("%s is asked though its endpoint is gone", e.Offerings[i].Name)
		}
	}
	if !try(h, e.Offerings[3], began, fine) {
		t.Error("another endpoint is not asked")
	}
	now := began.Add(2 * time.Second)
	probe, ok := h.Ask(e.Offerings[1], now, false)
	if !ok || !probe.Probe() {
		t.Fatal("no probe")
	}
	for i := range 3 {
		if _, ok := h.Ask(e.Offerings[i], now, false); ok {
			t.Errorf("a second probe, by %s", e.Offerings[i].Name)
		}
	}
	probe.Done(now, fine)
	for i := range 3 {
		if !try(h, e.Offerings[i], now, fine) {
			t.Errorf("%s is not asked though its endpoint is back", e.Offerings[i].Name)
		}
	}
}

func TestHealth_KnowsAnEndpointWhoseOfferingsFailOneAfterTheOther(t *testing.T) {
	e := world(1, 3)
	h := healthOf(e, route.HealthOptions{})
	for i := range 2 {
		for range 5 {
			try(h, e.Offerings[i], began.Add(time.Second), down)
		}
	}
	if try(h, e.Offerings[2], began.Add(time.Second), fine) {
		t.Error("the third offering is asked though two failed and none answered")
	}
	now := began.Add(time.Minute)
	if !try(h, e.Offerings[2], now, fine) {
		t.Fatal("no probe")
	}
	for i := range 3 {
		if !try(h, e.Offerings[i], now, fine) || stateOf(t, h, "a", e.Offerings[i].Name, now) != route.Closed {
			t.Errorf("%s has not recovered with its endpoint", e.Offerings[i].Name)
		}
	}
}

func TestHealth_AModelThatIsNotThereSaysNothingOfItsEndpoint(t *testing.T) {
	e := world(1, 3)
	h := healthOf(e, route.HealthOptions{})
	for i := range 2 {
		for range 5 {
			try(h, e.Offerings[i], began, route.Result{Kind: fault.UpstreamMisconfig})
		}
		if try(h, e.Offerings[i], began, fine) {
			t.Errorf("%s is asked though it is not there", e.Offerings[i].Name)
		}
	}
	if !try(h, e.Offerings[2], began, fine) {
		t.Error("an offering that is there is not asked")
	}
}

func TestHealth_ReloadsKeepWhatIsKnownAndForgetWhatIsGone(t *testing.T) {
	e := world(2, 1)
	h := healthOf(e, route.HealthOptions{})
	for i := range 2 {
		for range 5 {
			try(h, e.Offerings[i], began, down)
		}
	}
	next := world(2, 1)
	next.Endpoints[1].URL = "https://mended.example"
	h.Use(next)
	if try(h, next.Offerings[0], began, fine) || try(h, e.Offerings[0], began, fine) {
		t.Error("a reload closed the circuit")
	}
	if !try(h, next.Offerings[1], began, fine) {
		t.Error("an endpoint with another address is judged by the old one")
	}
	h.Use(world(1, 1))
	if !try(h, e.Offerings[1], began, fine) || len(h.Standings(began)) != 2 {
		t.Errorf("what is gone is remembered: %v", h.Standings(began))
	}
	h.Use(e)
	if !try(h, e.Offerings[1], began, fine) {
		t.Error("what was gone is judged by what it was")
	}
}

func TestHealth_TellsOfEachChange(t *testing.T) {
	var told []route.Change
	e := world(1, 1)
	h := healthOf(e, route.HealthOptions{Told: func(c route.Change) { told = append(told, c) }})
	for range 7 {
		try(h, e.Offerings[0], began, down)
	}
	for n := range 5 { // still down, which is no news
		if !try(h, e.Offerings[0], began.Add(time.Duration(n+1)*time.Minute), down) {
			t.Fatal("nobody is let through to find out")
		}
	}
	try(h, e.Offerings[0], began.Add(time.Hour), fine)
	want := []route.Change{{"a", "a/1", route.Open, fault.UpstreamError}, {"a", "a/1", route.Closed, ""}}
	if len(told) != 2 || told[0] != want[0] || told[1] != want[1] {
		t.Errorf("told %v, want %v", told, want)
	}
}

func TestHealth_IsSafeForManyAtOnce(t *testing.T) {
	e := world(2, 2)
	h := route.NewHealth(route.HealthOptions{First: time.Microsecond, Longest: time.Millisecond})
	h.Use(e)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			for n := range 2000 {
				now := time.Now()
				order, _, err := route.Plan(e.Offerings, func(*catalog.Offering) error { return nil }, h, route.Call{Now: now, Random: random.Float64, Service: &catalog.Service{Order: catalog.ByLatency}})
				if err != nil {
					continue
				}
				if p, ok := h.Ask(e.Offerings[order[0]], now, false); ok {
					p.Done(now, []route.Result{fine, down, gone}[random.IntN(3)])
				}
				if n%500 == 0 {
					h.Use(world(2, 2))
					h.Standings(now)
				}
			}
		})
	}
	all.Wait()
}

func TestHealth_CallWithNowhereElseToGoIsLetThrough(t *testing.T) {
	e := world(1, 1)
	h, o, now := healthOf(e, route.HealthOptions{}), e.Offerings[0], began
	for range 5 {
		try(h, o, now, down)
	}
	if try(h, o, now, down) {
		t.Fatal("an open circuit let through a call that could go elsewhere")
	}
	first, ok := h.Ask(o, now, true)
	if !ok {
		t.Fatal("a call that has nowhere else to go was not let through")
	}
	if _, ok := h.Ask(o, now, true); ok {
		t.Fatal("a second one was, while the first is under way")
	}
	first.Done(now, down)
	let := 1
	for range 200 {
		if p, ok := h.Ask(o, now, true); ok {
			let++
			p.Done(now, down)
		}
	}
	if let != 50 {
		t.Errorf("%d were let through at once; want 50", let)
	}
	let = 0
	for i := range 500 {
		if p, ok := h.Ask(o, now.Add(time.Duration(i)*time.Millisecond), true); ok {
			let++
			p.Done(now, down)
		}
	}
	if let < 9 || let > 11 {
		t.Errorf("%d were let through in half a second; want about 10", let)
	}
	// A failure before its time neither lengthens the outage nor ends it.
	if d := h.RetryIn(o, now.Add(500*time.Millisecond)); d <= 0 || d > 700*time.Millisecond {
		t.Errorf("may be asked in %v; want what is left of the first second", d)
	}
	p, ok := h.Ask(o, now.Add(600*time.Millisecond), true)
	if !ok {
		t.Fatal("none was let through a moment later")
	}
	p.Done(now.Add(600*time.Millisecond), fine)
	if !try(h, o, now.Add(601*time.Millisecond), fine) || stateOf(t, h, "a", "a/1", now.Add(time.Second)) != route.Closed {
		t.Error("a good answer before its time did not close the circuit")
	}
}

func TestHealth_VendorsWordBindsEvenThoseWithNowhereElseToGo(t *testing.T) {
	e := world(1, 1)
	h, o, now := healthOf(e, route.HealthOptions{}), e.Offerings[0], began
	busy := route.Result{Kind: fault.UpstreamUnavailable, Took: time.Second, RetryAfter: 20 * time.Second}
	for range 5 {
		try(h, o, now, busy)
	}
	if _, ok := h.Ask(o, now.Add(19*time.Second), true); ok {
		t.Error("a call was let through before the vendor's own time")
	}
	if _, ok := h.Ask(o, now.Add(21*time.Second), true); !ok {
		t.Error("none was let through after it")
	}
}
