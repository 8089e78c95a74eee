package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// server is an OpenAI-compatible server that runs the model, and the cases
// that it can do.
type server struct {
	name       string
	argv       func(k kit, port string) []string
	env        func(k kit) []string
	health     string
	ask        string         // words that the model goes on from
	structured string         // the response_format that it knows
	endless    map[string]any // fields of a call that never ends by itself
	calls      bool           // whether it makes the model call a tool that must be called
	meters     bool           // whether its streams say how many tokens they took, if asked
	cases      []string
	differ     map[string]func(t *testing.T, direct, through map[string]any)
}

// servers are two of one kind in all but their wire. llama.cpp's own follows
// OpenAI's documents closely; the one in Python is older in what it knows,
// sends no usage in a stream and a server's fault where the caller is wrong.
// The model only goes on with a text: it is not trained to converse, nor to call
// a tool unless the server forces it to, which of the two only the one in Python
// does.
var servers = []server{
	{
		name: "llama-server",
		argv: func(k kit, port string) []string {
			return []string{k.llamaServer, "-m", k.model, "--alias", modelName, "--host", "127.0.0.1", "--port", port,
				"-c", "2048", "-np", "1", "-t", "1", "--offline", "--no-ui", "--sse-ping-interval", "1",
				"--chat-template-file", "testdata/plain.jinja"}
		},
		env:        func(kit) []string { return nil },
		health:     "/health",
		ask:        "The capital of Norway is",
		structured: "json_schema",
		endless:    map[string]any{"ignore_eos": true},
		meters:     true,
		cases: []string{"chat", "stream", "stream with usage", "logprobs", "structured output", "prompt too long", "prompt too long, streamed", "wrong type",
			"cancel mid-stream", "abandon unary", "first words"},
		differ: map[string]func(*testing.T, map[string]any, map[string]any){
			"wrong type": func(t *testing.T, direct, through map[string]any) {
				want(t, "direct", direct, map[string]any{"raised": "BadRequestError", "status": 400.0})
				want(t, "bulkhead", through, map[string]any{"raised": "BadRequestError", "status": 400.0, "code": "malformed"})
			},
		},
	},
	{
		name: "llama_cpp.server",
		argv: func(k kit, port string) []string {
			return []string{k.python, "-m", "llama_cpp.server", "--model", k.model, "--model_alias", modelName, "--host", "127.0.0.1", "--port", port,
				"--n_ctx", "2048", "--n_threads", "1", "--chat_format", "chatml-function-calling",
				"--interrupt_requests", "false"}
		},
		env:        func(k kit) []string { return []string{"LLAMA_CPP_LIB_PATH=" + k.libraries, "HF_HUB_OFFLINE=1"} },
		health:     "/v1/models",
		ask:        "To be, or not to be, that is the",
		structured: "json_object",
		endless:    map[string]any{"grammar": "root ::= [a-z ] root"},
		calls:      true,
		cases: []string{"chat", "stream", "stream with usage", "structured output", "tool call", "tool call, streamed", "prompt too long", "prompt too long, streamed", "wrong type",
			"fault of the server", "cancel mid-stream", "first words"},
		differ: map[string]func(*testing.T, map[string]any, map[string]any){
			"wrong type": func(t *testing.T, direct, through map[string]any) {
				want(t, "direct", direct, map[string]any{"raised": "InternalServerError", "status": 500.0})
				want(t, "bulkhead", through, map[string]any{"raised": "BadRequestError", "status": 400.0, "code": "malformed"})
			},
			// The server says 200, then nothing, and no [DONE]: the SDK takes that
			// for a reply without words. Bulkhead takes it for what it is.
			"prompt too long, streamed": func(t *testing.T, direct, through map[string]any) {
				want(t, "direct", direct, map[string]any{"raised": nil, "text": ""})
				want(t, "bulkhead", through, map[string]any{"raised": "InternalServerError", "status": 502.0, "code": "upstream_error"})
			},
			"fault of the server": func(t *testing.T, direct, through map[string]any) {
				want(t, "direct", direct, map[string]any{"raised": "InternalServerError", "status": 500.0})
				want(t, "bulkhead", through, map[string]any{"raised": "InternalServerError", "status": 502.0, "code": "upstream_error"})
				if text, _ := through["message"].(string); strings.Contains(text, "llama_cpp") {
					t.Errorf("bulkhead passed on what the server said of its own files: %q", text)
				}
			},
		},
	},
}

// TestRealModel runs a real model behind Bulkhead and holds what the SDKs see
// through it against what they see without it.
func TestRealModel(t *testing.T) {
	if os.Getenv("BULKHEAD_E2E") != "run" {
		t.Skip("skipped: a real model is fetched and run only with BULKHEAD_E2E=run (make e2e)")
	}
	k := fetch(t)
	binary := filepath.Join(t.TempDir(), "bulkhead")
	if err := run([]string{"CGO_ENABLED=0"}, "go", "build", "-o", binary, "bulkhead/cmd/bulkhead"); err != nil {
		t.Fatal(err)
	}
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			port := freePort(t)
			base := "http://127.0.0.1:" + port
			argv := s.argv(k, port)
			model := start(t, s.env(k), argv[0], argv[1:]...)
			model.await(t, s.name, func() bool { return answers(base + s.health) })
			through, gateway := bulkhead(t, binary, base+"/v1")
			direct := lane{URL: base + "/v1", Key: "none", Model: modelName}

			told, err := json.Marshal(world{Lanes: lanes{direct, through}, Ask: s.ask, Cases: s.cases, Structured: s.structured, Endless: s.endless})
			if err != nil {
				t.Fatal(err)
			}
			t.Run("openai for Python", func(t *testing.T) { s.compare(t, string(told), k.python, "python/calls.py") })
			t.Run("openai for Node", func(t *testing.T) {
				if k.node == "" {
					t.Skip("skipped: Node and npm are not installed")
				}
				s.compare(t, string(told), "node", filepath.Join(k.node, "calls.mjs"))
			})
			t.Run("wire", func(t *testing.T) { compareWire(t, direct, through, s.ask) })
			t.Run("dialects", func(t *testing.T) { s.everyDialect(t, through) })
			if s.name == "llama-server" {
				t.Run("keep-alive", func(t *testing.T) { keepAlive(t, direct, through) })
			}
			t.Run("record", func(t *testing.T) { s.checkRecord(t, gateway) })
		})
	}
}

// world is what the calls are told, the lanes in the order in which they are
// called.
type world struct {
	Lanes      lanes          `json:"lanes"`
	Ask        string         `json:"ask"`
	Cases      []string       `json:"cases"`
	Structured string         `json:"structured"`
	Endless    map[string]any `json:"endless"`
}

type lanes struct {
	Direct   lane `json:"direct"`
	Bulkhead lane `json:"bulkhead"`
}

// heard is what one case saw in one lane.
type heard struct {
	Case string             `json:"case"`
	Lane string             `json:"lane"`
	Seen map[string]any     `json:"seen"`
	MS   map[string]float64 `json:"ms"`
}

// compare runs calls in both lanes and holds each case of one against the
// other.
func (s server) compare(t *testing.T, world, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(cleanEnv(), "E2E_WORLD="+world)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	timer := time.AfterFunc(10*time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Run()
	direct, cases := map[string]heard{}, 0
	lines := bufio.NewScanner(&out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var h heard
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			t.Fatalf("the calls printed %q: %v", lines.Text(), err)
		}
		if h.Lane == "direct" {
			direct[h.Case] = h
			continue
		}
		cases++
		t.Run(h.Case, func(t *testing.T) { s.judge(t, direct[h.Case], h) })
	}
	if err != nil {
		t.Fatalf("the calls broke off: %v\n%s", err, tail(said.String(), 3000))
	}
	if cases == 0 {
		t.Fatal("no case was run")
	}
}

func (s server) judge(t *testing.T, direct, through heard) {
	t.Logf("direct   %s ms %s", brief(direct.MS), brief(direct.Seen))
	t.Logf("bulkhead %s ms %s", brief(through.MS), brief(through.Seen))
	if direct.Case == "" {
		t.Fatal("the case was not run without Bulkhead")
	}
	if differ := s.differ[through.Case]; differ != nil {
		differ(t, direct.Seen, through.Seen)
		return
	}
	if diff := cmp.Diff(direct.Seen, through.Seen); diff != "" {
		t.Errorf("not the same through Bulkhead (- direct, + bulkhead):\n%s", diff)
	}
	switch through.Case {
	case "chat", "stream", "stream with usage", "structured output":
		if text, _ := through.Seen["text"].(string); text == "" {
			t.Error("the model said nothing")
		}
	case "prompt too long", "prompt too long, streamed":
		want(t, "bulkhead", through.Seen, map[string]any{"raised": "BadRequestError", "status": 400.0})
	case "cancel mid-stream", "abandon unary":
		want(t, "bulkhead", through.Seen, map[string]any{"freed": true})
	}
}

// want holds some of what was seen.
func want(t *testing.T, lane string, seen, want map[string]any) {
	t.Helper()
	for name, v := range want {
		if seen[name] != v {
			t.Errorf("%s: %s is %v, want %v", lane, name, seen[name], v)
		}
	}
}

// checkRecord holds Bulkhead's own record of the calls: tokens counted by the
// server unless it does not say them, callers that left as such, no error.
func (s server) checkRecord(t *testing.T, gateway *process) {
	type record struct {
		Level, Msg, Ending string
		Stream             bool
		Input              int  `json:"input_tokens"`
		Output             int  `json:"output_tokens"`
		Estimated          bool `json:"tokens_estimated"`
	}
	log := ""
	for late := time.Now().Add(15 * time.Second); log == "" || log != gateway.err.String(); time.Sleep(2 * time.Second) {
		log = gateway.err.String() // lines come together, so wait for quiet
		if time.Now().After(late) {
			t.Fatal("bulkhead goes on logging with no call to log")
		}
	}
	var complete, cancelled int
	for line := range strings.Lines(log) {
		var r record
		if json.Unmarshal([]byte(line), &r) != nil {
			continue
		}
		switch {
		case r.Level == "ERROR":
			t.Errorf("bulkhead logged an error: %s", line)
		case r.Msg != "call":
		case r.Ending == "cancelled":
			cancelled++
		case r.Ending == "complete":
			complete++
			if estimated := r.Stream && !s.meters; r.Estimated != estimated || r.Input == 0 || r.Output == 0 {
				t.Errorf("want tokens, estimated %v, in %s", estimated, line)
			}
		}
	}
	t.Logf("%d calls complete, %d cancelled", complete, cancelled)
	if complete == 0 || cancelled == 0 {
		t.Error("want some of both")
	}
}

// brief is v as one short line.
func brief(v any) string {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err.Error()
	}
	line := strings.TrimSpace(text.String())
	if len(line) > 300 {
		return strings.ToValidUTF8(line[:300], "") + "…"
	}
	return line
}
