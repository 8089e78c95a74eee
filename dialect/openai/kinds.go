package openai

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
	text
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
		return ks&text != 0
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

// chatFields are the top-level fields of a chat completion and what they may
// hold (OpenAI API 2.3.0, CreateChatCompletionRequest; data_sources and
// user_security_context: Azure OpenAI 2025-03-01-preview).
var chatFields = map[string]kinds{
	"messages":               array,
	"model":                  text,
	"audio":                  object | null,
	"data_sources":           array | null,
	"frequency_penalty":      number | null,
	"function_call":          text | object | null,
	"functions":              array | null,
	"logit_bias":             object | null,
	"logprobs":               boolean | null,
	"max_completion_tokens":  integer | null,
	"max_tokens":             integer | null,
	"metadata":               object | null,
	"modalities":             array | null,
	"moderation":             object | null,
	"n":                      integer | null,
	"parallel_tool_calls":    boolean | null,
	"prediction":             object | null,
	"presence_penalty":       number | null,
	"prompt_cache_key":       text | null,
	"prompt_cache_options":   object | null,
	"prompt_cache_retention": text | null,
	"reasoning_effort":       text | null,
	"response_format":        object | null,
	"safety_identifier":      text | null,
	"seed":                   integer | null,
	"service_tier":           text | null,
	"stop":                   text | array | null,
	"store":                  boolean | null,
	"stream":                 boolean | null,
	"stream_options":         object | null,
	"temperature":            number | null,
	"tool_choice":            text | object | null,
	"tools":                  array | null,
	"top_logprobs":           integer | null,
	"top_p":                  number | null,
	"user":                   text | null,
	"user_security_context":  object | null,
	"verbosity":              text | null,
	"web_search_options":     object | null,
}

// embeddingsFields are those of CreateEmbeddingRequest.
var embeddingsFields = map[string]kinds{
	"model":           text,
	"input":           text | array,
	"dimensions":      integer | null,
	"encoding_format": text | null,
	"user":            text | null,
}

// reaching are top-level fields by which a request asks the vendor to reach
// further, whatever else they hold; null asks nothing. Beside OpenAI's and
// Azure's they are those that compatible servers and routers act on.
var reaching = map[string]call.Capability{
	"web_search_options":   call.WebSearch,
	"search_parameters":    call.WebSearch, // xAI
	"enable_search":        call.WebSearch, // Qwen
	"plugins":              call.WebSearch, // OpenRouter
	"data_sources":         call.DataSources,
	"models":               call.VendorFallback, // OpenRouter
	"route":                call.VendorFallback, // OpenRouter
	"provider":             call.VendorFallback, // OpenRouter
	"fallbacks":            call.VendorFallback,
	"mcp_servers":          call.HostedMCP,
	"previous_response_id": call.ConversationID,
	"conversation":         call.ConversationID,
	"conversation_id":      call.ConversationID,
	"thread_id":            call.ConversationID,
	"prompt_id":            call.PromptID,
	"prompt":               call.PromptID,
	"file_ids":             call.FileID,
	"background":           call.Background,
}

// toolCapability maps the types of hosted tools; custom and function run at
// the caller. A type that is neither is refused by name.
func toolCapability(typ string) (c call.Capability, hosted, known bool) {
	switch {
	case typ == "function" || typ == "custom":
		return "", false, true
	case strings.HasPrefix(typ, "web_search"), typ == "browser_search":
		return call.WebSearch, true, true
	case typ == "file_search":
		return call.FileSearch, true, true
	case typ == "code_interpreter":
		return call.CodeInterpreter, true, true
	case typ == "mcp":
		return call.HostedMCP, true, true
	case typ == "image_generation":
		return call.ImageGeneration, true, true
	case strings.HasPrefix(typ, "computer_use"), typ == "computer":
		return call.ComputerUse, true, true
	}
	return "", false, false
}

// knownParts are the types of content parts: OpenAI's, and video_url and
// audio_url, which vLLM reads (its multimodal inputs, 2026).
var knownParts = map[string]bool{
	"text": true, "image_url": true, "input_audio": true, "file": true, "refusal": true,
	"video_url": true, "audio_url": true,
}
