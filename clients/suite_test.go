package clients_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// result is one line that a suite prints on stdout for each of its tests.
type result struct {
	Test    string  `json:"test"`
	Outcome string  `json:"outcome"` // pass, fail, skip
	Output  string  `json:"output"`
	Seconds float64 `json:"seconds"`
}

// How long one suite may take, and one step of making it ready.
const (
	suiteTime   = 4 * time.Minute
	installTime = 8 * time.Minute
)

// runSuite runs a suite in its world and reports each of its tests as a
// subtest. A suite that ends without a test, or breaks off, fails.
func runSuite(t *testing.T, cmd *exec.Cmd, w world, extra ...string) {
	t.Helper()
	cmd.Env = append(w.env(), extra...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	tests, failed := 0, 0
	lines := bufio.NewScanner(&stdout)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r result
		if json.Unmarshal(lines.Bytes(), &r) != nil || r.Test == "" {
			stderr.WriteString(lines.Text() + "\n")
			continue
		}
		tests++
		if r.Outcome == "fail" {
			failed++
		}
		report(t, r)
	}
	var exit *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &exit), err != nil && failed == 0:
		t.Fatalf("the suite broke off: %v\n%s", err, stderr.String())
	case tests == 0:
		t.Fatalf("the suite ran no test:\n%s", stderr.String())
	case failed > 0:
		t.Logf("beside its tests the suite said:\n%s", stderr.String())
	}
}

func report(t *testing.T, r result) {
	t.Run(r.Test, func(t *testing.T) {
		switch r.Outcome {
		case "pass":
			t.Logf("%.2f s", r.Seconds)
		case "skip":
			t.Skip(r.Output)
		default:
			t.Error(r.Output)
		}
	})
}

// unavailable is what could not be installed in this run, and why, so that it
// is not tried again for every block of a page.
var unavailable sync.Map

// cached gives a folder of the user's cache that install has filled for the
// pins given, as they are in files. A folder is made aside and then renamed,
// so that runs side by side do not meet a half-made one.
func cached(t *testing.T, name string, files []string, salt string, install func(dir string) ([]byte, error)) string {
	t.Helper()
	root, err := os.UserCacheDir()
	if err != nil {
		root = os.TempDir()
	}
	sum := sha256.New()
	sum.Write([]byte(salt))
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(text)
	}
	root = filepath.Join(root, "bulkhead-clients")
	dir := filepath.Join(root, name+"-"+hex.EncodeToString(sum.Sum(nil))[:16])
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if why, failed := unavailable.Load(dir); failed {
		missing(t, "the packages of %s cannot be had: %s", name, why)
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	aside, err := os.MkdirTemp(root, ".making-"+name+"-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(aside)
	if out, err := install(aside); err != nil {
		unavailable.Store(dir, reason(out, err))
		missing(t, "the packages of %s cannot be had: %s", name, reason(out, err))
	}
	if err := os.Rename(aside, dir); err != nil {
		if _, there := os.Stat(dir); errors.Is(there, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return dir
}
