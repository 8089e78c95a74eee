package e2e_test

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// said collects what a process prints, to be read while it runs.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// process is a server that a test started; it ends with the test.
type process struct {
	out, err said
	pid      int
	ended    chan struct{}
}

// start runs a command until the test ends, in a group of its own so that
// nothing it starts outlives it.
func start(t *testing.T, env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{ended: make(chan struct{})}
	cmd := exec.Command(name, args...)
	cmd.Env = append(cleanEnv(), env...)
	cmd.Stdout, cmd.Stderr = &p.out, &p.err
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.pid = cmd.Process.Pid
	go func() { // until the process ends; the cleanup below sees to that
		cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		syscall.Kill(-p.pid, syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(15 * time.Second):
			t.Errorf("%s did not end within 15 s of being asked to", filepath.Base(name))
		}
		syscall.Kill(-p.pid, syscall.SIGKILL)
		<-p.ended
		if t.Failed() {
			t.Logf("%s said at the end:\n%s", filepath.Base(name), tail(p.err.String(), 4000))
		}
	})
	return p
}

// await waits until ready is true, and fails if the process ends before.
func (p *process) await(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for late := time.Now().Add(2 * time.Minute); !ready(); time.Sleep(50 * time.Millisecond) {
		select {
		case <-p.ended:
			t.Fatalf("%s ended before it was ready: %s", what, tail(p.err.String(), 2000))
		default:
		}
		if time.Now().After(late) {
			t.Fatalf("%s was not ready within two minutes: %s", what, tail(p.err.String(), 2000))
		}
	}
}

// cleanEnv is the environment without what SDKs and servers read from it.
func cleanEnv() []string {
	var out []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(strings.ToUpper(kv), "=")
		switch {
		case strings.HasPrefix(name, "OPENAI_"), strings.HasPrefix(name, "AZURE_"), strings.HasPrefix(name, "BULKHEAD_"),
			strings.HasPrefix(name, "LLAMA_"), strings.HasSuffix(name, "_PROXY"), name == "PYTHONPATH", name == "NODE_PATH", name == "NODE_OPTIONS":
			continue
		}
		out = append(out, kv)
	}
	return out
}

// freePort is a port of the loopback that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func answers(url string) bool {
	reply, err := http.Get(url)
	if err != nil {
		return false
	}
	reply.Body.Close()
	return reply.StatusCode == http.StatusOK
}

// lane is one way to the model.
type lane struct {
	URL   string `json:"url"`
	Key   string `json:"key"`
	Model string `json:"model"` // what to ask for
}

// bulkhead starts the real binary as `bulkhead quickstart` in front of url.
func bulkhead(t *testing.T, binary, url string) (lane, *process) {
	t.Helper()
	p := start(t, nil, binary, "quickstart", "--dir", t.TempDir(), "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0",
		"--local", url, "--local-model", modelName)
	ready := regexp.MustCompile(`(?m)^ready listen=(\S+)`)
	key := regexp.MustCompile(`Bearer (bk_\w+)`)
	p.await(t, "bulkhead", func() bool { return ready.MatchString(p.out.String()) && key.MatchString(p.out.String()) })
	return lane{
		URL:   "http://" + ready.FindStringSubmatch(p.out.String())[1] + "/v1",
		Key:   key.FindStringSubmatch(p.out.String())[1],
		Model: "local",
	}, p
}

func tail(s string, n int) string {
	return s[max(0, len(s)-n):]
}
