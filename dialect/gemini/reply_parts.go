package gemini

import (
	"bytes"
	"strconv"

	"bulkhead/chat"
	"bulkhead/wire"
)

// piece is a part of a reply as it lies in a chunk.
type piece struct {
	kind    string // the member that is what the part is; empty: none
	value   []byte // of it, with its quotes
	escaped bool
	thought bool
	sig     []byte
	extra   chat.Extra
}

// content reads the parts of a candidate.
func (d *replyDecoder) content(i int, data []byte, emit chat.Sink) error {
	s := d.s
	s.Reset(data)
	if s.Next() != wire.Object {
		return broken("a content is no object")
	}
	s.Object()
	for raw := s.Name(); raw != nil; raw = s.Name() {
		if camel(raw) != "parts" || s.Next() != wire.Array {
			s.Skip()
			continue
		}
		s.Array()
		for s.Element() {
			if s.Next() != wire.Object {
				return broken("a part is no object")
			}
			p := readPiece(s)
			if err := d.piece(i, &p, emit); err != nil {
				return err
			}
		}
	}
	return nil
}

// readPiece reads the members of a part.
func readPiece(s *wire.Scanner) piece {
	var p piece
	s.Object()
	for raw := s.Name(); raw != nil; raw = s.Name() {
		known := camel(raw)
		kind := s.Next()
		at := s.Pos()
		if known == "text" && kind == wire.String {
			span, escaped, _ := s.Text()
			p.kind, p.value, p.escaped = known, s.Slice(span), escaped
			continue
		}
		value := s.Slice(wire.Span{Start: at, End: s.Skip().End})
		switch {
		case kind == wire.Null:
		case known == "thought":
			p.thought = kind == wire.True
		case known == "thoughtSignature":
			p.sig = value
		case known == "partMetadata" || known == "videoMetadata" || known == "mediaResolution" || known == "mediaProcessing" || known == "speechMetadata" || known == "audioTranscription":
			p.extra = append(p.extra, chat.Field{Dialect: name, Name: known, Value: bytes.Clone(value)})
		default:
			p.kind, p.value = known, value
		}
	}
	return p
}

// piece gives the events of a part, or of a piece of one: texts of one kind
// that follow each other are one part, until a signature closes it.
func (d *replyDecoder) piece(i int, p *piece, emit chat.Sink) error {
	sig := ""
	if len(p.sig) > 2 {
		sig = unquote(p.sig)
	}
	switch p.kind {
	case "":
		if sig == "" {
			return nil
		}
		return d.text(i, p, sig, emit)
	case "text":
		return d.text(i, p, sig, emit)
	case "functionCall":
		return d.call(i, p, sig, emit)
	case "inlineData", "fileData":
		return d.media(i, p, sig, emit)
	}
	part := &chat.Part{Content: chat.Native{Dialect: name, Type: p.kind}, Extra: p.extra}
	return d.block(i, part, p.value, sig, emit)
}

// block gives a part that comes whole.
func (d *replyDecoder) block(i int, part *chat.Part, value []byte, sig string, emit chat.Sink) error {
	if err := d.start(i, part, emit); err != nil {
		return err
	}
	if err := d.delta(i, value, emit); err != nil {
		return err
	}
	if sig != "" {
		if err := d.seal(i, sig, emit); err != nil {
			return err
		}
	}
	return d.shut(i, emit)
}

// plain undoes the escapes of a string's inside.
func (d *replyDecoder) plain(raw []byte, escaped bool) []byte {
	if !escaped {
		return raw
	}
	d.undo = wire.Unescape(d.undo[:0], raw)
	return d.undo
}

// text goes on with the open text, or begins one. A signature without text is
// that of the text before; with text it is that of this text alone.
func (d *replyDecoder) text(i int, p *piece, sig string, emit chat.Sink) error {
	text := d.plain(p.value, p.escaped)
	if len(text) == 0 && sig == "" {
		return nil
	}
	c := &d.choices[i]
	kind := chat.KindText
	if p.thought {
		kind = chat.KindReasoning
	}
	goesOn := c.open == kind && !c.sealed && (sig == "" || len(text) == 0) && p.extra == nil
	if !goesOn {
		part := &chat.Part{Content: chat.Text{}, Extra: p.extra}
		if p.thought {
			part.Content = chat.Reasoning{Summary: true}
		}
		if err := d.start(i, part, emit); err != nil {
			return err
		}
	}
	if err := d.delta(i, text, emit); err != nil {
		return err
	}
	if kind == chat.KindText {
		if err := d.tokens(i, emit); err != nil {
			return err
		}
	}
	if sig == "" {
		return nil
	}
	return d.seal(i, sig, emit)
}

// tokens gives the log probabilities that wait for a text, if one is open.
func (d *replyDecoder) tokens(i int, emit chat.Sink) error {
	c := &d.choices[i]
	if len(c.logprobs) == 0 || c.open != chat.KindText {
		return nil
	}
	err := d.say(chat.Event{Kind: chat.Tokens, Logprobs: c.logprobs}, i, emit)
	c.logprobs = nil
	return err
}

func (d *replyDecoder) media(i int, p *piece, sig string, emit chat.Sink) error {
	var m chat.Media
	var data []byte
	s := &d.inner
	s.Reset(p.value)
	if s.Next() != wire.Object {
		return broken("media that are no object")
	}
	s.Object()
	for raw := s.Name(); raw != nil; raw = s.Name() {
		known := camel(raw)
		if s.Next() != wire.String {
			s.Skip()
			continue
		}
		span, escaped, _ := s.Text()
		value := s.Slice(span)
		switch known {
		case "mimeType":
			m.Type = mediaType(string(d.plain(value, escaped)))
		case "displayName":
			m.Name = string(d.plain(value, escaped))
		case "fileUri":
			if uri := string(d.plain(value, escaped)); kept(uri) {
				m.FileID = uri
			} else {
				m.URL = uri
			}
		case "data":
			data = value
			if escaped {
				data = wire.Unescape(nil, value)
			}
		}
	}
	m.Medium = chatMedium(m.Type)
	return d.block(i, &chat.Part{Content: m, Extra: p.extra}, data, sig, emit)
}

// functionCall is a call as it lies in a chunk.
type functionCall struct {
	id, name      string
	args, partial []byte
	goesOn        bool
}

func (d *replyDecoder) readCall(value []byte) (functionCall, error) {
	var f functionCall
	s := &d.inner
	s.Reset(value)
	if s.Next() != wire.Object {
		return f, broken("a call is no object")
	}
	s.Object()
	for raw := s.Name(); raw != nil; raw = s.Name() {
		known := camel(raw)
		kind := s.Next()
		at := s.Pos()
		v := s.Slice(wire.Span{Start: at, End: s.Skip().End})
		switch {
		case known == "id" && kind == wire.String:
			f.id = unquote(v)
		case known == "name" && kind == wire.String:
			f.name = unquote(v)
		case known == "args" && kind == wire.Object:
			f.args = v
		case known == "partialArgs" && kind == wire.Array:
			f.partial = v
		case known == "willContinue":
			f.goesOn = kind == wire.True
		}
	}
	return f, nil
}

// call gives a call: whole, or the next piece of one whose arguments come bit
// by bit. Those are gathered, and given when the call is whole.
func (d *replyDecoder) call(i int, p *piece, sig string, emit chat.Sink) error {
	f, err := d.readCall(p.value)
	if err != nil {
		return err
	}
	c := &d.choices[i]
	if c.partial == nil || f.name != "" {
		if f.name == "" {
			return nil // the end of a call that is whole already
		}
		c.called = true
		part := &chat.Part{Content: chat.ToolCall{ID: d.callID(i, &f), Name: f.name}, Extra: p.extra}
		if !f.goesOn && f.partial == nil {
			args := f.args
			if args == nil {
				args = []byte("{}")
			}
			return d.block(i, part, args, sig, emit)
		}
		if err := d.start(i, part, emit); err != nil {
			return err
		}
		c.partial = &arguments{}
	}
	if sig != "" && !c.sealed {
		if err := d.seal(i, sig, emit); err != nil {
			return err
		}
	}
	if f.partial != nil {
		if err := c.partial.add(&d.inner, f.partial); err != nil {
			return err
		}
	}
	if f.goesOn {
		return nil
	}
	if err := d.whole(i, emit); err != nil {
		return err
	}
	return d.shut(i, emit)
}

// whole gives the arguments of a call that came in pieces.
func (d *replyDecoder) whole(i int, emit chat.Sink) error {
	c := &d.choices[i]
	if c.partial == nil {
		return nil
	}
	args := c.partial.json()
	c.partial = nil
	return d.delta(i, args, emit)
}

// callID is the vendor's id of a call, or one that is made of the reply's id
// and the call's place, so that it is always the same.
func (d *replyDecoder) callID(i int, f *functionCall) string {
	id := f.id
	if id == "" || d.ids[id] {
		id = mint("reply "+d.id+" "+strconv.Itoa(i), f.name, len(d.ids))
	}
	if d.ids == nil {
		d.ids = map[string]bool{}
	}
	d.ids[id] = true
	return id
}
