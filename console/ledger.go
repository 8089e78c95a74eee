package console

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"bulkhead/fault"
	"bulkhead/ledger/verify"
)

// Ledger is what of the log is shown: all of it but what it keeps to itself.
type Ledger interface {
	// Read gives a resource of the public log; what is none is fs.ErrNotExist.
	Read(name string) ([]byte, error)
	// Proof gives the receipt of the call whose admission is at an index.
	Proof(ctx context.Context, admission int64) (*verify.Receipt, error)
}

// serveLedger serves the log in the layout of tlog-tiles, so that anyone who may
// read it can check it.
func serveLedger(l Ledger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/ledger/")
		b, err := l.Read(name)
		if errors.Is(err, fs.ErrNotExist) {
			writeFault(w, fault.New(fault.NoSuchRoute, "The ledger has no %q. There are checkpoint, keys, tile/… and receipts/INDEX.", name))
			return
		}
		if err != nil {
			writeFault(w, fault.From(err))
			return
		}
		kind := "application/octet-stream"
		if !strings.HasPrefix(name, "tile/") {
			kind = "text/plain; charset=utf-8"
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		_, _ = w.Write(b)
	}
}

// serveReceipt serves the proof that a call is on the record.
func serveReceipt(l Ledger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		index, err := strconv.ParseInt(r.PathValue("index"), 10, 64)
		if err != nil || index < 0 || strconv.FormatInt(index, 10) != r.PathValue("index") {
			writeFault(w, fault.New(fault.NoSuchRoute, "A receipt has the index of its admission, the number at the end of the header Bulkhead-Receipt."))
			return
		}
		receipt, err := l.Proof(r.Context(), index)
		if err != nil {
			writeFault(w, fault.From(err))
			return
		}
		writeJSON(w, http.StatusOK, receipt)
	}
}
