package marking_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bulkhead/marking"
)

type parseCase struct {
	ID       string          `json:"id"`
	Form     string          `json:"form"`
	Text     string          `json:"text"`
	Valid    bool            `json:"valid"`
	Expect   json.RawMessage `json:"expect"`
	Errors   []string        `json:"errors"`
	Warnings []string        `json:"warnings"`
}

func readCases(t testing.TB) []parseCase {
	t.Helper()
	var file struct {
		Cases []parseCase `json:"cases"`
	}
	b, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 100 {
		t.Fatalf("only %d cases", len(file.Cases))
	}
	return file.Cases
}

func formOf(name string) marking.Form {
	if name == "portion" {
		return marking.Portion
	}
	return marking.Banner
}

func codes(fs []marking.Fault) []string {
	out := []string{}
	for _, f := range fs {
		out = append(out, string(f.Code))
	}
	return out
}

func register() *marking.Register { return marking.NewRegister(marking.Shipped(), marking.IC) }

func TestParse_Cases(t *testing.T) {
	r := register()
	for _, c := range readCases(t) {
		t.Run(c.ID, func(t *testing.T) {
			got := r.Parse(c.Text, formOf(c.Form))
			for _, f := range append(got.Errors, got.Warnings...) {
				if f.Offset < 0 || f.Length < 0 || f.Offset+f.Length > len(c.Text) {
					t.Errorf("%q: fault outside the text: %v", c.Text, f)
				}
			}
			if got.Valid() != c.Valid {
				t.Fatalf("%q: got valid %v with %v, want %v", c.Text, got.Valid(), got.Errors, c.Valid)
			}
			for _, want := range c.Errors {
				if !contains(codes(got.Errors), want) {
					t.Errorf("%q: got %v, want %s", c.Text, got.Errors, want)
				}
			}
			if !c.Valid {
				return
			}
			if d := cmp.Diff(append([]string{}, c.Warnings...), codes(got.Warnings)); d != "" {
				t.Errorf("%q: warnings differ (-want +got):\n%s", c.Text, d)
			}
			b, err := json.Marshal(got.Mark.Fields())
			if err != nil {
				t.Fatal(err)
			}
			var g, w any
			if err := json.Unmarshal(b, &g); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(c.Expect, &w); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(w, g); d != "" {
				t.Errorf("%q: fields differ (-want +got):\n%s", c.Text, d)
			}
			again := r.Parse(got.Mark.String(), got.Mark.Form)
			if d := cmp.Diff(got.Mark, again.Mark, cmp.AllowUnexported(marking.AEA{})); d != "" || !again.Valid() {
				t.Errorf("%q prints as %q, which reads otherwise: %v\n%s", c.Text, got.Mark, again.Errors, d)
			}
		})
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
