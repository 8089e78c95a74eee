package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bulkhead/ledger"
	"bulkhead/ledger/verify"
)

// crashed is what was seen outside of a server that is killed again and again.
type crashed struct {
	t    *testing.T
	dir  string
	bin  string
	key  string
	next atomic.Int64 // number of the next call; it stands in its text, and in its length

	mu   sync.Mutex
	seen []sighting       // at the vendors
	got  map[int64]gotten // complete replies, by number
}

// sighting is a request as a vendor met it.
type sighting struct {
	vendor string
	number int64
}

// gotten is a reply that a client took for complete.
type gotten struct {
	receipt, key, body string
}

var numbered = regexp.MustCompile(`number ([0-9]+) `)

// vendor answers as a model, seldom as one that fails, and keeps what it saw.
func (c *crashed) vendor(name string) *httptest.Server {
	v := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		m := numbered.FindSubmatch(body)
		if err != nil || m == nil {
			return // the server died while it wrote
		}
		var n int64
		fmt.Sscan(string(m[1]), &n)
		c.mu.Lock()
		c.seen = append(c.seen, sighting{name, n})
		c.mu.Unlock()
		if name == "first" && n%5 == 0 {
			w.WriteHeader(503)
			return
		}
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"answer %d"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`, n)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"part %d of %d\"}}]}\n\n", i, n)
			w.(http.Flusher).Flush()
		}
		io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	}))
	c.t.Cleanup(v.Close)
	return v
}

// text is the body of the n-th call: no other has its length.
func text(n int64) string {
	stream := ""
	if n%2 == 0 {
		stream = `"stream":true,`
	}
	pad := int64(4000) + n - int64(len(fmt.Sprint(n))) - int64(len(stream))
	return fmt.Sprintf(`{"model":"chat",%s"messages":[{"role":"user","content":"number %d %s"}]}`, stream, n, strings.Repeat("x", int(pad)))
}

// begin starts the server and waits until it is ready.
func (c *crashed) begin() (url string, kill func()) {
	c.t.Helper()
	cmd := exec.Command(c.bin, "serve", "--estate", filepath.Join(c.dir, "estate"), "--data", filepath.Join(c.dir, "data"), "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "BULKHEAD_TEST_COMMAND=bulkhead")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, _ := out.Read(buf)
	m := readyLine.FindSubmatch(buf[:n])
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if m == nil {
		kill()
		c.t.Fatalf("not ready: %s\n%s", buf[:n], errs.Bytes())
	}
	return "http://" + string(m[1]), kill
}

// call makes calls until ctx ends or the server is gone.
func (c *crashed) call(ctx context.Context, client *http.Client, url string) {
	for ctx.Err() == nil {
		n := c.next.Add(1)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", strings.NewReader(text(n)))
		if err != nil {
			return
		}
		req.Header.Set("Authorization", "Bearer "+c.key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			return
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		whole := err == nil && resp.StatusCode == 200
		if n%2 == 0 { // what an SDK takes for complete, whatever the connection did after
			whole = resp.StatusCode == 200 && bytes.Contains(body, []byte("data: [DONE]"))
		}
		if whole {
			c.mu.Lock()
			c.got[n] = gotten{resp.Header.Get("Bulkhead-Receipt"), resp.Header.Get("Bulkhead-Receipt-Key"), string(body)}
			c.mu.Unlock()
		}
	}
}

// logged is the record of one call.
type loggedCall struct {
	size       int64
	commitment string
	starts     map[string]bool // endpoints
	outcome    string
	reply      string
	index      int64
}

// read verifies the log in the folder, and gives its calls by the size of their requests.
func (c *crashed) read(round int) map[int64]*loggedCall {
	c.t.Helper()
	byIndex := map[int64]*loggedCall{}
	report, err := verify.Log(c.t.Context(), verify.Files(os.DirFS(filepath.Join(c.dir, "data", ledger.LogName))), verify.Options{Each: func(e *verify.Entry) {
		var m struct {
			Size                                    int64
			Commitment, Endpoint, Ended, Kind, Call string
		}
		if err := json.Unmarshal(e.Text, &m); err != nil {
			c.t.Fatal(err)
		}
		switch e.Kind {
		case "admission":
			byIndex[e.Index] = &loggedCall{size: m.Size, commitment: m.Commitment, starts: map[string]bool{}, index: e.Index}
		case "attempt-start":
			byIndex[e.Admission].starts[m.Endpoint] = true
		case "outcome":
			byIndex[e.Admission].outcome, byIndex[e.Admission].reply = m.Ended, m.Commitment
		}
	}})
	if err != nil || report.Fault != nil {
		c.t.Fatalf("round %d: the log does not verify: %v %v", round, err, report)
	}
	if report.Open > 0 {
		c.t.Fatalf("round %d: %d calls have no outcome", round, report.Open)
	}
	out := map[int64]*loggedCall{}
	for _, l := range byIndex {
		out[l.size] = l
	}
	return out
}

// check holds what was seen outside against the record.
func (c *crashed) check(round int) (unknown int) {
	c.t.Helper()
	calls := c.read(round)
	for _, l := range calls {
		if l.outcome == "unknown" {
			unknown++
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.seen {
		l := calls[int64(len(text(s.number)))]
		if l == nil || !l.starts[s.vendor] {
			c.t.Errorf("round %d: vendor %s saw call %d, and the record has %+v", round, s.vendor, s.number, l)
		}
	}
	for n, g := range c.got {
		l := calls[int64(len(text(n)))]
		if l == nil || l.outcome != "complete" || !strings.HasSuffix(g.receipt, fmt.Sprintf("/%d", l.index)) {
			c.t.Errorf("round %d: a client has the whole reply to call %d, and the record has %+v", round, n, l)
			continue
		}
		key, err := ledger.ParseCallKey(g.key)
		if err != nil {
			c.t.Fatal(err)
		}
		for what, row := range map[string][2]string{"request": {text(n), l.commitment}, "reply": {g.body, l.reply}} {
			m := key.Commit(ledger.SHA256)
			_, _ = m.Write([]byte(row[0]))
			if string(m.Digest()) != row[1] {
				c.t.Errorf("round %d: the %s of call %d is not what the record commits to", round, what, n)
			}
		}
	}
	return unknown
}

// TestCrash_LosesNoCall kills the real server under load at random points, ten
// times, or two hundred with BULKHEAD_LONG=1.
func TestCrash_LosesNoCall(t *testing.T) {
	rounds := 10
	if os.Getenv("BULKHEAD_LONG") == "1" {
		rounds = 200
	}
	c := &crashed{t: t, dir: t.TempDir(), got: map[int64]gotten{}}
	c.bin = filepath.Join(c.dir, "bulkhead")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, c.bin); err != nil { // called by this name the test is the program
		t.Fatal(err)
	}
	writeCrashEstate(t, filepath.Join(c.dir, "estate"), c.vendor("first").URL, c.vendor("second").URL)
	made, err := exec.Command(c.bin, "key", "create", "--workload", "letters", "--estate", filepath.Join(c.dir, "estate"), "--data", filepath.Join(c.dir, "data")).Output()
	if err != nil {
		t.Fatal(err)
	}
	c.key = strings.TrimSpace(string(made))
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for round := range rounds {
		url, kill := c.begin()
		if round > 0 && (round < 10 || round%20 == 0) { // before any call of this process
			c.check(round)
		}
		ctx, stop := context.WithCancel(t.Context())
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
		var callers sync.WaitGroup
		for range 24 {
			callers.Go(func() { c.call(ctx, client, url) })
		}
		time.Sleep(time.Duration(50+rng.IntN(400)) * time.Millisecond)
		kill()
		stop()
		callers.Wait()
		client.CloseIdleConnections()
	}
	// A last start closes what the last kill left open; what it publishes at its end is checked.
	cmd := exec.Command(c.bin, "serve", "--estate", filepath.Join(c.dir, "estate"), "--data", filepath.Join(c.dir, "data"), "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1024)); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	unknown := c.check(rounds)
	t.Logf("%d kills: %d requests at the vendors, %d whole replies at the callers, %d calls with the outcome unknown", rounds, len(c.seen), len(c.got), unknown)
	if len(c.seen) < 20*rounds || len(c.got) < 10*rounds || unknown == 0 {
		t.Errorf("too little happened")
	}
}

// writeCrashEstate is the small estate with two vendors for its one model.
func writeCrashEstate(t *testing.T, dir, first, second string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "harbour"))); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "clouds", "own.yaml")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	s := strings.ReplaceAll(string(b), "VENDOR", second+"/v1")
	s = strings.ReplaceAll(s, "  hq: {", "  second: {")
	s = strings.ReplaceAll(s, "endpoint: hq", "endpoint: second")
	at := strings.Index(s, "  second: {")
	line, _, _ := strings.Cut(s[at:], "\n")
	s = s[:at] + strings.ReplaceAll(strings.ReplaceAll(line, "second:", "first:"), second, first) + "\n" + s[at:]
	at = strings.Index(s, "  llama:\n")
	end := strings.Index(s, "  embedder:\n")
	s = s[:at] + strings.ReplaceAll(strings.ReplaceAll(s[at:end], "llama:\n", "llama-first:\n"), "endpoint: second", "endpoint: first") + s[at:]
	if err := os.WriteFile(name, []byte(s), 0o600); err != nil {
		t.Fatal(err)
	}
}
