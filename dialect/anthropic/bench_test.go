package anthropic_test

import (
	"io"
	"testing"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/anthropic"
	"bulkhead/wire"
)

// small is a turn with a tool and its result, as agents send them.
const small = `{"model":"m","max_tokens":1024,"stream":true,"system":"You are a helpful assistant.","messages":[{"role":"user","content":"What is the weather in Paris?"},{"role":"assistant","content":[{"type":"text","text":"Let me look."},{"type":"tool_use","id":"toolu_01A","name":"get_weather","input":{"city":"Paris"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_01A","content":"18 degrees, sunny"}]}],"tools":[{"name":"get_weather","description":"Weather of a city","input_schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}]}`

func BenchmarkRead(b *testing.B) {
	in := &dialect.Inbound{Action: call.Chat, Body: []byte(small)}
	s := new(wire.Scanner)
	l := dialect.Listener{Text: func([]byte) {}, Name: func([]byte) {}, Unread: func(dialect.Medium) {}}
	b.ReportAllocs()
	b.SetBytes(int64(len(small)))
	for b.Loop() {
		if _, err := (anthropic.Reader{}).Read(in, s, l); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	in := &dialect.Inbound{Action: call.Chat, Body: []byte(small)}
	s := new(wire.Scanner)
	b.ReportAllocs()
	b.SetBytes(int64(len(small)))
	for b.Loop() {
		if _, err := (anthropic.Server{}).Decode(in, s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	r, err := anthropic.Server{}.Decode(&dialect.Inbound{Action: call.Chat, Body: []byte(small)}, new(wire.Scanner))
	if err != nil {
		b.Fatal(err)
	}
	to := &dialect.Upstream{Model: "m", Family: "anthropic"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (anthropic.Client{}).Encode(r, to, chat.NewLosses("anthropic", nil, nil)); err != nil {
			b.Fatal(err)
		}
	}
}

// endless is a stream whose one block never stops.
type endless struct {
	head, piece []byte
	rest        []byte
}

func (e *endless) Read(to []byte) (int, error) {
	if len(e.rest) == 0 {
		e.rest = e.piece
		if e.head != nil {
			e.rest, e.head = e.head, nil
		}
	}
	n := copy(to, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func oneDelta(kind, start string) (head, piece []byte) {
	return sse(start0(start)...), sse(`{"type":"content_block_delta","index":0,"delta":` + kind + `}`)
}

func start0(content string) []string {
	return []string{start, `{"type":"content_block_start","index":0,"content_block":` + content + `}`}
}

var deltaKinds = []struct{ name, delta, start string }{
	{"text", `{"type":"text_delta","text":" quick brown \"fox\""}`, `{"type":"text","text":""}`},
	{"arguments", `{"type":"input_json_delta","partial_json":"{\"city\":\"Par"}`, `{"type":"tool_use","id":"t","name":"n","input":{}}`},
	{"thinking", `{"type":"thinking_delta","thinking":" hm"}`, `{"type":"thinking","thinking":"","signature":""}`},
}

func BenchmarkStreamIn(b *testing.B) {
	for _, k := range deltaKinds {
		b.Run(k.name, func(b *testing.B) {
			head, piece := oneDelta(k.delta, k.start)
			d := anthropic.Client{}.Stream(&upstreams[0])
			d.Reset(&endless{head: head, piece: piece}, make([]byte, 4096), 1<<20)
			events := 0
			emit := func(e *chat.Event) error { events++; return nil }
			next := func() {
				for {
					f, err := d.Next(emit)
					if err != nil {
						b.Fatal(err)
					}
					if f != nil {
						return
					}
					if err := d.Fill(); err != nil {
						b.Fatal(err)
					}
				}
			}
			for events < 4 {
				next()
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(piece)))
			for b.Loop() {
				next()
			}
		})
	}
}

func BenchmarkStreamOut(b *testing.B) {
	for _, k := range []struct {
		name    string
		content chat.Content
	}{{"text", chat.Text{}}, {"arguments", chat.ToolCall{ID: "t", Name: "n"}}, {"thinking", chat.Reasoning{}}} {
		b.Run(k.name, func(b *testing.B) {
			enc, dst := opened(b, k.content)
			e := chat.Event{Kind: chat.Delta, Bytes: []byte(` quick brown "fox"`)}
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, err = enc.Event(dst[:0], &e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func opened(t testing.TB, c chat.Content) (dialect.StreamEncoder, []byte) {
	enc := anthropic.Server{}.Stream(answering(&chat.Request{}))
	dst := make([]byte, 0, 4096)
	for _, e := range []chat.Event{{Kind: chat.Begin, Head: &chat.Head{}}, {Kind: chat.Start, Part: &chat.Part{Content: c}}, {Kind: chat.Delta, Bytes: []byte("{")}} {
		if _, err := enc.Event(dst, &e); err != nil {
			t.Fatal(err)
		}
	}
	return enc, dst
}

// TestDeltas_CostNoAllocation, in and out.
func TestDeltas_CostNoAllocation(t *testing.T) {
	for _, k := range deltaKinds {
		head, piece := oneDelta(k.delta, k.start)
		d := anthropic.Client{}.Stream(&upstreams[0])
		d.Reset(&endless{head: head, piece: piece}, make([]byte, 4096), 1<<20)
		events := 0
		emit := func(*chat.Event) error { events++; return nil }
		step := func() {
			for want := events + 1; events < want; {
				f, err := d.Next(emit)
				if f == nil && err == nil {
					err = d.Fill()
				}
				if err != nil && err != io.EOF {
					t.Fatal(err)
				}
			}
		}
		for range 8 {
			step()
		}
		if n := testing.AllocsPerRun(200, step); n != 0 {
			t.Errorf("%s in: %v allocations", k.name, n)
		}
	}
	for name, c := range map[string]chat.Content{"text": chat.Text{}, "arguments": chat.ToolCall{ID: "t", Name: "n"}, "thinking": chat.Reasoning{}} {
		enc, dst := opened(t, c)
		e := chat.Event{Kind: chat.Delta, Bytes: []byte(` quick brown "fox"`)}
		if n := testing.AllocsPerRun(200, func() {
			if _, err := enc.Event(dst[:0], &e); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s out: %v allocations", name, n)
		}
	}
}
