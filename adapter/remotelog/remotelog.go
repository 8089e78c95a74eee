// Package remotelog reads a ledger that another machine serves, by HTTP, as
// anyone may read a log in the layout of C2SP's tlog-tiles.
//
// It believes nothing that it reads: package ledger/verify does the checking.
// It follows no redirect and no proxy, so that it asks the address that it was
// given and no other.
//
// Begin with [Open].
package remotelog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"bulkhead/ledger/verify"
)

// maxResource bounds what is read at once: a full bundle of the longest entries.
const maxResource = 256 * (2 + 65535)

// Open gives a reader of the log below an address, such as
// http://127.0.0.1:8081/ledger/. Nothing is asked yet. A resource that is not
// there is [fs.ErrNotExist]. close lets go of idle connections.
func Open(ctx context.Context, address string) (read verify.Read, close func(), err error) {
	base, err := url.Parse(address)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.User != nil {
		return nil, nil, fmt.Errorf("%q is no address of a log, such as http://127.0.0.1:8081/ledger/", address)
	}
	base.Path = strings.TrimSuffix(base.Path, "/") + "/"
	transport := &http.Transport{
		DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext, TLSHandshakeTimeout: 10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second, MaxIdleConnsPerHost: 16,
	}
	client := &http.Client{
		Transport: transport, Timeout: 2 * time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("the log answers with a redirect") },
	}
	read = func(path string) ([]byte, error) { return get(ctx, client, base.JoinPath(path).String()) }
	return read, transport.CloseIdleConnections, nil
}

func get(ctx context.Context, client *http.Client, address string) (_ []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	reply, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reply.Body.Close()) }()
	switch {
	case reply.StatusCode == http.StatusNotFound:
		return nil, &fs.PathError{Op: "get", Path: address, Err: fs.ErrNotExist}
	case reply.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("get %s: the log answers with status %d", address, reply.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(reply.Body, maxResource+1))
	if err == nil && len(b) > maxResource {
		err = fmt.Errorf("get %s: more than %d bytes", address, maxResource)
	}
	return b, err
}
