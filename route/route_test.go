package route_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkhead/catalog"
	"bulkhead/fault"
	"bulkhead/money"
	"bulkhead/route"
)

func none(*catalog.Offering) error { return nil }

func namesOf(t testing.TB, e *catalog.Estate, h *route.Health, c route.Call) (names []string) {
	t.Helper()
	if c.Now.IsZero() {
		c.Now = began
	}
	order, _, err := route.Plan(e.Offerings, none, h, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range order {
		names = append(names, e.Offerings[n].Name)
	}
	return names
}

func same(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: order %v, want %v", what, got, want)
	}
}

func by(o catalog.Order) *catalog.Service { return &catalog.Service{Order: o} }

func TestPlan_KeepsTheOrderOfTheAlias(t *testing.T) {
	e := world(1, 3)
	for _, s := range []*catalog.Service{nil, {}, by(catalog.ByPreference), by(catalog.ByPrice), by(catalog.ByLatency)} {
		same(t, "three models", namesOf(t, e, healthOf(e, route.HealthOptions{}), route.Call{Service: s}), "a/1", "a/2", "a/3")
	}
	same(t, "no health", namesOf(t, e, nil, route.Call{}), "a/1", "a/2", "a/3")
}

func TestPlan_PutsOfferingsOfAModelInOrderOfPrice(t *testing.T) {
	e := sameModel(world(1, 4))
	prices := []catalog.Price{{}, {Input: 5_000_000, Output: 1_000_000, Known: true}, {Input: 1_000_000, Output: 20_000_000, Known: true}, {Known: true}}
	for i, o := range e.Offerings {
		o.Price = prices[i]
	}
	c := route.Call{Service: by(catalog.ByPrice), Input: 10_000, Output: 100}
	same(t, "much is read", namesOf(t, e, nil, c), "a/4", "a/3", "a/2", "a/1")
	c.Input, c.Output = 100, 10_000
	same(t, "much is written", namesOf(t, e, nil, c), "a/4", "a/2", "a/3", "a/1")
	e.Offerings[0].Model = &catalog.Model{Name: "preferred"}
	same(t, "another model before", namesOf(t, e, nil, c), "a/1", "a/4", "a/2", "a/3")
	var huge money.Amount = 1 << 62
	e.Offerings[3].Price = catalog.Price{Input: huge, Output: huge, Known: true}
	c.Input, c.Output = 1<<40, 1<<40
	same(t, "more than a number holds", namesOf(t, e, nil, c), "a/1", "a/2", "a/3", "a/4")
}

func TestPlan_DrawsByWeight(t *testing.T) {
	e := sameModel(world(1, 3))
	s := &catalog.Service{Order: catalog.ByWeight, Weights: map[string]int{"a/1": 6, "a/2": 0}}
	random := rand.New(rand.NewPCG(3, 4))
	first := map[string]int{}
	for range 7000 {
		names := namesOf(t, e, nil, route.Call{Service: s, Random: random.Float64})
		if first[names[0]]++; names[2] != "a/2" {
			t.Fatalf("order %v: weight 0 is not last", names)
		}
	}
	if n := first["a/1"]; n < 5850 || n > 6150 {
		t.Errorf("weight 6 of 7 came first %d times of 7000", n)
	}
}

func TestPlan_AsksTheSoonestFirstAndFindsOutAboutTheOthersOneByOne(t *testing.T) {
	e := sameModel(world(1, 3))
	h := healthOf(e, route.HealthOptions{})
	c := route.Call{Service: by(catalog.ByLatency), Stream: true, Now: began}
	for i, want := range []string{"a/1", "a/2", "a/3", "a/1"} { // each is sent one call, then nobody waits for what they found
		if got := namesOf(t, e, h, c)[0]; got != want {
			t.Errorf("call %d goes to %s first, want %s", i, got, want)
		}
	}
	for i, wait := range []time.Duration{3 * time.Second, time.Second, 2 * time.Second} {
		try(h, e.Offerings[i], began, route.Result{FirstContent: wait, Took: wait})
	}
	same(t, "all known", namesOf(t, e, h, c), "a/2", "a/3", "a/1")
	for range 20 { // it moves with what is met
		try(h, e.Offerings[1], began, route.Result{FirstContent: 9 * time.Second, Took: 9 * time.Second})
	}
	same(t, "slower now", namesOf(t, e, h, c), "a/3", "a/1", "a/2")
	c.Now = began.Add(2 * time.Minute) // long ago: one call finds out
	if got := namesOf(t, e, h, c)[0]; got != "a/1" {
		t.Errorf("after two minutes %s is asked first", got)
	}
}

func TestPlan_PutsWhatRestsLastAndStillAsksIt(t *testing.T) {
	e := world(1, 2)
	h := healthOf(e, route.HealthOptions{})
	try(h, e.Offerings[0], began, route.Result{Kind: fault.UpstreamRateLimited, RetryAfter: time.Minute})
	same(t, "resting", namesOf(t, e, h, route.Call{Now: began.Add(59 * time.Second)}), "a/2", "a/1")
	same(t, "rested", namesOf(t, e, h, route.Call{Now: began.Add(time.Minute)}), "a/1", "a/2")
	try(h, e.Offerings[0], began, route.Result{Kind: fault.UpstreamRateLimited, RetryAfter: time.Hour})
	try(h, e.Offerings[1], began, route.Result{Kind: fault.UpstreamRateLimited})
	same(t, "both", namesOf(t, e, h, route.Call{}), "a/1", "a/2")
	try(h, e.Offerings[0], began, fine)
	same(t, "answered after all", namesOf(t, e, h, route.Call{}), "a/1", "a/2")
}

func TestPlan_PutsWhatIsSlowAfterAllOthersUntilItIsNot(t *testing.T) {
	e := world(1, 2)
	h := healthOf(e, route.HealthOptions{Slow: 10 * time.Second})
	late := route.Result{FirstContent: 11 * time.Second, Took: 12 * time.Second}
	for range 19 {
		try(h, e.Offerings[0], began, late)
	}
	same(t, "not yet", namesOf(t, e, h, route.Call{}), "a/1", "a/2")
	try(h, e.Offerings[0], began, late)
	same(t, "slow", namesOf(t, e, h, route.Call{}), "a/2", "a/1")
	now := began.Add(20 * time.Second)
	same(t, "one finds out", namesOf(t, e, h, route.Call{Now: now}), "a/1", "a/2")
	same(t, "the others do not", namesOf(t, e, h, route.Call{Now: now}), "a/2", "a/1")
	try(h, e.Offerings[0], now, fine)
	same(t, "fast again", namesOf(t, e, h, route.Call{Now: now}), "a/1", "a/2")
}

func TestPlan_LeavesOutWhatCannotBeAsked(t *testing.T) {
	e := world(2, 1)
	h := healthOf(e, route.HealthOptions{})
	for range 5 {
		try(h, e.Offerings[0], began, down)
	}
	same(t, "one is open", namesOf(t, e, h, route.Call{}), "b/1")
	for range 3 {
		try(h, e.Offerings[1], began, gone)
	}
	if order, early, err := route.Plan(e.Offerings, none, h, route.Call{Now: began}); len(order) != 2 || !early || err != nil {
		t.Errorf("both are open, and there is nowhere else to go: got %v early %v, %v", order, early, err)
	}
	for _, o := range e.Offerings { // one call is under way at each
		if _, ok := h.Ask(o, began, true); !ok {
			t.Fatalf("%s does not let a call through that has nowhere else to go", o.Name)
		}
	}
	_, _, err := route.Plan(e.Offerings, none, h, route.Call{Now: began})
	f := fault.From(err)
	if f.Kind != fault.UpstreamUnavailable || f.RetryAfter < time.Second || f.RetryAfter > 3*time.Second || f.NoRetry || len(f.Reasons) != 2 || f.Reasons[0].Rule != "circuit-open" {
		t.Errorf("both are open: %+v", f)
	}
	_, _, err = route.Plan(e.Offerings, func(*catalog.Offering) error { return errors.New("no secret") }, h, route.Call{Now: began})
	if f := fault.From(err); f.Kind != fault.UpstreamMisconfig || !f.NoRetry || len(f.Reasons) != 2 || f.Reasons[0].Rule != "endpoint-set-up" {
		t.Errorf("no secrets: %+v", f)
	}
}

// Whatever is known: an order has only what was permitted, each once, and
// nothing that has no leave.
func TestPlan_NeverLeadsOutsideWhatIsPermitted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := world(3, 3)
		h, now := healthOf(e, route.HealthOptions{}), began
		for range rapid.IntRange(0, 60).Draw(t, "outcomes") {
			try(h, rapid.SampledFrom(e.Offerings).Draw(t, "offering"), now, rapid.SampledFrom([]route.Result{fine, down, gone, {Kind: fault.UpstreamRateLimited}}).Draw(t, "result"))
			now = now.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "ms")) * time.Millisecond)
		}
		n := rapid.IntRange(0, len(e.Offerings)).Draw(t, "permitted")
		service := by(rapid.SampledFrom([]catalog.Order{"", catalog.ByPreference, catalog.ByPrice, catalog.ByLatency, catalog.ByWeight}).Draw(t, "order"))
		order, early, err := route.Plan(e.Offerings[:n], none, h, route.Call{Service: service, Now: now, Random: rand.New(rand.NewPCG(1, 1)).Float64})
		asked := map[int]bool{}
		for _, i := range order {
			if i < 0 || i >= n || asked[i] || (h.RetryIn(e.Offerings[i], now) > 0) != early {
				t.Fatalf("order %v of %d permitted", order, n)
			}
			asked[i] = true
		}
		for i := range n {
			if !asked[i] && h.RetryIn(e.Offerings[i], now) == 0 {
				t.Fatalf("%s may be asked and is not in the order %v", e.Offerings[i].Name, order)
			}
		}
		if (len(order) == 0) != (err != nil) {
			t.Fatalf("order %v, error %v", order, err)
		}
	})
}

// BenchmarkCall is what routing and health add to a call: an order, leave, the
// outcome.
func BenchmarkCall(b *testing.B) {
	for _, o := range []catalog.Order{catalog.ByPreference, catalog.ByPrice, catalog.ByLatency, catalog.ByWeight} {
		b.Run(string(o), func(b *testing.B) {
			e := sameModel(world(4, 1))
			h := healthOf(e, route.HealthOptions{})
			random := rand.New(rand.NewPCG(1, 1))
			c := route.Call{Service: by(o), Stream: true, Input: 1000, Output: 500, Random: random.Float64}
			b.ReportAllocs()
			for b.Loop() {
				c.Now = time.Now()
				order, _, err := route.Plan(e.Offerings, none, h, c)
				if err != nil {
					b.Fatal(err)
				}
				p, _ := h.Ask(e.Offerings[order[0]], c.Now, false)
				p.Done(c.Now, fine)
			}
		})
	}
}
