package clients_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestNode runs the openai package of npm: its stream helper, parse, runTools
// and its Azure class.
func TestNode(t *testing.T) {
	runNode(t, "openai.mjs")
}

// TestVercel runs the ai package with @ai-sdk/openai and
// @ai-sdk/openai-compatible.
func TestVercel(t *testing.T) {
	runNode(t, "vercel.mjs")
}

func runNode(t *testing.T, suite string) {
	skipShort(t)
	node, dir := nodeWithPackages(t, "node/*.mjs")
	t.Parallel()
	cmd := within(t, suiteTime, node, "--test-reporter=./reporter.mjs", suite)
	cmd.Dir = dir
	runSuite(t, cmd, newWorld(t))
}

// Node's majors: the oldest that any of the pinned packages run on, and the
// first that the current ones do.
const (
	oldestNode  = 20
	currentNode = 22
)

// nodeWithPackages gives an interpreter and a folder in which it finds the
// pinned packages and copies of files: the current majors of the SDKs if Node
// is new enough for them, else the majors before.
func nodeWithPackages(t *testing.T, files string) (node, dir string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "there is no node")
	}
	out, err := within(t, suiteTime, node, "--version").Output()
	if err != nil {
		missing(t, "node does not run: %v", err)
	}
	word, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), ".")
	major, err := strconv.Atoi(word)
	if err != nil || major < oldestNode {
		missing(t, "node %s is older than %d", strings.TrimSpace(string(out)), oldestNode)
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		missing(t, "there is no npm")
	}
	pins := "node/v7"
	if major < currentNode {
		pins = "node/v6"
	}
	manifest, lock := filepath.Join(pins, "package.json"), filepath.Join(pins, "package-lock.json")
	modules := cached(t, "node", []string{manifest, lock}, "", func(dir string) ([]byte, error) {
		if err := copyFiles(dir, manifest, lock); err != nil {
			return nil, err
		}
		install := within(t, installTime, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
			"--fetch-retries=1", "--fetch-retry-mintimeout=1000")
		install.Dir, install.Env = dir, os.Environ()
		return install.CombinedOutput()
	})
	dir = t.TempDir()
	if err := os.Symlink(filepath.Join(modules, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(files)
	if err != nil {
		t.Fatal(err)
	}
	if err := copyFiles(dir, found...); err != nil {
		t.Fatal(err)
	}
	return node, dir
}

// copyFiles copies files into dir under their own names.
func copyFiles(dir string, files ...string) error {
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
