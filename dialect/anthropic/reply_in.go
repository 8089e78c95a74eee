package anthropic

import (
	"fmt"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Reply implements [dialects.Client].
func (Client) Reply(body []byte, s *wire.Scanner, to *dialects.Upstream) (*chat.Reply, error) {
	s.Reset(body)
	s.Lenient = true
	m := message{family: to.Family}
	if s.Object() {
		for name := s.Name(); name != nil; name = s.Name() {
			m.member(s, string(name))
		}
	}
	if err := s.End(); err != nil {
		return nil, fault.New(fault.UpstreamError, "The vendor answered with something that is not a JSON object.").Because(err)
	}
	if m.failed != nil {
		return nil, inBand(*m.failed)
	}
	if m.said == "" || !m.content {
		return nil, fault.New(fault.UpstreamError, "The vendor answered with something that is no message.")
	}
	ending := m.ending()
	r := &chat.Reply{ID: m.head.ID, Model: m.head.Model, Tier: m.tally.tier, Extra: m.head.Extra, Usage: m.tally.usage(),
		Choices: []chat.Choice{{Parts: m.parts, Ending: ending}}}
	return r, nil
}

// message gathers a reply, whole or as its stream tells of it.
type message struct {
	family   string
	head     chat.Head
	parts    []chat.Part
	content  bool // there is a list of blocks
	ids      map[string]bool
	said     string
	sequence string
	end      chat.Extra
	tally    tally
	failed   *vendorError
}

// member reads a member of a message.
func (m *message) member(s *wire.Scanner, name string) {
	kind := s.Next()
	if kind == wire.Null {
		s.Skip()
		return
	}
	switch name {
	case "id":
		m.head.ID = text(s)
	case "model":
		m.head.Model = text(s)
	case "type", "role":
		s.Skip()
	case "content":
		if kind != wire.Array {
			s.Skip()
			return
		}
		m.content = true
		s.Array()
		for i := 0; s.Element(); i++ {
			if s.Next() != wire.Object {
				s.Skip()
				continue
			}
			var b block
			b.read(s)
			m.parts = append(m.parts, m.part(&b, i))
		}
	case "usage":
		m.tally.count(s)
	case "error":
		if kind == wire.Object {
			m.failed = &vendorError{}
			m.failed.inner(s)
		} else {
			s.Skip()
		}
	default:
		m.outcome(s, name, &m.head.Extra)
	}
}

// outcome reads what a message, or the delta of one, says of its end; what else
// it says goes to rest.
func (m *message) outcome(s *wire.Scanner, name string, rest *chat.Extra) {
	switch name {
	case "stop_reason":
		m.said = text(s)
	case "stop_sequence":
		m.sequence = text(s)
	case "stop_details", "container", contextManagement:
		keep(s, &m.end, name)
	case "amazon-bedrock-invocationMetrics":
		s.Skip() // of the cloud, not of the message
	default:
		keep(s, rest, name)
	}
}

// ending gives the ending. A word that is not known says that the reply is over.
func (m *message) ending() chat.Ending {
	e := chat.Ending{Reason: reasonOf(m.said), Sequence: m.sequence, Said: m.said, Extra: m.end}
	if e.Reason == "" {
		e.Reason = chat.ReasonStop
	}
	return e
}

// part gives a block of a reply. What a request could not hold either is kept whole.
func (m *message) part(b *block, index int) chat.Part {
	switch b.typ {
	case "text", "thinking", "redacted_thinking":
	case "tool_use":
		b.id = m.callID(b.id, index)
	default:
		return nativePart(b)
	}
	var d unpacker
	p := d.part(b, spot{"content", index})
	if d.fault != nil {
		return nativePart(b)
	}
	if p.State != nil {
		p.State.Minter = m.family
	}
	return p
}

// nativePart keeps a block whole.
func nativePart(b *block) chat.Part {
	var n nativeBlock
	n.start(b)
	return chat.Part{Content: chat.Native{Dialect: name, Type: b.typ, Value: n.whole()}}
}

// callID gives the id of a call, or one made of the reply's where it has none
// or one that was there before, as some compatible servers send them.
func (m *message) callID(id string, index int) string {
	if id == "" || m.ids[id] {
		id = chat.FitID(fmt.Sprintf("%s/%d", m.head.ID, index))
	}
	if m.ids == nil {
		m.ids = map[string]bool{}
	}
	m.ids[id] = true
	return id
}

// tally is what is counted so far. A later count overwrites an earlier one:
// they are cumulative.
type tally struct {
	input, read, write, hour, output, thinking int64
	known                                      bool // the prompt was counted
	tier                                       string
	extra                                      chat.Extra
}

// count takes in a usage object.
func (t *tally) count(s *wire.Scanner) {
	if s.Next() != wire.Object {
		s.Skip()
		return
	}
	var five, hour int64
	wrote, split := false, false
	s.Object()
	for n := s.Name(); n != nil; n = s.Name() {
		kind := s.Next()
		switch string(n) {
		case "input_tokens":
			t.known = tokens(s, &t.input) || t.known
		case "cache_read_input_tokens":
			tokens(s, &t.read)
		case "cache_creation_input_tokens":
			wrote = tokens(s, &t.write)
		case "output_tokens":
			tokens(s, &t.output)
		case "cache_creation":
			split = kind == wire.Object
			counters(s, "ephemeral_5m_input_tokens", &five, "ephemeral_1h_input_tokens", &hour)
		case "output_tokens_details":
			counters(s, "thinking_tokens", &t.thinking, "", nil)
		case "service_tier":
			if t.tier = text(s); t.tier == "standard" {
				t.tier = tierDefault
			}
		default:
			t.keep(s, string(n), kind)
		}
	}
	if split {
		t.hour = hour
		if !wrote || t.write < five+hour {
			t.write = five + hour
		}
	}
}

// keep keeps a field of the usage that the hub has no place for.
func (t *tally) keep(s *wire.Scanner, field string, kind wire.Kind) {
	if kind == wire.Null { // says nothing, not even that it was less before
		s.Skip()
		return
	}
	keep(s, &t.extra, field)
}

// counters reads one or two counters of an object.
func counters(s *wire.Scanner, a string, to *int64, b string, and *int64) {
	if s.Next() != wire.Object {
		s.Skip()
		return
	}
	s.Object()
	for n := s.Name(); n != nil; n = s.Name() {
		switch {
		case string(n) == a:
			tokens(s, to)
		case and != nil && string(n) == b:
			tokens(s, and)
		default:
			s.Skip()
		}
	}
}

// most is more than any count of tokens, so that sums of counts hold.
const most = 1 << 50

// tokens reads a count; one that is negative, has decimals or is too large is none.
func tokens(s *wire.Scanner, to *int64) bool {
	n, ok := numberOf(s).Int()
	if !ok || n < 0 || n > most {
		return false
	}
	*to = n
	return true
}

// usage gives the counts, nil while the prompt was not counted.
func (t *tally) usage() *chat.Usage {
	if !t.known {
		return nil
	}
	hour := min(t.hour, t.write)
	return &chat.Usage{Input: t.input, CacheRead: t.read, CacheWrite5m: t.write - hour, CacheWrite1h: hour,
		Output: t.output, Reasoning: min(t.thinking, t.output), Extra: t.extra}
}
