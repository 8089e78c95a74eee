package policy

import (
	"encoding/json"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/marking"
)

// Question is what is asked of an engine: may this call be served, and by whom.
type Question struct {
	Workload  *catalog.Workload // of the engine's estate
	Alias     *catalog.Alias    // of the workload
	Purpose   string            // empty: the workload's primary one
	Label     marking.Label     // of the whole call
	Principal Principal
	Action    call.Action
	Dialect   string // the caller's
	Needs     []Need
	// Modalities are what the call sends and asks for; empty is text alone.
	Modalities []string
	// LeastTokens is what the input comes to at the very least, whatever the
	// model; zero is not known.
	LeastTokens int64
	Now         time.Time
}

// Need is a capability of law 1 that a call uses, and the field by which it does.
type Need struct {
	Capability call.Capability
	Field      string
}

// Principal is who calls. Without a Person the workload's audience stands for
// it; with one, both must be allowed.
type Principal struct {
	ID     string // of the key or the assertion
	Person *Person
}

// Person is a human being whose clearance and the like were verified.
type Person struct {
	spec    marking.Spec
	subject marking.Subject
	key     string // tells two persons of different facts apart
}

// NewPerson makes a person of what was verified about them.
func NewPerson(spec marking.Spec) (*Person, error) {
	subject, err := marking.Person(spec)
	if err != nil {
		return nil, err
	}
	key, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	return &Person{spec: spec, subject: subject, key: string(key)}, nil
}

// purpose is the one that is asked for.
func (q *Question) purpose() string {
	if q.Purpose != "" {
		return q.Purpose
	}
	if q.Workload != nil && len(q.Workload.Purposes) > 0 {
		return q.Workload.Purposes[0]
	}
	return ""
}

// text is what a call that states no modality uses.
var text = []string{"text"}

func (q *Question) modalities() []string {
	if len(q.Modalities) == 0 {
		return text
	}
	return q.Modalities
}

func (q *Question) aliasName() string {
	if q.Alias == nil {
		return ""
	}
	return q.Alias.Name
}
