package openai_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/openai"
	"bulkhead/wire"
)

// can is what the dialect can say. Instructions are messages here; results
// hold text; reasoning and cache marks have no place in what every model takes.
var can = chattest.Can{
	Roles: []chat.Role{chat.System, chat.Developer}, Names: true,
	Media: []chat.Medium{chat.Image, chat.Document, chat.Audio}, URLs: true,
	Tools: true, Custom: true,
	States:   []chattest.StateOf{{Kind: chat.ThoughtSig, On: chat.KindCall}},
	Formats:  []chat.FormatKind{chat.FormatText, chat.FormatObject, chat.FormatSchema},
	Efforts:  []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"},
	Sampling: []chattest.Knob{chattest.MaxTokens, chattest.Temperature, chattest.TopP, chattest.Penalties, chattest.Seed, chattest.StopWords, chattest.N, chattest.TokenProbs, chattest.Bias},
	Choices:  3, Refusals: true, Logprobs: true, Citations: true, Modal: true, CacheUsage: true,
	Reasons: []chat.Reason{chat.ReasonStop, chat.ReasonLength, chat.ReasonTool, chat.ReasonFilter, chat.ReasonRefusal},
}

// mended is a call without arguments with the empty object that the wire has.
func mended(parts []chat.Part) {
	for i := range parts {
		if c, is := parts[i].Content.(chat.ToolCall); is && !c.Custom && c.Arguments == "" {
			c.Arguments = "{}"
			parts[i].Content = c
		}
	}
}

func TestRequests_SurviveTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := chattest.Request(t, can)
		want.Model = "m"
		want.Usage = want.Stream
		for i := range want.Messages {
			mended(want.Messages[i].Parts)
		}
		for i := range want.Messages { // a turn has one place for text, one for a refusal
			var parts []chat.Part
			for _, p := range want.Messages[i].Parts {
				if x, is := p.Content.(chat.Text); is {
					x.Citations, x.Logprobs = nil, nil
					p.Content = x
				} else if x, is := p.Content.(chat.Refusal); is {
					x.Logprobs = nil
					p.Content = x
				}
				parts = append(parts, p)
			}
			want.Messages[i].Parts = parts
		}
		l := losses()
		body := encode(t, want, upstream, l)
		if len(l.List()) > 0 {
			t.Fatalf("losses %v", l.List())
		}
		got, err := decode(body)
		if err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		for i := range got.Messages { // who minted a signature is not on the wire
			for k := range got.Messages[i].Parts {
				if s := got.Messages[i].Parts[k].State; s != nil {
					s.Minter = "family"
				}
			}
		}
		chattest.Equal(t, got, want)
		if again := encode(t, got, upstream, losses()); again != body {
			t.Fatalf("a second time\n%s\nand not\n%s", again, body)
		}
		// The gates take what the encoder writes.
		if _, err := (openai.Reader{}).Read(&dialect.Inbound{Action: "chat", Body: []byte(body)}, new(wire.Scanner), dialect.Listener{}); err != nil {
			t.Fatalf("the gates refuse it: %v", err)
		}
	})
}

// reply makes a random reply as the wire can tell it apart.
func reply(t *rapid.T) *chat.Reply {
	r := chattest.Reply(t, can)
	for i := range r.Choices {
		c := &r.Choices[i]
		mended(c.Parts)
		called, refused := false, false
		for _, p := range c.Parts {
			called = called || p.Content.Kind() == chat.KindCall
			refused = refused || p.Content.Kind() == chat.KindRefusal
		}
		switch {
		case called && c.Ending.Reason == chat.ReasonStop:
			c.Ending.Reason = chat.ReasonTool
		case refused && c.Ending.Reason == chat.ReasonStop:
			c.Ending.Reason = chat.ReasonRefusal
		case !refused && c.Ending.Reason == chat.ReasonRefusal:
			c.Ending.Reason = chat.ReasonFilter
		}
	}
	return r
}

func TestReplies_SurviveTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := reply(t)
		a := *answering
		a.Loss = losses()
		body, err := openai.Server{}.Reply(nil, want, &a)
		if err != nil {
			t.Fatal(err)
		}
		sound(t, body)
		if len(a.Loss.List()) > 0 {
			t.Fatalf("losses %v", a.Loss.List())
		}
		got, err := openai.Client{}.Reply(body, new(wire.Scanner), upstream)
		if err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		chattest.Equal(t, got, want)
	})
}

func TestStreams_SurviveTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := reply(t)
		a := *answering
		a.Loss = losses()
		bytesOut := stream(t, chattest.Events(t, want), &a)
		if len(a.Loss.List()) > 0 {
			t.Fatalf("losses %v", a.Loss.List())
		}
		gather(t, bytesOut)
		list, err := events(split(bytesOut, rapid.IntRange(0, len(bytesOut)).Draw(t, "cut")))
		if err != nil {
			t.Fatalf("%v in %s", err, bytesOut)
		}
		got := fold(t, list)
		chattest.Equal(t, got, want)
	})
}

// TestHard_CasesAreWrittenAsTheHubSaysTheyAre holds the encoder to the wire
// forms that the hub was settled with.
func TestHard_CasesAreWrittenAsTheHubSaysTheyAre(t *testing.T) {
	files, err := filepath.Glob("../../chat/testdata/hub/*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var rows []struct {
				Dialect string          `json:"dialect"`
				Chat    json.RawMessage `json:"chat"`
				Wire    json.RawMessage `json:"wire"`
			}
			if err := json.Unmarshal(b, &rows); err != nil {
				t.Fatal(err)
			}
			var hub, want []byte
			for _, row := range rows {
				if row.Chat != nil && want == nil {
					hub = row.Chat
				}
				if row.Dialect == "openai" {
					want = row.Wire
				}
			}
			var r chat.Request
			if err := chat.Unmarshal(compact(t, hub), &r); err != nil {
				t.Fatal(err)
			}
			for i := range r.Messages {
				for k, p := range r.Messages[i].Parts {
					if x, is := p.Content.(chat.ToolResult); is {
						x.Name = "" // written only where it is known
						r.Messages[i].Parts[k].Content = x
					}
				}
			}
			out, err := openai.Client{}.Encode(&r, &dialect.Upstream{Surface: "deployments"}, losses())
			if err != nil {
				t.Fatal(err)
			}
			equalJSON(t, out.Body, want)
		})
	}
}

func compact(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
