package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/ledger"
	"bulkhead/ledger/tiles"
	"bulkhead/ledger/verify"
)

const origin = "ledger.example.gov/test"

// logOptions are those of a log on a real disk whose checkpoints come when asked for.
func logOptions(t testing.TB, data string) ledger.Options {
	t.Helper()
	release, err := ledger.Own(data)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	keys, err := ledger.LoadKeys(data, origin, false)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Options{Origin: origin, Keys: keys, Program: "test", Interval: time.Hour, SegmentBytes: 256 << 10}
}

func openLog(t testing.TB, data string, o ledger.Options) *ledger.Log {
	t.Helper()
	l, err := ledger.Open(data, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func canonical(t testing.TB, v string) ledger.JSON {
	t.Helper()
	j, err := ledger.Canonical([]byte(v))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func admission(id call.ID) *ledger.Admission {
	return &ledger.Admission{
		Call: id, Facts: "sha256:00", Dialect: "openai", Action: call.Chat, Principal: "k1", Workload: "letters", Alias: "chat",
		Purpose: "admin.drafting", Estate: "sha256:11", Change: -1, Commitment: "hmac-sha256:22", Size: 100,
		Permit: ledger.Permit{Digest: "sha256:33", Offerings: []string{"east/gpt", "west/gpt"}},
	}
}

func attempt(offering string) *ledger.AttemptStart {
	return &ledger.AttemptStart{Offering: offering, Endpoint: "east", Region: "us-east-1", Sent: "hmac-sha256:22"}
}

// oneCall writes a whole call.
func oneCall(ctx context.Context, l *ledger.Log, id call.ID) error {
	r, err := l.Admit(ctx, admission(id), attempt("east/gpt"))
	if err != nil {
		return err
	}
	if err := l.AttemptEnd(r, &ledger.AttemptEnd{Status: 200, Took: time.Millisecond}); err != nil {
		return err
	}
	return l.Settle(ctx, r, &ledger.Outcome{Attempt: 1, Ending: call.Complete, Status: 200, Size: 10})
}

func TestLog_SurvivesClosingAndDying(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	o := logOptions(t, data)
	ctx := t.Context()
	l := openLog(t, data, o)
	for range 300 {
		if err := oneCall(ctx, l, call.NewID(time.Now(), nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, data, o)
	if got, want := l.Size(), int64(1+300*4+1+1); got != want {
		t.Errorf("size %d, want %d", got, want)
	}
	if err := l.Publish(ctx); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if r := check(t, data); r.Fault != nil || r.Size != 1+300*4+1+1+1 || r.Kinds["outcome"] != 300 || r.Open != 0 {
		t.Errorf("verify: %+v", r)
	}
}

func TestReceipt_ZeroValueIsRefused(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	l := openLog(t, data, logOptions(t, data))
	defer l.Close(t.Context())
	for _, r := range []*ledger.Receipt{nil, {}} {
		for name, err := range map[string]error{
			"Start": l.Start(t.Context(), r, attempt("east/gpt")), "AttemptEnd": l.AttemptEnd(r, &ledger.AttemptEnd{}),
			"Settle": l.Settle(t.Context(), r, &ledger.Outcome{}),
		} {
			if fault.From(err) == nil || !strings.Contains(err.Error(), "no admission") {
				t.Errorf("%s = %v", name, err)
			}
		}
	}
}

func TestReceipt_HasOneOutcome(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	l := openLog(t, data, logOptions(t, data))
	defer l.Close(t.Context())
	r, err := l.Admit(t.Context(), admission("01"), attempt("east/gpt"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Call() != "01" || r.Facts() != "sha256:00" || r.Offering() != "east/gpt" || r.Name() != origin+"/1" {
		t.Errorf("receipt says %v %v %v %v", r.Call(), r.Facts(), r.Offering(), r.Name())
	}
	if err := l.Settle(t.Context(), r, &ledger.Outcome{Ending: call.Refused}); err != nil {
		t.Fatal(err)
	}
	if err := l.Settle(t.Context(), r, &ledger.Outcome{Ending: call.Refused}); err == nil || r.Offering() != "" {
		t.Errorf("a second outcome gives %v, offering %q", err, r.Offering())
	}
}

func TestLog_AfterCloseRefuses(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	l := openLog(t, data, logOptions(t, data))
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := l.Admit(t.Context(), admission("01"), attempt("east/gpt"))
	var f *fault.Fault
	if !errors.As(err, &f) || f.Kind != fault.LedgerUnavailable || l.Ready() == nil {
		t.Errorf("Admit = %v, Ready = %v", err, l.Ready())
	}
}

func TestLog_ProvesACall(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	o := logOptions(t, data)
	o.Banner = "CUI"
	l := openLog(t, data, o)
	defer l.Close(t.Context())
	for range 200 {
		if err := oneCall(t.Context(), l, call.NewID(time.Now(), nil)); err != nil {
			t.Fatal(err)
		}
	}
	open, err := l.Admit(t.Context(), admission("open"), attempt("east/gpt"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := tiles.ParseKeys([]byte(o.Keys.Verifiers[0]))
	if err != nil {
		t.Fatal(err)
	}
	for index, want := range map[int64]string{1: verify.StateClosed, 5: verify.StateClosed, open.Index(): verify.StateOpen} {
		r, err := l.Proof(t.Context(), index)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		got, entries, err := verify.CheckReceipt(doc, keys...)
		if err != nil {
			t.Fatal(err)
		}
		if got.State != want || got.Banner != "CUI" || got.BannerEnd != "CUI" || entries[0].Kind != "admission" {
			t.Errorf("receipt of %d: %s", index, doc)
		}
		for i := range doc { // any byte of it that is changed is found
			bad := bytes.Clone(doc)
			bad[i] ^= 1
			if r, _, err := verify.CheckReceipt(bad, keys...); err == nil && r.Banner == "CUI" && r.BannerEnd == "CUI" {
				t.Errorf("byte %d of the receipt was changed: %s", i, doc[max(0, i-20):min(len(doc), i+20)])
			}
		}
	}
	if _, err := l.Proof(t.Context(), 2); fault.From(err).Kind != fault.NoSuchRoute {
		t.Errorf("proof of an attempt = %v", err)
	}
	if _, err := l.Proof(t.Context(), 1e9); fault.From(err).Kind != fault.NoSuchRoute {
		t.Errorf("proof beyond the log = %v", err)
	}
}

// check verifies the log in a data folder and gives the report.
func check(t testing.TB, data string) *verify.Report {
	t.Helper()
	r, err := verify.Log(t.Context(), verify.Files(os.DirFS(filepath.Join(data, "ledger"))), verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
