package bedrock

import (
	"encoding/base64"
	"io"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Stream implements dialect.Client.
func (Client) Stream(to *dialects.Upstream) dialects.StreamDecoder {
	return &streamDecoder{family: to.Family}
}

// streamDecoder reads the frames of ConverseStream. Text and reasoning begin
// without a start of their own, and the ends of blocks may be missing: a delta
// of another block, or the end of the message, ends the one that is open.
type streamDecoder struct {
	frames wire.FrameReader
	scan   wire.Scanner
	family string

	event   chat.Event
	text    []byte // scratch: a string with its escapes undone
	begun   bool
	stopped bool // messageStop has come
	counted bool // metadata has come
	over    bool

	index int // of the next part
	block int64
	kind  blockKind // of the open block
	calls map[string]bool
	seal  sealing
	blob  []byte      // arguments of a hosted call, or bytes of a picture that make no whole base64 yet
	whole chat.Native // the open block is one of Bedrock's own
	value []byte
}

// sealing is the state of the open reasoning, as far as it has come.
type sealing struct {
	kind    chat.StateKind // empty: none
	blob    []byte
	decoded bool // blob is no base64: pieces, each whole in itself, were put together
}

// maxHeld bounds what is held of one block until it is whole.
const maxHeld = 32 << 20

type blockKind uint8

const (
	noBlock blockKind = iota
	textBlock
	reasoningBlock
	toolBlock
	imageBlock
	ownTool   // a call of a hosted tool
	ownResult // what a hosted tool gave back
)

// Reset implements dialect.StreamDecoder.
func (d *streamDecoder) Reset(src io.Reader, buf []byte, max int) {
	d.frames.Reset(src, buf, max)
	d.begun, d.stopped, d.counted, d.over = false, false, false, false
	d.index, d.kind, d.calls, d.blob, d.value = 0, noBlock, nil, d.blob[:0], d.value[:0]
	d.seal = sealing{blob: d.seal.blob[:0]}
}

// Fill implements dialect.StreamDecoder.
func (d *streamDecoder) Fill() error { return d.frames.Fill() }

// Next implements dialect.StreamDecoder.
func (d *streamDecoder) Next(emit chat.Sink) ([]byte, error) {
	f, ok, err := d.frames.Next()
	switch {
	case err != nil:
		return nil, unreadable(err)
	case !ok:
		return nil, nil
	}
	if err := d.frame(&f, emit); err != nil {
		return f.Raw, err
	}
	if len(d.value)+len(d.blob)+len(d.seal.blob) > maxHeld {
		return f.Raw, fault.New(fault.UpstreamError, "The vendor's stream has a block that is too large.")
	}
	return f.Raw, nil
}

// Close implements dialect.StreamDecoder.
func (d *streamDecoder) Close(chat.Sink) error {
	switch {
	case d.over:
		return nil
	case len(d.frames.Rest()) > 0:
		return fault.New(fault.UpstreamError, "The vendor's stream broke off within a frame.")
	}
	return fault.New(fault.UpstreamError, "The vendor's stream broke off.")
}

// failure gives the failure that a frame tells of; nil if it is an event.
func failure(f *wire.Frame) *fault.Fault {
	switch string(f.Text(":message-type")) {
	case "exception":
		message := peek(f.Payload, "message")
		return failed(string(f.Text(":exception-type")), message)
	case "error":
		return failed(string(f.Text(":error-code")), string(f.Text(":error-message")))
	}
	return nil
}

func (d *streamDecoder) frame(f *wire.Frame, emit chat.Sink) error {
	if bad := failure(f); bad != nil {
		if d.over {
			return nil
		}
		d.over = true
		return emit(chatFail(bad))
	}
	if d.over {
		return nil // the reply is whole; what new kinds of frame may follow changes nothing
	}
	s := &d.scan
	s.Reset(f.Payload)
	s.Lenient = true
	var err error
	switch string(f.Text(":event-type")) {
	case "messageStart":
		err = d.begin(emit)
		s.Skip()
	case "contentBlockStart":
		err = d.start(emit)
	case "contentBlockDelta":
		err = d.delta(emit)
	case "contentBlockStop":
		err = d.stop(emit)
	case "messageStop":
		err = d.finish(emit)
	case "metadata":
		err = d.metadata(emit)
	default:
		return nil // of a kind that came later; padding and the like
	}
	if err != nil {
		return err
	}
	if end := s.End(); end != nil {
		return unreadable(end)
	}
	return nil
}

// order is the fault of a frame that may not come where it does.
func order() error {
	return fault.New(fault.UpstreamError, "The vendor's stream is out of order.")
}

func (d *streamDecoder) begin(emit chat.Sink) error {
	if d.begun {
		return order()
	}
	d.begun = true
	return emit(&chat.Event{Kind: chat.Begin, Head: &chat.Head{}})
}

// say emits an event of the open part.
func (d *streamDecoder) say(emit chat.Sink, k chat.EventKind, bytes []byte) error {
	d.event = chat.Event{Kind: k, Index: d.index - 1, Bytes: bytes}
	return emit(&d.event)
}

// open begins a part.
func (d *streamDecoder) open(emit chat.Sink, block int64, kind blockKind, c chat.Content) error {
	if err := d.close(emit); err != nil {
		return err
	}
	d.block, d.kind = block, kind
	if c == nil {
		return nil
	}
	d.index++
	d.event = chat.Event{Kind: chat.Start, Index: d.index - 1, Part: &chat.Part{Content: c}}
	return emit(&d.event)
}

// close ends the open part.
func (d *streamDecoder) close(emit chat.Sink) error {
	kind := d.kind
	d.kind = noBlock
	switch kind {
	case noBlock:
		return nil
	case ownTool, ownResult:
		if kind == ownTool {
			d.ownCall()
		} else {
			d.value = append(d.value, "]}"...)
		}
		d.index++
		d.event = chat.Event{Kind: chat.Start, Index: d.index - 1, Part: &chat.Part{Content: d.whole}}
		if err := emit(&d.event); err != nil {
			return err
		}
		if err := d.say(emit, chat.Delta, d.value); err != nil {
			return err
		}
	case imageBlock:
		if len(d.blob) > 0 {
			if err := d.say(emit, chat.Delta, base64.StdEncoding.AppendEncode(nil, d.blob)); err != nil {
				return err
			}
			d.blob = d.blob[:0]
		}
	case reasoningBlock:
		if state := d.sealed(); state != nil {
			d.event = chat.Event{Kind: chat.Seal, Index: d.index - 1, State: state}
			if err := emit(&d.event); err != nil {
				return err
			}
		}
	}
	return d.say(emit, chat.Stop, nil)
}

// ownCall makes the value of a hosted call whole: its input came as text.
func (d *streamDecoder) ownCall() {
	input, _ := chat.ToolCall{Arguments: string(d.blob)}.Object()
	d.value = append(append(append(d.value, `,"input":`...), input...), '}')
}

// members reads an object of the frame; read must read the value.
func (d *streamDecoder) members(read func(name []byte, kind wire.Kind) error) error {
	s := &d.scan
	if s.Next() != wire.Object {
		s.Skip()
		return nil
	}
	s.Object()
	for n := s.Name(); n != nil; n = s.Name() {
		if err := read(n, s.Next()); err != nil {
			return err
		}
	}
	return nil
}

// str reads a string; what is none is empty. It is valid until the next.
func (d *streamDecoder) str(kind wire.Kind) []byte {
	if kind != wire.String {
		d.scan.Skip()
		return nil
	}
	span, escaped, _ := d.scan.Text()
	raw := d.scan.Slice(span)
	if !escaped {
		return raw
	}
	d.text = wire.Unescape(d.text[:0], raw)
	return d.text
}

// number reads an index or count.
func (d *streamDecoder) number(kind wire.Kind) (int64, bool) {
	raw := d.scan.Slice(d.scan.Skip())
	if kind != wire.Number || len(raw) == 0 || len(raw) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range raw {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}

func (d *streamDecoder) stop(emit chat.Sink) error {
	block := int64(-1)
	err := d.members(func(n []byte, kind wire.Kind) error {
		if string(n) == "contentBlockIndex" {
			block, _ = d.number(kind)
			return nil
		}
		d.scan.Skip()
		return nil
	})
	if err == nil && d.kind != noBlock && block == d.block {
		return d.close(emit)
	}
	return err // of a block that said nothing, or has ended already
}

func (d *streamDecoder) finish(emit chat.Sink) error {
	if !d.begun || d.stopped {
		return order()
	}
	if err := d.close(emit); err != nil {
		return err
	}
	d.stopped = true
	var ending chat.Ending
	if err := d.members(func(n []byte, kind wire.Kind) error {
		switch string(n) {
		case "stopReason":
			ending.Said = string(d.str(kind))
			ending.Reason = reasonOf(ending.Said)
		case "additionalModelResponseFields":
			ending.Extra = d.keep(ending.Extra, string(n))
		default:
			d.scan.Skip()
		}
		return nil
	}); err != nil {
		return err
	}
	if ending.Reason == "" || d.scan.Failed() {
		return unreadable(d.scan.End())
	}
	if err := emit(&chat.Event{Kind: chat.Finish, Ending: &ending}); err != nil {
		return err
	}
	return d.end(emit)
}

// keep reads a field of Bedrock's own.
func (d *streamDecoder) keep(x chat.Extra, field string) chat.Extra {
	raw := d.scan.Slice(d.scan.Skip())
	return append(x, chat.Field{Dialect: name, Name: field, Value: append(chat.Raw(nil), raw...)})
}

// metadata reads the last frame: what was used, and what stands beside.
func (d *streamDecoder) metadata(emit chat.Sink) error {
	if !d.begun || d.counted {
		return order()
	}
	d.counted = true
	var u *chat.Usage
	var x chat.Extra
	if err := d.members(func(n []byte, kind wire.Kind) error {
		switch string(n) {
		case "usage":
			// The same reader as of a unary reply, on the same scanner.
			of := decoder{s: &d.scan}
			u = of.usage()
		case "metrics", "trace", "performanceConfig", "serviceTier":
			x = d.keep(x, string(n))
		default:
			d.scan.Skip()
		}
		return nil
	}); err != nil {
		return err
	}
	if d.scan.Failed() {
		return nil // its end says so
	}
	if u != nil {
		u.Extra = x
		if err := emit(&chat.Event{Kind: chat.Count, Usage: u}); err != nil {
			return err
		}
	}
	return d.end(emit)
}

// end ends the reply when both its last frames have come.
func (d *streamDecoder) end(emit chat.Sink) error {
	if !d.stopped || !d.counted {
		return nil
	}
	d.over = true
	return emit(&chat.Event{Kind: chat.End})
}

// vouch adds a piece to the state of the open reasoning.
func (d *streamDecoder) vouch(kind chat.StateKind, piece []byte) error {
	seal := &d.seal
	switch {
	case seal.kind == "":
		seal.kind = kind
		seal.blob = append(seal.blob[:0], piece...)
		return nil
	case seal.kind != kind:
		return order()
	case kind == chat.SignedText:
		seal.blob = append(seal.blob, piece...)
		return nil
	}
	var err error
	if !seal.decoded {
		seal.decoded = true
		seal.blob, err = base64.StdEncoding.AppendDecode(nil, seal.blob)
	}
	if err == nil {
		seal.blob, err = base64.StdEncoding.AppendDecode(seal.blob, piece)
	}
	if err != nil {
		return unreadable(err)
	}
	return nil
}

// sealed gives the state of the reasoning that ends; nil if it has none.
func (d *streamDecoder) sealed() *chat.State {
	seal := d.seal
	d.seal = sealing{blob: seal.blob[:0]}
	if seal.kind == "" {
		return nil
	}
	s := &chat.State{Kind: seal.kind, Minter: d.family, Blob: string(seal.blob)}
	if seal.decoded {
		s.Blob = base64.StdEncoding.EncodeToString(seal.blob)
	}
	return s
}
