package controltest_test

import (
	"testing"

	"bulkhead/control"
	"bulkhead/control/controltest"
)

func TestMemory_IsAStore(t *testing.T) {
	controltest.Store(t, func(*testing.T) control.Store { return &controltest.Memory{} })
}

func TestMemory_KeepsSuspensions(t *testing.T) {
	controltest.Suspensions(t, func(*testing.T) control.Suspensions { return &controltest.Memory{} })
}
