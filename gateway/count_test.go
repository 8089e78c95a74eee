package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/ledger/ledgertest"
)

// counters are the counts of the dialects that have them.
var counters = map[string]struct{ path, ask, at, reply, says string }{
	"anthropic": {"/v1/messages/count_tokens", `{"model":"chat","messages":[{"role":"user","content":"say something"}]}`, "/v1/messages/count_tokens", `{"input_tokens":7}`, `"input_tokens":7`},
	"gemini":    {"/v1beta/models/chat:countTokens", `{"contents":[{"role":"user","parts":[{"text":"say something"}]}]}`, ":countTokens", `{"totalTokens":7}`, `"totalTokens":7`},
	"bedrock":   {"/model/chat/count-tokens", `{"input":{"converse":{"messages":[{"role":"user","content":[{"text":"say something"}]}]}}}`, "/count-tokens", `{"inputTokens":7}`, `"inputTokens":7`},
	"responses": {"/v1/responses/input_tokens", `{"model":"chat","input":"say something"}`, "/responses/input_tokens", `{"object":"response.input_tokens","input_tokens":7}`, `"input_tokens":7`},
}

func TestCount_ReachesOfferingsOfEveryDialectThatCounts(t *testing.T) {
	for from, caller := range counters {
		for to, vendor := range counters {
			t.Run(from+" to "+to, func(t *testing.T) {
				v := newVendor(t, func(x *visit) { x.Reply(200, jsonType, vendor.reply) })
				r := start(t, crossed(t, to, v.URL))
				got := r.Post(caller.path, caller.ask)
				if got.Status != 200 || !strings.Contains(got.Body, caller.says) || got.Header.Get("Bulkhead-Offering") != "one/m" {
					t.Errorf("got %d %s", got.Status, got.Body)
				}
				sent := v.Only()
				if !strings.Contains(sent.Line, vendor.at) || !strings.Contains(string(sent.Body), "say something") || !json.Valid(sent.Body) {
					t.Errorf("the vendor was sent %s\n%s", sent.Line, sent.Body)
				}
				if rec := r.Record(); rec.Action != call.CountTokens || rec.Usage.Input != 7 || rec.Ending != call.Complete {
					t.Errorf("record: %+v", rec)
				}
				if entries := ledgertest.Entries(t, r.Ledger); len(entries) == 0 {
					t.Error("the call is not in the ledger")
				}
			})
		}
	}
}

func TestCount_IsRefusedByNameWhereADialectHasNone(t *testing.T) {
	for from, caller := range counters {
		v := newVendor(t, ok)
		r := start(t, crossed(t, "openai", v.URL))
		got := r.Post(caller.path, caller.ask)
		if got.Status != 400 || !strings.Contains(got.Body, "unsupported_parameter") || !strings.Contains(got.Body, "a count of tokens") {
			t.Errorf("%s: got %d %s", from, got.Status, got.Body)
		}
		if len(v.Seen()) != 0 {
			t.Errorf("%s: the vendor was asked", from)
		}
	}
}

func TestEmbeddings_AreRefusedByNameWhereADialectHasNone(t *testing.T) {
	for _, to := range []string{"responses", "anthropic", "bedrock"} {
		v := newVendor(t, ok)
		e := crossed(t, to, v.URL)
		e.Offerings[0].Model.Capabilities = []string{"embeddings"}
		r := start(t, e)
		got := r.Post("/v1/embeddings", `{"model":"chat","input":"a ship"}`)
		if got.Status != 400 || !strings.Contains(got.Body, `"param":"model","code":"unsupported_parameter"`) {
			t.Errorf("%s: got %d %s", to, got.Status, got.Body)
		}
		if len(v.Seen()) != 0 {
			t.Errorf("%s: the vendor was asked", to)
		}
	}
}

func TestEmbeddings_HaveUsageForOpenAIsCallersWhereTheVendorCountsNothing(t *testing.T) {
	v := newVendor(t, func(x *visit) {
		x.Reply(200, jsonType, `{"embeddings":[{"values":[0.5,1]},{"values":[1,0.5]}]}`)
	})
	e := crossed(t, "gemini", v.URL)
	e.Offerings[0].Model.Capabilities = []string{"embeddings"}
	r := start(t, e)
	ask := `{"model":"chat","input":["a ship","a boat"]}`
	got := r.Post("/v1/embeddings", ask)
	if got.Status != 200 || !strings.Contains(got.Body, `"usage":{"prompt_tokens":11,"total_tokens":11}`) {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if lost := got.Header.Get("Bulkhead-Loss"); !strings.Contains(lost, `"usage";a=approximated`) {
		t.Errorf("lost %q", lost)
	}
	if rec := r.Record(); !rec.Usage.Estimated || rec.Usage.Input != 11 {
		t.Errorf("record: %+v", rec.Usage)
	}
	v.Says(func(x *visit) {
		x.Reply(200, jsonType, `{"embeddings":[{"values":[0.5,1]},{"values":[1,0.5]}],"usageMetadata":{"promptTokenCount":4}}`)
	})
	got = r.Post("/v1/embeddings", ask)
	if got.Status != 200 || !strings.Contains(got.Body, `"prompt_tokens":4`) || strings.Contains(got.Header.Get("Bulkhead-Loss"), "usage") {
		t.Errorf("got %d %s, lost %s", got.Status, got.Body, got.Header.Get("Bulkhead-Loss"))
	}
}

func TestLosses_AreThoseThatTheWorkloadAllows(t *testing.T) {
	v := newVendor(t, func(x *visit) { x.Reply(200, jsonType, speakers["anthropic"].reply) })
	e := crossed(t, "anthropic", v.URL)
	e.Workloads["w"].AllowLosses = []string{"n"}
	r := start(t, e)
	got := r.Post("/v1/chat/completions", chat(`"n":2`))
	if got.Status != 200 || !strings.Contains(got.Header.Get("Bulkhead-Loss"), `"n";a=dropped`) {
		t.Errorf("got %d %s, lost %s", got.Status, got.Body, got.Header.Get("Bulkhead-Loss"))
	}
	if got := r.Post("/v1/chat/completions", chat(`"logprobs":true`)); got.Status != 400 || !strings.Contains(got.Body, `"param":"logprobs"`) {
		t.Errorf("what is not allowed: %d %s", got.Status, got.Body)
	}
}

func TestVertex_CarriesClaudeOfCallersAndOfEndpoints(t *testing.T) {
	said := speakers["anthropic"]
	v := newVendor(t, func(x *visit) { x.Reply(200, jsonType, said.reply) })
	e := crossed(t, "anthropic", v.URL)
	e.Endpoints[0].Surface, e.Endpoints[0].Project, e.Endpoints[0].Location = "vertex", "p-1", "us-east5"
	r := start(t, e)
	models := "/v1/projects/any/locations/any/publishers/anthropic/models/"
	body := `{"anthropic_version":"vertex-2023-10-16","max_tokens":10,"messages":[{"role":"user","content":"say something"}]}`
	got := r.Post(models+"chat:rawPredict", body)
	if got.Status != 200 || got.Body != said.reply {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if sent := v.Only(); !strings.Contains(sent.Line, "/v1/projects/p-1/locations/us-east5/publishers/anthropic/models/vendor-model:rawPredict") || string(sent.Body) != body {
		t.Errorf("sent %s\n%s", sent.Line, sent.Body)
	}
	v.Says(func(x *visit) { x.Stream(streamType, said.stream); x.End() })
	got = r.Post(models+"chat:streamRawPredict", strings.Replace(body, "{", `{"stream":true,`, 1))
	if got.Status != 200 || got.Body != said.stream {
		t.Errorf("stream: got %d %s", got.Status, got.Body)
	}
	v.Says(func(x *visit) { x.Reply(200, jsonType, `{"input_tokens":7}`) })
	got = r.Post(models+"count-tokens:rawPredict", strings.Replace(strings.Replace(body, `"max_tokens":10,`, "", 1), "{", `{"model":"chat",`, 1))
	if got.Status != 200 || !strings.Contains(got.Body, `"input_tokens":7`) {
		t.Errorf("count: got %d %s", got.Status, got.Body)
	}
}
