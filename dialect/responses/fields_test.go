package responses_test

import (
	"os"
	"testing"

	"bulkhead/chat/chattest"
	"bulkhead/dialect/responses"
)

func TestFields_ListEveryFieldOfTheVendorsSchemaOnce(t *testing.T) {
	b, err := os.ReadFile("testdata/schema/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	chattest.Listed(t, responses.Server{}.Fields(), chattest.OpenAPI(t, chattest.Load(t, b), "CreateResponse"))
}

// Losses are named in the caller's own words.
func TestFields_TurnHubPathsIntoTheDialectsWords(t *testing.T) {
	table := responses.Server{}.Fields()
	for hub, want := range map[string]string{
		"sampling.max_tokens":               "max_output_tokens",
		"messages[3].parts[1].cache":        "input[].content[].prompt_cache_breakpoint",
		"messages[3].parts[1].native":       "input[].type",
		"messages[].parts[].parts[].detail": "input[].output[].detail",
		"messages[0].parts[2].state":        "input[].encrypted_content",
		"thinking.budget":                   "reasoning",
		"format.schema":                     "text.format.schema",
		"tools[2]":                          "tools",
		"truncation":                        "truncation",
	} {
		if got := table.Wire(hub); got != want {
			t.Errorf("%s: got %s, want %s", hub, got, want)
		}
	}
}
