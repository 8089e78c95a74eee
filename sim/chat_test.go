package sim_test

import (
	"strings"
	"testing"

	"bulkhead/sim"
)

func TestChat_SamePromptGivesSameText(t *testing.T) {
	s := start(t, sim.Options{})
	text := func(prompt string, more ...string) string {
		return decode(t, s.chat(ask("gpt-4o", prompt, more...)).body).str("choices", 0, "message", "content")
	}
	first := text("Tell me about tides")
	if again := text("Tell me about tides"); again != first {
		t.Errorf("got %q, want %q", again, first)
	}
	if !strings.Contains(first, "tides") {
		t.Errorf("%q does not speak of the prompt", first)
	}
	if other := text("Tell me about harvests"); other == first {
		t.Errorf("another prompt gave the same text %q", other)
	}
	if seeded, again := text("Tell me about tides", `"seed":7`), text("Tell me about tides", `"seed":7`); seeded != again {
		t.Errorf("seed 7 gave %q and %q", seeded, again)
	}
}

func TestChat_CountsTokensByItsTokenizer(t *testing.T) {
	s := start(t, sim.Options{})
	v := decode(t, s.chat(ask("gpt-4o", "Tell me about tides")).body)
	if got, want := v.num("usage", "completion_tokens"), len(sim.Tokens(v.str("choices", 0, "message", "content"))); got != want {
		t.Errorf("completion_tokens: got %d, want %d", got, want)
	}
	if got, want := v.num("usage", "prompt_tokens"), len(sim.Tokens("Tell me about tides"))+3+3; got != want {
		t.Errorf("prompt_tokens: got %d, want %d", got, want)
	}
	if got, want := v.num("usage", "total_tokens"), v.num("usage", "prompt_tokens")+v.num("usage", "completion_tokens"); got != want {
		t.Errorf("total_tokens: got %d, want %d", got, want)
	}
}

func TestChat_StreamSaysWhatTheUnaryReplySays(t *testing.T) {
	s := start(t, sim.Options{})
	const tools = `"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}]`
	for _, row := range []struct{ name, model, prompt, more string }{
		{"text", "gpt-4o", "Tell me about tides", `"n":3`},
		{"reasoning", "gpt-5", "Tell me about tides", `"reasoning_effort":"low"`},
		{"length", "gpt-4o", "Write 300 words about tides", `"max_tokens":17`},
		{"refusal", "gpt-4o", "[sim:refuse] please", `"n":1`},
		{"one call", "gpt-4o", "What is the weather in Paris?", tools},
		{"calls", "gpt-4o", "What is the weather in Paris and Rome?", tools},
		{"json", "gpt-4o", "Give json", `"response_format":{"type":"json_object"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			unary := decode(t, s.chat(ask(row.model, row.prompt, row.more)).body)
			res := s.chat(ask(row.model, row.prompt, row.more, `"stream":true,"stream_options":{"include_usage":true}`))
			chunks, done := frames(t, res.body)
			if !done {
				t.Fatalf("no end marker: %s", res.body)
			}
			last := chunks[len(chunks)-1]
			if n := last.len("choices"); n != 0 {
				t.Errorf("the usage chunk has %d choices", n)
			}
			for _, c := range chunks[:len(chunks)-1] {
				if c.at("usage").any != nil {
					t.Errorf("usage before the last chunk: %v", c.any)
				}
			}
			for _, name := range []string{"prompt_tokens", "completion_tokens", "total_tokens"} {
				if got, want := last.num("usage", name), unary.num("usage", name); got != want {
					t.Errorf("%s: got %d, want %d", name, got, want)
				}
			}
			for i := range unary.len("choices") {
				want := unary.at("choices", i)
				got := fold(t, chunks, i)
				if got.finish != want.str("finish_reason") || got.role != "assistant" {
					t.Errorf("choice %d: got %+v, want %v", i, got, want.any)
				}
				text := func(name string) string { s, _ := want.at("message", name).any.(string); return s }
				if got.content != text("content") || got.refusal != text("refusal") {
					t.Errorf("choice %d: got %+v, want %v", i, got, want.any)
				}
				if !want.at("message").has("tool_calls") {
					continue
				}
				if len(got.calls) != want.len("message", "tool_calls") {
					t.Fatalf("got %d calls, want %d", len(got.calls), want.len("message", "tool_calls"))
				}
				for k, c := range got.calls {
					f := want.at("message", "tool_calls", k, "function")
					if c.name != f.str("name") || c.input != f.str("arguments") || !strings.HasPrefix(c.id, "call_") {
						t.Errorf("call %d: got %+v, want %v", k, c, f.any)
					}
				}
			}
		})
	}
}
