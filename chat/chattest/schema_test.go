package chattest_test

import (
	"os"
	"slices"
	"testing"

	"bulkhead/chat/chattest"
	"bulkhead/dialect"
)

func load(t *testing.T, file string) map[string]any {
	t.Helper()
	b, err := os.ReadFile("../../dialect/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return chattest.Load(t, b)
}

func TestWalks_FindWhatLiesDeep(t *testing.T) {
	for _, row := range []struct {
		name  string
		paths []string
		want  []string
		not   string
	}{
		{"openai", chattest.OpenAPI(t, load(t, "openai/testdata/schema/openapi.json"), "CreateChatCompletionRequest"),
			[]string{"n", "messages[].content[].image_url.detail", "messages[].tool_calls[].function.arguments", "response_format.json_schema.strict", "tools[].custom.format.grammar.syntax", "stream_options.include_usage"}, "choices"},
		{"responses", chattest.OpenAPI(t, load(t, "responses/testdata/schema/openapi.json"), "CreateResponse"),
			[]string{"input[].encrypted_content", "text.format.schema", "reasoning.effort", "previous_response_id", "include"}, "messages"},
		{"anthropic", chattest.OpenAPI(t, load(t, "anthropic/testdata/schema/openapi.json"), "CreateMessageParams"),
			[]string{"messages[].content[].cache_control.ttl", "system[].text", "thinking.budget_tokens", "tools[].input_schema", "messages[].content[].source.data"}, "contents"},
		{"bedrock", chattest.Service(t, load(t, "bedrock/testdata/schema/service-2.json"), "ConverseRequest"),
			[]string{"messages[].content[].toolResult.content[].document.source.bytes", "toolConfig.tools[].toolSpec.inputSchema.json", "system[].cachePoint.ttl", "messages[].content[].reasoningContent.redactedContent"}, "modelId"},
		{"gemini", chattest.Proto(t, load(t, "gemini/testdata/schema/fields.json"), "google.ai.generativelanguage.v1beta", "GenerateContentRequest"),
			[]string{"contents[].parts[].functionCall.id", "contents[].parts[].thoughtSignature", "generationConfig.thinkingConfig.thinkingBudget", "tools[].functionDeclarations[].parametersJsonSchema"}, "candidates"},
		{"vertex", chattest.Proto(t, load(t, "gemini/testdata/schema/fields.json"), "google.cloud.aiplatform.v1", "GenerateContentRequest"),
			[]string{"labels", "generationConfig.thinkingConfig.thinkingBudget", "contents[].parts[].fileData.fileUri"}, "candidates"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Logf("%d fields", len(row.paths))
			for _, w := range row.want {
				if !slices.Contains(row.paths, w) {
					t.Errorf("%s is not found among %q", w, row.paths)
				}
			}
			if slices.Contains(row.paths, row.not) || !slices.IsSorted(row.paths) {
				t.Errorf("%s is found, or they are not in order", row.not)
			}
		})
	}
}

func TestFields_TurnsHubPathsIntoWirePaths(t *testing.T) {
	table := dialect.Fields{
		{Path: "messages[].content[].cache_control.**", Fate: dialect.FateCarried, Hub: "messages[].parts[].cache"},
		{Path: "messages", Fate: dialect.FateCarried, Hub: "messages"},
		{Path: "top_k", Fate: dialect.FateApproximated, Hub: "sampling.top_k"},
		{Path: "container", Fate: dialect.FateOwn},
	}
	for hub, want := range map[string]string{
		"sampling.top_k":                  "top_k",
		"sampling.top_kk":                 "sampling.top_kk",
		"messages[3].parts[12].cache":     "messages[].content[].cache_control",
		"messages[3].parts[12].cache.ttl": "messages[].content[].cache_control",
		"messages[3].name":                "messages",
		"tools[0]":                        "tools[0]",
	} {
		if got := table.Wire(hub); got != want {
			t.Errorf("%s: got %s, want %s", hub, got, want)
		}
	}
	for path, want := range map[string]bool{"messages[].content[].cache_control": true, "messages[].content[].cache_control.ttl": true, "messages[].content[].cache_controls": false, "messages[]": false, "container": true, "container.id": false} {
		if got := table.Lists(path); got != want {
			t.Errorf("%s: listed %v", path, got)
		}
	}
}

func TestFaults_FindsEveryWayATableIsWrong(t *testing.T) {
	paths := []string{"a", "a.b", "a.b.c", "d"}
	for _, row := range []struct {
		name  string
		table dialect.Fields
		want  []string
	}{
		{"right", dialect.Fields{{Path: "a.**", Fate: dialect.FateOwn}, {Path: "d", Fate: dialect.FateCarried}, {Path: "x", Fate: dialect.FateOwn, Beyond: true}}, nil},
		{"unlisted", dialect.Fields{{Path: "a", Fate: dialect.FateOwn}, {Path: "a.b.**", Fate: dialect.FateOwn}}, []string{"the schema's field d is not in the table"}},
		{"stale", dialect.Fields{{Path: "a.**", Fate: dialect.FateOwn}, {Path: "d", Fate: dialect.FateOwn}, {Path: "e", Fate: dialect.FateRefused}}, []string{"the table lists e, which the schema does not have"}},
		{"twice", dialect.Fields{{Path: "a.**", Fate: dialect.FateOwn}, {Path: "d", Fate: dialect.FateOwn}, {Path: "d", Fate: dialect.FateOwn}}, []string{"the table lists d twice"}},
		{"fateless", dialect.Fields{{Path: "a.**", Fate: dialect.FateOwn}, {Path: "d"}}, []string{"the table gives d no fate"}},
	} {
		if got := chattest.Faults(row.table, paths); !slices.Equal(got, row.want) {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}
