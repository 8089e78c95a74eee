package anthropic

import (
	"bytes"
	"io"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Stream implements [dialects.Client]: a decoder of server-sent events, as the
// Messages API and Vertex send them. For InvokeModel see [Events].
func (Client) Stream(to *dialects.Upstream) dialects.StreamDecoder {
	return &decoder{Events: NewEvents(to)}
}

// decoder reads events out of server-sent frames.
type decoder struct {
	*Events
	sse wire.EventReader
}

// Reset implements [dialects.StreamDecoder].
func (d *decoder) Reset(src io.Reader, buf []byte, max int) {
	d.sse.Reset(src, buf, max)
	d.Events.reset()
}

// Fill implements [dialects.StreamDecoder].
func (d *decoder) Fill() error { return d.sse.Fill() }

// Next implements [dialects.StreamDecoder].
func (d *decoder) Next(emit chat.Sink) ([]byte, error) {
	e, ok := d.sse.Next()
	if !ok {
		return nil, nil
	}
	return e.Raw, d.event(e, emit)
}

func (d *decoder) event(e wire.Event, emit chat.Sink) error {
	if len(e.Data) == 0 || string(e.Data) == "[DONE]" { // which a proxy may add
		return nil
	}
	return d.named(e.Type, e.Data, emit)
}

// Close implements [dialects.StreamDecoder]. An event whose blank line never
// came counts if it is whole otherwise.
func (d *decoder) Close(emit chat.Sink) error {
	if rest := d.sse.Rest(); len(rest) > 0 && !d.over {
		var last wire.EventReader
		last.Reset(bytes.NewReader(append(bytes.Clone(rest), "\n\n"...)), nil, len(rest)+8)
		for last.Fill() == nil {
			if e, ok := last.Next(); ok {
				if err := d.event(e, emit); err != nil {
					return err
				}
				break
			}
		}
	}
	return d.Events.Close(emit)
}

// Events reads the events of one stream, whatever frames they lie in: the JSON
// that stands in a server-sent event's data, or in a chunk of InvokeModel.
type Events struct {
	scan wire.Scanner
	msg  message
	view view

	begun, finished, over bool
	next                  int         // index of the next part
	open                  chat.Kind   // of the open part; empty: none
	at                    int64       // index of the block that is open on the wire
	input                 []byte      // of a call: what its start held
	said                  bool        // the open part had a delta
	state                 *chat.State // of the open part
	signature             []byte
	native                nativeBlock

	event  chat.Event // reused
	undone []byte     // a text with its escapes undone
}

// NewEvents begins a stream. State in it is minted by to.Family.
func NewEvents(to *dialects.Upstream) *Events {
	d := &Events{}
	d.msg.family = to.Family
	return d
}

func (d *Events) reset() {
	family := d.msg.family
	undone, signature := d.undone[:0], d.signature[:0]
	*d = Events{undone: undone, signature: signature}
	d.msg.family = family
}

// view is one event as it lies on the wire: where its members are.
type view struct {
	typ     string
	index   int64
	text    wire.Span // of the delta: what it says
	escaped bool
	member  string // its name: text, thinking, partial_json, signature
	delta   string // its type
	rest    chat.Extra
	cite    *chat.Citation
}

// eventTypes and deltaTypes give words without a copy.
var (
	eventTypes = []string{"content_block_delta", "content_block_start", "content_block_stop", "message_start", "message_delta", "message_stop", "ping", "error"}
	deltaTypes = []string{"text_delta", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta", "compaction_delta"}
	deltaTexts = []string{"text", "partial_json", "thinking", "signature"}
)

// among gives the word that b is, without a copy; empty if it is none of them.
func among(words []string, b []byte) string {
	for _, w := range words {
		if string(b) == w {
			return w
		}
	}
	return ""
}

// Read gives the events of one event's JSON. An error is emit's, or a fault:
// the stream is not what it should be.
func (d *Events) Read(data []byte, emit chat.Sink) error { return d.named(nil, data, emit) }

// named reads an event; its name counts where its JSON says no type.
func (d *Events) named(event, data []byte, emit chat.Sink) error {
	if d.over {
		return nil
	}
	s := &d.scan
	s.Reset(data)
	s.Lenient = true
	v := &d.view
	*v = view{rest: v.rest[:0]}
	var start *block // not a value: it would be one allocation for each delta
	var failed *vendorError
	if s.Object() {
		for n := s.Name(); n != nil; n = s.Name() {
			kind := s.Next()
			switch string(n) {
			case "type":
				v.typ = among(eventTypes, wordOf(s))
			case "index":
				v.index = integerAt(s)
			case "delta":
				d.delta(s, kind)
			case "content_block":
				if kind == wire.Object {
					start = new(block)
					start.read(s)
				} else {
					s.Skip()
				}
			case "message":
				d.message(s, kind)
			case "usage":
				d.msg.tally.count(s)
			case "error":
				if failed = new(vendorError); kind == wire.Object {
					failed.inner(s)
				} else {
					s.Skip()
				}
			default:
				d.msg.outcome(s, string(n), &v.rest)
			}
		}
	}
	if err := s.End(); err != nil {
		return broken("The vendor sent an event that is not a JSON object.").Because(err)
	}
	if v.typ == "" {
		v.typ = among(eventTypes, event)
	}
	if failed != nil || v.typ == "error" {
		return d.fail(failed, emit)
	}
	return d.step(start, emit)
}

func broken(message string) *fault.Fault { return fault.New(fault.UpstreamError, "%s", message) }

// wordOf reads a string that has no escapes where it matters.
func wordOf(s *wire.Scanner) []byte {
	if s.Next() != wire.String {
		s.Skip()
		return nil
	}
	span, _, ok := s.Text()
	if !ok {
		return nil
	}
	return s.Slice(span)
}

// integerAt reads a small whole number without a copy; anything else is -1.
func integerAt(s *wire.Scanner) int64 {
	n := int64(0)
	b := s.Slice(s.Skip())
	if len(b) == 0 || len(b) > 9 {
		return -1
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

// delta reads what a delta says: more of a block, or the end of a message.
func (d *Events) delta(s *wire.Scanner, kind wire.Kind) {
	if kind != wire.Object {
		s.Skip()
		return
	}
	v := &d.view
	s.Object()
	for n := s.Name(); n != nil; n = s.Name() {
		kind := s.Next()
		if member := among(deltaTexts, n); member != "" && kind == wire.String {
			v.member = member
			v.text, v.escaped, _ = s.Text()
			continue
		}
		switch {
		case kind == wire.Null:
			s.Skip()
		case string(n) == "type":
			v.delta = among(deltaTypes, wordOf(s))
		case string(n) == "citation":
			v.cite = citation(s)
		case string(n) == "estimated_tokens":
			s.Skip() // of a thought that is not shown; the usage counts it
		default:
			d.msg.outcome(s, string(n), &v.rest)
		}
	}
}

// message reads message_start. What a second one says, as some proxies send
// it, counts for the usage alone.
func (d *Events) message(s *wire.Scanner, kind wire.Kind) {
	if kind != wire.Object {
		s.Skip()
		return
	}
	s.Object()
	for n := s.Name(); n != nil; n = s.Name() {
		switch {
		case string(n) == "usage":
			d.msg.tally.count(s)
		case d.begun || string(n) == "content":
			s.Skip()
		default:
			d.msg.member(s, string(n))
		}
	}
}

// say gives an event; what it points to is the decoder's.
func (d *Events) say(e chat.Event, emit chat.Sink) error {
	d.event = e
	return emit(&d.event)
}

func (d *Events) fail(e *vendorError, emit chat.Sink) error {
	if e == nil {
		e = &vendorError{}
	}
	d.over = true
	return d.say(chat.Event{Kind: chat.Fail, Fault: inBand(*e)}, emit)
}

// Close gives nothing: a stream that has not come to message_stop broke off.
func (d *Events) Close(chat.Sink) error {
	if d.over {
		return nil
	}
	return broken("The vendor's stream broke off before its end.")
}
