package gateway

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/dialect/openai"
	"bulkhead/fault"
	"bulkhead/identity"
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
		return s.models(workload)
	}
	request, err := s.read(workload) // the whole body, scanned once
	if err != nil {
		return err
	}
	offerings, err := s.plan(principal, workload, request) // which offerings, in which order
	if err != nil {
		return err
	}
	answer, err := s.send(ctx, workload, request, offerings) // the first that answers
	if err != nil {
		return err
	}
	return s.relay(answer) // the reply, metered as it passes
}

// serving is one call on its way.
type serving struct {
	*scratch
	g        *Gateway
	in       Inbound
	w        http.ResponseWriter
	r        *http.Request
	snapshot *Snapshot
	out      outlet
	body     *body
	rec      call.Record
	gone     bool // the caller is: the connection is ended, so that nothing half looks whole
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
	s.out.open(w)
	s.header()
	return s
}

// undecided are request fields whose gates this build does not have. To pass
// over a caller's wish to be bound would be to break it.
var undecided = [...]string{"Bulkhead-Marking", "Bulkhead-Purpose", "Bulkhead-Dry-Run"}

// accept refuses what ingress found unfit, and what this build cannot honour.
func (s *serving) accept() error {
	if s.in.Refusal != nil {
		return s.in.Refusal
	}
	if s.snapshot == nil {
		return fault.New(fault.StoreUnavailable, "Bulkhead has no estate yet; try again shortly.")
	}
	for _, name := range undecided {
		if s.r.Header[name] != nil {
			return fault.New(fault.Unsupported, "The header %s is not enforced by this build, so a call that relies on it is refused. Leave it out to go on without.", name).At(name).Final()
		}
	}
	return nil
}

// identify finds who calls, and the workload in the call's own estate.
func (s *serving) identify() (identity.Principal, *catalog.Workload, error) {
	p, err := s.g.options.Keys.Identify(s.in.Credential, s.rec.Start)
	if err != nil {
		return p, nil, err
	}
	s.rec.Key = p.Key
	w := s.snapshot.Estate.Workloads[p.Workload]
	if w == nil {
		return p, nil, fault.New(fault.Denied, "The key is bound to a workload that the estate no longer has. Ask for a key of one that it has.").Final()
	}
	s.rec.Workload = w.Name
	return p, w, nil
}

// read takes the body in whole and scans it once.
func (s *serving) read(w *catalog.Workload) (*openai.Request, error) {
	enclave := &s.snapshot.Estate.Enclave
	var err error
	s.body, err = s.g.intake.readRequest(s.w, s.r, orElse(enclave.MaxBodyBytes, DefaultMaxBody), orElse(enclave.BodyTimeout, DefaultBodyTime))
	if err != nil {
		return nil, err
	}
	s.rec.BytesIn = int64(len(s.body.bytes))
	request, err := openai.Read(s.in.Action, s.body.bytes, &s.scan, dialect.Listener{})
	if err != nil {
		return nil, err
	}
	s.rec.Stream = request.Stream
	if len(request.Unknown) > 0 && w.UnknownFields != "pass" {
		name := request.Unknown[0]
		return nil, fault.New(fault.Unsupported, "The field %q is not one that Bulkhead knows, and the workload %s refuses unknown fields. Leave it out, or set unknown_fields: pass on the workload if its data allow that.", name, w.Name).At(name).Final()
	}
	return request, nil
}

// plan finds the alias and puts its offerings in order.
func (s *serving) plan(_ identity.Principal, w *catalog.Workload, request *openai.Request) ([]*catalog.Offering, error) {
	name := orElse(s.in.Alias, request.Alias)
	if name == "" {
		return nil, fault.New(fault.Malformed, "The field model is missing; name an alias of the workload, such as %s.", anAlias(w)).At("model").Final()
	}
	alias := w.Aliases[name]
	if alias == nil {
		return nil, unknownAlias(w, name)
	}
	s.rec.Alias = alias.Name
	ask := route.Ask{Dialect: s.in.Dialect}
	for _, n := range request.Needs {
		ask.Needs = append(ask.Needs, route.Need(n))
	}
	return route.Plan(alias, ask, func(o *catalog.Offering) error { return s.snapshot.ways[o.Index].door.Missing() })
}

// settle ends the call: its record is written, what it holds is given back.
func (s *serving) settle() {
	s.out.close()
	s.body.release()
	s.rec.Status = s.out.status
	s.rec.BytesOut = s.out.written
	s.rec.Took = s.g.now().Sub(s.rec.Start)
	if !s.out.first.IsZero() {
		s.rec.FirstByte = s.out.first.Sub(s.rec.Start)
	}
	s.g.options.Observe(&s.rec)
	s.g.scratch.Put(s.scratch)
}

// total is when the call must have ended.
func (s *serving) total(l catalog.Limits) time.Time { return s.rec.Start.Add(l.Total) }
