package gateway

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"

	"bulkhead/dialect"
	"bulkhead/dialect/openai"
	"bulkhead/fault"
)

// maxErrorBytes bounds the body of a vendor's refusal.
const maxErrorBytes = 1 << 20

// longestWait bounds what is believed of a vendor's retry-after.
const longestWait = 24 * time.Hour

// vendorFault says what a vendor's status means to the caller. The vendor's
// own words are kept only for what is the caller's to mend: 400, 413 and 422.
func (s *serving) vendorFault(a *answer) error {
	if a.way.dialect != dialect.OpenAI || s.in.Dialect != dialect.OpenAI {
		return s.foreignFault(a)
	}
	name, status := a.offering.Name, a.reply.Status
	switch {
	case status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity:
		return s.vendorWords(a)
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusPaymentRequired:
		return fault.New(fault.UpstreamMisconfig, "The vendor refuses Bulkhead's own sign-in for the offering %s (status %d); tell the platform's operators.", name, status)
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusGone:
		return fault.New(fault.UpstreamMisconfig, "The vendor does not know the model or deployment of the offering %s (status %d); tell the platform's operators.", name, status)
	case status == http.StatusTooManyRequests:
		return s.vendorLimit(a)
	case status == http.StatusRequestTimeout || status == http.StatusGatewayTimeout:
		return fault.New(fault.UpstreamTimeout, "The vendor of the offering %s ran out of time (status %d).", name, status)
	case status == http.StatusServiceUnavailable || status == 529:
		f := fault.New(fault.UpstreamUnavailable, "The vendor of the offering %s is overloaded or down (status %d).", name, status)
		f.RetryAfter = retryAfter(a.reply.Header, s.g.now())
		return f
	}
	return fault.New(fault.UpstreamError, "The vendor of the offering %s failed (status %d).", name, status)
}

// foreignFault says what a status of a vendor of another dialect means. The
// vendor's own words go to the caller only where both speak the same.
func (s *serving) foreignFault(a *answer) error {
	overflow := fault.New(fault.UpstreamError, "The vendor of the offering %s refused with more than %d bytes.", a.offering.Name, maxErrorBytes)
	var err error
	if a.whole, err = s.g.intake.read(a.reply.Body, -1, maxErrorBytes, overflow); err != nil {
		return s.sendFault(a.offering, err)
	}
	f := s.theirs(a.way).Client.Fault(a.reply.Status, a.reply.Header, a.whole.bytes)
	if f.Kind != fault.UpstreamRefused {
		a.whole.release()
		a.whole = nil
		f.Message = "The offering " + a.offering.Name + ": " + f.Message
		return f
	}
	ground := dialect.Ground(a.whole.bytes)
	if a.way.dialect != s.in.Dialect || a.way.invoke() || encoded(a.reply.Header) {
		a.whole.release()
		a.whole = nil
	}
	switch a.reply.Status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
	default: // in the caller's dialect another status could mean something else
		a.reply.Status = http.StatusBadRequest
	}
	f.Ground = ground
	return &refused{Fault: f.Final(), answer: a}
}

// vendorWords keeps a refusal that is the caller's to mend, byte for byte.
func (s *serving) vendorWords(a *answer) error {
	overflow := fault.New(fault.UpstreamError, "The vendor of the offering %s refused with more than %d bytes.", a.offering.Name, maxErrorBytes)
	var err error
	if a.whole, err = s.g.intake.read(a.reply.Body, -1, maxErrorBytes, overflow); err != nil {
		return s.sendFault(a.offering, err)
	}
	f := fault.New(fault.UpstreamRefused, "The vendor of the offering %s refused the request (status %d).", a.offering.Name, a.reply.Status).Final()
	ground := dialect.Ground(a.whole.bytes)
	if _, err := openai.ReadReply(&s.scan, a.whole.bytes); err != nil || encoded(a.reply.Header) {
		// Not the dialect's own words but a page of something before the vendor.
		a.whole.release()
		a.whole = nil
	}
	f.Ground = ground
	return &refused{Fault: f, answer: a}
}

// refused is a vendor's own refusal with its words.
type refused struct {
	*fault.Fault
	answer  *answer
	attempt int // its number in the record
}

// drop gives back what the refusal holds, unless it is what the caller is told.
func (r *refused) drop(told error) {
	if own, is := told.(*refused); r != nil && (!is || own != r) {
		r.answer.close()
	}
}

// Unwrap gives the fault.
func (r *refused) Unwrap() error { return r.Fault }

// vendorLimit tells a limit that passes from an account that is used up.
func (s *serving) vendorLimit(a *answer) error {
	f := fault.New(fault.UpstreamRateLimited, "The vendor of the offering %s limits the agency's calls for now.", a.offering.Name)
	f.RetryAfter = retryAfter(a.reply.Header, s.g.now())
	words, err := io.ReadAll(io.LimitReader(a.reply.Body, 64<<10))
	if err == nil && bytes.Contains(words, []byte("insufficient_quota")) {
		f.Message = "The agency's account with the vendor of the offering " + a.offering.Name + " is used up; tell the platform's operators."
		f.RetryAfter, f.NoRetry = 0, true // waiting does not lift it; another offering may serve
	}
	return f
}

// retryAfter reads retry-after-ms and retry-after (RFC 9110, section 10.2.3);
// zero: not said, or not to be believed.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 && ms < float64(longestWait.Milliseconds()) {
		return time.Duration(ms * float64(time.Millisecond))
	}
	v := h.Get("Retry-After")
	if sec, err := strconv.ParseFloat(v, 64); err == nil {
		if sec > 0 && sec < longestWait.Seconds() {
			return time.Duration(sec * float64(time.Second))
		}
		return 0
	}
	if at, err := http.ParseTime(v); err == nil {
		if d := at.Sub(now); d > 0 && d < longestWait {
			return d
		}
	}
	return 0
}
