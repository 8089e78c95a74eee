package bedrock

import (
	"fmt"
	"strings"

	"bulkhead/chat"
)

// part writes a part of a message as a content block; nothing where it says nothing.
func (e *encoder) part(p *chat.Part) {
	extra := e.l.Own("messages[].parts[]", p.Extra)
	switch x := p.Content.(type) {
	case chat.Text:
		if len(x.Citations) > 0 && x.Text != "" {
			e.cited(x, extra)
		} else if x.Text != "" {
			e.say(x.Text)
		}
	case chat.Refusal:
		if x.Text != "" {
			e.say(x.Text)
		}
	case chat.JSON:
		e.say(string(x.Value))
	case chat.Media:
		e.media(&x, extra)
	case chat.ToolCall:
		e.call(x)
	case chat.ToolResult:
		e.result(&x, extra)
	case chat.Reasoning:
		e.replay(x, p.State)
		return
	case chat.Native:
		e.native(&x)
	default:
		e.refuse(e.at, "has no such content")
	}
	if p.State != nil {
		e.l.Drop("messages[].parts[].state")
	}
}

// replay writes reasoning of an earlier turn. Only what its minter signed goes
// back, and only to it: unsigned reasoning is refused by the models that sign.
func (e *encoder) replay(x chat.Reasoning, s *chat.State) {
	switch {
	case s == nil:
		e.l.Drop("messages[].parts[].text")
	case s.Kind != chat.SignedText && s.Kind != chat.Redacted,
		s.Minter == "" && !e.to.UnknownOK,
		s.Minter != "" && s.Minter != e.to.Family:
		e.l.Drop("messages[].parts[].state")
	default:
		e.reasoning(x.Text, s)
	}
}

func (e *encoder) call(c chat.ToolCall) {
	if !fitsTool(c.Name) {
		e.refuse(e.at+".name", "takes names of tools in [a-zA-Z0-9_-]{1,64}")
	}
	if fit := e.toolUse(c); fit == chat.Wrapped || fit == chat.Broken {
		e.l.Approximate(e.at + ".arguments")
	}
	if c.Custom {
		e.l.Approximate(e.at + ".custom")
	}
}

// result writes what a tool gave back.
func (e *encoder) result(r *chat.ToolResult, extra chat.Extra) {
	e.open("", '{')
	e.open("toolResult", '{')
	e.str("toolUseId", fitID(r.CallID))
	e.open("content", '[')
	at := e.at
	for i := range r.Parts {
		p := &r.Parts[i]
		e.at = fmt.Sprintf("%s.parts[%d]", at, i)
		if p.Cache != nil {
			e.l.Drop(e.at + ".cache")
		}
		switch x := p.Content.(type) {
		case chat.Text:
			if x.Text != "" {
				e.say(x.Text)
			}
		case chat.JSON:
			e.block("json", x.Value)
		case chat.Media:
			if x.Medium == chat.Audio {
				e.refuse(e.at, "takes no sound in a tool's result")
				continue
			}
			e.media(&x, e.l.Own("messages[].parts[].parts[]", p.Extra))
		case chat.Native:
			e.native(&x)
		default:
			e.refuse(e.at, "has no such content in a tool's result")
		}
	}
	e.at = at
	e.close(']')
	if r.Error {
		e.str("status", "error")
	}
	e.extra(extra)
	e.close('}')
	e.close('}')
}

// media writes a picture, document, film or sound.
func (e *encoder) media(m *chat.Media, extra chat.Extra) {
	format, known := formatOf(m)
	data, sound := standard(m.Data)
	why := ""
	switch {
	case m.FileID != "":
		why = "keeps no files"
	case m.URL != "" && !strings.HasPrefix(m.URL, "s3://"):
		why = "fetches from S3 alone"
	case !known:
		why = "does not take this type of media"
	case m.Data != "" && !sound:
		why = "takes media in base64"
	case m.Medium != chat.Document && (m.Text != "" || len(m.Parts) > 0), m.Data == "" && m.URL == "" && m.Text == "" && len(m.Parts) == 0:
		why = "needs the media's bytes"
	}
	if why != "" {
		e.refuse(e.at+"."+where(m), why)
		return
	}
	if m.Detail != "" && m.Detail != "auto" {
		e.l.Drop(e.at + ".detail")
	}
	e.open("", '{')
	e.open(string(m.Medium), '{')
	e.str("format", format)
	if m.Medium == chat.Document {
		e.str("name", e.documentName(m.Name))
	}
	e.open("source", '{')
	e.source(m, data, extra)
	e.close('}')
	if m.Medium == chat.Document {
		if m.Context != "" {
			e.str("context", m.Context)
		}
		if m.Cite {
			e.raw("citations", []byte(`{"enabled":true}`))
		}
	}
	for _, f := range extra {
		if !strings.HasPrefix(f.Name, "source.") {
			e.raw(f.Name, f.Value)
		}
	}
	e.close('}')
	e.close('}')
}

// where is the member of canonical JSON that says where media are.
func where(m *chat.Media) string {
	switch {
	case m.FileID != "":
		return "file_id"
	case m.URL != "":
		return "url"
	case m.Data != "":
		return "data"
	}
	return "media_type"
}

func (e *encoder) source(m *chat.Media, data string, extra chat.Extra) {
	switch {
	case m.URL != "":
		e.open("s3Location", '{')
		e.str("uri", m.URL)
		for _, f := range extra {
			if member, is := strings.CutPrefix(f.Name, "source.s3Location."); is {
				e.raw(member, f.Value)
			}
		}
		e.close('}')
	case m.Data != "":
		e.str("bytes", data)
	case m.Text != "":
		e.str("text", m.Text)
	default:
		e.open("content", '[')
		for i := range m.Parts {
			if t, ok := m.Parts[i].Content.(chat.Text); ok {
				e.say(t.Text)
			} else {
				e.refuse(e.at+".parts", "takes documents of text alone")
			}
		}
		e.close(']')
	}
}

// maxDocumentName is the length of a document's name.
const maxDocumentName = 200

// documentName gives a name as Bedrock takes it: letters, digits, single
// spaces, hyphens, parentheses and brackets, and no other document's.
func (e *encoder) documentName(given string) string {
	var b strings.Builder
	space := false
	for _, c := range given {
		switch {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-()[]", c):
			b.WriteRune(c)
			space = false
		case c == '_' || c == '.':
			b.WriteByte('-')
			space = false
		case !space && b.Len() > 0:
			b.WriteByte(' ')
			space = true
		}
	}
	n := strings.TrimSpace(b.String())
	if n == "" {
		n = "document"
	}
	n = n[:min(len(n), maxDocumentName-8)]
	unique := n
	for i := 2; e.names[unique]; i++ {
		unique = fmt.Sprintf("%s %d", n, i)
	}
	if e.names == nil {
		e.names = map[string]bool{}
	}
	e.names[unique] = true
	if given != "" && unique != given {
		e.l.Approximate(e.at + ".name")
	}
	return unique
}
