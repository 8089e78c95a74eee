package sim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// responsesRequest is a request of the Responses API, understood and found good.
type responsesRequest struct {
	chatRequest
	asked   object // as it was asked, for the members that echo it
	summary string
	sealed  bool // encrypted reasoning was asked for
}

// knownResponsesFields are the top-level fields that the Responses API knows.
func knownResponsesFields() []string {
	return []string{
		"background", "context_management", "conversation", "include", "input", "instructions", "max_output_tokens", "max_tool_calls",
		"metadata", "model", "moderation", "parallel_tool_calls", "personality", "previous_response_id", "prompt", "prompt_cache_key",
		"prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "stream",
		"stream_options", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
	}
}

// readResponses checks a body as the vendor would, for a model that it has.
func (x *exchange) readResponses(body object, m Model) (*responsesRequest, *apiError) {
	v, f := x.vendor, fieldsOf(body, "")
	if !v.acceptsUnknown() {
		v.refuseUnknown(f, knownResponsesFields())
	}
	req := &responsesRequest{asked: body}
	req.model, req.n, req.parallel, req.obfuscate = m, 1, true, true
	if id := f.str("previous_response_id"); id != "" {
		f.fail(&apiError{http.StatusBadRequest, "invalid_request_error", "previous_response_not_found", "previous_response_id",
			fmt.Sprintf("Previous response with id '%s' not found.", id)})
	}
	if text := f.str("instructions"); text != "" {
		req.messages = append(req.messages, message{role: "system", text: text})
	}
	readResponsesOptions(f, req)
	v.readItems(f, req)
	readFlatTools(f, req)
	if e := f.failed(); e != nil {
		return nil, e
	}
	checkItems(f, body.array("input"))
	return req, f.failed()
}

func readResponsesOptions(f fields, req *responsesRequest) {
	if n, ok := f.integer("max_output_tokens", 16, 1<<30); ok {
		req.maxTokens = n
	}
	f.number("temperature", 0, 2)
	f.number("top_p", 0, 1)
	if n, ok := f.integer("top_logprobs", 0, 20); ok {
		req.topLogprobs = n
	}
	req.stream = f.flag("stream")
	f.flag("store")
	req.tier = f.oneOf("service_tier", "auto", "default", "flex", "scale", "priority", "fast", "ultrafast")
	if o, ok := f.child("stream_options"); ok {
		if b, given := optional[bool](o, "include_obfuscation", "a boolean"); given {
			req.obfuscate = b
		}
	}
	if r, ok := f.child("reasoning"); ok {
		req.effort = r.oneOf("effort", "none", "minimal", "low", "medium", "high", "xhigh", "max")
		req.summary = r.oneOf("summary", "auto", "concise", "detailed")
		if req.effort != "" && !req.model.Reasons {
			r.invalid("effort", "unsupported_parameter", "Unsupported parameter: 'reasoning.effort' is not supported with this model.")
		}
	}
	list, _ := optional[[]any](f, "include", "an array of strings")
	for i, word := range list {
		switch word {
		case "reasoning.encrypted_content":
			req.sealed = true
		case "message.output_text.logprobs":
			req.logprobs = true
		case "file_search_call.results", "web_search_call.results", "web_search_call.action.sources", "message.input_image.image_url",
			"computer_call_output.output.image_url", "code_interpreter_call.outputs":
		default:
			f.invalid(fmt.Sprintf("include[%d]", i), "invalid_value", fmt.Sprintf("Invalid value: '%v'.", word))
		}
	}
	readTextOptions(f, req)
}

func readTextOptions(f fields, req *responsesRequest) {
	req.format.kind = "text"
	t, ok := f.child("text")
	if !ok {
		return
	}
	req.verbosity = t.oneOf("verbosity", "low", "medium", "high")
	r, ok := t.child("format")
	if !ok {
		return
	}
	req.format.kind = r.oneOf("type", "text", "json_object", "json_schema")
	if req.format.kind != "json_schema" {
		return
	}
	name := r.requiredStr("name")
	schema, ok := r.child("schema")
	if !ok {
		r.missing("schema")
		return
	}
	req.format.schema = schema.object
	if fault := strictFault(schema.object); fault != "" && r.flag("strict") {
		f.invalid("text.format.schema", "invalid_json_schema", fmt.Sprintf("Invalid schema for response_format '%s': %s", name, fault))
	}
}

// itemPrefixes begin the ids of items; an id of another kind is refused, whoever made it.
var itemPrefixes = map[string]string{"message": "msg", "function_call": "fc", "custom_tool_call": "ctc", "reasoning": "rs"}

// readItems reads the conversation.
func (v *vendor) readItems(f fields, req *responsesRequest) {
	input, ok := f.value("input")
	if text, isText := input.(string); isText {
		req.messages = append(req.messages, message{role: "user", text: text})
		return
	}
	if !ok {
		f.fail(&apiError{http.StatusBadRequest, "invalid_request_error", "missing_required_parameter", "input",
			"Missing required parameter: one of 'input' or 'previous_response_id' or 'prompt' or 'conversation' must be provided."})
		return
	}
	for _, it := range f.objects("input") {
		typ := it.text("type")
		if typ == "" && it.text("role") != "" {
			typ = "message"
		}
		if want, id := itemPrefixes[typ], it.str("id"); id != "" && want != "" && !strings.HasPrefix(id, want) {
			it.invalid("id", "invalid_value", fmt.Sprintf("Invalid '%s': '%s'. Expected an ID that begins with '%s'.", it.at("id"), id, want))
		}
		switch typ {
		case "message":
			req.messages = append(req.messages, readResponsesMessage(it))
		case "function_call", "custom_tool_call":
			it.requiredStr(map[string]string{"function_call": "arguments", "custom_tool_call": "input"}[typ])
			req.messages = append(req.messages, message{role: "assistant", calls: []string{it.requiredStr("call_id")}, names: []string{it.requiredStr("name")}})
		case "function_call_output", "custom_tool_call_output":
			m := message{role: "tool", callID: it.requiredStr("call_id")}
			readResponsesParts(it, "output", &m)
			req.messages = append(req.messages, m)
		case "reasoning":
			v.readReasoning(it)
		case "item_reference", "":
			v.absent(it, it.str("id"))
		default:
			it.oneOf("type", "message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output", "reasoning",
				"web_search_call", "file_search_call", "code_interpreter_call", "computer_call", "computer_call_output", "image_generation_call",
				"mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response", "local_shell_call", "local_shell_call_output",
				"shell_call", "shell_call_output", "apply_patch_call", "apply_patch_call_output", "compaction", "additional_tools")
		}
	}
}

// absent refuses a reference to what is not kept.
func (v *vendor) absent(f fields, id string) {
	f.fail(&apiError{http.StatusNotFound, "invalid_request_error", "", "input",
		fmt.Sprintf("Item with id '%s' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.", id)})
}

// readReasoning takes reasoning back only sealed, and only its own.
func (v *vendor) readReasoning(f fields) {
	f.objects("summary")
	switch sealed := f.str("encrypted_content"); {
	case sealed == "":
		v.absent(f, f.str("id"))
	case !v.opens(sealed):
		f.fail(notOurs(sealed))
	}
}

func readResponsesMessage(f fields) message {
	m := message{role: f.oneOf("role", "user", "assistant", "system", "developer")}
	readResponsesParts(f, "content", &m)
	return m
}

// readResponsesParts reads what an item says: a text or parts.
func readResponsesParts(f fields, name string, m *message) {
	content, ok := f.value(name)
	if text, isText := content.(string); isText {
		m.text = text
		return
	}
	if !ok {
		f.missing(name)
		return
	}
	var texts []string
	for _, p := range f.objects(name) {
		switch p.oneOf("type", "input_text", "input_image", "input_file", "output_text", "refusal") {
		case "input_text", "output_text":
			texts = append(texts, p.requiredStr("text"))
		case "refusal":
			texts = append(texts, p.requiredStr("refusal"))
		case "input_image":
			m.media = append(m.media, readFlatMedia(p, "image", "image_url"))
		case "input_file":
			m.media = append(m.media, readFlatMedia(p, "file", "file_data"))
		default:
			p.missing("type")
		}
	}
	m.text = strings.Join(texts, "\n")
}

func readFlatMedia(p fields, what, data string) media {
	out := media{what: what, format: "by reference", detail: p.oneOf("detail", "auto", "low", "high", "original")}
	url := p.str(data)
	switch {
	case strings.HasPrefix(url, "data:"):
		out.format, out.bytes = readDataURL(p, data, url)
		if what == "file" {
			out.format = p.requiredStr("filename")
		}
	case url == "" && p.str("file_id") == "" && p.str("file_url") == "":
		p.missing(data)
	}
	return out
}

// checkItems holds items against each other: each call has its output and each output its call, and reasoning is
// followed by what came of it.
func checkItems(f fields, items []any) {
	var open, known []string
	for i, it := range items {
		o, _ := it.(object)
		switch o.text("type") {
		case "function_call", "custom_tool_call":
			open, known = append(open, o.text("call_id")), append(known, o.text("call_id"))
		case "function_call_output", "custom_tool_call_output":
			id := o.text("call_id")
			if !slices.Contains(known, id) {
				f.invalid("input", "", fmt.Sprintf("No tool call found for function call output with call_id %s.", id))
			}
			open = slices.DeleteFunc(open, func(o string) bool { return o == id })
		case "reasoning":
			var next object
			if i+1 < len(items) {
				next, _ = items[i+1].(object)
			}
			if typ := next.text("type"); next == nil || strings.HasSuffix(typ, "_output") || next.text("role") != "" && next.text("role") != "assistant" {
				f.invalid("input", "", fmt.Sprintf("Item '%s' of type 'reasoning' was provided without its required following item.", o.text("id")))
			}
		}
	}
	if len(open) > 0 {
		f.invalid("input", "", fmt.Sprintf("No tool output found for function call %s.", open[0]))
	}
}

// readFlatTools reads tools, whose members stand beside their type, and how to choose.
func readFlatTools(f fields, req *responsesRequest) {
	for _, t := range f.objects("tools") {
		switch t.text("type") {
		case "function":
			req.tools = append(req.tools, readFunction(t))
		case "custom":
			custom := tool{name: readToolName(t), custom: true, definition: string(encode(t.object))}
			if format, ok := t.child("format"); ok && format.oneOf("type", "text", "grammar") == "grammar" {
				custom.grammar = format.oneOf("syntax", "lark", "regex")
				format.requiredStr("definition")
			}
			req.tools = append(req.tools, custom)
		case "":
			t.missing("type")
		}
	}
	if b, ok := optional[bool](f, "parallel_tool_calls", "a boolean"); ok {
		req.parallel = b
	}
	req.choice = toolChoice{mode: "auto"}
	choice, ok := f.value("tool_choice")
	if !ok {
		return
	}
	if mode, isMode := choice.(string); isMode {
		req.choice = toolChoice{mode: f.oneOf("tool_choice", "none", "auto", "required")}.orAuto(mode)
		return
	}
	c, ok := f.child("tool_choice")
	if !ok {
		return
	}
	switch c.text("type") {
	case "function", "custom":
		req.choice = namedChoice(f, "tool_choice", c.requiredStr("name"), &req.chatRequest)
	case "allowed_tools":
		req.choice = toolChoice{mode: c.oneOf("mode", "auto", "required")}
		for _, t := range c.objects("tools") {
			req.choice.names = append(req.choice.names, namedChoice(f, "tool_choice", t.requiredStr("name"), &req.chatRequest).names...)
		}
	}
}
