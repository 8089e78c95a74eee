// Package e2e runs a real model behind Bulkhead. It fetches a small model and
// two OpenAI-compatible servers as packages, starts a server, starts the real
// binary in front of it, and has the official SDKs make the same calls twice:
// straight to the server, and through Bulkhead. What a call says must be the
// same both ways. Then callers of every dialect make calls of the same model
// (dialects_test.go).
//
// Nothing here is part of the product, and nothing of the product is imported.
// The run takes minutes and a C++ compiler, so it is left out unless
// BULKHEAD_E2E=run is set; `make e2e` sets it. docs/e2e.md says what a run
// printed. Begin with real_test.go; packages_test.go has what is fetched.
package e2e
