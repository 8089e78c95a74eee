// Package faults holds Bulkhead against everything that can go wrong at a
// vendor: for callers of each dialect and offerings of each, unary and streamed,
// live and atomic, with and without another offering that may serve the call.
//
// Nothing here is part of the product. table_test.go is the table: what goes
// wrong, and what must come of it for the caller, the vendors and the record;
// docs/faults.md is written from it. Begin there. The vendors are simulated ones
// at the wire (package sim), the gateway is behind its real listener, the ledger
// is read back and verified.
package faults
