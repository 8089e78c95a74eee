package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/console"
	"bulkhead/ledger"
	"bulkhead/ledger/ledgertest"
	"bulkhead/ledger/verify"
)

func TestLedger_IsServedAsItLies(t *testing.T) {
	log := ledgertest.Open(t, nil)
	handler := console.New(console.Options{Metrics: http.NotFoundHandler(), Ledger: log})
	get := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		return w
	}
	r, err := log.Admit(t.Context(), &ledger.Admission{Call: "A"}, &ledger.AttemptStart{Offering: "one"})
	if err != nil {
		t.Fatal(err)
	}
	if w := get("GET", "/ledger/receipts/1"); w.Code != 200 || !strings.Contains(w.Body.String(), `"state":"open"`) {
		t.Errorf("an open call: %d %s", w.Code, w.Body)
	}
	if err := log.Settle(t.Context(), r, &ledger.Outcome{Ending: call.Complete}); err != nil {
		t.Fatal(err)
	}
	w := get("GET", "/ledger/receipts/1")
	if _, entries, err := verify.CheckReceipt(w.Body.Bytes()); err == nil || len(entries) > 0 {
		t.Error("a receipt was taken without a key from another place")
	}
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"state":"closed"`) {
		t.Errorf("a closed call: %d %s", w.Code, w.Body)
	}
	for _, name := range []string{"checkpoint", "keys", "tile/entries/000.p/4"} {
		want, err := log.Read(name)
		if err != nil {
			t.Fatal(name, err)
		}
		if w := get("GET", "/ledger/"+name); w.Code != 200 || w.Body.String() != string(want) {
			t.Errorf("%s: %d, %d bytes", name, w.Code, w.Body.Len())
		}
	}
	for path, want := range map[string]int{
		"/ledger/receipts/0": 404, "/ledger/receipts/99": 404, "/ledger/receipts/-1": 404, "/ledger/receipts/01": 404, "/ledger/receipts/x": 404,
		"/ledger/": 404, "/ledger/mark": 404, "/ledger/wal/1": 404, "/ledger/../secrets/pepper": 307, "/ledger/tile/..%2f..%2fsecrets/pepper": 404,
	} {
		if w := get("GET", path); w.Code != want && (want != 307 || w.Code != 301) {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if w := get("POST", "/ledger/checkpoint"); w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
}
