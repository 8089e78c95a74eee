// Package egress is the door to vendors: it alone dials them, and only at the
// hosts that the estate names.
//
// A [Door] is one endpoint with its connections, sign-in and TLS settings. It
// sends a request once: it never retries, follows no redirect, adds no
// compression, and reads no proxy from the environment. When the context of a
// send ends, before the header or within the body, the connection is closed at
// once. Which offering is asked, how long to wait and what to do after a
// failure is the gateway's part. Nothing is sent without the proofs of the call's
// gates. Begin with [OpenAll] and [Doors.Send].
package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"bulkhead/catalog"
	"bulkhead/wire"
)

// DefaultConnections is how many idle connections a door keeps where its
// endpoint does not say.
const DefaultConnections = 256

// DefaultConnect bounds the wait for a connection where the endpoint does not.
const DefaultConnect = 5 * time.Second

// maxHeaderBytes bounds the header of a vendor's reply.
const maxHeaderBytes = 256 << 10

// Options are what a door needs from outside.
type Options struct {
	Secret    func(ref string) (string, error) // resolves a reference of the estate
	ReadFile  func(name string) ([]byte, error)
	UserAgent string
	SignIn    SignIn // nil: endpoints sign in by fixed fields alone
}

// Request is one attempt's request: always a POST of JSON.
type Request struct {
	Target string // path and query, as it goes out
	Accept string
	Header [][2]string // further fields, names in canonical form
	Body   wire.Splice // must not change until the Reply's body is closed
}

// Reply is a vendor's answer. Its Body must be closed; a body read to its end
// gives the connection back.
type Reply struct {
	Status int
	Header http.Header
	Body   io.ReadCloser
}

// Sent reports whether the request's body has left, so that its bytes may be
// used otherwise. A vendor can answer before it has.
func (r *Reply) Sent() bool {
	x, ok := r.Body.(*exchange)
	return !ok || x.sent()
}

// Finish says that the content has told the reply's end. The connection is
// given back once the body's end has come too, within a second and without the
// caller waiting for it; nothing may be read afterwards.
func (r *Reply) Finish() {
	if x, ok := r.Body.(*exchange); ok {
		x.settle()
		return
	}
	r.Body.Close()
}

// Phase is how far a send had come when it failed.
type Phase string

const (
	SigningIn  Phase = "sign-in" // what signs the request in could not be had
	Connecting Phase = "connect" // nothing of the request has left
	Sending    Phase = "send"    // some or all of it has
	Waiting    Phase = "header"  // all of it has, and no whole header came back
	Reading    Phase = "body"    // the header came; the body broke off
)

// Failure is why a send gave no reply, or a reply no end. The cause may hold
// addresses; it is for operators.
type Failure struct {
	Phase  Phase
	Reused bool // the connection had served before, so the peer may merely have let it go
	Cause  error
}

// Error gives phase and cause.
func (f *Failure) Error() string { return string(f.Phase) + ": " + f.Cause.Error() }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Cause }

// Door is the way to one endpoint. It is safe for concurrent use.
type Door struct {
	endpoint catalog.Endpoint
	origin   string // scheme and host
	base     string // path prefix of every target
	sign     [][2]string
	signer   Signer       // of each request anew; nil: sign is all
	ask      *http.Client // of the signer; nil: it asks nobody
	missing  error        // why nothing can be sent
	via      transport
}

// transport sends a request over one protocol. pool speaks HTTP/1.1 on
// connections of its own, which halves the processor time of the standard
// library's transport; multiplexed speaks HTTP/2.
type transport interface {
	send(ctx context.Context, d *Door, r *Request) (*Reply, error)
	close()
}

var (
	_ transport = (*pool)(nil)
	_ transport = (*multiplexed)(nil)
)

// Open makes the door to an endpoint. An endpoint whose secret or certificates
// cannot be had gets a door that refuses and says why in [Door.Missing]; its
// URL has been checked by the estate.
func Open(e *catalog.Endpoint, o Options) *Door {
	d := &Door{endpoint: *e}
	u, err := url.Parse(e.URL)
	if err != nil || u.Host == "" {
		d.missing = fmt.Errorf("endpoint %s: its url cannot be dialled", e.Name)
		return d
	}
	d.origin, d.base = u.Scheme+"://"+u.Host, strings.TrimSuffix(u.EscapedPath(), "/")
	if d.missing = d.signIn(o); d.missing != nil {
		return d
	}
	conf, err := tlsConfig(e, u, o)
	if err != nil {
		d.missing = err
		return d
	}
	dial, err := newDialer(e, u, conf)
	if err != nil {
		d.missing = err
		return d
	}
	d.sign = append(d.sign, [2]string{"User-Agent", o.UserAgent})
	if e.HTTP == 2 {
		d.via = newMultiplexed(u, dial)
	} else {
		d.via = newPool(u, dial, e.Connections)
	}
	return d
}

// Same reports whether a door to e would be this one, so that a reload keeps
// it and its connections.
func (d *Door) Same(e *catalog.Endpoint) bool {
	a, b := d.endpoint, *e
	a.Source, b.Source = catalog.Source{}, catalog.Source{}
	a.In, b.In = nil, nil // the same by name, made anew by every load
	return reflect.DeepEqual(a, b) && a.CAFile == "" && a.Client == (catalog.TLSFiles{}) && !strings.HasPrefix(a.Auth.Secret, "file:")
}

// Missing is why nothing can be sent through the door, or nil.
func (d *Door) Missing() error { return d.missing }

// Close lets go of idle connections; those in use end with their replies.
func (d *Door) Close() {
	if d.via != nil {
		d.via.close()
	}
	if d.ask != nil {
		d.ask.CloseIdleConnections()
	}
}

// send sends a request once. The error is a *Failure.
func (d *Door) send(ctx context.Context, r *Request) (*Reply, error) {
	if d.missing != nil {
		return nil, &Failure{Phase: Connecting, Cause: d.missing}
	}
	if d.signer != nil {
		fields, err := d.signer.Sign(ctx, d.origin+d.base+r.Target, r.Body)
		if err != nil {
			return nil, failed(ctx, SigningIn, false, err)
		}
		signed := *r
		signed.Header = append(slices.Clip(r.Header), fields...)
		r = &signed
	}
	return d.via.send(ctx, d, r)
}

// signIn makes the header fields that sign in at the endpoint.
func (d *Door) signIn(o Options) error {
	auth := d.endpoint.Auth
	switch auth.Kind {
	case "", "none":
		return nil
	case "bearer", "api-key":
	default:
		return d.signInBy(o)
	}
	secret, err := o.Secret(auth.Secret)
	if err != nil {
		return fmt.Errorf("endpoint %s: its secret %s: %w", d.endpoint.Name, auth.Secret, err)
	}
	if !headerText(secret) {
		return fmt.Errorf("endpoint %s: its secret %s holds a character that no header may", d.endpoint.Name, auth.Secret)
	}
	d.sign = [][2]string{{"Authorization", "Bearer " + secret}}
	if auth.Kind == "api-key" {
		d.sign = [][2]string{{"Api-Key", secret}}
	}
	return nil
}

// signInBy has the requests signed in one by one.
func (d *Door) signInBy(o Options) error {
	var err error
	if o.SignIn != nil {
		if d.ask, err = signInClient(&d.endpoint, o); err != nil {
			return err
		}
		if d.signer, err = o.SignIn(&d.endpoint, d.ask); err != nil {
			return fmt.Errorf("endpoint %s: %w", d.endpoint.Name, err)
		}
	}
	if d.signer == nil {
		return fmt.Errorf("endpoint %s: sign-in of the kind %q is not built", d.endpoint.Name, d.endpoint.Auth.Kind)
	}
	return nil
}

// TLS is how connections to an endpoint are made safe: what it asks of roots,
// names and our own certificate. It is nil for one without TLS.
func TLS(e *catalog.Endpoint, o Options) (*tls.Config, error) {
	u, err := url.Parse(e.URL)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: its address cannot be read", e.Name)
	}
	return tlsConfig(e, u, o)
}

// tlsConfig is nil for an endpoint without TLS.
func tlsConfig(e *catalog.Endpoint, u *url.URL, o Options) (*tls.Config, error) {
	if u.Scheme != "https" {
		return nil, nil
	}
	conf := &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(64)}
	if e.ServerName != "" {
		conf.ServerName = e.ServerName
	}
	if e.CAFile != "" {
		pem, err := o.ReadFile(e.CAFile)
		if err != nil {
			return nil, fmt.Errorf("endpoint %s: read ca_file: %w", e.Name, err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("endpoint %s: ca_file %s holds no PEM certificate", e.Name, e.CAFile)
		}
	}
	if e.Client.Cert != "" {
		cert, err := o.ReadFile(e.Client.Cert)
		if err != nil {
			return nil, fmt.Errorf("endpoint %s: read client_cert: %w", e.Name, err)
		}
		key, err := o.ReadFile(e.Client.Key)
		if err != nil {
			return nil, fmt.Errorf("endpoint %s: read client_key: %w", e.Name, err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("endpoint %s: client certificate: %w", e.Name, err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

// failed makes a Failure, naming the context's cause where that is why.
func failed(ctx context.Context, phase Phase, reused bool, err error) *Failure {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return &Failure{Phase: phase, Reused: reused, Cause: err}
}

// errNoHeader is met when a peer sends a header that never ends.
var errNoHeader = errors.New("the reply's header is over the limit")

// errNoH2 is met when a peer speaks TLS but not HTTP/2.
var errNoH2 = errors.New("the endpoint does not speak HTTP/2; set http: 1 on it")

// errIdle is met when a peer gives an idle connection up just as it is used.
var errIdle = errors.New("the vendor gave the idle connection up")

// isClosed reports whether the peer ended the connection without a word.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
