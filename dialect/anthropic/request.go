package anthropic

import (
	"bytes"
	"encoding/base64"
	"slices"

	"github.com/go-json-experiment/json"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// request is a request that was read, with the places of its members.
type request struct {
	asked   dialects.Asked
	action  call.Action
	body    []byte
	betas   []string // of the header and of the body
	headed  bool     // the header names betas
	profile string
	version string // of the API, that the caller's header asks for

	root    int // just after the opening brace
	members []member
}

// member is a member of the body: from its name to the end of its value.
type member struct {
	name       string // of those that Relay looks at; else empty
	start, end int
	value      int // where its value starts
}

// relayed are the members that Relay may change.
var relayed = []string{"model", "stream", "anthropic_version", "anthropic_beta", "inference_geo", "max_tokens"}

// Read implements [dialects.Reader].
func (Reader) Read(in *dialects.Inbound, s *wire.Scanner, l dialects.Listener) (dialects.Request, error) {
	s.Reset(in.Body)
	r := reader{s: s, l: l, req: &request{action: in.Action, body: in.Body, betas: betasOf(in.Header), profile: in.Header.Get(headerProfile)}}
	r.req.headed = len(r.req.betas) > 0
	if l.Text != nil {
		s.Hear = r.hear
	}
	r.headers(in)
	if k := s.Next(); k != wire.Object && k != wire.Invalid {
		r.refuse(fault.Malformed, "", "The body is %s; send one JSON object.", k)
		s.Skip()
	} else if s.Object() {
		r.req.root = s.Pos()
		r.top()
	}
	if err := s.End(); err != nil {
		return nil, fault.New(fault.Malformed, "The body is not acceptable JSON: %v.", err).Final()
	}
	r.settle(in)
	if r.fault != nil {
		return nil, r.fault.Final()
	}
	return r.req, nil
}

// Asked implements [dialects.Request].
func (r *request) Asked() *dialects.Asked { return &r.asked }

// Relay implements [dialects.Request]. What may differ from the caller's bytes,
// and nothing else: model, stream, anthropic_version and anthropic_beta as the
// surface has them; inference_geo, which would move data, is left out. A count
// on InvokeModel is wrapped whole, since Bedrock has a form of its own for it.
func (r *request) Relay(to *dialects.Upstream) dialects.Relayed {
	out := dialects.Relayed{
		Path:   path(to, r.action, r.asked.Stream),
		Header: header(to, r.version, r.betas, r.profile),
		Body:   r.splice(to),
	}
	if to.Surface == SurfaceInvoke && r.action == call.CountTokens {
		out.Body = wire.Splice{Body: wrapCount(out.Body.Append(nil))}
	}
	return out
}

// splice is the body as the surface has it.
func (r *request) splice(to *dialects.Upstream) wire.Splice {
	named := to.Surface != SurfaceInvoke && (to.Surface != SurfaceVertex || r.action == call.CountTokens)
	streams := to.Surface != SurfaceInvoke && r.action != call.CountTokens
	version := bodyVersion(to.Surface)
	p := plan{r: r}
	if m, ok := p.find("model"); named {
		p.put("model", m, ok, quoted(nil, to.Model))
	} else if ok {
		p.drop(m)
	}
	switch m, ok := p.find("stream"); {
	case ok && !streams:
		p.drop(m)
	case !ok && streams && r.asked.Stream: // the caller's path said so
		p.put("stream", m, ok, []byte("true"))
	}
	if m, ok := p.find("anthropic_version"); version != "" {
		p.put("anthropic_version", m, ok, quoted(nil, version))
	} else if ok {
		p.drop(m)
	}
	switch m, ok := p.find("anthropic_beta"); {
	case ok && to.Surface != SurfaceInvoke:
		p.drop(m)
	case to.Surface == SurfaceInvoke && r.headed:
		p.put("anthropic_beta", m, ok, listOf(r.betas))
	}
	if m, ok := p.find("inference_geo"); ok {
		p.drop(m)
	}
	if m, ok := p.find("max_tokens"); !ok && to.Surface == SurfaceInvoke && r.action == call.CountTokens {
		p.put("max_tokens", m, ok, []byte("1")) // a body of InvokeModel must state one
	}
	return wire.Splice{Body: r.body, Edits: p.edits()}
}

// listOf writes a list of strings.
func listOf(words []string) []byte {
	var w writer
	w.open('[')
	for _, s := range words {
		w.text(s)
	}
	w.close(']')
	return w.b
}

// wrapCount puts a body of InvokeModel into Bedrock's request for a count.
func wrapCount(body []byte) []byte {
	b := append(make([]byte, 0, len(body)*4/3+64), `{"input":{"invokeModel":{"body":"`...)
	b = base64.StdEncoding.AppendEncode(b, body)
	return append(b, `"}}}`...)
}

// plan gathers what becomes of the members of a body.
type plan struct {
	r       *request
	front   []byte // members to put first
	dropped []int  // indices of members to leave out
	values  []wire.Edit
}

// find gives the index of a member that Relay looks at.
func (p *plan) find(name string) (int, bool) {
	i := slices.IndexFunc(p.r.members, func(m member) bool { return m.name == name })
	return i, i >= 0
}

func (p *plan) drop(i int) { p.dropped = append(p.dropped, i) }

// put gives a member its value, or adds the member.
func (p *plan) put(name string, i int, there bool, value []byte) {
	if !there {
		if p.front != nil {
			p.front = append(p.front, ',')
		}
		p.front = append(append(append(append(p.front, '"'), name...), '"', ':'), value...)
		return
	}
	m := p.r.members[i]
	if !bytes.Equal(p.r.body[m.value:m.end], value) {
		p.values = append(p.values, wire.Edit{Span: wire.Span{Start: m.value, End: m.end}, With: value})
	}
}

// edits gives the changes in order of place. Of members that are left out the
// comma before goes with them, or the one behind where they are the first.
func (p *plan) edits() []wire.Edit {
	members := p.r.members
	slices.Sort(p.dropped)
	var edits []wire.Edit
	if p.front != nil {
		if len(p.dropped) < len(members) {
			p.front = append(p.front, ',')
		}
		edits = append(edits, wire.Edit{Span: wire.Span{Start: p.r.root, End: p.r.root}, With: p.front})
	}
	edits = append(edits, p.values...)
	for k := 0; k < len(p.dropped); {
		i := p.dropped[k]
		j := i
		for k < len(p.dropped) && p.dropped[k] == j {
			k, j = k+1, j+1
		}
		cut := wire.Span{Start: members[i].start, End: members[j-1].end}
		switch {
		case i > 0:
			cut.Start = members[i-1].end
		case j < len(members):
			cut.End = members[j].start
		}
		edits = append(edits, wire.Edit{Span: cut})
	}
	slices.SortStableFunc(edits, func(a, b wire.Edit) int { return a.Start - b.Start })
	return edits
}

// settle holds path and body against each other once both are read.
func (r *reader) settle(in *dialects.Inbound) {
	a := &r.req.asked
	if in.Model != "" {
		if a.Alias != "" && a.Alias != in.Model {
			r.refuse(fault.Malformed, "model", "The path names one model and the body another; leave model out of the body.")
		}
		if a.Stream && !in.Stream {
			r.refuse(fault.Malformed, "stream", "The body asks for a stream and the path for none.")
		}
		a.Alias = in.Model
	}
	a.Stream = a.Stream || in.Stream
	a.Usage = a.Stream
	for _, b := range r.req.betas {
		for _, reach := range reachingBetas {
			if len(b) > len(reach.prefix) && b[:len(reach.prefix)] == reach.prefix {
				r.need(reach.needs, "anthropic-beta")
			}
		}
		if !knownBetas[b] && len(a.Unknown) < maxUnknown {
			a.Unknown = append(a.Unknown, "anthropic-beta: "+clip(b))
		}
	}
	if r.req.profile != "" {
		r.need(call.ServerSideHistory, "anthropic-user-profile-id")
	}
}

// headers checks what headers say that act as fields.
func (r *reader) headers(in *dialects.Inbound) {
	switch v := in.Header.Get(headerVersion); v {
	case "", version:
		r.req.version = version
	case versionNewer:
		r.req.version = versionNewer
	default:
		r.refuse(fault.Unsupported, "anthropic-version", "The version %q of the API is not spoken here; send anthropic-version: %s or %s.", clip(v), version, versionNewer)
	}
}

// bodyBetas reads anthropic_beta.
func (r *reader) bodyBetas(raw []byte) {
	var words []string
	if err := json.Unmarshal(raw, &words); err != nil {
		r.refuse(fault.Malformed, "anthropic_beta", "anthropic_beta must be a list of strings.")
		return
	}
	for _, w := range words {
		if !slices.Contains(r.req.betas, w) {
			r.req.betas = append(r.req.betas, w)
		}
	}
}
