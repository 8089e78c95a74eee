package anthropic

import (
	"fmt"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Fields implements [dialects.Server].
func (Server) Fields() dialects.Fields { return table }

// Decode implements [dialects.Server].
func (Server) Decode(in *dialects.Inbound, s *wire.Scanner) (*chat.Request, error) {
	d := unpacker{req: &chat.Request{Model: in.Model, Stream: in.Stream}}
	s.Reset(in.Body)
	if s.Object() {
		for name := s.Name(); name != nil; name = s.Name() {
			d.field(s, name)
		}
	}
	if err := s.End(); err != nil {
		return nil, fault.New(fault.Malformed, "The body is not acceptable JSON: %v.", err).Final()
	}
	if d.fault != nil {
		return nil, d.fault.Final()
	}
	d.betas = append(betasOf(in.Header), d.betas...)
	if len(d.betas) > 0 {
		d.req.Extra = append(d.req.Extra, own("anthropic-beta", listOf(d.betas)))
	}
	if p := in.Header.Get(headerProfile); p != "" {
		d.req.Extra = append(d.req.Extra, own("anthropic-user-profile-id", quoted(nil, p)))
	}
	d.req.Usage = d.req.Stream // a stream of this dialect always counts
	return d.req, nil
}

// unpacker reads one request into the hub.
type unpacker struct {
	req   *chat.Request
	fault *fault.Fault
	betas []string
	deep  []*wire.Scanner // for values that are read after those beside them
	depth int
}

// own is a field that only this dialect knows.
func own(field string, value []byte) chat.Field {
	return chat.Field{Dialect: name, Name: field, Value: append(chat.Raw(nil), value...)}
}

// keep reads a value as it was written into an extra. null says nothing, and
// what only a lenient scanner takes for JSON is not passed on.
func keep(s *wire.Scanner, x *chat.Extra, field string) {
	null := s.Next() == wire.Null
	raw := s.Slice(s.Skip())
	if !null && !s.Failed() && (!s.Lenient || chat.Raw(raw).IsValid()) {
		put(x, own(field, raw))
	}
}

// put adds a field, in place of an earlier one of its name.
func put(x *chat.Extra, f chat.Field) {
	for i := range *x {
		if (*x)[i].Name == f.Name {
			(*x)[i] = f
			return
		}
	}
	*x = append(*x, f)
}

func (d *unpacker) malformed(field, format string, args ...any) {
	if d.fault == nil {
		d.fault = fault.New(fault.Malformed, "%s %s.", field, fmt.Sprintf(format, args...)).At(field)
	}
}

// later reads a value that was passed over with a scanner of its own.
func (d *unpacker) later(raw []byte, read func(s *wire.Scanner)) {
	if len(d.deep) == d.depth {
		d.deep = append(d.deep, new(wire.Scanner))
	}
	s := d.deep[d.depth]
	d.depth++
	s.Reset(raw)
	read(s)
	d.depth--
}

// field reads a top-level field.
func (d *unpacker) field(s *wire.Scanner, name []byte) {
	r := d.req
	kind := s.Next()
	if kind == wire.Null {
		s.Skip()
		return
	}
	switch string(name) {
	case "model":
		if m := text(s); r.Model == "" {
			r.Model = m
		}
	case "messages":
		d.messages(s)
	case "system":
		r.Instructions = d.parts(s, "system")
	case "max_tokens":
		r.Sampling.MaxTokens = numberOf(s)
	case "temperature":
		r.Sampling.Temperature = numberOf(s)
	case "top_p":
		r.Sampling.TopP = numberOf(s)
	case "top_k":
		r.Sampling.TopK = numberOf(s)
	case "stop_sequences":
		r.Sampling.Stop = texts(s)
	case "stream":
		s.Skip()
		r.Stream = r.Stream || kind == wire.True
	case "cache_control":
		r.Cache.Auto = cacheMark(s, &r.Extra)
	case "thinking":
		d.thinking(s)
	case "output_config":
		d.outputConfig(s)
	case "output_format": // the older place of output_config.format
		d.format(s, "output_format")
	case "metadata":
		d.members(s, "metadata", func(name []byte) {
			if string(name) == "user_id" {
				r.SafetyID = text(s)
			} else {
				keep(s, &r.Extra, "metadata."+string(name))
			}
		})
	case "service_tier":
		if r.Tier = text(s); r.Tier == "standard_only" {
			r.Tier = tierDefault
		}
	case "tools":
		d.tools(s)
	case "tool_choice":
		d.choice(s)
	case "anthropic_beta":
		d.betas = append(d.betas, texts(s)...)
	case "anthropic_version":
		s.Skip()
	default:
		keep(s, &r.Extra, string(name))
	}
}

// tierDefault is the hub's word for a vendor's usual tier.
const tierDefault = "default"

// members reads an object; what is none is refused.
func (d *unpacker) members(s *wire.Scanner, field string, read func(name []byte)) {
	if kind := s.Next(); kind != wire.Object {
		if s.Skip(); !s.Failed() {
			d.malformed(field, "is %s; it must be an object", kind)
		}
		return
	}
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		read(name)
	}
}

// numberOf reads a number as it was written.
func numberOf(s *wire.Scanner) chat.Number {
	is := s.Next() == wire.Number
	span := s.Skip()
	if !is || s.Failed() {
		return ""
	}
	return chat.Number(s.Slice(span))
}

// booleanOf reads a boolean; anything else says nothing.
func booleanOf(s *wire.Scanner) *bool {
	kind := s.Next()
	if s.Skip(); kind != wire.True && kind != wire.False {
		return nil
	}
	return new(kind == wire.True)
}

// texts reads a list of strings.
func texts(s *wire.Scanner) []string {
	if s.Next() != wire.Array {
		s.Skip()
		return nil
	}
	var out []string
	s.Array()
	for s.Element() {
		out = append(out, text(s))
	}
	return out
}

// cacheMark reads cache_control.
func cacheMark(s *wire.Scanner, x *chat.Extra) *chat.CacheMark {
	if s.Next() != wire.Object {
		s.Skip()
		return nil
	}
	m := &chat.CacheMark{}
	s.Object()
	for name := s.Name(); name != nil; name = s.Name() {
		switch string(name) {
		case "type":
			s.Skip() // ephemeral is the only one
		case "ttl":
			m.TTL = text(s)
		default:
			keep(s, x, "cache_control."+string(name))
		}
	}
	return m
}

func (d *unpacker) think() *chat.Thinking {
	if d.req.Thinking == nil {
		d.req.Thinking = &chat.Thinking{}
	}
	return d.req.Thinking
}

func (d *unpacker) thinking(s *wire.Scanner) {
	d.members(s, "thinking", func(name []byte) {
		t := d.think()
		switch string(name) {
		case "type":
			switch t.Mode = chat.ThinkingMode(text(s)); t.Mode {
			case chat.ThinkingOn, chat.ThinkingAdaptive, chat.ThinkingOff:
			default:
				d.malformed("thinking.type", "is not one of enabled, adaptive and disabled")
			}
		case "budget_tokens":
			t.Budget = numberOf(s)
		case "display":
			t.Display = text(s)
		default:
			keep(s, &t.Extra, string(name))
		}
	})
	if d.think().Mode == "" {
		d.malformed("thinking.type", "is not one of enabled, adaptive and disabled")
	}
}

func (d *unpacker) outputConfig(s *wire.Scanner) {
	d.members(s, "output_config", func(name []byte) {
		null := s.Next() == wire.Null
		switch {
		case null:
			s.Skip()
		case string(name) == "effort":
			d.think().Effort = text(s)
		case string(name) == "format":
			d.format(s, "output_config.format")
		default:
			keep(s, &d.req.Extra, "output_config."+string(name))
		}
	})
}

func (d *unpacker) format(s *wire.Scanner, field string) {
	f := &chat.Format{}
	d.members(s, field, func(name []byte) {
		switch string(name) {
		case "type":
			if f.Kind = chat.FormatKind(text(s)); f.Kind != chat.FormatSchema {
				d.malformed(field+".type", "is not json_schema, the only one")
			}
		case "schema":
			if s.Next() != wire.Object {
				d.malformed(field+".schema", "is %s; it must be an object", s.Next())
			}
			f.Schema = append(chat.Raw(nil), s.Slice(s.Skip())...)
		default:
			keep(s, &f.Extra, string(name))
		}
	})
	if f.Schema == nil || f.Kind == "" {
		d.malformed(field, "needs type json_schema and a schema")
	}
	d.req.Format = f
}

func (d *unpacker) choice(s *wire.Scanner) {
	c := &chat.ToolChoice{}
	one := ""
	d.members(s, "tool_choice", func(name []byte) {
		switch string(name) {
		case "type":
			switch word := text(s); word {
			case "auto", "any", "none":
				c.Mode = chat.ChoiceMode(word)
			case "tool":
				c.Mode = chat.ChoiceOne
			default:
				d.malformed("tool_choice.type", "is not one of auto, any, tool and none")
			}
		case "name":
			one = text(s)
		case "disable_parallel_tool_use":
			if b := booleanOf(s); b != nil {
				d.req.Parallel = new(!*b)
			}
		default:
			keep(s, &c.Extra, string(name))
		}
	})
	if c.Mode == "" {
		d.malformed("tool_choice.type", "is not one of auto, any, tool and none")
	}
	if c.Mode == chat.ChoiceOne {
		if one == "" {
			d.malformed("tool_choice.name", "names no tool")
		}
		c.Names = []string{one}
	}
	d.req.Choice = c
}

func (d *unpacker) tools(s *wire.Scanner) {
	s.Array()
	for i := 0; s.Element(); i++ {
		field := fmt.Sprintf("tools[%d]", i)
		if kind := s.Next(); kind != wire.Object {
			s.Skip()
			d.malformed(field, "is %s; it must be an object", kind)
			continue
		}
		d.req.Tools = append(d.req.Tools, d.tool(s, field))
	}
}

// tool reads a definition. One of Anthropic's own is kept whole.
func (d *unpacker) tool(s *wire.Scanner, field string) chat.Tool {
	s.Next() // past white space
	at := s.Pos()
	t := chat.Tool{Kind: chat.Function}
	typ := ""
	d.members(s, field, func(name []byte) {
		switch {
		case s.Next() == wire.Null:
			s.Skip()
		case string(name) == "type":
			typ = text(s)
		case string(name) == "name":
			t.Name = text(s)
		case string(name) == "description":
			t.Description = text(s)
		case string(name) == "input_schema":
			t.Schema = append(chat.Raw(nil), s.Slice(s.Skip())...)
		case string(name) == "strict":
			t.Strict = booleanOf(s)
		case string(name) == "cache_control":
			t.Cache = cacheMark(s, &t.Extra)
		default:
			keep(s, &t.Extra, string(name))
		}
	})
	if typ != "" && typ != "custom" {
		whole := own(typ, s.Slice(wire.Span{Start: at, End: s.Pos()}))
		return chat.Tool{Kind: chat.NativeTool, Name: typ, Native: &whole}
	}
	if t.Name == "" {
		d.malformed(field+".name", "names no tool")
	}
	return t
}
