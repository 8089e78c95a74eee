package console

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// maxSocketPath is the longest path of a socket, in bytes: the kernel has room
// for one more, which ends it (unix(7)).
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// ServeSocket serves commands on a Unix socket at a path until ctx ends; those
// that run then have five seconds to finish. It is [ListenSocket] and
// [ServeListener] in one.
func ServeSocket(ctx context.Context, path string, handler http.Handler) error {
	l, err := ListenSocket(path)
	if err != nil {
		return err
	}
	return ServeListener(ctx, l, handler)
}

// ListenSocket makes the control socket, for its owner alone (0600), in a
// folder that must be so too (0700): nobody else can reach it even at the
// moment of its birth. The caller owns that folder (its lock). A socket that an
// earlier owner left there is removed; one that answers, or a file of another
// kind, is an error. Closing the listener removes the socket.
func ListenSocket(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("control socket %s: the path has %d bytes and the system allows %d; use a shorter --data", path, len(path), maxSocketPath)
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("control socket: folder %s is open to others (mode %#o), who could reach the socket in it; chmod 700 %s", dir, mode, dir)
	}
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), l.Close())
	}
	return l, nil
}

// removeStale removes a socket at which nobody listens.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there and is no socket; look at what it is, then remove it", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		return errors.Join(fmt.Errorf("another process answers at %s", path), c.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%s: cannot tell whether it is in use: %w", path, err)
	}
	return os.Remove(path)
}

// ServeListener serves a handler on a listener, which it closes, until ctx
// ends. It returns nil after that, once nothing runs any more.
func ServeListener(ctx context.Context, l net.Listener, handler http.Handler) error {
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ConnContext: withPeer}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }() // ends with Shutdown or Close below, or by itself with an error
	select {
	case err := <-ended:
		return fmt.Errorf("serve commands: %w", err)
	case <-ctx.Done():
	}
	grace, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	if srv.Shutdown(grace) != nil {
		_ = srv.Close() // what is still open has had its time
	}
	<-ended
	return nil
}
