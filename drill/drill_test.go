package drill_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/drill"
	"bulkhead/money"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func world() *catalog.Estate {
	dear, err := money.Parse("10.00")
	if err != nil {
		panic(err)
	}
	o := &catalog.Offering{Name: "west/anvil", Price: catalog.Price{Input: dear, CachedInput: dear / 10, Output: dear, Known: true}}
	free := &catalog.Offering{Name: "east/anvil"}
	workload := func(name string, drillable bool) *catalog.Workload {
		return &catalog.Workload{Name: name, Service: catalog.Service{Drillable: drillable},
			Aliases: map[string]*catalog.Alias{"chat": {Name: "chat", Offerings: []*catalog.Offering{o, free}}}}
	}
	return &catalog.Estate{Workloads: map[string]*catalog.Workload{"desk": workload("desk", true), "letters": workload("letters", false)}, Offerings: []*catalog.Offering{o, free}}
}

func complete(at time.Time, first time.Duration) *call.Record {
	return &call.Record{Workload: "desk", Alias: "chat", Start: at, FirstByte: first, Took: 2 * first, Ending: call.Complete, Status: 200, Offering: "west/anvil",
		Usage: call.Usage{Known: true, Input: 1_000_000, CachedInput: 500_000, Output: 100_000}}
}

func refused(at time.Time, status int, kind string) *call.Record {
	return &call.Record{Workload: "desk", Alias: "chat", Start: at, Took: time.Millisecond, Ending: call.Refused, Status: status, Kind: kind}
}

func TestWatch_ComparesWhatBeganInTheDrillWithTheTimeBefore(t *testing.T) {
	w := drill.NewWatch()
	w.Use(world())
	old := complete(noon.Add(-time.Hour), time.Second)
	w.Observe(old)
	for i := range 4 {
		w.Observe(complete(noon.Add(-time.Duration(i+1)*time.Minute), 100*time.Millisecond))
	}
	under := complete(noon.Add(-time.Second), 3*time.Second) // ends in the drill, and is not of it
	check := complete(noon, time.Second)
	check.Key = call.Checker
	other := complete(noon, time.Second)
	other.Workload = "letters"
	w.Begin([]string{"desk", "letters"}, noon)
	east := complete(noon.Add(5*time.Second), 200*time.Millisecond)
	east.Offering = "east/anvil"
	gone := complete(noon, time.Second)
	gone.Ending = call.Gone
	cut := complete(noon.Add(time.Second), time.Second)
	cut.Ending = call.Cut
	for _, r := range []*call.Record{under, check, other, east, gone, cut,
		refused(noon, 503, "upstream_unavailable"), refused(noon.Add(2*time.Second), 200, "upstream_error"), refused(noon, 403, "denied"), refused(noon, 400, "upstream_refused")} {
		w.Observe(r)
	}
	all := w.Results([]string{"desk", "letters"})
	if len(all) != 1 {
		t.Fatalf("%d aliases are counted, want that of desk alone", len(all))
	}
	a := all[0]
	if a.Before.Calls != 5 || a.Before.Answered != 5 || a.Before.FirstByteP50 < 100 || a.Before.FirstByteP50 > 142 || a.Before.FirstByteP95 < 3000 {
		t.Errorf("before: %+v", a.Before)
	}
	if a.Before.Cost != "32.50" || a.Before.Priced != 5 { // 5 × (0.5 × 10 + 0.5 × 1 + 0.1 × 10)
		t.Errorf("cost before: %s for %d", a.Before.Cost, a.Before.Priced)
	}
	d := a.During
	if d.Calls != 7 || d.Answered != 1 || d.Failed != 3 || d.Refused != 2 || d.Cancelled != 1 || d.ByOffering["east/anvil"] != 1 || d.Priced != 0 {
		t.Errorf("during: %+v", d)
	}
	if a.FirstAnswer == nil || *a.FirstAnswer != 5400 || a.LastFailure == nil || *a.LastFailure != 3000 {
		t.Errorf("first answer %v, last failure %v", a.FirstAnswer, a.LastFailure)
	}
	w.End([]string{"desk"})
	w.Begin([]string{"desk"}, noon.Add(time.Minute))
	if a := w.Results([]string{"desk"})[0]; a.Before.Calls != 0 {
		t.Errorf("the next drill is compared with this one: %+v", a.Before)
	}
}

func TestWatch_SaysWhichLimitIsPassed(t *testing.T) {
	for name, row := range map[string]struct {
		limits drill.Limits
		during func(w *drill.Watch)
		want   string
	}{
		"two failures are no share": {drill.Limits{Errors: 0.1}, func(w *drill.Watch) { fail(w, 2) }, ""},
		"three are":                 {drill.Limits{Errors: 0.1}, func(w *drill.Watch) { fail(w, 3) }, "3 of the 3 calls of the last minute failed, more than 10 %"},
		"not where all may fail":    {drill.Limits{Errors: 1}, func(w *drill.Watch) { fail(w, 30) }, ""},
		"slower":                    {drill.Limits{Latency: 3}, func(w *drill.Watch) { answer(w, 5, time.Second, 1) }, "first byte"},
		"not slow enough":           {drill.Limits{Latency: 30}, func(w *drill.Watch) { answer(w, 5, time.Second, 1) }, ""},
		"too few to say":            {drill.Limits{Latency: 3}, func(w *drill.Watch) { answer(w, 4, time.Second, 1) }, ""},
		"dearer":                    {drill.Limits{Cost: 2}, func(w *drill.Watch) { answer(w, 5, time.Millisecond, 3) }, "more than 2 times the 6.50 USD before"},
		"no dearer":                 {drill.Limits{Cost: 2}, func(w *drill.Watch) { answer(w, 5, time.Millisecond, 1) }, ""},
		"no limit":                  {drill.Limits{}, func(w *drill.Watch) { fail(w, 30) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := drill.NewWatch()
			w.Use(world())
			for range 5 {
				w.Observe(complete(noon.Add(-time.Minute), 100*time.Millisecond))
			}
			w.Begin([]string{"desk"}, noon)
			row.during(w)
			why := w.Breach([]string{"desk"}, row.limits, noon.Add(30*time.Second))
			if (row.want == "") != (why == "") || !strings.Contains(why, row.want) {
				t.Errorf("said %q, want %q", why, row.want)
			}
			if late := w.Breach([]string{"desk"}, row.limits, noon.Add(3*time.Minute)); late != "" {
				t.Errorf("after three minutes it still says %q", late)
			}
		})
	}
}

func fail(w *drill.Watch, n int) {
	for range n {
		w.Observe(refused(noon.Add(10*time.Second), 503, "upstream_unavailable"))
	}
}

func answer(w *drill.Watch, n int, first time.Duration, tokens int64) {
	for range n {
		r := complete(noon.Add(10*time.Second), first)
		r.Usage.Input, r.Usage.CachedInput, r.Usage.Output = r.Usage.Input*tokens, r.Usage.CachedInput*tokens, r.Usage.Output*tokens
		w.Observe(r)
	}
}

func TestWatch_CountsEveryCallOfManyGoroutines(t *testing.T) {
	w := drill.NewWatch()
	w.Use(world())
	w.Begin([]string{"desk"}, noon)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				w.Observe(complete(noon.Add(time.Second), time.Millisecond))
				w.Breach([]string{"desk"}, drill.Limits{Errors: 0.1}, noon)
			}
		})
	}
	for range 50 {
		w.Use(world()) // a reload loses nothing
	}
	all.Wait()
	if n := w.Results([]string{"desk"})[0].During.Answered; n != 4000 {
		t.Errorf("%d calls are counted, want 4000", n)
	}
}

func TestReport_IsReadBackAndKeepsItsTable(t *testing.T) {
	end := noon.Add(time.Minute)
	r := drill.Report{ID: "drl-a", Marking: "CUI", Outcome: drill.Stopped, Why: "a | b", Began: noon, Until: end, Ended: &end, Stop: drill.Limits{Errors: 0.25, Cost: 2},
		Aliases: []drill.Alias{{Workload: "desk", Alias: "chat", Withdrawn: []string{"west/anvil"}, During: drill.Figures{Failed: 2}}}}
	r.Aliases[0].Judge()
	b, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	back, err := drill.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := back.JSON(); string(again) != string(b) {
		t.Errorf("read back it is\n%s\nwant\n%s", again, b)
	}
	if back.Aliases[0].Verdict != drill.Stranded || back.Clean() {
		t.Errorf("%+v is not stranded", back.Aliases[0])
	}
	text := string(r.Markdown())
	if !strings.HasPrefix(text, "CUI\n") || !strings.HasSuffix(text, "\nCUI\n") || !strings.Contains(text, `a \| b`) {
		t.Errorf("the report is\n%s", text)
	}
}

func TestAlias_IsJudgedByWhatIsTakenAndCounted(t *testing.T) {
	for want, a := range map[drill.Verdict]drill.Alias{
		drill.Untouched: {During: drill.Figures{Failed: 3}},
		drill.NotCalled: {Withdrawn: []string{"a"}, During: drill.Figures{Refused: 3, Cancelled: 1}},
		drill.Survived:  {Withdrawn: []string{"a"}, During: drill.Figures{Answered: 3, Refused: 1}},
		drill.Impaired:  {Withdrawn: []string{"a"}, During: drill.Figures{Answered: 3, Failed: 1}},
		drill.Stranded:  {Withdrawn: []string{"a"}, During: drill.Figures{Failed: 1}},
	} {
		if a.Judge(); a.Verdict != want {
			t.Errorf("%+v is %s, want %s", a.During, a.Verdict, want)
		}
	}
}
