package responses_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect/responses"
)

// contract gives a schema of the vendor's document by name.
var contract = func() func(t rapid.TB, name string) *jsonschema.Schema {
	var mu sync.Mutex
	var c *jsonschema.Compiler
	known := map[string]*jsonschema.Schema{}
	return func(t rapid.TB, name string) *jsonschema.Schema {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if c == nil {
			b, err := os.ReadFile("testdata/schema/contract.json")
			if err != nil {
				t.Fatal(err)
			}
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			c = jsonschema.NewCompiler()
			if err := c.AddResource("contract.json", doc); err != nil {
				t.Fatal(err)
			}
		}
		if known[name] == nil {
			s, err := c.Compile("contract.json#/$defs/" + name)
			if err != nil {
				t.Fatal(err)
			}
			known[name] = s
		}
		return known[name]
	}
}()

// holds fails t unless a value is what a schema of the vendor's says.
func holds(t rapid.TB, name string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	v, err = jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := contract(t, name).Validate(v); err != nil {
		t.Fatalf("no %s: %v\n%s", name, err, b)
	}
}

// itemSchemas are the schemas of items by type: unions alone would let a
// reference stand for each.
var itemSchemas = map[string]string{
	"function_call": "FunctionToolCall", "function_call_output": "FunctionCallOutputItemParam", "reasoning": "ReasoningItem",
	"custom_tool_call": "CustomToolCall", "custom_tool_call_output": "CustomToolCallOutput",
}

// holdsRequest holds an encoded request against CreateResponse, and each item,
// part and tool against the schema of its own type. The schema demands ids of
// what a model said before; where none is known none is sent, as the vendor
// takes it (recorded: error-400-context-length, whose items passed).
func holdsRequest(t rapid.TB, body []byte) {
	t.Helper()
	v := object(t, body)
	for _, raw := range v["input"].([]any) {
		item := raw.(map[string]any)
		typ, _ := item["type"].(string)
		name := itemSchemas[typ]
		switch {
		case typ == "message" && item["role"] == "assistant":
			name = "OutputMessage"
			if item["id"] == nil {
				item["id"], item["status"] = "msg_1", "completed"
			}
		case typ == "message":
			name = "InputMessage"
		case typ == "reasoning" && item["id"] == nil:
			item["id"] = "rs_1"
		case name == "":
			t.Fatalf("an item of type %q", typ)
		}
		holds(t, name, item)
	}
	tools, _ := v["tools"].([]any)
	for _, raw := range tools {
		tool := raw.(map[string]any)
		holds(t, map[any]string{"function": "FunctionTool", "custom": "CustomToolParam"}[tool["type"]], tool)
	}
	holds(t, "CreateResponse", v)
}

func TestEncode_GivesWhatTheVendorsSchemaDemands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := chattest.Request(t, chattest.All())
		allowed := []string{"messages[].parts[].medium", "sampling.stop", "sampling.n", "messages[].parts[].parts[].medium"}
		l := chat.NewLosses("responses", nil, allowed)
		out, err := responses.Client{}.Encode(r, upstream(), l)
		if err != nil {
			t.Fatal(err)
		}
		holdsRequest(t, out.Body)
	})
}

// openResponses are the members that the public specification demands of a
// reply (ResponseResource, 2026-04), and the kinds that it demands.
var openResponses = map[string]string{
	"id": "string", "object": "string", "created_at": "number", "completed_at": "number or null", "status": "string",
	"incomplete_details": "object or null", "model": "string", "previous_response_id": "null", "instructions": "string or null",
	"output": "array", "error": "object or null", "tools": "array", "tool_choice": "string or object", "truncation": "string",
	"parallel_tool_calls": "boolean", "text": "object", "top_p": "number", "presence_penalty": "number", "frequency_penalty": "number",
	"top_logprobs": "number", "temperature": "number", "reasoning": "object", "user": "string or null", "usage": "object or null",
	"max_output_tokens": "number or null", "max_tool_calls": "number or null", "store": "boolean", "background": "boolean",
	"service_tier": "string", "metadata": "object", "safety_identifier": "string or null", "prompt_cache_key": "string or null",
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case json.Number:
		return "number"
	case []any:
		return "array"
	}
	return "object"
}

// schematic gives a value as the schema has it: user and usage of a reply are
// null where there is none, as the vendor's own replies have them (recorded)
// and the specification demands, though the schema does not say so.
func schematic(v map[string]any) map[string]any {
	out := maps.Clone(v)
	for _, name := range []string{"user", "usage"} {
		if v, has := out[name]; has && v == nil {
			delete(out, name)
		}
	}
	if r, ok := out["response"].(map[string]any); ok {
		out["response"] = schematic(r)
	}
	return out
}

// holdsResponse holds a reply object against the vendor's schema and the
// public specification.
func holdsResponse(t rapid.TB, v map[string]any) {
	t.Helper()
	holds(t, "Response", schematic(v))
	for name, kinds := range openResponses {
		value, has := v[name]
		if kind := kindOf(value); !has || !containsWord(kinds, kind) {
			t.Fatalf("%s is %s (there: %v); the specification demands %s", name, kind, has, kinds)
		}
	}
	for _, raw := range v["output"].([]any) {
		item := raw.(map[string]any)
		typ, _ := item["type"].(string)
		if name := map[string]string{"message": "OutputMessage"}[typ] + itemSchemas[typ]; name != "" {
			holds(t, name, item)
		}
	}
	if u, ok := v["usage"].(map[string]any); ok {
		holds(t, "ResponseUsage", u)
	}
}

func containsWord(list, word string) bool {
	for _, w := range bytes.Split([]byte(list), []byte(" or ")) {
		if string(w) == word {
			return true
		}
	}
	return false
}

// legal holds a stream to the specification: names, numbers, order, what each
// event demands, and that its pieces add up to the reply that its end holds.
func legal(t rapid.TB, stream []byte) {
	t.Helper()
	all := frames(t, stream)
	end := len(all) - 1
	if all[end]["type"] == "[DONE]" {
		end--
	} else if all[end]["type"] != "response.failed" {
		t.Fatalf("a stream that ends in %v", all[end]["type"])
	}
	var s snapshot
	for i, e := range all[:end+1] {
		typ := e["type"].(string)
		if n, _ := e["sequence_number"].(json.Number).Int64(); int(n) != i {
			t.Fatalf("%s has the number %v, want %d", typ, e["sequence_number"], i)
		}
		first := i == 0 && typ == "response.created" || i == 1 && typ == "response.in_progress"
		if (i < 2) != first {
			t.Fatalf("event %d is %s", i, typ)
		}
		if typ != "error" && e["error"] != nil {
			t.Fatalf("an error beside %s", typ)
		}
		name := eventSchemas[typ]
		if name == "" {
			t.Fatalf("an event %s", typ)
		}
		holds(t, name, schematic(e))
		s.take(t, typ, e)
		if r, ok := e["response"].(map[string]any); ok {
			holdsResponse(t, r)
			if terminal := i == end; terminal != (r["status"] != "in_progress") {
				t.Fatalf("event %d of %d has a reply that is %v", i, end, r["status"])
			}
		}
	}
	last := all[end]["response"].(map[string]any)
	if typ := all[end]["type"]; typ != "response."+last["status"].(string) {
		t.Fatalf("%v holds a reply that is %v", typ, last["status"])
	}
	output := last["output"].([]any)
	if last["status"] == "failed" { // an item that was cut is not among them
		s.items = s.items[:s.closed]
	}
	if len(output) != len(s.items) {
		t.Fatalf("%d items came, the end has %d", len(s.items), len(output))
	}
	for i := range output {
		if got, want := fmt.Sprint(s.items[i]), fmt.Sprint(output[i]); got != want {
			t.Fatalf("item %d came as\n%s\nand ends as\n%s", i, got, want)
		}
	}
}

// eventSchemas are those of the events that streams are made of.
var eventSchemas = map[string]string{
	"error": "ResponseErrorEvent", "response.output_item.added": "ResponseOutputItemAddedEvent", "response.output_item.done": "ResponseOutputItemDoneEvent",
	"response.content_part.added": "ResponseContentPartAddedEvent", "response.content_part.done": "ResponseContentPartDoneEvent",
	"response.output_text.delta": "ResponseTextDeltaEvent", "response.output_text.done": "ResponseTextDoneEvent",
	"response.output_text.annotation.added": "ResponseOutputTextAnnotationAddedEvent",
	"response.refusal.delta":                "ResponseRefusalDeltaEvent", "response.refusal.done": "ResponseRefusalDoneEvent",
	"response.reasoning_text.delta": "ResponseReasoningTextDeltaEvent", "response.reasoning_text.done": "ResponseReasoningTextDoneEvent",
	"response.reasoning_summary_part.added": "ResponseReasoningSummaryPartAddedEvent", "response.reasoning_summary_part.done": "ResponseReasoningSummaryPartDoneEvent",
	"response.reasoning_summary_text.delta": "ResponseReasoningSummaryTextDeltaEvent", "response.reasoning_summary_text.done": "ResponseReasoningSummaryTextDoneEvent",
	"response.function_call_arguments.delta": "ResponseFunctionCallArgumentsDeltaEvent", "response.function_call_arguments.done": "ResponseFunctionCallArgumentsDoneEvent",
	"response.custom_tool_call_input.delta": "ResponseCustomToolCallInputDeltaEvent", "response.custom_tool_call_input.done": "ResponseCustomToolCallInputDoneEvent",
	"response.created": "ResponseCreatedEvent", "response.in_progress": "ResponseInProgressEvent", "response.completed": "ResponseCompletedEvent",
	"response.incomplete": "ResponseIncompleteEvent", "response.failed": "ResponseFailedEvent",
}

func TestStream_IsWhatTheSpecificationDemandsWhateverIsSaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := chattest.Reply(t, chattest.All())
		stream := written(t, chattest.Events(t, r))
		legal(t, stream)
		unary, err := responses.Server{}.Reply(nil, r, answering())
		if err != nil {
			t.Fatal(err)
		}
		holdsResponse(t, object(t, unary))
		same(t, lastResponse(t, stream), unary)
		d := responses.Client{}.Stream(upstream())
		d.Reset(bytes.NewReader(stream), nil, 1<<20)
		if _, err := readAll(t, d); err != nil {
			t.Fatalf("%v: %s", err, stream)
		}
	})
}

func TestStream_FailsAsTheSpecificationSaysWhereverItBreaks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := chattest.Events(t, chattest.Reply(t, can()))
		s := responses.Server{}.Stream(answering())
		var out []byte
		for i := range rapid.IntRange(0, len(events)-1).Draw(t, "events") {
			out, _ = s.Event(out, &events[i])
		}
		if tail := s.Tail(nil); len(tail) > 0 {
			t.Fatalf("a stream that has not ended has the tail %q", tail)
		}
		out = s.Fail(out, broken())
		legal(t, out)
		all := frames(t, out)
		e := all[len(all)-2]
		nested, _ := e["error"].(map[string]any)
		if e["type"] != "error" || e["code"] != "upstream_error" || nested["code"] != "upstream_error" || nested["message"] != e["message"] {
			t.Fatalf("the error event is %v", e)
		}
		d := responses.Client{}.Stream(upstream())
		d.Reset(bytes.NewReader(out), nil, 1<<20)
		back, err := readAll(t, d)
		if err != nil || back[len(back)-1].Kind != chat.Fail {
			t.Fatalf("read again it is no failure: %v", err)
		}
	})
}
