package estate_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bulkhead/estate"
)

// watching runs a watcher in a bubble of its own time and gives what it tells.
func watching(t *testing.T, dir, loaded string, body func(told func() []estate.Change)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		var told []estate.Change
		done := make(chan struct{})
		go func() { // ends with ctx
			defer close(done)
			(&estate.Watcher{Dir: dir}).Run(ctx, loaded, func(c estate.Change) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, c)
			})
		}()
		body(func() []estate.Change {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(told)
		})
		cancel()
		<-done
	})
}

func after(d time.Duration) { time.Sleep(d); synctest.Wait() }

func TestWatcher_TellsAChangeAfterASecondOfQuiet(t *testing.T) {
	files := base(t)
	dir := write(t, files)
	_, report := estate.Parse(files)
	put := func(file, line string) {
		if err := edit(files, file+" "+line); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), files[file], 0o644); err != nil {
			t.Error(err)
		}
	}
	watching(t, dir, report.Digest, func(told func() []estate.Change) {
		after(5 * time.Second)
		if len(told()) != 0 {
			t.Fatalf("told %d changes where there was none", len(told()))
		}
		put("enclave.yaml", `"enclave: low" "enclave: lower"`)
		after(900 * time.Millisecond)
		put("enclave.yaml", `"enclave: lower" "enclave: lowest"`) // still writing
		after(900 * time.Millisecond)
		if len(told()) != 0 {
			t.Fatal("told before a second of quiet")
		}
		after(time.Second)
		if len(told()) != 1 || told()[0].Estate == nil || told()[0].Estate.Enclave.Name != "lowest" {
			t.Fatalf("told %+v, want the one estate", told())
		}
		put("enclave.yaml", `"enclave: lowest" "# a comment\nenclave: lowest"`)
		after(5 * time.Second)
		if len(told()) != 1 {
			t.Fatal("told a change of comments alone")
		}
		put("enclave.yaml", `"crypto: fips" "crypto: rot13"`)
		after(5 * time.Second)
		if len(told()) != 2 || told()[1].Estate != nil || len(told()[1].Report.Faults) != 1 {
			t.Fatalf("told %+v, want a bad estate once", told())
		}
		put("enclave.yaml", `"crypto: rot13" "crypto: fips"`)
		after(5 * time.Second)
		if len(told()) != 3 || told()[2].Estate == nil {
			t.Fatalf("told %+v, want the good estate again", told())
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
		after(5 * time.Second)
		if len(told()) != 4 || told()[3].Err == nil {
			t.Fatalf("told %+v, want that the folder is gone, once", told())
		}
	})
}

func TestWatcher_TellsWhatChangedBeforeItBegan(t *testing.T) {
	watching(t, write(t, base(t)), "sha256:another", func(told func() []estate.Change) {
		after(2 * time.Second)
		if len(told()) != 1 || told()[0].Estate == nil {
			t.Fatalf("told %+v, want the estate", told())
		}
	})
}
