// Package ingress is the data plane's face: the listener that applications
// call, its routes, and the credentials that SDKs put in their several places.
//
// It answers for what no call can be made of (no such route, wrong method,
// wrong content type) and hands everything else to the path of a call. It
// redirects nowhere. Begin with [New] and routes.go.
package ingress

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"bulkhead/call"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/gateway"
	"bulkhead/identity"
)

// Options are what the listener needs.
type Options struct {
	Gateway   *gateway.Gateway
	Log       *slog.Logger
	TLS       *tls.Config // nil: plain HTTP
	HeaderMax int         // bytes of a request's header; zero: 64 KiB
	HeaderIn  time.Duration
}

// Limits where the options do not say.
const (
	defaultHeaderMax = 64 << 10
	defaultHeaderIn  = 10 * time.Second
	idleFor          = 2 * time.Minute
)

// Server is the data plane's listener.
type Server struct {
	options  Options
	http     *http.Server
	draining atomic.Bool
	active   atomic.Int64 // calls under way
}

// New makes a server that speaks HTTP/1.1 and HTTP/2, the latter also without
// TLS, as some SDKs send it to plain endpoints.
func New(o Options) *Server {
	s := &Server{options: o}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	s.http = &http.Server{
		Handler:           s,
		Protocols:         &protocols,
		TLSConfig:         o.TLS,
		MaxHeaderBytes:    orElse(o.HeaderMax, defaultHeaderMax),
		ReadHeaderTimeout: orElse(o.HeaderIn, defaultHeaderIn),
		IdleTimeout:       idleFor,
		ErrorLog:          log.New(quiet{o.Log}, "", 0),
		HTTP2:             &http.HTTP2Config{SendPingTimeout: 30 * time.Second, MaxConcurrentStreams: 1000},
	}
	return s
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// quiet takes what the HTTP server has to say, which is about callers that
// broke off or spoke no HTTP.
type quiet struct{ log *slog.Logger }

// Write logs one line.
func (q quiet) Write(b []byte) (int, error) {
	q.log.Debug("http", slog.String("said", strings.TrimSpace(string(b))))
	return len(b), nil
}

// Listen opens the data plane's address.
func Listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }

// Serve answers on l until Shutdown or Close.
func (s *Server) Serve(l net.Listener) error {
	var err error
	if s.options.TLS != nil {
		err = s.http.ServeTLS(l, "", "")
	} else {
		err = s.http.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Drain makes further calls on connections that are open be refused as draining.
func (s *Server) Drain() { s.draining.Store(true) }

// Shutdown waits for the calls under way, until ctx ends, and then stops
// listening. Until then further calls are answered as draining, so that callers
// and what balances them hear it in words.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for s.active.Load() > 0 && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return s.http.Shutdown(ctx)
}

// Close ends every call at once.
func (s *Server) Close() error { return s.http.Close() }

// ServeHTTP accepts one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := accept(r)
	var f *fault.Fault
	if errors.As(in.Refusal, &f) && f.Kind == fault.MethodNotAllowed {
		w.Header().Set("Allow", served(in.Action)) // RFC 9110, section 15.5.6
	}
	if r.ProtoMajor == 1 && len(r.TransferEncoding) > 0 {
		// The request may have had a length too, which the server hides: what
		// follows it could be read differently by something in front of us
		// (RFC 9112, section 6.1).
		w.Header().Set("Connection", "close")
	}
	s.active.Add(1)
	defer s.active.Add(-1)
	if s.draining.Load() {
		in.Refusal = fault.New(fault.Draining, "Bulkhead is going down; try again, and you will reach another one or the next.")
		w.Header().Set("Connection", "close")
	}
	s.options.Gateway.Serve(w, r, in)
}

// accept finds what a request is by its route and header.
func accept(r *http.Request) gateway.Inbound {
	in := match(r)
	if in.Refusal != nil {
		return in
	}
	in.Credential, in.Refusal = credential(r.Header)
	if in.Refusal == nil {
		in.Signed, in.Refusal = signed(r, in.Credential)
	}
	if in.Refusal == nil && in.Action != call.Models {
		in.Refusal = acceptable(r.Header)
	}
	return in
}

// acceptable refuses a body of another type, or an encoded one.
func acceptable(h http.Header) error {
	if v := h["Content-Encoding"]; len(v) > 0 && !(len(v) == 1 && strings.EqualFold(v[0], "identity")) {
		return fault.New(fault.UnsupportedMedia, "The body has a Content-Encoding; send it plain.").At("Content-Encoding").Final()
	}
	v := h["Content-Type"]
	if len(v) == 1 && v[0] == "application/json" || len(v) == 0 {
		return nil
	}
	kind, params, err := mime.ParseMediaType(v[0])
	charset, has := params["charset"]
	if len(v) > 1 || err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json") || has && !strings.EqualFold(charset, "utf-8") {
		return fault.New(fault.UnsupportedMedia, "The body must be JSON in UTF-8: send Content-Type: application/json.").At("Content-Type").Final()
	}
	return nil
}

// credential finds the key wherever the caller's SDK puts it. Two that differ
// are as good as none.
func credential(h http.Header) (identity.Credential, error) {
	var found string
	several := false
	add := func(v string) {
		if v = strings.TrimSpace(v); v != "" {
			several = several || found != "" && found != v
			found = v
		}
	}
	for _, v := range h["Authorization"] {
		if scheme, token, ok := strings.Cut(v, " "); ok && strings.EqualFold(scheme, "Bearer") {
			add(token)
		}
	}
	for _, name := range [...]string{"X-Api-Key", "Api-Key", "X-Goog-Api-Key"} {
		for _, v := range h[name] {
			add(v)
		}
	}
	if several {
		return "", fault.New(fault.Unauthenticated, "The request carries several credentials that differ; send one.").Final()
	}
	return identity.Credential(found), nil
}

// unserved refuses a known route in its dialect's own shape.
func unserved(d dialect.Name, route, instead string) gateway.Inbound {
	return gateway.Inbound{Dialect: d, Route: route, Refusal: fault.New(fault.UnsupportedRoute, "This build does not serve %s. %s", route, instead).Final()}
}
