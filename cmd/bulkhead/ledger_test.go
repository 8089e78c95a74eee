package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/mod/sumdb/note"

	"bulkhead/call"
	"bulkhead/ledger"
	"bulkhead/ledger/tiles"
)

// writtenLog is a data folder with a log of three calls, the last of which is open. It is closed again.
func writtenLog(t *testing.T) (data string, keys *ledger.Keys) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	release, err := ledger.Own(data)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if keys, err = ledger.LoadKeys(data, "ledger.example.gov/test", true); err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	l, err := ledger.Open(data, ledger.Options{Origin: "ledger.example.gov/test", Keys: keys, Banner: "CUI", SegmentBytes: 1, Now: func() time.Time { return day }})
	if err != nil {
		t.Fatal(err)
	}
	for i, model := range []string{"openai/gpt", "openai/gpt", "meta/llama"} {
		r, err := l.Admit(t.Context(), &ledger.Admission{Call: call.ID(fmt.Sprintf("call-%d", i)), Permit: ledger.Permit{Offerings: []string{"east/x"}}},
			&ledger.AttemptStart{Offering: "east/x", Model: model})
		if err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			if err := l.Settle(t.Context(), r, &ledger.Outcome{Ending: call.Complete, Attempt: 1}); err != nil {
				t.Fatal(err)
			}
		}
		day = day.AddDate(0, 0, 1)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return data, keys
}

func ledgerRun(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = runLedger(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestLedger_SaysWhatALogHolds(t *testing.T) {
	data, keys := writtenLog(t)
	log := filepath.Join(data, "ledger")
	kept := filepath.Join(t.TempDir(), "kept")
	b, err := os.ReadFile(filepath.Join(log, "checkpoint"))
	if err != nil || os.WriteFile(kept, b, 0o600) != nil {
		t.Fatal(err)
	}
	vkey := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(vkey, []byte(strings.Join(keys.Verifiers, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.StripPrefix("/ledger/", http.FileServer(http.Dir(log))))
	defer server.Close()
	for _, c := range []struct {
		name string
		args []string
		code int
		want []string // parts of stdout, or of stderr where the code is not 0
	}{
		{"no verb", nil, 2, []string{"say what to do"}},
		{"no such verb", []string{"replant"}, 2, []string{`there is no "replant"`}},
		{"help", []string{"verify", "-h"}, 0, []string{"usage: bulkhead ledger verify"}},
		{"verify", []string{"verify", data}, 0, []string{"CUI\n", "entries  10", "3 admitted, 2 with an outcome, 1 open", "internally consistent; not protected against the key holder\nCUI\n"}},
		{"verify the folder itself", []string{"verify", log}, 0, []string{"internally consistent"}},
		{"verify an address", []string{"verify", server.URL + "/ledger/"}, 0, []string{"internally consistent"}},
		{"verify with a key", []string{"verify", data, "--key", "@" + vkey}, 0, []string{"key      given"}},
		{"verify with a checkpoint", []string{"verify", "--since", kept, data}, 0, []string{"consistent with the checkpoint that was kept"}},
		{"verify as JSON", []string{"verify", data, "--json"}, 0, []string{`"fault": null`, `"banner": "CUI"`, `"banner_end": "CUI"`}},
		{"verify nothing", []string{"verify", t.TempDir()}, 1, []string{"BROKEN", "keys: it is missing"}},
		{"verify nowhere", []string{"verify", "no-such-folder"}, 3, []string{"no log"}},
		{"verify two", []string{"verify", data, data}, 2, []string{"name one log"}},
		{"show a call", []string{"show", "1", "--log", data}, 0, []string{"1  admission", "2  attempt-start", "3  outcome", "call-0"}},
		{"show a call by another of its entries", []string{"show", "6", "--log", data}, 0, []string{"4  admission", "6  outcome", "call-1"}},
		{"show by a receipt", []string{"show", "ledger.example.gov/test/7", "--log", data}, 0, []string{"7  admission", "call-2"}},
		{"show as JSON", []string{"show", "1", "--log", data, "--json"}, 0, []string{`{"banner":"CUI","origin":"ledger.example.gov/test","from":1,"export":"begin"}`, `{"index":3,"entry":{"admission":1,`, `"export":"end","entries":3}`}},
		{"show what is not there", []string{"show", "99", "--log", data}, 1, []string{"no such call"}},
		{"show no index", []string{"show", "x"}, 2, []string{"no index"}},
		{"tail", []string{"tail", "-n", "1", "--log", data}, 0, []string{`CUI` + "\n" + `{"index":9,"entry":{`, `"kind":"stop"`}},
		{"export", []string{"export", "--log", data}, 0, []string{`"export":"begin"}` + "\n" + `{"index":0,`, `"export":"end","entries":10}`}},
		{"export days", []string{"export", "--from", "2026-11-23", "--to", "2026-11-24", "--log", data}, 0, []string{`"from":4`, `"entries":3}`}},
		{"export another format", []string{"export", "--format", "csv", "--log", data}, 2, []string{"there is jsonl"}},
		{"export from no time", []string{"export", "--from", "yesterday", "--log", data}, 2, []string{"yesterday"}},
		{"attest", []string{"attest", "--never", "vendor=anthropic", "--data", data}, 0, []string{"of the 3 attempts", "none names a model of the vendor anthropic", "limited to calls that went through this log", "CUI\nbulkhead ledger attestation v1\n", "another way\nCUI\n"}},
		{"attest since", []string{"attest", "--never", "vendor=openai", "--since", "2026-11-24", "--data", data}, 0, []string{"of the 1 attempts", "since 2026-11-24T00:00:00Z"}},
		{"attest what is not so", []string{"attest", "--never", "vendor=openai", "--data", data}, 1, []string{"would be false: entry 2"}},
		{"attest nothing", []string{"attest", "--data", data}, 2, []string{"--never vendor=NAME"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := ledgerRun(c.args...)
			if code != c.code {
				t.Errorf("exit %d, want %d: %s%s", code, c.code, stdout, stderr)
			}
			for _, want := range c.want {
				if !strings.Contains(stdout+stderr, want) {
					t.Errorf("says %q%q; want %q", stdout, stderr, want)
				}
			}
		})
	}
	_, signed, _ := ledgerRun("attest", "--never", "vendor=anthropic", "--data", data)
	verifiers, err := tiles.ParseKeys([]byte(strings.Join(keys.Verifiers, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := note.Open([]byte(signed), note.VerifierList(verifiers...)); err != nil || len(n.Sigs) != 2 {
		t.Errorf("the statement is not signed by both keys: %v", err)
	}
}

func TestLedger_NamesWhatIsBroken(t *testing.T) {
	data, _ := writtenLog(t)
	bundle := ""
	err := filepath.WalkDir(filepath.Join(data, "ledger", "tile", "entries"), func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && name > bundle {
			bundle = name
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	bundle = filepath.Join(filepath.Dir(bundle), "10")
	b, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bundle, bytes.Replace(b, []byte("call-1"), []byte("call-9"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify", data}, {"verify", "--json", data}, {"attest", "--never", "vendor=x", "--data", data}} {
		code, stdout, stderr := ledgerRun(args...)
		if code != exitFinding || !strings.Contains(stdout+stderr, "entry 4") && !strings.Contains(stdout, `"index": 4`) {
			t.Errorf("%v: exit %d, %s%s", args, code, stdout, stderr)
		}
	}
}

func TestLedger_TailFollows(t *testing.T) {
	data, keys := writtenLog(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &lockedBuffer{}
	done := make(chan int)
	go func() { done <- runLedger(ctx, []string{"tail", "-f", "-n", "0", "--log", data}, out, out) }()
	deadline := time.Now().Add(patience)
	for !strings.Contains(out.String(), "CUI") && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	l, err := ledger.Open(data, ledger.Options{Origin: "ledger.example.gov/test", Keys: keys, SegmentBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(out.String(), `{"index":12,`) && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if code := <-done; code != 0 || !strings.Contains(out.String(), `"ended":"unknown"`) || !strings.Contains(out.String(), `{"index":12,`) {
		t.Errorf("exit %d: %s", code, out.String())
	}
}

// lockedBuffer is what one goroutine writes and another reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to what was written.
func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// String is all that was written.
func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func forge(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 3, 3, "forge DATA OLD NEW")
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "ledger", "tile", "entries", "*.p", "*"))
	ts.Check(err)
	done := 0
	for _, name := range files {
		b, err := os.ReadFile(name)
		ts.Check(err)
		done += bytes.Count(b, []byte(args[1]))
		ts.Check(os.WriteFile(name, bytes.ReplaceAll(b, []byte(args[1]), []byte(args[2])), 0o600))
	}
	if done == 0 || len(args[1]) != len(args[2]) {
		ts.Fatalf("forge: %d places in %d files", done, len(files))
	}
}
