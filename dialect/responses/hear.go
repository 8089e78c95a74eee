package responses

import (
	"bytes"
	"strings"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// wordNames are members whose values are names, ids, words of an enumeration
// and sealed blocks that only their vendor can read, wherever they stand.
var wordNames = map[string]bool{
	"role": true, "type": true, "name": true, "id": true, "call_id": true, "model": true, "detail": true, "format": true,
	"filename": true, "mode": true, "enum": true, "const": true, "required": true, "pattern": true, "syntax": true,
	"effort": true, "context": true, "service_tier": true, "verbosity": true, "user": true, "safety_identifier": true,
	"prompt_cache_key": true, "prompt_cache_retention": true, "ttl": true, "tool_choice": true, "truncation": true, "include": true,
	"status": true, "phase": true, "namespace": true, "encrypted_content": true, "file_id": true, "container_id": true,
	"server_label": true, "approval_request_id": true, "previous_response_id": true, "execution": true,
}

// proseNames are members of a schema whose values are prose.
var proseNames = map[string]bool{"description": true, "server_description": true, "title": true, "default": true, "examples": true, "$comment": true, "definition": true}

// hear passes on a string that the scanner has read: as a name or as text, by
// the member it is the value of.
func (r *reader) hear(raw []byte, escaped, name bool) {
	if r.opaque {
		return
	}
	piece := raw
	if escaped {
		r.undone = wire.Unescape(r.undone[:0], raw)
		piece = r.undone
	}
	switch {
	case name:
		r.word = wordNames[string(piece)] || r.schema && !proseNames[string(piece)]
		r.l.Name(piece)
	case r.word:
		r.l.Name(piece)
	default:
		r.l.Text(piece)
	}
}

// unread tells of a part that cannot be read, and passes over the value next
// without hearing it.
func (r *reader) unread(m dialects.Medium) wire.Span {
	r.cannotRead(m)
	r.opaque = true
	span := r.s.Skip()
	r.opaque = false
	return span
}

func (r *reader) cannotRead(m dialects.Medium) {
	if r.l.Unread != nil && !r.s.Failed() {
		r.l.Unread(m)
	}
}

// inSchema reads with strings taken for words, but for those that describe.
func (r *reader) inSchema(read func()) {
	was := r.schema
	r.schema = true
	read()
	r.schema = was
}

// address reads an address, or {"url": …} as some servers accept.
func (r *reader) address(kind wire.Kind, field func() string, m dialects.Medium) {
	switch kind {
	case wire.String:
		r.remote(r.s.Slice(r.unread(m)), field)
	case wire.Object:
		r.object(field, []string{"url"}, func(_ int, kind wire.Kind) {
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
		r.misfit(field, kind, "a string")
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

// kept reads the id of a file that the vendor keeps.
func (r *reader) kept(kind wire.Kind, field func() string) {
	if kind == wire.Null {
		r.s.Skip()
		return
	}
	if r.unread(dialects.Opaque); r.s.Failed() {
		return
	}
	if kind != wire.String {
		r.refuse(fault.Malformed, field(), "%s is %s; it must be a string.", field(), kind)
	}
	r.need(call.FileID, field())
}

// keptList reads a list of such ids.
func (r *reader) keptList(kind wire.Kind, field func() string) {
	r.opaque = true
	at := r.s.Skip()
	r.opaque = false
	if !r.s.Failed() && kind != wire.Null && len(bytes.Trim(r.s.Slice(at), "[] \t\r\n")) > 0 {
		r.cannotRead(dialects.Opaque)
		r.need(call.FileID, field())
	}
}

// bytesOf reads inline bytes: base64 or a data URL. What is neither may be an
// address that a vendor would fetch.
func (r *reader) bytesOf(kind wire.Kind, field func() string, m dialects.Medium) {
	if kind == wire.Null {
		r.s.Skip()
		return
	}
	raw := r.s.Slice(r.unread(m))
	switch {
	case r.s.Failed():
	case kind != wire.String:
		r.refuse(fault.Malformed, field(), "%s is %s; it must be a string.", field(), kind)
	default:
		r.inline(raw, field)
	}
}

// inline notes what should be bytes and is neither base64 (RFC 4648, either
// alphabet) nor a data URL.
func (r *reader) inline(raw []byte, field func() string) {
	if len(raw) < 2 || dataURL(raw) {
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
