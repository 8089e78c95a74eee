package responses_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"bulkhead/dialect"
	"bulkhead/dialect/responses"
)

const page = "../../docs/dialects/responses.md"

func TestDocs_HaveTheTableOfFields(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "-update -->\n", "<!-- end of fields -->"
	head, rest, ok := strings.Cut(string(b), begin)
	was, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the page has no place for the table")
	}
	var table strings.Builder
	table.WriteString("\n| fate | fields |\n|---|---|\n")
	for _, fate := range []dialect.Fate{dialect.FateCarried, dialect.FateApproximated, dialect.FateRefused, dialect.FateOwn} {
		var paths []string
		for _, f := range (responses.Server{}).Fields() {
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
		t.Errorf("the page's table is not that of the dialect; run go test ./dialect/responses -update")
	}
}

func TestDocs_HaveEachCapability(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	index := regexp.MustCompile(`\[\d+\]`)
	r, err := scan(everything)
	if err != nil {
		t.Fatal(err)
	}
	needs := r.Asked().Needs
	for _, top := range []string{"conversation_id", "thread_id", "prompt_id", "web_search_options", "search_parameters", "enable_search", "data_sources", "models", "route", "provider", "fallbacks", "mcp_servers", "file_ids"} {
		r, err := scan(`{"model":"m","` + top + `":{}}`)
		if err != nil || len(r.Asked().Needs) != 1 {
			t.Fatalf("%s: %v", top, err)
		}
		needs = append(needs, r.Asked().Needs...)
	}
	if len(needs) < 35 {
		t.Errorf("%d needs", len(needs))
	}
	for _, need := range needs {
		field, found := "`"+index.ReplaceAllString(need.Field, "[]")+"`", false
		for _, line := range strings.Split(string(b), "\n") {
			cells := strings.Split(line, "|")
			found = found || len(cells) == 4 && strings.Contains(cells[1], field) && (strings.Contains(cells[2], "`"+string(need.Capability)+"`") || strings.Contains(cells[2], "as above"))
		}
		if !found {
			t.Errorf("the page does not say that %s needs %s", field, need.Capability)
		}
	}
}
