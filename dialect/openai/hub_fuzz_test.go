package openai_test

import (
	"bytes"
	"testing"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/openai"
	"bulkhead/wire"
)

// FuzzDecode: what the gates and the decoder take, the encoder writes as JSON
// that decodes to the same.
func FuzzDecode(f *testing.F) {
	for _, x := range exchanges(f) {
		if x.request != nil && !x.embed {
			f.Add([]byte(x.request))
		}
	}
	f.Add([]byte(`{"messages":[{"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"a"}]},{"role":"user","content":[{"type":"file","file":{"file_id":"x"}}]}],"tool_choice":{"type":"function","function":{"name":"f"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		in, s := &dialect.Inbound{Action: call.Chat, Body: body}, new(wire.Scanner)
		_, refused := openai.Reader{}.Read(in, s, dialect.Listener{})
		r, err := openai.Server{}.Decode(in, s)
		if refused != nil || err != nil {
			return
		}
		if _, err := chat.Marshal(r); err != nil {
			t.Fatalf("no canonical JSON: %v", err)
		}
		out, err := openai.Client{}.Encode(r, upstream, chat.NewLosses("openai", openai.Server{}.Fields().Wire, nil))
		if err != nil {
			return
		}
		sound(t, out.Body)
		again, err := openai.Server{}.Decode(&dialect.Inbound{Action: call.Chat, Body: out.Body}, s)
		if err != nil {
			t.Fatalf("what was written is not read: %v in %s", err, out.Body)
		}
		twice, err := openai.Client{}.Encode(again, upstream, losses())
		if err != nil || !bytes.Equal(twice.Body, out.Body) {
			t.Fatalf("%v\n%s\n%s", err, twice.Body, out.Body)
		}
	})
}

// FuzzReplyIn: no reply panics, and one that is taken is written as JSON.
func FuzzReplyIn(f *testing.F) {
	for _, x := range exchanges(f) {
		if !x.stream {
			f.Add(x.reply)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		openai.Client{}.Fault(0, nil, body)
		r, err := openai.Client{}.Reply(body, new(wire.Scanner), upstream)
		if err != nil {
			return
		}
		out, err := openai.Server{}.Reply(nil, r, answering)
		if err == nil {
			sound(t, out)
		}
		var list []chat.Event
		if err := chat.Events(r, func(e *chat.Event) error { list = append(list, e.Clone()); return nil }); err != nil {
			t.Fatalf("a reply that no events say: %v", err)
		}
	})
}

// FuzzStreamIn: no bytes panic, events are legal, and what is written of them
// is what the SDKs take.
func FuzzStreamIn(f *testing.F) {
	for _, x := range exchanges(f) {
		if x.stream && len(x.reply) < 8000 {
			f.Add(x.reply, 7)
		}
	}
	f.Add([]byte(chunks("tool_calls", calls(begun(0, "1", "a", `{"x"`), begun(1, "2", "b", `{}`)), calls(more(0, ":1}")))), 3)
	f.Fuzz(func(t *testing.T, body []byte, cut int) {
		list, err := events(split(body, max(0, min(cut, len(body)))))
		if _, illegal := err.(*chat.SequenceError); illegal {
			t.Fatalf("an illegal sequence: %v", err)
		}
		if err != nil || len(list) == 0 || list[len(list)-1].Kind != chat.End {
			return
		}
		e := openai.Server{}.Stream(answering)
		var out []byte
		for i := range list {
			if out, err = e.Event(out, &list[i]); err != nil {
				return // a malformed output, told
			}
		}
		gather(t, e.Tail(out))
	})
}
