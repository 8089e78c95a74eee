package gemini

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/wire"
)

// Request is what the path of a call needs to know of a request. It points
// into the body's bytes and lives as long as they do.
type Request struct {
	asked  dialect.Asked
	body   []byte
	method string
	sse    bool
	spots  []spot // what may change on the way, in order of place
}

// spot is a value that the relay lane may replace.
type spot struct {
	at   wire.Span
	what spotKind
}

type spotKind int

const (
	spotModel spotKind = iota
	spotStore          // the value true
)

// Asked gives what the gates need to know.
func (r *Request) Asked() *dialect.Asked { return &r.asked }

// Relay gives the request as it goes to an offering of this dialect. What may
// differ from the caller's bytes, and nothing else: the model, in the path and
// wherever the body repeats it, and store.
func (r *Request) Relay(to *dialect.Upstream) dialect.Relayed {
	out := wire.Splice{Body: r.body}
	for _, s := range r.spots {
		var with []byte
		switch {
		case s.what == spotModel:
			with = quote(resource(to))
		case !to.Store:
			with = []byte("false")
		default:
			continue
		}
		if string(r.body[s.at.Start:s.at.End]) != string(with) {
			out.Edits = append(out.Edits, wire.Edit{Span: s.at, With: with})
		}
	}
	return dialect.Relayed{Path: address(to, r.method, r.sse), Body: out}
}

// Array reports whether a streamed reply is one JSON array, and not
// server-sent events: what a request without alt=sse asks for.
func Array(in *dialect.Inbound) bool { return in.Stream && alt(in) != "sse" }

// alt is the form of the reply that the query asks for; the system parameter
// has two names (https://cloud.google.com/apis/docs/system-parameters, 2026).
// What follows a semicolon (enum-encoding) is not kept.
func alt(in *dialect.Inbound) string {
	for _, q := range []string{"alt", "$alt"} {
		if v := in.Query.Get(q); v != "" {
			form, _, _ := strings.Cut(v, ";")
			return strings.ToLower(form)
		}
	}
	return "json"
}

// Read scans a body once and gives what it asks. A fault is Malformed, or
// Unsupported for a tool or part that is not known, and names the field;
// nothing of the body's text is repeated in it but names. l hears the body as
// it is read.
func (Reader) Read(in *dialect.Inbound, s *wire.Scanner, l dialect.Listener) (dialect.Request, error) {
	r, err := read(in, s, l)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func read(in *dialect.Inbound, s *wire.Scanner, l dialect.Listener) (*Request, error) {
	req := &Request{body: in.Body, method: chatMethod(in.Action, in.Stream), sse: in.Stream && !Array(in)}
	req.asked = dialect.Asked{Alias: short(in.Model), Stream: in.Stream, Usage: in.Stream}
	r := reader{s: s, l: l, req: req}
	if form := alt(in); form != "json" && form != "sse" {
		return nil, fault.New(fault.Unsupported, "The query asks for a reply as %q; Bulkhead gives json, and sse for streams.", clip(form)).At("alt").Final()
	}
	fields := generateFields
	switch in.Action {
	case call.Embeddings:
		fields, req.method = embedFields, methodEmbed
	case call.CountTokens:
		fields = countFields
	}
	s.Reset(in.Body)
	if l.Text != nil {
		s.Hear = r.hear
	}
	if k := s.Next(); k != wire.Object && k != wire.Invalid {
		r.refuse(fault.Malformed, "", "The body is %s; send one JSON object.", k)
		s.Skip()
	} else if s.Object() {
		r.members("", fields)
	}
	if err := s.End(); err != nil {
		return nil, fault.New(fault.Malformed, "The body is not acceptable JSON: %v.", err).Final()
	}
	if r.fault != nil {
		return nil, r.fault.Final()
	}
	return req, nil
}

// quote writes a name of the estate, which is UTF-8, as a JSON string.
func quote(s string) []byte {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		panic(fmt.Sprintf("gemini: the estate let a name through that is not UTF-8: %v", err))
	}
	return b
}

// clip bounds what of the caller's own words is repeated to it.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64]
	}
	return s
}
