package egress_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/egress"
	"bulkhead/wire"
)

// secure starts a TLS server and gives it with the file of its authority.
func secure(t *testing.T, h http.Handler, h2 bool) (*httptest.Server, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = h2
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return s, file
}

func TestTLS_TrustsOnlyWhatTheEstateSays(t *testing.T) {
	var n atomic.Int64
	s, ca := secure(t, echo(&n), false)
	for name, row := range map[string]struct {
		endpoint catalog.Endpoint
		ok       bool
	}{
		"its authority":              {catalog.Endpoint{CAFile: ca}, true},
		"its authority, named":       {catalog.Endpoint{CAFile: ca, ServerName: "example.com"}, true},
		"its authority, other name":  {catalog.Endpoint{CAFile: ca, ServerName: "other.example.gov"}, false},
		"the system's":               {catalog.Endpoint{}, false},
		"HTTP/2 it does not speak":   {catalog.Endpoint{CAFile: ca, HTTP: 2}, false},
		"plain HTTP to a TLS server": {catalog.Endpoint{URL: strings.Replace(s.URL, "https:", "http:", 1)}, false},
	} {
		row.endpoint.Name = "e"
		if row.endpoint.URL == "" {
			row.endpoint.URL = s.URL
		}
		before := n.Load()
		status, _, err := ask(context.Background(), door(t, &row.endpoint), "{}")
		if got := err == nil && status == 200; got != row.ok {
			t.Errorf("%s: got %d, %v", name, status, err)
		}
		if sent := n.Load() - before; (sent > 0) != row.ok {
			t.Errorf("%s: %d requests arrived", name, sent)
		}
	}
}

func TestHTTP2_CarriesManyCallsOnOneConnection(t *testing.T) {
	var n atomic.Int64
	s, ca := secure(t, echo(&n), true)
	d := door(t, &catalog.Endpoint{Name: "e", URL: s.URL + "/v1", CAFile: ca, HTTP: 2, Auth: catalog.Auth{Kind: "api-key", Secret: "env:GOOD"}})
	for range 20 {
		status, body, err := ask(context.Background(), d, `{"a":1}`)
		if err != nil || status != 200 || body != `POST /v1/chat HTTP/2.0 {"a":1}` {
			t.Fatalf("got %d %s, %v", status, body, err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	stuck, ca2 := secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), true)
	_, _, err := ask(ctx, door(t, &catalog.Endpoint{Name: "e", URL: stuck.URL, CAFile: ca2, HTTP: 2}), "{}")
	var f *egress.Failure
	if !errors.As(err, &f) || f.Phase != egress.Waiting || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestProxy_IsTheEstatesAndTunnels(t *testing.T) {
	var n atomic.Int64
	s, ca := secure(t, echo(&n), false)
	var asked atomic.Value
	refuse := false
	proxy := raw(t, func(c net.Conn, br *bufio.Reader) {
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		asked.Store(req.Method + " " + req.Host + " " + req.Header.Get("Proxy-Authorization"))
		if refuse {
			io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
			return
		}
		out, err := net.Dial("tcp", req.Host)
		if err != nil {
			return
		}
		defer out.Close()
		io.WriteString(c, "HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n")
		go io.Copy(out, br)
		io.Copy(c, out)
	})
	d := door(t, &catalog.Endpoint{Name: "e", URL: s.URL, CAFile: ca, Proxy: "http://user:pa%20ss@" + proxy})
	status, _, err := ask(context.Background(), d, "{}")
	if err != nil || status != 200 || n.Load() != 1 {
		t.Errorf("got %d, %v", status, err)
	}
	u, _ := url.Parse(s.URL)
	if want := "CONNECT " + u.Host + " Basic dXNlcjpwYSBzcw=="; asked.Load() != want {
		t.Errorf("the proxy was asked %q, want %q", asked.Load(), want)
	}
	d.Close()
	refuse = true
	_, _, err = ask(context.Background(), door(t, &catalog.Endpoint{Name: "e", URL: s.URL, CAFile: ca, Proxy: "http://" + proxy}), "{}")
	var f *egress.Failure
	if !errors.As(err, &f) || f.Phase != egress.Connecting || n.Load() != 1 {
		t.Errorf("refused by the proxy: got %v", err)
	}
}

// A way that takes bytes slowly is no fault: a request arrives whole however
// small the socket's buffer and however long the vendor takes to read.
func TestSlowWay_RequestsOfEverySizeArrive(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		var slow atomic.Bool
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if slow.Load() {
				time.Sleep(150 * time.Millisecond)
			}
			b, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			w.Write(b)
		})
		for _, size := range []int{1 << 10, 20 << 10, 31 << 10, 60 << 10, 200 << 10} {
			slow.Store(false)
			s := httptest.NewUnstartedServer(h)
			s.Listener.Close()
			s.Listener = narrow(t)
			e := &catalog.Endpoint{Name: "e"}
			if encrypted {
				s.StartTLS()
				file := filepath.Join(t.TempDir(), "ca.pem")
				b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
				if err := os.WriteFile(file, b, 0o600); err != nil {
					t.Fatal(err)
				}
				e.CAFile = file
			} else {
				s.Start()
			}
			e.URL = s.URL
			d := door(t, e)
			if _, _, err := ask(context.Background(), d, "{}"); err != nil {
				t.Fatal(err)
			}
			squeeze(t, s.Listener.Addr().(*net.TCPAddr).Port)
			slow.Store(true)
			body := strings.Repeat("x", size)
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			status, got, err := ask(ctx, d, body)
			cancel()
			if err != nil || status != 200 || got != body {
				t.Errorf("encrypted %v, %d bytes: got %d, %d bytes, %v", encrypted, size, status, len(got), err)
			}
			d.Close()
			s.Close()
		}
	}
}

// narrow makes a listener whose sockets hold little that has not been read.
func narrow(t *testing.T) net.Listener {
	t.Helper()
	conf := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 2<<10) })
	}}
	l, err := conf.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// squeeze makes our own sockets to a port hold little that has not been sent.
func squeeze(t *testing.T, port int) {
	t.Helper()
	found := false
	for fd := 3; fd < 1024; fd++ {
		peer, err := syscall.Getpeername(fd)
		if a, ok := peer.(*syscall.SockaddrInet4); err == nil && ok && a.Port == port {
			if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, 4<<10); err != nil {
				t.Fatal(err)
			}
			found = true
		}
	}
	if !found {
		t.Fatal("no connection to squeeze")
	}
}

// A client certificate is shown where the estate has one.
func TestTLS_ShowsItsClientCertificate(t *testing.T) {
	var n atomic.Int64
	s := httptest.NewUnstartedServer(echo(&n))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	ca := write("ca.pem", "CERTIFICATE", s.Certificate().Raw)
	cert, key := pair(t)
	e := catalog.Endpoint{Name: "e", URL: s.URL, CAFile: ca, Client: catalog.TLSFiles{Cert: write("c.pem", "CERTIFICATE", cert), Key: write("k.pem", "PRIVATE KEY", key)}}
	if status, _, err := ask(context.Background(), door(t, &e), "{}"); err != nil || status != 200 {
		t.Errorf("with a certificate: got %d, %v", status, err)
	}
	e.Client = catalog.TLSFiles{}
	if _, _, err := ask(context.Background(), door(t, &e), "{}"); err == nil || n.Load() != 1 {
		t.Errorf("without one: %v after %d requests", err, n.Load())
	}
}

// What was spliced arrives spliced, whatever the size and the protocol.
func TestSend_SplicesLargeBodies(t *testing.T) {
	var n atomic.Int64
	s, ca := secure(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body) // whole first: an HTTP/1 server drops what is left once it answers
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		n.Add(1)
		w.Write(b)
	}), true)
	for _, version := range []int{1, 2} {
		d := door(t, &catalog.Endpoint{Name: "e", URL: s.URL, CAFile: ca, HTTP: version})
		for _, size := range []int{0, 1, 32<<10 - 1, 32 << 10, 32<<10 + 1, 128 << 10, 1 << 20} {
			body := bytes.Repeat([]byte("abcdefghij"), size/10+2)
			sp := wire.Splice{Body: body, Edits: []wire.Edit{{Span: wire.Span{Start: 0, End: 0}, With: []byte("<")}, {Span: wire.Span{Start: 3, End: 5}, With: []byte("--long--")}, {Span: wire.Span{Start: len(body) - 1, End: len(body)}}}}
			r, err := d.Send(context.Background(), &egress.Request{Target: "/", Accept: "x/y", Body: sp})
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r.Body)
			r.Body.Close()
			if want := sp.Append(nil); err != nil || !bytes.Equal(got, want) {
				t.Errorf("HTTP/%d, %d bytes: got %d bytes, %v", version, len(want), len(got), err)
			}
		}
		d.Close()
	}
}

func TestSignIn_KeysGoInTheHeaderOfTheirKind(t *testing.T) {
	for kind, want := range map[string]string{"bearer": "Authorization", "api-key": "Api-Key", "x-api-key": "X-Api-Key", "x-goog-api-key": "X-Goog-Api-Key"} {
		var got http.Header
		s, ca := secure(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }), false)
		if _, _, err := ask(t.Context(), door(t, &catalog.Endpoint{Name: "e", URL: s.URL, CAFile: ca, Auth: catalog.Auth{Kind: kind, Secret: "env:GOOD"}}), "{}"); err != nil {
			t.Fatal(err)
		}
		carried := 0
		for _, name := range []string{"Authorization", "Api-Key", "X-Api-Key", "X-Goog-Api-Key"} {
			carried += len(got[name])
		}
		if carried != 1 || len(got[want]) != 1 {
			t.Errorf("%s: header %v", kind, got)
		}
	}
}
