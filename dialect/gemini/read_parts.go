package gemini

import (
	"strings"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/wire"
)

var (
	contentNames  = []string{"role", "parts"}
	partNames     = []string{"text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult", "toolCall", "toolResponse", "thought", "thoughtSignature", "videoMetadata", "mediaResolution", "mediaProcessing", "partMetadata", "audioTranscription", "speechMetadata"}
	blobNames     = []string{"mimeType", "data"}
	fileNames     = []string{"fileUri"}
	callNames     = []string{"args", "partialArgs"}
	responseNames = []string{"response", "parts"}
	resultNames   = []string{"inlineData", "fileData", "mediaProcessing"}
	storeNames    = []string{"vertexRagStore", "externalApi"}
	ragNames      = []string{"storeContext"}
)

// dataNames are how many of partNames are what a part is; the others stand with it.
const dataNames = 9

// contents reads the conversation.
func (r *reader) contents(path func() string) { r.each(path, r.content) }

// content reads one turn: who speaks, and its parts.
func (r *reader) content(path func() string) {
	r.object(path, contentNames, func(member string, kind wire.Kind) {
		field := func() string { return path() + "." + member }
		if member == "role" {
			r.text(field)
			return
		}
		r.each(field, r.part)
	}, nil)
}

// part reads a part. It is what its one member of data says; a member that is
// not known may be data of a new kind.
func (r *reader) part(path func() string) {
	data := 0
	r.object(path, partNames, func(member string, kind wire.Kind) {
		for _, name := range partNames[:dataNames] {
			if member == name {
				data++
			}
		}
		field := func() string { return path() + "." + member }
		switch member {
		case "text":
			r.text(field)
		case "thoughtSignature":
			r.req.asked.State = true
			r.text(field)
		case "inlineData":
			r.blob(field)
		case "fileData":
			r.file(field)
		case "functionCall":
			r.req.asked.Calls = true
			r.freeMembers(field, callNames)
		case "functionResponse":
			r.functionResponse(field)
		case "executableCode", "codeExecutionResult", "toolCall", "toolResponse", "partMetadata", "audioTranscription", "speechMetadata":
			r.freely(func() { r.s.Skip() })
		default:
			r.s.Skip()
		}
	}, func(member string) {
		r.refuse(fault.Unsupported, path(), "%s has %q, which Bulkhead does not know and so does not pass on.", path(), clip(member))
	})
	if data > 1 && !r.s.Failed() {
		r.refuse(fault.Malformed, path(), "%s is several things at once; make each a part of its own.", path())
	}
}

// freeMembers reads an object of which some members are the caller's own making.
func (r *reader) freeMembers(path func() string, names []string) {
	r.object(path, names, func(string, wire.Kind) { r.freely(func() { r.s.Skip() }) }, nil)
}

// blob reads bytes, which cannot be read as text.
func (r *reader) blob(path func() string) {
	medium, found := dialect.Document, false
	r.object(path, blobNames, func(member string, kind wire.Kind) {
		field := func() string { return path() + "." + member }
		if member == "mimeType" {
			medium = mediumOf(r.text(field))
			return
		}
		found = true
		r.opaque = true
		r.text(field)
		r.opaque = false
	}, nil)
	if found {
		r.cannotRead(medium)
	}
}

// mediumOf says what cannot be read, by its media type.
func mediumOf(mimeType string) dialect.Medium {
	kind, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(mimeType)), "/")
	switch kind {
	case "image":
		return dialect.Image
	case "audio":
		return dialect.Audio
	case "video":
		return dialect.Video
	}
	return dialect.Document
}

// file reads an address, behind which anything may be.
func (r *reader) file(path func() string) {
	r.object(path, fileNames, func(member string, kind wire.Kind) {
		field := func() string { return path() + "." + member }
		r.opaque = true
		uri := r.text(field)
		r.opaque = false
		r.cannotRead(dialect.Opaque)
		if c := call.RemoteURL; kept(uri) {
			r.need(call.FileID, field())
		} else {
			r.need(c, field())
		}
	}, nil)
}

// functionResponse reads what a tool gave back, media included.
func (r *reader) functionResponse(path func() string) {
	r.object(path, responseNames, func(member string, kind wire.Kind) {
		field := func() string { return path() + "." + member }
		if member == "response" {
			r.freely(func() { r.s.Skip() })
			return
		}
		r.each(field, func(at func() string) {
			r.object(at, resultNames, func(member string, kind wire.Kind) {
				field := func() string { return at() + "." + member }
				switch member {
				case "inlineData":
					r.blob(field)
				case "fileData":
					r.file(field)
				default:
					r.s.Skip()
				}
			}, func(member string) {
				r.refuse(fault.Unsupported, at(), "%s has %q, which Bulkhead does not know and so does not pass on.", at(), clip(member))
			})
		})
	}, nil)
}

// tools reads the tools: what runs at the caller, and what the vendor runs.
func (r *reader) tools(path func() string) {
	names := toolNames()
	r.each(path, func(at func() string) {
		r.object(at, names, func(member string, kind wire.Kind) {
			field := func() string { return at() + "." + member }
			switch {
			case member == "functionDeclarations":
				r.inSchema(func() { r.s.Skip() })
				return
			case member == "retrieval":
				r.need(call.DataSources, field())
				r.retrieval(field)
				return
			}
			r.need(hosted[member], field())
			r.s.Skip()
		}, func(member string) {
			r.refuse(fault.Unsupported, at(), "%s is a tool %q, which Bulkhead does not know and so does not pass on. functionDeclarations run at the caller.", at(), clip(member))
		})
	})
}

// retrieval reads from where the vendor is to fetch, and whether it remembers.
func (r *reader) retrieval(path func() string) {
	r.object(path, storeNames, func(member string, kind wire.Kind) {
		field := func() string { return path() + "." + member }
		if member == "externalApi" {
			r.need(call.RemoteURL, field())
			r.s.Skip()
			return
		}
		r.object(field, ragNames, func(member string, kind wire.Kind) {
			if kind != wire.False {
				r.need(call.ServerSideHistory, field()+"."+member)
			}
			r.s.Skip()
		}, nil)
	}, nil)
}
