package ingress

import (
	"net/http"
	"net/url"
	"strings"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/gateway"
)

// useChat is what callers of dialects that are not built yet can do.
const useChat = "Use POST /v1/chat/completions with an OpenAI client."

// match finds a request's route by its path as it was sent, so that nothing is
// cleaned, redirected or decoded twice.
func match(r *http.Request) gateway.Inbound {
	path := r.URL.EscapedPath()
	if strings.HasPrefix(path, "//openai/") { // clients whose endpoint ends in a slash are seen to send it, and Azure serves it
		path = path[1:]
	}
	var in gateway.Inbound
	switch {
	case strings.HasPrefix(path, "/openai/deployments/"):
		in = deployment(strings.TrimPrefix(path, "/openai/deployments/"))
	case strings.HasPrefix(path, "/openai/v1/"):
		in = openai("/openai/v1/", strings.TrimPrefix(path, "/openai/v1/"))
		in.Azure = true
	case strings.HasPrefix(path, "/openai/"):
		in = openai("/openai/", strings.TrimPrefix(path, "/openai/"))
		in.Azure = true
		if in.Dialect == dialect.Anthropic || in.Dialect == dialect.OpenAI && (in.Action == call.Chat || in.Action == call.Embeddings) {
			in.Refusal = nowhere().Refusal // Azure has these below a deployment only
		}
	case strings.HasPrefix(path, "/v1beta/") || strings.HasPrefix(path, "/v1/projects/") || strings.HasPrefix(path, "/v1beta1/"):
		in = gemini(path)
	case strings.HasPrefix(path, "/model/"):
		in = bedrock(path)
	case strings.HasPrefix(path, "/v1/"):
		if r.Header["Anthropic-Version"] != nil && strings.HasPrefix(path, "/v1/models") {
			return unserved(dialect.Anthropic, "/v1/models for Anthropic", "Use GET /v1/models with an OpenAI client.")
		}
		in = openai("/v1/", strings.TrimPrefix(path, "/v1/"))
	default:
		in = nowhere()
	}
	if in.Refusal == nil {
		in.Refusal = method(r, in.Action)
	}
	return in
}

func nowhere() gateway.Inbound {
	return gateway.Inbound{Dialect: dialect.OpenAI, Refusal: fault.New(fault.NoSuchRoute, "Nothing is served at this path. An OpenAI client's base URL ends in /v1, an Azure client's endpoint has no path.").Final()}
}

// served is the method that an action is served with.
func served(a call.Action) string {
	if a == call.Models {
		return http.MethodGet
	}
	return http.MethodPost
}

// method refuses what is no POST, or for lists no GET.
func method(r *http.Request, a call.Action) error {
	want := served(a)
	if r.Method == want || a == call.Models && r.Method == http.MethodHead {
		return nil
	}
	return fault.New(fault.MethodNotAllowed, "This path is served with %s.", want).Final()
}

// openai matches the part of a path behind the dialect's prefix.
func openai(prefix, rest string) gateway.Inbound {
	in := gateway.Inbound{Dialect: dialect.OpenAI, Route: prefix + rest}
	switch rest {
	case "chat/completions":
		in.Action = call.Chat
		return in
	case "embeddings":
		in.Action = call.Embeddings
		return in
	case "models":
		in.Action = call.Models
		return in
	case "messages":
		in.Dialect, in.Action = dialect.Anthropic, call.Chat
		return in
	case "messages/count_tokens":
		in.Dialect, in.Action = dialect.Anthropic, call.CountTokens
		return in
	case "responses":
		in.Dialect, in.Action = dialect.Responses, call.Chat
		return in
	case "responses/input_tokens":
		in.Dialect, in.Action = dialect.Responses, call.CountTokens
		return in
	case "complete", "messages/batches":
		return unserved(dialect.Anthropic, prefix+rest, "Use POST /v1/messages.")
	}
	head, tail, below := strings.Cut(rest, "/")
	switch head {
	case "models":
		name, err := url.PathUnescape(tail)
		if err != nil || name == "" || strings.HasSuffix(tail, "/") {
			return nowhere()
		}
		in.Action, in.Alias, in.Route = call.Models, name, prefix+"models/{id}"
		return in
	case "chat":
		if id, stored := strings.CutPrefix(tail, "completions/"); stored && id != "" {
			return unserved(dialect.OpenAI, prefix+"chat/completions/{id}", "Bulkhead keeps no completions; keep the reply of POST "+prefix+"chat/completions.")
		}
	case "responses", "conversations":
		return unserved(dialect.Responses, prefix+head, "Bulkhead keeps no conversations; send all of it with POST "+prefix+"responses.")
	case "completions", "audio", "images", "files", "uploads", "batches", "moderations", "fine_tuning", "vector_stores", "assistants", "threads", "realtime", "evals", "containers", "videos":
		if head == "completions" && below {
			return nowhere()
		}
		return unserved(dialect.OpenAI, prefix+head, useChat)
	}
	return nowhere()
}

// deployment matches Azure's older URLs, where the path names the model.
func deployment(rest string) gateway.Inbound {
	name, action, ok := strings.Cut(rest, "/")
	alias, err := url.PathUnescape(name)
	if !ok || err != nil || alias == "" {
		return nowhere()
	}
	in := openai("/openai/deployments/{alias}/", action)
	in.Azure = true
	if in.Action == call.Models || in.Refusal == nil && in.Dialect != dialect.OpenAI {
		return nowhere()
	}
	in.Alias = alias
	return in
}

// bedrock matches the routes of Bedrock's runtime. A model's id may be an ARN,
// whose slashes and colons come escaped: it is unescaped once.
func bedrock(path string) gateway.Inbound {
	in := nowhere()
	in.Dialect = dialect.Bedrock
	name, action, _ := strings.Cut(strings.TrimPrefix(path, "/model/"), "/")
	alias, err := url.PathUnescape(name)
	if err != nil || alias == "" {
		return in
	}
	switch action {
	case "converse":
		in.Action = call.Chat
	case "converse-stream":
		in.Action, in.Stream = call.Chat, true
	case "count-tokens":
		in.Action = call.CountTokens
	case "invoke", "invoke-with-response-stream":
		in.Action, in.Stream, in.Surface = call.Chat, action != "invoke", gateway.SurfaceInvoke
	default:
		return in
	}
	in.Alias, in.Route, in.Refusal = alias, "/model/{id}/"+action, nil
	return in
}

// claude matches Anthropic's dialect on Vertex, where the path names the model
// but for a count, whose body does.
func claude(alias, action string) gateway.Inbound {
	in := gateway.Inbound{Dialect: dialect.Anthropic, Action: call.Chat, Alias: alias, Stream: action == "streamRawPredict", Route: "publishers/anthropic/models/{model}:" + action}
	if alias == "count-tokens" && !in.Stream {
		in.Action, in.Alias = call.CountTokens, ""
	}
	return in
}

// gemini matches the routes of the Gemini API and Vertex.
func gemini(path string) gateway.Inbound {
	in := nowhere()
	in.Dialect = dialect.Gemini
	if strings.HasSuffix(path, "/models") {
		return unserved(dialect.Gemini, "the list of models for Gemini", "Use GET /v1/models with an OpenAI client.")
	}
	name, action, ok := strings.Cut(path[strings.LastIndexByte(path, '/')+1:], ":")
	if !ok {
		return in
	}
	alias, err := url.PathUnescape(name)
	if err != nil || alias == "" {
		return in
	}
	switch action {
	case "generateContent":
		in.Action = call.Chat
	case "streamGenerateContent":
		in.Action, in.Stream = call.Chat, true
	case "countTokens":
		in.Action = call.CountTokens
	case "embedContent", "batchEmbedContents":
		in.Action = call.Embeddings
	case "rawPredict", "streamRawPredict":
		if strings.HasPrefix(path, "/v1/projects/") && strings.Contains(path, "/publishers/anthropic/models/") {
			return claude(alias, action)
		}
		fallthrough
	case "predict":
		return unserved(dialect.Gemini, "models/{model}:"+action, useChat)
	default:
		return in
	}
	in.Alias, in.Route, in.Refusal = alias, "models/{model}:"+action, nil
	return in
}
