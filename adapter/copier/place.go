package copier

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxRead bounds what is read of a place.
const maxRead = 64 << 10

// Folder is a place on a disk, such as one of another machine that is mounted
// here. It is made when it is first written to, for its owner alone.
type Folder struct{ Dir string }

var _ Place = Folder{}

// Read gives a file of the folder.
func (f Folder) Read(_ context.Context, name string) (_ []byte, err error) {
	file, err := os.Open(filepath.Join(f.Dir, name))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	b, err := io.ReadAll(io.LimitReader(file, maxRead+1))
	if err == nil && len(b) > maxRead {
		err = fmt.Errorf("%s has more than %d bytes and is no checkpoint", filepath.Join(f.Dir, name), maxRead)
	}
	return b, err
}

// Write puts a file into the folder: whole under another name, durable, and
// then under its own. Its errors name no file, so that the same trouble has the
// same words each time.
func (f Folder) Write(_ context.Context, name string, data []byte) error {
	err := f.write(name, data)
	if in := (*fs.PathError)(nil); errors.As(err, &in) {
		return fmt.Errorf("%s in %s: %w", in.Op, f.Dir, in.Err)
	}
	return err
}

func (f Folder) write(name string, data []byte) error {
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return err
	}
	part, err := os.CreateTemp(f.Dir, "."+name+".part-*")
	if err != nil {
		return err
	}
	_, err = part.Write(data)
	if err == nil {
		err = part.Chmod(0o644) // checkpoints hold no secret, and others are to read them
	}
	if err == nil {
		err = part.Sync()
	}
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), filepath.Join(f.Dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	dir, err := os.Open(f.Dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Address is a place that takes files by HTTP PUT below an address. It is asked
// directly: no redirect is followed, and the environment's proxy is not used.
type Address struct {
	base   string // ends in a slash
	token  func() (string, error)
	client *http.Client
}

var _ Place = (*Address)(nil)

// NewAddress returns the place below an address, such as
// https://host.example/ledger. conf is asked at each https connection, nil: the
// system's roots; token gives what each request is signed in with as
// Authorization: Bearer, nil: nothing.
func NewAddress(url string, conf func() (*tls.Config, error), token func() (string, error)) *Address {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	transport := &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
	}
	if conf != nil {
		transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conf, err := conf()
			if err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
			defer cancel()
			return (&tls.Dialer{NetDialer: dialer, Config: conf}).DialContext(ctx, network, address)
		}
	}
	return &Address{strings.TrimSuffix(url, "/") + "/", token, &http.Client{
		Timeout: time.Minute, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Read gets a file. An address that refuses to be read is [ErrUnreadable]; if
// that is because of who asks, it refuses to be written, too.
func (a *Address) Read(ctx context.Context, name string) ([]byte, error) {
	status, body, err := a.ask(ctx, http.MethodGet, name, nil)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusNotFound:
		return nil, fmt.Errorf("GET %s: %w", name, fs.ErrNotExist)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusMethodNotAllowed, status == http.StatusNotImplemented:
		return nil, ErrUnreadable
	case status != http.StatusOK:
		return nil, fmt.Errorf("GET is answered with status %d", status)
	case len(body) > maxRead:
		return nil, fmt.Errorf("GET %s: more than %d bytes, which is no checkpoint", name, maxRead)
	}
	return body, nil
}

// Write puts a file.
func (a *Address) Write(ctx context.Context, name string, data []byte) error {
	status, _, err := a.ask(ctx, http.MethodPut, name, data)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("PUT is answered with status %d", status)
	}
	return err
}

func (a *Address) ask(ctx context.Context, method, name string, data []byte) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, a.base+name, bytes.NewReader(data))
	if err != nil {
		return 0, nil, err
	}
	if data != nil {
		request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	if a.token != nil {
		token, err := a.token()
		if err != nil {
			return 0, nil, fmt.Errorf("secret: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	reply, err := a.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	body, err = io.ReadAll(io.LimitReader(reply.Body, maxRead+1))
	return reply.StatusCode, body, errors.Join(err, reply.Body.Close())
}
