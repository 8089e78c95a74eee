package clients_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGo runs openai-go: its accumulator, its Azure options, h2c. The suite is
// a module of its own in go/.
func TestGo(t *testing.T) {
	skipShort(t)
	suite := goSuite(t)
	t.Parallel()
	runGo(t, newWorld(t).env(), suite)
}

// TestGo_TLS runs the part of the suite that the connection matters to, over
// TLS and with it HTTP/2.
func TestGo_TLS(t *testing.T) {
	skipShort(t)
	suite := goSuite(t)
	t.Parallel()
	w, cert := newWorldTLS(t)
	runGo(t, append(w.env(), "SSL_CERT_FILE="+cert), suite, "-test.run=^(TestChat|TestErrors_OfBulkhead|TestBrokenStreams|TestLeaving|TestHTTP2)$")
}

// runGo runs the compiled suite and reports each of its tests.
func runGo(t *testing.T, env []string, suite string, args ...string) {
	t.Helper()
	cmd := within(t, suiteTime, "go", append([]string{"tool", "test2json", suite, "-test.v=test2json"}, args...)...)
	cmd.Dir, cmd.Env = "go", env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	tests, failed := reportGo(t, out)
	switch {
	case err != nil && failed == 0:
		t.Fatalf("the suite broke off: %v\n%s\n%s", err, out, stderr.String())
	case tests == 0:
		t.Fatalf("the suite ran no test:\n%s", stderr.String())
	}
}

// goWithModules sees that the modules of the SDKs of a folder are there or can
// be had. What does not agree with go.sum is no want of packages but a failure.
func goWithModules(t *testing.T, dir string) {
	t.Helper()
	download := within(t, installTime, "go", "mod", "download")
	download.Dir, download.Env = dir, os.Environ()
	out, err := download.CombinedOutput()
	if err == nil {
		return
	}
	if bytes.Contains(out, []byte("checksum mismatch")) || bytes.Contains(out, []byte("go.sum")) {
		t.Fatalf("go mod download: %v\n%s", err, out)
	}
	missing(t, "the modules of %s cannot be had: %s", dir, reason(out, err))
}

// goSuite compiles the suite, before other suites run beside it.
func goSuite(t *testing.T) string {
	t.Helper()
	goWithModules(t, "go")
	suite := filepath.Join(t.TempDir(), "suite")
	build := within(t, installTime, "go", "test", "-c", "-o", suite, ".")
	build.Dir, build.Env = "go", os.Environ()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return suite
}

// reportGo reports what test2json printed (see go doc cmd/test2json).
// Tests that have subtests are told by these, unless they fail themselves.
func reportGo(t *testing.T, out []byte) (tests, failed int) {
	type event struct {
		Action, Test, Output string
		Elapsed              float64
	}
	said := map[string]*strings.Builder{}
	parents := map[string]bool{}
	var ends []event
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Test == "" {
			continue
		}
		switch e.Action {
		case "run":
			said[e.Test] = &strings.Builder{}
			if i := strings.LastIndexByte(e.Test, '/'); i > 0 {
				parents[e.Test[:i]] = true
			}
		case "output":
			if b := said[e.Test]; b != nil {
				b.WriteString(e.Output)
			}
		case "pass", "fail", "skip":
			ends = append(ends, e)
		}
	}
	for _, e := range ends {
		if parents[e.Test] {
			continue
		}
		tests++
		if e.Action == "fail" {
			failed++
		}
		report(t, result{Test: strings.ReplaceAll(e.Test, "/", "."), Outcome: e.Action, Output: said[e.Test].String(), Seconds: e.Elapsed})
	}
	return tests, failed
}
