package bedrock_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/bedrock"
	"bulkhead/wire"
)

// asSequence finds a break of the grammar in an error.
func asSequence(err error, out **chat.SequenceError) bool { return errors.As(err, out) }

func benchmarked(b *testing.B) (*dialect.Inbound, *wire.Scanner) {
	x, _ := recorded(b, "testdata/recorded/parallel-tools-json-2.json")
	in := inbound(b, x)
	b.SetBytes(int64(len(in.Body)))
	b.ReportAllocs()
	return in, &wire.Scanner{}
}

func BenchmarkRead(b *testing.B) {
	in, s := benchmarked(b)
	for b.Loop() {
		if _, err := (bedrock.Reader{}).Read(in, s, dialect.Listener{Text: func([]byte) {}, Name: func([]byte) {}}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	in, s := benchmarked(b)
	for b.Loop() {
		if _, err := (bedrock.Server{}).Decode(in, s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	in, s := benchmarked(b)
	r, err := bedrock.Server{}.Decode(in, s)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := (bedrock.Client{}).Encode(r, anthropic, chat.NewLosses("bedrock", nil, nil)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReply(b *testing.B) {
	_, body := recorded(b, "testdata/recorded/thinking-json-1.json")
	var s wire.Scanner
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (bedrock.Client{}).Reply(body, &s, anthropic); err != nil {
			b.Fatal(err)
		}
	}
}

// deltas is a stream that never ends: the same delta again and again.
type deltas struct {
	head, frame []byte
	at          int
}

func (d *deltas) Read(b []byte) (int, error) {
	if len(d.head) > 0 {
		n := copy(b, d.head)
		d.head = d.head[n:]
		return n, nil
	}
	n := copy(b, d.frame[d.at:])
	d.at = (d.at + n) % len(d.frame)
	return n, nil
}

func streamOf(b testing.TB) *deltas {
	return &deltas{head: frames(b, `messageStart {"role":"assistant"}`), frame: frames(b, `contentBlockDelta {"contentBlockIndex":0,"delta":{"text":" said \"so\" and"},"p":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJK"}`)}
}

func stepper(d dialect.StreamDecoder, src io.Reader, sink chat.Sink) func() error {
	d.Reset(src, make([]byte, 4096), 1<<20)
	return func() error {
		for {
			frame, err := d.Next(sink)
			if frame != nil || err != nil {
				return err
			}
			if err := d.Fill(); err != nil {
				return err
			}
		}
	}
}

func BenchmarkStreamIn(b *testing.B) {
	step := stepper(bedrock.Client{}.Stream(family), streamOf(b), func(*chat.Event) error { return nil })
	b.ReportAllocs()
	for b.Loop() {
		if err := step(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStreamOut(b *testing.B) {
	e, out := opened(b)
	delta := chat.Event{Kind: chat.Delta, Bytes: []byte(` said "so" and`)}
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if out, err = e.Event(out[:0], &delta); err != nil {
			b.Fatal(err)
		}
	}
}

func opened(t testing.TB) (dialect.StreamEncoder, []byte) {
	t.Helper()
	e := bedrock.Server{}.Stream(answering())
	out := make([]byte, 0, 4096)
	for _, ev := range []chat.Event{{Kind: chat.Begin, Head: &chat.Head{}}, {Kind: chat.Start, Part: part(chat.Text{})}} {
		var err error
		if out, err = e.Event(out, &ev); err != nil {
			t.Fatal(err)
		}
	}
	return e, out
}

func TestStream_AllocatesNothingForADelta(t *testing.T) {
	step := stepper(bedrock.Client{}.Stream(family), streamOf(t), func(*chat.Event) error { return nil })
	for range 100 {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(500, func() {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("reading a delta allocates %v times", n)
	}
	e, out := opened(t)
	for _, kind := range []chat.Content{chat.Text{}, chat.Reasoning{}, chat.ToolCall{ID: "a", Name: "b"}} {
		e, out = opened(t)
		if _, err := e.Event(out[:0], &chat.Event{Kind: chat.Stop}); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Event(out[:0], &chat.Event{Kind: chat.Start, Index: 1, Part: part(kind)}); err != nil {
			t.Fatal(err)
		}
		delta := chat.Event{Kind: chat.Delta, Index: 1, Bytes: []byte(` said "so" and`)}
		if n := testing.AllocsPerRun(500, func() {
			var err error
			if out, err = e.Event(out[:0], &delta); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("writing a delta of %s allocates %v times", kind.Kind(), n)
		}
	}
}

func TestRead_HearsNothingWithoutAListener(t *testing.T) {
	var s wire.Scanner
	if _, err := (bedrock.Reader{}).Read(&dialect.Inbound{Action: call.Chat, Body: bytes.Clone([]byte(block(`{"image":{"format":"png","source":{"bytes":"AAAA"}}}`)))}, &s, dialect.Listener{}); err != nil {
		t.Fatal(err)
	}
}
