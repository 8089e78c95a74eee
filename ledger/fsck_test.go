package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/ledger"
)

// TestLog_PassesAThirdPartysCheck serves a log and has the reference verifier
// of tlog-tiles derive it anew; then the same with a byte changed, which it
// must find.
func TestLog_PassesAThirdPartysCheck(t *testing.T) {
	if testing.Short() {
		t.Skip("builds another module")
	}
	tool := filepath.Join(t.TempDir(), "fsck")
	build := exec.Command("go", "build", "-o", tool, "github.com/transparency-dev/tessera/cmd/fsck")
	build.Dir = "fsck"
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("the reference verifier cannot be had here: %v: %s", err, out)
	}
	data := filepath.Join(t.TempDir(), "data")
	o := logOptions(t, data)
	l := openLog(t, data, o)
	defer l.Close(t.Context())
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(o.Keys.Verifiers[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	var spoil atomic.Value // path
	spoil.Store("")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := l.Read(strings.TrimPrefix(r.URL.Path, "/ledger/"))
		if errors.Is(err, fs.ErrNotExist) {
			http.NotFound(w, r)
			return
		}
		if err != nil {
			t.Error(err)
		}
		if r.URL.Path == spoil.Load() {
			b[len(b)-1] ^= 1
		}
		w.Write(b)
	}))
	defer server.Close()
	// The verifier says that it succeeded or that it failed, and exits with 0
	// either way; at some faults it waits for ever instead, so that it is given
	// a time that is many times what it takes.
	check := func(what string, want bool) {
		t.Helper()
		limit := 30 * time.Second
		if !want {
			limit = 3 * time.Second
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		run := exec.CommandContext(ctx, tool, "--storage_url="+server.URL+"/ledger/", "--public_key="+key, "--ui=false", "--logtostderr")
		out, err := run.CombinedOutput()
		if err != nil && ctx.Err() == nil {
			t.Fatalf("%v: %s", err, out)
		}
		if held := bytes.Contains(out, []byte("Successfully fsck'd")); held != want || want && ctx.Err() != nil {
			t.Errorf("%s: the log holds: %v, want %v: %s", what, held, want, out)
		}
	}
	// The sizes at which a level is empty, partial and full, and more than one tile.
	for _, size := range []int64{1, 255, 256, 257, 70_001} {
		if grow(t, l, size); l.Size() != size {
			t.Fatalf("the log has %d entries, want %d", l.Size(), size)
		}
		if err := l.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("size", true)
	}
	for _, path := range []string{"/ledger/tile/entries/005", "/ledger/tile/0/273.p/113", "/ledger/tile/1/000", "/ledger/checkpoint"} {
		spoil.Store(path)
		check("a changed "+path, false)
	}
}

// grow lets the log have size entries.
func grow(t *testing.T, l *ledger.Log, size int64) {
	t.Helper()
	for l.Size() < size {
		if n := size - l.Size(); n >= 64 {
			done := make(chan error)
			for range 16 {
				go func() { done <- oneCall(t.Context(), l, call.NewID(time.Now(), nil)) }()
			}
			for range 16 {
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			}
			continue
		}
		if _, err := l.Change(t.Context(), &ledger.Change{What: "key"}); err != nil {
			t.Fatal(err)
		}
	}
}
