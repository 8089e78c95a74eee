package bedrock_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"bulkhead/dialect"
	"bulkhead/dialect/bedrock"
)

const page = "../../docs/dialects/bedrock.md"

func TestDocs_HaveTheTableOfFields(t *testing.T) {
	const begin, end = "-update -->\n", "<!-- end of fields -->"
	head, rest, ok := strings.Cut(string(read(t, page)), begin)
	was, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the page has no place for the table")
	}
	var table strings.Builder
	table.WriteString("\n| fate | fields |\n|---|---|\n")
	for _, fate := range []dialect.Fate{dialect.FateCarried, dialect.FateApproximated, dialect.FateRefused, dialect.FateOwn} {
		var paths []string
		for _, f := range (bedrock.Server{}).Fields() {
			if f.Fate == fate {
				paths = append(paths, "`"+f.Path+"`")
			}
		}
		fmt.Fprintf(&table, "| %s | %s |\n", fate, strings.Join(paths, " "))
	}
	table.WriteString("\n")
	if *update {
		if err := os.WriteFile(page, []byte(head+begin+table.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if was != table.String() {
		t.Errorf("the page's table is not that of the dialect; run go test ./dialect/bedrock -update")
	}
}

func TestDocs_HaveEachCapability(t *testing.T) {
	text := string(read(t, page))
	seen := map[string]bool{}
	for _, row := range reachingRows {
		for i, word := range strings.Fields(row.want) {
			if i%2 == 0 && !strings.Contains(text, "| `"+word+"` |") {
				t.Errorf("%s: the page does not have %s", row.name, word)
			}
			seen[word] = true
		}
	}
	if len(seen) < 12 {
		t.Fatalf("only %d words; the walk is wrong", len(seen))
	}
}
