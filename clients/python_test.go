package clients_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestPython runs the openai package of PyPI: sync, async, its streaming
// helper, parse, and its Azure classes.
func TestPython(t *testing.T) {
	skipShort(t)
	python := pythonWithPackages(t)
	t.Parallel()
	cmd := within(t, suiteTime, python, "-B", "run.py")
	cmd.Dir = "python"
	runSuite(t, cmd, newWorld(t))
}

// oldestPython is what the pinned packages need.
const oldestPython = 11

// pythonWithPackages gives an interpreter that has the pinned packages of the
// suite, in an environment of its own.
func pythonWithPackages(t *testing.T) string {
	t.Helper()
	return pythonWith(t, "python", "python/requirements.txt")
}

// pythonWith gives an interpreter that has the packages pinned in a file.
func pythonWith(t *testing.T, name, requirements string) string {
	t.Helper()
	system, err := exec.LookPath("python3")
	if err != nil {
		missing(t, "there is no python3")
	}
	out, err := within(t, suiteTime, system, "-c", "import sys; print(sys.version_info[1], sys.version_info[0]); print(sys.version, sys.prefix)").Output()
	if err != nil {
		missing(t, "python3 does not run: %v", err)
	}
	minor, rest, _ := strings.Cut(string(out), " ")
	if n, err := strconv.Atoi(minor); err != nil || n < oldestPython || !strings.HasPrefix(rest, "3\n") {
		missing(t, "python3 is older than 3.%d, which the packages need", oldestPython)
	}
	pins, err := filepath.Abs(requirements)
	if err != nil {
		t.Fatal(err)
	}
	dir := cached(t, name, []string{pins}, string(out), func(dir string) ([]byte, error) {
		if out, err := within(t, installTime, system, "-m", "venv", dir).CombinedOutput(); err != nil {
			return out, err
		}
		pip := within(t, installTime, filepath.Join(dir, "bin", "python"), "-m", "pip", "install", "--quiet", "--no-input",
			"--disable-pip-version-check", "--retries", "1", "--only-binary", ":all:", "--no-deps", "--requirement", pins)
		pip.Env = os.Environ()
		return pip.CombinedOutput()
	})
	return filepath.Join(dir, "bin", "python")
}
