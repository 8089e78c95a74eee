package bedrock

import (
	"strconv"

	"bulkhead/chat"

	dialects "bulkhead/dialect"
)

// Reply implements dialect.Server. A usage that is not known is left out.
func (Server) Reply(dst []byte, r *chat.Reply, a *dialects.Answering) ([]byte, error) {
	w := writer{dst}
	w.b = append(w.b, '{')
	w.open("output", '{')
	w.open("message", '{')
	w.str("role", "assistant")
	w.open("content", '[')
	ending := chat.Ending{Reason: chat.ReasonStop}
	if len(r.Choices) > 1 {
		lose(a).Drop("choices")
	}
	if len(r.Choices) > 0 {
		ending = r.Choices[0].Ending
		for i := range r.Choices[0].Parts {
			w.answered(&r.Choices[0].Parts[i], lose(a))
		}
	}
	w.close(']')
	w.close('}')
	w.close('}')
	w.str("stopReason", stopReason(&ending, lose(a)))
	w.extra(ending.Extra)
	var aside chat.Extra
	if r.Usage != nil {
		w.name("usage")
		w.usage(r.Usage)
		aside = r.Usage.Extra
	}
	w.metadata(r.Extra, aside, r.Tier)
	w.close('}')
	return w.b, nil
}

// lose gives the record of losses, or one that nobody reads.
func lose(a *dialects.Answering) *chat.Losses {
	if a.Loss != nil {
		return a.Loss
	}
	return chat.NewLosses(name, nil, nil)
}

// answered writes a part of a reply as a content block.
func (w *writer) answered(p *chat.Part, l *chat.Losses) {
	switch x := p.Content.(type) {
	case chat.Text:
		if len(x.Citations) > 0 {
			w.cited(x, p.Extra)
		} else if x.Text != "" {
			w.say(x.Text)
		}
	case chat.Refusal:
		if x.Text != "" {
			w.say(x.Text)
		}
	case chat.ToolCall:
		if fit := w.toolUse(x); fit == chat.Wrapped || fit == chat.Broken {
			l.Approximate("choices[].parts[].arguments")
		}
	case chat.Reasoning:
		state := shown(p.State, l)
		if x.Text != "" || state != nil {
			w.reasoning(x.Text, state)
		}
		return
	case chat.Media:
		w.mediaReply(x, l)
	case chat.Native:
		if x.Dialect != name {
			l.Drop("choices[].parts[].native")
			return
		}
		w.block(x.Type, x.Value)
	}
	if p.State != nil {
		l.Drop("choices[].parts[].state")
	}
}

// shown is a state that Bedrock's callers can carry.
func shown(s *chat.State, l *chat.Losses) *chat.State {
	if s != nil && s.Kind != chat.SignedText && s.Kind != chat.Redacted {
		l.Drop("choices[].parts[].state")
		return nil
	}
	return s
}

func (w *writer) mediaReply(m chat.Media, l *chat.Losses) {
	format, known := formatOf(&m)
	data, ok := standard(m.Data)
	if !known || !ok || m.Medium == chat.Document {
		l.Drop("choices[].parts[].data")
		return
	}
	if m.Transcript != "" {
		l.Approximate("choices[].parts[].transcript")
		w.say(m.Transcript)
	}
	w.open("", '{')
	w.open(string(m.Medium), '{')
	w.str("format", format)
	w.open("source", '{')
	w.str("bytes", data)
	w.close('}')
	w.close('}')
	w.close('}')
}

// stops are Bedrock's words for why an answer ends; of several words for one
// reason the first is written.
var stops = []struct {
	word   string
	reason chat.Reason
}{
	{"end_turn", chat.ReasonStop}, {"tool_use", chat.ReasonTool}, {"max_tokens", chat.ReasonLength}, {"stop_sequence", chat.ReasonSequence},
	{"content_filtered", chat.ReasonFilter}, {"guardrail_intervened", chat.ReasonFilter},
	{"malformed_model_output", chat.ReasonBroken}, {"malformed_tool_use", chat.ReasonBroken},
	{"model_context_window_exceeded", chat.ReasonContext},
	{"content_filtered", chat.ReasonRefusal}, {"end_turn", chat.ReasonPause},
}

// stopReason is Bedrock's word for an ending: that which it said itself, or the
// nearest. WARNING: a refusal becomes content_filtered, a pause end_turn.
func stopReason(e *chat.Ending, l *chat.Losses) string {
	first := ""
	for _, s := range stops {
		if s.reason != e.Reason {
			continue
		}
		if s.word == e.Said {
			return s.word
		}
		if first == "" {
			first = s.word
		}
	}
	if e.Reason == chat.ReasonRefusal || e.Reason == chat.ReasonPause {
		l.Approximate("choices[].ending.reason")
	}
	if first == "" {
		return "end_turn"
	}
	return first
}

// reasonOf is what a word of Bedrock's stands for. A word that is not known
// ended the answer well, for all that can be told.
func reasonOf(word string) chat.Reason {
	for _, s := range stops {
		if s.word == word {
			return s.reason
		}
	}
	return chat.ReasonStop
}

// usage writes the counts. Bedrock's total has the cached tokens too.
func (w *writer) usage(u *chat.Usage) {
	w.b = append(w.b, '{')
	count := func(n string, v int64) {
		w.name(n)
		w.b = strconv.AppendInt(w.b, v, 10)
	}
	count("inputTokens", u.Input+u.ToolPrompt)
	count("outputTokens", u.Output)
	count("totalTokens", u.Total())
	if u.CacheRead > 0 || u.CacheWrite() > 0 {
		count("cacheReadInputTokens", u.CacheRead)
		count("cacheWriteInputTokens", u.CacheWrite())
	}
	if u.CacheWrite1h > 0 {
		w.open("cacheDetails", '[')
		for _, c := range []struct {
			ttl string
			n   int64
		}{{"5m", u.CacheWrite5m}, {"1h", u.CacheWrite1h}} {
			if c.n > 0 {
				w.open("", '{')
				w.str("ttl", c.ttl)
				count("inputTokens", c.n)
				w.close('}')
			}
		}
		w.close(']')
	}
	w.close('}')
}

// metadata writes what stands beside a reply: its latency, which callers
// require, and what Bedrock alone says.
func (w *writer) metadata(x, aside chat.Extra, tier string) {
	has := func(n string) chat.Raw {
		if v := aside.Get(name, n); v != nil {
			return v
		}
		return x.Get(name, n)
	}
	if v := has("metrics"); v != nil {
		w.raw("metrics", v)
	} else {
		w.raw("metrics", []byte(`{"latencyMs":0}`))
	}
	for _, n := range []string{"trace", "performanceConfig"} {
		if v := has(n); v != nil {
			w.raw(n, v)
		}
	}
	switch v := has("serviceTier"); {
	case v != nil:
		w.raw("serviceTier", v)
	case tiers[tier]:
		w.open("serviceTier", '{')
		w.str("type", tier)
		w.close('}')
	}
}

// tiers are Bedrock's words for tiers of service.
var tiers = map[string]bool{"priority": true, "default": true, "flex": true, "reserved": true}

// CountReply implements dialect.CountServer.
func (Server) CountReply(dst []byte, u *chat.Usage, _ *dialects.Answering) ([]byte, error) {
	dst = append(dst, `{"inputTokens":`...)
	return append(strconv.AppendInt(dst, u.Prompt(), 10), '}'), nil
}
