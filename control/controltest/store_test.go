package controltest_test

import (
	"testing"

	"bulkhead/control"
	"bulkhead/control/controltest"
)

func TestMemory_IsAStore(t *testing.T) {
	controltest.Store(t, func(*testing.T) control.Store { return &controltest.Memory{} })
}
