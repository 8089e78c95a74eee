package inspect_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"bulkhead/inspect"
	"bulkhead/marking"
)

// sample is one text of the corpus. Want is the banner of what a careful reader finds in it; empty is no mark.
type sample struct {
	Kind string `json:"kind"`
	Want string `json:"want"`
	Text string `json:"text"`
}

func readCorpus(t testing.TB) []sample {
	t.Helper()
	f, err := os.Open("testdata/corpus.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []sample
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var s sample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatalf("line %d: %v", len(out)+1, err)
		}
		out = append(out, s)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestScan_PrecisionAndRecall holds how often reading errs on the corpus, in which there are texts that it is known to
// get wrong. The figures stand in docs/markings.md.
func TestScan_PrecisionAndRecall(t *testing.T) {
	corpus := readCorpus(t)
	if len(corpus) < 300 {
		t.Fatalf("only %d texts", len(corpus))
	}
	r := register()
	marked, found, right, alarms := 0, 0, 0, 0
	for _, c := range corpus {
		s := inspect.New(r)
		s.ScanString(c.Text)
		got := s.Result()
		banner := ""
		if !got.Label.Equal(marking.Unmarked()) {
			banner = r.Banner(got.Label)
		}
		switch {
		case c.Want == "" && banner != "":
			alarms++
			t.Logf("false alarm, %s: %q reads as %s", c.Kind, c.Text, banner)
		case c.Want == "":
		case banner == "":
			marked++
			t.Logf("missed, %s: %q, want %s", c.Kind, c.Text, c.Want)
		default:
			marked++
			found++
			if banner == c.Want {
				right++
			} else {
				t.Logf("other, %s: %q reads as %s, want %s", c.Kind, c.Text, banner, c.Want)
			}
		}
	}
	precision := float64(found) / float64(found+alarms)
	recall := float64(found) / float64(marked)
	exact := float64(right) / float64(found)
	t.Logf("%d texts, %d marked: precision %.3f, recall %.3f, of those found read as meant %.3f",
		len(corpus), marked, precision, recall, exact)
	if precision < 0.95 || recall < 0.90 || exact < 0.99 {
		t.Errorf("precision %.3f, recall %.3f, exact %.3f: below the floor of 0.95, 0.90, 0.99", precision, recall, exact)
	}
}
