package sim

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// anthropicRequest is a messages request understood and found good.
type anthropicRequest struct {
	chatRequest
	thinks  bool   // the reply may begin with thought
	omitted bool   // thought comes as its signature alone
	caches  bool   // a part of the prompt is marked
	life    string // of the cache: 5m or 1h
	ends    []string
}

// anthropicReader reads one request; the first that is wrong is kept.
type anthropicReader struct {
	req   *anthropicRequest
	m     Model
	err   *apiError
	marks int
}

func (r *anthropicReader) fail(path, format string, args ...any) {
	if r.err == nil {
		r.err = &apiError{status: 400, param: path, message: path + ": " + fmt.Sprintf(format, args...)}
	}
}

var anthropicFields = []string{
	"model", "messages", "max_tokens", "system", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier", "tools",
	"tool_choice", "thinking", "output_config", "cache_control", "container", "inference_geo", "mcp_servers", "context_management", "speed",
}

// readAnthropic checks a body as Anthropic would, for a model that it has.
func (v *vendor) readAnthropic(body object, m Model, at route, vertex bool) (*anthropicRequest, *apiError) {
	r := &anthropicReader{req: &anthropicRequest{}, m: m}
	r.req.n, r.req.parallel, r.req.format.kind, r.req.choice.mode = 1, true, "text", "auto"
	for _, f := range body {
		known := slices.Contains(anthropicFields, f.name) || vertex && f.name == "anthropic_version"
		if !known && !v.AcceptUnknownFields || at.vertex && f.name == "model" {
			r.fail(f.name, "Extra inputs are not permitted")
		}
	}
	r.limits(body, at.op == opCountTokens)
	r.tools(body)
	r.thinking(body)
	r.system(body)
	r.conversation(body)
	if s, _ := body.get("stream"); s == true || at.streams {
		r.req.stream = true
	}
	if format := body.object("output_config").object("format"); format != nil {
		r.req.format = responseFormat{kind: "json_schema", schema: format.object("schema")}
		if format.text("type") != "json_schema" || r.req.format.schema == nil {
			r.fail("output_config.format", "Input should be a json_schema with a schema")
		}
	}
	r.mark("cache_control", body)
	if r.marks > 4 {
		r.fail("messages", "A maximum of 4 blocks with cache_control may be provided. Found %d.", r.marks)
	}
	model := m
	model.Reasons = r.req.thinks
	r.req.model = model
	return r.req, r.err
}

// mark notes a mark of the cache.
func (r *anthropicReader) mark(path string, o object) {
	c := o.object("cache_control")
	if c == nil {
		return
	}
	r.marks++
	r.req.caches = true
	ttl := c.text("ttl")
	if c.text("type") != "ephemeral" || ttl != "" && ttl != "5m" && ttl != "1h" {
		r.fail(path, "Input should be ephemeral, for 5m or 1h")
	}
	if r.req.life == "" || ttl == "1h" {
		r.req.life = ttl
	}
}

func (r *anthropicReader) limits(body object, counting bool) {
	limit, stated := body.number("max_tokens")
	switch {
	case counting && stated:
		r.fail("max_tokens", "Extra inputs are not permitted")
	case counting:
	case !stated:
		r.fail("max_tokens", "Field required")
	case limit < 1 || limit != float64(int(limit)):
		r.fail("max_tokens", "must be greater than or equal to 1")
	}
	r.req.maxTokens = int(limit)
	temperature, warm := body.number("temperature")
	if warm && (temperature < 0 || temperature > 1) {
		r.fail("temperature", "range: 0..1")
	}
	if _, p := body.number("top_p"); warm && p && !strings.Contains(r.m.ID, "claude-3") {
		r.fail("temperature", "`temperature` and `top_p` cannot both be specified for this model. Please use only one.")
	}
	for _, s := range body.array("stop_sequences") {
		text, ok := s.(string)
		if !ok || strings.TrimSpace(text) == "" {
			r.fail("stop_sequences", "each stop sequence must contain non-whitespace")
		}
		r.req.ends = append(r.req.ends, text)
	}
}

// thinking reads how the model is to reason, and what does not go with it.
func (r *anthropicReader) thinking(body object) {
	effort := body.object("output_config").text("effort")
	if effort != "" && !slices.Contains([]string{"low", "medium", "high", "xhigh", "max"}, effort) {
		r.fail("output_config.effort", "Input should be 'low', 'medium', 'high', 'xhigh' or 'max'")
	}
	r.req.effort = effort
	t := body.object("thinking")
	if t == nil {
		return
	}
	budget, stated := t.number("budget_tokens")
	switch kind := t.text("type"); {
	case kind == "disabled":
		return
	case kind == "adaptive" && !r.m.adaptive(), kind == "enabled" && r.m.adaptive(), !r.m.Reasons:
		r.fail("thinking", "%q is not supported on this model", kind)
	case kind == "adaptive":
	case kind != "enabled":
		r.fail("thinking.type", "Input should be 'enabled', 'disabled' or 'adaptive'")
	case !stated || budget < 1024:
		r.fail("thinking.enabled.budget_tokens", "Input should be greater than or equal to 1024")
	case r.req.maxTokens > 0 && int(budget) >= r.req.maxTokens:
		r.fail("max_tokens", "`max_tokens` must be greater than `thinking.budget_tokens`.")
	}
	r.req.thinks, r.req.omitted = true, t.text("display") == "omitted"
	if temperature, warm := body.number("temperature"); warm && temperature != 1 {
		r.fail("temperature", "`temperature` may only be set to 1 when thinking is enabled.")
	}
	if _, k := body.number("top_k"); k {
		r.fail("top_k", "`top_k` must be unset when thinking is enabled.")
	}
	if r.req.choice.mode == "required" {
		r.fail("tool_choice", "Thinking may not be enabled when tool_choice forces tool use.")
	}
}

var anthropicToolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)

func (r *anthropicReader) tools(body object) {
	for i, t := range body.array("tools") {
		path := fmt.Sprintf("tools.%d", i)
		o, _ := t.(object)
		r.mark(path, o)
		if typ := o.text("type"); typ != "" && typ != "custom" {
			continue // hosted tools are offered, and never used
		}
		schema := o.object("input_schema")
		switch {
		case !anthropicToolName.MatchString(o.text("name")):
			r.fail(path+".custom.name", "String should match pattern '%s'", anthropicToolName)
		case schema == nil || schema.text("type") != "object":
			r.fail(path+".custom.input_schema.type", "Field required")
		}
		r.req.tools = append(r.req.tools, tool{name: o.text("name"), parameters: schema, definition: string(encode(o))})
	}
	c := body.object("tool_choice")
	if c == nil {
		return
	}
	if len(body.array("tools")) == 0 {
		r.fail("tool_choice", "tool_choice may only be specified while providing tools.")
	}
	alone, _ := c.get("disable_parallel_tool_use")
	r.req.parallel = alone != true
	switch kind := c.text("type"); kind {
	case "auto", "none":
		r.req.choice.mode = kind
	case "any":
		r.req.choice.mode = "required"
	case "tool":
		r.req.choice = toolChoice{mode: "required", names: []string{c.text("name")}}
		if !slices.ContainsFunc(r.req.tools, func(t tool) bool { return t.name == c.text("name") }) {
			r.fail("tool_choice", "Tool '%s' not found in provided tools", c.text("name"))
		}
	default:
		r.fail("tool_choice.type", "Input should be 'auto', 'any', 'tool' or 'none'")
	}
	if alone == true && c.text("type") == "none" {
		r.fail("tool_choice.none.disable_parallel_tool_use", "Extra inputs are not permitted")
	}
}

func (r *anthropicReader) system(body object) {
	v, ok := body.get("system")
	if !ok {
		return
	}
	m := message{role: "system"}
	r.blocks(&m, v, "system")
	r.req.messages = append(r.req.messages, m)
}

func (r *anthropicReader) conversation(body object) {
	list := body.array("messages")
	if len(list) == 0 {
		r.fail("messages", "at least one message is required")
		return
	}
	open := []string{} // ids of calls that the next message must answer
	for i, v := range list {
		path := fmt.Sprintf("messages.%d", i)
		o, ok := v.(object)
		if !ok {
			r.fail(path, "Input does not match the expected shape.")
			return
		}
		m := message{role: o.text("role")}
		content, _ := o.get("content")
		results := r.blocks(&m, content, path+".content")
		switch m.role {
		case "user", "assistant":
		case "system":
			if i == 0 || !r.m.adaptive() {
				r.fail(path+".role", "role 'system' is not supported on this model")
			}
		default:
			r.fail(path+".role", "Input should be 'user' or 'assistant'")
		}
		open = r.answers(path, open, m, results)
		if m.text != "" || len(m.media) > 0 || len(m.calls) > 0 || len(results) == 0 {
			r.req.messages = append(r.req.messages, m)
		}
		r.req.messages = append(r.req.messages, results...)
		r.begins(path, m, o.array("content"), i == len(list)-2 && len(m.calls) > 0)
	}
	if len(open) > 0 {
		r.fail("messages", "`tool_use` ids were found without `tool_result` blocks immediately after: %s", strings.Join(open, ", "))
	}
	if last, _ := list[len(list)-1].(object); last.text("role") == "assistant" && r.req.thinks {
		r.fail("messages", "This model does not support assistant message prefill. The conversation must end with a user message.")
	}
}

// answers holds results against the calls of the message before, and gives the calls of this one.
func (r *anthropicReader) answers(path string, open []string, m message, results []message) []string {
	for _, res := range results {
		at := slices.Index(open, res.callID)
		if at < 0 {
			r.fail(path, "unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", res.callID)
			return nil
		}
		open = slices.Delete(slices.Clone(open), at, at+1)
	}
	if len(open) > 0 {
		r.fail(path, "`tool_use` ids were found without `tool_result` blocks immediately after: %s", strings.Join(open, ", "))
	}
	return m.calls
}

// begins demands that the turn whose results are awaited begins with its thought, where a budget for thought is given.
func (r *anthropicReader) begins(path string, m message, blocks []any, awaited bool) {
	if !awaited || !r.req.thinks || r.m.adaptive() || len(blocks) == 0 {
		return
	}
	first, _ := blocks[0].(object)
	if typ := first.text("type"); typ != "thinking" && typ != "redacted_thinking" {
		r.fail(path+".content.0.type", "Expected `thinking` or `redacted_thinking`, but found `%s`. When `thinking` is enabled, a final `assistant` message must start with a thinking block.", typ)
	}
}

// blocks reads what a message says into m, and gives the results in it.
func (r *anthropicReader) blocks(m *message, content any, path string) []message {
	if s, ok := content.(string); ok {
		m.text = s
		return nil
	}
	list, ok := content.([]any)
	if !ok {
		r.fail(path, "Input should be a valid list")
		return nil
	}
	var texts []string
	var results []message
	for i, v := range list {
		at := fmt.Sprintf("%s.%d", path, i)
		b, ok := v.(object)
		if !ok {
			r.fail(at, "Input should be an object")
			return nil
		}
		r.mark(at+".cache_control", b)
		switch typ := b.text("type"); typ {
		case "text":
			if b.text("text") == "" {
				r.fail("messages", "text content blocks must be non-empty")
			}
			texts = append(texts, b.text("text"))
		case "image", "document":
			m.media = append(m.media, r.source(b, typ, at))
		case "tool_use":
			if b.object("input") == nil || b.text("id") == "" || b.text("name") == "" || m.role != "assistant" {
				r.fail(at+".tool_use.input", "Input should be a valid dictionary, of a call of the assistant's")
			}
			m.calls, m.names = append(m.calls, b.text("id")), append(m.names, b.text("name"))
		case "tool_result":
			res := message{role: "tool", callID: b.text("tool_use_id")}
			if inner, given := b.get("content"); given {
				r.blocks(&res, inner, at+".content")
			}
			if len(texts) > 0 || m.role != "user" {
				r.fail(at, "`tool_result` blocks come first, in a message of the user's")
			}
			results = append(results, res)
		case "thinking":
			if !signs(b.text("signature"), b.text("thinking")) {
				r.fail(at, "Invalid `signature` in `thinking` block")
			}
		case "redacted_thinking":
			if !signs(b.text("data"), "") {
				r.fail(at, "Invalid `data` in `redacted_thinking` block")
			}
		case "search_result", "server_tool_use", "web_search_tool_result", "container_upload", "mid_conv_system", "tool_reference":
		default:
			r.fail(at, "Input tag '%s' found using 'type' does not match any of the expected tags", typ)
		}
	}
	m.text = strings.Join(texts, "\n")
	return results
}

// source reads where an image or document is.
func (r *anthropicReader) source(b object, typ, at string) media {
	s := b.object("source")
	out := media{what: map[string]string{"image": "image", "document": "file"}[typ], format: s.text("media_type")}
	types := []string{"image/jpeg", "image/png", "image/gif", "image/webp"}
	if typ == "document" {
		types = []string{"application/pdf"}
	}
	switch s.text("type") {
	case "base64":
		raw, err := base64.StdEncoding.DecodeString(s.text("data"))
		if err != nil || len(raw) == 0 {
			r.fail(at+".source.base64.data", "must be base64")
		}
		if !slices.Contains(types, out.format) {
			r.fail(at+".source.base64.media_type", "Input should be '%s'", strings.Join(types, "', '"))
		}
		out.bytes = len(raw)
	case "text":
		out.bytes = len(s.text("data"))
	case "url", "file", "content":
		out.format = "by reference"
	default:
		r.fail(at+".source", "Input tag '%s' does not match any of the expected tags", s.text("type"))
	}
	return out
}
