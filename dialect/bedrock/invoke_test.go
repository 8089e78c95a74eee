package bedrock_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/bedrock"
	"bulkhead/fault"
	"bulkhead/wire"
)

// messages stands for the dialect of the bodies: enough of Anthropic's events
// to tell that frames are taken off.
type messages struct {
	parts int
	over  bool
}

func begun() bedrock.Events { return &messages{} }

func (m *messages) Read(data []byte, emit chat.Sink) error {
	var v struct {
		Type  string `json:"type"`
		Block struct {
			Type string `json:"type"`
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"content_block"`
		Delta struct {
			Text    string `json:"text"`
			JSON    string `json:"partial_json"`
			Stopped string `json:"stop_reason"`
		} `json:"delta"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	var out chat.Event
	switch v.Type {
	case "message_start":
		out = chat.Event{Kind: chat.Begin, Head: &chat.Head{}}
	case "content_block_start":
		part := chat.Part{Content: chat.Text{}}
		if v.Block.Type == "tool_use" {
			part.Content = chat.ToolCall{ID: v.Block.ID, Name: v.Block.Name}
		}
		out = chat.Event{Kind: chat.Start, Index: m.parts, Part: &part}
		m.parts++
	case "content_block_delta":
		if v.Delta.Text+v.Delta.JSON == "" {
			return nil
		}
		out = chat.Event{Kind: chat.Delta, Index: m.parts - 1, Bytes: []byte(v.Delta.Text + v.Delta.JSON)}
	case "content_block_stop":
		out = chat.Event{Kind: chat.Stop, Index: m.parts - 1}
	case "message_delta":
		out = chat.Event{Kind: chat.Finish, Ending: &chat.Ending{Reason: chat.ReasonStop, Said: v.Delta.Stopped}}
	case "message_stop":
		m.over = true
		out = chat.Event{Kind: chat.End}
	}
	return emit(&out)
}

func (m *messages) Close(chat.Sink) error {
	if !m.over {
		return fault.New(fault.UpstreamError, "The vendor's stream broke off.")
	}
	return nil
}

func TestInvokeStream_TakesTheEventsOutOfTheFramesWhereverTheBytesAreCut(t *testing.T) {
	for _, file := range files(t, "invoke/anthropic-*.bin") {
		t.Run(base(file), func(t *testing.T) {
			body := read(t, file)
			d := bedrock.InvokeStream(begun)
			want, raw, err := events(d, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(raw, body) {
				t.Error("the frames are not the bytes that came")
			}
			golden(t, base(file), strings.Join(want, "\n")+"\n")
			for at := 1; at < len(body); at++ {
				got, _, err := events(d, io.MultiReader(bytes.NewReader(body[:at]), bytes.NewReader(body[at:])))
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Fatalf("cut at %d: %v\ngot  %v\nwant %v", at, err, got, want)
				}
			}
			if _, _, err := events(d, iotest.OneByteReader(bytes.NewReader(body))); err != nil {
				t.Error(err)
			}
			for at := range body {
				if _, _, err := events(d, bytes.NewReader(body[:at])); fault.From(err) == nil || fault.From(err).Kind != fault.UpstreamError {
					t.Fatalf("broken off at %d: %v", at, err)
				}
			}
		})
	}
}

func TestInvokeStream_ReadsContentCountsAndEndOfFamiliesThatNobodyReads(t *testing.T) {
	for name, want := range map[string]chat.Usage{"nova-stream": {Input: 5, Output: 10}, "titan-stream": {Input: 5, Output: 10}} {
		body := read(t, "testdata/invoke/"+name+".bin")
		var fold chat.Folder
		content := false
		raw, err := decode(bedrock.InvokeStream(nil), iotest.OneByteReader(bytes.NewReader(body)), func(e *chat.Event) error {
			content = content || e.Content()
			return fold.Add(e)
		})
		if err != nil || !bytes.Equal(raw, body) || !content {
			t.Fatalf("%s: %v", name, err)
		}
		r, err := fold.Reply()
		if err != nil || r.Usage == nil || !reflect.DeepEqual(*r.Usage, want) {
			t.Errorf("%s: %v, usage %+v", name, err, r.Usage)
		}
		for at := range body {
			if _, _, err := events(bedrock.InvokeStream(nil), bytes.NewReader(body[:at])); err == nil {
				t.Fatalf("%s broken off at %d is whole", name, at)
			}
		}
	}
}

func TestInvokeStream_TellsTheVendorsFailures(t *testing.T) {
	body := read(t, "testdata/recorded/stream-exception-throttlingException.bin")
	for _, inner := range []func() bedrock.Events{begun, nil} {
		got, _, err := events(bedrock.InvokeStream(inner), bytes.NewReader(body))
		if err != nil || len(got) != 1 || !strings.Contains(got[0], "upstream_rate_limited") {
			t.Errorf("%v %v", err, got)
		}
	}
}

// named stands for the encoder of the bodies' dialect.
type named struct{ frame bedrock.Frame }

func (n named) Event(dst []byte, e *chat.Event) ([]byte, error) {
	switch e.Kind {
	case chat.Begin:
		return n.frame(dst, "message_start", []byte(`{"type":"message_start"}`)), nil
	case chat.Finish:
		return n.frame(n.frame(dst, "content_block_stop", []byte(`{"type":"content_block_stop"}`)), "message_delta", []byte(`{"type":"message_delta"}`)), nil
	}
	return dst, nil
}

func (n named) Tail(dst []byte) []byte {
	return n.frame(dst, "message_stop", []byte(`{"type":"message_stop"}`))
}

func (n named) Fail(dst []byte, _ *fault.Fault) []byte { return n.frame(dst, "error", []byte(`{}`)) }

func (n named) KeepAlive(dst []byte) []byte { return n.frame(dst, "ping", []byte(`{"type":"ping"}`)) }

func inFrames(_ *dialect.Answering, frame bedrock.Frame) dialect.StreamEncoder { return named{frame} }

// bodies stands for the dialect of the bodies.
type bodies struct{ dialect.Server }

func (bodies) Fields() dialect.Fields {
	return dialect.Fields{{Path: "messages", Fate: dialect.FateCarried}}
}
func (bodies) Decode(in *dialect.Inbound, _ *wire.Scanner) (*chat.Request, error) {
	return &chat.Request{Model: "from the body"}, nil
}

// payloads reads the frames of a stream.
func payloads(t *testing.T, b []byte) (out []string) {
	t.Helper()
	var r wire.FrameReader
	r.Reset(bytes.NewReader(b), nil, 1<<20)
	for {
		err := r.Fill()
		for {
			f, ok, bad := r.Next()
			if bad != nil {
				t.Fatal(bad)
			}
			if !ok {
				break
			}
			text := string(f.Payload)
			if string(f.Text(":event-type")) == "chunk" {
				var v struct {
					Bytes string `json:"bytes"`
				}
				if err := json.Unmarshal(f.Payload, &v); err != nil {
					t.Fatal(err)
				}
				b, err := base64.StdEncoding.DecodeString(v.Bytes)
				if err != nil {
					t.Fatal(err)
				}
				text = string(b)
			}
			out = append(out, string(f.Text(":message-type"))+" "+string(f.Text(":event-type"))+string(f.Text(":exception-type"))+" "+text)
		}
		if err != nil {
			if len(r.Rest()) > 0 {
				t.Fatalf("%d bytes are no frame", len(r.Rest()))
			}
			return out
		}
	}
}

func TestInvoke_PutsEachEventIntoAChunk(t *testing.T) {
	e := bedrock.Invoke{Server: bodies{}, Frames: inFrames}.Stream(answering())
	var out []byte
	for _, ev := range []chat.Event{{Kind: chat.Begin, Head: &chat.Head{}}, {Kind: chat.Finish, Ending: &chat.Ending{}}, {Kind: chat.Count, Usage: &chat.Usage{Input: 3, CacheRead: 9, Output: 4}}, {Kind: chat.End}} {
		var err error
		if out, err = e.Event(out, &ev); err != nil {
			t.Fatal(err)
		}
	}
	out = e.KeepAlive(out)
	out = e.Tail(out)
	out = e.Fail(out, fault.New(fault.RateLimited, "Slowly."))
	want := []string{`event chunk {"type":"message_start"}`, `event chunk {"type":"content_block_stop"}`, `event chunk {"type":"message_delta"}`, `event chunk {"type":"ping"}`,
		`event chunk {"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":3,"outputTokenCount":4}}`,
		`exception throttlingException {"message":"Slowly. Call 01ARZ3NDEKTSV4RRFFQ69G5FAV.","code":"rate_limited","bulkhead":{"code":"rate_limited","call":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}}`}
	if got := payloads(t, out); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestInvoke_AddsWhatHeadersSayToTheRequest(t *testing.T) {
	in := &dialect.Inbound{Action: call.Chat, Model: "alias", Stream: true, Header: http.Header{"X-Amzn-Bedrock-Service-Tier": {"flex"}, "X-Amzn-Bedrock-Trace": {"ENABLED"}}}
	var s wire.Scanner
	r, err := bedrock.Invoke{Server: bodies{}, Frames: inFrames}.Decode(in, &s)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := canonical(t, r), `{"model":"alias","stream":true,"include_usage":true,"service_tier":"flex","extra":[{"dialect":"bedrock","name":"X-Amzn-Bedrock-Trace","value":"ENABLED"}]}`+"\n"; got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	if f := (bedrock.Invoke{Server: bodies{}, Frames: inFrames}).Fields(); len(f) != 7 || !f.Lists("X-Amzn-Bedrock-Guardrailidentifier") || !f.Lists("messages") {
		t.Errorf("fields %v", f)
	}
}

// reads stands for the reader of the bodies' dialect.
type reads struct{ unknown []string }

func (r reads) Read(in *dialect.Inbound, _ *wire.Scanner, _ dialect.Listener) (dialect.Request, error) {
	return asked{in.Body, dialect.Asked{Alias: "no", MaxOutput: 5, Unknown: r.unknown, Needs: []dialect.Need{{Capability: call.WebSearch, Field: "tools[0].type"}}}}, nil
}

type asked struct {
	body []byte
	a    dialect.Asked
}

func (a asked) Asked() *dialect.Asked { return &a.a }
func (a asked) Relay(to *dialect.Upstream) dialect.Relayed {
	if to.Surface != "invoke" {
		panic("the surface is not told")
	}
	return dialect.Relayed{Path: "/no", Body: wire.Splice{Body: a.body, Edits: []wire.Edit{{Span: wire.Span{Start: 1, End: 2}, With: []byte("{ ")}}}}
}

func TestInvokeReader_ReadsBodiesByFamilyAndHeadersByName(t *testing.T) {
	header := http.Header{"X-Amzn-Bedrock-Guardrailidentifier": {"g"}, "X-Amzn-Bedrock-Trace": {"ENABLED"}, "X-Amzn-Bedrock-Request-Metadata": {`{"note":"SECRET"}`},
		"Cookie": {"c"}, "X-Amzn-Bedrock-Later": {"x"}}
	for _, row := range []struct {
		name, body string
		inner      dialect.Reader
		needs      string
		max        int64
	}{
		{"anthropic", ` {"anthropic_version":"bedrock-2023-05-31","messages":[]} `, reads{}, "[{guardrail X-Amzn-Bedrock-Guardrailidentifier} {web_search tools[0].type}]", 5},
		{"nova", `{"messages":[{"role":"user","content":[{"text":"CUI"}]}],"inferenceConfig":{"max_new_tokens":6},"toolConfig":{"tools":[{"systemTool":{"name":"nova_grounding"}}]}}`, nil,
			"[{guardrail X-Amzn-Bedrock-Guardrailidentifier} {web_search toolConfig.tools[0].systemTool.name}]", 6},
		{"titan", `{"inputText":"CUI","textGenerationConfig":{"maxTokenCount":7}}`, nil, "[{guardrail X-Amzn-Bedrock-Guardrailidentifier}]", 7},
	} {
		var heard []string
		in := &dialect.Inbound{Action: call.Chat, Model: "alias", Stream: true, Header: header, Body: []byte(row.body)}
		var s wire.Scanner
		r, err := bedrock.InvokeReader{Anthropic: row.inner}.Read(in, &s, dialect.Listener{Text: func(b []byte) { heard = append(heard, string(b)) }, Name: func([]byte) {}})
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		a := r.Asked()
		if fmt.Sprint(a.Needs) != row.needs || a.MaxOutput != row.max || a.Alias != "alias" || !a.Stream {
			t.Errorf("%s: got %+v", row.name, a)
		}
		if heard[0] != `{"note":"SECRET"}` || row.inner == nil && heard[1] != "CUI" {
			t.Errorf("%s: heard %q", row.name, heard)
		}
		out := r.Relay(&dialect.Upstream{Surface: "invoke", Model: "amazon.x"})
		var b bytes.Buffer
		want := row.body
		if row.inner != nil { // what its dialect changes
			want = strings.Replace(want, "{", "{ ", 1)
		}
		if _, err := out.Body.WriteTo(&b); err != nil || b.String() != want || out.Path != "/model/amazon.x/invoke-with-response-stream" {
			t.Errorf("%s: %v %s %s", row.name, err, out.Path, b.String())
		}
		if len(out.Header) != 3 || out.Header.Get("Cookie") != "" {
			t.Errorf("%s: headers %v", row.name, out.Header)
		}
	}
}

func TestInvokeReader_RefusesWhatNobodyReads(t *testing.T) {
	for _, row := range []struct {
		name, body string
		inner      dialect.Reader
		header     http.Header
	}{
		{"llama", `{"prompt":"x"}`, reads{}, nil},
		{"anthropic without its reader", `{"anthropic_version":"x","messages":[]}`, nil, nil},
		{"anthropic's with nova's tools", `{"anthropic_version":"x","toolConfig":{}}`, reads{unknown: []string{"toolConfig"}}, nil},
		{"nova's with anthropic's servers", `{"messages":[],"mcp_servers":[]}`, reads{}, nil},
		{"titan's with anthropic's tools", `{"inputText":"x","tools":[]}`, reads{}, nil},
		{"no JSON", `{"messages":`, reads{}, nil},
		{"a header twice", `{"inputText":"x"}`, nil, http.Header{"X-Amzn-Bedrock-Trace": {"ENABLED", "DISABLED"}}},
	} {
		var s wire.Scanner
		_, err := bedrock.InvokeReader{Anthropic: row.inner}.Read(&dialect.Inbound{Action: call.Chat, Header: row.header, Body: []byte(row.body)}, &s, dialect.Listener{})
		if f := fault.From(err); f == nil || f.Kind != fault.Unsupported && f.Kind != fault.Malformed {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestInvokeUsage_IsKnownWhereTheHeadersSayIt(t *testing.T) {
	h := http.Header{}
	h.Set("x-amzn-bedrock-input-token-count", "28")
	if bedrock.InvokeUsage(h) != nil {
		t.Error("half a usage is one")
	}
	h.Set("x-amzn-bedrock-output-token-count", "51")
	h.Set("x-amzn-bedrock-cache-read-input-token-count", "7")
	if u := bedrock.InvokeUsage(h); u == nil || u.Input != 28 || u.Output != 51 || u.CacheRead != 7 {
		t.Errorf("got %+v", u)
	}
}
