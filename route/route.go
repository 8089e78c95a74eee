// Package route puts the offerings that may serve a call in the order in which
// they are asked, and says of each other one why it is not asked.
//
// It knows nothing of connections: whether an offering can be reached is told
// to it. Begin with [Plan].
package route

import (
	"fmt"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/fault"
)

// Need is a capability that a call uses, and the field by which it does.
type Need struct {
	Capability call.Capability
	Field      string
}

// Ask is what a call asks of an offering.
type Ask struct {
	Dialect dialect.Name
	Needs   []Need
}

// Plan gives the alias's offerings that can carry the call, in the estate's
// order of preference. missing gives why an offering's endpoint cannot be used,
// or nil. Without any it gives a NoEligibleOffering fault, or an
// UpstreamMisconfig one where only our own set-up is in the way; its reasons
// name every offering.
func Plan(alias *catalog.Alias, ask Ask, missing func(*catalog.Offering) error) ([]*catalog.Offering, error) {
	var reasons []fault.Reason
	misconfigured := false
	// Nothing is copied while every offering can serve, as is usual.
	fit, copied := alias.Offerings, false
	for i, o := range alias.Offerings {
		reason, ok := refuses(o, ask)
		if ok {
			if err := missing(o); err != nil {
				reason, ok = fault.Reason{Rule: "endpoint-set-up", Why: "its endpoint cannot be used: the operators' log says why"}, false
				misconfigured = true
			}
		}
		switch {
		case !ok:
			reason.Offering = o.Name
			reason.Source = fmt.Sprintf("%s:%d", o.Source.File, o.Source.Line)
			reasons = append(reasons, reason)
			if !copied {
				fit, copied = append([]*catalog.Offering(nil), alias.Offerings[:i]...), true
			}
		case copied:
			fit = append(fit, o)
		}
	}
	if len(fit) > 0 {
		return fit, nil
	}
	return nil, refusal(alias, reasons, misconfigured)
}

// refuses gives the first rule that keeps the call from the offering.
func refuses(o *catalog.Offering, ask Ask) (fault.Reason, bool) {
	if d := dialect.Name(o.Endpoint.Dialect); d != ask.Dialect || !d.Served() {
		return fault.Reason{Rule: "dialect", Why: fmt.Sprintf("its endpoint speaks the dialect %s, into which this build does not translate", d)}, false
	}
	for _, n := range ask.Needs {
		if !o.Granted(n.Capability) {
			return fault.Reason{Rule: "capability", Why: fmt.Sprintf("its row does not grant %s, which %s uses", n.Capability, n.Field)}, false
		}
	}
	return fault.Reason{}, true
}

func refusal(alias *catalog.Alias, reasons []fault.Reason, misconfigured bool) error {
	f := fault.New(fault.NoEligibleOffering, "No offering of the alias %q may serve this call", alias.Name)
	if misconfigured {
		f = fault.New(fault.UpstreamMisconfig, "No offering of the alias %q can be asked: an endpoint lacks its secret or certificates", alias.Name)
	}
	for i, r := range reasons {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		f.Message += sep + r.Offering + ": " + r.Why
	}
	if len(reasons) == 0 {
		f.Message += ": the estate has no offering of its models"
	}
	f.Message += "."
	f.Reasons = reasons
	return f.Final()
}
