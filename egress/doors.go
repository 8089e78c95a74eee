package egress

import (
	"context"
	"errors"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/ledger"
	"bulkhead/policy"
)

// Proof is what a send demands: that the call is allowed, and that it and this
// attempt of it are on the record. Proofs of another call, or of other facts
// of it, are refused.
type Proof struct {
	Permit  *policy.Permit
	Receipt *ledger.Receipt
	Call    call.ID
	Facts   [32]byte // digest of the call's facts, which permit and receipt are bound to
}

// ErrUnrecorded is for a send whose attempt is not on the record: of another
// call, of other facts, or at another offering.
var ErrUnrecorded = errors.New("egress: the attempt is not on the record")

// check says why the proof does not allow a send to the n-th offering, or gives that.
func (p *Proof) check(n int, now time.Time) (*catalog.Offering, error) {
	if err := p.Permit.Check(p.Call, p.Facts, now); err != nil {
		return nil, err
	}
	o := p.Permit.Offering(n)
	if o == nil {
		return nil, policy.ErrNoPermit
	}
	if p.Receipt == nil || p.Receipt.Call() != p.Call || p.Receipt.Facts() != ledger.DigestOf(p.Facts) || p.Receipt.Offering() != o.Name {
		return nil, ErrUnrecorded
	}
	return o, nil
}

// Doors are the ways to the offerings of one estate.
type Doors struct {
	byName     map[string]*Door
	byOffering []*Door // by catalog index
}

// OpenAll opens the doors to an estate's endpoints. Those of before, which may
// be nil, that lead to an endpoint that did not change are taken over with
// their connections. The errors say, for each endpoint that cannot be used, why.
func OpenAll(e *catalog.Estate, before *Doors, o Options) (*Doors, []error) {
	d := &Doors{byName: make(map[string]*Door, len(e.Endpoints)), byOffering: make([]*Door, len(e.Offerings))}
	var problems []error
	for _, endpoint := range e.Endpoints {
		door := before.same(endpoint)
		if door == nil {
			door = Open(endpoint, o)
		}
		if err := door.Missing(); err != nil {
			problems = append(problems, err)
		}
		d.byName[endpoint.Name] = door
	}
	for i, o := range e.Offerings {
		d.byOffering[i] = d.byName[o.Endpoint.Name]
	}
	return d, problems
}

func (d *Doors) same(e *catalog.Endpoint) *Door {
	if d == nil {
		return nil
	}
	if door := d.byName[e.Name]; door != nil && door.Missing() == nil && door.Same(e) {
		return door
	}
	return nil
}

// Missing is why an offering's endpoint cannot be used, or nil.
func (d *Doors) Missing(o *catalog.Offering) error { return d.byOffering[o.Index].Missing() }

// CloseBut lets go of the doors that next, which may be nil, does not have too.
// Connections in use end with their replies.
func (d *Doors) CloseBut(next *Doors) {
	for name, door := range d.byName {
		if next == nil || next.byName[name] != door {
			door.Close()
		}
	}
}

// Send sends a request once to the n-th offering of the permit, so that no
// other target can be written down. The error is a *Failure, or says why the
// proof does not hold.
func (d *Doors) Send(ctx context.Context, p Proof, n int, now time.Time, r *Request) (*Reply, error) {
	o, err := p.check(n, now)
	if err == nil && o.Index >= len(d.byOffering) {
		err = policy.ErrNoPermit
	}
	if err != nil {
		return nil, &Failure{Phase: Connecting, Cause: err}
	}
	return d.byOffering[o.Index].send(ctx, r)
}
