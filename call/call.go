// Package call holds the facts of one call that every engine shares: its id,
// what is asked, by whom, under which names, and what became of it.
//
// It decides nothing and reads nothing; the path of a call fills it in.
// Begin with [ID] and [Facts].
package call

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"time"
)

// ID names a call: a ULID in Crockford's base 32, 26 characters, whose first
// ten give the time in milliseconds (https://github.com/ulid/spec).
type ID string

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewID makes an id for an instant with 80 bits of randomness from random,
// which is nil for the system's own source. It panics if random fails: a
// process without randomness must not serve.
func NewID(now time.Time, random io.Reader) ID {
	if random == nil {
		random = rand.Reader
	}
	var b [16]byte
	if _, err := io.ReadFull(random, b[6:]); err != nil {
		panic("call: no randomness: " + err.Error())
	}
	ms := uint64(now.UnixMilli())
	binary.BigEndian.PutUint16(b[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(b[2:], uint32(ms))
	return ID(encode(b))
}

// encode writes 128 bits as 26 digits of five bits; the first digit has three.
func encode(b [16]byte) string {
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	var out [26]byte
	for i := 25; i >= 0; i-- {
		out[i] = crockford[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}

// Action is what a call asks of a model.
type Action string

const (
	Chat        Action = "chat"         // a conversation turn
	Embeddings  Action = "embeddings"   // vectors for texts
	CountTokens Action = "count_tokens" // how many tokens a conversation turn would be
	Models      Action = "models"       // what the caller may use; no vendor is asked
)

// Capability is something a request asks of the vendor beyond answering from
// the bytes of the call itself (DESIGN, law 1). An offering's row grants it or
// the call does not go there.
type Capability string

const (
	WebSearch         Capability = "web_search"         // the vendor searches the web
	HostedMCP         Capability = "mcp"                // the vendor calls a tool server
	FileSearch        Capability = "file_search"        // the vendor searches files it keeps
	CodeInterpreter   Capability = "code_interpreter"   // the vendor runs code
	ComputerUse       Capability = "computer_use"       // the vendor drives a computer
	ImageGeneration   Capability = "image_generation"   // the vendor calls a further model
	RemoteURL         Capability = "remote_url"         // the vendor fetches an address
	FileID            Capability = "file_id"            // a file kept at the vendor
	ConversationID    Capability = "conversation_id"    // a conversation or reply kept at the vendor
	PromptID          Capability = "prompt_id"          // a prompt kept at the vendor
	DataSources       Capability = "data_sources"       // Azure's "on your data"
	VendorFallback    Capability = "vendor_fallback"    // the vendor may use other models or providers
	Background        Capability = "background"         // the vendor answers later
	Store             Capability = "store"              // the vendor keeps the reply
	ServerSideHistory Capability = "server_side_memory" // the vendor keeps a memory
	Guardrail         Capability = "guardrail"          // a filter kept at the vendor, with models and regions of its own
)

// Usage is what a call consumed, in tokens. Known is false where nothing is
// known, which is never the same as zero; Estimated says that Bulkhead counted
// because the vendor did not.
type Usage struct {
	Known       bool  `json:"known"`
	Estimated   bool  `json:"estimated,omitempty"`
	Input       int64 `json:"input"`  // cached ones included
	Output      int64 `json:"output"` // reasoning included
	CachedInput int64 `json:"cached_input,omitempty"`
	Reasoning   int64 `json:"reasoning,omitempty"`
}

// Ending says how a call ended.
type Ending string

const (
	Complete Ending = "complete"  // the whole reply was released to the caller
	Cut      Ending = "cut"       // the reply broke off, and the caller was told so
	Gone     Ending = "cancelled" // the caller went away
	Refused  Ending = "refused"   // no reply: a gate or every vendor said no, as a status or, after a keep-alive, in-band
)

// Checker is the key's id in the record of a call that Bulkhead makes itself, to
// check health. No key has it.
const Checker = "check"

// Attempt is one try of a call at one offering.
type Attempt struct {
	Offering string        `json:"offering"`
	Endpoint string        `json:"endpoint"`
	Status   int           `json:"status,omitempty"` // the vendor's; zero: no answer
	Kind     string        `json:"kind,omitempty"`   // why it failed; empty: it answered
	Vendor   string        `json:"vendor_request,omitempty"`
	Took     time.Duration `json:"took"`
}

// Record is the one wide record of a call, written at its end. It never holds
// a prompt, a key or a vendor's message.
type Record struct {
	ID         ID
	Start      time.Time
	Dialect    string
	Action     Action
	Route      string // the pattern, not the path
	Key        string // id of the key, never its secret
	Workload   string
	Alias      string
	Purpose    string
	Marking    string // a rendering of the effective label
	Stream     bool
	Estate     string // digest
	Offering   string
	Model      string // as the estate names it
	Attempts   []Attempt
	Status     int // as sent to the caller
	Kind       string
	Ending     Ending
	Finish     string
	Usage      Usage
	BytesIn    int64
	BytesOut   int64
	FirstByte  time.Duration // until the first byte of the reply was released; zero: none was
	Took       time.Duration
	SDKRetries int // as the caller's SDK counts, from its header
}
