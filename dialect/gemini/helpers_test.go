package gemini_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/gemini"
	"bulkhead/fault"
	"bulkhead/wire"
)

var update = flag.Bool("update", false, "write the golden files anew; review the difference")

// api and onVertex are offerings of each surface whose models reason by level;
// budgeted one that reasons by a budget.
var (
	api      = &dialect.Upstream{Model: "gemini-3-pro", Family: "google", UnknownOK: true}
	budgeted = &dialect.Upstream{Model: "gemini-2.5-pro", Family: "google", UnknownOK: true}
	onVertex = &dialect.Upstream{Model: "gemini-3-pro", Surface: gemini.Vertex, Project: "p-1", Location: "us-east4", Family: "google", UnknownOK: true}
)

func recorded(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "recorded", file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// golden holds got against a file, or writes it.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", file)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not as reviewed:\ngot  %s\nwant %s", file, got, want)
	}
}

func inbound(a call.Action, model string, stream bool, body []byte) *dialect.Inbound {
	in := &dialect.Inbound{Action: a, Model: model, Stream: stream, Query: url.Values{}, Body: body}
	if stream {
		in.Query.Set("alt", "sse")
	}
	return in
}

// errBroken is what a source that breaks gives.
var errBroken = errors.New("the connection broke")

// pieces reads b in pieces of the given sizes; the rest in one.
type pieces struct {
	b     []byte
	sizes []int
}

func (p *pieces) Read(to []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := len(p.b)
	if len(p.sizes) > 0 {
		n, p.sizes = min(n, p.sizes[0]), p.sizes[1:]
	}
	n = copy(to[:min(n, len(to))], p.b[:n])
	p.b = p.b[n:]
	return n, nil
}

// drain decodes a stream to events; frames are all the bytes that were given.
func drain(d dialect.StreamDecoder, src io.Reader, emit chat.Sink) (frames []byte, err error) {
	d.Reset(src, nil, 1<<20)
	for {
		err := d.Fill()
		if errors.Is(err, io.EOF) {
			return frames, d.Close(emit)
		}
		if err != nil {
			return frames, err
		}
		for {
			frame, err := d.Next(emit)
			if err != nil {
				return frames, err
			}
			if frame == nil {
				break
			}
			frames = append(frames, frame...)
		}
	}
}

// events decodes a stream whole; events are checked.
func events(t testing.TB, src io.Reader) []chat.Event {
	t.Helper()
	var out []chat.Event
	keep := func(e *chat.Event) error {
		out = append(out, clone(e))
		return nil
	}
	if _, err := drain(gemini.Client{}.Stream(api), src, chat.Checked(keep)); err != nil {
		t.Fatal(err)
	}
	return out
}

// clone copies an event and what it points to.
func clone(e *chat.Event) chat.Event {
	c := e.Clone()
	if e.Usage != nil {
		u := *e.Usage
		c.Usage = &u
	}
	if e.Ending != nil {
		x := *e.Ending
		c.Ending = &x
	}
	return c
}

// lines writes events as canonical JSON, one a line.
func lines(t testing.TB, list []chat.Event) []byte {
	t.Helper()
	var b bytes.Buffer
	for i := range list {
		line, err := chat.Marshal(&list[i])
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	return b.Bytes()
}

// encode writes events as a stream of the dialect.
func encode(t rapid.TB, a *dialect.Answering, list []chat.Event) []byte {
	t.Helper()
	enc := gemini.Server{}.Stream(a)
	var out []byte
	var err error
	for i := range list {
		if out, err = enc.Event(out, &list[i]); err != nil {
			t.Fatal(err)
		}
	}
	return enc.Tail(out)
}

func decode(t testing.TB, body []byte) *chat.Request {
	t.Helper()
	r, err := gemini.Server{}.Decode(inbound(call.Chat, "m", false, body), new(wire.Scanner))
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return r
}

// losses begins a record in the words of canonical JSON.
func losses(allowed ...string) *chat.Losses { return chat.NewLosses("gemini", nil, allowed) }

func kindOf(err error) fault.Kind {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f.Kind
	}
	return ""
}

type number = json.Number

func tree(t rapid.TB, b []byte) any {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return v
}

func sameJSON(t testing.TB, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		g, _ := json.MarshalIndent(got, "", " ")
		w, _ := json.MarshalIndent(want, "", " ")
		t.Errorf("got %s\nwant %s", g, w)
	}
}

// metas are the recorded requests.
func metas(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/recorded/*.meta.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d recorded requests, %v", len(files), err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var meta struct {
			Request struct{ Body json.RawMessage }
		}
		if err := json.Unmarshal(b, &meta); err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".meta.json")] = meta.Request.Body
	}
	return out
}
