// Package fault is the one vocabulary of what can go wrong on a call.
//
// A [Fault] says three things to three readers: a [Kind] for machines, a
// message that is safe to show to the caller, and a cause that only operators
// see. Nothing here knows status codes or wire formats: each face turns a Kind
// into its own form in one table. An error that is no Fault is [Internal], and
// says only that.
//
// Begin with [New] and [From].
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the stable code of a refusal or failure, as callers and records see it.
type Kind string

// The kinds, in the order in which the path of a call can meet them. Their
// strings are part of the outside form and never change.
const (
	Unauthenticated     Kind = "unauthenticated"             // no credential, or none that is valid
	Malformed           Kind = "malformed"                   // the request cannot be read
	Unsupported         Kind = "unsupported_parameter"       // a field or part that may not pass
	MarkingInvalid      Kind = "marking_invalid"             // the declared marking does not parse
	MarkingMissing      Kind = "marking_missing"             // a marking is needed and none was given
	PreviousNotFound    Kind = "previous_response_not_found" // the conversation is not known here
	Denied              Kind = "denied"                      // a rule forbids the call whatever the offering
	AboveCeiling        Kind = "marking_above_ceiling"       // declared above the workload's ceiling
	BelowFloor          Kind = "marking_below_floor"         // declared below the workload's floor
	Spillage            Kind = "spillage"                    // found above what was declared
	Contamination       Kind = "contamination"               // found above the enclave itself
	Unread              Kind = "unread"                      // content that cannot be read, and may not pass so
	NoEligibleOffering  Kind = "no_eligible_offering"        // the alias exists, none of its offerings may serve
	ModelNotFound       Kind = "model_not_found"             // no such alias for this workload
	NoSuchRoute         Kind = "no_such_route"               // nothing is served at this path
	UnsupportedRoute    Kind = "unsupported_route"           // a known route that is not served
	MethodNotAllowed    Kind = "method_not_allowed"          // the path is served, with another method
	Timeout             Kind = "timeout"                     // the request came too slowly
	TooLarge            Kind = "too_large"                   // the body is over the limit
	UnsupportedMedia    Kind = "unsupported_media_type"      // content type or encoding that is not read
	BudgetExhausted     Kind = "budget_exhausted"            // no money left on the line
	RateLimited         Kind = "rate_limited"                // our own limit
	UpstreamRateLimited Kind = "upstream_rate_limited"       // the vendor's limit
	UpstreamMisconfig   Kind = "upstream_misconfigured"      // the vendor refuses our credentials or deployment
	UpstreamError       Kind = "upstream_error"              // the vendor fails
	UpstreamUnavailable Kind = "upstream_unavailable"        // no permitted offering can be reached now
	UpstreamTimeout     Kind = "upstream_timeout"            // the vendor is silent for too long
	UpstreamRefused     Kind = "upstream_refused"            // the vendor's own 400, 413 or 422; its body is the answer
	LedgerUnavailable   Kind = "ledger_unavailable"          // the record cannot be written
	StoreUnavailable    Kind = "store_unavailable"           // a store that decides cannot be reached
	Overloaded          Kind = "overloaded"                  // too much is held already
	Draining            Kind = "draining"                    // the server is going down
	Cancelled           Kind = "cancelled"                   // the caller went away
	Internal            Kind = "internal"                    // a defect of ours
)

// Reason is one clause of a refusal: which offering (or none, for the call as
// a whole), which rule, and what a person needs to know.
type Reason struct {
	Offering string `json:"offering,omitempty"` // full name of the offering, or empty
	Rule     string `json:"rule"`               // stable name of the rule
	Why      string `json:"why"`                // one clause, without a final stop
	Source   string `json:"source,omitempty"`   // file:line of the row that decided
}

// Ground is why a vendor refused what another offering could accept.
type Ground string

// The grounds.
const (
	TooLong  Ground = "context_length" // more than the model's context holds
	Filtered Ground = "content_filter" // the vendor's filter stopped it
)

// Fault is an error of a known kind. Message, Field and Reasons may be shown to
// the caller; Cause is for operators alone and is never rendered by a face.
type Fault struct {
	Kind    Kind
	Message string // one or two sentences: what is wrong, and what to do
	Field   string // the field at fault, as a path: messages[0].content
	Reasons []Reason

	Ground     Ground        // of a vendor's refusal; empty: none that another offering could lift
	RetryAfter time.Duration // zero: unknown
	NoRetry    bool          // a retry by the caller cannot change the outcome
	Cause      error
}

// New returns a fault of the kind with a message for the caller.
func New(kind Kind, format string, args ...any) *Fault {
	return &Fault{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// At names the field at fault and returns f.
func (f *Fault) At(field string) *Fault { f.Field = field; return f }

// Because attaches the cause for operators and returns f.
func (f *Fault) Because(cause error) *Fault { f.Cause = cause; return f }

// Final marks that a retry cannot help and returns f.
func (f *Fault) Final() *Fault { f.NoRetry = true; return f }

// Error gives kind, message and cause; it is for logs of operators, not for callers.
func (f *Fault) Error() string {
	if f.Cause != nil {
		return string(f.Kind) + ": " + f.Message + ": " + f.Cause.Error()
	}
	return string(f.Kind) + ": " + f.Message
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// From gives the fault in err's chain. An error without one becomes Internal,
// whose message tells the caller nothing but that; nil stays nil.
func From(err error) *Fault {
	if err == nil {
		return nil
	}
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return &Fault{Kind: Internal, Message: "Bulkhead failed on this call; the operators' log has the cause.", Cause: err}
}
