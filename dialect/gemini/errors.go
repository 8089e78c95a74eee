package gemini

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"bulkhead/fault"
)

// longestWait bounds what is believed of a vendor's wait.
const longestWait = 24 * time.Hour

// maxMessageBytes bounds what of a vendor's words goes to the caller.
const maxMessageBytes = 4096

// apiError is a google.rpc.Status as JSON has it
// (https://cloud.google.com/apis/design/errors, 2026).
type apiError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Status  string `json:"status"`
	Details []struct {
		Type       string `json:"@type"`
		Reason     string `json:"reason"`
		RetryDelay string `json:"retryDelay"`
		Violations []struct {
			QuotaID string `json:"quotaId"`
		} `json:"violations"`
	} `json:"details"`
}

// Fault classifies a reply whose status is not 2xx.
func (Client) Fault(status int, h http.Header, body []byte) *fault.Fault {
	return faultOf(status, h, body)
}

// faultOf classifies an error. Without a status, as within a stream, the body
// says it. A body that cannot be read leaves the status to decide.
func faultOf(status int, h http.Header, body []byte) *fault.Fault {
	e := readError(body)
	if status == 0 {
		status = e.Code
	}
	message := strings.ToLower(e.Message)
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusPaymentRequired || e.is("UNAUTHENTICATED") || e.is("PERMISSION_DENIED") || e.badKey():
		return fault.New(fault.UpstreamMisconfig, "The vendor refuses Bulkhead's own sign-in (%s); tell the platform's operators.", e.word(status))
	case e.is("FAILED_PRECONDITION") && (strings.Contains(message, "billing") || strings.Contains(message, "location")):
		return fault.New(fault.UpstreamMisconfig, "The vendor does not serve the agency's project as it is set up (%s); tell the platform's operators.", e.word(status))
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusGone || e.is("NOT_FOUND"):
		return fault.New(fault.UpstreamMisconfig, "The vendor does not know the model (%s); tell the platform's operators.", e.word(status))
	case status == http.StatusTooManyRequests || e.is("RESOURCE_EXHAUSTED"):
		f := fault.New(fault.UpstreamRateLimited, "The vendor limits the agency's calls for now.")
		f.RetryAfter = e.wait(h)
		if e.spent() {
			f.Message = "The agency's quota at the vendor is used up for the day."
			f = f.Final()
		}
		return f
	case status == http.StatusRequestTimeout || status == http.StatusGatewayTimeout || e.is("DEADLINE_EXCEEDED"):
		return fault.New(fault.UpstreamTimeout, "The vendor ran out of time (%s).", e.word(status))
	case status == http.StatusServiceUnavailable || status == 529 || e.is("UNAVAILABLE"):
		f := fault.New(fault.UpstreamUnavailable, "The vendor is overloaded or down (%s).", e.word(status))
		f.RetryAfter = e.wait(h)
		return f
	case status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity ||
		e.is("INVALID_ARGUMENT") || e.is("FAILED_PRECONDITION") || e.is("OUT_OF_RANGE"):
		said := e.Message
		if said == "" {
			said = "The vendor refused the request."
		}
		return fault.New(fault.UpstreamRefused, "%s", strings.ToValidUTF8(said[:min(len(said), maxMessageBytes)], "")).Final()
	}
	return fault.New(fault.UpstreamError, "The vendor failed (%s).", e.word(status))
}

// readError reads {"error": …}, alone or as the one element of an array.
func readError(body []byte) apiError {
	var one struct {
		Error apiError `json:"error"`
	}
	if json.Unmarshal(body, &one) == nil {
		return one.Error
	}
	var list []struct {
		Error apiError `json:"error"`
	}
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		return list[0].Error
	}
	return apiError{}
}

// is reports whether the error is of a status by name.
func (e *apiError) is(status string) bool { return e.Status == status }

// badKey reports whether a 400 is a credential that is not valid.
func (e *apiError) badKey() bool {
	for _, d := range e.Details {
		if strings.HasPrefix(d.Reason, "API_KEY_") {
			return true
		}
	}
	return false
}

// spent reports whether a quota of a whole day is used up.
func (e *apiError) spent() bool {
	for _, d := range e.Details {
		for _, v := range d.Violations {
			if strings.Contains(v.QuotaID, "PerDay") {
				return true
			}
		}
	}
	return false
}

// wait is how long the vendor asks for: in the body, or in the header.
func (e *apiError) wait(h http.Header) time.Duration {
	for _, d := range e.Details {
		if after, err := time.ParseDuration(d.RetryDelay); err == nil && after > 0 {
			return min(after, longestWait)
		}
	}
	seconds, err := strconv.ParseFloat(h.Get("Retry-After"), 64)
	if err != nil || !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, longestWait.Seconds()) * float64(time.Second))
}

// statuses are the words of google.rpc.Code; others are not repeated.
var statuses = map[string]bool{
	"CANCELLED": true, "UNKNOWN": true, "INVALID_ARGUMENT": true, "DEADLINE_EXCEEDED": true, "NOT_FOUND": true, "ALREADY_EXISTS": true,
	"PERMISSION_DENIED": true, "RESOURCE_EXHAUSTED": true, "FAILED_PRECONDITION": true, "ABORTED": true, "OUT_OF_RANGE": true,
	"UNIMPLEMENTED": true, "INTERNAL": true, "UNAVAILABLE": true, "DATA_LOSS": true, "UNAUTHENTICATED": true,
}

// word says what failed, for a message.
func (e *apiError) word(status int) string {
	switch {
	case statuses[e.Status] && status != 0:
		return "status " + strconv.Itoa(status) + ", " + e.Status
	case status != 0:
		return "status " + strconv.Itoa(status)
	case statuses[e.Status]:
		return e.Status
	}
	return "no status"
}
