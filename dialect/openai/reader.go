package openai

import (
	"bulkhead/wire"

	dialects "bulkhead/dialect"
)

// Reader is [Read] as every dialect has it.
type Reader struct{}

var _ dialects.Reader = Reader{}

// Read scans a request. A model that the path names, as on Azure's older
// surface, goes before the one in the body.
func (Reader) Read(in *dialects.Inbound, s *wire.Scanner, l dialects.Listener) (dialects.Request, error) {
	r, err := Read(in.Action, in.Body, s, l)
	if err != nil {
		return nil, err
	}
	asked := dialects.Asked{Alias: r.Alias, Stream: r.Stream, Usage: r.Usage, MaxOutput: r.MaxOutput, Choices: r.Choices, Tokens: r.Tokens, Needs: r.Needs, Unknown: r.Unknown,
		State: r.State, Calls: r.Calls}
	if in.Model != "" {
		asked.Alias = in.Model
	}
	return &request{r, asked}, nil
}

// request is a Request as every dialect has it.
type request struct {
	r     *Request
	asked dialects.Asked
}

// Asked is what the gates need to know.
func (q *request) Asked() *dialects.Asked { return &q.asked }

// Relay gives the request as it goes to an offering of this dialect: see [Request.For].
func (q *request) Relay(to *dialects.Upstream) dialects.Relayed {
	return dialects.Relayed{
		Path: path(to, q.r.Action),
		Body: q.r.For(Target{Model: to.Model, AskUsage: to.AskUsage, Store: to.Store, Omit: byURL(to.Surface)}),
	}
}
