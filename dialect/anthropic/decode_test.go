package anthropic_test

import (
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/dialect/anthropic"
	"bulkhead/fault"
	"bulkhead/wire"
)

func decoded(body string) (string, error) {
	r, err := anthropic.Server{}.Decode(&dialect.Inbound{Action: call.Chat, Body: []byte(body)}, new(wire.Scanner))
	if err != nil {
		return "", err
	}
	return marshalled(r)
}

// TestDecode_HoldsWhatTheDialectSays: what stands on the wire, and what the hub
// makes of it.
func TestDecode_HoldsWhatTheDialectSays(t *testing.T) {
	msg := func(content string) string { return `{"messages":[{"role":"user","content":` + content + `}]}` }
	part := func(p string) string { return `{"messages":[{"role":"user","parts":[` + p + `]}]}` }
	for _, row := range []struct{ name, in, want string }{
		{"sampling", `{"max_tokens":1,"temperature":0.70,"top_k":3,"top_p":null,"stop_sequences":["a"]}`, `{"sampling":{"max_tokens":1,"temperature":0.70,"top_k":3,"stop":["a"]}}`},
		{"thinking", `{"thinking":{"type":"adaptive","display":"omitted","novel":1},"output_config":{"effort":"max","task_budget":{"total":5}}}`,
			`{"thinking":{"mode":"adaptive","effort":"max","display":"omitted","extra":[{"dialect":"anthropic","name":"novel","value":1}]},"extra":[{"dialect":"anthropic","name":"output_config.task_budget","value":{"total":5}}]}`},
		{"the older place of the format", `{"output_format":{"type":"json_schema","schema":{"b":1,"a":2}}}`, `{"format":{"kind":"json_schema","schema":{"b":1,"a":2}}}`},
		{"identity and tier", `{"metadata":{"user_id":"u"},"service_tier":"standard_only","cache_control":{"type":"ephemeral","ttl":"1h"}}`, `{"caching":{"auto":{"ttl":"1h"}},"safety_id":"u","service_tier":"default"}`},
		{"one tool, not in parallel", `{"tool_choice":{"type":"tool","name":"n","disable_parallel_tool_use":true}}`, `{"tool_choice":{"mode":"one","names":["n"]},"parallel_tools":false}`},
		{"tools", `{"tools":[{"type":"custom","name":"n","input_schema":{"z":1},"strict":true,"defer_loading":true},{"type":"bash_20250124","name":"bash"}]}`,
			`{"tools":[{"kind":"function","name":"n","schema":{"z":1},"strict":true,"extra":[{"dialect":"anthropic","name":"defer_loading","value":true}]},{"kind":"native","name":"bash_20250124","native":{"dialect":"anthropic","name":"bash_20250124","value":{"type":"bash_20250124","name":"bash"}}}]}`},
		{"its own fields", `{"container":"c","mcp_servers":[],"speed":null}`, `{"extra":[{"dialect":"anthropic","name":"container","value":"c"},{"dialect":"anthropic","name":"mcp_servers","value":[]}]}`},
		{"a document of text, to be cited", msg(`[{"source":{"data":"d\u00e9","media_type":"text/plain","type":"text"},"title":"t","context":"c","citations":{"enabled":true},"type":"document"}]`), part(`{"type":"media","text":"dé","name":"t","medium":"document","media_type":"text/plain","context":"c","cite":true}`)},
		{"a document of parts", msg(`[{"type":"document","source":{"type":"content","content":[{"type":"text","text":"a"}]}}]`), part(`{"type":"media","parts":[{"type":"text","text":"a"}],"medium":"document"}`)},
		{"a file", msg(`[{"type":"image","source":{"type":"file","file_id":"file_1"}}]`), part(`{"type":"media","medium":"image","file_id":"file_1"}`)},
		{"a result of parts", msg(`[{"type":"tool_result","tool_use_id":"t","is_error":true,"content":[{"type":"text","text":"a"},{"type":"tool_reference","tool_name":"n"}],"cache_control":{"type":"ephemeral"}}]`),
			part(`{"type":"tool_result","call_id":"t","error":true,"parts":[{"type":"text","text":"a"},{"type":"native","dialect":"anthropic","native":"tool_reference","value":{"type":"tool_reference","tool_name":"n"}}],"cache":{}}`)},
		{"an empty result", msg(`[{"type":"tool_result","tool_use_id":"t"}]`), part(`{"type":"tool_result","call_id":"t"}`)},
		{"a search result", msg(`[{"type":"search_result","source":"s","title":"t","content":[],"citations":{"enabled":true}}]`), part(`{"type":"native","dialect":"anthropic","native":"search_result","value":{"type":"search_result","source":"s","title":"t","content":[],"citations":{"enabled":true}}}`)},
		{"arguments, compact and as written", msg(`[{"type":"tool_use","id":"t","name":"n","input":{ "n" : 9007199254740993, "f":1.10 },"caller":{"type":"direct"}}]`),
			part(`{"type":"tool_call","id":"t","name":"n","arguments":"{\"n\":9007199254740993,\"f\":1.10}","extra":[{"dialect":"anthropic","name":"caller","value":{"type":"direct"}}]}`)},
		{"what a caller made up", msg(`[{"type":"thinking","thinking":"t","signature":""},{"type":"text","text":"x","citations":[{"type":"web_search_result_location","url":"u","title":"t","cited_text":"c","encrypted_index":""}]}]`),
			part(`{"type":"reasoning","text":"t"},{"type":"text","text":"x","citations":[{"kind":"url","url":"u","title":"t","quote":"c"}]}`)},
	} {
		got, err := decoded(row.in)
		if err != nil || got != row.want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", row.name, err, got, row.want)
		}
	}
}

func TestDecode_RefusesByName(t *testing.T) {
	for field, in := range map[string]string{
		"messages[0].role":                       `{"messages":[{"role":"tool","content":"x"}]}`,
		"messages[0].content":                    `{"messages":[{"role":"user","content":3}]}`,
		"messages[0].content[1]":                 `{"messages":[{"role":"user","content":[{"type":"text","text":"a"},"b"]}]}`,
		"messages[0].content[0].text":            `{"messages":[{"role":"user","content":[{"text":3,"type":"text"}]}]}`,
		"messages[0].content[0].type":            `{"messages":[{"role":"user","content":[{"type":"hologram"}]}]}`,
		"messages[0].content[0].input":           `{"messages":[{"role":"user","content":[{"type":"tool_use","id":"t","name":"n","input":"{}"}]}]}`,
		"messages[0].content[0]":                 `{"messages":[{"role":"user","content":[{"type":"tool_use","id":"","name":"n","input":{}}]}]}`,
		"messages[0].content[0].tool_use_id":     `{"messages":[{"role":"user","content":[{"type":"tool_result"}]}]}`,
		"messages[0].content[0].source":          `{"messages":[{"role":"user","content":[{"type":"image"}]}]}`,
		"messages[0].content[0].source.url":      `{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url"}}]}]}`,
		"messages[0].content[0].source.type":     `{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"s3"}}]}]}`,
		"messages[0].content[0].content[0].text": `{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":{}}]}]}]}`,
		"thinking.type":                          `{"thinking":{"type":"hard"}}`,
		"tool_choice.type":                       `{"tool_choice":{"type":"some"}}`,
		"tool_choice.type ":                      `{"tool_choice":{}}`,
		"thinking.type ":                         `{"thinking":{"budget_tokens":2000}}`,
		"tool_choice.name":                       `{"tool_choice":{"type":"tool"}}`,
		"tools[0]":                               `{"tools":["x"]}`,
		"tools[0].name":                          `{"tools":[{"input_schema":{}}]}`,
		"output_config.format.type":              `{"output_config":{"format":{"type":"xml","schema":{}}}}`,
		"output_config.format":                   `{"output_config":{"format":{}}}`,
		"thinking":                               `{"thinking":"yes"}`,
	} {
		field = strings.TrimSpace(field)
		_, err := decoded(in)
		f := fault.From(err)
		if err == nil || f.Kind != fault.Malformed && f.Kind != fault.Unsupported || f.Field != field || !f.NoRetry || !strings.Contains(f.Message, field) && !strings.Contains(f.Message, strings.TrimSuffix(field, ".type")) {
			t.Errorf("%s: %v at %q", field, err, f.Field)
		}
	}
}
