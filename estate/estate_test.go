package estate_test

import (
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
			for name, w := range est.Workloads {
				for _, alias := range []string{"chat", "embed"} {
					if w.Aliases[alias] == nil || len(w.Aliases[alias].Offerings) == 0 {
						t.Errorf("workload %s: alias %s has no offering", name, alias)
					}
				}
			}
		})
	}
}
