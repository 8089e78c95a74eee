//go:build !race

package faults_test

const (
	atOnce   = 48 // states under way
	laneMost = 15
)
