package chattest

import (
	"slices"
	"unicode/utf8"

	"pgregory.net/rapid"

	"bulkhead/chat"
)

// Reply makes a random reply to fold to.
func Reply(t *rapid.T, can Can) *chat.Reply {
	m := &maker{t: t, can: can}
	r := &chat.Reply{ID: m.id("reply"), Model: m.name("model"), Created: rapid.Int64Range(1, 2e9).Draw(t, "created")}
	for range rapid.IntRange(1, max(1, can.Choices)).Draw(t, "choices") {
		c := chat.Choice{Parts: m.turn(nil), Ending: chat.Ending{Reason: chat.ReasonStop}}
		called := slices.ContainsFunc(c.Parts, func(p chat.Part) bool { _, is := p.Content.(chat.ToolCall); return is })
		switch {
		case called:
			c.Ending.Reason = chat.ReasonTool
		case len(can.Reasons) > 0:
			c.Ending.Reason = pick(m, slices.DeleteFunc(slices.Clone(can.Reasons), func(r chat.Reason) bool { return r == chat.ReasonTool }), "reason")
		}
		if c.Ending.Reason == chat.ReasonSequence {
			c.Ending.Sequence = "END"
		}
		r.Choices = append(r.Choices, c)
	}
	if m.coin("usage") {
		r.Usage = m.usage()
	}
	return r
}

func (m *maker) usage() *chat.Usage {
	count := func(label string) int64 { return rapid.Int64Range(0, 1e6).Draw(m.t, label) }
	u := &chat.Usage{Input: count("input"), Output: 1 + count("output")}
	if m.can.CacheUsage {
		u.CacheRead, u.CacheWrite5m = count("read"), count("write")
	}
	if m.can.CacheWrite1h {
		u.CacheWrite1h = count("write 1h")
	}
	if m.can.Modal {
		u.Reasoning = rapid.Int64Range(0, u.Output).Draw(m.t, "reasoning")
		u.InputAudio, u.OutputAudio = rapid.Int64Range(0, u.Input).Draw(m.t, "audio in"), rapid.Int64Range(0, u.Output-u.Reasoning).Draw(m.t, "audio out")
	}
	return u
}

// turn makes an assistant's parts: reasoning, then text, then calls, unless
// the dialect takes them in any order. tools are those to call; of a reply any.
func (m *maker) turn(tools []chat.Tool) []chat.Part {
	var parts []chat.Part
	for range rapid.IntRange(0, 2).Draw(m.t, "reasoning") {
		if p, ok := m.reasoning(); ok {
			parts = append(parts, p)
		}
	}
	if m.coin("text") {
		parts = append(parts, m.answer())
	}
	if m.can.Tools {
		for range rapid.IntRange(0, 3).Draw(m.t, "calls") {
			parts = append(parts, m.call(tools))
		}
	}
	if len(parts) == 0 || !slices.ContainsFunc(parts, func(p chat.Part) bool { return p.Content.Kind() != chat.KindReasoning }) {
		parts = append(parts, m.answer())
	}
	if m.maybe(m.can.Interleaved, "interleaved") {
		parts = rapid.Permutation(parts).Draw(m.t, "order")
	}
	for i := range parts {
		if m.can.Items {
			parts[i].Item = m.id("item")
		}
	}
	return parts
}

func (m *maker) reasoning() (chat.Part, bool) {
	var of []StateOf
	for _, s := range m.can.States {
		if s.On == chat.KindReasoning {
			of = append(of, s)
		}
	}
	if len(of) == 0 {
		return chat.Part{}, false
	}
	s := pick(m, of, "state")
	r := chat.Reasoning{Summary: m.can.Summaries}
	if s.Text {
		r.Text = m.text("reasoning")
	}
	return chat.Part{Content: r, State: &chat.State{Kind: s.Kind, Blob: m.base64("blob"), Minter: "family"}}, true
}

// sign puts a signature on a part of the kind, where the dialect has them.
func (m *maker) sign(p chat.Part) chat.Part {
	for _, s := range m.can.States {
		if s.On != chat.KindReasoning && s.On == p.Content.Kind() && m.coin("signed") {
			p.State = &chat.State{Kind: s.Kind, Blob: m.base64("signature"), Minter: "family"}
		}
	}
	return p
}

func (m *maker) answer() chat.Part {
	var logprobs []chat.Logprob
	if m.maybe(m.can.Logprobs, "logprobs") {
		top := chat.Logprob{Token: "b", Logprob: "-1.50", Bytes: []int{98}}
		logprobs = []chat.Logprob{{Token: "a", Logprob: "-0.0001", Bytes: []int{97}, Top: []chat.Logprob{top}}}
	}
	if m.maybe(m.can.Refusals, "refusal") {
		return chat.Part{Content: chat.Refusal{Text: m.text("refusal"), Logprobs: logprobs}}
	}
	x := chat.Text{Text: m.text("text"), Logprobs: logprobs}
	if m.maybe(m.can.Citations, "citation") {
		x.Citations = []chat.Citation{{Kind: chat.CiteURL, URL: "https://a.example/", Title: m.text("title"), Span: &chat.Range{Start: 0, End: 1}}}
	}
	return m.sign(chat.Part{Content: x})
}

func (m *maker) call(tools []chat.Tool) chat.Part {
	c := chat.ToolCall{ID: m.id("call"), Name: m.name("tool")}
	if len(tools) > 0 {
		tool := pick(m, tools, "tool")
		c.Name, c.Custom = tool.Name, tool.Kind == chat.CustomTool
	}
	c.Arguments = m.arguments(c.Custom)
	return m.sign(chat.Part{Content: c})
}

// Events makes a legal sequence of events that folds to r: its choices mixed,
// its text cut anywhere between characters, its usage told more than once.
func Events(t *rapid.T, r *chat.Reply) []chat.Event {
	var head, count, end []chat.Event
	lanes := make([][]chat.Event, len(r.Choices))
	keep := func(e *chat.Event) error {
		c := e.Clone()
		switch e.Kind {
		case chat.Begin:
			head = append(head, c)
		case chat.Count:
			count = append(count, c)
		case chat.End:
			end = append(end, c)
		case chat.Delta, chat.Speech:
			for _, piece := range cuts(t, e.Bytes) {
				c.Bytes = piece
				lanes[e.Choice] = append(lanes[e.Choice], c)
			}
		default:
			lanes[e.Choice] = append(lanes[e.Choice], c)
		}
		return nil
	}
	if err := chat.Events(r, keep); err != nil {
		t.Fatalf("events of a reply: %v", err)
	}
	out := head
	if len(count) > 0 && rapid.Bool().Draw(t, "usage early") {
		early := *count[0].Usage
		early.Output = 0
		out = append(out, chat.Event{Kind: chat.Count, Usage: &early})
	}
	for {
		lanes = slices.DeleteFunc(lanes, func(l []chat.Event) bool { return len(l) == 0 })
		if len(lanes) == 0 {
			break
		}
		i := rapid.IntRange(0, len(lanes)-1).Draw(t, "lane")
		out = append(out, lanes[i][0])
		lanes[i] = lanes[i][1:]
	}
	return append(append(out, count...), end...)
}

// cuts cuts text into pieces of whole characters.
func cuts(t *rapid.T, b []byte) [][]byte {
	var out [][]byte
	for len(b) > 0 {
		n := 0
		for range rapid.IntRange(1, 8).Draw(t, "piece") {
			if n < len(b) {
				_, size := utf8.DecodeRune(b[n:])
				n += size
			}
		}
		out = append(out, b[:n])
		b = b[n:]
	}
	return out
}

// Fold folds a sequence, as a stream's reader would.
func Fold(events []chat.Event) (*chat.Reply, error) {
	var f chat.Folder
	for i := range events {
		if err := f.Add(&events[i]); err != nil {
			return nil, err
		}
	}
	return f.Reply()
}

// Equal fails t unless the canonical JSON of both values is the same.
func Equal(t rapid.TB, got, want any) {
	t.Helper()
	g, err := chat.Marshal(got)
	if err != nil {
		t.Fatalf("write what was got: %v", err)
	}
	w, err := chat.Marshal(want)
	if err != nil {
		t.Fatalf("write what was wanted: %v", err)
	}
	if string(g) != string(w) {
		t.Fatalf("got  %s\nwant %s", g, w)
	}
}
