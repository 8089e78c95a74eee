package anthropic

import (
	"slices"

	"bulkhead/chat"
	"bulkhead/wire"
)

// step turns an event that was read into events of the hub.
func (d *Events) step(b *block, emit chat.Sink) error {
	v := &d.view
	switch v.typ {
	case "ping", "":
		return nil // and types that are not known, which Anthropic may add
	case "message_start":
		return d.start(emit)
	}
	if !d.begun {
		return broken("The vendor's stream does not begin with message_start.")
	}
	switch v.typ {
	case "content_block_start":
		if d.finished {
			return broken("The vendor sent a block after the end of its message.")
		}
		if err := d.stopPart(emit); err != nil { // whose stop never came
			return err
		}
		return d.startPart(b, emit)
	case "content_block_delta":
		if d.open == "" || v.index != d.at {
			return broken("The vendor sent a piece of a block that is not open.")
		}
		return d.piece(emit)
	case "content_block_stop":
		return d.stopPart(emit)
	case "message_delta":
		return d.outcome(emit)
	}
	if err := d.finish(emit); err != nil { // message_stop
		return err
	}
	d.over = true
	return d.say(chat.Event{Kind: chat.End}, emit)
}

func (d *Events) start(emit chat.Sink) error {
	if !d.begun {
		d.begun = true
		h := d.msg.head
		h.Tier = d.msg.tally.tier
		if err := d.say(chat.Event{Kind: chat.Begin, Head: &h}, emit); err != nil {
			return err
		}
	}
	return d.count(emit)
}

func (d *Events) count(emit chat.Sink) error {
	u := d.msg.tally.usage()
	if u == nil {
		return nil
	}
	return d.say(chat.Event{Kind: chat.Count, Usage: u}, emit)
}

// startPart begins a part. A block that only this dialect knows is gathered
// and given whole when it stops.
func (d *Events) startPart(b *block, emit chat.Sink) error {
	if b == nil || b.whole == nil {
		return broken("The vendor began a block without saying what it is.")
	}
	d.at, d.said, d.state, d.signature, d.input = d.view.index, false, nil, d.signature[:0], d.input[:0]
	var content chat.Content
	var first []byte
	switch b.typ {
	case "text":
		content, first = chat.Text{}, []byte(b.text)
	case "thinking":
		content, first = chat.Reasoning{}, []byte(b.thinking)
		d.signature = append(d.signature, b.signature...)
	case "redacted_thinking":
		content = chat.Reasoning{}
		if b.data != "" {
			d.state = &chat.State{Kind: chat.Redacted, Blob: b.data, Minter: d.msg.family}
		}
	case "tool_use":
		if b.name == "" {
			return broken("The vendor sent a call that names no tool.")
		}
		content = chat.ToolCall{ID: d.msg.callID(b.id, d.next), Name: b.name}
		d.input = append(d.input, compact(b.input)...)
	default:
		d.open = chat.KindNative
		d.native.start(b)
		return nil
	}
	d.open = content.Kind()
	extra := slices.Clone(b.extra)
	if err := d.say(chat.Event{Kind: chat.Start, Index: d.next, Part: &chat.Part{Content: content, Extra: extra}}, emit); err != nil {
		return err
	}
	if len(first) > 0 {
		d.said = true
		if err := d.say(chat.Event{Kind: chat.Delta, Index: d.next, Bytes: first}, emit); err != nil {
			return err
		}
	}
	for i := range b.citations {
		if d.open != chat.KindText {
			break
		}
		if err := d.say(chat.Event{Kind: chat.Cite, Index: d.next, Citation: &b.citations[i]}, emit); err != nil {
			return err
		}
	}
	return nil
}

// piece gives more of the open part.
func (d *Events) piece(emit chat.Sink) error {
	v := &d.view
	says := d.scan.Slice(v.text)
	if v.escaped {
		d.undone = wire.Unescape(d.undone[:0], says)
		says = d.undone
	}
	if d.open == chat.KindNative {
		d.native.piece(v, says)
		return nil
	}
	fits := false
	switch v.member {
	case "text":
		fits = d.open == chat.KindText
	case "thinking":
		fits = d.open == chat.KindReasoning
	case "partial_json":
		fits = d.open == chat.KindCall
	case "signature":
		if d.open == chat.KindReasoning {
			d.signature = append(d.signature, says...)
			return nil
		}
	case "":
		if v.cite != nil && d.open == chat.KindText {
			return d.say(chat.Event{Kind: chat.Cite, Index: d.next, Citation: v.cite}, emit)
		}
		return nil // a type of delta that is not known
	}
	if !fits {
		return broken("The vendor sent a piece that does not go with its block.")
	}
	if len(says) == 0 {
		return nil
	}
	d.said = true
	d.event = chat.Event{Kind: chat.Delta, Index: d.next, Bytes: says}
	return emit(&d.event)
}

// stopPart ends the part that is open; there may be none.
func (d *Events) stopPart(emit chat.Sink) error {
	switch d.open {
	case "":
		return nil
	case chat.KindNative:
		if err := d.giveNative(emit); err != nil {
			return err
		}
	case chat.KindCall:
		// Arguments may have come with the start, or not at all: those of a
		// tool without any.
		if !d.said {
			if err := d.say(chat.Event{Kind: chat.Delta, Index: d.next, Bytes: d.input}, emit); err != nil {
				return err
			}
		}
	case chat.KindReasoning:
		if len(d.signature) > 0 && d.state == nil {
			d.state = &chat.State{Kind: chat.SignedText, Blob: string(d.signature), Minter: d.msg.family}
		}
		if d.state != nil {
			if err := d.say(chat.Event{Kind: chat.Seal, Index: d.next, State: d.state}, emit); err != nil {
				return err
			}
		}
	}
	err := d.say(chat.Event{Kind: chat.Stop, Index: d.next}, emit)
	d.open = ""
	d.next++
	return err
}

// giveNative gives a block that was gathered.
func (d *Events) giveNative(emit chat.Sink) error {
	part := &chat.Part{Content: chat.Native{Dialect: name, Type: d.native.typ}}
	if err := d.say(chat.Event{Kind: chat.Start, Index: d.next, Part: part}, emit); err != nil {
		return err
	}
	return d.say(chat.Event{Kind: chat.Delta, Index: d.next, Bytes: d.native.whole()}, emit)
}

// outcome reads message_delta: why the reply ends, and what it cost.
func (d *Events) outcome(emit chat.Sink) error {
	for _, f := range d.view.rest {
		put(&d.msg.end, f)
	}
	if d.msg.said != "" {
		if err := d.finish(emit); err != nil {
			return err
		}
	}
	return d.count(emit)
}

// finish gives the ending, once.
func (d *Events) finish(emit chat.Sink) error {
	if d.finished {
		return nil
	}
	if err := d.stopPart(emit); err != nil {
		return err
	}
	d.finished = true
	e := d.msg.ending()
	return d.say(chat.Event{Kind: chat.Finish, Ending: &e}, emit)
}
