// Package openai is OpenAI's dialect, chat completions, embeddings and models,
// with Azure's surface of it: what a request asks for, what of its bytes must
// change on the way to an offering, and what the frames of a reply say.
//
// It holds no connection. On the relay lane nothing is re-encoded: a request is
// read in one scan ([Read], [Reader]); what must change is spliced
// ([Request.For]); a reply is read as it passes ([ReadReply]). On the translate
// lane [Server] is the caller's side of the hub and [Client] the vendor's.
// Fields are those of OpenAI's API description 2.3.0 of 2026-08 and of Azure's
// v1 surface of 2026-07; docs/dialects/openai.md lists what becomes of them.
package openai

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Need is a capability that a request uses, and the field by which it does.
type Need = dialects.Need

// Request is what the path of a call needs to know of a body. It points into
// the body's bytes and lives as long as they do.
type Request struct {
	Body      wire.Splice // without edits
	Action    call.Action
	Alias     string // the model asked for; empty if the body names none
	Stream    bool
	Usage     bool     // the caller asked for the usage chunk
	MaxOutput int64    // tokens; zero: not stated
	Choices   int64    // n; zero: not stated
	Tokens    bool     // an embeddings input of token ids, which cannot be read as text
	Needs     []Need   // capabilities of law 1, in order of place
	Unknown   []string // top-level fields that the dialect does not know, in order of place
	State     bool     // a call has extra_content, where compatible servers put signatures
	Calls     bool     // an earlier turn called tools

	root          wire.Span // just after the opening brace, and the first member's name or the closing brace
	empty         bool      // the object has no members
	model         wire.Span // of the value, quotes included; zero: absent
	store         wire.Span // of the value true; zero: absent, or already false
	streamOptions wire.Span // of the value; zero: absent
	options       optionsShape
	includeUsage  wire.Span // of include_usage's value within stream_options
}

type optionsShape int

const (
	optionsAbsent optionsShape = iota
	optionsNull
	optionsEmpty // an object without members
	optionsObject
)

// Read scans a body once and gives what it asks. A fault is Malformed, or
// Unsupported for a tool or part type that is not known, and names the field;
// nothing of the body's text is repeated in it but names. l hears the body as
// it is read.
func Read(action call.Action, body []byte, s *wire.Scanner, l dialects.Listener) (*Request, error) {
	s.Reset(body)
	r := reader{s: s, l: l, req: &Request{Action: action, Body: wire.Splice{Body: body}}}
	if l.Text != nil {
		s.Hear = r.hear
	}
	if k := s.Next(); k != wire.Object && k != wire.Invalid {
		r.refuse(fault.Malformed, "", "The body is %s; send one JSON object.", k)
		s.Skip()
	} else if s.Object() {
		r.req.root = wire.Span{Start: s.Pos(), End: s.Pos()}
		fields := chatFields
		if action == call.Embeddings {
			fields = embeddingsFields
		}
		r.members(fields)
	}
	if err := s.End(); err != nil {
		return nil, fault.New(fault.Malformed, "The body is not acceptable JSON: %v.", err).Final()
	}
	if r.fault != nil {
		return nil, r.fault.Final()
	}
	return r.req, nil
}

// Target is what an offering needs changed.
type Target struct {
	Model    string // the vendor's own id for the model
	AskUsage bool   // ask for the usage chunk of a stream
	Store    bool   // the row grants that the vendor keeps the reply
	Omit     bool   // the URL names the model, so a body without one stays so
}

// For gives the body as it goes to a target. What may differ from the caller's
// bytes, and nothing else: model, store, stream_options.include_usage.
func (r *Request) For(t Target) wire.Splice {
	out := r.Body
	var front []byte // members to put first
	if r.model != (wire.Span{}) {
		out.Edits = r.edit(out.Edits, r.model, quote(t.Model))
	} else if !t.Omit {
		front = append(append(append(front, `"model":`...), quote(t.Model)...), ',')
	}
	if r.store != (wire.Span{}) && !t.Store {
		out.Edits = r.edit(out.Edits, r.store, []byte("false"))
	}
	if t.AskUsage && r.Stream && !r.Usage {
		switch {
		case r.options == optionsAbsent:
			front = append(front, `"stream_options":{"include_usage":true},`...)
		case r.options == optionsNull:
			out.Edits = r.edit(out.Edits, r.streamOptions, []byte(`{"include_usage":true}`))
		case r.includeUsage != (wire.Span{}):
			out.Edits = r.edit(out.Edits, r.includeUsage, []byte("true"))
		default:
			at := wire.Span{Start: r.streamOptions.Start + 1, End: r.streamOptions.Start + 1}
			with := `"include_usage":true`
			if r.options == optionsObject {
				with += ","
			}
			out.Edits = r.edit(out.Edits, at, []byte(with))
		}
	}
	if front != nil {
		if r.empty {
			front = front[:len(front)-1]
		}
		out.Edits = r.edit(out.Edits, r.root, front)
	}
	return out
}

// edit inserts an edit in order of place; an edit that changes nothing is left out.
func (r *Request) edit(edits []wire.Edit, at wire.Span, with []byte) []wire.Edit {
	if string(r.Body.Body[at.Start:at.End]) == string(with) {
		return edits
	}
	edits = append(edits, wire.Edit{Span: at, With: with})
	for i := len(edits) - 1; i > 0 && edits[i].Start < edits[i-1].Start; i-- {
		edits[i], edits[i-1] = edits[i-1], edits[i]
	}
	return edits
}

// quote writes an id of the estate, which is UTF-8, as a JSON string.
func quote(s string) []byte {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		panic(fmt.Sprintf("openai: the estate let an id through that is not UTF-8: %v", err))
	}
	return b
}
