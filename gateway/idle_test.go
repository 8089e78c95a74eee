package gateway_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"bulkhead/call"
)

// A vendor that lets connections go after each reply costs no call.
func TestIdleConnections_StaleOnesFailNoCall(t *testing.T) {
	for name, script := range map[string]func(*visit){
		"closed after each reply, unsaid": func(x *visit) { ok(x); x.Hang() },
		"reset after each reply":          func(x *visit) { ok(x); time.Sleep(time.Millisecond); x.Reset() },
		"closed a little later": func(x *visit) {
			ok(x)
			time.Sleep(3 * time.Millisecond)
			x.Hang()
		},
		"closed and said": func(x *visit) {
			x.Reply(200, jsonType+"\r\nConnection: close", spoken("Hello"))
			x.Hang()
		},
		"told more than the reply": func(x *visit) {
			x.Say(head(200, jsonType, "Content-Length: 2") + "{}HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\"forged\"!")
			x.Hang()
		},
		"a 408 on the idle connection": func(x *visit) {
			ok(x)
			time.Sleep(2 * time.Millisecond)
			x.Say("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			x.Hang()
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVendor(t, script)
			r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
			for i := range 60 {
				if got := r.Post("/v1/chat/completions", chat()); got.Status != 200 || got.Body != spoken("Hello") && got.Body != "{}" {
					t.Fatalf("call %d got %d %s", i, got.Status, got.Body)
				}
				if rec := r.Record(); rec.Ending != call.Complete {
					t.Fatalf("call %d: record %+v", i, rec)
				}
				time.Sleep(time.Duration(i%5) * time.Millisecond)
			}
		})
	}
}

// Connections serve again after a stream as well, wherever the end marker is cut.
func TestIdleConnections_AreUsedAgain(t *testing.T) {
	v := newVendor(t, func(x *visit) {
		x.Stream(streamType, helloEvent, finishEvent)
		x.Chunks(doneEvent)
		time.Sleep(time.Millisecond)
		x.End()
	})
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	for range 20 {
		if got := r.Post("/v1/chat/completions", chat(`"stream":true`)); got.Status != 200 {
			t.Fatalf("got %d %s", got.Status, got.Body)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := v.Dials(); n > 3 {
		t.Errorf("20 streams one after another took %d connections", n)
	}
}

// A stream whose body never ends after its end marker keeps nobody waiting.
func TestEndMarker_IsTheEndWhateverFollows(t *testing.T) {
	v := newVendor(t, func(x *visit) {
		x.Stream(streamType, helloEvent, finishEvent, doneEvent)
		x.AwaitGone(5 * time.Second)
	})
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	begun := time.Now()
	got := r.Post("/v1/chat/completions", chat(`"stream":true`))
	if took := time.Since(begun); got.Body != helloEvent+finishEvent+doneEvent || took > 500*time.Millisecond {
		t.Errorf("after %v got %q", took, got.Body)
	}
	if rec := r.Record(); rec.Ending != call.Complete {
		t.Errorf("record %+v", rec)
	}
}

// Many calls at once keep to their own replies.
func TestManyCalls_GetTheirOwnReplies(t *testing.T) {
	v := newVendor(t, func(x *visit) {
		id := x.Header.Get("X-Client-Request-Id")
		if len(x.Body) > 70_000 {
			x.Stream(streamType, `data: {"choices":[{"delta":{"content":"`+id+`"}}]}`+"\n\n", doneEvent)
			x.End()
			return
		}
		x.Reply(200, jsonType, spoken(id))
	})
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for j := range 20 {
				id := fmt.Sprintf("call-%d-%d", i, j)
				if j%2 == 0 {
					if got := r.Post("/v1/chat/completions", chat(), "X-Client-Request-Id", id); got.Body != spoken(id) {
						t.Errorf("%s got %d %s", id, got.Status, got.Body)
					}
					continue
				}
				want := `data: {"choices":[{"delta":{"content":"` + id + `"}}]}` + "\n\n" + doneEvent
				if got := r.Post("/v1/chat/completions", bulky("z", 80_000+i*1000, `"stream":true`), "X-Client-Request-Id", id); got.Body != want {
					t.Errorf("%s got %d %s", id, got.Status, got.Body)
				}
			}
		})
	}
	wg.Wait()
	v.forget()
	r.AwaitHeld(0)
}
