package dialect

import (
	"net/http"

	"bulkhead/call"
	"bulkhead/wire"
)

// Need is a capability that a request uses, and the field by which it does.
type Need struct {
	Capability call.Capability
	Field      string
}

// Asked is what the gates need to know of a request, whatever its dialect.
type Asked struct {
	Alias     string // the model asked for; empty if neither path nor body names one
	Stream    bool
	Usage     bool     // the caller asked for usage in its stream
	MaxOutput int64    // tokens; zero: not stated
	Choices   int64    // zero: not stated
	Tokens    bool     // an embeddings input of token ids, which cannot be read as text
	Needs     []Need   // capabilities of law 1, in order of place
	Unknown   []string // top-level fields that the dialect does not know, in order of place
	State     bool     // there is opaque state in it, or what may hold some
	Calls     bool     // an earlier turn in it called tools
}

// Request is a request that was read. It points into the body's bytes and
// lives as long as they do.
type Request interface {
	Asked() *Asked

	// Relay gives the request as it goes to an offering of the same dialect:
	// the caller's bytes but for what names the model or would move data, all
	// of it in the dialect's written list.
	Relay(to *Upstream) Relayed
}

// Relayed is a request of the relay lane, without what signs it in.
type Relayed struct {
	Path   string      // under the endpoint's URL, escaped, with its query
	Header http.Header // what the dialect needs beside Content-Type; nil: nothing
	Body   wire.Splice
}

// Reader is a dialect's scan of a request. It is safe for concurrent use.
type Reader interface {
	// Read scans a body once: JSON, UTF-8, names that occur twice at any
	// depth, names that differ from a known one in case alone, kinds of the
	// known fields. l hears every string and every part that cannot be read. A
	// fault is Malformed, or Unsupported for a tool, part or block type that is
	// not known; it names the field in the caller's words and repeats no text.
	Read(in *Inbound, s *wire.Scanner, l Listener) (Request, error)
}
