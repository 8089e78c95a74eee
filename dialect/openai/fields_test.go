package openai_test

import (
	"os"
	"testing"

	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/openai"
)

func TestFields_ListEveryFieldOfTheSchema(t *testing.T) {
	b, err := os.ReadFile("testdata/schema/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	doc := chattest.Load(t, b)
	paths := chattest.OpenAPI(t, doc, "CreateChatCompletionRequest")
	chattest.Listed(t, openai.Server{}.Fields(), append(paths, chattest.OpenAPI(t, doc, "CreateEmbeddingRequest")...))
}

func TestFields_NameWhatTheHubNames(t *testing.T) {
	for hub, want := range map[string]string{
		"sampling.max_tokens":        "max_completion_tokens",
		"sampling.n":                 "n",
		"messages[].name":            "messages[].name",
		"messages[3].parts[1].cache": "messages[].content[].prompt_cache_breakpoint",
		"messages[].parts[].url":     "messages[].content[].image_url.url",
		"messages[].parts[].state":   "messages[].tool_calls[].extra_content",
		"tools[2].strict":            "tools[].function.strict",
		"format":                     "response_format",
		"format.schema":              "response_format.json_schema.schema",
		"thinking.budget":            "reasoning_effort",
		"prediction":                 "prediction",
		"a_field_of_no_table":        "a_field_of_no_table",
	} {
		if got := (openai.Server{}).Fields().Wire(hub); got != want {
			t.Errorf("%s: got %s, want %s", hub, got, want)
		}
	}
	var _ dialect.Fields = openai.Server{}.Fields()
}
