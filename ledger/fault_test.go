package ledger_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/ledger"
	"bulkhead/ledger/tiles"
	"bulkhead/ledger/verify"
)

// memOptions are those of a log on a disk in memory.
func memOptions(t testing.TB) ledger.Options {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return ledger.Options{Origin: origin, Keys: &ledger.Keys{Signers: []note.Signer{signer}, Verifiers: []string{public}}, Interval: time.Hour, SegmentBytes: 1}
}

// ack is what a log has confirmed.
type ack struct {
	index   int64
	call    call.ID
	outcome call.Ending // empty: not confirmed
}

// work opens the log and makes calls until something fails; it gives what was
// confirmed. big makes the write-ahead log go on in further segments.
func work(m *memFS, o ledger.Options, tag string, big ledger.JSON) (acks []ack, opened bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	o.Files = m
	l, err := ledger.Open("data", o)
	if err != nil {
		return nil, false, err
	}
	defer l.Close(ctx)
	for i := range 16 {
		a := admission(call.ID(fmt.Sprintf("%s-%02d", tag, i)))
		if i%4 == 1 {
			a.Permit.Detail = big
		}
		r, err := l.Admit(ctx, a, attempt("east/gpt"))
		if err != nil {
			return acks, true, err
		}
		acks = append(acks, ack{index: r.Index(), call: r.Call()})
		if i%5 == 2 {
			continue // stays open
		}
		if i%3 == 0 {
			if err := l.Start(ctx, r, attempt("west/gpt")); err != nil {
				return acks, true, err
			}
		}
		if err := l.AttemptEnd(r, &ledger.AttemptEnd{Status: 200}); err != nil {
			return acks, true, err
		}
		o := ledger.Outcome{Attempt: 1, Ending: call.Complete, Marking: big}
		if err := l.Settle(ctx, r, &o); err != nil {
			return acks, true, err
		}
		acks[len(acks)-1].outcome = call.Complete
		if i%6 == 5 {
			if err := l.Publish(ctx); err != nil {
				return acks, true, err
			}
		}
	}
	return acks, true, l.Close(ctx)
}

// holds opens the log on a disk that works again and holds it against what was
// confirmed. It gives what the log or its verifier say is wrong.
func holds(t *testing.T, m *memFS, o ledger.Options, acks []ack) error {
	t.Helper()
	ctx := t.Context()
	o.Files = m
	l, err := ledger.Open("data", o)
	if err != nil {
		return err
	}
	defer l.Close(ctx)
	if err := l.Publish(ctx); err != nil {
		return err
	}
	report, err := verify.Log(ctx, l.Read, verify.Options{})
	if err != nil {
		return err
	}
	if report.Fault != nil {
		return report.Fault
	}
	if report.Open != 0 {
		t.Errorf("%d calls are open after the start", report.Open)
	}
	outcomes := map[int64]string{}
	calls := map[int64]string{}
	for e, err := range verify.Entries(ctx, l.Read, report.Size, 0, report.Size) {
		if err != nil {
			t.Fatal(err)
		}
		switch e.Kind {
		case "admission":
			calls[e.Index] = e.Call
		case "outcome":
			outcomes[e.Admission] = e.Ended
		}
	}
	for _, a := range acks {
		if calls[a.index] != string(a.call) {
			t.Errorf("the admission of %s at %d was confirmed; there is %q", a.call, a.index, calls[a.index])
		}
		if a.outcome != "" && outcomes[a.index] != string(a.outcome) {
			t.Errorf("the outcome %s of %s was confirmed; there is %q", a.outcome, a.call, outcomes[a.index])
		}
	}
	return nil
}

// base is a log that was closed in order, shortly before a tile is full.
func base(t testing.TB, o ledger.Options) (*memFS, []ack) {
	t.Helper()
	m := newMemFS()
	o.Files = m
	l, err := ledger.Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	var acks []ack
	for i := range 72 {
		r, err := l.Admit(t.Context(), admission(call.ID(fmt.Sprintf("base-%02d", i))), attempt("east/gpt"))
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Settle(t.Context(), r, &ledger.Outcome{Ending: call.Refused, Attempt: 1}); err != nil {
			t.Fatal(err)
		}
		acks = append(acks, ack{r.Index(), r.Call(), call.Refused})
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m, acks
}

// TestFaults lets the nth operation of the disk go wrong, for every n until a
// run passes without a fault, in each way that there is. Whatever happens, the
// call fails with ledger_unavailable or the log names what is wrong; nothing
// that was confirmed is lost; and what cannot come from a disk that lost power
// is never mended.
func TestFaults(t *testing.T) {
	o := memOptions(t)
	start, before := base(t, o)
	big := canonical(t, `{"x":"`+strings.Repeat("y", 30_000)+`"}`)
	kinds := []string{"fail", "short", "drop", "die", "full", "flip", "flipread"}
	stride := 5
	if os.Getenv("BULKHEAD_LONG") != "" {
		stride = 1
	}
	for k, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			named, passed := 0, 0
			for n := 1 + k%stride; ; n += stride {
				rng := mathrand.New(mathrand.NewPCG(uint64(n), uint64(k)))
				m := start.killed()
				m.fault = faultPlan{kind, n, rng}
				acks, opened, err := work(m, o, kind, big)
				if err == nil && !opened {
					t.Fatal("not opened and no error")
				}
				var f *fault.Fault
				if opened && errors.As(err, &f) && f.Kind != fault.LedgerUnavailable && f.Kind != fault.Cancelled {
					t.Errorf("n=%d: the call fails with %v", n, err)
				}
				hit := m.hit
				after := m.killed()
				if rng.IntN(2) == 0 {
					after = m.crash(rng)
				}
				if err := holds(t, after, o, append(before[:len(before):len(before)], acks...)); err != nil {
					var c *ledger.Corruption
					var f *verify.Fault
					if kind != "flip" && kind != "flipread" {
						t.Errorf("n=%d: the log does not open after a fault that a disk may have: %v", n, err)
					} else if !errors.As(err, &c) && !errors.As(err, &f) {
						t.Errorf("n=%d: %v is no name for what is wrong", n, err)
					}
					named++
				} else {
					passed++
				}
				if t.Failed() {
					t.Fatalf("at n=%d", n)
				}
				if !hit {
					t.Logf("%d operations; %d logs were opened again, %d refused by name", n, passed, named)
					if n < 100 {
						t.Errorf("only %d operations: the fault is not injected", n)
					}
					break
				}
			}
		})
	}
}

// TestFaults_LossOfPower cuts power at random, again and again, so that
// recoveries meet what earlier recoveries left.
func TestFaults_LossOfPower(t *testing.T) {
	o := memOptions(t)
	big := canonical(t, `{"x":"`+strings.Repeat("y", 30_000)+`"}`)
	seeds := uint64(10)
	if os.Getenv("BULKHEAD_LONG") != "" {
		seeds = 300
	}
	for seed := range seeds {
		rng := mathrand.New(mathrand.NewPCG(seed, 1))
		m, acks := newMemFS(), []ack(nil)
		for round := range 12 {
			m.fault = faultPlan{"die", 1 + rng.IntN(400), rng}
			got, _, _ := work(m, o, fmt.Sprintf("r%d", round), big)
			acks = append(acks, got...)
			if rng.IntN(3) == 0 {
				m = m.killed()
			} else {
				m = m.crash(rng)
			}
		}
		if err := holds(t, m, o, acks); err != nil || t.Failed() {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestFaults_RecoveryThatLosesPower lets a process die while the batch that
// fills a bundle is written and not durable. The next one reads it, as the
// system still has it, and loses power at its nth operation, for every n.
func TestFaults_RecoveryThatLosesPower(t *testing.T) {
	o := memOptions(t)
	m, acks := base(t, o)
	m = m.killed()
	o.Files = m
	l, err := ledger.Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	for l.Size() < 255 {
		if _, err := l.Change(t.Context(), &ledger.Change{What: "key"}); err != nil {
			t.Fatal(err)
		}
	}
	m.mu.Lock()
	m.fault = faultPlan{"die", m.n + 2, mathrand.New(mathrand.NewPCG(1, 1))} // its sync
	m.mu.Unlock()
	if _, err := l.Admit(t.Context(), admission("lost"), attempt("east/gpt")); err == nil {
		t.Fatal("the machine is off and the call is admitted")
	}
	_ = l.Close(t.Context()) // the disk is dead for it
	for n := 1; ; n++ {
		rng := mathrand.New(mathrand.NewPCG(uint64(n), 2))
		second := m.killed()
		second.fault = faultPlan{"die", n, rng}
		o.Files = second
		if l, err := ledger.Open("data", o); err == nil {
			_ = l.Close(t.Context())
		}
		hit := second.hit
		for range 4 {
			if err := holds(t, second.crash(rng), o, acks); err != nil || t.Failed() {
				t.Fatalf("n=%d: %v", n, err)
			}
		}
		if !hit {
			t.Logf("%d operations", n)
			return
		}
	}
}

// TestLog_FullDiskRefusesAndGoesOn fills the disk: calls are refused, calls
// that are open still end, and with room again the log goes on.
func TestLog_FullDiskRefusesAndGoesOn(t *testing.T) {
	o := memOptions(t)
	m := newMemFS()
	o.Files = m
	l, err := ledger.Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(t.Context())
	setFull := func(full bool) { m.mu.Lock(); m.full = full; m.mu.Unlock() }
	big := canonical(t, `{"x":"`+strings.Repeat("y", 30_000)+`"}`)
	setFull(true)
	if err := l.Ready(); err == nil {
		t.Error("ready with a full disk")
	}
	var open []*ledger.Receipt
	for {
		a := admission(call.ID(fmt.Sprintf("c%d", len(open))))
		a.Permit.Detail = big
		r, err := l.Admit(t.Context(), a, attempt("east/gpt"))
		if err != nil {
			if fault.From(err).Kind != fault.LedgerUnavailable {
				t.Fatal(err)
			}
			break
		}
		if open = append(open, r); len(open) > 100 {
			t.Fatal("a full disk takes all calls")
		}
	}
	for _, r := range open {
		if err := l.Settle(t.Context(), r, &ledger.Outcome{Ending: call.Complete, Attempt: 1}); err != nil {
			t.Fatalf("a call that was admitted cannot end: %v", err)
		}
	}
	setFull(false)
	deadline := time.Now().Add(5 * time.Second)
	for oneCall(t.Context(), l, "again") != nil || l.Ready() != nil {
		if time.Now().After(deadline) {
			t.Fatal("with room again the log does not go on")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	keys, err := tiles.ParseKeys([]byte(o.Keys.Verifiers[0]))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := verify.Log(t.Context(), l.Read, verify.Options{Keys: keys}); err != nil || r.Fault != nil {
		t.Errorf("%v %+v", err, r)
	}
}
