package estate_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/estate"
	"bulkhead/marking"
	"bulkhead/policy"
)

// TestRestore_DecidesAsTheFilesDid asks the worked estate of each domain about every
// alias, purpose and marking that they name.
func TestRestore_DecidesAsTheFilesDid(t *testing.T) {
	for _, domain := range []catalog.Domain{catalog.Unclassified, catalog.Secret} {
		t.Run(string(domain), func(t *testing.T) {
			now := time.Now()
			dir := filepath.Join(t.TempDir(), "estate")
			if err := estate.Init(dir, domain, now); err != nil {
				t.Fatal(err)
			}
			read, report, err := estate.Load(t.Context(), dir)
			if err != nil || report.Err() != nil {
				t.Fatal(err, report.Err())
			}
			again, err := estate.Restore(report.Canonical(), report.Lines())
			if err != nil {
				t.Fatal(err)
			}
			if again.Digest != read.Digest {
				t.Fatalf("digest %s, want %s", again.Digest, read.Digest)
			}
			asked := 0
			for _, at := range []time.Time{now, now.AddDate(3, 0, 0)} {
				want, got := decisions(t, read, at), decisions(t, again, at)
				for name, form := range want {
					asked++
					if f := got[name]; f.Digest != form.Digest {
						t.Errorf("%s:\n%s\nwas\n%s", name, f.JSON, form.JSON)
					}
				}
			}
			if asked < 20 {
				t.Errorf("only %d questions were asked", asked)
			}
		})
	}
}

func decisions(t *testing.T, e *catalog.Estate, at time.Time) map[string]*policy.Form {
	t.Helper()
	engine, problems := policy.Compile(e, policy.Options{Dialects: dialect.Carried(), Gates: policy.Built(), Remembered: -1})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	r := marking.NewRegister(marking.Shipped(), marking.IC)
	out := map[string]*policy.Form{}
	for _, w := range e.Workloads {
		for _, a := range w.Aliases {
			for _, purpose := range w.Purposes {
				for _, mark := range []string{w.Marking.Default, w.Marking.Ceiling, "U", "CUI", "SECRET//NOFORN"} {
					d := engine.Decide(policy.Question{Workload: w, Alias: a, Purpose: purpose, Label: r.Label(r.Parse(mark, marking.Banner).Mark),
						Principal: policy.Principal{ID: "k"}, Action: call.Chat, Dialect: "openai", Modalities: []string{"image", "text"},
						Needs: []policy.Need{{Capability: call.WebSearch, Field: "tools"}}[:len(mark)%2], Now: at})
					out[strings.Join([]string{w.Name, a.Name, purpose, mark}, " ")] = d.Form()
				}
			}
		}
	}
	return out
}

func TestRestore_TakesNothingElse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "estate")
	if err := estate.Init(dir, catalog.Unclassified, time.Now()); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "policies", "z.cedar"), []byte("// \"quoted\"\u2028\npermit (principal, action, resource);\n"), 0o600)
	_, report, err := estate.Load(t.Context(), dir)
	if err != nil || report.Err() != nil {
		t.Fatal(err, report.Err())
	}
	kept := string(report.Canonical())
	if _, err := estate.Restore([]byte(kept), nil); err != nil {
		t.Errorf("text with what YAML would fold: %v", err)
	}
	i := strings.LastIndex(kept, `"sha256:`) + 9
	other := kept[:i] + strings.Map(func(r rune) rune {
		if r == '0' {
			return '1'
		}
		return '0'
	}, kept[i:i+1]) + kept[i+1:]
	if _, err := estate.Restore([]byte(other), nil); !errors.Is(err, estate.ErrOtherTables) {
		t.Errorf("another table: %v", err)
	}
	for name, text := range map[string]string{
		"no JSON": "{", "another form": strings.Replace(kept, "estate-1", "estate-2", 1), "layout": strings.Replace(kept, `"files":{`, `"files": {`, 1),
		"a fault": strings.Replace(kept, `"domain":"unclassified"`, `"domain":"green"`, 1), "more": kept + "{}",
	} {
		if _, err := estate.Restore([]byte(text), nil); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

func TestRestore_GivesTheLinesThatWereKept(t *testing.T) {
	files := base(t)
	files["clouds/own.yaml"] = append([]byte("# a comment\n\n"), files["clouds/own.yaml"]...)
	read, report := estate.Parse(files)
	if read == nil {
		t.Fatal(report.Err())
	}
	again, err := estate.Restore(report.Canonical(), report.Lines())
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range read.Offerings {
		if got := again.Offerings[i].Source; got != o.Source || got.Line < 2 {
			t.Errorf("offering %s: %v, want %v", o.Name, got, o.Source)
		}
	}
	for name, w := range read.Workloads {
		if got, want := again.Workloads[name].Aliases["chat"].Source, w.Aliases["chat"].Source; got != want {
			t.Errorf("alias of %s: %v, want %v", name, got, want)
		}
	}
	if again.Enclave.Authorisation.Source != read.Enclave.Authorisation.Source {
		t.Errorf("enclave: %v", again.Enclave.Authorisation.Source)
	}
	for name, lines := range map[string]string{
		"none": "", "no JSON": "{", "another estate's": strings.Replace(string(report.Lines()), "sha256:", "sha256:0", 1),
		"too few": strings.ReplaceAll(string(report.Lines()), ":[1,", ":["), "below one": strings.ReplaceAll(string(report.Lines()), ":[1,", ":[0,"),
	} {
		plain, err := estate.Restore(report.Canonical(), []byte(lines))
		if err != nil || plain.Digest != read.Digest {
			t.Fatalf("%s: %v", name, err)
		}
		if plain.Enclave.Source.Line != 1 {
			t.Errorf("lines that are %s: %v", name, plain.Enclave.Source)
		}
	}
}
