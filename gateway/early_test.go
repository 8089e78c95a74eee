package gateway_test

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// bulky is a chat body of about size bytes, all of one letter.
func bulky(letter string, size int, more ...string) string {
	return chat(append(more, `"user":"`+strings.Repeat(letter, size)+`"`)...)
}

// A vendor may stream before it has read the whole request. What it then goes
// on to read must still be the caller's own bytes and nobody else's.
func TestEarlyStream_TheVendorNeverReadsAnotherCallersBody(t *testing.T) {
	const size = 900 << 10 // held in a buffer that is used again
	var once sync.Once
	goOn := make(chan struct{})
	read := make(chan struct{})
	slow := listen(t, func(x *visit) {
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

	var first reply
	var wg sync.WaitGroup
	begun := make(chan struct{})
	wg.Go(func() {
		go func() { time.Sleep(300 * time.Millisecond); close(begun) }()
		first = r.Post("/v1/chat/completions", bulky("a", size, `"stream":true`))
	})
	<-begun
	r.Gateway.Use(r2) // later calls go elsewhere; the first keeps its estate
	for range 8 {
		r.Post("/v1/chat/completions", bulky("b", size))
	}
	close(goOn)
	wg.Wait()
	select {
	case <-read:
		sent := string(slow.Only().Body)
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
		"and stays": func(x *visit) { x.AwaitGone(5 * time.Second) },
		"and hangs up": func(x *visit) {
			time.Sleep(20 * time.Millisecond)
			x.Hang()
		},
	} {
		for _, size := range []int{10 << 10, 100 << 10, 200 << 10, 2 << 20} {
			t.Run(name+" "+string(rune('0'+size>>20))+"MiB+"+strings.Repeat("k", size>>14&31), func(t *testing.T) {
				t.Parallel()
				v := listen(t, func(x *visit) {
					x.Reply(413, jsonType, words)
					then(x)
				}, 4<<10)
				r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
				begun := time.Now()
				got := r.Post("/v1/chat/completions", bulky("a", size))
				if got.Status != 413 || got.Body != words {
					t.Errorf("size %d: got %d %s", size, got.Status, got.Body)
				}
				if took := time.Since(begun); took > 2*time.Second {
					t.Errorf("size %d: took %v", size, took)
				}
			})
		}
	}
}
