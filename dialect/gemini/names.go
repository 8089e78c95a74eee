package gemini

import "bytes"

// words are names that are met in every reply and most requests, in JSON's form.
var words = []string{
	"args", "avgLogprobs", "cachedContentTokenCount", "candidates", "candidatesTokenCount", "candidatesTokensDetails", "cacheTokensDetails", "chosenCandidates",
	"citationMetadata", "content", "contents", "createTime", "data", "description", "error", "fileData", "fileUri", "finishMessage", "finishReason",
	"functionCall", "functionDeclarations", "functionResponse", "generationConfig", "groundingMetadata", "id", "index", "inlineData", "jsonPath",
	"logProbability", "logprobsResult", "maxOutputTokens", "mimeType", "modality", "modelVersion", "name", "numberValue", "parametersJsonSchema", "partialArgs",
	"parts", "promptFeedback", "promptTokenCount", "promptTokensDetails", "response", "responseId", "role", "safetyRatings", "serviceTier",
	"stringValue", "systemInstruction", "temperature", "text", "thought", "thoughtSignature", "thoughtsTokenCount", "token", "tokenCount", "tokenId",
	"toolUsePromptTokenCount", "tools", "topCandidates", "totalTokenCount", "trafficType", "usageMetadata", "willContinue",
}

// spellings are both forms of each word.
var spellings = func() map[string]string {
	out := make(map[string]string, 2*len(words))
	for _, w := range words {
		out[w], out[snake(w)] = w, w
	}
	return out
}()

// snake is a name as the protocol buffers have it.
func snake(camel string) string {
	var b []byte
	for i := range len(camel) {
		c := camel[i]
		if c >= 'A' && c <= 'Z' {
			b = append(b, '_')
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return string(b)
}

// camel gives a field's name in JSON's form, whichever it has. One that is
// neither form stays.
func camel(b []byte) string {
	if w, ok := spellings[string(b)]; ok {
		return w
	}
	if bytes.IndexByte(b, '_') < 0 || bytes.ContainsFunc(b, func(r rune) bool { return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }) {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	up := false
	for _, c := range b {
		switch {
		case c == '_':
			up = true
			continue
		case up && c >= 'a':
			c -= 'a' - 'A'
		}
		out, up = append(out, c), false
	}
	return string(out)
}

// twins reports whether two names differ at most in case and underscores, by
// Unicode's simple folding: a reader that is careless of them would take one
// for the other.
func twins(given []byte, known string) bool {
	if len(given) > 4*len(known)+8 {
		return false
	}
	if bytes.IndexByte(given, '_') >= 0 {
		given = bytes.ReplaceAll(given, []byte{'_'}, nil)
	}
	return bytes.EqualFold(given, []byte(known))
}
