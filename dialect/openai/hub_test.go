package openai_test

import (
	"bytes"
	"errors"
	"io"
	"time"

	"pgregory.net/rapid"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/openai"
	"bulkhead/wire"
)

// what is needed of an offering and of a caller by most tests.
var (
	upstream  = &dialect.Upstream{Model: "m", URL: "https://api.example/v1", Family: "family", Store: true, AskUsage: true, Reasoning: "effort"}
	answering = &dialect.Answering{Call: call.ID("01J"), Created: time.Unix(1_700_000_000, 0), Model: "alias", Request: &chat.Request{Usage: true}}
)

func decode(body string) (*chat.Request, error) {
	return openai.Server{}.Decode(&dialect.Inbound{Action: call.Chat, Body: []byte(body)}, new(wire.Scanner))
}

func encode(t rapid.TB, r *chat.Request, to *dialect.Upstream, l *chat.Losses) string {
	t.Helper()
	out, err := openai.Client{}.Encode(r, to, l)
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	sound(t, out.Body)
	return string(out.Body)
}

// sound fails t unless the bytes are one JSON value that a strict reader takes.
func sound(t rapid.TB, b []byte) {
	t.Helper()
	var s wire.Scanner
	s.Reset(b)
	s.Skip()
	if err := s.End(); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
}

func losses() *chat.Losses { return chat.NewLosses("openai", nil, nil) }

// events decodes a whole stream, holding it to the grammar.
func events(src io.Reader) ([]chat.Event, error) {
	var out []chat.Event
	keep := chat.Checked(func(e *chat.Event) error {
		c := e.Clone()
		if e.Usage != nil {
			u := *e.Usage
			c.Usage = &u
		}
		if e.Part != nil {
			p := *e.Part
			c.Part = &p
		}
		if e.Logprobs != nil {
			c.Logprobs = append([]chat.Logprob(nil), e.Logprobs...)
		}
		out = append(out, c)
		return nil
	})
	d := openai.Client{}.Stream(upstream)
	d.Reset(src, nil, 1<<20)
	for {
		err := d.Fill()
		for {
			frame, nextErr := d.Next(keep)
			if nextErr != nil {
				return out, nextErr
			}
			if frame == nil {
				break
			}
		}
		if errors.Is(err, io.EOF) {
			return out, d.Close(keep)
		}
		if err != nil {
			return out, err
		}
	}
}

func fold(t rapid.TB, in []chat.Event) *chat.Reply {
	t.Helper()
	var f chat.Folder
	for i := range in {
		if err := f.Add(&in[i]); err != nil {
			t.Fatal(err)
		}
	}
	r, err := f.Reply()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// stream encodes events as a caller sees them.
func stream(t rapid.TB, in []chat.Event, a *dialect.Answering) []byte {
	t.Helper()
	e := openai.Server{}.Stream(a)
	var out []byte
	for i := range in {
		var err error
		if out, err = e.Event(out, &in[i]); err != nil {
			t.Fatal(err)
		}
	}
	return e.Tail(out)
}

// oneByte gives one byte a read.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

// split gives a text in two reads.
func split(b []byte, at int) io.Reader {
	return io.MultiReader(bytes.NewReader(b[:at]), bytes.NewReader(b[at:]))
}
