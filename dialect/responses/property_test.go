package responses_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/responses"
	"bulkhead/wire"
)

// can is what the dialect can say.
func can() chattest.Can {
	return chattest.Can{
		Instructions: true, Roles: []chat.Role{chat.System, chat.Developer},
		Media: []chat.Medium{chat.Image, chat.Document}, URLs: true,
		Tools: true, Custom: true, ResultMedia: true,
		States:   []chattest.StateOf{{Kind: chat.Encrypted, On: chat.KindReasoning, Text: true}},
		Formats:  []chat.FormatKind{chat.FormatText, chat.FormatObject, chat.FormatSchema},
		Efforts:  []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"},
		Sampling: []chattest.Knob{chattest.MaxTokens, chattest.Temperature, chattest.TopP, chattest.TokenProbs},
		Refusals: true, Items: true, Logprobs: true, Citations: true, Summaries: true, Interleaved: true, CacheUsage: true,
		Reasons: []chat.Reason{chat.ReasonStop, chat.ReasonLength, chat.ReasonFilter, chat.ReasonTool},
	}
}

// upstream is an offering that knows the state of these conversations.
func upstream() *dialect.Upstream {
	return &dialect.Upstream{Model: "gpt-5.4", Family: "family", UnknownOK: true}
}

// encode writes a request for a vendor of the dialect, without any loss.
func encode(t rapid.TB, r *chat.Request) []byte {
	t.Helper()
	l := chat.NewLosses("responses", nil, nil)
	out, err := responses.Client{}.Encode(r, upstream(), l)
	if err != nil {
		t.Fatal(err)
	}
	if list := l.List(); len(list) > 0 {
		t.Fatalf("lost %v of what the dialect can say", list)
	}
	if out.Method != "POST" || out.Path != "/responses" {
		t.Fatalf("%s %s", out.Method, out.Path)
	}
	return out.Body
}

func decodeBody(t rapid.TB, body []byte) *chat.Request {
	t.Helper()
	in := &dialect.Inbound{Action: call.Chat, Body: body}
	if _, err := (responses.Reader{}).Read(in, new(wire.Scanner), dialect.Listener{}); err != nil {
		t.Fatalf("the gates refuse what is encoded: %v: %s", err, body)
	}
	r, err := responses.Server{}.Decode(in, new(wire.Scanner))
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return r
}

// inWire is the request as the wire says it: what it has no words for is its
// default, and what it demands is stated.
func inWire(r *chat.Request) {
	r.Model = upstream().Model
	r.Usage = true
	r.Store = new(false)
	if t := r.Thinking; t != nil && t.Effort != "none" {
		t.Sealed = new(true)
	}
	for i := range r.Tools {
		if r.Tools[i].Kind == chat.Function {
			r.Tools[i].Strict = new(false)
		}
	}
	if n, ok := r.Sampling.MaxTokens.Int(); ok && n < 16 {
		r.Sampling.MaxTokens = "16"
	}
	for i := range r.Messages {
		for k := range r.Messages[i].Parts {
			inWirePart(&r.Messages[i].Parts[k])
		}
	}
}

// inWirePart: no minter, no log probabilities of refusals, and no arguments
// are an empty object.
func inWirePart(p *chat.Part) {
	if p.State != nil {
		s := *p.State
		s.Minter = ""
		p.State = &s
	}
	switch x := p.Content.(type) {
	case chat.ToolCall:
		if !x.Custom && strings.TrimSpace(x.Arguments) == "" {
			x.Arguments = "{}"
		}
		p.Content = x
	case chat.Refusal:
		x.Logprobs = nil
		p.Content = x
	}
}

func TestRequest_SurvivesTheWayToTheWireAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := can()
		c.Sampling = c.Sampling[1:] // the least of max_output_tokens has a test of its own
		c.Items = rapid.Bool().Draw(t, "items")
		r := chattest.Request(t, c)
		dropRefusalProbs(r)
		body := encode(t, r)
		inWire(r)
		got := decodeBody(t, body)
		chattest.Equal(t, got, r)
		// and from the wire to the wire
		if again := encode(t, got); !bytes.Equal(again, body) {
			t.Fatalf("written again it is\n%s\nwas\n%s", again, body)
		}
	})
}

// dropRefusalProbs takes out log probabilities of refusals, which the dialect
// cannot say and names.
func dropRefusalProbs(r *chat.Request) {
	for i := range r.Messages {
		for k, p := range r.Messages[i].Parts {
			if x, ok := p.Content.(chat.Refusal); ok {
				x.Logprobs = nil
				r.Messages[i].Parts[k].Content = x
			}
		}
	}
}

// said is a reply as the wire says it.
func said(r *chat.Reply) {
	for i := range r.Choices {
		c := &r.Choices[i]
		refused := false
		for k := range c.Parts {
			p := &c.Parts[k]
			minter := ""
			if p.State != nil {
				minter = p.State.Minter
			}
			if inWirePart(p); p.State != nil {
				p.State.Minter = minter
			}
			_, is := p.Content.(chat.Refusal)
			refused = refused || is
		}
		switch c.Ending.Reason {
		case chat.ReasonStop:
			c.Ending.Said = "completed"
			if refused {
				c.Ending.Reason = chat.ReasonRefusal
			}
		case chat.ReasonLength:
			c.Ending.Said = "max_output_tokens"
		case chat.ReasonFilter:
			c.Ending.Said = "content_filter"
		default:
			c.Ending.Said = "completed"
		}
	}
}

// answering is what a server needs in these tests.
func answering() *dialect.Answering {
	return &dialect.Answering{
		Call: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Created: time.Unix(1700000000, 0), Model: "gpt-5.4", Request: &chat.Request{Model: "chat"},
		Loss: chat.NewLosses("responses", nil, nil),
	}
}

func TestReply_SurvivesTheWayToTheWireAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := chattest.Reply(t, can())
		r.ID = "resp_" + r.ID
		body, err := responses.Server{}.Reply(nil, r, answering())
		if err != nil {
			t.Fatal(err)
		}
		got, err := responses.Client{}.Reply(body, new(wire.Scanner), upstream())
		if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		said(r)
		r.Tier = "default"
		chattest.Equal(t, got, r)
	})
}

func TestStream_SurvivesTheWayToTheWireAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := chattest.Reply(t, can())
		r.ID = "resp_" + r.ID
		events := chattest.Events(t, r)
		stream := written(t, events)
		d := responses.Client{}.Stream(upstream())
		d.Reset(&pieces{t: t, rest: stream}, nil, 1<<20)
		back, err := readAll(t, d)
		if err != nil {
			t.Fatalf("%v: %s", err, stream)
		}
		got, err := chattest.Fold(back)
		if err != nil {
			t.Fatalf("%v: %s", err, stream)
		}
		said(r)
		r.Tier = "default"
		chattest.Equal(t, got, r)

		// The last event holds what a unary reply would.
		unary, err := responses.Server{}.Reply(nil, r, answering())
		if err != nil {
			t.Fatal(err)
		}
		same(t, lastResponse(t, stream), unary)
	})
}
