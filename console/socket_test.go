package console_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bulkhead/console"
)

// folder is a folder as a data folder is, with a path short enough for a socket.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func listen(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := console.ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func client(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
}

func TestServeSocket_ServesUntilItsContextEnds(t *testing.T) {
	defer goleak.VerifyNone(t)
	path := filepath.Join(folder(t), "control.sock")
	started, finish := make(chan struct{}), make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(started)
		<-finish
		io.WriteString(w, "done")
	})
	ctx, stop := context.WithCancel(t.Context())
	l := listen(t, path)
	served := make(chan error, 1)
	go func() { served <- console.ServeListener(ctx, l, h) }()
	var wg sync.WaitGroup
	wg.Go(func() {
		resp, err := client(path).Get("http://control/slow")
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		if b, _ := io.ReadAll(resp.Body); string(b) != "done" {
			t.Errorf("a command that ran was cut: %q", b)
		}
	})
	<-started
	stop()
	time.Sleep(20 * time.Millisecond)
	close(finish)
	wg.Wait()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket was left behind: %v", err)
	}
}

func TestListenSocket_IsForItsOwnerAlone(t *testing.T) {
	dir := folder(t)
	l := listen(t, filepath.Join(dir, "control.sock"))
	defer l.Close()
	info, err := os.Stat(filepath.Join(dir, "control.sock"))
	if err != nil || info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
		t.Errorf("%v, %v; want a socket of mode 0600", info.Mode(), err)
	}
	open := folder(t)
	if err := os.Chmod(open, 0o711); err != nil {
		t.Fatal(err)
	}
	if _, err := console.ListenSocket(filepath.Join(open, "control.sock")); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("in a folder that others may enter: %v", err)
	}
}

func TestListenSocket_RemovesOnlyWhatIsDead(t *testing.T) {
	path := filepath.Join(folder(t), "control.sock")
	first := listen(t, path)
	if _, err := console.ListenSocket(path); err == nil || !strings.Contains(err.Error(), "another process answers") {
		t.Errorf("beside a living one: %v", err)
	}
	first.(*net.UnixListener).SetUnlinkOnClose(false) // as when a process dies
	first.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	second := listen(t, path)
	second.Close()

	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := console.ListenSocket(path); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("over a file: %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Error("the file was touched")
	}
}

func TestListenSocket_SaysWhatToDoAboutALongPath(t *testing.T) {
	dir, most := folder(t), len(syscall.RawSockaddrUnix{}.Path)-1
	longest := filepath.Join(dir, strings.Repeat("x", most-len(dir)-1))
	l := listen(t, longest)
	l.Close()
	if _, err := console.ListenSocket(longest + "x"); err == nil || !strings.Contains(err.Error(), "shorter --data") || !strings.Contains(err.Error(), strconv.Itoa(most)) {
		t.Errorf("got %v", err)
	}
	if err := console.ServeSocket(t.Context(), longest+"x", http.NotFoundHandler()); err == nil {
		t.Error("ServeSocket served what cannot be")
	}
}
