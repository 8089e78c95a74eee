package responses_test

import (
	"encoding/json"
	"fmt"

	"pgregory.net/rapid"

	"bulkhead/fault"
)

// broken is a stream's failure.
func broken() *fault.Fault { return fault.New(fault.UpstreamError, "The vendor broke off.") }

// snapshot builds the reply from a stream's pieces as an SDK does: items and
// parts are there before what is added to them, indices are dense.
type snapshot struct {
	items  []map[string]any
	closed int
}

func number(v any) int {
	n, _ := v.(json.Number).Int64()
	return int(n)
}

// item gives the item of an event, which is the last and is open.
func (s *snapshot) item(t rapid.TB, e map[string]any) map[string]any {
	i := number(e["output_index"])
	if i != len(s.items)-1 || s.closed > i {
		t.Fatalf("%v of item %d, with %d items of which %d are whole", e["type"], i, len(s.items), s.closed)
	}
	it := s.items[i]
	if id, has := e["item_id"]; has && id != it["id"] {
		t.Fatalf("%v of %v within %v", e["type"], id, it["id"])
	}
	return it
}

// part gives an entry of an item's list.
func (s *snapshot) part(t rapid.TB, e map[string]any, list, index string) map[string]any {
	parts, _ := s.item(t, e)[list].([]any)
	i := number(e[index])
	if i >= len(parts) {
		t.Fatalf("%v of part %d of %d", e["type"], i, len(parts))
	}
	return parts[i].(map[string]any)
}

func (s *snapshot) grow(t rapid.TB, e map[string]any, list, index string) {
	it := s.item(t, e)
	parts, _ := it[list].([]any)
	if number(e[index]) != len(parts) {
		t.Fatalf("part %v is added to %d", e[index], len(parts))
	}
	it[list] = append(parts, e["part"])
}

func join(v any, delta any) string { s, _ := v.(string); return s + delta.(string) }

func (s *snapshot) take(t rapid.TB, typ string, e map[string]any) {
	switch typ {
	case "response.output_item.added":
		if number(e["output_index"]) != len(s.items) || s.closed != len(s.items) {
			t.Fatalf("item %v is added to %d, of which %d are whole", e["output_index"], len(s.items), s.closed)
		}
		s.items = append(s.items, e["item"].(map[string]any))
	case "response.output_item.done":
		it, done := s.item(t, e), e["item"].(map[string]any)
		for _, member := range []string{"id", "type", "call_id", "name", "arguments", "input", "content", "summary"} {
			if was, has := it[member]; has && fmt.Sprint(was) != fmt.Sprint(done[member]) {
				t.Fatalf("%s came as %v and is %v in the end", member, was, done[member])
			}
		}
		s.items[len(s.items)-1] = done
		s.closed++
	case "response.content_part.added":
		s.grow(t, e, "content", "content_index")
	case "response.reasoning_summary_part.added":
		s.grow(t, e, "summary", "summary_index")
	case "response.output_text.delta":
		p := s.part(t, e, "content", "content_index")
		p["text"] = join(p["text"], e["delta"])
		p["logprobs"] = append(p["logprobs"].([]any), e["logprobs"].([]any)...)
	case "response.reasoning_text.delta":
		p := s.part(t, e, "content", "content_index")
		p["text"] = join(p["text"], e["delta"])
	case "response.refusal.delta":
		p := s.part(t, e, "content", "content_index")
		p["refusal"] = join(p["refusal"], e["delta"])
	case "response.output_text.annotation.added":
		p := s.part(t, e, "content", "content_index")
		p["annotations"] = append(p["annotations"].([]any), e["annotation"])
	case "response.reasoning_summary_text.delta":
		p := s.part(t, e, "summary", "summary_index")
		p["text"] = join(p["text"], e["delta"])
	case "response.function_call_arguments.delta":
		it := s.item(t, e)
		it["arguments"] = join(it["arguments"], e["delta"])
	case "response.custom_tool_call_input.delta":
		it := s.item(t, e)
		it["input"] = join(it["input"], e["delta"])
	case "response.output_text.done", "response.reasoning_text.done":
		s.equal(t, e, "content", "content_index", "text")
	case "response.refusal.done":
		s.equal(t, e, "content", "content_index", "refusal")
	case "response.reasoning_summary_text.done":
		s.equal(t, e, "summary", "summary_index", "text")
	case "response.content_part.done":
		if p := s.part(t, e, "content", "content_index"); fmt.Sprint(p) != fmt.Sprint(e["part"]) {
			t.Fatalf("a part came as %v and is %v in the end", p, e["part"])
		}
	case "response.reasoning_summary_part.done":
		if p := s.part(t, e, "summary", "summary_index"); fmt.Sprint(p) != fmt.Sprint(e["part"]) {
			t.Fatalf("an entry came as %v and is %v in the end", p, e["part"])
		}
	}
}

func (s *snapshot) equal(t rapid.TB, e map[string]any, list, index, member string) {
	if p := s.part(t, e, list, index); p[member] != e[member] {
		t.Fatalf("%v says %q, what came is %q", e["type"], e[member], p[member])
	}
}
