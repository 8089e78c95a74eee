package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bulkhead/wire"
)

func TestMessagesBody_IsJSONOfTheSizeAskedFor(t *testing.T) {
	for _, stream := range []bool{false, true} {
		b := laneAnthropicOpenAI.body(smallBodyBytes, stream)
		var call struct {
			Model    string
			Stream   bool
			Messages []struct{ Role, Content string }
		}
		if err := json.Unmarshal(b, &call); err != nil {
			t.Fatal(err)
		}
		if len(b) != smallBodyBytes || call.Model != modelAsked || call.Stream != stream || len(call.Messages) != 1 {
			t.Errorf("got %d bytes: %s", len(b), b)
		}
	}
}

func TestConverse_IsWhatBedrockSends(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go newUpstream(3, time.Millisecond).serve(t.Context(), ln)
	post := func(path string) io.ReadCloser {
		reply, err := http.Post("http://"+ln.Addr().String()+path, "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { reply.Body.Close() })
		return reply.Body
	}
	if b, err := io.ReadAll(post(conversePath)); err != nil || !json.Valid(b) || !strings.Contains(string(b), answerText()) {
		t.Errorf("got %v, %s", err, b)
	}
	var frames wire.FrameReader
	frames.Reset(post(converseStreamPath), nil, 1<<16)
	text, last := "", ""
	for {
		f, ok, err := frames.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			if err := frames.Fill(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			continue
		}
		last = string(f.Text(":event-type"))
		var e struct{ Delta struct{ Text string } }
		if err := json.Unmarshal(f.Payload, &e); err != nil {
			t.Fatalf("%s: %v", f.Payload, err)
		}
		text += e.Delta.Text
	}
	if text != " t000 t001 t002" || last != "metadata" {
		t.Errorf("got %q, the last event %s", text, last)
	}
}

func TestLoad_CountsWhatIsWrongInALane(t *testing.T) {
	const good = `{"delta":" t000"} {"delta":" t001"} "stop" data: [DONE]` + "\n\n"
	for _, tc := range []struct{ name, answer, want string }{
		{"right", good, ""},
		{"a token is missing", strings.Replace(good, "t000", "x", 1), `lacks "\" t000\""`},
		{"tokens out of order", `{"delta":" t001"} ` + strings.Replace(good, "t001", "x", 1), `lacks "\" t001\""`},
		{"no end", strings.Replace(good, "[DONE]", "", 1), "lacks \"data: [DONE]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				io.WriteString(w, tc.answer)
			}))
			defer server.Close()
			out := doJob(t, server.Listener.Addr().String(),
				job{Lane: laneOpenAIBedrock, BodyBytes: smallBodyBytes, Callers: 1, Chunks: 2, For: 20 * time.Millisecond})
			switch {
			case tc.want == "" && (out.Calls == 0 || out.Faults > 0):
				t.Errorf("got %+v", out)
			case tc.want != "" && (out.Calls > 0 || !strings.Contains(out.Fault, tc.want)):
				t.Errorf("got %d calls, %q; want none, …%s…", out.Calls, out.Fault, tc.want)
			}
		})
	}
}
