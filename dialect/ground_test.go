package dialect_test

import (
	"testing"

	"bulkhead/dialect"
	"bulkhead/fault"
)

// The first four are recorded (dialect/*/testdata/recorded, docs/e2e.md), the
// others as the vendors' references have them.
func TestGround_IsReadFromEveryVendorsWords(t *testing.T) {
	for _, row := range []struct {
		said string
		want fault.Ground
	}{
		{`{"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}`, fault.TooLong},
		{`{"message":"The model returned the following errors: Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input to try again."}`, fault.TooLong},
		{`{"error":{"code":400,"message":"request (3002 tokens) exceeds the available context size (2048 tokens), try increasing it","type":"exceed_context_size_error"}}`, fault.TooLong},
		{`{"error":{"message":"The response was filtered due to the prompt triggering Azure Content management policy.","type":null,"param":"prompt","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}`, fault.Filtered},
		{`{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 214850 tokens > 200000 maximum"}}`, fault.TooLong},
		{`{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}`, fault.Filtered},
		{`{"error":{"code":400,"message":"The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}`, fault.TooLong},
		{`{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.","type":"BadRequestError","code":400}`, fault.TooLong},
		{`{"message":"Input is too long for requested model."}`, fault.TooLong},
		{`{"error":{"message":"Invalid 'temperature': must be at most 2.","type":"invalid_request_error","param":"temperature","code":"decimal_above_max_value"}}`, ""},
		{``, ""},
	} {
		if got := dialect.Ground([]byte(row.said)); got != row.want {
			t.Errorf("%s: ground %q, want %q", row.said, got, row.want)
		}
	}
}
