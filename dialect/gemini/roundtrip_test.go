package gemini_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/gemini"
	"bulkhead/wire"
)

// can is what the dialect can say to an offering whose model reasons by level.
func can() chattest.Can {
	return chattest.Can{
		Instructions: true, Media: []chat.Medium{chat.Image, chat.Audio, chat.Video, chat.Document},
		Tools: true, ObjectArgs: true, ResultErrors: true, ResultMedia: true, ResultJSON: true, ResultNames: true,
		States: []chattest.StateOf{
			{Kind: chat.ThoughtSig, On: chat.KindReasoning, Text: true}, {Kind: chat.ThoughtSig, On: chat.KindCall}, {Kind: chat.ThoughtSig, On: chat.KindText},
		},
		Formats:  []chat.FormatKind{chat.FormatText, chat.FormatObject, chat.FormatSchema},
		Efforts:  []string{"minimal", "low", "medium", "high"},
		Sampling: []chattest.Knob{chattest.MaxTokens, chattest.Temperature, chattest.TopP, chattest.TopK, chattest.Penalties, chattest.Seed, chattest.StopWords, chattest.N, chattest.TokenProbs},
		Choices:  3, Logprobs: true, Summaries: true, Interleaved: true, Modal: true,
		Reasons: []chat.Reason{chat.ReasonStop, chat.ReasonLength, chat.ReasonFilter, chat.ReasonBroken, chat.ReasonTool},
	}
}

// sayable takes from a random request what the dialect has no word for, and
// gives what is left the form in which it comes back: a request that is read
// names no minter, and usage is always asked for.
func sayable(r *chat.Request) *chat.Request {
	r.Usage = r.Stream
	if r.Format != nil {
		r.Format.Name = ""
	}
	var strip func(parts []chat.Part)
	strip = func(parts []chat.Part) {
		for i := range parts {
			p := &parts[i]
			if p.State != nil {
				p.State.Minter = ""
			}
			if m, ok := p.Content.(chat.Media); ok {
				m.Name = ""
				p.Content = m
			}
			if x, ok := p.Content.(chat.ToolResult); ok {
				strip(x.Parts)
			}
		}
	}
	for i := range r.Messages {
		strip(r.Messages[i].Parts)
	}
	return r
}

// signed reports whether the first call of every turn is signed, as the vendor
// signs them; one that is not goes with what stands for a signature.
func signed(r *chat.Request) bool {
	for _, m := range r.Messages {
		for _, p := range m.Parts {
			if _, ok := p.Content.(chat.ToolCall); ok {
				if p.State == nil {
					return false
				}
				break
			}
		}
	}
	return true
}

func TestRequest_SurvivesTheWayThereAndBack(t *testing.T) {
	for name, to := range map[string]*dialect.Upstream{"gemini api": api, "vertex": onVertex} {
		t.Run(name, func(t *testing.T) {
			can := can()
			can.Logprobs = false // of a reply
			rapid.Check(t, func(t *rapid.T) {
				want := sayable(chattest.Request(t, can))
				l := losses()
				out, err := gemini.Client{}.Encode(want, to, l)
				if err != nil {
					t.Fatal(err)
				}
				if got := l.List(); len(got) > 0 && signed(want) {
					t.Fatalf("losses %v", got)
				}
				in := inbound(call.Chat, want.Model, want.Stream, out.Body)
				if _, err := (gemini.Reader{}).Read(in, new(wire.Scanner), dialect.Listener{}); err != nil {
					t.Fatalf("the gates refuse it: %v: %s", err, out.Body)
				}
				got, err := gemini.Server{}.Decode(in, new(wire.Scanner))
				if err != nil {
					t.Fatalf("%v: %s", err, out.Body)
				}
				chattest.Equal(t, got, want)
			})
		})
	}
}

// answer gives a random reply the form in which the dialect brings it back.
func answer(t *rapid.T) *chat.Reply {
	r := chattest.Reply(t, can())
	for i := range r.Choices {
		e := &r.Choices[i].Ending
		e.Said = map[chat.Reason]string{chat.ReasonStop: "STOP", chat.ReasonTool: "STOP", chat.ReasonLength: "MAX_TOKENS", chat.ReasonFilter: "SAFETY", chat.ReasonBroken: "OTHER"}[e.Reason]
		for k := range r.Choices[i].Parts {
			if s := r.Choices[i].Parts[k].State; s != nil {
				s.Minter = api.Family
			}
		}
	}
	return r
}

func TestReply_SurvivesTheWayThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := answer(t)
		body, err := gemini.Server{}.Reply(nil, want, &dialect.Answering{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := gemini.Client{}.Reply(body, new(wire.Scanner), api)
		if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		chattest.Equal(t, merged(got), merged(want))
	})
}

func TestStream_SurvivesTheWayThereAndBackHoweverItIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := answer(t)
		array := rapid.Bool().Draw(t, "array")
		body := encode(t, &dialect.Answering{Array: array}, chattest.Events(t, want))
		sizes := rapid.SliceOfN(rapid.IntRange(1, 200), 0, 50).Draw(t, "reads")
		var f chat.Folder
		if _, err := drain(gemini.Client{}.Stream(api), &pieces{bytes.Clone(body), sizes}, f.Add); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		got, err := f.Reply()
		if err != nil {
			t.Fatal(err)
		}
		chattest.Equal(t, merged(got), merged(want))
	})
}

// merged makes one of texts of a kind that follow each other with no signature
// between them: the wire has no mark where one ends.
func merged(r *chat.Reply) *chat.Reply {
	for i := range r.Choices {
		c := &r.Choices[i]
		var out []chat.Part
		for _, p := range c.Parts {
			if len(out) > 0 && out[len(out)-1].State == nil && p.State == nil {
				last := &out[len(out)-1]
				switch x := p.Content.(type) {
				case chat.Text:
					if was, ok := last.Content.(chat.Text); ok {
						was.Text += x.Text
						was.Logprobs = append(was.Logprobs, x.Logprobs...)
						last.Content = was
						continue
					}
				case chat.Reasoning:
					if was, ok := last.Content.(chat.Reasoning); ok {
						was.Text += x.Text
						last.Content = was
						continue
					}
				}
			}
			out = append(out, p)
		}
		c.Parts = out
	}
	return r
}
