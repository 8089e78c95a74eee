package ingress_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestMedia_OnlyPlainJSONIsRead(t *testing.T) {
	r := start(t)
	asked := int64(0)
	for _, row := range []struct {
		line string
		ok   bool
	}{
		{"X-T: no content type", true}, {"Content-Type: application/json", true}, {"Content-Type: application/json; charset=utf-8", true},
		{"Content-Type: application/json;charset=UTF-8", true}, {"Content-Type: Application/JSON", true}, {`Content-Type: application/json; charset="utf-8"`, true},
		{"Content-Type: application/vnd.api+json", true}, {"Content-Encoding: identity", true},
		{"Content-Type: text/plain", false}, {"Content-Type: application/x-www-form-urlencoded", false}, {"Content-Type: multipart/form-data; boundary=x", false},
		{"Content-Type: application/json; charset=utf-16", false}, {"Content-Type: application/json; charset=latin1", false}, {"Content-Type: json", false},
		{"Content-Type: application/jsonx", false}, {"Content-Type: ;", false}, {"Content-Type: application/json\r\nContent-Type: text/plain", false},
		{"Content-Encoding: gzip", false}, {"Content-Encoding: br", false}, {"Content-Encoding: identity, gzip", false}, {"Content-Encoding: deflate", false},
		{"Content-Encoding: identity\r\nContent-Encoding: gzip", false}, {"Content-Encoding: zstd", false},
	} {
		got := r.raw(r.request("POST /v1/chat/completions", r.bearer(), row.line))
		if row.ok {
			asked++
			if got.Status != 200 {
				t.Errorf("%q: got %d %s", row.line, got.Status, got.Body)
			}
			continue
		}
		if got.Status != 415 || code(t, got) != "unsupported_media_type" {
			t.Errorf("%q: got %d %s", row.line, got.Status, got.Body)
		}
	}
	if n := r.asked.Load(); n != asked {
		t.Errorf("the vendor was asked %d times, want %d", n, asked)
	}
}

// Requests that two parsers could read differently: whatever becomes of the
// first, what hides in it is never taken for another of the same connection.
func TestSmuggling_NothingHidesInARequest(t *testing.T) {
	r := start(t)
	hidden := r.request("POST /v1/chat/completions", r.bearer())
	head := "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + r.bearer() + "\r\n"
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(good), good)
	for name, raw := range map[string]string{
		"length and chunked":            head + fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n", len(chunked)+len(hidden)) + chunked + hidden,
		"chunked and length":            head + fmt.Sprintf("Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n", len(chunked)) + chunked + hidden,
		"two lengths":                   head + "Content-Length: 30\r\nContent-Length: 31\r\n\r\n" + good + hidden,
		"two lengths in one":            head + "Content-Length: 30, 31\r\n\r\n" + good + hidden,
		"a signed length":               head + "Content-Length: +30\r\n\r\n" + good + hidden,
		"a negative length":             head + "Content-Length: -1\r\n\r\n" + good + hidden,
		"a length in hexadecimal":       head + "Content-Length: 0x1e\r\n\r\n" + good + hidden,
		"a length with a space":         head + "Content-Length : 30\r\n\r\n" + good + hidden,
		"another encoding":              head + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked + hidden,
		"an encoding nobody knows":      head + "Transfer-Encoding: xchunked\r\n\r\n" + chunked + hidden,
		"an encoding behind a tab":      head + "Transfer-Encoding:\tchunked, identity\r\n\r\n" + chunked + hidden,
		"two encodings":                 head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked + hidden,
		"a bad chunk size":              head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + good + "\r\n0\r\n\r\n" + hidden,
		"a chunk size that overflows":   head + "Transfer-Encoding: chunked\r\n\r\n1000000000000001e\r\n" + good + "\r\n0\r\n\r\n" + hidden,
		"a chunk without its line end":  head + "Transfer-Encoding: chunked\r\n\r\n1e\r\n" + good + "0\r\n\r\n" + hidden,
		"a header without a colon":      head + "Content-Length\r\n\r\n" + hidden,
		"a NUL in a value":              head + "X-A: \x00\r\nContent-Length: 30\r\n\r\n" + good + hidden,
		"no host":                       "POST /v1/chat/completions HTTP/1.1\r\n" + r.bearer() + "\r\nContent-Length: 30\r\n\r\n" + good + hidden,
		"two hosts":                     head + "Host: y\r\nContent-Length: 30\r\n\r\n" + good + hidden,
		"another version":               strings.Replace(head, "HTTP/1.1", "HTTP/3.7", 1) + "Content-Length: 30\r\n\r\n" + good + hidden,
		"garbage":                       "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + hidden,
		"a trailer with a header in it": head + "Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n" + strings.TrimSuffix(chunked, "\r\n") + "Authorization: Bearer x\r\nContent-Length: 5\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			before := r.asked.Load()
			c := r.dial()
			io.WriteString(c, raw)
			var statuses []int
			for {
				got, err := c.readWithin("POST", 500*time.Millisecond)
				if err != nil {
					if ne, is := err.(net.Error); is && ne.Timeout() {
						c.Close() // an idle connection, all answered
					}
					break
				}
				statuses = append(statuses, got.Status)
			}
			served := r.asked.Load() - before
			switch name {
			case "length and chunked", "chunked and length":
				// RFC 9112, section 6.3: chunked wins or the request is refused; either way the connection ends.
				if served > 1 || len(statuses) > 1 {
					t.Errorf("served %d times, answered %v: the connection went on", served, statuses)
				}
			case "a trailer with a header in it":
				if served != 1 || statuses[0] != 200 {
					t.Errorf("served %d times, answered %v", served, statuses)
				}
			default:
				if served != 0 {
					t.Errorf("served %d times, answered %v", served, statuses)
				}
			}
			for _, s := range statuses {
				if s != 200 && s < 400 {
					t.Errorf("answered %v", statuses)
				}
			}
		})
	}
	if got := r.raw(r.request("POST /v1/chat/completions", r.bearer())); got.Status != 200 {
		t.Errorf("afterwards a good call gets %d", got.Status)
	}
}

func TestPipeline_RequestsAreAnsweredInOrderAndGarbageEndsIt(t *testing.T) {
	r := start(t)
	one := r.request("POST /v1/chat/completions", r.bearer())
	c := r.dial()
	io.WriteString(c, one+r.request("POST /nowhere", r.bearer())+one+"\r\n\r\nGARBAGE / \r\n\r\n")
	for i, want := range []int{200, 404, 200, 400} {
		got, err := c.read("POST")
		if err != nil || got.Status != want {
			t.Fatalf("reply %d: %d, %v; want %d", i, got.Status, err, want)
		}
	}
	if _, err := c.br.ReadByte(); err == nil {
		t.Error("the connection goes on after garbage")
	}
	if n := r.asked.Load(); n != 2 {
		t.Errorf("the vendor was asked %d times, want 2", n)
	}
}

func TestHeader_HugeOrSlowIsRefused(t *testing.T) {
	r := start(t)
	head := "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + r.bearer() + "\r\n"
	for name, raw := range map[string]string{
		"one long field":  head + "X-A: " + strings.Repeat("a", 200<<10) + "\r\n\r\n",
		"many fields":     head + strings.Repeat("X-Abcdefgh: ijklmnop\r\n", 10_000) + "\r\n",
		"a long target":   "POST /" + strings.Repeat("a", 200<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"a field forever": head + "X-A: " + strings.Repeat("a", 3<<20),
	} {
		c := r.dial()
		go io.WriteString(c, raw)
		if got, err := c.read("POST"); err == nil && got.Status != 431 && got.Status != 414 && got.Status != 400 {
			t.Errorf("%s: got %d", name, got.Status)
		}
	}
	c := r.dial()
	io.WriteString(c, head)
	begun := time.Now()
	c.SetReadDeadline(begun.Add(5 * time.Second))
	if _, err := io.ReadAll(c); err != nil {
		t.Errorf("a header that does not end keeps its connection: %v", err)
	}
	if took := time.Since(begun); took < 400*time.Millisecond || took > 3*time.Second {
		t.Errorf("let go after %v", took)
	}
	if n := r.asked.Load(); n != 0 {
		t.Errorf("the vendor was asked %d times", n)
	}
}

func TestExpect_BodiesAreAskedForOnlyWhenTheyAreWanted(t *testing.T) {
	r := start(t)
	head := func(lines ...string) string {
		return strings.Join(append([]string{"POST /v1/chat/completions HTTP/1.1", "Host: x", "Content-Length: 30", "Expect: 100-continue"}, lines...), "\r\n") + "\r\n\r\n"
	}
	c := r.dial()
	io.WriteString(c, head(r.bearer()))
	c.SetReadDeadline(time.Now().Add(3 * time.Second))
	line, err := c.br.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("got %q, %v", line, err)
	}
	c.br.ReadString('\n')
	io.WriteString(c, good)
	if got, err := c.read("POST"); err != nil || got.Status != 200 {
		t.Errorf("got %d, %v", got.Status, err)
	}
	for name, raw := range map[string]string{"no key": head(), "encoded": head(r.bearer(), "Content-Encoding: gzip"), "another expectation": strings.Replace(head(r.bearer()), "100-continue", "a-miracle", 1)} {
		got := r.raw(raw)
		if want := map[string]int{"no key": 401, "encoded": 415, "another expectation": 417}[name]; got.Status != want {
			t.Errorf("%s: got %d, want %d", name, got.Status, want)
		}
	}
}

func TestHTTP2_IsSpokenWithoutTLS(t *testing.T) {
	r := start(t)
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: &p}
	defer tr.CloseIdleConnections()
	do := func(method, path, body string, lines ...string) *http.Response {
		t.Helper()
		req, err := http.NewRequest(method, "http://"+r.Addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(lines); i += 2 {
			req.Header.Set(lines[i], lines[i+1])
		}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	resp := do("POST", "/v1/chat/completions", good, "Authorization", "Bearer "+r.Key)
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != 200 || string(b) != answer {
		t.Errorf("got %s %d %s", resp.Proto, resp.StatusCode, b)
	}
	for path, want := range map[string]int{"//v1/chat/completions": 404, "/v1/../v1/chat/completions": 404, "/v1/chat/completions": 401} {
		resp := do("POST", path, good)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, resp.StatusCode, want)
		}
	}
	if n := r.asked.Load(); n != 1 {
		t.Errorf("the vendor was asked %d times", n)
	}
	// An upgrade to h2c, which RFC 9113 has dropped, is passed over.
	got := r.raw(r.request("POST /v1/chat/completions", r.bearer(), "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"))
	if got.Status != 200 || got.Body != answer {
		t.Errorf("an upgrade got %d %s", got.Status, got.Body)
	}
}

func TestDrain_CallsUnderWayEndAndNewOnesAreRefused(t *testing.T) {
	r := start(t)
	c := r.dial()
	io.WriteString(c, r.request("POST /v1/chat/completions", r.bearer()))
	if got, err := c.read("POST"); err != nil || got.Status != 200 {
		t.Fatal(got, err)
	}
	r.Server.Drain()
	io.WriteString(c, r.request("POST /v1/chat/completions", r.bearer()))
	got, err := c.read("POST")
	if err != nil || got.Status != 503 || code(t, got) != "draining" || got.Header.Get("X-Should-Retry") == "false" {
		t.Errorf("got %d %s, %v", got.Status, got.Body, err)
	}
	if _, err := c.br.ReadByte(); err != io.EOF {
		t.Errorf("the connection stays open: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := r.Server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", r.Addr); err == nil {
		t.Error("it still listens")
	}
}
