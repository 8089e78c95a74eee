package anthropic_test

import (
	"net/http"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/anthropic"
	"bulkhead/wire"
)

// can is what the dialect can say.
func can() chattest.Can {
	return chattest.Can{
		Instructions: true, Roles: []chat.Role{chat.System}, Media: []chat.Medium{chat.Image, chat.Document}, URLs: true,
		Tools: true, ObjectArgs: true, ResultErrors: true, ResultMedia: true,
		States: []chattest.StateOf{{Kind: chat.SignedText, On: chat.KindReasoning, Text: true}, {Kind: chat.SignedText, On: chat.KindReasoning}, {Kind: chat.Redacted, On: chat.KindReasoning}},
		Cache:  true, Formats: []chat.FormatKind{chat.FormatSchema}, Efforts: []string{"low", "medium", "high", "xhigh", "max"},
		Sampling: []chattest.Knob{chattest.MaxTokens, chattest.Temperature, chattest.TopK, chattest.StopWords}, Interleaved: true, CacheUsage: true, CacheWrite1h: true,
		Reasons: []chat.Reason{chat.ReasonStop, chat.ReasonSequence, chat.ReasonLength, chat.ReasonContext, chat.ReasonTool, chat.ReasonRefusal, chat.ReasonPause},
	}
}

// upstreams are the offerings of each surface.
var upstreams = []dialect.Upstream{
	{Model: "claude", Family: "family", Reasoning: "effort", MaxTokens: 4096, MidSystem: true},
	{Model: "claude", Family: "family", Reasoning: "effort", MaxTokens: 4096, MidSystem: true, Surface: anthropic.SurfaceInvoke},
	{Model: "claude", Family: "family", Reasoning: "effort", MaxTokens: 4096, MidSystem: true, Surface: anthropic.SurfaceVertex, Project: "p", Location: "l"},
}

// arrived is a request to a vendor as its server would take it in.
func arrived(o *dialect.Outbound, r *chat.Request) *dialect.Inbound {
	return &dialect.Inbound{Action: call.Chat, Model: r.Model, Stream: r.Stream, Header: o.Header, Body: o.Body}
}

func decode(t rapid.TB, in *dialect.Inbound) *chat.Request {
	t.Helper()
	if _, err := (anthropic.Reader{}).Read(in, new(wire.Scanner), dialect.Listener{}); err != nil {
		t.Fatalf("the gates refuse what was encoded: %v: %s", err, in.Body)
	}
	r, err := anthropic.Server{}.Decode(in, new(wire.Scanner))
	if err != nil {
		t.Fatalf("decode: %v: %s", err, in.Body)
	}
	return r
}

// TestRequests_SurviveTheWayToTheWireAndBack on every surface, without a loss.
func TestRequests_SurviveTheWayToTheWireAndBack(t *testing.T) {
	for _, to := range upstreams {
		rapid.Check(t, func(t *rapid.T) {
			c := can()
			if rapid.Bool().Draw(t, "top_p for temperature") {
				c.Sampling = []chattest.Knob{chattest.MaxTokens, chattest.TopP, chattest.TopK}
			}
			want := chattest.Request(t, c)
			if want.Sampling.MaxTokens == "" {
				want.Sampling.MaxTokens = "4096" // which the wire must state
			}
			if want.Format != nil {
				want.Format.Name = "" // which the wire has no need of
			}
			want.Model = to.Model
			l := chat.NewLosses("anthropic", nil, nil)
			o, err := anthropic.Client{}.Encode(want, &to, l)
			if err != nil {
				t.Fatal(err)
			}
			if len(l.List()) > 0 {
				t.Fatalf("losses %v", l.List())
			}
			got := decode(t, arrived(o, want))
			known(got.Messages)
			want.Usage = want.Stream
			chattest.Equal(t, got, want)
		})
	}
}

// known says of all state who minted it, as the gate that remembers does.
func known(messages []chat.Message) {
	for i := range messages {
		for k := range messages[i].Parts {
			if s := messages[i].Parts[k].State; s != nil {
				s.Minter = "family"
			}
		}
	}
}

// saidOf fills in the vendor's word for an ending, and drops what the wire has no place for.
func saidOf(r *chat.Reply) {
	r.Created = 0
	words := map[chat.Reason]string{chat.ReasonStop: "end_turn", chat.ReasonSequence: "stop_sequence", chat.ReasonLength: "max_tokens",
		chat.ReasonContext: "model_context_window_exceeded", chat.ReasonTool: "tool_use", chat.ReasonRefusal: "refusal", chat.ReasonPause: "pause_turn"}
	for i := range r.Choices {
		r.Choices[i].Ending.Said = words[r.Choices[i].Ending.Reason]
	}
}

func answering(r *chat.Request) *dialect.Answering {
	return &dialect.Answering{Call: "01J0000000000000000000CALL", Model: "claude", Request: r, Loss: chat.NewLosses("anthropic", nil, nil)}
}

func TestReplies_SurviveTheWayToTheWireAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := chattest.Reply(t, can())
		if want.Usage == nil {
			want.Usage = &chat.Usage{Input: 3, Output: 1}
		}
		a := answering(&chat.Request{})
		body, err := anthropic.Server{}.Reply(nil, want, a)
		if err != nil {
			t.Fatal(err)
		}
		if l := a.Loss.List(); len(l) > 0 {
			t.Fatalf("losses %v", l)
		}
		got, err := anthropic.Client{}.Reply(body, new(wire.Scanner), &upstreams[0])
		if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		saidOf(want)
		chattest.Equal(t, got, want)
	})
}

// TestStreams_SurviveTheWayToTheWireAndBack: events are written as frames and
// read again, however the bytes are cut; they fold to the same reply.
func TestStreams_SurviveTheWayToTheWireAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := chattest.Reply(t, can())
		events := chattest.Events(t, want)
		a := answering(&chat.Request{})
		enc := anthropic.Server{}.Stream(a)
		var wireBytes []byte
		for i := range events {
			var err error
			if wireBytes, err = enc.Event(wireBytes, &events[i]); err != nil {
				t.Fatal(err)
			}
			if rapid.IntRange(0, 9).Draw(t, "ping") == 0 {
				wireBytes = enc.KeepAlive(wireBytes)
			}
		}
		wireBytes = enc.Tail(wireBytes)
		if l := a.Loss.List(); len(l) > 0 {
			t.Fatalf("losses %v", l)
		}
		sizes := rapid.SliceOfN(rapid.IntRange(1, 64), 1, 8).Draw(t, "reads")
		got, err := read(wireBytes, sizes)
		if err != nil {
			t.Fatalf("%v: %s", err, wireBytes)
		}
		if want.Usage == nil {
			got.Usage = nil // message_start must state some
		}
		saidOf(want)
		chattest.Equal(t, got, want)
	})
}

// read decodes a stream that comes in pieces of these sizes, and folds it.
func read(b []byte, sizes []int) (*chat.Reply, error) {
	var f chat.Folder
	if err := stream(b, sizes, f.Add); err != nil {
		return nil, err
	}
	return f.Reply()
}

func stream(b []byte, sizes []int, emit chat.Sink) error {
	d := anthropic.Client{}.Stream(&upstreams[0])
	d.Reset(&pieces{b: b, sizes: sizes}, nil, 1<<20)
	return drain(d, emit)
}

func TestForeignState_ComesBackToItsMinter(t *testing.T) {
	for _, want := range []chat.Part{
		{Content: chat.Reasoning{Text: "a", Summary: true}, Item: "rs_1", State: &chat.State{Kind: chat.Encrypted, Blob: "gAAA.b-c_d"}},
		{Content: chat.Reasoning{}, State: &chat.State{Kind: chat.Encrypted, Blob: "x"}},
	} {
		r := &chat.Reply{Choices: []chat.Choice{{Parts: []chat.Part{want}, Ending: chat.Ending{Reason: chat.ReasonStop}}}, Usage: &chat.Usage{}}
		a := answering(&chat.Request{})
		body, err := anthropic.Server{}.Reply(nil, r, a)
		if err != nil || len(a.Loss.List()) > 0 {
			t.Fatal(err, a.Loss.List())
		}
		// The caller sends the block back as it came.
		from, to := slices.Index(body, '['), slices.Index(body, ']')
		in := &dialect.Inbound{Action: call.Chat, Header: http.Header{}, Body: []byte(`{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":` + string(body[from:to+1]) + `}]}`)}
		got := decode(t, in).Messages[0].Parts[0]
		if g, w := marshal(t, got), marshal(t, want); g != w {
			t.Errorf("got  %s\nwant %s", g, w)
		}
		// Its own vendor does not get it.
		l := chat.NewLosses("anthropic", nil, nil)
		o, err := anthropic.Client{}.Encode(&chat.Request{Messages: []chat.Message{{Role: chat.Assistant, Parts: []chat.Part{got, chat.Say("x")}}}}, &dialect.Upstream{Family: "family", UnknownOK: true, MaxTokens: 5}, l)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(o.Body, '.') || len(l.List()) != 2 {
			t.Errorf("sent %s with losses %v", o.Body, l.List())
		}
	}
}
