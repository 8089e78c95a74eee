package sim_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/responses"
	"bulkhead/sim"
	"bulkhead/wire"
)

// responsesVendors have the models of the recordings.
func responsesVendors() sim.Options {
	extra := []sim.Model{{ID: "gpt-4.1-nano"}, {ID: "gpt-4.1-mini"}, {ID: "gpt-5.2"}}
	return sim.Options{Vendors: []sim.Vendor{
		{Name: "openai", Kind: sim.OpenAI, Models: append(defaultModels(sim.OpenAI), extra...)},
		{Name: "azure", Kind: sim.Azure, Key: "azure-key", Models: append(defaultModels(sim.Azure), extra...)},
		{Name: "compatible", Kind: sim.Compatible},
	}}
}

// olderReplies is what replies did not have when these were recorded.
var olderReplies = []string{"+ .frequency_penalty number", "+ .presence_penalty number"}

func TestResponses_UnaryHasTheRecordedShape(t *testing.T) {
	s := start(t, responsesVendors())
	for _, c := range []wireCase{
		{name: "openai-responses/custom-tool-call.json", vendor: "openai", differ: append([]string{"+ .completed_at number", "+ .prompt_cache_retention null"}, olderReplies...)},
		{name: "openai-responses/reasoning-summary-auto.json", vendor: "openai", differ: append([]string{"+ .completed_at number", "- .billing object"}, olderReplies...)},
		{name: "openai-responses/document-url-input.json", vendor: "openai", differ: append([]string{"+ .completed_at number", "- .billing object"}, olderReplies...)},
		{name: "openai-responses/input-tokens-count.json", vendor: "openai"},
		{name: "openai-responses/error-400-http.json", vendor: "openai"},
		{name: "openai-responses/error-401.json", vendor: "openai"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.HasSuffix(c.name, "error-401.json") {
				s := start(t, sim.Options{Vendors: []sim.Vendor{{Name: "openai", Kind: sim.OpenAI, Key: "right"}}})
				s.compare(t, c)
				return
			}
			slices.Sort(c.differ)
			s.compare(t, c)
		})
	}
}

// events gives the data of a stream's events, by their names, runs of one shape told once.
func events(t *testing.T, body []byte, ignore []string) []string {
	t.Helper()
	var out []string
	for frame := range strings.SplitSeq(strings.TrimSuffix(string(body), "\n\n"), "\n\n") {
		name, data, ok := strings.Cut(strings.TrimPrefix(frame, "event: "), "\ndata: ")
		if !ok || decode(t, []byte(data)).str("type") != name {
			t.Fatalf("a frame without its name: %q", frame)
		}
		sig := name + " " + sorted(t, jsontext.Value(data), "", ignore)
		if len(out) == 0 || out[len(out)-1] != sig {
			out = append(out, sig)
		}
	}
	return out
}

// sorted writes a value with its members in order of name, values replaced by their types: recordings of one vendor
// differ in the order of members from month to month.
func sorted(t *testing.T, v jsontext.Value, path string, ignore []string) string {
	switch v.Kind() {
	case jsontext.KindBeginObject:
		var parts []string
		for _, m := range members(t, v) {
			if at := path + "." + m.name; !slices.Contains(ignore, at) {
				parts = append(parts, m.name+":"+sorted(t, m.value, at, ignore))
			}
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ",") + "}"
	case jsontext.KindBeginArray:
		d := jsontext.NewDecoder(bytes.NewReader(v))
		d.ReadToken()
		var parts []string
		for d.PeekKind() != jsontext.KindEndArray {
			e, err := d.ReadValue()
			if err != nil {
				t.Fatal(err)
			}
			if sig := sorted(t, e.Clone(), path+"[]", ignore); !slices.Contains(parts, sig) {
				parts = append(parts, sig)
			}
		}
		return "[" + strings.Join(parts, "|") + "]"
	}
	if k := v.Kind(); k != jsontext.KindTrue && k != jsontext.KindFalse {
		return k.String()
	}
	return "boolean"
}

func TestResponses_StreamsHaveTheRecordedEvents(t *testing.T) {
	s := start(t, responsesVendors())
	older := []string{".response.completed_at", ".response.frequency_penalty", ".response.presence_penalty", ".response.prompt_cache_retention"}
	for _, c := range []struct {
		name, vendor, path string
		ignore             []string
	}{
		{"openai-responses/stream-logprobs.sse", "openai", "", nil},
		{"openai-responses/stream-usage.sse", "openai", "", older},
		// Of July 2025: without padding, and what came after.
		{"openai-responses/stream-incomplete.sse", "openai", "", append([]string{".obfuscation", ".response.text.verbosity", ".response.prompt_cache_key", ".response.safety_identifier"}, older...)},
		// Azure's tells of its filters what its tools are, and more of reasoning.
		{"azure-openai/responses-stream.sse", "azure", "/openai/v1/responses", []string{
			".response.moderation", ".response.tool_usage", ".response.content_filters[].content_filter_results", ".response.prompt_cache_retention",
			".response.reasoning.context", ".response.reasoning.mode", ".response.usage.input_tokens_details.cache_write_tokens", ".item.content", ".response.output[].content",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want, meta := load(t, c.name)
			res := s.replay(wireCase{name: c.name, vendor: c.vendor, path: c.path}, meta)
			if res.StatusCode != 200 || res.Header.Get("Content-Type") == "" {
				t.Fatalf("%d %s", res.StatusCode, res.body)
			}
			if diff := cmp.Diff(events(t, want, c.ignore), events(t, res.body, c.ignore)); diff != "" {
				t.Errorf("events (-recorded +ours):\n%s", diff)
			}
		})
	}
}

// turn asks the pretend vendor and gives the reply.
func (s *site) turn(vendor, body string) response {
	s.t.Helper()
	path := map[string]string{"azure": "/openai/v1/responses", "openai": "/v1/responses", "compatible": "/v1/responses"}[vendor]
	return s.do("POST", s.url+"/vendor/"+vendor+path, body, "Authorization", "Bearer azure-key")
}

const flatTool = `"tools":[{"type":"function","name":"get_weather","strict":true,"parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}}]`

func TestResponses_ReasoningComesBackOnlyToItsMaker(t *testing.T) {
	s := start(t, responsesVendors())
	const question = `{"role":"user","content":"the weather in Oslo?"}`
	first := s.turn("openai", `{"model":"gpt-5","store":false,"include":["reasoning.encrypted_content"],"input":[`+question+`],`+flatTool+`}`)
	v := decode(t, first.body)
	if first.StatusCode != 200 || v.len("output") != 2 || v.str("output", 0, "type") != "reasoning" || v.str("output", 1, "type") != "function_call" {
		t.Fatalf("%s", first.body)
	}
	reasoning := fmt.Sprintf(`{"type":"reasoning","id":%q,"summary":[],"encrypted_content":%q}`, v.str("output", 0, "id"), v.str("output", 0, "encrypted_content"))
	called := fmt.Sprintf(`{"type":"function_call","call_id":%q,"name":"get_weather","arguments":%q}`, v.str("output", 1, "call_id"), v.str("output", 1, "arguments"))
	output := fmt.Sprintf(`{"type":"function_call_output","call_id":%q,"output":"rain"}`, v.str("output", 1, "call_id"))
	again := func(items ...string) string {
		return `{"model":"gpt-5","store":false,"input":[` + strings.Join(items, ",") + `],` + flatTool + `}`
	}
	for _, row := range []struct {
		name, vendor, body string
		status             int
		says               string
	}{
		{"the turn whole", "openai", again(question, reasoning, called, output), 200, "rain"},
		{"without its reasoning", "openai", again(question, called, output), 200, "rain"},
		{"at another vendor", "azure", again(question, reasoning, called, output), 400, "invalid_encrypted_content"},
		{"changed", "openai", again(question, strings.Replace(reasoning, "gAAAAAB", "gAAAAAC", 1), called, output), 400, "invalid_encrypted_content"},
		{"by its id alone", "openai", again(question, `{"type":"reasoning","id":"rs_1","summary":[]}`, called, output), 404, "rs_1"},
		{"by reference", "openai", again(`{"type":"item_reference","id":"msg_1"}`), 404, "msg_1"},
		{"reasoning alone", "openai", again(question, reasoning, output), 400, "required following item"},
		{"a call without output", "openai", again(question, called), 400, "No tool output found"},
		{"output without its call", "openai", again(question, output), 400, "No tool call found"},
		{"an id of another kind", "openai", again(question, strings.Replace(called, `"call_id"`, `"id":"call_9","call_id"`, 1), output), 400, "begins with 'fc'"},
		{"a reply that is not kept", "openai", `{"model":"gpt-5","previous_response_id":"resp_1","input":"hi"}`, 400, "previous_response_not_found"},
		{"an unknown field", "openai", `{"model":"gpt-5","input":"hi","messages":[]}`, 400, "unknown_parameter"},
		{"few tokens", "openai", `{"model":"gpt-5","input":"hi","max_output_tokens":5}`, 400, "integer_below_min_value"},
		{"effort of a model that does not reason", "openai", `{"model":"gpt-4o","input":"hi","reasoning":{"effort":"low"}}`, 400, "reasoning.effort"},
		{"a schema that is not strict", "openai", `{"model":"gpt-4o","input":"hi","tools":[{"type":"function","name":"f","strict":true,"parameters":{"type":"object","properties":{}}}]}`, 400, "additionalProperties"},
		{"an unknown item", "openai", `{"model":"gpt-4o","input":[{"type":"telepathy"}]}`, 400, "invalid_value"},
	} {
		res := s.turn(row.vendor, row.body)
		if res.StatusCode != row.status || !strings.Contains(string(res.body), row.says) {
			t.Errorf("%s: got %d %s, want %d with %q", row.name, res.StatusCode, res.body, row.status, row.says)
		}
	}
}

func TestResponses_AnswerAsTheyAreAsked(t *testing.T) {
	s := start(t, responsesVendors())
	const format = `"text":{"format":{"type":"json_schema","name":"n","strict":true,"schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}}}`
	for _, row := range []struct{ name, body, want string }{
		{"text", `{"model":"gpt-4o","input":"say: hello there"}`, "message output_text hello there completed"},
		{"a refusal", `{"model":"gpt-4o","input":"[sim:refuse]"}`, "message refusal I'm sorry, but I can't assist with that request. completed"},
		{"a limit", `{"model":"gpt-4o","input":"in 200 words","max_output_tokens":16}`, "message output_text * incomplete"},
		{"a filter", `{"model":"gpt-4o","input":"[sim:filter] say: one two three four"}`, "message output_text one two incomplete"},
		{"a schema", `{"model":"gpt-4o","input":"Oslo",` + format + `}`, `message output_text {"city":"Oslo"} completed`},
		{"two calls", `{"model":"gpt-4o","input":"the weather in Paris and Rome",` + flatTool + `}`, `function_call {"city":"Paris"} function_call {"city":"Rome"} completed`},
		{"one call at a time", `{"model":"gpt-4o","input":"the weather in Paris and Rome","parallel_tool_calls":false,` + flatTool + `}`, `function_call {"city":"Paris"} completed`},
		{"a forced call", `{"model":"gpt-4o","input":"Oslo","tool_choice":{"type":"function","name":"get_weather"},` + flatTool + `}`, `function_call {"city":"Oslo"} completed`},
		{"a custom tool", `{"model":"gpt-4o","input":"add 4 and 4 with the tool","tools":[{"type":"custom","name":"math"}]}`, "custom_tool_call * completed"},
	} {
		for _, vendor := range []string{"openai", "azure"} {
			res := s.turn(vendor, row.body)
			unary := told(t, res.body)
			if res.StatusCode != http.StatusOK || !matches(unary, row.want) {
				t.Errorf("%s, %s: got %d %s, want %s\n%s", row.name, vendor, res.StatusCode, unary, row.want, res.body)
			}
			streamed := s.turn(vendor, strings.Replace(row.body, `{"model"`, `{"stream":true,"model"`, 1))
			all := strings.Split(strings.TrimSpace(string(streamed.body)), "\ndata: ")
			last := decode(t, []byte(all[len(all)-1]))
			if got := told(t, encoded(t, last.at("response"))); got != unary {
				t.Errorf("%s, %s: the stream ends in %s, want %s", row.name, vendor, got, unary)
			}
			decodes(t, row.name, streamed.body, res.body)
		}
	}
}

// told is what a reply's items say, and its status.
func told(t *testing.T, body []byte) string {
	v := decode(t, body)
	var out []string
	for i := range v.len("output") {
		it := v.at("output", i)
		out = append(out, it.str("type"))
		switch it.str("type") {
		case "message":
			p := it.at("content", 0)
			out = append(out, p.str("type"))
			if p.has("text") {
				out = append(out, p.str("text"))
			} else {
				out = append(out, p.str("refusal"))
			}
		case "function_call":
			out = append(out, it.str("arguments"))
		case "custom_tool_call":
			out = append(out, it.str("input"))
		}
	}
	return strings.Join(append(out, v.str("status")), " ")
}

func matches(got, want string) bool {
	head, tail, any := strings.Cut(want, "*")
	return got == want || any && strings.HasPrefix(got, head) && strings.HasSuffix(got, tail)
}

func encoded(t *testing.T, v value) []byte {
	t.Helper()
	b, err := json.Marshal(v.any)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decodes holds a stream and a unary reply against the product's own reader: both say the same.
func decodes(t *testing.T, name string, stream, unary []byte) {
	t.Helper()
	to := &dialect.Upstream{Family: "sim"}
	r, err := responses.Client{}.Reply(unary, new(wire.Scanner), to)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	d := responses.Client{}.Stream(to)
	d.Reset(bytes.NewReader(stream), nil, 1<<20)
	var f chat.Folder
	for {
		end := d.Fill()
		for {
			frame, err := d.Next(f.Add)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if frame == nil {
				break
			}
		}
		if end != nil {
			break
		}
	}
	if err := d.Close(f.Add); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	folded, err := f.Reply()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if a, b := len(folded.Choices[0].Parts), len(r.Choices[0].Parts); a != b || folded.Choices[0].Ending.Reason != r.Choices[0].Ending.Reason || folded.Usage == nil || r.Usage == nil || folded.Usage.Output != r.Usage.Output {
		t.Errorf("%s: the stream folds to %+v, the reply is %+v", name, folded, r)
	}
}

func TestResponses_FailAsTheRealOnesDo(t *testing.T) {
	s := start(t, responsesVendors())
	if err := s.SetFaults([]sim.Rule{{Fault: sim.Fault{ErrorAfterChunks: new(4)}}}); err != nil {
		t.Fatal(err)
	}
	res := s.turn("openai", `{"model":"gpt-4o","stream":true,"input":"say: hello there"}`)
	if !strings.Contains(string(res.body), "event: error\ndata: {\"type\":\"error\"") || !strings.HasSuffix(string(res.body), "\n\n") || !strings.Contains(string(res.body), "event: response.failed") {
		t.Errorf("got %s", res.body)
	}
	if err := s.SetFaults([]sim.Rule{{Fault: sim.Fault{Usage: "none"}}}); err != nil {
		t.Fatal(err)
	}
	res = s.turn("openai", `{"model":"gpt-4o","input":"hi"}`)
	if v := decode(t, res.body); !v.has("usage") || v.at("usage").any != nil {
		t.Errorf("usage is %v", v.at("usage").any)
	}
	if err := s.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	if res := s.do("POST", s.url+"/vendor/azure/openai/responses", `{"model":"gpt-4o","input":"hi"}`, "Api-Key", "azure-key"); res.StatusCode != 404 {
		t.Errorf("without an api-version: %d", res.StatusCode)
	}
	if res := s.do("POST", s.url+"/vendor/azure/openai/responses?api-version=2025-04-01-preview", `{"model":"gpt-4o","input":"hi"}`, "Api-Key", "azure-key"); res.StatusCode != 200 {
		t.Errorf("with an api-version: %d %s", res.StatusCode, res.body)
	}
	if res := s.do("GET", s.url+"/vendor/openai/v1/responses", ``); res.StatusCode != 405 {
		t.Errorf("GET: %d", res.StatusCode)
	}
}

// What the product writes for a vendor of the dialect is taken by one.
func TestResponses_TakeWhatTheProductWrites(t *testing.T) {
	s := start(t, responsesVendors())
	can := chattest.Can{
		Instructions: true, Roles: []chat.Role{chat.System, chat.Developer}, Media: []chat.Medium{chat.Image, chat.Document}, URLs: true,
		Tools: true, Custom: true, ResultErrors: true, ResultMedia: true, ResultJSON: true, Cache: true, Refusals: true, Names: true,
		Formats: []chat.FormatKind{chat.FormatText, chat.FormatObject, chat.FormatSchema}, Sampling: []chattest.Knob{chattest.MaxTokens, chattest.Temperature, chattest.TopP, chattest.TopK},
	}
	to := &dialect.Upstream{Model: "gpt-4o", Family: "sim"}
	rapid.Check(t, func(rt *rapid.T) {
		out, err := responses.Client{}.Encode(chattest.Request(rt, can), to, chat.NewLosses("responses", nil, nil))
		if err != nil {
			rt.Fatal(err)
		}
		if res := s.do(out.Method, s.url+"/vendor/openai/v1"+out.Path, string(out.Body)); res.StatusCode != 200 {
			rt.Fatalf("%d %s\nfor %s", res.StatusCode, res.body, out.Body)
		}
	})
}
