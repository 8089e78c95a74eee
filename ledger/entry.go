package ledger

import (
	"time"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/wire"
)

// Digest names its algorithm and gives its value in hexadecimal:
// sha256:…, hmac-sha256:…, hmac-sha384:….
type Digest string

// Admission is what is written down before a byte of a call leaves: who asks
// what, under which marking and estate, and where it may go. It holds no
// prompt and no secret: the request is there as a commitment alone.
type Admission struct {
	Call       call.ID
	At         time.Time // zero: now
	Facts      Digest    // of the call's facts, as its other proofs carry it
	Dialect    string
	Action     call.Action
	Stream     bool
	Principal  string // id of a key or of a person
	Subject    JSON   // the subject that was decided for
	Workload   string
	Alias      string
	Purpose    string
	Declared   JSON   // markings, as label JSON
	Found      JSON   //
	Effective  JSON   //
	Estate     string // digest of the estate
	Change     int64  // index of the last applied change; below zero: none
	Permit     Permit
	Commitment Digest // to the request's body
	Size       int64  // of the request's body, in bytes
	Retries    int    // as the caller's SDK counts them; zero: not sent, or the first
}

// Permit is where a call may go. The offerings are what its attempts are held
// to by whoever verifies the log. What does not fit in an entry is left out,
// detail first; counts and the digest stay, and the whole is derived again
// from the estate.
type Permit struct {
	Digest    Digest   // of the whole permit
	Offerings []string // full names
	Detail    JSON     // obligations, reasons against the others: opaque here
	Asked     JSON     // what of Detail stays where the rest does not fit: what was asked
}

// AttemptStart is what is written down before a byte goes to an offering.
type AttemptStart struct {
	At       time.Time // zero: now
	Offering string    // full name
	Endpoint string
	Region   string
	Model    string      // vendor/name, as the estate has it: what attestations about vendors rest on
	Sent     Digest      // commitment to the bytes to be sent; with Edits: [CallKey.CommitEdits]
	Edits    []wire.Edit // by which the bytes to be sent differ from the request, in order of place; none: Sent says all
}

// AttemptEnd says how an attempt ended. It names no message of the vendor.
type AttemptEnd struct {
	At      time.Time // zero: now
	Status  int       // the vendor's; zero: no answer
	Kind    fault.Kind
	Vendor  string        // the vendor's request id
	First   time.Duration // until the first byte of the reply; zero: none came
	Took    time.Duration
	Attempt int // which, from 1; zero: the last that was started
}

// Unknown is how a call ended of which nothing more is known: its process died.
const Unknown call.Ending = "unknown"

// Outcome is how a call ended.
type Outcome struct {
	At         time.Time // zero: now
	Attempt    int       // which answered, from 1; zero: none
	Ending     call.Ending
	Kind       fault.Kind // of the refusal or failure; empty: none
	Status     int        // as sent to the caller
	Finish     string
	Usage      call.Usage
	Marking    JSON     // of the reply
	Losses     []string // fields that a translation could not carry
	Commitment Digest   // to the body octets handed over and held back
	Size       int64    // their count
}

// Refusal is a call that was refused before anything of it left. Of spillage
// and contamination the code alone is written, whatever else is given.
type Refusal struct {
	At        time.Time // zero: now
	Call      call.ID
	Kind      fault.Kind
	Principal string
	Workload  string
	Alias     string
	Action    call.Action
	Purpose   string
	Declared  JSON
	Effective JSON   // the marking that was decided about
	Asked     JSON   // what else was, and what it came to: opaque here
	Question  JSON   // what of Asked stays where the rest does not fit
	Digest    Digest // of the whole decision
	Dialect   string
	Estate    string
	Reasons   []fault.Reason
}

// Change is something that was changed: an estate loaded, a key made or
// revoked, an offering suspended.
type Change struct {
	At     time.Time // zero: now
	What   string    // estate, key, suspension
	Action string    // loaded, created, revoked, lifted
	Name   string    // which one: an id or a digest, never a secret
	By     string    // who
	Via    string    // by which path: signal, socket, start
	Estate string    // digest of the estate in force after it
	Detail JSON
}

// Kinds of entries, as their member "kind" says.
const (
	kindAdmission = "admission"
	kindStart     = "attempt-start"
	kindEnd       = "attempt-end"
	kindOutcome   = "outcome"
	kindRefusal   = "refusal"
	kindChange    = "change"
	kindCounts    = "counts"
	kindOpened    = "start"
	kindClosed    = "stop"
)
