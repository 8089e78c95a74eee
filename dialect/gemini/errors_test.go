package gemini_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"bulkhead/dialect/gemini"
	"bulkhead/fault"
)

func TestFault_ClassifiesByStatusAndBodyTogether(t *testing.T) {
	body := func(code, status string) string {
		return `{"error":{"code":` + code + `,"message":"m","status":"` + status + `"}}`
	}
	for _, tt := range []struct {
		name   string
		status int
		body   string
		header string
		kind   fault.Kind
		after  time.Duration
		final  bool
	}{
		{"recorded: a bad key is a 400", 400, string(recorded(t, "error-400-auth.json")), "", fault.UpstreamMisconfig, 0, false},
		{"recorded: a bad role", 400, string(recorded(t, "error-400-role.json")), "", fault.UpstreamRefused, 0, true},
		{"recorded: no such model", 404, string(recorded(t, "error-404-model.json")), "", fault.UpstreamMisconfig, 0, false},
		{"recorded: a limit, with its wait in the body", 429, string(recorded(t, "error-429-body.json")), "", fault.UpstreamRateLimited, 34400 * time.Millisecond, false},
		{"a limit, with its wait in the header", 429, body("429", "RESOURCE_EXHAUSTED"), "7", fault.UpstreamRateLimited, 7 * time.Second, false},
		{"a quota of the day", 429, `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProject"}]}]}}`, "", fault.UpstreamRateLimited, 0, true},
		{"in an array", 503, "[" + body("503", "UNAVAILABLE") + "]", "", fault.UpstreamUnavailable, 0, false},
		{"sign-in", 401, body("401", "UNAUTHENTICATED"), "", fault.UpstreamMisconfig, 0, false},
		{"forbidden", 403, body("403", "PERMISSION_DENIED"), "", fault.UpstreamMisconfig, 0, false},
		{"no billing", 400, `{"error":{"code":400,"message":"Please enable billing","status":"FAILED_PRECONDITION"}}`, "", fault.UpstreamMisconfig, 0, false},
		{"too long", 400, `{"error":{"code":400,"message":"The input token count exceeds the maximum","status":"INVALID_ARGUMENT"}}`, "", fault.UpstreamRefused, 0, true},
		{"too large", 413, `<html>`, "", fault.UpstreamRefused, 0, true},
		{"out of time", 504, body("504", "DEADLINE_EXCEEDED"), "", fault.UpstreamTimeout, 0, false},
		{"a failure", 500, body("500", "INTERNAL"), "", fault.UpstreamError, 0, false},
		{"no body", 500, "", "", fault.UpstreamError, 0, false},
		{"an overload without words", 503, "<html>", "3", fault.UpstreamUnavailable, 3 * time.Second, false},
		{"a wait that is none", 429, "", "NaN", fault.UpstreamRateLimited, 0, false},
		{"a wait without end", 429, "", "1e300", fault.UpstreamRateLimited, 24 * time.Hour, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			if tt.header != "" {
				h.Set("Retry-After", tt.header)
			}
			f := gemini.Client{}.Fault(tt.status, h, []byte(tt.body))
			if f.Kind != tt.kind || f.RetryAfter != tt.after || f.NoRetry != tt.final {
				t.Errorf("got %s, after %v, final %v: %s", f.Kind, f.RetryAfter, f.NoRetry, f.Message)
			}
			if tt.kind != fault.UpstreamRefused && strings.Contains(f.Message, "\"m\"") {
				t.Errorf("the vendor's words go further than the caller: %s", f.Message)
			}
		})
	}
	if f := (gemini.Client{}).Fault(400, nil, []byte(recorded(t, "error-400-role.json"))); f.Message != "Please use a valid role: user, model." {
		t.Errorf("what the caller can mend is said as %q", f.Message)
	}
	if f := (gemini.Client{}).Fault(404, nil, recorded(t, "error-404-model.json")); strings.Contains(f.Message, "fake-project") {
		t.Errorf("the project's name leaks: %s", f.Message)
	}
}
