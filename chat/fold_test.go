package chat_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/fault"
)

func TestFold_UndoesEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := chattest.Reply(t, chattest.All())
		var f chat.Folder
		if err := chat.Events(want, f.Add); err != nil {
			t.Fatal(err)
		}
		got, err := f.Reply()
		if err != nil {
			t.Fatal(err)
		}
		chattest.Equal(t, got, want)
	})
}

func TestFold_IsTheSameHoweverAStreamIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := chattest.Reply(t, chattest.All())
		got, err := chattest.Fold(chattest.Events(t, want))
		if err != nil {
			t.Fatal(err)
		}
		chattest.Equal(t, got, want)
	})
}

func TestFold_KeepsNothingOfTheProducers(t *testing.T) {
	var f chat.Folder
	b := []byte("abc")
	part := chat.Say("")
	for _, e := range []chat.Event{{Kind: chat.Begin, Head: &chat.Head{}}, {Kind: chat.Start, Part: &part}, {Kind: chat.Delta, Bytes: b}, {Kind: chat.Stop},
		{Kind: chat.Start, Index: 1, Part: &part}, {Kind: chat.Delta, Index: 1, Bytes: b}, {Kind: chat.Stop, Index: 1},
		{Kind: chat.Finish, Ending: &chat.Ending{Reason: chat.ReasonStop}}, {Kind: chat.End}} {
		if err := f.Add(&e); err != nil {
			t.Fatal(err)
		}
		if e.Kind == chat.Delta {
			copy(b, "xyz")
		}
	}
	r, err := f.Reply()
	if err != nil {
		t.Fatal(err)
	}
	if first, _ := chat.Plain(r.Choices[0].Parts[:1]); first != "abc" {
		t.Errorf("got %q", first)
	}
	if second, _ := chat.Plain(r.Choices[0].Parts[1:]); second != "xyz" {
		t.Errorf("got %q", second)
	}
}

func TestFold_OfWhatBrokeOffIsNoReply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := chattest.Events(t, chattest.Reply(t, chattest.All()))
		n := rapid.IntRange(0, len(all)-1).Draw(t, "cut at")
		if r, err := chattest.Fold(all[:n]); err == nil {
			t.Fatalf("a reply cut after %d of %d events is whole: %+v", n, len(all), r)
		}
	})
}

func TestFold_GivesTheVendorsFailure(t *testing.T) {
	var f chat.Folder
	want := fault.New(fault.UpstreamError, "the vendor is overloaded")
	if err := f.Add(&chat.Event{Kind: chat.Fail, Fault: want}); err != want {
		t.Errorf("got %v", err)
	}
	if _, err := f.Reply(); err != want {
		t.Errorf("got %v", err)
	}
}

// mutate breaks a legal sequence in one way that no reply can survive.
func mutate(t *rapid.T, all []chat.Event) (string, []chat.Event) {
	all = slices.Clone(all)
	at := func(kinds ...chat.EventKind) int {
		var places []int
		for i, e := range all {
			if slices.Contains(kinds, e.Kind) {
				places = append(places, i)
			}
		}
		if len(places) == 0 {
			t.Skip("nothing to break")
		}
		return rapid.SampledFrom(places).Draw(t, "place")
	}
	how := rapid.SampledFrom([]string{"lost", "twice", "index", "choice", "empty", "after the end", "unbegun", "no reason", "bytes", "full part"}).Draw(t, "mutation")
	switch how {
	case "lost":
		i := at(chat.Begin, chat.Start, chat.Stop, chat.Finish, chat.End)
		all = slices.Delete(all, i, i+1)
	case "twice":
		i := at(chat.Begin, chat.Start, chat.Stop, chat.Finish, chat.End, chat.Seal)
		all = slices.Insert(all, i, all[i])
	case "index":
		i := at(chat.Start, chat.Stop, chat.Delta)
		all[i].Index += rapid.SampledFrom([]int{-1, 1, 100}).Draw(t, "off by")
	case "choice":
		i := at(chat.Start, chat.Stop, chat.Delta, chat.Finish)
		all[i].Choice += rapid.SampledFrom([]int{-200, 7, 1000}).Draw(t, "off by")
	case "empty":
		all[at(chat.Delta)].Bytes = nil
	case "after the end":
		all = append(all, all[at(chat.Delta, chat.Finish, chat.End)])
	case "unbegun":
		all = all[1:]
	case "no reason":
		all[at(chat.Finish)].Ending = &chat.Ending{Reason: "because"}
	case "bytes":
		all[at(chat.Delta)].Bytes = []byte("a\xff")
	case "full part":
		p := chat.Say("already")
		all[at(chat.Start)].Part = &p
	}
	return how, all
}

func TestChecker_RefusesWhatIsNoReply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		how, broken := mutate(t, chattest.Events(t, chattest.Reply(t, chattest.All())))
		var c chat.Checker
		for i := range broken {
			if err := c.Check(&broken[i]); err != nil {
				var s *chat.SequenceError
				if !errors.As(err, &s) || s.Number != i || s.Kind != broken[i].Kind || s.Why == "" {
					t.Fatalf("%s: the error does not say what and where: %v", how, err)
				}
				return
			}
		}
		if c.Over() {
			t.Fatalf("%s: taken for a reply", how)
		}
	})
}

func TestChecker_SaysWhichRuleIsBroken(t *testing.T) {
	begin := chat.Event{Kind: chat.Begin, Head: &chat.Head{}}
	text, call, think := chat.Say(""), chat.Part{Content: chat.ToolCall{ID: "a", Name: "f"}}, chat.Part{Content: chat.Reasoning{}}
	open := func(i int, p *chat.Part) chat.Event { return chat.Event{Kind: chat.Start, Index: i, Part: p} }
	stop := chat.Event{Kind: chat.Stop}
	for _, row := range []struct {
		name   string
		events []chat.Event
		why    string
	}{
		{"content first", []chat.Event{open(0, &text)}, "not begun"},
		{"two parts open", []chat.Event{begin, open(0, &text), open(1, &text)}, "another part is open"},
		{"a gap", []chat.Event{begin, open(1, &text)}, "next part is 0"},
		{"one id for two calls", []chat.Event{begin, open(0, &call), stop, open(1, &call)}, "two calls of one id"},
		{"a call without a name", []chat.Event{begin, open(0, &chat.Part{Content: chat.ToolCall{ID: "a"}})}, "without id or name"},
		{"a user's part", []chat.Event{begin, open(0, &chat.Part{Content: chat.ToolResult{CallID: "a"}})}, "no content of a reply"},
		{"two signatures", []chat.Event{begin, open(0, &think), {Kind: chat.Seal, State: &chat.State{Kind: chat.SignedText, Blob: "x"}}, {Kind: chat.Seal, State: &chat.State{Kind: chat.SignedText, Blob: "y"}}}, "second state"},
		{"a signature of thought on text", []chat.Event{begin, open(0, &text), {Kind: chat.Seal, State: &chat.State{Kind: chat.SignedText, Blob: "x"}}}, "state of reasoning"},
		{"a citation in a call", []chat.Event{begin, open(0, &call), {Kind: chat.Cite, Citation: &chat.Citation{}}}, "citations are of text"},
		{"finish with a part open", []chat.Event{begin, open(0, &text), {Kind: chat.Finish, Ending: &chat.Ending{Reason: chat.ReasonStop}}}, "a part is open"},
		{"no choice", []chat.Event{begin, {Kind: chat.End}}, "without a choice"},
		{"a choice missing", []chat.Event{begin, {Kind: chat.Finish, Choice: 1, Ending: &chat.Ending{Reason: chat.ReasonStop}}, {Kind: chat.End}}, "not finished"},
		{"a negative count", []chat.Event{begin, {Kind: chat.Count, Usage: &chat.Usage{Input: -1}}}, "less than nothing"},
		{"a failure without a fault", []chat.Event{{Kind: chat.Fail}}, "says nothing"},
		{"no kind", []chat.Event{begin, open(0, &text), {}}, "no such kind"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var c chat.Checker
			for i := range row.events {
				err := c.Check(&row.events[i])
				if last := i == len(row.events)-1; last != (err != nil) {
					t.Fatalf("event %d: %v", i, err)
				}
				if err != nil && !strings.Contains(err.Error(), row.why) {
					t.Errorf("got %v, want %q in it", err, row.why)
				}
			}
		})
	}
}

func TestChecker_AllocatesNothingForADelta(t *testing.T) {
	var c chat.Checker
	text := chat.Say("")
	for _, e := range []chat.Event{{Kind: chat.Begin, Head: &chat.Head{}}, {Kind: chat.Start, Part: &text}} {
		if err := c.Check(&e); err != nil {
			t.Fatal(err)
		}
	}
	e := chat.Event{Kind: chat.Delta, Bytes: []byte("some words")}
	if n := testing.AllocsPerRun(100, func() {
		if err := c.Check(&e); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkChecker(b *testing.B) {
	var c chat.Checker
	text := chat.Say("")
	_ = c.Check(&chat.Event{Kind: chat.Begin, Head: &chat.Head{}})
	_ = c.Check(&chat.Event{Kind: chat.Start, Part: &text})
	e := chat.Event{Kind: chat.Delta, Bytes: []byte(" some words of")}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Check(&e); err != nil {
			b.Fatal(err)
		}
	}
}
