package gateway_test

import (
	"testing"

	"bulkhead/call"
)

func TestServe_CarriesAUnaryCallAndAStream(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL, Auth: "bearer"}))
	got := r.Post("/v1/chat/completions", chat())
	if got.Status != 200 || got.Body != spoken("Hello") {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if rec := r.Record(); rec.Ending != call.Complete || rec.Usage.Input != 3 || len(rec.Attempts) != 1 {
		t.Errorf("record %+v", rec)
	}
	got = r.Post("/v1/chat/completions", chat(`"stream":true`))
	if want := roleEvent + helloEvent + finishEvent + doneEvent; got.Body != want {
		t.Errorf("got %s", got.Body)
	}
	if rec := r.Record(); rec.Ending != call.Complete || rec.Usage.Input != 3 || rec.Usage.Estimated {
		t.Errorf("record %+v", rec)
	}
	if v.Dials() != 1 {
		t.Errorf("%d connections, want 1", v.Dials())
	}
}
