package marking_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"bulkhead/marking"
)

type rollupFile struct {
	Rollup []struct {
		ID       string    `json:"id"`
		Portions []string  `json:"portions"`
		Dates    []*string `json:"dates"`
		Banner   string    `json:"banner"`
	} `json:"rollup"`
	Access []struct {
		ID      string       `json:"id"`
		Subject marking.Spec `json:"subject"`
		Label   string       `json:"label"`
		Allow   bool         `json:"allow"`
	} `json:"access"`
}

func readRollup(t testing.TB) rollupFile {
	t.Helper()
	b, err := os.ReadFile("testdata/rollup.json")
	if err != nil {
		t.Fatal(err)
	}
	var f rollupFile
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Rollup) < 20 || len(f.Access) < 10 {
		t.Fatalf("only %d and %d cases", len(f.Rollup), len(f.Access))
	}
	return f
}

func TestBanner_RollsUp(t *testing.T) {
	r := register()
	for _, c := range readRollup(t).Rollup {
		t.Run(c.ID, func(t *testing.T) {
			sum := marking.Unmarked()
			for i, p := range c.Portions {
				got := r.Parse(p, marking.Portion)
				if !got.Valid() {
					t.Fatalf("%s: %v", p, got.Errors)
				}
				var day time.Time
				if i < len(c.Dates) && c.Dates[i] != nil {
					var err error
					if day, err = time.Parse(time.DateOnly, *c.Dates[i]); err != nil {
						t.Fatal(err)
					}
				}
				sum = sum.Join(r.LabelDated(got.Mark, day))
			}
			if got := r.Banner(sum); got != c.Banner {
				t.Errorf("%v: got %q, want %q", c.Portions, got, c.Banner)
			}
			if again := r.Parse(c.Banner, marking.Banner); !again.Valid() {
				t.Errorf("%q is no banner: %v", c.Banner, again.Errors)
			}
		})
	}
}

func TestMay_Cases(t *testing.T) {
	r := register()
	for _, c := range readRollup(t).Access {
		t.Run(c.ID, func(t *testing.T) {
			s, err := marking.Person(c.Subject)
			if err != nil {
				t.Fatal(err)
			}
			l := r.Parse(c.Label, marking.Banner)
			if !l.Valid() {
				t.Fatalf("%s: %v", c.Label, l.Errors)
			}
			if got := s.May(r.Label(l.Mark)); got.Allow != c.Allow {
				t.Errorf("%s: got %v (%s: %s), want %v", c.Label, got.Allow, got.Rule, got.Why(), c.Allow)
			}
		})
	}
}
