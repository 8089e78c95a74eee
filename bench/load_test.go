package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

func TestChatBody_IsJSONOfTheSizeAskedFor(t *testing.T) {
	for _, size := range []int{smallBodyBytes, 4096, 5000, largeBodyBytes} {
		for _, stream := range []bool{false, true} {
			b := chatBody(size, stream)
			var call struct {
				Model    string
				Stream   bool
				Messages []struct{ Role, Content string }
			}
			if err := json.Unmarshal(b, &call); err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			if len(b) != size || call.Model != modelAsked || call.Stream != stream || len(call.Messages) < 2 {
				t.Errorf("got %d bytes, %q, stream %v, %d messages; want %d bytes", len(b), call.Model, call.Stream, len(call.Messages), size)
			}
		}
	}
	for i, e := range append(chatEvents(3)[:6], chatAnswer()) {
		if !json.Valid(e) {
			t.Errorf("event %d is not JSON: %s", i, e)
		}
	}
}

// doJob runs j against addr.
func doJob(t *testing.T, addr string, j job) outcome {
	t.Helper()
	j.Addr = addr
	l, err := newLoad(j)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	l.warm()
	return l.run()
}

var jobs = map[string]job{
	"closed": {BodyBytes: smallBodyBytes, Callers: 4, For: 100 * time.Millisecond},
	"large":  {BodyBytes: largeBodyBytes, Callers: 2, For: 100 * time.Millisecond},
	"open":   {BodyBytes: smallBodyBytes, Callers: 8, Rate: 200, For: 200 * time.Millisecond},
	"stream": {BodyBytes: smallBodyBytes, Callers: 4, Chunks: 10, Gap: time.Millisecond, For: 100 * time.Millisecond},
}

func TestLoad_FindsNothingWrongWithTheUpstream(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go newUpstream(10, time.Millisecond).serve(ctx, ln)
	for name, j := range jobs {
		t.Run(name, func(t *testing.T) {
			out := doJob(t, ln.Addr().String(), j)
			if out.Calls == 0 || out.Faults > 0 || out.P50 <= 0 || out.P99 < out.P50 {
				t.Errorf("got %+v", out)
			}
			if want := 40; name == "open" && out.Calls != want {
				t.Errorf("got %d calls, want %d", out.Calls, want)
			}
		})
	}
}

func TestLoad_CountsWhatIsWrong(t *testing.T) {
	for _, tc := range []struct {
		name, job, want string
		answer          func(w http.ResponseWriter)
	}{
		{"a status", "closed", "status 503: busy", func(w http.ResponseWriter) { w.WriteHeader(503); io.WriteString(w, "busy") }},
		{"another answer", "closed", "another answer", func(w http.ResponseWriter) { w.Write(chatAnswer()[1:]) }},
		{"another answer, open loop", "open", "another answer", func(w http.ResponseWriter) { io.WriteString(w, "{}") }},
		{"a cut answer", "closed", "EOF", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1095")
			io.WriteString(w, "{")
		}},
		{"a stream that ends early", "stream", "ends after 5 of 14 events", func(w http.ResponseWriter) {
			io.WriteString(w, framed(chatEvents(10)[:5]))
		}},
		{"a stream cut by the transport", "stream", "stream cut after 5 of 14 events", func(w http.ResponseWriter) {
			io.WriteString(w, framed(chatEvents(10)[:5]))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}},
		{"a stream out of order", "stream", "event 0: got", func(w http.ResponseWriter) {
			io.WriteString(w, framed(chatEvents(10)[1:]))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				tc.answer(w)
			}))
			defer server.Close()
			out := doJob(t, server.Listener.Addr().String(), jobs[tc.job])
			if out.Calls != 0 || out.Faults == 0 || !strings.Contains(out.Fault, tc.want) {
				t.Errorf("got %d calls, %d faults, %q; want none, some, …%s…", out.Calls, out.Faults, out.Fault, tc.want)
			}
		})
	}
}

// One slow answer on the only connection puts off all that are due meanwhile:
// an open loop that counted from when it sent would see one slow call.
func TestOpenLoop_CountsFromWhenACallWasDue(t *testing.T) {
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if calls.Add(1) == 10 {
			time.Sleep(200 * time.Millisecond)
		}
		w.Write(chatAnswer())
	}))
	defer server.Close()
	out := doJob(t, server.Listener.Addr().String(), job{BodyBytes: smallBodyBytes, Callers: 1, Rate: 100, For: 300 * time.Millisecond})
	if out.Calls != 30 || out.Faults != 0 {
		t.Fatalf("got %+v, want 30 calls", out)
	}
	if out.P50 < 20*time.Millisecond || out.P99 < 190*time.Millisecond {
		t.Errorf("p50 %v, p99 %v: the calls that waited were not counted as late", out.P50, out.P99)
	}
}

func TestAnswerReader_RefusesWhatIsNoAnswer(t *testing.T) {
	for name, raw := range map[string]string{
		"no status":      "HELLO\r\n\r\n",
		"no framing":     "HTTP/1.1 200 OK\r\n\r\n",
		"bad length":     "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
		"short":          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcd",
		"bad chunk":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"run-over chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
		"no last chunk":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
		"endless line":   "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 64<<10),
	} {
		t.Run(name, func(t *testing.T) {
			r := newAnswerReader(strings.NewReader(raw))
			h, err := r.head()
			if err == nil {
				err = r.body(h, func([]byte) {})
			}
			if err == nil {
				t.Error("got no error")
			}
		})
	}
}

func TestAnswerReader_ReadsOneAnswerAfterAnother(t *testing.T) {
	raw := "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc" +
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nde\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n" +
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	r := newAnswerReader(iotest.OneByteReader(strings.NewReader(raw)))
	var got []string
	for range 3 {
		h, err := r.head()
		if err != nil {
			t.Fatal(err)
		}
		var body strings.Builder
		if err := r.body(h, func(b []byte) { body.Write(b) }); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(h.status, " ", body.String(), " ", h.closing))
	}
	if want := "200 abc false|200 de0123456789 false|404  true"; strings.Join(got, "|") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
