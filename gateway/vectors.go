package gateway

import (
	"bulkhead/call"
	"bulkhead/policy"
)

// candidates are the offerings of the permit that may stand in for each other:
// all, but for embeddings those of the first one's model alone, and of a check
// the one that it is of. Vectors of two
// models cannot be compared: a caller who got those of another would spoil what
// they are kept with, and not notice.
func (s *serving) candidates(permit *policy.Permit) []int {
	if s.in.check != nil {
		return only(permit, s.in.check.offering)
	}
	which := make([]int, 0, permit.Len())
	for n := range permit.Len() {
		if s.in.Action != call.Embeddings || permit.Offering(n).Model == permit.Offering(0).Model {
			which = append(which, n)
		}
	}
	return which
}
