package openai_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/openai"
	"bulkhead/wire"
)

const small = `{"model":"chat","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"Say hello in one word."}],"temperature":0.2,"max_completion_tokens":64,"tools":[{"type":"function","function":{"name":"get_weather","description":"The weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}]}`

func BenchmarkDecode(b *testing.B) {
	for _, row := range []struct{ name, body string }{
		{"small", small},
		{"100KB", strings.Replace(small, "Say hello", strings.Repeat("All work and no play. ", 4600), 1)},
	} {
		b.Run(row.name, func(b *testing.B) {
			in, s := &dialect.Inbound{Action: call.Chat, Body: []byte(row.body)}, new(wire.Scanner)
			b.SetBytes(int64(len(row.body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (openai.Server{}).Decode(in, s); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("encode "+row.name, func(b *testing.B) {
			r, err := decode(row.body)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(row.body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (openai.Client{}).Encode(r, upstream, losses()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReply(b *testing.B) {
	body := []byte(`{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":0}}}`)
	s := new(wire.Scanner)
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		r, err := openai.Client{}.Reply(body, s, upstream)
		if err != nil {
			b.Fatal(err)
		}
		if out, err = (openai.Server{}).Reply(out[:0], r, answering); err != nil {
			b.Fatal(err)
		}
	}
}

// endless gives the same chunk again and again, one a read.
type endless struct{ chunk []byte }

func (e endless) Read(p []byte) (int, error) { return copy(p, e.chunk), nil }

func benchStream(b *testing.B, first, chunk string) {
	d := openai.Client{}.Stream(upstream)
	d.Reset(io.MultiReader(strings.NewReader(first), endless{[]byte(chunk)}), make([]byte, 4096), 1<<20)
	e := openai.Server{}.Stream(answering)
	var out []byte
	n := 0
	sink := func(ev *chat.Event) (err error) {
		n++
		out, err = e.Event(out, ev)
		return err
	}
	one := func() {
		out = out[:0]
		if err := d.Fill(); err != nil {
			b.Fatal(err)
		}
		for {
			frame, err := d.Next(sink)
			if err != nil {
				b.Fatal(err)
			}
			if frame == nil {
				break
			}
		}
	}
	for range 8 {
		one()
	}
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		one()
	}
	if n == 0 || !bytes.Contains(out, []byte("data: ")) {
		b.Fatal("nothing came of it")
	}
}

const chunkHead = `data: {"id":"chatcmpl-ABfw","object":"chat.completion.chunk","created":1727346178,"model":"gpt-4o-2024-08-06","system_fingerprint":"fp_5050236cbd","choices":[{"index":0,"delta":`
const chunkTail = `,"logprobs":null,"finish_reason":null}]}` + "\n\n"

// BenchmarkStreamDelta is one delta read and written: no allocation.
func BenchmarkStreamDelta(b *testing.B) {
	b.Run("text", func(b *testing.B) {
		benchStream(b, chunkHead+`{"role":"assistant","content":""}`+chunkTail, chunkHead+`{"content":" wea\nther"}`+chunkTail)
	})
	b.Run("call", func(b *testing.B) {
		benchStream(b, chunkHead+calls(begun(0, "call_1", "f", ""))+chunkTail, chunkHead+calls(more(0, `"city`))+chunkTail)
	})
}

func TestStream_ADeltaAllocatesNothing(t *testing.T) {
	for name, row := range map[string][2]string{
		"text": {chunkHead + `{"role":"assistant","content":""}` + chunkTail, chunkHead + `{"content":" wea\nther"}` + chunkTail},
		"call": {chunkHead + calls(begun(0, "call_1", "f", "")) + chunkTail, chunkHead + calls(more(0, `"city`)) + chunkTail},
	} {
		d := openai.Client{}.Stream(upstream)
		d.Reset(io.MultiReader(strings.NewReader(row[0]), endless{[]byte(row[1])}), make([]byte, 4096), 1<<20)
		e := openai.Server{}.Stream(answering)
		var out []byte
		sink := func(ev *chat.Event) (err error) { out, err = e.Event(out, ev); return err }
		one := func() {
			out = out[:0]
			_ = d.Fill()
			for {
				if frame, err := d.Next(sink); err != nil || frame == nil {
					break
				}
			}
		}
		for range 8 {
			one()
		}
		if n := testing.AllocsPerRun(200, one); n != 0 || len(out) == 0 {
			t.Errorf("%s: %v allocations, %d bytes", name, n, len(out))
		}
	}
}
