package gateway_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/gateway"
	"bulkhead/route"
)

// watched is an estate whose workload w checks the offerings of an alias.
func watched(alias string, offers ...offer) *catalog.Estate {
	e := estateOf("a", []string{alias}, offers...)
	e.Workloads["w"].Service.Probe = catalog.Probe{Alias: alias, Every: 30 * time.Second}
	return e
}

func (r *rig) none(what string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.records) > 0 {
		r.t.Errorf("%s: a call was made: %+v", what, r.records[len(r.records)-1])
	}
}

// A check is one small call at the one offering, with everything that a call has.
func TestCheck_IsACallThroughTheOnePath(t *testing.T) {
	first, second := newVendor(t, ok), newVendor(t, ok)
	r := start(t, watched("chat", offer{Name: "one", URL: first.URL}, offer{Name: "two", URL: second.URL}))
	if again := r.Gateway.Check(t.Context(), "w", "two/m"); again != 0 {
		t.Errorf("again in %v", again)
	}
	if len(first.Seen()) != 0 || len(second.Seen()) != 1 {
		t.Fatalf("one was asked %d times, two %d times", len(first.Seen()), len(second.Seen()))
	}
	if body := string(second.Seen()[0].Body); !strings.Contains(body, `"max_tokens":16`) || !strings.Contains(body, `"stream":true`) || len(body) > 250 {
		t.Errorf("it asks %s", body)
	}
	rec := r.Record()
	if rec.Key != "check" || rec.Workload != "w" || rec.Alias != "chat" || rec.Offering != "two/m" || len(rec.Attempts) != 1 ||
		rec.Ending != call.Complete || rec.Usage.Output != 2 || rec.Route != "check" || rec.Marking != "UNCLASSIFIED" {
		t.Errorf("record %+v", rec)
	}
	lines := r.lines()
	if kinds(lines) != oneCall {
		t.Fatalf("recorded: %s", kinds(lines))
	}
	if a := lines[0]; a.Principal != "check" || a.Workload != "w" || a.Purpose != "admin.drafting" || len(a.Permit.Offerings) != 2 || lines[1].Offering != "two/m" {
		t.Errorf("admission %+v, start %+v", a, lines[1])
	}
}

func TestCheck_IsOfTheModelsKind(t *testing.T) {
	v := newVendor(t, func(x *visit) {
		if strings.Contains(x.Line, "embeddings") {
			x.Reply(200, jsonType, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`)
			return
		}
		ok(x)
	})
	for name, row := range map[string]struct {
		alias string
		model func(*catalog.Model)
		path  string
		asks  []string
	}{
		"embeddings": {"embed", func(*catalog.Model) {}, "/v1/embeddings ", []string{`"input":"ready"`}},
		"reasoning":  {"chat", func(m *catalog.Model) { m.Capabilities = []string{"reasoning"} }, "/v1/chat/completions ", []string{`"max_completion_tokens":256`}},
	} {
		t.Run(name, func(t *testing.T) {
			e := watched(row.alias, offer{Name: "one", URL: v.URL}, offer{Name: "two", URL: v.URL})
			row.model(e.Workloads["w"].Aliases[row.alias].Models[0])
			r := start(t, e)
			before := len(v.Seen())
			r.Gateway.Check(t.Context(), "w", "two/m")
			if rec := r.Record(); rec.Ending != call.Complete || rec.Offering != "two/m" {
				t.Fatalf("record %+v", rec)
			}
			x := v.Seen()[before]
			for _, want := range row.asks {
				if !strings.Contains(string(x.Body), want) || !strings.Contains(x.Line, row.path) {
					t.Errorf("%s: %s, want %s at %s", x.Line, x.Body, want, row.path)
				}
			}
		})
	}
}

// A check is small in whatever dialect its offering speaks.
func TestCheck_ReachesOfferingsOfEveryDialect(t *testing.T) {
	bounds := map[string]string{
		"openai": `"max_tokens":16`, "responses": `"max_output_tokens":16`, "anthropic": `"max_tokens":16`, "bedrock": `"maxTokens":16`, "gemini": `"maxOutputTokens":16`,
	}
	for to, vendor := range speakers {
		t.Run(to, func(t *testing.T) {
			v := newVendor(t, func(x *visit) {
				x.Stream(orElse(vendor.kind, streamType), vendor.stream)
				x.End()
			})
			e := crossed(t, to, v.URL)
			e.Workloads["w"].Service.Probe = catalog.Probe{Alias: "chat", Every: 30 * time.Second}
			r := start(t, e)
			r.Gateway.Check(t.Context(), "w", "one/m")
			if rec := r.Record(); rec.Ending != call.Complete || rec.Usage.Output != 2 || rec.Usage.Estimated {
				t.Errorf("record %+v", rec)
			}
			if sent := string(v.Only().Body); bounds[to] == "" || !strings.Contains(sent, bounds[to]) {
				t.Errorf("the vendor was sent %s", sent)
			}
		})
	}
}

// Only the process itself makes checks: the principal's name opens nothing.
func TestCheck_NobodyOutsideCanBeOne(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, watched("chat", offer{Name: "one", URL: v.URL}))
	for _, header := range [][]string{{"Authorization", "Bearer check"}, {"Authorization", "", "X-Api-Key", "check"}, {"Authorization", "Bearer bk_check"}} {
		refused(t, r.Post("/v1/chat/completions", chat(), header...), 401, "unauthenticated")
	}
	for _, path := range []string{"/check", "/v1/check", "/"} {
		if got := r.Post(path, chat()); got.Status != 404 {
			t.Errorf("%s: %d", path, got.Status)
		}
	}
	if len(v.Seen()) != 0 {
		t.Error("the vendor was asked")
	}
}

func TestCheck_AsksNothingThatMayNotBeAsked(t *testing.T) {
	v := newVendor(t, ok)
	two := []offer{{Name: "one", URL: v.URL}, {Name: "two", URL: v.URL}}
	for name, row := range map[string]struct {
		change    func(*catalog.Estate)
		suspended bool
		workload  string
		offering  string
	}{
		"no such workload":         {workload: "other", offering: "one/m"},
		"no such offering":         {workload: "w", offering: "three/m"},
		"the workload checks none": {change: func(e *catalog.Estate) { e.Workloads["w"].Service.Probe = catalog.Probe{} }, workload: "w", offering: "one/m"},
		"it is not authorised":     {change: func(e *catalog.Estate) { e.Offerings[0].Authorisations[0].Expires = time.Now().AddDate(0, 0, -1) }, workload: "w", offering: "one/m"},
		"the audience is over":     {change: func(e *catalog.Estate) { e.Workloads["w"].Audience.Expires = time.Now().AddDate(0, 0, -1) }, workload: "w", offering: "one/m"},
		"it is suspended":          {suspended: true, workload: "w", offering: "one/m"},
	} {
		t.Run(name, func(t *testing.T) {
			e := watched("chat", two...)
			for _, o := range e.Offerings { // each its own
				o.Authorisations = append([]catalog.Authorisation(nil), o.Authorisations...)
			}
			if row.change != nil {
				row.change(e)
			}
			r := start(t, e)
			if row.suspended {
				r.Gateway.Suspend(of("offering=one/m"), -1)
			}
			if again := r.Gateway.Check(t.Context(), row.workload, row.offering); again != 0 {
				t.Errorf("again in %v", again)
			}
			r.none(name)
			if len(r.lines()) != 0 {
				t.Errorf("recorded: %s", kinds(r.lines()))
			}
		})
	}
	if len(v.Seen()) != 0 {
		t.Error("the vendor was asked")
	}
}

// Checks open a circuit without a caller, keep its time, and close it again.
func TestCheck_FeedsHealthAndKeepsItsDiscipline(t *testing.T) {
	var well atomic.Bool
	v := newVendor(t, func(x *visit) {
		if well.Load() {
			ok(x)
			return
		}
		x.Reply(503, jsonType, vendorWords)
	})
	second := newVendor(t, ok)
	r := start(t, watched("chat", offer{Name: "one", URL: v.URL}, offer{Name: "two", URL: second.URL}), func(o *gateway.Options) {
		o.Health = route.HealthOptions{InARow: 3, First: time.Second, Longest: time.Second}
	})
	var again time.Duration
	for range 3 {
		again = r.Gateway.Check(t.Context(), "w", "one/m")
	}
	if again <= 0 || again > 1200*time.Millisecond {
		t.Fatalf("after three failures again in %v", again)
	}
	for range 20 {
		if r.Gateway.Check(t.Context(), "w", "one/m") == 0 && len(v.Seen()) > 3 {
			break // its time came, on a slow machine
		}
	}
	if n := len(v.Seen()); n > 4 {
		t.Errorf("asked %d times while its circuit was open", n)
	}
	if got := r.Post("/v1/chat/completions", chat()); got.Header.Get("Bulkhead-Offering") != "two/m" {
		t.Errorf("a caller was sent to %q", got.Header.Get("Bulkhead-Offering"))
	}
	well.Store(true)
	for deadline := time.Now().Add(20 * time.Second); again > 0; {
		time.Sleep(again)
		if again = r.Gateway.Check(t.Context(), "w", "one/m"); time.Now().After(deadline) {
			t.Fatal("the vendor is well, and the circuit stays open")
		}
	}
	if got := r.Post("/v1/chat/completions", chat()); got.Header.Get("Bulkhead-Offering") != "one/m" {
		t.Errorf("the vendor is well; a caller was sent to %q", got.Header.Get("Bulkhead-Offering"))
	}
}

func TestCheck_LeavesAVendorAloneThatAskedForIt(t *testing.T) {
	v := newVendor(t, says(429, jsonType+"\r\nRetry-After: 40", vendorWords))
	r := start(t, watched("chat", offer{Name: "one", URL: v.URL}))
	for range 5 {
		if again := r.Gateway.Check(t.Context(), "w", "one/m"); again < 20*time.Second || again > 40*time.Second {
			t.Errorf("again in %v", again)
		}
	}
	if n := len(v.Seen()); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestCheck_EndsWithItsContext(t *testing.T) {
	asked := make(chan struct{}, 4)
	v := newVendor(t, func(x *visit) {
		asked <- struct{}{}
		x.Hang()
	})
	r := start(t, watched("chat", offer{Name: "one", URL: v.URL}), func(o *gateway.Options) { o.Health = route.HealthOptions{InARow: 1} })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if again := r.Gateway.Check(ctx, "w", "one/m"); again != 0 {
		t.Errorf("our own end opened a circuit for %v", again)
	}
	if rec := r.Record(); rec.Ending != call.Gone {
		t.Errorf("record %+v", rec)
	}
	if kinds(r.lines()) != oneCall {
		t.Errorf("recorded: %s", kinds(r.lines()))
	}
}
