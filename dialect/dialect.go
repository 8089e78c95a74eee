// Package dialect says what a dialect is: a name, and the form in which its
// callers expect refusals. The wire formats themselves are in the packages
// below it, one a dialect.
//
// The table of status codes is here and nowhere else. Begin with [Name] and
// [Refusal].
package dialect

import (
	"net/http"

	"bulkhead/fault"
)

// Name is a wire format that callers or vendors speak.
type Name string

// The dialects. Azure is OpenAI and Responses behind Azure's own URLs.
const (
	OpenAI    Name = "openai"    // chat completions, embeddings, models
	Responses Name = "responses" // OpenAI's Responses API
	Anthropic Name = "anthropic" // Messages
	Bedrock   Name = "bedrock"   // Converse and InvokeModel
	Gemini    Name = "gemini"    // generateContent, also on Vertex
)

// Served reports whether this build carries calls in the dialect.
func (n Name) Served() bool { return n == OpenAI }

// built are the dialects of which this build has both sides.
var built = []Name{OpenAI, Responses, Anthropic, Bedrock, Gemini}

// Carried says, for each dialect of callers, into which dialects of endpoints
// this build carries calls.
func Carried() map[string][]string {
	out := map[string][]string{}
	for _, caller := range built {
		for _, endpoint := range built {
			out[string(caller)] = append(out[string(caller)], string(endpoint))
		}
	}
	return out
}

// status is the one table from kinds to HTTP; it holds in every dialect.
var status = map[fault.Kind]int{
	fault.Unauthenticated:     http.StatusUnauthorized,
	fault.Malformed:           http.StatusBadRequest,
	fault.Unsupported:         http.StatusBadRequest,
	fault.MarkingInvalid:      http.StatusBadRequest,
	fault.MarkingMissing:      http.StatusBadRequest,
	fault.PreviousNotFound:    http.StatusBadRequest,
	fault.Denied:              http.StatusForbidden,
	fault.AboveCeiling:        http.StatusForbidden,
	fault.BelowFloor:          http.StatusForbidden,
	fault.Spillage:            http.StatusForbidden,
	fault.Contamination:       http.StatusForbidden,
	fault.Unread:              http.StatusForbidden,
	fault.NoEligibleOffering:  http.StatusForbidden,
	fault.ModelNotFound:       http.StatusNotFound,
	fault.NoSuchRoute:         http.StatusNotFound,
	fault.UnsupportedRoute:    http.StatusNotFound,
	fault.MethodNotAllowed:    http.StatusMethodNotAllowed,
	fault.Timeout:             http.StatusRequestTimeout,
	fault.TooLarge:            http.StatusRequestEntityTooLarge,
	fault.UnsupportedMedia:    http.StatusUnsupportedMediaType,
	fault.BudgetExhausted:     http.StatusPaymentRequired,
	fault.RateLimited:         http.StatusTooManyRequests,
	fault.UpstreamRateLimited: http.StatusTooManyRequests,
	fault.UpstreamRefused:     http.StatusBadRequest, // or the vendor's own
	fault.UpstreamMisconfig:   http.StatusBadGateway,
	fault.UpstreamError:       http.StatusBadGateway,
	fault.UpstreamUnavailable: http.StatusServiceUnavailable,
	fault.UpstreamTimeout:     http.StatusGatewayTimeout,
	fault.LedgerUnavailable:   http.StatusServiceUnavailable,
	fault.StoreUnavailable:    http.StatusServiceUnavailable,
	fault.Overloaded:          http.StatusServiceUnavailable,
	fault.Draining:            http.StatusServiceUnavailable,
	fault.Internal:            http.StatusInternalServerError,
}

// Status is the HTTP status of a kind: 500 for one that has none.
func Status(k fault.Kind) int {
	if s, ok := status[k]; ok {
		return s
	}
	return http.StatusInternalServerError
}

// retryable are the kinds that a later try can find changed. SDKs retry by
// status, so all others carry x-should-retry: false.
var retryable = map[fault.Kind]bool{
	fault.Timeout:             true,
	fault.RateLimited:         true,
	fault.UpstreamRateLimited: true,
	fault.UpstreamError:       true,
	fault.UpstreamUnavailable: true,
	fault.UpstreamTimeout:     true,
	fault.LedgerUnavailable:   true,
	fault.StoreUnavailable:    true,
	fault.Overloaded:          true,
	fault.Draining:            true,
}

// Retryable reports whether the caller may usefully try again. What Bulkhead
// has retried itself is final for the caller.
func Retryable(f *fault.Fault) bool { return retryable[f.Kind] && !f.NoRetry }

// Listener hears what a request says, as its body is read: every string, in
// order, escapes undone, and every part that cannot be read. The zero Listener
// hears nothing. Bytes are valid during the call.
type Listener struct {
	Text   func(piece []byte) // prose, arguments, whatever may hold a mark
	Name   func(piece []byte) // names, ids, words of an enumeration
	Unread func(kind Medium)  // a part that holds no text, or none that can be had
}

// Medium says what a part that cannot be read is.
type Medium string

// The media of unread parts.
const (
	Image    Medium = "image"
	Audio    Medium = "audio"
	Video    Medium = "video"
	Document Medium = "document"
	TokenIDs Medium = "token_ids"
	Opaque   Medium = "opaque" // an address or an id, behind which anything may be
)
