package crossing_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"pgregory.net/rapid"

	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/sim"
	"bulkhead/translate"
	"bulkhead/wire"
)

// vendors are the simulated vendors of each dialect, which verify what the
// real ones verify, and an offering at each.
var vendors = []struct {
	of    dialect.Name
	kind  sim.Kind
	under string // of the vendor's URL
	to    dialect.Upstream
}{
	{dialect.OpenAI, sim.OpenAI, "", dialect.Upstream{Model: "gpt-4o", AskUsage: true}},
	{dialect.OpenAI, sim.OpenAI, "", dialect.Upstream{Model: "gpt-5", AskUsage: true, Reasoning: "effort"}},
	{dialect.OpenAI, sim.Azure, "", dialect.Upstream{Model: "gpt-4o", AskUsage: true, Surface: "deployments", APIVersion: "2025-03-01-preview"}},
	{dialect.OpenAI, sim.Azure, "/openai/v1", dialect.Upstream{Model: "gpt-4o", AskUsage: true}},
	{dialect.OpenAI, sim.Bedrock, "", dialect.Upstream{Model: "openai.gpt-oss-20b-1:0", AskUsage: true}},
	{dialect.OpenAI, sim.Compatible, "", dialect.Upstream{Model: "deepseek-v4-pro", AskUsage: true}},
}

// TestCrossing_VendorsTakeWhatIsWrittenForThem sends conversations, written by
// each vendor's client, and reads what comes back.
func TestCrossing_VendorsTakeWhatIsWrittenForThem(t *testing.T) {
	s := sim.New(sim.Options{Key: "a-key"})
	defer s.Close()
	root, err := s.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	can := every
	can.Sampling = nil // a reasoning model takes none
	for _, v := range vendors {
		d, ok := translate.Of(v.of)
		if !ok {
			t.Fatalf("no dialect %s", v.of)
		}
		base := s.BaseURL(root, string(v.kind)) + v.under
		v.to.URL = base
		t.Run(string(v.kind)+" "+v.to.Model+" "+v.to.Surface, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				r := chattest.Request(t, can)
				if len(r.Tools) > 0 && rapid.Bool().Draw(t, "a schema") {
					r.Format = &chat.Format{Kind: chat.FormatSchema, Name: "n", Strict: new(true), Schema: chat.Raw(`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}`)}
				}
				reply, err := ask(d, base, r, &v.to)
				if err != nil {
					b, _ := chat.Marshal(r)
					t.Fatalf("%v of %s", err, b)
				}
				if len(reply.Choices) != 1 || reply.Usage == nil || reply.Usage.Output == 0 || reply.Model == "" {
					t.Fatalf("a reply that lacks something: %+v", reply)
				}
				called := false
				for _, p := range reply.Choices[0].Parts {
					_, is := p.Content.(chat.ToolCall)
					called = called || is
				}
				if r.Choice != nil && (r.Choice.Mode == chat.ChoiceAny || r.Choice.Mode == chat.ChoiceOne) && !called {
					t.Fatal("a call was forced, and none came")
				}
			})
		})
	}
}

// ask sends one request and reads its reply.
func ask(d translate.Dialect, base string, r *chat.Request, to *dialect.Upstream) (*chat.Reply, error) {
	out, err := d.Client.Encode(r, to, chat.NewLosses(string(d.Name), nil, nil))
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(out.Method, base+out.Path, bytes.NewReader(out.Body))
	if err != nil {
		return nil, err
	}
	for name, values := range out.Header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer a-key")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK && r.Stream {
		return fold(d.Client.Stream(to), resp.Body)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, d.Client.Fault(resp.StatusCode, resp.Header, body)
	}
	return d.Client.Reply(body, new(wire.Scanner), to)
}
