package bedrock

import (
	"bytes"
	"strings"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// The families of bodies of InvokeModel.
const (
	Claude = "anthropic"
	Nova   = "nova"
	Titan  = "titan"
	Other  = "other" // that nobody here reads
)

// FamilyOf is the family of bodies that a model of an id takes. An id that does
// not say who made it is taken for Anthropic's.
func FamilyOf(id string) string {
	switch maker(id) {
	case "anthropic", "":
		return Claude
	case "amazon":
		if strings.Contains(id, "amazon.nova") {
			return Nova
		}
		if strings.Contains(id, "amazon.titan-text") {
			return Titan
		}
	}
	return Other
}

// Family is the family of the body of a request that [InvokeReader] read, and
// whether headers say more than the body; empty for any other request.
func Family(r dialects.Request) (family string, headers bool) {
	if r, ok := r.(*request); ok {
		return r.family, len(r.header) > 0
	}
	return "", false
}

// Chunk appends the frame of an event in the dialect of the bodies.
func Chunk(dst, event []byte) []byte { return chunk(dst, event) }

// Unchunk appends the event that a frame of a stream of InvokeModel holds;
// nothing where it holds none.
func Unchunk(dst []byte, frame []byte, s *wire.Scanner) ([]byte, error) {
	var r wire.FrameReader
	r.Reset(bytes.NewReader(frame), nil, len(frame)+1)
	_ = r.Fill()
	f, ok, err := r.Next()
	if err != nil || !ok {
		return dst, unreadable(err)
	}
	if string(f.Text(":event-type")) != "chunk" {
		return dst, nil
	}
	event, err := payload(s, f.Payload, nil)
	return append(dst, event...), err
}

// Opaque is InvokeModel with bodies of the families that are relayed alone.
type Opaque struct{ Client }

var _ dialects.Client = Opaque{}

// Encode implements dialect.Client: there is no way from the hub.
func (Opaque) Encode(_ *chat.Request, to *dialects.Upstream, _ *chat.Losses) (*dialects.Outbound, error) {
	return nil, fault.New(fault.Unsupported, "The model %s is served by InvokeModel, which carries bodies of its own family alone.", to.Model).At("model").Final()
}

// Stream implements dialect.Client.
func (Opaque) Stream(*dialects.Upstream) dialects.StreamDecoder { return InvokeStream(nil) }

// Reply implements dialect.Client. Nova's replies are Converse's; Titan's have
// their text and counts elsewhere.
func (o Opaque) Reply(body []byte, s *wire.Scanner, to *dialects.Upstream) (*chat.Reply, error) {
	if FamilyOf(to.Model) != Titan {
		return o.Client.Reply(body, s, to)
	}
	s.Reset(body)
	s.Lenient = true
	d := decoder{s: s}
	r := &chat.Reply{Choices: make([]chat.Choice, 1)}
	u, known, whole := &chat.Usage{}, false, false
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "inputTextTokenCount":
			u.Input, known = d.count(kind)
		case "results":
			d.each(kind, func(int, wire.Kind) {
				d.object(func(member []byte, kind wire.Kind) {
					switch string(member) {
					case "tokenCount":
						n, _ := d.count(kind)
						u.Output += n
					case "outputText":
						r.Choices[0].Parts = append(r.Choices[0].Parts, chat.Say(d.str(kind)))
					case "completionReason":
						r.Choices[0].Ending = titanEnding(d.str(kind))
						whole = true
					default:
						d.s.Skip()
					}
				})
			})
		default:
			d.s.Skip()
		}
	})
	if err := s.End(); err != nil {
		return nil, unreadable(err)
	}
	if !whole {
		return nil, fault.New(fault.UpstreamError, "The vendor's reply is not whole.")
	}
	if known {
		r.Usage = u
	}
	return r, nil
}

// titanEnding is what a word of Titan's stands for (Amazon Bedrock user guide, 2026).
func titanEnding(word string) chat.Ending {
	reason := chat.ReasonStop
	switch word {
	case "LENGTH":
		reason = chat.ReasonLength
	case "STOP_CRITERIA_MET":
		reason = chat.ReasonSequence
	case "CONTENT_FILTERED":
		reason = chat.ReasonFilter
	}
	return chat.Ending{Reason: reason, Said: word}
}
