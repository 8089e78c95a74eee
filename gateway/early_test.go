package gateway_test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bulky is a chat body of about size bytes, all of one letter.
func bulky(letter string, size int, more ...string) string {
	return chat(append(more, `"user":"`+strings.Repeat(letter, size)+`"`)...)
}

// squeeze makes the gateway's open connections to a vendor take only a few
// bytes that the vendor has not read, as a long way to it does. The loopback
// device would swallow megabytes.
func squeeze(t *testing.T, v *vendor) {
	t.Helper()
	port := v.listen.Addr().(*net.TCPAddr).Port
	found := 0
	for fd := 3; fd < 1024; fd++ {
		peer, err := syscall.Getpeername(fd)
		if a, ok := peer.(*syscall.SockaddrInet4); err == nil && ok && a.Port == port {
			if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, 4<<10); err != nil {
				t.Fatal(err)
			}
			found++
		}
	}
	if found == 0 {
		t.Fatal("no connection to squeeze")
	}
}

// A vendor may stream before it has read the whole request. What it then goes
// on to read must still be the caller's own bytes and nobody else's.
func TestEarlyStream_TheVendorNeverReadsAnotherCallersBody(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // pools are per processor: a buffer given back is the next one taken
	const size = 900 << 10                          // held in a buffer that is used again
	var once sync.Once
	goOn := make(chan struct{})
	read := make(chan struct{})
	slow := listen(t, func(x *visit) {
		if len(x.Header.Get("Content-Length")) < 5 {
			x.ReadBody()
			ok(x)
			return
		}
		x.Stream(streamType, roleEvent, helloEvent)
		<-goOn
		x.ReadBody()
		once.Do(func() { close(read) })
		x.Chunks(finishEvent, doneEvent)
		x.End()
	}, 4<<10)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "slow", URL: slow.URL}))
	other := newVendor(t, ok)
	r2 := estateOf("b", []string{"chat"}, offer{Name: "other", URL: other.URL})

	r.Post("/v1/chat/completions", chat())
	squeeze(t, slow)

	var first reply
	var wg sync.WaitGroup
	begun := make(chan struct{})
	wg.Go(func() {
		go func() { time.Sleep(300 * time.Millisecond); close(begun) }()
		first = r.Post("/v1/chat/completions", bulky("a", size, `"stream":true`))
	})
	<-begun
	r.Gateway.Use(r2, nil) // later calls go elsewhere; the first keeps its estate
	for range 8 {
		r.Post("/v1/chat/completions", bulky("b", size))
	}
	close(goOn)
	wg.Wait()
	select {
	case <-read:
		sent := string(slow.Seen()[1].Body)
		if i := strings.IndexByte(sent[strings.Index(sent, `"user":"`)+8:], 'b'); i >= 0 {
			t.Errorf("the vendor was sent another caller's bytes, from byte %d of the field on", i)
		}
	case <-time.After(time.Second):
		t.Error("the vendor could not read the rest of the body")
	}
	if first.Status != 200 || !strings.HasSuffix(first.Body, doneEvent) {
		t.Errorf("the first call got %d, …%q, %v", first.Status, first.Body[max(0, len(first.Body)-60):], first.Err)
	}
}

// A vendor may refuse early and read no further: its words must arrive, and
// nothing may wait for the rest of the body to leave.
func TestEarlyRefusal_ArrivesWhateverTheBodysSize(t *testing.T) {
	const words = `{"error":{"message":"too long","type":"invalid_request_error","param":null,"code":"too_long"}}`
	for name, then := range map[string]func(*visit){
		"and stays": func(x *visit) {
			time.Sleep(3 * time.Second) // reading nothing
			x.Hang()
		},
		"and hangs up": func(x *visit) {
			time.Sleep(20 * time.Millisecond)
			x.Hang()
		},
	} {
		for _, size := range []int{10 << 10, 100 << 10, 200 << 10, 2 << 20} {
			t.Run(fmt.Sprintf("%s, %d KiB", name, size>>10), func(t *testing.T) {
				t.Parallel()
				v := listen(t, func(x *visit) {
					if len(x.Header.Get("Content-Length")) < 5 {
						x.ReadBody()
						ok(x)
						return
					}
					x.Reply(413, jsonType, words)
					then(x)
				}, 4<<10)
				r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
				r.Post("/v1/chat/completions", chat())
				squeeze(t, v)
				begun := time.Now()
				got := r.Post("/v1/chat/completions", bulky("a", size))
				if got.Status != 413 || got.Body != words {
					t.Errorf("size %d: got %d %s", size, got.Status, got.Body)
				}
				if n := len(v.Seen()); n != 2 {
					t.Errorf("size %d: the vendor was asked %d times, want once more than before", size, n-1)
				}
				if took := time.Since(begun); took > 2*time.Second {
					t.Errorf("size %d: took %v", size, took)
				}
			})
		}
	}
}
