package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func markingRun(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr strings.Builder
	code = runMarking(t.Context(), args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestMarking_Answers(t *testing.T) {
	subject := filepath.Join(t.TempDir(), "subject.json")
	if err := os.WriteFile(subject, []byte(`{"clearance":"S","citizenship":["GBR"],"affiliation":"GBR-GOV"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	contractor := `{"clearance":"U","citizenship":["USA"],"affiliation":"CONTRACTOR"}`
	for _, c := range []struct {
		name string
		args []string
		code int
		out  []string // each must be in stdout
		errs string   // must be in stderr
	}{
		{"valid banner", []string{"parse", "SECRET//NOFORN"}, 0, []string{"valid", "SECRET//NOFORN"}, ""},
		{"invalid banner", []string{"parse", "Secret//NOFORN"}, 1, []string{"not valid", "E_CASE"}, ""},
		{"one of two invalid", []string{"parse", "--json", "SECRET//NF", "CUI"}, 1,
			[]string{`"valid":false`, `"code":"E_FORM","offset":8,"length":2`, `"canonical":"CUI"`}, ""},
		{"portion", []string{"parse", "--portion", "--json", "(S//REL)"}, 0, []string{`"rel_to":["@BANNER"]`, `"valid":true`}, ""},
		{"flag after text", []string{"parse", "(//NS)", "--portion", "--json"}, 0, []string{`"system":"NATO"`}, ""},
		{"profile", []string{"parse", "--profile=dod", "UNCLASSIFIED//NOFORN"}, 1, []string{"E_LEVEL_TOO_LOW"}, ""},
		{"join", []string{"join", "(S//RELIDO)", "(C)@2015-01-01"}, 0, []string{"SECRET//RELIDO\n", `"level":"S"`}, ""},
		{"join before the day", []string{"join", "--json", "(S//RELIDO)", "(C)@2005-01-01"}, 0, []string{`"banner":"SECRET//NOFORN"`}, ""},
		{"join bare REL", []string{"join", "(S//REL)"}, 0, []string{"SECRET//NOFORN\n"}, ""},
		{"join invalid", []string{"join", "--json", "(S//NF)", "(X)"}, 1, []string{`"valid":false`, "E_NO_CLASSIFICATION"}, ""},
		{"may", []string{"dominates", "--json", contractor, "CUI//FEDCON"}, 0, []string{`"allow":true,"rule":"granted"`}, ""},
		{"may not", []string{"dominates", "--json", contractor, "CUI//FED ONLY"}, 1, []string{`"allow":false,"rule":"cui_audience"`}, ""},
		{"file", []string{"dominates", "@" + subject, "SECRET//REL TO USA, FVEY"}, 0, []string{"yes"}, ""},
		{"ceiling by banner", []string{"dominates", "CUI//SP-CTI", "CUI//SP-CTI"}, 0, []string{"yes"}, ""},
		{"above a ceiling", []string{"dominates", "CUI", "CUI//SP-CTI"}, 1, []string{"cui_category", "SP-CTI"}, ""},
		{"ceiling leaves out", []string{"dominates", "--ceiling", contractor, "CUI"}, 1, []string{"(cui)"}, ""},
		{"label as JSON", []string{"dominates", contractor, `{"level":"S"}`}, 1, []string{"(clearance)"}, ""},
		{"bad subject", []string{"dominates", `{"clearance":"Q"}`, "CUI"}, 1, []string{"subject_invalid"}, ""},
		{"bad label", []string{"dominates", contractor, "SECRT"}, 1, []string{"label_invalid", "E_NO_CLASSIFICATION"}, ""},
		{"no file", []string{"dominates", "@" + subject + ".not", "CUI"}, 3, nil, "no such file"},
		{"no verb", nil, 2, nil, "usage:"},
		{"wrong verb", []string{"parce", "CUI"}, 2, nil, "usage:"},
		{"no text", []string{"parse"}, 2, nil, "at least one text"},
		{"wrong flag", []string{"parse", "--jsn", "CUI"}, 2, nil, "no flag"},
		{"help", []string{"--help"}, 0, []string{"usage:"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := markingRun(t, c.args...)
			if code != c.code {
				t.Errorf("exit %d, want %d\n%s%s", code, c.code, out, errs)
			}
			for _, want := range c.out {
				if !strings.Contains(out, want) {
					t.Errorf("stdout lacks %q:\n%s", want, out)
				}
			}
			if !strings.Contains(errs, c.errs) {
				t.Errorf("stderr lacks %q:\n%s", c.errs, errs)
			}
			for _, a := range c.args {
				if a == "--json" && code < 2 {
					for line := range strings.Lines(out) {
						if !json.Valid([]byte(line)) {
							t.Errorf("not JSON: %s", line)
						}
					}
				}
			}
		})
	}
}
