package gemini

import (
	"bulkhead/dialect"
	"bulkhead/wire"
)

// wordNames are members whose values are names, ids and words of an
// enumeration, wherever they stand but in values of the caller's own making.
var wordNames = both("role", "mimeType", "name", "id", "mode", "allowedFunctionNames", "responseMimeType", "responseModalities", "category", "threshold",
	"method", "cachedContent", "model", "serviceTier", "taskType", "language", "outcome", "thoughtSignature", "aspectRatio", "imageSize", "voiceName",
	"languageCode", "thinkingLevel", "mediaResolution", "level", "scheduling", "behavior", "environment", "mediaProcessing", "continuationToken",
	"datastore", "engine", "ragCorpus", "ragStoreName", "promptTemplateName", "responseTemplateName", "modelName", "modelRoutingPreference")

// proseNames are members of a schema whose values are prose.
var proseNames = both("description", "title", "default", "example", "examples", "$comment")

// both has names in JSON's form and the protocol buffers'.
func both(names ...string) map[string]bool {
	out := make(map[string]bool, 2*len(names))
	for _, n := range names {
		out[n], out[snake(n)] = true, true
	}
	return out
}

// hear passes on a string that the scanner has read: as a name or as text, by
// the member it is the value of.
func (r *reader) hear(raw []byte, escaped, isName bool) {
	if r.opaque {
		return
	}
	piece := raw
	if escaped {
		r.undone = wire.Unescape(r.undone[:0], raw)
		piece = r.undone
	}
	switch {
	case isName:
		r.mute = false
		r.word = !r.free && (wordNames[string(piece)] || r.schema && !proseNames[string(piece)])
		if !r.free && !r.schema && camel(piece) == "voiceSampleAudio" {
			r.mute = true
			r.cannotRead(dialect.Audio)
		}
		r.l.Name(piece)
	case r.mute:
		r.mute = false
	case r.word:
		r.l.Name(piece)
	default:
		r.l.Text(piece)
	}
}

func (r *reader) cannotRead(m dialect.Medium) {
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

// freely reads a value of the caller's own making: every string is text.
func (r *reader) freely(read func()) {
	r.free, r.word = true, false
	read()
	r.free = false
}
