package gateway

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/egress"
	"bulkhead/fault"
	"bulkhead/policy"
	"bulkhead/route"
)

// defaultHold is how much of an atomic reply is held where the workload does not say.
const defaultHold = 8 << 20

// course begins the way of the call along the offerings of the order.
func (s *serving) course(w *catalog.Workload, permit *policy.Permit, order []int) *route.Course {
	offerings := make([]*catalog.Offering, len(order))
	for place, n := range order {
		offerings[place] = permit.Offering(n)
		for _, duty := range permit.Duties(n) {
			s.atomic = s.atomic || duty.Gate == policy.Atomic // whatever the caller asked for
		}
	}
	o := &s.goesOn
	o.Attempts, o.Filtered, o.Refused = w.Service.Attempts, w.Service.MovesOn(catalog.OnContentFilter), w.Service.MovesOn(catalog.OnRefusal)
	o.Once = s.r.Header.Get("X-Stainless-Retry-Count") != "" // OpenAI's and Anthropic's libraries retry themselves
	if s.in.check != nil {
		o.Attempts, o.Once = checkAttempts, true
	}
	o.Until = s.total(s.limits(w, offerings[0]))
	if patience := patience(s.r.Header); patience > 0 {
		o.Until = earlier(o.Until, s.rec.Start.Add(patience))
	}
	return route.NewCourse(offerings, *o)
}

// patience is how long a caller's SDK says that it waits; zero: not said.
// OpenAI's and Anthropic's libraries send X-Stainless-Timeout, Google's
// X-Server-Timeout, both in seconds (their sources, read 2026-11-24).
func patience(h http.Header) time.Duration {
	for _, name := range [...]string{"X-Stainless-Timeout", "X-Server-Timeout"} {
		if n, err := strconv.ParseFloat(h.Get(name), 64); err == nil && n > 0 && n < 1e6 {
			return time.Duration(n * float64(time.Second))
		}
	}
	return 0
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// pause waits before an attempt, no longer than the caller does.
func (s *serving) pause(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fault.New(fault.Cancelled, "The caller went away.").Because(ctx.Err())
	}
}

// quickly is how soon an attempt must have failed for the same offering to be
// asked once more.
const quickly = 3 * time.Second

// trouble says what an attempt's failure was beside its kind.
func trouble(a *answer, took time.Duration, err error) route.Trouble {
	f := fault.From(err)
	if f.Kind != fault.UpstreamError {
		return route.Trouble{}
	}
	if a.reply != nil {
		return route.Trouble{Broke: a.reply.Status == http.StatusInternalServerError && took < quickly}
	}
	var e *egress.Failure
	if !errors.As(f.Cause, &e) || e.Phase != egress.Sending && e.Phase != egress.Waiting {
		return route.Trouble{}
	}
	return route.Trouble{LetGo: e.Reused, Broke: errors.Is(err, syscall.ECONNRESET) && took < quickly}
}

// untold is a verdict as the caller is told it: where several were asked, the
// caller's SDK would only repeat what has been tried.
func untold(err error, several bool) error {
	f := fault.From(err)
	switch f.Kind {
	case fault.UpstreamError, fault.UpstreamUnavailable, fault.UpstreamTimeout, fault.UpstreamMisconfig:
		if several {
			told := *f
			told.NoRetry = true
			return &told
		}
	}
	return err
}

// deliver notes whether the caller gets a reply only when it is whole: as the
// header Bulkhead-Delivery says, or else the workload.
func (s *serving) deliver(w *catalog.Workload) error {
	switch v := s.r.Header.Get("Bulkhead-Delivery"); v {
	case "":
		s.atomic = w.Delivery == "atomic"
	case "live", "atomic":
		s.atomic = v == "atomic"
	default:
		return fault.New(fault.Malformed, "The header Bulkhead-Delivery must be live or atomic, or left out.").At("Bulkhead-Delivery").Final()
	}
	s.most = orElse(w.Service.MaxAtomicReply, defaultHold)
	return nil
}

// keep adds to what is held of a stream. Of one that is passed on live that is
// what comes before its first content.
func (s *serving) keep(a *answer, b []byte) error {
	most := int64(openingEventsMax)
	if s.atomic {
		most = s.most
	}
	size := int64(len(a.opening) + len(b))
	switch {
	case size > most && s.atomic:
		return fault.New(fault.UpstreamError, "The reply is longer than the %d bytes that are held for a reply that is delivered whole. Ask for a shorter one, or for Bulkhead-Delivery: live.", most).Final()
	case size > most:
		return fault.New(fault.UpstreamError, "The offering %s sent a stream without content.", a.offering.Name)
	}
	if size > a.holds {
		more := max(size, min(2*a.holds, most), firstRead) - a.holds
		if err := s.g.intake.take(more); err != nil {
			return err
		}
		a.holds += more
	}
	a.opening = append(a.opening, b...)
	return nil
}

// relayHeld releases a stream that is whole. Nothing goes out before its outcome
// is durable.
func (s *serving) relayHeld(a *answer) error {
	s.metered(a)
	s.rec.Ending = call.Complete
	a.opening = append(a.opening, a.lane.tail()...)
	if err := s.conclude(http.StatusOK, a.opening); err != nil {
		return err
	}
	err := s.beginStream(a)
	s.out.push()
	return s.left(err)
}
