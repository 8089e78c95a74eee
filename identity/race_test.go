//go:build race

package identity_test

// Under the race detector sync.Pool forgets on purpose, so allocations are not counted.
const racing = true
