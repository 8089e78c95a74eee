// Package translate is the one table of the dialects that this build speaks,
// and the few steps that stand between two of them: what the path of a call,
// `bulkhead translate` and the tests that cross dialects have in common.
//
// It holds no connection and decides nothing. A new dialect is one line in
// [Dialects]. Begin there, then [Request] and [Events].
package translate

import (
	"errors"
	"io"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/anthropic"
	"bulkhead/dialect/bedrock"
	"bulkhead/dialect/gemini"
	"bulkhead/dialect/openai"
	"bulkhead/dialect/responses"
	"bulkhead/fault"
)

// Dialect is all sides of a dialect.
type Dialect struct {
	Name   dialect.Name
	Reader dialect.Reader // the gates' scan, and the relay lane's splice
	Server dialect.Server // the caller's side of the hub
	Client dialect.Client // the vendor's side of the hub
}

// Dialects are those of this build, in the order of [dialect.Name].
func Dialects() []Dialect {
	return []Dialect{
		{dialect.OpenAI, openai.Reader{}, openai.Server{}, openai.Client{}},
		{dialect.Responses, responses.Reader{}, responses.Server{}, responses.Client{}},
		{dialect.Anthropic, anthropic.Reader{}, anthropic.Server{}, anthropic.Client{}},
		{dialect.Bedrock, bedrock.Reader{}, bedrock.Server{}, bedrock.Client{}},
		{dialect.Gemini, gemini.Reader{}, gemini.Server{}, gemini.Client{}},
	}
}

// Of gives the dialect of a name; false if this build has none.
func Of(name dialect.Name) (Dialect, bool) {
	for _, d := range Dialects() {
		if d.Name == name {
			return d, true
		}
	}
	return Dialect{}, false
}

// Losses begins the record of what a caller of d loses on the way to another
// dialect, in d's words. allowed are the losses that the workload allows.
func (d Dialect) Losses(to dialect.Name, allowed []string) *chat.Losses {
	return chat.NewLosses(string(to), d.Server.Fields().Wire, allowed)
}

// Request writes a request that was decoded from d for an offering of another
// dialect. An error is a fault that names the field that cannot be carried.
func (d Dialect) Request(r *chat.Request, other Dialect, to *dialect.Upstream, l *chat.Losses) (*dialect.Outbound, error) {
	if d.Name != other.Name {
		if err := d.Server.Fields().Relied(r, l); err != nil {
			return nil, err
		}
	}
	return other.Client.Encode(r, to, l)
}

// maxFrame bounds one frame of a stream.
const maxFrame = 32 << 20

// Events reads a stream of a vendor's from src to its end and gives its events,
// held to the grammar, to emit. The error is emit's, the source's, a
// *[chat.SequenceError], or the fault of a stream that is not what it should be.
func Events(d dialect.StreamDecoder, src io.Reader, emit chat.Sink) error {
	checked := chat.Checked(emit)
	d.Reset(src, nil, maxFrame)
	for {
		filled := d.Fill()
		for {
			frame, err := d.Next(checked)
			if err != nil {
				return err
			}
			if frame == nil {
				break
			}
		}
		switch {
		case errors.Is(filled, io.EOF):
			return d.Close(checked)
		case filled != nil:
			return filled
		}
	}
}

// Stream writes a vendor's stream as a caller of another dialect sees it, and
// gives what was appended to dst even where it ends in a fault, which is then
// told in the dialect's own form.
func Stream(dst []byte, d dialect.StreamDecoder, src io.Reader, e dialect.StreamEncoder) ([]byte, error) {
	failed := false
	err := Events(d, src, func(ev *chat.Event) (err error) {
		if ev.Kind == chat.Fail {
			failed = true
			dst = e.Fail(dst, ev.Fault)
			return ev.Fault
		}
		dst, err = e.Event(dst, ev)
		return err
	})
	switch {
	case failed:
		return dst, err
	case err != nil:
		return e.Fail(dst, fault.From(err)), err
	}
	return e.Tail(dst), nil
}
