package policy

import (
	"errors"
	"slices"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/fault"
	"bulkhead/marking"
)

// Permit proves that a call may be served, and by which offerings. Only
// [Engine.Decide] makes one; the zero Permit proves nothing and is refused.
type Permit struct {
	engine       *Engine
	workload     *catalog.Workload
	alias        *catalog.Alias
	purpose      string
	label        marking.Label
	grants       []grant
	until        time.Time
	form         func() *Form
	declaredDown bool
	call         call.ID
	facts        [32]byte
}

// grant is one offering of a permit with what is owed there.
type grant struct {
	offering *catalog.Offering
	duties   []Duty
}

// ErrNoPermit is for a permit that proves nothing; whoever meets it sends nothing.
var ErrNoPermit = errors.New("policy: not a permit")

// ErrUnbound is for a permit that no call has been bound to yet; bind it before use.
var ErrUnbound = errors.New("policy: the permit is bound to no call")

// ErrAnotherCall is for a permit of another call, or of other facts of it.
var ErrAnotherCall = errors.New("policy: the permit is of another call")

// ErrOver is for a permit whose time is over; decide again.
var ErrOver = errors.New("policy: the permit no longer holds")

// Bind gives the permit for one call: its id, and the digest of its facts. The
// permit itself is not changed. A permit binds once.
func (p *Permit) Bind(id call.ID, facts [32]byte) (*Permit, error) {
	switch {
	case !p.made():
		return nil, ErrNoPermit
	case p.call != "" || id == "":
		return nil, ErrAnotherCall
	}
	bound := *p
	bound.call, bound.facts = id, facts
	return &bound, nil
}

// Check says why the permit does not allow a call now, or nil.
func (p *Permit) Check(id call.ID, facts [32]byte, now time.Time) error {
	switch {
	case !p.made():
		return ErrNoPermit
	case p.call == "":
		return ErrUnbound
	case p.call != id || p.facts != facts:
		return ErrAnotherCall
	case !p.until.IsZero() && !now.Before(p.until):
		return ErrOver
	}
	return nil
}

func (p *Permit) made() bool { return p != nil && p.engine != nil && len(p.grants) > 0 }

// Len is how many offerings may serve the call; zero for what is no permit.
func (p *Permit) Len() int {
	if !p.made() {
		return 0
	}
	return len(p.grants)
}

// Offering is the n-th offering of the permit, in the alias's order of
// preference; nil for what is no permit or has no n-th.
func (p *Permit) Offering(n int) *catalog.Offering {
	if n < 0 || n >= p.Len() {
		return nil
	}
	return p.grants[n].offering
}

// Duties are the obligations that are met at the n-th offering, and how; those
// that are enforced the path must do.
func (p *Permit) Duties(n int) []Duty {
	if n < 0 || n >= p.Len() {
		return nil
	}
	return slices.Clone(p.grants[n].duties)
}

// Until is the first instant at which a date may change the decision; zero: none.
func (p *Permit) Until() time.Time { return p.until }

// Call is the id of the call that the permit is bound to, or empty.
func (p *Permit) Call() call.ID { return p.call }

// Facts is the digest of the call's facts that the permit is bound to.
func (p *Permit) Facts() [32]byte { return p.facts }

// Form is the decision as the record keeps it; nil for what is no permit.
func (p *Permit) Form() *Form {
	if !p.made() {
		return nil
	}
	return p.form()
}

// Label is the marking that was decided about.
func (p *Permit) Label() marking.Label { return p.label }

// Purpose is the purpose that was decided about.
func (p *Permit) Purpose() string { return p.purpose }

// DeclaredDown reports whether the marking is below the workload's default.
func (p *Permit) DeclaredDown() bool { return p.declaredDown }

// Estate is the digest of the estate that was decided by, or empty.
func (p *Permit) Estate() string {
	if !p.made() {
		return ""
	}
	return p.engine.estate.Digest
}

// Decision is the answer: a permit or a refusal, never both and never neither.
type Decision struct {
	Permit  *Permit      // nil: refused
	Refusal *fault.Fault // nil: permitted
	// Reasons name, for the record, every rule that forbade the call or an
	// offering of its alias, whatever the caller is told.
	Reasons []fault.Reason
	// Until is the first instant at which a date may change the decision; zero: none.
	Until time.Time
	// Remembered reports whether an earlier verdict was used.
	Remembered bool

	form func() *Form
}

// Form is the decision as the record keeps it; nil where the question named no
// workload or alias of the estate.
func (d *Decision) Form() *Form {
	if d.form == nil {
		return nil
	}
	return d.form()
}
