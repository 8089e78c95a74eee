package sim

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// apiError is a refusal of a vendor. Empty strings are null on the wire where the vendor's shape has the member.
type apiError struct {
	status  int
	typ     string
	code    string
	param   string
	message string
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// openAIBody is the shape of OpenAI and of all that copy it.
func (e *apiError) openAIBody() object {
	return object{{"error", object{
		{"message", e.message}, {"type", e.typ}, {"param", orNull(e.param)}, {"code", orNull(e.code)},
	}}}
}

// refuse gives the vendor's reply for e.
func (v *vendor) refuse(e *apiError) *reply {
	r := &reply{status: e.status}
	switch {
	case v.Kind == Azure && e.status == http.StatusUnauthorized, v.Kind == Azure && e.code == "404":
		r.body = encode(object{{"error", object{{"code", e.code}, {"message", e.message}}}})
	case v.Kind == Azure && e.code == "DeploymentNotFound":
		r.body = encode(object{{"error", object{{"type", e.typ}, {"code", e.code}, {"message", e.message}}}})
	case v.Kind == Azure && e.status == http.StatusTooManyRequests:
		r.body = encode(object{{"error", object{{"code", e.code}, {"message", e.message}, {"details", e.message}}}})
	case v.Kind == Bedrock && e.status == http.StatusForbidden:
		// The front door of Bedrock's runtime, before anything that knows OpenAI's shape.
		r.body = encode(object{{"Message", e.message}})
		r.set("x-amzn-errortype", e.code)
	case v.Kind == Gemini:
		r.body = encode(e.geminiBody())
	case v.Kind == Anthropic:
		return refuseAnthropic(e)
	default:
		r.body = encode(e.openAIBody())
	}
	return r
}

func (v *vendor) unauthorized(given string) *apiError {
	const typ = "invalid_request_error"
	switch {
	case v.Kind == Azure:
		return &apiError{status: 401, code: "401", message: "Access denied due to invalid subscription key or wrong API endpoint. " +
			"Give a valid key of an active subscription and the endpoint of its own region."}
	case v.Kind == Bedrock:
		return &apiError{status: 403, code: "AccessDeniedException", message: "Authentication failed: Please make sure your API Key is valid."}
	case given == "":
		return &apiError{status: 401, typ: typ, message: "Missing bearer or basic authentication in header"}
	default:
		return &apiError{status: 401, typ: typ, code: "invalid_api_key", message: fmt.Sprintf("Incorrect API key provided: %s.", masked(given))}
	}
}

// masked shows the ends of a key, as OpenAI's refusal does: what a vendor says of a key must not get into logs.
func masked(key string) string {
	if len(key) < 12 {
		return strings.Repeat("*", len(key))
	}
	return key[:4] + strings.Repeat("*", len(key)-8) + key[len(key)-4:]
}

func (v *vendor) noSuchModel(id string) *apiError {
	if v.Kind == Azure {
		return &apiError{status: 404, typ: "invalid_request_error", code: "DeploymentNotFound",
			message: "The API deployment for this resource does not exist. Wait a few minutes if it was created just now, and try again."}
	}
	return &apiError{status: 404, typ: "invalid_request_error", code: "model_not_found",
		message: fmt.Sprintf("The model `%s` does not exist or you do not have access to it.", id)}
}

func (v *vendor) noSuchRoute(method, path string) *apiError {
	if v.Kind == Azure {
		return &apiError{status: 404, code: "404", message: "Resource not found"}
	}
	return &apiError{status: 404, typ: "invalid_request_error", message: fmt.Sprintf("Invalid URL (%s %s)", method, path)}
}

func wrongMethod(method, path string) *apiError {
	return &apiError{status: 405, typ: "invalid_request_error", code: "method_not_supported",
		message: fmt.Sprintf("Not allowed to %s on %s.", method, path)}
}

func notJSON(cause error) *apiError {
	return &apiError{status: 400, typ: "invalid_request_error",
		message: fmt.Sprintf("We could not parse the JSON body of your request: %v", cause)}
}

func tooLarge(limit int64) *apiError {
	return &apiError{status: 413, typ: "invalid_request_error", message: fmt.Sprintf("Request body is larger than %d bytes", limit)}
}

// refusal is the vendor's own reply for a status that a fault asked for.
func (x *exchange) refusal(status int) *reply {
	if e := x.vendor.errorFor(status); x.route.op == opConverse {
		return refuseConverse(&apiError{status: status, message: e.message})
	} else {
		return x.vendor.refuse(e)
	}
}

// failure is how the vendor breaks off a stream, n chunks after its beginning.
func (x *exchange) failure(n int) []byte {
	e := x.vendor.errorFor(x.fault.errorStatus())
	switch {
	case x.route.op == opConverse:
		return converseFailure(e)
	case x.vendor.Kind == Gemini:
		return x.geminiFailure(n, e)
	case x.route.op == opResponses:
		return x.responsesFailure(n, e)
	case x.vendor.Kind == Anthropic:
		return anthropicEvent(0, encode(e.anthropicBody("")))
	}
	return event(encode(e.openAIBody()))
}

// tooLong says whether a prompt is over the model's window, or a fault has it so.
func (x *exchange) tooLong(c *completion, m Model) bool {
	if x.fault.ContextLength {
		c.promptTokens = m.Context + 1
	}
	return c.promptTokens > m.Context
}

// errorFor is what the vendor says with a status that a fault asked for.
func (v *vendor) errorFor(status int) *apiError {
	e := &apiError{status: status, typ: "invalid_request_error", message: "Simulated fault: " + strconv.Itoa(status) + " " + http.StatusText(status) + "."}
	switch {
	case v.Kind == Gemini, v.Kind == Anthropic:
	case status == 401, status == 403 && v.Kind == Bedrock:
		return v.unauthorized("sk-simulated-fault")
	case status == 429 && v.Kind == Azure:
		e.code = "RateLimitReached"
	case status == 429:
		e.typ, e.code = "requests", "rate_limit_exceeded"
	case status == 503:
		e.typ, e.code = "server_error", "overloaded"
	case status >= 500:
		e.typ = "server_error"
	}
	return e
}
