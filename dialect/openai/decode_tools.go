package openai

import (
	"strings"

	"github.com/go-json-experiment/json"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"
)

// signature gives the state in Google's extension of a call, nil if it holds
// anything else (Gemini API, OpenAI compatibility, thought signatures, 2026).
func signature(raw chat.Raw) *chat.State {
	var x struct {
		Google struct {
			Signature string `json:"thought_signature"`
		} `json:"google"`
	}
	if raw == nil || json.Unmarshal(raw, &x, json.RejectUnknownMembers(true)) != nil || x.Google.Signature == "" {
		return nil
	}
	return &chat.State{Kind: chat.ThoughtSig, Blob: x.Google.Signature}
}

// tools reads the tools on offer.
func (d *decoder) tools(r *chat.Request) {
	if !d.array("tools") {
		return
	}
	for d.list, d.i = "tools", 0; d.s.Element(); d.i++ {
		if d.s.Next() != wire.Object {
			d.misfit("", "an object with a type")
			continue
		}
		r.Tools = append(r.Tools, d.tool())
	}
	d.list, d.i = "", 0
}

func (d *decoder) tool() chat.Tool {
	var t chat.Tool
	at := d.s.Pos()
	typ := ""
	d.s.Object()
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		switch string(name) {
		case "type":
			typ = d.str("type")
		case "function", "custom":
			d.define(&t, string(name))
		default:
			d.extra(&t.Extra, string(name))
		}
	}
	switch _, hosted, known := toolCapability(typ); {
	case d.s.Failed():
	case !known:
		d.refuse(fault.Unsupported, "type", "is %q, which Bulkhead does not know. Tools of the types function and custom run at the caller.", clip(typ))
	case hosted:
		whole := strings.TrimSpace(string(d.s.Slice(wire.Span{Start: at, End: d.s.Pos()})))
		return chat.Tool{Kind: chat.NativeTool, Native: &chat.Field{Dialect: own, Name: typ, Value: chat.Raw(whole)}}
	default:
		if t.Kind = chat.Function; typ == "custom" {
			t.Kind = chat.CustomTool
		}
		if t.Name == "" {
			d.refuse(fault.Malformed, typ+".name", "is missing.")
		}
	}
	return t
}

// define reads what a function or custom tool is.
func (d *decoder) define(t *chat.Tool, member string) {
	if !d.object(member) {
		return
	}
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		switch string(name) {
		case "name":
			t.Name = d.str(member + ".name")
		case "description":
			t.Description = d.str(member + ".description")
		case "parameters":
			t.Schema = d.raw()
		case "strict":
			t.Strict = d.flag(member + ".strict")
		case "format":
			t.Grammar = d.grammar(member + ".format")
		default:
			d.extra(&t.Extra, member+"."+string(name))
		}
	}
}

// grammar reads the form of a custom tool's input. The hub has it as the
// responses dialect does: {"type","syntax","definition"}, without the level
// between that this dialect has.
func (d *decoder) grammar(member string) chat.Raw {
	if !d.object(member) {
		return nil
	}
	var typ, syntax, definition string
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		switch string(name) {
		case "type":
			typ = d.str(member + ".type")
		case "syntax":
			syntax = d.str(member + ".syntax")
		case "definition":
			definition = d.str(member + ".definition")
		case "grammar":
			if d.object(member + ".grammar") {
				for inner := d.s.Name(); inner != nil; inner = d.s.Name() {
					switch string(inner) {
					case "syntax":
						syntax = d.str(member + ".grammar.syntax")
					case "definition":
						definition = d.str(member + ".grammar.definition")
					default:
						d.s.Skip()
					}
				}
			}
		default:
			d.s.Skip()
		}
	}
	w := writer{}
	w.open('{')
	w.str("type", typ)
	w.said("syntax", syntax)
	w.said("definition", definition)
	w.close('}')
	return chat.Raw(w.b)
}

// choice reads how the model is to choose among the tools.
func (d *decoder) choice(r *chat.Request) {
	const field = "tool_choice"
	modes := map[string]chat.ChoiceMode{"auto": chat.ChoiceAuto, "none": chat.ChoiceNone, "required": chat.ChoiceAny}
	if d.s.Next() == wire.String {
		word := d.text()
		if modes[word] == "" {
			d.refuse(fault.Unsupported, field, "is %q; it may be auto, none, required, or an object.", clip(word))
			return
		}
		r.Choice = &chat.ToolChoice{Mode: modes[word]}
		return
	}
	if !d.object(field) {
		return
	}
	c := &chat.ToolChoice{Mode: chat.ChoiceOne}
	typ := ""
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		switch member := string(name); member {
		case "type":
			typ = d.str(field + ".type")
		case "function", "custom":
			c.Names = append(c.Names, d.named(field+"."+member))
		case "allowed_tools":
			mode := "auto"
			if d.object(field + ".allowed_tools") {
				for inner := d.s.Name(); inner != nil; inner = d.s.Name() {
					switch string(inner) {
					case "mode":
						mode = d.str(field + ".allowed_tools.mode")
					case "tools":
						c.Names = d.allowed(field + ".allowed_tools.tools")
					default:
						d.s.Skip()
					}
				}
			}
			c.Mode = modes[mode]
		default:
			d.extra(&c.Extra, member)
		}
	}
	switch {
	case typ != "function" && typ != "custom" && typ != "allowed_tools":
		d.refuse(fault.Unsupported, field+".type", "is %q; it may be function, custom or allowed_tools.", clip(typ))
	case c.Mode == "":
		d.refuse(fault.Malformed, field+".allowed_tools.mode", "may be auto or required.")
	case c.Mode == chat.ChoiceOne && (len(c.Names) != 1 || c.Names[0] == ""):
		d.refuse(fault.Malformed, field+"."+typ+".name", "is missing.")
	}
	r.Choice = c
}

// named reads {"name": …}.
func (d *decoder) named(member string) (out string) {
	if d.object(member) {
		for name := d.s.Name(); name != nil; name = d.s.Name() {
			if string(name) == "name" {
				out = d.str(member + ".name")
			} else {
				d.s.Skip()
			}
		}
	}
	return out
}

// allowed reads the tools of a subset.
func (d *decoder) allowed(member string) []string {
	var out []string
	if !d.array(member) {
		return nil
	}
	for d.s.Element() {
		if !d.object(member) {
			continue
		}
		for name := d.s.Name(); name != nil; name = d.s.Name() {
			switch string(name) {
			case "function", "custom":
				out = append(out, d.named(member+".name"))
			case "type":
				if typ := d.str(member + ".type"); typ != "function" && typ != "custom" {
					d.refuse(fault.Unsupported, member, "names a tool of the type %q; only functions and custom tools can be translated.", clip(typ))
				}
			default:
				d.s.Skip()
			}
		}
	}
	return out
}

// format reads the form that the answer must have.
func (d *decoder) format(r *chat.Request) {
	const field = "response_format"
	if !d.object(field) {
		return
	}
	f := &chat.Format{}
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		switch string(name) {
		case "type":
			f.Kind = chat.FormatKind(d.str(field + ".type"))
		case "json_schema":
			d.schema(f, field+".json_schema")
		default:
			d.extra(&f.Extra, string(name))
		}
	}
	switch f.Kind {
	case chat.FormatText, chat.FormatObject, chat.FormatSchema:
	default:
		d.refuse(fault.Unsupported, field+".type", "is %q; it may be text, json_object or json_schema.", clip(string(f.Kind)))
	}
	r.Format = f
}

func (d *decoder) schema(f *chat.Format, member string) {
	if !d.object(member) {
		return
	}
	for name := d.s.Name(); name != nil; name = d.s.Name() {
		switch string(name) {
		case "name":
			f.Name = d.str(member + ".name")
		case "description":
			f.Description = d.str(member + ".description")
		case "schema":
			f.Schema = d.raw()
		case "strict":
			f.Strict = d.flag(member + ".strict")
		default:
			d.extra(&f.Extra, "json_schema."+string(name))
		}
	}
}
