package anthropic

import (
	"bytes"
	"fmt"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

var (
	messageNames = []string{"role", "content"}
	blockNames   = []string{"type", "content", "source", "input", "file_id"}
	sourceNames  = []string{"type", "data", "url", "file_id", "content", "media_type"}
	toolNames    = []string{"type", "input_schema", "input_examples"}
)

// messages reads the conversation.
func (r *reader) messages() {
	r.s.Array()
	for i := 0; r.s.Element(); i++ {
		path := func() string { return fmt.Sprintf("messages[%d]", i) }
		if kind := r.s.Next(); kind != wire.Object {
			r.misfit(path, kind, "an object")
			continue
		}
		r.object(path, messageNames, func(member int, kind wire.Kind) {
			field := func() string { return path() + "." + messageNames[member] }
			switch {
			case member == 0:
				r.want(kind, field, false)
			case kind == wire.String:
				r.s.Skip()
			case kind == wire.Array:
				r.blocks(field)
			default:
				r.misfit(field, kind, "a string or a list of blocks")
			}
		})
	}
}

// blocks reads a list of blocks.
func (r *reader) blocks(field func() string) {
	r.s.Array()
	for j := 0; r.s.Element(); j++ {
		path := func() string { return fmt.Sprintf("%s[%d]", field(), j) }
		if kind := r.s.Next(); kind != wire.Object {
			r.misfit(path, kind, "an object with a type")
			continue
		}
		r.block(path)
	}
}

// block reads a block and those within it. Its members are looked at whatever
// its type says, since a vendor may look at them too.
func (r *reader) block(path func() string) {
	typ, typed := "", false
	from := len(r.pending)
	r.object(path, blockNames, func(member int, kind wire.Kind) {
		switch field := func() string { return path() + "." + blockNames[member] }; blockNames[member] {
		case "type":
			typ, typed = r.want(kind, field, false), true
		case "content":
			r.content(kind, field)
		case "source":
			if kind == wire.Object {
				r.source(field)
			} else {
				r.s.Skip() // of a search result: where it was found
			}
		case "input":
			r.in(free, func() { r.s.Skip() })
		case "file_id":
			if r.s.Skip(); kind != wire.Null {
				r.pending = append(r.pending, dialects.Opaque)
				r.need(call.FileID, field())
			}
		}
	})
	medium := dialects.Document
	if typ == "image" {
		medium = dialects.Image
	}
	for _, m := range r.pending[from:] {
		if m == "" {
			m = medium
		}
		r.cannotRead(m)
	}
	r.pending = r.pending[:from]
	switch typ {
	case "thinking", "redacted_thinking":
		r.req.asked.State = true
	case "tool_use":
		r.req.asked.Calls = true
	}
	switch {
	case r.s.Failed():
	case !typed:
		r.refuse(fault.Malformed, path()+".type", "%s has no type; name one, such as \"text\".", path())
	case !knownBlocks[typ]:
		r.refuse(fault.Unsupported, path()+".type", "%s is of the type %q, which Bulkhead does not know and so does not pass on.", path(), clip(typ))
	}
}

// content reads what a block holds: text, a block or a list of blocks.
func (r *reader) content(kind wire.Kind, field func() string) {
	switch kind {
	case wire.String, wire.Null:
		r.s.Skip()
	case wire.Object:
		r.block(field)
	case wire.Array:
		r.blocks(field)
	default:
		r.misfit(field, kind, "a string, a block or a list of blocks")
	}
}

// source reads where an image or document is.
func (r *reader) source(field func() string) {
	typ, typed := "", false
	var data wire.Span
	r.object(field, sourceNames, func(member int, kind wire.Kind) {
		at := func() string { return field() + "." + sourceNames[member] }
		switch sourceNames[member] {
		case "type":
			typ, typed = r.want(kind, at, false), true
		case "data":
			span := r.silent()
			switch {
			case r.s.Failed() || kind == wire.Null:
			case kind != wire.String:
				r.refuse(fault.Malformed, at(), "%s is %s; it must be a string.", at(), kind)
			default:
				data = span
			}
		case "url":
			if r.silent(); kind != wire.Null {
				r.pending = append(r.pending, "")
				r.need(call.RemoteURL, at())
			}
		case "file_id":
			if r.silent(); kind != wire.Null {
				r.pending = append(r.pending, dialects.Opaque)
				r.need(call.FileID, at())
			}
		case "content":
			r.content(kind, at)
		default:
			r.want(kind, at, true)
		}
	})
	if r.s.Failed() {
		return
	}
	if data != (wire.Span{}) {
		if raw := r.s.Slice(data); typ == "text" {
			r.again(raw)
		} else {
			r.pending = append(r.pending, "")
			r.inline(raw, func() string { return field() + ".data" })
		}
	}
	switch {
	case !typed:
		r.refuse(fault.Malformed, field()+".type", "%s has no type; name one, such as \"base64\".", field())
	case !knownSources[typ]:
		r.refuse(fault.Unsupported, field()+".type", "%s is of the type %q, which Bulkhead does not know and so does not pass on.", field(), clip(typ))
	}
}

// inline notes what should be bytes and is not base64 (RFC 4648, either
// alphabet): it may be an address, and a vendor may fetch it.
func (r *reader) inline(raw []byte, field func() string) {
	if len(raw) < 2 {
		return
	}
	b := raw[1 : len(raw)-1]
	if bytes.IndexByte(b, '\\') >= 0 {
		b = wire.Unescape(nil, b)
	}
	for _, c := range b {
		if !base64Byte[c] {
			r.need(call.RemoteURL, field())
			return
		}
	}
}

// base64Byte are the characters of base64 in both alphabets, and line ends.
var base64Byte = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n") {
		t[c] = true
	}
	return t
}()

// tools reads the tools on offer to the model.
func (r *reader) tools() {
	r.s.Array()
	for i := 0; r.s.Element(); i++ {
		path := func() string { return fmt.Sprintf("tools[%d]", i) }
		if kind := r.s.Next(); kind != wire.Object {
			r.misfit(path, kind, "an object")
			continue
		}
		typ := ""
		r.object(path, toolNames, func(member int, kind wire.Kind) {
			field := func() string { return path() + "." + toolNames[member] }
			switch toolNames[member] {
			case "type":
				typ = r.want(kind, field, true)
			case "input_schema":
				if kind != wire.Object {
					r.misfit(field, kind, "an object")
					return
				}
				r.in(schema, func() { r.s.Skip() })
			default:
				r.in(free, func() { r.s.Skip() })
			}
		})
		if r.s.Failed() {
			return
		}
		needs, known := toolNeeds(typ)
		if !known {
			r.refuse(fault.Unsupported, path()+".type", "%s is of the type %q, which Bulkhead does not know and so does not pass on. Tools of the type custom run at the caller.", path(), clip(typ))
		}
		for _, c := range needs {
			r.need(c, path()+".type")
		}
	}
}
