package estate_test

import (
	"encoding/json"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/estate"
)

// today is the day on which the worked examples of the tests are written.
var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func example(t testing.TB, domain catalog.Domain) map[string][]byte {
	t.Helper()
	files, err := estate.Example(domain, today)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestLoad_ReadsTheWorkedExamples(t *testing.T) {
	for _, domain := range []catalog.Domain{catalog.Unclassified, catalog.Secret} {
		t.Run(string(domain), func(t *testing.T) {
			dir := t.TempDir()
			if err := estate.Init(dir, domain, today); err != nil {
				t.Fatal(err)
			}
			est, report, err := estate.Load(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := report.Err(); err != nil {
				t.Fatalf("faults:\n%v", err)
			}
			for _, m := range report.Findings {
				t.Errorf("finding: %s", m)
			}
			if est.Digest != report.Digest || len(est.Digest) != len("sha256:")+64 {
				t.Errorf("digest %q, report says %q", est.Digest, report.Digest)
			}
			vectors := 0
			for name, w := range est.Workloads {
				if w.Aliases["chat"] == nil {
					t.Errorf("workload %s has no alias chat", name)
				}
				if w.Aliases["embed"] != nil {
					vectors++
				}
				for alias, a := range w.Aliases {
					if len(a.Offerings) == 0 {
						t.Errorf("workload %s: alias %s has no offering", name, alias)
					}
				}
			}
			if vectors < 2 {
				t.Errorf("%d workloads have an alias embed", vectors)
			}
		})
	}
}

func TestParse_ResolvesReferencesAndDefaults(t *testing.T) {
	est, report := estate.Parse(base(t))
	if est == nil {
		t.Fatal(report.Err())
	}
	gpt, llama := est.Offerings[0], est.Offerings[1]
	if gpt.Name != "gov-west/gpt" || llama.Name != "hq/llama" {
		t.Fatalf("offerings %s and %s, want gov-west/gpt and hq/llama", gpt.Name, llama.Name)
	}
	if gpt.Model != est.Vendors[1].Models["gpt-5.4"] || gpt.Endpoint != est.Endpoints[0] || gpt.Line != est.Contracts[0].Lines["0001"] {
		t.Error("an offering does not point at its model, endpoint and line")
	}
	if p := gpt.Price; !p.Known || p.Input != 1_250_000 || p.CachedInput != p.Input || p.Output != 10_000_000 {
		t.Errorf("price %+v; cached input must cost what input costs", p)
	}
	if llama.Price.Known || llama.Line != nil || len(llama.Grants) != 0 || llama.Handling != (catalog.Handling{}) {
		t.Errorf("what is not stated is stated: %+v", llama)
	}
	if !gpt.Granted("web_search") || gpt.Granted("mcp") {
		t.Errorf("grants %v", gpt.Grants)
	}
	e := est.Endpoints[0]
	if e.Surface != "v1" || e.HTTP != 1 || e.StreamUsage != "ask" || e.Limits.FirstContent != 2*time.Minute || e.Limits.Total != 0 {
		t.Errorf("endpoint %+v", e)
	}
	if m := llama.Model; m.Version != "unpinned" || m.FullName() != "meta/llama-3.3-70b" || len(m.Modalities) != 1 {
		t.Errorf("model %+v", m)
	}
	chat := est.Workloads["letters"].Aliases["chat"]
	if len(chat.Offerings) != 2 || chat.Offerings[0] != gpt || chat.Offerings[1] != llama {
		t.Errorf("alias chat has %v, want its models' offerings in order", chat.Offerings)
	}
	if len(est.Partitions) != 1 || est.Partitions[0].Name != "own" || est.Partitions[0].Regions["hq"] != "US" {
		t.Errorf("partitions %+v, want the declared one alone", est.Partitions)
	}
	if l := gpt.Line; l.PeriodUntil != time.Date(2027, 9, 30, 0, 0, 0, 0, time.UTC) || l.Obligated.String() != "250000.00" {
		t.Errorf("line %+v", l)
	}
	if gpt.Source != (catalog.Source{File: "clouds/aws.yaml", Line: 11}) {
		t.Errorf("source %+v", gpt.Source)
	}
}

func TestParse_PassesUnknownFieldsForPlainUnclassifiedAlone(t *testing.T) {
	for _, tt := range []struct{ name, edits, want string }{
		{"CUI", ``, "refuse"},
		{"U", `workloads/letters.yaml "default: CUI, floor: CUI" "default: U, floor: U"`, "pass"},
		{"U and said otherwise", `workloads/letters.yaml "marking: {default: CUI, floor: CUI" "unknown_fields: refuse\nmarking: {default: U, floor: U"`, "refuse"},
		{"CUI and said otherwise", `workloads/letters.yaml "marking:" "unknown_fields: pass\nmarking:"`, "pass"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := base(t)
			if tt.edits != "" {
				if err := edit(files, tt.edits); err != nil {
					t.Fatal(err)
				}
			}
			est, report := estate.Parse(files)
			if est == nil {
				t.Fatal(report.Err())
			}
			if got := est.Workloads["letters"].UnknownFields; got != tt.want {
				t.Errorf("unknown fields %q, want %q", got, tt.want)
			}
		})
	}
	files := example(t, catalog.Secret)
	if err := edit(files, `workloads/reading-room.yaml "default: CUI" "default: U"`); err != nil {
		t.Fatal(err)
	}
	est, report := estate.Parse(files)
	if est == nil {
		t.Fatal(report.Err())
	}
	if got := est.Workloads["reading-room"].UnknownFields; got != "refuse" {
		t.Errorf("unknown fields in a Secret enclave %q, want refuse", got)
	}
}

func TestReport_HasADocumentedJSONForm(t *testing.T) {
	files := base(t)
	if err := edit(files, `enclave.yaml "crypto: fips" "crypto: fisp"`); err != nil {
		t.Fatal(err)
	}
	_, report := estate.Parse(files)
	got, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"counts":{"files":7,"vendors":2,"models":2,"endpoints":2,"offerings":2,"contracts":1,"workloads":1},` +
		`"faults":[{"file":"enclave.yaml","line":6,"column":9,"code":"not_allowed","message":"\"crypto\": \"fisp\" is not among the allowed words","hint":"did you mean \"fips\"? allowed: none, fips or cnsa1"}],` +
		`"findings":[],"warnings":[],"notes":[]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
