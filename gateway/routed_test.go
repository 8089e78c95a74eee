package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"bulkhead/catalog"
)

func TestTurnstile_TurnsAwayWhatIsTooMuch(t *testing.T) {
	came, go1 := make(chan struct{}), make(chan struct{})
	v := newVendor(t, func(x *visit) { came <- struct{}{}; <-go1; ok(x) })
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL})
	e.Enclave.Calls = catalog.Calls{Concurrent: 1, Waiting: 0, Wait: time.Second}
	r := start(t, e)
	for _, stream := range []bool{false, true} {
		first := make(chan reply)
		go func() { first <- r.Post("/v1/chat/completions", chat(fmt.Sprintf(`"stream":%v`, stream))) }()
		<-came
		got := r.Post("/v1/chat/completions", chat())
		refused(t, got, 503, "overloaded")
		if got.Header.Get("Retry-After") == "" {
			t.Error("no retry-after")
		}
		if models := r.Do("GET", "/v1/models", nil); models.Status != 200 {
			t.Errorf("the list of models is turned away: %d", models.Status)
		}
		go1 <- struct{}{}
		if got := <-first; got.Status != 200 {
			t.Errorf("the call that was under way: %d", got.Status)
		}
		for range 3 {
			r.Record()
		}
	}
	if l := r.Gateway.Load(); l.Under != 0 || l.Shed[catalog.NormalPriority] != 2 || len(v.Seen()) != 2 {
		t.Errorf("load %+v, the vendor was asked %d times", l, len(v.Seen()))
	}
}

func TestPlan_AsksInTheOrderOfTheWorkload(t *testing.T) {
	one, two := newVendor(t, ok), newVendor(t, ok)
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: one.URL}, offer{Name: "two", URL: two.URL})
	e.Offerings[0].Price, e.Offerings[1].Price = catalog.Price{Input: 2, Output: 2, Known: true}, catalog.Price{Input: 1, Output: 1, Known: true}
	r := start(t, e)
	if got := r.Post("/v1/chat/completions", chat()); got.Header.Get("Bulkhead-Offering") != "one/m" {
		t.Errorf("by preference %s answers", got.Header.Get("Bulkhead-Offering"))
	}
	e.Workloads["w"].Service.Order = catalog.ByPrice
	if got := r.Post("/v1/chat/completions", chat()); got.Header.Get("Bulkhead-Offering") != "two/m" {
		t.Errorf("by price %s answers", got.Header.Get("Bulkhead-Offering"))
	}
}
