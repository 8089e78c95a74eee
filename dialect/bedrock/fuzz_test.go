package bedrock_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/bedrock"
	"bulkhead/wire"
)

func FuzzRequest(f *testing.F) {
	for _, file := range files(f, "recorded/*.json") {
		if x, _ := recorded(f, file); x.Request != nil {
			f.Add([]byte(x.Request.Body), false)
		}
	}
	f.Add([]byte(block(`{"cachePoint":{"type":"default"}},{"document":{"name":"d","source":{"content":[{"text":"x"}]}}},{"citationsContent":{"content":[{"text":"a"}],"citations":[{"location":{"web":{"url":"u"}}}]}}`)), false)
	f.Add([]byte(`{"input":{"converse":{"messages":[],"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":1},"tool_choice":{"disable_parallel_tool_use":true}}}}}`), true)
	f.Fuzz(func(t *testing.T, body []byte, count bool) {
		in := &dialect.Inbound{Action: call.Chat, Model: "m", Header: http.Header{}, Body: body}
		if count {
			in.Action = call.CountTokens
		}
		var s wire.Scanner
		if _, err := (bedrock.Reader{}).Read(in, &s, dialect.Listener{Text: func([]byte) {}, Name: func([]byte) {}, Unread: func(dialect.Medium) {}}); err != nil {
			return
		}
		r, err := bedrock.Server{}.Decode(in, &s)
		if err != nil {
			return
		}
		for _, to := range []*dialect.Upstream{anthropic, {Model: "amazon.nova"}, {Model: "openai.gpt", Reasoning: "effort"}, {Model: "anthropic.x", Reasoning: "budget"}} {
			out, err := bedrock.Client{}.Encode(r, to, chat.NewLosses("bedrock", nil, nil))
			if err != nil {
				continue
			}
			if !jsontext.Value(out.Body).IsValid() {
				t.Fatalf("%s\nbecomes %s", body, out.Body)
			}
			in := &dialect.Inbound{Action: call.Chat, Model: "m", Header: http.Header{}, Body: out.Body}
			if _, err := (bedrock.Server{}).Decode(in, &s); err != nil {
				t.Fatalf("%s\nbecomes %s, which is refused: %v", body, out.Body, err)
			}
		}
	})
}

func FuzzReply(f *testing.F) {
	for _, file := range files(f, "recorded/*.json") {
		f.Add(read(f, file))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var s wire.Scanner
		bedrock.Client{}.Fault(400, http.Header{}, body)
		_, _ = bedrock.Client{}.CountReply(body, &s)
		r, err := bedrock.Client{}.Reply(body, &s, family)
		if err != nil {
			return
		}
		out, err := bedrock.Server{}.Reply(nil, r, answering())
		if err != nil || !jsontext.Value(out).IsValid() {
			t.Fatalf("%s\nbecomes %v %s", body, err, out)
		}
	})
}

func FuzzStream(f *testing.F) {
	for _, pattern := range []string{"recorded/*.bin", "invoke/*.bin"} {
		for _, file := range files(f, pattern) {
			f.Add(read(f, file), 0)
		}
	}
	f.Add(frames(f, `messageStart {}`, `contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"redactedContent":"AA=="}}}`, `messageStop {"stopReason":"x"}`, `metadata {"usage":{"inputTokens":1}}`), 1)
	f.Fuzz(func(t *testing.T, body []byte, cut int) {
		r := func() io.Reader {
			if cut%2 == 1 {
				return iotest.OneByteReader(bytes.NewReader(body))
			}
			return bytes.NewReader(body)
		}
		// What is decoded is legal, whatever comes, and what is encoded of it is frames.
		e := bedrock.Server{}.Stream(answering())
		var out []byte
		_, err := decode(bedrock.Client{}.Stream(family), r(), func(ev *chat.Event) (err error) {
			if ev.Kind == chat.Fail {
				out = e.Fail(out, ev.Fault)
				return nil
			}
			out, err = e.Event(out, ev)
			return err
		})
		var broken *chat.SequenceError
		if asSequence(err, &broken) {
			t.Fatal(broken)
		}
		payloads(t, e.Tail(out))
		for _, inner := range []func() bedrock.Events{begun, nil} {
			_, err := decode(bedrock.InvokeStream(inner), r(), func(*chat.Event) error { return nil })
			if inner == nil && asSequence(err, &broken) {
				t.Fatal(broken)
			}
		}
	})
}

// FuzzFrames gives the payloads of frames a free hand, past the checksums.
func FuzzFrames(f *testing.F) {
	f.Add("contentBlockDelta", []byte(`{"contentBlockIndex":0,"delta":{"text":"x"}}`), "contentBlockStart", []byte(`{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"a","name":"b","type":"server_tool_use"}}}`))
	f.Add("contentBlockStart", []byte(`{"contentBlockIndex":0,"start":{"image":{"format":"png"}}}`), "contentBlockDelta", []byte(`{"contentBlockIndex":0,"delta":{"image":{"source":{"bytes":"AA=="}}}}`))
	f.Add("contentBlockDelta", []byte(`{"delta":{"citation":{"location":{"web":{}}}}}`), "metadata", []byte(`{"usage":{"inputTokens":1,"cacheDetails":[{"ttl":"1h","inputTokens":2}]}}`))
	f.Fuzz(func(t *testing.T, first string, a []byte, second string, b []byte) {
		var body []byte
		for _, line := range []struct {
			event   string
			payload []byte
		}{{"messageStart", []byte("{}")}, {first, a}, {second, b}, {first, a}, {"messageStop", []byte(`{"stopReason":"end_turn"}`)}, {"metadata", []byte(`{}`)}} {
			w := wire.BeginFrame(body)
			w.Text(":event-type", line.event)
			w.Text(":message-type", "event")
			w.Payload(line.payload)
			out, err := w.End()
			if err != nil {
				return
			}
			body = out
		}
		e := bedrock.Server{}.Stream(answering())
		var out []byte
		_, err := decode(bedrock.Client{}.Stream(family), bytes.NewReader(body), func(ev *chat.Event) (err error) { out, err = e.Event(out, ev); return err })
		var broken *chat.SequenceError
		if asSequence(err, &broken) {
			t.Fatal(broken)
		}
		for _, p := range payloads(t, e.Tail(out)) {
			if i := bytes.IndexByte([]byte(p), '{'); !jsontext.Value(p[i:]).IsValid() {
				t.Fatalf("a frame of %q", p)
			}
		}
	})
}
