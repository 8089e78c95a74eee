package gateway

import (
	"bytes"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/fault"
)

// relay releases an answer to the caller: a whole reply at once, a stream as
// it comes.
func (s *serving) relay(a *answer) error {
	defer a.close()
	s.rec.Offering, s.rec.Model = a.offering.Name, a.offering.Model.FullName()
	s.entry.answered, s.current = s.entry.receipt.Attempt(), a
	a.watch.rest(a.total)
	s.out.within(a.limits.Gap)
	switch {
	case a.whole != nil:
		return s.relayWhole(a)
	case s.atomic:
		return s.relayHeld(a)
	}
	return s.relayStream(a)
}

// relayWhole releases nothing before the outcome is durable.
func (s *serving) relayWhole(a *answer) error {
	s.metered(a)
	s.rec.Ending = call.Complete
	if err := s.conclude(http.StatusOK, a.out); err != nil {
		return err
	}
	h := s.w.Header()
	s.answered(h, a)
	setBody(h, a, len(a.out))
	a.whole.keep = s.r.ProtoMajor > 1 // an HTTP/2 frame can stay queued after its write was given up
	if err := s.out.whole(http.StatusOK, a.out); err != nil {
		return s.left(err)
	}
	return nil
}

// setBody sets type and length of a body that goes on as the vendor sent it.
func setBody(h http.Header, a *answer, length int) {
	typ := a.reply.Header.Get("Content-Type")
	if kind, _, err := mime.ParseMediaType(typ); err != nil || kind != "application/json" {
		typ = "application/json"
	}
	h["Content-Type"] = []string{typ}
	h["Content-Length"] = []string{strconv.Itoa(length)}
}

// openStream reads a stream up to its first content, or to its end where the
// reply is delivered whole, and keeps what came. Until then nothing has gone to
// the caller, and another offering may be asked.
func (s *serving) openStream(a *answer) error {
	if kind, _, err := mime.ParseMediaType(a.reply.Header.Get("Content-Type")); err != nil || kind != streamOf(a.way) {
		return fault.New(fault.UpstreamError, "The offering %s did not answer with a stream.", a.offering.Name)
	}
	a.lane.start(a.reply.Body)
	keep := func(b []byte) error { return s.keep(a, b) }
	heard, ended, events := a.lane.heard(), a.lane.fill(), 0
	for !heard.ended && (s.atomic || !heard.content) {
		more, err := a.lane.next(keep)
		switch {
		case err != nil:
			return err
		case heard.failed:
			return fault.New(fault.UpstreamError, "The vendor of the offering %s failed within its reply.", a.offering.Name)
		case !more && ended != nil:
			return s.sendFault(a.offering, ended)
		case !more:
			if heard.content && events != heard.events {
				events = heard.events
				a.watch.expect("the next event", a.limits.Gap, a.total)
			}
			ended = a.lane.fill()
		}
	}
	return s.unfiltered(a)
}

// relayStream releases what was kept and then every event as it comes. The end
// marker goes last, once all else is done and the outcome is durable.
func (s *serving) relayStream(a *answer) error {
	defer s.metered(a)
	err := s.beginStream(a)
	var ended error
	heard, events, heardAt := a.lane.heard(), -1, time.Time{}
	for err == nil {
		more := true
		for more && err == nil && !heard.ended && !heard.failed {
			more, err = a.lane.next(s.out.more)
		}
		switch {
		case err != nil:
		case heard.ended:
			s.out.push()
			a.reply.Finish()
			s.metered(a)
			s.rec.Ending = call.Complete
			tail := a.lane.tail()
			if err := s.conclude(http.StatusOK, tail); err != nil {
				return err
			}
			err = s.out.more(tail)
			s.out.push()
			return s.left(err)
		case heard.failed: // the vendor has told the caller itself
			s.out.push()
			s.rec.Ending, s.rec.Kind = call.Cut, string(fault.UpstreamError)
			return nil
		case ended != nil:
			err = s.sendFault(a.offering, ended)
		default:
			a.watch.rest(a.total) // while the caller takes what came, the vendor owes nothing
			s.out.push()
			if events != heard.events {
				events, heardAt = heard.events, time.Now()
			}
			a.watch.expectBy("the next event", heardAt.Add(a.limits.Gap), a.limits.Gap, a.total)
			ended = a.lane.fill()
		}
	}
	return err
}

// beginStream releases what was kept of a stream, after its header.
func (s *serving) beginStream(a *answer) error {
	err := s.out.begin(a.opening,
		func(h http.Header) { s.setStream(h); s.answered(h, a) },
		func(h http.Header) {
			if s.trails() {
				h[http.TrailerPrefix+"Bulkhead-Offering"] = []string{a.offering.Name}
				s.entry.setLoss(h, http.TrailerPrefix+"Bulkhead-Loss")
			}
		})
	if s.trails() {
		s.w.Header()[http.TrailerPrefix+"Bulkhead-Marking"] = []string{s.rec.Marking}
	}
	return err
}

// trails reports whether the caller can be sent trailers. Over HTTP/2 the AWS
// SDK for Java takes them for a second head of the reply, without a status, and
// fails the stream; so callers of that dialect must have asked for them (RFC
// 9110, section 10.1.4).
func (s *serving) trails() bool {
	return s.in.Dialect != dialect.Bedrock || s.r.ProtoMajor < 2 || strings.EqualFold(s.r.Header.Get("Te"), "trailers")
}

// metered says what the reply has consumed so far.
func (s *serving) metered(a *answer) {
	heard := a.lane.heard()
	s.rec.Usage, s.rec.Finish = consumed(heard.usage, s.rec.BytesIn, heard.text), heard.finish
}

// left is what a failed write to the caller means; nil stays nil.
func (s *serving) left(err error) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Cancelled, "The caller went away.").Because(err)
}

// refuse tells the caller why there is no reply, or no more of it: as a status
// and a body in its dialect, or in-band if a stream has begun.
func (s *serving) refuse(err error) {
	f := fault.From(err)
	var own *refused
	if errors.As(err, &own) {
		defer own.answer.close()
		s.rec.Offering, s.entry.answered = own.answer.offering.Name, own.attempt
	}
	begun := s.out.hush()
	s.leave()
	if s.body != nil && s.r.Context().Err() != nil {
		f = fault.New(fault.Cancelled, "The caller went away.").Because(err)
	}
	s.rec.Kind, s.rec.Ending = string(f.Kind), call.Refused
	if begun && own == nil && s.entry.answered > 0 { // else no more than keep-alives have gone out
		s.rec.Ending = call.Cut
	}
	if f.Kind == fault.Internal || f.Cause != nil && f.Kind != fault.Cancelled {
		s.g.options.Log.LogAttrs(s.r.Context(), slog.LevelWarn, "call failed", slog.String("call", string(s.rec.ID)), slog.String("kind", string(f.Kind)), slog.Any("cause", f.Cause))
	}
	if f.Kind == fault.Cancelled {
		s.rec.Ending, s.gone = call.Gone, true
		return // there is nobody to tell
	}
	if begun {
		s.refuseInBand(f, own)
		return
	}
	if s.entry.receipt == nil {
		s.tell(f)
	}
	h := s.w.Header()
	setRefusal(h, f, dialect.Retryable(f))
	status := dialect.Status(f.Kind)
	if own != nil {
		status = own.answer.reply.Status
		s.answered(h, own.answer)
		if own.answer.whole != nil {
			delete(h, "Bulkhead-Error") // the words are the vendor's
			setBody(h, own.answer, len(own.answer.whole.bytes))
			if v := own.answer.reply.Header["X-Amzn-Errortype"]; s.in.Dialect == dialect.Bedrock && len(v) == 1 && visible(v[0]) {
				h["X-Amzn-Errortype"] = v // by which AWS's clients know the exception
			}
			own.answer.whole.keep = s.r.ProtoMajor > 1
			s.finish(status, own.answer.whole.bytes)
			return
		}
	}
	b := dialect.Refusal(s.in.Dialect, f, s.rec.ID)
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
	if s.in.Dialect == dialect.Bedrock {
		h["X-Amzn-Errortype"] = []string{dialect.ErrorType(dialect.Bedrock, f.Kind)}
	}
	s.finish(status, b)
}

// leave bounds what is still read of a body that the refusal does not need:
// the HTTP server reads some of it before it answers, so that a caller who is
// sending sees the answer.
func (s *serving) leave() {
	if s.body == nil && s.r.Body != http.NoBody {
		if err := http.NewResponseController(s.w).SetReadDeadline(time.Now().Add(leaveWithin)); err != nil {
			s.w.Header()["Connection"] = []string{"close"}
		}
	}
}

// finish releases a refusal, once the outcome of an admitted call is durable; a
// caller who has gone misses nothing.
func (s *serving) finish(status int, b []byte) {
	if err := s.conclude(status, b); err != nil {
		s.refuse(err) // the outcome is used up: this one goes out
		return
	}
	if err := s.out.whole(status, b); err != nil {
		s.rec.Ending = call.Gone
	}
}

// refuseInBand ends a stream that has begun.
func (s *serving) refuseInBand(f *fault.Fault, own *refused) {
	var event []byte
	switch {
	case s.current != nil:
		event = s.current.lane.fail(f)
	default:
		event = s.ours().Server.Stream(s.answering()).Fail(nil, f)
	}
	if own != nil && own.answer.whole != nil && s.in.Dialect == dialect.OpenAI {
		event = append([]byte("data: "), bytes.ReplaceAll(bytes.TrimSpace(own.answer.whole.bytes), []byte("\n"), []byte("\ndata: "))...)
		event = append(event, "\n\n"...)
	}
	if s.trails() {
		s.w.Header()[http.TrailerPrefix+"Bulkhead-Error"] = []string{string(f.Kind)}
	}
	if err := s.out.more(event); err != nil {
		s.rec.Ending = call.Gone
	}
	s.out.push()
}
