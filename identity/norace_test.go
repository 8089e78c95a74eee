//go:build !race

package identity_test

const racing = false
