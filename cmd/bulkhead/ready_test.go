package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bulkhead/adapter/prometheus"
	"bulkhead/call"
	"bulkhead/console"
	"bulkhead/ledger"
	"bulkhead/ledger/ledgertest"
)

// TestReady_TurnsFalseAtFiveHundredthsAndCallsAreStillRecorded fills a disk
// under a server's ledger: those who balance load are told before calls are
// refused, and told again when there is room.
func TestReady_TurnsFalseAtFiveHundredthsAndCallsAreStillRecorded(t *testing.T) {
	disk := &ledgertest.Memory{}
	s := &server{ledger: ledgertest.Open(t, disk), metrics: prometheus.New(prometheus.Build{})}
	s.metrics.Ledger(s.ledger.Size, func() bool { return s.ledger.Ready() == nil })
	face := console.New(console.Options{Ready: s.ready, Draining: s.draining.Load, Metrics: s.metrics.Handler(), Ledger: s.ledger})
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+path, nil)
		face.ServeHTTP(w, r)
		b, _ := io.ReadAll(w.Result().Body)
		return w.Code, string(b)
	}
	for i, row := range []struct {
		free   int64 // of 1 << 40
		ready  bool
		metric string
	}{
		{1 << 40, true, "1"}, {1<<40/20 + 1, true, "1"}, {1<<40/20 - 1, false, "0"}, {1 << 39, true, "1"},
	} {
		disk.Leave(row.free)
		why := s.ready(t.Context())
		if (len(why) == 0) != row.ready {
			t.Errorf("%d bytes free: %q, want ready %v", row.free, why, row.ready)
		}
		if code, body := get("/readyz"); (code == http.StatusOK) != row.ready {
			t.Errorf("%d bytes free: /readyz is %d %s", row.free, code, body)
		}
		if code, _ := get("/healthz"); code != http.StatusOK {
			t.Errorf("%d bytes free: /healthz is %d: a process that waits for room is not ill", row.free, code)
		}
		if _, body := get("/metrics"); !strings.Contains(body, "\nbulkhead_ledger_ready "+row.metric+"\n") {
			t.Errorf("%d bytes free: the metric is not %s", row.free, row.metric)
		}
		id := call.NewID(time.Now(), nil)
		r, err := s.ledger.Admit(t.Context(), &ledger.Admission{Call: id}, &ledger.AttemptStart{Offering: "hq/llama"})
		if err != nil {
			t.Fatalf("call %d, %d bytes free: %v", i, row.free, err)
		}
		if err := s.ledger.Settle(t.Context(), r, &ledger.Outcome{Ending: call.Refused}); err != nil {
			t.Fatalf("call %d, %d bytes free: %v", i, row.free, err)
		}
	}
}
