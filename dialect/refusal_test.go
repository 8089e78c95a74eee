package dialect_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"bulkhead/dialect"
	"bulkhead/fault"
)

// table is DESIGN's table of codes, with whether a later try can find things changed.
var table = []struct {
	kind   fault.Kind
	status int
	retry  bool
}{
	{fault.UpstreamRefused, 400, false}, {fault.Unauthenticated, 401, false}, {fault.Malformed, 400, false}, {fault.Unsupported, 400, false}, {fault.MarkingInvalid, 400, false},
	{fault.MarkingMissing, 400, false}, {fault.PreviousNotFound, 400, false}, {fault.Denied, 403, false}, {fault.AboveCeiling, 403, false},
	{fault.BelowFloor, 403, false}, {fault.Spillage, 403, false}, {fault.Contamination, 403, false}, {fault.Unread, 403, false},
	{fault.NoEligibleOffering, 403, false}, {fault.ModelNotFound, 404, false}, {fault.NoSuchRoute, 404, false}, {fault.UnsupportedRoute, 404, false},
	{fault.MethodNotAllowed, 405, false}, {fault.Timeout, 408, true}, {fault.TooLarge, 413, false}, {fault.UnsupportedMedia, 415, false},
	{fault.BudgetExhausted, 402, false}, {fault.RateLimited, 429, true}, {fault.UpstreamRateLimited, 429, true}, {fault.UpstreamMisconfig, 502, false},
	{fault.UpstreamError, 502, true}, {fault.UpstreamUnavailable, 503, true}, {fault.UpstreamTimeout, 504, true}, {fault.LedgerUnavailable, 503, true},
	{fault.StoreUnavailable, 503, true}, {fault.Overloaded, 503, true}, {fault.Draining, 503, true}, {fault.Internal, 500, false},
}

var dialects = []dialect.Name{dialect.OpenAI, dialect.Responses, dialect.Anthropic, dialect.Bedrock, dialect.Gemini}

func TestStatus_IsTheTableOfTheDesign(t *testing.T) {
	for _, row := range table {
		if got := dialect.Status(row.kind); got != row.status {
			t.Errorf("%s: status %d, want %d", row.kind, got, row.status)
		}
		f := fault.New(row.kind, "x")
		if got := dialect.Retryable(f); got != row.retry {
			t.Errorf("%s: retryable %v, want %v", row.kind, got, row.retry)
		}
		if dialect.Retryable(f.Final()) {
			t.Errorf("%s: retryable though it is final", row.kind)
		}
	}
	if dialect.Status("something new") != 500 || dialect.Retryable(fault.New("something new", "x")) {
		t.Error("a kind that nobody knows is no internal failure")
	}
}

// at gives a member of nested objects, or of a list by its index.
func at(v any, path string) any {
	for _, name := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

func TestRefusal_HasTheShapeThatTheSDKsRaise(t *testing.T) {
	const id = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	for _, row := range table {
		f := fault.New(row.kind, "It is \"so\".\nMind \u2028 <this> é.").At("messages[0].content").Because(errors.New("the cause with 10.0.0.1"))
		f.Reasons = []fault.Reason{{Offering: "aws/gpt", Rule: "capability", Why: "its row does not grant mcp", Source: "clouds/aws.yaml:3"}}
		for _, n := range dialects {
			b := dialect.Refusal(n, f, id)
			var v map[string]any
			if err := json.Unmarshal(b, &v); err != nil {
				t.Fatalf("%s %s: %v: %s", n, row.kind, err, b)
			}
			if strings.Contains(string(b), "the cause") || strings.ContainsAny(string(b), "\n\r") {
				t.Errorf("%s %s tells the cause, or breaks a line: %s", n, row.kind, b)
			}
			word := dialect.ErrorType(n, row.kind)
			var want map[string]any
			message := "error.message"
			switch n {
			case dialect.Anthropic:
				want = map[string]any{"type": "error", "error.type": word, "request_id": id, "error.bulkhead.code": string(row.kind), "error.bulkhead.call": id, "error.bulkhead.reasons.0.rule": "capability"}
			case dialect.Bedrock:
				message = "message"
				want = map[string]any{"code": string(row.kind), "bulkhead.call": id, "bulkhead.reasons.0.offering": "aws/gpt"}
			case dialect.Gemini:
				want = map[string]any{"error.code": float64(row.status), "error.status": word, "error.details.0.reason": string(row.kind), "error.details.0.@type": "type.googleapis.com/google.rpc.ErrorInfo", "error.details.0.metadata.call": id}
			default:
				want = map[string]any{"error.type": word, "error.code": string(row.kind), "error.param": "messages[0].content", "error.bulkhead.code": string(row.kind), "error.bulkhead.call": id, "error.bulkhead.reasons.0.source": "clouds/aws.yaml:3"}
			}
			for path, w := range want {
				if got := at(v, path); got != w || w == "" {
					t.Errorf("%s %s: %s is %v, want %v", n, row.kind, path, got, w)
				}
			}
			if got, _ := at(v, message).(string); got != f.Message+" Call "+id+"." {
				t.Errorf("%s %s: message %q", n, row.kind, got)
			}
		}
	}
}

func TestRefusal_IsAnAnswerWhateverTheWordsHold(t *testing.T) {
	for _, n := range dialects {
		f := fault.New(fault.Unsupported, "the type %q and \xff raw \x00", "a\xc3").At("\xfe")
		b := dialect.Refusal(n, f, "")
		var v any
		if err := json.Unmarshal(b, &v); err != nil || !strings.Contains(string(b), "unsupported_parameter") {
			t.Errorf("%s: %v: %q", n, err, b)
		}
	}
	b := dialect.Refusal(dialect.OpenAI, fault.New(fault.Malformed, "x"), "c")
	if !strings.Contains(string(b), `"param":null`) {
		t.Errorf("openai's param is not null where there is none: %s", b)
	}
}

func TestErrorType_IsTheDialectsOwnWord(t *testing.T) {
	for _, row := range []struct {
		kind  fault.Kind
		words [4]string // openai, anthropic, bedrock, gemini
	}{
		{fault.Unauthenticated, [4]string{"invalid_request_error", "authentication_error", "UnrecognizedClientException", "UNAUTHENTICATED"}},
		{fault.Denied, [4]string{"invalid_request_error", "permission_error", "AccessDeniedException", "PERMISSION_DENIED"}},
		{fault.ModelNotFound, [4]string{"invalid_request_error", "not_found_error", "ResourceNotFoundException", "NOT_FOUND"}},
		{fault.TooLarge, [4]string{"invalid_request_error", "request_too_large", "ValidationException", "INVALID_ARGUMENT"}},
		{fault.RateLimited, [4]string{"requests", "rate_limit_error", "ThrottlingException", "RESOURCE_EXHAUSTED"}},
		{fault.UpstreamError, [4]string{"server_error", "api_error", "InternalServerException", "INTERNAL"}},
		{fault.Overloaded, [4]string{"server_error", "overloaded_error", "ServiceUnavailableException", "UNAVAILABLE"}},
		{fault.UpstreamTimeout, [4]string{"server_error", "timeout_error", "ModelTimeoutException", "DEADLINE_EXCEEDED"}},
	} {
		for i, n := range []dialect.Name{dialect.OpenAI, dialect.Anthropic, dialect.Bedrock, dialect.Gemini} {
			if got := dialect.ErrorType(n, row.kind); got != row.words[i] {
				t.Errorf("%s %s: %q, want %q", n, row.kind, got, row.words[i])
			}
		}
	}
	if dialect.ErrorType(dialect.OpenAI, "something new") != "server_error" {
		t.Error("a kind that nobody knows has no word")
	}
}
