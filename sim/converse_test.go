package sim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"bulkhead/sim"
	"bulkhead/wire"
)

const conversing = `{"messages":[{"role":"user","content":[{"text":"say: one two three four"}]}]}`

func (s *site) bedrock(method, body string) response {
	s.t.Helper()
	res, err := s.try("POST", strings.TrimSuffix(s.BaseURL(s.url, "bedrock"), "/openai/v1")+"/model/openai.gpt-oss-20b-1:0/"+method, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

// framed reads a stream: the names of its events or exceptions with their
// payloads, and whether its end was whole.
func framed(t *testing.T, b []byte) (names []string, payloads []map[string]any, err error) {
	t.Helper()
	var r wire.FrameReader
	r.Reset(bytes.NewReader(b), nil, 1<<20)
	for {
		f, ok, err := r.Next()
		if err != nil {
			return names, payloads, err
		}
		if !ok {
			if err := r.Fill(); err != nil {
				if err == io.EOF && len(r.Rest()) == 0 {
					err = nil
				}
				return names, payloads, err
			}
			continue
		}
		names = append(names, string(f.Text(":event-type"))+string(f.Text(":exception-type")))
		var p map[string]any
		if err := json.Unmarshal(f.Payload, &p); err != nil {
			return names, payloads, err
		}
		payloads = append(payloads, p)
	}
}

func TestConverse_AnswersAsRecorded(t *testing.T) {
	s := start(t, sim.Options{})
	res := s.bedrock("converse", conversing)
	got := decode(t, res.body)
	if res.StatusCode != 200 || got.at("output").at("message").at("content", 0).str("text") != "one two three four" || got.str("stopReason") != "end_turn" || got.at("usage").num("outputTokens") != 4 {
		t.Errorf("got %d %s", res.StatusCode, res.body)
	}
	// Members of the recording, each with its kind; it has no tools and no cache.
	recorded, err := os.ReadFile("testdata/recorded/bedrock-converse/stop-max-tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	if want := decode(t, recorded); fmt.Sprint(kindsOf(want.any)) != fmt.Sprint(kindsOf(got.any)) {
		t.Errorf("members %v, recorded %v", kindsOf(got.any), kindsOf(want.any))
	}
	res = s.bedrock("converse-stream", conversing)
	names, payloads, err := framed(t, res.body)
	stream, readErr := os.ReadFile("testdata/recorded/bedrock-converse/stream-text.bin")
	if readErr != nil {
		t.Fatal(readErr)
	}
	wantNames, wantPayloads, wantErr := framed(t, stream)
	if err != nil || wantErr != nil || res.Header.Get("Content-Type") != "application/vnd.amazon.eventstream" || fmt.Sprint(slices.Compact(slices.Clone(names))) != fmt.Sprint(slices.Compact(slices.Clone(wantNames))) {
		t.Errorf("%v, %v: %v, recorded %v", err, wantErr, slices.Compact(slices.Clone(names)), slices.Compact(slices.Clone(wantNames)))
	}
	for i, n := range names {
		k := slices.Index(wantNames, n)
		if fmt.Sprint(kindsOf(payloads[i])) != fmt.Sprint(kindsOf(wantPayloads[k])) {
			t.Errorf("%s: members %v, recorded %v", n, kindsOf(payloads[i]), kindsOf(wantPayloads[k]))
		}
	}
}

// kindsOf lists paths of members with their kinds.
func kindsOf(v any) []string {
	var out []string
	var walk func(path string, v any)
	walk = func(path string, v any) {
		out = append(out, fmt.Sprintf("%s %T", path, v))
		switch v := v.(type) {
		case map[string]any:
			for name, m := range v {
				walk(path+"."+name, m)
			}
		case []any:
			for _, m := range v {
				walk(path+"[]", m)
			}
		}
	}
	walk("", v)
	slices.Sort(out)
	return slices.Compact(out)
}

func TestConverse_CallsToolsAndTakesTheirResults(t *testing.T) {
	s := start(t, sim.Options{})
	tools := `"toolConfig":{"tools":[{"toolSpec":{"name":"get_weather","inputSchema":{"json":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}}]}`
	res := s.bedrock("converse", `{"messages":[{"role":"user","content":[{"text":"What is the weather in Paris?"}]}],`+tools+`}`)
	use := decode(t, res.body).at("output").at("message").at("content").at(0).at("toolUse")
	if use.str("name") != "get_weather" || use.at("input").str("city") != "Paris" {
		t.Fatalf("got %s", res.body)
	}
	call := `{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"get_weather","input":{"city":"Paris"}}}]}`
	ask := `{"messages":[{"role":"user","content":[{"text":"What is the weather in Paris?"}]},` + call + `,{"role":"user","content":[{"toolResult":{"toolUseId":"%s","content":[{"text":"rain"}]}}]}]%s}`
	if res = s.bedrock("converse", fmt.Sprintf(ask, "t1", ","+tools)); res.StatusCode != 200 || !strings.Contains(string(res.body), "rain") {
		t.Errorf("a result: %d %s", res.StatusCode, res.body)
	}
	if res = s.bedrock("converse", fmt.Sprintf(ask, "t2", ","+tools)); res.StatusCode != 400 || !strings.Contains(string(res.body), "Expected toolResult blocks") {
		t.Errorf("another's result: %d %s", res.StatusCode, res.body)
	}
	if res = s.bedrock("converse", fmt.Sprintf(ask, "t1", "")); res.StatusCode != 400 || !strings.Contains(string(res.body), "toolConfig field must be defined") {
		t.Errorf("without tools: %d %s", res.StatusCode, res.body)
	}
	res = s.bedrock("converse-stream", `{"messages":[{"role":"user","content":[{"text":"What is the weather in Paris?"}]}],`+tools+`}`)
	names, _, err := framed(t, res.body)
	if want := "[messageStart contentBlockStart contentBlockDelta contentBlockStop messageStop metadata]"; err != nil || fmt.Sprint(slices.Compact(slices.Clone(names))) != want {
		t.Errorf("%v %v", err, names)
	}
}

func TestConverse_CountsWhatItWouldBeAsked(t *testing.T) {
	s := start(t, sim.Options{})
	said := decode(t, s.bedrock("converse", conversing).body).at("usage").num("inputTokens")
	if res := s.bedrock("count-tokens", `{"input":{"converse":`+conversing+`}}`); res.StatusCode != 200 || said == 0 || decode(t, res.body).num("inputTokens") != said {
		t.Errorf("got %d %s, want %v", res.StatusCode, res.body, said)
	}
	if res := s.bedrock("count-tokens", `{"input":{"invokeModel":{"body":"e30="}}}`); res.StatusCode != 400 {
		t.Errorf("a body of InvokeModel: %d %s", res.StatusCode, res.body)
	}
}

func TestConverse_RefusesByTheHeader(t *testing.T) {
	s := start(t, sim.Options{})
	for body, want := range map[string]string{
		`{}`: "start with a user message",
		`{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"user","content":[{"text":"b"}]}]}`: "must alternate",
		`{"messages":[{"role":"user","content":[]}]}`:                                                      "is empty",
		`{"messages":[{"role":"user","content":[{"text":"a"}]}],"inferenceConfig":{"maxTokens":0}}`:        "greater than or equal to 1",
	} {
		if res := s.bedrock("converse", body); res.StatusCode != 400 || !strings.HasPrefix(res.Header.Get("X-Amzn-Errortype"), "ValidationException") || !strings.Contains(decode(t, res.body).str("message"), want) {
			t.Errorf("%s: %d %s", body, res.StatusCode, res.body)
		}
	}
	for want, fault := range map[string]sim.Fault{
		"ThrottlingException": {Status: 429}, "ServiceUnavailableException": {Status: 503}, "InternalServerException": {Status: 500}, "ValidationException": {ContextLength: true},
	} {
		s.fault(fault)
		if res := s.bedrock("converse-stream", conversing); !strings.HasPrefix(res.Header.Get("X-Amzn-Errortype"), want) {
			t.Errorf("%s: %d %v %s", want, res.StatusCode, res.Header, res.body)
		}
	}
}

func TestConverse_FaultsAreInItsFrames(t *testing.T) {
	s := start(t, sim.Options{})
	run := func(f sim.Fault) (names []string, last map[string]any, err error) {
		t.Helper()
		s.fault(f)
		names, payloads, err := framed(t, s.bedrock("converse-stream", conversing).body)
		if len(payloads) > 0 {
			last = payloads[len(payloads)-1]
		}
		return names, last, err
	}
	if names, last, err := run(sim.Fault{ErrorAfterChunks: new(2), ErrorStatus: 429}); err != nil || names[len(names)-1] != "throttlingException" || last["message"] == "" {
		t.Errorf("an exception: %v %v", names, err)
	}
	if names, _, err := run(sim.Fault{CorruptChunk: 3}); err != wire.ErrFrameChecksum || len(names) != 2 {
		t.Errorf("a checksum: %v %v", names, err)
	}
	if names, _, err := run(sim.Fault{MalformedChunk: 3}); err == nil || err == wire.ErrFrameChecksum || len(names) != 3 {
		t.Errorf("broken JSON in a good frame: %v %v", names, err)
	}
	if names, _, err := run(sim.Fault{NoEndMarker: true}); err != nil || names[len(names)-1] != "contentBlockStop" {
		t.Errorf("no end: %v %v", names, err)
	}
	if _, last, err := run(sim.Fault{Usage: "none"}); err != nil || last["usage"] != nil || last["metrics"] == nil {
		t.Errorf("no usage: %v %v", last, err)
	}
	s.fault(sim.Fault{Filter: "answer"})
	if got := decode(t, s.bedrock("converse", conversing).body); got.str("stopReason") != "content_filtered" {
		t.Errorf("filtered: %v", got)
	}
}
