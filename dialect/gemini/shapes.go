package gemini

import (
	"slices"

	"bulkhead/call"
	"bulkhead/wire"
)

// shape is the kind of JSON value that a field holds; null is in each.
type shape int

const (
	anObject shape = iota
	anArray
	aString
	aBoolean
	aNumber // which may stand in quotes, as protocol buffers allow
)

func (s shape) fits(k wire.Kind) bool {
	switch s {
	case anObject:
		return k == wire.Object
	case anArray:
		return k == wire.Array
	case aString:
		return k == wire.String
	case aNumber:
		return k == wire.Number || k == wire.String
	}
	return k == wire.True || k == wire.False
}

// String names the shape as a person would.
func (s shape) String() string {
	return [...]string{"an object", "an array", "a string", "a boolean", "a number"}[s]
}

// generateFields are the top-level fields of a generateContent.
var generateFields = map[string]shape{
	"model": aString, "contents": anArray, "systemInstruction": anObject, "tools": anArray, "toolConfig": anObject,
	"safetySettings": anArray, "generationConfig": anObject, "cachedContent": aString, "labels": anObject, "modelArmorConfig": anObject,
	"serviceTier": aString, "store": aBoolean, "continuationToken": aString, "generationOutputConfig": anObject,
}

// countFields are those of a countTokens, on either surface.
var countFields = map[string]shape{
	"model": aString, "endpoint": aString, "contents": anArray, "generateContentRequest": anObject, "instances": anArray,
	"systemInstruction": anObject, "tools": anArray, "generationConfig": anObject,
}

// embedFields are those of an embedContent and a batchEmbedContents.
var embedFields = map[string]shape{
	"model": aString, "content": anObject, "taskType": aString, "title": aString, "outputDimensionality": aNumber,
	"autoTruncate": aBoolean, "embedContentConfig": anObject, "requests": anArray,
}

// reaching are top-level fields by which a request asks the vendor to reach
// further, whatever they hold; null asks nothing.
var reaching = map[string]call.Capability{
	"cachedContent":          call.PromptID,
	"modelArmorConfig":       call.PromptID, // templates that the project keeps
	"continuationToken":      call.ConversationID,
	"generationOutputConfig": call.Store, // media are written to a bucket
}

// hosted are the tools that the vendor runs. functionDeclarations run at the
// caller; a tool that is in neither is refused by name.
var hosted = map[string]call.Capability{
	"googleSearch":          call.WebSearch,
	"googleSearchRetrieval": call.WebSearch,
	"enterpriseWebSearch":   call.WebSearch,
	"exaAiSearch":           call.WebSearch,
	"parallelAiSearch":      call.WebSearch,
	"googleMaps":            call.WebSearch,
	"urlContext":            call.RemoteURL,
	"codeExecution":         call.CodeInterpreter,
	"computerUse":           call.ComputerUse,
	"fileSearch":            call.FileSearch,
	"retrieval":             call.DataSources,
	"mcpServers":            call.HostedMCP,
}

// toolNames are all tools that are known, in order.
func toolNames() []string {
	out := []string{"functionDeclarations"}
	for n := range hosted {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}
