package bedrock

import (
	"net/http"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Client is the dialect on the vendor's side of the hub: Converse,
// ConverseStream and CountTokens.
type Client struct{}

var (
	_ dialects.Client      = Client{}
	_ dialects.CountClient = Client{}
)

// Encode implements dialect.Client.
func (Client) Encode(r *chat.Request, to *dialects.Upstream, l *chat.Losses) (*dialects.Outbound, error) {
	e := newEncoder(r, to, l)
	e.b = append(e.b, '{')
	e.conversation()
	e.limits()
	e.tools()
	e.aside()
	e.model()
	e.output()
	e.close('}')
	if e.err != nil {
		return nil, e.err
	}
	operation := "converse"
	if r.Stream {
		operation = "converse-stream"
	}
	return e.outbound(operation, e.b), nil
}

// EncodeCount implements dialect.CountClient. What does not count as prompt is
// left out, which is no loss.
func (Client) EncodeCount(r *chat.Request, to *dialects.Upstream, l *chat.Losses) (*dialects.Outbound, error) {
	e := newEncoder(r, to, l)
	e.b = append(e.b, `{"input":{"converse":{`...)
	e.conversation()
	e.tools()
	e.model()
	e.b = append(e.b, "}}}"...)
	if e.err != nil {
		return nil, e.err
	}
	return e.outbound("count-tokens", e.b), nil
}

// outbound is a request to an operation.
func (e *encoder) outbound(operation string, body []byte) *dialects.Outbound {
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	if operation == "converse-stream" {
		h.Set("Accept", StreamType)
	}
	return &dialects.Outbound{Method: http.MethodPost, Path: Path(e.to.Model, operation), Header: h, Body: body}
}

// StreamType is the content type of a streamed reply.
const StreamType = "application/vnd.amazon.eventstream"

// Reply implements dialect.Client.
func (Client) Reply(body []byte, s *wire.Scanner, to *dialects.Upstream) (*chat.Reply, error) {
	s.Reset(body)
	s.Lenient = true
	d := decoder{s: s, family: to.Family}
	r := &chat.Reply{Choices: make([]chat.Choice, 1)}
	c := &r.Choices[0]
	stopped := false
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "output":
			d.output(c)
		case "stopReason":
			stopped = true
			c.Ending.Said = d.str(kind)
			c.Ending.Reason = reasonOf(c.Ending.Said)
		case "usage":
			r.Usage = d.usage()
		case "additionalModelResponseFields":
			d.own(&c.Ending.Extra, string(member))
		case "serviceTier":
			d.tier(r)
		default: // metrics, trace, performanceConfig and what is new
			d.own(&r.Extra, string(member))
		}
	})
	if err := s.End(); err != nil {
		return nil, unreadable(err)
	}
	if d.fault != nil {
		return nil, unreadable(d.fault)
	}
	if !stopped {
		return nil, fault.New(fault.UpstreamError, "The vendor's reply is not whole.")
	}
	return r, nil
}

// unreadable is the fault of a reply that cannot be read.
func unreadable(cause error) *fault.Fault {
	return fault.New(fault.UpstreamError, "The vendor's reply cannot be read.").Because(cause)
}

func (d *decoder) output(c *chat.Choice) {
	d.object(func(member []byte, kind wire.Kind) {
		if string(member) != "message" {
			d.s.Skip()
			return
		}
		d.object(func(member []byte, kind wire.Kind) {
			if string(member) != "content" {
				d.s.Skip()
				return
			}
			d.each(kind, func(i int, kind wire.Kind) {
				d.choose(kind, func(which string, kind wire.Kind) {
					if p, ok := d.replyBlock(which, kind); ok {
						c.Parts = append(c.Parts, p)
					}
				})
			})
		})
	})
}

// replyBlock reads a block of a reply: one of a new kind is Bedrock's own, and
// no fault.
func (d *decoder) replyBlock(which string, kind wire.Kind) (chat.Part, bool) {
	switch which {
	case "text", "image", "document", "video", "audio", "toolUse", "reasoningContent", "citationsContent":
		p, ok := d.block(which, kind)
		if c, call := p.Content.(chat.ToolCall); call && (c.ID == "" || c.Name == "") {
			d.refuse(fault.UpstreamError, d.path(), "a call without id or name")
		}
		return p, ok
	}
	return d.native(which), true
}

// tier reads the tier that served a reply.
func (d *decoder) tier(r *chat.Reply) {
	d.object(func(member []byte, kind wire.Kind) {
		if string(member) == "type" {
			r.Tier = d.str(kind)
			return
		}
		d.s.Skip()
	})
}

// usage reads the counts. Bedrock counts cached tokens apart; one that is
// neither written for an hour nor said otherwise was written for five minutes.
// Without inputTokens nothing is known.
func (d *decoder) usage() *chat.Usage {
	var u chat.Usage
	known := false
	var written, hour int64
	d.object(func(member []byte, kind wire.Kind) {
		switch string(member) {
		case "inputTokens":
			u.Input, known = d.count(kind)
		case "outputTokens":
			u.Output, _ = d.count(kind)
		case "cacheReadInputTokens":
			u.CacheRead, _ = d.count(kind)
		case "cacheWriteInputTokens":
			written, _ = d.count(kind)
		case "cacheDetails":
			hour = d.cacheDetails(kind)
		default: // totals, which are sums, and older words for the same counts
			d.s.Skip()
		}
	})
	if !known {
		return nil
	}
	u.CacheWrite1h = min(hour, written)
	u.CacheWrite5m = written - u.CacheWrite1h
	return &u
}

// cacheDetails gives the tokens that were written for an hour.
func (d *decoder) cacheDetails(kind wire.Kind) (hour int64) {
	d.each(kind, func(_ int, _ wire.Kind) {
		ttl, n := "", int64(0)
		d.object(func(member []byte, kind wire.Kind) {
			switch string(member) {
			case "ttl":
				ttl = d.str(kind)
			case "inputTokens":
				n, _ = d.count(kind)
			default:
				d.s.Skip()
			}
		})
		if ttl == "1h" {
			hour += n
		}
	})
	return hour
}

// count reads a number of tokens; what is no whole number of at least zero is none.
func (d *decoder) count(kind wire.Kind) (int64, bool) {
	span := d.s.Skip()
	if kind != wire.Number || d.s.Failed() {
		return 0, false
	}
	n, ok := chat.Number(d.s.Slice(span)).Int()
	return max(n, 0), ok && n >= 0
}

// CountReply implements dialect.CountClient.
func (Client) CountReply(body []byte, s *wire.Scanner) (*chat.Usage, error) {
	s.Reset(body)
	s.Lenient = true
	d := decoder{s: s}
	u := d.usage()
	if err := s.End(); err != nil {
		return nil, unreadable(err)
	}
	if u == nil {
		return nil, fault.New(fault.UpstreamError, "The vendor's reply holds no count.")
	}
	return u, nil
}
