package egress

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// multiplexed speaks HTTP/2 to one endpoint. Dead connections are found by
// pings, since many calls share one.
type multiplexed struct {
	origin string // scheme and host
	http   *http.Transport
}

func newMultiplexed(u *url.URL, d *dialer) *multiplexed {
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	t := &http.Transport{
		Protocols:              &protocols,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaderBytes,
		IdleConnTimeout:        idleFor,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			plain := *d
			plain.tls = nil
			return plain.dial(ctx)
		},
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := d.dial(ctx, "h2")
			if t, ok := c.(*tls.Conn); err == nil && ok && t.ConnectionState().NegotiatedProtocol != "h2" {
				c.Close()
				return nil, errNoH2
			}
			return c, err
		},
	}
	return &multiplexed{origin: u.Scheme + "://" + u.Host, http: t}
}

func (m *multiplexed) close() { m.http.CloseIdleConnections() }

func (m *multiplexed) send(ctx context.Context, d *Door, r *Request) (*Reply, error) {
	// The reader hides its kind, so that the transport has no GetBody and can
	// send the request once only. It reads a copy: the transport may read on
	// for a moment after the reply is closed, when the caller's buffer already
	// serves another call.
	body := &once{rest: r.Body.Append(make([]byte, 0, r.Body.Len()))}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.origin+d.base+r.Target, body)
	if err != nil {
		return nil, failed(ctx, Connecting, false, err)
	}
	req.ContentLength = int64(r.Body.Len())
	req.Header = http.Header{"Content-Type": {"application/json"}, "Accept-Encoding": {"identity"}, "Accept": {r.Accept}}
	for _, fields := range [2][][2]string{d.sign, r.Header} {
		for _, f := range fields {
			req.Header[f[0]] = []string{f[1]}
		}
	}
	resp, err := m.http.RoundTrip(req)
	if err != nil {
		phase := Waiting
		if !body.begun {
			phase = Connecting
		}
		return nil, failed(ctx, phase, false, err)
	}
	return &Reply{Status: resp.StatusCode, Header: resp.Header, Body: &replyBody{ctx, resp.Body}}, nil
}

// once reads a request's body, once.
type once struct {
	begun bool
	rest  []byte
}

// Read gives the body's bytes.
func (o *once) Read(p []byte) (int, error) {
	o.begun = true
	if len(o.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, o.rest)
	o.rest = o.rest[n:]
	return n, nil
}

// replyBody turns read errors into Failures.
type replyBody struct {
	ctx context.Context
	io.ReadCloser
}

// Read reads the reply's body.
func (b *replyBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = failed(b.ctx, Reading, false, err)
	}
	return n, err
}
