package responses

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/fault"
)

// malformed says where a request's JSON is not what the dialect has. It names
// the field and repeats no text.
func malformed(under string, err error) error {
	var pointer jsontext.Pointer
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &semantic):
		pointer = semantic.JSONPointer
	case errors.As(err, &syntactic):
		pointer = syntactic.JSONPointer
	}
	var path strings.Builder
	path.WriteString(under)
	for token := range pointer.Tokens() {
		if _, err := strconv.Atoi(token); err == nil {
			path.WriteString("[" + token + "]")
			continue
		}
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		path.WriteString(clip(token))
	}
	field := path.String()
	name := field
	if name == "" {
		name = "The body"
	}
	return fault.New(fault.Malformed, "%s is not of the kind that the dialect has there.", name).At(field).Because(err).Final()
}

// longestWait bounds what is believed of a vendor's retry-after.
const longestWait = 24 * time.Hour

// Fault implements [dialects.Client]. Codes are those of OpenAI's error table
// and of Azure's (2026-08); Azure says 400 for what its filter stopped.
func (Client) Fault(status int, h http.Header, body []byte) *fault.Fault {
	e := readError(body)
	switch {
	case e.Code == "insufficient_quota" || e.Type == "insufficient_quota":
		f := fault.New(fault.UpstreamRateLimited, "The agency's account with the vendor is used up; tell the platform's operators.")
		f.NoRetry = true // waiting does not lift it; another offering may serve
		return f
	case status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity:
		return refused(e, status)
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusPaymentRequired:
		return fault.New(fault.UpstreamMisconfig, "The vendor refuses Bulkhead's own sign-in (status %d); tell the platform's operators.", status)
	case status == http.StatusNotFound && strings.HasPrefix(string(e.Message), "Item with id "):
		return refused(e, status) // an item of the caller's that the vendor does not keep
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed || status == http.StatusGone:
		return fault.New(fault.UpstreamMisconfig, "The vendor does not know the model or deployment (status %d); tell the platform's operators.", status)
	case status == http.StatusTooManyRequests:
		f := fault.New(fault.UpstreamRateLimited, "The vendor limits the agency's calls for now.")
		f.RetryAfter = retryAfter(h)
		return f
	case status == http.StatusRequestTimeout || status == http.StatusGatewayTimeout:
		return fault.New(fault.UpstreamTimeout, "The vendor ran out of time (status %d).", status)
	case status == http.StatusServiceUnavailable || status == 529:
		f := fault.New(fault.UpstreamUnavailable, "The vendor is overloaded or down (status %d).", status)
		f.RetryAfter = retryAfter(h)
		return f
	}
	return fault.New(fault.UpstreamError, "The vendor failed (status %d).", status)
}

// readError reads an error body; one that is none says nothing.
func readError(body []byte) errorJSON {
	var doc struct {
		Error errorJSON `json:"error"`
	}
	if err := json.Unmarshal(body, &doc, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)); err != nil {
		return errorJSON{}
	}
	return doc.Error
}

// refused is the vendor's own refusal of what the caller sent.
func refused(e errorJSON, status int) *fault.Fault {
	f := fault.New(fault.UpstreamRefused, "The vendor refused the request (status %d).", status).At(string(e.Param)).Final()
	if e.Message != "" {
		f.Message = e.Message
	}
	return f
}

// inBand is a vendor's error in a reply whose status said that all was well.
func inBand(e *errorJSON) *fault.Fault {
	if e == nil {
		return fault.New(fault.UpstreamError, "The vendor failed, and does not say of what.")
	}
	switch code := string(e.Code); {
	case code == "insufficient_quota" || e.Type == "insufficient_quota":
		f := fault.New(fault.UpstreamRateLimited, "The agency's account with the vendor is used up; tell the platform's operators.")
		f.NoRetry = true
		return f
	case code == "rate_limit_exceeded" || e.Type == "tokens" || e.Type == "requests":
		return fault.New(fault.UpstreamRateLimited, "The vendor limits the agency's calls for now.")
	case code == "overloaded" || code == "server_overloaded" || e.Type == "service_unavailable_error":
		return fault.New(fault.UpstreamUnavailable, "The vendor is overloaded.")
	case e.Type == "invalid_request_error" || code == "invalid_prompt" || code == "context_length_exceeded" || code == "content_filter" ||
		strings.HasSuffix(code, "_image") || strings.Contains(code, "image_") || code == "bio_policy":
		return refused(*e, http.StatusOK)
	case code == "vector_store_timeout" || e.Type == "timeout_error":
		return fault.New(fault.UpstreamTimeout, "The vendor ran out of time.")
	}
	return fault.New(fault.UpstreamError, "The vendor failed while it answered.")
}

// retryAfter reads retry-after-ms and retry-after in seconds (RFC 9110,
// section 10.2.3); zero: not said, or not to be believed. Dates are held
// against the vendor's own.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 && ms < float64(longestWait.Milliseconds()) {
		return time.Duration(ms * float64(time.Millisecond))
	}
	if sec, err := strconv.ParseFloat(h.Get("Retry-After"), 64); err == nil && sec > 0 && sec < longestWait.Seconds() {
		return time.Duration(sec * float64(time.Second))
	}
	at, err := http.ParseTime(h.Get("Retry-After"))
	now, none := http.ParseTime(h.Get("Date"))
	if d := at.Sub(now); err == nil && none == nil && d > 0 && d < longestWait {
		return d
	}
	return 0
}

// unsupported refuses a word that the dialect does not have there.
func unsupported(field, word string) error {
	return fault.New(fault.Unsupported, "%s is %q, which Bulkhead does not know.", field, clip(word)).At(field).Final()
}
