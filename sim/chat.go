package sim

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// chat answers a chat completion.
func (x *exchange) chat(asked object, m Model) *reply {
	v := x.vendor
	req, e := v.readChat(asked, m)
	if e != nil {
		return v.refuse(e)
	}
	if v.Kind == Azure {
		p := readPrompt(req.messages)
		if _, told := p.directives["filter-prompt"]; told || x.fault.Filter == "prompt" {
			return v.filteredPrompt()
		}
	}
	req.filter = x.fault.Filter
	c := v.think(req, func() string { return x.callID() })
	if x.tooLong(c, m) {
		return v.refuse(&apiError{http.StatusBadRequest, "invalid_request_error", "context_length_exceeded", "messages",
			fmt.Sprintf("This model's maximum context length is %d tokens. However, your messages resulted in %d tokens. Please reduce the length of the messages.", m.Context, c.promptTokens)})
	}
	x.counted(c)
	w := x.wire(c)
	if req.stream {
		return &reply{status: http.StatusOK, stream: w.stream(x.fault)}
	}
	return &reply{status: http.StatusOK, body: encode(w.unary())}
}

// callID mints the id of a tool call.
func (x *exchange) callID() string {
	if x.fault.EmptyToolIDs {
		return ""
	}
	return "call_" + x.id.letters(24)
}

// chatWire puts a completion into the shape of one vendor.
type chatWire struct {
	*completion
	kind        Kind
	id          string
	created     int64
	fingerprint any
	tier        string
	dice        *dice
	expires     int64
}

func (x *exchange) wire(c *completion) *chatWire {
	w := &chatWire{completion: c, kind: x.vendor.Kind, created: x.began.Unix(), dice: x.id, tier: "default"}
	w.expires = w.created + 3600
	w.id = "chatcmpl-" + x.id.letters(29)
	if w.kind == Compatible {
		w.id = x.id.uuid()
	}
	if t := c.request.tier; t != "" && t != "auto" {
		w.tier = t
	}
	if !c.request.model.Reasons || w.kind == Compatible { // reasoning models give null (recorded)
		w.fingerprint = "fp_" + diceFor(c.request.model.Version).hex(10)
	}
	return w
}

// unary is the whole reply as one object.
func (w *chatWire) unary() object {
	choices := make([]object, len(w.answers))
	for i, a := range w.answers {
		choices[i] = w.choice(i, a)
	}
	m := w.request.model.Version
	if w.kind == Azure {
		return object{
			{"choices", choices}, {"created", w.created}, {"id", w.id}, {"model", m}, {"object", "chat.completion"},
			{"prompt_filter_results", w.promptFilter()}, {"system_fingerprint", w.fingerprint}, {"usage", w.usage()},
		}
	}
	out := object{
		{"id", w.id}, {"object", "chat.completion"}, {"created", w.created}, {"model", m}, {"choices", choices}, {"usage", w.usage()},
	}
	if w.kind == OpenAI {
		out = append(out, member{"service_tier", w.tier})
	}
	return append(out, member{"system_fingerprint", w.fingerprint})
}

func (w *chatWire) choice(i int, a *answer) object {
	if w.kind == Azure {
		c := object{
			{"content_filter_results", w.filterResults(a.filtered)}, {"finish_reason", a.finish}, {"index", i}, {"logprobs", w.logprobs(a, 0, len(a.tokens))},
		}
		if a.filtered {
			return c // without a message (recorded)
		}
		return append(c, member{"message", w.message(a)})
	}
	c := object{{"index", i}, {"message", w.message(a)}}
	if w.showsLogprobs() {
		c = append(c, member{"logprobs", w.logprobs(a, 0, len(a.tokens))})
	}
	return append(c, member{"finish_reason", w.finish(a)})
}

func (w *chatWire) finish(a *answer) string {
	if w.request.legacy && a.finish == "tool_calls" {
		return "function_call"
	}
	return a.finish
}

// showsLogprobs: reasoning models and those that speak leave the member out unless asked (recorded).
func (w *chatWire) showsLogprobs() bool {
	m := w.request.model
	return w.request.logprobs || !m.Reasons && !m.Audio && !strings.Contains(m.ID, "search") || w.kind == Azure || w.kind == Compatible
}

func (w *chatWire) message(a *answer) object {
	var content, refusal any
	switch {
	case a.refused:
		refusal = a.text()
	case len(a.calls) == 0 && !a.spoken:
		content = a.text()
	}
	m := object{{"role", "assistant"}, {"content", content}}
	if w.kind == Compatible {
		if w.request.model.Reasons {
			m = append(m, member{"reasoning_content", strings.Join(a.reasoning, "")})
		}
		return append(m, w.calls(a)...)
	}
	if w.kind == Azure {
		m = object{{"annotations", []any{}}, {"content", content}, {"refusal", refusal}, {"role", "assistant"}}
		return append(m, w.calls(a)...)
	}
	m = append(m, w.calls(a)...)
	m = append(m, member{"refusal", refusal})
	if a.spoken && !a.refused {
		m = append(m, member{"audio", object{
			{"id", "audio_" + w.dice.hex(24)}, {"data", w.request.audio.encode(a.tokens)}, {"expires_at", w.expires}, {"transcript", a.text()},
		}})
	}
	return append(m, member{"annotations", []any{}})
}

// calls gives the member that holds an answer's calls, or none.
func (w *chatWire) calls(a *answer) object {
	if len(a.calls) == 0 {
		return nil
	}
	if w.request.legacy {
		return object{{"function_call", object{{"name", a.calls[0].name}, {"arguments", a.calls[0].input()}}}}
	}
	list := make([]object, len(a.calls))
	for i, c := range a.calls {
		if c.custom {
			list[i] = object{{"id", c.id}, {"type", "custom"}, {"custom", object{{"name", c.name}, {"input", c.input()}}}}
			continue
		}
		list[i] = object{{"id", c.id}, {"type", "function"}, {"function", object{{"name", c.name}, {"arguments", c.input()}}}}
	}
	return object{{"tool_calls", list}}
}

// usage counts the whole completion.
func (w *chatWire) usage() object {
	total, reasoning, audio := w.outputTokens()
	return w.usageOf(total, reasoning, audio)
}

func (w *chatWire) usageOf(total, reasoning, audio int) object {
	c := w.completion
	if w.kind == Compatible {
		out := object{
			{"prompt_tokens", c.promptTokens}, {"completion_tokens", total}, {"total_tokens", c.promptTokens + total},
			{"prompt_tokens_details", object{{"cached_tokens", c.cachedTokens}}},
			{"completion_tokens_details", object{{"reasoning_tokens", reasoning}}},
		}
		if c.request.model.Reasons { // DeepSeek's own two (recorded)
			out = append(out, member{"prompt_cache_hit_tokens", c.cachedTokens}, member{"prompt_cache_miss_tokens", c.promptTokens - c.cachedTokens})
		}
		return out
	}
	prompt := object{{"cached_tokens", c.cachedTokens}, {"audio_tokens", c.audioTokens}}
	output := object{
		{"reasoning_tokens", reasoning}, {"audio_tokens", audio}, {"accepted_prediction_tokens", 0}, {"rejected_prediction_tokens", 0},
	}
	if c.request.model.Audio { // these count by kind (recorded)
		prompt = append(prompt, member{"text_tokens", c.promptTokens - c.audioTokens - c.imageTokens}, member{"image_tokens", c.imageTokens})
		output = append(output, member{"text_tokens", total - audio - reasoning})
	}
	return object{
		{"prompt_tokens", c.promptTokens}, {"completion_tokens", total}, {"total_tokens", c.promptTokens + total},
		{"prompt_tokens_details", prompt}, {"completion_tokens_details", output},
	}
}

// logprobs gives the log probabilities of tokens from to to, or null if they were not asked for.
func (w *chatWire) logprobs(a *answer, from, to int) any {
	if !w.request.logprobs || (from == to && to != 0) {
		return nil
	}
	list := []object{}
	for i, t := range a.tokens[from:to] {
		d := diceFor("logprob", t, strconv.Itoa(from+i))
		p := -d.unit() * 0.9
		top := []object{}
		for k := range w.request.topLogprobs {
			one, q := t, p
			if k > 0 {
				one, q = alternative(t, k), p-float64(k)-d.unit()/2
			}
			top = append(top, tokenLogprob(one, q))
		}
		list = append(list, append(tokenLogprob(t, p), member{"top_logprobs", top}))
	}
	if a.refused {
		return object{{"content", nil}, {"refusal", list}}
	}
	return object{{"content", list}, {"refusal", nil}}
}

// alternative is the kth other token that might have stood in place of t; all are different.
func alternative(t string, k int) string {
	others := []string{" the", " a", ",", ".", " and", " of", " to", " in", "\n", " is", " for", " it", " with", " on", " as", " by", " at", " or", " be", " an", " this"}
	for _, o := range others {
		if o == t {
			continue
		}
		if k--; k == 0 {
			return o
		}
	}
	return t + "'"
}

func tokenLogprob(t string, p float64) object {
	raw := make([]int, len(t))
	for i, b := range []byte(t) {
		raw[i] = int(b)
	}
	return object{{"token", t}, {"logprob", p}, {"bytes", raw}}
}
