package openai

import (
	"github.com/go-json-experiment/json"

	"bulkhead/chat"
)

// nameFits reports whether a name is one that the API takes for tools and schemas.
func nameFits(name string) bool { return name != "" && chat.FitID(name) == name }

// tools writes the tools on offer and how to choose among them.
func (e *encoder) tools() error {
	written := false
	const at = "tools[]"
	for i := range e.r.Tools {
		t := &e.r.Tools[i]
		switch {
		case t.Kind == chat.NativeTool && (t.Native == nil || t.Native.Dialect != own):
			if err := e.l.Refuse(at, "has no such hosted tool"); err != nil {
				return err
			}
			continue
		case t.Kind != chat.NativeTool && !nameFits(t.Name):
			if err := e.l.Refuse(at+".name", "takes names of 64 letters, digits, _ and - at most"); err != nil {
				return err
			}
			continue
		}
		if !written {
			e.w.array("tools")
			written = true
		}
		e.tool(at, t)
	}
	if written {
		e.w.close(']')
	}
	e.toolsWritten = written
	if e.r.Parallel != nil {
		if written {
			e.w.bool("parallel_tool_calls", *e.r.Parallel)
		} else {
			e.l.Drop("parallel_tools") // the API takes it only with tools
		}
	}
	return e.choice()
}

func (e *encoder) tool(at string, t *chat.Tool) {
	w := &e.w
	if t.Cache != nil {
		e.l.Drop(at + ".cache")
	}
	if t.Kind == chat.NativeTool {
		w.raw(t.Native.Value)
		return
	}
	mine := e.l.Own(at, t.Extra)
	kind := "function"
	if t.Kind == chat.CustomTool {
		kind = "custom"
	}
	w.open('{')
	w.str("type", kind)
	w.object(kind)
	w.str("name", t.Name)
	w.said("description", t.Description)
	if t.Kind == chat.CustomTool {
		e.grammar(t.Grammar)
	} else {
		if t.Schema != nil {
			w.value("parameters", t.Schema)
		}
		w.flag("strict", t.Strict)
	}
	w.extra(mine, kind+".")
	w.close('}')
	w.extra(mine, "")
	w.close('}')
}

// grammar writes the form of a custom tool's input, with the level between
// that the hub has not.
func (e *encoder) grammar(g chat.Raw) {
	var x struct {
		Type       string `json:"type"`
		Syntax     string `json:"syntax"`
		Definition string `json:"definition"`
	}
	if g == nil || json.Unmarshal(g, &x) != nil {
		return
	}
	w := &e.w
	w.object("format")
	w.str("type", x.Type)
	if x.Type == "grammar" {
		w.object("grammar")
		w.str("syntax", x.Syntax)
		w.str("definition", x.Definition)
		w.close('}')
	}
	w.close('}')
}

// choice writes how the model is to choose; the API takes it only with tools.
func (e *encoder) choice() error {
	c := e.r.Choice
	if c == nil {
		return nil
	}
	w := &e.w
	if !e.toolsWritten {
		if c.Mode == chat.ChoiceAny || c.Mode == chat.ChoiceOne {
			return e.l.Refuse("tool_choice", "has no tool to choose")
		}
		if c.Mode == chat.ChoiceAuto {
			e.l.Drop("tool_choice")
		}
		return nil
	}
	e.l.Own("tool_choice", c.Extra)
	words := map[chat.ChoiceMode]string{chat.ChoiceAuto: "auto", chat.ChoiceNone: "none", chat.ChoiceAny: "required"}
	switch {
	case c.Mode == chat.ChoiceOne && len(c.Names) == 1:
		w.object("tool_choice")
		e.selector(c.Names[0])
		w.close('}')
	case c.Mode == chat.ChoiceOne:
		return e.l.Refuse("tool_choice.names", "forces one tool alone")
	case len(c.Names) > 0 && c.Mode != chat.ChoiceNone:
		w.object("tool_choice")
		w.str("type", "allowed_tools")
		w.object("allowed_tools")
		w.str("mode", words[c.Mode])
		w.array("tools")
		for _, name := range c.Names {
			w.open('{')
			e.selector(name)
			w.close('}')
		}
		w.close(']')
		w.close('}')
		w.close('}')
	default:
		w.str("tool_choice", words[c.Mode])
	}
	return nil
}

// selector names a tool by its kind.
func (e *encoder) selector(name string) {
	kind := "function"
	for i := range e.r.Tools {
		if e.r.Tools[i].Name == name && e.r.Tools[i].Kind == chat.CustomTool {
			kind = "custom"
		}
	}
	e.w.str("type", kind)
	e.w.object(kind)
	e.w.str("name", name)
	e.w.close('}')
}

// format writes the form that the answer must have. Dialects that do not name
// schemas get a name here, as the API wants one.
func (e *encoder) format() error {
	f := e.r.Format
	if f == nil {
		return nil
	}
	mine := e.l.Own("format", f.Extra)
	w := &e.w
	w.object("response_format")
	w.str("type", string(f.Kind))
	if f.Kind == chat.FormatSchema {
		name := f.Name
		if !nameFits(name) {
			if name != "" {
				e.l.Approximate("format.name")
			}
			name = "answer"
		}
		w.object("json_schema")
		w.str("name", name)
		w.said("description", f.Description)
		if f.Schema != nil {
			w.value("schema", f.Schema)
		}
		w.flag("strict", f.Strict)
		w.extra(mine, "json_schema.")
		w.close('}')
	}
	w.extra(mine, "")
	w.close('}')
	return nil
}
