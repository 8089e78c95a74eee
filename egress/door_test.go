package egress_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bulkhead/catalog"
	"bulkhead/egress"
	"bulkhead/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// door opens a door that closes with the test.
func door(t *testing.T, e *catalog.Endpoint) *egress.Door {
	t.Helper()
	d := egress.Open(e, egress.Options{
		UserAgent: "test/1",
		ReadFile:  os.ReadFile,
		Secret: func(ref string) (string, error) {
			if ref == "env:GOOD" {
				return "s3cret", nil
			}
			if ref == "env:SPLIT" {
				return "a\r\nX-Evil: 1", nil
			}
			return "", errors.New("not set")
		},
	})
	t.Cleanup(d.Close)
	return d
}

// ask sends a small body and reads the whole reply.
func ask(ctx context.Context, d *egress.Door, body string) (int, string, error) {
	r, err := d.Send(ctx, &egress.Request{Target: "/chat", Accept: "application/json", Body: wire.Splice{Body: []byte(body)}})
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return r.Status, string(b), err
}

// echo answers with what it was sent, and counts.
func echo(n *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL, r.Proto, b)
	})
}

func TestSend_ReachesTheEndpointAndNothingElse(t *testing.T) {
	var proxied atomic.Int64
	proxy := httptest.NewServer(echo(&proxied))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	t.Setenv("NO_PROXY", "")
	var n, elsewhere atomic.Int64
	other := httptest.NewServer(echo(&elsewhere))
	defer other.Close()
	for _, version := range []int{1, 2} {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n.Add(1)
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		})
		server := httptest.NewUnstartedServer(h)
		var p http.Protocols
		p.SetHTTP1(true)
		p.SetUnencryptedHTTP2(true)
		server.Config.Protocols = &p
		server.Start()
		defer server.Close()
		d := door(t, &catalog.Endpoint{Name: "e", URL: server.URL + "/base/v1/", HTTP: version})
		before := n.Load()
		status, _, err := ask(context.Background(), d, "{}")
		if err != nil || status != 307 || n.Load() != before+1 {
			t.Errorf("HTTP/%d: got %d, %v after %d requests", version, status, err, n.Load()-before)
		}
	}
	if proxied.Load() != 0 || elsewhere.Load() != 0 {
		t.Errorf("%d requests to a proxy of the environment, %d to where a redirect pointed", proxied.Load(), elsewhere.Load())
	}
}

func TestSend_WritesOneRequestAsItIsGiven(t *testing.T) {
	seen := make(chan string, 1)
	v := raw(t, func(c net.Conn, br *bufio.Reader) {
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		b, _ := io.ReadAll(req.Body)
		seen <- fmt.Sprintf("%s %s %s host=%s length=%d auth=%q agent=%q enc=%q id=%q body=%s", req.Method, req.RequestURI, req.Proto, req.Host, req.ContentLength, req.Header["Authorization"], req.Header["User-Agent"], req.Header["Accept-Encoding"], req.Header["X-Id"], b)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	})
	d := door(t, &catalog.Endpoint{Name: "e", URL: "http://" + v + "/v1", Auth: catalog.Auth{Kind: "bearer", Secret: "env:GOOD"}})
	body := wire.Splice{Body: []byte(`{"model":"a"}`), Edits: []wire.Edit{{Span: wire.Span{Start: 9, End: 12}, With: []byte(`"bcd"`)}}}
	r, err := d.Send(context.Background(), &egress.Request{Target: "/chat%2Fx?a=b", Accept: "text/event-stream", Header: [][2]string{{"X-Id", "1"}}, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	io.ReadAll(r.Body)
	r.Body.Close()
	want := fmt.Sprintf(`POST /v1/chat%%2Fx?a=b HTTP/1.1 host=%s length=15 auth=["Bearer s3cret"] agent=["test/1"] enc=["identity"] id=["1"] body={"model":"bcd"}`, v)
	if got := <-seen; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// raw serves each connection with a function until the test ends.
func raw(t *testing.T, serve func(net.Conn, *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c, bufio.NewReader(c))
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func TestMissing_SaysWhyAndSendsNothing(t *testing.T) {
	var n atomic.Int64
	server := httptest.NewServer(echo(&n))
	defer server.Close()
	for name, e := range map[string]*catalog.Endpoint{
		"no secret":             {Auth: catalog.Auth{Kind: "bearer", Secret: "env:NONE"}},
		"a secret that splits":  {Auth: catalog.Auth{Kind: "api-key", Secret: "env:SPLIT"}},
		"another kind":          {Auth: catalog.Auth{Kind: "sigv4", Secret: "env:GOOD"}},
		"no CA file":            {URL: "https://127.0.0.1:1", CAFile: "/nowhere/ca.pem"},
		"a CA file of nothing":  {URL: "https://127.0.0.1:1", CAFile: os.DevNull},
		"no client certificate": {URL: "https://127.0.0.1:1", Client: catalog.TLSFiles{Cert: "/nowhere/c.pem", Key: "/nowhere/k.pem"}},
		"a proxy of no use":     {Proxy: "socks5://127.0.0.1:1"},
		"no host":               {URL: "not a url"},
	} {
		if e.Name = "gov-west"; e.URL == "" {
			e.URL = server.URL
		}
		d := door(t, e)
		if d.Missing() == nil || !strings.Contains(d.Missing().Error(), "gov-west") {
			t.Errorf("%s: missing %v", name, d.Missing())
			continue
		}
		if strings.Contains(d.Missing().Error(), "Evil") {
			t.Errorf("%s: the secret is told: %v", name, d.Missing())
		}
		var f *egress.Failure
		if _, _, err := ask(context.Background(), d, "{}"); !errors.As(err, &f) || f.Phase != egress.Connecting {
			t.Errorf("%s: sent with %v", name, err)
		}
	}
	if n.Load() != 0 {
		t.Errorf("%d requests were sent", n.Load())
	}
}

func TestSame_IsTrueOnlyOfWhatNeedsNoNewDoor(t *testing.T) {
	base := catalog.Endpoint{Name: "e", URL: "http://127.0.0.1:1/v1", Auth: catalog.Auth{Kind: "bearer", Secret: "env:GOOD"}}
	d := door(t, &base)
	moved := base
	moved.Source = catalog.Source{File: "other.yaml", Line: 9}
	if !d.Same(&base) || !d.Same(&moved) {
		t.Error("an endpoint that stays, or is only written elsewhere, gets a new door")
	}
	for name, change := range map[string]func(*catalog.Endpoint){
		"url":     func(e *catalog.Endpoint) { e.URL += "x" },
		"secret":  func(e *catalog.Endpoint) { e.Auth.Secret = "env:OTHER" },
		"kind":    func(e *catalog.Endpoint) { e.Auth.Kind = "api-key" },
		"http":    func(e *catalog.Endpoint) { e.HTTP = 2 },
		"connect": func(e *catalog.Endpoint) { e.Limits.Connect = time.Second },
		"proxy":   func(e *catalog.Endpoint) { e.Proxy = "http://127.0.0.1:2" },
		"ca":      func(e *catalog.Endpoint) { e.CAFile = "ca.pem" },
		"name":    func(e *catalog.Endpoint) { e.ServerName = "x" },
		"client":  func(e *catalog.Endpoint) { e.Client.Cert = "c.pem" },
	} {
		e := base
		if change(&e); d.Same(&e) {
			t.Errorf("another %s keeps the door", name)
		}
	}
	file := catalog.Endpoint{Name: "e", URL: base.URL, Auth: catalog.Auth{Kind: "none", Secret: "file:key"}}
	if door(t, &file).Same(&file) {
		t.Error("a secret in a file, which can change under its name, keeps the door")
	}
}

func TestCancel_ClosesTheConnectionInEveryPhase(t *testing.T) {
	for name, row := range map[string]struct {
		says  string
		phase egress.Phase
	}{
		"before the header": {"", egress.Waiting},
		"within the header": {"HTTP/1.1 200 OK\r\nCont", egress.Waiting},
		"within the body":   {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", egress.Reading},
		"within a chunk":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc", egress.Reading},
	} {
		t.Run(name, func(t *testing.T) {
			asked, gone := make(chan struct{}), make(chan time.Time, 1)
			addr := raw(t, func(c net.Conn, br *bufio.Reader) {
				io.ReadFull(br, make([]byte, 100))
				io.WriteString(c, row.says)
				close(asked)
				c.SetReadDeadline(time.Now().Add(3 * time.Second))
				io.Copy(io.Discard, br)
				gone <- time.Now()
			})
			why := errors.New("because")
			ctx, cancel := context.WithCancelCause(context.Background())
			left := make(chan time.Time, 1)
			go func() {
				<-asked
				time.Sleep(10 * time.Millisecond)
				left <- time.Now()
				cancel(why)
			}()
			_, _, err := ask(ctx, door(t, &catalog.Endpoint{Name: "e", URL: "http://" + addr}), "{}")
			var f *egress.Failure
			if !errors.As(err, &f) || f.Phase != row.phase || !errors.Is(err, why) {
				t.Errorf("got %v, want phase %s because of the cause", err, row.phase)
			}
			if took := (<-gone).Sub(<-left); took > 100*time.Millisecond {
				t.Errorf("the peer saw it after %v", took)
			}
		})
	}
}

func TestConnect_IsBoundedWithTLSIncluded(t *testing.T) {
	addr := raw(t, func(c net.Conn, br *bufio.Reader) { // says nothing to the handshake
		c.SetReadDeadline(time.Now().Add(3 * time.Second))
		io.Copy(io.Discard, br)
	})
	d := door(t, &catalog.Endpoint{Name: "e", URL: "https://" + addr, Limits: catalog.Limits{Connect: 150 * time.Millisecond}})
	begun := time.Now()
	_, _, err := ask(context.Background(), d, "{}")
	var f *egress.Failure
	if took := time.Since(begun); !errors.As(err, &f) || f.Phase != egress.Connecting || took > time.Second {
		t.Errorf("got %v after %v", err, took)
	}
}
