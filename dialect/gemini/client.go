package gemini

import (
	"fmt"
	"net/http"
	"strings"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/wire"
)

// encoder writes a request of the hub. It keeps the first refusal.
type encoder struct {
	writer
	r     *chat.Request
	to    *dialect.Upstream
	l     *chat.Losses
	turns []chat.Message // as they are written
	err   error
}

// Encode writes a request.
func (Client) Encode(r *chat.Request, to *dialect.Upstream, l *chat.Losses) (*dialect.Outbound, error) {
	e := encoder{r: r, to: to, l: l}
	e.open('{')
	e.conversation()
	e.options()
	e.close('}')
	if e.err != nil {
		return nil, e.err
	}
	method := methodGenerate
	if r.Stream {
		method = methodStream
	}
	return &dialect.Outbound{Method: http.MethodPost, Path: address(to, method, r.Stream), Body: e.b}, nil
}

// EncodeCount writes a request to count the tokens of a conversation. The
// Gemini API takes it whole; Vertex takes what makes the prompt.
func (Client) EncodeCount(r *chat.Request, to *dialect.Upstream, l *chat.Losses) (*dialect.Outbound, error) {
	e := encoder{r: r, to: to, l: l}
	e.open('{')
	if vertex(to) {
		e.conversation()
	} else {
		e.key("generateContentRequest").open('{')
		e.key("model").text(resource(to))
		e.conversation()
		e.options()
		e.close('}')
	}
	e.close('}')
	if e.err != nil {
		return nil, e.err
	}
	return &dialect.Outbound{Method: http.MethodPost, Path: address(to, methodCount, false), Body: e.b}, nil
}

// Reply reads the body of a unary reply: the fold of what it says.
func (Client) Reply(body []byte, s *wire.Scanner, to *dialect.Upstream) (*chat.Reply, error) {
	var f chat.Folder
	d := replyDecoder{family: to.Family, s: s}
	if err := d.chunk(body, f.Add); err != nil {
		return nil, err
	}
	if err := d.finish(f.Add); err != nil {
		return nil, err
	}
	return f.Reply()
}

// refuse asks the losses to refuse a field; false if the call is refused.
func (e *encoder) refuse(path, why string) bool {
	if err := e.l.Refuse(path, why); err != nil {
		if e.err == nil {
			e.err = err
		}
		return false
	}
	return true
}

// conversation writes contents, systemInstruction and tools.
func (e *encoder) conversation() {
	lead, rest := e.r.Lead()
	for _, m := range e.r.Messages[:len(e.r.Messages)-len(rest)] {
		e.l.Own("messages[]", m.Extra)
	}
	kept := make([]chat.Message, 0, len(rest))
	for _, m := range rest {
		if m.Name != "" {
			e.l.Drop("messages[].name")
		}
		e.l.Own("messages[]", m.Extra)
		if m.Role == chat.System || m.Role == chat.Developer {
			e.l.Approximate("messages[].role") // it says the same from another place
			lead = append(lead[:len(lead):len(lead)], m.Parts...)
			continue
		}
		kept = append(kept, m)
	}
	e.turns = chat.Turns(kept)
	if n := len(e.turns); n > 0 && e.turns[n-1].Role == chat.Assistant {
		e.refuse(fmt.Sprintf("messages[%d]", len(e.r.Messages)-1), "does not go on from a reply that was begun for it")
		e.turns = e.turns[:n-1]
	}
	e.key("contents").open('[')
	for i := range e.turns {
		e.turn(i)
	}
	e.close(']')
	e.instructions(lead)
	e.tools()
}

// instructions writes what stands beside the conversation.
func (e *encoder) instructions(parts []chat.Part) {
	at := len(e.b)
	e.key("systemInstruction").open('{')
	e.key("parts").open('[')
	from := len(e.b)
	for i := range parts {
		e.part(&parts[i], "instructions[]", nil)
	}
	if len(e.b) == from {
		e.b = e.b[:at]
		return
	}
	e.close(']')
	e.close('}')
}

// turn writes one turn, unless nothing of it is left.
func (e *encoder) turn(n int) {
	m := &e.turns[n]
	at := len(e.b)
	role := "user"
	if m.Role == chat.Assistant {
		role = "model"
	}
	e.open('{')
	e.key("role").text(role)
	e.key("parts").open('[')
	from := len(e.b)
	called := false
	for i := range m.Parts {
		p := &m.Parts[i]
		var call *callPlace
		switch p.Content.(type) {
		case chat.ToolCall:
			call = &callPlace{turn: n, first: !called}
			called = true
		case chat.ToolResult:
			call = &callPlace{turn: n}
		}
		e.part(p, "messages[].parts[]", call)
	}
	if len(e.b) == from {
		e.b = e.b[:at]
		return
	}
	e.close(']')
	e.close('}')
}

// levels reports whether the model is told to reason by level (Gemini 3 and
// later), and not by a budget of tokens (2.5).
func levels(to *dialect.Upstream) bool {
	switch to.Reasoning {
	case "budget":
		return false
	case "":
		id := short(to.Model)
		return !strings.HasPrefix(id, "gemini-2") && !strings.HasPrefix(id, "gemini-1")
	}
	return true
}

// nameless reports whether the surface has no ids of calls: Vertex's v1.
func nameless(to *dialect.Upstream) bool { return vertex(to) && to.APIVersion == "v1" }

// tools writes the tools: functions together, where the first of them stands.
func (e *encoder) tools() {
	if len(e.r.Tools) == 0 {
		return
	}
	at := len(e.b)
	e.key("tools").open('[')
	from := len(e.b)
	functions := false
	for i := range e.r.Tools {
		t := &e.r.Tools[i]
		switch {
		case t.Cache != nil:
			e.l.Drop("tools[].cache")
		}
		switch t.Kind {
		case chat.Function:
			if !functions {
				e.functions()
			}
			functions = true
		case chat.NativeTool:
			if t.Native.Dialect != name {
				e.refuse("tools[].native", "has no tool of that kind that its vendor runs")
				continue
			}
			e.open('{')
			e.key(t.Native.Name).raw(t.Native.Value)
			e.close('}')
		default:
			e.refuse("tools[].kind", "has no tools with free-form input")
		}
	}
	if len(e.b) == from {
		e.b = e.b[:at]
		return
	}
	e.close(']')
}

func (e *encoder) functions() {
	e.open('{')
	e.key("functionDeclarations").open('[')
	for i := range e.r.Tools {
		t := &e.r.Tools[i]
		if t.Kind != chat.Function {
			continue
		}
		if !toolName(t.Name) {
			e.refuse("tools[].name", "takes names of tools that begin with a letter or an underscore and have at most 64 letters, digits, '_', '-', '.' or ':'")
		}
		e.open('{')
		e.key("name").text(t.Name)
		e.member("description", t.Description)
		if t.Schema != nil {
			e.key("parametersJsonSchema").raw(t.Schema)
		}
		e.own(e.l.Own("tools[]", t.Extra))
		e.close('}')
	}
	e.close(']')
	e.close('}')
}

// toolName reports whether a name is one that the dialect takes.
func toolName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '-' && c != '.' && c != ':' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
