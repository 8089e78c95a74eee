package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bulkhead/catalog"
	"bulkhead/wire"
)

// Signer signs requests in at an endpoint: it gives the header fields, names in
// canonical form, that one attempt needs beside its own. target is the URL that
// is posted to, as it goes out. It is asked at every attempt and by many at
// once; what it remembers of sign-ins is its own.
type Signer interface {
	Sign(ctx context.Context, target string, body wire.Splice) ([][2]string, error)
}

// Asker is the client through which a sign-in asks: it reaches the hosts that
// the endpoint's auth.hosts names and no others.
type Asker = http.Client

// SignIn makes the signer of an endpoint whose kind of sign-in is more than a
// fixed field. A nil Signer says that the kind is not built.
type SignIn func(e *catalog.Endpoint, ask *Asker) (Signer, error)

// signInWithin bounds one sign-in, its library's retries included.
const signInWithin = 15 * time.Second

// signInClient is the one client that sign-in libraries get: they are large,
// and may ask only where the estate says they may.
func signInClient(e *catalog.Endpoint, o Options) (*Asker, error) {
	t := &http.Transport{
		// Services on the machine itself speak plain HTTP and are not behind a proxy.
		Proxy: func(r *http.Request) (*url.URL, error) {
			if e.Proxy == "" || r.URL.Scheme != "https" {
				return nil, nil
			}
			return url.Parse(e.Proxy)
		},
		DialContext:            (&net.Dialer{Timeout: DefaultConnect}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    DefaultConnect,
		MaxResponseHeaderBytes: maxHeaderBytes,
		IdleConnTimeout:        idleFor,
		MaxIdleConns:           4,
	}
	if e.CAFile != "" {
		pem, err := o.ReadFile(e.CAFile)
		if err != nil {
			return nil, fmt.Errorf("endpoint %s: read ca_file: %w", e.Name, err)
		}
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) // that it holds some is checked for the endpoint itself
	}
	return &Asker{
		Transport:     &listed{endpoint: e.Name, hosts: e.Auth.Hosts, to: t},
		Timeout:       signInWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// listed refuses every host that is not listed.
type listed struct {
	endpoint string
	hosts    []string
	to       *http.Transport
}

// RoundTrip implements [http.RoundTripper].
func (l *listed) RoundTrip(r *http.Request) (*http.Response, error) {
	if host := r.URL.Hostname(); !slices.ContainsFunc(l.hosts, func(h string) bool { return strings.EqualFold(h, host) }) {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, fmt.Errorf("sign-in of endpoint %s wants to ask the host %s, which its auth.hosts does not name", l.endpoint, host)
	}
	return l.to.RoundTrip(r)
}

// CloseIdleConnections lets go of idle connections, as [http.Client] asks.
func (l *listed) CloseIdleConnections() { l.to.CloseIdleConnections() }

// Token is what a sign-in gives, and until when it holds.
type Token struct {
	Text  string
	Until time.Time
}

// refreshBefore is how long before its end a token is asked for anew, while it
// still serves.
const refreshBefore = 5 * time.Minute

// How long after a failed sign-in the next is tried: while a token that is had
// still serves, and while there is none and every call asks.
const (
	retryAhead = 10 * time.Second
	retryNow   = time.Second
)

// Tokens signs in by a bearer token, which it keeps until shortly before its
// end. Calls do not wait for a refresh but where there is no token that holds.
type Tokens struct {
	fetch func(ctx context.Context) (Token, error)
	now   func() time.Time
	have  atomic.Pointer[held]

	mu      sync.Mutex
	asking  *asking   // under way; nil: nobody asks
	failed  *asking   // the last, if it failed
	settled time.Time // when the last ended that gave nothing new
}

var _ Signer = (*Tokens)(nil)

// held is a token in the form in which it is sent.
type held struct {
	fields [][2]string
	until  time.Time
}

// asking is a fetch under way.
type asking struct {
	done chan struct{}
	err  error
}

// NewTokens signs in by the tokens that fetch gets; now is nil for time.Now.
func NewTokens(fetch func(ctx context.Context) (Token, error), now func() time.Time) *Tokens {
	if now == nil {
		now = time.Now
	}
	return &Tokens{fetch: fetch, now: now}
}

// Sign gives the field that carries the token.
func (t *Tokens) Sign(ctx context.Context, _ string, _ wire.Splice) ([][2]string, error) {
	now := t.now()
	if h := t.have.Load(); h != nil && now.Before(h.until) {
		if now.Add(refreshBefore).After(h.until) {
			t.ask(ctx, true)
		}
		return h.fields, nil
	}
	a := t.ask(ctx, false)
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-a.done:
	}
	if a.err != nil {
		return nil, a.err
	}
	return t.have.Load().fields, nil
}

// ask begins to fetch a token, or joins who does. What has just failed is not
// tried again at once.
func (t *Tokens) ask(ctx context.Context, ahead bool) *asking {
	t.mu.Lock()
	defer t.mu.Unlock()
	since := t.now().Sub(t.settled)
	switch {
	case t.asking != nil:
		return t.asking
	case ahead && since < retryAhead:
		return nil
	case !ahead && t.failed != nil && since < retryNow:
		return t.failed
	}
	a := &asking{done: make(chan struct{})}
	t.asking = a
	// The fetch outlives the call that began it, since others wait for it; it
	// ends with signInWithin.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signInWithin)
	go func() {
		defer cancel()
		defer close(a.done)
		token, err := t.fetch(ctx)
		if err == nil {
			err = usable(token, t.now())
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.asking, t.failed, a.err = nil, nil, err
		if err != nil {
			t.failed, t.settled = a, t.now()
			return
		}
		if before := t.have.Load(); before != nil && !token.Until.After(before.until) {
			t.settled = t.now() // whoever keeps it has none that is newer yet
		}
		t.have.Store(&held{[][2]string{{"Authorization", "Bearer " + token.Text}}, token.Until})
	}()
	return a
}

// usable refuses a token that no header may carry, or that has ended already.
func usable(t Token, now time.Time) error {
	if t.Text == "" || !headerText(t.Text) {
		return errors.New("the sign-in gave a token that no header may carry")
	}
	if !t.Until.After(now) {
		return errors.New("the sign-in gave a token that has ended already")
	}
	return nil
}

// headerText reports whether a secret can be sent as a header field's value.
func headerText(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}
