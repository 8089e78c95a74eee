package gemini

import (
	"bytes"
	"strings"
	"time"

	"bulkhead/chat"
	"bulkhead/dialect"
)

// replyWriter writes what a reply is made of; nothing of it breaks a line, so
// that it may stand in a server-sent event.
type replyWriter struct {
	writer
	loss *chat.Losses // nil: losses are not asked for
}

// Reply appends the body of a unary reply.
func (Server) Reply(dst []byte, r *chat.Reply, a *dialect.Answering) ([]byte, error) {
	w := replyWriter{writer{dst}, a.Loss}
	w.open('{')
	w.key("candidates").open('[')
	for i := range r.Choices {
		if r.Choices[i].Ending.Extra.Get(name, "promptFeedback") == nil {
			w.candidate(i, &r.Choices[i])
		}
	}
	w.close(']')
	if n := len(w.b); bytes.HasSuffix(w.b, []byte(`"candidates":[]`)) {
		w.b = w.b[:n-len(`"candidates":[]`)]
	}
	for i := range r.Choices {
		if v := r.Choices[i].Ending.Extra.Get(name, "promptFeedback"); v != nil {
			w.key("promptFeedback").flat(v)
			break
		}
	}
	if r.Usage != nil {
		w.usage(r.Usage, r.Tier)
	}
	w.head(&chat.Head{ID: r.ID, Model: r.Model, Created: r.Created, Extra: r.Extra}, a)
	w.close('}')
	return w.b, nil
}

func (w *replyWriter) drop(path string) {
	if w.loss != nil {
		w.loss.Drop(path)
	}
}

func (w *replyWriter) approximate(path string) {
	if w.loss != nil {
		w.loss.Approximate(path)
	}
}

// own writes fields of this dialect as members, and names the others.
func (w *replyWriter) own(path string, x chat.Extra, but ...string) {
	for _, f := range x {
		switch {
		case f.Dialect != name:
			w.drop(path + "." + f.Name)
		case len(but) > 0 && f.Name == but[0]:
		default:
			w.key(f.Name).flat(f.Value)
		}
	}
}

// head writes what says which reply this is.
func (w *replyWriter) head(h *chat.Head, a *dialect.Answering) {
	model, id := h.Model, h.ID
	if model == "" {
		model = a.Model
	}
	if id == "" {
		id = string(a.Call)
	}
	w.member("modelVersion", model)
	w.member("responseId", id)
	if h.Created > 0 {
		w.key("createTime").text(time.Unix(h.Created, 0).UTC().Format(time.RFC3339))
	}
	w.own("extra", h.Extra)
}

// candidate writes a whole choice.
func (w *replyWriter) candidate(i int, c *chat.Choice) {
	w.open('{')
	w.key("content").open('{')
	w.key("parts").open('[')
	var sources cited
	var tokens []chat.Logprob
	for k := range c.Parts {
		p := &c.Parts[k]
		if t, ok := p.Content.(chat.Text); ok {
			sources.add(w, t.Citations)
			sources.offset += int64(len(t.Text))
			tokens = append(tokens, t.Logprobs...)
		}
		w.part(p)
	}
	w.close(']')
	if bytes.HasSuffix(w.b, []byte(`"parts":[]`)) {
		w.b = w.b[:len(w.b)-len(`"parts":[]`)]
	}
	w.key("role").text("model")
	w.close('}')
	w.ending(&c.Ending, &sources)
	w.key("index").integer(int64(i))
	w.logprobs(tokens)
	w.close('}')
}

// ending writes why a choice ends and what else its end says.
func (w *replyWriter) ending(e *chat.Ending, sources *cited) {
	if e.Sequence != "" {
		w.drop("choices[].ending.stop_sequence")
	}
	w.key("finishReason").text(w.finishWord(e))
	w.own("choices[].ending", e.Extra, "promptFeedback")
	if len(sources.list) > 0 && e.Extra.Get(name, "citationMetadata") == nil {
		w.key("citationMetadata").open('{')
		w.key("citationSources").open('[')
		for _, s := range sources.list {
			w.open('{')
			if s.end > s.start {
				w.key("startIndex").integer(s.start)
				w.key("endIndex").integer(s.end)
			}
			w.member("uri", s.url)
			w.close('}')
		}
		w.close(']')
		w.close('}')
	}
}

// finishWord is the dialect's word for an ending: the vendor's own, if it is
// one and says the same.
func (w *replyWriter) finishWord(e *chat.Ending) string {
	if r, known := reasons[e.Said]; known && (r == e.Reason || r == chat.ReasonStop && e.Reason == chat.ReasonTool) {
		return e.Said
	}
	switch e.Reason {
	case chat.ReasonLength:
		return "MAX_TOKENS"
	case chat.ReasonContext:
		w.approximate("choices[].ending.reason")
		return "MAX_TOKENS"
	case chat.ReasonFilter:
		return "SAFETY"
	case chat.ReasonRefusal:
		w.approximate("choices[].ending.reason")
		return "SAFETY"
	case chat.ReasonPause:
		w.approximate("choices[].ending.reason")
		return "STOP"
	case chat.ReasonBroken:
		return "OTHER"
	}
	return "STOP"
}

// part writes one part, or nothing if the dialect cannot say it.
func (w *replyWriter) part(p *chat.Part) {
	at := len(w.b)
	w.open('{')
	from := len(w.b)
	blob := w.blob(p.State)
	switch x := p.Content.(type) {
	case chat.Text:
		if x.Text != "" || blob != "" {
			w.key("text").text(x.Text)
		}
	case chat.Refusal:
		w.approximate("choices[].parts[].type")
		w.member("text", x.Text)
	case chat.Reasoning:
		if x.Text != "" || blob != "" {
			w.key("text").text(x.Text)
			w.key("thought").boolean(true)
		}
	case chat.ToolCall:
		w.call(x)
	case chat.Media:
		w.media(&x)
	case chat.Native:
		if x.Dialect != name {
			w.drop("choices[].parts[]")
			break
		}
		w.key(x.Type).flat(x.Value)
	}
	if len(w.b) == from {
		w.b = w.b[:at]
		return
	}
	w.member("thoughtSignature", blob)
	w.own("choices[].parts[]", p.Extra)
	w.close('}')
}

// blob is the state that callers of this dialect can carry.
func (w *replyWriter) blob(s *chat.State) string {
	switch {
	case s == nil:
		return ""
	case s.Kind != chat.ThoughtSig:
		w.drop("choices[].parts[].state")
		return ""
	}
	return s.Blob
}

func (w *replyWriter) call(c chat.ToolCall) {
	args, fit := c.Object()
	if fit != chat.Exact && fit != chat.Empty {
		w.approximate("choices[].parts[].arguments")
	}
	w.key("functionCall").open('{')
	if !strings.HasPrefix(c.ID, minted) {
		w.member("id", c.ID)
	}
	w.key("name").text(c.Name)
	w.key("args").flat(args)
	w.close('}')
}

func (w *replyWriter) media(m *chat.Media) {
	if m.Transcript != "" {
		w.drop("choices[].parts[].transcript")
	}
	uri := m.URL
	if uri == "" {
		uri = m.FileID
	}
	if uri != "" {
		w.key("fileData").open('{')
		w.member("mimeType", m.Type)
		w.key("fileUri").text(uri)
		w.close('}')
		return
	}
	w.key("inlineData").open('{')
	w.member("mimeType", m.Type)
	w.key("data").text(m.Data)
	w.close('}')
}

// logprobs writes a logprobsResult.
func (w *replyWriter) logprobs(list []chat.Logprob) {
	if len(list) == 0 {
		return
	}
	w.key("logprobsResult").open('{')
	w.key("chosenCandidates").open('[')
	top := false
	for i := range list {
		w.logprob(&list[i])
		top = top || len(list[i].Top) > 0
	}
	w.close(']')
	if top {
		w.key("topCandidates").open('[')
		for i := range list {
			w.open('{')
			w.key("candidates").open('[')
			for k := range list[i].Top {
				w.logprob(&list[i].Top[k])
			}
			w.close(']')
			w.close('}')
		}
		w.close(']')
	}
	w.close('}')
}

func (w *replyWriter) logprob(p *chat.Logprob) {
	w.open('{')
	w.key("token").text(p.Token)
	w.number("logProbability", p.Logprob)
	w.close('}')
}

// usage writes a usageMetadata. The prompt counts what is cached, not what
// hosted tools put into it; the candidates leave thoughts out.
func (w *replyWriter) usage(u *chat.Usage, tier string) {
	w.key("usageMetadata").open('{')
	w.key("promptTokenCount").integer(u.Prompt() - u.ToolPrompt)
	w.key("candidatesTokenCount").integer(max(0, u.Output-u.Reasoning))
	w.key("totalTokenCount").integer(u.Total())
	for _, c := range []struct {
		name  string
		count int64
	}{{"cachedContentTokenCount", u.CacheRead}, {"thoughtsTokenCount", u.Reasoning}, {"toolUsePromptTokenCount", u.ToolPrompt}} {
		if c.count > 0 {
			w.key(c.name).integer(c.count)
		}
	}
	if u.CacheWrite() > 0 {
		w.drop("usage.cache_write")
	}
	w.modes("promptTokensDetails", u.Prompt()-u.ToolPrompt, u.InputAudio, u.InputImage, u.InputVideo)
	w.modes("candidatesTokensDetails", u.Output-u.Reasoning, u.OutputAudio, u.OutputImage, 0)
	w.member("serviceTier", tier)
	w.own("usage", u.Extra)
	w.close('}')
}

// modes writes a count by modality, where not all of it is text.
func (w *replyWriter) modes(field string, all, audio, image, video int64) {
	if audio+image+video == 0 {
		return
	}
	w.key(field).open('[')
	for _, m := range []struct {
		name  string
		count int64
	}{{"TEXT", all - audio - image - video}, {"AUDIO", audio}, {"IMAGE", image}, {"VIDEO", video}} {
		if m.count > 0 {
			w.open('{')
			w.key("modality").text(m.name)
			w.key("tokenCount").integer(m.count)
			w.close('}')
		}
	}
	w.close(']')
}

// cited are the sources of a choice's text, at offsets in bytes.
type cited struct {
	offset int64 // of the part that cites, in the choice's text
	list   []source
}

type source struct {
	start, end int64
	url        string
}

// add takes the sources of a text. Those that were read from this dialect
// stand whole with the ending. WARNING: a span in code points is taken for one
// in bytes where the text is not at hand; titles are lost.
func (c *cited) add(w *replyWriter, list []chat.Citation) {
	for _, x := range list {
		switch {
		case x.Native != nil && x.Native.Dialect == name:
		case x.URL == "":
			w.drop("choices[].parts[].citations")
		default:
			if x.Title != "" || x.Quote != "" {
				w.approximate("choices[].parts[].citations")
			}
			s := source{url: x.URL}
			if x.Span != nil {
				w.approximate("choices[].parts[].citations")
				s.start, s.end = c.offset+x.Span.Start, c.offset+x.Span.End
			}
			c.list = append(c.list, s)
		}
	}
}
