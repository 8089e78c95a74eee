package anthropic_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/anthropic"
	"bulkhead/fault"
)

// compiled gives a schema of the vendor's, compiled once.
var compiled = func() func(t testing.TB, name string) *jsonschema.Schema {
	var mu sync.Mutex
	var c *jsonschema.Compiler
	have := map[string]*jsonschema.Schema{}
	return func(t testing.TB, name string) *jsonschema.Schema {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if c == nil {
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(file(t, "testdata/schema/validate.json")))
			if err != nil {
				t.Fatal(err)
			}
			c = jsonschema.NewCompiler()
			if err := c.AddResource("vendor.json", doc); err != nil {
				t.Fatal(err)
			}
		}
		if have[name] == nil {
			s, err := c.Compile("vendor.json#/components/schemas/" + name)
			if err != nil {
				t.Fatal(err)
			}
			have[name] = s
		}
		return have[name]
	}
}()

func valid(t rapid.TB, s *jsonschema.Schema, body []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if err := s.Validate(v); err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
}

// anything is what any dialect can say, so that encoding has losses and refusals.
func anything() chattest.Can {
	c := chattest.All()
	c.ObjectArgs = false
	return c
}

func TestSchema_TheWrongIsSeen(t *testing.T) {
	for _, body := range []string{`{}`, `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text"}]}]}`, `{"model":"m","max_tokens":1,"messages":[{"role":"tool","content":"x"}]}`} {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		if compiled(t, "CreateMessageParams").Validate(v) == nil {
			t.Errorf("valid: %s", body)
		}
	}
}

// TestSchema_WhateverIsEncodedIsValid: what callers of any dialect say is
// refused by name, or becomes a request as the vendor describes it.
func TestSchema_WhateverIsEncodedIsValid(t *testing.T) {
	s, counted := compiled(t, "CreateMessageParams"), compiled(t, "CountMessageTokensParams")
	sent, refused := 0, 0
	for _, c := range []chattest.Can{anything(), can(), {Instructions: true, Roles: []chat.Role{chat.System, chat.Developer}, Adjacent: true, Names: true, Tools: true, Sampling: chattest.All().Sampling[:6], Efforts: chattest.All().Efforts, States: chattest.All().States, ResultJSON: true, Cache: true}} {
		rapid.Check(t, func(t *rapid.T) {
			r := chattest.Request(t, c)
			to := dialect.Upstream{Model: "claude", Family: rapid.SampledFrom([]string{"family", "other"}).Draw(t, "family"), MaxTokens: 9000,
				MidSystem: rapid.Bool().Draw(t, "mid"), Reasoning: rapid.SampledFrom([]string{"", "budget", "adaptive", "effort"}).Draw(t, "reasoning")}
			o, err := anthropic.Client{}.Encode(r, &to, chat.NewLosses("anthropic", nil, nil))
			if err != nil {
				refused++
				if f := fault.From(err); f.Kind != fault.Unsupported || f.Field == "" {
					t.Fatalf("refused with %v", err)
				}
				return
			}
			sent++
			valid(t, s, o.Body)
			decode(t, arrived(o, &chat.Request{}))
			if o, err = (anthropic.Client{}).EncodeCount(r, &to, chat.NewLosses("anthropic", nil, nil)); err != nil {
				t.Fatal(err)
			}
			valid(t, counted, o.Body)
		})
	}
	if sent < 50 || refused < 20 {
		t.Errorf("%d sent, %d refused: the draw says little", sent, refused)
	}
}

// TestSchema_WhateverIsAnsweredIsValid: replies of any dialect become messages
// as the vendor describes them.
func TestSchema_WhateverIsAnsweredIsValid(t *testing.T) {
	s := compiled(t, "Message")
	rapid.Check(t, func(t *rapid.T) {
		r := chattest.Reply(t, anything())
		if r.Usage == nil {
			r.Usage = &chat.Usage{} // else null, which the schema does not know
		}
		body, err := anthropic.Server{}.Reply(nil, r, answering(&chat.Request{}))
		if err != nil {
			t.Fatal(err)
		}
		m := parsed(t, body)
		// The description is older than this reason and these counts.
		if m["stop_reason"] == "model_context_window_exceeded" {
			return
		}
		valid(t, s, body)
	})
}

func TestSchema_RefusalsAreValid(t *testing.T) {
	s := compiled(t, "ErrorResponse")
	for _, k := range []fault.Kind{fault.Unauthenticated, fault.Malformed, fault.BudgetExhausted, fault.Denied, fault.ModelNotFound, fault.RateLimited, fault.Overloaded, fault.UpstreamTimeout, fault.UpstreamError} {
		valid(t, s, dialect.Refusal(dialect.Anthropic, fault.New(k, "x"), call.ID("01J0000000000000000000CALL")))
	}
}
