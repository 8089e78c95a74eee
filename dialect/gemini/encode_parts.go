package gemini

import (
	"encoding/base64"
	"strings"

	"bulkhead/chat"
)

// callPlace is where a call or a result stands.
type callPlace struct {
	turn  int
	first bool // of its turn's calls
}

// part writes one part, or nothing if the dialect cannot say it and a loss
// does. path is that of the part in canonical JSON.
func (e *encoder) part(p *chat.Part, path string, call *callPlace) {
	if p.Cache != nil {
		e.l.Drop(path + ".cache")
	}
	if p.Item != "" {
		e.l.Drop(path + ".item")
	}
	own := e.l.Own(path, p.Extra)
	blob, lost := e.state(p.State, path)
	at := len(e.b)
	e.open('{')
	from := len(e.b)
	switch x := p.Content.(type) {
	case chat.Text:
		if len(x.Citations) > 0 {
			e.l.Drop(path + ".citations")
		}
		if len(x.Logprobs) > 0 {
			e.l.Drop(path + ".logprobs")
		}
		if x.Text != "" || blob != "" {
			e.key("text").text(x.Text)
		}
	case chat.Refusal:
		e.l.Approximate(path + ".type")
		e.member("text", x.Text)
	case chat.Reasoning:
		if lost { // unsigned, it would be taken for the model's own
			e.l.Drop(path + ".text")
			break
		}
		if x.Text != "" || blob != "" {
			e.key("text").text(x.Text)
			e.key("thought").boolean(true)
		}
	case chat.ToolCall:
		if blob == "" && call != nil && call.first && levels(e.to) {
			blob = noSignature
			e.l.Approximate(path + ".state")
		}
		e.call(x, path)
	case chat.ToolResult:
		e.result(x, path, call, &own)
	case chat.Media:
		e.media(&x, path)
	case chat.Native:
		if x.Dialect != name {
			e.l.Drop(path)
			break
		}
		e.key(x.Type).raw(x.Value)
	default:
		e.refuse(path, "has no part of that kind here")
	}
	if len(e.b) == from {
		e.b = e.b[:at]
		return
	}
	if blob != "" {
		e.key("thoughtSignature").text(blob)
	}
	for _, f := range own {
		if !strings.Contains(f.Name, ".") {
			e.key(f.Name).raw(f.Value)
		}
	}
	e.close('}')
}

// state gives what goes back to its minter, and whether there was what may not.
func (e *encoder) state(s *chat.State, path string) (blob string, lost bool) {
	switch {
	case s == nil:
		return "", false
	case s.Kind == chat.ThoughtSig && (s.Minter == e.to.Family && s.Minter != "" || s.Minter == "" && e.to.UnknownOK):
		return s.Blob, false
	}
	e.l.Drop(path + ".state")
	return "", true
}

func (e *encoder) call(c chat.ToolCall, path string) {
	args, fit := c.Object()
	if fit != chat.Exact && fit != chat.Empty {
		e.l.Approximate(path + ".arguments")
	}
	e.key("functionCall").open('{')
	e.id(c.ID)
	e.key("name").text(c.Name)
	e.key("args").raw(args)
	e.close('}')
}

// id writes the id of a call, but for one that this package made itself.
func (e *encoder) id(id string) {
	if id != "" && !strings.HasPrefix(id, minted) && !nameless(e.to) {
		e.key("id").text(id)
	}
}

// result writes what a tool gave back: an object, and media beside it.
func (e *encoder) result(r chat.ToolResult, path string, at *callPlace, own *chat.Extra) {
	tool := r.Name
	if c, ok := chat.Call(e.turns, at.turn, r.CallID); ok && tool == "" {
		tool = c.Name
	}
	if tool == "" && !e.refuse(path+".call_id", "names the tool of a result, and no call of that id is in the conversation") {
		return
	}
	e.key("functionResponse").open('{')
	e.id(r.CallID)
	e.key("name").text(tool)
	e.key("response")
	media := e.response(r, path)
	if len(media) > 0 {
		e.key("parts").open('[')
		for i := range media {
			m := media[i].Content.(chat.Media)
			e.open('{')
			e.media(&m, path+".parts[]")
			e.own(e.l.Own(path+".parts[]", media[i].Extra))
			e.close('}')
		}
		e.close(']')
	}
	for _, f := range *own {
		if rest, mine := strings.CutPrefix(f.Name, "functionResponse."); mine {
			e.key(rest).raw(f.Value)
		}
	}
	e.close('}')
}

// response writes the object of a result and gives the media, which stand
// beside it. Text goes as {"result": …} or {"error": …}; an object as it is.
func (e *encoder) response(r chat.ToolResult, path string) (media []chat.Part) {
	var texts []string
	var values []chat.Raw
	for _, p := range r.Parts {
		switch x := p.Content.(type) {
		case chat.Text:
			texts = append(texts, x.Text)
		case chat.JSON:
			values = append(values, x.Value)
		case chat.Media:
			media = append(media, p)
		default:
			e.l.Drop(path + ".parts[]")
		}
	}
	word := "result"
	if r.Error {
		word = "error"
	}
	if len(texts)+len(values) > 1 {
		e.l.Approximate(path + ".parts")
	}
	switch {
	case len(values) == 1 && len(texts) == 0 && values[0].Kind() == '{' && !r.Error:
		e.raw(values[0])
	case len(values) == 1 && len(texts) == 0:
		e.open('{')
		e.key(word).raw(values[0])
		e.close('}')
	default:
		for _, v := range values {
			texts = append(texts, string(v))
		}
		e.open('{')
		e.key(word).text(strings.Join(texts, "\n"))
		e.close('}')
	}
	return media
}

// media writes bytes or an address.
func (e *encoder) media(m *chat.Media, path string) {
	if m.Context != "" {
		e.l.Drop(path + ".context")
	}
	if m.Cite {
		e.l.Drop(path + ".cite")
	}
	if m.Detail != "" && m.Detail != "auto" {
		e.l.Drop(path + ".detail")
	}
	if m.Name != "" && !vertex(e.to) {
		e.l.Drop(path + ".name")
	}
	typ := m.Type
	switch {
	case m.Data != "":
		if typ == "" {
			typ = sniff(m)
		}
		if typ == "" && !e.refuse(path+".media_type", "needs the media type of bytes, and these do not tell theirs") {
			return
		}
		e.blob(typ, m.Data, m.Name)
	case m.FileID != "":
		if !kept(m.FileID) {
			e.refuse(path+".file_id", "has no such file")
			return
		}
		e.file(typ, m.FileID, m.Name)
	case m.URL != "":
		scheme, _, _ := strings.Cut(strings.ToLower(m.URL), ":")
		if scheme != "https" && scheme != "gs" && scheme != "http" {
			e.refuse(path+".url", "fetches from no such address")
			return
		}
		if typ == "" {
			typ = typeOfURL(m.URL)
		}
		e.file(typ, m.URL, m.Name)
	case len(m.Parts) > 0:
		text, only := chat.Plain(m.Parts)
		if !only {
			e.refuse(path+".parts", "has no documents made of parts")
			return
		}
		e.l.Approximate(path + ".parts")
		e.blob("text/plain", base64.StdEncoding.EncodeToString([]byte(text)), m.Name)
	default:
		if typ == "" {
			typ = "text/plain"
		}
		e.blob(typ, base64.StdEncoding.EncodeToString([]byte(m.Text)), m.Name)
	}
}

func (e *encoder) blob(typ, data, displayName string) {
	e.key("inlineData").open('{')
	e.member("mimeType", jpeg(typ))
	e.key("data").text(data)
	if vertex(e.to) {
		e.member("displayName", displayName)
	}
	e.close('}')
}

func (e *encoder) file(typ, uri, displayName string) {
	e.key("fileData").open('{')
	e.member("mimeType", jpeg(typ))
	e.key("fileUri").text(uri)
	if vertex(e.to) {
		e.member("displayName", displayName)
	}
	e.close('}')
}

// jpeg mends the one media type that is often written wrong.
func jpeg(typ string) string {
	if typ == "image/jpg" {
		return "image/jpeg"
	}
	return typ
}
