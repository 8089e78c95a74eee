package anthropic_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"reflect"
	"testing"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/dialect/anthropic"
	"bulkhead/wire"
)

func TestRelay_ChangesNothingButWhatIsWritten(t *testing.T) {
	direct := dialect.Upstream{Model: "claude-x"}
	invoke := dialect.Upstream{Model: "arn:aws:bedrock:us-gov-west-1::m/claude-v1:0", Surface: anthropic.SurfaceInvoke}
	vertex := dialect.Upstream{Model: "claude@1", Surface: anthropic.SurfaceVertex, Project: "my project", Location: "us-east5"}
	betas := http.Header{"Anthropic-Beta": {"a-2026-01-01, b-2026-01-01", "a-2026-01-01"}, "Anthropic-Version": {"2023-06-01"}}
	for _, row := range []struct {
		name       string
		in         dialect.Inbound
		to         dialect.Upstream
		body, path string
		header     http.Header
	}{
		{"as it is", dialect.Inbound{Body: []byte(` { "model" : "claude-x", "x" : 1.0 } `)}, direct, ` { "model" : "claude-x", "x" : 1.0 } `, "/v1/messages", http.Header{"Anthropic-Version": {"2023-06-01"}}},
		{"the model", dialect.Inbound{Header: betas, Body: []byte(`{"a":"\u00e9","model":"al\u0069as","stream":true}`)}, direct, `{"a":"\u00e9","model":"claude-x","stream":true}`, "/v1/messages",
			http.Header{"Anthropic-Version": {"2023-06-01"}, "Anthropic-Beta": {"a-2026-01-01,b-2026-01-01"}}},
		{"the newer version", dialect.Inbound{Header: http.Header{"Anthropic-Version": {"2026-10-21"}}, Body: []byte(`{"model":"m"}`)}, direct, `{"model":"claude-x"}`, "/v1/messages", http.Header{"Anthropic-Version": {"2026-10-21"}}},
		{"no geography", dialect.Inbound{Body: []byte(`{"inference_geo":"global","model":"m","b":2}`)}, direct, `{"model":"claude-x","b":2}`, "/v1/messages", http.Header{"Anthropic-Version": {"2023-06-01"}}},
		{"from a path", dialect.Inbound{Model: "m", Stream: true, Body: []byte(`{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["c-2026-01-01"],"max_tokens":1}`)}, direct,
			`{"model":"claude-x","stream":true,"max_tokens":1}`, "/v1/messages", http.Header{"Anthropic-Version": {"2023-06-01"}, "Anthropic-Beta": {"c-2026-01-01"}}},
		{"nothing left", dialect.Inbound{Model: "m", Body: []byte(`{"anthropic_version":"bedrock-2023-05-31"}`)}, direct, `{"model":"claude-x"}`, "/v1/messages", http.Header{"Anthropic-Version": {"2023-06-01"}}},
		{"to InvokeModel", dialect.Inbound{Header: betas, Body: []byte(`{"model":"m","max_tokens":1,"stream":true,"inference_geo":"us"}`)}, invoke,
			`{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["a-2026-01-01","b-2026-01-01"],"max_tokens":1}`, "/model/arn%3Aaws%3Abedrock%3Aus-gov-west-1%3A%3Am%2Fclaude-v1%3A0/invoke-with-response-stream", http.Header{}},
		{"from InvokeModel to itself", dialect.Inbound{Model: "m", Body: []byte(`{"anthropic_version":"bedrock-2023-05-31", "anthropic_beta":[ "x" ]}`)}, invoke,
			`{"anthropic_version":"bedrock-2023-05-31", "anthropic_beta":[ "x" ]}`, "/model/arn%3Aaws%3Abedrock%3Aus-gov-west-1%3A%3Am%2Fclaude-v1%3A0/invoke", http.Header{}},
		{"to Vertex", dialect.Inbound{Header: betas, Body: []byte(`{"max_tokens":1,"model":"m","stream":true}`)}, vertex, `{"anthropic_version":"vertex-2023-10-16","max_tokens":1,"stream":true}`,
			"/v1/projects/my%20project/locations/us-east5/publishers/anthropic/models/claude@1:streamRawPredict", http.Header{"Anthropic-Beta": {"a-2026-01-01,b-2026-01-01"}}},
		{"an empty body", dialect.Inbound{Body: []byte(`{}`)}, direct, `{"model":"claude-x"}`, "/v1/messages", http.Header{"Anthropic-Version": {"2023-06-01"}}},
		{"a count", dialect.Inbound{Action: call.CountTokens, Body: []byte(`{"model":"m","messages":[]}`)}, direct, `{"model":"claude-x","messages":[]}`, "/v1/messages/count_tokens", http.Header{"Anthropic-Version": {"2023-06-01"}}},
		{"a count on Vertex", dialect.Inbound{Action: call.CountTokens, Body: []byte(`{"model":"m","messages":[]}`)}, vertex, `{"anthropic_version":"vertex-2023-10-16","model":"claude@1","messages":[]}`,
			"/v1/projects/my%20project/locations/us-east5/publishers/anthropic/models/count-tokens:rawPredict", http.Header{}},
		{"a count on Bedrock", dialect.Inbound{Action: call.CountTokens, Body: []byte(`{"model":"m","messages":[]}`)}, invoke,
			`{"input":{"invokeModel":{"body":"` + base64.StdEncoding.EncodeToString([]byte(`{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":[]}`)) + `"}}}`,
			"/model/arn%3Aaws%3Abedrock%3Aus-gov-west-1%3A%3Am%2Fclaude-v1%3A0/count-tokens", http.Header{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.in.Action == "" {
				row.in.Action = call.Chat
			}
			r, err := anthropic.Reader{}.Read(&row.in, new(wire.Scanner), dialect.Listener{})
			if err != nil {
				t.Fatal(err)
			}
			out := r.Relay(&row.to)
			if got := string(out.Body.Append(nil)); got != row.body {
				t.Errorf("got  %s\nwant %s", got, row.body)
			}
			if out.Path != row.path || !reflect.DeepEqual(out.Header, row.header) {
				t.Errorf("path %s, header %v", out.Path, out.Header)
			}
		})
	}
}

// loose reads an object with the standard library, numbers as written.
func loose(t *testing.T, body []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("the standard library refuses it: %v: %q", err, body)
	}
	return m
}

// FuzzRead: nothing panics; what is accepted is JSON to others too; what goes
// to a surface is the same request but for what is written.
func FuzzRead(f *testing.F) {
	for _, x := range recorded(f) {
		if x.Request != nil && len(x.Request.Body) < 20_000 {
			f.Add([]byte(x.Request.Body), "m", byte(len(x.name)))
		}
	}
	for _, s := range []string{`{}`, `{"model":"\u0061"}`, `{ "stream":true , "inference_geo" : null}`, `{"anthropic_beta":["a"],"anthropic_version":"2023-06-01","model":"x"}`,
		`{"messages":[{"content":[{"type":"image","source":{"type":"text","data":"`, `{"tools":[{"input_schema":{"enum":["\ud83d\ude00"]}}],"container":{"skills":[]}}`} {
		f.Add([]byte(s), "m", byte(3))
	}
	surfaces := []string{"", anthropic.SurfaceInvoke, anthropic.SurfaceVertex}
	f.Fuzz(func(t *testing.T, body []byte, model string, options byte) {
		model = string([]rune(model))
		in := &dialect.Inbound{Action: call.Chat, Body: body}
		if options&8 != 0 {
			in.Header = http.Header{"Anthropic-Beta": {"h-2026-01-01"}}
		}
		l := dialect.Listener{}
		if options&4 != 0 {
			l = dialect.Listener{Text: func([]byte) {}, Name: func([]byte) {}, Unread: func(dialect.Medium) {}}
		}
		before := bytes.Clone(body)
		r, err := anthropic.Reader{}.Read(in, new(wire.Scanner), l)
		if !bytes.Equal(before, body) {
			t.Fatal("the body was written to")
		}
		if err != nil {
			return
		}
		m := loose(t, body)
		if alias, _ := m["model"].(string); r.Asked().Alias != alias {
			t.Errorf("alias %q, others read %q", r.Asked().Alias, alias)
		}
		to := dialect.Upstream{Model: model, Surface: surfaces[int(options&3)%3], Project: "p", Location: "l"}
		out := r.Relay(&to)
		sent := out.Body.Append(nil)
		if len(sent) != out.Body.Len() {
			t.Errorf("Len %d, %d bytes", out.Body.Len(), len(sent))
		}
		got := loose(t, sent)
		for _, k := range []string{"model", "stream", "anthropic_version", "anthropic_beta", "inference_geo"} {
			delete(m, k)
		}
		for _, k := range []string{"stream", "anthropic_beta"} {
			delete(got, k)
		}
		if _, has := got["inference_geo"]; has {
			t.Error("inference_geo passes")
		}
		if to.Surface == "" && got["model"] != model || to.Surface != "" && got["model"] != nil {
			t.Errorf("model %v", got["model"])
		}
		if (to.Surface == "") != (got["anthropic_version"] == nil) {
			t.Errorf("version %v", got["anthropic_version"])
		}
		delete(got, "model")
		delete(got, "anthropic_version")
		if !reflect.DeepEqual(got, m) {
			t.Errorf("sent %q\nfor  %q", sent, body)
		}
		again, err := anthropic.Reader{}.Read(&dialect.Inbound{Action: call.Chat, Body: sent, Header: in.Header}, new(wire.Scanner), dialect.Listener{})
		if err != nil {
			t.Fatalf("what is sent is refused when read again: %v: %q", err, sent)
		}
		if twice := again.Relay(&to).Body.Append(nil); to.Surface == "" && !bytes.Equal(twice, sent) {
			t.Errorf("sent on it becomes %q, was %q", twice, sent)
		}
		// What the gates accept the hub may refuse, by name.
		if req, err := (anthropic.Server{}).Decode(in, new(wire.Scanner)); err == nil {
			_ = marshal(t, req)
		}
	})
}
