package egress

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"bulkhead/catalog"
)

// dialer makes connections to one endpoint, through its proxy if it has one.
type dialer struct {
	net     net.Dialer
	address string // host and port of the endpoint
	tls     *tls.Config
	proxy   *url.URL // nil: none
	connect time.Duration
}

func newDialer(e *catalog.Endpoint, u *url.URL, conf *tls.Config) (*dialer, error) {
	d := &dialer{address: hostPort(u), tls: conf, connect: e.Limits.Connect}
	d.net.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 15 * time.Second, Count: 4}
	if d.connect == 0 {
		d.connect = DefaultConnect
	}
	if e.Proxy != "" {
		p, err := url.Parse(e.Proxy)
		if err != nil || p.Host == "" || p.Scheme != "http" {
			return nil, fmt.Errorf("endpoint %s: proxy must be http://HOST:PORT", e.Name)
		}
		d.proxy = p
	}
	return d, nil
}

// hostPort gives the URL's host with its port, the scheme's own if none is written.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// dial connects, within the limit, and shakes hands if the endpoint has TLS.
// protocols are offered for ALPN.
func (d *dialer) dial(ctx context.Context, protocols ...string) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d.connect, fmt.Errorf("no connection to %s within %v", d.address, d.connect))
	defer cancel()
	address := d.address
	if d.proxy != nil {
		address = hostPort(d.proxy)
	}
	c, err := d.net.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if d.proxy != nil {
		if err := d.tunnel(ctx, c); err != nil {
			c.Close()
			return nil, err
		}
	}
	if d.tls == nil {
		return c, nil
	}
	conf := d.tls.Clone()
	conf.NextProtos = protocols
	t := tls.Client(c, conf)
	if err := t.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, fmt.Errorf("TLS with %s: %w", d.address, err)
	}
	return t, nil
}

// tunnel asks the proxy for a way to the endpoint (RFC 9110, section 9.3.6).
func (d *dialer) tunnel(ctx context.Context, c net.Conn) error {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: d.address}, Host: d.address, Header: http.Header{}}
	if u := d.proxy.User; u != nil {
		password, _ := u.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	if err := req.Write(c); err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	br := bufio.NewReaderSize(&oneByte{c}, 16)
	resp, err := http.ReadResponse(br, req)
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("proxy: answered %d to CONNECT", resp.StatusCode)
	}
	return nil
}

// oneByte reads a byte at a time, so that nothing beyond the proxy's header is
// taken from the connection.
type oneByte struct{ net.Conn }

func (o *oneByte) Read(p []byte) (int, error) { return o.Conn.Read(p[:1]) }
