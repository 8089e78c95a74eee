package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
)

func TestReload_CallsUnderWayKeepTheirEstate(t *testing.T) {
	goOn := make(chan struct{})
	asked := make(chan struct{}, 2)
	old := newVendor(t, func(x *visit) {
		stream := strings.Contains(string(x.Body), `"stream":true`)
		if stream {
			x.Stream(streamType, roleEvent, helloEvent)
		}
		asked <- struct{}{}
		<-goOn
		if stream {
			x.Chunks(moreEvent, finishEvent, doneEvent)
			x.End()
			return
		}
		x.Reply(200, jsonType, spoken("from the old one"))
	})
	next := newVendor(t, ok)
	r := start(t, estateOf("old", []string{"chat"}, offer{Name: "one", URL: old.URL}))
	var unary, stream reply
	var wg sync.WaitGroup
	wg.Go(func() { unary = r.Post("/v1/chat/completions", chat()) })
	wg.Go(func() { stream = r.Post("/v1/chat/completions", chat(`"stream":true`)) })
	<-asked
	<-asked
	r.Gateway.Use(estateOf("new", []string{"chat"}, offer{Name: "one", URL: next.URL}), nil)
	got := r.Post("/v1/chat/completions", chat())
	if got.Status != 200 || got.Header.Get("Bulkhead-Estate") != "sha256:new" || len(next.Seen()) != 1 {
		t.Errorf("a new call got %d under %s", got.Status, got.Header.Get("Bulkhead-Estate"))
	}
	close(goOn)
	wg.Wait()
	if unary.Body != spoken("from the old one") || unary.Header.Get("Bulkhead-Estate") != "sha256:old" {
		t.Errorf("the call under way got %d %s", unary.Status, unary.Body)
	}
	if stream.Body != roleEvent+helloEvent+moreEvent+finishEvent+doneEvent || stream.Header.Get("Bulkhead-Estate") != "sha256:old" {
		t.Errorf("the stream under way got %d %s", stream.Status, stream.Body)
	}
	for range 3 {
		r.Record()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	count := map[string]int{}
	for _, rec := range r.records {
		count[rec.Estate]++
	}
	if count["sha256:old"] != 2 || count["sha256:new"] != 1 {
		t.Errorf("records by estate: %v", count)
	}
}

// A call under way whose endpoint is gone from the estate can still go on to
// the next offering of its own estate.
func TestReload_FailoverStaysWithinTheEstateOfTheCall(t *testing.T) {
	var once sync.Once
	goOn, asked := make(chan struct{}), make(chan struct{})
	first := newVendor(t, func(x *visit) { once.Do(func() { close(asked) }); <-goOn; x.Hang() })
	second, other := newVendor(t, ok), newVendor(t, ok)
	r := start(t, estateOf("old", []string{"chat"}, offer{Name: "one", URL: first.URL}, offer{Name: "two", URL: second.URL}))
	var got reply
	var wg sync.WaitGroup
	wg.Go(func() { got = r.Post("/v1/chat/completions", chat()) })
	<-asked
	r.Gateway.Use(estateOf("new", []string{"chat"}, offer{Name: "three", URL: other.URL}), nil)
	close(goOn)
	wg.Wait()
	if got.Status != 200 || got.Header.Get("Bulkhead-Offering") != "two/m" || len(other.Seen()) != 0 {
		t.Errorf("got %d from %q", got.Status, got.Header.Get("Bulkhead-Offering"))
	}
	if rec := r.Record(); rec.Estate != "sha256:old" || len(rec.Attempts) != 2 {
		t.Errorf("record %+v", rec)
	}
}

func TestReload_ConnectionsOfUnchangedEndpointsAreKept(t *testing.T) {
	kept, changed := newVendor(t, ok), newVendor(t, ok)
	estate := func(digest string, limits catalog.Limits) *catalog.Estate {
		e := estateOf(digest, []string{"chat", "other"}, offer{Name: "one", URL: kept.URL, Auth: "bearer"}, offer{Name: "two", URL: changed.URL, Limits: limits})
		e.Workloads["w"].Aliases["chat"].Offerings = e.Offerings[:1]
		e.Workloads["w"].Aliases["other"].Offerings = e.Offerings[1:]
		return e
	}
	r := start(t, estate("0", catalog.Limits{}))
	for i := range 5 {
		for _, alias := range []string{"chat", "other"} {
			if got := r.Post("/v1/chat/completions", strings.Replace(chat(), `"chat"`, `"`+alias+`"`, 1)); got.Status != 200 || got.Header.Get("Bulkhead-Estate") != fmt.Sprintf("sha256:%d", i) {
				t.Fatalf("got %d %s", got.Status, got.Body)
			}
		}
		r.Gateway.Use(estate(fmt.Sprint(i+1), catalog.Limits{Connect: time.Duration(i+1) * time.Second}), nil)
	}
	if kept.Dials() != 1 || changed.Dials() != 5 {
		t.Errorf("%d connections to the endpoint that stayed, want 1; %d to the one that changed, want 5", kept.Dials(), changed.Dials())
	}
}

func TestReload_LosesNothingUnderLoad(t *testing.T) {
	vendors := []*vendor{newVendor(t, ok), newVendor(t, ok), newVendor(t, ok)}
	estate := func(i int) *catalog.Estate {
		offers := []offer{
			{Name: "one", URL: vendors[i%3].URL, ID: fmt.Sprintf("id-%d", i)},
			{Name: "two", URL: vendors[(i+1)%3].URL, Limits: catalog.Limits{Connect: time.Duration(1+i%4) * time.Second}},
		}
		return estateOf(fmt.Sprint(i), []string{"chat"}, offers...)
	}
	r := start(t, estate(0))
	var stop atomic.Bool
	var calls, wrong atomic.Int64
	var callers, reloads sync.WaitGroup
	reloads.Go(func() {
		for i := 1; !stop.Load(); i++ {
			if problems, err := r.Gateway.Use(estate(i), nil); err != nil || len(problems) > 0 {
				t.Error(problems)
			}
			time.Sleep(2 * time.Millisecond)
		}
	})
	for i := range 200 {
		callers.Go(func() {
			for j := range 10 {
				body, want := chat(), spoken("Hello")
				if (i+j)%2 == 0 {
					body, want = chat(`"stream":true`), roleEvent+helloEvent+finishEvent+doneEvent
				}
				req, err := http.NewRequest("POST", r.URL+"/v1/chat/completions", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+r.Key)
				resp, err := r.Client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				calls.Add(1)
				if err != nil || resp.StatusCode != 200 || string(b) != want {
					if wrong.Add(1) < 5 {
						t.Errorf("got %d %s, %v", resp.StatusCode, b, err)
					}
				}
			}
		})
	}
	callers.Wait()
	stop.Store(true)
	reloads.Wait()
	if calls.Load() != 2000 || wrong.Load() != 0 {
		t.Errorf("%d calls, %d of them wrong", calls.Load(), wrong.Load())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	estates := map[string]bool{}
	for _, rec := range r.records {
		estates[rec.Estate] = true
		if rec.Ending != call.Complete {
			t.Errorf("record %+v", rec)
		}
	}
	if len(r.records) != 2000 || len(estates) < 3 {
		t.Errorf("%d records over %d estates", len(r.records), len(estates))
	}
}

func TestReload_AWorkloadThatIsGoneIsDenied(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	e := estateOf("b", []string{"chat"}, offer{Name: "one", URL: v.URL})
	e.Workloads = map[string]*catalog.Workload{}
	r.Gateway.Use(e, nil)
	refused(t, r.Post("/v1/chat/completions", chat()), 403, "denied")
	refused(t, r.Do("GET", "/v1/models", nil), 403, "denied")
	if len(v.Seen()) != 0 {
		t.Error("the vendor was asked")
	}
}
