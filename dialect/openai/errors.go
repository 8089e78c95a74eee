package openai

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/fault"
)

// vendorError is the vendor's error object. Its members are of any kind:
// compatible servers put numbers where OpenAI has words.
type vendorError struct {
	Message word `json:"message"`
	Type    word `json:"type"`
	Code    word `json:"code"`
}

// word is a string, or any other scalar as it was written.
type word string

// UnmarshalJSONFrom reads it; objects and arrays are nothing.
func (w *word) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	v, err := d.ReadValue()
	if err != nil {
		return err
	}
	switch v.Kind() {
	case '"':
		b, err := jsontext.AppendUnquote(nil, v)
		*w = word(b)
		return err
	case '0', 't', 'f':
		*w = word(v)
	}
	return nil
}

// readError reads an error body; it says false for one that is none of the dialect's.
func readError(body []byte) (vendorError, bool) {
	var x struct {
		Error   jsontext.Value `json:"error"`
		Message word           `json:"message"`
	}
	lax := json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if json.Unmarshal(body, &x, lax) != nil {
		return vendorError{}, false
	}
	switch x.Error.Kind() {
	case '{':
		var e vendorError
		err := json.Unmarshal(x.Error, &e, lax)
		return e, err == nil
	case '"':
		var text word
		err := json.Unmarshal(x.Error, &text, lax)
		return vendorError{Message: text}, err == nil
	}
	return vendorError{Message: x.Message}, x.Message != ""
}

// Fault classifies a reply that is no answer: by status, and by the vendor's
// code where the status says too little (MAPPING 14). Status 0 is an error
// object within an answer.
func (Client) Fault(status int, h http.Header, body []byte) *fault.Fault {
	e, own := readError(body)
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		if e.Code == "DeploymentNotFound" || e.Code == "model_not_found" {
			return fault.New(fault.UpstreamMisconfig, "The vendor does not know the model or deployment (status %d); tell the platform's operators.", status)
		}
		f := fault.New(fault.UpstreamRefused, "The vendor refused the request (status %d).", status).Final()
		if own && e.Message != "" {
			f.Message = string(e.Message)
		}
		return f
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusPaymentRequired:
		return fault.New(fault.UpstreamMisconfig, "The vendor refuses Bulkhead's own sign-in (status %d); tell the platform's operators.", status)
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone:
		return fault.New(fault.UpstreamMisconfig, "The vendor does not know the model or deployment (status %d); tell the platform's operators.", status)
	case http.StatusTooManyRequests:
		return limited(&e, h)
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return fault.New(fault.UpstreamTimeout, "The vendor ran out of time (status %d).", status)
	case http.StatusServiceUnavailable, 529:
		f := fault.New(fault.UpstreamUnavailable, "The vendor is overloaded or down (status %d).", status)
		f.RetryAfter = retryAfter(h)
		return f
	case 0:
		return within(&e, h)
	}
	return fault.New(fault.UpstreamError, "The vendor failed (status %d).", status)
}

// limited tells a limit that passes from an account that is used up.
func limited(e *vendorError, h http.Header) *fault.Fault {
	if e.Code == "insufficient_quota" || e.Type == "insufficient_quota" {
		return fault.New(fault.UpstreamRateLimited, "The agency's account with the vendor is used up; tell the platform's operators.").Final()
	}
	f := fault.New(fault.UpstreamRateLimited, "The vendor limits the agency's calls for now.")
	f.RetryAfter = retryAfter(h)
	return f
}

// within classifies an error object in a stream, or in a reply with status
// 200. Its code may be a status, as routers have it.
func within(e *vendorError, h http.Header) *fault.Fault {
	code := string(e.Code)
	switch {
	case code == "429" || code == "rate_limit_exceeded" || code == "insufficient_quota" || e.Type == "requests" || e.Type == "tokens" || e.Type == "rate_limit_error":
		return limited(e, h)
	case code == "503" || code == "529" || code == "overloaded" || e.Type == "overloaded_error" || e.Type == "service_unavailable":
		return fault.New(fault.UpstreamUnavailable, "The vendor is overloaded or down.")
	case code == "408" || code == "504" || strings.Contains(string(e.Type), "timeout"):
		return fault.New(fault.UpstreamTimeout, "The vendor ran out of time.")
	}
	return fault.New(fault.UpstreamError, "The vendor failed while it answered.")
}

// longestWait bounds what is believed of a vendor's retry-after.
const longestWait = 24 * time.Hour

// retryAfter reads retry-after-ms and retry-after (RFC 9110, section 10.2.3);
// a date counts from the reply's own. Zero: not said, or not to be believed.
func retryAfter(h http.Header) time.Duration {
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
	at, err := http.ParseTime(v)
	now, errNow := http.ParseTime(h.Get("Date"))
	if err == nil && errNow == nil && at.After(now) && at.Sub(now) < longestWait {
		return at.Sub(now)
	}
	return 0
}
