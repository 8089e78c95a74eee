package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// vendor is a scripted upstream at the wire: it says what its script writes,
// byte for byte, and keeps what it was sent.
type vendor struct {
	t      testing.TB
	listen net.Listener
	URL    string

	mu     sync.Mutex
	script func(*visit)
	seen   []*visit
	open   map[net.Conn]bool
	dials  int
	closed bool
	wg     sync.WaitGroup
}

// visit is one request as the vendor met it, and the connection to answer on.
type visit struct {
	vendor *vendor
	conn   *net.TCPConn
	br     *bufio.Reader
	Dial   int    // which connection, from 1
	Head   string // request line and header, as sent
	Line   string
	Header http.Header
	Body   []byte // whole, unless the vendor was told to answer early
	ended  bool   // the script has ended the connection
}

// newVendor starts a vendor that reads each request whole before its script runs.
func newVendor(t testing.TB, script func(*visit)) *vendor { return listen(t, script, 0) }

// listen starts a vendor; with window > 0 its sockets take no more than about
// that many bytes that the script has not read, and it reads no bodies itself.
func listen(t testing.TB, script func(*visit), window int) *vendor {
	t.Helper()
	conf := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		if window == 0 {
			return nil
		}
		return c.Control(func(fd uintptr) {
			syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, window)
		})
	}}
	l, err := conf.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &vendor{t: t, listen: l, URL: "http://" + l.Addr().String() + "/v1", script: script, open: map[net.Conn]bool{}}
	v.wg.Go(func() { v.accept(window > 0) })
	t.Cleanup(v.Close)
	return v
}

func (v *vendor) accept(early bool) {
	for {
		c, err := v.listen.Accept()
		if err != nil {
			return
		}
		v.mu.Lock()
		if v.closed {
			v.mu.Unlock()
			c.Close()
			return
		}
		v.open[c] = true
		v.dials++
		dial := v.dials
		v.mu.Unlock()
		v.wg.Go(func() { v.serve(c.(*net.TCPConn), dial, early) })
	}
}

func (v *vendor) serve(c *net.TCPConn, dial int, early bool) {
	defer func() {
		c.Close()
		v.mu.Lock()
		delete(v.open, c)
		v.mu.Unlock()
	}()
	br := bufio.NewReader(c)
	for {
		x := &visit{vendor: v, conn: c, br: br, Dial: dial}
		if !x.readHead() || !early && !x.ReadBody() {
			return
		}
		v.mu.Lock()
		v.seen = append(v.seen, x)
		script := v.script
		v.mu.Unlock()
		script(x)
		if x.ended {
			return
		}
	}
}

// Close ends every connection and waits for the scripts.
func (v *vendor) Close() {
	v.mu.Lock()
	v.closed = true
	for c := range v.open {
		c.Close()
	}
	v.mu.Unlock()
	v.listen.Close()
	v.wg.Wait()
}

// Says changes the script for requests from now on.
func (v *vendor) Says(script func(*visit)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.script = script
}

// Seen gives the requests so far.
func (v *vendor) Seen() []*visit {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]*visit(nil), v.seen...)
}

// Dials is the number of connections made so far.
func (v *vendor) Dials() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.dials
}

// Only gives the one request that there must have been.
func (v *vendor) Only() *visit {
	v.t.Helper()
	seen := v.Seen()
	if len(seen) != 1 {
		v.t.Fatalf("the vendor was sent %d requests, want 1", len(seen))
	}
	return seen[0]
}

func (x *visit) readHead() bool {
	var head strings.Builder
	for {
		line, err := x.br.ReadString('\n')
		if err != nil {
			return false
		}
		head.WriteString(line)
		if line == "\r\n" {
			break
		}
	}
	x.Head = head.String()
	x.Line, _, _ = strings.Cut(x.Head, "\r\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(x.Head)))
	if err != nil {
		x.vendor.t.Errorf("the vendor was sent a header that is no HTTP: %v\n%q", err, x.Head)
		return false
	}
	x.Header = r.Header
	return true
}

// ReadBody takes in what is left of the body, by its Content-Length.
func (x *visit) ReadBody() bool {
	n, err := strconv.Atoi(x.Header.Get("Content-Length"))
	if err != nil {
		x.vendor.t.Errorf("the vendor was sent no Content-Length: %q", x.Head)
		return false
	}
	b := make([]byte, n-len(x.Body))
	m, err := io.ReadFull(x.br, b)
	x.Body = append(x.Body, b[:m]...)
	return err == nil
}

// Target is the path and query that was asked for.
func (x *visit) Target() string { return strings.Fields(x.Line)[1] }

// Say writes bytes as they are.
func (x *visit) Say(s string) bool {
	_, err := io.WriteString(x.conn, s)
	return err == nil
}

// Reply writes a whole reply with a Content-Length.
func (x *visit) Reply(status int, header, body string) bool {
	return x.Say(head(status, header, fmt.Sprintf("Content-Length: %d", len(body))) + body)
}

// Stream writes the header of a chunked stream, and then each part as a chunk of its own.
func (x *visit) Stream(header string, parts ...string) bool {
	return x.Say(head(200, header, "Transfer-Encoding: chunked")) && x.Chunks(parts...)
}

// Chunks writes each part as a chunk of its own; none is empty.
func (x *visit) Chunks(parts ...string) bool {
	var b bytes.Buffer
	for _, p := range parts {
		if p != "" {
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(p), p)
		}
	}
	return x.Say(b.String())
}

// End ends a chunked body.
func (x *visit) End() bool { return x.Say("0\r\n\r\n") }

// Hang ends the connection in order.
func (x *visit) Hang() {
	x.ended = true
	x.conn.Close()
}

// Reset ends the connection with a TCP reset.
func (x *visit) Reset() {
	x.ended = true
	x.conn.SetLinger(0)
	x.conn.Close()
}

// AwaitGone waits until the other side ends the connection and gives how long
// that took; it gives up after limit.
func (x *visit) AwaitGone(limit time.Duration) (time.Duration, bool) {
	begun := time.Now()
	x.ended = true
	x.conn.SetReadDeadline(begun.Add(limit))
	for {
		if _, err := x.br.Read(make([]byte, 512)); err != nil {
			ne, slow := err.(net.Error)
			return time.Since(begun), !(slow && ne.Timeout())
		}
	}
}

func head(status int, lines ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	for _, l := range lines {
		if l != "" {
			b.WriteString(l + "\r\n")
		}
	}
	return b.String() + "\r\n"
}

const (
	jsonType   = "Content-Type: application/json"
	streamType = "Content-Type: text/event-stream"
)
