package sim_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/goleak"

	"bulkhead/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a running Sim and a client for it.
type site struct {
	*sim.Sim
	t      testing.TB
	url    string
	client *http.Client
	ctx    context.Context // of its requests; nil: they go on to their end
}

func start(t testing.TB, opts sim.Options) *site {
	t.Helper()
	s := sim.New(opts)
	url, err := s.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return &site{Sim: s, t: t, url: url, client: &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

type response struct {
	*http.Response
	body []byte
	err  error // while the body was read
}

func (s *site) do(method, url, body string, header ...string) response {
	s.t.Helper()
	res, err := s.try(method, url, body, header...)
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

func (s *site) try(method, url, body string, header ...string) (response, error) {
	ctx := s.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return response{}, err
	}
	req.Header.Set("Authorization", "Bearer sk-test-key-0001")
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		if req.Header.Del(header[i]); header[i+1] != "" {
			req.Header.Set(header[i], header[i+1])
		}
	}
	res, err := s.client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return response{res, text, err}, nil
}

func (s *site) chat(body string, header ...string) response {
	s.t.Helper()
	return s.do("POST", s.BaseURL(s.url, "openai")+"/chat/completions", body, header...)
}

// value is JSON that can be walked: at("choices", 0, "message").
type value struct {
	t   testing.TB
	any any
}

func decode(t testing.TB, text []byte) value {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("decode %q: %v", text, err)
	}
	return value{t, v}
}

func (v value) at(path ...any) value {
	v.t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			o, ok := v.any.(map[string]any)
			if !ok {
				v.t.Fatalf("%v: not an object at %q: %v", path, p, v.any)
			}
			m, ok := o[p]
			if !ok {
				v.t.Fatalf("%v: no member %q in %v", path, p, v.any)
			}
			v.any = m
		case int:
			a, ok := v.any.([]any)
			if !ok || p >= len(a) {
				v.t.Fatalf("%v: no element %d in %v", path, p, v.any)
			}
			v.any = a[p]
		}
	}
	return v
}

func (v value) has(name string) bool {
	o, _ := v.any.(map[string]any)
	_, ok := o[name]
	return ok
}

func (v value) str(path ...any) string {
	v.t.Helper()
	s, ok := v.at(path...).any.(string)
	if !ok {
		v.t.Fatalf("%v: not a string: %v", path, v.at(path...).any)
	}
	return s
}

func (v value) num(path ...any) int {
	v.t.Helper()
	f, ok := v.at(path...).any.(float64)
	if !ok {
		v.t.Fatalf("%v: not a number: %v", path, v.at(path...).any)
	}
	return int(f)
}

func (v value) len(path ...any) int {
	v.t.Helper()
	a, ok := v.at(path...).any.([]any)
	if !ok {
		v.t.Fatalf("%v: not an array: %v", path, v.at(path...).any)
	}
	return len(a)
}

// frames cuts a stream into the data of its events, and checks the framing itself.
func frames(t testing.TB, body []byte) (chunks []value, done bool) {
	t.Helper()
	for _, e := range bytes.SplitAfter(body, []byte("\n\n")) {
		if len(e) == 0 {
			continue
		}
		data, ok := bytes.CutPrefix(e, []byte("data: "))
		if !ok || !bytes.HasSuffix(e, []byte("\n\n")) || done {
			t.Fatalf("not a data event, or one after the end: %q", e)
		}
		data = bytes.TrimSuffix(data, []byte("\n\n"))
		if string(data) == "[DONE]" {
			done = true
			continue
		}
		if bytes.ContainsAny(data, "\r\n") {
			t.Fatalf("line break within data: %q", e)
		}
		chunks = append(chunks, decode(t, data))
	}
	return chunks, done
}

// folded joins the deltas of one choice.
type folded struct {
	role, content, refusal, reasoning, finish string
	calls                                     []foldedCall
}

type foldedCall struct{ id, name, input string }

func fold(t testing.TB, chunks []value, choice int) folded {
	t.Helper()
	var out folded
	add := func(to *string, d value, name string) {
		if d.has(name) && d.at(name).any != nil {
			*to += d.str(name)
		}
	}
	for _, c := range chunks {
		for i := range c.len("choices") {
			ch := c.at("choices", i)
			if ch.num("index") != choice {
				continue
			}
			if out.finish != "" {
				t.Fatalf("a chunk of choice %d after its finish: %v", choice, ch.any)
			}
			add(&out.finish, ch, "finish_reason")
			d := ch.at("delta")
			add(&out.role, d, "role")
			add(&out.content, d, "content")
			add(&out.refusal, d, "refusal")
			add(&out.reasoning, d, "reasoning_content")
			if !d.has("tool_calls") {
				continue
			}
			for k := range d.len("tool_calls") {
				call := d.at("tool_calls", k)
				if n := call.num("index"); n == len(out.calls) {
					out.calls = append(out.calls, foldedCall{})
				} else if n != len(out.calls)-1 {
					t.Fatalf("tool call index %d after %d calls", n, len(out.calls))
				}
				last := &out.calls[len(out.calls)-1]
				add(&last.id, call, "id")
				for _, kind := range []string{"function", "custom"} {
					if call.has(kind) {
						add(&last.name, call.at(kind), "name")
						add(&last.input, call.at(kind), "arguments")
						add(&last.input, call.at(kind), "input")
					}
				}
			}
		}
	}
	return out
}

func quote(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// ask is a body with one user message and further members.
func ask(model, text string, more ...string) string {
	return `{"model":` + quote(model) + `,"messages":[{"role":"user","content":` + quote(text) + `}]` + strings.Join(append([]string{""}, more...), ",") + `}`
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}
