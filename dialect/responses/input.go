package responses

import (
	"fmt"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

var (
	itemNames  = []string{"type", "role", "content", "output", "summary", "id", "tools", "outputs", "call_id", "result"}
	partNames  = []string{"type", "text", "image_url", "file_id", "file_url", "file_data", "filename", "data", "input_audio", "refusal"}
	imageNames = []string{"type", "url"}
)

// item is what is known of an input item while its members are read.
type item struct {
	path    func() string
	typ     string
	typed   bool // it has a type
	role    bool
	id      bool
	result  bool // it has a result, whose medium its type decides
	bare    string
	bareTyp string // of a tool or part that has no type
}

// items reads the conversation.
func (r *reader) items() {
	r.s.Array()
	for i := 0; r.s.Element(); i++ {
		it := item{path: func() string { return fmt.Sprintf("input[%d]", i) }}
		if kind := r.s.Next(); kind != wire.Object {
			r.misfit(it.path, kind, "an object")
			continue
		}
		r.item(&it)
	}
}

// item reads one item. Its members are looked at whatever its type says, since
// a vendor may look at them too.
func (r *reader) item(it *item) {
	r.object(it.path, itemNames, func(member int, kind wire.Kind) {
		field := func() string { return it.path() + "." + itemNames[member] }
		switch itemNames[member] {
		case "type":
			it.typ, it.typed = r.want(kind, field, true), kind == wire.String
		case "role":
			r.want(kind, field, false)
			it.role = true
		case "id":
			r.want(kind, field, true)
			it.id = kind == wire.String
		case "call_id":
			r.want(kind, field, true)
		case "content", "summary":
			r.content(it, kind, field)
		case "output":
			if kind == wire.Object { // of a computer: one screenshot
				r.part(it, field)
				return
			}
			r.content(it, kind, field)
		case "tools":
			if kind != wire.Array {
				r.misfit(field, kind, "an array")
				return
			}
			r.inSchema(func() { r.tools(field(), it) })
		case "outputs":
			r.pictures(kind, field)
		case "result":
			it.result = kind == wire.String
			r.s.Skip()
		}
	})
	if !r.s.Failed() {
		r.judge(it)
	}
}

// judge says what an item is once all of it is known.
func (r *reader) judge(it *item) {
	if !it.typed {
		switch {
		case it.role:
			it.typ = "message"
		case it.id:
			it.typ = "item_reference" // its type may be left out
		default:
			r.refuse(fault.Malformed, it.path()+".type", "%s has no type; name one, such as \"message\".", it.path())
			return
		}
	}
	if _, known := itemTypes[it.typ]; !known {
		r.refuse(fault.Unsupported, it.path()+".type", "%s is of the type %q, which Bulkhead does not know and so does not pass on.", it.path(), clip(it.typ))
		return
	}
	switch it.typ {
	case "reasoning":
		r.req.asked.State = true
	case "function_call", "custom_tool_call":
		r.req.asked.Calls = true
	}
	switch {
	case it.typ == "item_reference":
		r.need(call.ConversationID, it.path()+".id")
	case it.typ == "image_generation_call" && it.result:
		r.cannotRead(dialects.Image)
	}
	// The outputs of a shell and a list of a tool server's tools have no types.
	if it.bare != "" && it.typ != "shell_call_output" && it.typ != "mcp_list_tools" {
		r.refuse(fault.Malformed, it.bare+".type", "%s has no type; name one, such as %q.", it.bare, it.bareTyp)
	}
}

// content reads what an item says: a string, null, or a list of parts.
func (r *reader) content(it *item, kind wire.Kind, field func() string) {
	switch kind {
	case wire.String, wire.Null:
		r.s.Skip()
	case wire.Array:
		r.s.Array()
		for j := 0; r.s.Element(); j++ {
			path := func() string { return fmt.Sprintf("%s[%d]", field(), j) }
			if kind := r.s.Next(); kind != wire.Object {
				r.misfit(path, kind, "an object with a type")
				continue
			}
			r.part(it, path)
		}
	default:
		r.misfit(field, kind, "a string or a list of parts")
	}
}

// part reads a content part, all of its members whatever its type says.
func (r *reader) part(it *item, path func() string) {
	typ, typed := "", false
	r.object(path, partNames, func(member int, kind wire.Kind) {
		switch field := func() string { return path() + "." + partNames[member] }; partNames[member] {
		case "type":
			typ, typed = r.want(kind, field, false), true
		case "image_url":
			r.address(kind, field, dialects.Image)
		case "file_url":
			r.address(kind, field, dialects.Document)
		case "file_id":
			r.kept(kind, field)
		case "file_data":
			r.bytesOf(kind, field, dialects.Document)
		case "data":
			r.bytesOf(kind, field, dialects.Audio)
		case "input_audio":
			r.sound(kind, field)
		default:
			r.want(kind, field, true)
		}
	})
	switch {
	case r.s.Failed():
	case !typed:
		if it.bare == "" {
			it.bare, it.bareTyp = path(), "input_text"
		}
	case !partTypes[typ]:
		r.refuse(fault.Unsupported, path()+".type", "%s is of the type %q, which Bulkhead does not know and so does not pass on.", path(), clip(typ))
	}
}

// sound reads a sound part's inner object, whose bytes are in it.
func (r *reader) sound(kind wire.Kind, field func() string) {
	if kind != wire.Object {
		r.misfit(field, kind, "an object")
		return
	}
	r.object(field, []string{"data"}, func(_ int, kind wire.Kind) {
		r.bytesOf(kind, func() string { return field() + ".data" }, dialects.Audio)
	})
}

// pictures reads what a code interpreter gave: logs, and addresses of images.
func (r *reader) pictures(kind wire.Kind, field func() string) {
	switch kind {
	case wire.Null:
		r.s.Skip()
		return
	case wire.Array:
	default:
		r.misfit(field, kind, "an array")
		return
	}
	r.s.Array()
	for j := 0; r.s.Element(); j++ {
		path := func() string { return fmt.Sprintf("%s[%d]", field(), j) }
		if kind := r.s.Next(); kind != wire.Object {
			r.misfit(path, kind, "an object")
			continue
		}
		r.object(path, imageNames, func(member int, kind wire.Kind) {
			at := func() string { return path() + "." + imageNames[member] }
			if member == 0 {
				r.want(kind, at, false)
				return
			}
			r.address(kind, at, dialects.Opaque)
		})
	}
}
