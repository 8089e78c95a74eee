package gemini_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"bulkhead/dialect"
	"bulkhead/dialect/gemini"
)

const page = "../../docs/dialects/gemini.md"

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
		for _, f := range (gemini.Server{}).Fields() {
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
		t.Errorf("the page's table is not that of the dialect; run go test ./dialect/gemini -update")
	}
}

func TestDocs_HaveEachCapability(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, line := range strings.Split(string(b), "\n") {
		if cells := strings.Split(line, "|"); len(cells) == 4 {
			rows[strings.TrimSpace(cells[1])+" "+strings.TrimSpace(cells[2])] = line
		}
	}
	index := regexp.MustCompile(`\[\d+\]`)
	seen := 0
	for _, tt := range reaching() {
		for _, need := range strings.Split(tt.want, ", ") {
			capability, field, ok := strings.Cut(need, " ")
			if !ok {
				continue
			}
			seen++
			field = index.ReplaceAllString(field, "[]")
			found := false
			for row := range rows {
				found = found || strings.HasPrefix(row, "`"+field+"`") && strings.Contains(row, "`"+capability+"`")
			}
			if !found {
				t.Errorf("the page does not say that %s needs %s", field, capability)
			}
		}
	}
	if seen < 25 {
		t.Errorf("%d needs", seen)
	}
}
