package ledger_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/ledger"
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
