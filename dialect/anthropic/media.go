package anthropic

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"bulkhead/chat"
)

// imageTypes are the types of images that the API takes.
var imageTypes = map[string]bool{"image/jpeg": true, "image/png": true, "image/gif": true, "image/webp": true}

// media writes an image or a document, or refuses it.
func (p *packer) media(part *chat.Part, m *chat.Media, path string) {
	src, why := sourceOf(m)
	if why != "" {
		p.refuse(path+"."+string(m.Medium), why)
		return
	}
	if src.approximate {
		p.l.Approximate(path + ".media_type")
	}
	if m.Detail != "" && m.Detail != "auto" {
		p.l.Drop(path + ".detail")
	}
	w := &p.w
	w.open('{')
	w.name("type")
	w.text(string(m.Medium))
	w.name("source")
	w.open('{')
	w.name("type")
	w.text(src.typ)
	w.textAt("media_type", src.mediaType)
	w.textAt("data", src.data)
	w.textAt("url", src.url)
	w.textAt("file_id", src.file)
	if src.typ == "content" {
		w.name("content")
		w.open('[')
		for i := range m.Parts {
			p.inResult(&m.Parts[i])
		}
		w.close(']')
	}
	w.within("source", part.Extra)
	w.close('}')
	if m.Medium == chat.Document {
		w.textAt("title", m.Name)
		w.textAt("context", m.Context)
		if m.Cite || inside("citations", part.Extra) {
			w.name("citations")
			w.open('{')
			w.name("enabled")
			w.bool(m.Cite)
			w.within("citations", part.Extra)
			w.close('}')
		}
	} else if m.Name != "" {
		p.l.Drop(path + ".name")
	}
	w.mark(part.Cache, part.Extra)
	w.extras(p.l.Own(path, part.Extra))
	w.close('}')
}

// place is a source as the API has it.
type place struct {
	source
	approximate bool
}

// sourceOf says where the API finds a medium, or why it cannot. Bytes are never
// given another type than they have.
func sourceOf(m *chat.Media) (p place, why string) {
	switch {
	case m.Medium != chat.Image && m.Medium != chat.Document:
		return p, "takes no " + string(m.Medium)
	case m.URL != "":
		p.typ, p.url = "url", m.URL
		if !strings.HasPrefix(m.URL, "https://") && !strings.HasPrefix(m.URL, "http://") {
			return p, "fetches over https alone"
		}
		return p, ""
	case m.FileID != "":
		p.typ, p.file = "file", m.FileID
		if !strings.HasPrefix(m.FileID, "file_") { // as Anthropic's Files API names them
			return p, "has no file of that id"
		}
		return p, ""
	case m.Medium == chat.Document && m.Text != "":
		p.typ, p.mediaType, p.data = "text", "text/plain", m.Text
		p.approximate = m.Type != "" && m.Type != "text/plain"
		return p, ""
	case m.Medium == chat.Document && m.Parts != nil:
		p.typ = "content"
		return p, ""
	case m.Data == "":
		return p, "is not told where it is"
	}
	p.typ, p.data, p.mediaType = "base64", standard.Replace(m.Data), m.Type
	if p.mediaType == "" {
		p.mediaType = sniffed(m.Data)
	}
	if p.mediaType == "image/jpg" {
		p.mediaType = "image/jpeg"
	}
	switch {
	case m.Medium == chat.Image && imageTypes[p.mediaType], m.Medium == chat.Document && p.mediaType == "application/pdf":
		return p, ""
	case m.Medium == chat.Document && strings.HasPrefix(p.mediaType, "text/"):
		b, err := base64.StdEncoding.DecodeString(m.Data)
		if err != nil || !utf8.Valid(b) || len(b) == 0 {
			return p, "takes documents of text as UTF-8"
		}
		p.approximate = p.mediaType != "text/plain"
		p.typ, p.mediaType, p.data = "text", "text/plain", string(b)
		return p, ""
	}
	return p, "takes no " + string(m.Medium) + " of the type " + clip(p.mediaType)
}

// standard puts base64 of the other alphabet, which Google's API takes too,
// into the standard one.
var standard = strings.NewReplacer("-", "+", "_", "/")

// sniffed tells the type of bytes by how they begin; empty: not known.
func sniffed(data string) string {
	for _, magic := range []struct{ begins, typ string }{
		{"iVBORw0KGgo", "image/png"}, {"/9j/", "image/jpeg"}, {"R0lGOD", "image/gif"}, {"UklGR", "image/webp"}, {"JVBERi0", "application/pdf"},
	} {
		if strings.HasPrefix(data, magic.begins) {
			return magic.typ
		}
	}
	return ""
}
