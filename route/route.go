// Package route puts the offerings that may serve a call in the order in which
// they are asked.
//
// Whether an offering may serve a call is decided before; whether it can be
// reached is told to it. Begin with [Plan].
package route

import (
	"fmt"

	"bulkhead/catalog"
	"bulkhead/fault"
)

// Plan gives the indices into permitted in the order in which the offerings
// are asked: that of the alias, without those whose endpoint cannot be used.
// missing gives why one cannot, or nil. If none is left it gives an
// UpstreamMisconfig fault whose reasons name every offering.
func Plan(permitted []*catalog.Offering, missing func(*catalog.Offering) error) ([]int, error) {
	order := make([]int, 0, len(permitted))
	var reasons []fault.Reason
	for n, o := range permitted {
		if missing(o) == nil {
			order = append(order, n)
			continue
		}
		reasons = append(reasons, fault.Reason{
			Offering: o.Name, Rule: "endpoint-set-up", Why: "its endpoint lacks its secret or certificates",
			Source: fmt.Sprintf("%s:%d", o.Source.File, o.Source.Line),
		})
	}
	if len(order) > 0 {
		return order, nil
	}
	f := fault.New(fault.UpstreamMisconfig, "No offering that may serve this call can be asked: the endpoints lack their secrets or certificates; the operators' log says which.")
	f.Reasons = reasons
	return nil, f.Final()
}
