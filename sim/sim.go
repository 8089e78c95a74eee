// Package sim holds pretend AI vendors that speak the vendors' real wires on loopback: OpenAI, Azure OpenAI in both of
// its surfaces, Amazon Bedrock's OpenAI-compatible surface and Converse, a generic OpenAI-compatible server, Google's Gemini API
// with Vertex AI, and Anthropic.
//
// They behave like a model that never thinks: the same prompt gives the same text, token counts follow the tokenizer
// of [Tokens], tools are called when they are offered and asked for, JSON obeys the schema it was asked to obey. They
// fail on demand (see [Rule]) and keep a record of what reached them (see [Record]). Quickstart, rehearsals and tests
// use them in place of a vendor, so that the path of a call is the same with and without one.
//
// They are not a mock of Bulkhead's own readers: the shapes they send follow exchanges recorded from the real
// vendors, and the tests of this package compare the two.
//
// Begin at [New], [Sim.Start] and [Vendor]; what the vendors answer is decided in answer.go. The wire follows OpenAI's
// API reference (chat completions, embeddings, models; document version 2.3.0) and Azure OpenAI's data plane.
package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options says which vendors to pretend to be and how. The zero value pretends to be all of [DefaultVendors],
// accepts any key, and answers as fast as it can.
type Options struct {
	// Vendors are served by every listener of [Sim.Start]; nil means [DefaultVendors].
	Vendors []Vendor
	// Key is the credential that a vendor without a key of its own expects. Empty: any credential is good, but there
	// must be one (an OpenAI-compatible server wants none at all).
	Key string
	// Pace is the time between two chunks of a stream.
	Pace time.Duration
	// MaxRecords bounds the list of what the vendors saw; the oldest entries go first. Zero means 1000.
	MaxRecords int
	// MaxBodyBytes bounds one request body. Zero means 64 MiB.
	MaxBodyBytes int64
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Sim is a set of pretend vendors with their faults and their record. It is an [http.Handler], and [Sim.Start] gives
// it a listener of its own. All methods may be called at once from several goroutines.
type Sim struct {
	opts    Options
	vendors []*vendor
	faults  faultTable
	log     recorder
	ids     atomic.Uint64

	base   context.Context // ends when the Sim is closed, and with it every stalled reply
	cancel context.CancelFunc

	mu      sync.Mutex
	servers []*http.Server
	closed  bool
	serving sync.WaitGroup
}

// New returns pretend vendors that do not listen yet. Call Close when done, also when Start was never called.
func New(opts Options) *Sim {
	if opts.Vendors == nil {
		opts.Vendors = DefaultVendors()
	}
	if opts.MaxRecords <= 0 {
		opts.MaxRecords = 1000
	}
	if opts.MaxBodyBytes <= 0 {
		opts.MaxBodyBytes = 64 << 20
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := &Sim{opts: opts}
	s.base, s.cancel = context.WithCancel(context.Background())
	for _, v := range opts.Vendors {
		s.vendors = append(s.vendors, newVendor(v, opts.Key))
	}
	s.log.limit = opts.MaxRecords
	return s
}

// ErrNotLoopback says that an address to listen on is not a loopback one, or not an address: give another, for example
// 127.0.0.1:0.
var ErrNotLoopback = errors.New("simulated vendors listen on loopback only, for example 127.0.0.1:0")

// Start listens on addr (host:port, port 0 allowed) for all vendors and returns the listener's URL without a trailing
// slash. [Sim.BaseURL] tells where under it each vendor answers. Only loopback addresses are taken: pretend vendors
// believe anyone. It may be called several times.
func (s *Sim) Start(addr string) (string, error) {
	return s.listen(addr, s)
}

// StartVendor is Start for one vendor alone, which then answers at the paths the real one has, without a prefix.
func (s *Sim) StartVendor(name, addr string) (string, error) {
	v := s.vendor(name)
	if v == nil {
		return "", fmt.Errorf("start vendor: no vendor is named %q", name)
	}
	return s.listen(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.serveControl(w, r) {
			return
		}
		s.serveVendor(w, r, v, r.URL.Path)
	}))
}

func (s *Sim) listen(addr string, h http.Handler) (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("listen on %q: %w: %w", addr, ErrNotLoopback, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", fmt.Errorf("listen on %q: %w", addr, ErrNotLoopback)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 30 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return s.base },
		Protocols:         new(http.Protocols),
	}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		ln.Close()
		return "", errors.New("listen: the simulated vendors are closed")
	}
	s.servers = append(s.servers, srv)
	s.serving.Go(func() { _ = srv.Serve(ln) }) // ends with Close, whose error is always ErrServerClosed
	return "http://" + ln.Addr().String(), nil
}

// check finds vendors that could not be told apart.
func (s *Sim) check() error {
	seen := map[string]bool{}
	for _, v := range s.vendors {
		switch {
		case v.Name == "" || strings.ContainsAny(v.Name, "/?#% "):
			return fmt.Errorf("vendor name %q: use letters, digits, '-' and '.'", v.Name)
		case seen[v.Name]:
			return fmt.Errorf("vendor name %q is given twice", v.Name)
		case !v.Kind.known():
			return fmt.Errorf("vendor %q: unknown kind %q; use one of %s", v.Name, v.Kind, kindList())
		}
		seen[v.Name] = true
	}
	return nil
}

// Close stops every listener, breaks what is still being answered, and waits for the listeners to end.
func (s *Sim) Close() error {
	s.cancel()
	s.mu.Lock()
	s.closed = true
	servers := s.servers
	s.servers = nil
	s.mu.Unlock()
	var errs []error
	for _, srv := range servers {
		errs = append(errs, srv.Close())
	}
	s.serving.Wait()
	return errors.Join(errs...)
}

// Vendors returns the vendors it pretends to be, their defaults filled in.
func (s *Sim) Vendors() []Vendor {
	out := make([]Vendor, len(s.vendors))
	for i, v := range s.vendors {
		out[i] = v.Vendor
	}
	return out
}

// BaseURL returns what a client of the named vendor takes for a base URL under root, which Start returned: for
// OpenAI, Bedrock and compatible servers the URL before "/chat/completions"; for Anthropic that before "/v1/messages";
// for Azure and Google the endpoint, to which Azure clients add "/openai/deployments/…" and plain OpenAI clients "/openai/v1". Empty if there is no such vendor.
func (s *Sim) BaseURL(root, name string) string {
	v := s.vendor(name)
	if v == nil {
		return ""
	}
	return strings.TrimSuffix(root, "/") + vendorPrefix + v.Name + v.Kind.basePath()
}

func (s *Sim) vendor(name string) *vendor {
	for _, v := range s.vendors {
		if v.Name == name {
			return v
		}
	}
	return nil
}

// vendorPrefix begins the path of a vendor that shares its listener with others: /vendor/{name}/… .
const vendorPrefix = "/vendor/"

// ServeHTTP answers for all vendors: under /vendor/{name}/ for the one named there, under /_sim/ with the controls,
// and elsewhere for the first vendor that has such a path.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.serveControl(w, r) {
		return
	}
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, vendorPrefix); ok {
		name, rest, _ := strings.Cut(rest, "/")
		if v := s.vendor(name); v != nil {
			s.serveVendor(w, r, v, "/"+rest)
			return
		}
		writeControlError(w, http.StatusNotFound, fmt.Sprintf("no simulated vendor is named %q; there are: %s", name, s.names()))
		return
	}
	for _, v := range s.vendors {
		if v.route(path).op != opNone {
			s.serveVendor(w, r, v, path)
			return
		}
	}
	if len(s.vendors) == 0 {
		writeControlError(w, http.StatusNotFound, "there are no simulated vendors")
		return
	}
	s.serveVendor(w, r, s.vendors[0], path)
}

func (s *Sim) names() string {
	var names []string
	for _, v := range s.vendors {
		names = append(names, v.Name)
	}
	return strings.Join(names, ", ")
}
