package openai_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/dialect/openai"
	"bulkhead/fault"
	"bulkhead/wire"
)

// read reads a chat body.
func read(body string) (*openai.Request, error) {
	return openai.Read(call.Chat, []byte(body), new(wire.Scanner), dialect.Listener{})
}

// everything is a request that uses every field that is read.
const everything = `{"model":"chat","messages":[
 {"role":"system","content":"be brief"},
 {"role":"user","content":[
  {"type":"text","text":"hi \ud83d\ude00 \u00e9"},
  {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}},
  {"type":"image_url","image_url":"https:\/\/example.gov\/a.png"},
  {"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}},
  {"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA","filename":"a.pdf"}},
  {"type":"file","file":{"file_id":"file-1"}},
  {"type":"video_url","video_url":{"url":"http://example.gov/v"}},
  {"type":"audio_url","audio_url":{"url":"ftp://example.gov/v"}}]},
 {"role":"assistant","content":null,"audio":{"id":"audio_1"},"refusal":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},
 {"role":"tool","tool_call_id":"c1","content":"1"}],
 "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"model":{"type":"string"}}}}},{"type":"custom","custom":{"name":"g"}},{"type":"mcp","server_label":"x"},{"type":"web_search_preview"}],
 "tool_choice":{"type":"function","function":{"name":"f"}},"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":false},
 "store":true,"n":2,"max_tokens":10,"max_completion_tokens":20,"temperature":1e-2,"seed":9007199254740993,"stop":["a","b"],
 "web_search_options":{},"data_sources":[{"type":"azure_search"}],"prompt_cache_retention":"24h","x_unknown":{"a":[1,2,{"b":null}]}}`

func TestRead_GivesWhatTheRequestAsks(t *testing.T) {
	r, err := read(everything)
	if err != nil {
		t.Fatal(err)
	}
	if r.Alias != "chat" || !r.Stream || r.Usage || r.Choices != 2 || r.MaxOutput != 20 {
		t.Errorf("got %+v", r)
	}
	if want := []string{"x_unknown"}; !reflect.DeepEqual(r.Unknown, want) {
		t.Errorf("unknown %q, want %q", r.Unknown, want)
	}
	var needs []string
	for _, n := range r.Needs {
		needs = append(needs, fmt.Sprintf("%s at %s", n.Capability, n.Field))
	}
	want := []string{
		"remote_url at messages[1].content[2].image_url",
		"file_id at messages[1].content[5].file.file_id",
		"remote_url at messages[1].content[6].video_url.url",
		"remote_url at messages[1].content[7].audio_url.url",
		"conversation_id at messages[2].audio.id",
		"mcp at tools[2].type",
		"web_search at tools[3].type",
		"web_search at web_search_options",
		"data_sources at data_sources",
		"store at prompt_cache_retention",
	}
	if !reflect.DeepEqual(needs, want) {
		t.Errorf("needs\n%s\nwant\n%s", strings.Join(needs, "\n"), strings.Join(want, "\n"))
	}
}

// A body that breaks off anywhere is malformed, and nothing worse happens.
func TestRead_RefusesEveryPartOfARequest(t *testing.T) {
	bodies := map[string]string{"everything": everything}
	for name, b := range recordedBodies(t) {
		bodies[name] = b
	}
	for name, body := range bodies {
		for n := range len(body) {
			r, err := readSafely(t, body[:n])
			var f *fault.Fault
			if err == nil || r != nil || !errors.As(err, &f) || f.Kind != fault.Malformed {
				t.Fatalf("%s cut at %d: got %v, %v: …%q", name, n, r, err, body[max(0, n-60):n])
			}
		}
	}
}

func readSafely(t *testing.T, body string) (r *openai.Request, err error) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panic: %v on a body that ends in %q", p, body[max(0, len(body)-60):])
			err = fault.New(fault.Malformed, "panic")
		}
	}()
	return read(body)
}

// recordedBodies are the requests of recorded exchanges, by file.
func recordedBodies(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/recorded/*.meta.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings", err)
	}
	out := map[string]string{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var meta struct {
			Request struct{ Body json.RawMessage }
		}
		if err := json.Unmarshal(b, &meta); err != nil {
			t.Fatal(err)
		}
		if len(meta.Request.Body) > 0 && string(meta.Request.Body) != "null" {
			out[file] = string(meta.Request.Body)
		}
	}
	return out
}

// bodyFor is the body as it goes to a target.
func bodyFor(t testing.TB, body string, target openai.Target) string {
	t.Helper()
	r, err := read(body)
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	s := r.For(target)
	out := s.Append(nil)
	if len(out) != s.Len() {
		t.Errorf("Len is %d, the text has %d", s.Len(), len(out))
	}
	var w bytes.Buffer
	if n, err := s.WriteTo(&w); err != nil || n != int64(len(out)) || !bytes.Equal(w.Bytes(), out) {
		t.Errorf("WriteTo gives %q, %d, %v; Append %q", w.Bytes(), n, err, out)
	}
	return string(out)
}

func TestFor_ChangesOnlyWhatItMust(t *testing.T) {
	plain, ask := openai.Target{Model: "m"}, openai.Target{Model: "m", AskUsage: true}
	for _, row := range []struct {
		name, body string
		target     openai.Target
		want       string
	}{
		{"the model", `{"model":"a","x":1.0}`, plain, `{"model":"m","x":1.0}`},
		{"the same model", `{"model":"m"}`, plain, `{"model":"m"}`},
		{"the model with escapes", `{ "mod\u0065l" : "\u0061" , "x":1e400}`, plain, `{ "mod\u0065l" : "m" , "x":1e400}`},
		{"a model that needs escapes", `{"model":"a"}`, openai.Target{Model: "q\"\\/é\n"}, `{"model":"q\"\\/é\n"}`},
		{"no model", `{"x":1}`, plain, `{"model":"m","x":1}`},
		{"no model, spaces", ` { "x":1 } `, plain, ` {"model":"m", "x":1 } `},
		{"no member at all", `{}`, plain, `{"model":"m"}`},
		{"no member, spaces", "{ \n}", plain, "{\"model\":\"m\" \n}"},
		{"no model, and the URL names it", `{"x":1}`, openai.Target{Model: "m", Omit: true}, `{"x":1}`},
		{"a model that the URL names too", `{"model":"a"}`, openai.Target{Model: "m", Omit: true}, `{"model":"m"}`},
		{"models within", `{"model":"a","metadata":{"model":"a","store":true,"stream_options":{}}}`, ask, `{"model":"m","metadata":{"model":"a","store":true,"stream_options":{}}}`},
		{"store", `{"store":true,"model":"a"}`, plain, `{"store":false,"model":"m"}`},
		{"store, granted", `{"store":true,"model":"a"}`, openai.Target{Model: "m", Store: true}, `{"store":true,"model":"m"}`},
		{"store, already false", `{"store" : false,"model":"a"}`, plain, `{"store" : false,"model":"m"}`},
		{"store, null", `{"store":null,"model":"a"}`, plain, `{"store":null,"model":"m"}`},
		{"usage of no stream", `{"model":"a","stream":false}`, ask, `{"model":"m","stream":false}`},
		{"usage, absent", `{"model":"a","stream":true}`, ask, `{"stream_options":{"include_usage":true},"model":"m","stream":true}`},
		{"usage, absent with no model", `{"stream":true}`, ask, `{"model":"m","stream_options":{"include_usage":true},"stream":true}`},
		{"usage, null", `{"stream":true,"stream_options":null,"model":"a"}`, ask, `{"stream":true,"stream_options":{"include_usage":true},"model":"m"}`},
		{"usage, empty", `{"stream":true,"stream_options":{ },"model":"a"}`, ask, `{"stream":true,"stream_options":{"include_usage":true },"model":"m"}`},
		{"usage, other options", `{"stream":true,"stream_options":{"z":{}},"model":"a"}`, ask, `{"stream":true,"stream_options":{"include_usage":true,"z":{}},"model":"m"}`},
		{"usage, false", `{"stream":true,"stream_options":{"include_usage":false},"model":"a"}`, ask, `{"stream":true,"stream_options":{"include_usage":true},"model":"m"}`},
		{"usage, false and escaped", `{"stream":true,"stream_options":{"include\u005fusage": false , "z":1},"model":"a"}`, ask, `{"stream":true,"stream_options":{"include\u005fusage": true , "z":1},"model":"m"}`},
		{"usage, asked for", `{"stream":true,"stream_options":{"include_usage":true},"model":"a"}`, ask, `{"stream":true,"stream_options":{"include_usage":true},"model":"m"}`},
		{"all at once, last first", `{"stream_options":{"include_usage":null},"store":true,"stream":true,"model":"a"}`, ask, `{"stream_options":{"include_usage":true},"store":false,"stream":true,"model":"m"}`},
	} {
		if got := bodyFor(t, row.body, row.target); got != row.want {
			t.Errorf("%s:\ngot  %s\nwant %s", row.name, got, row.want)
		}
	}
}
