package openai

import (
	"bytes"
	"fmt"
	"strings"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

var (
	messageNames = []string{"role", "content", "audio", "tool_calls"}
	partNames    = []string{"type", "image_url", "file", "input_audio", "video_url", "audio_url", "text"}
	urlNames     = []string{"url"}
	fileNames    = []string{"file_id", "file_data", "filename"}
	audioNames   = []string{"data"}
	replyNames   = []string{"id"}
	toolNames    = []string{"type", "function", "custom"}
	callNames    = []string{"extra_content"}
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
			switch field := func() string { return path() + "." + messageNames[member] }; {
			case member == 0:
				r.want(kind, field, false)
			case member == 1:
				r.content(kind, field)
			case member == 2 && kind == wire.Object:
				// An earlier spoken reply, referred to by the id under which the vendor keeps it.
				r.object(field, replyNames, func(_ int, kind wire.Kind) {
					r.cannotRead(dialects.Opaque)
					r.want(kind, field, false)
					r.need(call.ConversationID, field()+".id")
				})
			case member == 3 && kind == wire.Array:
				r.toolCalls(field)
			case kind == wire.Null:
				r.s.Skip()
			case member == 2:
				r.misfit(field, kind, "an object")
			default:
				r.misfit(field, kind, "an array")
			}
		})
	}
}

// misfit refuses a value of the wrong kind and passes over it.
func (r *reader) misfit(field func() string, kind wire.Kind, want string) {
	if r.s.Skip(); !r.s.Failed() {
		r.refuse(fault.Malformed, field(), "%s is %s; it must be %s.", field(), kind, want)
	}
}

// content reads what a message says: a string, null, or a list of parts.
func (r *reader) content(kind wire.Kind, field func() string) {
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
			r.part(path)
		}
	default:
		r.misfit(field, kind, "a string, a list of parts or null")
	}
}

// part reads a content part. Its members are looked at whatever its type says,
// since a vendor may look at them too.
func (r *reader) part(path func() string) {
	typ, typed := "", false
	r.object(path, partNames, func(member int, kind wire.Kind) {
		switch field := func() string { return path() + "." + partNames[member] }; partNames[member] {
		case "type":
			typ, typed = r.want(kind, field, false), true
		case "image_url":
			r.address(kind, field, dialects.Image)
		case "video_url":
			r.address(kind, field, dialects.Video)
		case "audio_url":
			r.address(kind, field, dialects.Audio)
		case "file":
			r.file(kind, field)
		case "input_audio":
			r.audio(kind, field)
		default:
			r.want(kind, field, true)
		}
	})
	switch {
	case r.s.Failed():
	case !typed:
		r.refuse(fault.Malformed, path()+".type", "%s has no type; name one, such as \"text\".", path())
	case !knownParts[typ]:
		r.refuse(fault.Unsupported, path()+".type", "%s is of the type %q, which Bulkhead does not know and so does not pass on.", path(), clip(typ))
	}
}

// clip bounds what of the caller's own words is repeated to it.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64]
	}
	return s
}

// address reads {"url": …}, or a bare string as some servers accept.
func (r *reader) address(kind wire.Kind, field func() string, m dialects.Medium) {
	switch kind {
	case wire.String:
		r.remote(r.s.Slice(r.unread(m)), field)
	case wire.Object:
		r.object(field, urlNames, func(_ int, kind wire.Kind) {
			url := func() string { return field() + ".url" }
			if kind != wire.String {
				r.misfit(url, kind, "a string")
				return
			}
			r.remote(r.s.Slice(r.unread(m)), url)
		})
	case wire.Null:
		r.s.Skip()
	default:
		r.misfit(field, kind, "an object with a url")
	}
}

// remote notes an address that the vendor would fetch. Only a data URL (RFC
// 2397) brings its bytes along; every other scheme, known or not, asks the
// vendor to reach.
func (r *reader) remote(raw []byte, field func() string) {
	if !r.s.Failed() && !dataURL(raw) {
		r.need(call.RemoteURL, field())
	}
}

// dataURL reports whether a string, with its quotes, is a data URL.
func dataURL(raw []byte) bool {
	if len(raw) < 2 {
		return false
	}
	head := raw[1:min(len(raw)-1, 64)] // enough for the scheme, escapes included
	s := strings.TrimLeft(string(wire.Unescape(nil, head)), " \t\r\n")
	return len(s) >= 5 && strings.EqualFold(s[:5], "data:")
}

// file reads a document part: its bytes, or the id of a file at the vendor.
func (r *reader) file(kind wire.Kind, field func() string) {
	if kind != wire.Object {
		r.misfit(field, kind, "an object")
		return
	}
	r.object(field, fileNames, func(member int, kind wire.Kind) {
		at := func() string { return field() + "." + fileNames[member] }
		var span wire.Span
		switch fileNames[member] {
		case "file_data":
			span = r.unread(dialects.Document)
		case "file_id":
			r.cannotRead(dialects.Document) // a model must take files, wherever they lie
			span = r.unread(dialects.Opaque)
		default:
			span = r.s.Skip()
		}
		switch {
		case r.s.Failed() || kind == wire.Null:
		case kind != wire.String:
			r.refuse(fault.Malformed, at(), "%s is %s; it must be a string.", at(), kind)
		case fileNames[member] == "file_id":
			r.need(call.FileID, at())
		case fileNames[member] == "file_data":
			r.inline(r.s.Slice(span), at)
		}
	})
}

// inline notes what should be bytes and is neither base64 (RFC 4648, either
// alphabet) nor a data URL: it may be an address, and a vendor may fetch it.
func (r *reader) inline(raw []byte, field func() string) {
	if r.s.Failed() || len(raw) < 2 || dataURL(raw) {
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

// audio reads a sound part, whose bytes are in it.
func (r *reader) audio(kind wire.Kind, field func() string) {
	if kind != wire.Object {
		r.misfit(field, kind, "an object")
		return
	}
	r.object(field, audioNames, func(_ int, kind wire.Kind) {
		at := func() string { return field() + ".data" }
		if kind != wire.String {
			r.misfit(at, kind, "a string")
			return
		}
		r.inline(r.s.Slice(r.unread(dialects.Audio)), at)
	})
}

// toolCalls checks the form of the calls that an earlier reply made.
func (r *reader) toolCalls(field func() string) {
	r.s.Array()
	for j := 0; r.s.Element(); j++ {
		path := func() string { return fmt.Sprintf("%s[%d]", field(), j) }
		if kind := r.s.Next(); kind != wire.Object {
			r.misfit(path, kind, "an object")
			continue
		}
		r.req.Calls = true
		r.object(path, callNames, func(_ int, kind wire.Kind) {
			r.req.State = r.req.State || kind != wire.Null
			r.s.Skip()
		})
	}
}

// tools reads the tools on offer to the model.
func (r *reader) tools() {
	r.s.Array()
	for i := 0; r.s.Element(); i++ {
		path := func() string { return fmt.Sprintf("tools[%d]", i) }
		if kind := r.s.Next(); kind != wire.Object {
			r.misfit(path, kind, "an object with a type")
			continue
		}
		typ, typed := "", false
		r.object(path, toolNames, func(member int, kind wire.Kind) {
			if field := func() string { return path() + "." + toolNames[member] }; member == 0 {
				typ, typed = r.want(kind, field, false), true
			} else if kind != wire.Object && kind != wire.Null {
				r.misfit(field, kind, "an object")
			} else {
				r.s.Skip()
			}
		})
		if r.s.Failed() {
			return
		}
		c, hosted, known := toolCapability(typ)
		switch {
		case !typed:
			r.refuse(fault.Malformed, path()+".type", "%s has no type; name one: \"function\" or \"custom\".", path())
		case !known:
			r.refuse(fault.Unsupported, path()+".type", "%s is of the type %q, which Bulkhead does not know and so does not pass on. Tools of the types function and custom run at the caller.", path(), clip(typ))
		case hosted:
			r.need(c, path()+".type")
		}
	}
}
