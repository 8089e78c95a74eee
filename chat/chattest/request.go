package chattest

import (
	"pgregory.net/rapid"

	"bulkhead/chat"
)

// Request makes a random request: turns of a user and an assistant whose calls
// all have results, ending with the user.
func Request(t *rapid.T, can Can) *chat.Request {
	m := &maker{t: t, can: can}
	r := &chat.Request{Model: m.name("model"), Stream: m.coin("stream"), Sampling: m.sampling()}
	if m.maybe(can.Instructions, "instructions") {
		r.Instructions = []chat.Part{m.said("instruction")}
	}
	if can.Tools {
		m.tools(r)
	}
	if len(can.Formats) > 0 && m.coin("format") {
		r.Format = m.format()
	}
	if len(can.Efforts) > 0 && m.coin("effort") {
		r.Thinking = &chat.Thinking{Effort: pick(m, can.Efforts, "effort")}
	}
	r.Messages = append(r.Messages, m.user(nil))
	for range rapid.IntRange(0, 2).Draw(t, "turns") {
		if len(can.Roles) > 0 && m.coin("mid-conversation") {
			r.Messages = append(r.Messages, chat.Message{Role: pick(m, can.Roles, "role"), Parts: []chat.Part{m.said("instruction")}})
		}
		turn := chat.Message{Role: chat.Assistant, Parts: m.turn(r.Tools)}
		r.Messages = append(r.Messages, turn, m.user(turn.Parts))
		if m.maybe(can.Adjacent, "adjacent") {
			r.Messages = append(r.Messages, m.user(nil))
		}
	}
	return r
}

// said is a text with or without a cache mark.
func (m *maker) said(label string) chat.Part {
	p := chat.Say(m.text(label))
	p.Cache = m.mark("cache of " + label)
	return p
}

func (m *maker) tools(r *chat.Request) {
	for range rapid.IntRange(0, 3).Draw(m.t, "tools") {
		if m.maybe(m.can.Custom, "custom") {
			r.Tools = append(r.Tools, chat.Tool{Kind: chat.CustomTool, Name: m.id("custom"), Description: m.text("description")})
			continue
		}
		tool := chat.Tool{Kind: chat.Function, Name: m.id("tool"), Description: m.text("description"), Cache: m.mark("cache of tool"),
			Schema: chat.Raw(pick(m, []string{`{"type":"object","properties":{}}`, `{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"integer","maximum":9007199254740993}},"required":["b"],"additionalProperties":false}`}, "schema"))}
		r.Tools = append(r.Tools, tool)
	}
	if len(r.Tools) > 0 && m.coin("choice") {
		r.Choice = &chat.ToolChoice{Mode: pick(m, []chat.ChoiceMode{chat.ChoiceAuto, chat.ChoiceAny}, "mode")}
		if r.Tools[0].Kind == chat.Function && m.coin("forced") {
			r.Choice = &chat.ToolChoice{Mode: chat.ChoiceOne, Names: []string{r.Tools[0].Name}}
		}
	}
}

func (m *maker) format() *chat.Format {
	f := &chat.Format{Kind: pick(m, m.can.Formats, "format")}
	if f.Kind == chat.FormatSchema {
		f.Name, f.Schema = m.name("schema name"), chat.Raw(`{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"number"}},"required":["z","a"],"additionalProperties":false}`)
	}
	return f
}

// user makes a user's message with results for the calls of the turn before.
func (m *maker) user(before []chat.Part) chat.Message {
	msg := chat.Message{Role: chat.User}
	for _, p := range before {
		if c, ok := p.Content.(chat.ToolCall); ok {
			msg.Parts = append(msg.Parts, m.result(c))
		}
	}
	if len(msg.Parts) > 0 && m.coin("results alone") {
		return msg
	}
	if m.maybe(m.can.Names && len(msg.Parts) == 0, "name") {
		msg.Name = m.name("name")
	}
	msg.Parts = append(msg.Parts, m.said("prompt"))
	for range rapid.IntRange(0, 2).Draw(m.t, "more parts") {
		if len(m.can.Media) > 0 && m.coin("media") {
			msg.Parts = append(msg.Parts, m.media(pick(m, m.can.Media, "medium")))
			continue
		}
		msg.Parts = append(msg.Parts, m.said("prompt"))
	}
	return msg
}

// mediaTypes are types that every dialect with the medium takes.
var mediaTypes = map[chat.Medium]string{chat.Image: "image/png", chat.Document: "application/pdf", chat.Audio: "audio/wav", chat.Video: "video/mp4"}

func (m *maker) media(what chat.Medium) chat.Part {
	x := chat.Media{Medium: what, Type: mediaTypes[what]}
	if m.maybe(m.can.URLs && what == chat.Image, "by address") {
		x.Type, x.URL = "", "https://images.example/a.png?x=1&y=é"
	} else {
		x.Data = m.base64("data")
	}
	if what == chat.Document {
		x.Name = m.name("document")
	}
	return chat.Part{Content: x, Cache: m.mark("cache of media")}
}

func (m *maker) result(c chat.ToolCall) chat.Part {
	r := chat.ToolResult{CallID: c.ID, Custom: c.Custom, Error: m.maybe(m.can.ResultErrors, "error")}
	if m.can.ResultNames {
		r.Name = c.Name
	}
	switch {
	case m.maybe(m.can.ResultJSON, "structured"):
		r.Parts = append(r.Parts, chat.Part{Content: chat.JSON{Value: chat.Raw(m.object("result"))}})
	default:
		r.Parts = append(r.Parts, chat.Say(m.text("result")))
	}
	if m.maybe(m.can.ResultMedia, "image") {
		r.Parts = append(r.Parts, chat.Part{Content: chat.Media{Medium: chat.Image, Type: "image/png", Data: m.base64("image")}})
	}
	return chat.Part{Content: r, Cache: m.mark("cache of result")}
}
