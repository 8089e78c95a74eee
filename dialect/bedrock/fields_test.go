package bedrock_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"bulkhead/call"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/bedrock"
	"bulkhead/wire"
)

type obj = map[string]any

func service(t testing.TB) obj {
	t.Helper()
	var doc obj
	if err := json.Unmarshal(read(t, "testdata/schema/service-2.json"), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestFields_ListEveryFieldOfTheVendorsSchemaOnce(t *testing.T) {
	doc := service(t)
	var paths []string
	for _, shape := range []string{"ConverseRequest", "ConverseStreamRequest", "CountTokensRequest", "InvokeModelRequest"} {
		paths = append(paths, chattest.Service(t, doc, shape)...)
	}
	slices.Sort(paths)
	chattest.Listed(t, bedrock.Server{}.Fields(), slices.Compact(paths))
}

func TestFields_AreTheCallersWordsForLosses(t *testing.T) {
	table := bedrock.Server{}.Fields()
	for hub, want := range map[string]string{
		"sampling.top_k": "additionalModelRequestFields.top_k", "messages[1].parts[0].cache.ttl": "messages[].content[].cachePoint",
		"tools[0].strict": "toolConfig.tools[].toolSpec.strict", "instructions[0].cache": "system[].cachePoint", "metadata": "requestMetadata",
		"messages[0].parts[2].state": "messages[].content[].reasoningContent.reasoningText.signature", "thinking.budget": "additionalModelRequestFields.thinking",
		"performanceConfig": "performanceConfig", "sampling.stop": "inferenceConfig.stopSequences",
	} {
		if got := table.Wire(hub); got != want {
			t.Errorf("%s: got %s, want %s", hub, got, want)
		}
	}
}

// sample makes a value of a shape with the members of a path, and else none.
func sample(shapes obj, shape string, path []string) any {
	s := shapes[shape].(obj)
	switch s["type"] {
	case "list":
		return []any{sample(shapes, s["member"].(obj)["shape"].(string), path)}
	case "map":
		return obj{"k": sample(shapes, s["value"].(obj)["shape"].(string), nil)}
	case "structure":
		if len(path) == 0 {
			if s["union"] == true {
				for name, m := range s["members"].(obj) { // any one
					return obj{name: sample(shapes, m.(obj)["shape"].(string), nil)}
				}
			}
			return obj{}
		}
		m := s["members"].(obj)[path[0]].(obj)
		return obj{path[0]: sample(shapes, m["shape"].(string), path[1:])}
	case "integer":
		return 1
	case "float":
		return 0.5
	case "boolean":
		return true
	case "blob":
		return "aGVsbG8="
	}
	if words, ok := s["enum"].([]any); ok {
		return words[0]
	}
	return "s3://x/y"
}

func TestRead_KnowsEveryFieldOfTheVendorsSchema(t *testing.T) {
	doc := service(t)
	shapes := doc["shapes"].(obj)
	for shape, in := range map[string]dialect.Inbound{"ConverseRequest": {Action: call.Chat}, "ConverseStreamRequest": {Action: call.Chat, Stream: true}, "CountTokensRequest": {Action: call.CountTokens}} {
		for _, path := range chattest.Service(t, doc, shape) {
			if strings.HasPrefix(path, "input.invokeModel") || strings.HasSuffix(path, "systemTool.name") || path == "input" {
				continue // refused by name; tested beside the capabilities
			}
			body, err := json.Marshal(sample(shapes, shape, strings.Split(strings.ReplaceAll(path, "[]", ""), ".")), json.Deterministic(true))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(body), "systemTool") || strings.Contains(string(body), "invokeModel") {
				continue // a union's first member, drawn
			}
			in.Body, in.Model = body, "m"
			var s wire.Scanner
			r, err := bedrock.Reader{}.Read(&in, &s, dialect.Listener{})
			if err != nil {
				t.Errorf("%s: %v: %s", path, err, body)
				continue
			}
			if u := r.Asked().Unknown; len(u) > 0 {
				t.Errorf("%s: unknown %v", path, u)
			}
		}
	}
}

// fits says why a value is none of a shape: members that it does not have,
// unions with other than one member, words that are no words of an enumeration.
func fits(shapes obj, shape, at string, v any) []string {
	s := shapes[shape].(obj)
	var out []string
	wrong := func(want string) []string { return []string{fmt.Sprintf("%s is %T, not %s", at, v, want)} }
	switch s["type"] {
	case "list":
		list, ok := v.([]any)
		if !ok {
			return wrong("a list")
		}
		for i, e := range list {
			out = append(out, fits(shapes, s["member"].(obj)["shape"].(string), fmt.Sprintf("%s[%d]", at, i), e)...)
		}
	case "map":
		m, ok := v.(obj)
		if !ok {
			return wrong("a map")
		}
		for k, e := range m {
			out = append(out, fits(shapes, s["value"].(obj)["shape"].(string), at+"."+k, e)...)
		}
	case "structure":
		if s["document"] == true {
			return nil
		}
		m, ok := v.(obj)
		if !ok {
			return wrong("a structure")
		}
		if s["union"] == true && len(m) != 1 {
			out = append(out, fmt.Sprintf("%s has %d members", at, len(m)))
		}
		for k, e := range m {
			member, known := s["members"].(obj)[k].(obj)
			if !known {
				out = append(out, at+"."+k+" is not there")
				continue
			}
			out = append(out, fits(shapes, member["shape"].(string), at+"."+k, e)...)
		}
	case "string", "blob":
		word, ok := v.(string)
		if !ok {
			return wrong("a string")
		}
		if words, ok := s["enum"].([]any); ok && !slices.Contains(words, any(word)) {
			out = append(out, fmt.Sprintf("%s is %q", at, word))
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return wrong("a boolean")
		}
	default:
		if _, ok := v.(float64); !ok {
			return wrong("a number")
		}
	}
	return out
}
