package dialect

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/call"
	"bulkhead/fault"
)

// Extension is what Bulkhead adds to a dialect's own error object.
type Extension struct {
	Code    fault.Kind     `json:"code"`
	Call    call.ID        `json:"call"`
	Reasons []fault.Reason `json:"reasons,omitempty"`
}

// Refusal renders a fault as the body of an error reply, in the form that the
// dialect's own SDKs raise as their exceptions (shapes: OpenAI API reference,
// Anthropic API errors, Smithy REST-JSON, google.rpc.Status; all of 2026-08).
// It never holds the fault's cause.
func Refusal(n Name, f *fault.Fault, id call.ID) []byte {
	message := f.Message
	if id != "" {
		message += " Call " + string(id) + "."
	}
	ext := Extension{Code: f.Kind, Call: id, Reasons: f.Reasons}
	switch n {
	case Anthropic:
		return anthropicError(f, message, id, ext)
	case Bedrock:
		return bedrockError(f, message, ext)
	case Gemini:
		return geminiError(f, message, id)
	default:
		return openaiError(f, message, ext)
	}
}

// ErrorType is the dialect's own word for the fault: OpenAI's and Anthropic's
// error.type, AWS's exception name, Google's status.
func ErrorType(n Name, k fault.Kind) string {
	word, ok := words[Status(k)]
	if !ok {
		word = words[500]
	}
	switch n {
	case Anthropic:
		return word.anthropic
	case Bedrock:
		return word.bedrock
	case Gemini:
		return word.gemini
	}
	return word.openai
}

// words are the type words by status (MAPPING of 2026-08 from the vendors'
// error tables).
var words = map[int]struct{ openai, anthropic, bedrock, gemini string }{
	400: {"invalid_request_error", "invalid_request_error", "ValidationException", "INVALID_ARGUMENT"},
	401: {"invalid_request_error", "authentication_error", "UnrecognizedClientException", "UNAUTHENTICATED"},
	402: {"insufficient_quota", "billing_error", "ServiceQuotaExceededException", "RESOURCE_EXHAUSTED"},
	403: {"invalid_request_error", "permission_error", "AccessDeniedException", "PERMISSION_DENIED"},
	404: {"invalid_request_error", "not_found_error", "ResourceNotFoundException", "NOT_FOUND"},
	405: {"invalid_request_error", "invalid_request_error", "ValidationException", "INVALID_ARGUMENT"},
	408: {"invalid_request_error", "timeout_error", "ValidationException", "DEADLINE_EXCEEDED"},
	413: {"invalid_request_error", "request_too_large", "ValidationException", "INVALID_ARGUMENT"},
	415: {"invalid_request_error", "invalid_request_error", "ValidationException", "INVALID_ARGUMENT"},
	422: {"invalid_request_error", "invalid_request_error", "ValidationException", "INVALID_ARGUMENT"},
	429: {"requests", "rate_limit_error", "ThrottlingException", "RESOURCE_EXHAUSTED"},
	500: {"server_error", "api_error", "InternalServerException", "INTERNAL"},
	502: {"server_error", "api_error", "InternalServerException", "INTERNAL"},
	503: {"server_error", "overloaded_error", "ServiceUnavailableException", "UNAVAILABLE"},
	504: {"server_error", "timeout_error", "ModelTimeoutException", "DEADLINE_EXCEEDED"},
}

func openaiError(f *fault.Fault, message string, ext Extension) []byte {
	type body struct {
		Message  string     `json:"message"`
		Type     string     `json:"type"`
		Param    *string    `json:"param"`
		Code     fault.Kind `json:"code"`
		Bulkhead Extension  `json:"bulkhead"`
	}
	b := body{Message: message, Type: ErrorType(OpenAI, f.Kind), Code: f.Kind, Bulkhead: ext}
	if f.Field != "" {
		b.Param = &f.Field
	}
	return encode(struct {
		Error body `json:"error"`
	}{b})
}

func anthropicError(f *fault.Fault, message string, id call.ID, ext Extension) []byte {
	type body struct {
		Type     string    `json:"type"`
		Message  string    `json:"message"`
		Bulkhead Extension `json:"bulkhead"`
	}
	return encode(struct {
		Type  string  `json:"type"`
		Error body    `json:"error"`
		ID    call.ID `json:"request_id"`
	}{"error", body{ErrorType(Anthropic, f.Kind), message, ext}, id})
}

func bedrockError(f *fault.Fault, message string, ext Extension) []byte {
	return encode(struct {
		Message  string     `json:"message"`
		Code     fault.Kind `json:"code"`
		Bulkhead Extension  `json:"bulkhead"`
	}{message, f.Kind, ext})
}

func geminiError(f *fault.Fault, message string, id call.ID) []byte {
	type info struct {
		Type     string            `json:"@type"`
		Reason   string            `json:"reason"`
		Domain   string            `json:"domain"`
		Metadata map[string]string `json:"metadata,omitempty"`
	}
	type body struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Status  string `json:"status"`
		Details []info `json:"details"`
	}
	detail := info{Type: "type.googleapis.com/google.rpc.ErrorInfo", Reason: string(f.Kind), Domain: "bulkhead", Metadata: map[string]string{"call": string(id)}}
	for _, r := range f.Reasons {
		detail.Metadata["reason."+strings.TrimSuffix(r.Offering+"."+r.Rule, ".")] = r.Why
	}
	return encode(struct {
		Error body `json:"error"`
	}{body{Status(f.Kind), message, ErrorType(Gemini, f.Kind), []info{detail}}})
}

// encode cannot fail on the plain structs above; text that is not UTF-8 is
// replaced rather than refused, so that an error is always an answer.
func encode(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return []byte(`{"error":{"message":"Bulkhead failed while describing an error.","type":"server_error","param":null,"code":"internal"}}`)
	}
	return b
}
