package sim

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
)

// anthropicWire puts a completion into Anthropic's shape.
type anthropicWire struct {
	*completion
	asked    *anthropicRequest
	a        *answer
	id       string
	stop     string // reason
	sequence any    // that fired
	redacted bool
	unsaid   bool // usage is left out
}

// messages answers a request, streamed or not.
func (x *exchange) messages(req *anthropicRequest) *reply {
	v := x.vendor
	req.filter = x.fault.Filter
	c := v.think(&req.chatRequest, func() string {
		if x.fault.EmptyToolIDs {
			return ""
		}
		return "toolu_01" + x.id.letters(22)
	})
	if x.tooLong(c, req.model) {
		return v.refuse(&apiError{status: 400, message: fmt.Sprintf("prompt is too long: %d tokens > %d maximum", c.promptTokens, req.model.Context)})
	}
	w := &anthropicWire{completion: c, asked: req, a: c.answers[0], id: "msg_01" + x.id.letters(22), unsaid: x.fault.Usage == "none"}
	_, w.redacted = readPrompt(req.messages).directives["redact"]
	w.end()
	x.counted(c)
	if !req.stream {
		return &reply{status: http.StatusOK, body: encode(w.unary())}
	}
	s := &stream{framing: anthropicEvent, end: anthropicEvent(3, []byte(`{"type":"message_stop"}`))}
	for _, e := range w.events() {
		s.add(e)
	}
	return &reply{status: http.StatusOK, stream: s}
}

// end decides why the answer ends; a stop sequence cuts it.
func (w *anthropicWire) end() {
	text, at, fired := w.a.text(), -1, ""
	for _, s := range w.asked.ends {
		if i := strings.Index(text, s); i >= 0 && (at < 0 || i < at) {
			at, fired = i, s
		}
	}
	w.stop = map[string]string{"length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}[w.a.finish]
	switch {
	case w.a.refused:
		w.stop = "refusal"
	case at >= 0 && len(w.a.calls) == 0:
		w.a.tokens, w.stop, w.sequence = Tokens(text[:at]), "stop_sequence", fired
	case w.stop == "":
		w.stop = "end_turn"
	}
}

// cached gives what of the prompt was read from the cache and written to it, where a part is marked.
func (w *anthropicWire) cached() (read, write int) {
	if !w.asked.caches {
		return 0, 0
	}
	if write = (w.promptTokens - w.cachedTokens) / cacheBlock * cacheBlock; w.promptTokens < cacheFloor {
		write = 0
	}
	return w.cachedTokens, write
}

// usage is what is counted: all of it, or what is known at the start.
func (w *anthropicWire) usage(output int, whole bool) object {
	read, write := w.cached()
	u := object{{"input_tokens", w.promptTokens - read - write}, {"cache_creation_input_tokens", write}, {"cache_read_input_tokens", read}}
	if whole {
		five, hour := write, 0
		if w.asked.life == "1h" {
			five, hour = 0, write
		}
		u = append(u, member{"cache_creation", object{{"ephemeral_5m_input_tokens", five}, {"ephemeral_1h_input_tokens", hour}}})
	}
	u = append(u, member{"output_tokens", output})
	if whole {
		u = append(u, member{"service_tier", "standard"}, member{"inference_geo", "not_available"})
	}
	return u
}

// details is what of the output was thought, as newer models tell.
func (w *anthropicWire) details() object {
	if !w.asked.model.adaptive() {
		return nil
	}
	return object{{"output_tokens_details", object{{"thinking_tokens", len(w.a.reasoning)}}}}
}

// head is a message before it says anything.
func (w *anthropicWire) head(content []object, stop, sequence any, usage object) object {
	m := object{{"model", w.asked.model.Version}, {"id", w.id}, {"type", "message"}, {"role", "assistant"}, {"content", content}, {"stop_reason", stop},
		{"stop_sequence", sequence}, {"stop_details", nil}}
	if w.unsaid {
		return m
	}
	return append(m, member{"usage", usage})
}

func (w *anthropicWire) unary() object {
	blocks := []object{}
	for _, b := range w.blocks() {
		blocks = append(blocks, b.whole)
	}
	return w.head(blocks, w.stop, w.sequence, append(w.usage(w.a.outputTokens(), true), w.details()...))
}

// anthropicBlock is a block, whole and as it streams.
type anthropicBlock struct {
	whole, start object
	deltas       []object
}

func (w *anthropicWire) blocks() []anthropicBlock {
	var out []anthropicBlock
	if len(w.a.reasoning) > 0 {
		out = append(out, w.thought())
	}
	if text := w.a.text(); text != "" {
		b := anthropicBlock{whole: object{{"type", "text"}, {"text", text}}, start: object{{"type", "text"}, {"text", ""}}}
		for _, piece := range fours(w.a.tokens) {
			b.deltas = append(b.deltas, object{{"type", "text_delta"}, {"text", piece}})
		}
		out = append(out, b)
	}
	for _, c := range w.a.calls {
		input, err := parse([]byte(c.input()))
		if err != nil { // cut by the limit
			input = object{}
		}
		b := anthropicBlock{
			whole:  object{{"type", "tool_use"}, {"id", c.id}, {"name", c.name}, {"input", input}, {"caller", object{{"type", "direct"}}}},
			start:  object{{"type", "tool_use"}, {"id", c.id}, {"name", c.name}, {"input", object{}}, {"caller", object{{"type", "direct"}}}},
			deltas: []object{{{"type", "input_json_delta"}, {"partial_json", ""}}},
		}
		if c.input() != "{}" {
			for _, piece := range fours(c.tokens) {
				b.deltas = append(b.deltas, object{{"type", "input_json_delta"}, {"partial_json", piece}})
			}
		}
		out = append(out, b)
	}
	return out
}

// thought is the block of what the model thought: in words, without, or hidden.
func (w *anthropicWire) thought() anthropicBlock {
	text := strings.Join(w.a.reasoning, "")
	if w.redacted {
		b := object{{"type", "redacted_thinking"}, {"data", signatureFor(text)}}
		return anthropicBlock{whole: b, start: b}
	}
	pieces := fours(w.a.reasoning)
	signature := signatureFor(text)
	if w.asked.omitted {
		text, pieces = "", nil
	}
	b := anthropicBlock{whole: object{{"type", "thinking"}, {"thinking", text}, {"signature", signature}}, start: object{{"type", "thinking"}, {"thinking", ""}, {"signature", ""}}}
	for _, piece := range pieces {
		b.deltas = append(b.deltas, object{{"type", "thinking_delta"}, {"thinking", piece}})
	}
	b.deltas = append(b.deltas, object{{"type", "signature_delta"}, {"signature", signature}})
	return b
}

// fours joins tokens as they come, four at a time.
func fours(tokens []string) []string {
	var out []string
	for len(tokens) > 0 {
		n := min(4, len(tokens))
		out = append(out, strings.Join(tokens[:n], ""))
		tokens = tokens[n:]
	}
	return out
}

// events are the answer as it streams, without its end.
func (w *anthropicWire) events() []object {
	out := []object{{{"type", "message_start"}, {"message", w.head([]object{}, nil, nil, w.usage(1, true))}}}
	for i, b := range w.blocks() {
		out = append(out, object{{"type", "content_block_start"}, {"index", i}, {"content_block", b.start}})
		if i == 0 {
			out = append(out, object{{"type", "ping"}})
		}
		for _, d := range b.deltas {
			out = append(out, object{{"type", "content_block_delta"}, {"index", i}, {"delta", d}})
		}
		out = append(out, object{{"type", "content_block_stop"}, {"index", i}})
	}
	last := object{{"type", "message_delta"}, {"delta", object{{"stop_reason", w.stop}, {"stop_sequence", w.sequence}, {"stop_details", nil}}}}
	if !w.unsaid {
		last = append(last, member{"usage", append(w.usage(w.a.outputTokens(), false), w.details()...)})
	}
	return append(out, last)
}

// signatureMark begins every signature that the pretend vendors mint.
const signatureMark = "sim-signed:"

// signatureFor signs a thought.
func signatureFor(text string) string {
	return base64.StdEncoding.EncodeToString([]byte(signatureMark + diceFor("signature", text).hex(48)))
}

// signs reports whether a signature is one of ours, and of that thought; a thought that is not shown may be any.
func signs(signature, text string) bool {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || !strings.HasPrefix(string(raw), signatureMark) || len(raw) != len(signatureMark)+48 {
		return false
	}
	return text == "" || signature == signatureFor(text)
}
