package sim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"bulkhead/sim"
)

// asker is how tests ask in a dialect for "one two … twelve".
type asker struct {
	vendor        string
	unary, stream string // URL after the vendor's base
	body          string // %s: what asks for a stream
	asks          string
	end           string // what only a whole stream has
}

const says = "say: one two three four five six seven eight nine ten eleven twelve"

var askers = map[string]asker{
	"openai":    {"openai", "/chat/completions", "/chat/completions", `{"model":"gpt-4o",%s"messages":[{"role":"user","content":"` + says + `"}]}`, `"stream":true,`, "data: [DONE]"},
	"responses": {"openai", "/responses", "/responses", `{"model":"gpt-4o",%s"input":"` + says + `"}`, `"stream":true,`, "event: response.completed"},
	"anthropic": {"anthropic", "/v1/messages", "/v1/messages", `{"model":"claude-3-haiku-20240307","max_tokens":100,%s"messages":[{"role":"user","content":"` + says + `"}]}`, `"stream":true,`, "event: message_stop"},
	"gemini": {"gemini", "/v1beta/models/gemini-2.0-flash:generateContent", "/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse",
		`{%s"contents":[{"role":"user","parts":[{"text":"` + says + `"}]}]}`, "", `"finishReason"`},
	"bedrock": {"bedrock", "/model/openai.gpt-oss-20b-1:0/converse", "/model/openai.gpt-oss-20b-1:0/converse-stream", `{%s"messages":[{"role":"user","content":[{"text":"` + says + `"}]}]}`, "", "messageStop"},
}

func (s *site) ask(a asker, stream bool) response {
	s.t.Helper()
	base := s.BaseURL(s.url, a.vendor)
	if a.vendor == "bedrock" {
		base = strings.TrimSuffix(base, "/openai/v1")
	}
	path, asks := a.unary, ""
	if stream {
		path, asks = a.stream, a.asks
	}
	header := []string{"Anthropic-Version", "2023-06-01", "X-Goog-Api-Key", "k"}
	if a.vendor == "anthropic" {
		header = append(header, "X-Api-Key", "k")
	}
	res, err := s.try("POST", base+path, fmt.Sprintf(a.body, asks), header...)
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

func TestFault_EveryDialectHasItsOwnForm(t *testing.T) {
	s := start(t, sim.Options{})
	for _, row := range []struct {
		name   string
		fault  sim.Fault
		stream bool
		want   map[string]string // by dialect; what is there
	}{
		{"context length", sim.Fault{ContextLength: true}, false, map[string]string{
			"openai": `"code":"context_length_exceeded"`, "responses": `"code":"context_length_exceeded"`, "anthropic": "prompt is too long: 200001 tokens > 200000 maximum",
			"gemini": "exceeds the maximum number of tokens allowed (128000)", "bedrock": "Input Tokens Exceeded",
		}},
		{"filter", sim.Fault{Filter: "answer"}, false, map[string]string{
			"openai": `"finish_reason":"content_filter"`, "responses": `"incomplete_details":{"reason":"content_filter"}`, "anthropic": `"stop_reason":"refusal"`, "gemini": `"finishReason":"SAFETY"`, "bedrock": `"stopReason":"content_filtered"`,
		}},
		{"filter of the prompt", sim.Fault{Filter: "prompt"}, false, map[string]string{"gemini": `"blockReason":"SAFETY"`, "bedrock": `"stopReason":"guardrail_intervened"`}},
		{"filter in a stream", sim.Fault{Filter: "answer"}, true, map[string]string{
			"openai": `"finish_reason":"content_filter"`, "responses": "event: response.incomplete", "anthropic": `"stop_reason":"refusal"`, "gemini": `"finishReason":"SAFETY"`, "bedrock": `"stopReason":"content_filtered"`,
		}},
		{"overload in-band", sim.Fault{ErrorAfterChunks: new(3), ErrorStatus: 529}, true, map[string]string{"anthropic": `"type":"overloaded_error"`}},
		{"overload in-band", sim.Fault{ErrorAfterChunks: new(3), ErrorStatus: 503}, true, map[string]string{
			"openai": `"code":"overloaded"`, "responses": `"code":"overloaded"`, "gemini": `"status":"UNAVAILABLE"`, "bedrock": "serviceUnavailableException",
		}},
		{"an error with status 200", sim.Fault{ErrorAfterChunks: new(0), ErrorStatus: 429}, false, map[string]string{
			"openai": `{"error":`, "responses": `{"error":`, "anthropic": `"type":"rate_limit_error"`, "gemini": `"status":"RESOURCE_EXHAUSTED"`, "bedrock": `{"message":`,
		}},
		{"corrupt", sim.Fault{CorruptChunk: 1}, false, map[string]string{"openai": "\xff", "responses": "\xff", "anthropic": "\xff", "gemini": "\xff", "bedrock": "\xff"}},
		{"corrupt stream", sim.Fault{CorruptChunk: 2}, true, map[string]string{"openai": "\xff", "responses": "\xff", "anthropic": "\xff", "gemini": "\xff", "bedrock": "\xff"}},
		{"drip", sim.Fault{Drip: 50, Pace: ms(1)}, false, map[string]string{"openai": "twelve", "responses": "twelve", "anthropic": "twelve", "gemini": "twelve", "bedrock": "twelve"}},
	} {
		for dialect, want := range row.want {
			t.Run(row.name+" "+dialect, func(t *testing.T) {
				s.fault(row.fault)
				res := s.ask(askers[dialect], row.stream)
				status := 200
				if row.fault.ContextLength {
					status = 400
				}
				if res.StatusCode != status || res.err != nil || !strings.Contains(string(res.body), want) {
					t.Errorf("got %d %v %s, want %s", res.StatusCode, res.err, res.body, want)
				}
			})
		}
	}
}

func TestFault_WithoutTheEndAStreamIsNotWhole(t *testing.T) {
	s := start(t, sim.Options{})
	for dialect, a := range askers {
		s.fault(sim.Fault{})
		if whole := s.ask(a, true); !strings.Contains(string(whole.body), a.end) {
			t.Errorf("%s: whole: %s", dialect, whole.body)
		}
		s.fault(sim.Fault{NoEndMarker: true})
		if res := s.ask(a, true); res.err != nil || strings.Contains(string(res.body), a.end) || !strings.Contains(string(res.body), "eight") {
			t.Errorf("%s: %v %s", dialect, res.err, res.body)
		}
	}
}

func TestFault_EndlessGoesOnUntilTheCallerLeaves(t *testing.T) {
	s := start(t, sim.Options{})
	for dialect, a := range askers {
		for _, stream := range []bool{false, true} {
			s.ClearRecord()
			s.fault(sim.Fault{Endless: true, Pace: ms(1)})
			done := make(chan response, 1)
			ctx, leave := context.WithCancel(t.Context())
			s.ctx = ctx
			go func() { done <- s.ask(a, stream) }()
			if _, err := s.Await(soon(t), func(r sim.Record) bool { return r.BytesSent > 4000 }); err != nil {
				t.Errorf("%s, stream %v: %v", dialect, stream, err)
			}
			leave()
			if res := <-done; res.err == nil || strings.Contains(string(res.body), a.end) && stream {
				t.Errorf("%s, stream %v: it ended: %v", dialect, stream, res.err)
			}
			if _, err := s.Await(soon(t), func(r sim.Record) bool { return !r.EndedAt.IsZero() && !r.Complete }); err != nil {
				t.Errorf("%s, stream %v: it goes on: %v", dialect, stream, err)
			}
		}
	}
}
