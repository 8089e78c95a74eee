package bedrock

import (
	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/wire"
)

// reaching are fields of models by which a request asks for more than an
// answer from its own bytes. They are those of the models' own APIs that
// Converse passes on untouched (Anthropic Messages, OpenAI chat, of 2026-08).
var reaching = map[string]call.Capability{
	"mcp_servers": call.HostedMCP, "container": call.CodeInterpreter, "file_ids": call.FileID,
	"web_search_options": call.WebSearch, "search_parameters": call.WebSearch, "plugins": call.WebSearch,
	"previous_response_id": call.ConversationID, "conversation": call.ConversationID, "prompt": call.PromptID,
	"models": call.VendorFallback, "fallbacks": call.VendorFallback, "background": call.Background, "store": call.Store,
}

// modelNames are fields of models that reach no further.
var modelNames = map[string]bool{
	"thinking": true, "reasoning_config": true, "reasoningConfig": true, "reasoning_effort": true, "output_config": true, "inferenceConfig": true,
	"anthropic_beta": true, "tool_choice": true, "context_management": true, "top_k": true, "topK": true, "top_p": true, "temperature": true,
	"max_tokens": true, "max_completion_tokens": true, "max_gen_len": true, "max_new_tokens": true, "stop": true, "stop_sequences": true,
	"seed": true, "frequency_penalty": true, "presence_penalty": true, "logit_bias": true, "verbosity": true, "metadata": true, "cache_control": true,
	"tools": true,
}

// limitNames are those of a limit of output.
var limitNames = map[string]bool{"max_tokens": true, "max_completion_tokens": true, "max_gen_len": true, "max_new_tokens": true, "maxTokens": true, "maxTokenCount": true}

// modelFields reads what Converse passes on to the model as it is. A name that
// is not known counts as an unknown field of the request.
func (r *reader) modelFields(kind wire.Kind) {
	if kind != wire.Object {
		r.heard(prose)
		return
	}
	r.s.Object()
	for name := r.s.Name(); name != nil; name = r.s.Name() {
		n := string(name)
		kind := r.s.Next()
		r.into(n)
		if c, reaches := reaching[n]; reaches && kind != wire.Null && kind != wire.False {
			r.need(c)
		} else if !reaches && !modelNames[n] {
			r.foreign(n)
		}
		switch {
		case n == "tools" && kind == wire.Array:
			r.modelTools()
		case limitNames[n] && kind == wire.Number:
			r.maxTokens(kind)
		case n == "inferenceConfig" && kind == wire.Object:
			r.limits()
		default:
			r.heard(prose)
		}
		r.out()
	}
}

// foreign notes a field of a model's that is not known, and refuses one that
// differs from a known one in case alone.
func (r *reader) foreign(name string) {
	for known := range reaching {
		if twins(name, known) {
			r.refuse(fault.Unsupported, r.path(), "The field %q differs from %q in case alone; write %q.", clip(name), known, known)
		}
	}
	if twins(name, "tools") {
		r.refuse(fault.Unsupported, r.path(), "The field %q differs from %q in case alone; write %q.", clip(name), "tools", "tools")
	}
	r.note("additionalModelRequestFields." + name)
}

// limits reads an inferenceConfig of a model's own.
func (r *reader) limits() {
	r.s.Object()
	for name := r.s.Name(); name != nil; name = r.s.Name() {
		if limitNames[string(name)] && r.s.Next() == wire.Number {
			r.maxTokens(wire.Number)
			continue
		}
		r.heard(prose)
	}
}

// modelTools reads tools in the words of the model's own API: those with a type
// other than custom are of the model's maker.
func (r *reader) modelTools() {
	r.s.Array()
	for i := 0; r.s.Element(); i++ {
		r.element(i)
		if kind := r.s.Next(); kind != wire.Object {
			r.heard(prose)
			r.misfit(kind, "an object")
			r.out()
			continue
		}
		r.s.Object()
		for name := r.s.Name(); name != nil; name = r.s.Name() {
			switch {
			case string(name) == "type":
				r.into("type")
				r.toolType(r.s.Next())
				r.out()
			case twins(string(name), "type"):
				r.refuse(fault.Unsupported, r.under("type"), "The field %q differs from \"type\" in case alone; write \"type\".", clip(string(name)))
				r.heard(prose)
			default:
				r.mode = schema
				r.word = !proseNames[string(name)]
				r.s.Skip()
				r.mode = prose
			}
		}
		r.out()
	}
}

// toolType reads the type of a tool in Anthropic's words (Messages API, 2026-08).
func (r *reader) toolType(kind wire.Kind) {
	typ, ok := r.str(kind)
	if !ok {
		return
	}
	for _, t := range toolTypes {
		if len(typ) >= len(t.prefix) && typ[:len(t.prefix)] == t.prefix {
			if t.need != "" {
				r.need(t.need)
			}
			return
		}
	}
	field := r.path()
	r.refuse(fault.Unsupported, field, "%s is %q, which Bulkhead does not know and so does not pass on.", field, clip(typ))
}

// toolTypes are types of tools by their beginnings; without a need they run at the caller.
var toolTypes = []struct {
	prefix string
	need   call.Capability
}{
	{"custom", ""}, {"function", ""}, {"bash_", ""}, {"text_editor_", ""}, {"memory_", ""}, {"tool_search_tool_", ""},
	{"computer_", call.ComputerUse}, {"web_search", call.WebSearch}, {"web_fetch", call.WebSearch},
	{"code_execution", call.CodeInterpreter}, {"mcp_toolset", call.HostedMCP},
}
