package bedrock

import (
	"github.com/go-json-experiment/json"

	"bulkhead/chat"
	"bulkhead/wire"
)

// modelPrefix begins the name under which a field that Converse passes on to
// the model is kept.
const modelPrefix = "additionalModelRequestFields."

// modelFields takes from what Converse passes on to the model what other
// dialects can say too: how it is to reason, top_k, and whether it may call
// several tools at once. The rest is kept as it was written.
func (d *decoder) modelFields(r *chat.Request, kind wire.Kind) {
	if kind != wire.Object {
		d.own(&r.Extra, "additionalModelRequestFields")
		return
	}
	d.object(func(member []byte, kind wire.Kind) {
		field := string(member)
		switch {
		case field == "top_k" && kind == wire.Number:
			r.Sampling.TopK = d.number(kind)
		case field == "reasoning_effort" && kind == wire.String:
			thinking(r).Effort = d.str(kind)
		case field == "thinking" && kind == wire.Object:
			d.thinking(r)
		case field == "tool_choice" && kind == wire.Object:
			d.modelChoice(r)
		default:
			d.own(&r.Extra, modelPrefix+field)
		}
	})
}

// thinking reads Claude's own way to ask for reasoning.
func (d *decoder) thinking(r *chat.Request) {
	t := thinking(r)
	d.object(func(member []byte, kind wire.Kind) {
		switch {
		case string(member) == "type":
			t.Mode = chat.ThinkingMode(d.str(kind))
		case string(member) == "budget_tokens":
			t.Budget = d.number(kind)
		case string(member) == "display" && kind == wire.String:
			t.Display = d.str(kind)
		default:
			d.own(&t.Extra, string(member))
		}
	})
}

// modelChoice reads Claude's own choice of tools, which can forbid that it
// calls several at once. A choice that says more is kept as it was written.
func (d *decoder) modelChoice(r *chat.Request) {
	raw := d.raw()
	if d.s.Failed() {
		return
	}
	var c struct {
		Type    string `json:"type"`
		Name    string `json:"name"`
		Disable *bool  `json:"disable_parallel_tool_use"`
	}
	if err := json.Unmarshal(raw, &c, json.RejectUnknownMembers(true)); err != nil || c.Disable == nil || c.Type != "" && c.Type != "auto" {
		r.Extra = append(r.Extra, chat.Field{Dialect: name, Name: modelPrefix + "tool_choice", Value: raw})
		return
	}
	r.Parallel = new(!*c.Disable)
}

// peek gives a string member of an object; empty if there is none.
func peek(v chat.Raw, member string) string {
	var s wire.Scanner
	s.Reset(v)
	s.Lenient = true
	out := ""
	if s.Next() != wire.Object || !s.Object() {
		return ""
	}
	for n := s.Name(); n != nil; n = s.Name() {
		if string(n) == member && s.Next() == wire.String {
			if span := s.Skip(); !s.Failed() {
				out = unquote(s.Slice(span))
			}
			continue
		}
		s.Skip()
	}
	return out
}
