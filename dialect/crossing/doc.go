// Package crossing holds the tests that no single dialect can have: every
// recorded exchange of each dialect translated into each other one and read
// back there. It has no code of the product. A new dialect is one line in
// the tests' table of recordings.
package crossing
