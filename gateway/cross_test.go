package gateway_test

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/ledger/ledgertest"
	"bulkhead/wire"
)

// speaker is what tests know of a dialect: how a caller asks in it, and what a
// vendor of it says.
type speaker struct {
	surface            string
	path, streamPath   string // of a call of the alias chat
	ask, askStream     string
	reply, stream      string // the text "two words", 7 tokens in and 2 out
	says, saysInStream string // what the caller finds of the text
	end                string // what only a whole stream has, or empty
	refusal            string // of a vendor, with status 400
	code               string // what is in a refusal of ours
	kind               string // content type of the stream; empty: text/event-stream
	cut                string // in the stream, where it is cut; empty: the second word
}

// sse makes a stream of named events.
func sse(events ...string) string {
	var b strings.Builder
	for _, e := range events {
		name, _, _ := strings.Cut(strings.TrimPrefix(e, `{"type":"`), `"`)
		b.WriteString("event: " + name + "\ndata: " + e + "\n\n")
	}
	return b.String()
}

// frames makes a stream of AWS event frames: name, payload, name, payload…
func frames(pairs ...string) string {
	var b []byte
	for i := 0; i < len(pairs); i += 2 {
		f := wire.BeginFrame(b)
		f.Text(":message-type", "event")
		f.Text(":event-type", pairs[i])
		f.Text(":content-type", "application/json")
		f.Payload([]byte(pairs[i+1]))
		var err error
		if b, err = f.End(); err != nil {
			panic(err)
		}
	}
	return string(b)
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
		says: `"content":"two words"`, saysInStream: `"content":"words"`, end: "data: [DONE]",
		refusal: `{"error":{"message":"the tide is out","type":"invalid_request_error","param":null,"code":null}}`, code: `"code":"`,
	},
	"gemini": {
		path: "/v1beta/models/chat:generateContent", streamPath: "/v1beta/models/chat:streamGenerateContent?alt=sse",
		ask:       `{"contents":[{"role":"user","parts":[{"text":"say something"}]}]}`,
		askStream: `{"contents":[{"role":"user","parts":[{"text":"say something"}]}]}`,
		reply:     `{"candidates":[{"content":{"role":"model","parts":[{"text":"two words"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2,"totalTokenCount":9},"modelVersion":"m"}`,
		stream: `data: {"candidates":[{"content":{"role":"model","parts":[{"text":"two "}]},"index":0}],"modelVersion":"m"}` + "\r\n\r\n" +
			`data: {"candidates":[{"content":{"role":"model","parts":[{"text":"words"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2,"totalTokenCount":9},"modelVersion":"m"}` + "\r\n\r\n",
		says: `"text":"two words"`, saysInStream: `"text":"words"`, end: `"finishReason":"STOP"`,
		refusal: `{"error":{"code":400,"message":"the tide is out","status":"INVALID_ARGUMENT"}}`, code: `"reason":"`,
	},
	"anthropic": {
		path: "/v1/messages", streamPath: "/v1/messages",
		ask:       `{"model":"chat","max_tokens":100,"messages":[{"role":"user","content":"say something"}]}`,
		askStream: `{"model":"chat","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"say something"}]}`,
		reply:     `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"two words"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":7,"output_tokens":2}}`,
		stream: sse(`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":7,"output_tokens":1}}}`,
			`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"two "}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"words"}}`,
			`{"type":"content_block_stop","index":0}`,
			`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}`,
			`{"type":"message_stop"}`),
		says: `"text":"two words"`, saysInStream: `"text":"words"`, end: "event: message_stop",
		refusal: `{"type":"error","error":{"type":"invalid_request_error","message":"the tide is out"}}`, code: `"code":"`,
	},
	"responses": {
		path: "/v1/responses", streamPath: "/v1/responses",
		ask:       `{"model":"chat","input":"say something"}`,
		askStream: `{"model":"chat","stream":true,"input":"say something"}`,
		reply:     responded,
		stream: sse(`{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","created_at":1,"status":"in_progress","model":"m","output":[]}}`,
			`{"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}}`,
			`{"type":"response.content_part.added","sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}`,
			`{"type":"response.output_text.delta","sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"two "}`,
			`{"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"words"}`,
			`{"type":"response.output_text.done","sequence_number":5,"item_id":"msg_1","output_index":0,"content_index":0,"text":"two words"}`,
			`{"type":"response.content_part.done","sequence_number":6,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"two words","annotations":[]}}`,
			`{"type":"response.output_item.done","sequence_number":7,"output_index":0,"item":`+respondedItem+`}`,
			`{"type":"response.completed","sequence_number":8,"response":`+responded+`}`),
		says: `"text":"two words"`, saysInStream: `"delta":"words"`, end: "event: response.completed",
		refusal: `{"error":{"message":"the tide is out","type":"invalid_request_error","param":null,"code":null}}`, code: `"code":"`, cut: `"delta":"words"`,
	},
	"bedrock": {
		path: "/model/chat/converse", streamPath: "/model/chat/converse-stream",
		ask:       `{"messages":[{"role":"user","content":[{"text":"say something"}]}]}`,
		askStream: `{"messages":[{"role":"user","content":[{"text":"say something"}]}]}`,
		reply:     `{"output":{"message":{"role":"assistant","content":[{"text":"two words"}]}},"stopReason":"end_turn","usage":{"inputTokens":7,"outputTokens":2,"totalTokens":9},"metrics":{"latencyMs":5}}`,
		stream: frames("messageStart", `{"role":"assistant"}`, "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"two "}}`, "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"words"}}`,
			"contentBlockStop", `{"contentBlockIndex":0}`, "messageStop", `{"stopReason":"end_turn"}`, "metadata", `{"usage":{"inputTokens":7,"outputTokens":2,"totalTokens":9},"metrics":{"latencyMs":5}}`),
		says: `"text":"two words"`, saysInStream: `"text":"words"`, end: "latencyMs", kind: "Content-Type: application/vnd.amazon.eventstream",
		refusal: `{"message":"the tide is out"}`, code: `"code":"`,
	},
}

const (
	respondedItem = `{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"two words","annotations":[]}]}`
	responded     = `{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m","output":[` + respondedItem + `],"usage":{"input_tokens":7,"output_tokens":2,"total_tokens":9}}`
)

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// crossed is an estate whose one endpoint speaks a dialect.
func crossed(t *testing.T, to string, url string) *catalog.Estate {
	t.Helper()
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: strings.TrimSuffix(url, "/v1"), Surface: speakers[to].surface})
	if to == "openai" || to == "responses" {
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

				kind := orElse(vendor.kind, streamType)
				v.Says(func(x *visit) {
					x.Stream(kind, vendor.stream)
					x.End()
				})
				got = r.Post(caller.streamPath, caller.askStream)
				if got.Err != nil || got.Status != 200 || !strings.Contains(got.Body, caller.saysInStream) || !strings.Contains(got.Body, caller.end) {
					t.Errorf("stream: got %d %v %s", got.Status, got.Err, got.Body)
				}
				if rec := r.Record(); rec.Usage.Input != 7 || rec.Usage.Output != 2 || rec.Ending != call.Complete || rec.Finish == "" {
					t.Errorf("record of the stream: %+v", rec)
				}

				// Cut before its end it is never taken for whole.
				v.Says(func(x *visit) {
					x.Stream(kind, vendor.stream[:strings.Index(vendor.stream, orElse(vendor.cut, "words"))-8])
					x.End()
				})
				got = r.Post(caller.streamPath, caller.askStream)
				rec := r.Record()
				if rec.Ending == call.Complete || caller.end != "" && strings.Contains(got.Body, caller.end) {
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

				// The reply is not complete before its outcome is durable.
				v.Says(func(x *visit) {
					half := strings.Index(vendor.stream, orElse(vendor.cut, "words")) - 8
					x.Stream(kind, vendor.stream[:half])
					r.Disk.Break(func(op string) error {
						if op == "sync" || op == "write" {
							return syscall.EIO
						}
						return nil
					})
					x.Chunks(vendor.stream[half:])
					x.End()
				})
				got = r.Post(caller.streamPath, caller.askStream)
				if rec := r.Record(); rec.Ending == call.Complete || strings.Contains(got.Body, caller.end) {
					t.Errorf("without an outcome: %s %d %s", rec.Ending, got.Status, got.Body)
				}
			})
		}
	}
}
