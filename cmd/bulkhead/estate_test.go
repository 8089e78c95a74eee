package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bulkhead/estate"
)

// say runs the binary's door with arguments and gives what it said.
func say(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = dispatch(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestInit_WritesEstatesThatCheckFindsFine(t *testing.T) {
	for _, domain := range []string{"unclassified", "secret"} {
		t.Run(domain, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "estate")
			if code, out, errs := say(t, "init", dir, "--domain", domain); code != exitFine || !strings.Contains(out, "bulkhead check "+dir) {
				t.Fatalf("init: exit %d, %q %q", code, out, errs)
			}
			code, out, errs := say(t, "check", dir)
			if code != exitFine || !strings.Contains(out, dir+": sha256:") || errs != "" {
				t.Errorf("check: exit %d, %q %q", code, out, errs)
			}
			if code, _, errs := say(t, "init", dir); code != exitFailed || !strings.Contains(errs, "bulkhead init "+dir+"-example") {
				t.Errorf("init again: exit %d, %q", code, errs)
			}
		})
	}
}

func TestCheck_TellsFaultsAndFindingsForPeopleAndPrograms(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "estate")
	if code, _, errs := say(t, "init", dir); code != exitFine {
		t.Fatal(errs)
	}
	spoil := func(file, from, to string) {
		path := filepath.Join(dir, file)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, bytes.Replace(raw, []byte(from), []byte(to), 1), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	spoil("vendors/meta.yaml", "models:", "models:\n  llama-4: {}")
	spoil("workloads/press-office.yaml", "meta/llama-3.3-70b]", "meta/llama-4]")
	code, out, _ := say(t, "check", "--estate", dir)
	if code != exitFinding || !strings.Contains(out, `no offering has model "meta/llama-4" of alias "chat"`) || !strings.Contains(out, "1 finding,") {
		t.Errorf("with a finding: exit %d, %s", code, out)
	}
	spoil("enclave.yaml", "crypto: fips", "crypto: fisp")
	spoil("clouds/aws.yaml", "regions:", "regionz:")
	code, out, _ = say(t, "check", dir)
	for _, want := range []string{
		`enclave.yaml:15:9: "crypto": "fisp" is not among the allowed words; did you mean "fips"? allowed: none, fips or cnsa1`,
		`unknown key "regionz"; did you mean "regions"?`, `key "regions" is missing`, "3 faults",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if code != exitFinding {
		t.Errorf("exit %d, want %d", code, exitFinding)
	}
	code, out, _ = say(t, "check", dir, "--json")
	var got struct {
		Estate string
		OK     bool
		Digest string
		Faults []estate.Remark
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if code != exitFinding || got.OK || got.Estate != dir || got.Digest != "" || len(got.Faults) != 3 {
		t.Errorf("exit %d, %+v", code, got)
	}
}

func TestSchema_WritesOneFileAKind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "schemas")
	if code, _, errs := say(t, "schema", "--dir", dir); code != exitFine {
		t.Fatal(errs)
	}
	for _, kind := range estate.Kinds() {
		raw, err := os.ReadFile(filepath.Join(dir, kind+".schema.json"))
		if err != nil {
			t.Fatal(err)
		}
		if _, out, _ := say(t, "schema", kind); out != string(raw) {
			t.Errorf("schema %s prints other than it writes", kind)
		}
	}
	_, out, _ := say(t, "schema")
	var all map[string]any
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != len(estate.Kinds()) {
		t.Errorf("all schemas: %d, %v", len(all), err)
	}
}

func TestEstateCommands_SayWhatToTypeInstead(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"check a b", exitUsage, "bulkhead check a"},
		{"check --estate a b", exitUsage, "bulkhead check b"},
		{"check --jsn", exitUsage, "usage: bulkhead check"},
		{"check ./no-such-folder", exitFailed, "bulkhead init ./no-such-folder"},
		{"init", exitUsage, "bulkhead init ./estate"},
		{"init a --domain top-secret", exitUsage, "bulkhead init a --domain unclassified"},
		{"schema clouds", exitUsage, "enclave, vendor, cloud"},
		{"schema cloud vendor", exitUsage, "bulkhead schema cloud"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			code, out, errs := say(t, strings.Fields(tt.args)...)
			if code != tt.code || !strings.Contains(errs, tt.want) || out != "" {
				t.Errorf("exit %d, stdout %q, stderr %q; want exit %d and %q", code, out, errs, tt.code, tt.want)
			}
		})
	}
	for _, sub := range []string{"check", "init", "schema"} {
		if code, out, errs := say(t, sub, "--help"); code != exitFine || !strings.HasPrefix(out, "usage: bulkhead "+sub) || errs != "" {
			t.Errorf("%s --help: exit %d, stdout %q, stderr %q", sub, code, out, errs)
		}
	}
}
