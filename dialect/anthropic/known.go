package anthropic

import (
	"strings"

	"bulkhead/call"
	"bulkhead/wire"
)

// kinds is a set of JSON kinds that a field may have.
type kinds uint8

const (
	object kinds = 1 << iota
	array
	word
	number
	integer
	boolean
	null
)

// has reports whether a value of kind k, with bytes b, is in the set.
func (ks kinds) has(k wire.Kind, b []byte) bool {
	switch k {
	case wire.Object:
		return ks&object != 0
	case wire.Array:
		return ks&array != 0
	case wire.String:
		return ks&word != 0
	case wire.Number:
		return ks&number != 0 || ks&integer != 0 && !strings.ContainsAny(string(b[:min(len(b), 32)]), ".eE")
	case wire.True, wire.False:
		return ks&boolean != 0
	case wire.Null:
		return ks&null != 0
	}
	return false
}

// String lists the set as a person would: "a string or null".
func (ks kinds) String() string {
	var words []string
	for i, w := range []string{"an object", "an array", "a string", "a number", "an integer", "a boolean", "null"} {
		if ks&(1<<i) != 0 {
			words = append(words, w)
		}
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
	return strings.Join(words, "")
}

// fields are the top-level fields of a request and what they may hold: those of
// messages and of counting, betas included, and those that stand in the body on
// Bedrock and Vertex.
var fields = map[string]kinds{
	"model":                 word,
	"messages":              array,
	"max_tokens":            integer,
	"anthropic_beta":        array | null,
	"anthropic_version":     word,
	"cache_control":         object | null,
	"container":             word | object | null,
	"context_management":    object | null,
	"diagnostics":           object | null,
	"fallback_credit_token": word | object | null,
	"fallbacks":             word | array | null,
	"inference_geo":         word | null,
	"mcp_servers":           array | null,
	"metadata":              object | null,
	"output_config":         object | null,
	"output_format":         object | null,
	"service_tier":          word | null,
	"speed":                 word | null,
	"stop_sequences":        array | null,
	"stream":                boolean | null,
	"system":                word | array | null,
	"temperature":           number | null,
	"thinking":              object | null,
	"tool_choice":           object | null,
	"tools":                 array | null,
	"top_k":                 integer | null,
	"top_p":                 number | null,
	"user_profile_id":       word | null,
}

// reaching are top-level fields by which a request asks the vendor to reach
// further, whatever they hold; null asks nothing.
var reaching = map[string]call.Capability{
	"mcp_servers":           call.HostedMCP,
	"fallbacks":             call.VendorFallback,
	"fallback_credit_token": call.VendorFallback,
	"container":             call.CodeInterpreter,
	"user_profile_id":       call.ServerSideHistory,
}

// hostedTools are the types of Anthropic's own tools without their dates, and
// what they ask. Those that ask nothing run at the caller or search the
// request's own tools. A computer is driven by the caller, but by what the
// vendor's model sees of it, as with the other dialects.
var hostedTools = map[string][]call.Capability{
	"web_search":             {call.WebSearch},
	"web_fetch":              {call.WebSearch, call.RemoteURL},
	"code_execution":         {call.CodeInterpreter},
	"computer":               {call.ComputerUse},
	"advisor":                {call.VendorFallback},
	"bash":                   nil,
	"text_editor":            nil,
	"memory":                 nil,
	"tool_search_tool_regex": nil,
	"tool_search_tool_bm25":  nil,
}

// toolNeeds gives what a type of tool asks. A type that is not known is refused
// by name. Types are dated; a new date of a known one is known.
func toolNeeds(typ string) (needs []call.Capability, known bool) {
	switch typ {
	case "", "custom":
		return nil, true
	case "mcp_toolset":
		return []call.Capability{call.HostedMCP}, true
	case "tool_search_tool_regex", "tool_search_tool_bm25":
		return nil, true
	}
	at := strings.LastIndexByte(typ, '_')
	if at < 0 || len(typ)-at != 9 || strings.Trim(typ[at+1:], "0123456789") != "" {
		return nil, false
	}
	needs, known = hostedTools[typ[:at]]
	return needs, known
}

// knownBlocks are the types of blocks that a message may hold, and of those
// within results.
var knownBlocks = map[string]bool{
	"text": true, "image": true, "document": true, "search_result": true, "thinking": true, "redacted_thinking": true,
	"tool_use": true, "tool_result": true, "server_tool_use": true, "web_search_tool_result": true, "web_fetch_tool_result": true,
	"code_execution_tool_result": true, "bash_code_execution_tool_result": true, "text_editor_code_execution_tool_result": true,
	"tool_search_tool_result": true, "advisor_tool_result": true, "mcp_tool_use": true, "mcp_tool_result": true,
	"container_upload": true, "compaction": true, "mid_conv_system": true, "tool_addition": true, "tool_removal": true, "fallback": true,

	"tool_reference": true, "web_search_result": true, "web_search_tool_result_error": true, "web_fetch_result": true,
	"web_fetch_tool_result_error": true, "code_execution_result": true, "encrypted_code_execution_result": true,
	"code_execution_tool_result_error": true, "code_execution_output": true, "bash_code_execution_result": true,
	"bash_code_execution_output": true, "bash_code_execution_tool_result_error": true,
	"text_editor_code_execution_view_result": true, "text_editor_code_execution_create_result": true,
	"text_editor_code_execution_str_replace_result": true, "text_editor_code_execution_tool_result_error": true,
	"tool_search_tool_search_result": true, "tool_search_tool_result_error": true, "advisor_result": true,
	"advisor_redacted_result": true, "advisor_tool_result_error": true,
}

// knownSources are the types of sources of images and documents.
var knownSources = map[string]bool{"base64": true, "url": true, "file": true, "text": true, "content": true}

// knownBetas are the betas that ask for nothing which their fields do not show
// (anthropic-sdk-python of 2026-08-07, AnthropicBetaParam; the last two lines
// are what Claude Code was seen to send). Others count as fields that are not known.
var knownBetas = map[string]bool{
	"message-batches-2024-09-24": true, "prompt-caching-2024-07-31": true, "computer-use-2024-10-22": true, "computer-use-2025-01-24": true,
	"pdfs-2024-09-25": true, "token-counting-2024-11-01": true, "token-efficient-tools-2025-02-19": true, "output-128k-2025-02-19": true,
	"files-api-2025-04-14": true, "mcp-client-2025-04-04": true, "mcp-client-2025-11-20": true, "dev-full-thinking-2025-05-14": true,
	"interleaved-thinking-2025-05-14": true, "code-execution-2025-05-22": true, "extended-cache-ttl-2025-04-11": true, "context-1m-2025-08-07": true,
	"context-management-2025-06-27": true, "model-context-window-exceeded-2025-08-26": true, "skills-2025-10-02": true, "fast-mode-2026-02-01": true,
	"output-300k-2026-03-24": true, "user-profiles-2026-03-24": true, "advisor-tool-2026-03-01": true, "cache-diagnosis-2026-04-07": true,
	"thinking-token-count-2026-05-13": true, "fallback-credit-2026-06-01": true, "fallback-credit-2026-07-01": true,
	"mid-conversation-tool-changes-2026-07-01": true, "server-side-fallback-2026-06-01": true, "server-side-fallback-2026-07-01": true,
	"agent-memory-2026-07-22": true, "structured-outputs-2025-11-13": true,
	"fine-grained-tool-streaming-2025-05-14": true, "claude-code-20250219": true, "effort-2025-11-24": true,
	"mid-conversation-system-2026-04-07": true, "prompt-caching-scope-2026-01-05": true, "redact-thinking-2026-02-12": true,
}

// reachingBetas are betas by which, whatever the fields say, the vendor may
// reach further; told by how they begin.
var reachingBetas = []struct {
	prefix string
	needs  call.Capability
}{
	{"server-side-fallback-", call.VendorFallback},
	{"agent-memory-", call.ServerSideHistory},
}
