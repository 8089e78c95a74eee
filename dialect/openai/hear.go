package openai

import (
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// wordNames are members whose values are names, ids and words of an
// enumeration, wherever they stand.
var wordNames = map[string]bool{
	"role": true, "type": true, "name": true, "id": true, "tool_call_id": true, "model": true, "detail": true, "format": true,
	"filename": true, "mode": true, "enum": true, "const": true, "required": true, "pattern": true, "syntax": true,
	"reasoning_effort": true, "service_tier": true, "verbosity": true, "encoding_format": true, "user": true, "safety_identifier": true,
	"prompt_cache_key": true, "modalities": true, "voice": true, "tool_choice": true, "function_call": true,
}

// proseNames are members of a schema whose values are prose.
var proseNames = map[string]bool{"description": true, "title": true, "default": true, "examples": true, "$comment": true}

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
	r.schema = true
	read()
	r.schema = false
}
