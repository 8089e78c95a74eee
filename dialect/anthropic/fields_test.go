package anthropic_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"bulkhead/chat/chattest"
	"bulkhead/dialect"
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

// TestFields_AreThoseOfThePage: docs/dialects/anthropic.md lists the table as it is.
func TestFields_AreThoseOfThePage(t *testing.T) {
	const page = "../../docs/dialects/anthropic.md"
	before, rest, ok := strings.Cut(string(file(t, page)), "<!-- fields -->\n")
	_, after, ok2 := strings.Cut(rest, "<!-- /fields -->")
	if !ok || !ok2 {
		t.Fatal("the page has no place for the fields")
	}
	by := map[dialect.Fate][]string{}
	for _, row := range (anthropic.Server{}).Fields() {
		path := "`" + row.Path + "`"
		if row.Beyond {
			path += "⁺"
		}
		by[row.Fate] = append(by[row.Fate], path)
	}
	var b strings.Builder
	b.WriteString("| fate | fields |\n|---|---|\n")
	for _, fate := range []dialect.Fate{dialect.FateCarried, dialect.FateApproximated, dialect.FateRefused, dialect.FateOwn} {
		b.WriteString("| " + string(fate) + " | " + strings.Join(by[fate], " ") + " |\n")
	}
	b.WriteString("\n⁺ not in the API description of 2026-05: of the SDK, of the other surfaces, or a header.\n")
	want := before + "<!-- fields -->\n" + b.String() + "<!-- /fields -->" + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got := string(file(t, page)); got != want {
		t.Errorf("the page lists other fields; write it with -update")
	}
}
