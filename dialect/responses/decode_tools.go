package responses

import (
	"fmt"

	"github.com/go-json-experiment/json"

	"bulkhead/chat"
)

// decodeTool reads one tool. Those that are neither a function nor of
// free-form input are kept whole, for the dialect alone.
func decodeTool(i int, raw chat.Raw) (chat.Tool, error) {
	path := fmt.Sprintf("tools[%d]", i)
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return chat.Tool{}, malformed(path, err)
	}
	if head.Type != "function" && head.Type != "custom" {
		return chat.Tool{Kind: chat.NativeTool, Name: head.Type, Native: &chat.Field{Dialect: own, Name: head.Type, Value: raw}}, nil
	}
	var t toolJSON
	if err := json.Unmarshal(raw, &t); err != nil {
		return chat.Tool{}, malformed(path, err)
	}
	out := chat.Tool{Kind: chat.Function, Name: t.Name, Description: t.Description, Strict: t.Strict, Extra: extras(nil, "", t.Rest)}
	if t.Parameters.Kind() != 'n' {
		out.Schema = t.Parameters
	}
	if t.Type == "custom" {
		out.Kind = chat.CustomTool
		if t.Format.Kind() == '{' {
			out.Grammar = t.Format
		}
	}
	return out, nil
}

// decodeChoice reads how the model is to choose.
func decodeChoice(raw chat.Raw) (*chat.ToolChoice, error) {
	switch raw.Kind() {
	case 0, 'n':
		return nil, nil
	case '"':
		var mode string
		if err := json.Unmarshal(raw, &mode); err != nil {
			return nil, malformed("tool_choice", err)
		}
		switch mode {
		case "none":
			return &chat.ToolChoice{Mode: chat.ChoiceNone}, nil
		case "required":
			return &chat.ToolChoice{Mode: chat.ChoiceAny}, nil
		case "auto":
			return &chat.ToolChoice{Mode: chat.ChoiceAuto}, nil
		}
		return nil, unsupported("tool_choice", mode)
	}
	var c struct {
		Type  string `json:"type"`
		Name  string `json:"name"`
		Mode  string `json:"mode"`
		Tools []struct {
			Type string `json:"type"`
			Name string `json:"name"`
		} `json:"tools"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, malformed("tool_choice", err)
	}
	switch c.Type {
	case "function", "custom":
		return &chat.ToolChoice{Mode: chat.ChoiceOne, Names: []string{c.Name}}, nil
	case "allowed_tools":
		out := &chat.ToolChoice{Mode: chat.ChoiceAuto}
		if c.Mode == "required" {
			out.Mode = chat.ChoiceAny
		}
		for _, t := range c.Tools {
			if t.Name == "" {
				t.Name = t.Type
			}
			out.Names = append(out.Names, t.Name)
		}
		return out, nil
	}
	// A hosted tool is forced: it goes home, or its definition is refused.
	return &chat.ToolChoice{Mode: chat.ChoiceOne, Names: []string{c.Type}, Extra: chat.Extra{{Dialect: own, Name: wholeChoice, Value: raw}}}, nil
}
