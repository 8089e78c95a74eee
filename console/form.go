package console

import (
	"net/http"
	"time"

	"bulkhead/control"
	"bulkhead/fault"
)

// The JSON forms of the control socket, which its clients use too. They are
// outside forms: fields are added, never renamed.

// NewKey asks for a key (POST /keys).
type NewKey struct {
	Workload string `json:"workload"`
	Note     string `json:"note,omitzero"`
	Expires  string `json:"expires,omitzero"` // RFC 3339, or "never"; empty: after control.DefaultTTL
	Kind     string `json:"kind,omitzero"`    // bearer (also if empty) or aws
}

// MadeKey is the answer: the only time that a key is shown, or the pair that
// AWS SDKs sign with.
type MadeKey struct {
	ID              string `json:"id"`
	Key             string `json:"key,omitzero"`
	AccessKeyID     string `json:"access_key_id,omitzero"`
	SecretAccessKey string `json:"secret_access_key,omitzero"`
}

// Keys is what there is (GET /keys), the oldest first.
type Keys struct {
	Keys []KeyRow `json:"keys"`
}

// KeyRow is one key without its secret.
type KeyRow struct {
	ID       string     `json:"id"`
	Workload string     `json:"workload"`
	Note     string     `json:"note"`
	Kind     string     `json:"kind"`  // bearer, or aws for those that sign
	State    string     `json:"state"` // active, expired or revoked
	Created  time.Time  `json:"created"`
	Expires  *time.Time `json:"expires"`           // null: never
	Revoked  *time.Time `json:"revoked,omitempty"` // absent: it is not
}

// RevokedKey is the answer to POST /keys/{id}/revoke.
type RevokedKey struct {
	ID string `json:"id"`
}

// Reload asks to read the estate anew (POST /reload).
type Reload struct {
	Digest string `json:"digest,omitzero"` // the only one to take; empty: any
}

// Reloaded is the answer: the digest that was in force and the one that is.
type Reloaded struct {
	Old string `json:"old"`
	New string `json:"new"`
}

// Failure is the answer to what was refused or failed.
type Failure struct {
	Error FailureDetail `json:"error"`
}

// FailureDetail says what went wrong. Whoever reads it is an operator, so that
// the cause is told too.
type FailureDetail struct {
	Code    fault.Kind `json:"code"`
	Message string     `json:"message"`
	Field   string     `json:"field,omitzero"`
	Cause   string     `json:"cause,omitzero"`
}

// statuses is the one table of this face from kinds to status codes; what is
// not in it is 500.
var statuses = map[fault.Kind]int{
	fault.Malformed:          http.StatusBadRequest,
	fault.NoSuchRoute:        http.StatusNotFound,
	fault.MethodNotAllowed:   http.StatusMethodNotAllowed,
	fault.TooLarge:           http.StatusRequestEntityTooLarge,
	fault.StoreUnavailable:   http.StatusServiceUnavailable,
	control.NoSuchKey:        http.StatusNotFound,
	control.UnknownWorkload:  http.StatusUnprocessableEntity,
	control.EstateRefused:    http.StatusUnprocessableEntity,
	control.DigestDiffers:    http.StatusConflict,
	control.NotServing:       http.StatusServiceUnavailable,
	control.NothingCovered:   http.StatusUnprocessableEntity,
	control.NotDrillable:     http.StatusUnprocessableEntity,
	control.DrillUnderWay:    http.StatusConflict,
	control.NoSuchDrill:      http.StatusNotFound,
	control.NoSuchSuspension: http.StatusNotFound,
}

func writeFault(w http.ResponseWriter, f *fault.Fault) {
	status, ok := statuses[f.Kind]
	if !ok {
		status = http.StatusInternalServerError
	}
	detail := FailureDetail{Code: f.Kind, Message: f.Message, Field: f.Field}
	if f.Cause != nil {
		detail.Cause = f.Cause.Error()
	}
	writeJSON(w, status, Failure{detail})
}

func refuseMethod(w http.ResponseWriter, allow, message string) {
	w.Header().Set("Allow", allow)
	writeFault(w, fault.New(fault.MethodNotAllowed, "%s", message))
}
