package ingress_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestRoutes_AreServedAsTheyAreWritten(t *testing.T) {
	r := start(t)
	for _, path := range []string{
		"/v1/chat/completions", "/v1/chat/completions?x=y", "/openai/v1/chat/completions", "/openai/v1/chat/completions?api-version=preview",
		"/openai/deployments/chat/chat/completions?api-version=2024-10-21", "/openai/deployments/a%2Fb/chat/completions?api-version=x",
		"/openai/deployments/a%2fb/chat/completions", "/openai/deployments/with%20space/chat/completions", "/openai/deployments/%63hat/chat/completions",
		"http://any.example/v1/chat/completions",
	} {
		if got := r.raw(r.request("POST "+path, r.bearer())); got.Status != 200 || got.Body != answer {
			t.Errorf("%s: got %d %s", path, got.Status, got.Body)
		}
	}
}

func TestRoutes_AnythingElseIsRefusedAndNothingSent(t *testing.T) {
	r := start(t)
	const none, known = "no_such_route", "unsupported_route"
	for _, row := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"POST", "/", 404, none}, {"POST", "/v1", 404, none}, {"POST", "/v1/", 404, none}, {"GET", "/favicon.ico", 404, none},
		{"POST", "//v1/chat/completions", 404, none}, {"POST", "/v1//chat/completions", 404, none}, {"POST", "/v1/chat//completions", 404, none},
		{"POST", "/v1/../v1/chat/completions", 404, none}, {"POST", "/x/../v1/chat/completions", 404, none}, {"POST", "/v1/./chat/completions", 404, none},
		{"POST", "/%2e%2e/v1/chat/completions", 404, none}, {"POST", "/v1/%2e/chat/completions", 404, none},
		{"POST", "/v1/chat%2Fcompletions", 404, none}, {"POST", "/v1%2fchat/completions", 404, none}, {"POST", "/%76%31/chat/completions", 404, none}, {"POST", "/v1/ch%61t/completions", 404, none},
		{"POST", "/v1/chat/completions/", 404, none}, {"POST", "/v1/chat/completions/x", 404, "unsupported_route"}, {"POST", "/v1/chat/completions%00", 404, none}, {"POST", "/v1/chat/completions%20", 404, none},
		{"POST", "/V1/chat/completions", 404, none}, {"POST", "/v1/Chat/Completions", 404, none}, {"POST", "/v1/chat", 404, none}, {"POST", "/v2/chat/completions", 404, none},
		{"POST", "/v1/chat/completions;x=y", 404, none}, {"POST", "/v1/chat\\completions", 404, none},
		{"POST", "/openai", 404, none}, {"POST", "/openai/chat/completions", 404, none}, {"POST", "/openai/embeddings", 404, none},
		{"POST", "/openai/deployments/", 404, none}, {"POST", "/openai/deployments/chat", 404, none}, {"POST", "/openai/deployments//chat/completions", 404, none},
		{"POST", "/openai/deployments/chat/chat/completions/", 404, none}, {"POST", "/openai/deployments/a/b/chat/completions", 404, none},
		{"GET", "/openai/deployments/chat/models", 404, none}, {"POST", "/openai/deployments/chat/extensions/chat/completions", 404, none},
		{"POST", "/openai/deployments/a%252Fb/chat/completions", 404, "model_not_found"}, {"POST", "/openai/deployments/..%2Fchat/chat/completions", 404, "model_not_found"},
		{"POST", "/openai/deployments/%2e%2e/chat/completions", 404, "model_not_found"}, {"POST", "/openai/deployments/CHAT/chat/completions", 404, "model_not_found"},
		{"POST", "/openai/deployments/chat%00/chat/completions", 404, "model_not_found"}, {"POST", "/openai/deployments/%ff/chat/completions", 404, "model_not_found"},
		{"GET", "/v1/models/", 404, none}, {"GET", "/v1/models/chat/", 404, none}, {"GET", "/v1/models/nope", 404, "model_not_found"}, {"GET", "/v1/models/a%252Fb", 404, "model_not_found"},
		{"GET", "/v1/chat/completions", 405, "method_not_allowed"}, {"PUT", "/v1/chat/completions", 405, "method_not_allowed"}, {"DELETE", "/v1/embeddings", 405, "method_not_allowed"},
		{"OPTIONS", "/v1/chat/completions", 405, "method_not_allowed"}, {"TRACE", "/v1/chat/completions", 405, "method_not_allowed"}, {"HEAD", "/v1/chat/completions", 405, ""},
		{"post", "/v1/chat/completions", 405, "method_not_allowed"}, {"BREW", "/v1/chat/completions", 405, "method_not_allowed"}, {"POST", "/v1/models", 405, "method_not_allowed"}, {"DELETE", "/v1/models/chat", 405, "method_not_allowed"},
		{"GET", "/v1/responses/resp_1", 404, known},
		{"POST", "/v1/completions", 404, known}, {"POST", "/v1/audio/transcriptions", 404, known}, {"POST", "/v1/images/generations", 404, known}, {"GET", "/v1/files", 404, known},
		{"POST", "/v1/batches", 404, known}, {"POST", "/v1/moderations", 404, known}, {"POST", "/openai/deployments/chat/audio/speech", 404, known},

		{"GET", "/model/arn%3Aaws%3Abedrock/invoke", 405, "method_not_allowed"}, {"POST", "/model/x/y", 404, none},
		{"GET", "/v1beta/models", 404, known}, {"POST", "/openai/messages", 404, none}, {"POST", "/openai/deployments/chat/responses", 404, none}, {"POST", "/model/anthropic.claude/invoked", 404, none}, {"POST", "/model//converse", 404, none}, {"GET", "/v1/responses", 405, "method_not_allowed"}, {"GET", "/v1/responses/resp_1", 404, known}, {"DELETE", "/v1/responses/resp_1", 404, known}, {"POST", "/v1/messages/batches", 404, known}, {"POST", "/v1beta/models/gemini-2.5:rawPredict", 404, known}, {"GET", "/v1beta/models/gemini-2.5:generateContent", 405, "method_not_allowed"}, {"POST", "/v1beta/models/:generateContent", 404, none}, {"POST", "/v1beta/models/gemini-2.5:generate", 404, none}, {"POST", "/v1beta/models/x", 404, none},
		{"POST", "/v1/projects/p/locations/l/publishers/google/models/m:rawPredict", 404, known}, {"POST", "/v1beta/publishers/anthropic/models/m:rawPredict", 404, known},
		{"GET", "/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict", 405, "method_not_allowed"},
		{"POST", "/v1/projects/p/locations/l/publishers/anthropic/models/m:rawPredict", 400, "malformed"},
	} {
		t.Run(row.method+" "+row.path, func(t *testing.T) {
			got := r.raw(r.request(row.method+" "+row.path, r.bearer()))
			if got.Status != row.status {
				t.Errorf("status %d, want %d: %s", got.Status, row.status, got.Body)
			}
			if row.code != "" {
				if c := code(t, got); c != row.code {
					t.Errorf("code %q, want %q", c, row.code)
				}
			}
			if got.Header.Get("Location") != "" {
				t.Error("a redirect")
			}
		})
	}
	if n := r.asked.Load(); n != 0 {
		t.Errorf("the vendor was asked %d times", n)
	}
	if got := r.raw(r.request("POST /v1/chat/completions", r.bearer())); got.Status != 200 {
		t.Errorf("afterwards a good call gets %d", got.Status)
	}
}

func TestRefusals_HaveTheShapeOfTheirDialect(t *testing.T) {
	r := start(t)
	for _, row := range []struct {
		path string
		want []string // members that must be there, as paths
	}{
		{"/v1/responses", []string{"error.message", "error.type", "error.code", "error.param"}},
		{"/v1/messages", []string{"type", "error.type", "error.message", "request_id", "error.bulkhead.code"}},
		{"/model/x/converse", []string{"message", "code"}},
		{"/v1beta/models/x:generateContent", []string{"error.code", "error.message", "error.status", "error.details"}},
		{"/nowhere", []string{"error.message", "error.type", "error.code", "error.param"}},
	} {
		got := r.raw(r.request("POST "+row.path, "Authorization: Bearer nobody"))
		var m map[string]any
		if err := json.Unmarshal([]byte(got.Body), &m); err != nil {
			t.Errorf("%s: %v: %s", row.path, err, got.Body)
			continue
		}
		for _, want := range row.want {
			var v any = m
			for _, name := range strings.Split(want, ".") {
				o, ok := v.(map[string]any)
				if !ok {
					t.Errorf("%s: no %s in %s", row.path, want, got.Body)
					break
				}
				if v, ok = o[name]; !ok {
					t.Errorf("%s: no %s in %s", row.path, want, got.Body)
				}
			}
		}
		if strings.HasPrefix(row.path, "/model/") && got.Header.Get("X-Amzn-Errortype") == "" {
			t.Errorf("%s: no x-amzn-errortype", row.path)
		}
	}
}

func TestModels_ListsOnlyTheAliasesOfTheCaller(t *testing.T) {
	r := start(t)
	type entry struct {
		ID, Object, OwnedBy string
		Created             *int64
	}
	for _, path := range []string{"/v1/models", "/openai/v1/models", "/openai/models?api-version=x"} {
		got := r.raw(r.request("GET "+path, r.bearer()))
		var list struct {
			Object string
			Data   []entry
		}
		if err := json.Unmarshal([]byte(got.Body), &list); err != nil || got.Status != 200 || list.Object != "list" {
			t.Errorf("%s: got %d %s", path, got.Status, got.Body)
		}
		var ids []string
		for _, e := range list.Data {
			ids = append(ids, e.ID)
			if e.Object != "model" || e.Created == nil {
				t.Errorf("%s: entry %+v", path, e)
			}
		}
		if strings.Join(ids, ", ") != "a/b, chat, with space" {
			t.Errorf("%s: %q", path, ids)
		}
	}
	for path, want := range map[string]string{"/v1/models/chat": "chat", "/v1/models/a%2Fb": "a/b", "/v1/models/a/b": "a/b", "/v1/models/with%20space": "with space"} {
		got := r.raw(r.request("GET "+path, r.bearer()))
		var e entry
		if err := json.Unmarshal([]byte(got.Body), &e); err != nil || got.Status != 200 || e.ID != want || e.Object != "model" {
			t.Errorf("%s: got %d %s", path, got.Status, got.Body)
		}
	}
	if got := r.raw(r.request("HEAD /v1/models", r.bearer())); got.Status != 200 || got.Body != "" {
		t.Errorf("HEAD: got %d %q", got.Status, got.Body)
	}
	if got := r.raw(r.request("GET /v1/models")); got.Status != 401 || code(t, got) != "unauthenticated" {
		t.Errorf("without a key: got %d %s", got.Status, got.Body)
	}
	if got := r.raw(r.request("GET /v1/models", r.bearer(), "Anthropic-Version: 2023-06-01")); got.Status != 404 || code(t, got) != "unsupported_route" {
		t.Errorf("for Anthropic: got %d %s", got.Status, got.Body)
	}
	if r.asked.Load() != 0 {
		t.Error("the vendor was asked")
	}
}
