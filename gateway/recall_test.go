package gateway_test

import (
	"bytes"
	"strings"
	"testing"

	"bulkhead/gateway"
	"bulkhead/state"
)

const (
	thoughtful = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"the tide","signature":"c2lnbmVkQnlPbmU="},{"type":"tool_use","id":"toolu_1","name":"tide","input":{"place":"here"}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":7,"output_tokens":2}}`
	secondTurn = `{"model":"chat","max_tokens":4096,"tools":[{"name":"tide","input_schema":{"type":"object"}}],"messages":[{"role":"user","content":"when?"},{"role":"assistant","content":[{"type":"thinking","thinking":"the tide","signature":"c2lnbmVkQnlPbmU="},{"type":"tool_use","id":"toolu_1","name":"tide","input":{"place":"here"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"noon"}]}]}`
	signature  = "c2lnbmVkQnlPbmU="
)

func remembering(t *testing.T) func(*gateway.Options) {
	m, err := state.New(t.Context(), state.Options{Key: bytes.Repeat([]byte{9}, state.KeyBytes)})
	if err != nil {
		t.Fatal(err)
	}
	return func(o *gateway.Options) { o.State = m }
}

// last is the body that the vendor was sent last.
func last(v *vendor) string {
	seen := v.Seen()
	return string(seen[len(seen)-1].Body)
}

func TestState_GoesOnTheRelayLaneToItsMinterAlone(t *testing.T) {
	v := newVendor(t, func(x *visit) { x.Reply(200, jsonType, thoughtful) })
	r := start(t, crossed(t, "anthropic", v.URL), remembering(t))
	got := r.Post("/v1/messages", secondTurn) // nobody knows who minted it yet
	if sent := last(v); got.Status != 200 || strings.Contains(sent, signature) || !strings.Contains(got.Header.Get("Bulkhead-Loss"), "signature") {
		t.Errorf("unknown: %d %q\n%s", got.Status, got.Header.Get("Bulkhead-Loss"), sent)
	}
	got = r.Post("/v1/messages", secondTurn) // the reply before minted it
	if sent := last(v); got.Status != 200 || !strings.Contains(sent, signature) || got.Header.Get("Bulkhead-Loss") != "" {
		t.Errorf("known: %d %q\n%s", got.Status, got.Header.Get("Bulkhead-Loss"), sent)
	}
}

func TestState_IsPutBackForCallersWhoCannotCarryIt(t *testing.T) {
	v := newVendor(t, func(x *visit) { x.Reply(200, jsonType, thoughtful) })
	r := start(t, crossed(t, "anthropic", v.URL), remembering(t))
	if got := r.Post("/v1/chat/completions", chat()); got.Status != 200 || strings.Contains(got.Body, signature) {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	again := `{"model":"chat","messages":[{"role":"user","content":"when?"},{"role":"assistant","content":null,"tool_calls":[{"id":"toolu_1","type":"function","function":{"name":"tide","arguments":"{ \"place\": \"here\" }"}}]},{"role":"tool","tool_call_id":"toolu_1","content":"noon"}]}`
	got := r.Post("/v1/chat/completions", again)
	sent := last(v)
	if got.Status != 200 || !strings.Contains(sent, signature) || strings.Index(sent, signature) > strings.Index(sent, "toolu_1") {
		t.Errorf("%d %s", got.Status, sent)
	}
	if strings.Contains(r.Logs.String(), signature) {
		t.Error("state in the log")
	}
}

// TestState_AnotherFamilyGetsTheTurnWithoutIt lets the minter fail, and then
// asks for the next turn at the offering that is left.
func TestState_AnotherFamilyGetsTheTurnWithoutIt(t *testing.T) {
	minter := newVendor(t, func(x *visit) { x.Reply(200, jsonType, thoughtful) })
	other := newVendor(t, func(x *visit) { x.Reply(200, jsonType, thoughtful) })
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: strings.TrimSuffix(minter.URL, "/v1")}, offer{Name: "two", URL: strings.TrimSuffix(other.URL, "/v1")})
	for _, p := range e.Endpoints {
		p.Dialect = "anthropic"
	}
	r := start(t, e, remembering(t))
	r.Post("/v1/messages", `{"model":"chat","max_tokens":4096,"messages":[{"role":"user","content":"when?"}]}`)
	minter.Says(func(x *visit) { x.Reply(503, jsonType, `{"type":"error","error":{"type":"api_error","message":"no"}}`) })
	got := r.Post("/v1/messages", secondTurn)
	if !strings.Contains(last(minter), signature) {
		t.Error("the minter did not get its own back")
	}
	if sent := last(other); got.Status != 200 || strings.Contains(sent, signature) || !strings.Contains(got.Header.Get("Bulkhead-Loss"), "signature") {
		t.Errorf("%d %q\n%s", got.Status, got.Header.Get("Bulkhead-Loss"), sent)
	}
}

// TestState_AsksItsMinterFirst mints at the second offering while the first is
// away, and has the next turn go there though the first is back.
func TestState_AsksItsMinterFirst(t *testing.T) {
	first := newVendor(t, func(x *visit) { x.Reply(503, jsonType, `{"type":"error","error":{"type":"api_error","message":"no"}}`) })
	second := newVendor(t, func(x *visit) { x.Reply(200, jsonType, thoughtful) })
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: strings.TrimSuffix(first.URL, "/v1")}, offer{Name: "two", URL: strings.TrimSuffix(second.URL, "/v1")})
	for _, p := range e.Endpoints {
		p.Dialect = "anthropic"
	}
	r := start(t, e, remembering(t))
	r.Post("/v1/messages", `{"model":"chat","max_tokens":4096,"messages":[{"role":"user","content":"when?"}]}`)
	first.Says(func(x *visit) { x.Reply(200, jsonType, thoughtful) })
	before := len(first.Seen())
	if got := r.Post("/v1/messages", secondTurn); got.Header.Get("Bulkhead-Offering") != "two/m" || !strings.Contains(last(second), signature) || len(first.Seen()) != before {
		t.Errorf("%s, the first was asked %d times", got.Header.Get("Bulkhead-Offering"), len(first.Seen())-before)
	}
}

const (
	signedReply = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","extra_content":{"google":{"thought_signature":"c2lnbmVkQnlPbmU="}},"function":{"name":"tide","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`
	signedTurn  = `{"model":"chat","messages":[{"role":"user","content":"when?"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","extra_content":{"google":{"thought_signature":"c2lnbmVkQnlPbmU="}},"function":{"name":"tide","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"noon"}]`
)

// TestState_OfOpenAIsDialectIsHeardAsItPasses replays a call's signature to the
// server that minted it, in a unary reply and in a stream.
func TestState_OfOpenAIsDialectIsHeardAsItPasses(t *testing.T) {
	chunk := func(delta, finish string) string {
		return `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + "}]}\n\n"
	}
	stream := chunk(`{"role":"assistant","tool_calls":[{"index":0,"id":"call_1","type":"function","extra_content":{"google":{"thought_signature":"c2lnbmVkQnlPbmU="}},"function":{"name":"tide","arguments":""}}]}`, "null") +
		chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}`, "null") + chunk(`{}`, `"tool_calls"`) + "data: [DONE]\n\n"
	for name, row := range map[string]struct{ kind, reply, ask string }{
		"unary":  {jsonType, signedReply, signedTurn + "}"},
		"stream": {streamType, stream, signedTurn + `,"stream":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVendor(t, func(x *visit) { x.Reply(200, row.kind, row.reply) })
			r := start(t, crossed(t, "openai", v.URL), remembering(t))
			got := r.Post("/v1/chat/completions", row.ask) // nobody knows who minted it yet
			if sent := last(v); got.Status != 200 || strings.Contains(sent, signature) {
				t.Errorf("unknown: %d %s\n%s", got.Status, got.Body, sent)
			}
			got = r.Post("/v1/chat/completions", `{"model":"chat","messages":[{"role":"user","content":"when?"}]`+strings.TrimPrefix(row.ask, signedTurn))
			if got.Status != 200 || !strings.Contains(got.Body, signature) {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			got = r.Post("/v1/chat/completions", row.ask)
			if sent := last(v); got.Status != 200 || !strings.Contains(sent, signature) || got.Header.Get("Bulkhead-Loss") != "" {
				t.Errorf("known: %d %q\n%s", got.Status, got.Header.Get("Bulkhead-Loss"), sent)
			}
		})
	}
}

func TestState_OfNoKnownMinterGoesOnWhereTheEstateLetsIt(t *testing.T) {
	v := newVendor(t, func(x *visit) { x.Reply(200, jsonType, thoughtful) })
	e := crossed(t, "anthropic", v.URL)
	for _, o := range e.Offerings {
		o.UnknownState = "pass"
	}
	r := start(t, e, remembering(t))
	got := r.Post("/v1/messages", secondTurn)
	if sent := last(v); got.Status != 200 || !strings.Contains(sent, signature) || got.Header.Get("Bulkhead-Loss") != "" {
		t.Errorf("%d %q\n%s", got.Status, got.Header.Get("Bulkhead-Loss"), sent)
	}
}
