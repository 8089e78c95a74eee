// Package clients holds the official SDKs against the real binary: each is
// installed as its users install it, unmodified and pinned, and runs its suite
// against a gateway with simulated vendors behind it.
//
// Nothing here is part of the product, and nothing of the product is imported:
// a suite sees what an application sees, and the vendors' record. Each SDK has
// a folder with its suite and its pins (python, node, go) and a test here that
// runs it; pages_test.go runs what the pages in docs/clients say, word for word.
// matrix has one driver for each client, and matrix_test.go runs them.
// Begin with world_test.go, the world that a suite runs in.
//
// What a suite needs (an interpreter, packages) may be missing: its test is
// then skipped with a line that names it. Set BULKHEAD_CLIENTS=require to make
// that a failure. BULKHEAD_BINARY names a binary to test in place of one built
// from this source. Packages are kept in the user's cache folder, by their pins.
// Suites are made ready one by one and then run beside each other: most of
// their time goes by in waiting for an SDK's next try, or in silence.
package clients
