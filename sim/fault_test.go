package sim_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"bulkhead/sim"
)

func (s *site) fault(f sim.Fault) { s.rules(sim.Rule{Fault: f}) }

func (s *site) rules(r ...sim.Rule) {
	s.t.Helper()
	if err := s.SetFaults(r); err != nil {
		s.t.Fatal(err)
	}
}

func ms(n int) sim.Duration { return sim.Duration(time.Duration(n) * time.Millisecond) }

func streaming(more ...string) string {
	return ask("gpt-4o", "Say: one two three four five six", append(more, `"stream":true,"stream_options":{"include_usage":true}`)...)
}

func TestFault_StatusSpeaksAsTheVendor(t *testing.T) {
	s := start(t, sim.Options{})
	s.fault(sim.Fault{Status: 429, Headers: map[string]string{"Retry-After": "7"}})
	res := s.chat(ask("gpt-4o", "hi"))
	if v := decode(t, res.body).at("error"); res.StatusCode != 429 || v.str("code") != "rate_limit_exceeded" || res.Header.Get("Retry-After") != "7" {
		t.Errorf("got %d %s %v", res.StatusCode, res.body, res.Header)
	}
	s.fault(sim.Fault{Status: 502, Body: "<html>bad gateway</html>", Headers: map[string]string{"Content-Type": "text/html"}})
	res = s.chat(streaming())
	if res.StatusCode != 502 || string(res.body) != "<html>bad gateway</html>" || res.Header.Get("Content-Type") != "text/html" {
		t.Errorf("got %d %s", res.StatusCode, res.body)
	}
	s.fault(sim.Fault{Redirect: "http://127.0.0.1:1/elsewhere"})
	if res = s.chat(streaming()); res.StatusCode != 307 || res.Header.Get("Location") != "http://127.0.0.1:1/elsewhere" {
		t.Errorf("redirect: got %d %v", res.StatusCode, res.Header)
	}
}

func TestFault_BreaksConnections(t *testing.T) {
	s := start(t, sim.Options{})
	for _, row := range []struct {
		name   string
		fault  sim.Fault
		body   string
		chunks int
		want   error // while the header or the body is read
	}{
		{"reset before header", sim.Fault{ResetBeforeHeader: true}, streaming(), -1, syscall.ECONNRESET},
		{"reset in a stream", sim.Fault{ResetAfterChunks: new(2)}, streaming(), 2, syscall.ECONNRESET},
		{"reset in a unary body", sim.Fault{ResetAfterBytes: new(10)}, ask("gpt-4o", "hi"), 0, syscall.ECONNRESET},
		{"cut before the first chunk", sim.Fault{CutAfterChunks: new(0)}, streaming(), 0, io.ErrUnexpectedEOF},
		{"cut in a stream", sim.Fault{CutAfterChunks: new(3)}, streaming(), 3, io.ErrUnexpectedEOF},
		{"cut at a byte", sim.Fault{CutAfterBytes: new(100)}, streaming(), 0, io.ErrUnexpectedEOF},
		{"cut before the end marker", sim.Fault{CutAfterChunks: new(9)}, streaming(), 9, io.ErrUnexpectedEOF},
		{"cut in a unary body", sim.Fault{CutAfterBytes: new(50)}, ask("gpt-4o", "hi"), 0, io.ErrUnexpectedEOF},
		{"ended early in good order", sim.Fault{EndAfterChunks: new(3)}, streaming(), 3, nil},
		{"no end marker", sim.Fault{NoEndMarker: true}, streaming(), 9, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			s.fault(row.fault)
			s.ClearRecord()
			res, err := s.try("POST", s.BaseURL(s.url, "openai")+"/chat/completions", row.body)
			if err == nil {
				err = res.err
			}
			if !errors.Is(err, row.want) {
				t.Errorf("got error %v, want %v", err, row.want)
			}
			if row.chunks >= 0 && bytes.Count(res.body, []byte("\n\n")) != row.chunks {
				t.Errorf("got %q, want %d chunks", res.body, row.chunks)
			}
			if strings.Contains(string(res.body), "[DONE]") {
				t.Errorf("an end marker in %q", res.body)
			}
			rec, err := s.Await(soon(t), func(r sim.Record) bool { return !r.EndedAt.IsZero() })
			if err != nil || rec.Complete != (row.name == "no end marker") || rec.Fault != "#1" || rec.Chunks != max(row.chunks, 0) {
				t.Errorf("record: %v %+v", err, rec)
			}
		})
	}
	s.fault(sim.Fault{CutAfterBytes: new(100)})
	if res := s.chat(streaming()); len(res.body) != 100 {
		t.Errorf("cut after 100 bytes gave %d", len(res.body))
	}
}

func TestFault_SpoilsStreams(t *testing.T) {
	s := start(t, sim.Options{})
	withUsage := func(f sim.Fault, body string) (usages []value, chunks []value) {
		t.Helper()
		s.fault(f)
		chunks, done := frames(t, s.chat(body).body)
		if !done {
			t.Fatal("no end marker")
		}
		for _, c := range chunks {
			if c.has("usage") && c.at("usage").any != nil {
				usages = append(usages, c.at("usage"))
			}
		}
		return usages, chunks
	}
	if got, _ := withUsage(sim.Fault{}, streaming()); len(got) != 1 {
		t.Errorf("as asked: %d usages", len(got))
	}
	if got, _ := withUsage(sim.Fault{Usage: "none"}, streaming()); len(got) != 0 {
		t.Errorf("none: %d usages", len(got))
	}
	if got, _ := withUsage(sim.Fault{Usage: "always"}, ask("gpt-4o", "hi", `"stream":true`)); len(got) != 1 {
		t.Errorf("always: %d usages", len(got))
	}
	if got, _ := withUsage(sim.Fault{Usage: "duplicate"}, streaming()); len(got) != 2 {
		t.Errorf("duplicate: %d usages", len(got))
	}
	got, chunks := withUsage(sim.Fault{Usage: "cumulative"}, streaming())
	if len(got) != len(chunks) {
		t.Fatalf("cumulative: %d usages in %d chunks", len(got), len(chunks))
	}
	for i := 1; i < len(got); i++ {
		if got[i].num("completion_tokens") < got[i-1].num("completion_tokens") {
			t.Errorf("usage goes down at chunk %d", i)
		}
	}
	if first, last := got[0].num("completion_tokens"), got[len(got)-1].num("completion_tokens"); first != 0 || last != 6 {
		t.Errorf("cumulative usage goes from %d to %d, want 0 to 6", first, last)
	}

	s.fault(sim.Fault{MalformedChunk: 2})
	parts := strings.SplitAfter(string(s.chat(streaming()).body), "\n\n")
	if strings.HasSuffix(parts[1], "}\n\n") || !strings.HasPrefix(parts[1], `data: {"id"`) || !strings.HasSuffix(parts[2], "}\n\n") {
		t.Errorf("malformed chunk: %q", parts[:3])
	}
	s.fault(sim.Fault{ErrorAfterChunks: new(2)})
	parts = strings.SplitAfter(string(s.chat(streaming()).body), "\n\n")
	if len(parts) != 4 || !strings.HasPrefix(parts[2], `data: {"error":{"message":`) {
		t.Errorf("error after two chunks: %q", parts)
	}
}

func TestFault_Gzips(t *testing.T) {
	s := start(t, sim.Options{})
	s.fault(sim.Fault{Gzip: true})
	for _, body := range []string{ask("gpt-4o", "hi"), streaming()} {
		res := s.chat(body)
		zr, err := gzip.NewReader(bytes.NewReader(res.body))
		if err != nil || res.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%v %v", err, res.Header)
		}
		if text, err := io.ReadAll(zr); err != nil || !bytes.Contains(text, []byte("chat.completion")) {
			t.Errorf("%v %s", err, text)
		}
	}
}

func TestFault_TakesItsTime(t *testing.T) {
	s := start(t, sim.Options{Pace: time.Millisecond})
	s.fault(sim.Fault{DelayHeader: ms(60), DelayFirstChunk: ms(60), Pace: ms(10), KeepAlive: ms(15)})
	began := time.Now()
	req, err := http.NewRequestWithContext(soon(t), "POST", s.BaseURL(s.url, "openai")+"/chat/completions", strings.NewReader(streaming()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer k")
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if d := time.Since(began); d < 60*time.Millisecond {
		t.Errorf("the header came after %v", d)
	}
	body, err := io.ReadAll(res.Body)
	if d := time.Since(began); err != nil || d < (60+60+8*10)*time.Millisecond {
		t.Errorf("the end came after %v, %v", d, err)
	}
	if n := bytes.Count(body, []byte(": keep-alive\n\n")); n < 2 {
		t.Errorf("%d keep-alives", n)
	}
}

func TestFault_StallEndsWhenTheCallerLeaves(t *testing.T) {
	for _, row := range []struct {
		name  string
		fault sim.Fault
		body  string
	}{
		{"before the header", sim.Fault{DelayHeader: ms(60000)}, ask("gpt-4o", "hi")},
		{"before the first chunk", sim.Fault{DelayFirstChunk: ms(60000)}, streaming()},
		{"in the stream", sim.Fault{StallAfterChunks: new(2)}, streaming()},
		{"in the stream, slow", sim.Fault{Pace: ms(60000)}, streaming()},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := start(t, sim.Options{})
			s.fault(row.fault)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, "POST", s.BaseURL(s.url, "openai")+"/chat/completions", strings.NewReader(row.body))
			req.Header.Set("Authorization", "Bearer k")
			gone := make(chan time.Time, 1)
			go func() {
				if res, err := s.client.Do(req); err == nil {
					io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
			}()
			if _, err := s.Await(soon(t), func(r sim.Record) bool { return !r.BodyAt.IsZero() }); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
			gone <- time.Now()
			cancel()
			rec, err := s.Await(soon(t), func(r sim.Record) bool { return !r.EndedAt.IsZero() && !r.LeftAt.IsZero() })
			if err != nil {
				t.Fatal(err)
			}
			if d := rec.LeftAt.Sub(<-gone); d < 0 || d > time.Second {
				t.Errorf("the caller was seen to leave after %v", d)
			}
			if rec.Complete {
				t.Errorf("complete: %+v", rec)
			}
		})
	}
}

func TestFault_AnswersBeforeTheBody(t *testing.T) {
	s := start(t, sim.Options{})
	s.fault(sim.Fault{Early: true, Status: 503})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\nAuthorization: Bearer k\r\n\r\n{")
	buf := make([]byte, 12)
	if _, err := io.ReadFull(conn, buf); err != nil || string(buf) != "HTTP/1.1 503" {
		t.Errorf("got %q, %v", buf, err)
	}
	if recs := s.Record(); len(recs) != 1 || len(recs[0].Body) != 0 {
		t.Errorf("record: %+v", recs)
	}
}

func TestRule_MatchesAndCounts(t *testing.T) {
	s := start(t, sim.Options{})
	statuses := func(n int, body string) (out []int) {
		for range n {
			out = append(out, s.chat(body).StatusCode)
		}
		return out
	}
	equal := func(got []int, want ...int) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("got %v, want %v", got, want)
				return
			}
		}
	}
	broken := sim.Fault{Status: 500}
	s.rules(sim.Rule{Match: sim.Match{Nth: 2}, Fault: broken})
	equal(statuses(4, ask("gpt-4o", "hi")), 200, 500, 200, 200)
	s.rules(sim.Rule{Match: sim.Match{Count: 2}, Fault: broken})
	equal(statuses(4, ask("gpt-4o", "hi")), 500, 500, 200, 200)
	s.rules(sim.Rule{Match: sim.Match{Nth: 2, Count: 2}, Fault: broken})
	equal(statuses(4, ask("gpt-4o", "hi")), 200, 500, 500, 200)
	s.rules(sim.Rule{Match: sim.Match{Model: "gpt-5"}, Fault: broken})
	equal(statuses(1, ask("gpt-4o", "hi")), 200)
	equal(statuses(1, ask("gpt-5", "hi")), 500)
	s.rules(sim.Rule{Match: sim.Match{Vendor: "azure"}, Fault: broken}, sim.Rule{Match: sim.Match{Path: "/embeddings"}, Fault: broken}, sim.Rule{Match: sim.Match{Stream: new(true)}, Fault: broken})
	equal(statuses(1, ask("gpt-4o", "hi")), 200)
	equal(statuses(1, streaming()), 500)
	s.rules(sim.Rule{Match: sim.Match{Probability: 0.5, Seed: 11}, Fault: broken})
	first := statuses(40, ask("gpt-4o", "hi"))
	s.rules(sim.Rule{Match: sim.Match{Probability: 0.5, Seed: 11}, Fault: broken})
	equal(statuses(40, ask("gpt-4o", "hi")), first...)
	failed := 0
	for _, c := range first {
		if c == 500 {
			failed++
		}
	}
	if failed < 8 || failed > 32 {
		t.Errorf("%d of 40 calls failed at probability 0.5", failed)
	}
}

func TestReadRules_SaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                              "fault rules",
		`[{"fault":{"statsu":500}}]`:                      "statsu",
		`[{"fault":{"status":42}}]`:                       "fault.status 42",
		`[{"fault":{"usage":"some"}}]`:                    "none, always, duplicate or cumulative",
		`[{"fault":{"delay_header":"soon"}}]`:             "soon",
		`[{"fault":{"early":true}}]`:                      "fault.early",
		`[{"fault":{"cut_after_chunks":-1}}]`:             "fault.cut_after_chunks",
		`[{"match":{"probability":2},"fault":{}}]`:        "match.probability",
		`[{"name":"late","match":{"nth":-1},"fault":{}}]`: "late",
	} {
		if _, err := sim.ReadRules(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
	}
}
