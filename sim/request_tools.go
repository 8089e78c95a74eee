package sim

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

func readTools(f fields, req *chatRequest) {
	for _, t := range f.objects("tools") {
		req.tools = append(req.tools, readTool(t))
	}
	if _, old := f.value("functions"); old && len(req.tools) == 0 {
		req.legacy, req.parallel = true, false
		for _, t := range f.objects("functions") {
			req.tools = append(req.tools, readFunction(t))
		}
	}
	if b, ok := optional[bool](f, "parallel_tool_calls", "a boolean"); ok {
		req.parallel = b
		if len(req.tools) == 0 {
			f.invalid("parallel_tool_calls", "", "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified.")
		}
	}
	req.choice = toolChoice{mode: "auto"}
	name := "tool_choice"
	if req.legacy {
		name = "function_call"
	}
	if choice, ok := f.value(name); ok {
		if len(req.tools) == 0 {
			f.invalid(name, "", fmt.Sprintf("Invalid value for '%s': '%s' is only allowed when 'tools' are specified.", name, name))
			return
		}
		req.choice = readChoice(f, name, choice, req)
	}
}

func readTool(f fields) tool {
	if _, ok := f.value("type"); !ok {
		f.missing("type")
		return tool{}
	}
	switch f.oneOf("type", "function", "custom") {
	case "function":
		if inner, ok := f.child("function"); ok {
			return readFunction(inner)
		}
		f.missing("function")
	case "custom":
		if inner, ok := f.child("custom"); ok {
			return readCustom(inner)
		}
		f.missing("custom")
	}
	return tool{}
}

func readToolName(f fields) string {
	name := f.requiredStr("name")
	if !toolName.MatchString(name) {
		f.invalid("name", "invalid_value", fmt.Sprintf("Invalid '%s': string does not match pattern. Expected a string that matches the pattern '%s'.", f.at("name"), toolName))
	}
	return name
}

func readFunction(f fields) tool {
	t := tool{name: readToolName(f), definition: string(encode(f.object))}
	f.str("description")
	if p, ok := f.child("parameters"); ok {
		t.parameters = p.object
		if kind := p.text("type"); kind != "object" && len(p.object) > 0 {
			f.invalid("parameters", "invalid_function_parameters",
				fmt.Sprintf("Invalid schema for function '%s': schema must be a JSON Schema of 'type: \"object\"', got 'type: \"%s\"'.", t.name, kind))
		}
		if f.flag("strict") {
			if fault := strictFault(p.object); fault != "" {
				f.invalid("parameters", "invalid_function_parameters", fmt.Sprintf("Invalid schema for function '%s': %s", t.name, fault))
			}
		}
	}
	return t
}

func readCustom(f fields) tool {
	t := tool{name: readToolName(f), custom: true, definition: string(encode(f.object))}
	if format, ok := f.child("format"); ok && format.oneOf("type", "text", "grammar") == "grammar" {
		if g, ok := format.child("grammar"); ok {
			t.grammar = g.oneOf("syntax", "lark", "regex")
			g.requiredStr("definition")
		}
	}
	return t
}

func readChoice(f fields, name string, choice any, req *chatRequest) toolChoice {
	if mode, ok := choice.(string); ok {
		return toolChoice{mode: f.oneOf(name, "none", "auto", "required")}.orAuto(mode)
	}
	c, ok := f.child(name)
	if !ok {
		return toolChoice{}
	}
	if req.legacy {
		return namedChoice(f, name, c.requiredStr("name"), req)
	}
	switch kind := c.oneOf("type", "function", "custom", "allowed_tools"); kind {
	case "function", "custom":
		if inner, ok := c.child(kind); ok {
			return namedChoice(f, name, inner.requiredStr("name"), req)
		}
		c.missing(kind)
	case "allowed_tools":
		inner, ok := c.child("allowed_tools")
		if !ok {
			c.missing("allowed_tools")
			break
		}
		out := toolChoice{mode: inner.oneOf("mode", "auto", "required")}
		for _, t := range inner.objects("tools") {
			if def, ok := t.child(t.oneOf("type", "function", "custom")); ok {
				out.names = append(out.names, namedChoice(f, name, def.requiredStr("name"), req).names...)
			}
		}
		return out
	default:
		c.missing("type")
	}
	return toolChoice{}
}

func (c toolChoice) orAuto(mode string) toolChoice {
	if mode == "" {
		c.mode = "auto"
	}
	return c
}

func namedChoice(f fields, field, name string, req *chatRequest) toolChoice {
	if !slices.ContainsFunc(req.tools, func(t tool) bool { return t.name == name }) {
		f.invalid(field, "", fmt.Sprintf("Tool choice '%s' not found in 'tools' parameter.", name))
	}
	return toolChoice{mode: "required", names: []string{name}}
}

func readFormat(f fields, req *chatRequest) {
	req.format.kind = "text"
	r, ok := f.child("response_format")
	if !ok {
		return
	}
	if _, ok := r.value("type"); !ok {
		r.missing("type")
		return
	}
	req.format.kind = r.oneOf("type", "text", "json_object", "json_schema")
	if req.format.kind != "json_schema" {
		return
	}
	s, ok := r.child("json_schema")
	if !ok {
		r.missing("json_schema")
		return
	}
	name := s.requiredStr("name")
	strict := s.flag("strict")
	schema, ok := s.child("schema")
	if !ok {
		s.missing("schema")
		return
	}
	req.format.schema = schema.object
	if !strict {
		return
	}
	if fault := strictFault(schema.object); fault != "" {
		f.invalid("response_format", "invalid_json_schema", fmt.Sprintf("Invalid schema for response_format '%s': %s", name, fault))
	}
}

func readModalities(f fields, req *chatRequest) {
	list, _ := optional[[]any](f, "modalities", "an array of strings")
	for i, m := range list {
		switch m {
		case "text":
		case "audio":
			req.audio = &audioFormat{}
		default:
			f.invalid(fmt.Sprintf("modalities[%d]", i), "invalid_value", "Invalid value for 'modalities'. Supported values are: 'text', 'audio'.")
		}
	}
	if req.audio == nil {
		return
	}
	if !req.model.Audio {
		f.invalid("modalities", "invalid_value", fmt.Sprintf("Model '%s' cannot answer in audio.", req.model.ID))
	}
	a, ok := f.child("audio")
	if !ok {
		f.missing("audio")
		return
	}
	voice, _ := a.value("voice")
	req.audio.voice = fmt.Sprint(voice)
	if voice == nil {
		a.missing("voice")
	}
	req.audio.format = a.oneOf("format", "wav", "mp3", "pcm16")
	if _, ok := a.value("format"); !ok {
		a.missing("format")
	}
	if req.stream && req.audio.format != "pcm16" {
		a.invalid("format", "unsupported_value", "Unsupported value: 'audio.format' must be 'pcm16' when 'stream' is true.")
	}
}

// strictFault says why a schema is not good for strict mode: every object must be closed and require all it has, and
// some keywords are not supported. Empty if it is good.
func strictFault(schema any) string { return strictFaultAt(schema, nil) }

func strictFaultAt(schema any, path []string) string {
	s, ok := schema.(object)
	if !ok {
		return ""
	}
	where := "In context=(" + quoted(path) + "), "
	for _, word := range []string{"allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties"} {
		if _, used := s.get(word); used {
			return where + "'" + word + "' is not permitted."
		}
	}
	properties := s.object("properties")
	if s.text("type") == "object" || properties != nil {
		if closed, _ := s.get("additionalProperties"); closed != false {
			return where + "'additionalProperties' is required to be supplied and to be false."
		}
		for _, p := range properties {
			if !slices.Contains(s.array("required"), any(p.name)) {
				return where + "'required' is required to be supplied and to be an array including every key in properties. Missing '" + p.name + "'."
			}
		}
	}
	for _, group := range []string{"properties", "$defs", "definitions"} {
		for _, p := range s.object(group) {
			if fault := strictFaultAt(p.value, append(slices.Clone(path), group, p.name)); fault != "" {
				return fault
			}
		}
	}
	if items, ok := s.get("items"); ok {
		if fault := strictFaultAt(items, append(slices.Clone(path), "items")); fault != "" {
			return fault
		}
	}
	for i, branch := range s.array("anyOf") {
		if fault := strictFaultAt(branch, append(slices.Clone(path), "anyOf", fmt.Sprint(i))); fault != "" {
			return fault
		}
	}
	return ""
}

func quoted(path []string) string {
	if len(path) == 0 {
		return ""
	}
	return "'" + strings.Join(path, "', '") + "'"
}
