package sim

import (
	"encoding/base64"
	"strings"
)

// stream is a reply as events; each chunk is the JSON of one.
type stream struct {
	chunks  [][]byte
	framing func(i int, chunk []byte) []byte // nil: server-sent events, with an end marker
	end     []byte                           // in place of the end marker, with a framing of its own
	marks   int                              // how many of the last chunks say that the reply is whole, where no end marker does
	binary  bool                             // frames whose chunks hold the event's name and its payload
}

// frame is the ith chunk as it is sent.
func (s *stream) frame(i int, chunk []byte) []byte {
	if s.framing != nil {
		return s.framing(i, chunk)
	}
	return event(chunk)
}

func (v *vendor) streamType() string {
	if v.Kind == Azure {
		return "text/event-stream"
	}
	return "text/event-stream; charset=utf-8"
}

// delta is one step of one choice: what it says, what it costs, and how it ended if it did.
type delta struct {
	body     any // nil where the chunk has no delta
	logprobs any
	finish   any
	tokens   int
	thought  int
	first    bool
}

// stream gives the completion as chunks. A fault has its say in when usage is sent and what the first chunk holds.
func (w *chatWire) stream(f Fault) *stream {
	s := &stream{}
	usage := f.Usage
	wanted := w.request.includeUsage && usage != "none" || usage == "always" || usage == "duplicate" || usage == "cumulative"
	if w.kind == Azure {
		s.add(object{
			{"choices", []any{}}, {"created", 0}, {"id", ""}, {"model", ""}, {"object", ""}, {"prompt_filter_results", w.promptFilter()},
		})
	}
	total, reasoning, audio := w.outputTokens()
	sent, thought := 0, 0
	queues := make([][]delta, len(w.answers))
	for i, a := range w.answers {
		queues[i] = w.deltas(a)
	}
	for pending := len(queues); pending > 0; { // choices take turns, as they do in the recording with two
		for i, q := range queues {
			if len(q) == 0 {
				continue
			}
			d := q[0]
			if queues[i] = q[1:]; len(q) == 1 {
				pending--
			}
			sent, thought = sent+d.tokens, thought+d.thought
			var counted any
			switch {
			case usage == "cumulative":
				counted = w.usageOf(sent, thought, 0)
			case w.kind == Compatible && pending == 0:
				counted = w.usage() // with the finish and not after it (recorded)
			}
			chunk := w.chunk(i, d, wanted, counted)
			if d.first && f.NoFirstDelta {
				chunk = withoutDelta(chunk)
			}
			s.add(chunk)
		}
	}
	if wanted && (w.kind != Compatible || usage == "duplicate") {
		s.add(w.usageChunk(total, reasoning, audio))
		if usage == "duplicate" && w.kind != Compatible {
			s.add(w.usageChunk(total, reasoning, audio))
		}
	}
	return s
}

func (s *stream) add(chunk object) { s.chunks = append(s.chunks, encode(chunk)) }

// chunk frames one delta.
func (w *chatWire) chunk(i int, d delta, wanted bool, usage any) object {
	var out object
	if w.kind == Azure {
		filter := w.filterResults(false)
		if d.first || d.finish != nil {
			filter = object{}
		}
		if d.finish == "content_filter" {
			filter = w.filterResults(true)
		}
		out = object{
			{"choices", []object{{{"content_filter_results", filter}, {"delta", d.body}, {"finish_reason", d.finish}, {"index", i}, {"logprobs", d.logprobs}}}},
			{"created", w.created}, {"id", w.id}, {"model", w.request.model.Version}, {"object", "chat.completion.chunk"},
			{"system_fingerprint", w.fingerprint},
		}
	} else {
		choice := object{{"index", i}, {"delta", d.body}}
		if w.showsLogprobs() {
			choice = append(choice, member{"logprobs", d.logprobs})
		}
		out = append(w.head(), member{"choices", []object{append(choice, member{"finish_reason", d.finish})}})
	}
	if wanted {
		out = append(out, member{"usage", usage})
	}
	return w.padded(out)
}

func withoutDelta(chunk object) object {
	list, _ := chunk.get("choices")
	for i, c := range list.([]object) {
		list.([]object)[i] = c.without("delta")
	}
	return chunk
}

func (w *chatWire) head() object {
	out := object{{"id", w.id}, {"object", "chat.completion.chunk"}, {"created", w.created}, {"model", w.request.model.Version}}
	if w.kind == OpenAI {
		out = append(out, member{"service_tier", w.tier})
	}
	return append(out, member{"system_fingerprint", w.fingerprint})
}

// padded adds the random padding by which OpenAI hides the length of tokens.
func (w *chatWire) padded(chunk object) object {
	if w.kind != OpenAI || !w.request.obfuscate {
		return chunk
	}
	return append(chunk, member{"obfuscation", w.dice.letters(1 + w.dice.below(16))})
}

func (w *chatWire) usageChunk(total, reasoning, audio int) object {
	usage := w.usageOf(total, reasoning, audio)
	if w.kind == Azure {
		return object{
			{"choices", []any{}}, {"created", w.created}, {"id", w.id}, {"model", w.request.model.Version},
			{"object", "chat.completion.chunk"}, {"system_fingerprint", w.fingerprint}, {"usage", usage},
		}
	}
	return w.padded(append(w.head(), member{"choices", []any{}}, member{"usage", usage}))
}

// deltas are the steps of one answer.
func (w *chatWire) deltas(a *answer) []delta {
	var out []delta
	switch {
	case w.kind == Compatible:
		out = w.compatibleDeltas(a)
	case len(a.calls) > 0:
		out = w.callDeltas(a)
	case a.spoken && !a.refused:
		out = w.audioDeltas(a)
	default:
		out = w.textDeltas(a)
	}
	out[0].first = true
	out[0].tokens += len(a.reasoning)
	out[0].thought += len(a.reasoning)
	if w.kind == Compatible { // counts its thought as it streams it
		out[0].tokens, out[0].thought = 0, 0
	}
	end := delta{body: object{}, finish: w.finish(a)}
	if w.kind == Compatible {
		end.body = object{{"content", ""}}
		if w.request.model.Reasons {
			end.body = object{{"content", ""}, {"reasoning_content", nil}}
		}
	}
	return append(out, end)
}

func (w *chatWire) textDeltas(a *answer) []delta {
	name, first := "content", object{{"role", "assistant"}, {"content", ""}, {"refusal", nil}}
	if a.refused {
		name, first = "refusal", object{{"role", "assistant"}, {"content", nil}, {"refusal", ""}}
	}
	if w.kind == Azure && !a.refused {
		first = object{{"content", ""}, {"role", "assistant"}}
	}
	out := []delta{{body: first, logprobs: w.logprobs(a, 0, 0)}}
	for i, t := range a.tokens {
		out = append(out, delta{body: object{{name, t}}, logprobs: w.logprobs(a, i, i+1), tokens: 1})
	}
	return out
}

// callDeltas opens each call with its id and name and then streams its input. A single call is opened in the first
// chunk, several come after it (both recorded).
func (w *chatWire) callDeltas(a *answer) []delta {
	if w.request.legacy {
		return w.legacyDeltas(a)
	}
	var out []delta
	first := object{{"role", "assistant"}, {"content", nil}}
	if len(a.calls) > 1 {
		out = append(out, delta{body: first})
	}
	for i, c := range a.calls {
		kind, field := "function", "arguments"
		if c.custom {
			kind, field = "custom", "input"
		}
		opened := object{{"tool_calls", []object{{
			{"index", i}, {"id", c.id}, {"type", kind}, {kind, object{{"name", c.name}, {field, ""}}},
		}}}}
		if len(a.calls) == 1 {
			opened = append(append(first, opened...), member{"refusal", nil})
		}
		out = append(out, delta{body: opened, tokens: len(Tokens(c.name))})
		for _, t := range c.tokens {
			out = append(out, delta{tokens: 1, body: object{{"tool_calls", []object{{{"index", i}, {kind, object{{field, t}}}}}}}})
		}
	}
	return out
}

func (w *chatWire) legacyDeltas(a *answer) []delta {
	c := a.calls[0]
	out := []delta{{tokens: len(Tokens(c.name)), body: object{
		{"role", "assistant"}, {"content", nil}, {"function_call", object{{"name", c.name}, {"arguments", ""}}}, {"refusal", nil},
	}}}
	for _, t := range c.tokens {
		out = append(out, delta{tokens: 1, body: object{{"function_call", object{{"arguments", t}}}}})
	}
	return out
}

// audioDeltas sends transcript and sound in turns, and the expiry last.
func (w *chatWire) audioDeltas(a *answer) []delta {
	id := "audio_" + w.dice.hex(24)
	out := []delta{{body: object{{"role", "assistant"}, {"content", nil}, {"refusal", nil}, {"audio", object{{"id", id}}}}}}
	const batch = 8 // tokens
	for i := 0; i < len(a.tokens); i += batch {
		part := a.tokens[i:min(i+batch, len(a.tokens))]
		out = append(out,
			delta{tokens: len(part), body: object{{"audio", object{{"id", id}, {"transcript", strings.Join(part, "")}}}}},
			delta{body: object{{"audio", object{{"id", id}, {"data", base64.StdEncoding.EncodeToString(tone(part))}}}}})
	}
	return append(out, delta{body: object{{"audio", object{{"id", id}, {"expires_at", w.expires}}}}})
}

// compatibleDeltas follow DeepSeek: thought first, content null meanwhile, then the other way round; a model that does
// not reason has no reasoning_content at all.
func (w *chatWire) compatibleDeltas(a *answer) []delta {
	say := func(content, thought any) object {
		if !w.request.model.Reasons {
			return object{{"content", content}}
		}
		return object{{"content", content}, {"reasoning_content", thought}}
	}
	var content any = ""
	var thought any
	if len(a.reasoning) > 0 {
		content, thought = nil, ""
	}
	out := []delta{{body: append(object{{"role", "assistant"}}, say(content, thought)...), logprobs: w.logprobs(a, 0, 0)}}
	for _, t := range a.reasoning {
		out = append(out, delta{body: say(nil, t), tokens: 1, thought: 1})
	}
	if len(a.calls) > 0 {
		steps := w.callDeltas(a)
		if len(a.calls) > 1 {
			steps = steps[1:]
		} else if o, ok := steps[0].body.(object); ok {
			steps[0].body = o.without("role", "content", "refusal")
		}
		return append(out, steps...)
	}
	for i, t := range a.tokens {
		out = append(out, delta{body: say(t, nil), logprobs: w.logprobs(a, i, i+1), tokens: 1})
	}
	return out
}
