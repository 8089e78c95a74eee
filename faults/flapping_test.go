package faults_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bulkhead/ledger/ledgertest"
	"bulkhead/sim"
)

// TestFlapping lets the first offering go down and up again and again: with
// another no call fails, alone each is whole or a clear error; the first is
// never asked more than once a call while it is down, and serves again within
// seconds once it is up.
func TestFlapping(t *testing.T) {
	for _, l := range lanes[:5] {
		for _, others := range []bool{false, true} {
			name := l.String() + ", alone"
			if others {
				name = l.String() + ", with another"
			}
			t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
				t.Parallel()
				flap(t, l, others)
			})
		}
	}
}

func flap(t *testing.T, l lane, others bool) {
	s := &state{row: row{name: "flapping"}, others: others, id: "s0"}
	w := newWorld(t, l, []*state{s})
	caller := speakers[l.caller]
	one := func() (answered bool) {
		t.Helper()
		s.stream = !s.stream
		got, err := w.call(s, caller, "say: "+words)
		if err != nil || got.err != nil || got.took > soon {
			t.Fatal(err, got.err, got.took)
		}
		if got.status != 200 {
			if code := caller.code(got.body); others || code != "upstream_unavailable" || got.status != 503 {
				t.Errorf("got %d %s", got.status, got.body)
			}
			return false
		}
		said, ok := caller.read(got.body)
		if s.stream {
			said, ok = caller.readStream(got.body), true
		}
		if !ok || !said.whole || said.text != words {
			t.Errorf("it is not whole: %+v", said)
		}
		return role(got.header.Get("Bulkhead-Offering")) == "first"
	}
	for round := range 3 {
		if err := w.sim.SetFaults([]sim.Rule{{Match: sim.Match{Model: "s0-first"}, Fault: sim.Fault{Status: 503}}}); err != nil {
			t.Fatal(err)
		}
		before, calls := len(w.asked(s)["first"]), 15
		for range calls {
			if one() {
				t.Errorf("round %d: it answers while it is down", round)
			}
		}
		if n := len(w.asked(s)["first"]) - before; n > calls {
			t.Errorf("round %d: it was asked %d times in %d calls while it was down", round, n, calls)
		}
		if err := w.sim.SetFaults(nil); err != nil {
			t.Fatal(err)
		}
		up := time.Now()
		for !one() {
			if time.Since(up) > 15*time.Second {
				t.Fatalf("round %d: it is up for %v and is not asked", round, time.Since(up))
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	if !slices.ContainsFunc(w.sim.Record(), func(r sim.Record) bool { return r.Status == 503 }) {
		t.Error("it was never down")
	}
	ledgertest.Entries(t, w.ledger)
}
