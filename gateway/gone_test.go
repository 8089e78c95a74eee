package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/gateway"
)

// soon is how fast the vendor must see that the caller has gone.
const soon = 100 * time.Millisecond

// A caller that leaves at any point ends the vendor's call with it.
func TestCallerLeaves_TheVendorSeesItSoon(t *testing.T) {
	stream := `"stream":true`
	for name, row := range map[string]struct {
		body  string
		begin func(*visit) // what the vendor says before it waits
	}{
		"unary, before the header":         {chat(), func(*visit) {}},
		"unary, within the header":         {chat(), func(x *visit) { x.Say("HTTP/1.1 200 OK\r\nContent-Ty") }},
		"unary, before the first byte":     {chat(), func(x *visit) { x.Say(head(200, jsonType, "Content-Length: 400")) }},
		"unary, within the body":           {chat(), func(x *visit) { x.Say(head(200, jsonType, "Content-Length: 400") + `{"id":`) }},
		"unary, within a refusal":          {chat(), func(x *visit) { x.Say(head(400, jsonType, "Content-Length: 400") + `{"error":`) }},
		"unary, within a limit's words":    {chat(), func(x *visit) { x.Say(head(429, jsonType, "Content-Length: 400") + `{"error":`) }},
		"stream, before the header":        {chat(stream), func(*visit) {}},
		"stream, before the first event":   {chat(stream), func(x *visit) { x.Stream(streamType) }},
		"stream, before the content":       {chat(stream), func(x *visit) { x.Stream(streamType, roleEvent) }},
		"stream, after content":            {chat(stream), func(x *visit) { x.Stream(streamType, roleEvent, helloEvent) }},
		"stream, within an event":          {chat(stream), func(x *visit) { x.Stream(streamType, roleEvent, helloEvent, moreEvent[:20]) }},
		"stream, before the end":           {chat(stream), func(x *visit) { x.Stream(streamType, helloEvent, finishEvent, usageEvent) }},
		"a large body":                     {bulky("a", 3<<20), func(*visit) {}},
		"a large body, stream with events": {bulky("a", 3<<20, stream), func(x *visit) { x.Stream(streamType, helloEvent) }},
	} {
		for _, proto := range []string{"HTTP/1.1", "HTTP/2"} {
			t.Run(name+" over "+proto, func(t *testing.T) {
				type sight struct {
					at   time.Time
					gone bool
				}
				asked, saw := make(chan struct{}), make(chan sight, 1)
				v := newVendor(t, func(x *visit) {
					row.begin(x)
					close(asked)
					_, gone := x.AwaitGone(5 * time.Second)
					saw <- sight{time.Now(), gone}
				})
				r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
				if proto == "HTTP/2" {
					r.useH2()
				}
				ctx, leave := context.WithCancel(context.Background())
				defer leave()
				req, err := http.NewRequestWithContext(ctx, "POST", r.URL+"/v1/chat/completions", strings.NewReader(row.body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+r.Key)
				done := make(chan struct{})
				go func() {
					defer close(done)
					if resp, err := r.Client.Do(req); err == nil {
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
				}()
				<-asked
				time.Sleep(20 * time.Millisecond) // let what the vendor said arrive
				left := time.Now()
				leave()
				s := <-saw
				if took := s.at.Sub(left); !s.gone || took > soon {
					t.Errorf("the vendor saw the close after %v (%v), want within %v", took, s.gone, soon)
				}
				<-done
				if rec := r.Record(); rec.Ending != call.Gone || rec.Kind != "cancelled" {
					t.Errorf("record %q, kind %q", rec.Ending, rec.Kind)
				}
				if n := len(v.Seen()); n != 1 {
					t.Errorf("the vendor was asked %d times", n)
				}
				r.AwaitHeld(0)
			})
		}
	}
}

// useH2 makes the rig's client speak HTTP/2 without TLS.
func (r *rig) useH2() {
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	r.Client.CloseIdleConnections()
	r.Client.Transport = &http.Transport{Protocols: &p, DisableCompression: true}
}

func TestCallerLeaves_DuringTheUpload(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	body := bulky("a", 300<<10)
	for _, sent := range []int{0, 1, 5000, len(body) - 1} {
		t.Run(fmt.Sprint(sent), func(t *testing.T) {
			c := r.dial()
			c.say(r.post(fmt.Sprintf("Content-Length: %d", len(body))) + body[:sent])
			time.Sleep(20 * time.Millisecond)
			c.conn.SetLinger(0)
			c.conn.Close()
			if rec := r.Record(); rec.Ending == call.Complete || rec.Ending == call.Cut || len(rec.Attempts) != 0 {
				t.Errorf("record %+v", rec)
			}
			r.AwaitHeld(0)
		})
	}
	if n := len(v.Seen()); n != 0 {
		t.Errorf("the vendor was asked %d times", n)
	}
}

// What the vendor has said is given back too if the caller leaves just as a
// refusal has come in.
func TestCallerLeaves_AsARefusalArrives(t *testing.T) {
	v := newVendor(t, func(x *visit) { x.Reply(400, jsonType, `{"error":{"message":"no"}}`) })
	var leave context.CancelFunc
	calls := 0
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}), func(o *gateway.Options) {
		o.Now = func() time.Time { // the last reading of an attempt comes when all its words are there
			if calls++; leave != nil && calls == 3 {
				leave()
			}
			return time.Now()
		}
	})
	for range 3 {
		ctx, cancel := context.WithCancel(context.Background())
		leave, calls = cancel, 0
		r.Direct(ctx, gateway.Inbound{Action: call.Chat}, chat())
		cancel()
	}
	r.AwaitHeld(0)
}

// A caller that has sent the beginning of its next request can leave as well.
func TestCallerLeaves_WithARequestInThePipe(t *testing.T) {
	saw, asked := make(chan bool, 1), make(chan struct{})
	v := newVendor(t, func(x *visit) {
		close(asked)
		took, gone := x.AwaitGone(3 * time.Second)
		saw <- gone && took < time.Second
	})
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	c := r.dial()
	c.say(r.post(fmt.Sprintf("Content-Length: %d", len(chat()))) + chat() + "GET /v1/models HTTP/1.1\r\n")
	<-asked
	time.Sleep(20 * time.Millisecond)
	c.conn.SetLinger(0)
	c.conn.Close()
	if !<-saw {
		t.Error("the vendor did not see within a second that the caller had gone")
	}
	r.Record()
}
