package sim

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// geminiWire puts a completion into Google's shape.
type geminiWire struct {
	*completion
	asked *geminiRequest
	id    string
	at    geminiRoute
	began time.Time
}

// generate answers a generateContent, streamed or not.
func (x *exchange) generate(asked object, m Model) *reply {
	v := x.vendor
	req, e := x.readGemini(asked, m, "GenerateContentRequest")
	if e != nil {
		return v.refuse(e)
	}
	w := &geminiWire{asked: req, id: x.id.letters(23), at: x.route.gemini, began: x.began}
	if _, told := readPrompt(req.messages).directives["filter-prompt"]; told || x.fault.Filter == "prompt" {
		w.completion = &completion{request: &req.chatRequest, promptTokens: measure(&req.chatRequest).n}
		return x.whole(w, []object{append(object{{"promptFeedback", object{{"blockReason", "SAFETY"}}}}, w.tail(0, 0)...)})
	}
	req.filter = x.fault.Filter
	w.completion = v.think(&req.chatRequest, func() string { return "" })
	if x.tooLong(w.completion, m) {
		return v.refuse(&apiError{status: 400, message: "The input token count (" + strconv.Itoa(w.promptTokens) + ") exceeds the maximum number of tokens allowed (" + strconv.Itoa(m.Context) + ")."})
	}
	x.counted(w.completion)
	if !req.stream {
		var candidates []object
		for i, a := range w.answers {
			candidates = append(candidates, w.candidate(i, a, w.parts(a), true, w.logprobs(a, 0, len(a.tokens))))
		}
		total, thoughts, _ := w.outputTokens()
		return jsonReply(append(object{{"candidates", candidates}}, w.tail(total, thoughts)...))
	}
	return x.whole(w, w.chunks())
}

// whole is a reply of chunks, or of the one there is.
func (x *exchange) whole(w *geminiWire, chunks []object) *reply {
	if !w.asked.stream {
		return jsonReply(chunks[0])
	}
	array := x.array()
	s := &stream{framing: func(i int, chunk []byte) []byte { return geminiFrame(array, i, chunk) }, marks: 1}
	r := &reply{status: http.StatusOK, stream: s}
	r.set("Content-Type", "text/event-stream")
	if array {
		s.end = []byte("\n]\n")
		r.set("Content-Type", "application/json; charset=UTF-8")
	}
	for _, c := range chunks {
		s.add(c)
	}
	return r
}

// tail is what stands behind the candidates of each chunk: usage so far, and which reply this is.
func (w *geminiWire) tail(total, thoughts int) object {
	u := object{{"promptTokenCount", w.promptTokens}}
	if said := total - thoughts; said > 0 {
		u = append(u, member{"candidatesTokenCount", said})
	}
	u = append(u, member{"totalTokenCount", w.promptTokens + total})
	if w.cachedTokens > 0 {
		u = append(u, member{"cachedContentTokenCount", w.cachedTokens})
	}
	u = append(u, member{"promptTokensDetails", []object{{{"modality", "TEXT"}, {"tokenCount", w.promptTokens - w.imageTokens - w.audioTokens}}}})
	if thoughts > 0 {
		u = append(u, member{"thoughtsTokenCount", thoughts})
	}
	out := object{{"usageMetadata", u}, {"modelVersion", w.asked.model.Version}}
	if w.at.vertex {
		u = append(u, member{"trafficType", "ON_DEMAND"})
		out[0].value = u
		out = append(out, member{"createTime", w.began.UTC().Format(time.RFC3339Nano)})
	}
	return append(out, member{"responseId", w.id})
}

func (w *geminiWire) candidate(i int, a *answer, parts []object, finished bool, logprobs any) object {
	content := object{}
	if len(parts) > 0 {
		content = append(content, member{"parts", parts})
	}
	c := object{{"content", append(content, member{"role", "model"})}}
	if finished {
		reason := map[string]string{"length": "MAX_TOKENS", "content_filter": "SAFETY"}[a.finish]
		if reason == "" {
			reason = "STOP" // of calls too
		}
		c = append(c, member{"finishReason", reason})
	}
	if logprobs != nil {
		c = append(c, member{"logprobsResult", logprobs})
	}
	return append(c, member{"index", i})
}

// parts are those of a whole answer. The first call is signed by models that keep their thought.
func (w *geminiWire) parts(a *answer) []object {
	var out []object
	if len(a.reasoning) > 0 && w.asked.thoughts {
		out = append(out, object{{"text", strings.Join(a.reasoning, "")}, {"thought", true}})
	}
	if len(a.tokens) > 0 {
		out = append(out, object{{"text", a.text()}})
	}
	for i := range a.calls {
		out = append(out, w.call(a, i))
	}
	return out
}

func (w *geminiWire) call(a *answer, i int) object {
	args, err := parse([]byte(a.calls[i].input()))
	if err != nil { // cut by the limit
		args = object{}
	}
	p := object{{"functionCall", object{{"name", a.calls[i].name}, {"args", args}}}}
	if w.asked.kept && i == 0 {
		p = append(p, member{"thoughtSignature", signatureOf(w.asked.model, a.calls[i].name)})
	}
	return p
}

// tokensPerChunk is how many tokens of text come at once.
const tokensPerChunk = 4

// chunks are the answer as it streams: thought, text a few tokens at a time, each call whole, and at the end the
// reason, with an empty text (recorded).
func (w *geminiWire) chunks() []object {
	var out []object
	total, thoughts := 0, 0
	add := func(i int, a *answer, parts []object, finished bool, logprobs any) {
		out = append(out, append(object{{"candidates", []object{w.candidate(i, a, parts, finished, logprobs)}}}, w.tail(total, thoughts)...))
	}
	for i, a := range w.answers {
		total, thoughts = total+len(a.reasoning), thoughts+len(a.reasoning)
		if len(a.reasoning) > 0 && w.asked.thoughts {
			add(i, a, []object{{{"text", strings.Join(a.reasoning, "")}, {"thought", true}}}, false, nil)
		}
		for from := 0; from < len(a.tokens); from += tokensPerChunk {
			to := min(from+tokensPerChunk, len(a.tokens))
			total += to - from
			add(i, a, []object{{{"text", strings.Join(a.tokens[from:to], "")}}}, false, w.logprobs(a, from, to))
		}
		for k, c := range a.calls {
			total += len(Tokens(c.name)) + len(c.tokens)
			add(i, a, []object{w.call(a, k)}, false, nil)
		}
		add(i, a, []object{{{"text", ""}}}, true, nil)
	}
	return out
}

// logprobs gives a logprobsResult of tokens from to to, or nil if none was asked for.
func (w *geminiWire) logprobs(a *answer, from, to int) any {
	if !w.asked.logprobs || from == to {
		return nil
	}
	chosen, top := []object{}, []object{}
	for i, t := range a.tokens[from:to] {
		d := diceFor("logprob", t, strconv.Itoa(from+i))
		p := -d.unit() * 0.9
		one := func(token string, p float64) object {
			return object{{"token", token}, {"tokenId", diceFor("token", token).below(250000)}, {"logProbability", p}}
		}
		chosen = append(chosen, one(t, p))
		others := []object{}
		for k := range w.asked.topLogprobs {
			if k == 0 {
				others = append(others, one(t, p))
				continue
			}
			others = append(others, one(alternative(t, k), p-float64(k)-d.unit()/2))
		}
		top = append(top, object{{"candidates", others}})
	}
	if w.asked.topLogprobs == 0 {
		return object{{"chosenCandidates", chosen}}
	}
	return object{{"topCandidates", top}, {"chosenCandidates", chosen}}
}

// countGemini answers a countTokens.
func (x *exchange) countGemini(asked object, m Model) *reply {
	req, e := x.readGemini(asked, m, "CountTokensRequest")
	if e != nil {
		return x.vendor.refuse(e)
	}
	n := measure(&req.chatRequest).n
	return jsonReply(object{{"totalTokens", n}, {"promptTokensDetails", []object{{{"modality", "TEXT"}, {"tokenCount", n}}}}})
}

// embedGemini answers requests for vectors in the form they were asked: the Gemini API says no usage of a batch.
func (x *exchange) embedGemini(asked object, m Model) *reply {
	v, at := x.vendor, x.route.gemini
	message := map[string]string{"embedContent": "EmbedContentRequest", "batchEmbedContents": "BatchEmbedContentsRequest", "predict": "PredictRequest"}[at.method]
	o, e := at.known(asked, message, "")
	if e != nil {
		return v.refuse(e)
	}
	f := fieldsOf(o, "")
	var rep object
	switch at.method {
	case "embedContent":
		values, tokens := embedOne(f, m, f.object.object("embedContentConfig"))
		rep = object{{"embedding", object{{"values", values}}}}
		if at.vertex {
			rep = append(rep, member{"usageMetadata", object{{"promptTokenCount", tokens}, {"totalTokenCount", tokens}}})
		}
	case "batchEmbedContents":
		list := []object{}
		for _, r := range f.objects("requests") {
			if model := r.text("model"); model != "models/"+m.ID {
				r.fail(&apiError{status: 400, message: "* BatchEmbedContentsRequest.requests[].model: unexpected model name format, or another than the path's"})
			}
			values, _ := embedOne(r, m, nil)
			list = append(list, object{{"values", values}})
		}
		if len(list) == 0 {
			f.fail(&apiError{status: 400, message: "* BatchEmbedContentsRequest.requests: at least one request is required"})
		}
		rep = object{{"embeddings", list}}
	default:
		list := []object{}
		size := m.Dimensions
		if p, ok := f.child("parameters"); ok {
			if n, given := p.integer("outputDimensionality", 1, m.Dimensions); given {
				size = n
			}
		}
		for _, in := range f.objects("instances") {
			tokens := Tokens(in.requiredStr("content"))
			list = append(list, object{{"embeddings", object{{"statistics", object{{"truncated", false}, {"token_count", len(tokens)}}}, {"values", vector(m, tokens, size)}}}})
		}
		rep = object{{"predictions", list}, {"metadata", object{{"billableCharacterCount", len(encode(o))}}}}
	}
	if e := f.failed(); e != nil {
		return v.refuse(e)
	}
	return jsonReply(rep)
}

// embedOne makes the vector of one content.
func embedOne(f fields, m Model, config object) ([]float32, int) {
	c, ok := f.child("content")
	if !ok {
		f.missing("content")
	}
	text := plainMessage("user", c).text
	if text == "" {
		f.fail(&apiError{status: 400, message: "content is empty"})
	}
	size := m.Dimensions
	if n, given := f.integer("outputDimensionality", 1, m.Dimensions); given {
		size = n
	} else if n, given := config.number("outputDimensionality"); given {
		size = int(n)
	}
	tokens := Tokens(text)
	return vector(m, tokens, size), len(tokens)
}
