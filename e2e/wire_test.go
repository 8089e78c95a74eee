package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// standard are the fields of a chunk in OpenAI's document.
var standard = []string{"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"}

// compareWire makes the same stream in both lanes and holds the bytes of one
// against the other, once what differs from call to call is levelled.
//
// llama.cpp hangs its timings on a stream's last chunk. If the caller does not
// ask for usage, Bulkhead does, to meter the call: the last chunk is then the
// one with the usage, which the caller does not get, and the timings go with
// it. Nothing else may differ.
func compareWire(t *testing.T, direct, through lane, words string) {
	for _, row := range []struct {
		name, options string
		timings       string // what of the direct bytes is not expected
	}{
		{"usage asked for", `,"stream_options":{"include_usage":true}`, ""},
		{"usage not asked for", "", `,"timings":\{[^}]*\}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			const ask = `{"model":%q,"messages":[{"role":"user","content":%q}],"max_tokens":12,"temperature":0,"seed":7,"cache_prompt":false,"stream":true%s}`
			plain := read(t, direct, fmt.Sprintf(ask, direct.Model, words, row.options))
			passed := read(t, through, fmt.Sprintf(ask, through.Model, words, row.options))
			t.Logf("direct:   %s", describe(plain))
			t.Logf("bulkhead: %s", describe(passed))
			if row.timings != "" {
				plain = regexp.MustCompile(row.timings).ReplaceAllString(plain, "")
			}
			if diff := cmp.Diff(level(plain), level(passed)); diff != "" {
				t.Errorf("not the same bytes through Bulkhead (- direct, + bulkhead):\n%s", diff)
			}
		})
	}
}

// keepAlive has the server read a prompt that takes it seconds. It then sends
// comments, and with return_progress chunks without content, both of which
// come through.
func keepAlive(t *testing.T, direct, through lane) {
	const ask = `{"model":%q,"messages":[{"role":"user","content":%q}],"max_tokens":3,"temperature":0,"cache_prompt":false,"return_progress":true,"stream":true}`
	for _, lane := range []struct {
		name string
		lane
	}{{"direct", direct}, {"bulkhead", through}} {
		got := read(t, lane.lane, fmt.Sprintf(ask, lane.Model, strings.Repeat("word ", 1900)))
		t.Logf("%s: %s", lane.name, describe(got))
		if !strings.Contains(got, "\n:\n\n") || !strings.Contains(got, `"prompt_progress"`) || !strings.HasSuffix(got, "data: [DONE]\n\n") {
			t.Errorf("%s: want comments, chunks with prompt_progress and the end, got:\n%s", lane.name, tail(got, 2000))
		}
	}
}

// open begins a stream.
func open(t *testing.T, ctx context.Context, l lane, body string) io.ReadCloser {
	t.Helper()
	call, err := http.NewRequestWithContext(ctx, http.MethodPost, l.URL+"/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	call.Header.Set("Content-Type", "application/json")
	call.Header.Set("Authorization", "Bearer "+l.Key)
	reply, err := http.DefaultClient.Do(call)
	if err != nil {
		t.Fatal(err)
	}
	if kind := reply.Header.Get("Content-Type"); reply.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		defer reply.Body.Close()
		text, _ := io.ReadAll(reply.Body)
		t.Fatalf("status %d, %s: %s", reply.StatusCode, kind, text)
	}
	return reply.Body
}

// read gives the bytes of a whole stream.
func read(t *testing.T, l lane, body string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	stream := open(t, ctx, l, body)
	defer stream.Close()
	text, err := io.ReadAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	ids   = regexp.MustCompile(`"id": ?"[^"]*"`)
	times = regexp.MustCompile(`"(created|[a-z_]+_ms|[a-z_]+_per_second)": ?[0-9.e+-]+`)
)

// level replaces what differs from call to call, and gives the lines.
func level(stream string) []string {
	stream = ids.ReplaceAllString(stream, `"id":ID`)
	return strings.SplitAfter(times.ReplaceAllString(stream, `"$1":N`), "\n")
}

// describe says what a stream does beyond OpenAI's document.
func describe(stream string) string {
	var comments, chunks int
	extra, usage := map[string]bool{}, "none"
	for line := range strings.Lines(stream) {
		if strings.HasPrefix(line, ":") {
			comments++
		}
		data, ok := strings.CutPrefix(line, "data: ")
		var chunk map[string]json.RawMessage
		if !ok || json.Unmarshal([]byte(data), &chunk) != nil {
			continue
		}
		chunks++
		for name := range chunk {
			if !slices.Contains(standard, name) {
				extra[name] = true
			}
		}
		if u := chunk["usage"]; u != nil && !bytes.Equal(u, []byte("null")) {
			usage = fmt.Sprintf("in chunk %d", chunks)
			if bytes.Equal(chunk["choices"], []byte("[]")) {
				usage += ", its choices empty"
			}
		}
	}
	names := []string{}
	for name := range extra {
		names = append(names, name)
	}
	sort.Strings(names)
	return fmt.Sprintf("%d chunks, %d comments, usage %s, other fields %v", chunks, comments, usage, names)
}
