package gateway

import (
	"bytes"
	"net/http"
	"strconv"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/anthropic"
	"bulkhead/dialect/bedrock"
	"bulkhead/fault"
	"bulkhead/translate"
	"bulkhead/wire"
)

// SurfaceInvoke is InvokeModel of Bedrock's runtime, of callers and of
// endpoints: bodies are a model family's own, and streams are AWS's frames.
const SurfaceInvoke = anthropic.SurfaceInvoke

// invoked is InvokeModel as callers speak it: Anthropic's bodies, refusals and
// frames of AWS. Its name is no dialect's, so that what callers rely on is
// looked at on the way to every one.
var invoked = translate.Dialect{
	Name:   "invoke",
	Reader: bedrock.InvokeReader{Anthropic: anthropic.Reader{}},
	Server: bedrock.Invoke{Server: anthropic.Server{}, Frames: func(a *dialect.Answering, frame bedrock.Frame) dialect.StreamEncoder {
		return anthropic.NewStream(a, anthropic.Frame(frame))
	}},
}

// invokes is an offering of Claude on InvokeModel.
type invokes struct{ anthropic.Client }

// Stream implements [dialect.Client].
func (invokes) Stream(to *dialect.Upstream) dialect.StreamDecoder {
	return bedrock.InvokeStream(func() bedrock.Events { return anthropic.NewEvents(to) })
}

// words is the dialect of the caller's body.
func (s *serving) words() dialect.Name {
	if family, _ := bedrock.Family(s.request); family == bedrock.Claude {
		return dialect.Anthropic
	}
	return s.in.Dialect
}

// relays reports whether the caller's own bytes go to an offering.
func (s *serving) relays(w *way) bool {
	family, headers := bedrock.Family(s.request)
	switch {
	case w.dialect != s.words():
		return false
	case family == bedrock.Claude: // headers of AWS's mean something to AWS alone
		return w.invoke() || !headers
	}
	return family == w.family
}

// untold refuses a body that is relayed alone, and that an offering cannot take.
func (s *serving) untold() error {
	if family, _ := bedrock.Family(s.request); family == bedrock.Nova || family == bedrock.Titan {
		return fault.New(fault.Unsupported, "A body in the form of %s goes to offerings of that family on InvokeModel alone. Use Converse, which reaches every offering.", family).At("body").Final()
	}
	return nil
}

func (w *way) invoke() bool { return w.to.Surface == SurfaceInvoke }

// decoder reads a relayed stream, and gives frames as the caller takes them.
func (s *serving) decoder(w *way) dialect.StreamDecoder {
	d := s.theirs(w).Client.Stream(&w.to)
	if s.words() != dialect.Anthropic || (s.in.Surface == SurfaceInvoke) == w.invoke() {
		return d
	}
	r := &reframed{StreamDecoder: d, frame: make([]byte, 0, 512), into: bedrock.Chunk}
	r.event = unserved
	if w.invoke() {
		r.event, r.into = func(dst, frame []byte) ([]byte, error) { return bedrock.Unchunk(dst, frame, &r.scan) }, r.serverSent
	}
	return r
}

// reframed gives the events of a stream, byte for byte, in the caller's kind of frames.
type reframed struct {
	dialect.StreamDecoder
	event func(dst, frame []byte) ([]byte, error)
	into  func(dst, event []byte) []byte
	scan  wire.Scanner
	said  []byte
	frame []byte
}

// Next implements [dialect.StreamDecoder]. What the vendor says it failed of is
// told anew, since its words are of the other kind.
func (r *reframed) Next(emit chat.Sink) ([]byte, error) {
	frame, err := r.StreamDecoder.Next(func(e *chat.Event) error {
		if e.Kind == chat.Fail {
			return fault.New(fault.UpstreamError, "The vendor failed within its reply.")
		}
		return emit(e)
	})
	if frame == nil || err != nil {
		return nil, err
	}
	r.frame = r.frame[:0]
	if r.said, err = r.event(r.said[:0], frame); err == nil && len(r.said) > 0 {
		r.frame = r.into(r.frame, r.said)
	}
	return r.frame, err
}

// unserved takes the data out of a server-sent event.
func unserved(dst, frame []byte) ([]byte, error) {
	for line := range bytes.Lines(frame) {
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			dst = append(dst, bytes.TrimSpace(data)...)
		}
	}
	return dst, nil
}

// serverSent writes an event under its type, by which clients tell events apart.
func (r *reframed) serverSent(dst, event []byte) []byte {
	r.scan.Reset(event)
	r.scan.Lenient = true
	dst = append(dst, "event: "...)
	if r.scan.Object() {
		for n := r.scan.Name(); n != nil; n = r.scan.Name() {
			if string(n) == "type" && r.scan.Next() == wire.String {
				span, _, _ := r.scan.Text()
				dst = append(dst, r.scan.Slice(span)...)
				continue
			}
			r.scan.Skip()
		}
	}
	return append(append(append(dst, "\ndata: "...), event...), "\n\n"...)
}

// counted says to callers of InvokeModel what was used, where AWS says it.
func (s *serving) counted(h http.Header, a *answer) {
	if s.in.Surface != SurfaceInvoke {
		return
	}
	if u := a.lane.heard().usage; u.Known && a.whole != nil {
		h["X-Amzn-Bedrock-Input-Token-Count"] = []string{strconv.FormatInt(u.Input, 10)}
		h["X-Amzn-Bedrock-Output-Token-Count"] = []string{strconv.FormatInt(u.Output, 10)}
	}
	if s.rec.Stream {
		h["X-Amzn-Bedrock-Content-Type"] = []string{"application/json"}
	}
}
