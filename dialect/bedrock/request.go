package bedrock

import (
	"bytes"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Server is the dialect on the caller's side of the hub: Converse,
// ConverseStream and CountTokens.
type Server struct{}

var (
	_ dialects.Server      = Server{}
	_ dialects.CountServer = Server{}
)

// Decode implements dialect.Server.
func (Server) Decode(in *dialects.Inbound, s *wire.Scanner) (*chat.Request, error) {
	s.Reset(in.Body)
	d := decoder{s: s}
	d.steps = make([]step, 0, 16)
	r := &chat.Request{Model: in.Model, Stream: in.Stream, Usage: in.Stream}
	if in.Action == call.CountTokens {
		d.object(func(_ []byte, kind wire.Kind) {
			d.choose(kind, func(input string, kind wire.Kind) {
				if input != "converse" {
					d.refuse(fault.Unsupported, d.path(), "%s cannot be read; count with input.converse.", d.path())
					d.s.Skip()
					return
				}
				d.request(r)
			})
		})
	} else {
		d.request(r)
	}
	if err := s.End(); err != nil {
		return nil, fault.New(fault.Malformed, "The body is not acceptable JSON: %v.", err).Final()
	}
	if d.fault != nil {
		return nil, d.fault.Final()
	}
	d.settle(r)
	return r, nil
}

// decoder reads bodies into the hub: requests, and the messages of replies.
type decoder struct {
	place
	s      *wire.Scanner
	family string // that minted the state of a reply; of a request it is not known
	early  []early
}

// early is a cache point with nothing before it in its list: it marks what
// stands before the list.
type early struct {
	message int // -1: in system
	mark    *chat.CacheMark
}

// object reads an object, member by member. read must read the value; null is
// no member.
func (d *decoder) object(read func(name []byte, kind wire.Kind)) {
	if kind := d.s.Next(); kind != wire.Object {
		if d.s.Skip(); !d.s.Failed() {
			d.misfit(kind, "an object")
		}
		return
	}
	d.s.Object()
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		kind := d.s.Next()
		if kind == wire.Null {
			d.s.Skip()
			continue
		}
		d.into(string(name))
		read(name, kind)
		d.out()
	}
}

// choose reads a union: an object with one member.
func (d *decoder) choose(kind wire.Kind, read func(name string, kind wire.Kind)) {
	if kind != wire.Object {
		d.s.Skip()
		d.misfit(kind, "an object")
		return
	}
	d.object(func(name []byte, kind wire.Kind) { read(string(name), kind) })
}

// each reads the elements of an array.
func (d *decoder) each(kind wire.Kind, read func(i int, kind wire.Kind)) {
	if kind != wire.Array {
		if d.s.Skip(); !d.s.Failed() {
			d.misfit(kind, "an array")
		}
		return
	}
	d.s.Array()
	for i := 0; d.s.Element(); i++ {
		d.element(i)
		read(i, d.s.Next())
		d.out()
	}
}

// str reads a string.
func (d *decoder) str(kind wire.Kind) string {
	span := d.s.Skip()
	switch {
	case d.s.Failed():
		return ""
	case kind != wire.String:
		d.misfit(kind, "a string")
		return ""
	}
	return unquote(d.s.Slice(span))
}

// raw reads any value, as it was written.
func (d *decoder) raw() chat.Raw {
	span := d.s.Skip()
	return bytes.Clone(d.s.Slice(span))
}

func (d *decoder) number(kind wire.Kind) chat.Number {
	span := d.s.Skip()
	switch {
	case d.s.Failed():
		return ""
	case kind != wire.Number:
		d.misfit(kind, "a number")
		return ""
	}
	return chat.Number(d.s.Slice(span))
}

func (d *decoder) truth(kind wire.Kind) bool {
	if d.s.Skip(); kind != wire.True && kind != wire.False && !d.s.Failed() {
		d.misfit(kind, "a boolean")
	}
	return kind == wire.True
}

// own keeps a field that only Bedrock knows.
func (d *decoder) own(x *chat.Extra, field string) {
	*x = append(*x, chat.Field{Dialect: name, Name: field, Value: d.raw()})
}

// request reads the body of Converse.
func (d *decoder) request(r *chat.Request) {
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "messages":
			d.each(kind, func(_ int, kind wire.Kind) { d.message(r) })
		case "system":
			r.Instructions = d.blocks(kind, -1, (*decoder).systemBlock)
		case "inferenceConfig":
			d.limits(&r.Sampling, &r.Extra)
		case "toolConfig":
			d.toolConfig(r)
		case "additionalModelRequestFields":
			d.modelFields(r, kind)
		case "outputConfig":
			d.outputConfig(r)
		case "requestMetadata":
			d.object(func(key []byte, kind wire.Kind) {
				if r.Metadata == nil {
					r.Metadata = map[string]string{}
				}
				k := string(key)
				r.Metadata[k] = d.str(kind)
			})
		case "serviceTier":
			d.object(func(member []byte, kind wire.Kind) {
				if string(member) == "type" {
					r.Tier = d.str(kind)
					return
				}
				d.s.Skip()
			})
		default: // guardrailConfig, promptVariables, performanceConfig, response paths, and what is not known
			d.own(&r.Extra, string(member))
		}
	})
}

// settle puts the marks of cache points that began their list on what stands
// before it. One before which there is nothing marks nothing.
func (d *decoder) settle(r *chat.Request) {
	for _, e := range d.early {
		last := func() **chat.CacheMark {
			for i := e.message - 1; i >= 0; i-- {
				if parts := r.Messages[i].Parts; len(parts) > 0 {
					return &parts[len(parts)-1].Cache
				}
			}
			if n := len(r.Instructions); n > 0 && e.message >= 0 {
				return &r.Instructions[n-1].Cache
			}
			if n := len(r.Tools); n > 0 {
				return &r.Tools[n-1].Cache
			}
			return nil
		}()
		if last != nil {
			*last = e.mark
		}
	}
}

func (d *decoder) message(r *chat.Request) {
	var m chat.Message
	n := len(r.Messages)
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "role":
			m.Role = chat.Role(d.str(kind))
			if m.Role != chat.User && m.Role != chat.Assistant && m.Role != chat.System && d.fault == nil {
				d.refuse(fault.Malformed, d.path(), "%s is no role; write user, assistant or system.", d.path())
			}
		case "content":
			m.Parts = d.blocks(kind, n, (*decoder).block)
		default:
			d.own(&m.Extra, string(member))
		}
	})
	if m.Role == "" && d.fault == nil && !d.s.Failed() {
		d.refuse(fault.Malformed, d.under("role"), "%s is missing; write user, assistant or system.", d.under("role"))
	}
	r.Messages = append(r.Messages, m)
}

// blocks reads a list of content blocks. Cache points become marks on what
// stands before them; of two after one part the last counts.
func (d *decoder) blocks(kind wire.Kind, message int, read func(d *decoder, which string, kind wire.Kind) (chat.Part, bool)) []chat.Part {
	var parts []chat.Part
	d.each(kind, func(_ int, kind wire.Kind) {
		d.choose(kind, func(which string, kind wire.Kind) {
			if which != "cachePoint" {
				if p, ok := read(d, which, kind); ok {
					parts = append(parts, p)
				}
				return
			}
			mark := d.cachePoint()
			if n := len(parts); n > 0 {
				parts[n-1].Cache = mark
			} else {
				d.early = append(d.early, early{message, mark})
			}
		})
	})
	return parts
}

func (d *decoder) cachePoint() *chat.CacheMark {
	mark := &chat.CacheMark{}
	d.object(func(member []byte, kind wire.Kind) {
		if string(member) == "ttl" {
			mark.TTL = d.str(kind)
			return
		}
		d.s.Skip()
	})
	return mark
}

func (d *decoder) systemBlock(which string, kind wire.Kind) (chat.Part, bool) {
	if which == "text" {
		return chat.Say(d.str(kind)), true
	}
	return d.native(which), true
}

// native is a block that only Bedrock knows.
func (d *decoder) native(which string) chat.Part {
	return chat.Part{Content: chat.Native{Dialect: name, Type: which, Value: d.raw()}}
}

func (d *decoder) limits(s *chat.Sampling, x *chat.Extra) {
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "maxTokens":
			s.MaxTokens = d.number(kind)
		case "temperature":
			s.Temperature = d.number(kind)
		case "topP":
			s.TopP = d.number(kind)
		case "stopSequences":
			d.each(kind, func(_ int, kind wire.Kind) { s.Stop = append(s.Stop, d.str(kind)) })
		default:
			d.own(x, "inferenceConfig."+string(member))
		}
	})
}

func (d *decoder) toolConfig(r *chat.Request) {
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "tools":
			d.each(kind, func(_ int, kind wire.Kind) {
				d.choose(kind, func(which string, kind wire.Kind) { d.tool(r, which) })
			})
		case "toolChoice":
			d.choose(kind, func(which string, kind wire.Kind) {
				switch which {
				case "auto", "any":
					d.s.Skip()
					r.Choice = &chat.ToolChoice{Mode: chat.ChoiceMode(which)}
				case "tool":
					r.Choice = &chat.ToolChoice{Mode: chat.ChoiceOne}
					d.object(func(member []byte, kind wire.Kind) {
						if string(member) == "name" {
							r.Choice.Names = []string{d.str(kind)}
							return
						}
						d.s.Skip()
					})
				default:
					d.kind(which, "a choice of tools")
				}
			})
		default:
			d.own(&r.Extra, "toolConfig."+string(member))
		}
	})
}

// kind refuses a member of a union that is not known.
func (d *decoder) kind(which, what string) {
	if d.s.Skip(); d.fault == nil && !d.s.Failed() {
		d.refuse(fault.Unsupported, d.path(), "%s: %q is no kind of %s that Bulkhead knows.", d.path(), clip(which), what)
	}
}

func (d *decoder) tool(r *chat.Request, which string) {
	switch which {
	case "cachePoint":
		mark := d.cachePoint()
		if n := len(r.Tools); n > 0 {
			r.Tools[n-1].Cache = mark
		}
	case "systemTool":
		t := chat.Tool{Kind: chat.NativeTool, Native: &chat.Field{Dialect: name, Name: which, Value: d.raw()}}
		t.Name = peek(t.Native.Value, "name")
		r.Tools = append(r.Tools, t)
	case "toolSpec":
		t := chat.Tool{Kind: chat.Function}
		d.object(func(member []byte, kind wire.Kind) {
			switch string(member) {
			case "name":
				t.Name = d.str(kind)
			case "description":
				t.Description = d.str(kind)
			case "inputSchema":
				d.choose(kind, func(which string, _ wire.Kind) {
					if which != "json" {
						d.kind(which, "schema")
						return
					}
					t.Schema = d.raw()
				})
			case "strict":
				t.Strict = new(d.truth(kind))
			default:
				d.own(&t.Extra, string(member))
			}
		})
		r.Tools = append(r.Tools, t)
	default:
		d.kind(which, "tool")
	}
}

func (d *decoder) outputConfig(r *chat.Request) {
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "effort":
			thinking(r).Effort = d.str(kind)
		case "textFormat":
			r.Format = &chat.Format{Kind: chat.FormatSchema}
			d.textFormat(r.Format)
		default:
			d.own(&r.Extra, "outputConfig."+string(member))
		}
	})
}

func thinking(r *chat.Request) *chat.Thinking {
	if r.Thinking == nil {
		r.Thinking = &chat.Thinking{}
	}
	return r.Thinking
}

// textFormat reads a form of the answer. Its schema is JSON in a string.
func (d *decoder) textFormat(f *chat.Format) {
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "type":
			if word := d.str(kind); word != "json_schema" && d.fault == nil {
				d.refuse(fault.Unsupported, d.path(), "%s is %q; Bulkhead knows json_schema.", d.path(), clip(word))
			}
		case "structure":
			d.choose(kind, func(which string, _ wire.Kind) {
				if which != "jsonSchema" {
					d.kind(which, "structure")
					return
				}
				d.jsonSchema(f)
			})
		default:
			d.own(&f.Extra, string(member))
		}
	})
	if len(f.Schema) == 0 && d.fault == nil && !d.s.Failed() {
		d.refuse(fault.Malformed, d.path(), "%s has no schema.", d.path())
	}
}

func (d *decoder) jsonSchema(f *chat.Format) {
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "schema":
			f.Schema = chat.Raw(d.str(kind))
			if !f.Schema.IsValid() && d.fault == nil {
				d.refuse(fault.Malformed, d.path(), "%s is no JSON; write the schema as JSON in a string.", d.path())
			}
		case "name":
			f.Name = d.str(kind)
		case "description":
			f.Description = d.str(kind)
		default:
			d.own(&f.Extra, string(member))
		}
	})
}
