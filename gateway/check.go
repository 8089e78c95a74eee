package gateway

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/identity"
	"bulkhead/marking"
	"bulkhead/policy"
)

// checker is the principal of the calls that Bulkhead makes itself. No key has
// this id: theirs are longer.
const checker = call.Checker

// Bounds of a check.
const (
	checkWait      = 30 * time.Second // for anything of a reply; also how long a call that was let through may take
	checkTotal     = time.Minute
	checkAttempts  = 2 // the second one where the first found its connection closed
	checkOutput    = 16
	checkReasoning = 256 // tokens of a model that reasons before it answers
)

// check is a call that Bulkhead makes itself, for a workload that the estate
// declares for it, to learn how one offering is. Nothing that comes from outside
// can be one: only this package can write it into an [Inbound].
type check struct{ workload, offering string }

// Check makes one small call of a workload with [catalog.Probe] at one offering,
// through the same path as every other: it is permitted, recorded, counted and
// judged like them, and its principal is "check". It makes none where the
// offering would not be asked: the estate does not permit it to the workload, it
// is suspended, its endpoint cannot be used, its vendor asked to be left alone,
// or its circuit is open. again is how long until that circuit lets a call
// through, or zero: what stands against it, if anything does, is not a matter of
// a moment. It returns once the call has ended; the end of ctx ends the call.
func (g *Gateway) Check(ctx context.Context, workload, offering string) (again time.Duration) {
	s := g.current.Load()
	if s == nil {
		return 0
	}
	w := s.Estate.Workloads[workload]
	o, in := s.checked(w, offering)
	if o == nil || !s.permitsCheck(w, o, in, g.now()) || s.doors.Missing(o) != nil || g.suspensions.load().bar(workload, o, g.now()) != nil {
		return 0
	}
	if again = g.health.CheckIn(o, g.now()); again > 0 {
		return again
	}
	body := checkBody(w.Service.Probe.Alias, o, in.Action)
	r := (&http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: "/"}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}).WithContext(ctx)
	g.serveCheck(r, in)
	return g.health.CheckIn(o, g.now())
}

func (g *Gateway) serveCheck(r *http.Request, in Inbound) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler { // which ends a connection, and here is none
			panic(p)
		}
	}()
	g.Serve(nobody{http.Header{}}, r, in)
}

// checked finds an offering that a workload checks, and what a check of it is.
func (s *Snapshot) checked(w *catalog.Workload, offering string) (*catalog.Offering, Inbound) {
	if w == nil || w.Aliases[w.Service.Probe.Alias] == nil {
		return nil, Inbound{}
	}
	alias := w.Aliases[w.Service.Probe.Alias]
	i := slices.IndexFunc(alias.Offerings, func(o *catalog.Offering) bool { return o.Name == offering })
	if i < 0 {
		return nil, Inbound{}
	}
	in := Inbound{Dialect: dialect.OpenAI, Action: call.Chat, Route: checker, check: &check{w.Name, offering}}
	if slices.Contains(alias.Offerings[i].Model.Capabilities, string(call.Embeddings)) {
		in.Action = call.Embeddings
	}
	return alias.Offerings[i], in
}

// permitsCheck reports whether a check of the offering would be permitted, so
// that what never is leaves no row of refusals in the ledger.
func (s *Snapshot) permitsCheck(w *catalog.Workload, o *catalog.Offering, in Inbound, now time.Time) bool {
	m, err := s.engine.Mark(policy.Claim{Workload: w, Found: marking.Unmarked()})
	if err != nil {
		return false
	}
	permit := s.engine.Decide(policy.Question{
		Workload: w, Alias: w.Aliases[w.Service.Probe.Alias], Label: m.Effective,
		Principal: policy.Principal{ID: checker}, Action: in.Action, Dialect: string(in.Dialect), Now: now,
	}).Permit
	return permit != nil && len(only(permit, o.Name)) > 0
}

// only is the place of an offering in a permit; none: it is not permitted.
func only(permit *policy.Permit, offering string) []int {
	for n := range permit.Len() {
		if permit.Offering(n).Name == offering {
			return []int{n}
		}
	}
	return nil
}

// checkBody asks for as little as can be asked.
func checkBody(alias string, o *catalog.Offering, action call.Action) []byte {
	if action == call.Embeddings {
		return []byte(`{"model":` + strconv.Quote(alias) + `,"input":"ready"}`)
	}
	bound := `"max_tokens":` + strconv.Itoa(checkOutput)
	if o.Model.Reasoning != "" || slices.Contains(o.Model.Capabilities, "reasoning") { // which refuse the older name
		bound = `"max_completion_tokens":` + strconv.Itoa(checkReasoning)
	}
	return []byte(`{"model":` + strconv.Quote(alias) + `,"messages":[{"role":"user","content":"Reply with: ready"}],` + bound + `,"stream":true}`)
}

// self is the principal of a check.
func (s *serving) self() (identity.Principal, error) {
	s.rec.Key = checker
	return identity.Principal{Kind: identity.Service, Key: checker, Workload: s.in.check.workload}, nil
}

// limits gives the bounds of the call at an offering. A check waits no longer
// than what it finds out is worth.
func (s *serving) limits(w *catalog.Workload, o *catalog.Offering) catalog.Limits {
	l := limits(s.snapshot.Estate, w, o)
	if s.in.check != nil {
		l.Header, l.FirstContent, l.Gap = min(l.Header, checkWait), min(l.FirstContent, checkWait), min(l.Gap, checkWait)
		l.Total = min(l.Total, checkTotal)
	}
	return l
}

// unasked is what a check is refused with that came too late or too early.
func unasked(offering string) error {
	return fault.New(fault.UpstreamUnavailable, "The offering %s is not asked now, and this check is of no other.", offering).Final()
}

// nobody takes the reply of a check: what it was is on the record.
type nobody struct{ header http.Header }

// Header is read by nobody.
func (n nobody) Header() http.Header { return n.header }

// Write takes anything.
func (nobody) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader takes any status.
func (nobody) WriteHeader(int) {}
