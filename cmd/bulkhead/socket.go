package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"

	"bulkhead/catalog"
	"bulkhead/console"
	"bulkhead/control"
	"bulkhead/fault"
	"bulkhead/ledger"
)

// errNoOwner says that no server answers on a data folder.
var errNoOwner = errors.New("no server runs on this data folder")

// commander sends commands to the Controller of a data folder: through the socket of the server that owns it, or to
// one in this process that owns it for as long as the command takes. Both speak the same requests.
type commander struct {
	client *http.Client
	local  bool         // nobody else runs
	Close  func() error // gives back what was taken
}

// reachServer gives a way to the server that owns a data folder, or errNoOwner.
func reachServer(ctx context.Context, dir string) (*commander, error) {
	path := filepath.Join(dir, ledger.SocketName)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	c, err := dial(ctx, "", "")
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Errorf("%w (%s)", errNoOwner, dir)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s is not for this user; run the command as the user that the server runs as", path)
	case err != nil:
		return nil, err
	}
	_ = c.Close() // it was only to see who answers
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true}
	return &commander{client: &http.Client{Transport: transport}, Close: func() error { return nil }}, nil
}

// ownerPatience is how long a command waits for an owner that is starting, ending, or a command like itself.
const ownerPatience = 10 * time.Second

// offline is what a command that finds no server knows of the estate; the zero one is nothing.
type offline struct {
	workloads []string
	estate    *catalog.Estate
}

// reach gives a way to the Controller of a data folder. Where no server runs it takes the folder; at then says what
// there is.
func reach(ctx context.Context, dir string, at offline) (*commander, error) {
	for until := time.Now().Add(ownerPatience); ; {
		c, err := reachServer(ctx, dir)
		if !errors.Is(err, errNoOwner) {
			return c, err
		}
		c, err = reachLocal(ctx, dir, at)
		if !errors.Is(err, ledger.ErrOwned) {
			return c, err
		}
		if time.Now().After(until) {
			return nil, fmt.Errorf("%w, which does not answer on its control socket", err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func reachLocal(ctx context.Context, dir string, at offline) (*commander, error) {
	s, err := ownState(ctx, dir)
	if err != nil {
		return nil, err
	}
	record := func(ctx context.Context, c control.Change) (int64, error) { return recordAlone(ctx, dir, at, c) }
	c, err := control.New(ctx, control.Options{Store: s.store, Keys: s.ring, Workloads: func() []string { return at.workloads }, Record: record,
		Suspensions: s.store, Offerings: func() []*catalog.Offering { return at.offerings() }, Drills: s.store})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &commander{client: &http.Client{Transport: inProcess{console.Commands(c)}}, local: true, Close: s.Close}, nil
}

// do sends a command and reads its answer. A refusal comes back as the fault it was.
func (c *commander) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://control"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 == 2 {
		if err := json.UnmarshalRead(resp.Body, out); err != nil {
			return fmt.Errorf("control socket: answer cannot be read: %w", err)
		}
		return nil
	}
	var failure console.Failure
	if err := json.UnmarshalRead(resp.Body, &failure); err != nil || failure.Error.Code == "" {
		return fmt.Errorf("control socket: status %d without a reason", resp.StatusCode)
	}
	f := &fault.Fault{Kind: failure.Error.Code, Message: failure.Error.Message, Field: failure.Error.Field}
	if failure.Error.Cause != "" {
		f.Cause = errors.New(failure.Error.Cause)
	}
	return f
}

// explain tells why a command came to nothing and gives its exit code: 1 for a finding or refusal, 2 for what should
// have been written differently, 3 if it could not run.
func explain(stderr io.Writer, command string, err error) int {
	var f *fault.Fault
	if !errors.As(err, &f) {
		fmt.Fprintf(stderr, "bulkhead %s: %v\n", command, err)
		return 3
	}
	fmt.Fprintf(stderr, "bulkhead %s: %s\n", command, f.Message)
	if f.Cause != nil {
		fmt.Fprintf(stderr, "cause: %v\n", f.Cause)
	}
	switch f.Kind {
	case control.UnknownWorkload, control.NoSuchKey, control.EstateRefused, control.DigestDiffers, control.NothingCovered, control.NoSuchSuspension,
		control.NotDrillable, control.DrillUnderWay, control.NoSuchDrill:
		return 1
	case fault.Malformed:
		return 2
	}
	return 3
}

// inProcess is a transport that ends at a handler of this process.
type inProcess struct{ handler http.Handler }

// RoundTrip implements [http.RoundTripper].
func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	r := req.Clone(req.Context())
	if r.Body == nil {
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	w := &reply{status: http.StatusOK, header: http.Header{}}
	t.handler.ServeHTTP(w, r)
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: req}, nil
}

// reply is a response in memory.
type reply struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (r *reply) Header() http.Header         { return r.header }
func (r *reply) WriteHeader(status int)      { r.status = status }
func (r *reply) Write(b []byte) (int, error) { return r.body.Write(b) }

// offerings are those of the estate, if one is known.
func (o offline) offerings() []*catalog.Offering {
	if o.estate == nil {
		return nil
	}
	return o.estate.Offerings
}
