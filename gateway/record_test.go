package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/gateway"
	"bulkhead/ledger"
	"bulkhead/ledger/ledgertest"
	"bulkhead/wire"
)

// line is what tests look at in an entry.
type line struct {
	Kind, Call, Commitment, Ended, Fault, Offering, Model, Sent, Finish, Workload, Alias, Principal, Purpose, Estate string
	Admission, Attempt, Size, Status, Previous, Change, Unauthenticated, Malformed                                   int64
	Edits                                                                                                            [][]any
	Permit                                                                                                           struct{ Offerings []string }
	Marking                                                                                                          json.RawMessage
	Usage                                                                                                            struct{ Source string }
	Reasons                                                                                                          []struct{ Rule string }
}

// lines are the entries of the rig's log after its first.
func (r *rig) lines() []line {
	r.t.Helper()
	var out []line
	for _, e := range ledgertest.Entries(r.t, r.Ledger)[1:] {
		var l line
		if err := json.Unmarshal(e.Text, &l); err != nil {
			r.t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

func kinds(lines []line) string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Kind)
	}
	return strings.Join(out, " ")
}

const oneCall = "admission attempt-start attempt-end outcome"

func TestRecord_IsDurableBeforeAByteLeaves(t *testing.T) {
	var r *rig
	var durable atomic.Int64
	v := newVendor(t, func(x *visit) {
		durable.Store(r.Ledger.Size())
		ok(x)
	})
	r = start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	if got := r.Post("/v1/chat/completions", chat()); got.Status != 200 {
		t.Fatal(got.Status, got.Body)
	}
	if durable.Load() < 3 {
		t.Errorf("the vendor was asked when %d entries were durable, want the start of the log, admission and attempt-start", durable.Load())
	}
	lines := r.lines()
	if kinds(lines) != oneCall {
		t.Fatalf("the log has %s", kinds(lines))
	}
	a, s, o := lines[0], lines[1], lines[3]
	if a.Workload != "w" || a.Alias != "chat" || a.Principal == "" || a.Purpose != "admin.drafting" || a.Estate != "sha256:a" || !slices.Equal(a.Permit.Offerings, []string{"one/m"}) {
		t.Errorf("admission: %+v", a)
	}
	if s.Offering != "one/m" || s.Model != "acme/one" || o.Attempt != 1 || o.Ended != "complete" || o.Status != 200 || o.Usage.Source == "" {
		t.Errorf("attempt and outcome: %+v %+v", s, o)
	}
}

// said scripts a stream that ends as its last event does.
func said(events ...string) func(*visit) {
	return func(x *visit) {
		x.Stream(streamType, events...)
		x.End()
	}
}

// TestRecord_CommitsToWhatPassed opens the commitments with the key that the
// caller got: to what it sent, what the vendor got, and what came back.
func TestRecord_CommitsToWhatPassed(t *testing.T) {
	for name, row := range map[string]struct {
		body   string
		script func(*visit)
		ended  string
	}{
		"unary":       {chat(), ok, "complete"},
		"stream":      {chat(`"stream":true`), said(roleEvent, helloEvent, finishEvent, usageEvent, doneEvent), "complete"},
		"stored":      {chat(`"store":true`), ok, "complete"},
		"no body":     {chat(), func(x *visit) { x.Reply(200, jsonType, spoken("")) }, "complete"},
		"vendor's no": {chat(), func(x *visit) { x.Reply(400, jsonType, vendorWords) }, "refused"},
		"our no":      {chat(), func(x *visit) { x.Reply(502, jsonType, vendorWords) }, "refused"},
		"cut": {chat(`"stream":true`), func(x *visit) {
			x.Stream(streamType, helloEvent)
			x.End()
		}, "cut"},
		"failed": {chat(`"stream":true`), said(helloEvent, vendorError), "cut"},
		"silent": {chat(`"stream":true`), func(x *visit) {
			time.Sleep(120 * time.Millisecond) // keep-alives are part of what the caller gets
			said(helloEvent, finishEvent, doneEvent)(x)
		}, "complete"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVendor(t, row.script)
			r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}), func(o *gateway.Options) { o.KeepAlive = 20 * time.Millisecond })
			got := r.Post("/v1/chat/completions", row.body)
			r.Record()
			key, err := ledger.ParseCallKey(got.Header.Get("Bulkhead-Receipt-Key"))
			if err != nil {
				t.Fatal(err)
			}
			commit := func(b string) string {
				c := key.Commit(ledger.SHA256)
				c.Write([]byte(b))
				return string(c.Digest())
			}
			lines := r.lines()
			if kinds(lines) != oneCall {
				t.Fatalf("the log has %s", kinds(lines))
			}
			a, s, o := lines[0], lines[1], lines[3]
			if want := fmt.Sprintf("%s/%d", ledgertest.Origin, s.Admission); got.Header.Get("Bulkhead-Receipt") != want {
				t.Errorf("receipt %q, want %q", got.Header.Get("Bulkhead-Receipt"), want)
			}
			if a.Commitment != commit(row.body) || a.Size != int64(len(row.body)) {
				t.Error("the request is not what the admission commits to")
			}
			var edits []wire.Edit
			for _, e := range s.Edits {
				edits = append(edits, wire.Edit{Span: wire.Span{Start: int(e[0].(float64)), End: int(e[1].(float64))}, With: []byte(e[2].(string))})
			}
			if sent := string(wire.Splice{Body: []byte(row.body), Edits: edits}.Append(nil)); sent != string(v.Only().Body) {
				t.Errorf("the record says that\n%s\nwas sent, the vendor got\n%s", sent, v.Only().Body)
			}
			if s.Sent != string(key.CommitEdits(ledger.SHA256, ledger.Digest(a.Commitment), edits)) {
				t.Error("the edits are not what the attempt's start commits to")
			}
			if o.Commitment != commit(got.Body) || o.Size != int64(len(got.Body)) || o.Ended != row.ended || o.Status != int64(got.Status) {
				t.Errorf("outcome %+v for a reply of %d bytes with status %d:\n%s", o, len(got.Body), got.Status, got.Body)
			}
		})
	}
}

func TestRecord_EveryAttemptIsOnItBeforeItIsMade(t *testing.T) {
	var r *rig
	seen := func(script func(*visit), want int64) func(*visit) {
		return func(x *visit) {
			if n := r.Ledger.Size(); n < want {
				t.Errorf("asked when %d entries were durable, want %d", n, want)
			}
			script(x)
		}
	}
	first, second := newVendor(t, seen(func(x *visit) { x.Reply(503, jsonType, vendorWords) }, 3)), newVendor(t, seen(ok, 5))
	r = start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: first.URL}, offer{Name: "two", URL: second.URL, ID: "another"}))
	if got := r.Post("/v1/chat/completions", chat()); got.Status != 200 {
		t.Fatal(got.Status, got.Body)
	}
	lines := r.lines()
	if kinds(lines) != "admission attempt-start attempt-end attempt-start attempt-end outcome" {
		t.Fatalf("the log has %s", kinds(lines))
	}
	if lines[1].Offering != "one/m" || lines[2].Status != 503 || lines[2].Fault != "upstream_error" && lines[2].Fault != "upstream_unavailable" ||
		lines[3].Offering != "two/m" || lines[4].Status != 200 || lines[5].Attempt != 2 {
		t.Errorf("%+v", lines[1:])
	}
}

// TestRecord_DiskFails lets the disk fail at each moment of a call.
func TestRecord_DiskFails(t *testing.T) {
	broken := func(op string) error {
		if op == "sync" || op == "write" {
			return syscall.EIO
		}
		return nil
	}
	t.Run("before it", func(t *testing.T) {
		v := newVendor(t, ok)
		r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
		r.Disk.Break(broken)
		for range 3 {
			refused(t, r.Post("/v1/chat/completions", chat()), 503, "ledger_unavailable")
		}
		r.Disk.Break(nil) // a failed sync is not retried as if nothing had happened
		refused(t, r.Post("/v1/chat/completions", chat()), 503, "ledger_unavailable")
		refused(t, r.Post("/v1/chat/completions", chat(), "Bulkhead-Dry-Run", "1"), 503, "ledger_unavailable")
		if n := len(v.Seen()); n != 0 {
			t.Errorf("the vendor was asked %d times", n)
		}
	})
	t.Run("before the second attempt", func(t *testing.T) {
		var r *rig
		first := newVendor(t, func(x *visit) {
			r.Disk.Break(broken)
			x.Reply(503, jsonType, vendorWords)
		})
		second := newVendor(t, ok)
		r = start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: first.URL}, offer{Name: "two", URL: second.URL}))
		refused(t, r.Post("/v1/chat/completions", chat()), 503, "ledger_unavailable")
		if n := len(second.Seen()); n != 0 {
			t.Errorf("the second vendor was asked %d times", n)
		}
	})
	t.Run("before the outcome of a unary call", func(t *testing.T) {
		var r *rig
		v := newVendor(t, func(x *visit) {
			r.Disk.Break(broken)
			ok(x)
		})
		r = start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
		got := r.Post("/v1/chat/completions", chat())
		refused(t, got, 503, "ledger_unavailable")
		if rec := r.Record(); rec.Ending != "refused" || rec.Status != 503 {
			t.Errorf("the call is told as %s %d", rec.Ending, rec.Status)
		}
	})
	t.Run("before the outcome of a refusal", func(t *testing.T) {
		var r *rig
		v := newVendor(t, func(x *visit) {
			r.Disk.Break(broken)
			x.Reply(400, jsonType, vendorWords)
		})
		r = start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
		refused(t, r.Post("/v1/chat/completions", chat()), 503, "ledger_unavailable")
	})
	t.Run("before the end of a stream", func(t *testing.T) {
		var r *rig
		v := newVendor(t, func(x *visit) {
			x.Stream(streamType, helloEvent)
			r.Disk.Break(broken)
			x.Chunks(finishEvent, doneEvent)
		})
		r = start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
		got := r.Post("/v1/chat/completions", chat(`"stream":true`))
		if !strings.HasPrefix(got.Body, helloEvent+finishEvent) || strings.Contains(got.Body, "[DONE]") || !strings.Contains(got.Body, "ledger_unavailable") {
			t.Errorf("the caller got\n%s", got.Body)
		}
		if rec := r.Record(); rec.Ending != "cut" {
			t.Errorf("the call is told as %s", rec.Ending)
		}
	})
}

func TestRecord_Refusals(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	r.Post("/v1/chat/completions", chat(`"tools":[{"type":"web_search"}]`))
	r.Post("/v1/chat/completions", `{"model":"chat","messages":[{"role":"user","content":"(S//NF) the plan"}]}`)
	r.Post("/v1/chat/completions", `{"model":"other","messages":[]}`)
	r.Post("/v1/chat/completions", chat(), "Bulkhead-Marking", "TOP SECRET")
	r.Post("/v1/chat/completions", `{"model":`)
	r.Post("/v1/chat/completions", chat(), "Authorization", "Bearer nobody")
	r.Do("GET", "/nothing", nil)
	lines := r.lines()
	want := []string{"no_eligible_offering", "contamination", "model_not_found", "marking_above_ceiling"}
	if len(lines) != len(want) || len(v.Seen()) != 0 {
		t.Fatalf("the log has %s, the vendor was asked %d times", kinds(lines), len(v.Seen()))
	}
	for i, l := range lines {
		if l.Kind != "refusal" || l.Fault != want[i] || l.Workload != "w" || l.Principal == "" || len(l.Call) != 26 {
			t.Errorf("%+v, want the refusal %s", l, want[i])
		}
	}
	if len(lines[0].Reasons) == 0 || lines[0].Alias != "chat" || lines[1].Alias != "" || lines[1].Reasons != nil {
		t.Errorf("reasons: %+v; of contamination: %+v", lines[0], lines[1])
	}
}

// TestRecord_NothingOfTheTextIsInIt looks for the words of callers and vendors.
func TestRecord_NothingOfTheTextIsInIt(t *testing.T) {
	v := newVendor(t, func(x *visit) { x.Reply(200, jsonType, spoken("the-reply-word")) })
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL, Auth: "bearer"}))
	body := `{"model":"chat","user":"the-user-word","messages":[{"role":"user","content":"the-prompt-word"}]}`
	r.Post("/v1/chat/completions", body)
	v.Says(func(x *visit) { x.Reply(400, jsonType, vendorWords) })
	r.Post("/v1/chat/completions", body)
	r.Post("/v1/chat/completions", `{"model":"chat","messages":[{"role":"user","content":"(S) the-secret-word"}]}`)
	for _, e := range ledgertest.Entries(t, r.Ledger) {
		for _, word := range []string{"-word", "vendor-secret", r.Key, "org-secret-words"} {
			if strings.Contains(string(e.Text), word) {
				t.Errorf("%q is in %s", word, e.Text)
			}
		}
	}
}

func TestRecord_WithoutALedgerNothingLeaves(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}), func(o *gateway.Options) { o.Ledger = nil })
	refused(t, r.Post("/v1/chat/completions", chat()), 503, "ledger_unavailable")
	if n := len(v.Seen()); n != 0 {
		t.Errorf("the vendor was asked %d times", n)
	}
}

func TestUse_AnEstateThatCannotBeRecordedDoesNotHold(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	if _, err := r.Gateway.Use(estateOf("b", []string{"chat"}, offer{Name: "one", URL: v.URL}), func() (int64, error) { return 0, errors.New("disk") }); err == nil {
		t.Error("no error")
	}
	if got := r.Post("/v1/chat/completions", chat()); got.Header.Get("Bulkhead-Estate") != "sha256:a" {
		t.Errorf("the estate in force is %s", got.Header.Get("Bulkhead-Estate"))
	}
	if _, err := r.Gateway.Use(estateOf("b", []string{"chat"}, offer{Name: "one", URL: v.URL}), func() (int64, error) { return 7, nil }); err != nil {
		t.Error(err)
	}
	r.Post("/v1/chat/completions", chat())
	if lines := r.lines(); lines[len(lines)-4].Change != 7 || lines[len(lines)-4].Estate != "sha256:b" {
		t.Errorf("%+v", lines)
	}
}

// TestRecord_SealsPlaceAndLevelOfAMark keeps what the entry does not say, for
// refusals that have an entry, and refuses whether or not it can be kept.
func TestRecord_SealsPlaceAndLevelOfAMark(t *testing.T) {
	v := newVendor(t, ok)
	var kept []gateway.Sealed
	var at []int64
	fails := false
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}), func(o *gateway.Options) {
		o.Seal = func(_ context.Context, index int64, s gateway.Sealed) error {
			if fails {
				return errors.New("the store is gone")
			}
			kept, at = append(kept, s), append(at, index)
			return nil
		}
	})
	const body = `{"model":"chat","messages":[{"role":"system","content":"be kind"},{"role":"user","content":"see: (S//NF) the plan"}]}`
	r.Post("/v1/chat/completions", chat(`"tools":[{"type":"web_search"}]`))
	r.Post("/v1/chat/completions", body)
	fails = true
	if res := r.Post("/v1/chat/completions", body); res.Status != 403 {
		t.Errorf("status %d where nothing could be sealed", res.Status)
	}
	lines := r.lines()
	if len(kept) != 1 || len(lines) != 3 || len(v.Seen()) != 0 {
		t.Fatalf("kept %+v; the log has %s", kept, kinds(lines))
	}
	got := kept[0]
	if got.Call != call.ID(lines[1].Call) || got.Kind != "contamination" || got.Level != "SECRET//NOFORN" || got.Marks != 1 || got.Offset != 5 || got.Length != 7 || got.Part < 1 {
		t.Errorf("sealed is %+v", got)
	}
	if e := ledgertest.Entries(t, r.Ledger)[at[0]]; e.Call != string(got.Call) || e.Kind != "refusal" {
		t.Errorf("it is kept for entry %d, %s of call %s", at[0], e.Kind, e.Call)
	}
}
