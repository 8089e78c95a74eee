package openai_test

import (
	"bytes"
	"encoding/json"
	"errors"
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

// members reads an object with the standard library, numbers as written.
func members(t *testing.T, body []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("the standard library refuses what was accepted: %v: %q", err, body)
	}
	return m
}

// FuzzRead: nothing panics; what is accepted is JSON to others too; what goes
// to a target is the same request but for model, store and the usage asked for.
func FuzzRead(f *testing.F) {
	f.Add([]byte(everything), "m", byte(0))
	for _, b := range recordedBodies(f) {
		f.Add([]byte(b), "the-vendors/own", byte(7))
	}
	for _, s := range []string{`{}`, `{"model":"\u0061"}`, `{ "stream":true,"stream_options":{ } }`, `{"store":true,"stream_options":null,"stream":true}`, `{"input":[[1],"a"],"model":"x"}`, `{"messages":[{"content":[{"type":"input_audio","input_audio":{"data":"`} {
		f.Add([]byte(s), "m", byte(3))
	}
	f.Fuzz(func(t *testing.T, body []byte, model string, options byte) {
		model = strings.ToValidUTF8(model, "?")
		action := call.Chat
		if options&8 != 0 {
			action = call.Embeddings
		}
		before := bytes.Clone(body)
		r, err := openai.Read(action, body, new(wire.Scanner), dialect.Listener{})
		if !bytes.Equal(before, body) {
			t.Fatal("the body was written to")
		}
		if err != nil {
			var fa *fault.Fault
			if r != nil || !errors.As(err, &fa) || fa.Kind != fault.Malformed && fa.Kind != fault.Unsupported || !fa.NoRetry {
				t.Fatalf("refused with %v, %v", r, err)
			}
			return
		}
		in := members(t, body)
		if alias, _ := in["model"].(string); r.Alias != alias {
			t.Errorf("alias %q, the standard library reads %q", r.Alias, alias)
		}
		if stream, _ := in["stream"].(bool); action == call.Chat && r.Stream != stream {
			t.Errorf("stream %v, the standard library reads %v", r.Stream, stream)
		}
		target := openai.Target{Model: model, AskUsage: options&1 != 0, Store: options&2 != 0, Omit: options&4 != 0}
		s := r.For(target)
		sent := s.Append(nil)
		if len(sent) != s.Len() {
			t.Errorf("Len %d, %d bytes", s.Len(), len(sent))
		}
		out := members(t, sent)
		want := in
		if _, has := in["model"]; has || !target.Omit {
			want["model"] = model
		}
		if in["store"] == true && !target.Store && action == call.Chat {
			want["store"] = false
		}
		if target.AskUsage && r.Stream {
			o, ok := in["stream_options"].(map[string]any)
			if !ok {
				o = map[string]any{}
			}
			o["include_usage"] = true
			want["stream_options"] = o
		}
		if !reflect.DeepEqual(out, want) {
			t.Errorf("sent %q\nfor  %q", sent, body)
		}
		again, err := openai.Read(action, sent, new(wire.Scanner), dialect.Listener{})
		if err != nil {
			t.Fatalf("what is sent is refused when read again: %v: %q", err, sent)
		}
		if !reflect.DeepEqual(again.Needs, r.Needs) || !reflect.DeepEqual(again.Unknown, r.Unknown) {
			t.Errorf("read again it needs %v and has unknown %q; before %v and %q", again.Needs, again.Unknown, r.Needs, r.Unknown)
		}
		if twice := again.For(target).Append(nil); !bytes.Equal(twice, sent) {
			t.Errorf("sent on it becomes %q, was %q", twice, sent)
		}
	})
}

// FuzzReadReply: nothing panics; what is accepted is JSON to others too, and
// counts are those that stand there.
func FuzzReadReply(f *testing.F) {
	files, err := filepath.Glob("testdata/recorded/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if strings.HasSuffix(file, ".sse") {
			for _, event := range strings.Split(string(b), "\n\n") {
				f.Add([]byte(strings.TrimPrefix(event, "data: ")))
			}
			continue
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := openai.ReadReply(new(wire.Scanner), data)
		if err != nil {
			var syntax *wire.SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("refused with %T", err)
			}
			return
		}
		m := members(t, data)
		if u := r.Usage; u.Input < 0 || u.Output < 0 || u.CachedInput < 0 || u.Reasoning < 0 || r.Text < 0 || r.Text > len(data) {
			t.Errorf("counts %+v, text %d", u, r.Text)
		}
		usage, _ := m["usage"].(map[string]any)
		if n, _ := usage["prompt_tokens"].(json.Number); r.Usage.Known {
			if v, err := n.Int64(); err != nil || v != r.Usage.Input {
				t.Errorf("input %d, %v stands there", r.Usage.Input, n)
			}
		}
		if _, has := m["error"]; r.Error && !has {
			t.Error("an error that is not there")
		}
		if choices, _ := m["choices"].([]any); len(choices) > 0 && !r.Choices {
			t.Error("choices are not seen")
		}
		switch r.Finish {
		case "", "stop", "length", "tool_calls", "content_filter", "function_call", "other":
		default:
			t.Errorf("finish %q", r.Finish)
		}
	})
}
