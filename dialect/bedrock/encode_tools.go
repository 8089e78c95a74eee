package bedrock

import (
	"bytes"
	"slices"

	"bulkhead/chat"
)

// tools writes definitions and choice. Bedrock wants the definitions whenever
// the conversation has calls, whatever the choice.
func (e *encoder) tools() {
	r := e.r
	list := r.Tools
	c := r.Choice
	if c != nil && c.Mode == chat.ChoiceNone {
		if !e.worked {
			return // no tools, no calls
		}
		e.l.Approximate("tool_choice.mode")
		c = nil
	}
	if c != nil && c.Mode != chat.ChoiceOne && len(c.Names) > 0 {
		e.l.Approximate("tool_choice.names")
		list = slices.DeleteFunc(slices.Clone(list), func(t chat.Tool) bool { return !slices.Contains(c.Names, t.Name) })
	}
	if c != nil {
		e.l.Own("tool_choice", c.Extra)
	}
	own := e.nested("toolConfig")
	if len(list) == 0 && !e.worked && len(own) == 0 {
		if c != nil && c.Mode != chat.ChoiceAuto {
			e.refuse("tool_choice.mode", "forces no tool where none is defined")
		}
		return
	}
	e.open("toolConfig", '{')
	e.open("tools", '[')
	start := len(e.b)
	for i := range list {
		e.tool(&list[i])
	}
	if len(e.b) == start {
		e.stubs()
	}
	e.close(']')
	e.choice(c)
	e.extra(own)
	e.close('}')
}

// stubs defines the tools that the conversation calls though none is defined.
func (e *encoder) stubs() {
	if len(e.called) > 0 {
		e.l.Approximate("tools")
	}
	for _, n := range e.called {
		e.tool(&chat.Tool{Kind: chat.Function, Name: fitTool(n)})
	}
}

func (e *encoder) tool(t *chat.Tool) {
	switch {
	case t.Kind == chat.NativeTool && t.Native != nil && t.Native.Dialect == name:
		e.block(t.Native.Name, t.Native.Value)
	case t.Kind == chat.NativeTool:
		e.refuse("tools[].kind", "hosts no such tool")
		return
	case t.Kind != chat.Function:
		e.refuse("tools[].kind", "has no tools with free-form input")
		return
	default:
		e.toolSpec(t)
	}
	switch {
	case t.Cache == nil:
	case e.maker == "amazon": // Nova refuses a cache point among tools
		e.l.Drop("tools[].cache")
	default:
		e.cachePoint(t.Cache)
	}
}

func (e *encoder) toolSpec(t *chat.Tool) {
	if !fitsTool(t.Name) {
		e.refuse("tools[].name", "takes names of tools in [a-zA-Z0-9_-]{1,64}")
	}
	e.open("", '{')
	e.open("toolSpec", '{')
	e.str("name", fitTool(t.Name))
	if t.Description != "" {
		e.str("description", t.Description)
	}
	s := t.Schema
	if len(bytes.TrimSpace(s)) == 0 {
		s = chat.Raw(`{"type":"object","properties":{}}`)
	}
	e.open("inputSchema", '{')
	e.raw("json", s)
	e.close('}')
	if t.Strict != nil {
		e.raw("strict", truth(*t.Strict))
	}
	e.extra(e.l.Own("tools[]", t.Extra))
	e.close('}')
	e.close('}')
}

func truth(v bool) []byte {
	if v {
		return []byte("true")
	}
	return []byte("false")
}

func (e *encoder) choice(c *chat.ToolChoice) {
	if c == nil {
		return
	}
	e.open("toolChoice", '{')
	switch {
	case c.Mode == chat.ChoiceOne && len(c.Names) > 0:
		e.open("tool", '{')
		e.str("name", fitTool(c.Names[0]))
		e.close('}')
	case c.Mode == chat.ChoiceAny:
		e.raw("any", []byte("{}"))
	default:
		e.raw("auto", []byte("{}"))
	}
	e.close('}')
}
