package policy_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"bulkhead/catalog"
	"bulkhead/estate"
	"bulkhead/policy"
)

var update = flag.Bool("update", false, "write what the code says into docs/policy.md")

const page = "../docs/policy.md"

// TestDocs_SayWhatTheCodeSays holds the tables of the officers' page to the code.
func TestDocs_SayWhatTheCodeSays(t *testing.T) {
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var ofCall, ofOffering, purposes strings.Builder
	for _, r := range policy.Rules() {
		out := &ofOffering
		if r.OfCall {
			out = &ofCall
		}
		fmt.Fprintf(out, "| `%s` | %s |\n", r.Name, r.Meaning)
	}
	files, err := estate.Example(catalog.Unclassified, today)
	if err != nil {
		t.Fatal(err)
	}
	est, report := estate.Parse(files)
	if est == nil {
		t.Fatal(report.Err())
	}
	for _, p := range est.Purposes {
		code := p.Code
		if p.Below {
			code += ".*"
		}
		fmt.Fprintf(&purposes, "| `%s` | %s | %s | `%s` |\n", code, p.Title, p.Risk, p.Category)
	}
	got := string(raw)
	got = fill(t, got, "rules of the call", "| rule | what has to be true |\n|---|---|\n"+ofCall.String())
	got = fill(t, got, "rules of an offering", "| rule | what has to be true |\n|---|---|\n"+ofOffering.String())
	got = fill(t, got, "purposes", "| code | for | risk | category of vendors' policies |\n|---|---|---|---|\n"+purposes.String())
	got = fill(t, got, "schema", "```cedar\n"+policy.Schema()+"```\n")
	if *update {
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got != string(raw) {
		t.Errorf("%s is stale; run go test ./policy -run Docs -update", page)
	}
}

// fill puts text between the mark of that name and the end after it.
func fill(t *testing.T, page, name, text string) string {
	t.Helper()
	before, rest, ok := strings.Cut(page, "<!-- "+name+" -->\n")
	_, after, ends := strings.Cut(rest, "<!-- end -->\n")
	if !ok || !ends {
		t.Fatalf("the page has no place for %s", name)
	}
	return before + "<!-- " + name + " -->\n" + text + "<!-- end -->\n" + after
}

// The policies on the page are of the schema, in the worked example.
func TestDocs_PoliciesCompile(t *testing.T) {
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "```cedar\npermit")
	text, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("no policies on the page")
	}
	files, err := estate.Example(catalog.Unclassified, today)
	if err != nil {
		t.Fatal(err)
	}
	files["policies/page.cedar"] = []byte("permit" + text)
	if est, report := estate.Parse(files); est == nil {
		t.Error(report.Err())
	}
}
