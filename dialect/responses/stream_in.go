package responses

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Stream implements [dialects.Client].
func (Client) Stream(to *dialects.Upstream) dialects.StreamDecoder {
	return &streamDecoder{family: to.Family}
}

// streamDecoder reads a vendor's stream. The item that is open is streamed on
// as it comes; what comes of others meanwhile is taken from them when they are
// whole, in their order.
type streamDecoder struct {
	family string
	events wire.EventReader
	max    int
	scan   wire.Scanner
	frame  frame
	emit   chat.Sink
	event  chat.Event
	text   []byte // scratch: a delta with its escapes undone

	begun, over bool
	answer      answer
	next        int // index of the next part
	index       int // of the item that is open
	items       int // that have come
	item        liveItem
	waiting     []waitingItem
	held        int // bytes of waiting items
}

// liveItem is the item whose pieces are streamed on.
type liveItem struct {
	open  bool
	id    string
	kind  chat.Kind // text (also of a refusal), reasoning or tool_call
	call  chat.ToolCall
	extra chat.Extra
	// The open part: its place among the entries of its kind, whether it is a
	// summary or a refusal, and what of it has gone on.
	part    bool
	entry   int64
	inside  bool // of a reasoning item's content
	refusal bool
	sent    int
	notes   int
	probs   int
	parts   int // parts of this item so far
}

// waitingItem is an item that is whole, or began while another was open.
type waitingItem struct {
	index int
	raw   chat.Raw // nil: not whole yet
}

// Reset implements [dialects.StreamDecoder].
func (d *streamDecoder) Reset(src io.Reader, buf []byte, max int) {
	d.events.Reset(src, buf, max)
	*d = streamDecoder{family: d.family, events: d.events, max: max, text: d.text[:0]}
}

// Fill implements [dialects.StreamDecoder].
func (d *streamDecoder) Fill() error { return d.events.Fill() }

// Next implements [dialects.StreamDecoder].
func (d *streamDecoder) Next(emit chat.Sink) ([]byte, error) {
	e, ok := d.events.Next()
	if !ok {
		return nil, nil
	}
	d.emit = emit
	if e.Data == nil || d.over || string(e.Data) == "[DONE]" {
		return e.Raw, nil
	}
	if err := d.frame.read(&d.scan, e.Data); err != nil {
		return e.Raw, fault.New(fault.UpstreamError, "The vendor sent an event that is not a JSON object.").Because(err)
	}
	if d.frame.typ == kindNone {
		d.frame.typ = kindOf(e.Type)
	}
	return e.Raw, d.take(&d.frame)
}

// Close implements [dialects.StreamDecoder]. Only the last event of a reply
// says that it is whole.
func (d *streamDecoder) Close(chat.Sink) error {
	if d.over {
		return nil
	}
	return fault.New(fault.UpstreamError, "The vendor's stream broke off.")
}

// say emits an event that the open choice has.
func (d *streamDecoder) say(e chat.Event) error {
	d.event = e
	return d.emit(&d.event)
}

// take reads one event of the stream.
func (d *streamDecoder) take(f *frame) error {
	switch f.typ {
	case kindError:
		return d.fail(f.errorObject())
	case kindCreated, kindEnd:
		return d.lifecycle(f)
	case kindOther:
		return nil
	}
	if !d.begun { // a server that sends no response.created
		if err := d.begin(&replyJSON{}); err != nil {
			return err
		}
	}
	switch f.typ {
	case kindItemAdded:
		return d.added(f)
	case kindItemDone:
		return d.done(f)
	}
	if !d.item.open || f.index != d.index {
		return nil // of an item that is taken whole
	}
	switch f.typ {
	case kindTextDelta, kindRefusalDelta, kindThoughtDelta, kindSummaryDelta:
		return d.delta(f)
	case kindInputDelta:
		if d.item.kind != chat.KindCall {
			return nil
		}
		return d.piece(f)
	case kindPartAdded, kindSummaryAdded:
		p, _ := f.content()
		return d.openPart(f.entry, f.typ == kindPartAdded, p.Type == "refusal")
	case kindPartDone:
		return d.partDone(f)
	case kindNote:
		return d.note(f)
	}
	return nil
}

// lifecycle reads an event that holds the reply.
func (d *streamDecoder) lifecycle(f *frame) error {
	var doc replyJSON
	if len(f.response) > 0 {
		if err := json.Unmarshal(f.response, &doc, lenient); err != nil {
			return fault.New(fault.UpstreamError, "The vendor sent a reply that cannot be read.").Because(err)
		}
	}
	if !d.begun {
		if err := d.begin(&doc); err != nil {
			return err
		}
	}
	if f.typ != kindEnd {
		return nil
	}
	return d.finish(f, &doc)
}

func (d *streamDecoder) begin(doc *replyJSON) error {
	d.begun = true
	d.answer.seed = doc.ID
	tier := doc.Tier
	if tier == "auto" { // what was asked; the reply's own is told at its end
		tier = ""
	}
	return d.say(chat.Event{Kind: chat.Begin, Head: &chat.Head{ID: doc.ID, Model: doc.Model, Created: doc.created(), Tier: tier}})
}

// finish reads the last event: what has not come before it, why it ends, what
// was consumed.
func (d *streamDecoder) finish(f *frame, doc *replyJSON) error {
	if doc.Status == "" || doc.Status == "in_progress" {
		doc.Status = f.ends
	}
	if doc.Status == "failed" || doc.Status == "cancelled" || doc.Error != nil && doc.Status != "completed" && doc.Status != "incomplete" {
		return d.fail(doc.Error)
	}
	if err := d.closeItem(nil); err != nil {
		return err
	}
	for _, w := range d.waiting {
		if w.raw == nil {
			if d.items >= len(doc.Output) {
				return fault.New(fault.UpstreamError, "The vendor's reply ended before one of its items did.")
			}
			w.raw = doc.Output[d.items]
		}
		if err := d.wholeItem(w.raw); err != nil {
			return err
		}
	}
	d.waiting = nil
	for d.items < len(doc.Output) { // items that only the last event has
		if err := d.wholeItem(doc.Output[d.items]); err != nil {
			return err
		}
	}
	ending, err := doc.ending(&d.answer)
	if err != nil {
		return err
	}
	ending.Extra = replyExtras(doc.Rest)
	if err := d.say(chat.Event{Kind: chat.Finish, Ending: &ending}); err != nil {
		return err
	}
	if u := doc.Usage.usage(); u != nil {
		if err := d.say(chat.Event{Kind: chat.Count, Usage: u}); err != nil {
			return err
		}
	}
	d.over = true
	return d.say(chat.Event{Kind: chat.End})
}

// fail tells what the vendor says it failed of.
func (d *streamDecoder) fail(e *errorJSON) error {
	d.over = true
	return d.say(chat.Event{Kind: chat.Fail, Fault: inBand(e)})
}

// added reads the beginning of an item. Only one is open; what cannot be
// streamed on waits until it is whole.
func (d *streamDecoder) added(f *frame) error {
	if d.item.open || len(d.waiting) > 0 {
		return d.wait(f.index)
	}
	var it itemJSON
	if json.Unmarshal(f.item, &it, lenient) != nil {
		return d.wait(f.index)
	}
	live := liveItem{open: true, id: it.ID, extra: it.extra()}
	switch {
	case it.Type == "message" && (it.Role == "" || it.Role == string(chat.Assistant)):
		live.kind = chat.KindText
	case it.Type == "reasoning":
		live.kind = chat.KindReasoning
	case (it.Type == "function_call" || it.Type == "custom_tool_call") && it.Name != "":
		live.kind = chat.KindCall
		live.call = chat.ToolCall{ID: d.answer.callID(it.CallID), Name: it.Name, Custom: it.Type == "custom_tool_call"}
	default:
		return d.wait(f.index)
	}
	d.item, d.index = live, f.index
	if live.kind != chat.KindCall {
		return nil
	}
	d.answer.called = true
	return d.start(chat.Part{Content: live.call, Item: live.id, Extra: live.extra})
}

// start opens a part.
func (d *streamDecoder) start(p chat.Part) error {
	d.item.part, d.item.sent, d.item.notes, d.item.probs = true, 0, 0, 0
	d.item.parts++
	if d.item.parts > 1 {
		p.Extra = nil
	}
	d.next++
	return d.say(chat.Event{Kind: chat.Start, Index: d.next - 1, Part: &p})
}

// openPart opens a part of the open item, after the one before it is shut.
func (d *streamDecoder) openPart(entry int64, inside, refusal bool) error {
	if err := d.shutPart(nil); err != nil {
		return err
	}
	d.item.entry, d.item.inside, d.item.refusal = entry, inside, refusal
	p := chat.Part{Item: d.item.id, Extra: d.item.extra}
	switch {
	case d.item.kind == chat.KindReasoning:
		p.Content = chat.Reasoning{Summary: !inside}
	case d.item.kind != chat.KindText:
		return nil
	case refusal:
		d.answer.refused = true
		p.Content = chat.Refusal{}
	default:
		p.Content = chat.Text{}
	}
	return d.start(p)
}

// shutPart ends the open part, with the state that it bears.
func (d *streamDecoder) shutPart(s *chat.State) error {
	if !d.item.part {
		return nil
	}
	if s != nil {
		if err := d.say(chat.Event{Kind: chat.Seal, Index: d.next - 1, State: s}); err != nil {
			return err
		}
	}
	d.item.part = false
	return d.say(chat.Event{Kind: chat.Stop, Index: d.next - 1})
}

// delta reads a piece of a text. A server may leave out the event that begins
// its part.
func (d *streamDecoder) delta(f *frame) error {
	it := &d.item
	if it.kind != chat.KindText && it.kind != chat.KindReasoning {
		return nil
	}
	inside, refusal := f.typ != kindSummaryDelta, f.typ == kindRefusalDelta
	if !it.part || it.entry != f.entry || it.kind == chat.KindReasoning && it.inside != inside || it.refusal != refusal {
		if err := d.openPart(f.entry, inside, refusal); err != nil {
			return err
		}
	}
	if err := d.piece(f); err != nil || len(f.logprobs) == 0 {
		return err
	}
	return d.tokens(f.logprobs)
}

// piece sends a delta on.
func (d *streamDecoder) piece(f *frame) error {
	d.text = f.unescaped(d.text[:0])
	return d.pieceOf(d.text)
}

func (d *streamDecoder) pieceOf(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	d.item.sent += len(text)
	d.event = chat.Event{Kind: chat.Delta, Index: d.next - 1, Bytes: text}
	return d.emit(&d.event)
}

// tokens sends log probabilities on.
func (d *streamDecoder) tokens(raw []byte) error {
	if len(bytes.Trim(raw, "[] \t\r\n")) == 0 {
		return nil
	}
	var list []logprobJSON
	if err := json.Unmarshal(raw, &list, lenient); err != nil || len(list) == 0 {
		return nil // the text counts, and has gone on
	}
	d.item.probs += len(list)
	return d.say(chat.Event{Kind: chat.Tokens, Index: d.next - 1, Logprobs: logprobs(list)})
}

// note reads a source of the open text.
func (d *streamDecoder) note(f *frame) error {
	if d.item.kind != chat.KindText || !d.item.part || d.item.refusal || len(f.annotation) == 0 || f.annotation[0] != '{' {
		return nil
	}
	d.item.notes++
	c := citation(f.annotation)
	return d.say(chat.Event{Kind: chat.Cite, Index: d.next - 1, Citation: &c})
}
