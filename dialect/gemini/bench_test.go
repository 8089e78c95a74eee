package gemini_test

import (
	"bytes"
	"testing"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/gemini"
	"bulkhead/wire"
)

// small is a request as a small call makes it.
var small = []byte(`{"systemInstruction":{"parts":[{"text":"You are a helpful assistant."}]},"contents":[{"role":"user","parts":[{"text":"What is the capital of France?"}]}],"generationConfig":{"temperature":0.2,"maxOutputTokens":256}}`)

func BenchmarkRead(b *testing.B) {
	var s wire.Scanner
	in := inbound(call.Chat, "alias", false, small)
	l := dialect.Listener{Text: func([]byte) {}, Name: func([]byte) {}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (gemini.Reader{}).Read(in, &s, l); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	var s wire.Scanner
	in := inbound(call.Chat, "alias", false, small)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (gemini.Server{}).Decode(in, &s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	r := decode(b, small)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (gemini.Client{}).Encode(r, api, chat.NewLosses("gemini", nil, nil)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReplyIn(b *testing.B) {
	var s wire.Scanner
	body := recorded(b, "native-output.json")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (gemini.Client{}).Reply(body, &s, api); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReplyOut(b *testing.B) {
	r, err := gemini.Client{}.Reply(recorded(b, "native-output.json"), new(wire.Scanner), api)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (gemini.Server{}).Reply(buf[:0], r, &dialect.Answering{}); err != nil {
			b.Fatal(err)
		}
	}
}

// chunkOfText is one chunk as the vendor sends it.
var chunkOfText = sse(`{"candidates": [{"content": {"parts": [{"text": " crossing in the middle of the block or from between"}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 34,"candidatesTokenCount": 98,"totalTokenCount": 919,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 34}],"thoughtsTokenCount": 787},"modelVersion": "gemini-2.5-pro","responseId": "beHBaJfEMIi-qtsP3769-Q8"}`)

func BenchmarkStreamIn(b *testing.B) {
	d := gemini.Client{}.Stream(api)
	d.Reset(&endless{b: chunkOfText}, make([]byte, 4096), 1<<20)
	emit := func(*chat.Event) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Fill(); err != nil {
			b.Fatal(err)
		}
		for {
			if frame, err := d.Next(emit); err != nil {
				b.Fatal(err)
			} else if frame == nil {
				break
			}
		}
	}
}

func BenchmarkStreamOut(b *testing.B) {
	enc := gemini.Server{}.Stream(&dialect.Answering{})
	out := make([]byte, 0, 4096)
	for _, e := range []chat.Event{{Kind: chat.Begin, Head: &chat.Head{ID: "r", Model: "m"}}, {Kind: chat.Start, Part: &chat.Part{Content: chat.Text{}}}} {
		var err error
		if out, err = enc.Event(out, &e); err != nil {
			b.Fatal(err)
		}
	}
	e := chat.Event{Kind: chat.Delta, Bytes: []byte(" crossing in the middle of the block or from between")}
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if out, err = enc.Event(out[:0], &e); err != nil {
			b.Fatal(err)
		}
	}
	if !bytes.HasPrefix(out, []byte("data: {")) {
		b.Fatalf("%s", out)
	}
}
