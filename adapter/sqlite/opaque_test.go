package sqlite_test

import (
	"path/filepath"
	"testing"

	"bulkhead/state"
	"bulkhead/state/statetest"
)

func TestStore_IsAStoreOfState(t *testing.T) {
	statetest.Store(t, func(t *testing.T) state.Store { return open(t, filepath.Join(t.TempDir(), "state.db")) })
}
