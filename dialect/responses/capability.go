package responses

import (
	"strings"

	"bulkhead/call"
)

// reaching are top-level fields by which a request asks the vendor to reach
// further, whatever else they hold; null and false ask nothing. Beside OpenAI's
// own they are those that compatible servers and routers act on.
var reaching = map[string]call.Capability{
	"background":         call.Background,
	"conversation":       call.ConversationID,
	"prompt":             call.PromptID,
	"web_search_options": call.WebSearch,
	"search_parameters":  call.WebSearch, // xAI
	"enable_search":      call.WebSearch, // Qwen
	"plugins":            call.WebSearch, // OpenRouter
	"data_sources":       call.DataSources,
	"models":             call.VendorFallback, // OpenRouter
	"route":              call.VendorFallback, // OpenRouter
	"provider":           call.VendorFallback, // OpenRouter
	"fallbacks":          call.VendorFallback,
	"mcp_servers":        call.HostedMCP,
	"conversation_id":    call.ConversationID,
	"thread_id":          call.ConversationID,
	"prompt_id":          call.PromptID,
	"file_ids":           call.FileID,
}

// toolCapability maps the types of tools. Those without a capability run at
// the caller, or look only at what the request itself holds; a type that is
// not known is refused by name. The shell is judged by its environment.
func toolCapability(typ string) (c call.Capability, known bool) {
	switch typ {
	case "function", "custom", "local_shell", "apply_patch", "tool_search", "namespace", "shell":
		return "", true
	case "file_search":
		return call.FileSearch, true
	case "code_interpreter", "programmatic_tool_calling": // the vendor runs the program that calls the tools
		return call.CodeInterpreter, true
	case "mcp":
		return call.HostedMCP, true
	case "image_generation":
		return call.ImageGeneration, true
	case "computer":
		return call.ComputerUse, true
	case "browser_search":
		return call.WebSearch, true
	}
	switch {
	case strings.HasPrefix(typ, "web_search"):
		return call.WebSearch, true
	case strings.HasPrefix(typ, "computer_use"):
		return call.ComputerUse, true
	}
	return "", false
}

// itemTypes are the types of input items (OpenAI API 2.3.0, InputItem) and
// whether the item is the caller's: what it gives back, rather than what the
// model said.
var itemTypes = map[string]bool{
	"message": true, "function_call_output": true, "custom_tool_call_output": true, "computer_call_output": true,
	"local_shell_call_output": true, "shell_call_output": true, "apply_patch_call_output": true, "mcp_approval_response": true,
	"tool_search_output": true, "compaction_trigger": true,

	"reasoning": false, "function_call": false, "custom_tool_call": false, "item_reference": false, "file_search_call": false,
	"web_search_call": false, "computer_call": false, "code_interpreter_call": false, "image_generation_call": false,
	"local_shell_call": false, "shell_call": false, "apply_patch_call": false, "mcp_list_tools": false,
	"mcp_approval_request": false, "mcp_call": false, "tool_search_call": false, "additional_tools": false, "compaction": false,
	"program": false, "program_output": false,
}

// partTypes are the types of content parts: OpenAI's, and input_audio, which
// Azure's v1 surface lists (its OpenAI.ItemContentType, 2026-07).
var partTypes = map[string]bool{
	"input_text": true, "input_image": true, "input_file": true, "input_audio": true, "output_text": true, "refusal": true,
	"summary_text": true, "reasoning_text": true, "computer_screenshot": true,
}
