package gateway_test

import (
	"sync/atomic"
	"testing"
	"time"

	"bulkhead/gateway"
	"bulkhead/route"
)

// An offering that fails again and again is left alone, and asked anew by one
// call at a time until it answers.
func TestHealth_AFailingOfferingIsLeftAloneAndComesBack(t *testing.T) {
	var well atomic.Bool
	v := newVendor(t, func(x *visit) {
		if well.Load() {
			ok(x)
			return
		}
		x.Reply(503, jsonType, vendorWords)
	})
	second := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}, offer{Name: "two", URL: second.URL}), func(o *gateway.Options) {
		o.Health = route.HealthOptions{InARow: 4, First: 200 * time.Millisecond, Longest: 400 * time.Millisecond}
	})
	for i := range 30 {
		if got := r.Post("/v1/chat/completions", chat()); got.Status != 200 || got.Header.Get("Bulkhead-Offering") != "two/m" {
			t.Fatalf("call %d: got %d from %q", i, got.Status, got.Header.Get("Bulkhead-Offering"))
		}
	}
	if n := len(v.Seen()); n < 4 || n > 10 {
		t.Errorf("the vendor that fails was asked %d times in 30 calls", n)
	}
	well.Store(true)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if got := r.Post("/v1/chat/completions", chat()); got.Header.Get("Bulkhead-Offering") == "one/m" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the vendor is well, and not asked within 10 s")
		}
	}
}

// With nobody else to ask, a vendor's own word is kept, and the caller is told
// at once when to come again.
func TestHealth_WithNobodyLeftTheCallerIsToldWhenToComeAgain(t *testing.T) {
	v := newVendor(t, says(503, jsonType+"\r\nRetry-After: 30", vendorWords))
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}), func(o *gateway.Options) {
		o.Health = route.HealthOptions{InARow: 3}
	})
	for range 10 {
		r.Post("/v1/chat/completions", chat())
	}
	got := r.Post("/v1/chat/completions", chat())
	refused(t, got, 503, "upstream_unavailable")
	if len(v.Seen()) != 3 || got.Header.Get("Retry-After") == "" {
		t.Errorf("asked %d times, retry-after %q", len(v.Seen()), got.Header.Get("Retry-After"))
	}
}

// An outage ends for an alias of one offering with the first call after it, not
// when a circuit's time has come.
func TestHealth_WithNobodyLeftTheCallItselfFindsOut(t *testing.T) {
	var well atomic.Bool
	v := newVendor(t, func(x *visit) {
		if well.Load() {
			ok(x)
			return
		}
		x.Reply(503, jsonType, vendorWords)
	})
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}), func(o *gateway.Options) {
		o.Health = route.HealthOptions{InARow: 3, First: time.Minute, Longest: time.Minute}
	})
	for range 20 {
		refused(t, r.Post("/v1/chat/completions", chat()), 503, "upstream_unavailable")
	}
	well.Store(true)
	for range 3 {
		if got := r.Post("/v1/chat/completions", chat()); got.Status != 200 {
			t.Fatalf("the vendor is well; got %d %s", got.Status, got.Body)
		}
	}
	if n := len(v.Seen()); n != 23 {
		t.Errorf("the vendor was asked %d times for 23 calls", n)
	}
}

// What the caller did wrong, or another withdrew, says nothing of a vendor.
func TestHealth_RefusalsSayNothingOfAVendor(t *testing.T) {
	v := newVendor(t, says(400, jsonType, vendorWords))
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}), func(o *gateway.Options) { o.Health = route.HealthOptions{InARow: 2} })
	for range 10 {
		if got := r.Post("/v1/chat/completions", chat()); got.Status != 400 {
			t.Fatalf("got %d %s", got.Status, got.Body)
		}
	}
}
