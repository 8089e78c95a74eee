package sim_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/anthropic"
	"bulkhead/fault"
	"bulkhead/sim"
	"bulkhead/wire"
)

// claude asks Anthropic's vendor, with a key and the version of the API.
func (s *site) claude(path, body string, header ...string) response {
	s.t.Helper()
	method := "POST"
	if body == "" {
		method = "GET"
	}
	return s.do(method, s.BaseURL(s.url, "anthropic")+path, body, append([]string{"Authorization", "", "X-Api-Key", "sk-ant-1", "Anthropic-Version", "2023-06-01"}, header...)...)
}

func turn(content string, more ...string) string {
	return `{"model":"claude-sonnet-4-5","max_tokens":4096,"messages":[{"role":"user","content":` + content + `}]` + strings.Join(append([]string{""}, more...), ",") + `}`
}

func TestAnthropic_HasTheRecordedShape(t *testing.T) {
	models := append(defaultModels(sim.Anthropic), sim.Model{ID: "claude-sonnet-4-20250514", Reasons: true}, sim.Model{ID: "claude-sonnet-4-0", Reasons: true},
		sim.Model{ID: "claude-haiku-4-5-20251001", Reasons: true}, sim.Model{ID: "claude-3-opus-20240229"})
	s := start(t, sim.Options{Vendors: []sim.Vendor{{Name: "anthropic", Kind: sim.Anthropic, Models: models}, {Name: "locked", Kind: sim.Anthropic, Key: "right"}}})
	newer := []string{"+ .stop_details null", "+ .usage.inference_geo string"}
	for _, c := range []struct {
		name   string
		vendor string
		differ []string
	}{
		{"tool-with-thinking-1.json", "anthropic", []string{"+ .content[].caller object", "+ .stop_details null", "- .content[].text string"}},
		{"parallel-tool-calls-1.json", "anthropic", append(append([]string{"+ .content[].caller object"}, newer...), "- .content[].text string")},
		{"tool-choice-none.json", "anthropic", []string{"+ .content[] object"}},
		{"mid-conversation-system.json", "anthropic", nil},
		{"cache-write-1h.json", "anthropic", []string{"+ .stop_details null"}},
		{"error-400.json", "anthropic", []string{"+ .request_id string"}},
		{"error-401.json", "locked", []string{"+ .request_id string"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want, meta := load(t, "anthropic/"+c.name)
			res := s.do("POST", s.url+"/vendor/"+c.vendor+"/v1/messages?beta=true", strings.Replace(string(meta.Request.Body), "youngest", "youngest [sim:tool=retrieve_entity_info]", 1), "Authorization", "", "X-Api-Key", "wrong", "Anthropic-Version", "2023-06-01")
			if res.StatusCode != meta.Response.Status {
				t.Fatalf("status %d: %s", res.StatusCode, res.body)
			}
			for name := range meta.Response.Headers {
				if res.Header.Get(name) == "" {
					t.Errorf("header %s was recorded and is not sent", name)
				}
			}
			w, g := shapes{}, shapes{}
			w.walk(t, "", want)
			g.walk(t, "", res.body)
			found := slices.DeleteFunc(differences(w, g), func(d string) bool {
				return strings.HasPrefix(d, "- .content[].input.") || strings.HasPrefix(d, "+ .content[].input.")
			})
			if diff := cmp.Diff(append([]string{}, c.differ...), append([]string{}, found...)); diff != "" {
				t.Errorf("differences (-listed +found):\n%s\nours: %s", diff, res.body)
			}
		})
	}
	for name, differ := range map[string][]string{
		"stream-thinking-signature.sse": {"+ .delta.stop_details null", "+ .message.stop_details null"},
		"stream-cache-write.sse":        {"+ .delta.stop_details null", "+ .message.stop_details null", "+ .message.usage.cache_creation object", "+ .message.usage.inference_geo string", "+ .usage.cache_creation_input_tokens number", "+ .usage.cache_read_input_tokens number", "+ .usage.input_tokens number"},
	} {
		t.Run(name, func(t *testing.T) {
			want, meta := load(t, "anthropic/"+name)
			res := s.do("POST", s.url+"/vendor/anthropic/v1/messages", string(meta.Request.Body), "Authorization", "", "X-Api-Key", "k", "Anthropic-Version", "2023-06-01")
			if got := res.Header.Get("Content-Type"); got != "text/event-stream; charset=utf-8" {
				t.Errorf("content type %q", got)
			}
			w, g := shapes{}, shapes{}
			wantOrder, gotOrder := pieces(t, want, w), pieces(t, res.body, g)
			if diff := cmp.Diff(wantOrder, gotOrder); diff != "" {
				t.Errorf("order of events (-recorded +ours):\n%s", diff)
			}
			if diff := cmp.Diff(append([]string{}, differ...), append([]string{}, differences(w, g)...)); diff != "" {
				t.Errorf("differences (-listed +found):\n%s\nours: %s", diff, res.body)
			}
		})
	}
}

// pieces walks the events of a stream and gives their names in order, repeats and pings left out.
func pieces(t *testing.T, body []byte, into shapes) []string {
	t.Helper()
	var order []string
	for _, p := range strings.Split(strings.TrimSuffix(string(body), "\n\n"), "\n\n") {
		name, data, ok := strings.Cut(p, "\ndata: ")
		if !ok || !strings.HasPrefix(name, "event: ") || strings.Contains(data, "\n") {
			t.Fatalf("a piece %q", p)
		}
		if name = name[len("event: "):]; name == "ping" {
			continue
		}
		if len(order) == 0 || order[len(order)-1] != name {
			order = append(order, name)
		}
		into.walk(t, "", []byte(data))
	}
	return order
}

func TestAnthropic_RefusesWhatAnthropicRefuses(t *testing.T) {
	s := start(t, sim.Options{})
	opus := func(body string) string { return strings.Replace(body, "claude-sonnet-4-5", "claude-opus-4-8", 1) }
	history := func(turns string, more ...string) string {
		return strings.Replace(turn(`"q"`, more...), `{"role":"user","content":"q"}`, `{"role":"user","content":"q"},`+turns, 1)
	}
	const call = `{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"n","input":{}}]}`
	const tool = `"tools":[{"name":"n","input_schema":{"type":"object"}}]`
	for _, tt := range []struct{ name, body, says string }{
		{"no limit", `{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"q"}]}`, "max_tokens: Field required"},
		{"no messages", `{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[]}`, "at least one message"},
		{"an unknown field", turn(`"q"`, `"frequency_penalty":1`), "frequency_penalty: Extra inputs"},
		{"empty text", turn(`[{"type":"text","text":""}]`), "must be non-empty"},
		{"a hot model", turn(`"q"`, `"temperature":1.5`), "temperature: range"},
		{"temperature and top_p", turn(`"q"`, `"temperature":0.5,"top_p":0.5`), "cannot both be specified"},
		{"a white stop", turn(`"q"`, `"stop_sequences":["\n"]`), "non-whitespace"},
		{"another role", history(`{"role":"tool","content":"x"}`), "messages.1.role"},
		{"an older model's system", history(`{"role":"system","content":"x"}`), "role 'system' is not supported"},
		{"a call without result", history(call+`,{"role":"user","content":"well?"}`, tool), "without `tool_result` blocks"},
		{"a call at the end", history(call, tool), "without `tool_result` blocks"},
		{"a result without call", turn(`[{"type":"tool_result","tool_use_id":"t1"}]`), "unexpected `tool_use_id`"},
		{"results behind text", history(call+`,{"role":"user","content":[{"type":"text","text":"a"},{"type":"tool_result","tool_use_id":"t1"}]}`, tool), "come first"},
		{"a small budget", turn(`"q"`, `"thinking":{"type":"enabled","budget_tokens":100}`), "greater than or equal to 1024"},
		{"a budget over the limit", turn(`"q"`, `"thinking":{"type":"enabled","budget_tokens":5000}`), "`max_tokens` must be greater"},
		{"a budget for a newer model", opus(turn(`"q"`, `"thinking":{"type":"enabled","budget_tokens":2000}`)), "is not supported on this model"},
		{"adaptive for an older one", turn(`"q"`, `"thinking":{"type":"adaptive"}`), "is not supported on this model"},
		{"a forced call and thought", turn(`"q"`, tool, `"tool_choice":{"type":"any"}`, `"thinking":{"type":"enabled","budget_tokens":2000}`), "forces tool use"},
		{"top_k and thought", turn(`"q"`, `"top_k":3`, `"thinking":{"type":"enabled","budget_tokens":2000}`), "top_k"},
		{"a forged signature", history(`{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"c2ln"},{"type":"text","text":"x"}]},{"role":"user","content":"y"}`), "Invalid `signature`"},
		{"a turn that lost its thought", history(call+`,{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1"}]}`, tool, `"thinking":{"type":"enabled","budget_tokens":2000}`), "Expected `thinking`"},
		{"a tool's name", turn(`"q"`, `"tools":[{"name":"a.b","input_schema":{"type":"object"}}]`), "should match pattern"},
		{"a schema of no object", turn(`"q"`, `"tools":[{"name":"a","input_schema":{}}]`), "input_schema"},
		{"a choice among nothing", turn(`"q"`, `"tool_choice":{"type":"auto"}`), "while providing tools"},
		{"five marks", turn(`[` + strings.TrimSuffix(strings.Repeat(`{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},`, 5), ",") + `]`), "A maximum of 4"},
		{"a type of image", turn(`[{"type":"image","source":{"type":"base64","media_type":"image/tiff","data":"AAAA"}}]`), "media_type"},
		{"a type of block", turn(`[{"type":"hologram"}]`), "does not match any of the expected tags"},
		{"no JSON", `{`, "not valid JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := s.claude("/v1/messages", tt.body)
			f := anthropic.Client{}.Fault(res.StatusCode, res.Header, res.body)
			if res.StatusCode != 400 || f.Kind != fault.UpstreamRefused || !strings.Contains(f.Message, tt.says) || res.Header.Get("X-Should-Retry") != "false" {
				t.Errorf("%d %s", res.StatusCode, res.body)
			}
		})
	}
	for name, res := range map[string]response{
		"401 authentication_error": s.claude("/v1/messages", turn(`"q"`), "X-Api-Key", ""),
		"404 not_found_error":      s.claude("/v1/messages", strings.Replace(turn(`"q"`), "claude-sonnet-4-5", "claude-9", 1)),
		"404 not_found_error ":     s.claude("/v1/nothing", turn(`"q"`)),
	} {
		if got := fmt.Sprintf("%d %s", res.StatusCode, decode(t, res.body).at("error", "type").any); got != strings.TrimSpace(name) || res.Header.Get("Request-Id") == "" {
			t.Errorf("%s: %s %s", name, got, res.body)
		}
	}
	if res := s.claude("/v1/messages", turn(`"q"`), "Anthropic-Version", ""); res.StatusCode != 400 || !bytes.Contains(res.body, []byte("anthropic-version: header is required")) {
		t.Errorf("without a version: %d %s", res.StatusCode, res.body)
	}
	newer := []string{"Anthropic-Version", "2026-10-21"}
	if res := s.claude("/v1/messages", turn(`"q"`), newer...); res.StatusCode != 200 {
		t.Errorf("the newer version: %d %s", res.StatusCode, res.body)
	}
	if res := s.claude("/v1/messages", turn(`"q"`, `"temperature":1`), newer...); res.StatusCode != 400 || !bytes.Contains(res.body, []byte("temperature")) {
		t.Errorf("a temperature in the newer version: %d %s", res.StatusCode, res.body)
	}
}

// upstream is the offering of a model at the vendor.
func upstream(model string) *dialect.Upstream {
	return &dialect.Upstream{Model: model, Family: "anthropic", MaxTokens: 8192, MidSystem: strings.Contains(model, "opus")}
}

// converse sends what the hub asks, and reads what comes, as the product does.
func (s *site) converse(r *chat.Request, to *dialect.Upstream, base string, header ...string) (*chat.Reply, error) {
	s.t.Helper()
	o, err := anthropic.Client{}.Encode(r, to, chat.NewLosses("anthropic", nil, nil))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, values := range o.Header {
		header = append(header, name, values[0])
	}
	res := s.do("POST", base+o.Path, string(o.Body), header...)
	if res.StatusCode != 200 {
		return nil, anthropic.Client{}.Fault(res.StatusCode, res.Header, res.body)
	}
	if !r.Stream {
		return anthropic.Client{}.Reply(res.body, new(wire.Scanner), to)
	}
	d := anthropic.Client{}.Stream(to)
	d.Reset(bytes.NewReader(res.body), nil, 1<<20)
	var f chat.Folder
	for {
		frame, err := d.Next(f.Add)
		if err != nil {
			return nil, err
		}
		if frame != nil {
			continue
		}
		if err := d.Fill(); err == io.EOF {
			break
		}
	}
	if err := d.Close(f.Add); err != nil {
		return nil, err
	}
	return f.Reply()
}

// TestAnthropic_KeepsItsThoughtOverTwoToolTurns, streamed and not, by a budget and adaptively, at both addresses.
func TestAnthropic_KeepsItsThoughtOverTwoToolTurns(t *testing.T) {
	s := start(t, sim.Options{})
	for _, model := range []string{"claude-opus-4-8", "claude-sonnet-4-5"} {
		for _, streams := range []bool{false, true} {
			for _, vertex := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s stream=%v vertex=%v", model, streams, vertex), func(t *testing.T) {
					to := upstream(model)
					if !strings.Contains(model, "opus") {
						to.Reasoning = "budget"
					}
					header := []string{"Authorization", "", "X-Api-Key", "k"}
					if vertex {
						to.Surface, to.Project, to.Location = anthropic.SurfaceVertex, "p", "us-east5"
						header = []string{"Authorization", "Bearer token"}
					}
					r := &chat.Request{Stream: streams, Thinking: &chat.Thinking{Effort: "low"}, Tools: []chat.Tool{{Kind: chat.Function, Name: "get_weather", Schema: chat.Raw(`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}`)}},
						Messages: []chat.Message{{Role: chat.User, Parts: []chat.Part{chat.Say("What is the weather in Paris and Rome?")}}}}
					for step := range 2 {
						reply, err := s.converse(r, to, s.BaseURL(s.url, "anthropic"), header...)
						if err != nil {
							t.Fatalf("step %d: %v", step, err)
						}
						c := reply.Choices[0]
						if c.Parts[0].Content.Kind() != chat.KindReasoning || c.Parts[0].State == nil || c.Parts[0].State.Minter != "anthropic" {
							t.Fatalf("no thought: %+v", c.Parts[0])
						}
						if reply.Usage == nil || reply.Usage.Input == 0 || reply.Usage.Output == 0 {
							t.Errorf("usage %+v", reply.Usage)
						}
						back := chat.Message{Role: chat.User}
						for _, p := range c.Parts {
							if call, ok := p.Content.(chat.ToolCall); ok {
								back.Parts = append(back.Parts, chat.Part{Content: chat.ToolResult{CallID: call.ID, Parts: []chat.Part{chat.Say("18 degrees")}}})
							}
						}
						if step == 0 && (len(back.Parts) != 2 || c.Ending.Reason != chat.ReasonTool) {
							t.Fatalf("%d calls, %v", len(back.Parts), c.Ending)
						}
						if step == 1 && c.Ending.Reason != chat.ReasonStop {
							t.Errorf("ends with %v", c.Ending)
						}
						r.Messages = append(r.Messages, chat.Message{Role: chat.Assistant, Parts: c.Parts}, back)
					}
				})
			}
		}
	}
}

func TestAnthropic_CountsCachesAndStops(t *testing.T) {
	s := start(t, sim.Options{})
	count := s.claude("/v1/messages/count_tokens", `{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"one two three"}]}`)
	u, err := anthropic.Client{}.CountReply(count.body, new(wire.Scanner))
	if err != nil || u.Input < 3 {
		t.Fatalf("%v %s", err, count.body)
	}
	long := turn(`[{"type":"text","text":"`+strings.Repeat("word ", 2000)+`","cache_control":{"type":"ephemeral","ttl":"1h"}}]`, `"stop_sequences":["the"]`)
	first := decode(t, s.claude("/v1/messages", long).body)
	second := decode(t, s.claude("/v1/messages", long).body)
	if w, r := first.at("usage", "cache_creation", "ephemeral_1h_input_tokens").any.(float64), second.at("usage", "cache_read_input_tokens").any.(float64); w < 1024 || r != w {
		t.Errorf("wrote %v, then read %v", w, r)
	}
	said := decode(t, s.claude("/v1/messages", turn(`"say: one END two"`, `"stop_sequences":["END"]`)).body)
	if said.at("stop_reason").any != "stop_sequence" || said.at("stop_sequence").any != "END" || said.at("content", 0, "text").any != "one " {
		t.Errorf("%v", said.any)
	}
	models := decode(t, s.claude("/v1/models", "").body)
	if models.at("data", 0, "type").any != "model" || models.at("has_more").any != false {
		t.Errorf("%v", models.any)
	}
}

func TestAnthropic_FailsOnDemand(t *testing.T) {
	s := start(t, sim.Options{})
	r := &chat.Request{Stream: true, Messages: []chat.Message{{Role: chat.User, Parts: []chat.Part{chat.Say("say: a b c d e f g h")}}}}
	three := 3
	for name, row := range map[string]struct {
		fault sim.Fault
		want  fault.Kind
	}{
		"overloaded":   {sim.Fault{Status: 529, Headers: map[string]string{"Retry-After": "2"}}, fault.UpstreamUnavailable},
		"limited":      {sim.Fault{Status: 429}, fault.UpstreamRateLimited},
		"in the midst": {sim.Fault{ErrorAfterChunks: &three}, fault.UpstreamError},
		"without end":  {sim.Fault{NoEndMarker: true}, fault.UpstreamError},
		"cut short":    {sim.Fault{EndAfterChunks: &three}, fault.UpstreamError},
		"broken":       {sim.Fault{MalformedChunk: 3}, fault.UpstreamError},
	} {
		if err := s.SetFaults([]sim.Rule{{Match: sim.Match{Vendor: "anthropic"}, Fault: row.fault}}); err != nil {
			t.Fatal(err)
		}
		_, err := s.converse(r, upstream("claude-haiku-4-5"), s.BaseURL(s.url, "anthropic"), "Authorization", "", "X-Api-Key", "k")
		if f := fault.From(err); err == nil || f.Kind != row.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.SetFaults([]sim.Rule{{Fault: sim.Fault{Usage: "none"}}}); err != nil {
		t.Fatal(err)
	}
	reply, err := s.converse(r, upstream("claude-haiku-4-5"), s.BaseURL(s.url, "anthropic"), "Authorization", "", "X-Api-Key", "k")
	if err != nil || reply.Usage != nil {
		t.Errorf("%v, usage %+v", err, reply.Usage)
	}
}
