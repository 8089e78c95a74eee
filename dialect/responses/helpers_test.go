package responses_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"

	"pgregory.net/rapid"

	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/responses"
)

// written is the stream that a server writes of events.
func written(t rapid.TB, events []chat.Event) []byte {
	t.Helper()
	s := responses.Server{}.Stream(answering())
	var out []byte
	for i := range events {
		var err error
		if out, err = s.Event(out, &events[i]); err != nil {
			t.Fatal(err)
		}
		if n := len(out); n > 0 && !bytes.HasSuffix(out, []byte("\n\n")) {
			t.Fatalf("after event %d the last frame is not whole: …%q", i, out[max(0, n-80):])
		}
	}
	return s.Tail(out)
}

// readAll reads a stream to its end.
func readAll(t rapid.TB, d dialect.StreamDecoder) ([]chat.Event, error) {
	t.Helper()
	var out []chat.Event
	var check chat.Checker
	emit := func(e *chat.Event) error {
		if err := check.Check(e); err != nil {
			t.Fatalf("an event that may not come: %v", err)
		}
		out = append(out, e.Clone())
		return nil
	}
	for {
		end := d.Fill()
		if end != nil && !errors.Is(end, io.EOF) {
			return out, end
		}
		for {
			frame, err := d.Next(emit)
			if err != nil {
				return out, err
			}
			if frame == nil {
				break
			}
		}
		if end != nil {
			return out, d.Close(emit)
		}
	}
}

// pieces gives bytes in reads of random length.
type pieces struct {
	t    *rapid.T
	rest []byte
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(len(p.rest), rapid.IntRange(1, 2000).Draw(p.t, "read"))])
	p.rest = p.rest[n:]
	return n, nil
}

// frames are the data of a stream's events, with their names.
func frames(t rapid.TB, stream []byte) (out []map[string]any) {
	t.Helper()
	for _, frame := range bytes.Split(bytes.TrimSuffix(stream, []byte("\n\n")), []byte("\n\n")) {
		if string(frame) == "data: [DONE]" {
			out = append(out, map[string]any{"type": "[DONE]"})
			continue
		}
		name, data, ok := bytes.Cut(frame, []byte("\ndata: "))
		if !ok || !bytes.HasPrefix(name, []byte("event: ")) || bytes.ContainsAny(data, "\n\r") {
			t.Fatalf("a frame without a name or data: %q", frame)
		}
		v := object(t, data)
		if v["type"] != string(name[len("event: "):]) {
			t.Fatalf("the event %q is of type %v", name, v["type"])
		}
		out = append(out, v)
	}
	return out
}

// object reads a JSON object, numbers as they are written.
func object(t rapid.TB, data []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return v
}

// lastResponse is the reply in a stream's last event.
func lastResponse(t rapid.TB, stream []byte) []byte {
	t.Helper()
	all := frames(t, stream)
	if len(all) < 2 || all[len(all)-1]["type"] != "[DONE]" {
		t.Fatalf("a stream without an end: %q", stream)
	}
	b, err := json.Marshal(all[len(all)-2]["response"])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// same fails t unless two objects are the same JSON.
func same(t rapid.TB, got, want []byte) {
	t.Helper()
	if g, w := object(t, got), object(t, want); !reflect.DeepEqual(g, w) {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}
