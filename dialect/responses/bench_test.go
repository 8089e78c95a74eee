package responses_test

import (
	"fmt"
	"io"
	"testing"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/responses"
	"bulkhead/wire"
)

func BenchmarkRead(b *testing.B) {
	body := requests(b)["stream-tools-2"]
	in := &dialect.Inbound{Action: call.Chat, Body: body}
	var s wire.Scanner
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (responses.Reader{}).Read(in, &s, dialect.Listener{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	body := requests(b)["stream-tools-2"]
	in := &dialect.Inbound{Action: call.Chat, Body: body}
	var s wire.Scanner
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (responses.Server{}).Decode(in, &s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	r := request(b, requests(b)["stream-tools-2"])
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (responses.Client{}).Encode(r, openai, chat.NewLosses("responses", nil, nil)); err != nil {
			b.Fatal(err)
		}
	}
}

// delta is a stream with a delta for each line of the loop.
func delta(n int) []byte {
	return fmt.Appendf(nil, "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":%d,\"item_id\":\"msg_67e554a1de488191af0831d35cbe082e0794405d35281ae2\",\"output_index\":0,\"content_index\":0,\"delta\":\" the\",\"logprobs\":[],\"obfuscation\":\"gXy977j6nL2j2\"}\n\n", n)
}

// endless gives one delta after another.
type endless struct {
	head, one []byte
	rest      []byte
}

func (e *endless) Read(b []byte) (int, error) {
	if len(e.rest) == 0 {
		e.rest = e.one
		if e.head != nil {
			e.rest, e.head = e.head, nil
		}
	}
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// BenchmarkStreamIn is one delta of a stream that is read.
func BenchmarkStreamIn(b *testing.B) {
	one := delta(7)
	d := responses.Client{}.Stream(openai)
	d.Reset(&endless{head: sse(created, `{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"m","role":"assistant"}}`), one: one}, make([]byte, 4096), 1<<20)
	deltas := 0
	emit := func(e *chat.Event) error {
		if e.Kind == chat.Delta {
			deltas++
		}
		return nil
	}
	b.SetBytes(int64(len(one)))
	b.ReportAllocs()
	for b.Loop() {
		for was := deltas; deltas == was; {
			frame, err := d.Next(emit)
			if err != nil {
				b.Fatal(err)
			}
			if frame == nil {
				if err := d.Fill(); err != nil && err != io.EOF {
					b.Fatal(err)
				}
			}
		}
	}
}

// BenchmarkStreamOut is one delta of a stream that is written.
func BenchmarkStreamOut(b *testing.B) {
	s := responses.Server{}.Stream(answering())
	out, err := s.Event(make([]byte, 0, 1<<12), &chat.Event{Kind: chat.Begin, Head: &chat.Head{}})
	if err != nil {
		b.Fatal(err)
	}
	if out, err = s.Event(out, &chat.Event{Kind: chat.Start, Part: &chat.Part{Content: chat.Text{}}}); err != nil {
		b.Fatal(err)
	}
	e := &chat.Event{Kind: chat.Delta, Bytes: []byte(" the")}
	b.ReportAllocs()
	for b.Loop() {
		if out, err = s.Event(out[:0], e); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReply is a unary reply, read and written.
func BenchmarkReply(b *testing.B) {
	body := recorded(b, "custom-tool-call.json")
	var s wire.Scanner
	out := make([]byte, 0, 4096)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := responses.Client{}.Reply(body, &s, openai)
		if err != nil {
			b.Fatal(err)
		}
		if out, err = (responses.Server{}).Reply(out[:0], r, answering()); err != nil {
			b.Fatal(err)
		}
	}
}

// A delta costs no allocation, in or out, but what a longer reply needs to grow.
func TestStream_ADeltaCostsNoAllocation(t *testing.T) {
	d := responses.Client{}.Stream(openai)
	d.Reset(&endless{head: sse(created, `{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"m","role":"assistant"}}`), one: delta(7)}, make([]byte, 4096), 1<<20)
	s := responses.Server{}.Stream(answering())
	out := make([]byte, 0, 1<<12)
	emit := func(e *chat.Event) (err error) {
		out, err = s.Event(out[:0], e)
		return err
	}
	one := func() {
		for {
			frame, err := d.Next(emit)
			if err != nil {
				t.Fatal(err)
			}
			if frame != nil {
				return
			}
			if err := d.Fill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 1000 { // past what begins, and what grows at first
		one()
	}
	if n := testing.AllocsPerRun(1000, one); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
