package gateway_test

import (
	"sync/atomic"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/gateway"
)

// TestPermit_ThatEndsBeforeTheSendSendsNothing moves the clock over a date of
// the estate between the decision and the send.
func TestPermit_ThatEndsBeforeTheSendSendsNothing(t *testing.T) {
	v := newVendor(t, ok)
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL})
	ends := time.Now().Add(time.Hour)
	for _, o := range e.Offerings {
		o.Authorisations = append([]catalog.Authorisation(nil), o.Authorisations...)
		o.Authorisations[0].Expires = ends
	}
	var asked atomic.Int64
	r := start(t, e, func(o *gateway.Options) {
		o.Now = func() time.Time {
			if asked.Add(1) > 1 { // the call began before, all after it is too late
				return ends.Add(time.Second)
			}
			return time.Now()
		}
	})
	asked.Store(0)
	refused(t, r.Post("/v1/chat/completions", chat()), 503, "upstream_unavailable")
	if n := len(v.Seen()); n != 0 {
		t.Errorf("the vendor was asked %d times", n)
	}
}
