package openai_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/chat/chattest"
	"bulkhead/dialect"
	"bulkhead/dialect/openai"
	"bulkhead/fault"
	"bulkhead/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// exchange is one recorded exchange.
type exchange struct {
	name    string
	request []byte // nil: not recorded
	status  int
	header  map[string]string
	reply   []byte
	stream  bool
	embed   bool
}

func exchanges(t testing.TB) []exchange {
	t.Helper()
	files, err := filepath.Glob("testdata/exchange/*/*")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var out []exchange
	for _, file := range files {
		if strings.HasSuffix(file, ".meta.json") {
			continue
		}
		ext := filepath.Ext(file)
		x := exchange{name: strings.TrimSuffix(strings.TrimPrefix(file, "testdata/exchange/"), ext), stream: ext == ".sse", status: 200}
		x.embed = strings.Contains(x.name, "embeddings")
		if x.reply, err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(strings.TrimSuffix(file, ext) + ".meta.json"); err == nil {
			var meta struct {
				Request *struct {
					Body json.RawMessage `json:"body"`
				} `json:"request"`
				Response struct {
					Status  int               `json:"status"`
					Headers map[string]string `json:"headers"`
				} `json:"response"`
			}
			if err := json.Unmarshal(b, &meta); err != nil {
				t.Fatal(err)
			}
			x.status, x.header = meta.Response.Status, meta.Response.Headers
			if meta.Request != nil {
				x.request = meta.Request.Body
			}
		}
		if strings.HasSuffix(x.name, "error-400-content-filter") {
			x.status = 400 // SOURCES.md
		}
		out = append(out, x)
	}
	return out
}

func TestRecorded_SayWhatTheGoldenFilesState(t *testing.T) {
	for _, x := range exchanges(t) {
		t.Run(x.name, func(t *testing.T) {
			var b bytes.Buffer
			if x.request != nil {
				fmt.Fprintf(&b, "request\n%s\n", x.canonicalRequest(t))
			}
			switch {
			case x.status != 200:
				h := map[string][]string{}
				for k, v := range x.header {
					h[canonicalHeader(k)] = []string{v}
				}
				f := openai.Client{}.Fault(x.status, h, x.reply)
				fmt.Fprintf(&b, "fault\nkind %s\nmessage %s\nfield %s\nretry after %v, final %v\n", f.Kind, f.Message, f.Field, f.RetryAfter, f.NoRetry)
			case x.stream:
				list, err := events(bytes.NewReader(x.reply))
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "events\n%s", merged(t, list))
			case x.embed:
				r, err := openai.Client{}.EmbedReply(x.reply, new(wire.Scanner), upstream)
				if err != nil {
					t.Fatal(err)
				}
				array, err := r.Vectors[0].Array()
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "vectors\n%d of %d bytes, first %.40s\nusage %s\n", len(r.Vectors), len(r.Vectors[0].Base64), array, canonical(t, &chat.Reply{Usage: r.Usage}))
			default:
				r, err := openai.Client{}.Reply(x.reply, new(wire.Scanner), upstream)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "reply\n%s\n", canonical(t, r))
			}
			golden(t, "testdata/golden/"+strings.ReplaceAll(x.name, "/", "-")+".txt", b.Bytes())
		})
	}
}

func canonicalHeader(k string) string {
	parts := strings.Split(k, "-")
	for i, p := range parts {
		parts[i] = strings.ToUpper(p[:1]) + p[1:]
	}
	return strings.Join(parts, "-")
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what is read now:\n%s", file, got)
	}
}

func canonical(t *testing.T, v any) []byte {
	t.Helper()
	b, err := chat.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (x *exchange) canonicalRequest(t *testing.T) []byte {
	in := &dialect.Inbound{Action: call.Chat, Body: x.request}
	if x.embed {
		r, err := openai.Server{}.DecodeEmbed(in, new(wire.Scanner))
		if err != nil {
			t.Fatal(err)
		}
		return canonical(t, r)
	}
	r, err := openai.Server{}.Decode(in, new(wire.Scanner))
	if err != nil {
		t.Fatal(err)
	}
	return canonical(t, r)
}

// merged writes events one a line, deltas of one part that follow each other
// as one, with their number.
func merged(t *testing.T, list []chat.Event) string {
	var b strings.Builder
	for i := 0; i < len(list); {
		e, n := list[i], 1
		if e.Kind == chat.Delta {
			e = e.Clone()
			for ; i+n < len(list) && list[i+n].Kind == chat.Delta && list[i+n].Choice == e.Choice && list[i+n].Index == e.Index; n++ {
				e.Bytes = append(e.Bytes, list[i+n].Bytes...)
			}
		}
		if n > 1 {
			fmt.Fprintf(&b, "%d × ", n)
		}
		fmt.Fprintf(&b, "%s\n", canonical(t, &e))
		i += n
	}
	return b.String()
}

func TestRecorded_HoweverTheBytesAreCutTheEventsAreTheSame(t *testing.T) {
	for _, x := range exchanges(t) {
		if !x.stream {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			whole, err := events(bytes.NewReader(x.reply))
			if err != nil {
				t.Fatal(err)
			}
			same := func(got []chat.Event, err error, how string) {
				if err != nil || merged(t, got) != merged(t, whole) || len(got) != len(whole) {
					t.Fatalf("%s: %v, %d events and not %d", how, err, len(got), len(whole))
				}
			}
			got, err := events(oneByte{bytes.NewReader(x.reply)})
			same(got, err, "byte by byte")
			step := 1 + len(x.reply)/400
			for at := 0; at <= len(x.reply); at += step {
				got, err := events(split(x.reply, at))
				same(got, err, fmt.Sprintf("cut at %d", at))
			}
		})
	}
}

func TestRecorded_ATruncatedStreamIsAnError(t *testing.T) {
	for _, x := range exchanges(t) {
		if !x.stream || strings.Contains(x.name, "error") {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			end := bytes.LastIndex(x.reply, []byte("data: [DONE]")) + len("data: [DONE]")
			step := 1 + len(x.reply)/400
			for at := 0; at < end; at += step {
				list, err := events(bytes.NewReader(x.reply[:at]))
				if err == nil || fault.From(err).Kind != fault.UpstreamError {
					t.Fatalf("cut at %d: %v after %d events", at, err, len(list))
				}
			}
			if _, err := events(bytes.NewReader(x.reply[:end])); err != nil {
				t.Errorf("without its last blank line: %v", err)
			}
		})
	}
}

// plain removes from a JSON value what says nothing: nulls, empty lists, and
// what this dialect can write in two ways. The list is that of docs/dialects/openai.md.
func plain(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, inner := range x {
			inner = plain(inner)
			list, isList := inner.([]any)
			switch {
			case inner == nil, isList && len(list) == 0 && k == "annotations", k == "stream" && inner == false:
				delete(x, k)
				continue
			case k == "max_tokens":
				delete(x, k)
				k = "max_completion_tokens"
			case k == "content" && isList && len(list) == 1:
				if part, ok := list[0].(map[string]any); ok && part["type"] == "text" && len(part) == 2 {
					inner = part["text"]
				}
			case k == "text_tokens", k == "message" && reflect.DeepEqual(inner, map[string]any{"role": "assistant"}):
				delete(x, k)
				continue
			case k == "usage":
				fillUsage(inner.(map[string]any))
			case k == "system_fingerprint" && inner == "", k == "content" && inner == "":
				delete(x, k)
				continue
			}
			x[k] = inner
		}
		return x
	case []any:
		for i := range x {
			x[i] = plain(x[i])
		}
		return x
	}
	return v
}

// fillUsage states the counts that are zero where they are left out.
func fillUsage(u map[string]any) {
	for name, counts := range map[string][]string{"prompt_tokens_details": {"cached_tokens", "audio_tokens"}, "completion_tokens_details": {"reasoning_tokens", "audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"}} {
		d, _ := u[name].(map[string]any)
		if d == nil {
			d = map[string]any{}
			u[name] = d
		}
		for _, c := range counts {
			if d[c] == nil {
				d[c] = float64(0)
			}
		}
		if d["image_tokens"] == float64(0) {
			delete(d, "image_tokens")
		}
	}
}

func equalJSON(t *testing.T, got, want []byte) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatal(err)
	}
	if g, w = plain(g), plain(w); !reflect.DeepEqual(g, w) {
		gb, _ := json.MarshalIndent(g, "", " ")
		wb, _ := json.MarshalIndent(w, "", " ")
		t.Errorf("got  %s\nwant %s", gb, wb)
	}
}

func TestRecorded_RequestsComeBackAsTheyWere(t *testing.T) {
	for _, x := range exchanges(t) {
		if x.request == nil {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			in, l := &dialect.Inbound{Action: call.Chat, Body: x.request}, losses()
			to := *upstream
			var out *dialect.Outbound
			if x.embed {
				r, err := openai.Server{}.DecodeEmbed(in, new(wire.Scanner))
				if err != nil {
					t.Fatal(err)
				}
				to.Model = r.Model
				if out, err = (openai.Client{}).EncodeEmbed(r, &to, l); err != nil {
					t.Fatal(err)
				}
			} else {
				r, err := openai.Server{}.Decode(in, new(wire.Scanner))
				if err != nil {
					t.Fatal(err)
				}
				to.Model, to.AskUsage = r.Model, r.Usage
				if out, err = (openai.Client{}).Encode(r, &to, l); err != nil {
					t.Fatal(err)
				}
			}
			if len(l.List()) > 0 {
				t.Errorf("losses %v", l.List())
			}
			equalJSON(t, out.Body, x.request)
		})
	}
}

func TestRecorded_RepliesComeBackAsTheyWere(t *testing.T) {
	for _, x := range exchanges(t) {
		if x.status != 200 || x.stream {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			a := *answering
			a.Loss = losses()
			if x.embed {
				r, err := openai.Client{}.EmbedReply(x.reply, new(wire.Scanner), upstream)
				if err != nil {
					t.Fatal(err)
				}
				out, err := openai.Server{}.EmbedReply(nil, r, &chat.EmbedRequest{Encoding: "base64"}, &a)
				if err != nil {
					t.Fatal(err)
				}
				equalJSON(t, out, x.reply)
				return
			}
			r, err := openai.Client{}.Reply(x.reply, new(wire.Scanner), upstream)
			if err != nil {
				t.Fatal(err)
			}
			out, err := openai.Server{}.Reply(nil, r, &a)
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Loss.List()) > 0 {
				t.Errorf("losses %v", a.Loss.List())
			}
			want := x.reply
			if strings.HasSuffix(x.name, "compat-tool-calls-without-id") {
				// The call gets an id, and reasoning that the server left out of the output is counted.
				id := r.Choices[0].Parts[0].Content.(chat.ToolCall).ID
				want = bytes.Replace(want, []byte(`"id": ""`), []byte(`"id": "`+id+`"`), 1)
				want = bytes.Replace(want, []byte(`"completion_tokens": 12`), []byte(`"completion_tokens": 74`), 1)
			}
			equalJSON(t, out, want)
		})
	}
}

func TestRecorded_StreamsComeBackAsTheyWere(t *testing.T) {
	for _, x := range exchanges(t) {
		if !x.stream || strings.Contains(x.name, "error") {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			list, err := events(bytes.NewReader(x.reply))
			if err != nil {
				t.Fatal(err)
			}
			a := *answering
			a.Loss = losses()
			again, err := events(bytes.NewReader(stream(t, list, &a)))
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Loss.List()) > 0 {
				t.Errorf("losses %v", a.Loss.List())
			}
			chattest.Equal(t, fold(t, again), fold(t, list))
		})
	}
}
