package ledger_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/ledger"
	"bulkhead/ledger/tiles"
	"bulkhead/ledger/verify"
	"bulkhead/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// entries publishes and gives the entries from an index on.
func entries(t testing.TB, l *ledger.Log, from int64) []string {
	t.Helper()
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	var out []string
	for e, err := range verify.Entries(t.Context(), l.Read, l.Size(), from, l.Size()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(e.Text))
	}
	return out
}

// TestEntries_EditsAndQuestions writes the members of version 1 that only some
// calls have; their golden file is written once too.
func TestEntries_EditsAndQuestions(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	o := logOptions(t, data)
	o.Now = func() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }
	l := openLog(t, data, o)
	defer l.Close(t.Context())
	start := attempt("east/gpt")
	start.Edits = []wire.Edit{{Span: wire.Span{Start: 9, End: 15}, With: []byte(`"openai.gpt-5.4"`)}, {Span: wire.Span{Start: 40, End: 40}, With: []byte(`"a":1,`)}}
	r, err := l.Admit(t.Context(), admission("01JABCDEFGHJKMNPQRSTVWXYZ0"), start)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Settle(t.Context(), r, &ledger.Outcome{Ending: call.Gone}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Refuse(t.Context(), &ledger.Refusal{Call: "01JABCDEFGHJKMNPQRSTVWXYZ1", Kind: fault.NoEligibleOffering, Workload: "letters",
		Effective: canonical(t, `{"level":"S"}`), Asked: canonical(t, `{"needs":[{"capability":"store"}]}`)}); err != nil {
		t.Fatal(err)
	}
	golden(t, "v1-some.golden", strings.Join(entries(t, l, 1), "\n")+"\n")
}

// golden holds a text against a file that is written once.
func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the entries are\n%s\nand were\n%s", got, want)
	}
}

// TestEntries_VersionOneNeverChanges writes one entry of each kind with all its
// members. The golden file is written once: what differs is a version of its own.
func TestEntries_VersionOneNeverChanges(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	o := logOptions(t, data)
	now := time.Date(2026, 11, 22, 12, 0, 0, 123_456_789, time.FixedZone("", 3600))
	o.Now = func() time.Time { return now }
	o.Program, o.Banner, o.Marking, o.RefusalsPerMinute = "bulkhead test", "CUI", canonical(t, `{"level":"U", "cui":["SP-PRVCY"]}`), 3
	l := openLog(t, data, o)
	ctx := t.Context()
	r, err := l.Admit(ctx, &ledger.Admission{
		Call: "01JABCDEFGHJKMNPQRSTVWXYZ0", Facts: "sha256:00", Dialect: "openai", Action: call.Chat, Stream: true, Principal: "key-1",
		Subject: canonical(t, `{"clearance":"U"}`), Workload: "letters", Alias: "chat", Purpose: "admin.drafting",
		Declared: canonical(t, `{"level":"U"}`), Found: canonical(t, `{"level":"U","cui":["B","A"]}`), Effective: canonical(t, `{"level":"U"}`),
		Estate: "sha256:11", Change: 7, Commitment: "hmac-sha256:22", Size: 1234, Retries: 2,
		Permit: ledger.Permit{Digest: "sha256:33", Offerings: []string{"east/gpt", "west/gpt"}, Detail: canonical(t, `{"obligations":["LOG"]}`)},
	}, &ledger.AttemptStart{Offering: "east/gpt", Endpoint: "east", Region: "us-gov-east-1", Model: "openai/gpt-5.4", Sent: "hmac-sha256:22"})
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(l.AttemptEnd(r, &ledger.AttemptEnd{Status: 503, Kind: fault.UpstreamError, Vendor: "req_\"1\"", First: 1500 * time.Microsecond, Took: 2 * time.Second}))
	must(l.Start(ctx, r, &ledger.AttemptStart{Offering: "west/gpt", Endpoint: "west", Region: "us-gov-west-1", Model: "openai/gpt-5.4", Sent: "hmac-sha256:44"}))
	must(l.Settle(ctx, r, &ledger.Outcome{
		Attempt: 2, Ending: call.Complete, Kind: fault.UpstreamError, Status: 200, Finish: "stop",
		Usage:   call.Usage{Known: true, Estimated: true, Input: 10, Output: 20, CachedInput: 3, Reasoning: 4},
		Marking: canonical(t, `{"level":"U"}`), Losses: []string{"messages[].name"}, Commitment: "hmac-sha256:55", Size: 777,
	}))
	refusal := &ledger.Refusal{
		Call: "01JABCDEFGHJKMNPQRSTVWXYZ1", Kind: fault.NoEligibleOffering, Principal: "key-1", Workload: "letters", Alias: "chat", Action: call.Chat,
		Purpose: "admin.drafting", Declared: canonical(t, `{"level":"S"}`), Estate: "sha256:11",
		Reasons: []fault.Reason{{Offering: "east/gpt", Rule: "ceiling", Why: "above U", Source: "clouds/aws.yaml:3"}},
	}
	for _, kind := range []fault.Kind{fault.NoEligibleOffering, fault.Spillage, fault.Contamination, fault.Denied} {
		refusal.Kind = kind
		if _, err := l.Refuse(ctx, refusal); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Change(ctx, &ledger.Change{What: "key", Action: "created", Name: "key-2", By: "uid 0", Via: "socket", Estate: "sha256:11", Detail: canonical(t, `{"workload":"letters"}`)}); err != nil {
		t.Fatal(err)
	}
	l.CountUnauthenticated()
	l.CountUnauthenticated()
	l.CountMalformed()
	if _, err := l.Admit(ctx, admission("01JABCDEFGHJKMNPQRSTVWXYZ2"), attempt("east/gpt")); err != nil {
		t.Fatal(err)
	}
	must(l.Close(ctx))
	l = openLog(t, data, o) // gives the open one the outcome unknown
	defer l.Close(ctx)
	got := strings.Join(entries(t, l, 0), "\n") + "\n"
	golden(t, "v1.golden", got)
	for _, text := range strings.Split(strings.TrimSpace(got), "\n") {
		v := jsontext.Value(text).Clone()
		if err := v.Canonicalize(); err != nil || string(v) != text {
			t.Errorf("%v: canonical is\n%s and not\n%s", err, v, text)
		}
	}
	for _, secret := range []string{"spillage", "contamination"} {
		for _, line := range strings.Split(got, "\n") {
			if strings.Contains(line, secret) && (strings.Contains(line, "reasons") || strings.Contains(line, "declared") || strings.Contains(line, "alias")) {
				t.Errorf("an entry of %s says more than the code: %s", secret, line)
			}
		}
	}
}

// TestEntries_AreCanonicalWhateverTheyHold holds the writer, the reader and a
// library against each other.
func TestEntries_AreCanonicalWhateverTheyHold(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	l := openLog(t, data, logOptions(t, data))
	defer l.Close(t.Context())
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[\x00-\x20"\\/<>&\x7f]{0,8}`), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
		from := l.Size()
		r, err := l.Admit(t.Context(), &ledger.Admission{
			Call: call.ID(text.Draw(rt, "call") + "x"), Principal: text.Draw(rt, "principal"), Workload: text.Draw(rt, "workload"), Alias: text.Draw(rt, "alias"),
			Purpose: text.Draw(rt, "purpose"), Change: rapid.Int64Range(-1, 1<<50).Draw(rt, "change"), Size: rapid.Int64Range(0, 1<<50).Draw(rt, "size"),
			Permit: ledger.Permit{Offerings: rapid.SliceOfN(text, 0, 5).Draw(rt, "offerings")},
		}, &ledger.AttemptStart{Offering: text.Draw(rt, "offering") + "x", Region: text.Draw(rt, "region")})
		if err != nil {
			rt.Fatal(err)
		}
		if err := l.AttemptEnd(r, &ledger.AttemptEnd{Vendor: text.Draw(rt, "vendor"), Took: time.Duration(rapid.Int64Range(0, 1<<50).Draw(rt, "took"))}); err != nil {
			rt.Fatal(err)
		}
		if err := l.Settle(t.Context(), r, &ledger.Outcome{Ending: call.Refused, Finish: text.Draw(rt, "finish"), Losses: rapid.SliceOfN(text, 0, 70).Draw(rt, "losses")}); err != nil {
			rt.Fatal(err)
		}
		if _, err := l.Refuse(t.Context(), &ledger.Refusal{Kind: fault.Denied, Workload: text.Draw(rt, "w"), Reasons: []fault.Reason{{Why: text.Draw(rt, "why")}}}); err != nil {
			rt.Fatal(err)
		}
		all := entries(t, l, from) // read strictly by verify
		if len(all) < 4 {
			rt.Fatalf("%d entries", len(all))
		}
		for _, e := range all {
			v := jsontext.Value(e).Clone()
			if err := v.Canonicalize(); err != nil || string(v) != e {
				rt.Fatalf("%v: canonical is\n%s and not\n%s", err, v, e)
			}
		}
	})
}

func TestEntries_KeepCountsOfWhatDoesNotFit(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	l := openLog(t, data, logOptions(t, data))
	defer l.Close(t.Context())
	long := canonical(t, `{"x":"`+strings.Repeat("y", 60_000)+`"}`)
	many := make([]string, 300)
	for i := range many {
		many[i] = strings.Repeat("\x01", 400)
	}
	a := admission("01")
	a.Declared, a.Permit = ledger.JSON{}, ledger.Permit{Digest: "sha256:33", Offerings: []string{"east/gpt"}, Detail: long}
	a.Found = canonical(t, `{"x":"`+strings.Repeat("y", 10_000)+`"}`)
	r, err := l.Admit(t.Context(), a, attempt("east/gpt"))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Settle(t.Context(), r, &ledger.Outcome{Ending: call.Refused, Losses: many, Marking: long}); err != nil {
		t.Fatal(err)
	}
	a = admission("02")
	a.Permit.Offerings = many
	if r, err = l.Admit(t.Context(), a, attempt(many[0])); err != nil {
		t.Fatal(err)
	}
	if err := l.Settle(t.Context(), r, &ledger.Outcome{Ending: call.Refused}); err != nil {
		t.Fatal(err)
	}
	reasons := make([]fault.Reason, 100)
	for i := range reasons {
		reasons[i] = fault.Reason{Offering: many[0], Rule: many[0], Why: many[0]}
	}
	if _, err := l.Refuse(t.Context(), &ledger.Refusal{Kind: fault.Denied, Workload: "w", Reasons: reasons}); err != nil {
		t.Fatal(err)
	}
	got := entries(t, l, 1)
	for i, want := range []string{`"count":1,"detail_bytes":60008,"digest":"sha256:33","offerings":["east/gpt"]`, `"kind":"attempt-start"`, `"losses_count":300`, `"count":300,"detail_bytes":0,"digest":"sha256:33"}`, "", "", `"reasons_count":100`} {
		if !strings.Contains(got[i], want) || len(got[i]) > tiles.MaxEntry {
			t.Errorf("entry %d of %d bytes lacks %s: %.300s", i, len(got[i]), want, got[i])
		}
	}
	a = admission("03")
	a.Found, a.Effective = long, long
	if _, err := l.Admit(t.Context(), a, attempt("east/gpt")); fault.From(err) == nil || fault.From(err).Kind != fault.LedgerUnavailable {
		t.Errorf("an admission that cannot be written gives %v", err)
	}
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := check(t, data); r.Fault != nil || r.Unlisted != 1 {
		t.Errorf("verify: %+v", r)
	}
}

func TestCommitment_IsTheSameHoweverItIsFed(t *testing.T) {
	k := ledger.NewCallKey()
	again, err := ledger.ParseCallKey(k.Reveal())
	if err != nil || again != k {
		t.Fatal(err)
	}
	body := bytes.Repeat([]byte("a short prompt "), 100)
	for _, h := range []ledger.Hash{ledger.SHA256, ledger.SHA384} {
		one, many := k.Commit(h), again.Commit(h)
		one.Write(body)
		for _, c := range body {
			many.Write([]byte{c})
		}
		if one.Digest() != many.Digest() || one.Size() != int64(len(body)) || !strings.HasPrefix(string(one.Digest()), string(h)+":") {
			t.Errorf("%s: %s and %s", h, one.Digest(), many.Digest())
		}
		other := ledger.NewCallKey().Commit(h)
		other.Write(body)
		if other.Digest() == one.Digest() {
			t.Error("two keys give one commitment")
		}
	}
	if text, _ := k.MarshalText(); strings.Contains(k.String()+string(text)+k.LogValue().String(), k.Reveal()) {
		t.Error("the key prints itself")
	}
}
