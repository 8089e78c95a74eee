package gateway

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"bulkhead/catalog"
	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/ledger"
	"bulkhead/marking"
	"bulkhead/policy"
)

// settleWithin is how long the disk may take to make an outcome durable before
// the caller is told that it could not.
const settleWithin = 30 * time.Second

// entry is what a call keeps of its record while it is on its way.
type entry struct {
	receipt   *ledger.Receipt // nil: not admitted
	key       ledger.CallKey
	hash      ledger.Hash
	mac       *ledger.Commitment // for what is committed to now; the reply's, once the call is admitted
	request   ledger.Digest      // commitment to the request's body
	marking   policy.Marking
	label     *rendered     // the effective one
	form      *policy.Form  // what was decided; nil: nothing yet
	outgoing                // to the offering of the attempt whose start was written last
	hub       *chat.Request // once it was translated
	embed     *chat.EmbedRequest
	recalled  recalled
	trying    bool      // an attempt has no end yet
	begun     time.Time // when it began
	first     time.Duration
	status    int    // the vendor's
	vendor    string // the vendor's request id
	concluded bool   // the outcome is written, or could not be
	answered  int    // which attempt's reply the caller gets; zero: none's
}

// commit commits to the request's body, so that what is decided is about these
// bytes and no others.
func (s *serving) commit() {
	s.entry.key, s.entry.hash = ledger.NewCallKey(), ledger.SHA256
	if s.snapshot.Estate.Enclave.Crypto == "cnsa1" {
		s.entry.hash = ledger.SHA384
	}
	s.entry.mac = s.entry.key.Commit(s.entry.hash)
	_, _ = s.entry.mac.Write(s.body.bytes)
	s.entry.request = s.entry.mac.Digest()
}

// record puts the call and the start of its first attempt on the record: at the
// first offering of the order into whose dialect the request can be carried. It
// gives the order from there on. When it returns without an error both are
// durable, bytes may leave, and the call gets an outcome whatever becomes of it.
func (s *serving) record(ctx context.Context, permit *policy.Permit, order []int) ([]int, error) {
	if s.g.options.Ledger == nil {
		return nil, fault.New(fault.LedgerUnavailable, "There is no ledger, and no call is made without one.")
	}
	var uncarried error
	for len(order) > 0 {
		if err := s.compose(permit, order[0]); err == nil {
			return order, s.admit(ctx, permit, order[0])
		} else if uncarried == nil {
			uncarried = err
		}
		order = order[1:]
	}
	return nil, uncarried
}

// admit writes the admission.
func (s *serving) admit(ctx context.Context, permit *policy.Permit, n int) error {
	e, form, c := &s.entry, permit.Form(), &s.snapshot.labels
	start := s.startOf(permit, n)
	receipt, err := s.g.options.Ledger.Admit(ctx, &ledger.Admission{
		Call: s.rec.ID, At: s.rec.Start, Facts: ledger.DigestOf(s.facts),
		Dialect: s.rec.Dialect, Action: s.rec.Action, Stream: s.rec.Stream,
		Principal: s.rec.Key, Subject: s.snapshot.subjects[s.rec.Workload], Workload: s.rec.Workload, Alias: s.rec.Alias, Purpose: s.rec.Purpose,
		Declared: c.of(s.snapshot, e.marking.Declared).json, Found: c.of(s.snapshot, e.marking.Found).json, Effective: e.label.json,
		Estate: s.rec.Estate, Change: s.change(),
		Permit:     ledger.Permit{Digest: ledger.DigestOf(form.Digest), Offerings: form.Offerings, Detail: ledger.Canonized(form.JSON), Asked: ledger.Canonized(form.Question)},
		Commitment: e.request, Size: s.rec.BytesIn, Retries: s.rec.SDKRetries,
	}, &start)
	if err != nil {
		return err
	}
	e.receipt = receipt
	s.reader.Reset() // all marks are found: others can use it while this reply comes
	s.snapshot.readers.Put(s.reader)
	s.reader = nil
	e.mac.Reset()
	s.out.seal(e.mac)
	h := s.w.Header()
	h["Bulkhead-Receipt"] = []string{receipt.Name()}
	h["Bulkhead-Receipt-Key"] = []string{e.key.Reveal()}
	return nil
}

// recordable says why no call could be recorded now, or nil.
func (g *Gateway) recordable() error {
	if g.options.Ledger == nil {
		return fault.New(fault.LedgerUnavailable, "There is no ledger, and no call is made without one.")
	}
	if err := g.options.Ledger.Ready(); err != nil {
		return fault.New(fault.LedgerUnavailable, "The record of calls cannot be relied upon now, and no call is made without it.").Because(err)
	}
	return nil
}

// startOf says for the record what goes to the n-th offering, once it is composed.
func (s *serving) startOf(permit *policy.Permit, n int) ledger.AttemptStart {
	e, o := &s.entry, permit.Offering(n)
	e.trying, e.begun, e.first, e.status, e.vendor = true, s.g.now(), 0, 0, ""
	return ledger.AttemptStart{
		At: e.begun, Offering: o.Name, Endpoint: o.Endpoint.Name, Region: o.Endpoint.Region, Model: o.Model.FullName(),
		Sent: e.sent, Edits: e.body.Edits,
	}
}

// again composes a further attempt and puts its start on the record.
func (s *serving) again(ctx context.Context, permit *policy.Permit, n int) error {
	if err := s.compose(permit, n); err != nil {
		return err
	}
	start := s.startOf(permit, n)
	return s.g.options.Ledger.Start(ctx, s.entry.receipt, &start)
}

// endAttempt writes down how the attempt under way ended; it rides with the
// call's next entry.
func (s *serving) endAttempt(kind fault.Kind) {
	e := &s.entry
	if !e.trying {
		return
	}
	e.trying = false
	err := s.g.options.Ledger.AttemptEnd(e.receipt, &ledger.AttemptEnd{
		Status: e.status, Kind: kind, Vendor: e.vendor, First: e.first, Took: s.g.now().Sub(e.begun),
	})
	s.unwritten("attempt-end", err)
}

// conclude writes the outcome of an admitted call, once, and returns when it is
// durable: nothing that completes a reply may be released before. held are the
// bytes that are. What is released after them is not of the reply.
func (s *serving) conclude(status int, held []byte) error {
	e := &s.entry
	if e.receipt == nil || e.concluded {
		return nil
	}
	e.concluded = true // whatever comes of it: it is not written twice
	kind := fault.Kind(s.rec.Kind)
	s.endAttempt(kind)
	commitment, size := s.out.committed(held)
	o := ledger.Outcome{
		Attempt: e.answered, Ending: s.rec.Ending, Kind: kind, Status: status, Finish: s.rec.Finish, Usage: s.rec.Usage,
		Marking: e.label.json, Losses: e.lost(), Commitment: commitment, Size: size,
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.r.Context()), settleWithin)
	defer cancel()
	s.remember(ctx)
	return s.g.options.Ledger.Settle(ctx, e.receipt, &o)
}

// tell writes down, or counts, that a call was refused before it was admitted.
// The refusal stands whether or not that can be written.
func (s *serving) tell(f *fault.Fault) {
	l := s.g.options.Ledger
	switch {
	case l == nil || f.Kind == fault.Cancelled || f.Kind == fault.LedgerUnavailable:
	case f.Kind == fault.Unauthenticated:
		l.CountUnauthenticated()
	case s.rec.Key == "" || f.Kind == fault.Malformed:
		l.CountMalformed()
	default:
		r := ledger.Refusal{
			At: s.rec.Start, Call: s.rec.ID, Kind: f.Kind, Dialect: s.rec.Dialect, Principal: s.rec.Key, Workload: s.rec.Workload, Alias: s.rec.Alias, Action: s.rec.Action,
			Purpose: s.rec.Purpose, Estate: s.rec.Estate, Reasons: f.Reasons,
		}
		if s.entry.label != nil {
			r.Declared, r.Effective = s.snapshot.labels.of(s.snapshot, s.entry.marking.Declared).json, s.entry.label.json
		}
		if s.entry.form != nil {
			form := s.entry.form
			r.Asked, r.Question, r.Digest, r.Purpose = ledger.Canonized(form.JSON), ledger.Canonized(form.Question), ledger.DigestOf(form.Digest), form.Purpose
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.r.Context()), settleWithin)
		defer cancel()
		index, err := l.Refuse(ctx, &r)
		s.unwritten("refusal", err)
		if err == nil && index >= 0 && (f.Kind == fault.Spillage || f.Kind == fault.Contamination) {
			s.unwritten("sealed record", s.seal(ctx, index, f.Kind))
		}
	}
}

// seal keeps the place and the level of the mark that a call was refused for.
func (s *serving) seal(ctx context.Context, index int64, kind fault.Kind) error {
	if s.g.options.Seal == nil || s.reader == nil {
		return nil
	}
	found := s.reader.Result()
	h := found.Highest
	return s.g.options.Seal(ctx, index, Sealed{Call: s.rec.ID, Kind: string(kind), Level: s.snapshot.register.Banner(h.Label), Marks: found.Found,
		Part: h.Part, Offset: h.Offset, Length: h.Length})
}

// unwritten tells the operators of an entry that could not be written and that
// the call does not wait for.
func (s *serving) unwritten(what string, err error) {
	if err != nil {
		s.g.options.Log.LogAttrs(s.r.Context(), slog.LevelError, "the ledger could not be written", slog.String("call", string(s.rec.ID)), slog.String("entry", what), slog.Any("cause", err))
	}
}

// rendered is a label in the two forms in which calls tell it.
type rendered struct {
	label  marking.Label
	json   ledger.JSON
	banner string
}

// renderings keeps the forms of the labels that were rendered last: nearly all
// calls have one of a few.
type renderings struct {
	recent [8]atomic.Pointer[rendered]
	next   atomic.Uint32
}

func (c *renderings) of(s *Snapshot, l marking.Label) *rendered {
	for i := range c.recent {
		if r := c.recent[i].Load(); r != nil && r.label.Equal(l) {
			return r
		}
	}
	r := &rendered{label: l, json: canonical(l), banner: s.register.Banner(l)}
	c.recent[c.next.Add(1)%uint32(len(c.recent))].Store(r)
	return r
}

// canonical writes a value of ours, which is JSON, in its canonical form.
func canonical(v any) ledger.JSON {
	b, err := json.Marshal(v)
	if err != nil {
		panic("gateway: " + err.Error())
	}
	j, err := ledger.Canonical(b)
	if err != nil {
		panic("gateway: " + err.Error())
	}
	return j
}

// subjectsOf gives, for each workload, the subject that is decided for: its audience.
func subjectsOf(e *catalog.Estate) map[string]ledger.JSON {
	list := func(l catalog.Listing) any {
		switch {
		case !l.Set:
			return nil
		case l.Any:
			return "any"
		}
		return l.Items
	}
	out := make(map[string]ledger.JSON, len(e.Workloads))
	for name, w := range e.Workloads {
		a := w.Audience.Subject
		members := map[string]any{"clearance": a.Clearance, "citizenship": a.Citizenship, "affiliation": a.Affiliation}
		if a.Banner != "" {
			members = map[string]any{"banner": a.Banner}
		}
		if len(a.Readins) > 0 {
			members["readins"] = a.Readins
		}
		if v := list(a.CUI); v != nil {
			members["cui"] = v
		}
		if v := list(a.Controls); v != nil {
			members["controls"] = v
		}
		out[name] = canonical(members)
	}
	return out
}
