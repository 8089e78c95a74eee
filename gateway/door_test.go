package gateway_test

import (
	"errors"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/egress"
	"bulkhead/ledger"
	"bulkhead/ledger/ledgertest"
	"bulkhead/marking"
	"bulkhead/policy"
	"bulkhead/wire"
)

// TestDoors_DemandEveryProof sends with proofs that lack one thing each.
func TestDoors_DemandEveryProof(t *testing.T) {
	v := newVendor(t, ok)
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}, offer{Name: "two", URL: v.URL})
	engine, problems := policy.Compile(e, policy.Options{Dialects: map[string][]string{"openai": {"openai"}}})
	if problems != nil {
		t.Fatal(problems)
	}
	doors, faults := egress.OpenAll(e, nil, egress.Options{UserAgent: "test"})
	if faults != nil {
		t.Fatal(faults)
	}
	defer doors.CloseBut(nil)
	log, now := ledgertest.Open(t, nil), time.Now()
	w := e.Workloads["w"]
	permit := func(id call.ID, facts [32]byte) *policy.Permit {
		d := engine.Decide(policy.Question{Workload: w, Alias: w.Aliases["chat"], Label: marking.Unmarked(), Action: call.Chat, Dialect: "openai", Now: now})
		if d.Permit == nil {
			t.Fatal(d.Refusal)
		}
		p, err := d.Permit.Bind(id, facts)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	receipt := func(id call.ID, facts [32]byte, offering string) *ledger.Receipt {
		r, err := log.Admit(t.Context(), &ledger.Admission{Call: id, Facts: ledger.DigestOf(facts)}, &ledger.AttemptStart{Offering: offering})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	facts, others := [32]byte{1}, [32]byte{2}
	ended := receipt("A", facts, "one/m")
	if err := log.Settle(t.Context(), ended, &ledger.Outcome{Ending: call.Refused}); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		proof egress.Proof
		n     int
		want  error
	}{
		"nothing":                        {egress.Proof{}, 0, policy.ErrNoPermit},
		"no receipt":                     {egress.Proof{Permit: permit("A", facts), Call: "A", Facts: facts}, 0, egress.ErrUnrecorded},
		"a receipt that nothing gave":    {egress.Proof{Permit: permit("A", facts), Receipt: new(ledger.Receipt), Call: "A", Facts: facts}, 0, egress.ErrUnrecorded},
		"no permit":                      {egress.Proof{Receipt: receipt("A", facts, "one/m"), Call: "A", Facts: facts}, 0, policy.ErrNoPermit},
		"a receipt of another call":      {egress.Proof{Permit: permit("A", facts), Receipt: receipt("B", facts, "one/m"), Call: "A", Facts: facts}, 0, egress.ErrUnrecorded},
		"a receipt of other facts":       {egress.Proof{Permit: permit("A", facts), Receipt: receipt("A", others, "one/m"), Call: "A", Facts: facts}, 0, egress.ErrUnrecorded},
		"a permit of another call":       {egress.Proof{Permit: permit("B", facts), Receipt: receipt("A", facts, "one/m"), Call: "A", Facts: facts}, 0, policy.ErrAnotherCall},
		"another offering than recorded": {egress.Proof{Permit: permit("A", facts), Receipt: receipt("A", facts, "one/m"), Call: "A", Facts: facts}, 1, egress.ErrUnrecorded},
		"an offering beyond the permit":  {egress.Proof{Permit: permit("A", facts), Receipt: receipt("A", facts, "one/m"), Call: "A", Facts: facts}, 2, policy.ErrNoPermit},
		"a call that has its outcome":    {egress.Proof{Permit: permit("A", facts), Receipt: ended, Call: "A", Facts: facts}, 0, egress.ErrUnrecorded},
	} {
		body := wire.Splice{Body: []byte(chat())}
		if reply, err := doors.Send(t.Context(), row.proof, row.n, now, &egress.Request{Target: "/v1/chat/completions", Body: body}); !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
			if reply != nil {
				reply.Body.Close()
			}
		}
	}
	if n := len(v.Seen()); n != 0 {
		t.Errorf("the vendor was asked %d times", n)
	}
	whole := egress.Proof{Permit: permit("A", facts), Receipt: receipt("A", facts, "two/m"), Call: "A", Facts: facts}
	reply, err := doors.Send(t.Context(), whole, 1, now, &egress.Request{Target: "/v1/chat/completions", Body: wire.Splice{Body: []byte(chat())}})
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
}
