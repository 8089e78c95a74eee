package gateway

import (
	"bytes"
	"io"

	"bulkhead/call"
	"bulkhead/dialect/openai"
	"bulkhead/fault"
	"bulkhead/wire"
)

// openaiLane relays OpenAI's dialect to callers of it. It reads no more of a
// frame than it must, which is what makes it fast.
type openaiLane struct {
	*scratch
	id    call.ID
	asked bool // the caller wants the usage chunk
	done  []byte
	says  heard
}

func (l *openaiLane) heard() *heard { return &l.says }

func (l *openaiLane) whole(body []byte) ([]byte, error) {
	r, err := openai.ReadReply(&l.scan, body)
	if err != nil {
		return nil, err
	}
	on := l.says.minted.on
	l.says = heard{usage: r.Usage, finish: r.Finish, text: r.Text, content: r.Content, failed: r.Error && !r.Content, ended: true, minted: minted{on: on}}
	l.says.minted.signed(r.Signed)
	return body, nil
}

func (l *openaiLane) start(src io.Reader) { l.events.Reset(src, l.buf, maxEventBytes) }

// fill supplies the blank line that should follow an end marker within which
// the stream has ended.
func (l *openaiLane) fill() error {
	err := l.events.Fill()
	if err == io.EOF && isDone(l.events.Rest()) {
		l.done, l.says.ended = []byte("data: "+openai.Done+"\n\n"), true
		return nil
	}
	return err
}

// isDone reports whether what is left of a stream is its end marker.
func isDone(rest []byte) bool {
	value, is := bytes.CutPrefix(bytes.TrimSpace(rest), []byte("data:"))
	return is && string(bytes.TrimSpace(value)) == openai.Done
}

func (l *openaiLane) next(put func([]byte) error) (bool, error) {
	e, ok := l.events.Next()
	if !ok {
		return false, nil
	}
	pass, err := l.read(e)
	if err != nil || !pass {
		return err == nil, err
	}
	return true, put(e.Raw)
}

// read reads one event and says whether the caller gets it now.
func (l *openaiLane) read(e wire.Event) (pass bool, err error) {
	h, data := &l.says, bytes.TrimSpace(e.Data)
	switch {
	case len(data) == 0: // a comment, or a field that no client reads
		return true, nil
	case string(data) == openai.Done:
		l.done, h.ended = append(l.done, e.Raw...), true
		return false, nil
	}
	r, err := openai.ReadReply(&l.scan, data)
	if err != nil {
		return false, fault.New(fault.UpstreamError, "The vendor sent an event that is not a JSON object.").Because(err)
	}
	h.events++
	h.text += r.Text
	h.content = h.content || r.Content
	h.minted.signed(r.Signed)
	h.failed = h.failed || r.Error || string(e.Type) == "error"
	if r.Usage.Known {
		h.usage = r.Usage
	}
	if r.Finish != "" {
		h.finish = r.Finish
	}
	// The usage chunk goes to those alone who asked for it.
	return r.Choices || !r.Usage.Known || l.asked || h.failed, nil
}

func (l *openaiLane) tail() []byte { return l.done }

func (l *openaiLane) fail(f *fault.Fault) []byte { return openai.ErrorEvent(f, l.id) }
