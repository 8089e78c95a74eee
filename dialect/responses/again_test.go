package responses_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bulkhead/chat"
	"bulkhead/dialect/responses"
	"bulkhead/wire"
)

// sentAgain is a request's written list: what may differ when it is decoded
// and written again in the dialect.
func sentAgain(v map[string]any) {
	v["model"] = openai.Model
	v["store"] = false // nothing is kept at the vendor unless it is granted
	for name, value := range v {
		if value == nil || name == "stream" && value == false || value == "" {
			delete(v, name) // says nothing
		}
	}
	if text, ok := v["input"].(string); ok { // a text is a user's message
		v["input"] = []any{map[string]any{"role": "user", "content": text}}
	}
	for _, raw := range v["input"].([]any) {
		item := raw.(map[string]any)
		if item["role"] == nil {
			continue
		}
		item["type"] = "message"
		if text, ok := item["content"].(string); ok { // and a text one part
			item["content"] = []any{map[string]any{"type": "input_text", "text": text}}
		}
		for _, raw := range item["content"].([]any) {
			part := raw.(map[string]any)
			switch part["type"] {
			case "input_image": // the schema demands its detail, whose default is auto
				if part["detail"] == nil {
					part["detail"] = "auto"
				}
			case "output_text": // lists that the schema demands
				part["annotations"], part["logprobs"] = []any{}, []any{}
			}
		}
	}
	if r, ok := v["reasoning"].(map[string]any); ok {
		for name, value := range r {
			if value == nil {
				delete(r, name)
			}
		}
	}
	for _, raw := range list(v["tools"]) {
		if tool := raw.(map[string]any); tool["description"] == "" {
			delete(tool, "description")
		}
	}
}

func list(v any) []any { l, _ := v.([]any); return l }

func TestRecorded_RequestsAreWrittenAgainWithoutLoss(t *testing.T) {
	for name, body := range requests(t) {
		l := chat.NewLosses("responses", nil, nil)
		out, err := responses.Client{}.Encode(request(t, body), openai, l)
		if err != nil || len(l.List()) > 0 {
			t.Errorf("%s: %v, lost %v", name, err, l.List())
			continue
		}
		got, want := object(t, out.Body), object(t, body)
		sentAgain(want)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot  %v\nwant %v", name, got, want)
		}
	}
}

// same members of a reply; all others say what was asked, and must be there.
var replyMembers = []string{"id", "object", "created_at", "status", "error", "incomplete_details", "model", "output", "usage", "content_filters"}

// unsaid are members that the recordings have and we leave out: OpenAI's bill,
// and what newer requests may ask for.
var unsaid = []string{"billing", "moderation", "prompt_cache_options", "content_filters"}

// repliedAgain is a reply's written list.
func repliedAgain(v map[string]any) {
	if u, ok := v["usage"].(map[string]any); ok {
		if of := u["input_tokens_details"].(map[string]any); of["cache_write_tokens"] == nil {
			of["cache_write_tokens"] = json.Number("0") // the schema demands it; older replies lack it
		}
		if u["total_tokens"] == json.Number("0") {
			v["usage"] = nil // zeros alone say nothing
		}
	}
	for _, raw := range list(v["output"]) {
		itemAgain(raw.(map[string]any))
	}
}

func itemAgain(item map[string]any) {
	if c, has := item["content"]; item["type"] == "reasoning" && has && len(list(c)) == 0 {
		delete(item, "content") // Azure's empty list
	}
	for _, raw := range list(item["content"]) {
		part := raw.(map[string]any)
		if part["type"] != "output_text" {
			continue
		}
		for _, name := range []string{"annotations", "logprobs"} {
			if part[name] == nil {
				part[name] = []any{} // the schema demands it; older replies lack it
			}
		}
	}
}

// compare holds a reply that was written again against the recording.
func compare(t *testing.T, name string, got, want map[string]any) {
	t.Helper()
	for _, member := range replyMembers {
		if g, w := got[member], want[member]; !reflect.DeepEqual(g, w) {
			t.Errorf("%s: %s\ngot  %v\nwant %v", name, member, g, w)
		}
	}
	for member := range want {
		if _, has := got[member]; !has && !slices.Contains(unsaid, member) {
			t.Errorf("%s: %s is missing", name, member)
		}
	}
}

func TestRecorded_RepliesAreWrittenAgainWithoutLoss(t *testing.T) {
	for _, name := range replies {
		body := recorded(t, name+".json")
		r, err := responses.Client{}.Reply(body, new(wire.Scanner), openai)
		if err != nil {
			t.Fatal(name, err)
		}
		a := answering()
		if asked, ok := requests(t)[name]; ok {
			a.Request = request(t, asked)
		}
		again, err := responses.Server{}.Reply(nil, r, a)
		if err != nil || len(a.Loss.List()) > 0 {
			t.Errorf("%s: %v, lost %v", name, err, a.Loss.List())
		}
		got := object(t, again)
		holdsResponse(t, object(t, again))
		want := object(t, body)
		repliedAgain(want)
		compare(t, name, got, want)
	}
}

// place is where an event belongs and what it says, as far as it is written again.
func place(e map[string]any) string {
	var out []string
	for _, name := range []string{"type", "item_id", "output_index", "content_index", "summary_index", "annotation_index", "delta", "text", "refusal", "arguments", "input", "annotation"} {
		if v, has := e[name]; has {
			out = append(out, fmt.Sprint(name, "=", v))
		}
	}
	return strings.Join(out, " ")
}

// steps gives the events of a stream that are written again: not those of
// hosted tools' steps, nor what an older or sparing server left out.
func steps(t *testing.T, stream []byte) (out []string) {
	t.Helper()
	for _, e := range frames(t, stream) {
		typ, _ := e["type"].(string)
		switch {
		case strings.HasPrefix(typ, "response.code_interpreter"), strings.HasPrefix(typ, "response.file_search"), typ == "response.queued", typ == "[DONE]":
			continue
		case strings.HasSuffix(typ, ".delta") && e["delta"] == "" && len(list(e["logprobs"])) > 0:
			continue // log probabilities come behind their text
		}
		out = append(out, place(e))
	}
	return out
}

func TestRecorded_StreamsAreWrittenAgainWithoutLoss(t *testing.T) {
	for name, b := range streams(t) {
		events, err := decode(t, bytes.NewReader(b))
		if err != nil {
			t.Fatal(name, err)
		}
		a := answering()
		if asked, ok := requests(t)[name]; ok {
			a.Request = request(t, asked)
		}
		s := responses.Server{}.Stream(a)
		var again []byte
		for i := range events {
			if again, err = s.Event(again, &events[i]); err != nil {
				t.Fatal(name, err)
			}
		}
		again = s.Tail(again)
		if len(a.Loss.List()) > 0 {
			t.Errorf("%s: lost %v", name, a.Loss.List())
		}
		legal(t, again)
		if name == "stream-refusal" { // of a suite, sparing: it lacks ids, in_progress and the events around a part
			continue
		}
		if got, want := steps(t, again), steps(t, b); !slices.Equal(got, want) {
			t.Errorf("%s\ngot  %s\nwant %s", name, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
		want := object(t, lastOf(t, b))
		tier := want["service_tier"]
		got := object(t, lastOf(t, again))
		// The vendor seals its reasoning anew for each event, and rounds log
		// probabilities in all but the deltas; what is sealed is that of the item's end.
		want["output"] = wholeItems(t, b)
		repliedAgain(want)
		rounded(got)
		rounded(want)
		compare(t, name, got, want)
		if tier != nil && got["service_tier"] != tier {
			t.Errorf("%s: service tier %v, want %v", name, got["service_tier"], tier)
		}
	}
}

// wholeItems are the items of a stream as their own last events have them.
func wholeItems(t *testing.T, stream []byte) (out []any) {
	t.Helper()
	for _, e := range frames(t, stream) {
		if e["type"] == "response.output_item.done" {
			out = append(out, e["item"])
		}
	}
	return out
}

// rounded takes out log probabilities.
func rounded(reply map[string]any) {
	for _, raw := range list(reply["output"]) {
		for _, part := range list(raw.(map[string]any)["content"]) {
			delete(part.(map[string]any), "logprobs")
		}
	}
}

// lastOf is the reply in a stream's last event that holds one.
func lastOf(t *testing.T, stream []byte) []byte {
	t.Helper()
	all := frames(t, stream)
	for i := len(all) - 1; i >= 0; i-- {
		if r, ok := all[i]["response"]; ok {
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Fatal("no reply")
	return nil
}
