package anthropic

import (
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// wordNames are members whose values are names, ids, words of an enumeration
// and state that only its minter reads, wherever they stand but in input.
var wordNames = map[string]bool{
	"role": true, "type": true, "name": true, "id": true, "tool_use_id": true, "model": true, "media_type": true, "file_id": true,
	"tool_name": true, "ttl": true, "effort": true, "display": true, "service_tier": true, "user_id": true, "speed": true,
	"signature": true, "data": true, "encrypted_content": true, "encrypted_index": true, "encrypted_stdout": true,
	"skill_id": true, "version": true, "mcp_server_name": true, "inference_geo": true, "error_code": true, "file_type": true,
	"allowed_callers": true, "anthropic_version": true, "anthropic_beta": true, "previous_message_id": true, "user_profile_id": true,
	"fallback_credit_token": true, "authorization_token": true, "container": true, "tool_id": true, "server_name": true,
	"enum": true, "const": true, "required": true, "pattern": true,
}

// proseNames are members of a schema whose values are prose.
var proseNames = map[string]bool{"description": true, "title": true, "default": true, "examples": true, "$comment": true}

// mode says how strings are taken.
type mode uint8

const (
	plain  mode = iota // by the member they are the value of
	schema             // for words, but for those that describe
	free               // for text, whatever the member: arguments
)

// hear passes on a string that the scanner has read: as a name or as text.
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
		switch r.mode {
		case free:
			r.word = false
		case schema:
			r.word = !proseNames[string(piece)]
		default:
			r.word = wordNames[string(piece)]
		}
		r.l.Name(piece)
	case r.word:
		r.l.Name(piece)
	default:
		r.l.Text(piece)
	}
}

// silent passes over the next value without hearing it.
func (r *reader) silent() wire.Span {
	r.opaque = true
	span := r.s.Skip()
	r.opaque = false
	return span
}

// in reads with strings taken in a mode.
func (r *reader) in(m mode, read func()) {
	before := r.mode
	r.mode, r.word = m, false
	read()
	r.mode = before
}

// again hears a string that was passed over, quotes and all, as text.
func (r *reader) again(raw []byte) {
	if r.l.Text == nil || len(raw) < 2 {
		return
	}
	r.undone = wire.Unescape(r.undone[:0], raw[1:len(raw)-1])
	r.l.Text(r.undone)
}

func (r *reader) cannotRead(m dialects.Medium) {
	if r.l.Unread != nil && !r.s.Failed() {
		r.l.Unread(m)
	}
}
