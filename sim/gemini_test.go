package sim_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/gemini"
	"bulkhead/fault"
	"bulkhead/sim"
	"bulkhead/wire"
)

func (s *site) gemini(path, body string, header ...string) response {
	s.t.Helper()
	method := "POST"
	if body == "" {
		method = "GET"
	}
	return s.do(method, s.BaseURL(s.url, "gemini")+path, body, append([]string{"Authorization", "", "X-Goog-Api-Key", "k"}, header...)...)
}

const (
	flash  = "/v1beta/models/gemini-2.5-flash"
	three  = "/v1beta/models/gemini-3-pro-preview"
	flashV = "/v1/projects/p/locations/us-east4/publishers/google/models/gemini-2.5-flash"
)

// hello is a request of one text.
func hello(text string, more ...string) string {
	return `{"contents":[{"role":"user","parts":[{"text":"` + text + `"}]}]` + strings.Join(append([]string{""}, more...), ",") + `}`
}

func TestGemini_HasTheRecordedShape(t *testing.T) {
	s := start(t, sim.Options{Vendors: []sim.Vendor{{Name: "gemini", Kind: sim.Gemini, Models: append(defaultModels(sim.Gemini), sim.Model{ID: "gemini-2.0-flash-exp"})}, {Name: "locked", Kind: sim.Gemini, Key: "right"}}})
	average := "- .candidates[].avgLogprobs number"
	for _, c := range []wireCase{
		{name: "gemini/native-output.json", vendor: "gemini", differ: []string{"+ .candidates[].index number", average, "- .usageMetadata.candidatesTokensDetails array"}},
		{name: "gemini/tool-any-no-args.json", vendor: "gemini", differ: []string{"+ .candidates[].index number", average, "- .usageMetadata.candidatesTokensDetails array"}},
		{name: "gemini/vertex-logprobs.json", vendor: "gemini", differ: []string{"+ .candidates[].index number", average, "- .usageMetadata.candidatesTokensDetails array"}},
		{name: "gemini/error-400-auth.json", vendor: "locked", key: "wrong", differ: []string{"- .error.details[].locale string", "- .error.details[].message string", "- .error.details[].metadata object"}},
		{name: "gemini/error-400-role.json", vendor: "gemini", differ: []string{"- .error.details array"}},
		{name: "gemini/error-404-model.json", vendor: "gemini", differ: []string{"- .error.details array"}},
		{name: "gemini/error-429-body.json", vendor: "gemini", path: flash + ":generateContent", body: hello("hi"), status: 429, fault: &sim.Fault{Status: 429}, differ: []string{"- .error.details[].violations array"}},
	} {
		t.Run(c.name, func(t *testing.T) { s.compare(t, c) })
	}
	if err := s.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	for name, differ := range map[string][]string{
		"stream-text.sse":                     {"+ .candidates[].index number", "- .usageMetadata.candidatesTokensDetails array"},
		"stream-thinking.sse":                 {"- .candidates[].content.parts[].thoughtSignature string"},
		"stream-token-accounting.sse":         {"- .usageMetadata.serviceTier string"},
		"stream-tool-thought-signature-1.sse": nil,
	} {
		t.Run(name, func(t *testing.T) {
			want, meta := load(t, "gemini/"+name)
			res := s.replay(wireCase{vendor: "gemini"}, meta)
			if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
				t.Errorf("content type %q", got)
			}
			w, g := shapes{}, shapes{}
			for into, body := range map[*shapes][]byte{&w: want, &g: res.body} {
				pieces := bytes.Split(body, []byte("\r\n\r\n"))
				if last := pieces[len(pieces)-1]; len(last) > 0 || len(pieces) < 3 {
					t.Fatalf("%d pieces, the last %q", len(pieces), last)
				}
				for _, p := range pieces[:len(pieces)-1] {
					data, ok := bytes.CutPrefix(p, []byte("data: "))
					if !ok || bytes.ContainsAny(data, "\r\n") {
						t.Fatalf("a piece %q", p)
					}
					into.walk(t, "", data)
				}
			}
			if diff := cmp.Diff(append([]string{}, differ...), append([]string{}, differences(w, g)...)); diff != "" {
				t.Errorf("differences (-listed +found):\n%s\nours: %s", diff, res.body)
			}
		})
	}
}

func TestGemini_RefusesWhatGoogleRefuses(t *testing.T) {
	s := start(t, sim.Options{})
	call := `{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}}]}`
	answer := `{"role":"user","parts":[{"functionResponse":{"name":"f","response":{}}}]}`
	history := func(turns ...string) string { return `{"contents":[` + strings.Join(turns, ",") + `]}` }
	for _, tt := range []struct{ name, path, body, says string }{
		{"no contents", flash, `{}`, "contents is not specified"},
		{"no parts", flash, `{"contents":[{"role":"user"}]}`, "parts must not be empty"},
		{"an unknown name", flash, hello("hi", `"max_tokens":1`), `Unknown name \"max_tokens\"`},
		{"an unknown name within", flash, hello("hi", `"generationConfig":{"max_tokens":1}`), `at 'generationConfig'`},
		{"JSON Schema where a Schema stands", flash, hello("hi", `"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"object","additionalProperties":false}}]}]`), "additionalProperties"},
		{"two things in a part", flash, `{"contents":[{"parts":[{"text":"a","inlineData":{"data":""}}]}]}`, "oneof"},
		{"a field twice", flash, `{"contents":[],"cachedContent":"a","cached_content":"b"}`, "Repeated field"},
		{"a role", flash, `{"contents":[{"role":"assistant","parts":[{"text":"a"}]}]}`, "valid role"},
		{"results without calls", flash, history(answer), "number of function response parts"},
		{"calls without results", flash, history(call, `{"role":"user","parts":[{"text":"well?"}]}`), "number of function response parts"},
		{"an unsigned call", three, history(call, answer), "missing a thought_signature"},
		{"a forged signature", three, history(strings.Replace(call, `}}]`, `},"thoughtSignature":"AAAA"}]`, 1), answer), "signature is not valid"},
		{"budget and level", flash, hello("hi", `"generationConfig":{"thinkingConfig":{"thinkingBudget":1,"thinkingLevel":"LOW"}}`), "only one of thinking"},
		{"budget and a small level", flash, hello("hi", `"generationConfig":{"thinkingConfig":{"thinkingBudget":1,"thinkingLevel":"low"}}`), "only one of thinking"},
		{"labels at the Gemini API", flash, hello("hi", `"labels":{}`), "labels"},
		{"store at Vertex", flashV, hello("hi", `"store":true`), "store"},
		{"ids at Vertex v1", flashV, history(strings.Replace(call, `{"name"`, `{"id":"x","name"`, 1), answer), `Unknown name \"id\"`},
		{"a tool that is not there", flash, hello("hi", `"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["x"]}}`), "no function that is declared"},
		{"another model in the body", flash, hello("hi", `"model":"models/gemini-2.0-flash"`), "not that of the path"},
		{"no JSON", flash, `{`, "Invalid JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			header := []string{}
			if tt.path == flashV {
				header = []string{"X-Goog-Api-Key", "", "Authorization", "Bearer t"}
			}
			res := s.gemini(tt.path+":generateContent", tt.body, header...)
			if res.StatusCode != 400 || !strings.Contains(string(res.body), tt.says) || !strings.Contains(string(res.body), `"INVALID_ARGUMENT"`) {
				t.Errorf("%d %s, want %s", res.StatusCode, res.body, tt.says)
			}
		})
	}
	for _, tt := range []struct {
		path, body string
		header     []string
		status     int
	}{
		{flash + ":generateContent", hello("hi"), []string{"X-Goog-Api-Key", ""}, 403},
		{flashV + ":generateContent", hello("hi"), []string{"X-Goog-Api-Key", ""}, 401},
		{flash + ":generateContent?key=k", hello("hi"), []string{"X-Goog-Api-Key", ""}, 200},
		{"/v1beta/models/absent:generateContent", hello("hi"), nil, 404},
		{"/v1beta/models/gemini-embedding-001:generateContent", hello("hi"), nil, 404},
		{flash + ":makeCoffee", hello("hi"), nil, 404},
		{flash + ":generateContent", "", nil, 404},
		{flash, "", nil, 200},
		{"/v1beta/models", "", nil, 200},
	} {
		if res := s.gemini(tt.path, tt.body, tt.header...); res.StatusCode != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.path, res.StatusCode, res.body, tt.status)
		}
	}
}

// outbound sends what the dialect's client writes and gives the reply's bytes.
func (s *site) outbound(out *dialect.Outbound, err error) []byte {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	header := []string{}
	if strings.Contains(out.Path, "/projects/") {
		header = []string{"X-Goog-Api-Key", "", "Authorization", "Bearer t"}
	}
	res := s.gemini(out.Path, string(out.Body), header...)
	if res.StatusCode != http.StatusOK {
		s.t.Fatalf("%d %s: %s", res.StatusCode, res.body, out.Body)
	}
	return res.body
}

// geminiReply reads a stream with the dialect's client.
func geminiReply(to *dialect.Upstream, b []byte) (*chat.Reply, error) {
	var f chat.Folder
	d := gemini.Client{}.Stream(to)
	d.Reset(bytes.NewReader(b), nil, 1<<20)
	for {
		if err := d.Fill(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		for {
			frame, err := d.Next(f.Add)
			if err != nil {
				return nil, err
			}
			if frame == nil {
				break
			}
		}
	}
	if err := d.Close(f.Add); err != nil {
		return nil, err
	}
	return f.Reply()
}

func TestGemini_SpeaksWithTheDialectsClient(t *testing.T) {
	s := start(t, sim.Options{})
	for name, to := range map[string]*dialect.Upstream{
		"gemini 3":    {Model: "gemini-3-pro-preview", Family: "google"},
		"gemini 2.5":  {Model: "gemini-2.5-pro", Family: "google"},
		"vertex":      {Model: "gemini-3-pro-preview", Surface: gemini.Vertex, Project: "p", Location: "l", Family: "google"},
		"vertex's v1": {Model: "gemini-2.5-flash", Surface: gemini.Vertex, APIVersion: "v1", Project: "p", Location: "l", Family: "google"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &site{Sim: s.Sim, t: t, url: s.url, client: s.client}
			losses := func() *chat.Losses { return chat.NewLosses("gemini", nil, nil) }
			r := &chat.Request{Stream: true, Messages: []chat.Message{{Role: chat.User, Parts: []chat.Part{chat.Say("What is the weather in Paris and Rome?")}}},
				Tools:    []chat.Tool{{Kind: chat.Function, Name: "get_weather", Schema: chat.Raw(`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}`)}},
				Thinking: &chat.Thinking{Effort: "low", Show: new(true)}}
			for turn := range 2 {
				reply, err := geminiReply(to, s.outbound(gemini.Client{}.Encode(r, to, losses())))
				if err != nil {
					t.Fatal(err)
				}
				c := reply.Choices[0]
				calls := slices.DeleteFunc(slices.Clone(c.Parts), func(p chat.Part) bool { _, is := p.Content.(chat.ToolCall); return !is })
				thoughts := slices.ContainsFunc(c.Parts, func(p chat.Part) bool { return p.Content.Kind() == chat.KindReasoning })
				if turn == 1 {
					if text, _ := chat.Plain(c.Parts); len(calls) > 0 || c.Ending.Reason != chat.ReasonStop || !strings.Contains(text, "rain in Rome") {
						t.Errorf("the answer is %+v", c)
					}
					break
				}
				if len(calls) != 2 || c.Ending.Reason != chat.ReasonTool || !thoughts || reply.Usage == nil || reply.Usage.Reasoning == 0 || reply.Usage.Output <= reply.Usage.Reasoning {
					t.Fatalf("the reply is %+v with usage %+v", c, reply.Usage)
				}
				if signed := calls[0].State != nil; signed != strings.HasPrefix(to.Model, "gemini-3") || calls[1].State != nil {
					t.Errorf("signatures %+v", calls)
				}
				results := chat.Message{Role: chat.User}
				for i, p := range calls {
					results.Parts = append(results.Parts, chat.Part{Content: chat.ToolResult{CallID: p.Content.(chat.ToolCall).ID, Parts: []chat.Part{chat.Say([]string{"sun in Paris", "rain in Rome"}[i])}}})
				}
				r.Messages = append(r.Messages, chat.Message{Role: chat.Assistant, Parts: c.Parts}, results)
			}
			count, err := gemini.Client{}.CountReply(s.outbound(gemini.Client{}.EncodeCount(r, to, losses())), new(wire.Scanner))
			if err != nil || count.Prompt() < 20 {
				t.Errorf("a count of %+v, %v", count, err)
			}
			r = &chat.Request{Messages: r.Messages[:1], Sampling: chat.Sampling{N: "2", Logprobs: new(true), TopLogprobs: "2"}}
			reply, err := gemini.Client{}.Reply(s.outbound(gemini.Client{}.Encode(r, to, losses())), new(wire.Scanner), to)
			if err != nil || len(reply.Choices) != 2 || len(reply.Choices[1].Parts[0].Content.(chat.Text).Logprobs) == 0 {
				t.Errorf("two choices: %+v, %v", reply, err)
			}
		})
	}
}

func TestGemini_EmbedsForTheDialectsClient(t *testing.T) {
	s := start(t, sim.Options{})
	for _, tt := range []struct {
		to    *dialect.Upstream
		texts []string
		known bool
	}{
		{&dialect.Upstream{Model: "gemini-embedding-001"}, []string{"a"}, false},
		{&dialect.Upstream{Model: "gemini-embedding-001"}, []string{"a", "b"}, false},
		{&dialect.Upstream{Model: "text-embedding-005", Project: "p", Location: "l"}, []string{"a", "b"}, true},
	} {
		r := &chat.EmbedRequest{Dimensions: "8"}
		for _, text := range tt.texts {
			r.Inputs = append(r.Inputs, chat.Input{Text: text})
		}
		reply, err := gemini.Client{}.EmbedReply(s.outbound(gemini.Client{}.EncodeEmbed(r, tt.to, chat.NewLosses("gemini", nil, nil))), new(wire.Scanner), tt.to)
		if err != nil || len(reply.Vectors) != len(tt.texts) || (reply.Usage != nil) != tt.known {
			t.Fatalf("%+v, %v", reply, err)
		}
		if v := decode(t, reply.Vectors[0].Values); len(v.any.([]any)) != 8 {
			t.Errorf("a vector of %v", v.any)
		}
	}
}

func TestGemini_StreamsAnArrayAndFailsInItsOwnForms(t *testing.T) {
	s := start(t, sim.Options{})
	to := &dialect.Upstream{Model: "gemini-2.5-flash"}
	for _, query := range []string{"", "?alt=sse"} {
		stream := func() []byte {
			return s.gemini(flash+":streamGenerateContent"+query, hello("Say: one two three four five six seven eight nine ten")).body
		}
		s.fault(sim.Fault{})
		whole := stream()
		if r, err := geminiReply(to, whole); err != nil || r.Choices[0].Parts[0].Content.(chat.Text).Text != "one two three four five six seven eight nine ten" {
			t.Errorf("%v: %s", err, whole)
		}
		if (whole[0] == '[') != (query == "") {
			t.Errorf("the form is not that of %q: %s", query, whole)
		}
		for _, n := range []int{0, 1, 2} {
			s.fault(sim.Fault{ErrorAfterChunks: &n})
			var f *fault.Fault
			if _, err := geminiReply(to, stream()); !errors.As(err, &f) || f.Kind != fault.UpstreamError {
				t.Errorf("an error after %d chunks: %v", n, err)
			}
			s.fault(sim.Fault{EndAfterChunks: &n})
			if _, err := geminiReply(to, stream()); !errors.As(err, &f) || f.Kind != fault.UpstreamError {
				t.Errorf("an end after %d chunks: %v", n, err)
			}
		}
	}
	s.fault(sim.Fault{Status: 503})
	if f := (gemini.Client{}).Fault(503, nil, s.gemini(flash+":generateContent", hello("hi")).body); f.Kind != fault.UpstreamUnavailable {
		t.Errorf("an overload is %v", f)
	}
	s.rules()
	blocked := s.gemini(flash+":generateContent", hello("hi [sim:filter-prompt]"))
	if r, err := (gemini.Client{}).Reply(blocked.body, new(wire.Scanner), to); err != nil || r.Choices[0].Ending.Reason != chat.ReasonFilter {
		t.Errorf("%v: %s", err, blocked.body)
	}
}
