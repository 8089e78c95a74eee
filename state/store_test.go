package state_test

import (
	"testing"

	"bulkhead/state"
	"bulkhead/state/statetest"
)

func TestLocal_IsAStoreOfState(t *testing.T) {
	statetest.Store(t, func(*testing.T) state.Store { return state.NewLocal() })
}
