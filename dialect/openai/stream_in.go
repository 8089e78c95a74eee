package openai

import (
	"bytes"
	"io"

	"bulkhead/chat"
	"bulkhead/wire"
)

// streamDecoder reads a stream of chunks.
type streamDecoder struct {
	family string
	events wire.EventReader
	s      wire.Scanner
	chunk  chunk
	lanes  []lane
	ids    idBook
	begun  bool
	over   bool // the reply has ended, well or not

	emit chat.Sink // of the call that is under way
	ev   chat.Event
	part chat.Part
	buf  []byte // a text with its escapes undone
}

// Reset begins a stream.
func (d *streamDecoder) Reset(src io.Reader, buf []byte, max int) {
	d.events.Reset(src, buf, max)
	d.chunk.head, d.lanes, d.ids = chat.Reply{}, nil, idBook{}
	d.begun, d.over = false, false
}

// Fill waits for more bytes.
func (d *streamDecoder) Fill() error { return d.events.Fill() }

// Next reads the next event that is held.
func (d *streamDecoder) Next(emit chat.Sink) (frame []byte, err error) {
	e, ok := d.events.Next()
	if !ok {
		return nil, nil
	}
	if e.Data == nil || d.over {
		return e.Raw, nil
	}
	d.emit = emit
	return e.Raw, d.data(e.Data, string(e.Type) == "error")
}

// Close ends a stream that has no more bytes. It is whole only if its end
// marker came, with or without the blank line after it.
func (d *streamDecoder) Close(emit chat.Sink) error {
	if d.over {
		return nil
	}
	d.emit = emit
	rest := bytes.TrimSpace(d.events.Rest())
	if value, is := bytes.CutPrefix(rest, []byte("data:")); is && string(bytes.TrimSpace(value)) == Done {
		return d.done()
	}
	d.over = true
	return broken("it broke off before its end.")
}

// data reads what one event says.
func (d *streamDecoder) data(data []byte, failed bool) error {
	if string(data) == Done {
		return d.done()
	}
	if !d.read(data) {
		d.over = true
		return broken("an event holds no JSON object.")
	}
	c := &d.chunk
	if c.failed || failed {
		d.over = true
		d.ev = chat.Event{Kind: chat.Fail, Fault: Client{}.Fault(0, nil, data)}
		return d.emit(&d.ev)
	}
	if err := d.chunkEvents(c); err != nil {
		d.over = true
		return err
	}
	return nil
}

func (d *streamDecoder) chunkEvents(c *chunk) error {
	if !d.begun && (len(c.choices) > 0 || c.counted) {
		h := &c.head
		d.begun, d.ids.seed = true, h.ID
		d.ev = chat.Event{Kind: chat.Begin, Head: &chat.Head{ID: h.ID, Model: h.Model, Created: h.Created, Tier: h.Tier, Fingerprint: h.Fingerprint, Extra: h.Extra}}
		if err := d.emit(&d.ev); err != nil {
			return err
		}
	}
	for i := range c.choices {
		in := &c.choices[i]
		if in.index >= maxChoices {
			return broken("it has a choice %d.", in.index)
		}
		for len(d.lanes) <= in.index {
			d.lanes = append(d.lanes, lane{choice: len(d.lanes)})
		}
		if err := d.lanes[in.index].take(d, in); err != nil {
			return err
		}
	}
	if c.counted {
		d.ev = chat.Event{Kind: chat.Count, Usage: &c.usage}
		return d.emit(&d.ev)
	}
	return nil
}

// maxChoices is how many choices a reply may have.
const maxChoices = 128

// done ends the reply.
func (d *streamDecoder) done() error {
	d.over = true
	if len(d.lanes) == 0 {
		return broken("it ends without a choice.")
	}
	for i := range d.lanes {
		if !d.lanes[i].finished {
			return broken("it ends before choice %d has.", i)
		}
	}
	d.ev = chat.Event{Kind: chat.End}
	return d.emit(&d.ev)
}

// undone gives a text with its escapes undone; it is valid until the next call.
func (d *streamDecoder) undone(t piece) []byte {
	if !t.escaped {
		return t.raw
	}
	d.buf = unescape(d.buf[:0], t.raw)
	return d.buf
}
