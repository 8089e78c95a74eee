package bedrock

import (
	"encoding/base64"

	"bulkhead/chat"
	"bulkhead/wire"
)

// started is what a contentBlockStart says.
type started struct {
	block  int64
	which  blockKind
	id     string
	name   string
	format string
	typ    string
	status string
}

func (d *streamDecoder) start(emit chat.Sink) error {
	if !d.begun || d.stopped {
		return order()
	}
	at := started{block: -1}
	if err := d.members(func(n []byte, kind wire.Kind) error {
		switch string(n) {
		case "contentBlockIndex":
			at.block, _ = d.number(kind)
		case "start":
			return d.members(func(which []byte, _ wire.Kind) error {
				switch string(which) {
				case "toolUse":
					at.which = toolBlock
				case "toolResult":
					at.which = ownResult
				case "image":
					at.which = imageBlock
				}
				return d.members(func(n []byte, kind wire.Kind) error {
					switch string(n) {
					case "toolUseId":
						at.id = string(d.str(kind))
					case "name":
						at.name = string(d.str(kind))
					case "format":
						at.format = string(d.str(kind))
					case "type":
						at.typ = string(d.str(kind))
					case "status":
						at.status = string(d.str(kind))
					default:
						d.scan.Skip()
					}
					return nil
				})
			})
		default:
			d.scan.Skip()
		}
		return nil
	}); err != nil || d.scan.Failed() {
		return err
	}
	return d.opened(&at, emit)
}

func (d *streamDecoder) opened(at *started, emit chat.Sink) error {
	switch at.which {
	case toolBlock:
		if at.id == "" || at.name == "" || d.calls[at.id] {
			return order()
		}
		if d.calls == nil {
			d.calls = map[string]bool{}
		}
		d.calls[at.id] = true
		if at.typ != "server_tool_use" {
			return d.open(emit, at.block, toolBlock, chat.ToolCall{ID: at.id, Name: at.name})
		}
		if err := d.open(emit, at.block, ownTool, nil); err != nil {
			return err
		}
		d.whole = chat.Native{Dialect: name, Type: "toolUse"}
		w := writer{append(d.value[:0], '{')}
		w.str("toolUseId", at.id)
		w.str("name", at.name)
		w.str("type", at.typ)
		d.value, d.blob = w.b, d.blob[:0]
	case ownResult:
		if err := d.open(emit, at.block, ownResult, nil); err != nil {
			return err
		}
		d.whole = chat.Native{Dialect: name, Type: "toolResult"}
		w := writer{append(d.value[:0], '{')}
		w.str("toolUseId", at.id)
		if at.typ != "" {
			w.str("type", at.typ)
		}
		if at.status != "" {
			w.str("status", at.status)
		}
		w.open("content", '[')
		d.value = w.b
	case imageBlock:
		d.blob = d.blob[:0]
		return d.open(emit, at.block, imageBlock, chat.Media{Medium: chat.Image, Type: mediaTypeOf(chat.Image, at.format)})
	default: // a kind that came later: its deltas say what they are
		return d.close(emit)
	}
	return nil
}

// delta reads a piece of a block. The block's index may come before it or
// after, so that the piece is found first and read then.
func (d *streamDecoder) delta(emit chat.Sink) error {
	if !d.begun || d.stopped {
		return order()
	}
	s := &d.scan
	block, at := int64(-1), wire.Span{}
	if s.Object() {
		for n := s.Name(); n != nil; n = s.Name() {
			switch kind := s.Next(); {
			case string(n) == "contentBlockIndex":
				block, _ = d.number(kind)
			case string(n) == "delta" && kind == wire.Object:
				at = s.Skip()
			default:
				s.Skip()
			}
		}
	}
	if err := s.End(); err != nil {
		return unreadable(err)
	}
	if at == (wire.Span{}) {
		return nil
	}
	s.Reset(s.Slice(at))
	s.Lenient = true
	s.Object()
	for n := s.Name(); n != nil; n = s.Name() {
		kind := s.Next()
		var err error
		switch string(n) {
		case "text":
			err = d.piece(emit, block, textBlock, d.str(kind))
		case "toolUse":
			err = d.input(emit, block)
		case "reasoningContent":
			err = d.thought(emit, block)
		case "citation":
			err = d.cite(emit, block)
		case "toolResult":
			d.results(block, kind)
		case "image":
			err = d.picture(emit, block)
		default:
			s.Skip()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// piece emits text of a block that begins without a start. A piece without
// text begins nothing.
func (d *streamDecoder) piece(emit chat.Sink, block int64, kind blockKind, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if err := d.within(emit, block, kind); err != nil {
		return err
	}
	return d.say(emit, chat.Delta, text)
}

// within begins a text or reasoning where none of that block is open.
func (d *streamDecoder) within(emit chat.Sink, block int64, kind blockKind) error {
	if d.kind == kind && d.block == block {
		return nil
	}
	if kind == textBlock {
		return d.open(emit, block, kind, chat.Text{})
	}
	return d.open(emit, block, kind, chat.Reasoning{})
}

// input reads more of a call's arguments.
func (d *streamDecoder) input(emit chat.Sink, block int64) error {
	s := &d.scan
	if s.Next() != wire.Object {
		s.Skip()
		return nil
	}
	s.Object()
	for n := s.Name(); n != nil; n = s.Name() {
		kind := s.Next()
		if string(n) != "input" {
			s.Skip()
			continue
		}
		text := d.str(kind)
		switch {
		case d.block != block || d.kind != toolBlock && d.kind != ownTool:
			return order()
		case d.kind == ownTool:
			d.blob = append(d.blob, text...)
		case len(text) > 0:
			if err := d.say(emit, chat.Delta, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// thought reads more of reasoning, or what vouches for it.
func (d *streamDecoder) thought(emit chat.Sink, block int64) error {
	s := &d.scan
	if s.Next() != wire.Object {
		s.Skip()
		return nil
	}
	s.Object()
	for n := s.Name(); n != nil; n = s.Name() {
		kind := s.Next()
		var err error
		switch string(n) {
		case "text":
			err = d.piece(emit, block, reasoningBlock, d.str(kind))
		case "signature":
			if blob := d.str(kind); len(blob) > 0 {
				if err = d.within(emit, block, reasoningBlock); err == nil {
					err = d.vouch(chat.SignedText, blob)
				}
			}
		case "redactedContent":
			if blob := d.str(kind); len(blob) > 0 {
				if err = d.within(emit, block, reasoningBlock); err == nil {
					err = d.vouch(chat.Redacted, blob)
				}
			}
		default:
			s.Skip()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cite reads a source of the open text.
func (d *streamDecoder) cite(emit chat.Sink, block int64) error {
	of := decoder{s: &d.scan}
	c := of.citation()
	if d.scan.Failed() {
		return unreadable(d.scan.End())
	}
	if of.fault != nil {
		return unreadable(of.fault)
	}
	if err := d.within(emit, block, textBlock); err != nil {
		return err
	}
	d.event = chat.Event{Kind: chat.Cite, Index: d.index - 1, Citation: &c}
	return emit(&d.event)
}

// results gathers pieces of what a hosted tool gave back.
func (d *streamDecoder) results(block int64, kind wire.Kind) {
	s := &d.scan
	if kind != wire.Array || d.kind != ownResult || d.block != block {
		s.Skip()
		return
	}
	s.Array()
	for s.Element() {
		w := writer{d.value}
		w.comma()
		d.value = append(w.b, s.Slice(s.Skip())...)
	}
}

// picture reads more of a picture's bytes. Its pieces are base64 each whole in
// itself; put together so that they are again, two bytes at most wait.
func (d *streamDecoder) picture(emit chat.Sink, block int64) error {
	return d.members(func(n []byte, _ wire.Kind) error {
		if string(n) != "source" {
			d.scan.Skip()
			return nil
		}
		return d.members(func(n []byte, kind wire.Kind) error {
			if string(n) != "bytes" {
				d.scan.Skip()
				return nil
			}
			if d.kind != imageBlock || d.block != block {
				return order()
			}
			var err error
			if d.blob, err = base64.StdEncoding.AppendDecode(d.blob, d.str(kind)); err != nil {
				return unreadable(err)
			}
			ready := len(d.blob) / 3 * 3
			if ready == 0 {
				return nil
			}
			d.text = base64.StdEncoding.AppendEncode(d.text[:0], d.blob[:ready])
			d.blob = append(d.blob[:0], d.blob[ready:]...)
			return d.say(emit, chat.Delta, d.text)
		})
	})
}
