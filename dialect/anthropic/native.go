package anthropic

import (
	"bytes"

	"bulkhead/chat"
	"bulkhead/wire"
)

// nativeBlock gathers a block that only this dialect knows.
type nativeBlock struct {
	typ     string
	members chat.Extra // of the start, type included
	input   []byte     // as deltas bring it
}

func (n *nativeBlock) start(b *block) {
	*n = nativeBlock{typ: b.typ, input: n.input[:0]}
	var s wire.Scanner
	s.Reset(b.whole)
	s.Lenient = true
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		at := string(name)
		if raw := s.Slice(s.Skip()); chat.Raw(raw).IsValid() { // which a lenient scanner does not say
			put(&n.members, own(at, raw))
		}
	}
}

// piece takes in a delta: input, text, or members that replace those of the start.
func (n *nativeBlock) piece(v *view, says []byte) {
	switch v.member {
	case "partial_json":
		n.input = append(n.input, says...)
	case "text", "thinking", "signature":
		put(&n.members, own(v.member, quoted(nil, says)))
	}
	for _, f := range v.rest {
		put(&n.members, f)
	}
}

// whole is the block as a unary reply has it. Input that is no JSON, cut by a
// limit, is kept as text.
func (n *nativeBlock) whole() []byte {
	if len(bytes.TrimSpace(n.input)) > 0 {
		c := chat.ToolCall{Arguments: string(n.input)}
		input, _ := c.Object()
		put(&n.members, own("input", input))
	}
	var w writer
	w.open('{')
	for _, f := range n.members {
		w.foreign(f.Name)
		w.raw(f.Value)
	}
	w.close('}')
	return w.b
}

// native writes a whole block of this dialect. The input of a call comes as a
// delta, since accumulators of SDKs take it from there.
func (e *encoder) native(dst []byte) []byte {
	var s wire.Scanner
	var input []byte
	members := chat.Extra{}
	s.Reset(e.whole)
	s.Lenient = true
	if s.Object() {
		for n := s.Name(); n != nil; n = s.Name() {
			at := string(n)
			span := s.Skip()
			if at == "input" && !s.Failed() {
				input = s.Slice(span)
			}
			members = append(members, chat.Field{Dialect: name, Name: at, Value: chat.Raw(s.Slice(span))})
		}
	}
	if s.End() != nil {
		return dst // what is no block is none
	}
	dst = e.openBlock(dst, func(w *writer) {
		for _, f := range members {
			w.foreign(f.Name)
			if f.Name == "input" {
				w.raw([]byte("{}"))
			} else {
				w.raw(f.Value)
			}
		}
	})
	if input != nil && !bytes.Equal(input, []byte("{}")) {
		dst = e.piece(dst, "input_json_delta", "partial_json", input)
	}
	return dst
}
