package anthropic_test

import (
	"os"
	"slices"
	"testing"

	"bulkhead/chat/chattest"
	"bulkhead/dialect/anthropic"
)

func TestFields_ListsEveryFieldOfTheVendorsSchema(t *testing.T) {
	b, err := os.ReadFile("testdata/schema/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	doc := chattest.Load(t, b)
	var paths []string
	for _, schema := range []string{"CreateMessageParams", "BetaCreateMessageParams", "CountMessageTokensParams"} {
		paths = append(paths, chattest.OpenAPI(t, doc, schema)...)
	}
	slices.Sort(paths)
	chattest.Listed(t, anthropic.Server{}.Fields(), slices.Compact(paths))
}
