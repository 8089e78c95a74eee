package gateway

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/egress"
	"bulkhead/fault"
	"bulkhead/policy"
	"bulkhead/route"
)

// answer is an attempt that succeeded: a whole unary reply, or a stream up to
// its first content.
type answer struct {
	offering *catalog.Offering
	reply    *egress.Reply
	cancel   context.CancelCauseFunc
	watch    *watch
	flight   *flight
	lands    *suspensions // that know of the flight
	limits   catalog.Limits
	total    time.Time

	way     *way
	lane    lane
	whole   *body  // unary: the reply's body
	out     []byte // unary: what the caller gets of it
	opening []byte // stream: what came up to the first content; atomic: all of it
	intake  *Intake
	holds   int64 // bytes of the opening that are counted against it
}

// close ends the attempt and gives back what it holds. It may be called more
// than once.
func (a *answer) close() {
	a.end()
	a.whole.release()
	a.intake.give(a.holds)
	a.holds = 0
}

// end ends the attempt; a body that was read stays.
func (a *answer) end() {
	a.lands.land(a.flight)
	a.watch.stop()
	if a.reply != nil {
		a.reply.Body.Close()
	}
	a.cancel(nil)
}

// send asks the offerings in order, as the rules of a course have it. Until the
// caller can see something of a reply another may be asked in its stead; every
// attempt is written down.
func (s *serving) send(ctx context.Context, w *catalog.Workload, permit *policy.Permit, order []int) (_ *answer, told error) {
	if s.rec.Stream {
		s.keepAlive()
	}
	var kept *refused // the last vendor's refusal, which may be what the caller is told
	defer func() { kept.drop(told) }()
	course := s.course(w, permit, order)
	for place, wait, more := course.Next(s.g.now()); more; place, wait, more = course.Next(s.g.now()) {
		if err := s.pause(ctx, wait); err != nil {
			return nil, err
		}
		n := order[place]
		if err := s.ready(ctx, permit, n); err != nil {
			course.Skipped(err)
			continue
		}
		a, err := s.attempt(ctx, w, permit, n)
		if err == nil {
			if a.reply.Sent() {
				s.body.release() // no further attempt is possible
			}
			return a, nil
		}
		course.Failed(err, trouble(a, s.rec.Attempts[len(s.rec.Attempts)-1].Took, err), s.g.now())
		if own, is := err.(*refused); is {
			kept.drop(own)
			kept = own
		}
	}
	return nil, untold(course.Verdict(), len(order) > 1)
}

// keepAlive keeps a silent stream alive, if its callers pass anything over.
func (s *serving) keepAlive() {
	if beat := s.ours().Server.Stream(s.answering()).KeepAlive(nil); len(beat) > 0 {
		s.out.keepAlive(beat, s.g.options.KeepAlive, s.setStream)
	}
}

// ready puts a further attempt on the record, once what can change while a call
// is under way was looked at again. The first is there with the admission.
func (s *serving) ready(ctx context.Context, permit *policy.Permit, n int) error {
	o := permit.Offering(n)
	err := s.barred(o)
	if err == nil {
		err = s.healthy(o)
	}
	switch {
	case s.entry.trying && err != nil:
		s.endAttempt(fault.From(err).Kind)
		return err
	case s.entry.trying || err != nil:
		return err
	}
	if err := s.again(ctx, permit, n); err != nil {
		s.pass.Done(s.g.now(), route.Result{Kind: fault.Cancelled}) // nothing was asked
		return err
	}
	return nil
}

// attempt asks the n-th offering of the permit once. Its answer is there even
// if it failed, and has ended then, unless the error keeps the vendor's words.
func (s *serving) attempt(ctx context.Context, w *catalog.Workload, permit *policy.Permit, n int) (*answer, error) {
	o := permit.Offering(n)
	a := &answer{offering: o, limits: s.limits(w, o), lands: &s.g.suspensions, intake: s.g.intake}
	a.way = &s.snapshot.ways[o.Index]
	a.lane = s.lane(a.way, s.request.Asked().Usage)
	a.total = s.total(a.limits)
	ctx, a.cancel = context.WithCancelCause(ctx)
	a.watch = newWatch(a.cancel)
	defer func() {
		if p := recover(); p != nil {
			a.close()
			s.pass.Done(s.g.now(), route.Result{Kind: fault.Cancelled})
			panic(p) // guard tells of it
		}
	}()
	err := s.board(a)
	if err == nil {
		err = s.ask(ctx, permit, n, a)
	}
	try := call.Attempt{Offering: o.Name, Endpoint: o.Endpoint.Name, Took: s.g.now().Sub(s.entry.begun)}
	if a.reply != nil {
		try.Status, try.Vendor = a.reply.Status, vendorID(a.reply.Header)
		s.entry.status, s.entry.vendor = try.Status, try.Vendor
	}
	if err != nil {
		f := fault.From(err)
		try.Kind = string(f.Kind)
		var own *refused
		if errors.As(err, &own) { // its words may be the caller's answer
			own.attempt = s.entry.receipt.Attempt()
			a.end()
		} else {
			a.close()
			if f.Kind == fault.UpstreamRefused && f.Ground == "" { // said within a reply
				f.Ground = dialect.Ground([]byte(f.Message))
			}
		}
		s.endAttempt(f.Kind)
	}
	s.rec.Attempts = append(s.rec.Attempts, try)
	s.pass.Done(s.g.now(), met(a, try.Took, err))
	return a, err
}

// ask sends the request and takes the reply as far as it must be known before
// another offering is out of the question.
func (s *serving) ask(ctx context.Context, permit *policy.Permit, n int, a *answer) error {
	out := egress.Request{Target: s.entry.path, Accept: "application/json", Header: s.entry.header, Body: s.entry.body}
	if s.rec.Stream {
		out.Accept = streamOf(a.way)
		a.watch.expect("first content", a.limits.FirstContent, a.total)
	} else {
		a.watch.expect("the header of the reply", a.limits.Header, a.total)
	}
	var err error
	if a.reply, err = s.snapshot.doors.Send(ctx, egress.Proof{Permit: permit, Receipt: s.entry.receipt, Call: s.rec.ID, Facts: s.facts}, n, s.g.now(), &out); err != nil {
		return s.sendFault(a.offering, err)
	}
	s.entry.first = s.g.now().Sub(s.entry.begun)
	switch {
	case a.reply.Status != http.StatusOK:
		return s.vendorFault(a)
	case encoded(a.reply.Header):
		return fault.New(fault.UpstreamError, "The offering %s answered in an encoding it was not asked for.", a.offering.Name)
	case s.rec.Stream:
		return s.openStream(a)
	}
	return s.takeWhole(a)
}

func encoded(h http.Header) bool {
	v := h.Get("Content-Encoding")
	return v != "" && !strings.EqualFold(v, "identity")
}

// takeWhole reads a unary reply to its end and what it says of itself.
func (s *serving) takeWhole(a *answer) error {
	a.watch.expect("the rest of the reply", a.limits.Gap, a.total)
	announced := int64(-1)
	if n, err := strconv.ParseInt(a.reply.Header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		announced = n
	}
	overflow := fault.New(fault.UpstreamError, "The offering %s answered with more than %d bytes.", a.offering.Name, int64(maxReplyBytes))
	var err error
	if a.whole, err = s.g.intake.read(&progress{a: a}, announced, maxReplyBytes, overflow); err != nil {
		return s.sendFault(a.offering, err)
	}
	if a.out, err = a.lane.whole(a.whole.bytes); err != nil {
		var f *fault.Fault
		if errors.As(err, &f) && f.Kind == fault.Overloaded {
			return f
		} else if f != nil {
			return fault.New(f.Kind, "The offering %s: %s", a.offering.Name, f.Message).Because(err)
		}
		return fault.New(fault.UpstreamError, "The offering %s answered with something that is not a JSON object.", a.offering.Name).Because(err)
	}
	if a.lane.heard().failed {
		return fault.New(fault.UpstreamError, "The vendor of the offering %s failed, though it said otherwise (an error with status 200).", a.offering.Name)
	}
	return s.unfiltered(a)
}

// unfiltered refuses a reply that the vendor's filter ended, or that the model
// refused to give, if the workload wants the next offering to be asked then.
func (s *serving) unfiltered(a *answer) error {
	switch finish := a.lane.heard().finish; {
	case s.goesOn.Filtered && finish == string(chat.ReasonFilter):
		f := fault.New(fault.UpstreamRefused, "The content filter of the offering %s stopped its reply.", a.offering.Name).Final()
		f.Ground = fault.Filtered
		return f
	case s.goesOn.Refused && finish == string(chat.ReasonRefusal):
		return fault.New(fault.UpstreamRefused, "The model of the offering %s refused to answer.", a.offering.Name).Final()
	}
	return nil
}

// progressBytes is how much of a reply must come for more to be waited for: a
// vendor that sends a byte now and then is as good as silent.
const progressBytes = 4 << 10

// progress reads a reply's body and moves the deadline with every part of it.
type progress struct {
	a     *answer
	since int // bytes since it was moved
}

// Read reads the reply's body.
func (p *progress) Read(b []byte) (int, error) {
	n, err := p.a.reply.Body.Read(b)
	if p.since += n; p.since >= progressBytes && err == nil {
		p.since = 0
		p.a.watch.expect("the rest of the reply", p.a.limits.Gap, p.a.total)
	}
	return n, err
}

// sendFault says what a failed send means to the caller.
func (s *serving) sendFault(o *catalog.Offering, err error) error {
	var f *fault.Fault
	if errors.As(err, &f) { // why the attempt was ended: a limit, or bytes held
		told := *f
		if f.Kind == fault.UpstreamTimeout {
			told.Message = strings.Replace(f.Message, "The offering", "The offering "+o.Name, 1)
		}
		return &told
	}
	if s.r.Context().Err() != nil {
		return fault.New(fault.Cancelled, "The caller went away.").Because(err)
	}
	var e *egress.Failure
	switch {
	case errors.As(err, &e) && e.Phase == egress.SigningIn:
		return fault.New(fault.UpstreamMisconfig, "Bulkhead could not sign in at the offering %s.", o.Name).Because(err)
	case errors.Is(err, policy.ErrOver):
		return fault.New(fault.UpstreamUnavailable, "A date of the estate changed what may serve this call while it was under way; nothing was sent to %s. Send it again.", o.Name).Because(err)
	case errors.As(err, &e) && e.Phase == egress.Connecting:
		return fault.New(fault.UpstreamUnavailable, "The offering %s cannot be reached.", o.Name).Because(err)
	case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
		return fault.New(fault.UpstreamError, "The offering %s reset the connection.", o.Name).Because(err)
	}
	return fault.New(fault.UpstreamError, "The offering %s broke off before its reply was whole.", o.Name).Because(err)
}
