package console_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bulkhead/console"
)

func get(t *testing.T, h http.Handler, method, path string) (int, http.Header, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader("{}")))
	return w.Code, w.Result().Header, w.Body.String()
}

func newListener(reasons *[]string, draining *bool) http.Handler {
	return console.New(console.Options{
		Ready:    func(context.Context) []string { return *reasons },
		Draining: func() bool { return *draining },
		Metrics:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "metrics are here") }),
	})
}

func TestNew_TellsHealthReadinessAndMetrics(t *testing.T) {
	var reasons []string
	var draining bool
	h := newListener(&reasons, &draining)
	for _, tt := range []struct {
		name     string
		reasons  []string
		draining bool
		path     string
		status   int
		body     string
	}{
		{"alive", nil, false, "/healthz", 200, "ok\n"},
		{"alive though not ready", []string{"x"}, true, "/healthz", 200, "ok\n"},
		{"ready", nil, false, "/readyz", 200, `{"ready":true,"reasons":[]}` + "\n"},
		{"draining", nil, true, "/readyz", 503, `{"ready":false,"reasons":["the server is draining"]}` + "\n"},
		{"not ready", []string{"no estate", "no store"}, false, "/readyz", 503, `{"ready":false,"reasons":["no estate","no store"]}` + "\n"},
		{"metrics", nil, false, "/metrics", 200, "metrics are here"},
		{"metrics while draining", nil, true, "/metrics", 200, "metrics are here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reasons, draining = tt.reasons, tt.draining
			if status, _, body := get(t, h, "GET", tt.path); status != tt.status || body != tt.body {
				t.Errorf("got %d %q, want %d %q", status, body, tt.status, tt.body)
			}
			if status, _, _ := get(t, h, "HEAD", tt.path); status != tt.status {
				t.Errorf("HEAD: got %d, want %d", status, tt.status)
			}
		})
	}
}

func TestNew_OnlyReads(t *testing.T) {
	h := newListener(new([]string), new(bool))
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/keys", "/reload", "/", "/nowhere"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "QUERY", "get"} {
			status, header, body := get(t, h, method, path)
			if status != 405 || header.Get("Allow") != "GET, HEAD" || !strings.Contains(body, `"code":"method_not_allowed"`) {
				t.Errorf("%s %s: %d %v %s", method, path, status, header, body)
			}
		}
	}
	for _, path := range []string{"/", "/keys", "/status", "/reload", "/metrics/x", "//healthz/"} {
		if status, _, body := get(t, h, "GET", path); status == 200 || strings.Contains(body, "bk_") {
			t.Errorf("GET %s: %d %s", path, status, body)
		}
	}
	if status, header, body := get(t, h, "GET", "/keys"); status != 404 || !strings.Contains(body, "/readyz") || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("GET /keys: %d %v %s", status, header, body)
	}
}

func TestNew_IsReadyWhereNobodySaysOtherwise(t *testing.T) {
	h := console.New(console.Options{Metrics: http.NotFoundHandler()})
	if status, _, _ := get(t, h, "GET", "/readyz"); status != 200 {
		t.Errorf("got %d", status)
	}
}
