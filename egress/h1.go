package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"bulkhead/wire"
)

// idleFor is how long a connection may lie unused; vendors' own limits are a
// minute and more.
const idleFor = 50 * time.Second

// smallBody is the size up to which header and body leave as one write.
const smallBody = 32 << 10

// patience is how long a write may take before the reply is awaited beside it:
// a vendor may answer before it has read the request, and read no further.
const patience = 20 * time.Millisecond

// tinyRequest is what surely fits into a connection's buffers.
const tinyRequest = 8 << 10

// afterBreak bounds the wait for a reply to a request whose write broke off.
const afterBreak = time.Second

// pool speaks HTTP/1.1 to one endpoint, a request a connection at a time.
type pool struct {
	dial *dialer
	host string // the Host field
	max  int

	mu     sync.Mutex
	idle   []*conn // the most lately used last
	closed bool
	sweep  *time.Timer // runs while connections are idle
}

func newPool(u *url.URL, d *dialer, max int) *pool {
	if max == 0 {
		max = DefaultConnections
	}
	return &pool{dial: d, host: u.Host, max: max}
}

// conn is a connection and what has been read ahead from it.
type conn struct {
	net.Conn
	raw    net.Conn // below TLS
	br     *bufio.Reader
	head   []byte // scratch for the request's header
	left   int    // bytes that may still be read of a header; negative: no bound
	since  time.Time
	reused bool
	probe  func(fd uintptr) bool // see alive
	alive  bool
}

// Read reads from the peer, within the bound on headers.
func (c *conn) Read(p []byte) (int, error) {
	if c.left < 0 {
		return c.Conn.Read(p)
	}
	if c.left == 0 {
		return 0, errNoHeader
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// abort ends the connection from another goroutine, whatever it waits for. The
// TCP connection is closed below TLS, since a farewell could block.
func (c *conn) abort() { c.raw.Close() }

func (p *pool) get(ctx context.Context) (*conn, error) {
	for {
		p.mu.Lock()
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			break
		}
		c := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		if c.quiet() {
			c.reused = true
			return c, nil
		}
		c.Close()
	}
	nc, err := p.dial.dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc, raw: nc, left: -1}
	if t, ok := nc.(*tls.Conn); ok {
		c.raw = t.NetConn()
	}
	c.br = bufio.NewReaderSize(c, 8<<10)
	c.probe = func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		c.alive = errors.Is(err, syscall.EAGAIN)
		return true
	}
	return c, nil
}

// quiet reports whether an idle connection is open and silent: a peer that has
// closed it, or sent what was not asked for, has made it useless.
func (c *conn) quiet() bool {
	if c.br.Buffered() > 0 {
		return false
	}
	sc, ok := c.raw.(syscall.Conn)
	if !ok {
		return false
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	c.alive = false
	return rc.Read(c.probe) == nil && c.alive
}

func (p *pool) put(c *conn) {
	c.since = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.max {
		c.Close()
		return
	}
	p.idle = append(p.idle, c)
	if p.sweep == nil {
		p.sweep = time.AfterFunc(idleFor/2, p.expire)
	}
}

// expire closes what has been idle for too long; it runs on the sweep timer,
// which goes on while anything is idle.
func (p *pool) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	keep := 0
	for keep < len(p.idle) && time.Since(p.idle[keep].since) > idleFor {
		p.idle[keep].Close()
		keep++
	}
	p.idle = append(p.idle[:0], p.idle[keep:]...)
	if len(p.idle) == 0 {
		p.sweep = nil
		return
	}
	p.sweep.Reset(idleFor / 2)
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		c.Close()
	}
	p.idle = nil
	if p.sweep != nil {
		p.sweep.Stop()
	}
}

// post is the request that replies are read for: its method says that they
// have bodies.
var post = &http.Request{Method: http.MethodPost}

func (p *pool) send(ctx context.Context, d *Door, r *Request) (*Reply, error) {
	c, err := p.get(ctx)
	if err != nil {
		return nil, failed(ctx, Connecting, false, err)
	}
	x := &exchange{ctx: ctx, pool: p, conn: c}
	x.stop = context.AfterFunc(ctx, c.abort)
	broken := x.write(d, r)
	if broken != nil {
		// A vendor that refuses early may close before it has read the body:
		// its answer is still worth having.
		c.raw.SetReadDeadline(time.Now().Add(afterBreak))
	}
	resp, err := x.header()
	if err != nil {
		x.drop()
		if broken != nil {
			return nil, failed(ctx, Sending, c.reused, broken)
		}
		return nil, failed(ctx, Waiting, c.reused && isClosed(err), err)
	}
	if c.reused && resp.StatusCode == http.StatusRequestTimeout && resp.Close {
		// What a peer says of an idle connection that it gives up, not of the request.
		x.drop()
		return nil, failed(ctx, Waiting, true, errIdle)
	}
	x.body, x.last = resp.Body, resp.Close || broken != nil
	return &Reply{Status: resp.StatusCode, Header: resp.Header, Body: x}, nil
}

// exchange is one request and its reply on a connection; as a reader it is the
// reply's body.
type exchange struct {
	ctx     context.Context
	pool    *pool
	conn    *conn
	stop    func() bool
	writing chan error // the end of a large body's write; nil: it has ended
	body    io.ReadCloser
	last    bool // the connection ends with this reply
	done    bool
	// settling: the rest is read by settle's goroutine, which alone touches
	// the exchange from then on.
	settling bool
}

// write sends header and body. What does not leave at once is left to a
// goroutine, which drop waits for.
func (x *exchange) write(d *Door, r *Request) error {
	c, size := x.conn, r.Body.Len()
	head := append(c.head[:0], "POST "...)
	head = append(append(head, d.base...), r.Target...)
	head = append(append(head, " HTTP/1.1\r\nHost: "...), x.pool.host...)
	head = append(head, "\r\nContent-Type: application/json\r\nAccept-Encoding: identity\r\nAccept: "...)
	head = append(append(head, r.Accept...), "\r\nContent-Length: "...)
	head = append(strconv.AppendInt(head, int64(size), 10), "\r\n"...)
	for _, fields := range [2][][2]string{d.sign, r.Header} {
		for _, f := range fields {
			head = append(append(append(append(head, f[0]...), ": "...), f[1]...), "\r\n"...)
		}
	}
	head = append(head, "\r\n"...)
	if size <= smallBody {
		head = r.Body.Append(head)
	}
	c.head = head[:0]
	left := net.Buffers{head}
	if size > smallBody {
		left = appendParts(left, r.Body)
	}
	switch _, plain := c.Conn.(*net.TCPConn); {
	case plain:
		c.raw.SetWriteDeadline(time.Now().Add(patience))
		_, err := left.WriteTo(c.Conn)
		c.raw.SetWriteDeadline(time.Time{})
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	case len(head) <= tinyRequest && size <= smallBody:
		// A TLS connection does not survive a write that timed out, so only
		// what surely fits is written without a goroutine.
		_, err := left.WriteTo(c.Conn)
		return err
	}
	x.writing = make(chan error, 1)
	go func() { // ends with the write, or with the connection
		_, err := left.WriteTo(c.Conn)
		x.writing <- err
	}()
	return nil
}

// appendParts appends a body's parts without copying them together.
func appendParts(parts net.Buffers, s wire.Splice) net.Buffers {
	at := 0
	for _, e := range s.Edits {
		parts = append(parts, s.Body[at:e.Start], e.With)
		at = e.End
	}
	return append(parts, s.Body[at:])
}

// header reads the reply's header, passing over informational ones.
func (x *exchange) header() (*http.Response, error) {
	c := x.conn
	c.left = maxHeaderBytes
	defer func() { c.left = -1 }()
	for {
		resp, err := http.ReadResponse(c.br, post)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 {
			return resp, nil
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			return nil, errors.New("the vendor switched protocols unasked")
		}
	}
}

// Read reads the reply's body.
func (x *exchange) Read(p []byte) (int, error) {
	if x.done {
		return 0, io.EOF
	}
	n, err := x.body.Read(p)
	switch {
	case err == io.EOF:
		x.finish()
	case err != nil:
		err = failed(x.ctx, Reading, false, err)
	}
	return n, err
}

// Close ends the exchange; before the body's end it ends the connection too.
func (x *exchange) Close() error {
	if !x.settling {
		x.drop()
	}
	return nil
}

// settle reads to the end of a body whose content has ended: at once if the
// end has arrived, else in a goroutine that a deadline of a second bounds.
func (x *exchange) settle() {
	if x.done || x.settling {
		return
	}
	if !x.sent() || !x.stop() {
		x.drop()
		return
	}
	x.stop = func() bool { return true } // the call may end now; the connection goes on
	x.settling = true
	if x.conn.br.Buffered() > 0 {
		x.drain()
		return
	}
	go x.drain()
}

// sent reports whether a large body's write has ended.
func (x *exchange) sent() bool {
	if x.writing == nil {
		return true
	}
	select {
	case err := <-x.writing:
		x.writing = nil
		x.last = x.last || err != nil
		return true
	default:
		return false
	}
}

// drain reads the rest of a body, which should be next to nothing.
func (x *exchange) drain() {
	var rest [512]byte
	x.conn.SetReadDeadline(time.Now().Add(time.Second))
	for range 8 {
		if _, err := x.body.Read(rest[:]); err == io.EOF {
			x.conn.SetReadDeadline(time.Time{})
			x.finish()
			return
		} else if err != nil {
			break
		}
	}
	x.drop()
}

// finish gives the connection back after a whole reply, if it can serve again.
func (x *exchange) finish() {
	if x.done {
		return
	}
	if !x.sent() { // the vendor answered early and does not read on
		x.drop()
		return
	}
	if !x.stop() || x.last || x.conn.br.Buffered() > 0 {
		x.drop()
		return
	}
	x.done = true
	x.pool.put(x.conn)
}

// drop ends the connection and waits for its writer.
func (x *exchange) drop() {
	if x.done {
		return
	}
	x.done = true
	x.stop()
	x.conn.Close()
	if x.writing != nil {
		<-x.writing
	}
}
