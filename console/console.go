// Package console is the operators' face of Bulkhead: the control listener,
// which shows health, readiness and metrics over TCP and changes nothing, and
// the control socket, through which commands make keys, revoke them and reload
// the estate.
//
// Whoever can open the socket may do all of that: its file is for the owner of
// the data folder alone. The TCP side has no such gate, and so only reads.
// What a change means is for package control. Begin with [New] and [Commands].
package console

import (
	"context"
	"io"
	"net"
	"net/http"

	"github.com/go-json-experiment/json"

	"bulkhead/fault"
)

// Options is what the control listener is given.
type Options struct {
	Ready    func(ctx context.Context) []string // why the process is not ready, in words; none: it is. Nil: it always is
	Warnings func() []string                    // what somebody should look at while it is ready; nil: nothing
	Draining func() bool                        // whether the process is going down; nil: it never is
	Metrics  http.Handler
	Ledger   Ledger // nil: there is none to show
}

// New returns the handler of the control listener:
//
//	/healthz   200 "ok" as long as the process lives
//	/readyz    200 or 503 with {"ready": …, "reasons": […]}, and "warnings" if there are any
//	/metrics   what o.Metrics shows
//	/ledger/   the log in the layout of C2SP's tlog-tiles: checkpoint, keys, tile/…
//	/ledger/receipts/{index}   the entries of one call with their proofs, as [verify.Receipt]
//
// Any method but GET and HEAD is refused before anything else is looked at.
func New(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("/readyz", o.serveReady)
	mux.Handle("/metrics", o.Metrics)
	if o.Ledger != nil {
		mux.HandleFunc("/ledger/receipts/{index}", serveReceipt(o.Ledger))
		mux.HandleFunc("/ledger/", serveLedger(o.Ledger))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeFault(w, fault.New(fault.NoSuchRoute, "Nothing is served here. There are /healthz, /readyz, /metrics and /ledger/."))
	})
	return plain(readOnly(mux))
}

func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			refuseMethod(w, "GET, HEAD", "This listener only reads. Changes are made by commands on this machine, such as bulkhead key create.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// plain keeps browsers and caches from making more of a reply than it is.
func plain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

type readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons"` // why not; empty if ready

	Warnings []string `json:"warnings,omitzero"` // what stops no call, and somebody should look at
}

func (o Options) serveReady(w http.ResponseWriter, r *http.Request) {
	reasons := []string{}
	if o.Draining != nil && o.Draining() {
		reasons = append(reasons, "the server is draining")
	}
	if o.Ready != nil {
		reasons = append(reasons, o.Ready(r.Context())...)
	}
	status := http.StatusOK
	if len(reasons) > 0 {
		status = http.StatusServiceUnavailable
	}
	out := readiness{Ready: len(reasons) == 0, Reasons: reasons}
	if o.Warnings != nil {
		out.Warnings = o.Warnings()
	}
	writeJSON(w, status, out)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		writeFault(w, fault.From(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}

// Listen opens the control listener's address.
func Listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }
