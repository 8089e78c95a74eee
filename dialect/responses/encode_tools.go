package responses

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"bulkhead/chat"
)

// tools writes the tools on offer and how the model is to choose.
func (e *encoder) tools(r *chat.Request) error {
	if len(r.Tools) > 0 {
		e.array("tools")
		for i := range r.Tools {
			if err := e.tool(i, &r.Tools[i]); err != nil {
				return err
			}
		}
		e.close(']')
	}
	e.choice(r)
	if r.Parallel != nil {
		e.bool("parallel_tool_calls", *r.Parallel)
	}
	return nil
}

// tool writes one tool. The dialect's default of strict is true, so that what
// was not stated is said (MAPPING trap 26).
func (e *encoder) tool(i int, t *chat.Tool) error {
	if t.Cache != nil {
		e.losses.Drop("tools[].cache")
	}
	if t.Kind == chat.NativeTool {
		if t.Native == nil || t.Native.Dialect != own {
			return e.losses.Refuse(fmt.Sprintf("tools[%d]", i), fmt.Sprintf("has no hosted tool %q of another dialect", clip(t.Name)))
		}
		e.next()
		e.value(string(t.Native.Value))
		return nil
	}
	e.element()
	if t.Kind == chat.CustomTool {
		e.str("type", "custom")
		e.str("name", t.Name)
		e.opt("description", t.Description)
		if form := grammar(t.Grammar); form != nil {
			e.raw("format", string(form))
		}
	} else {
		e.str("type", "function")
		e.str("name", t.Name)
		if e.echo {
			e.orNull("description", t.Description)
		} else {
			e.opt("description", t.Description)
		}
		if len(t.Schema) > 0 {
			e.raw("parameters", string(t.Schema))
		} else {
			e.raw("parameters", "null")
		}
		e.bool("strict", t.Strict != nil && *t.Strict)
	}
	e.own(e.losses.Own("tools[]", t.Extra))
	e.close('}')
	return nil
}

// grammar gives the form of a custom tool's input as the dialect has it, its
// syntax and definition beside its type: also where they stand a level down.
func grammar(raw chat.Raw) chat.Raw {
	var g struct {
		Grammar *struct {
			Syntax     string `json:"syntax"`
			Definition string `json:"definition"`
		} `json:"grammar"`
	}
	if len(raw) == 0 || json.Unmarshal(raw, &g) != nil {
		return nil
	}
	if g.Grammar == nil {
		return raw
	}
	w := writer{}
	w.open('{')
	w.str("type", "grammar")
	w.str("syntax", g.Grammar.Syntax)
	w.str("definition", g.Grammar.Definition)
	w.close('}')
	return w.b
}

// choice writes how the model is to choose among the tools.
func (e *encoder) choice(r *chat.Request) {
	c := r.Choice
	if c == nil {
		return
	}
	own := e.losses.Own("tool_choice", c.Extra)
	if whole := own.Get("responses", wholeChoice); whole != nil {
		e.raw("tool_choice", string(whole))
		return
	}
	switch {
	case c.Mode == chat.ChoiceOne && len(c.Names) == 1:
		e.object("tool_choice")
		e.toolName(r.Tools, c.Names[0])
		e.close('}')
	case len(c.Names) > 0 && (c.Mode == chat.ChoiceAuto || c.Mode == chat.ChoiceAny):
		e.object("tool_choice")
		e.str("type", "allowed_tools")
		e.str("mode", modeWord(c.Mode))
		e.array("tools")
		for _, name := range c.Names {
			e.element()
			e.toolName(r.Tools, name)
			e.close('}')
		}
		e.close(']')
		e.close('}')
	default:
		e.str("tool_choice", modeWord(c.Mode))
	}
}

// wholeChoice is the name under which a choice that only the dialect knows is kept.
const wholeChoice = "tool_choice"

func modeWord(m chat.ChoiceMode) string {
	switch m {
	case chat.ChoiceAny, chat.ChoiceOne:
		return "required"
	case chat.ChoiceNone:
		return "none"
	}
	return "auto"
}

// toolName names a tool as a choice does, by type and name; a hosted tool by
// its type alone.
func (e *encoder) toolName(tools []chat.Tool, name string) {
	typ := "function"
	for i := range tools {
		if tools[i].Name == name {
			switch tools[i].Kind {
			case chat.CustomTool:
				typ = "custom"
			case chat.NativeTool:
				e.str("type", name)
				return
			}
		}
	}
	e.str("type", typ)
	e.str("name", name)
}
