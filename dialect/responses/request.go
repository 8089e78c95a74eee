// Package responses is OpenAI's Responses dialect, with Azure's surface of it
// and the public Open Responses specification, for the part that keeps no
// state: what a request asks for and what of its bytes must change on the way
// to an offering; requests and replies into the hub and out of it.
//
// It holds no connection. Begin with [Reader] for the gates' scan, [Server]
// for the caller's side of the hub, [Client] for the vendor's. A conversation
// is sent whole: previous_response_id is refused, store goes upstream as false
// unless the offering's row grants it. docs/dialects/responses.md has the
// table of capabilities and what may change on the relay lane. Fields are
// those of OpenAI's API description 2.3.0 of 2026-08, Azure's v1 surface of
// 2026-07, and the Open Responses specification of 2026-04
// (https://www.openresponses.org/specification).
package responses

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Reader scans requests for the gates. The zero Reader is ready.
type Reader struct{}

var _ dialects.Reader = Reader{}

// Request is a request that was read. It points into the body's bytes.
type Request struct {
	asked  dialects.Asked
	action call.Action
	body   wire.Splice // without edits

	root    wire.Span // just after the opening brace
	empty   bool      // the object has no members
	model   wire.Span // of the value, quotes included; zero: absent
	store   wire.Span // of the value; zero: absent
	stored  bool      // store is not false: absent, true or null
	include wire.Span // of the value; zero: absent
	listed  bool      // include is a list with elements
	sealed  bool      // encrypted reasoning is asked for
	reasons bool      // reasoning is asked for
}

// Asked implements [dialects.Request].
func (r *Request) Asked() *dialects.Asked { return &r.asked }

// Read scans a body once and gives what it asks. A fault is Malformed,
// PreviousNotFound, or Unsupported for a tool, item or part type that is not
// known, and names the field; nothing of the body's text is repeated in it but
// names.
func (Reader) Read(in *dialects.Inbound, s *wire.Scanner, l dialects.Listener) (dialects.Request, error) {
	s.Reset(in.Body)
	req := &Request{action: in.Action, body: wire.Splice{Body: in.Body}, stored: true}
	req.asked.Usage = true // the last event always has it
	r := reader{s: s, l: l, req: req}
	if l.Text != nil {
		s.Hear = r.hear
	}
	if k := s.Next(); k != wire.Object && k != wire.Invalid {
		r.refuse(fault.Malformed, "", "The body is %s; send one JSON object.", k)
		s.Skip()
	} else if s.Object() {
		req.root = wire.Span{Start: s.Pos(), End: s.Pos()}
		fields := topFields
		if in.Action == call.CountTokens {
			fields = countFields
		}
		r.members(fields)
	}
	if err := s.End(); err != nil {
		return nil, fault.New(fault.Malformed, "The body is not acceptable JSON: %v.", err).Final()
	}
	if r.fault != nil {
		return nil, r.fault.Final()
	}
	return req, nil
}

// sealedReasoning is the word of include that asks for encrypted reasoning.
const sealedReasoning = "reasoning.encrypted_content"

// Relay gives the request as it goes to an offering of the dialect. What may
// differ from the caller's bytes, and nothing else: model; store; and, where
// store is turned off for a request that reasons, include, without whose
// encrypted reasoning a later turn that sends its items back would be refused
// by the vendor.
func (r *Request) Relay(to *dialects.Upstream) dialects.Relayed {
	out := dialects.Relayed{Path: path(r.action, to), Body: r.body}
	var front []byte // members to put first
	if r.model != (wire.Span{}) {
		out.Body.Edits = r.edit(out.Body.Edits, r.model, quote(to.Model))
	} else {
		front = append(append(append(front, `"model":`...), quote(to.Model)...), ',')
	}
	if r.action != call.CountTokens && r.stored && !to.Store {
		if r.store != (wire.Span{}) {
			out.Body.Edits = r.edit(out.Body.Edits, r.store, []byte("false"))
		} else {
			front = append(front, `"store":false,`...)
		}
		if !r.sealed && (r.reasons || to.Reasoning != "") {
			const word = `"` + sealedReasoning + `"`
			switch {
			case r.include == (wire.Span{}):
				front = append(front, `"include":[`+word+`],`...)
			case r.listed:
				at := wire.Span{Start: r.include.Start + 1, End: r.include.Start + 1}
				out.Body.Edits = r.edit(out.Body.Edits, at, []byte(word+","))
			default: // null, or an empty list
				out.Body.Edits = r.edit(out.Body.Edits, r.include, []byte(`[`+word+`]`))
			}
		}
	}
	if front != nil {
		if r.empty {
			front = front[:len(front)-1]
		}
		out.Body.Edits = r.edit(out.Body.Edits, r.root, front)
	}
	return out
}

// edit inserts an edit in order of place; an edit that changes nothing is left out.
func (r *Request) edit(edits []wire.Edit, at wire.Span, with []byte) []wire.Edit {
	if string(r.body.Body[at.Start:at.End]) == string(with) {
		return edits
	}
	edits = append(edits, wire.Edit{Span: at, With: with})
	for i := len(edits) - 1; i > 0 && edits[i].Start < edits[i-1].Start; i-- {
		edits[i], edits[i-1] = edits[i-1], edits[i]
	}
	return edits
}

// path is the path and query under an endpoint's URL. On the surface v1
// (OpenAI, compatible servers, Azure's v1) the URL ends where /responses
// begins. On Azure's deployments surface the URL is the resource's, with or
// without /openai; the model is in the body there too.
func path(a call.Action, to *dialects.Upstream) string {
	p := "/responses"
	if a == call.CountTokens {
		p = "/responses/input_tokens"
	}
	if to.Surface == "deployments" && !strings.HasSuffix(strings.TrimSuffix(to.URL, "/"), "/openai") {
		p = "/openai" + p
	}
	if to.APIVersion != "" {
		p += "?api-version=" + url.QueryEscape(to.APIVersion)
	}
	return p
}

// quote writes an id of the estate, which is UTF-8, as a JSON string.
func quote(s string) []byte {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		panic(fmt.Sprintf("responses: the estate let an id through that is not UTF-8: %v", err))
	}
	return b
}
