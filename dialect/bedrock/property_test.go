package bedrock_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/bedrock"
	"bulkhead/wire"
)

// can is what Converse can say.
var can = chattest.Can{
	Instructions: true, Roles: []chat.Role{chat.System},
	Media: []chat.Medium{chat.Image, chat.Document, chat.Audio, chat.Video},
	Tools: true, ObjectArgs: true, ResultErrors: true, ResultMedia: true, ResultJSON: true,
	States: []chattest.StateOf{{Kind: chat.SignedText, On: chat.KindReasoning, Text: true}, {Kind: chat.SignedText, On: chat.KindReasoning}, {Kind: chat.Redacted, On: chat.KindReasoning}},
	Cache:  true, Formats: []chat.FormatKind{chat.FormatSchema}, Efforts: []string{"low", "medium", "high", "xhigh", "max"},
	Sampling: []chattest.Knob{chattest.MaxTokens, chattest.Temperature, chattest.TopP, chattest.TopK, chattest.StopWords},
	Reasons:  []chat.Reason{chat.ReasonStop, chat.ReasonSequence, chat.ReasonLength, chat.ReasonContext, chat.ReasonTool, chat.ReasonFilter, chat.ReasonBroken},
	// No names of participants, no addresses but S3's, no spans of citations.
	Interleaved: true, CacheUsage: true, CacheWrite1h: true,
}

var family = &dialect.Upstream{Model: "anthropic.claude-x", Family: "family", MidSystem: true}

func TestRequests_SurviveTheWayThereAndBack(t *testing.T) {
	doc := service(t)
	shapes := doc["shapes"].(obj)
	rapid.Check(t, func(t *rapid.T) {
		want := defined(chattest.Request(t, can))
		l := chat.NewLosses("bedrock", bedrock.Server{}.Fields().Wire, nil)
		out, err := bedrock.Client{}.Encode(want, family, l)
		if err != nil {
			t.Fatal(err)
		}
		for _, lost := range l.List() {
			if lost.Field != "messages[].content[].document.name" && lost.Field != "messages[].content[].toolUse.name" { // sanitised; the row for names is one
				t.Errorf("loss %v", lost)
			}
		}
		var v any
		if err := json.Unmarshal(out.Body, &v); err != nil {
			t.Fatalf("%v: %s", err, out.Body)
		}
		for _, wrong := range fits(shapes, "ConverseRequest", "", v) {
			t.Errorf("the vendor's schema: %s", wrong)
		}
		in := &dialect.Inbound{Action: call.Chat, Model: want.Model, Stream: want.Stream, Header: http.Header{}, Body: out.Body}
		var s wire.Scanner
		asked, err := bedrock.Reader{}.Read(in, &s, dialect.Listener{Text: func([]byte) {}, Name: func([]byte) {}})
		if err != nil {
			t.Fatalf("%v: %s", err, out.Body)
		}
		if a := asked.Asked(); len(a.Needs)+len(a.Unknown) > 0 {
			t.Errorf("needs %v, unknown %v", a.Needs, a.Unknown)
		}
		got, err := bedrock.Server{}.Decode(in, &s)
		if err != nil {
			t.Fatal(err)
		}
		chattest.Equal(t, plain(got), plain(want))
	})
}

// defined defines a tool where a conversation has calls and no definitions:
// Bedrock wants some, and the encoder would make them up.
func defined(r *chat.Request) *chat.Request {
	if len(r.Tools) == 0 {
		r.Tools = []chat.Tool{{Kind: chat.Function, Name: "t", Schema: chat.Raw(`{}`)}}
	}
	return r
}

// plain leaves out what requests do not say: the minter of state, which is
// remembered beside them, the names of documents, which are made to fit, and
// that usage is asked for, which it is always.
func plain(r *chat.Request) *chat.Request {
	out := *r
	out.Usage = false
	out.Messages = nil
	for _, m := range r.Messages {
		parts := append([]chat.Part(nil), m.Parts...)
		for i, p := range parts {
			if p.State != nil {
				s := *p.State
				s.Minter = ""
				parts[i].State = &s
			}
			if x, ok := p.Content.(chat.Media); ok {
				x.Name = ""
				parts[i].Content = x
			}
		}
		m.Parts = parts
		out.Messages = append(out.Messages, m)
	}
	return &out
}

// told leaves out what replies of Bedrock do not say, and what they alone do.
func told(r *chat.Reply) *chat.Reply {
	out := *r
	out.ID, out.Model, out.Created, out.Extra = "", "", 0, nil
	if r.Usage != nil {
		u := *r.Usage
		u.Extra = nil
		out.Usage = &u
	}
	out.Choices = append([]chat.Choice(nil), r.Choices...)
	for i := range out.Choices {
		out.Choices[i].Ending.Said, out.Choices[i].Ending.Sequence = "", ""
	}
	return &out
}

func TestReplies_SurviveTheWayThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := chattest.Reply(t, can)
		a := answering()
		body, err := bedrock.Server{}.Reply([]byte("before"), want, a)
		if err != nil || !bytes.HasPrefix(body, []byte("before")) {
			t.Fatalf("%v: %s", err, body)
		}
		var s wire.Scanner
		got, err := bedrock.Client{}.Reply(body[6:], &s, family)
		if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		chattest.Equal(t, told(got), told(want))
		if l := a.Loss.List(); len(l) > 0 {
			t.Errorf("losses %v", l)
		}
	})
}

func TestEvents_SurviveTheWayThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := chattest.Reply(t, can)
		list := chattest.Events(t, want)
		a := answering()
		e := bedrock.Server{}.Stream(a)
		var out []byte
		for i := range list {
			var err error
			if rapid.Bool().Draw(t, "idle") {
				out = e.KeepAlive(out)
			}
			if out, err = e.Event(out, &list[i]); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := events(bedrock.Client{}.Stream(family), bytes.NewReader(out)); err == nil {
			t.Fatal("the reply is whole before its tail")
		}
		out = e.Tail(out)
		var fold chat.Folder
		if _, err := decode(bedrock.Client{}.Stream(family), bytes.NewReader(out), fold.Add); err != nil {
			t.Fatal(err)
		}
		got, err := fold.Reply()
		if err != nil {
			t.Fatal(err)
		}
		chattest.Equal(t, told(got), told(want))
		if l := a.Loss.List(); len(l) > 0 {
			t.Errorf("losses %v", l)
		}
	})
}

func TestCounts_SurviveTheWayThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := defined(chattest.Request(t, chattest.Can{Instructions: true, Tools: true, ObjectArgs: true}))
		l := chat.NewLosses("bedrock", nil, nil)
		out, err := bedrock.Client{}.EncodeCount(want, family, l)
		if err != nil || out.Path != "/model/anthropic.claude-x/count-tokens" {
			t.Fatalf("%v %v", err, out)
		}
		in := &dialect.Inbound{Action: call.CountTokens, Model: want.Model, Stream: want.Stream, Body: out.Body}
		var s wire.Scanner
		if _, err := (bedrock.Reader{}).Read(in, &s, dialect.Listener{}); err != nil {
			t.Fatal(err)
		}
		got, err := bedrock.Server{}.Decode(in, &s)
		if err != nil {
			t.Fatal(err)
		}
		chattest.Equal(t, plain(got), plain(want))

		n := rapid.Int64Range(0, 1e9).Draw(t, "tokens")
		body, err := bedrock.Server{}.CountReply(nil, &chat.Usage{Input: n}, answering())
		if err != nil {
			t.Fatal(err)
		}
		u, err := bedrock.Client{}.CountReply(body, &s)
		if err != nil || u.Prompt() != n {
			t.Fatalf("%v %v, want %d", u, err, n)
		}
	})
}
