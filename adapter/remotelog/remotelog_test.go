package remotelog_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"

	"bulkhead/adapter/remotelog"
)

func TestOpen_ReadsWhatIsServed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ledger/checkpoint":
			_, _ = w.Write([]byte("a checkpoint"))
		case "/ledger/tile/0/000":
			http.Redirect(w, r, "/ledger/checkpoint", http.StatusFound)
		case "/ledger/tile/entries/000":
			w.WriteHeader(http.StatusBadGateway)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	for _, address := range []string{server.URL + "/ledger", server.URL + "/ledger/"} {
		read, done, err := remotelog.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		if b, err := read("checkpoint"); err != nil || string(b) != "a checkpoint" {
			t.Errorf("checkpoint: %q, %v", b, err)
		}
		if _, err := read("keys"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("what is not there: %v", err)
		}
		for _, path := range []string{"tile/0/000", "tile/entries/000"} {
			if b, err := read(path); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %q, %v; want an error that does not say that it is missing", path, b, err)
			}
		}
	}
}

func TestOpen_RefusesWhatIsNoAddress(t *testing.T) {
	for _, address := range []string{"", "ledger", "ftp://x/ledger", "http://", "http://u:p@x/", "http://x/?q=1"} {
		if _, _, err := remotelog.Open(t.Context(), address); err == nil {
			t.Errorf("%q is taken for an address", address)
		}
	}
}
