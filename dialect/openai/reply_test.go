package openai_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/dialect/openai"
	"bulkhead/fault"
	"bulkhead/wire"
)

func readReply(data string) (openai.Reply, error) {
	return openai.ReadReply(new(wire.Scanner), []byte(data))
}

func TestReadReply_SaysWhatTheReplyHolds(t *testing.T) {
	choice := func(rest string) string { return `{"choices":[{"index":0,` + rest + `}]}` }
	for _, row := range []struct {
		name, data string
		want       openai.Reply
	}{
		{"nothing", `{}`, openai.Reply{}},
		{"no choices", `{"choices":[]}`, openai.Reply{}},
		{"the role", choice(`"delta":{"role":"assistant","content":""}`), openai.Reply{Choices: true}},
		{"text", choice(`"delta":{"content":"abc"}`), openai.Reply{Choices: true, Content: true, Text: 3}},
		{"null text", choice(`"delta":{"content":null}`), openai.Reply{Choices: true}},
		{"reasoning", choice(`"delta":{"reasoning_content":"ab"}`), openai.Reply{Choices: true, Content: true, Text: 2}},
		{"reasoning, other name", choice(`"delta":{"reasoning":"ab"}`), openai.Reply{Choices: true, Content: true, Text: 2}},
		{"refusal", choice(`"delta":{"refusal":"no"}`), openai.Reply{Choices: true, Content: true, Text: 2}},
		{"a tool call", choice(`"delta":{"tool_calls":[{}]}`), openai.Reply{Choices: true, Content: true, Text: 2}},
		{"no tool call", choice(`"delta":{"tool_calls":[]}`), openai.Reply{Choices: true}},
		{"sound", choice(`"delta":{"audio":{"id":"a"}}`), openai.Reply{Choices: true, Content: true, Text: 10}},
		{"a finish", choice(`"delta":{},"finish_reason":"length"`), openai.Reply{Choices: true, Content: true, Finish: "length"}},
		{"a strange finish", choice(`"finish_reason":"bk_secret words"`), openai.Reply{Choices: true, Content: true, Finish: "other"}},
		{"a choice without delta", choice(`"finish_reason":null`), openai.Reply{Choices: true}},
		{"two finishes", `{"choices":[{"finish_reason":"stop"},{"finish_reason":"length"}]}`, openai.Reply{Choices: true, Content: true, Finish: "stop"}},
		{"vectors", `{"data":[{"embedding":"AA"}]}`, openai.Reply{Choices: true, Content: true}},
		{"an error", `{"error":{"message":"x"}}`, openai.Reply{Error: true}},
		{"an error word", `{"error":"x"}`, openai.Reply{Error: true}},
		{"a null error", `{"error":null}`, openai.Reply{}},
		{"usage", `{"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":1},"completion_tokens_details":{"reasoning_tokens":2}}}`,
			openai.Reply{Usage: call.Usage{Known: true, Input: 3, Output: 2, CachedInput: 1, Reasoning: 2}}},
		{"null usage", `{"usage":null}`, openai.Reply{}},
		{"empty usage", `{"usage":{}}`, openai.Reply{}},
		{"null details", `{"usage":{"prompt_tokens":3,"prompt_tokens_details":null,"completion_tokens_details":null}}`, openai.Reply{Usage: call.Usage{Known: true, Input: 3}}},
		{"reasoning outside of completion", `{"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":25}}`, openai.Reply{Usage: call.Usage{Known: true, Input: 3, Output: 22}}},
		{"a fraction", `{"usage":{"prompt_tokens":3.5,"completion_tokens":2}}`, openai.Reply{}},
		{"too large a count", `{"usage":{"prompt_tokens":99999999999999999999,"completion_tokens":2}}`, openai.Reply{}},
		{"a total that overflows", `{"usage":{"prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807,"total_tokens":1}}`, openai.Reply{Usage: call.Usage{Known: true, Input: 9223372036854775807, Output: 9223372036854775807}}},
		{"of other types", `{"choices":{},"usage":[],"data":{}}`, openai.Reply{}},
		{"choices of other types", `{"choices":[null,1,"x",[]]}`, openai.Reply{Choices: true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := readReply(row.data)
			if err != nil || !reflect.DeepEqual(got, row.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, row.want)
			}
		})
	}
}

func TestReadReply_RefusesEveryPartOfAReply(t *testing.T) {
	files, err := filepath.Glob("testdata/recorded/*.json")
	if err != nil {
		t.Fatal(err)
	}
	bodies := []string{`{"choices":[{"index":0,"text":"ab","delta":{"content":"a","refusal":"b","reasoning":"c","tool_calls":[{"id":"x"}],"audio":{"id":"1"}},"finish_reason":"stop"}],"data":[1],"error":{"a":"b"},"usage":{"prompt_tokens":3,"prompt_tokens_details":{"cached_tokens":1}}}`}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(f, ".meta.json") {
			bodies = append(bodies, strings.TrimSpace(string(b)))
		}
	}
	if len(bodies) < 4 {
		t.Fatalf("%d bodies", len(bodies))
	}
	for _, body := range bodies {
		if _, err := readReply(body); err != nil {
			t.Errorf("%v: %s", err, body)
		}
		for n := range len(body) {
			func() {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("panic: %v on a reply that ends in %q", p, body[max(0, n-60):n])
					}
				}()
				if _, err := readReply(body[:n]); err == nil {
					t.Errorf("a reply cut at %d of %d is taken: %s", n, len(body), body[:n])
				}
			}()
		}
	}
}

func TestErrorEvent_IsOneEventThatSDKsRaise(t *testing.T) {
	f := fault.New(fault.UpstreamError, "line one\nline two \u2028 \"quoted\"")
	event := openai.ErrorEvent(f, "01ABC")
	if bytes.Count(event, []byte("\n")) != 2 || !bytes.HasPrefix(event, []byte("data: {")) || !bytes.HasSuffix(event, []byte("}\n\n")) {
		t.Fatalf("not one event: %q", event)
	}
	var body struct {
		Error struct {
			Message, Type, Code string
			Param               *string
		}
	}
	if err := json.Unmarshal(bytes.TrimPrefix(event, []byte("data: ")), &body); err != nil || body.Error.Code != "upstream_error" || !strings.Contains(body.Error.Message, "line one\nline two") {
		t.Errorf("got %+v, %v", body, err)
	}
	if r, err := readReply(string(bytes.TrimPrefix(event, []byte("data: ")))); err != nil || !r.Error {
		t.Errorf("our own reader takes it for %+v, %v", r, err)
	}
}
