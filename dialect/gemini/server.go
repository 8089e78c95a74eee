package gemini

import (
	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/wire"
)

// decoder reads a request into the hub.
type decoder struct {
	walker
	req   *chat.Request
	asked []asked // calls that the conversation holds, in order
}

// asked is a call and whether a result has been matched to it.
type asked struct {
	id, name string
	answered bool
}

// Decode reads a request that the gates have read.
func (Server) Decode(in *dialect.Inbound, s *wire.Scanner) (*chat.Request, error) {
	s.Reset(in.Body)
	d := decoder{walker: walker{s: s}, req: &chat.Request{Model: short(in.Model), Stream: in.Stream, Usage: in.Stream}}
	d.request()
	if err := d.end(); err != nil {
		return nil, err
	}
	if d.req.Model == "" && in.Action != call.CountTokens {
		return nil, fault.New(fault.Malformed, "Neither path nor body names a model.").At("model").Final()
	}
	return d.req, nil
}

// request reads the members of a generateContent or a countTokens.
func (d *decoder) request() {
	d.object(func(member string, kind wire.Kind) {
		switch member {
		case "contents":
			d.array(func(int) { d.req.Messages = append(d.req.Messages, d.content()) })
		case "systemInstruction":
			d.req.Instructions = d.content().Parts
		case "generateContentRequest":
			d.request()
		case "tools":
			d.array(func(int) { d.tool() })
		case "toolConfig":
			d.toolConfig()
		case "generationConfig":
			d.config()
		case "cachedContent":
			d.req.Cache.Resource = d.text()
		case "labels":
			d.object(func(key string, _ wire.Kind) {
				if d.req.Metadata == nil {
					d.req.Metadata = map[string]string{}
				}
				d.req.Metadata[key] = d.text()
			})
		case "serviceTier":
			d.req.Tier = tierWord(d.text())
		case "store":
			d.req.Store = new(d.boolean())
		case "model":
			if said := short(d.text()); d.req.Model == "" {
				d.req.Model = said
			}
		case "endpoint":
			d.s.Skip() // the path says it
		default:
			d.keep(member)
		}
	})
}

// keep keeps a field that only this dialect knows, by its path.
func (d *decoder) keep(path string) {
	d.req.Extra = append(d.req.Extra, chat.Field{Dialect: name, Name: path, Value: d.raw()})
}

// content reads one turn.
func (d *decoder) content() chat.Message {
	m := chat.Message{Role: chat.User}
	d.object(func(member string, _ wire.Kind) {
		switch member {
		case "role":
			switch role := d.text(); role {
			case "model":
				m.Role = chat.Assistant
			case "user", "function", "tool", "system", "":
			default:
				d.refuse(fault.Malformed, "%s is no role; use user or model.", d.field())
			}
		case "parts":
			d.array(func(int) {
				if p := d.part(); p.Content != nil {
					m.Parts = append(m.Parts, p)
				}
			})
		default:
			m.Extra = append(m.Extra, chat.Field{Dialect: name, Name: member, Value: d.raw()})
		}
	})
	return m
}

// part reads a part; one that says nothing has no content.
func (d *decoder) part() chat.Part {
	var p chat.Part
	var said bool
	text, thought := "", false
	d.object(func(member string, _ wire.Kind) {
		switch member {
		case "text":
			text, said = d.text(), true
		case "thought":
			thought = d.boolean()
		case "thoughtSignature":
			if blob := d.text(); blob != "" && blob != noSignature {
				p.State = &chat.State{Kind: chat.ThoughtSig, Blob: blob}
			}
		case "inlineData", "fileData":
			p.Content = d.media()
		case "functionCall":
			p.Content = d.call()
		case "functionResponse":
			p.Content = d.result(&p.Extra)
		case "executableCode", "codeExecutionResult", "toolCall", "toolResponse":
			p.Content = chat.Native{Dialect: name, Type: member, Value: d.raw()}
		default:
			p.Extra = append(p.Extra, chat.Field{Dialect: name, Name: member, Value: d.raw()})
		}
	})
	switch {
	case p.Content != nil && said:
		d.refuse(fault.Malformed, "%s is several things at once; make each a part of its own.", d.field())
	case p.Content != nil:
	case thought:
		p.Content = chat.Reasoning{Text: text, Summary: true}
	case said || p.State != nil:
		p.Content = chat.Text{Text: text}
	}
	return p
}

// media reads inlineData or fileData.
func (d *decoder) media() chat.Content {
	var m chat.Media
	d.object(func(member string, _ wire.Kind) {
		switch member {
		case "mimeType":
			m.Type = mediaType(d.text())
		case "data":
			m.Data = standard(d.text())
		case "displayName":
			m.Name = d.text()
		case "fileUri":
			if uri := d.text(); kept(uri) {
				m.FileID = uri
			} else {
				m.URL = uri
			}
		default:
			d.s.Skip()
		}
	})
	m.Medium = chatMedium(m.Type)
	return m
}

// call reads a call that an earlier reply made. One without an id gets one, by
// its place, so that its result can name it.
func (d *decoder) call() chat.Content {
	var c chat.ToolCall
	d.object(func(member string, kind wire.Kind) {
		switch {
		case member == "id":
			c.ID = d.text()
		case member == "name":
			c.Name = d.text()
		case member == "args" && kind == wire.Object:
			c.Arguments = string(d.slice())
		case member == "args":
			d.misfit(kind, "an object")
		default:
			d.s.Skip() // pieces of arguments, which a whole call repeats
		}
	})
	if c.Arguments == "" {
		c.Arguments = "{}"
	}
	if c.ID == "" {
		c.ID = mint("request", c.Name, len(d.asked))
	}
	d.asked = append(d.asked, asked{id: c.ID, name: c.Name})
	return c
}

// result reads what a tool gave back. One without an id is that of the first
// call of its name that has none yet.
func (d *decoder) result(extra *chat.Extra) chat.Content {
	var r chat.ToolResult
	var media []chat.Part
	d.object(func(member string, kind wire.Kind) {
		switch member {
		case "id":
			r.CallID = d.text()
		case "name":
			r.Name = d.text()
		case "response":
			d.response(&r)
		case "parts":
			d.array(func(int) {
				var p chat.Part
				d.object(func(member string, _ wire.Kind) {
					if member == "inlineData" || member == "fileData" {
						p.Content = d.media()
						return
					}
					p.Extra = append(p.Extra, chat.Field{Dialect: name, Name: member, Value: d.raw()})
				})
				if p.Content != nil {
					media = append(media, p)
				}
			})
		default:
			*extra = append(*extra, chat.Field{Dialect: name, Name: "functionResponse." + member, Value: d.raw()})
		}
	})
	r.Parts = append(r.Parts, media...)
	for i := range d.asked {
		a := &d.asked[i]
		if a.id == r.CallID || r.CallID == "" && a.name == r.Name && !a.answered {
			r.CallID, a.answered = a.id, true
			break
		}
	}
	if r.CallID == "" {
		r.CallID = mint("orphan", r.Name, len(d.asked))
	}
	return r
}

// response reads the object of a result. {"result": …} and {"error": …} with
// one string are text, which is how this package writes it.
func (d *decoder) response(r *chat.ToolResult) {
	if kind := d.s.Next(); kind != wire.Object {
		d.misfit(kind, "an object")
		return
	}
	at := d.s.Pos()
	members, only, value, kind := 0, "", []byte(nil), wire.Invalid
	d.s.Object()
	for raw := d.s.Name(); raw != nil; raw = d.s.Name() {
		members++
		only, kind = string(raw), d.s.Next()
		value = d.slice()
	}
	if d.s.Failed() {
		return
	}
	whole := chat.Raw(append([]byte(nil), d.s.Slice(wire.Span{Start: at, End: d.s.Pos()})...))
	wrapped := members == 1 && (only == "result" || only == "error")
	r.Error = members == 1 && only == "error"
	switch {
	case wrapped && kind == wire.String:
		r.Parts = append(r.Parts, chat.Say(unquote(value)))
	case r.Error:
		r.Parts = append(r.Parts, chat.Part{Content: chat.JSON{Value: append(chat.Raw(nil), value...)}})
	default:
		r.Parts = append(r.Parts, chat.Part{Content: chat.JSON{Value: whole}})
	}
}

// Fields is the dialect's table.
func (Server) Fields() dialect.Fields { return fields }
