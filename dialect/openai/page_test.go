package openai_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"bulkhead/dialect/openai"
)

const page, begin, end = "../../docs/dialects/openai.md", "<!-- table -->\n", "<!-- end of table -->\n"

func TestPage_HasTheTable(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	have, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("the page has no place for the table")
	}
	var want strings.Builder
	want.WriteString("| field | elsewhere | canonical |\n|---|---|---|\n")
	for _, row := range (openai.Server{}).Fields() {
		path := "`" + row.Path + "`"
		if row.Beyond {
			path += " ¹"
		}
		hub := row.Hub
		if hub != "" {
			hub = "`" + hub + "`"
		}
		fmt.Fprintf(&want, "| %s | %s | %s |\n", path, row.Fate, hub)
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+want.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		have = want.String()
	}
	if have != want.String() {
		t.Error("the page's table is not that of fields.go; run the test with -update")
	}
}
