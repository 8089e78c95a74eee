package gateway_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/ledger"
	"bulkhead/ledger/ledgertest"
)

// clouds is an estate whose offerings lie in clouds of their own names.
func clouds(offers ...offer) *catalog.Estate {
	e := estateOf("a", []string{"chat"}, offers...)
	for _, p := range e.Endpoints {
		p.Cloud = p.Name
	}
	for _, o := range e.Offerings { // what is not the agency's own needs its provider's
		theirs := o.Authorisations[0]
		theirs.Scheme = "fedramp"
		o.Authorisations = append([]catalog.Authorisation{theirs}, o.Authorisations...)
	}
	return e
}

func of(selector string, change ...func(*catalog.Suspension)) []catalog.Suspension {
	what, err := catalog.ParseSelector(selector)
	if err != nil {
		panic(err)
	}
	x := catalog.Suspension{ID: "sus-" + what.Name, What: what, From: time.Now().Add(-time.Millisecond)}
	for _, f := range change {
		f(&x)
	}
	return []catalog.Suspension{x}
}

func cutting(x *catalog.Suspension) { x.Cut = true }

func TestSuspend_MovesCallsAndBringsThemBack(t *testing.T) {
	one, two := newVendor(t, ok), newVendor(t, ok)
	r := start(t, clouds(offer{Name: "one", URL: one.URL}, offer{Name: "two", URL: two.URL}))
	served := func(want string) {
		t.Helper()
		got := r.Post("/v1/chat/completions", chat())
		if rec := r.Record(); got.Status != 200 || got.Header.Get("Bulkhead-Offering") != want || len(rec.Attempts) != 1 {
			t.Errorf("got %d from %q, attempts %+v; want %s", got.Status, got.Header.Get("Bulkhead-Offering"), rec.Attempts, want)
		}
	}
	served("one/m")
	for _, selector := range []string{"cloud=one", "offering=one/m"} {
		r.Gateway.Suspend(of(selector), -1)
		served("two/m")
		if n := r.Gateway.Suspensions(); n != 1 {
			t.Errorf("%d are in force", n)
		}
	}
	r.Gateway.Suspend(of("cloud=one", func(x *catalog.Suspension) { x.Exempt, x.Until = []string{"w"}, time.Now().Add(time.Hour) }), -1)
	served("one/m")
	at := time.Now().Add(300 * time.Millisecond)
	r.Gateway.Suspend(of("cloud=one", func(x *catalog.Suspension) { x.From = at }), -1)
	served("one/m")
	time.Sleep(time.Until(at))
	served("two/m")
	r.Gateway.Suspend(nil, -1)
	served("one/m")
}

func TestSuspend_NothingLeftIsSaidBeforeAByteLeaves(t *testing.T) {
	one, two := newVendor(t, ok), newVendor(t, ok)
	e := clouds(offer{Name: "one", URL: one.URL}, offer{Name: "two", URL: two.URL})
	r := start(t, e)
	r.Gateway.Suspend(of("vendor=acme"), -1)
	for _, detail := range []string{"full", "brief"} {
		e.Workloads["w"].RefusalDetail = detail
		got := r.Post("/v1/chat/completions", chat())
		refusal := refused(t, got, 503, "upstream_unavailable")
		if got.Header.Get("X-Should-Retry") != "false" || strings.Contains(got.Body, "sus-acme") != (detail == "full") || refusal.Bulkhead.Reasons[0].Rule != "suspended" {
			t.Errorf("%s: %v %s", detail, got.Header, got.Body)
		}
		r.Record()
	}
	if len(one.Seen())+len(two.Seen()) > 0 {
		t.Error("a vendor was asked")
	}
}

// A suspension that comes while a call is under way is seen before its next attempt.
func TestSuspend_IsLookedAtBeforeEachAttempt(t *testing.T) {
	var r *rig
	one := newVendor(t, func(x *visit) {
		r.Gateway.Suspend(of("cloud=two"), -1)
		x.Reply(503, jsonType, vendorWords)
	})
	two, three := newVendor(t, ok), newVendor(t, ok)
	r = start(t, clouds(offer{Name: "one", URL: one.URL}, offer{Name: "two", URL: two.URL}, offer{Name: "three", URL: three.URL}))
	got := r.Post("/v1/chat/completions", chat())
	if rec := r.Record(); got.Header.Get("Bulkhead-Offering") != "three/m" || len(rec.Attempts) != 2 || len(two.Seen()) != 0 {
		t.Errorf("got %d from %s, attempts %+v; two was asked %d times", got.Status, got.Header.Get("Bulkhead-Offering"), rec.Attempts, len(two.Seen()))
	}
}

func TestSuspend_CutsOrDrainsCallsUnderWay(t *testing.T) {
	for name, row := range map[string]struct {
		opening string // what the caller has before
		stream  bool
		cut     bool
	}{
		"drained, unary": {}, "drained, stream": {stream: true}, "drained, after content": {opening: helloEvent, stream: true},
		"cut, unary": {cut: true}, "cut, before content": {stream: true, cut: true, opening: roleEvent}, "cut, after content": {stream: true, cut: true, opening: helloEvent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, suspended := make(chan struct{}), make(chan struct{})
			one := newVendor(t, func(x *visit) {
				if row.stream {
					x.Stream(streamType, row.opening)
				}
				close(asked)
				if row.cut {
					x.AwaitGone(5 * time.Second)
					return
				}
				<-suspended
				if row.stream {
					x.Chunks(helloEvent, finishEvent, doneEvent)
					x.End()
					return
				}
				x.Reply(200, jsonType, spoken("Hello"))
			})
			two := newVendor(t, ok)
			r := start(t, clouds(offer{Name: "one", URL: one.URL}, offer{Name: "two", URL: two.URL}))
			var count atomic.Int64
			go func() {
				select {
				case <-asked:
				case <-time.After(5 * time.Second): // the call was not made, and the test says so
				}
				if row.opening == helloEvent {
					time.Sleep(100 * time.Millisecond) // it has come to the caller
				}
				count.Store(int64(r.Gateway.Suspend(of("cloud=one", func(x *catalog.Suspension) { x.Cut = row.cut }), -1)))
				close(suspended)
			}()
			got := r.Post("/v1/chat/completions", chat(fmt.Sprintf(`"stream":%v`, row.stream)))
			rec := r.Record()
			<-suspended
			switch {
			case !row.cut:
				if rec.Ending != call.Complete || rec.Offering != "one/m" || count.Load() != 0 {
					t.Errorf("record %+v, %d cut", rec, count.Load())
				}
			case row.opening == helloEvent:
				if !strings.HasPrefix(got.Body, helloEvent) || !strings.Contains(got.Body, "sus-one") || strings.Contains(got.Body, "[DONE]") || rec.Ending != call.Cut || rec.Kind != "upstream_unavailable" || len(rec.Attempts) != 1 {
					t.Errorf("got %q, record %+v", got.Body, rec)
				}
			default:
				if rec.Ending != call.Complete || rec.Offering != "two/m" || len(rec.Attempts) != 2 || rec.Attempts[0].Kind != "upstream_unavailable" || got.Status != 200 || count.Load() != 1 {
					t.Errorf("got %d %q, record %+v, %d cut", got.Status, got.Body, rec, count.Load())
				}
			}
		})
	}
}

// With --at, and at the end of an exemption, calls under way are cut at that instant.
func TestSuspend_CutsAtItsInstant(t *testing.T) {
	asked := make(chan struct{}, 2)
	one, two := newVendor(t, func(x *visit) { asked <- struct{}{}; x.AwaitGone(5 * time.Second) }), newVendor(t, ok)
	r := start(t, clouds(offer{Name: "one", URL: one.URL}, offer{Name: "two", URL: two.URL}))
	soon := func() time.Time { return time.Now().Add(300 * time.Millisecond) }
	for _, change := range []func(*catalog.Suspension){
		func(x *catalog.Suspension) { x.Cut, x.From = true, soon() },
		func(x *catalog.Suspension) { x.Cut, x.Exempt, x.Until = true, []string{"w"}, soon() },
	} {
		r.Gateway.Suspend(of("cloud=one", change), -1)
		begun := time.Now()
		got := r.Post("/v1/chat/completions", chat())
		if rec := r.Record(); rec.Offering != "two/m" || len(rec.Attempts) != 2 || time.Since(begun) > 1300*time.Millisecond {
			t.Errorf("got %d after %v, record %+v", got.Status, time.Since(begun), rec)
		}
		<-asked
	}
}

func TestSuspend_TheRecordOfACallNamesTheChange(t *testing.T) {
	one, two := newVendor(t, ok), newVendor(t, ok)
	r := start(t, clouds(offer{Name: "one", URL: one.URL}, offer{Name: "two", URL: two.URL}))
	index, err := r.Ledger.Change(t.Context(), &ledger.Change{What: "suspension", Action: "suspended", Name: "sus-one", Estate: "sha256:a"})
	if err != nil {
		t.Fatal(err)
	}
	r.Gateway.Suspend(of("cloud=one"), index)
	r.Post("/v1/chat/completions", chat())
	r.Record()
	var got []string
	for _, e := range ledgertest.Entries(t, r.Ledger) {
		if e.Kind == "admission" {
			got = append(got, string(e.Text))
		}
	}
	if want := fmt.Sprintf(`"change":%d,`, index); len(got) != 1 || !strings.Contains(got[0], want) {
		t.Errorf("admissions %q, want one with %s", got, want)
	}
}

func TestPhaseOut_TakesEffectAtItsTimeWithoutAReload(t *testing.T) {
	one, two := newVendor(t, ok), newVendor(t, ok)
	e := clouds(offer{Name: "one", URL: one.URL}, offer{Name: "two", URL: two.URL})
	at := time.Now().Add(400 * time.Millisecond)
	e.PhaseOuts = []*catalog.PhaseOut{{ID: "exit", Document: "D-1", Covers: catalog.Cover{Cloud: "one"}, Stages: []catalog.Stage{{From: at}}}}
	r := start(t, e)
	for _, want := range []string{"one/m", "two/m"} {
		got := r.Post("/v1/chat/completions", chat())
		if r.Record(); got.Status != 200 || got.Header.Get("Bulkhead-Offering") != want {
			t.Errorf("got %d from %q, want %s: %s", got.Status, got.Header.Get("Bulkhead-Offering"), want, got.Body)
		}
		time.Sleep(time.Until(at))
	}
}
