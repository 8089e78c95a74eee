package gateway

import (
	"bytes"

	"bulkhead/call"
	"bulkhead/dialect/openai"
	"bulkhead/fault"
	"bulkhead/wire"
)

// meter reads what a stream says of itself as its events pass.
type meter struct {
	usage   call.Usage // the last the vendor said; it is cumulative, so never added up
	finish  string
	text    int  // bytes of text so far, for an estimate
	content bool // any content has come
	failed  bool // the vendor said in-band that it failed
	events  int  // events that held data; a vendor's pings do not count
}

// verdict is what becomes of an event.
type verdict int

const (
	forward verdict = iota
	drop            // the usage chunk that the caller did not ask for
	end             // the stream's end marker
)

// read reads one event. A fault means that the stream is not what it should be
// and cannot be trusted further.
func (m *meter) read(s *wire.Scanner, e wire.Event, asked bool) (verdict, error) {
	data := bytes.TrimSpace(e.Data)
	switch {
	case len(data) == 0: // a comment, or a field that no client reads
		return forward, nil
	case string(data) == openai.Done:
		return end, nil
	}
	r, err := openai.ReadReply(s, data)
	if err != nil {
		return drop, fault.New(fault.UpstreamError, "The vendor sent an event that is not a JSON object.").Because(err)
	}
	m.events++
	m.text += r.Text
	m.content = m.content || r.Content
	m.failed = m.failed || r.Error || string(e.Type) == "error"
	if r.Usage.Known {
		m.usage = r.Usage
	}
	if r.Finish != "" {
		m.finish = r.Finish
	}
	if !r.Choices && r.Usage.Known && !asked && !m.failed {
		return drop, nil
	}
	return forward, nil
}

// consumed gives the vendor's count, or an estimate marked as one.
func consumed(said call.Usage, bytesIn int64, text int) call.Usage {
	if said.Known {
		return said
	}
	return call.Usage{ // never zero: something was read, and something done
		Known: true, Estimated: true,
		Input:  max(1, (bytesIn+bytesAToken-1)/bytesAToken),
		Output: max(1, (int64(text)+bytesAToken-1)/bytesAToken),
	}
}
