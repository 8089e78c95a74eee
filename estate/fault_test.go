package estate_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bulkhead/estate"
)

var update = flag.Bool("update", false, "write what is found into the golden files")

// section is one file of an archive in the txtar form: lines "-- name --"
// begin a file, what stands before the first is a comment.
type section struct{ name, data string }

func sections(t testing.TB, file string) (comment string, found []section) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		name, begins := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		name, ends := strings.CutSuffix(name, " --")
		switch {
		case begins && ends:
			found = append(found, section{name: name})
		case len(found) == 0:
			comment += line
		default:
			found[len(found)-1].data += line
		}
	}
	return comment, found
}

// base gives the files of the small estate that the cases edit.
func base(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	_, found := sections(t, "testdata/base.txtar")
	for _, f := range found {
		files[f.name] = []byte(f.data)
	}
	return files
}

// edit changes files by one line of a case: FILE OLD NEW with both in quotes,
// FILE DELETE "", FILE COPY "FROM" or FILE FILE "CONTENT".
func edit(files map[string][]byte, line string) error {
	name, rest, _ := strings.Cut(line, " ")
	var args []string
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		word, err := strconv.QuotedPrefix(rest)
		if err != nil {
			word, _, _ = strings.Cut(rest, " ")
			args = append(args, word)
		} else {
			s, _ := strconv.Unquote(word)
			args = append(args, s)
		}
		rest = strings.TrimPrefix(rest, word)
	}
	if len(args) != 2 {
		return fmt.Errorf("edit %q has %d arguments, want 2", line, len(args))
	}
	switch args[0] {
	case "DELETE":
		delete(files, name)
	case "COPY":
		files[name] = files[args[1]]
	case "FILE":
		files[name] = []byte(args[1])
	default:
		if !strings.Contains(string(files[name]), args[0]) {
			return fmt.Errorf("edit %q: the file has no such text", line)
		}
		files[name] = []byte(strings.Replace(string(files[name]), args[0], args[1], 1))
	}
	return nil
}

// remarks writes all that a report says, one line each.
func remarks(r *estate.Report) string {
	var b strings.Builder
	for _, m := range r.Faults {
		fmt.Fprintf(&b, "fault %s: %s\n", m.Code, m)
	}
	for _, m := range r.Findings {
		fmt.Fprintf(&b, "finding %s: %s\n", m.Code, m)
	}
	for _, m := range r.Warnings {
		fmt.Fprintf(&b, "warning %s: %s\n", m.Code, m)
	}
	for _, m := range r.Notes {
		fmt.Fprintf(&b, "note %s: %s\n", m.Code, m)
	}
	return b.String()
}

func TestParse_TellsEveryFaultWithItsPlaceAndRemedy(t *testing.T) {
	cases, err := filepath.Glob("testdata/faults/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			comment, parts := sections(t, name)
			if len(parts) != 2 || parts[0].name != "edits" || parts[1].name != "want" {
				t.Fatalf("sections are not edits and want: %v", parts)
			}
			files := base(t)
			for line := range strings.Lines(parts[0].data) {
				if err := edit(files, strings.TrimSpace(line)); err != nil {
					t.Fatal(err)
				}
			}
			est, report := estate.Parse(files)
			got := remarks(report)
			if *update {
				parts[1].data = got
				text := comment + "-- edits --\n" + parts[0].data + "-- want --\n" + got
				if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(parts[1].data, got); diff != "" {
				t.Errorf("remarks (-want +got):\n%s", diff)
			}
			if (est == nil) != (len(report.Faults) > 0) {
				t.Errorf("estate is nil: %v, with %d faults", est == nil, len(report.Faults))
			}
			for _, m := range slices.Concat(report.Faults, report.Findings, report.Warnings) {
				if m.Hint == "" || m.File == "" {
					t.Errorf("no file or hint: %+v", m)
				}
			}
			if strings.Contains(got, "hunter2") || strings.Contains(got, "sk-live") {
				t.Errorf("a secret is repeated:\n%s", got)
			}
			if strings.HasPrefix(filepath.Base(name), "f") || strings.HasPrefix(filepath.Base(name), "note") {
				return
			}
			if len(report.Faults) == 0 {
				t.Error("no fault")
			}
		})
	}
}

func TestParse_TheBaseOfTheCasesHasNothingToSayButItsSecret(t *testing.T) {
	est, report := estate.Parse(base(t))
	want := "note unchecked: clouds: secrets are looked up when they are used, not now: env:AWS_TOKEN; see that serve finds them\n"
	if got := remarks(report); got != want || est == nil {
		t.Errorf("got %q, want %q", got, want)
	}
}
