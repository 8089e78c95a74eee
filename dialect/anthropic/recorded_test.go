package anthropic_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/dialect/anthropic"
	"bulkhead/fault"
	"bulkhead/wire"
)

var update = flag.Bool("update", false, "rewrite golden files")

// exchange is a recorded exchange; Request may be missing.
type exchange struct {
	name    string
	reply   []byte
	Request *struct {
		URI     string            `json:"uri"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body"`
	} `json:"request"`
	Response struct {
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
	} `json:"response"`
}

func (x *exchange) streams() bool { return !strings.HasSuffix(x.name, ".json") }

func headers(m map[string]string) http.Header {
	h := http.Header{}
	for k, v := range m {
		h.Set(k, v)
	}
	return h
}

// inbound is the request as its route took it in.
func (x *exchange) inbound() *dialect.Inbound {
	in := &dialect.Inbound{Action: call.Chat, Header: headers(x.Request.Headers), Body: x.Request.Body}
	if strings.Contains(x.Request.URI, "count_tokens") {
		in.Action = call.CountTokens
	}
	if _, rest, ok := strings.Cut(x.Request.URI, "/model/"); ok {
		in.Model, rest, _ = strings.Cut(rest, "/")
		in.Model = strings.ReplaceAll(in.Model, "%3A", ":")
		in.Stream = rest == "invoke-with-response-stream"
	}
	return in
}

func recorded(t testing.TB) []*exchange {
	t.Helper()
	files, err := filepath.Glob("testdata/recorded/*")
	if err != nil {
		t.Fatal(err)
	}
	var out []*exchange
	for _, f := range files {
		name := filepath.Base(f)
		if strings.HasSuffix(name, ".md") || strings.Contains(name, ".meta.") || strings.Contains(name, ".golden.") {
			continue
		}
		x := &exchange{name: name, reply: file(t, f)}
		x.Response.Status = 200
		if b, err := os.ReadFile(strings.TrimSuffix(f, filepath.Ext(f)) + ".meta.json"); err == nil {
			if err := json.Unmarshal(b, x); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, x)
	}
	if len(out) != 35 {
		t.Fatalf("%d exchanges", len(out))
	}
	return out
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// chunks gives the JSON events in the frames of InvokeModel. Framing is not
// this package's; here it is enough that base64 lies in "bytes".
func chunks(t testing.TB, b []byte) [][]byte {
	t.Helper()
	var out [][]byte
	for {
		at := bytes.Index(b, []byte(`{"bytes":"`))
		if at < 0 {
			return out
		}
		b = b[at:]
		var c struct {
			Bytes []byte `json:"bytes"`
		}
		if err := json.NewDecoder(bytes.NewReader(b)).Decode(&c); err != nil {
			t.Fatal(err)
		}
		out = append(out, c.Bytes)
		b = b[1:]
	}
}

// events reads a stream; sizes cut its bytes.
func (x *exchange) events(t testing.TB, sizes []int) ([]chat.Event, error) {
	t.Helper()
	var out []chat.Event
	var check chat.Checker
	keep := func(e *chat.Event) error {
		if err := check.Check(e); err != nil {
			t.Errorf("%s: %v", x.name, err)
		}
		c := e.Clone()
		out = append(out, c)
		return nil
	}
	if strings.HasSuffix(x.name, ".sse") {
		err := stream(x.reply, sizes, keep)
		return out, err
	}
	d := anthropic.NewEvents(&upstreams[1])
	for _, c := range chunks(t, x.reply) {
		if err := d.Read(c, keep); err != nil {
			return out, err
		}
	}
	return out, d.Close(keep)
}

func faultLine(err error) string {
	f := fault.From(err)
	return fmt.Sprintf("fault %s %q field %q retry_after %v no_retry %v", f.Kind, f.Message, f.Field, f.RetryAfter, f.NoRetry)
}

// told is all that is read of an exchange, line by line.
func (x *exchange) told(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	line := func(what string, v any) { fmt.Fprintf(&b, "%s %s\n", what, marshal(t, v)) }
	if x.Request != nil {
		in := x.inbound()
		if r, err := (anthropic.Reader{}).Read(in, new(wire.Scanner), dialect.Listener{}); err != nil {
			fmt.Fprintf(&b, "read %s\n", faultLine(err))
		} else {
			a := r.Asked()
			fmt.Fprintf(&b, "asked alias=%s stream=%v max=%d needs=%v unknown=%q\n", a.Alias, a.Stream, a.MaxOutput, a.Needs, a.Unknown)
			req, err := anthropic.Server{}.Decode(in, new(wire.Scanner))
			if err != nil {
				t.Fatal(err)
			}
			line("request", req)
		}
	}
	switch {
	case x.Response.Status != 200:
		fmt.Fprintln(&b, faultLine(anthropic.Client{}.Fault(x.Response.Status, headers(x.Response.Headers), x.reply)))
	case x.name == "count-tokens.json":
		u, err := anthropic.Client{}.CountReply(x.reply, new(wire.Scanner))
		if err != nil {
			t.Fatal(err)
		}
		line("count", u)
	case !x.streams():
		r, err := anthropic.Client{}.Reply(x.reply, new(wire.Scanner), &upstreams[0])
		if err != nil {
			t.Fatal(err)
		}
		line("reply", r)
	default:
		events, err := x.events(t, nil)
		for i := range events {
			line("event", &events[i])
		}
		if err != nil {
			fmt.Fprintln(&b, faultLine(err))
		}
	}
	return b.String()
}

func TestRecorded_IsReadAsTheGoldenFilesSay(t *testing.T) {
	for _, x := range recorded(t) {
		t.Run(x.name, func(t *testing.T) {
			golden := "testdata/recorded/" + strings.TrimSuffix(x.name, filepath.Ext(x.name)) + ".golden.txt"
			got := x.told(t)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := string(file(t, golden)); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestRecorded_CutAnywhereGivesTheSameEvents: the network's pieces do not
// matter, and a stream that breaks off is never whole.
func TestRecorded_CutAnywhereGivesTheSameEvents(t *testing.T) {
	for _, x := range recorded(t) {
		if !strings.HasSuffix(x.name, ".sse") {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			want, wantErr := x.events(t, nil)
			step := 1 + len(x.reply)/500 // large ones at fewer places
			for n := 1; n < len(x.reply); n += step {
				got, err := x.events(t, []int{n, len(x.reply)})
				if !reflect.DeepEqual(got, want) || (err == nil) != (wantErr == nil) {
					t.Fatalf("cut at %d: %d events and %v, want %d and %v", n, len(got), err, len(want), wantErr)
				}
			}
			if got, _ := x.events(t, []int{1}); !reflect.DeepEqual(got, want) {
				t.Fatal("byte by byte it is another stream")
			}
			end := bytes.LastIndex(x.reply, []byte("event: message_stop"))
			for n := 0; n < end; n += step {
				part := exchange{name: x.name, reply: x.reply[:n]}
				if events, err := part.events(t, nil); err == nil || fault.From(err).Kind != fault.UpstreamError || slices.ContainsFunc(events, func(e chat.Event) bool { return e.Kind == chat.End }) {
					t.Fatalf("broken off at %d it is told as whole: %v", n, err)
				}
			}
		})
	}
}

// tidy takes away in what two JSON values may differ and say the same: null
// members, counters of zero and empty lists of citations.
func tidy(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, m := range x {
			m = tidy(m)
			x[k] = m
			zero := strings.Contains(k, "tokens") && m == json.Number("0")
			list, isList := m.([]any)
			sub, isMap := m.(map[string]any)
			if m == nil || zero || k == "citations" && isList && len(list) == 0 || (k == "cache_creation" || k == "output_tokens_details") && isMap && len(sub) == 0 {
				delete(x, k)
			}
		}
	case []any:
		for i := range x {
			x[i] = tidy(x[i])
		}
	}
	return v
}

func parsed(t rapid.TB, b []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return tidy(m).(map[string]any)
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(want)
		t.Errorf("got  %s\nwant %s", g, w)
	}
}

func TestRecorded_RepliesGoHomeWithoutLoss(t *testing.T) {
	for _, x := range recorded(t) {
		if x.streams() || x.Response.Status != 200 || x.name == "count-tokens.json" {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			r, err := anthropic.Client{}.Reply(x.reply, new(wire.Scanner), &upstreams[0])
			if err != nil {
				t.Fatal(err)
			}
			a := answering(&chat.Request{})
			body, err := anthropic.Server{}.Reply(nil, r, a)
			if err != nil || len(a.Loss.List()) > 0 {
				t.Fatal(err, a.Loss.List())
			}
			same(t, parsed(t, body), parsed(t, x.reply))
		})
	}
}

// frame is an event of a stream: its name and its JSON.
type frame struct {
	event string
	data  map[string]any
}

// frames cuts a stream in a way that is not the package's own.
func frames(t testing.TB, b []byte) []frame {
	t.Helper()
	var out []frame
	for _, piece := range strings.Split(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n\n") {
		if strings.TrimSpace(piece) == "" {
			continue
		}
		f := frame{}
		for _, line := range strings.Split(piece, "\n") {
			if v, ok := strings.CutPrefix(line, "event: "); ok {
				f.event = v
			}
			if v, ok := strings.CutPrefix(line, "data: "); ok {
				f.data = parsed(t, []byte(v))
			}
		}
		out = append(out, f)
	}
	return out
}

// plainly takes from a stream what another may have otherwise and say the
// same. This is the written list: pings; a second message_start; empty deltas;
// a stop that never came; the cuts within the input of a hosted tool; the input
// of a call that has none.
func plainly(in []frame) []frame {
	var out []frame
	open, hosted := -1, false
	begun := false
	input := ""
	flush := func() {
		if input != "" {
			out = append(out, frame{"content_block_delta", map[string]any{"input": input}})
			input = ""
		}
	}
	for _, f := range in {
		switch f.event {
		case "ping":
			continue
		case "message_start":
			if begun {
				continue
			}
			begun = true
			if u, ok := f.data["message"].(map[string]any)["usage"].(map[string]any); ok {
				delete(u, "output_tokens") // that of the beginning
			}
		case "content_block_start":
			open++
			typ := f.data["content_block"].(map[string]any)["type"].(string)
			hosted = typ == "server_tool_use"
		case "content_block_delta":
			d := f.data["delta"].(map[string]any)
			if d["text"] == "" || d["thinking"] == "" || d["partial_json"] == "" {
				continue
			}
			if p, ok := d["partial_json"].(string); ok && hosted {
				input += p
				continue
			}
		case "content_block_stop":
			flush()
			hosted = false
			open--
		case "message_delta":
			if open >= 0 {
				out = append(out, frame{"content_block_stop", nil})
				open--
			}
		}
		out = append(out, f)
	}
	for i := range out {
		if out[i].event == "content_block_stop" {
			out[i].data = nil
		}
	}
	return out
}

func TestRecorded_StreamsGoHomeWithoutLoss(t *testing.T) {
	for _, x := range recorded(t) {
		if !x.streams() || x.name == "stream-overloaded-mid.sse" {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			events, err := x.events(t, nil)
			if err != nil {
				t.Fatal(err)
			}
			a := answering(&chat.Request{})
			enc := anthropic.Server{}.Stream(a)
			var b []byte
			for i := range events {
				if b, err = enc.Event(b, &events[i]); err != nil {
					t.Fatal(err)
				}
			}
			if bytes.Contains(b, []byte("message_stop")) {
				t.Error("the end is not held back")
			}
			b = enc.Tail(b)
			if l := a.Loss.List(); len(l) > 0 {
				t.Errorf("losses %v", l)
			}
			want := frames(t, x.reply)
			if !strings.HasSuffix(x.name, ".sse") {
				want = nil
				for _, c := range chunks(t, x.reply) {
					m := parsed(t, c)
					delete(m, "amazon-bedrock-invocationMetrics") // of the cloud, not of the message
					want = append(want, frame{m["type"].(string), m})
				}
			}
			got, want := plainly(frames(t, b)), plainly(want)
			if len(got) != len(want) {
				t.Errorf("%d frames, want %d", len(got), len(want))
			}
			for i := range min(len(got), len(want)) {
				carryUsage(got[i], want[i])
				same(t, got[i].data, want[i].data)
				if got[i].event != want[i].event {
					t.Errorf("frame %d is %s, want %s", i, got[i].event, want[i].event)
				}
			}
		})
	}
}

// carryUsage allows that writes to the cache are told apart by their life, and
// message_delta to say again what message_start has said:
// its counts are all that is known, and those of the recording may be only
// what changed.
func carryUsage(got, want frame) {
	if got.event == "message_start" {
		g, _ := got.data["message"].(map[string]any)["usage"].(map[string]any)
		w, _ := want.data["message"].(map[string]any)["usage"].(map[string]any)
		if w["cache_creation"] == nil {
			delete(g, "cache_creation")
		}
	}
	if got.event != "message_delta" {
		return
	}
	g, ok1 := got.data["usage"].(map[string]any)
	w, ok2 := want.data["usage"].(map[string]any)
	if !ok1 || !ok2 {
		return
	}
	for k := range maps.Clone(g) {
		if _, said := w[k]; !said && (k == "input_tokens" || strings.HasPrefix(k, "cache_") || k == "inference_geo" || k == "service_tier") {
			delete(g, k)
		}
	}
}

func TestRecorded_RequestsGoHomeWithoutLoss(t *testing.T) {
	for _, x := range recorded(t) {
		if x.Request == nil || x.name == "error-400.json" {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			in := x.inbound()
			r, err := anthropic.Server{}.Decode(in, new(wire.Scanner))
			if err != nil {
				t.Fatal(err)
			}
			to := dialect.Upstream{Model: r.Model, Family: "family", UnknownOK: true, MidSystem: true}
			if in.Model != "" {
				to.Surface = anthropic.SurfaceInvoke
			}
			l := chat.NewLosses("anthropic", anthropic.Server{}.Fields().Wire, nil)
			encode := anthropic.Client{}.Encode
			if in.Action == call.CountTokens {
				encode = anthropic.Client{}.EncodeCount
			}
			o, err := encode(r, &to, l)
			if err != nil {
				t.Fatal(err)
			}
			got, want := parsed(t, o.Body), parsed(t, x.Request.Body)
			if want["stream"] == false {
				delete(want, "stream") // as unsaid
			}
			blocks(got)
			blocks(want)
			if x.name == "invoke-anthropic-json.json" || x.name == "invoke-anthropic-stream.bin" { // temperature and top_p together, which newer models refuse
				if want["top_p"] == nil || len(l.List()) != 1 {
					t.Errorf("losses %v", l.List())
				}
				delete(want, "top_p")
			} else if len(l.List()) > 0 {
				t.Errorf("losses %v", l.List())
			}
			same(t, got, want)
		})
	}
}

// blocks puts strings that stand for a block into one, and takes away what
// says nothing: no error, an empty description.
func blocks(m map[string]any) {
	for _, k := range []string{"content", "system"} {
		if s, ok := m[k].(string); ok {
			m[k] = []any{map[string]any{"type": "text", "text": s}}
		}
	}
	if m["is_error"] == false {
		delete(m, "is_error")
	}
	if m["description"] == "" {
		delete(m, "description")
	}
	for k, v := range m {
		if k == "input" {
			continue
		}
		list, _ := v.([]any)
		for _, e := range list {
			if sub, ok := e.(map[string]any); ok {
				blocks(sub)
			}
		}
	}
}
