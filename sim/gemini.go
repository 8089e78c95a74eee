package sim

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Gemini is Google's Gemini API (/v1beta/models/…, with x-goog-api-key or ?key=) and Vertex AI
// (/v1/projects/{project}/locations/{location}/publishers/google/models/…, with a bearer token).
const Gemini Kind = "gemini"

// opGemini is a path of Google's; its method is in the route.
const opGemini operation = 100

// geminiRoute is what a path of Google's says beside the model.
type geminiRoute struct {
	method  string // generateContent, …; of a GET list or get
	version string
	vertex  bool
}

func geminiModels() []Model {
	return []Model{
		{ID: "gemini-2.0-flash"}, {ID: "gemini-2.5-flash", Reasons: true, Context: 1 << 20}, {ID: "gemini-2.5-pro", Reasons: true, Context: 1 << 20},
		{ID: "gemini-3-pro-preview", Reasons: true, Context: 1 << 20},
		{ID: "gemini-embedding-001", Dimensions: 3072}, {ID: "text-embedding-005", Dimensions: 768},
	}
}

// routeGemini understands a path of either surface.
func routeGemini(path string) route {
	pieces := strings.Split(strings.TrimPrefix(path, "/"), "/")
	r := route{op: opGemini, gemini: geminiRoute{version: pieces[0]}}
	if !slices.Contains([]string{"v1", "v1beta", "v1beta1", "v1alpha"}, pieces[0]) {
		return route{}
	}
	rest := pieces[1:]
	if len(rest) >= 4 && rest[0] == "projects" && rest[2] == "locations" {
		r.gemini.vertex, rest = true, rest[4:]
		if len(rest) < 2 || rest[0] != "publishers" || rest[1] != "google" {
			return route{}
		}
		rest = rest[2:]
	}
	if len(rest) == 0 || rest[0] != "models" || len(rest) > 2 {
		return route{}
	}
	if len(rest) == 1 {
		r.gemini.method = "list"
		return r
	}
	var ok bool
	if r.model, r.gemini.method, ok = strings.Cut(rest[1], ":"); !ok {
		r.gemini.method = "get"
	}
	served := []string{"get", "generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"}
	if r.gemini.vertex {
		served = []string{"generateContent", "streamGenerateContent", "countTokens", "embedContent", "predict"}
	}
	if !slices.Contains(served, r.gemini.method) {
		return route{}
	}
	return r
}

// gemini answers as Google does.
func (x *exchange) gemini(path string, body any, bad error) *reply {
	v, at := x.vendor, x.route.gemini
	if x.route.op == opNone {
		return v.refuse(&apiError{status: 404, message: fmt.Sprintf("Nothing is served at %s.", path)})
	}
	if e := x.authorizeGemini(); e != nil {
		return v.refuse(e)
	}
	want := http.MethodPost
	if at.method == "list" || at.method == "get" {
		want = http.MethodGet
	}
	if x.r.Method != want {
		return v.refuse(&apiError{status: 404, message: "The requested URL was not found for this method."})
	}
	if at.method == "list" {
		list := []object{}
		for _, m := range v.Models {
			list = append(list, describeGemini(m))
		}
		return jsonReply(object{{"models", list}})
	}
	m, ok := v.model(x.route.model)
	if !ok {
		return v.refuse(noGeminiModel(x.route))
	}
	if at.method == "get" {
		return jsonReply(describeGemini(m))
	}
	asked, ok := body.(object)
	if bad != nil || !ok {
		return v.refuse(&apiError{status: 400, message: "Invalid JSON payload received. Expected an object."})
	}
	embeds := at.method == "embedContent" || at.method == "batchEmbedContents" || at.method == "predict"
	if m.Embeds != embeds && at.method != "countTokens" {
		return v.refuse(&apiError{status: 404, message: fmt.Sprintf("models/%s is not found for API version %s, or is not supported for %s.", m.ID, at.version, at.method)})
	}
	switch {
	case embeds:
		return x.embedGemini(asked, m)
	case at.method == "countTokens":
		return x.countGemini(asked, m)
	}
	return x.generate(asked, m)
}

// authorizeGemini checks the credential: a key at the Gemini API, whose refusal is a 400, and a token at Vertex.
func (x *exchange) authorizeGemini() *apiError {
	given := x.r.Header.Get("X-Goog-Api-Key")
	if given == "" && !x.route.gemini.vertex {
		given = x.r.URL.Query().Get("key")
	}
	if token, ok := strings.CutPrefix(x.r.Header.Get("Authorization"), "Bearer "); ok && given == "" {
		given = token
	}
	want := x.vendor.Key
	switch {
	case want == "" && given != "", want != "" && subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1:
		return nil
	case x.route.gemini.vertex:
		return &apiError{status: 401, code: "ACCESS_TOKEN_TYPE_UNSUPPORTED", message: "Request had invalid authentication credentials. Expected an OAuth 2 access token."}
	case given == "":
		return &apiError{status: 403, message: "Method doesn't allow unregistered callers (callers without established identity)."}
	}
	return &apiError{status: 400, code: "API_KEY_INVALID", message: "API key not valid. Please pass a valid API key."}
}

func noGeminiModel(r route) *apiError {
	if r.gemini.vertex {
		return &apiError{status: 404, message: fmt.Sprintf("Publisher Model `publishers/google/models/%s` not found.", r.model)}
	}
	return &apiError{status: 404, message: fmt.Sprintf("models/%s is not found for API version %s, or is not supported for %s.", r.model, r.gemini.version, r.gemini.method)}
}

func describeGemini(m Model) object {
	methods := []string{"generateContent", "countTokens"}
	if m.Embeds {
		methods = []string{"embedContent", "countTextTokens"}
	}
	return object{{"name", "models/" + m.ID}, {"version", "001"}, {"displayName", m.ID}, {"inputTokenLimit", m.Context},
		{"outputTokenLimit", 65536}, {"supportedGenerationMethods", methods}}
}

func jsonReply(body object) *reply {
	r := &reply{status: http.StatusOK, body: encode(body)}
	r.set("Content-Type", "application/json; charset=UTF-8")
	return r
}

// geminiStatus is google.rpc's word for a status.
func geminiStatus(status int) string {
	switch status {
	case 400:
		return "INVALID_ARGUMENT"
	case 401:
		return "UNAUTHENTICATED"
	case 403:
		return "PERMISSION_DENIED"
	case 404:
		return "NOT_FOUND"
	case 429:
		return "RESOURCE_EXHAUSTED"
	case 503:
		return "UNAVAILABLE"
	case 504:
		return "DEADLINE_EXCEEDED"
	}
	return "INTERNAL"
}

// geminiBody is the shape of Google's errors; the reason stands in the details, and the wait of a limit too.
func (e *apiError) geminiBody() object {
	inner := object{{"code", e.status}, {"message", e.message}, {"status", geminiStatus(e.status)}}
	switch {
	case e.status == http.StatusTooManyRequests:
		inner = append(inner, member{"details", []object{{{"@type", "type.googleapis.com/google.rpc.RetryInfo"}, {"retryDelay", "1s"}}}})
	case e.code != "":
		inner = append(inner, member{"details", []object{{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"}, {"reason", e.code}, {"domain", "googleapis.com"}}}})
	}
	return object{{"error", inner}}
}

// array says whether a stream goes as one JSON array: what a query without alt=sse asks for.
func (x *exchange) array() bool {
	q := x.r.URL.Query()
	return x.vendor.Kind == Gemini && q.Get("alt") != "sse" && q.Get("$alt") != "sse"
}

// geminiFrame frames the ith chunk: an event that ends in CRLF twice, or an element of the array.
func geminiFrame(array bool, i int, chunk []byte) []byte {
	switch {
	case !array:
		return append(append([]byte("data: "), chunk...), "\r\n\r\n"...)
	case i == 0:
		return append([]byte("["), chunk...)
	}
	return append([]byte("\n,\r\n"), chunk...)
}

// geminiFailure is an error after the first chunk: a bare object, or the array's last element.
func (x *exchange) geminiFailure(n int, e *apiError) []byte {
	b := encode(e.geminiBody())
	if !x.array() {
		return append(b, "\r\n\r\n"...)
	}
	return append(geminiFrame(true, n, b), "]\n"...)
}
