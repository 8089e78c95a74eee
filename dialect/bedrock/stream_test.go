package bedrock_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"bulkhead/chat"
	"bulkhead/dialect/bedrock"
	"bulkhead/fault"
	"bulkhead/wire"
)

// encoded are the frames of events, and then of what rest does.
func encoded(t *testing.T, list []chat.Event) []byte {
	t.Helper()
	a := answering()
	e := bedrock.Server{}.Stream(a)
	var out []byte
	for i := range list {
		var err error
		if out, err = e.Event(out, &list[i]); err != nil {
			t.Fatal(err)
		}
	}
	return e.Tail(out)
}

func part(c chat.Content) *chat.Part { return &chat.Part{Content: c} }

func TestStream_WritesFramesAsBedrockDoes(t *testing.T) {
	got := payloads(t, encoded(t, []chat.Event{
		{Kind: chat.Begin, Head: &chat.Head{Tier: "flex"}},
		{Kind: chat.Start, Part: part(chat.Text{})}, // says nothing: no block
		{Kind: chat.Stop},
		{Kind: chat.Start, Index: 1, Part: part(chat.Reasoning{})},
		{Kind: chat.Delta, Index: 1, Bytes: []byte("hm")},
		{Kind: chat.Seal, Index: 1, State: &chat.State{Kind: chat.SignedText, Blob: "c2ln"}},
		{Kind: chat.Stop, Index: 1},
		{Kind: chat.Start, Index: 2, Part: part(chat.ToolCall{ID: "call_1", Name: "find"})},
		{Kind: chat.Stop, Index: 2}, // no arguments
		{Kind: chat.Start, Index: 3, Part: part(chat.Media{Medium: chat.Image, Type: "image/png"})},
		{Kind: chat.Delta, Index: 3, Bytes: []byte("iVBORw0")},
		{Kind: chat.Delta, Index: 3, Bytes: []byte("KGgo=")},
		{Kind: chat.Stop, Index: 3},
		{Kind: chat.Start, Index: 4, Part: part(chat.Text{})},
		{Kind: chat.Delta, Index: 4, Bytes: []byte("é\n\"")},
		{Kind: chat.Cite, Index: 4, Citation: &chat.Citation{Kind: chat.CiteURL, URL: "https://a.example/", Title: "T"}},
		{Kind: chat.Stop, Index: 4},
		{Kind: chat.Finish, Ending: &chat.Ending{Reason: chat.ReasonTool}},
		{Kind: chat.Count, Usage: &chat.Usage{Input: 2, CacheRead: 3, CacheWrite5m: 4, CacheWrite1h: 5, Output: 6}},
		{Kind: chat.End},
	}))
	want := []string{
		`event messageStart {"role":"assistant"}`,
		`event contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}}}`,
		`event contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"c2ln"}}}`,
		`event contentBlockStop {"contentBlockIndex":0}`,
		`event contentBlockStart {"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"call_1","name":"find"}}}`,
		`event contentBlockDelta {"contentBlockIndex":1,"delta":{"toolUse":{"input":"{}"}}}`,
		`event contentBlockStop {"contentBlockIndex":1}`,
		`event contentBlockStart {"contentBlockIndex":2,"start":{"image":{"format":"png"}}}`,
		`event contentBlockDelta {"contentBlockIndex":2,"delta":{"image":{"source":{"bytes":"iVBO"}}}}`,
		`event contentBlockDelta {"contentBlockIndex":2,"delta":{"image":{"source":{"bytes":"Rw0KGgo="}}}}`,
		`event contentBlockStop {"contentBlockIndex":2}`,
		`event contentBlockDelta {"contentBlockIndex":3,"delta":{"text":"é\n\""}}`,
		`event contentBlockDelta {"contentBlockIndex":3,"delta":{"citation":{"title":"T","location":{"web":{"url":"https://a.example/"}}}}}`,
		`event contentBlockStop {"contentBlockIndex":3}`,
		`event messageStop {"stopReason":"tool_use"}`,
		`event metadata {"usage":{"inputTokens":2,"outputTokens":6,"totalTokens":20,"cacheReadInputTokens":3,"cacheWriteInputTokens":9,"cacheDetails":[{"ttl":"5m","inputTokens":4},{"ttl":"1h","inputTokens":5}]},"metrics":{"latencyMs":0},"serviceTier":{"type":"flex"}}`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestStream_LeavesOutAUsageThatIsNotKnown(t *testing.T) {
	got := payloads(t, encoded(t, []chat.Event{{Kind: chat.Begin, Head: &chat.Head{}}, {Kind: chat.Finish, Ending: &chat.Ending{Reason: chat.ReasonStop}}, {Kind: chat.End}}))
	if last := got[len(got)-1]; last != `event metadata {"metrics":{"latencyMs":0}}` {
		t.Errorf("got %s", last)
	}
	body, err := bedrock.Server{}.Reply(nil, &chat.Reply{Choices: []chat.Choice{{Ending: chat.Ending{Reason: chat.ReasonStop}}}}, answering())
	if err != nil || bytes.Contains(body, []byte("usage")) {
		t.Errorf("%v: %s", err, body)
	}
	var s wire.Scanner
	r, err := bedrock.Client{}.Reply([]byte(`{"output":{"message":{"role":"assistant","content":[]}},"stopReason":"end_turn","usage":{"outputTokens":0}}`), &s, family)
	if err != nil || r.Usage != nil {
		t.Errorf("%v: a usage without its input is %+v", err, r.Usage)
	}
}

func TestStream_FailsInItsOwnForm(t *testing.T) {
	for kind, want := range map[fault.Kind]string{
		fault.UpstreamError: "modelStreamErrorException", fault.UpstreamTimeout: "modelStreamErrorException", fault.RateLimited: "throttlingException",
		fault.LedgerUnavailable: "serviceUnavailableException", fault.Internal: "internalServerException", fault.Spillage: "validationException", "new": "validationException",
	} {
		e := bedrock.Server{}.Stream(answering())
		out, err := e.Event(nil, &chat.Event{Kind: chat.Begin, Head: &chat.Head{}})
		if err != nil {
			t.Fatal(err)
		}
		out = e.Fail(out, fault.New(kind, "It broke."))
		out = e.Tail(out)
		got := payloads(t, out)
		if len(got) != 2 || !strings.HasPrefix(got[1], "exception "+want+` {"message":"It broke. Call 01ARZ`) {
			t.Errorf("%s: got %q", kind, got)
		}
	}
	f := fault.New(fault.Denied, "No.")
	for range 300_000 {
		f.Reasons = append(f.Reasons, fault.Reason{Why: strings.Repeat("x", 100)})
	}
	if got := payloads(t, bedrock.Exception(nil, f, answering())); len(got) != 1 || !strings.Contains(got[0], "denied") {
		t.Errorf("more reasons than a frame holds: %d frames", len(got))
	}
}

func TestStream_KeepsAliveWithinABlockAlone(t *testing.T) {
	e := bedrock.Server{}.Stream(answering())
	step := func(ev chat.Event) {
		if _, err := e.Event(nil, &ev); err != nil {
			t.Fatal(err)
		}
	}
	if got := e.KeepAlive(nil); len(got) > 0 {
		t.Errorf("before the reply: %q", got)
	}
	step(chat.Event{Kind: chat.Begin, Head: &chat.Head{}})
	step(chat.Event{Kind: chat.Start, Part: part(chat.Text{})})
	if got := e.KeepAlive(nil); len(got) > 0 {
		t.Errorf("in a block that says nothing yet: %q", got)
	}
	step(chat.Event{Kind: chat.Delta, Bytes: []byte("x")})
	if got := payloads(t, e.KeepAlive(nil)); !reflect.DeepEqual(got, []string{`event contentBlockDelta {"contentBlockIndex":0,"delta":{"text":""}}`}) {
		t.Errorf("in a text: %q", got)
	}
	step(chat.Event{Kind: chat.Stop})
	if got := e.KeepAlive(nil); len(got) > 0 {
		t.Errorf("between blocks: %q", got)
	}
	step(chat.Event{Kind: chat.Start, Index: 1, Part: part(chat.ToolCall{ID: "a", Name: "b"})})
	if got := payloads(t, e.KeepAlive(nil)); !reflect.DeepEqual(got, []string{`event contentBlockDelta {"contentBlockIndex":1,"delta":{"toolUse":{"input":""}}}`}) {
		t.Errorf("in a call: %q", got)
	}
}

// frames writes frames of events, each "type payload".
func frames(t testing.TB, lines ...string) []byte {
	t.Helper()
	var out []byte
	for _, line := range lines {
		event, payload, _ := strings.Cut(line, " ")
		f := wire.BeginFrame(out)
		f.Text(":event-type", event)
		f.Text(":message-type", "event")
		f.Payload([]byte(payload))
		var err error
		if out, err = f.End(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestStream_ReadsWhatRecordingsDoNotShow(t *testing.T) {
	const end = `messageStop {"stopReason":"end_turn"}`
	const last = `metadata {"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3},"metrics":{"latencyMs":1}}`
	for _, row := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"a hosted tool", []string{`contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t","name":"nova_grounding","type":"server_tool_use"}}}`,
			`contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"q\":"}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":"1}"}}}`, `contentBlockStop {"contentBlockIndex":0}`,
			`contentBlockStart {"contentBlockIndex":1,"start":{"toolResult":{"toolUseId":"t","type":"nova_grounding_result","status":"success"}}}`,
			`contentBlockDelta {"contentBlockIndex":1,"delta":{"toolResult":[{"text":"a"},{"json":{"b":1}}]}}`, `contentBlockDelta {"contentBlockIndex":1,"delta":{"toolResult":[{"text":"c"}]}}`, `contentBlockStop {"contentBlockIndex":1}`},
			`[{"type":"native","dialect":"bedrock","native":"toolUse","value":{"toolUseId":"t","name":"nova_grounding","type":"server_tool_use","input":{"q":1}}},{"type":"native","dialect":"bedrock","native":"toolResult","value":{"toolUseId":"t","type":"nova_grounding_result","status":"success","content":[{"text":"a"},{"json":{"b":1}},{"text":"c"}]}}]`},
		{"cited text", []string{`contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"so"}}`,
			`contentBlockDelta {"contentBlockIndex":0,"delta":{"citation":{"title":"T","sourceContent":[{"text":"q"}],"location":{"documentPage":{"documentIndex":1,"start":2,"end":3}}}}}`},
			`[{"type":"text","text":"so","citations":[{"kind":"document_pages","title":"T","quote":"q","source":1,"place":{"start":2,"end":3},"native":{"dialect":"bedrock","name":"citation","value":{"title":"T","sourceContent":[{"text":"q"}],"location":{"documentPage":{"documentIndex":1,"start":2,"end":3}}}}}]}]`},
		{"a picture in pieces", []string{`contentBlockStart {"contentBlockIndex":0,"start":{"image":{"format":"png"}}}`,
			`contentBlockDelta {"contentBlockIndex":0,"delta":{"image":{"source":{"bytes":"AA=="}}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"image":{"source":{"bytes":"AQI="}}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"image":{"source":{"bytes":"Aw=="}}}}`},
			`[{"type":"media","medium":"image","media_type":"image/png","data":"AAECAw=="}]`},
		{"a signature in pieces, redacted content in pieces", []string{`contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"ab"}}}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"cd"}}}`,
			`contentBlockStop {"contentBlockIndex":0}`, `contentBlockDelta {"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"AA=="}}}`, `contentBlockDelta {"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"AQ=="}}}`},
			`[{"type":"reasoning","state":{"kind":"signed_text","blob":"abcd","minter":"family"}},{"type":"reasoning","state":{"kind":"redacted","blob":"AAE=","minter":"family"}}]`},
		{"the delta before its index, escapes, padding, nothing, and a new kind of frame", []string{`contentBlockDelta {"p":"abc","delta":{"text":"\u00e9\ud83d\ude00"},"contentBlockIndex":3}`,
			`contentBlockDelta {"contentBlockIndex":3,"delta":{"text":""}}`, `sparkle {"x":1}`, `contentBlockDelta {"contentBlockIndex":3,"delta":{"glitter":{"x":1}}}`, `contentBlockStop {"contentBlockIndex":9}`},
			`[{"type":"text","text":"é😀"}]`},
	} {
		lines := append(append([]string{`messageStart {"role":"assistant"}`}, row.lines...), end, last)
		var fold chat.Folder
		body := frames(t, lines...)
		if _, err := decode(bedrock.Client{}.Stream(family), bytes.NewReader(body), fold.Add); err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		r, err := fold.Reply()
		if err != nil {
			t.Fatal(err)
		}
		if got := canonical(t, &chat.Message{Parts: r.Choices[0].Parts}); !strings.Contains(got, `"parts":`+row.want+`}`) {
			t.Errorf("%s:\ngot  %swant %s", row.name, got, row.want)
		}
		// And the way back, where the frames of Bedrock's own blocks are told from those of others.
		a := answering()
		e := bedrock.Server{}.Stream(a)
		var out []byte
		if _, err := decode(bedrock.Client{}.Stream(family), bytes.NewReader(body), func(ev *chat.Event) (err error) { out, err = e.Event(out, ev); return err }); err != nil {
			t.Fatal(err)
		}
		var second chat.Folder
		if _, err := decode(bedrock.Client{}.Stream(family), bytes.NewReader(e.Tail(out)), second.Add); err != nil {
			t.Errorf("%s, again: %v", row.name, err)
			continue
		}
		again, err := second.Reply()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := tree(t, []byte(canonical(t, told(again)))), tree(t, []byte(canonical(t, told(r)))); !reflect.DeepEqual(got, want) || len(a.Loss.List()) > 0 {
			t.Errorf("%s, again:\ngot  %v\nwant %v\nlosses %v", row.name, got, want, a.Loss.List())
		}
	}
}

func TestStream_OutOfOrderIsAFault(t *testing.T) {
	const begin, end = `messageStart {}`, `messageStop {"stopReason":"end_turn"}`
	for name, lines := range map[string][]string{
		"a delta first":              {`contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"x"}}`},
		"two beginnings":             {begin, begin},
		"two ends":                   {begin, end, end},
		"a delta after the end":      {begin, end, `contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"x"}}`},
		"input without a call":       {begin, `contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":"x"}}}`},
		"input of a call that ended": {begin, `contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"a","name":"b"}}}`, `contentBlockStop {"contentBlockIndex":0}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":"x"}}}`},
		"two calls of one id":        {begin, `contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"a","name":"b"}}}`, `contentBlockStart {"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"a","name":"b"}}}`},
		"a call without a name":      {begin, `contentBlockStart {"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"a"}}}`},
		"no JSON":                    {begin, `contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"x"}`},
		"an end that says nothing":   {begin, `messageStop {}`},
		"metadata first":             {`metadata {}`},
	} {
		_, _, err := events(bedrock.Client{}.Stream(family), bytes.NewReader(frames(t, lines...)))
		if f := fault.From(err); f == nil || f.Kind != fault.UpstreamError {
			t.Errorf("%s: %v", name, err)
		}
	}
}
