package anthropic_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/anthropic"
	"bulkhead/fault"
	"bulkhead/wire"
)

const (
	start = `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}`
	end   = `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}`
	stop  = `{"type":"message_stop"}`
)

// sse frames events as the vendor does.
func sse(events ...string) []byte {
	var b bytes.Buffer
	for _, e := range events {
		typ, _, _ := strings.Cut(strings.TrimPrefix(e, `{"type":"`), `"`)
		b.WriteString("event: " + typ + "\ndata: " + e + "\n\n")
	}
	return b.Bytes()
}

func block(index, content string, more ...string) []string {
	out := []string{`{"type":"content_block_start","index":` + index + `,"content_block":` + content + `}`}
	for _, m := range more {
		out = append(out, `{"type":"content_block_delta","index":`+index+`,"delta":`+m+`}`)
	}
	return append(out, `{"type":"content_block_stop","index":`+index+`}`)
}

func join(parts ...[]string) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// TestStream_ReadsWhatServersReallySend beside what they should.
func TestStream_ReadsWhatServersReallySend(t *testing.T) {
	text := block("0", `{"type":"text","text":""}`, `{"type":"text_delta","text":"a"}`)
	for _, row := range []struct {
		name   string
		stream []byte
		want   string // of the choice, canonical
	}{
		{"text", sse(join([]string{start}, text, []string{end, stop})...), `[{"type":"text","text":"a"}]`},
		{"lines end in CRLF", bytes.ReplaceAll(sse(join([]string{start}, text, []string{end, stop})...), []byte("\n"), []byte("\r\n")), `[{"type":"text","text":"a"}]`},
		{"no event lines", bytes.ReplaceAll(sse(join([]string{start}, text, []string{end, stop})...), []byte("event: "), []byte(": ")), `[{"type":"text","text":"a"}]`},
		{"no types", []byte("event: message_start\ndata: " + strings.Replace(start, `"type":"message_start",`, "", 1) + "\n\n" + string(sse(join(text, []string{end, stop})...))), `[{"type":"text","text":"a"}]`},
		{"no last blank line", bytes.TrimRight(sse(join([]string{start}, text, []string{end, stop})...), "\n"), `[{"type":"text","text":"a"}]`},
		{"[DONE]", append(sse(join([]string{start}, text, []string{end, stop})...), "data: [DONE]\n\n"...), `[{"type":"text","text":"a"}]`},
		{"text at once", sse(join([]string{start}, block("0", `{"text":"ab","type":"text"}`), []string{end, stop})...), `[{"type":"text","text":"ab"}]`},
		{"no arguments", sse(join([]string{start}, block("0", `{"type":"tool_use","id":"t","name":"n","input":{}}`, `{"type":"input_json_delta","partial_json":""}`), []string{end, stop})...), `[{"type":"tool_call","id":"t","name":"n","arguments":"{}"}]`},
		{"arguments at once", sse(join([]string{start}, block("0", `{"type":"tool_use","id":"t","name":"n","input":{"a": 1}}`), []string{end, stop})...), `[{"type":"tool_call","id":"t","name":"n","arguments":"{\"a\":1}"}]`},
		{"calls without ids", sse(join([]string{start}, block("0", `{"type":"tool_use","id":"","name":"n","input":{}}`), block("1", `{"type":"tool_use","name":"n"}`), []string{end, stop})...),
			`[{"type":"tool_call","id":"` + chat.FitID("msg_1/0") + `","name":"n","arguments":"{}"},{"type":"tool_call","id":"` + chat.FitID("msg_1/1") + `","name":"n","arguments":"{}"}]`},
		{"one id twice", sse(join([]string{start}, block("0", `{"type":"tool_use","id":"t","name":"n","input":{}}`), block("1", `{"type":"tool_use","id":"t","name":"n","input":{}}`), []string{end, stop})...),
			`[{"type":"tool_call","id":"t","name":"n","arguments":"{}"},{"type":"tool_call","id":"` + chat.FitID("msg_1/1") + `","name":"n","arguments":"{}"}]`},
		{"a signature in pieces", sse(join([]string{start}, block("0", `{"type":"thinking","thinking":"","signature":""}`, `{"type":"thinking_delta","thinking":"t","estimated_tokens":4}`, `{"type":"signature_delta","signature":"c2"}`, `{"type":"signature_delta","signature":"ln"}`), []string{end, stop})...),
			`[{"type":"reasoning","text":"t","state":{"kind":"signed_text","blob":"c2ln","minter":"family"}}]`},
		{"a signature without thought", sse(join([]string{start}, block("0", `{"type":"thinking","thinking":"","signature":""}`, `{"type":"signature_delta","signature":"c2ln"}`), []string{end, stop})...),
			`[{"type":"reasoning","state":{"kind":"signed_text","blob":"c2ln","minter":"family"}}]`},
		{"a compaction", sse(join([]string{start}, block("0", `{"type":"compaction","content":null}`, `{"type":"compaction_delta","content":"sum","encrypted_content":"ZQ"}`), []string{end, stop})...),
			`[{"type":"native","dialect":"anthropic","native":"compaction","value":{"type":"compaction","content":"sum","encrypted_content":"ZQ"}}]`},
		{"a type of event that is new", sse(join([]string{start, `{"type":"weather","degrees":3}`}, text, []string{end, stop})...), `[{"type":"text","text":"a"}]`},
		{"a type of delta that is new", sse(join([]string{start}, block("0", `{"type":"text","text":"a"}`, `{"type":"glow_delta","glow":3}`), []string{end, stop})...), `[{"type":"text","text":"a"}]`},
		{"a type of block that is new", sse(join([]string{start}, block("0", `{"type":"hologram","beam":[1]}`), []string{end, stop})...), `[{"type":"native","dialect":"anthropic","native":"hologram","value":{"type":"hologram","beam":[1]}}]`},
		{"half a surrogate", sse(join([]string{start}, block("0", `{"type":"text","text":""}`, `{"type":"text_delta","text":"a\ud83d"}`), []string{end, stop})...), `[{"type":"text","text":"a\\ud83d"}]`},
		{"no content", sse(start, end, stop), ``},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := read(row.stream, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.TrimPrefix(marshal(t, &r.Choices[0]), `{"parts":`)
			got, _, _ = strings.Cut(got, `,"ending"`)
			if row.want == "" {
				got = strings.TrimPrefix(got, `{"ending":{"reason":"stop","said":"end_turn"}}`)
			}
			if got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
			if r.Usage == nil || r.Usage.Input != 3 || r.Usage.Output != 2 {
				t.Errorf("usage %+v", r.Usage)
			}
		})
	}
}

func TestStream_RefusesWhatIsNoReply(t *testing.T) {
	text := block("0", `{"type":"text","text":""}`, `{"type":"text_delta","text":"a"}`)
	for name, s := range map[string][]byte{
		"empty":                     nil,
		"no beginning":              sse(text...),
		"no JSON":                   append(sse(start), "event: content_block_start\ndata: {\"type\":\n\n"...),
		"no end":                    sse(join([]string{start}, text, []string{end})...),
		"a piece of no block":       sse(start, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}`),
		"a piece of another":        sse(start, text[0], `{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"a"}}`),
		"a piece that is not text":  sse(start, text[0], `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"a"}}`),
		"a block that says nothing": sse(start, `{"type":"content_block_start","index":0}`),
		"a call of nothing":         sse(start, `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","input":{}}}`),
		"a block after the end":     sse(join([]string{start, end}, text)...),
		"a page of something":       []byte("<html>bad gateway</html>"),
		"not UTF-8":                 append(sse(start, text[0]), "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\xff\"}}\n\n"...),
	} {
		r, err := read(s, nil)
		if f := fault.From(err); err == nil || f.Kind != fault.UpstreamError {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
	d := anthropic.Client{}.Stream(&upstreams[0])
	d.Reset(bytes.NewReader(bytes.Repeat([]byte("x"), 4096)), make([]byte, 64), 512)
	if err := drain(d, func(*chat.Event) error { return nil }); !errors.Is(err, wire.ErrEventTooLarge) {
		t.Errorf("without bound: %v", err)
	}
}

func TestStream_AVendorsOwnErrorIsAFail(t *testing.T) {
	for typ, want := range map[string]fault.Kind{"overloaded_error": fault.UpstreamUnavailable, "rate_limit_error": fault.UpstreamRateLimited, "api_error": fault.UpstreamError, "timeout_error": fault.UpstreamTimeout, "novel_error": fault.UpstreamError, "invalid_request_error": fault.UpstreamRefused} {
		for _, begin := range [][]string{{start}, nil} {
			var events []chat.Event
			b := append(sse(begin...), "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\""+typ+"\",\"message\":\"words\"}}\n\n"...)
			b = append(b, sse(end, stop)...) // nothing that follows counts
			if err := stream(b, nil, func(e *chat.Event) error { events = append(events, e.Clone()); return nil }); err != nil {
				t.Fatal(err)
			}
			last := events[len(events)-1]
			if last.Kind != chat.Fail || last.Fault.Kind != want || (want == fault.UpstreamRefused) != (last.Fault.Message == "words") {
				t.Errorf("%s: %v %v", typ, last.Kind, last.Fault)
			}
		}
	}
}

func TestStream_WithoutUsageNothingIsCounted(t *testing.T) {
	s := strings.Replace(start, `,"usage":{"input_tokens":3,"output_tokens":1}`, "", 1)
	r, err := read(sse(s, `{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, stop), nil)
	if err != nil || r.Usage != nil {
		t.Fatalf("%v, usage %+v", err, r.Usage)
	}
	a := answering(&chat.Request{})
	b, err := anthropic.Server{}.Reply(nil, r, a)
	if err != nil || !bytes.Contains(b, []byte(`"usage":{"input_tokens":null,"output_tokens":null}`)) {
		t.Errorf("%s, %v", b, err)
	}
}

func TestStream_TheEndIsHeldBackAndNothingFollowsAFailure(t *testing.T) {
	write := func(events ...chat.Event) (dialect.StreamEncoder, string) {
		enc := anthropic.Server{}.Stream(answering(&chat.Request{}))
		var b []byte
		for i := range events {
			var err error
			if b, err = enc.Event(b, &events[i]); err != nil {
				t.Fatal(err)
			}
		}
		return enc, string(b)
	}
	head := chat.Event{Kind: chat.Begin, Head: &chat.Head{}}
	enc, b := write(head, chat.Event{Kind: chat.Finish, Ending: &chat.Ending{Reason: chat.ReasonStop}}, chat.Event{Kind: chat.End})
	if strings.Contains(b, "message_stop") || string(enc.Tail(nil)) != "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n" {
		t.Errorf("%s", b)
	}
	if !strings.Contains(b, `"id":"msg_01J0000000000000000000CALL"`) || !strings.Contains(b, `"model":"claude"`) {
		t.Errorf("what the vendor did not say: %s", b)
	}
	enc, _ = write(head)
	if enc.Tail(nil) != nil {
		t.Error("an end without an end")
	}
	failed := string(enc.Fail(nil, fault.New(fault.UpstreamUnavailable, "down")))
	if !strings.HasPrefix(failed, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"") || enc.Tail(nil) != nil {
		t.Errorf("%s", failed)
	}
	if got := string(enc.KeepAlive(nil)); got != "event: ping\ndata: {\"type\": \"ping\"}\n\n" {
		t.Errorf("%q", got)
	}
	enc, _ = write(head, chat.Event{Kind: chat.Finish, Ending: &chat.Ending{Reason: chat.ReasonStop}}, chat.Event{Kind: chat.End})
	enc.Fail(nil, fault.New(fault.UpstreamError, "the outcome could not be written"))
	if enc.Tail(nil) != nil {
		t.Error("an end after a failure")
	}
}

// TestStream_WhatTheDialectHasNoPlaceForIsNamed: a foreign reply loses no more
// than is said, and stays legal.
func TestStream_WhatTheDialectHasNoPlaceForIsNamed(t *testing.T) {
	r := &chat.Reply{Choices: []chat.Choice{{Parts: []chat.Part{
		{Content: chat.Refusal{Text: "no"}},
		{Content: chat.Text{Text: "a", Citations: []chat.Citation{{Kind: chat.CiteURL, URL: "https://a", Title: "A"}}}, State: &chat.State{Kind: chat.ThoughtSig, Blob: "Z2Vt"}},
		{Content: chat.Media{Medium: chat.Image, Type: "image/png", Data: "AAAA"}},
		{Content: chat.Native{Dialect: "responses", Type: "web_search_call", Value: chat.Raw(`{}`)}},
		{Content: chat.ToolCall{ID: "a.b:c", Name: "free", Arguments: `say "x"`, Custom: true}},
	}, Ending: chat.Ending{Reason: chat.ReasonStop}}, {Ending: chat.Ending{Reason: chat.ReasonStop}}}, Usage: &chat.Usage{Input: 1, ToolPrompt: 2, Output: 3, Extra: chat.Extra{{Dialect: "gemini", Name: "trafficType", Value: chat.Raw(`"x"`)}}}}
	a := answering(&chat.Request{})
	enc := anthropic.Server{}.Stream(a)
	var b []byte
	if err := chat.Events(r, func(e *chat.Event) (err error) { b, err = enc.Event(b, e); return err }); err != nil {
		t.Fatal(err)
	}
	b = enc.Tail(b)
	streamed := losses(a.Loss)
	a = answering(&chat.Request{})
	body, err := anthropic.Server{}.Reply(nil, r, a)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"choices[].parts[].refusal;approximated", "choices[].parts[].state;dropped", "choices[].parts[].media;dropped", "choices[].parts[].web_search_call;dropped", "choices[].parts[].arguments;approximated", "choices;dropped", "usage.trafficType;dropped"} {
		if !strings.Contains(losses(a.Loss), want) || !strings.Contains(streamed, want) {
			t.Errorf("%s is not named: %q, streamed %q", want, losses(a.Loss), streamed)
		}
	}
	whole, err := anthropic.Client{}.Reply(body, new(wire.Scanner), &upstreams[0])
	if err != nil {
		t.Fatal(err)
	}
	folded, err := read(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	if g, w := marshal(t, folded), marshal(t, whole); g != w {
		t.Errorf("streamed %s\nunary    %s", g, w)
	}
	if whole.Choices[0].Ending.Reason != chat.ReasonRefusal || whole.Usage.Input != 3 || len(whole.Choices[0].Parts) != 3 {
		t.Errorf("%s", body)
	}
}

func TestFault_ClassifiesByStatusTypeAndWordsTogether(t *testing.T) {
	for _, row := range []struct {
		status int
		header http.Header
		body   string
		want   fault.Kind
		final  bool
		wait   time.Duration
	}{
		{400, nil, `{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}`, fault.UpstreamRefused, true, 0},
		{400, nil, `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}`, fault.UpstreamRateLimited, true, 0},
		{429, nil, `{"type":"error","error":{"type":"billing_error","message":"x"}}`, fault.UpstreamRateLimited, true, 0},
		{402, nil, `{}`, fault.UpstreamMisconfig, false, 0},
		{404, nil, `{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"}}`, fault.UpstreamMisconfig, false, 0},
		{429, http.Header{"Retry-After-Ms": {"1500"}}, ``, fault.UpstreamRateLimited, false, 1500 * time.Millisecond},
		{503, nil, `{"type":"error","error":{"type":"api_error"}}`, fault.UpstreamUnavailable, false, 0},
		{529, http.Header{"Retry-After": {"2"}}, `{"type":"error","error":{"type":"overloaded_error"}}`, fault.UpstreamUnavailable, false, 2 * time.Second},
		{500, nil, `{"type":"error","error":{"type":"api_error"}}`, fault.UpstreamError, false, 0},
		{502, nil, `<html>`, fault.UpstreamError, false, 0},
		{504, nil, `{"type":"error","error":{"type":"timeout_error"}}`, fault.UpstreamTimeout, false, 0},
		{413, nil, ``, fault.UpstreamRefused, true, 0},
		{400, http.Header{"X-Amzn-Errortype": {"ValidationException:http://internal.amazon.com/"}}, `{"message":"The provided model identifier is invalid."}`, fault.UpstreamMisconfig, false, 0},
		{400, http.Header{"X-Amzn-Errortype": {"ValidationException"}}, `{"message":"Input is too long for requested model."}`, fault.UpstreamRefused, true, 0},
		{400, http.Header{"X-Amzn-Errortype": {"ServiceQuotaExceededException"}}, `{"message":"x"}`, fault.UpstreamRateLimited, false, 0},
		{408, http.Header{"X-Amzn-Errortype": {"ModelTimeoutException"}}, `{}`, fault.UpstreamTimeout, false, 0},
		{424, http.Header{"X-Amzn-Errortype": {"ModelErrorException"}}, `{}`, fault.UpstreamError, false, 0},
		{403, http.Header{"X-Amzn-Errortype": {"com.amazon#AccessDeniedException"}}, `{"Message":"x"}`, fault.UpstreamMisconfig, false, 0},
		{429, http.Header{"X-Amzn-Errortype": {"ModelNotReadyException"}}, `{}`, fault.UpstreamUnavailable, false, 0},
		{429, nil, `{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}`, fault.UpstreamRateLimited, false, 0},
	} {
		f := anthropic.Client{}.Fault(row.status, row.header, []byte(row.body))
		if f.Kind != row.want || f.NoRetry != row.final || f.RetryAfter != row.wait {
			t.Errorf("%d %s: %v, final %v, wait %v", row.status, row.body, f.Kind, f.NoRetry, f.RetryAfter)
		}
		if f.Message == "" || row.want != fault.UpstreamRefused && strings.Contains(f.Message, "credit") {
			t.Errorf("%d: says %q", row.status, f.Message)
		}
	}
}
