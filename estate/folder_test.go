package estate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/estate"
)

// write puts files into a fresh folder.
func write(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "estate")
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoad_ReadsOnlyWhatLiesInTheFolder(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside.yaml")
	if err := os.WriteFile(outside, []byte("vendor: evil\nmodels: {m: {}}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := func(target, name string) func(string) error {
		return func(dir string) error { return os.Symlink(target, filepath.Join(dir, name)) }
	}
	for _, tt := range []struct {
		name  string
		build func(dir string) error
		want  string // the one fault; empty: none
	}{
		{"a link to a file outside", link(outside, "vendors/evil.yaml"),
			"vendors/evil.yaml: is a symbolic link that leads nowhere inside the estate; copy the file into the estate"},
		{"a link that climbs out", link("../../outside.yaml", "vendors/evil.yaml"),
			"vendors/evil.yaml: is a symbolic link that leads nowhere inside the estate; copy the file into the estate"},
		{"a broken link", link("nowhere.yaml", "vendors/none.yaml"),
			"vendors/none.yaml: is a symbolic link that leads nowhere inside the estate; copy the file into the estate"},
		{"a link to a folder outside", link(filepath.Dir(outside), "exclusions"),
			"exclusions: is a symbolic link that leads nowhere inside the estate; copy the file into the estate"},
		{"a link to a hidden file inside", func(dir string) error {
			if err := os.Rename(filepath.Join(dir, "vendors/meta.yaml"), filepath.Join(dir, ".meta.yaml")); err != nil {
				return err
			}
			return os.Symlink("../.meta.yaml", filepath.Join(dir, "vendors/meta.yaml"))
		}, ""},
		{"a README and hidden files", func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "README.md"), []byte("hello"), 0o644),
				os.WriteFile(filepath.Join(dir, "vendors/.swp"), []byte{0xff}, 0o644), os.Mkdir(filepath.Join(dir, ".git"), 0o755))
		}, ""},
		{"an unknown folder", func(dir string) error { return os.Mkdir(filepath.Join(dir, "vendor"), 0o755) },
			`vendor: is a folder that no estate has; did you mean "vendors"?`},
		{"a folder in a folder", func(dir string) error { return os.Mkdir(filepath.Join(dir, "clouds/old.yaml"), 0o755) },
			"clouds/old.yaml: is a folder within a folder; move its files up into clouds"},
		{"a file where a folder belongs", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "policies"), []byte("x"), 0o644)
		}, "policies: is not a folder; make it a folder of .cedar files"},
		{"a file over 4 MiB", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "vendors/big.yaml"), bytes.Repeat([]byte("#\n"), 2<<20+1), 0o644)
		}, "vendors/big.yaml: is larger than 4 MiB; split it into several files"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := write(t, base(t))
			if err := tt.build(dir); err != nil {
				t.Fatal(err)
			}
			est, report, err := estate.Load(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range report.Faults {
				got = append(got, m.String())
			}
			if strings.Join(got, "\n") != tt.want || (est == nil) != (tt.want != "") {
				t.Errorf("faults %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLoad_GivesAnErrorForNoFolder(t *testing.T) {
	_, _, err := estate.Load(t.Context(), filepath.Join(t.TempDir(), "none"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want one that is fs.ErrNotExist", err)
	}
}

// A ConfigMap is mounted as links into a hidden folder whose own link is swapped.
func TestLoad_ReadsAFolderOfSwappedLinks(t *testing.T) {
	dir := t.TempDir()
	old, young := base(t), base(t)
	young["enclave.yaml"] = bytes.Replace(young["enclave.yaml"], []byte("enclave: low"), []byte("enclave: young"), 1)
	for name, files := range map[string]map[string][]byte{"..1": old, "..2": young} {
		if err := os.Rename(write(t, files), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	links := [][2]string{{"..1", "..data"}}
	for _, name := range []string{"enclave.yaml", "vendors", "clouds", "contracts", "workloads"} {
		links = append(links, [2]string{"..data/" + name, name})
	}
	for _, l := range links {
		if err := os.Symlink(l[0], filepath.Join(dir, l[1])); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"low", "young"} {
		est, report, err := estate.Load(t.Context(), dir)
		if err != nil || est == nil {
			t.Fatalf("%v %v", err, report)
		}
		if est.Enclave.Name != want {
			t.Errorf("enclave %q, want %q", est.Enclave.Name, want)
		}
		swap := filepath.Join(dir, "..tmp")
		if err := errors.Join(os.Symlink("..2", swap), os.Rename(swap, filepath.Join(dir, "..data"))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoad_ResolvesTheFolderAndThePathsItNames(t *testing.T) {
	files := base(t)
	for _, line := range []string{
		`clouds/own.yaml "http://127.0.0.1:8000/v1" "https://hq.example/v1"`,
		`clouds/own.yaml "auth: {kind: none}" "auth: {kind: bearer, secret: \"file:../secrets/hq\"}, ca_file: /etc/ca.pem, client_cert: ../tls/c.pem, client_key: ../tls/k.pem"`,
	} {
		if err := edit(files, line); err != nil {
			t.Fatal(err)
		}
	}
	dir := write(t, files)
	link := filepath.Join(t.TempDir(), "current")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	est, report, err := estate.Load(t.Context(), link)
	if err != nil || est == nil {
		t.Fatalf("%v %v", err, report.Err())
	}
	above := filepath.Dir(dir)
	e := est.Endpoints[1]
	if e.Name != "hq" || e.Auth.Secret != "file:"+above+"/secrets/hq" || e.CAFile != "/etc/ca.pem" ||
		e.Client != (catalog.TLSFiles{Cert: above + "/tls/c.pem", Key: above + "/tls/k.pem"}) {
		t.Errorf("paths are not absolute: %+v", e)
	}
}

// A writer counts up in one file and then in another. At any instant the first
// is even with the second or one ahead; a reading that says otherwise has mixed
// two writings.
func TestLoad_NeverServesAMixtureOfTwoWritings(t *testing.T) {
	files := base(t)
	for _, name := range []string{"a", "b", "c", "d"} { // lie between the two and take time to read
		files["policies/"+name+".cedar"] = bytes.Repeat([]byte("// long\n"), 400_000)
	}
	dir := write(t, files)
	put := func(file, from, to string) {
		temp := filepath.Join(dir, ".next")
		text := bytes.Replace(files[file], []byte(from), []byte(to), 1)
		if err := errors.Join(os.WriteFile(temp, text, 0o644), os.Rename(temp, filepath.Join(dir, file))); err != nil {
			t.Error(err)
		}
	}
	var stop atomic.Bool
	done := make(chan struct{})
	go func() { // ended below
		defer close(done)
		for n := 1; !stop.Load(); n++ {
			put("clouds/own.yaml", "id: llama", fmt.Sprintf("id: llama-%d", n))
			put("workloads/letters.yaml", "document: D3", fmt.Sprintf("document: llama-%d", n))
			time.Sleep(time.Duration(20+n%20) * time.Millisecond)
		}
	}()
	for read, began := 0, time.Now(); read < 8 && time.Since(began) < 10*time.Second; {
		est, report, err := estate.Load(t.Context(), dir)
		if errors.Is(err, estate.ErrUnsettled) {
			continue // refused rather than mixed
		}
		if err != nil || est == nil {
			t.Errorf("%v %v", err, report)
			break
		}
		read++
		first, second := count(est.Offerings[1].ID), count(est.Workloads["letters"].Audience.Document)
		if first != second && first != second+1 {
			t.Errorf("first file at %d, second at %d: a mixture", first, second)
		}
	}
	stop.Store(true)
	<-done
}

func count(s string) int {
	_, digits, _ := strings.Cut(s, "-")
	n, _ := strconv.Atoi(digits)
	return n
}

func TestLoad_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := estate.Load(ctx, write(t, base(t))); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestInit_RefusesAFolderThatHoldsAnything(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine.txt"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := estate.Init(dir, catalog.Unclassified, today); !errors.Is(err, estate.ErrNotEmpty) {
		t.Errorf("error %v, want ErrNotEmpty", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("the folder has %d entries now, want the one", len(entries))
	}
	if err := estate.Init(filepath.Join(dir, "new"), catalog.TopSecret, today); err == nil {
		t.Error("no error for a domain without an example")
	}
}
