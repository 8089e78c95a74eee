// Package chattest makes random conversations, replies and sequences of events
// within what a dialect can say, and walks vendors' schemas against a dialect's
// table of fields. It is for tests alone.
//
// A dialect states what it can say in a [Can], and writes its laws in a few
// lines:
//
//	rapid.Check(t, func(t *rapid.T) {
//		want := chattest.Request(t, can)
//		chattest.Equal(t, decode(t, encode(t, want)), want)
//	})
//
// Begin with [All], [Request], [Reply], [Events] and [Listed].
package chattest

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"bulkhead/chat"
)

// Can is what a dialect, or both of two, can say. The zero Can is text alone.
type Can struct {
	Instructions bool          // beside the conversation
	Roles        []chat.Role   // of messages within it, beside User and Assistant
	Names        bool          // names of participants
	Adjacent     bool          // neighbours of one role stay apart
	Media        []chat.Medium // inline
	URLs         bool          // media by address
	Tools        bool          // definitions, calls and results
	Custom       bool          // tools with free-form input
	ObjectArgs   bool          // arguments are always objects, written compactly
	ResultErrors bool          // results that are errors
	ResultMedia  bool          // results with images
	ResultJSON   bool          // results with structured values
	ResultNames  bool          // results name their tool
	States       []StateOf     // opaque state, and on what
	Cache        bool          // marks on parts, tools and instructions
	Formats      []chat.FormatKind
	Efforts      []string
	Sampling     []Knob
	Choices      int  // of a reply, at most; 0 is 1
	Refusals     bool // refusals apart from text
	Items        bool // the vendor's ids of items
	Logprobs     bool
	Citations    bool
	Reasons      []chat.Reason
	Summaries    bool // reasoning is a summary
	Interleaved  bool // parts of a turn in any order: not only reasoning, text, calls
	Modal        bool // usage by modality
	CacheUsage   bool // cached tokens apart, writes of 5 minutes too
	CacheWrite1h bool
}

// StateOf is a kind of state and the kind of part that carries it.
type StateOf struct {
	Kind chat.StateKind
	On   chat.Kind
	Text bool // the reasoning beside it has text
}

// Knob names a field of Sampling.
type Knob string

// The knobs.
const (
	MaxTokens   Knob = "max_tokens"
	Temperature Knob = "temperature"
	TopP        Knob = "top_p"
	TopK        Knob = "top_k"
	Penalties   Knob = "penalties"
	Seed        Knob = "seed"
	StopWords   Knob = "stop"
	N           Knob = "n"
	TokenProbs  Knob = "logprobs"
	Bias        Knob = "logit_bias"
)

// All is all that canonical JSON can say.
func All() Can {
	return Can{
		Instructions: true, Roles: []chat.Role{chat.System, chat.Developer}, Names: true, Adjacent: true,
		Media: []chat.Medium{chat.Image, chat.Document, chat.Audio, chat.Video}, URLs: true,
		Tools: true, Custom: true, ResultErrors: true, ResultMedia: true, ResultJSON: true, ResultNames: true,
		States: []StateOf{{chat.SignedText, chat.KindReasoning, true}, {chat.Redacted, chat.KindReasoning, false}, {chat.Encrypted, chat.KindReasoning, true},
			{chat.ThoughtSig, chat.KindCall, false}, {chat.ThoughtSig, chat.KindText, false}},
		Cache: true, Formats: []chat.FormatKind{chat.FormatText, chat.FormatObject, chat.FormatSchema},
		Efforts:  []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"},
		Sampling: []Knob{MaxTokens, Temperature, TopP, TopK, Penalties, Seed, StopWords, N, TokenProbs, Bias},
		Choices:  3, Refusals: true, Items: true, Logprobs: true, Citations: true, Summaries: true, Interleaved: true, Modal: true, CacheUsage: true, CacheWrite1h: true,
		Reasons: []chat.Reason{chat.ReasonStop, chat.ReasonSequence, chat.ReasonLength, chat.ReasonContext, chat.ReasonTool, chat.ReasonFilter, chat.ReasonRefusal, chat.ReasonPause, chat.ReasonBroken},
	}
}

// maker makes one value; ids are never given twice.
type maker struct {
	t   *rapid.T
	can Can
	ids int
}

func (m *maker) coin(label string) bool { return rapid.Bool().Draw(m.t, label) }

func (m *maker) maybe(may bool, label string) bool { return may && m.coin(label) }

func (m *maker) id(prefix string) string {
	m.ids++
	return fmt.Sprintf("%s_%d", prefix, m.ids)
}

// text is never empty and holds what wires trip over.
func (m *maker) text(label string) string {
	return rapid.OneOf(
		rapid.StringN(1, 12, 40),
		rapid.SampledFrom([]string{"a\nb", `say "x" \ y`, "\u2028 </script> é", "👩‍🚀", "data: x\n\n", "[DONE]", "\u0000", " "}),
	).Draw(m.t, label)
}

func (m *maker) name(label string) string {
	return rapid.StringMatching(`[a-z][a-zA-Z0-9_]{0,15}`).Draw(m.t, label)
}

func (m *maker) base64(label string) string {
	return rapid.SampledFrom([]string{"aGVsbG8=", "/+7/", "AAAA", "iVBORw0KGgo="}).Draw(m.t, label)
}

func pick[T any](m *maker, from []T, label string) T { return rapid.SampledFrom(from).Draw(m.t, label) }

// object is a compact JSON object with what numbers and names trip over.
func (m *maker) object(label string) string {
	return pick(m, []string{`{}`, `{"a":1}`, `{"n":9007199254740993,"f":1.10}`, `{"b":[true,null,{"c":"é\n"}],"a":"x"}`, `{"s":"\""}`}, label)
}

func (m *maker) arguments(custom bool) string {
	if custom {
		return m.text("input")
	}
	if m.can.ObjectArgs || m.coin("an object") {
		return m.object("arguments")
	}
	return pick(m, []string{"", `{"cut":`, `[]`, `{ "spaced" : 1 }`}, "odd arguments")
}

func (m *maker) number(label string, from ...chat.Number) chat.Number { return pick(m, from, label) }

// has reports whether the dialect has a knob and the draw turns it.
func (m *maker) has(k Knob) bool { return m.maybe(slices.Contains(m.can.Sampling, k), string(k)) }

func (m *maker) sampling() chat.Sampling {
	var s chat.Sampling
	if m.has(MaxTokens) {
		s.MaxTokens = m.number("max_tokens", "1", "2048", "128000")
	}
	if m.has(Temperature) {
		s.Temperature = m.number("temperature", "0", "0.70", "1")
	}
	if m.has(TopP) {
		s.TopP = m.number("top_p", "0.95", "1.0", "0.123456789012345678")
	}
	if m.has(TopK) {
		s.TopK = m.number("top_k", "1", "40")
	}
	if m.has(Penalties) {
		s.FrequencyPenalty, s.PresencePenalty = m.number("frequency_penalty", "-2", "0.5"), m.number("presence_penalty", "1.25", "0")
	}
	if m.has(Seed) {
		s.Seed = m.number("seed", "0", "-7", "1234567")
	}
	if m.has(StopWords) {
		s.Stop = rapid.SliceOfN(rapid.StringMatching(`[A-Z]{1,8}`), 1, 4).Draw(m.t, "stop")
	}
	if m.has(N) {
		s.N = m.number("n", "2", "3")
	}
	if m.has(TokenProbs) {
		s.Logprobs, s.TopLogprobs = new(true), m.number("top_logprobs", "1", "5")
	}
	if m.has(Bias) {
		s.LogitBias = map[string]chat.Number{"50256": m.number("bias", "-100", "1.5")}
	}
	return s
}

func (m *maker) mark(label string) *chat.CacheMark {
	if !m.maybe(m.can.Cache, label) {
		return nil
	}
	return &chat.CacheMark{TTL: pick(m, []string{"", "5m", "1h"}, label+" ttl")}
}
