package bedrock

import (
	"encoding/base64"
	"slices"
	"strings"

	"bulkhead/chat"
)

// writer appends JSON to a buffer. Members and elements put their own commas.
type writer struct{ b []byte }

// comma puts a comma unless the value is the first of its object or array.
func (w *writer) comma() {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' && w.b[n-1] != '[' && w.b[n-1] != ':' {
		w.b = append(w.b, ',')
	}
}

// name begins a member.
func (w *writer) name(n string) {
	w.comma()
	w.b = append(quote(w.b, n), ':')
}

// open begins an object or array that is a member, or an element if n is empty.
func (w *writer) open(n string, bracket byte) {
	if n != "" {
		w.name(n)
	} else {
		w.comma()
	}
	w.b = append(w.b, bracket)
}

func (w *writer) close(bracket byte) { w.b = append(w.b, bracket) }

// str writes a member that is a string.
func (w *writer) str(n, v string) {
	w.name(n)
	w.b = quote(w.b, v)
}

// raw writes a member whose value is JSON already.
func (w *writer) raw(n string, v []byte) {
	w.name(n)
	w.b = append(w.b, v...)
}

// extra writes fields of Bedrock's own as members.
func (w *writer) extra(x chat.Extra) {
	for _, f := range x {
		if f.Dialect == name {
			w.raw(f.Name, f.Value)
		}
	}
}

// block writes a content block of one member.
func (w *writer) block(which string, value []byte) {
	w.open("", '{')
	w.raw(which, value)
	w.close('}')
}

func (w *writer) say(text string) {
	w.open("", '{')
	w.str("text", text)
	w.close('}')
}

func (w *writer) cachePoint(m *chat.CacheMark) {
	if m == nil {
		return
	}
	w.open("", '{')
	w.open("cachePoint", '{')
	w.str("type", "default")
	if m.TTL != "" {
		w.str("ttl", m.TTL)
	}
	w.close('}')
	w.close('}')
}

// toolUse writes a call, and says how its arguments became an object.
func (w *writer) toolUse(c chat.ToolCall) chat.Fitting {
	input, fit := c.Object()
	w.open("", '{')
	w.open("toolUse", '{')
	w.str("toolUseId", fitID(c.ID))
	w.str("name", fitTool(c.Name))
	w.raw("input", input)
	w.close('}')
	w.close('}')
	return fit
}

// reasoning writes reasoning with the state that Bedrock has a place for.
func (w *writer) reasoning(text string, s *chat.State) {
	w.open("", '{')
	w.open("reasoningContent", '{')
	if s != nil && s.Kind == chat.Redacted {
		w.str("redactedContent", s.Blob)
	} else {
		w.open("reasoningText", '{')
		w.str("text", text)
		if s != nil {
			w.str("signature", s.Blob)
		}
		w.close('}')
	}
	w.close('}')
	w.close('}')
}

// cited writes a text with its sources.
func (w *writer) cited(t chat.Text, x chat.Extra) {
	w.open("", '{')
	w.open("citationsContent", '{')
	w.open("content", '[')
	w.say(t.Text)
	w.close(']')
	w.open("citations", '[')
	for i := range t.Citations {
		w.comma()
		w.citation(&t.Citations[i])
	}
	w.close(']')
	w.extra(x)
	w.close('}')
	w.close('}')
}

// citation writes a source: as Bedrock said it, or what of another's it can say.
func (w *writer) citation(c *chat.Citation) {
	if c.Native != nil && c.Native.Dialect == name {
		w.b = append(w.b, c.Native.Value...)
		return
	}
	w.b = append(w.b, '{')
	if c.Title != "" {
		w.str("title", c.Title)
	}
	if c.Quote != "" {
		w.open("sourceContent", '[')
		w.say(c.Quote)
		w.close(']')
	}
	place := ""
	for word, kind := range places {
		if kind == c.Kind && c.Place != nil {
			place = word
		}
	}
	switch {
	case place != "":
		w.open("location", '{')
		w.open(place, '{')
		w.raw("documentIndex", []byte(chat.NumberOf(int64(c.Source))))
		w.raw("start", []byte(chat.NumberOf(c.Place.Start)))
		w.raw("end", []byte(chat.NumberOf(c.Place.End)))
		w.close('}')
		w.close('}')
	case c.URL != "":
		w.open("location", '{')
		w.open("web", '{')
		w.str("url", c.URL)
		w.close('}')
		w.close('}')
	}
	w.close('}')
}

// fitID gives an id of a call as Bedrock takes it, [a-zA-Z0-9_.:-]{1,64}.
func fitID(id string) string {
	if id != "" && len(id) <= 64 && strings.Trim(id, toolChars+".:") == "" {
		return id
	}
	return chat.FitID(id)
}

// toolChars are the characters of a tool's name, of which there are at most 64.
const toolChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

func fitsTool(n string) bool {
	return n != "" && len(n) <= 64 && strings.Trim(n, toolChars) == ""
}

// fitTool gives a name as Bedrock takes it, always the same one for one name.
func fitTool(n string) string {
	if fitsTool(n) {
		return n
	}
	return chat.FitID(n)
}

// formatOf is Bedrock's word for media. Media without a type are looked at;
// what is not known has no word, since bytes are never relabelled.
func formatOf(m *chat.Media) (string, bool) {
	typ := strings.TrimSpace(m.Type)
	if cut := strings.IndexByte(typ, ';'); cut >= 0 {
		typ = strings.TrimSpace(typ[:cut])
	}
	switch typ {
	case "":
		typ = sniff(m)
	case "image/jpg":
		typ = "image/jpeg"
	case "audio/wave", "audio/x-wav":
		typ = "audio/wav"
	case "audio/x-m4a":
		typ = "audio/m4a"
	case "text/xhtml", "application/xhtml+xml":
		typ = "text/html"
	}
	i := slices.IndexFunc(mediaTypes[m.Medium], func(t struct{ format, mediaType string }) bool { return t.mediaType == typ })
	if i < 0 {
		return "", false
	}
	return mediaTypes[m.Medium][i].format, true
}

// sniff tells a media type by the first bytes, or that a document is text.
func sniff(m *chat.Media) string {
	for _, magic := range []struct{ base64, mediaType string }{
		{"iVBORw", "image/png"}, {"/9j/", "image/jpeg"}, {"R0lGOD", "image/gif"}, {"UklGR", "image/webp"}, {"JVBER", "application/pdf"},
	} {
		if strings.HasPrefix(m.Data, magic.base64) {
			return magic.mediaType
		}
	}
	if m.Medium == chat.Document && (m.Text != "" || len(m.Parts) > 0) {
		return "text/plain"
	}
	return ""
}

// standard gives base64 in the standard alphabet, padded, as AWS reads it;
// false for what is no base64.
func standard(s string) (string, bool) {
	if strings.ContainsAny(s, "-_\r\n") {
		s = strings.NewReplacer("-", "+", "_", "/", "\r", "", "\n", "").Replace(s)
	}
	if n := len(s) % 4; n > 1 && !strings.HasSuffix(s, "=") {
		s += "=="[:4-n]
	}
	if len(s)%4 != 0 {
		return s, false
	}
	// The end alone is decoded: what lies before it goes on as it came.
	tail := s[max(0, len(s)-4):]
	_, err := base64.StdEncoding.DecodeString(tail)
	return s, err == nil && s != ""
}
