package bedrock

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"bulkhead/chat"
	"bulkhead/fault"
)

// longestWait bounds what is believed of a vendor's wish to be left alone.
const longestWait = 24 * time.Hour

// Fault implements dialect.Client. AWS tells errors apart by a header, and
// several of one status mean different things.
func (Client) Fault(status int, h http.Header, body []byte) *fault.Fault {
	code, message := ErrorCode(h, body)
	f := faultOf(code, status, message)
	if f.Kind == fault.UpstreamRateLimited || f.Kind == fault.UpstreamUnavailable {
		if !f.NoRetry {
			f.RetryAfter = retryAfter(h)
		}
	}
	return f
}

// ErrorCode gives the name of an exception and its message, as AWS's own
// clients find them: x-amzn-errortype up to a colon, behind a hash, or else
// code or __type in the body.
func ErrorCode(h http.Header, body []byte) (code, message string) {
	code = h.Get("X-Amzn-Errortype")
	for _, member := range []string{"code", "Code", "__type"} {
		if code == "" {
			code = peek(body, member)
		}
	}
	code, _, _ = strings.Cut(code, ":")
	if hash := strings.LastIndexByte(code, '#'); hash >= 0 {
		code = code[hash+1:]
	}
	if message = peek(body, "message"); message == "" {
		message = peek(body, "Message")
	}
	return code, message
}

// misconfigured are beginnings of messages by which AWS blames the caller for
// what the agency's own row says.
var misconfigured = []string{"The provided model identifier is invalid", "Invocation of model ID", "The requested operation is not recognized", "This model doesn't support the requested operation"}

// faultOf is what an exception means to the caller. Of the vendor's words only
// those on the caller's own request are kept.
func faultOf(code string, status int, message string) *fault.Fault {
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.EqualFold(code, p) || strings.EqualFold(code, p+"Exception") {
				return true
			}
		}
		return false
	}
	switch {
	case has("ServiceQuotaExceeded"):
		return fault.New(fault.UpstreamRateLimited, "A quota of the agency's account with the vendor is used up; tell the platform's operators.").Final()
	case has("Throttling", "Throttled", "RequestThrottled", "TooManyRequests", "LimitExceeded", "ModelNotReady", "SlowDown"), status == http.StatusTooManyRequests:
		return fault.New(fault.UpstreamRateLimited, "The vendor limits the agency's calls for now.")
	case has("ModelTimeout", "RequestTimeout"), status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout:
		return fault.New(fault.UpstreamTimeout, "The vendor ran out of time.")
	case has("ServiceUnavailable"), status == http.StatusServiceUnavailable:
		return fault.New(fault.UpstreamUnavailable, "The vendor is overloaded or down.")
	case has("AccessDenied", "UnrecognizedClient", "ExpiredToken", "RequestExpired", "InvalidSignature", "SignatureDoesNotMatch", "IncompleteSignature",
		"MissingAuthenticationToken", "InvalidClientTokenId", "OptInRequired"), status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusPaymentRequired:
		return fault.New(fault.UpstreamMisconfig, "The vendor refuses Bulkhead's own sign-in, or the model to it; tell the platform's operators.")
	case has("ResourceNotFound", "UnknownOperation"), status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return fault.New(fault.UpstreamMisconfig, "The vendor does not know the model; tell the platform's operators.")
	case has("Validation"), status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge, status == http.StatusUnprocessableEntity:
		for _, m := range misconfigured {
			if strings.HasPrefix(message, m) {
				return fault.New(fault.UpstreamMisconfig, "The vendor does not know the model, or not for this operation; tell the platform's operators.")
			}
		}
		if message == "" {
			message = "The vendor refused the request."
		}
		return fault.New(fault.UpstreamRefused, "%s", message).Final()
	}
	return fault.New(fault.UpstreamError, "The vendor failed.")
}

// retryAfter reads x-amz-retry-after, in milliseconds (AWS SDKs' retry
// behaviour of 2026), and retry-after, in seconds.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseInt(h.Get("X-Amz-Retry-After"), 10, 64); err == nil && ms > 0 && ms < longestWait.Milliseconds() {
		return time.Duration(ms) * time.Millisecond
	}
	if s, err := strconv.ParseFloat(h.Get("Retry-After"), 64); err == nil && s > 0 && s < longestWait.Seconds() {
		return time.Duration(s * float64(time.Second))
	}
	return 0
}

// exceptions are the errors that a stream can say, by what they mean.
var exceptions = map[fault.Kind]string{
	fault.RateLimited: "throttlingException", fault.UpstreamRateLimited: "throttlingException",
	fault.UpstreamError: "modelStreamErrorException", fault.UpstreamTimeout: "modelStreamErrorException", fault.Timeout: "modelStreamErrorException",
	fault.UpstreamUnavailable: "serviceUnavailableException", fault.LedgerUnavailable: "serviceUnavailableException",
	fault.StoreUnavailable: "serviceUnavailableException", fault.Overloaded: "serviceUnavailableException", fault.Draining: "serviceUnavailableException",
	fault.Internal: "internalServerException", fault.UpstreamMisconfig: "internalServerException",
}

// exception is the word for a fault: for what a retry cannot mend, that of a
// request that is refused.
func exception(k fault.Kind) string {
	if word, ok := exceptions[k]; ok {
		return word
	}
	return "validationException"
}

// failed is what an exception within a stream means: the vendor's failure, by
// the name of a frame.
func failed(code, message string) *fault.Fault {
	if strings.EqualFold(code, "modelStreamErrorException") {
		return fault.New(fault.UpstreamError, "The vendor's model failed while it answered.")
	}
	return faultOf(code, 0, message)
}

// chatFail gives the event of a failure.
func chatFail(f *fault.Fault) *chat.Event { return &chat.Event{Kind: chat.Fail, Fault: f} }
