package anthropic

import (
	"slices"

	"bulkhead/chat"
)

// tools writes definitions. A choice among some of them leaves the others out.
func (p *packer) tools() {
	c := p.r.Choice
	some := c != nil && c.Mode != chat.ChoiceOne && len(c.Names) > 0
	begun := false
	for i := range p.r.Tools {
		t := &p.r.Tools[i]
		if some && t.Kind != chat.NativeTool && !slices.Contains(c.Names, t.Name) {
			p.l.Approximate("tool_choice.names")
			continue
		}
		if !p.canTool(t) {
			continue
		}
		if !begun {
			begun = true
			p.w.name("tools")
			p.w.open('[')
		}
		p.tool(t)
	}
	if begun {
		p.w.close(']')
	}
}

// canTool refuses tools that this dialect cannot say.
func (p *packer) canTool(t *chat.Tool) bool {
	switch {
	case t.Kind == chat.CustomTool:
		p.refuse("tools[]", "has no tools with free-form input")
	case t.Kind == chat.NativeTool && (t.Native == nil || t.Native.Dialect != name):
		p.refuse("tools[].type", "has no hosted tool "+clip(t.Name))
	case t.Kind == chat.Function && !toolName(t.Name):
		p.refuse("tools[].name", "takes names of at most 128 letters, digits, - and _")
	default:
		return true
	}
	return false
}

// toolName reports whether a name is one that the API takes.
func toolName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '_' && c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

func (p *packer) tool(t *chat.Tool) {
	if t.Kind == chat.NativeTool {
		p.w.raw(t.Native.Value)
		return
	}
	w := &p.w
	w.open('{')
	w.name("name")
	w.text(t.Name)
	w.textAt("description", t.Description)
	w.name("input_schema")
	if t.Schema == nil {
		w.raw([]byte(`{"type":"object","properties":{}}`))
	} else {
		w.raw(t.Schema)
	}
	w.boolAt("strict", t.Strict)
	w.mark(t.Cache, t.Extra)
	w.extras(p.l.Own("tools[]", t.Extra))
	w.close('}')
}

// mark writes cache_control.
func (w *writer) mark(m *chat.CacheMark, x chat.Extra) {
	if m == nil {
		return
	}
	w.name("cache_control")
	w.open('{')
	w.name("type")
	w.text("ephemeral")
	w.textAt("ttl", m.TTL)
	w.within("cache_control", x)
	w.close('}')
}

// choice writes tool_choice. Parallel calls are off by a member of it.
func (p *packer) choice() {
	if !slices.ContainsFunc(p.r.Tools, func(t chat.Tool) bool { return t.Kind != chat.CustomTool }) {
		return // a choice among nothing
	}
	c, parallel := p.r.Choice, p.r.Parallel
	if c == nil && (parallel == nil || *parallel) {
		return
	}
	if c == nil {
		c = &chat.ToolChoice{Mode: chat.ChoiceAuto}
	}
	w := &p.w
	w.name("tool_choice")
	w.open('{')
	w.name("type")
	if c.Mode == chat.ChoiceOne {
		w.text("tool")
		w.name("name")
		w.text(c.Names[0])
	} else {
		w.text(string(c.Mode))
	}
	if parallel != nil && c.Mode != chat.ChoiceNone {
		w.name("disable_parallel_tool_use")
		w.bool(!*parallel)
	}
	w.extras(p.l.Own("tool_choice", c.Extra))
	w.close('}')
}
