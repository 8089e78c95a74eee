package estate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/estate"
	"bulkhead/policy"
)

// study gives what is found in files on a day, as code and message.
func study(t *testing.T, files map[string][]byte, now time.Time) []string {
	t.Helper()
	est, report := estate.Parse(files)
	if est == nil {
		t.Fatal(report.Err())
	}
	engine, problems := policy.Compile(est, policy.Options{Dialects: dialect.Carried(), Gates: policy.Built()})
	if engine == nil {
		t.Fatal(problems)
	}
	out := []string{}
	for _, m := range estate.Study(engine, now) {
		if m.Hint == "" || m.Line == 0 {
			t.Errorf("remark without place or hint: %+v", m)
		}
		out = append(out, string(m.Code)+" "+m.File+": "+m.Message)
	}
	return out
}

// sound gives the base estate with what it lacks to be used.
func sound(t *testing.T) map[string][]byte {
	files := base(t)
	replace(t, files, "clouds/aws.yaml", "ceiling: CUI}\n", "ceiling: CUI}\n      - {scheme: agency-ato, document: D4, official: O, issued: 2026-01-01, expires: 2028-01-01, ceiling: CUI}\n")
	replace(t, files, "clouds/own.yaml", "authorisations: []", "authorisations: [{scheme: agency-ato, document: D5, official: O, issued: 2026-01-01, expires: 2028-01-01, ceiling: CUI}], handling: {training: false, cloud_staff: us_citizens, vendor_staff: none, source: S, checked: 2026-01-01}, depends_on: {infrastructure: own}")
	replace(t, files, "vendors/openai.yaml", "retrieved: 2026-01-01,", "retrieved: 2026-01-01, adopted: {by: A, date: 2026-01-02},")
	replace(t, files, "vendors/meta.yaml", "models:", "adopts: [{id: llama-acceptable-use, version: \"2024-11-04\", by: A, date: 2026-01-02}]\nmodels:")
	return files
}

func replace(t *testing.T, files map[string][]byte, name, old, with string) {
	t.Helper()
	if !strings.Contains(string(files[name]), old) {
		t.Fatalf("%s has no %q", name, old)
	}
	files[name] = []byte(strings.Replace(string(files[name]), old, with, 1))
}

func TestStudy_TellsWhatSomebodyShouldLookAt(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(files map[string][]byte)
		now  string
		want []string // beginnings of what is found, in order
	}{
		{"nothing", func(map[string][]byte) {}, "2026-11-23", nil},
		{"expired and expiring", func(map[string][]byte) {}, "2027-03-01", []string{
			"unusable clouds/aws.yaml: no workload may use offering \"gov-west/gpt\"",
			"expiring clouds/aws.yaml: authorisation D2 of offering \"gov-west/gpt\" expires on 2027-03-17",
			"unusable clouds/own.yaml: no workload may use offering \"hq/llama\"",
			"expired workloads/letters.yaml: the document on the audience of workload \"letters\", D3, has expired on 2027-01-01",
			"no_route workloads/letters.yaml: no offering may serve alias \"chat\"",
		}},
		{"independence", func(files map[string][]byte) {
			replace(t, files, "workloads/letters.yaml", "aliases:", "independence: {vendors: 3, infrastructures: 2, contracts: 2}\naliases:")
		}, "2026-11-23", []string{
			"dependent workloads/letters.yaml: workload \"letters\" wants 2 contracts, and alias \"chat\" has 1: jwcc-0007",
			"dependent workloads/letters.yaml: workload \"letters\" wants 3 vendors, and alias \"chat\" has 2: meta, openai",
		}},
		{"independence of one that is bought under no contract", func(files map[string][]byte) {
			replace(t, files, "workloads/letters.yaml", "aliases:", "independence: {contracts: 2}\naliases:")
			replace(t, files, "clouds/own.yaml", "infrastructure: own", "infrastructure: own, contract: none")
		}, "2026-11-23", nil},
		{"an offering that nobody may use", func(files map[string][]byte) {
			replace(t, files, "clouds/own.yaml", "state: enabled", "state: withdrawn")
		}, "2026-11-23", []string{"unusable clouds/own.yaml: no workload may use offering \"hq/llama\""}},
		{"a policy that never applies", func(files map[string][]byte) {
			files["policies/a.cedar"] = []byte("permit(principal, action, resource);\n@id(\"x\") forbid(principal, action, resource in Bulkhead::Cloud::\"gone\");\n")
		}, "2026-11-23", []string{"idle policies/a.cedar: policy \"x\" can never apply"}},
		{"terms", func(files map[string][]byte) {
			replace(t, files, "workloads/letters.yaml", "[admin.drafting]", "[admin.drafting, mil.planning]")
			replace(t, files, "vendors/meta.yaml", "adopts: [{id: llama-acceptable-use, version: \"2024-11-04\", by: A, date: 2026-01-02}]\n", "")
		}, "2026-11-23", []string{
			"terms_missing workloads/letters.yaml: no terms of meta speak of mil.planning",
			"terms_missing workloads/letters.yaml: no terms of openai speak of mil.planning",
			"terms_unadopted workloads/letters.yaml: nobody has adopted the terms of meta that speak of admin.drafting",
		}},
		{"a phase-out that strands", func(files map[string][]byte) {
			files["exclusions/a.yaml"] = []byte("phase_outs:\n  - {id: p, covers: {cloud: aws}, stages: [{from: 2026-12-01}], document: D}\n  - {id: q, covers: {vendor: meta}, stages: [{from: 2026-12-15}], document: D}\n")
		}, "2026-11-23", []string{"strands workloads/letters.yaml: phase-outs and statuses leave alias \"chat\" of workload \"letters\" without any offering from 2026-12-15 on"}},
		{"a status of unknown state", func(files map[string][]byte) {
			files["exclusions/a.yaml"] = []byte("statuses:\n  - {id: s, authority: A, instrument: I, covers: {vendor: nobody}, state: unknown, document: D}\n")
		}, "2026-11-23", []string{"status_unknown exclusions/a.yaml: the state of status \"s\" is unknown"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := sound(t)
			c.edit(files)
			now, _ := time.Parse(time.DateOnly, c.now)
			got := study(t, files, now)
			if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
				t.Errorf("found:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestStudy_FindsNothingInTheWorkedExamples(t *testing.T) {
	for _, domain := range []catalog.Domain{catalog.Unclassified, catalog.Secret} {
		if got := study(t, example(t, domain), today); len(got) > 0 {
			t.Errorf("%s:\n%s", domain, strings.Join(got, "\n"))
		}
	}
}
