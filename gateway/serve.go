package gateway

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/identity"
	"bulkhead/inspect"
	"bulkhead/policy"
	"bulkhead/route"
)

// serve is the path of a call. Each step gives the next one what it needs or
// refuses; nothing reaches back, and there is no other way to a vendor.
func (s *serving) serve(ctx context.Context) error {
	if err := s.accept(); err != nil { // the route is served, the header can be read
		return err
	}
	principal, workload, err := s.identify() // who calls, for which workload
	if err != nil {
		return err
	}
	if s.in.Action == call.Models { // no vendor is asked
		return s.models(principal, workload)
	}
	if err := s.enter(ctx, workload); err != nil { // there is room
		return err
	}
	request, err := s.read(workload) // the whole body, scanned once
	if err != nil {
		return err
	}
	label, err := s.mark(workload) // declared, joined with what was found in the text
	if err != nil {
		return err
	}
	permit, err := s.decide(principal, workload, request, label) // which offerings may serve it
	if err != nil {
		return err
	}
	order, err := s.plan(permit) // in which order they are asked
	if err != nil {
		return err
	}
	if s.dry {
		return s.rehearse(permit, order)
	}
	order, err = s.record(ctx, permit, order) // durable before a byte leaves
	if err != nil {
		return err
	}
	answer, err := s.send(ctx, workload, permit, order) // the first that answers
	if err != nil {
		return err
	}
	return s.relay(answer) // the reply, metered as it passes
}

// serving is one call on its way.
type serving struct {
	*scratch
	g         *Gateway
	in        Inbound
	claim     *identity.Claim // of a caller that signs; nil: one that shows a key
	w         http.ResponseWriter
	r         *http.Request
	snapshot  *Snapshot
	suspended *suspended       // that the call was planned by; nil: not planned yet
	reader    *inspect.Scanner // of marks; nil until the body is read
	media     []string         // kinds of its parts that are no text
	dry       bool             // every gate, nothing sent, the decision comes back
	atomic    bool             // the caller gets a reply only when it is whole
	most      int64            // bytes that are held of such a reply
	goesOn    route.CourseOptions
	early     bool       // every circuit is open: there is nowhere else to go
	pass      route.Pass // of the attempt under way
	heard     int64      // bytes of text in the body
	holds     int64      // bytes held beside the bodies
	facts     [32]byte   // digest of what was decided about
	out       outlet
	body      *body
	request   dialect.Request // nil until the body is read
	rec       call.Record
	entry     entry   // in the ledger
	current   *answer // the one that is being released; nil: none is
	leaves    func()  // of the turnstile; nil: it has not come in
	gone      bool    // the caller is: the connection is ended, so that nothing half looks whole
}

// begin gives the call its id, its estate and the header fields of every reply.
func (g *Gateway) begin(w http.ResponseWriter, r *http.Request, in Inbound) *serving {
	now := g.now()
	s := &serving{scratch: g.scratch.Get().(*scratch), g: g, in: in, w: w, r: r, snapshot: g.current.Load()}
	s.rec = call.Record{
		ID: call.NewID(now, g.options.Random), Start: now,
		Dialect: string(in.Dialect), Action: in.Action, Route: in.Route, Ending: call.Refused,
	}
	if n, err := strconv.Atoi(r.Header.Get("X-Stainless-Retry-Count")); err == nil && n > 0 {
		s.rec.SDKRetries = n
	}
	s.out.open(w, r)
	s.header()
	return s
}

// declarations are the request fields by which a caller binds its call; twice
// could mean either.
var declarations = [...]string{"Bulkhead-Marking", "Bulkhead-Purpose", "Bulkhead-Dry-Run", "Bulkhead-Delivery"}

// accept refuses what ingress found unfit and what cannot be read in one way.
func (s *serving) accept() error {
	if s.in.Refusal != nil {
		return s.in.Refusal
	}
	if s.snapshot == nil {
		return fault.New(fault.StoreUnavailable, "Bulkhead has no estate yet; try again shortly.")
	}
	for _, name := range declarations {
		if len(s.r.Header[name]) > 1 {
			return fault.New(fault.Malformed, "The header %s is there twice; send it once.", name).At(name).Final()
		}
	}
	switch v := s.r.Header.Get("Bulkhead-Dry-Run"); v {
	case "", "0":
	case "1":
		s.dry = true
	default:
		return fault.New(fault.Malformed, "The header Bulkhead-Dry-Run must be 1, or left out.").At("Bulkhead-Dry-Run").Final()
	}
	return nil
}

// identify finds who calls, and the workload in the call's own estate.
func (s *serving) identify() (identity.Principal, *catalog.Workload, error) {
	p, err := s.who()
	if err != nil {
		return p, nil, err
	}
	w := s.snapshot.Estate.Workloads[p.Workload]
	if w == nil {
		return p, nil, fault.New(fault.Denied, "The key is bound to a workload that the estate no longer has. Ask for a key of one that it has.").Final()
	}
	s.rec.Workload = w.Name
	return p, w, s.deliver(w)
}

// read takes the body in whole and scans it once.
func (s *serving) read(w *catalog.Workload) (*dialect.Asked, error) {
	enclave := &s.snapshot.Estate.Enclave
	var err error
	s.body, err = s.g.intake.readRequest(s.w, s.r, orElse(enclave.MaxBodyBytes, DefaultMaxBody), orElse(enclave.BodyTimeout, DefaultBodyTime))
	if err != nil {
		return nil, err
	}
	s.rec.BytesIn = int64(len(s.body.bytes))
	if err := s.prove(); err != nil {
		return nil, err
	}
	s.reader = s.snapshot.readers.Get().(*inspect.Scanner)
	s.request, err = s.ours().Reader.Read(s.inbound(), &s.scan, dialect.Listener{Text: s.hear, Name: s.reader.ScanName, Unread: s.unread})
	if err != nil {
		return nil, err
	}
	request := s.request.Asked()
	s.rec.Stream = request.Stream
	if len(request.Unknown) > 0 && w.UnknownFields != "pass" {
		name := request.Unknown[0]
		return nil, fault.New(fault.Unsupported, "The field %q is not one that Bulkhead knows, and the workload %s refuses unknown fields. Leave it out, or set unknown_fields: pass on the workload if its data allow that.", name, w.Name).At(name).Final()
	}
	return request, nil
}

// plan puts the permitted offerings in the order in which they are asked,
// without those that are suspended.
func (s *serving) plan(permit *policy.Permit) ([]int, error) {
	which := s.candidates(permit)
	if s.in.check != nil && len(which) == 0 { // a date or a reload came between
		return nil, unasked(s.in.check.offering)
	}
	permitted := make([]*catalog.Offering, len(which))
	for i, n := range which {
		permitted[i] = permit.Offering(n)
	}
	order, early, err := route.Plan(permitted, s.snapshot.doors.Missing, s.g.health, s.routed())
	if err != nil {
		return nil, err
	}
	if early && s.in.check != nil { // only a caller with nowhere else to go is worth a call before its time
		return nil, unasked(s.in.check.offering)
	}
	s.early = early
	for i, place := range order {
		order[i] = which[place]
	}
	if order, err = s.narrow(permit, order); err != nil {
		return nil, err
	}
	s.recall(s.r.Context())
	return s.homeward(permit, order), nil
}

// settle ends the call: its outcome is written if it has none yet, what it
// holds is given back.
func (s *serving) settle() {
	s.unwritten("outcome", s.conclude(s.out.status, nil))
	s.out.close()
	s.body.release()
	if s.leaves != nil {
		s.leaves()
	}
	s.g.intake.held.Add(-s.holds)
	s.rec.Status = s.out.status
	s.rec.BytesOut = s.out.written
	s.rec.Took = s.g.now().Sub(s.rec.Start)
	if !s.out.first.IsZero() {
		s.rec.FirstByte = s.out.first.Sub(s.rec.Start)
	}
	s.g.options.Observe(&s.rec)
	if s.reader != nil {
		s.reader.Reset()
		s.snapshot.readers.Put(s.reader)
	}
	s.events.Reset(nil, s.buf, 0) // a buffer that a large event grew goes
	s.g.scratch.Put(s.scratch)
}

// total is when the call must have ended.
func (s *serving) total(l catalog.Limits) time.Time { return s.rec.Start.Add(l.Total) }
