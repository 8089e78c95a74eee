package dialect

import (
	"bytes"

	"bulkhead/fault"
)

// tooLong are the codes and the words, in lower case, by which vendors say that
// a request is longer than the model's context. Sources: recorded errors of
// OpenAI ("context_length_exceeded"), Bedrock ("Number of input tokens exceeds
// maximum length") and llama.cpp ("exceed_context_size_error"); Anthropic's and
// Google's API references and vLLM's source, read 2026-11-24.
var tooLong = [][]byte{
	[]byte("context_length_exceeded"), []byte("exceed_context_size_error"), []byte("model_context_window_exceeded"),
	[]byte("maximum context length"), []byte("context window"), []byte("prompt is too long"), []byte("input is too long"),
	[]byte("input tokens exceed"), []byte("number of input tokens exceeds"), []byte("exceeds the maximum number of tokens"),
	[]byte("available context size"),
}

// filtered are those by which they say that their content filter stopped it.
// Sources: a recorded error of Azure OpenAI; OpenAI's and Anthropic's API
// references, read 2026-11-24.
var filtered = [][]byte{
	[]byte(`"content_filter"`), []byte("responsibleaipolicyviolation"), []byte("content_policy_violation"),
	[]byte("blocked by content filtering policy"), []byte("blocked by our content filters"),
}

// groundBytes is how much of a refusal is read for its ground.
const groundBytes = 64 << 10

// Ground reads a vendor's refusal, its body or its message, for what another
// offering could accept. A refusal may repeat the caller's words, so that the
// ground may be wrong; what follows from it must stay within the call's permit.
func Ground(refusal []byte) fault.Ground {
	text := bytes.ToLower(refusal[:min(len(refusal), groundBytes)])
	for _, words := range tooLong {
		if bytes.Contains(text, words) {
			return fault.TooLong
		}
	}
	for _, words := range filtered {
		if bytes.Contains(text, words) {
			return fault.Filtered
		}
	}
	return ""
}
