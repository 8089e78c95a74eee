package dialect

import (
	"io"
	"net/http"
	"net/url"
	"time"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"
)

// Inbound is a request as its route took it in.
type Inbound struct {
	Action call.Action
	Model  string // from the path, once unescaped, where the dialect has it there
	Stream bool   // from the path, where the dialect has it there
	Header http.Header
	Query  url.Values
	Body   []byte
}

// Answering is what a server needs to write a reply in the caller's words.
type Answering struct {
	Call    call.ID // ids that the dialect needs and the vendor has not are made from it
	Created time.Time
	Model   string        // what a reply that names no model is from
	Request *chat.Request // what dialects echo, and whether usage was asked for
	Array   bool          // gemini without alt=sse: one JSON array
	Loss    *chat.Losses
}

// Server is a dialect on the caller's side of the hub. It is safe for
// concurrent use. Refusals are written by [Refusal]; embeddings and counts are
// in [EmbeddingServer] and [CountServer].
type Server interface {
	// Decode reads a request that the gates have read already, so its JSON is
	// sound. A fault is Malformed or Unsupported, names the field in the
	// caller's words and repeats no text. Nothing of in is kept but strings.
	Decode(in *Inbound, s *wire.Scanner) (*chat.Request, error)

	// Reply appends the body of a unary reply.
	Reply(dst []byte, r *chat.Reply, a *Answering) ([]byte, error)

	// Stream begins a streamed reply.
	Stream(a *Answering) StreamEncoder

	// Fields is the dialect's table: every field of the vendor's request schema.
	Fields() Fields
}

// StreamEncoder writes events as frames of the caller's dialect. It is for one
// stream and one goroutine; it keeps nothing of an event after the call, and
// allocates nothing for a Delta but what dst needs to grow. Frames are whole
// after each call, so that they can be released. Events are legal by
// [chat.Checker].
type StreamEncoder interface {
	// Event appends the frames of an event. What completes the reply to the
	// caller (DESIGN 5) is held back; it never writes a Fail.
	Event(dst []byte, e *chat.Event) ([]byte, error)

	// Tail appends what was held back, once the outcome is durable. After a
	// stream that has not come to End it appends nothing.
	Tail(dst []byte) []byte

	// Fail appends the dialect's in-band error. Nothing follows it, no end
	// marker either.
	Fail(dst []byte, f *fault.Fault) []byte

	// KeepAlive appends what the dialect's clients pass over; nothing where
	// they pass over nothing.
	KeepAlive(dst []byte) []byte
}

// Upstream is what an encoder needs to know of an offering.
type Upstream struct {
	Model      string // the vendor's own id
	Surface    string // of the endpoint: which form of URL and body
	APIVersion string
	Project    string // Vertex
	Location   string // Vertex
	Family     string // of opaque state; state of another minter is left out and named
	Store      bool   // the row grants that the vendor keeps the reply
	AskUsage   bool   // ask for usage in a stream
	MaxTokens  int64  // the model's limit of output, for dialects that must state one; zero: not known
	Reasoning  string // how the model is told to reason: effort, budget, adaptive; empty: not known
	UnknownOK  bool   // state without a known minter may go
	MidSystem  bool   // the model takes instructions within the conversation, where not all of its dialect do
}

// Outbound is a request to a vendor, without what signs it in.
type Outbound struct {
	Method string
	Path   string // under the endpoint's URL, escaped, with its query
	Header http.Header
	Body   []byte
}

// Client is a dialect on the vendor's side of the hub. It is safe for
// concurrent use. Embeddings and counts are in [EmbeddingClient] and [CountClient].
type Client interface {
	// Encode writes a request. What the dialect cannot say is named in l, or
	// refused by l with a fault that names the field.
	Encode(r *chat.Request, to *Upstream, l *chat.Losses) (*Outbound, error)

	// Reply reads the body of a unary reply. State is minted by to.Family.
	Reply(body []byte, s *wire.Scanner, to *Upstream) (*chat.Reply, error)

	// Stream gives a decoder of a streamed reply.
	Stream(to *Upstream) StreamDecoder

	// Fault classifies a reply whose status is not 2xx, by status, headers and
	// body together (MAPPING 14): Upstream kinds with RetryAfter where the
	// vendor says it. For UpstreamRefused the message is the vendor's.
	Fault(status int, h http.Header, body []byte) *fault.Fault
}

// StreamDecoder reads a vendor's stream. Use as [wire.EventReader]: Reset,
// then Fill, Next until it gives nothing, Fill again; at io.EOF, Close. Reads
// may split the stream anywhere. Events are legal by [chat.Checker]; the
// decoder reuses one Event and its buffers, and allocates nothing for a Delta.
type StreamDecoder interface {
	// Reset begins a stream whose frames may have max bytes; buf is used for
	// as long as they fit.
	Reset(src io.Reader, buf []byte, max int)

	// Fill waits for more bytes: one read. io.EOF says that there are none left.
	Fill() error

	// Next reads the next whole frame that is held, gives its events to emit
	// and the frame as it came; nil if none is held. The frame is valid until
	// the next Fill. An error is emit's, or a fault: the stream is not what it
	// should be. What the vendor itself says it failed of is a Fail event.
	Next(emit chat.Sink) (frame []byte, err error)

	// Close gives the events that only the end of the bytes decides. A stream
	// that broke off is a fault of kind UpstreamError.
	Close(emit chat.Sink) error
}

// EmbeddingServer is a Server whose dialect has embeddings.
type EmbeddingServer interface {
	DecodeEmbed(in *Inbound, s *wire.Scanner) (*chat.EmbedRequest, error)
	EmbedReply(dst []byte, r *chat.EmbedReply, asked *chat.EmbedRequest, a *Answering) ([]byte, error)
}

// EmbeddingClient is a Client whose dialect has embeddings.
type EmbeddingClient interface {
	EncodeEmbed(r *chat.EmbedRequest, to *Upstream, l *chat.Losses) (*Outbound, error)
	EmbedReply(body []byte, s *wire.Scanner, to *Upstream) (*chat.EmbedReply, error)
}

// CountServer is a Server whose dialect counts tokens. The request is decoded
// as any other; the reply is a usage of which the prompt alone counts.
type CountServer interface {
	CountReply(dst []byte, u *chat.Usage, a *Answering) ([]byte, error)
}

// CountClient is a Client whose dialect counts tokens.
type CountClient interface {
	EncodeCount(r *chat.Request, to *Upstream, l *chat.Losses) (*Outbound, error)
	CountReply(body []byte, s *wire.Scanner) (*chat.Usage, error)
}

// Consumed is a usage as records and money count it: nil is not known.
func Consumed(u *chat.Usage) call.Usage {
	if u == nil {
		return call.Usage{}
	}
	return call.Usage{Known: true, Input: u.Prompt(), Output: u.Output, CachedInput: u.CacheRead, Reasoning: u.Reasoning}
}
