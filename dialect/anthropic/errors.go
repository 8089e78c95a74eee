package anthropic

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"bulkhead/fault"
	"bulkhead/wire"
)

// longestWait bounds what is believed of a vendor's retry-after.
const longestWait = 24 * time.Hour

// Fault implements [dialects.Client]. The same words come in four shapes:
// Anthropic's, that of Bedrock's front door (its type in x-amzn-errortype),
// Google's, and pages of something before the vendor.
func (Client) Fault(status int, h http.Header, body []byte) *fault.Fault {
	e := readError(body)
	if t := h.Get("X-Amzn-Errortype"); t != "" {
		t, _, _ = strings.Cut(t, ":") // what follows names a namespace
		e.typ = t[strings.LastIndexByte(t, '#')+1:]
	}
	kind := kindOf(status, e)
	f := fault.New(kind, "%s", words[kind])
	switch kind {
	case fault.UpstreamRefused:
		if e.message != "" {
			f.Message = e.message
		}
		f.NoRetry = true
	case fault.UpstreamRateLimited, fault.UpstreamUnavailable:
		if usedUp(e) {
			f.Message, f.NoRetry = "The agency's account with the vendor is used up; tell the platform's operators.", true
			break
		}
		f.RetryAfter = retryAfter(h)
	}
	return f
}

// vendorError is what a body says of a failure.
type vendorError struct{ typ, message string }

// readError reads an error of any of the shapes. A body that is none gives nothing.
func readError(body []byte) vendorError {
	var s wire.Scanner
	var e vendorError
	s.Reset(body)
	s.Lenient = true
	if s.Next() != wire.Object {
		return e
	}
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		switch {
		case string(name) == "error" && s.Next() == wire.Object:
			e.inner(&s)
		case strings.EqualFold(string(name), "message"):
			e.message = text(&s)
		default:
			s.Skip()
		}
	}
	if s.End() != nil {
		return vendorError{}
	}
	return e
}

func (e *vendorError) inner(s *wire.Scanner) {
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		switch string(name) {
		case "type", "status":
			if v := text(s); v != "" {
				e.typ = v
			}
		case "message":
			e.message = text(s)
		default:
			s.Skip()
		}
	}
}

// kinds of the words that say more than the status beside them does.
var errorKinds = map[string]fault.Kind{
	"authentication_error": fault.UpstreamMisconfig,
	"permission_error":     fault.UpstreamMisconfig,
	"not_found_error":      fault.UpstreamMisconfig,
	"billing_error":        fault.UpstreamRateLimited,
	"rate_limit_error":     fault.UpstreamRateLimited,
	"overloaded_error":     fault.UpstreamUnavailable,
	"timeout_error":        fault.UpstreamTimeout,
	"api_error":            fault.UpstreamError,
	"request_too_large":    fault.UpstreamRefused,

	"ThrottlingException":           fault.UpstreamRateLimited,
	"ModelNotReadyException":        fault.UpstreamUnavailable,
	"ServiceQuotaExceededException": fault.UpstreamRateLimited,
	"ServiceUnavailableException":   fault.UpstreamUnavailable,
	"ModelTimeoutException":         fault.UpstreamTimeout,
	"ModelErrorException":           fault.UpstreamError,
	"ModelStreamErrorException":     fault.UpstreamError,
	"InternalServerException":       fault.UpstreamError,
	"AccessDeniedException":         fault.UpstreamMisconfig,
	"UnrecognizedClientException":   fault.UpstreamMisconfig,
	"ExpiredTokenException":         fault.UpstreamMisconfig,
	"ResourceNotFoundException":     fault.UpstreamMisconfig,

	"RESOURCE_EXHAUSTED": fault.UpstreamRateLimited,
	"UNAVAILABLE":        fault.UpstreamUnavailable,
	"DEADLINE_EXCEEDED":  fault.UpstreamTimeout,
	"UNAUTHENTICATED":    fault.UpstreamMisconfig,
	"PERMISSION_DENIED":  fault.UpstreamMisconfig,
	"NOT_FOUND":          fault.UpstreamMisconfig,
}

// kindOf classifies by type, status and message together: a 400 can be ours to
// mend, and a 429 can be an account that is used up.
func kindOf(status int, e vendorError) fault.Kind {
	switch {
	case usedUp(e):
		return fault.UpstreamRateLimited
	case status == http.StatusBadRequest && unknownModel(e.message):
		return fault.UpstreamMisconfig
	case status == http.StatusServiceUnavailable: // plainer than the word with it, which is that of every failure
		return fault.UpstreamUnavailable
	}
	if k, ok := errorKinds[e.typ]; ok && (e.typ != "api_error" || status < http.StatusInternalServerError) {
		return k // api_error is what is said of any failure: the status says more
	}
	switch {
	case status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity:
		return fault.UpstreamRefused
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusPaymentRequired,
		status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusGone:
		return fault.UpstreamMisconfig
	case status == http.StatusTooManyRequests:
		return fault.UpstreamRateLimited
	case status == http.StatusRequestTimeout || status == http.StatusGatewayTimeout:
		return fault.UpstreamTimeout
	case status == http.StatusServiceUnavailable || status == statusOverloaded:
		return fault.UpstreamUnavailable
	}
	return fault.UpstreamError
}

// statusOverloaded is Anthropic's own.
const statusOverloaded = 529

// usedUp reports whether the account has no money left: waiting does not help,
// and the caller cannot mend it, whatever the status.
func usedUp(e vendorError) bool {
	return e.typ == "billing_error" || e.typ == "invalid_request_error" && strings.Contains(e.message, "credit balance is too low")
}

// unknownModel reports whether a 400 speaks of the offering's model id.
func unknownModel(message string) bool {
	return strings.Contains(message, "model identifier is invalid") || strings.Contains(message, "on-demand throughput isn") // Bedrock's words
}

// words tell the caller what each kind means.
var words = map[fault.Kind]string{
	fault.UpstreamRefused:     "The vendor refused the request.",
	fault.UpstreamMisconfig:   "The vendor refuses Bulkhead's own sign-in or does not know the offering's model; tell the platform's operators.",
	fault.UpstreamRateLimited: "The vendor limits the agency's calls for now.",
	fault.UpstreamUnavailable: "The vendor is overloaded or down.",
	fault.UpstreamTimeout:     "The vendor ran out of time.",
	fault.UpstreamError:       "The vendor failed.",
}

// inBand classifies an error within a stream whose status was 200.
func inBand(e vendorError) *fault.Fault {
	kind, ok := errorKinds[e.typ]
	switch {
	case e.typ == "invalid_request_error" && !usedUp(e):
		kind = fault.UpstreamRefused
	case !ok:
		kind = fault.UpstreamError
	}
	f := fault.New(kind, "%s", words[kind])
	if kind == fault.UpstreamRefused && e.message != "" {
		f.Message = e.message
	}
	return f
}

// retryAfter reads retry-after-ms and retry-after in seconds, as Anthropic
// sends it; zero: not said, or not to be believed.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 && ms < float64(longestWait.Milliseconds()) {
		return time.Duration(ms * float64(time.Millisecond))
	}
	if sec, err := strconv.ParseFloat(h.Get("Retry-After"), 64); err == nil && sec > 0 && sec < longestWait.Seconds() {
		return time.Duration(sec * float64(time.Second))
	}
	return 0
}
