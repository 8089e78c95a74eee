package sim

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"bulkhead/wire"
)

// Converse is Bedrock's own API on the host of its OpenAI-compatible surface: /model/{id}/converse and
// /model/{id}/converse-stream, whose streams are frames of AWS's event stream, and /model/{id}/count-tokens.

// opConverse is a path of it; whether it streams stands there too.
const opConverse operation = 300

// routeConverse understands a path of Converse; model ids may hold colons and slashes.
func routeConverse(path string) route {
	rest, ok := strings.CutPrefix(path, "/model/")
	at := strings.LastIndexByte(rest, '/')
	if !ok || at <= 0 {
		return route{}
	}
	model, err := url.PathUnescape(rest[:at])
	switch method := rest[at+1:]; {
	case err != nil:
		return route{}
	case method == "converse" || method == "converse-stream":
		return route{op: opConverse, model: model, streams: method == "converse-stream"}
	case method == "count-tokens":
		return route{op: opConverse, model: model, counts: true}
	}
	return route{}
}

// converse answers a call of Converse.
func (x *exchange) converse(body any, bad error) *reply {
	if x.r.Method != http.MethodPost {
		return refuseConverse(&apiError{status: http.StatusMethodNotAllowed, code: "UnknownOperationException", message: "The requested operation is not recognized."})
	}
	if e := x.authorize(); e != nil {
		return x.vendor.refuse(e)
	}
	asked, ok := body.(object)
	if bad != nil || !ok {
		return refuseConverse(&apiError{status: 400, code: "SerializationException", message: "The request could not be parsed."})
	}
	m, ok := x.vendor.model(x.route.model)
	if !ok {
		return refuseConverse(&apiError{status: 400, message: "The provided model identifier is invalid."})
	}
	if x.route.counts {
		asked = asked.object("input").object("converse") // a body of InvokeModel is not counted here
		if asked == nil {
			return refuseConverse(&apiError{status: 400, message: "The input must hold converse."})
		}
	}
	req, e := readConverse(asked, m, x.route.streams)
	if e != nil {
		return refuseConverse(e)
	}
	if x.route.counts {
		return jsonReply(object{{"inputTokens", measure(req).n}})
	}
	req.filter = x.fault.Filter
	c := x.vendor.think(req, func() string {
		if x.fault.EmptyToolIDs {
			return ""
		}
		return "tooluse_" + x.id.letters(22)
	})
	if x.tooLong(c, m) { // two models' words, one recorded, one reported
		message := "The model returned the following errors: Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input to try again."
		if strings.Contains(m.ID, "anthropic.") {
			message = "Input is too long for requested model."
		}
		return refuseConverse(&apiError{status: 400, message: message})
	}
	x.counted(c)
	w := &converseWire{completion: c, a: c.answers[0], dice: x.id, quiet: x.fault.Usage == "none", signs: claude(m)}
	if !req.stream {
		return &reply{status: http.StatusOK, body: encode(w.unary())}
	}
	s := &stream{framing: converseFrame, marks: 2, binary: true}
	for _, e := range w.events() {
		s.add(e)
	}
	r := &reply{status: http.StatusOK, stream: s}
	r.set("Content-Type", "application/vnd.amazon.eventstream")
	return r
}

// converseType is the exception that Converse's model has for a status.
func converseType(status int) string {
	switch status {
	case 400, 413, 422:
		return "ValidationException"
	case 401, 403:
		return "AccessDeniedException"
	case 404:
		return "ResourceNotFoundException"
	case 408:
		return "ModelTimeoutException"
	case 424:
		return "ModelErrorException"
	case 429:
		return "ThrottlingException"
	case 503:
		return "ServiceUnavailableException"
	}
	return "InternalServerException"
}

// refuseConverse gives the reply for e: its type is in a header (recorded).
func refuseConverse(e *apiError) *reply {
	r := &reply{status: e.status, body: encode(object{{"message", e.message}})}
	typ := e.code
	if typ == "" {
		typ = converseType(e.status)
	}
	r.set("X-Amzn-Errortype", typ+":http://internal.amazon.com/coral/com.amazon.bedrock/")
	return r
}

// converseFrame frames the ith chunk, whose one member is the event's name.
func converseFrame(_ int, chunk []byte) []byte {
	name, payload, _ := strings.Cut(strings.TrimPrefix(string(chunk), `{"`), `":`)
	return frame(":event-type", name, "event", []byte(strings.TrimSuffix(payload, "}")))
}

// converseFailure is an exception frame (recorded); it has no name for every status.
func converseFailure(e *apiError) []byte {
	typ := map[int]string{400: "validationException", 408: "modelTimeoutException", 424: "modelStreamErrorException", 429: "throttlingException", 503: "serviceUnavailableException"}[e.status]
	if typ == "" {
		typ = "internalServerException"
	}
	return frame(":exception-type", typ, "exception", encode(object{{"message", e.message}}))
}

func frame(kind, name, message string, payload []byte) []byte {
	f := wire.BeginFrame(nil)
	f.Text(kind, name)
	f.Text(":content-type", "application/json")
	f.Text(":message-type", message)
	f.Payload(payload)
	b, err := f.End()
	if err != nil {
		panic(fmt.Sprintf("frame %s: %v", name, err))
	}
	return b
}

// converseWire puts a completion into Converse's shape.
type converseWire struct {
	*completion
	a     *answer
	dice  *dice
	quiet bool // a fault: no usage
	signs bool // what it thinks
}

func (w *converseWire) stop() string {
	switch {
	case w.request.filter == "prompt":
		return "guardrail_intervened"
	case w.a.filtered:
		return "content_filtered"
	}
	if word := map[string]string{"length": "max_tokens", "tool_calls": "tool_use"}[w.a.finish]; word != "" {
		return word
	}
	return "end_turn"
}

// counted are usage and metrics, as they stand in a reply and in the last frame.
func (w *converseWire) counted() object {
	metrics := object{{"metrics", object{{"latencyMs", 200 + w.dice.below(2000)}}}}
	if w.quiet {
		return metrics
	}
	total, _, _ := w.outputTokens()
	return append(metrics, member{"usage", object{
		{"inputTokens", w.promptTokens}, {"outputTokens", total}, {"serverToolUsage", object{}}, {"totalTokens", w.promptTokens + total},
	}})
}

func (w *converseWire) unary() object {
	content := []object{}
	if len(w.a.reasoning) > 0 {
		thought := object{{"text", strings.Join(w.a.reasoning, "")}}
		if w.signs {
			thought = append(object{{"signature", signatureFor(strings.Join(w.a.reasoning, ""))}}, thought...)
		}
		content = append(content, object{{"reasoningContent", object{{"reasoningText", thought}}}})
	}
	if text := w.a.text(); text != "" {
		content = append(content, object{{"text", text}})
	}
	for _, c := range w.a.calls {
		input, err := parse([]byte(c.input()))
		if err != nil { // cut by the limit
			input = object{}
		}
		content = append(content, object{{"toolUse", object{{"input", input}, {"name", c.name}, {"toolUseId", c.id}}}})
	}
	return append(object{{"output", object{{"message", object{{"content", content}, {"role", "assistant"}}}}}, {"stopReason", w.stop()}}, w.counted()...)
}

// padded adds the padding that hides the length of what an event says (recorded).
func (w *converseWire) padded(o object) object {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return append(o, member{"p", letters[:2+w.dice.below(len(letters)-2)]})
}

// events are the answer as it streams: text and thought without a start of their own (recorded), the end in two.
func (w *converseWire) events() []object {
	var out []object
	add := func(name string, o object) { out = append(out, object{{name, w.padded(o)}}) }
	add("messageStart", object{{"role", "assistant"}})
	index := 0
	block := func(deltas []object) {
		for _, d := range deltas {
			add("contentBlockDelta", object{{"contentBlockIndex", index}, {"delta", d}})
		}
		add("contentBlockStop", object{{"contentBlockIndex", index}})
		index++
	}
	if len(w.a.reasoning) > 0 {
		var deltas []object
		for _, piece := range fours(w.a.reasoning) {
			deltas = append(deltas, object{{"reasoningContent", object{{"text", piece}}}})
		}
		if w.signs {
			deltas = append(deltas, object{{"reasoningContent", object{{"signature", signatureFor(strings.Join(w.a.reasoning, ""))}}}})
		}
		block(deltas)
	}
	if len(w.a.tokens) > 0 {
		var deltas []object
		for _, piece := range w.a.tokens {
			deltas = append(deltas, object{{"text", piece}})
		}
		block(deltas)
	}
	for _, c := range w.a.calls {
		add("contentBlockStart", object{{"contentBlockIndex", index}, {"start", object{{"toolUse", object{{"name", c.name}, {"toolUseId", c.id}}}}}})
		var deltas []object
		for _, piece := range fours(c.tokens) {
			deltas = append(deltas, object{{"toolUse", object{{"input", piece}}}})
		}
		block(deltas)
	}
	add("messageStop", object{{"stopReason", w.stop()}})
	add("metadata", w.counted())
	return out
}
