package openai_test

import (
	"fmt"
	"strings"
	"testing"

	"bulkhead/chat"
	"bulkhead/fault"
)

// chunks writes deltas of choice 0 as a stream that ends well.
func chunks(finish string, deltas ...string) string {
	var b strings.Builder
	for _, d := range deltas {
		fmt.Fprintf(&b, "data: {\"id\":\"c\",\"model\":\"m\",\"created\":1,\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":null}]}\n\n", d)
	}
	fmt.Fprintf(&b, "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":%q}]}\n\ndata: [DONE]\n\n", finish)
	return b.String()
}

func calls(list ...string) string { return `{"tool_calls":[` + strings.Join(list, ",") + `]}` }

func begun(index int, id, name, args string) string {
	return fmt.Sprintf(`{"index":%d,"id":%q,"type":"function","function":{"name":%q,"arguments":%q}}`, index, id, name, args)
}

func more(index int, args string) string {
	return fmt.Sprintf(`{"index":%d,"function":{"arguments":%q}}`, index, args)
}

// brief writes events in few words.
func brief(list []chat.Event) string {
	var out []string
	for _, e := range list {
		switch e.Kind {
		case chat.Start:
			word := string(e.Part.Content.Kind())
			if c, is := e.Part.Content.(chat.ToolCall); is {
				word = c.Name
			}
			out = append(out, fmt.Sprintf("+%d %s", e.Index, word))
		case chat.Delta, chat.Speech:
			out = append(out, fmt.Sprintf("%q", e.Bytes))
		case chat.Stop:
			out = append(out, fmt.Sprintf("-%d", e.Index))
		case chat.Seal:
			out = append(out, "sealed "+e.State.Blob+" by "+e.State.Minter)
		case chat.Finish:
			out = append(out, string(e.Ending.Reason))
		}
	}
	return strings.Join(out, " ")
}

func TestStream_PiecesOfParallelCallsAreOrdered(t *testing.T) {
	const sign = `"extra_content":{"google":{"thought_signature":"c2ln"}}`
	for _, row := range []struct {
		name, finish, want string
		deltas             []string
	}{
		{"one after another", "tool_calls", `+0 a "{\"x\"" ":1}" -0 +1 b "{}" -1 tool_call`,
			[]string{calls(begun(0, "1", "a", "")), calls(more(0, `{"x"`)), calls(more(0, ":1}")), calls(begun(1, "2", "b", "{}"))}},
		{"interleaved", "tool_calls", `+0 a "{\"x\"" ":[1]}" -0 +1 b "{\"y\":2" "}" -1 tool_call`,
			[]string{calls(begun(0, "1", "a", `{"x"`), begun(1, "2", "b", `{"y"`)), calls(more(1, ":2")), calls(more(0, ":[1]}")), calls(more(1, "}"))}},
		{"three at once", "tool_calls", `+0 a "{" "}" -0 +1 b "{}" -1 +2 c "{\"z\":\"}\"" "}" -2 tool_call`,
			[]string{calls(begun(0, "1", "a", "{"), begun(1, "2", "b", ""), begun(2, "3", "c", `{"z":"}"`)), calls(more(1, "{}")), calls(more(0, "}")), calls(more(2, "}"))}},
		{"a bracket in a text is none", "tool_calls", `+0 a "{\"x\":\"}\\\"" "{\"}" -0 +1 b "{}" -1 tool_call`,
			[]string{calls(begun(0, "1", "a", `{"x":"}\"`), begun(1, "2", "b", "{}")), calls(more(0, `{"}`))}},
		{"an escaped quote ends no text", "tool_calls", `+0 a "{\"x\":\"\\\"}" "\"}" -0 +1 b "{" "}" -1 tool_call`,
			[]string{calls(begun(0, "1", "a", `{"x":"\"}`)), calls(begun(1, "2", "b", "{")), calls(more(0, `"}`)), calls(more(1, "}"))}},
		{"a call without arguments holds the next", "tool_calls", `+0 a -0 +1 b "{}" -1 tool_call`,
			[]string{calls(begun(0, "1", "a", "")), calls(begun(1, "2", "b", "")), calls(more(1, "{}"))}},
		{"cut by the limit", "length", `+0 a "{\"x\"" -0 +1 b "{\"y\"" -1 length`,
			[]string{calls(begun(0, "1", "a", `{"x"`)), calls(begun(1, "2", "b", `{"y"`))}},
		{"text between", "tool_calls", `+0 a "{" "}" -0 +1 text "so" -1 +2 b "{}" -2 tool_call`,
			[]string{calls(begun(0, "1", "a", "{")), `{"content":"so"}`, calls(begun(1, "2", "b", "{}")), calls(more(0, "}"))}},
		{"reasoning, text, call", "tool_calls", `+0 reasoning "hm" -0 +1 text "so" "!" -1 +2 a "{}" -2 tool_call`,
			[]string{`{"role":"assistant","content":"","reasoning_content":"hm"}`, `{"content":"so"}`, `{"content":"!"}`, calls(begun(0, "1", "a", "{}"))}},
		{"all in one chunk", "tool_calls", `+0 reasoning "hm" -0 +1 text "so" -1 +2 a "{}" -2 tool_call`,
			[]string{`{"tool_calls":[` + begun(0, "1", "a", "{}") + `],"content":"so","reasoning":"hm"}`}},
		{"no index", "stop", `+0 a "{\"x\":1" "}" -0 +1 b "{}" -1 tool_call`,
			[]string{`{"tool_calls":[{"id":"1","type":"function","function":{"name":"a","arguments":"{\"x\":1"}}]}`, `{"tool_calls":[{"function":{"arguments":"}"}}]}`,
				`{"tool_calls":[{"id":"2","function":{"name":"b","arguments":"{}"}}]}`}},
		{"all of index 0", "stop", `+0 a "{}" -0 +1 b "{}" -1 tool_call`, []string{calls(begun(0, "1", "a", "{}")), calls(begun(0, "2", "b", "{}"))}},
		{"id and name in every piece", "tool_calls", `+0 a "{" "}" -0 tool_call`, []string{calls(begun(0, "1", "a", "{")), calls(begun(0, "1", "a", "}"))}},
		{"the name later than the id", "tool_calls", `+0 a "{" "}" -0 tool_call`,
			[]string{`{"tool_calls":[{"index":0,"id":"1","function":{"arguments":"{"}}]}`, `{"tool_calls":[{"index":0,"function":{"name":"a","arguments":""}}]}`, calls(more(0, "}"))}},
		{"arguments that are an object", "tool_calls", `+0 a "{\"x\": 1}" -0 tool_call`, []string{`{"tool_calls":[{"index":0,"id":"1","function":{"name":"a","arguments":{"x": 1}}}]}`}},
		{"a signature by itself", "stop", `+0 a "{}" sealed c2ln by family -0 tool_call`, []string{calls(begun(0, "1", "a", "{}")), calls(`{"index":0,` + sign + `}`)}},
		{"a signature with its call", "stop", `+0 a "{}" sealed c2ln by family -0 tool_call`, []string{calls(`{"id":"1","function":{"name":"a","arguments":"{}"},` + sign + `}`)}},
		{"a signature that was held", "stop", `+0 a "{" "}" -0 +1 b "{}" sealed c2ln by family -1 tool_call`,
			[]string{calls(begun(0, "1", "a", "{")), calls(begun(1, "2", "b", "{}")), calls(`{"index":1,` + sign + `}`), calls(more(0, "}"))}},
		{"a custom tool", "tool_calls", `+0 a "4 + " "4" -0 tool_call`,
			[]string{`{"tool_calls":[{"index":0,"id":"1","type":"custom","custom":{"name":"a","input":"4 + "}}]}`, `{"tool_calls":[{"index":0,"custom":{"input":"4"}}]}`}},
		{"the legacy form", "function_call", `+0 a "{" "}" -0 tool_call`, []string{`{"function_call":{"name":"a","arguments":"{"}}`, `{"function_call":{"arguments":"}"}}`}},
		{"a sound", "stop", `+0 media "AAAA" "hi" -0 stop`, []string{`{"audio":{"id":"s","data":"AAAA"}}`, `{"audio":{"transcript":"hi","expires_at":7}}`}},
		{"halves of a pair", "stop", `+0 text "a` + "\uFFFD" + `" "😀` + "\uFFFD" + `\\ud83d" -0 stop`, []string{`{"content":"a\ud83d"}`, `{"content":"\ud83d\ude00\ude00\\ud83d"}`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			list, err := events(strings.NewReader(chunks(row.finish, row.deltas...)))
			if err != nil {
				t.Fatal(err)
			}
			if got := brief(list); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

func TestStream_CallsOfOneIDGetIDsOfTheirOwn(t *testing.T) {
	list, err := events(strings.NewReader(chunks("tool_calls", calls(begun(0, "", "a", "{}")), calls(begun(1, "same", "b", "{}")), calls(begun(2, "same", "c", "{}")))))
	if err != nil {
		t.Fatal(err)
	}
	r := fold(t, list)
	seen := map[string]bool{}
	for _, p := range r.Choices[0].Parts {
		id := p.Content.(chat.ToolCall).ID
		if id == "" || seen[id] || chat.FitID(id) != id {
			t.Errorf("the id %q", id)
		}
		seen[id] = true
	}
	if !seen["same"] {
		t.Error("an id that was the call's own is gone")
	}
}

func TestStream_WhatIsNoStreamIsAFault(t *testing.T) {
	ok := `data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}` + "\n\n"
	for _, row := range []struct{ name, stream string }{
		{"nothing", ""},
		{"the end alone", "data: [DONE]\n\n"},
		{"no end", ok},
		{"no finish", `data: {"choices":[{"index":0,"delta":{"content":"x"}}]}` + "\n\ndata: [DONE]\n\n"},
		{"one of two unfinished", strings.Replace(ok, `"choices":[`, `"choices":[{"index":1,"delta":{}},`, 1) + "data: [DONE]\n\n"},
		{"no JSON", "data: hello\n\n"},
		{"no object", "data: []\n\n"},
		{"half an object", `data: {"choices":[` + "\n\n"},
		{"content after the finish", ok + ok + "data: [DONE]\n\n"},
		{"a call after its end", chunks("stop", calls(begun(0, "1", "a", "{}")), calls(begun(1, "2", "b", "{}")), calls(more(0, "x")))},
		{"a call without a name", chunks("stop", calls(more(0, "{}")))},
		{"too many choices", `data: {"choices":[{"index":128,"delta":{"content":"x"}}]}` + "\n\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			list, err := events(strings.NewReader(row.stream))
			if err == nil || fault.From(err).Kind != fault.UpstreamError {
				t.Errorf("%v after %s", err, brief(list))
			}
		})
	}
}

func TestStream_HoldsNoMoreThanItMay(t *testing.T) {
	big := strings.Repeat("x", 1<<19)
	var late []string
	for range 33 {
		late = append(late, calls(more(1, big)))
	}
	first := []string{calls(begun(0, "1", "a", "{")), calls(begun(1, "2", "b", `{"`))}
	if list, err := events(strings.NewReader(chunks("stop", append(first, late...)...))); err == nil || fault.From(err).Kind != fault.UpstreamError {
		t.Errorf("%v after %d events", err, len(list))
	}
	var many []string
	for i := range 1025 {
		many = append(many, calls(begun(i, "", "a", "{}")))
	}
	if _, err := events(strings.NewReader(chunks("stop", many...))); err == nil {
		t.Error("a thousand calls are taken")
	}
	if _, err := events(strings.NewReader(chunks("stop", many[:100]...))); err != nil {
		t.Error(err)
	}
}

func TestStream_TheVendorsOwnErrorIsAFailure(t *testing.T) {
	for _, row := range []struct {
		name, data string
		want       fault.Kind
	}{
		{"a server's error", `{"error":{"message":"secret","type":"server_error","code":null}}`, fault.UpstreamError},
		{"a limit", `{"error":{"type":"requests","code":"rate_limit_exceeded"}}`, fault.UpstreamRateLimited},
		{"a status as code", `{"error":{"message":"busy","code":503}}`, fault.UpstreamUnavailable},
		{"a text", `{"error":"broken"}`, fault.UpstreamError},
		{"beside choices", `{"choices":[{"index":0,"delta":{},"finish_reason":"error"}],"error":{"code":504}}`, fault.UpstreamTimeout},
	} {
		t.Run(row.name, func(t *testing.T) {
			list, err := events(strings.NewReader("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\ndata: " + row.data + "\n\n"))
			if err != nil {
				t.Fatal(err)
			}
			last := list[len(list)-1]
			if last.Kind != chat.Fail || last.Fault.Kind != row.want || strings.Contains(last.Fault.Error(), "secret") {
				t.Errorf("got %v %v", last.Kind, last.Fault)
			}
		})
	}
	if list, err := events(strings.NewReader("event: error\ndata: {\"message\":\"x\"}\n\n")); err != nil || list[0].Kind != chat.Fail {
		t.Errorf("an event of the type error: %v, %v", list, err)
	}
}

func TestStream_UsageOfEveryChunkCountsOnce(t *testing.T) {
	s := `data: {"choices":[{"index":0,"delta":{"content":"x"}}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}` + "\n\n" +
		`data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}` + "\n\n" +
		": a comment\n\ndata: [DONE]\n\ndata: nonsense after the end\n\n"
	list, err := events(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	if u := fold(t, list).Usage; u == nil || u.Input != 3 || u.Output != 2 {
		t.Errorf("got %+v", u)
	}
	out := stream(t, list, answering)
	gather(t, out)
	if n := strings.Count(string(out), `"prompt_tokens":3`); n != 1 {
		t.Errorf("usage %d times in %s", n, out)
	}
}
