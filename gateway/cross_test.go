package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/ledger/ledgertest"
)

// speaker is what tests know of a dialect: how a caller asks in it, and what a
// vendor of it says.
type speaker struct {
	surface            string
	path, streamPath   string // of a call of the alias chat
	ask, askStream     string
	reply, stream      string // the text "two words", 7 tokens in and 2 out
	says, saysInStream string // what the caller finds of the text
	end                string // what is at the end of a whole stream, or empty
	refusal            string // of a vendor, with status 400
	code               string // what is in a refusal of ours
}

var speakers = map[string]speaker{
	"openai": {
		path: "/v1/chat/completions", streamPath: "/v1/chat/completions",
		ask:       `{"model":"chat","messages":[{"role":"user","content":"say something"}]}`,
		askStream: `{"model":"chat","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"say something"}]}`,
		reply:     `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"two words"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}`,
		stream: `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n" +
			`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"two "},"finish_reason":null}]}` + "\n\n" +
			`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"words"},"finish_reason":null}]}` + "\n\n" +
			`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n" +
			`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}` + "\n\ndata: [DONE]\n\n",
		says: `"content":"two words"`, saysInStream: `"content":"words"`, end: "data: [DONE]\n\n",
		refusal: `{"error":{"message":"the tide is out","type":"invalid_request_error","param":null,"code":null}}`, code: `"code":"`,
	},
	"gemini": {
		path: "/v1beta/models/chat:generateContent", streamPath: "/v1beta/models/chat:streamGenerateContent?alt=sse",
		ask:       `{"contents":[{"role":"user","parts":[{"text":"say something"}]}]}`,
		askStream: `{"contents":[{"role":"user","parts":[{"text":"say something"}]}]}`,
		reply:     `{"candidates":[{"content":{"role":"model","parts":[{"text":"two words"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2,"totalTokenCount":9},"modelVersion":"m"}`,
		stream: `data: {"candidates":[{"content":{"role":"model","parts":[{"text":"two "}]},"index":0}],"modelVersion":"m"}` + "\r\n\r\n" +
			`data: {"candidates":[{"content":{"role":"model","parts":[{"text":"words"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2,"totalTokenCount":9},"modelVersion":"m"}` + "\r\n\r\n",
		says: `"text":"two words"`, saysInStream: `"text":"words"`, end: "",
		refusal: `{"error":{"code":400,"message":"the tide is out","status":"INVALID_ARGUMENT"}}`, code: `"reason":"`,
	},
}

// crossed is an estate whose one endpoint speaks a dialect.
func crossed(t *testing.T, to string, url string) *catalog.Estate {
	t.Helper()
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: strings.TrimSuffix(url, "/v1"), Surface: speakers[to].surface})
	if to == "openai" {
		e.Endpoints[0].URL = url
	}
	e.Endpoints[0].Dialect = to
	return e
}

// TestCross_EveryCallerReachesEveryOffering carries a call from each dialect
// into each, unary and as a stream.
func TestCross_EveryCallerReachesEveryOffering(t *testing.T) {
	for from, caller := range speakers {
		for to, vendor := range speakers {
			t.Run(from+" to "+to, func(t *testing.T) {
				v := newVendor(t, func(x *visit) { x.Reply(200, jsonType, vendor.reply) })
				r := start(t, crossed(t, to, v.URL))
				got := r.Post(caller.path, caller.ask)
				if got.Status != 200 || !strings.Contains(got.Body, caller.says) || got.Header.Get("Bulkhead-Offering") != "one/m" {
					t.Errorf("got %d %s", got.Status, got.Body)
				}
				if sent := string(v.Only().Body); !strings.Contains(sent, "say something") || strings.Contains(v.Only().Line, "/chat:") {
					t.Errorf("the vendor was sent %s\n%s", v.Only().Line, sent)
				}
				if !json.Valid(v.Only().Body) || !json.Valid([]byte(got.Body)) {
					t.Errorf("no JSON: %s\n%s", v.Only().Body, got.Body)
				}
				if rec := r.Record(); rec.Usage.Input != 7 || rec.Usage.Output != 2 || rec.Usage.Estimated || rec.Ending != call.Complete || rec.Finish == "" {
					t.Errorf("record: %+v", rec)
				}

				v.Says(func(x *visit) {
					x.Stream(streamType, vendor.stream)
					x.End()
				})
				got = r.Post(caller.streamPath, caller.askStream)
				if got.Err != nil || got.Status != 200 || !strings.Contains(got.Body, caller.saysInStream) || !strings.HasSuffix(got.Body, caller.end) {
					t.Errorf("stream: got %d %v %s", got.Status, got.Err, got.Body)
				}
				if rec := r.Record(); rec.Usage.Input != 7 || rec.Usage.Output != 2 || rec.Ending != call.Complete || rec.Finish == "" {
					t.Errorf("record of the stream: %+v", rec)
				}

				// Cut before its end it is never taken for whole.
				v.Says(func(x *visit) {
					x.Stream(streamType, vendor.stream[:strings.Index(vendor.stream, "words")-8])
					x.End()
				})
				got = r.Post(caller.streamPath, caller.askStream)
				rec := r.Record()
				if rec.Ending == call.Complete || caller.end != "" && strings.HasSuffix(got.Body, caller.end) {
					t.Errorf("a cut stream: %s %d %s", rec.Ending, got.Status, got.Body)
				}

				v.Says(func(x *visit) { x.Reply(400, jsonType, vendor.refusal) })
				if got = r.Post(caller.path, caller.ask); got.Status != 400 || !strings.Contains(got.Body, "the tide is out") {
					t.Errorf("the vendor's refusal: %d %s", got.Status, got.Body)
				}
				v.Says(func(x *visit) { x.Reply(503, jsonType, vendor.refusal) })
				if got = r.Post(caller.path, caller.ask); got.Status != 503 || strings.Contains(got.Body, "the tide is out") {
					t.Errorf("the vendor's failure: %d %s", got.Status, got.Body)
				}
				if got = r.Post(caller.path, strings.Replace(caller.ask, "say", "(S//NF) say", 1)); got.Status != 403 || !strings.Contains(got.Body, caller.code) {
					t.Errorf("a mark: %d %s", got.Status, got.Body)
				}
				ledgertest.Entries(t, r.Ledger)
			})
		}
	}
}
