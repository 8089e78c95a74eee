package bedrock

import (
	"bytes"
	"net/http"
	"strconv"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Reader scans requests of Converse, ConverseStream and CountTokens. The model
// and whether the reply streams are in the path.
type Reader struct{}

var _ dialects.Reader = Reader{}

// Read implements dialect.Reader.
func (Reader) Read(in *dialects.Inbound, s *wire.Scanner, l dialects.Listener) (dialects.Request, error) {
	top, operation := described.converse, "converse"
	switch {
	case in.Action == call.CountTokens:
		top, operation = described.count, "count-tokens"
	case in.Stream:
		operation = "converse-stream"
	}
	asked, err := scan(in, s, l, top)
	if err != nil {
		return nil, err
	}
	return &request{asked: *asked, operation: operation, body: in.Body}, nil
}

// request is a request that was read.
type request struct {
	asked     dialects.Asked
	operation string
	body      []byte
	header    http.Header      // that goes on to an offering
	family    string           // of a body of InvokeModel: anthropic, nova, titan; else empty
	inner     dialects.Request // of a body in another dialect: what of it must change, it knows
}

// Asked implements dialect.Request.
func (r *request) Asked() *dialects.Asked { return &r.asked }

// Relay implements dialect.Request. No byte of a body of Converse changes: the
// path names the model, and nothing in the body moves data but what a row must
// grant. Of a body of InvokeModel that changes which its dialect's list has.
func (r *request) Relay(to *dialects.Upstream) dialects.Relayed {
	body := wire.Splice{Body: r.body}
	if r.inner != nil && to.Surface != surface { // another address of the same dialect
		return r.inner.Relay(to)
	}
	if r.inner != nil {
		at := *to
		at.Surface = surface
		body = r.inner.Relay(&at).Body
	}
	return dialects.Relayed{Path: Path(to.Model, r.operation), Header: r.header, Body: body}
}

// reader walks one body. It keeps the first fault of a field and reads on, so
// that the body is checked whole; a fault of the JSON itself goes before it.
type reader struct {
	place
	s     *wire.Scanner
	asked dialects.Asked
	top   *shape

	l      dialects.Listener
	mode   hearing
	word   bool   // in a schema: the value read next is no prose
	silent bool   // nothing is heard
	undone []byte // scratch: a string with its escapes undone
}

// scan walks a body by the shape of its request.
func scan(in *dialects.Inbound, s *wire.Scanner, l dialects.Listener, top *shape) (*dialects.Asked, error) {
	s.Reset(in.Body)
	r := reader{s: s, l: l, top: top}
	r.steps = make([]step, 0, 16)
	r.asked.Alias, r.asked.Stream, r.asked.Usage = in.Model, in.Stream, in.Stream
	if l.Text != nil {
		s.Hear = r.hear
	}
	if k := s.Next(); k != wire.Object && k != wire.Invalid {
		r.refuse(fault.Malformed, "", "The body is %s; send one JSON object.", k)
		s.Skip()
	} else {
		r.walk(top)
	}
	if err := s.End(); err != nil {
		return nil, fault.New(fault.Malformed, "The body is not acceptable JSON: %v.", err).Final()
	}
	if r.fault != nil {
		return nil, r.fault.Final()
	}
	return &r.asked, nil
}

// walk reads an object by its shape.
func (r *reader) walk(sh *shape) {
	if !r.s.Object() {
		return
	}
	found := 0
	for name := r.s.Name(); name != nil; name = r.s.Name() {
		m := sh.find(name)
		kind := r.s.Next()
		if m == nil {
			r.unknown(sh, string(name))
			found++
			continue
		}
		if kind == wire.Null {
			r.s.Skip()
			continue
		}
		found++
		r.into(m.name)
		r.member(m, kind)
		r.out()
	}
	if sh.what != "" && found != 1 && !r.s.Failed() && r.fault == nil {
		field := r.path()
		r.refuse(fault.Malformed, field, "%s has %d members; %s has exactly one.", field, found, sh.what)
	}
}

// unknown reads a member that a shape does not have. One that differs from a
// known one in case alone is refused, since a reader that ignores case would
// take it for that; in a union it is a kind of thing that nobody knows.
func (r *reader) unknown(sh *shape, name string) {
	for i := range sh.members {
		if known := sh.members[i].name; twins(name, known) {
			r.refuse(fault.Unsupported, r.under(known), "The field %q differs from %q in case alone; write %q.", clip(name), known, known)
		}
	}
	if sh.what != "" && !r.s.Failed() && r.fault == nil {
		field := r.path()
		r.refuse(fault.Unsupported, field, "%s is %s of the kind %q, which Bulkhead does not know and so does not pass on.", field, sh.what, clip(name))
	}
	if sh == r.top {
		r.note(name)
	}
	r.s.Skip()
}

// note lists a field that the dialect does not know.
func (r *reader) note(name string) {
	if len(r.asked.Unknown) < 32 {
		r.asked.Unknown = append(r.asked.Unknown, clip(name))
	}
}

// twins reports whether two names differ in case at most, by Unicode's simple
// folding. No letter folds to one of more than three times its bytes.
func twins(name, known string) bool {
	return len(name) <= 3*len(known) && bytes.EqualFold([]byte(name), []byte(known))
}

// member reads the value of a known member.
func (r *reader) member(m *member, kind wire.Kind) {
	if m.need != "" {
		r.need(m.need)
	}
	if m.note != nil {
		m.note(&r.asked)
	}
	switch {
	case m.read != nil:
		m.read(r, kind)
	case m.of != nil && kind == wire.Object && m.kinds&object != 0:
		if m.medium != "" {
			r.cannotRead(m.medium)
		}
		r.walk(m.of)
	case m.of != nil && kind == wire.Array && m.kinds&array != 0:
		r.s.Array()
		for i := 0; r.s.Element(); i++ {
			r.element(i)
			if kind := r.s.Next(); kind == wire.Object {
				r.walk(m.of)
			} else {
				r.s.Skip()
				r.misfit(kind, "an object")
			}
			r.out()
		}
	default:
		r.leaf(m, kind)
	}
}

// leaf reads a value that is not walked.
func (r *reader) leaf(m *member, kind wire.Kind) {
	if m.medium != "" {
		r.cannotRead(m.medium)
		r.silent = true
	}
	span := r.heard(m.hear)
	r.silent = false
	if !r.s.Failed() && !m.kinds.has(kind, r.s.Slice(span)) {
		r.misfit(kind, m.kinds.String())
	}
}

// heard passes over a value, its strings heard as h says.
func (r *reader) heard(h hearing) wire.Span {
	r.mode, r.word = h, true
	span := r.s.Skip()
	r.mode = prose
	return span
}

func (r *reader) need(c call.Capability) {
	r.asked.Needs = append(r.asked.Needs, dialects.Need{Capability: c, Field: r.path()})
}

func (r *reader) cannotRead(m dialects.Medium) {
	if r.l.Unread != nil && !r.s.Failed() {
		r.l.Unread(m)
	}
}

// proseNames are members of a schema whose values are prose.
var proseNames = map[string]bool{"description": true, "title": true, "default": true, "examples": true, "$comment": true}

// hear passes on a string that the scanner has read.
func (r *reader) hear(raw []byte, escaped, name bool) {
	if r.silent {
		return
	}
	piece := raw
	if escaped {
		r.undone = wire.Unescape(r.undone[:0], raw)
		piece = r.undone
	}
	switch {
	case name:
		r.word = !proseNames[string(piece)]
		r.l.Name(piece)
	case r.mode == word, r.mode == schema && r.word:
		r.l.Name(piece)
	default:
		r.l.Text(piece)
	}
}

// str reads a string member.
func (r *reader) str(kind wire.Kind) (string, bool) {
	span := r.heard(word)
	if kind != wire.String {
		if !r.s.Failed() {
			r.misfit(kind, "a string")
		}
		return "", false
	}
	if r.s.Failed() {
		return "", false
	}
	return unquote(r.s.Slice(span)), true
}

// maxTokens takes a limit of output. What else than a whole number of at least
// one it may be is for the vendor to judge; it bounds nothing.
func (r *reader) maxTokens(kind wire.Kind) {
	span := r.heard(word)
	if r.s.Failed() {
		return
	}
	raw := r.s.Slice(span)
	if !integer.has(kind, raw) {
		r.misfit(kind, "an integer")
		return
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		r.asked.MaxOutput = max(r.asked.MaxOutput, n)
	}
}

// systemTools are the tools that a model's maker runs, by name (Amazon Nova 2
// user guide, 2026).
var systemTools = map[string]call.Capability{"nova_grounding": call.WebSearch, "nova_code_interpreter": call.CodeInterpreter}

// systemTool reads the name of a hosted tool.
func (r *reader) systemTool(kind wire.Kind) {
	name, ok := r.str(kind)
	if !ok {
		return
	}
	if c, known := systemTools[name]; known {
		r.need(c)
		return
	}
	field := r.path()
	r.refuse(fault.Unsupported, field, "%s is %q, a hosted tool that Bulkhead does not know and so does not pass on. A tool with a toolSpec runs at the caller.", field, clip(name))
}

// countInvoke refuses to count a body that is another dialect's in base64: its
// text cannot be read here.
func (r *reader) countInvoke(wire.Kind) {
	r.heard(word)
	field := r.path()
	r.refuse(fault.Unsupported, field, "%s cannot be read; count with input.converse.", field)
}
