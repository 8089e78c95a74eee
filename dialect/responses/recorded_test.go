package responses_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/responses"
	"bulkhead/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// openai is the offering in these tests.
var openai = &dialect.Upstream{Model: "gpt", Family: "openai:org"}

// recorded reads a file of the recordings.
func recorded(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "recorded", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// streams gives the recorded streams; a file with several has each under its number.
func streams(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/recorded/*.sse")
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	out := map[string][]byte{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".sse")
		pieces := bytes.SplitAfter(recorded(t, name+".sse"), []byte("event: response.created\n"))
		for i, p := range pieces[1:] {
			p, _ = bytes.CutSuffix(p, []byte("event: response.created\n"))
			at := name
			if len(pieces) > 2 {
				at += "." + string(rune('1'+i))
			}
			out[at] = append([]byte("event: response.created\n"), p...)
		}
	}
	return out
}

// replies are the recorded unary replies.
var replies = []string{"custom-tool-call", "document-url-input", "image-url-input", "reasoning-encrypted-json", "reasoning-summary-auto", "web-search-json", "azure-responses-text-json"}

// decode reads a stream to its end; the events are legal or it fails.
func decode(t testing.TB, src io.Reader) ([]chat.Event, error) {
	t.Helper()
	d := responses.Client{}.Stream(openai)
	d.Reset(src, nil, 1<<20)
	return read(t, d)
}

func read(t testing.TB, d dialect.StreamDecoder) ([]chat.Event, error) {
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
		err := d.Fill()
		if err != nil && err != io.EOF {
			return out, err
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
		if err == io.EOF {
			return out, d.Close(emit)
		}
	}
}

// lines writes events one a line, neighbouring deltas as one.
func lines(t testing.TB, events []chat.Event) string {
	t.Helper()
	var merged []chat.Event
	for _, e := range events {
		if n := len(merged); n > 0 && e.Kind == chat.Delta && merged[n-1].Kind == chat.Delta {
			merged[n-1].Bytes = append(merged[n-1].Bytes, e.Bytes...)
			continue
		}
		merged = append(merged, e.Clone())
	}
	var b strings.Builder
	for i := range merged {
		line, err := chat.Marshal(&merged[i])
		if err != nil {
			t.Fatal(err)
		}
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.String()
}

// golden holds text against a file beside the recordings.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "recorded", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != string(want) {
		t.Errorf("%s: %v\ngot  %s\nwant %s", name, err, got, want)
	}
}

func TestRecorded_StreamsAreTheEventsThatAReviewerStated(t *testing.T) {
	for name, b := range streams(t) {
		events, err := decode(t, bytes.NewReader(b))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		golden(t, name, lines(t, events))
	}
}

func TestRecorded_StreamsCutAnywhereAreTheSame(t *testing.T) {
	for name, b := range streams(t) {
		whole, err := decode(t, bytes.NewReader(b))
		if err != nil {
			t.Fatal(name, err)
		}
		want := lines(t, whole)
		got, err := decode(t, iotest.OneByteReader(bytes.NewReader(b))) // cut at every boundary
		if err != nil || lines(t, got) != want {
			t.Errorf("%s cut at every byte: %v\n%s", name, err, lines(t, got))
		}
		crlf := bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
		if got, err := decode(t, iotest.HalfReader(bytes.NewReader(crlf))); err != nil || lines(t, got) != want {
			t.Errorf("%s with CRLF: %v", name, err)
		}
		step := 1 + len(b)/60 // in two pieces, at some places
		for n := 1; n < len(b); n += step {
			got, err := decode(t, io.MultiReader(bytes.NewReader(b[:n]), bytes.NewReader(b[n:])))
			if err != nil || lines(t, got) != want {
				t.Fatalf("%s cut at %d: %v", name, n, err)
			}
		}
	}
}

// What breaks off before its last event is whole is never a complete reply.
func TestRecorded_StreamsThatBreakOffAreErrors(t *testing.T) {
	for name, b := range streams(t) {
		end := bytes.TrimSpace(b)
		if at := bytes.LastIndex(end, []byte("\n\ndata: [DONE]")); at >= 0 {
			end = end[:at]
		}
		step := 1 + len(end)/150
		for n := 0; n <= len(end); n += step {
			events, err := decode(t, bytes.NewReader(b[:n]))
			if err == nil || len(events) > 0 && events[len(events)-1].Kind == chat.End {
				t.Fatalf("%s cut at %d of %d is complete: …%q", name, n, len(b), b[max(0, n-60):n])
			}
		}
	}
}

func TestRecorded_RepliesAreWhatAReviewerStated(t *testing.T) {
	for _, name := range replies {
		r, err := responses.Client{}.Reply(recorded(t, name+".json"), new(wire.Scanner), openai)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		line, err := chat.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, strings.ReplaceAll(string(line), `},{"type":`, "},\n{\"type\":")+"\n")
	}
}

// requests are the recorded requests, by case.
func requests(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/recorded/*.meta.json")
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	out := map[string][]byte{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".meta.json")
		var meta struct {
			Request struct{ Body json.RawMessage }
		}
		if err := json.Unmarshal(recorded(t, name+".meta.json"), &meta); err != nil {
			t.Fatal(err)
		}
		out[name] = meta.Request.Body
	}
	return out
}

func request(t testing.TB, body []byte) *chat.Request {
	t.Helper()
	r, err := responses.Server{}.Decode(&dialect.Inbound{Action: call.Chat, Body: body}, new(wire.Scanner))
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return r
}

func TestRecorded_RequestsAreWhatAReviewerStated(t *testing.T) {
	for name, body := range requests(t) {
		line, err := chat.Marshal(request(t, body))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".request", string(line)+"\n")
	}
}
