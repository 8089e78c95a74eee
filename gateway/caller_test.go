package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
)

// caller is a raw connection to the gateway.
type caller struct {
	t    testing.TB
	conn *net.TCPConn
	br   *bufio.Reader
}

func (r *rig) dial() *caller {
	r.t.Helper()
	c, err := net.Dial("tcp", r.Addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return &caller{r.t, c.(*net.TCPConn), bufio.NewReader(c)}
}

func (c *caller) say(s string) { io.WriteString(c.conn, s) }

// read reads one reply within limit.
func (c *caller) read(limit time.Duration) (reply, error) {
	c.conn.SetReadDeadline(time.Now().Add(limit))
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil {
		return reply{}, err
	}
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(b), err, resp.Trailer}, nil
}

// post is the header of a chat request, as raw bytes.
func (r *rig) post(lines ...string) string {
	all := append([]string{"POST /v1/chat/completions HTTP/1.1", "Host: x", "Authorization: Bearer " + r.Key, "Content-Type: application/json"}, lines...)
	return strings.Join(all, "\r\n") + "\r\n\r\n"
}

// slowly is an estate whose bodies must come within 300 ms.
func slowly(v *vendor, held int64) *catalog.Estate {
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL})
	e.Enclave.BodyTimeout = 300 * time.Millisecond
	e.Enclave.HeldBytes = held
	return e
}

func TestSlowBody_IsRefusedInTime(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, slowly(v, 0))
	body := chat()
	for name, say := range map[string]func(*caller){
		"announced, nothing sent": func(c *caller) { c.say(r.post(fmt.Sprintf("Content-Length: %d", len(body)))) },
		"announced, half sent":    func(c *caller) { c.say(r.post(fmt.Sprintf("Content-Length: %d", len(body))) + body[:20]) },
		"chunked, nothing sent":   func(c *caller) { c.say(r.post("Transfer-Encoding: chunked")) },
		"chunked, no end": func(c *caller) {
			c.say(r.post("Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n", len(body), body))
		},
		"asks to continue": func(c *caller) {
			c.say(r.post("Expect: 100-continue", "Content-Length: 10"))
			c.br.ReadString('\n')
			c.br.ReadString('\n')
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := r.dial()
			begun := time.Now()
			say(c)
			got, err := c.read(3 * time.Second)
			if err != nil {
				t.Fatalf("no reply within 3 s: %v", err)
			}
			refused(t, got, 408, "timeout")
			if took := time.Since(begun); took < 250*time.Millisecond || took > 1500*time.Millisecond {
				t.Errorf("refused after %v", took)
			}
			if rec := r.Record(); rec.Ending != call.Refused || rec.Status != 408 {
				t.Errorf("record %q, status %d", rec.Ending, rec.Status)
			}
		})
	}
	r.AwaitHeld(0)
	if n := len(v.Seen()); n != 0 {
		t.Errorf("the vendor was sent %d requests", n)
	}
}

// A refusal that needs no body must not wait for one, and must not let a
// caller whom nobody knows keep a connection for as long as it likes.
func TestRefusal_DoesNotWaitForTheBody(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, slowly(v, 0))
	for name, row := range map[string]struct {
		head   string
		status int
		code   string
	}{
		"no key":         {"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", 401, "unauthenticated"},
		"no key chunked": {"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", 401, "unauthenticated"},
		"no route":       {"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", 404, "no_such_route"},
		"encoded":        {r.post("Content-Encoding: gzip", "Content-Length: 1000"), 415, "unsupported_media_type"},
		"models":         {"GET /v1/models HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", 401, "unauthenticated"},
		"marking twice":  {r.post("Bulkhead-Marking: CUI", "Bulkhead-Marking: U", "Content-Length: 1000"), 400, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := r.dial()
			c.say(row.head)
			got, err := c.read(2 * time.Second)
			if err != nil {
				t.Fatalf("no reply within 2 s while the body is awaited: %v", err)
			}
			refused(t, got, row.status, row.code)
			c.conn.SetReadDeadline(time.Now().Add(2 * time.Second))
			if _, err := c.br.ReadByte(); err != io.EOF {
				t.Errorf("the connection stays open for a body that never comes: %v", err)
			}
		})
	}
}

// Callers who announce much and send nothing take nothing from the others.
func TestSlowCallers_TakeNothingFromTheOthers(t *testing.T) {
	v := newVendor(t, ok)
	e := slowly(v, 1<<20)
	e.Enclave.BodyTimeout = 3 * time.Second
	r := start(t, e)
	const callers = 100
	for range callers {
		r.dial().say(r.post("Content-Length: 10000000"))
	}
	time.Sleep(200 * time.Millisecond)
	if held := r.Gateway.Intake().Held(); held > callers*4<<10 {
		t.Errorf("%d callers who sent nothing hold %d bytes", callers, held)
	}
	if got := r.Post("/v1/chat/completions", chat()); got.Status != 200 {
		t.Errorf("another caller got %d %s", got.Status, got.Body)
	}
}

func TestAThousandSlowCallers_OthersAreServedAndAllIsGivenBack(t *testing.T) {
	const callers = 1000
	v := newVendor(t, ok)
	e := slowly(v, 16<<20)
	e.Enclave.BodyTimeout = 2 * time.Second
	r := start(t, e)
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	stop := make(chan struct{})
	for range callers {
		wg.Go(func() {
			c := r.dial()
			defer c.conn.Close()
			c.say(r.post("Content-Length: 1000000") + `{"model":"chat",`)
			go func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(200 * time.Millisecond):
						if _, err := io.WriteString(c.conn, " "); err != nil {
							return
						}
					}
				}
			}()
			got, err := c.read(20 * time.Second)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				statuses[-1]++
				return
			}
			statuses[got.Status]++
		})
	}
	time.Sleep(500 * time.Millisecond)
	most := int64(0)
	for range 20 {
		begun := time.Now()
		if got := r.Post("/v1/chat/completions", chat()); got.Status != 200 {
			t.Errorf("another caller got %d %s", got.Status, got.Body)
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("another caller waited %v", took)
		}
		most = max(most, r.Gateway.Intake().Held())
		time.Sleep(20 * time.Millisecond)
	}
	wg.Wait()
	close(stop)
	if most > callers*8<<10 {
		t.Errorf("%d slow callers held %d bytes, over 8 KiB each", callers, most)
	}
	if statuses[408] != callers {
		t.Errorf("answers by status: %v; want %d of 408", statuses, callers)
	}
	r.AwaitHeld(0)
	if n := len(v.Seen()); n != 20 {
		t.Errorf("the vendor was sent %d requests, want the 20 of the others", n)
	}
}

// A caller that does not read its reply must not hold it for ever.
func TestCallerThatDoesNotRead_IsLetGo(t *testing.T) {
	big := spoken(strings.Repeat("x", 24<<20))
	for name, script := range map[string]func(*visit){
		"unary": func(x *visit) { x.Reply(200, jsonType, big) },
		"stream": func(x *visit) {
			x.Stream(streamType)
			event := strings.Replace(helloEvent, "Hello", strings.Repeat("y", 60<<10), 1)
			for x.Chunks(event) {
			}
			x.Hang()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t, script)
			r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL, Limits: catalog.Limits{Total: time.Second, Gap: 500 * time.Millisecond}}))
			body := chat(fmt.Sprintf(`"stream":%v`, name == "stream"))
			c := r.dial()
			c.conn.SetReadBuffer(4 << 10)
			c.say(r.post(fmt.Sprintf("Content-Length: %d", len(body))) + body)
			select {
			case <-r.ended:
			case <-time.After(5 * time.Second):
				t.Error("the call is still there 4 s after its time was up")
			}
			c.conn.Close()
		})
	}
}

// A caller may close its side of the connection once it has sent its request,
// or before. Whether it is then answered or let go, it must not be told that
// all went well with nothing in it.
func TestHalfClosedCaller_NeverSeesAnEmptySuccess(t *testing.T) {
	body := chat()
	for name, sent := range map[string]string{
		"after the whole request": body,
		"within the body":         body[:10],
		"before the body":         "",
	} {
		t.Run(name, func(t *testing.T) {
			v := newVendor(t, func(x *visit) { time.Sleep(50 * time.Millisecond); ok(x) })
			r := start(t, slowly(v, 0))
			c := r.dial()
			c.say(r.post(fmt.Sprintf("Content-Length: %d", len(body))) + sent)
			c.conn.CloseWrite()
			got, err := c.read(3 * time.Second)
			if err == nil && got.Status == 200 && got.Body != spoken("Hello") {
				t.Errorf("the caller was told 200 with %q", got.Body)
			}
			if err == nil && sent != body {
				refused(t, got, 400, "malformed")
			}
			r.Record()
		})
	}
}
