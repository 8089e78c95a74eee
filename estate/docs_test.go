package estate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bulkhead/catalog"
	"bulkhead/estate"
)

const fieldsPage = "../docs/estate-fields.md"

// TestDocs_ListEveryField holds the page of all fields to the schemas, which
// are made of the same description that the loader reads by.
func TestDocs_ListEveryField(t *testing.T) {
	var page strings.Builder
	page.WriteString("# Fields of an estate\n\nEvery key of every file, from the same description that `bulkhead check` reads by. " +
		"[estate.md](estate.md) explains; this page only lists.\nIt is written by `go test ./estate -run Docs -update`.\n")
	for _, kind := range estate.Kinds() {
		raw, err := estate.Schema(kind)
		if err != nil {
			t.Fatal(err)
		}
		var schema map[string]any
		if err := json.Unmarshal(raw, &schema); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&page, "\n## %s\n\n%s\n\n| key | | value | |\n|---|---|---|---|\n", kind, schema["description"])
		listFields(&page, "", schema)
	}
	if *update {
		if err := os.WriteFile(fieldsPage, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(fieldsPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), page.String()); diff != "" {
		t.Errorf("docs/estate-fields.md is stale, run with -update (-page +schema):\n%s", diff)
	}
}

func listFields(page *strings.Builder, at string, schema map[string]any) {
	required := fmt.Sprint(schema["required"])
	properties, _ := schema["properties"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		p := properties[key].(map[string]any)
		must := ""
		if slices.Contains(strings.Fields(strings.Trim(required, "[]")), key) {
			must = "required"
		}
		cells := []string{"`" + at + key + "`", must, kindOfValue(p), fmt.Sprint(p["description"])}
		for i := range cells {
			cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
		}
		fmt.Fprintf(page, "| %s |\n", strings.Join(cells, " | "))
		inside(page, at+key, p)
	}
}

// inside lists the fields below a value: of a map, a list's items, a table's
// entries or the map form of a value that may also be a word.
func inside(page *strings.Builder, at string, p map[string]any) {
	listFields(page, at+".", p)
	if items, ok := p["items"].(map[string]any); ok {
		inside(page, at+"[]", items)
	}
	if entry, ok := p["additionalProperties"].(map[string]any); ok {
		inside(page, at+".NAME", entry)
	}
	choices, _ := p["anyOf"].([]any)
	for _, c := range choices {
		listFields(page, at+".", c.(map[string]any))
	}
}

func kindOfValue(p map[string]any) string {
	if words, ok := p["enum"].([]any); ok {
		out := make([]string, len(words))
		for i, w := range words {
			out[i] = fmt.Sprintf("`%v`", w)
		}
		return strings.Join(out, " ")
	}
	if choices, ok := p["anyOf"].([]any); ok {
		var out []string
		for _, c := range choices {
			out = append(out, kindOfValue(c.(map[string]any)))
		}
		return strings.Join(out, " or ")
	}
	if word, ok := p["const"].(string); ok {
		return "`" + word + "`"
	}
	switch p["type"] {
	case "array":
		return "list of " + kindOfValue(p["items"].(map[string]any))
	case "object":
		if entry, ok := p["additionalProperties"].(map[string]any); ok {
			return "map of " + kindOfValue(entry)
		}
		return "map"
	case "string":
		switch {
		case p["format"] == "date":
			return "date"
		case strings.Contains(fmt.Sprint(p["pattern"]), "ms|s|m|h"):
			return "duration"
		case strings.Contains(fmt.Sprint(p["pattern"]), "KiB"):
			return "size"
		}
		return "text"
	case "number":
		return "amount"
	}
	return fmt.Sprint(p["type"])
}

// The examples on the page are a whole estate between them, and load.
func TestDocs_ExamplesLoad(t *testing.T) {
	raw, err := os.ReadFile("../docs/estate.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	block := regexp.MustCompile("(?s)```yaml\n# ([a-z0-9/-]+\\.yaml)\n(.*?)```")
	for _, m := range block.FindAllStringSubmatch(string(raw), -1) {
		files[m[1]] = []byte(m[2])
	}
	if len(files) < 5 {
		t.Fatalf("only %d examples found", len(files))
	}
	est, report := estate.Parse(files)
	if est == nil {
		t.Fatalf("faults:\n%v", report.Err())
	}
	for _, m := range report.Findings {
		t.Errorf("finding: %s", m)
	}
	if found := study(t, files, today); len(found) > 0 {
		t.Errorf("found on a day: %q", found)
	}
	if est.Enclave.Domain != catalog.Unclassified || len(est.Offerings) == 0 {
		t.Errorf("estate %+v", est)
	}
}
