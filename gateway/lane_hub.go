package gateway

import (
	"bytes"
	"io"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/fault"
)

// relayLane passes bytes between a caller and an offering of one dialect, and
// hears them by the dialect's own decoder.
type relayLane struct {
	s       *serving
	to      *dialect.Upstream
	client  dialect.Client
	decoder dialect.StreamDecoder
	encoder dialect.StreamEncoder // for the words in which a stream breaks off
	says    heard
	held    []byte // the end, held back
}

func (l *relayLane) heard() *heard { return &l.says }

func (l *relayLane) whole(body []byte) ([]byte, error) {
	if l.s.in.Action != call.Chat {
		return l.wholeOther(body)
	}
	r, err := l.client.Reply(body, &l.s.scan, l.to)
	if err != nil {
		return nil, err
	}
	l.says.reply(r)
	return body, nil
}

func (l *relayLane) start(src io.Reader) { l.decoder.Reset(src, l.s.buf, maxEventBytes) }

func (l *relayLane) fill() error {
	err := l.decoder.Fill()
	if err == io.EOF && !l.says.ended {
		if broken := l.decoder.Close(l.says.event); broken != nil {
			return broken
		}
		if l.says.ended {
			return nil
		}
	}
	return err
}

// next holds back the frame with which the reply is complete to its caller.
func (l *relayLane) next(put func([]byte) error) (bool, error) {
	frame, err := l.decoder.Next(l.says.event)
	switch {
	case err != nil:
		return false, err
	case frame == nil:
		return false, nil
	case l.says.ended || len(l.held) > 0 || l.finishes(frame):
		if l.held = append(l.held, frame...); len(l.held) > maxEventBytes {
			return false, fault.New(fault.UpstreamError, "The vendor's stream does not end after its last word.")
		}
		return true, nil
	}
	return true, put(frame)
}

// finishes reports whether a frame is the one that callers of Gemini take for
// the last: there is no end marker, and the end of the bytes is the end.
func (l *relayLane) finishes(frame []byte) bool {
	return l.s.in.Dialect == dialect.Gemini && bytes.Contains(frame, []byte(`"finishReason"`))
}

func (l *relayLane) tail() []byte { return l.held }

// fail says no more than that the reply breaks off: the events before are the
// vendor's own, and an encoder that has not seen them would begin anew.
func (l *relayLane) fail(f *fault.Fault) []byte {
	b := l.encoder.Fail(nil, f)
	if l.s.in.Dialect == dialect.Responses {
		if at := bytes.Index(b, []byte("event: error\n")); at >= 0 {
			frame, _, _ := bytes.Cut(b[at:], []byte("\n\n"))
			return append(frame, "\n\n"...)
		}
	}
	return b
}

// maxTold bounds the text of a stream that is spelled anew: some dialects repeat
// the whole reply in their last event, and so hold it.
const maxTold = 64 << 20

// translateLane spells a vendor's reply anew in the caller's dialect.
type translateLane struct {
	s       *serving
	to      *dialect.Upstream
	client  dialect.Client
	decoder dialect.StreamDecoder
	encoder dialect.StreamEncoder
	check   chat.Checker
	says    heard
	out     []byte // what is spelled and not yet put
}

func (l *translateLane) heard() *heard { return &l.says }

func (l *translateLane) whole(body []byte) ([]byte, error) {
	if l.s.in.Action != call.Chat {
		return l.wholeOther(body)
	}
	r, err := l.client.Reply(body, &l.s.scan, l.to)
	if err != nil {
		return nil, err
	}
	l.says.reply(r)
	if err := l.s.hold(2 * int64(len(body))); err != nil {
		return nil, err
	}
	return l.s.ours().Server.Reply(nil, r, l.s.answering())
}

func (l *translateLane) start(src io.Reader) { l.decoder.Reset(src, l.s.buf, maxEventBytes) }

func (l *translateLane) fill() error {
	err := l.decoder.Fill()
	if err == io.EOF && !l.says.ended {
		if broken := l.decoder.Close(l.event); broken != nil {
			return broken
		}
		if l.says.ended {
			return nil
		}
	}
	return err
}

// event spells one event.
func (l *translateLane) event(e *chat.Event) error {
	if err := l.check.Check(e); err != nil {
		return fault.New(fault.UpstreamError, "The vendor's stream is not one that can be told: %v.", err)
	}
	if e.Kind == chat.Fail { // told in the caller's words by fail, or another offering is asked
		if e.Fault != nil {
			return e.Fault
		}
		return fault.New(fault.UpstreamError, "The vendor failed within its reply.")
	}
	if err := l.says.event(e); err != nil {
		return err
	}
	if l.says.text > maxTold {
		return fault.New(fault.UpstreamError, "The vendor's stream holds more than %d bytes.", maxTold)
	}
	var err error
	l.out, err = l.encoder.Event(l.out, e)
	return err
}

func (l *translateLane) next(put func([]byte) error) (bool, error) {
	frame, err := l.decoder.Next(l.event)
	if err != nil {
		return false, err
	}
	if len(l.out) > 0 {
		out := l.out
		l.out = l.out[:0]
		return frame != nil, put(out)
	}
	return frame != nil, nil
}

// tail is also what was spelled at the end of the bytes and has not been put.
func (l *translateLane) tail() []byte {
	b := l.encoder.Tail(l.out)
	l.out = nil
	return b
}

func (l *translateLane) fail(f *fault.Fault) []byte { return l.encoder.Fail(nil, f) }

// wholeOther hears embeddings and counts.
func (l *relayLane) wholeOther(body []byte) ([]byte, error) {
	if l.s.in.Action == call.CountTokens {
		u, err := l.client.(dialect.CountClient).CountReply(body, &l.s.scan)
		if err != nil {
			return nil, err
		}
		l.says.counted(u)
		if l.to.Surface == SurfaceInvoke && l.s.in.Dialect != dialect.Bedrock { // AWS has a word of its own for it
			return l.s.ours().Server.(dialect.CountServer).CountReply(nil, u, l.s.answering())
		}
		return body, nil
	}
	r, err := l.client.(dialect.EmbeddingClient).EmbedReply(body, &l.s.scan, l.to)
	if err != nil {
		return nil, err
	}
	l.says.counted(r.Usage)
	return body, nil
}

// wholeOther spells embeddings and counts anew.
func (l *translateLane) wholeOther(body []byte) ([]byte, error) {
	if l.s.in.Action == call.CountTokens {
		u, err := l.client.(dialect.CountClient).CountReply(body, &l.s.scan)
		if err != nil {
			return nil, err
		}
		l.says.counted(u)
		return l.s.ours().Server.(dialect.CountServer).CountReply(nil, u, l.s.answering())
	}
	r, err := l.client.(dialect.EmbeddingClient).EmbedReply(body, &l.s.scan, l.to)
	if err != nil {
		return nil, err
	}
	l.says.counted(r.Usage)
	if r.Usage == nil && l.s.in.Dialect == dialect.OpenAI {
		// Its clients read usage without asking whether it is there, and Google's
		// own API counts nothing of vectors (ai.google.dev/api/embeddings, 2026).
		r.Usage = &chat.Usage{Input: consumed(call.Usage{}, l.s.rec.BytesIn, 0).Input}
		l.s.entry.losses.Approximate("usage")
	}
	return l.s.ours().Server.(dialect.EmbeddingServer).EmbedReply(nil, r, l.s.entry.embed, l.s.answering())
}

func (h *heard) counted(u *chat.Usage) {
	h.usage, h.content, h.ended = dialect.Consumed(u), true, true
}

// event hears one event of a stream.
func (h *heard) event(e *chat.Event) error {
	h.events++
	h.minted.event(e)
	h.content = h.content || e.Content()
	switch e.Kind {
	case chat.Delta, chat.Speech:
		h.text += len(e.Bytes)
	case chat.Finish:
		if e.Choice == 0 {
			h.finish = string(e.Ending.Reason)
		}
	case chat.Count:
		h.usage = dialect.Consumed(e.Usage)
	case chat.End:
		h.ended = true
	case chat.Fail:
		h.failed = true
	}
	return nil
}

// reply hears a unary reply, which is all of its events at once. What no events
// can say of it is heard as far as they go; its usage is heard in any case.
func (h *heard) reply(r *chat.Reply) {
	if err := chat.Events(r, h.event); err != nil && r.Usage != nil {
		h.usage = dialect.Consumed(r.Usage)
	}
	h.ended = true
}
