package openai

import (
	"slices"
	"strings"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"
)

// message is a message of the wire as far as it has been read.
type message struct {
	role, name, call string
	parts            []chat.Part
	calls            []chat.Part
	extra            chat.Extra
}

// messages reads the conversation. Results of tools, and what the user says
// next, are one message of the user's.
func (d *decoder) messages(r *chat.Request) {
	if !d.array("messages") {
		return
	}
	results := false // the last message began with results
	for d.list = "messages"; d.s.Element(); d.i++ {
		if d.s.Next() != wire.Object {
			d.misfit("", "an object")
			continue
		}
		m := d.message()
		if d.s.Failed() {
			return
		}
		role := chat.Role(m.role)
		switch {
		case m.role == "tool":
			role, m.name = chat.User, ""
		case role == chat.Assistant:
			m.parts = append(m.parts, m.calls...)
		case role != chat.System && role != chat.Developer && role != chat.User:
			d.refuse(fault.Unsupported, "role", "is %q, which cannot be translated. Roles are system, developer, user, assistant and tool.", clip(m.role))
			continue
		}
		if results && role == chat.User {
			last := &r.Messages[len(r.Messages)-1]
			last.Parts, last.Extra = append(last.Parts, m.parts...), append(last.Extra, m.extra...)
			if m.role == "user" {
				last.Name, results = m.name, false
			}
			continue
		}
		r.Messages = append(r.Messages, chat.Message{Role: role, Name: m.name, Parts: m.parts, Extra: m.extra})
		results = m.role == "tool"
	}
	d.list, d.i = "", 0
}

// message reads one message; that of a tool has one part, its result.
func (d *decoder) message() message {
	var m message
	var refusal string
	var spoken chat.Raw
	d.s.Object()
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		switch string(name) {
		case "role":
			m.role = d.str("role")
		case "name":
			m.name = d.str("name")
		case "content":
			m.parts = append(m.parts, d.content()...)
		case "refusal":
			refusal = d.str("refusal")
		case "tool_call_id":
			m.call = d.str("tool_call_id")
		case "tool_calls":
			m.calls = d.calls()
		case "audio":
			spoken = d.raw()
		default:
			d.extra(&m.extra, string(name))
		}
	}
	if refusal != "" {
		m.parts = append(m.parts, chat.Part{Content: chat.Refusal{Text: refusal}})
	}
	if spoken != nil {
		m.parts = append(m.parts, chat.Part{Content: chat.Native{Dialect: own, Type: "audio", Value: spoken}})
	}
	if m.role == "tool" {
		m.parts = []chat.Part{{Content: chat.ToolResult{CallID: m.call, Name: m.name, Parts: m.parts, Custom: slices.Contains(d.customs, m.call)}, Extra: m.extra}}
		m.extra = nil
	}
	return m
}

// content reads what a message says: a string or parts. Empty text is none.
func (d *decoder) content() []chat.Part {
	if d.s.Next() == wire.String {
		if text := d.text(); text != "" {
			return []chat.Part{chat.Say(text)}
		}
		return nil
	}
	if !d.array("content") {
		return nil
	}
	var out []chat.Part
	for d.sub, d.j = "content", 0; d.s.Element(); d.j++ {
		if d.s.Next() != wire.Object {
			d.misfit("", "an object with a type")
			continue
		}
		if p := d.part(); p.Content != nil {
			out = append(out, p)
		}
	}
	d.sub = ""
	return out
}

// part reads a content part. A part without content says nothing.
func (d *decoder) part() chat.Part {
	var p chat.Part
	var typ, text, refusal string
	var media chat.Media
	d.s.Object()
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		switch string(name) {
		case "type":
			typ = d.str("type")
		case "text":
			text = d.str("text")
		case "refusal":
			refusal = d.str("refusal")
		case "image_url":
			media = d.address(&p.Extra, "image_url", chat.Image)
		case "video_url":
			media = d.address(&p.Extra, "video_url", chat.Video)
		case "audio_url":
			media = d.address(&p.Extra, "audio_url", chat.Audio)
		case "input_audio":
			media = d.sound(&p.Extra)
		case "file":
			media = d.file(&p.Extra)
		case "prompt_cache_breakpoint":
			if d.raw() != nil {
				p.Cache = &chat.CacheMark{}
			}
		default:
			d.extra(&p.Extra, string(name))
		}
	}
	switch {
	case d.s.Failed():
	case typ == "text":
		if text != "" {
			p.Content = chat.Text{Text: text}
		}
	case typ == "refusal":
		if refusal != "" {
			p.Content = chat.Refusal{Text: refusal}
		}
	case !knownParts[typ]:
		d.refuse(fault.Unsupported, "type", "is %q, which Bulkhead does not know.", clip(typ))
	case media.Data == "" && media.URL == "" && media.FileID == "":
		d.refuse(fault.Malformed, typ, "is missing or empty.")
	default:
		p.Content = media
	}
	return p
}

// address reads {"url": …, "detail": …}, or a bare string as some servers accept.
func (d *decoder) address(x *chat.Extra, member string, medium chat.Medium) chat.Media {
	m := chat.Media{Medium: medium}
	if d.s.Next() == wire.String {
		d.locate(&m, d.text(), member)
		return m
	}
	if !d.object(member) {
		return m
	}
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		switch string(name) {
		case "url":
			d.locate(&m, d.str(member+".url"), member+".url")
		case "detail":
			m.Detail = d.str(member + ".detail")
		default:
			d.extra(x, member+"."+string(name))
		}
	}
	return m
}

// locate takes a data URL apart; any other URL stays one.
func (d *decoder) locate(m *chat.Media, url, member string) {
	url = strings.TrimSpace(url)
	typ, data, inline := chat.DataURL(url)
	switch {
	case inline:
		m.Type, m.Data = typ, data
	case len(url) >= 5 && strings.EqualFold(url[:5], "data:"):
		d.refuse(fault.Unsupported, member, "is a data URL that is not base64; encode it so.")
	default:
		m.URL = url
	}
}

// inline takes base64, or a data URL of it.
func (d *decoder) inline(m *chat.Media, data, member string) {
	if typ, rest, is := chat.DataURL(strings.TrimSpace(data)); is {
		m.Type, data = typ, rest
	}
	for i := range len(data) {
		if !base64Byte[data[i]] {
			d.refuse(fault.Unsupported, member, "is not base64; to have an address fetched, use a part that takes one.")
			return
		}
	}
	m.Data = data
}

// sounds are media types by the dialect's words for them.
var sounds = map[string]string{"wav": "audio/wav", "mp3": "audio/mpeg"}

func (d *decoder) sound(x *chat.Extra) chat.Media {
	m := chat.Media{Medium: chat.Audio}
	if !d.object("input_audio") {
		return m
	}
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		switch string(name) {
		case "data":
			d.inline(&m, d.str("input_audio.data"), "input_audio.data")
		case "format":
			format := strings.ToLower(d.str("input_audio.format"))
			if m.Type = sounds[format]; m.Type == "" && format != "" {
				m.Type = "audio/" + format
			}
		default:
			d.extra(x, "input_audio."+string(name))
		}
	}
	return m
}

func (d *decoder) file(x *chat.Extra) chat.Media {
	m := chat.Media{Medium: chat.Document}
	if !d.object("file") {
		return m
	}
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		switch string(name) {
		case "file_data":
			d.inline(&m, d.str("file.file_data"), "file.file_data")
		case "file_id":
			m.FileID = d.str("file.file_id")
		case "filename":
			m.Name = d.str("file.filename")
		default:
			d.extra(x, "file."+string(name))
		}
	}
	return m
}

// calls reads the calls of an earlier reply.
func (d *decoder) calls() []chat.Part {
	if !d.array("tool_calls") {
		return nil
	}
	var out []chat.Part
	for d.sub, d.j = "tool_calls", 0; d.s.Element(); d.j++ {
		if d.s.Next() != wire.Object {
			d.misfit("", "an object")
			continue
		}
		p := d.call()
		c := p.Content.(chat.ToolCall)
		switch {
		case d.s.Failed():
		case c.ID == "":
			d.refuse(fault.Malformed, "id", "is missing; a call and its result are matched by it.")
		case c.Name == "":
			d.refuse(fault.Malformed, "function.name", "is missing.")
		case c.Custom:
			d.customs = append(d.customs, c.ID)
		}
		out = append(out, p)
	}
	d.sub = ""
	return out
}

// call reads one call. Its signature, where a compatible server of Google's
// put one, is state.
func (d *decoder) call() chat.Part {
	var p chat.Part
	var c chat.ToolCall
	d.s.Object()
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		switch string(name) {
		case "id":
			c.ID = d.str("id")
		case "type":
			switch typ := d.str("type"); typ {
			case "function", "":
			case "custom":
				c.Custom = true
			default:
				d.refuse(fault.Unsupported, "type", "is %q, which Bulkhead does not know.", clip(typ))
			}
		case "function":
			d.called(&c, &p.Extra, "function", "arguments")
		case "custom":
			d.called(&c, &p.Extra, "custom", "input")
		case "extra_content":
			raw := d.raw()
			if p.State = signature(raw); p.State == nil && raw != nil {
				p.Extra = append(p.Extra, chat.Field{Dialect: own, Name: "extra_content", Value: raw})
			}
		case "index":
			d.s.Skip() // of a stream's piece, echoed
		default:
			d.extra(&p.Extra, string(name))
		}
	}
	p.Content = c
	return p
}

func (d *decoder) called(c *chat.ToolCall, extra *chat.Extra, member, input string) {
	if !d.object(member) {
		return
	}
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		switch {
		case string(name) == "name":
			c.Name = d.str(member + ".name")
		case string(name) == input:
			c.Arguments = d.arguments(member + "." + input)
		default:
			d.extra(extra, member+"."+string(name))
		}
	}
}

// arguments reads the text of arguments; some servers give the object itself.
func (d *decoder) arguments(member string) string {
	if d.s.Next() == wire.Object {
		return string(d.s.Slice(d.s.Skip()))
	}
	return d.str(member)
}
