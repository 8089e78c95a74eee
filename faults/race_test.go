//go:build race

package faults_test

// Under the race detector a call costs many times more, and what waits for it is
// as impatient as ever: only each dialect with itself is asked, and less at once.
const (
	atOnce   = 12
	laneMost = 5
)
