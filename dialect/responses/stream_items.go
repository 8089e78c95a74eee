package responses

import (
	"slices"

	"github.com/go-json-experiment/json"

	"bulkhead/chat"
	"bulkhead/fault"
)

// partDone reads the end of a content part: what of it has not come in pieces.
// A summary's end is passed over, since its item's state may belong to it.
func (d *streamDecoder) partDone(f *frame) error {
	it := &d.item
	if it.kind != chat.KindText {
		return nil
	}
	p, ok := f.content()
	if !ok {
		return d.shutPart(nil)
	}
	if !it.part || it.entry != f.entry {
		if it.parts > int(f.entry) {
			return nil // shut already
		}
		if err := d.openPart(f.entry, true, p.Type == "refusal"); err != nil {
			return err
		}
	}
	if err := d.rest(&p); err != nil {
		return err
	}
	return d.shutPart(nil)
}

// rest sends on what of the open part has not come in pieces.
func (d *streamDecoder) rest(p *partJSON) error {
	if d.item.sent == 0 {
		if err := d.pieceOf([]byte(p.text())); err != nil {
			return err
		}
	}
	if d.item.refusal || d.item.kind != chat.KindText {
		return nil
	}
	for _, raw := range p.Annotations[min(d.item.notes, len(p.Annotations)):] {
		c := citation(raw)
		if err := d.say(chat.Event{Kind: chat.Cite, Index: d.next - 1, Citation: &c}); err != nil {
			return err
		}
	}
	if list := logprobs(p.Logprobs); d.item.probs == 0 && list != nil {
		return d.say(chat.Event{Kind: chat.Tokens, Index: d.next - 1, Logprobs: list})
	}
	return nil
}

// done reads the end of an item.
func (d *streamDecoder) done(f *frame) error {
	switch at := slices.IndexFunc(d.waiting, func(w waitingItem) bool { return w.index == f.index && w.raw == nil }); {
	case d.item.open && f.index == d.index:
		if err := d.closeItem(f.item); err != nil {
			return err
		}
	case at >= 0:
		return d.whole(at, f.item)
	case d.item.open || len(d.waiting) > 0:
		if err := d.wait(f.index); err != nil {
			return err
		}
		return d.whole(len(d.waiting)-1, f.item)
	default: // an item that nothing announced
		if err := d.wholeItem(f.item); err != nil {
			return err
		}
	}
	return d.flush()
}

// maxWaiting is how many items may wait for another to be whole.
const maxWaiting = 1 << 10

// wait notes an item that cannot be streamed on.
func (d *streamDecoder) wait(index int) error {
	if len(d.waiting) >= maxWaiting {
		return fault.New(fault.UpstreamError, "The vendor's stream opens more than %d items at once.", maxWaiting)
	}
	d.waiting = append(d.waiting, waitingItem{index: index})
	return nil
}

// whole notes that a waiting item is whole.
func (d *streamDecoder) whole(at int, raw []byte) error {
	if d.held += len(raw); d.held > d.max {
		return fault.New(fault.UpstreamError, "The vendor's stream holds back more than %d bytes of items.", d.max)
	}
	d.waiting[at].raw = append(chat.Raw{}, raw...)
	return d.flush()
}

// flush sends on the items that waited and are whole, in the order in which
// they began.
func (d *streamDecoder) flush() error {
	for len(d.waiting) > 0 && !d.item.open && d.waiting[0].raw != nil {
		w := d.waiting[0]
		d.waiting = d.waiting[1:]
		d.held -= len(w.raw)
		if err := d.wholeItem(w.raw); err != nil {
			return err
		}
	}
	return nil
}

// wholeItem sends on an item that has not come in pieces.
func (d *streamDecoder) wholeItem(raw []byte) error {
	d.items++
	d.answer.parts = nil
	if err := d.answer.item(raw, d.family); err != nil {
		return err
	}
	return d.parts(d.answer.parts)
}

// parts sends on whole parts.
func (d *streamDecoder) parts(parts []chat.Part) error {
	base := d.next
	d.next += len(parts)
	whole := &chat.Reply{Choices: []chat.Choice{{Parts: parts, Ending: chat.Ending{Reason: chat.ReasonStop}}}}
	return chat.Events(whole, func(e *chat.Event) error {
		switch e.Kind {
		case chat.Begin, chat.Finish, chat.Count, chat.End:
			return nil
		}
		d.event = *e
		d.event.Index += base
		return d.emit(&d.event)
	})
}

// closeItem ends the open item, if one is; raw is the whole of it, nil if it
// did not come.
func (d *streamDecoder) closeItem(raw []byte) error {
	if !d.item.open {
		return nil
	}
	d.item.open = false
	d.items++
	var it itemJSON
	if len(raw) > 0 && json.Unmarshal(raw, &it, lenient) != nil {
		it = itemJSON{}
	}
	if d.item.kind == chat.KindCall {
		if d.item.sent == 0 {
			input := it.Arguments
			if d.item.call.Custom {
				input = it.Input
			}
			if err := d.pieceOf([]byte(input)); err != nil {
				return err
			}
		}
		return d.shutPart(nil)
	}
	if came := d.item.parts; d.item.part && d.item.kind == chat.KindText && came <= len(it.Content.parts) {
		if err := d.rest(&it.Content.parts[came-1]); err != nil {
			return err
		}
	}
	var parts []chat.Part
	switch {
	case d.item.kind == chat.KindReasoning:
		parts = it.reasoning(nil)
	case len(raw) > 0:
		var err error
		if parts, err = it.Content.chat("output"); err != nil {
			parts = nil // a part that the hub cannot say, after others that it can
		}
		for k := range parts {
			parts[k].Item = d.item.id
		}
	}
	return d.closeParts(&it, parts)
}

// closeParts ends the open part and sends on those of the item that have not
// come in pieces.
func (d *streamDecoder) closeParts(it *itemJSON, parts []chat.Part) error {
	state := stateOf(parts)
	if state != nil {
		state.Minter = d.family
	}
	came := d.item.parts
	if came > 0 {
		if d.item.part && d.item.sent == 0 && came <= len(parts) {
			if err := d.pieceOf([]byte(textOf(&parts[came-1]))); err != nil {
				return err
			}
		}
		if came < len(parts) {
			state = nil // it stands on the last of those that come now
		}
		if err := d.shutPart(state); err != nil {
			return err
		}
	}
	if came >= len(parts) {
		return nil
	}
	parts = parts[came:]
	if came == 0 {
		parts[0].Extra = append(parts[0].Extra, d.item.extra...)
	}
	for k := range parts {
		parts[k].Item = d.item.id
		if _, refusal := parts[k].Content.(chat.Refusal); refusal {
			d.answer.refused = true
		}
	}
	return d.parts(parts)
}

// textOf is the text of a part of a message or of reasoning.
func textOf(p *chat.Part) string {
	switch x := p.Content.(type) {
	case chat.Text:
		return x.Text
	case chat.Refusal:
		return x.Text
	case chat.Reasoning:
		return x.Text
	}
	return ""
}
