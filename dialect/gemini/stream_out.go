package gemini

import (
	"bytes"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/fault"
)

// streamEncoder writes events as chunks. Texts go out as they come; what the
// dialect has only whole (calls, media) goes when it is; the endings and the
// usage are the last chunk, which is held back.
type streamEncoder struct {
	a     *dialect.Answering
	lanes []lane
	tail  []byte // of every chunk: which reply this is, and the frame's end
	whole []byte // the same of the last chunk, which has the usage
	tier  string
	usage *chat.Usage
	begun bool // a chunk has gone, or an array was opened
	ended bool
}

// lane is a choice and its open part.
type lane struct {
	part     chat.Part
	held     []byte // of a part that goes whole
	speech   bool
	state    *chat.State
	text     int64 // bytes of text so far
	at       int64 // of them before the open part
	sources  cited
	ending   chat.Ending
	finished bool
}

// Stream begins a streamed reply.
func (Server) Stream(a *dialect.Answering) dialect.StreamEncoder { return &streamEncoder{a: a} }

// Event appends the frames of an event.
func (s *streamEncoder) Event(dst []byte, e *chat.Event) ([]byte, error) {
	switch e.Kind {
	case chat.Begin:
		s.begin(e.Head)
		return dst, nil
	case chat.Count:
		s.count(e.Usage)
		return dst, nil
	case chat.End:
		s.ended = true
		return dst, nil
	case chat.Fail:
		return dst, nil // the caller of this writes it, as a refusal of its own
	}
	for len(s.lanes) <= e.Choice {
		s.lanes = append(s.lanes, lane{})
	}
	l := &s.lanes[e.Choice]
	switch e.Kind {
	case chat.Start:
		l.part, l.held, l.state, l.speech, l.at = *e.Part, l.held[:0], nil, false, l.text
	case chat.Delta:
		return s.delta(dst, e.Choice, l, e.Bytes), nil
	case chat.Speech:
		l.speech = true
	case chat.Seal:
		return s.seal(dst, e.Choice, l, e.State), nil
	case chat.Tokens:
		return s.tokens(dst, e.Choice, e.Logprobs), nil
	case chat.Cite:
		w := replyWriter{loss: s.a.Loss}
		l.sources.offset = l.at
		l.sources.add(&w, []chat.Citation{*e.Citation})
	case chat.Stop:
		return s.stop(dst, e.Choice, l), nil
	case chat.Finish:
		l.ending, l.finished = keepEnding(e.Ending), true
	}
	return dst, nil
}

// begin makes the end that all chunks share.
func (s *streamEncoder) begin(h *chat.Head) {
	w := replyWriter{writer{[]byte("{}")}, s.a.Loss} // so that a comma comes first
	w.head(h, s.a)
	w.close('}')
	s.whole = append(w.b[2:], "\r\n"...)
	if !s.a.Array {
		s.whole = append(s.whole, "\r\n"...)
	}
	if s.tail, s.tier = s.whole, h.Tier; h.Tier != "" {
		t := writer{[]byte(`,"usageMetadata":{`)}
		t.member("serviceTier", h.Tier)
		s.tail = append(append(t.b, '}'), s.whole...)
	}
}

// count keeps the latest usage.
func (s *streamEncoder) count(u *chat.Usage) {
	if s.usage == nil {
		s.usage = new(chat.Usage)
	}
	extra := s.usage.Extra
	*s.usage = *u
	s.usage.Extra = extra
	if len(u.Extra) != len(extra) {
		s.usage.Extra = keepExtra(u.Extra)
	}
}

func keepExtra(x chat.Extra) chat.Extra {
	var out chat.Extra
	for _, f := range x {
		f.Value = bytes.Clone(f.Value)
		out = append(out, f)
	}
	return out
}

func keepEnding(e *chat.Ending) chat.Ending {
	k := *e
	k.Extra = keepExtra(e.Extra)
	return k
}

// open begins a chunk: its frame, and the object.
func (s *streamEncoder) open(dst []byte) []byte {
	switch {
	case !s.a.Array:
		dst = append(dst, "data: "...)
	case s.begun:
		dst = append(dst, ',')
	default:
		dst = append(dst, '[')
	}
	s.begun = true
	return dst
}

// piece begins a chunk that holds one part of one choice.
func (s *streamEncoder) piece(dst []byte) replyWriter {
	return replyWriter{writer{append(s.open(dst), `{"candidates":[{"content":{"parts":[`...)}, s.a.Loss}
}

// end ends such a chunk.
func (s *streamEncoder) end(w *replyWriter, choice int) []byte {
	w.b = append(w.b, `],"role":"model"},"index":`...)
	w.b = appendInt(w.b, choice)
	w.b = append(w.b, "}]"...)
	return append(w.b, s.tail...)
}

func (s *streamEncoder) delta(dst []byte, choice int, l *lane, b []byte) []byte {
	thought := false
	switch l.part.Content.(type) {
	case chat.Text, chat.Refusal:
		l.text += int64(len(b))
	case chat.Reasoning:
		thought = true
	default:
		l.held = append(l.held, b...)
		return dst
	}
	w := s.piece(dst)
	w.b = append(w.b, `{"text":`...)
	w.b = appendText(w.b, b)
	if thought {
		w.b = append(w.b, `,"thought":true`...)
	}
	w.b = append(w.b, '}')
	return s.end(&w, choice)
}

// seal writes the signature of a text behind it; that of another part goes
// with the part.
func (s *streamEncoder) seal(dst []byte, choice int, l *lane, state *chat.State) []byte {
	kept := *state
	l.state = &kept
	switch l.part.Content.(type) {
	case chat.Text, chat.Reasoning:
	default:
		return dst
	}
	if state.Kind != chat.ThoughtSig {
		w := replyWriter{loss: s.a.Loss}
		w.blob(state)
		return dst
	}
	w := s.piece(dst)
	w.part(&chat.Part{Content: l.part.Content, State: state})
	return s.end(&w, choice)
}

func (s *streamEncoder) tokens(dst []byte, choice int, list []chat.Logprob) []byte {
	w := s.piece(dst)
	w.b = append(w.b, `{"text":""}],"role":"model"},"index":`...)
	w.b = appendInt(w.b, choice)
	w.logprobs(list)
	w.b = append(w.b, "}]"...)
	return append(w.b, s.tail...)
}

// stop writes a part that goes whole.
func (s *streamEncoder) stop(dst []byte, choice int, l *lane) []byte {
	p := l.part
	p.State = l.state
	switch x := p.Content.(type) {
	case chat.ToolCall:
		x.Arguments = string(l.held)
		p.Content = x
	case chat.Media:
		x.Data = string(l.held)
		p.Content = x
		if l.speech {
			(&replyWriter{loss: s.a.Loss}).drop("choices[].parts[].transcript")
		}
	case chat.Native:
		x.Value = l.held
		p.Content = x
		if x.Dialect != name {
			(&replyWriter{loss: s.a.Loss}).drop("choices[].parts[]")
			return dst
		}
	case chat.Refusal:
		(&replyWriter{loss: s.a.Loss}).approximate("choices[].parts[].type")
		return dst
	default:
		return dst
	}
	w := s.piece(dst)
	w.part(&p)
	return s.end(&w, choice)
}

// Tail appends the last chunk, and what closes an array.
func (s *streamEncoder) Tail(dst []byte) []byte {
	if !s.ended {
		return dst
	}
	s.ended = false
	w := replyWriter{writer{append(s.open(dst), '{')}, s.a.Loss}
	var feedback []byte
	candidates := 0
	for i := range s.lanes {
		l := &s.lanes[i]
		if feedback = l.ending.Extra.Get(name, "promptFeedback"); feedback != nil {
			break
		}
		if candidates == 0 {
			w.key("candidates").open('[')
		}
		candidates++
		w.open('{')
		w.b = append(w.b, `"content":{"parts":[{"text":""}],"role":"model"}`...)
		w.ending(&l.ending, &l.sources)
		w.key("index").integer(int64(i))
		w.close('}')
	}
	if candidates > 0 {
		w.close(']')
	}
	if feedback != nil {
		w.key("promptFeedback").flat(feedback)
	}
	if s.usage != nil {
		w.usage(s.usage, s.tier)
	}
	w.b = append(w.b, s.whole...)
	if s.a.Array {
		w.b = append(w.b, "]\r\n"...)
	}
	return w.b
}

// Fail appends the error as it stands in a stream: a bare object, which the
// vendor's SDKs raise, or the last element of the array.
func (s *streamEncoder) Fail(dst []byte, f *fault.Fault) []byte {
	s.ended = false
	body := dialect.Refusal(dialect.Gemini, f, s.a.Call)
	if !s.a.Array {
		return append(append(dst, body...), "\r\n\r\n"...)
	}
	return append(append(s.open(dst), body...), "]\r\n"...)
}

// KeepAlive appends nothing: the vendor's SDKs take whatever does not begin
// with "data:" for a broken chunk.
func (s *streamEncoder) KeepAlive(dst []byte) []byte { return dst }
