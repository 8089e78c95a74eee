package sim

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// readConverse checks a body as Bedrock would, for a model that it has.
func readConverse(body object, m Model, streams bool) (*chatRequest, *apiError) {
	r := &converseReader{req: &chatRequest{model: m, n: 1, parallel: true, stream: streams}}
	r.req.format.kind, r.req.choice.mode = "text", "auto"
	if t := body.object("additionalModelRequestFields").object("thinking"); claude(m) {
		r.req.model.Reasons = t.text("type") == "enabled" || t.text("type") == "adaptive"
		if budget, _ := t.number("budget_tokens"); t.text("type") == "enabled" && budget < 1024 {
			r.fail("The model returned the following errors: thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
		}
	}
	r.limits(body.object("inferenceConfig"))
	r.tools(body.object("toolConfig"))
	system := message{role: "system"}
	for _, v := range body.array("system") {
		o, _ := v.(object)
		system.text += o.text("text")
	}
	if system.text != "" {
		r.req.messages = append(r.req.messages, system)
	}
	r.conversation(body.array("messages"))
	if r.used && len(r.req.tools) == 0 {
		r.fail("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
	}
	if s := body.object("outputConfig").object("textFormat").object("structure").object("jsonSchema"); s != nil {
		schema, err := parse([]byte(s.text("schema")))
		o, ok := schema.(object)
		if err != nil || !ok {
			r.fail("The value at outputConfig.textFormat.structure.jsonSchema.schema is not a JSON schema.")
		}
		r.req.format = responseFormat{kind: "json_schema", schema: o}
	}
	return r.req, r.err
}

// claude reports whether a model of Bedrock is one of Anthropic's, which sign what they think.
func claude(m Model) bool { return strings.Contains(m.ID, "anthropic.") }

// converseReader reads one request; the first that is wrong is kept.
type converseReader struct {
	req  *chatRequest
	err  *apiError
	used bool // the conversation has calls or results
}

func (r *converseReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &apiError{status: 400, message: fmt.Sprintf(format, args...)}
	}
}

func (r *converseReader) limits(config object) {
	if n, ok := config.number("maxTokens"); ok {
		if n < 1 || n != float64(int(n)) {
			r.fail("1 validation error detected: Value at 'inferenceConfig.maxTokens' failed to satisfy constraint: Member must have value greater than or equal to 1")
		}
		r.req.maxTokens = int(n)
	}
	for _, name := range []string{"temperature", "topP"} {
		if v, ok := config.number(name); ok && (v < 0 || v > 1) {
			r.fail("1 validation error detected: Value at 'inferenceConfig.%s' failed to satisfy constraint: Member must have value less than or equal to 1", name)
		}
	}
	for _, s := range config.array("stopSequences") {
		text, _ := s.(string)
		r.req.stop = append(r.req.stop, text)
	}
}

func (r *converseReader) tools(config object) {
	for _, v := range config.array("tools") {
		o, _ := v.(object)
		spec := o.object("toolSpec")
		if spec == nil {
			continue
		}
		if !toolName.MatchString(spec.text("name")) || spec.object("inputSchema").object("json") == nil {
			r.fail("The value at toolConfig.tools is not a tool with a name and a schema.")
		}
		r.req.tools = append(r.req.tools, tool{name: spec.text("name"), parameters: spec.object("inputSchema").object("json"), definition: string(encode(spec))})
	}
	choice := config.object("toolChoice")
	if _, any := choice.get("any"); any {
		r.req.choice.mode = "required"
	}
	if one := choice.object("tool"); one != nil {
		r.req.choice = toolChoice{mode: "required", names: []string{one.text("name")}}
	}
}

// conversation reads turns, which must take turns, each call answered in the next.
func (r *converseReader) conversation(list []any) {
	var open []string
	before := ""
	for i, v := range list {
		o, _ := v.(object)
		m := message{role: o.text("role")}
		switch {
		case m.role != "user" && m.role != "assistant":
			r.fail("1 validation error detected: Value '%s' at 'messages.%d.member.role' failed to satisfy constraint: Member must satisfy enum value set: [user, assistant]", m.role, i+1)
		case i == 0 && m.role != "user":
			r.fail("A conversation must start with a user message. Try again with a conversation that starts with a user message.")
		case m.role == before:
			r.fail("A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.")
		case len(o.array("content")) == 0:
			r.fail("The content field in the Message object at messages.%d is empty. Add a ContentBlock object to the content field and try again.", i)
		}
		before = m.role
		var results []message
		for _, b := range o.array("content") {
			block, _ := b.(object)
			if result := r.block(&m, block); result != nil {
				results = append(results, *result)
			}
		}
		for _, id := range open {
			if !slices.ContainsFunc(results, func(m message) bool { return m.callID == id }) {
				r.fail("Expected toolResult blocks at messages.%d.content for the following Ids: %s", i, id)
			}
		}
		open = m.calls
		r.used = r.used || len(m.calls)+len(results) > 0
		if m.text != "" || len(m.media)+len(m.calls) > 0 || len(results) == 0 {
			r.req.messages = append(r.req.messages, m)
		}
		r.req.messages = append(r.req.messages, results...)
	}
	if len(list) == 0 {
		r.fail("A conversation must start with a user message. Try again with a conversation that starts with a user message.")
	}
}

// block reads one block into a message; what a tool gave back is a message of its own.
func (r *converseReader) block(m *message, block object) *message {
	for what, kind := range map[string]string{"image": "image", "document": "file", "video": "file", "audio": "audio clip"} {
		if part := block.object(what); part != nil {
			b, _ := base64.StdEncoding.DecodeString(part.object("source").text("bytes"))
			m.media = append(m.media, media{what: kind, format: part.text("format"), bytes: len(b)})
		}
	}
	if use := block.object("toolUse"); use != nil {
		m.calls, m.names = append(m.calls, use.text("toolUseId")), append(m.names, use.text("name"))
	}
	if thought := block.object("reasoningContent").object("reasoningText"); thought != nil && claude(r.req.model) && !signs(thought.text("signature"), thought.text("text")) {
		r.fail("The model returned the following errors: Invalid `signature` in `thinking` block")
	}
	if text := block.text("text"); text != "" {
		if m.text != "" {
			m.text += "\n"
		}
		m.text += text
	}
	result := block.object("toolResult")
	if result == nil {
		return nil
	}
	out := &message{role: "tool", callID: result.text("toolUseId")}
	for _, v := range result.array("content") {
		o, _ := v.(object)
		out.text += o.text("text")
		if value, ok := o.get("json"); ok {
			out.text += string(encode(value))
		}
	}
	return out
}
