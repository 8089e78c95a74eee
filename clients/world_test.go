package clients_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// world is what a suite runs in: simulated vendors with controls of their own,
// a gateway in front of them, and a key.
type world struct {
	gateway string // URL of the data plane, without a path
	sim     string // URL of the vendors' listener; controls are under /_sim/
	key     string // of the workload clients
	strict  string // of the workload strict
}

// env is how a suite learns of its world. Whatever else the surroundings say
// to SDKs is taken away, so that a suite sees only what it sets itself.
func (w world) env() []string {
	return append(cleanEnv(), "BULKHEAD_URL="+w.gateway, "BULKHEAD_SIM="+w.sim, "BULKHEAD_KEY="+w.key, "BULKHEAD_STRICT_KEY="+w.strict)
}

// surroundings begin the names of variables that SDKs look at.
var surroundings = []string{"OPENAI", "AZURE", "ANTHROPIC", "AWS", "GOOGLE", "GEMINI", "GENAI", "VERTEXAI", "LANGCHAIN", "LANGSMITH", "BULKHEAD", "MATRIX"}

func cleanEnv() []string {
	var out []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(strings.ToUpper(kv), "=")
		family, _, _ := strings.Cut(name, "_")
		switch {
		case slices.Contains(surroundings, family), strings.HasSuffix(name, "_PROXY"), name == "PYTHONPATH", name == "NODE_PATH", name == "NODE_OPTIONS":
			continue
		}
		out = append(out, kv)
	}
	return out
}

// workshop is a folder that goes when the tests have run.
var workshop string

// binary builds bulkhead once for all tests of the package, unless
// BULKHEAD_BINARY names one that is to be tested, such as a release.
var binary = sync.OnceValues(func() (string, error) {
	if given := os.Getenv("BULKHEAD_BINARY"); given != "" {
		return filepath.Abs(given)
	}
	if err := dependOnSource(); err != nil {
		return "", err
	}
	path := filepath.Join(workshop, "bulkhead")
	build := exec.Command("go", "build", "-o", path, "bulkhead/cmd/bulkhead")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build bulkhead: %w\n%s", err, out)
	}
	return path, nil
})

// dependOnSource looks at every source file of the project. The go command
// notes what a test looks at, and so knows that a result which it has kept does
// not hold for a binary of other source.
func dependOnSource() error {
	return filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != ".." && strings.HasPrefix(d.Name(), "."):
			return filepath.SkipDir
		case !d.IsDir():
			_, err = os.Stat(path)
		}
		return err
	})
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "bulkhead-clients-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	workshop = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// start runs bulkhead with args until the test ends and gives the lines that
// it prints up to one that begins with last; the first is what follows "ready ".
func start(t *testing.T, env []string, last string, args ...string) []string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(cleanEnv(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 256)
	var read sync.WaitGroup
	read.Go(func() {
		defer close(lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			lines <- s.Text()
		}
	})
	t.Cleanup(func() {
		stop(cmd, &read)
		if t.Failed() {
			t.Logf("bulkhead %s warned:\n%s", args[0], warnings(stderr.String()))
		}
	})
	var out []string
	late := time.After(30 * time.Second)
	for len(out) == 0 || !strings.HasPrefix(out[len(out)-1], last) {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("bulkhead %s ended before it was ready:\n%s", strings.Join(args, " "), stderr.String())
			}
			out = append(out, line)
		case <-late:
			t.Fatalf("bulkhead %s was not ready within 30 s", strings.Join(args, " "))
		}
	}
	go func() { // until the process ends, so that it never waits for us
		for range lines {
		}
	}()
	ready, ok := strings.CutPrefix(out[0], "ready ")
	if !ok {
		t.Fatalf("bulkhead %s began with %q, want a line that begins with ready", args[0], out[0])
	}
	out[0] = ready
	return out
}

// warnings are the lines of a log that speak of more than a call's end.
func warnings(log string) string {
	var out strings.Builder
	for line := range strings.Lines(log) {
		if !strings.Contains(line, `"level":"INFO"`) {
			out.WriteString(line)
		}
	}
	return out.String()
}

// stop ends a process that start began: politely, then not.
func stop(cmd *exec.Cmd, read *sync.WaitGroup) {
	cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
	defer kill.Stop()
	read.Wait()
	cmd.Wait()
}

// field reads a word such as listen=127.0.0.1:8080 from a ready line.
func field(t *testing.T, line, name string) string {
	t.Helper()
	for _, word := range strings.Fields(line) {
		if v, ok := strings.CutPrefix(word, name+"="); ok {
			return v
		}
	}
	t.Fatalf("no %s= in %q", name, line)
	return ""
}

// newWorld starts simulated vendors and a gateway over the estate in
// testdata/estate, which names the vendors' address as SIM.
func newWorld(t *testing.T) world { return newWorldWith(t) }

// newWorldTLS is newWorld with TLS, and so with HTTP/2 for clients that speak
// it. It gives the file of the certificate that they must trust.
func newWorldTLS(t *testing.T) (w world, cert string) {
	cert, key := certificate(t)
	w = newWorldWith(t, "--tls-cert", cert, "--tls-key", key)
	w.gateway = "https" + strings.TrimPrefix(w.gateway, "http")
	return w, cert
}

func newWorldWith(t *testing.T, flags ...string) world {
	t.Helper()
	sim := startSim(t)
	estate, data := estateFrom(t, "testdata/estate", sim)
	w := world{sim: sim, key: createKey(t, "clients", estate, data), strict: createKey(t, "strict", estate, data)}
	w.gateway = serve(t, estate, data, flags...)
	return w
}

// startSim starts simulated vendors and gives their URL.
func startSim(t *testing.T) string {
	t.Helper()
	return "http://" + field(t, start(t, nil, "ready ", "sim", "--listen", "127.0.0.1:0", "--pace", "3ms")[0], "listen")
}

// estateFrom copies an estate in which SIM stands for the vendors' address, and
// gives its folder and one for data.
func estateFrom(t *testing.T, from, sim string) (estate, data string) {
	t.Helper()
	dir := t.TempDir()
	estate, data = filepath.Join(dir, "estate"), filepath.Join(dir, "data")
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(estate, strings.TrimPrefix(path, from))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, bytes.ReplaceAll(text, []byte("SIM"), []byte(strings.TrimPrefix(sim, "http://"))), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return estate, data
}

// serve starts the gateway and gives the URL of its data plane.
func serve(t *testing.T, estate, data string, flags ...string) string {
	t.Helper()
	args := append([]string{"serve", "--estate", estate, "--data", data, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--drain", "2s"}, flags...)
	return "http://" + field(t, start(t, []string{"VENDOR_KEY=sk-of-the-agency"}, "ready ", args...)[0], "listen")
}

// createKey makes a key of a workload before the server starts.
func createKey(t *testing.T, workload, estate, data string, flags ...string) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	create := exec.Command(path, append([]string{"key", "create", "--workload", workload, "--estate", estate, "--data", data}, flags...)...)
	create.Env = cleanEnv()
	var said bytes.Buffer
	create.Stderr = &said
	key, err := create.Output()
	if err != nil {
		t.Fatalf("bulkhead key create: %v\n%s", err, said.String())
	}
	return strings.TrimSpace(string(key))
}

// createPair makes a pair of keys to sign with, by the names of their variables.
func createPair(t *testing.T, workload, estate, data string) map[string]string {
	t.Helper()
	pair := map[string]string{}
	for line := range strings.Lines(createKey(t, workload, estate, data, "--aws")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		pair[name] = value
	}
	return pair
}

// certificate makes a certificate for this machine alone, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bulkhead test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", public), write("key.pem", "PRIVATE KEY", secret)
}

// skipShort leaves suites out of a short run.
func skipShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("the suites of real clients are left out with -short")
	}
}

// missing skips a test for want of something outside of Go, or fails if the
// run demands that nothing is left out.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("BULKHEAD_CLIENTS") == "require" {
		t.Fatalf("BULKHEAD_CLIENTS=require, but "+format, args...)
	}
	t.Skipf("skipped: "+format, args...)
}

// within bounds a command by time and by the test's own end; at its end the
// whole group of processes is told to go.
func within(t *testing.T, d time.Duration, name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// reason is what an installer's output says of why it failed: its first line
// that speaks of an error.
func reason(out []byte, err error) string {
	for line := range strings.Lines(string(out)) {
		if strings.Contains(strings.ToLower(line), "error") && !strings.HasPrefix(line, "WARNING") {
			return strings.TrimSpace(line)
		}
	}
	return err.Error()
}
