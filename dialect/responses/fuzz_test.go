package responses_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/responses"
	"bulkhead/fault"
	"bulkhead/wire"
)

// FuzzRequest: nothing panics; what the gates accept is JSON to others too;
// what goes to an offering is the same request but for model, store and
// include, and asks the same; what is decoded is encoded, and means the same
// when it is read again.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(everything), "m", byte(0))
	for _, b := range requests(f) {
		f.Add(b, "the-vendors/own", byte(3))
	}
	for _, s := range []string{`{}`, `{"model":"\u0061","include":[ ]}`, `{"store":null,"reasoning":{"effort":"low"}}`, `{"input":[{"type":"reasoning","id":"r","summary":[],"encrypted_content":"bulkhead.redacted.x"},{"id":"x"}]}`} {
		f.Add([]byte(s), "m", byte(1))
	}
	f.Fuzz(func(t *testing.T, body []byte, model string, options byte) {
		model = strings.ToValidUTF8(model, "?")
		before := bytes.Clone(body)
		in := &dialect.Inbound{Action: call.Chat, Body: body}
		r, err := responses.Reader{}.Read(in, new(wire.Scanner), dialect.Listener{Text: func([]byte) {}, Name: func([]byte) {}, Unread: func(dialect.Medium) {}})
		if !bytes.Equal(before, body) {
			t.Fatal("the body was written to")
		}
		if err != nil {
			var fa *fault.Fault
			if r != nil || !errors.As(err, &fa) || !fa.NoRetry {
				t.Fatalf("refused with %v, %v", r, err)
			}
			return
		}
		want := object(t, body)
		to := &dialect.Upstream{Model: model, Store: options&1 != 0, UnknownOK: true}
		if options&2 != 0 {
			to.Reasoning = "effort"
		}
		sent := r.Relay(to).Body.Append(nil)
		got := object(t, sent)
		if got["model"] != model || !to.Store && got["store"] != false {
			t.Errorf("sent %q", sent)
		}
		for _, name := range []string{"model", "store", "include"} {
			delete(want, name)
			delete(got, name)
		}
		if g, w := mustJSON(t, got), mustJSON(t, want); g != w {
			t.Errorf("sent %s\nfor  %s", g, w)
		}
		again, err := responses.Reader{}.Read(&dialect.Inbound{Action: call.Chat, Body: sent}, new(wire.Scanner), dialect.Listener{})
		if err != nil {
			t.Fatalf("what is sent is refused when read again: %v: %q", err, sent)
		}
		if twice := again.Relay(to).Body.Append(nil); !bytes.Equal(twice, sent) {
			t.Errorf("sent on it becomes %q, was %q", twice, sent)
		}
		through(t, in, to)
	})
}

// through takes a request through the hub and back.
func through(t *testing.T, in *dialect.Inbound, to *dialect.Upstream) {
	t.Helper()
	q, err := responses.Server{}.Decode(in, new(wire.Scanner))
	if err != nil {
		if f := fault.From(err); f.Kind != fault.Malformed && f.Kind != fault.Unsupported {
			t.Fatalf("decoding gives %v", err)
		}
		return
	}
	if _, err := chat.Marshal(q); err != nil {
		t.Fatalf("no canonical JSON: %v", err)
	}
	out, err := responses.Client{}.Encode(q, to, chat.NewLosses("responses", nil, nil))
	if err != nil {
		return
	}
	if !json.Valid(out.Body) {
		t.Fatalf("encoded as %q", out.Body)
	}
	back, err := responses.Server{}.Decode(&dialect.Inbound{Action: call.Chat, Body: out.Body}, new(wire.Scanner))
	if err != nil {
		t.Fatalf("what is encoded cannot be read: %v: %s", err, out.Body)
	}
	once, err := responses.Client{}.Encode(back, to, chat.NewLosses("responses", nil, nil))
	if err != nil || !bytes.Equal(once.Body, out.Body) {
		t.Fatalf("encoded again %v\n%s\nwas\n%s", err, once.Body, out.Body)
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// FuzzStream: nothing panics; events are legal; cut at every byte they are the
// same; what is written of them is a stream that the specifications allow.
func FuzzStream(f *testing.F) {
	for _, b := range streams(f) {
		if len(b) < 8<<10 { // a long one is minimised for minutes
			f.Add(b)
		}
	}
	f.Add(sse(created, `{"type":"response.output_text.delta","delta":"x"}`, completed))
	f.Add(sse(`{"error":{"code":"x"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		events, err := decode(t, bytes.NewReader(b))
		cut, cutErr := decode(t, iotest.OneByteReader(bytes.NewReader(b)))
		if (err == nil) != (cutErr == nil) || lines(t, events) != lines(t, cut) {
			t.Fatalf("whole %v\n%s\ncut %v\n%s", err, lines(t, events), cutErr, lines(t, cut))
		}
		if err != nil {
			if k := fault.From(err).Kind; k != fault.UpstreamError && !errors.Is(err, wire.ErrEventTooLarge) {
				t.Fatalf("an error of kind %s: %v", k, err)
			}
			return
		}
		s := responses.Server{}.Stream(answering())
		var out []byte
		for i := range events {
			if events[i].Kind == chat.Fail {
				out = s.Fail(out, events[i].Fault)
				break
			}
			if out, err = s.Event(out, &events[i]); err != nil {
				t.Fatal(err)
			}
		}
		out = s.Tail(out)
		again, err := decode(t, bytes.NewReader(out))
		if err != nil {
			t.Fatalf("what is written cannot be read: %v: %s", err, out)
		}
		if len(frames(t, out)) == 0 || len(again) == 0 {
			t.Fatal("nothing is written")
		}
	})
}

// FuzzReply: nothing panics; what is read folds, and is written and read again
// as the same.
func FuzzReply(f *testing.F) {
	for _, name := range replies {
		f.Add(recorded(f, name+".json"))
	}
	f.Add([]byte("{\"output\":[{\"type\":\"x\",\"y\":\"\xff\"}]}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		responses.Client{}.Fault(400, nil, body)
		r, err := responses.Client{}.Reply(body, new(wire.Scanner), openai)
		if err != nil {
			if k := fault.From(err).Kind; k == fault.Internal {
				t.Fatalf("an internal error: %v", err)
			}
			return
		}
		if err := chat.Events(r, func(*chat.Event) error { return nil }); err != nil {
			t.Fatalf("no events: %v", err)
		}
		out, err := responses.Server{}.Reply(nil, r, answering())
		if err != nil || !json.Valid(out) {
			t.Fatalf("written as %q, %v", out, err)
		}
		if _, err := (responses.Client{}).Reply(out, new(wire.Scanner), openai); err != nil {
			t.Fatalf("what is written cannot be read: %v: %s", err, out)
		}
	})
}
