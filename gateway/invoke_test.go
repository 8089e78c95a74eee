package gateway_test

import (
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/dialect/bedrock"
)

const invokeAsk = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,"messages":[{"role":"user","content":"say something"}]}`

// chunked is a stream of server-sent events as InvokeModel has it.
func chunked(stream string) string {
	var b []byte
	for line := range strings.Lines(stream) {
		if data, found := strings.CutPrefix(line, "data: "); found {
			b = bedrock.Chunk(b, []byte(strings.TrimSpace(data)))
		}
	}
	return string(b)
}

const framed = "Content-Type: application/vnd.amazon.eventstream"

func invokeEstate(t *testing.T, to, surface, id, url string) *catalog.Estate {
	e := crossed(t, to, url)
	e.Endpoints[0].Surface = surface
	for _, o := range e.Offerings {
		o.ID = id
	}
	return e
}

func TestInvoke_BytesPassBetweenTheAddressesOfOneDialect(t *testing.T) {
	said := speakers["anthropic"]
	for name, row := range map[string]struct{ caller, to, surface, at string }{
		"invoke to invoke":    {"invoke", "anthropic", "invoke", "/model/claude/invoke"},
		"invoke to bedrock":   {"invoke", "bedrock", "invoke", "/model/claude/invoke"},
		"invoke to messages":  {"invoke", "anthropic", "", "/v1/messages"},
		"messages to invoke":  {"", "anthropic", "invoke", "/model/claude/invoke"},
		"messages to bedrock": {"", "bedrock", "invoke", "/model/claude/invoke"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVendor(t, func(x *visit) { x.Reply(200, jsonType, said.reply) })
			r := start(t, invokeEstate(t, row.to, row.surface, "claude", v.URL))
			path, streamPath, ask, askStream := said.path, said.path, said.ask, said.askStream
			if row.caller == "invoke" {
				path, streamPath, ask, askStream = "/model/chat/invoke", "/model/chat/invoke-with-response-stream", invokeAsk, invokeAsk
			}
			got := r.Post(path, ask)
			if got.Status != 200 || got.Body != said.reply {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
			if row.caller == "invoke" && (got.Header.Get("X-Amzn-Bedrock-Input-Token-Count") != "7" || got.Header.Get("X-Amzn-Bedrock-Output-Token-Count") != "2") {
				t.Errorf("header %v", got.Header)
			}
			sent := v.Only()
			if !strings.Contains(sent.Line, row.at) || row.surface == "invoke" == strings.Contains(string(sent.Body), `"model"`) || row.surface == "invoke" != strings.Contains(string(sent.Body), "bedrock-2023-05-31") {
				t.Errorf("sent %s\n%s", sent.Line, sent.Body)
			}
			from, kind := said.stream, streamType
			if row.surface == "invoke" {
				from, kind = chunked(said.stream), framed
			}
			want := said.stream
			if row.caller == "invoke" {
				want = chunked(said.stream)
			}
			v.Says(func(x *visit) { x.Stream(kind, from); x.End() })
			r.Record()
			got = r.Post(streamPath, askStream)
			if got.Status != 200 || got.Body != want {
				t.Errorf("stream: got %d %q\nwant %q", got.Status, got.Body, want)
			}
			if rec := r.Record(); rec.Usage.Input != 7 || rec.Usage.Output != 2 || rec.Ending != call.Complete || rec.Finish == "" {
				t.Errorf("record: %+v", rec)
			}
			v.Says(func(x *visit) { x.Stream(kind, from[:len(from)*2/3]); x.End() })
			got = r.Post(streamPath, askStream)
			if rec := r.Record(); rec.Ending == call.Complete {
				t.Errorf("a cut stream is whole: %d %q", got.Status, got.Body)
			}
			v.Says(func(x *visit) { x.Reply(400, jsonType, `{"message":"the tide is out"}`) })
			if got = r.Post(path, ask); got.Status != 400 || !strings.Contains(got.Body, `"code":"`) && row.caller == "invoke" {
				t.Errorf("refused: %d %s", got.Status, got.Body)
			}
		})
	}
}

func TestInvoke_IsTranslatedBothWays(t *testing.T) {
	for to, vendor := range speakers {
		v := newVendor(t, func(x *visit) { x.Reply(200, jsonType, vendor.reply) })
		r := start(t, crossed(t, to, v.URL))
		if got := r.Post("/model/chat/invoke", invokeAsk); got.Status != 200 || !strings.Contains(got.Body, `"text":"two words"`) {
			t.Errorf("to %s: got %d %s", to, got.Status, got.Body)
		}
	}
	said := speakers["anthropic"]
	for from, caller := range speakers {
		v := newVendor(t, func(x *visit) { x.Reply(200, jsonType, said.reply) })
		r := start(t, invokeEstate(t, "bedrock", "invoke", "us.anthropic.claude-1", v.URL))
		if got := r.Post(caller.path, caller.ask); got.Status != 200 || !strings.Contains(got.Body, caller.says) {
			t.Errorf("from %s: got %d %s", from, got.Status, got.Body)
		}
		v.Says(func(x *visit) { x.Stream(framed, chunked(said.stream)); x.End() })
		if got := r.Post(caller.streamPath, caller.askStream); got.Status != 200 || !strings.Contains(got.Body, caller.saysInStream) || !strings.Contains(got.Body, caller.end) {
			t.Errorf("from %s, stream: got %d %s", from, got.Status, got.Body)
		}
	}
}

func TestInvoke_BodiesOfAmazonsModelsAreRelayedAlone(t *testing.T) {
	nova := `{"messages":[{"role":"user","content":[{"text":"say something"}]}]}`
	titan := `{"inputText":"say something"}`
	titanSays := `{"inputTextTokenCount":7,"results":[{"tokenCount":2,"outputText":"two words","completionReason":"FINISH"}]}`
	for _, row := range []struct {
		body, id, reply string
		ok              bool
	}{
		{nova, "us.amazon.nova-lite-v1:0", speakers["bedrock"].reply, true}, {titan, "amazon.titan-text-lite-v1", titanSays, true},
		{nova, "amazon.titan-text-lite-v1", "", false}, {titan, "amazon.nova-lite-v1:0", "", false}, {titan, "anthropic.claude-1", "", false},
		{invokeAsk, "amazon.nova-lite-v1:0", "", false}, {invokeAsk, "meta.llama3-1", "", false},
	} {
		v := newVendor(t, func(x *visit) { x.Reply(200, jsonType, row.reply) })
		r := start(t, invokeEstate(t, "bedrock", "invoke", row.id, v.URL))
		got := r.Post("/model/chat/invoke", row.body)
		if row.ok {
			if got.Status != 200 || got.Body != row.reply || string(v.Only().Body) != row.body || r.Record().Usage.Input != 7 {
				t.Errorf("%s: got %d %s", row.id, got.Status, got.Body)
			}
			continue
		}
		if got.Status != 400 || !strings.Contains(got.Body, "unsupported_parameter") || len(v.Seen()) != 0 {
			t.Errorf("%s to %s: got %d %s", row.body, row.id, got.Status, got.Body)
		}
	}
	v := newVendor(t, ok)
	r := start(t, crossed(t, "bedrock", v.URL))
	if got := r.Post("/model/chat/invoke", nova); got.Status != 400 || !strings.Contains(got.Body, "Use Converse") {
		t.Errorf("to Converse: got %d %s", got.Status, got.Body)
	}
}
