package sim_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"bulkhead/sim"
)

// document compiles schemas of OpenAI's own document.
func document(t *testing.T) func(name string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "openapi", "openai-2.3.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:openai", nullable(doc)); err != nil {
		t.Fatal(err)
	}
	return func(name string) *jsonschema.Schema {
		t.Helper()
		s, err := c.Compile("mem:openai#/components/schemas/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// nullable turns OpenAPI 3.0's "nullable: true", which the document still has in places, into what JSON Schema knows.
func nullable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = nullable(e)
		}
		if v["nullable"] == true {
			delete(v, "nullable")
			return map[string]any{"anyOf": []any{v, map[string]any{"type": "null"}}}
		}
	case []any:
		for i, e := range v {
			v[i] = nullable(e)
		}
	}
	return v
}

var element = regexp.MustCompile(`/\d+`)

// breaches lists where text breaks a schema: place (without element numbers) and rule, each once.
func breaches(t *testing.T, s *jsonschema.Schema, text []byte) []string {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var invalid *jsonschema.ValidationError
	if err = s.Validate(v); err == nil {
		return nil
	} else if !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	var out []string
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			place := element.ReplaceAllString("/"+strings.Join(e.InstanceLocation, "/"), "/*") + " " + strings.Join(e.ErrorKind.KeywordPath(), "/")
			if r, ok := e.ErrorKind.(*kind.Required); ok {
				place += " " + strings.Join(r.Missing, ",")
			}
			out = append(out, place)
		}
		for _, c := range e.Causes {
			walk(c)
		}
	}
	walk(invalid)
	slices.Sort(out)
	return slices.Compact(out)
}

// TestDocument_IsObeyed holds what the pretend OpenAI sends against OpenAI's own document. Where the document and the
// vendor disagree, the vendor wins: what is allowed to breach it is what the recorded replies breach too.
func TestDocument_IsObeyed(t *testing.T) {
	s := start(t, sim.Options{})
	schema := document(t)
	reply, chunk := schema("CreateChatCompletionResponse"), schema("CreateChatCompletionStreamResponse")

	real := map[*jsonschema.Schema][]string{}
	files, err := filepath.Glob(filepath.Join("testdata", "recorded", "openai-chat", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		text, err := os.ReadFile(file)
		switch {
		case err != nil:
			t.Fatal(err)
		case strings.HasSuffix(name, ".sse") && !strings.HasPrefix(name, "compat") && name != "stream-error-mid.sse":
			for _, data := range streamData(t, text) {
				real[chunk] = append(real[chunk], breaches(t, chunk, data)...)
			}
		case strings.HasSuffix(name, ".json") && !strings.Contains(name, ".meta.") && !strings.HasPrefix(name, "compat") && !strings.HasPrefix(name, "error"):
			real[reply] = append(real[reply], breaches(t, reply, text)...)
		}
	}
	check := func(name string, s *jsonschema.Schema, text []byte) {
		t.Helper()
		for _, b := range breaches(t, s, text) {
			if !slices.Contains(real[s], b) {
				t.Errorf("%s breaches the document as no recorded reply does: %s\n%s", name, b, text)
			}
		}
	}
	const tools = weatherTool
	for name, body := range map[string]string{
		"text":      ask("gpt-4o", "hi"),
		"reasoning": ask("gpt-5", "hi", `"service_tier":"flex"`),
		"n":         ask("gpt-4o", "hi", `"n":3`),
		"logprobs":  ask("gpt-4o", "hi", `"logprobs":true,"top_logprobs":2`),
		"refusal":   ask("gpt-4o", "[sim:refuse]", `"logprobs":true`),
		"length":    ask("gpt-4o", "write 90 words", `"max_tokens":3`),
		"filter":    ask("gpt-4o", "[sim:filter] hi"),
		"call":      ask("gpt-4o", "weather in Paris", tools),
		"calls":     ask("gpt-4o", "weather in Paris and Rome", tools),
		"old call":  ask("gpt-4o", "weather in Paris", `"functions":[{"name":"get_weather","parameters":{"type":"object","properties":{}}}]`),
		"custom":    ask("gpt-5", "use the tool", `"tools":[{"type":"custom","custom":{"name":"run"}}]`),
		"json":      ask("gpt-4o", "json please", `"response_format":{"type":"json_object"}`),
		"audio":     ask("gpt-4o-audio-preview", "hi", `"modalities":["text","audio"],"audio":{"voice":"alloy","format":"pcm16"}`),
	} {
		res := s.chat(body)
		if res.StatusCode != 200 {
			t.Fatalf("%s: %d %s", name, res.StatusCode, res.body)
		}
		check(name, reply, res.body)
		streamed := s.chat(strings.TrimSuffix(body, "}") + `,"stream":true,"stream_options":{"include_usage":true}}`)
		if name == "custom" {
			continue // the document's chunks do not know custom tools
		}
		for _, data := range streamData(t, streamed.body) {
			check(name+", streamed", chunk, data)
		}
	}
	base := s.BaseURL(s.url, "openai")
	check("embeddings", schema("CreateEmbeddingResponse"), s.do("POST", base+"/embeddings", `{"model":"text-embedding-3-small","input":"hi"}`).body)
	check("models", schema("ListModelsResponse"), s.do("GET", base+"/models", "").body)
	check("model", schema("Model"), s.do("GET", base+"/models/gpt-4o", "").body)
	check("error", schema("ErrorResponse"), s.chat("{").body)
	check("error", schema("ErrorResponse"), s.chat(ask("none", "hi")).body)
	t.Logf("recorded replies breach the document at: %q", slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(real[reply]), real[chunk]...)))))
}
