package chat

import "bulkhead/fault"

// Event is one step of a reply as it comes. Only the fields that its Kind
// names are set; Choice is that of every event of a choice.
//
// The grammar, which a [Checker] holds everyone to:
//
//	reply  = Begin { Count | choice } ( End | Fail ) | Fail
//	choice = { part } Finish            events of several choices may mix
//	part   = Start { Delta | Speech | Seal | Cite | Tokens } Stop
//
// Within a choice one part is open at a time, and parts are numbered 0, 1, 2…
// in order of Start; at End the choices are 0, 1, 2… and each has finished.
// A Count replaces the one before it. Where a wire interleaves the pieces of
// parallel calls its decoder puts them in order.
//
// An Event and all it points to are valid until the [Sink] returns, and are
// not changed by it: decoders reuse one Event and one buffer for a whole
// stream, so that a Delta costs no allocation.
type Event struct {
	Kind   EventKind
	Choice int
	Index  int    // Start to Stop: of the part
	Bytes  []byte // Delta, Speech: never empty, whole characters

	Head     *Head        // Begin
	Part     *Part        // Start: the part as far as it is known, without what deltas bring
	State    *State       // Seal: at most once in a part, whole
	Citation *Citation    // Cite: in a Text
	Logprobs []Logprob    // Tokens: in a Text or Refusal
	Ending   *Ending      // Finish
	Usage    *Usage       // Count: all that is known so far
	Fault    *fault.Fault // Fail
}

// EventKind is the kind of an event.
type EventKind uint8

// The kinds of event.
const (
	Begin  EventKind = iota + 1
	Start            // a part begins: Text, Reasoning, ToolCall, Refusal, Media or Native
	Delta            // more of the part: text, arguments, base64, or a Native's JSON
	Speech           // more of a Media part's transcript
	Seal             // the part's opaque state
	Cite             // a source of the part's text
	Tokens           // log probabilities of the part's tokens
	Stop             // the part is whole
	Finish           // the choice is whole
	Count            // usage so far
	End              // the reply is whole
	Fail             // the vendor failed; nothing follows
)

var eventNames = [...]string{"no event", "begin", "start", "delta", "speech", "seal", "cite", "tokens", "stop", "finish", "count", "end", "fail"}

// String names the kind, as canonical JSON has it.
func (k EventKind) String() string {
	if int(k) >= len(eventNames) {
		k = 0
	}
	return eventNames[k]
}

// Head is what is known of a reply before its first content.
type Head struct {
	ID          string `json:"id,omitzero"`
	Model       string `json:"model,omitzero"`
	Created     int64  `json:"created,omitzero"`
	Tier        string `json:"service_tier,omitzero"`
	Fingerprint string `json:"fingerprint,omitzero"`
	Extra       Extra  `json:"extra,omitempty"`
}

// Sink takes events in order. An error ends the stream: whoever produces the
// events stops and returns it. The event is the producer's; what is kept of it
// is copied ([Event.Clone]).
type Sink func(*Event) error

// Content reports whether the event is content to the caller: the first that
// is binds the reply to the offering that gave it.
func (e *Event) Content() bool {
	switch e.Kind {
	case Delta, Speech, Finish, Seal:
		return true
	case Start:
		_, call := e.Part.Content.(ToolCall)
		return call
	}
	return false
}

// Clone copies the event's bytes; what it points to is shared.
func (e *Event) Clone() Event {
	c := *e
	c.Bytes = append([]byte(nil), e.Bytes...)
	return c
}
