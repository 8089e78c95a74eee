package anthropic_test

import (
	"encoding/json"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/anthropic"
	"bulkhead/fault"
	"bulkhead/wire"
)

// seeds are the recorded replies that are not too long.
func seeds(f *testing.F, add func(x *exchange)) {
	for _, x := range recorded(f) {
		if len(x.reply) < 20_000 {
			add(x)
		}
	}
}

// FuzzStream: whatever a vendor sends, events are legal, a fault is the
// vendor's, and what was read can be written and read again as the same.
func FuzzStream(f *testing.F) {
	seeds(f, func(x *exchange) {
		if strings.HasSuffix(x.name, ".sse") {
			f.Add(x.reply, byte(7))
		}
	})
	f.Add(sse(start, `{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"n","input":{"a":1}}}`, `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"b\":"}}`, end, stop), byte(1))
	f.Fuzz(func(t *testing.T, b []byte, size byte) {
		enc := anthropic.Server{}.Stream(answering(&chat.Request{}))
		var again []byte
		var folder chat.Folder
		emit := chat.Checked(func(e *chat.Event) error {
			if e.Kind == chat.Fail {
				return nil
			}
			if err := folder.Add(e); err != nil {
				return err
			}
			var err error
			again, err = enc.Event(again, e)
			return err
		})
		err := stream(b, []int{1 + int(size)}, emit)
		if err != nil {
			if fault.From(err).Kind == fault.Internal && err != wire.ErrEventTooLarge {
				t.Fatalf("not the vendor's fault: %v", err)
			}
			return
		}
		want, err := folder.Reply()
		if err != nil {
			return // the vendor failed in-band
		}
		again = enc.Tail(again)
		frames(t, again) // each is JSON to others too
		got, err := read(again, nil)
		if err != nil {
			t.Fatalf("written it is no stream: %v: %q", err, again)
		}
		if want.Usage == nil {
			got.Usage = nil
		}
		plain(want)
		plain(got)
		if g, w := marshal(t, got), marshal(t, want); g != w {
			t.Errorf("got  %s\nwant %s", g, w)
		}
	})
}

// plain takes from a reply what writing may change: parts that say nothing, a
// word for the ending that is not known, ids and names that must be said.
func plain(r *chat.Reply) {
	if r.ID == "" || strings.HasPrefix(r.ID, "msg_01J") {
		r.ID = "id"
	}
	if r.Model == "" {
		r.Model = "claude"
	}
	for i := range r.Choices {
		c := &r.Choices[i]
		var parts []chat.Part
		for _, p := range c.Parts {
			switch x := p.Content.(type) {
			case chat.Text:
				if x.Text == "" && len(x.Citations) == 0 {
					continue
				}
			case chat.Reasoning:
				if x.Text == "" && p.State == nil {
					continue
				}
				if p.State != nil && p.State.Kind == chat.Redacted {
					p.Extra = nil
				}
			case chat.ToolCall:
				x.ID = chat.FitID(x.ID)
				p.Content = x
			}
			parts = append(parts, p)
		}
		c.Parts = parts
		c.Ending.Said = ""
		c.Ending.Extra = nil
	}
	r.Extra = nil
	r.Tier = ""
	if r.Usage != nil {
		r.Usage.Extra = nil
	}
}

// FuzzReply: a unary reply is read, or refused as the vendor's failure; what
// was read is JSON when it is written.
func FuzzReply(f *testing.F) {
	seeds(f, func(x *exchange) {
		if !x.streams() {
			f.Add(x.reply)
		}
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		anthropic.Client{}.Fault(400, nil, b)
		_, _ = anthropic.Client{}.CountReply(b, new(wire.Scanner))
		r, err := anthropic.Client{}.Reply(b, new(wire.Scanner), &upstreams[0])
		if err != nil {
			if fault.From(err).Kind == fault.Internal {
				t.Fatal(err)
			}
			return
		}
		body, err := anthropic.Server{}.Reply(nil, r, answering(&chat.Request{}))
		if err != nil || !json.Valid(body) {
			t.Fatalf("%v: %q", err, body)
		}
	})
}

// FuzzDecode: what is decoded can be encoded for every surface, as JSON that
// decodes to the same again.
func FuzzDecode(f *testing.F) {
	for _, x := range recorded(f) {
		if x.Request != nil && len(x.Request.Body) < 20_000 {
			f.Add([]byte(x.Request.Body))
		}
	}
	f.Add([]byte(`{"model":"m","max_tokens":1,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}],"messages":[{"role":"user","content":[{"type":"document","title":"t","citations":{"enabled":true},"source":{"type":"content","content":"x"}},{"type":"search_result","source":"s","title":"t","content":[]}]},{"role":"system","content":"y"}],"thinking":{"type":"enabled","budget_tokens":2000},"tool_choice":{"type":"tool","name":"n"},"tools":[{"name":"n","input_schema":{}},{"type":"bash_20250124","name":"bash"}],"output_config":{"effort":"low","task_budget":{"type":"tokens"}}}`))
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"0","content":""}]}],"0000000000":100}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := &dialect.Inbound{Action: call.Chat, Body: b}
		if _, err := (anthropic.Reader{}).Read(in, new(wire.Scanner), dialect.Listener{}); err != nil {
			return
		}
		r, err := anthropic.Server{}.Decode(in, new(wire.Scanner))
		if err != nil {
			if f := fault.From(err); f.Kind != fault.Malformed && f.Kind != fault.Unsupported {
				t.Fatal(err)
			}
			return
		}
		for i := range upstreams {
			to := upstreams[i]
			to.UnknownOK, to.Reasoning = true, ""
			o, err := anthropic.Client{}.Encode(r, &to, chat.NewLosses("anthropic", nil, nil))
			if err != nil {
				continue
			}
			if !json.Valid(o.Body) {
				t.Fatalf("no JSON: %q\nfor %q", o.Body, b)
			}
			// What is sent says the same when it is sent on.
			again, err := anthropic.Server{}.Decode(arrived(o, r), new(wire.Scanner))
			if err != nil {
				t.Fatalf("%v: %q\nfor %q", err, o.Body, b)
			}
			second, err := anthropic.Client{}.Encode(again, &to, chat.NewLosses("anthropic", nil, nil))
			if err != nil || string(second.Body) != string(o.Body) {
				t.Errorf("%v: sent %q, then %q", err, o.Body, second.Body)
			}
		}
	})
}
