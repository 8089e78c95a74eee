package sim

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Anthropic is api.anthropic.com (/v1/messages with x-api-key and anthropic-version), and Claude on Vertex AI
// (/v1/projects/{project}/locations/{location}/publishers/anthropic/models/{model}:rawPredict with a bearer token).
const Anthropic Kind = "anthropic"

// newerAnthropic is the version of the API that no longer takes sampling (platform.claude.com/docs/en/api/versioning, 2026-11).
const newerAnthropic = "2026-10-21"

// What the paths of Anthropic's ask for, beside models.
const (
	opMessages operation = iota + 200
	opCountTokens
)

func anthropicModels() []Model {
	return []Model{
		{ID: "claude-opus-4-8", Reasons: true, Context: 1000000}, {ID: "claude-sonnet-4-5", Version: "claude-sonnet-4-5-20250929", Reasons: true, Context: 200000},
		{ID: "claude-haiku-4-5", Version: "claude-haiku-4-5-20251001", Reasons: true, Context: 200000}, {ID: "claude-3-haiku-20240307", Context: 200000},
	}
}

// adaptive says whether a model reasons as it sees fit, and takes no budget for it; such models take instructions
// within the conversation, too.
func (m Model) adaptive() bool {
	return strings.Contains(m.ID, "opus-4-8") || strings.HasPrefix(m.ID, "claude-opus-5") || strings.HasPrefix(m.ID, "claude-sonnet-5")
}

// routeAnthropic understands a path of either surface.
func routeAnthropic(path string) route {
	switch path {
	case "/v1/messages":
		return route{op: opMessages}
	case "/v1/messages/count_tokens":
		return route{op: opCountTokens}
	}
	pieces := strings.Split(strings.TrimPrefix(path, "/v1/projects/"), "/")
	if len(pieces) == 7 && strings.HasPrefix(path, "/v1/projects/") && pieces[1] == "locations" && pieces[3] == "publishers" && pieces[4] == "anthropic" && pieces[5] == "models" {
		model, method, _ := strings.Cut(pieces[6], ":")
		switch {
		case model == "count-tokens" && method == "rawPredict":
			return route{op: opCountTokens}
		case method == "rawPredict", method == "streamRawPredict":
			return route{op: opMessages, model: model, vertex: true, streams: method == "streamRawPredict"}
		}
		return route{}
	}
	if r := routeUnder(path, "/v1"); r.op == opModels || r.op == opModel {
		return r
	}
	return route{}
}

// onVertex says whether a call came by Vertex's URL, also for a count, whose model stands in the body.
func (x *exchange) onVertex(path string) bool { return strings.HasPrefix(path, "/v1/projects/") }

// anthropic answers as Anthropic does.
func (x *exchange) anthropic(path string, body any, bad error) *reply {
	v, vertex := x.vendor, x.onVertex(path)
	if x.route.op == opNone {
		return v.refuse(&apiError{status: 404, message: "Not Found"})
	}
	if e := x.authorizeAnthropic(vertex); e != nil {
		return v.refuse(e)
	}
	want := http.MethodPost
	if x.route.op == opModels || x.route.op == opModel {
		want = http.MethodGet
	}
	if x.r.Method != want {
		return v.refuse(&apiError{status: 405, message: "Method Not Allowed"})
	}
	if version := x.r.Header.Get("Anthropic-Version"); !vertex && version == "" {
		return v.refuse(&apiError{status: 400, message: "anthropic-version: header is required"})
	} else if !vertex && version != "2023-06-01" && version != newerAnthropic {
		return v.refuse(&apiError{status: 400, message: fmt.Sprintf("anthropic-version: %q is not a valid version", version)})
	}
	switch x.route.op {
	case opModels:
		list := []object{}
		for _, m := range v.Models {
			list = append(list, describeAnthropic(m))
		}
		return &reply{status: http.StatusOK, body: encode(object{{"data", list}, {"has_more", false}})}
	case opModel:
		m, ok := v.model(x.route.model)
		if !ok {
			return v.refuse(noAnthropicModel(x.route.model))
		}
		return &reply{status: http.StatusOK, body: encode(describeAnthropic(m))}
	}
	asked, ok := body.(object)
	if bad != nil || !ok {
		return v.refuse(&apiError{status: 400, message: "The request body is not valid JSON: expected an object"})
	}
	if vertex && asked.text("anthropic_version") != "vertex-2023-10-16" {
		return v.refuse(&apiError{status: 400, message: "anthropic_version: Field required"})
	}
	if !vertex && x.r.Header.Get("Anthropic-Version") == newerAnthropic {
		for _, field := range []string{"temperature", "top_p", "top_k"} {
			if _, sent := asked.get(field); sent {
				return v.refuse(&apiError{status: 400, message: field + ": Extra inputs are not permitted"})
			}
		}
	}
	m, e := x.findAnthropic(asked)
	if e != nil {
		return v.refuse(e)
	}
	req, e := v.readAnthropic(asked, m, x.route, vertex)
	if e != nil {
		return v.refuse(e)
	}
	if x.route.op == opCountTokens {
		return &reply{status: http.StatusOK, body: encode(object{{"input_tokens", measure(&req.chatRequest).n}})}
	}
	return x.messages(req)
}

// authorizeAnthropic checks the credential: a key, or a bearer token where x-api-key is not there; on Vertex a token.
func (x *exchange) authorizeAnthropic(vertex bool) *apiError {
	given := x.r.Header.Get("X-Api-Key")
	if token, ok := strings.CutPrefix(x.r.Header.Get("Authorization"), "Bearer "); ok && (given == "" || vertex) {
		given = token
	}
	want := x.vendor.Key
	switch {
	case want == "" && given != "", want != "" && subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1:
		return nil
	case given == "":
		return &apiError{status: 401, message: "x-api-key header is required"}
	}
	return &apiError{status: 401, message: "invalid x-api-key"}
}

func (x *exchange) findAnthropic(asked object) (Model, *apiError) {
	id := x.route.model
	if !x.route.vertex {
		if id = asked.text("model"); id == "" {
			return Model{}, &apiError{status: 400, message: "model: Field required"}
		}
	}
	m, ok := x.vendor.model(id)
	if !ok {
		return Model{}, noAnthropicModel(id)
	}
	return m, nil
}

func noAnthropicModel(id string) *apiError {
	return &apiError{status: 404, message: "model: " + id}
}

func describeAnthropic(m Model) object {
	return object{{"type", "model"}, {"id", m.ID}, {"display_name", m.ID}, {"created_at", "2025-10-15T00:00:00Z"}}
}

// anthropicType is the word for a status.
func anthropicType(status int) string {
	words := map[int]string{401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large",
		429: "rate_limit_error", 504: "timeout_error", 529: "overloaded_error"}
	if w := words[status]; w != "" {
		return w
	}
	if status >= 500 {
		return "api_error"
	}
	return "invalid_request_error"
}

// anthropicBody is the shape of Anthropic's errors; those within a stream have no id.
func (e *apiError) anthropicBody(id string) object {
	out := object{{"type", "error"}, {"error", object{{"type", anthropicType(e.status)}, {"message", e.message}}}}
	if id != "" {
		out = append(out, member{"request_id", id})
	}
	return out
}

// refuseAnthropic gives the reply for e. Anthropic says itself whether to try again.
func refuseAnthropic(e *apiError) *reply {
	r := &reply{status: e.status, body: encode(e.anthropicBody("req_" + diceFor(e.message).letters(24)))}
	r.set("X-Should-Retry", strconv.FormatBool(e.status == 429 || e.status >= 500))
	return r
}

// anthropicHeaders sets what Anthropic sends with every reply (recorded).
func anthropicHeaders(h http.Header, id string, status int, now time.Time) {
	h.Set("Request-Id", id)
	h.Set("Anthropic-Organization-Id", "00000000-0000-4000-a000-000000000000")
	if status != http.StatusOK && status != http.StatusTooManyRequests {
		return
	}
	for _, what := range []string{"Requests", "Tokens", "Input-Tokens", "Output-Tokens"} {
		limit, remaining := limitTokens, limitTokens
		if what == "Requests" {
			limit, remaining = limitRequests, limitRequests-1
		}
		if status == http.StatusTooManyRequests {
			remaining = 0
		}
		h.Set("Anthropic-Ratelimit-"+what+"-Limit", strconv.Itoa(limit))
		h.Set("Anthropic-Ratelimit-"+what+"-Remaining", strconv.Itoa(remaining))
		h.Set("Anthropic-Ratelimit-"+what+"-Reset", now.UTC().Add(time.Second).Format(time.RFC3339))
	}
}

// anthropicEvent frames an event under its type, on which SDKs dispatch. Anthropic pads some with white space before the
// last brace, to hide the length of tokens (recorded).
func anthropicEvent(i int, chunk []byte) []byte {
	typ, _, _ := strings.Cut(strings.TrimPrefix(string(chunk), `{"type":"`), `"`)
	out := append([]byte("event: "+typ+"\ndata: "), chunk[:len(chunk)-1]...)
	out = append(out, bytes.Repeat([]byte(" "), i*7%16)...)
	return append(out, "}\n\n"...)
}

// keepAlive is what a vendor sends in a stream while it has nothing to say.
func (k Kind) keepAlive() []byte {
	if k == Anthropic {
		return []byte("event: ping\ndata: {\"type\": \"ping\"}\n\n")
	}
	return []byte(": keep-alive\n\n")
}
