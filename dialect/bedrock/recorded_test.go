package bedrock_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/bedrock"
	"bulkhead/fault"
	"bulkhead/wire"
)

var update = flag.Bool("update", false, "rewrite golden files; review the difference by eye")

// exchange is what a recording says beside the reply's body.
type exchange struct {
	Request *struct {
		URI  string         `json:"uri"`
		Body jsontext.Value `json:"body"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
	} `json:"response"`
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func recorded(t testing.TB, file string) (exchange, []byte) {
	t.Helper()
	var x exchange
	meta := strings.TrimSuffix(file, filepath.Ext(file)) + ".meta.json"
	if b, err := os.ReadFile(meta); err == nil {
		if err := json.Unmarshal(b, &x); err != nil {
			t.Fatal(err)
		}
	}
	return x, read(t, file)
}

// inbound is a recorded request as its route would take it in.
func inbound(t testing.TB, x exchange) *dialect.Inbound {
	t.Helper()
	u, err := url.Parse(x.Request.URI)
	if err != nil { // a placeholder for the region
		u, err = url.Parse(strings.ReplaceAll(x.Request.URI, "<AWS_REGION>", "us-east-1"))
	}
	if err != nil {
		t.Fatal(err)
	}
	rest := strings.TrimPrefix(u.Path, "/model/")
	i := strings.LastIndexByte(rest, '/')
	body := []byte(x.Request.Body)
	if x.Request.Body.Kind() == '"' { // a body that the recorder could not read; its last brace is lost
		var s string
		if err := json.Unmarshal(x.Request.Body, &s); err != nil {
			t.Fatal(err)
		}
		body = []byte(s + "}")
	}
	return &dialect.Inbound{Action: call.Chat, Model: rest[:i], Stream: strings.HasSuffix(rest, "stream"), Header: http.Header{}, Body: body}
}

var anthropic = &dialect.Upstream{Model: "us.anthropic.claude-sonnet-4-20250514-v1:0", Family: "anthropic", UnknownOK: true}

func answering() *dialect.Answering {
	return &dialect.Answering{Call: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Created: time.Unix(1, 0), Model: "m", Request: &chat.Request{}, Loss: chat.NewLosses("bedrock", nil, nil)}
}

// golden compares with a file of testdata/golden.
func golden(t *testing.T, name string, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(read(t, file)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func canonical(t testing.TB, v any) string {
	t.Helper()
	b, err := chat.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

// events decodes a stream, whose reads r cuts, and gives the events as lines.
func events(d dialect.StreamDecoder, r io.Reader) (lines []string, raw []byte, err error) {
	raw, err = decode(d, r, func(e *chat.Event) error {
		if e.Kind == chat.Delta { // as below, but sooner
			text, err := jsontext.AppendQuote(nil, e.Bytes)
			lines = append(lines, fmt.Sprintf(`{"event":"delta","part_index":%d,"text":%s}`, e.Index, text))
			return err
		}
		b, err := chat.Marshal(e)
		lines = append(lines, string(b))
		return err
	})
	return lines, raw, err
}

// decode reads a whole stream.
func decode(d dialect.StreamDecoder, r io.Reader, to chat.Sink) (raw []byte, err error) {
	d.Reset(r, nil, 1<<20)
	sink := chat.Checked(to)
	for {
		fill := d.Fill()
		for {
			frame, err := d.Next(sink)
			raw = append(raw, frame...)
			if err != nil {
				return raw, err
			}
			if frame == nil {
				break
			}
		}
		if errors.Is(fill, io.EOF) {
			return raw, d.Close(sink)
		}
		if fill != nil {
			return raw, fill
		}
	}
}

func files(t testing.TB, pattern string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(all) == 0 {
		t.Fatalf("%s: no files, or %v", pattern, err)
	}
	var out []string
	for _, f := range all {
		if !strings.HasSuffix(f, ".meta.json") {
			out = append(out, f)
		}
	}
	return out
}

func base(file string) string {
	return strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
}

// tree reads JSON for comparison; what the list of differences names is left out.
func tree(t testing.TB, b []byte, without ...string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v, json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *any) error {
		if d.PeekKind() != '0' {
			return errors.ErrUnsupported
		}
		n, err := d.ReadValue()
		*v = string(n)
		return err
	}))); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	for _, path := range without {
		drop(v, strings.Split(path, "."))
	}
	return v
}

func drop(v any, path []string) {
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			drop(e, path)
		}
	case map[string]any:
		if len(path) == 1 {
			delete(x, path[0])
			return
		}
		drop(x[path[0]], path[1:])
	}
}

// same are the differences of a body that was read and written again, each
// with its reason.
var sameReply = []string{
	"output.message.content.toolUse.type",                               // a plain call that says it is one
	"usage.serverToolUsage",                                             // counts of hosted tools, empty in all recordings
	"usage.cacheReadInputTokenCount", "usage.cacheWriteInputTokenCount", // older words for the same counts
	"usage.cacheReadInputTokens", "usage.cacheWriteInputTokens", // zeros, left out; compared in the golden files
}

func TestReplies_AreReadAsTheReviewedFilesStateAndWrittenAgainWithoutLoss(t *testing.T) {
	for _, file := range files(t, "recorded/*.json") {
		if strings.HasPrefix(base(file), "error") {
			continue
		}
		t.Run(base(file), func(t *testing.T) {
			x, body := recorded(t, file)
			var s wire.Scanner
			r, err := bedrock.Client{}.Reply(body, &s, anthropic)
			if err != nil {
				t.Fatal(err)
			}
			var fold chat.Folder
			if err := chat.Events(r, fold.Add); err != nil {
				t.Errorf("as events: %v", err)
			}
			in := inbound(t, x)
			if _, err := (bedrock.Reader{}).Read(in, &s, dialect.Listener{}); err != nil {
				t.Fatal(err)
			}
			req, err := bedrock.Server{}.Decode(in, &s)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, base(file), canonical(t, req)+canonical(t, r))

			a := answering()
			again, err := bedrock.Server{}.Reply(nil, r, a)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := tree(t, again, sameReply...), tree(t, body, sameReply...); !reflect.DeepEqual(got, want) {
				t.Errorf("written again:\ngot  %v\nwant %v", got, want)
			}
			if l := a.Loss.List(); len(l) > 0 {
				t.Errorf("losses %v", l)
			}
			requestAgain(t, in, req)
		})
	}
}

// sameRequest: see sameReply.
var sameRequest = []string{
	"messages.content.toolResult.status", // success, which says nothing; that of errors is kept
	"inferenceConfig", "system",          // where they are empty; compared in the golden files otherwise
}

func requestAgain(t *testing.T, in *dialect.Inbound, req *chat.Request) {
	t.Helper()
	l := chat.NewLosses("bedrock", bedrock.Server{}.Fields().Wire, nil)
	out, err := bedrock.Client{}.Encode(req, anthropic, l)
	if err != nil {
		t.Fatal(err)
	}
	without := []string{sameRequest[0]}
	for _, n := range sameRequest[1:] {
		if bytes.Contains(in.Body, []byte(`"`+n+`":{}`)) || bytes.Contains(in.Body, []byte(`"`+n+`": {}`)) || bytes.Contains(in.Body, []byte(`"`+n+`": []`)) || bytes.Contains(in.Body, []byte(`"`+n+`":[]`)) {
			without = append(without, n)
		}
	}
	if got, want := tree(t, out.Body, without...), tree(t, in.Body, without...); !reflect.DeepEqual(got, want) {
		t.Errorf("request written again:\ngot  %s\nwant %s", out.Body, in.Body)
	}
	if len(l.List()) > 0 {
		t.Errorf("losses of the request: %v", l.List())
	}
	operation := "converse"
	if in.Stream {
		operation = "converse-stream"
	}
	if want := "/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/" + operation; out.Path != want || out.Method != "POST" {
		t.Errorf("%s %s, want %s", out.Method, out.Path, want)
	}
}

func TestStreams_AreReadAsTheReviewedFilesStateWhereverTheBytesAreCut(t *testing.T) {
	for _, file := range files(t, "recorded/*.bin") {
		t.Run(base(file), func(t *testing.T) {
			x, body := recorded(t, file)
			d := bedrock.Client{}.Stream(anthropic)
			want, raw, err := events(d, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(raw, body) {
				t.Error("the frames are not the bytes that came")
			}
			text := strings.Join(want, "\n") + "\n"
			if x.Request != nil {
				in := inbound(t, x)
				var s wire.Scanner
				req, err := bedrock.Server{}.Decode(in, &s)
				if err != nil {
					t.Fatal(err)
				}
				text = canonical(t, req) + text
				requestAgain(t, in, req)
			}
			golden(t, base(file), text)

			check := func(how string, r io.Reader) {
				t.Helper()
				if got, _, err := events(d, r); err != nil || !reflect.DeepEqual(got, want) {
					t.Fatalf("%s: %v\ngot  %v\nwant %v", how, err, got, want)
				}
			}
			check("byte by byte", iotest.OneByteReader(bytes.NewReader(body)))
			for at := 1; at < len(body); at++ {
				check(fmt.Sprintf("cut at %d", at), io.MultiReader(bytes.NewReader(body[:at]), bytes.NewReader(body[at:])))
			}
			again(t, body, want)
		})
	}
}

// again writes events as frames as they come, and reads them: they are the
// same, but for the words of a failure, which are Bulkhead's.
func again(t *testing.T, body []byte, lines []string) {
	t.Helper()
	a := answering()
	e := bedrock.Server{}.Stream(a)
	var out []byte
	if _, err := decode(bedrock.Client{}.Stream(anthropic), bytes.NewReader(body), func(ev *chat.Event) (err error) {
		if ev.Kind == chat.Fail {
			out = e.Fail(out, ev.Fault)
			return nil
		}
		out, err = e.Event(out, ev)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	out = e.Tail(out)
	got, _, err := events(bedrock.Client{}.Stream(anthropic), bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(lines[len(lines)-1], `"fail"`) {
		got, lines = got[:len(got)-1], lines[:len(lines)-1]
	}
	metrics := `{"dialect":"bedrock","name":"metrics","value":{"latencyMs":0}}` // where the recording has none
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], `,"extra":[`+metrics+`]`, "")
	}
	if !reflect.DeepEqual(got, lines) {
		t.Errorf("written and read again:\ngot  %s\nwant %s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
	if l := a.Loss.List(); len(l) > 0 {
		t.Errorf("losses %v", l)
	}
}

func TestStreams_ThatBreakOffAreFaults(t *testing.T) {
	for _, file := range []string{"testdata/recorded/stream-thinking.bin", "testdata/recorded/stream-bin-tool.bin"} {
		body := read(t, file)
		d := bedrock.Client{}.Stream(anthropic)
		for at := range body {
			_, _, err := events(d, bytes.NewReader(body[:at]))
			if f := fault.From(err); f == nil || f.Kind != fault.UpstreamError {
				t.Fatalf("%s cut at %d of %d: %v", file, at, len(body), err)
			}
		}
	}
}

func TestStreams_WithABadFrameAreFaults(t *testing.T) {
	body := read(t, "testdata/recorded/stream-bin-reasoning.bin")
	d := bedrock.Client{}.Stream(anthropic)
	for at := range body {
		bad := bytes.Clone(body)
		bad[at] ^= 1
		if _, _, err := events(d, bytes.NewReader(bad)); err == nil {
			t.Errorf("a flipped bit in byte %d passes", at)
		}
	}
}

func TestErrors_AreClassifiedByTypeStatusAndMessage(t *testing.T) {
	for name, want := range map[string]string{
		"error-400-context-length":         "upstream_refused final The model returned the following errors: Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input to try again.",
		"error-400-invalid-model":          "upstream_misconfigured The vendor does not know the model, or not for this operation; tell the platform's operators.",
		"error-403":                        "upstream_misconfigured The vendor refuses Bulkhead's own sign-in, or the model to it; tell the platform's operators.",
		"error-403-AccessDeniedException":  "upstream_misconfigured The vendor refuses Bulkhead's own sign-in, or the model to it; tell the platform's operators.",
		"error-429-ModelNotReadyException": "upstream_rate_limited The vendor limits the agency's calls for now.",
		"error-429-ThrottlingException":    "upstream_rate_limited The vendor limits the agency's calls for now.",
	} {
		x, body := recorded(t, "testdata/recorded/"+name+".json")
		h := http.Header{}
		for k, v := range x.Response.Headers {
			h.Set(k, v)
		}
		f := bedrock.Client{}.Fault(x.Response.Status, h, body)
		got := string(f.Kind)
		if f.NoRetry {
			got += " final"
		}
		if got += " " + f.Message; got != want {
			t.Errorf("%s: got %s\nwant %s", name, got, want)
		}
	}
}
