package gateway_test

import (
	"strings"
	"testing"
	"time"

	"bulkhead/call"
)

// Until 15 s of silence have passed a failure is a real status; once a
// keep-alive has gone, offering and failure come as trailer and event. This
// test waits for those 15 s.
func TestKeepAlive_ComesAfterSilenceAndNotBefore(t *testing.T) {
	if testing.Short() {
		t.Skip("waits 16 s")
	}
	t.Parallel()
	const late = 15*time.Second + 500*time.Millisecond
	const keepAlive = ": keep-alive\n\n"
	const words = "{\n \"error\": {\"message\":\"no\",\r\n\"code\":\"c\"}}\n"
	var checks []func()
	for name, row := range map[string]struct {
		script func(*visit)
		check  func(*testing.T, reply, call.Record)
	}{
		"then the answer": {func(x *visit) { time.Sleep(late); ok(x) }, func(t *testing.T, got reply, rec call.Record) {
			if got.Body != keepAlive+roleEvent+helloEvent+finishEvent+doneEvent || rec.Ending != call.Complete {
				t.Errorf("got %q, %s", got.Body, rec.Ending)
			}
			if got.Trailer.Get("Bulkhead-Offering") != "one/m" || got.Header.Get("Bulkhead-Offering") != "" {
				t.Errorf("trailer %v, header %v", got.Trailer, got.Header)
			}
		}},
		"then a failure": {func(x *visit) { time.Sleep(late); x.Reply(500, jsonType, vendorWords) }, func(t *testing.T, got reply, rec call.Record) {
			if !strings.HasPrefix(got.Body, keepAlive+`data: {"error":`) || strings.Contains(got.Body, "[DONE]") || got.Trailer.Get("Bulkhead-Error") != "upstream_error" || rec.Ending != call.Refused || rec.Kind != "upstream_error" {
				t.Errorf("got %q, trailer %v, record %s %s", got.Body, got.Trailer, rec.Ending, rec.Kind)
			}
		}},
		"then a refusal": {func(x *visit) { time.Sleep(late); x.Reply(400, jsonType, words) }, func(t *testing.T, got reply, rec call.Record) {
			events := strings.TrimPrefix(got.Body, keepAlive)
			if strings.Count(events, "\n\n") != 1 || !strings.HasSuffix(events, "\n\n") || !strings.Contains(events, `"message":"no"`) {
				t.Errorf("not one event: %q", events)
			}
			for _, line := range strings.Split(strings.TrimSpace(strings.ReplaceAll(events, "\r\n", "\n")), "\n") {
				if !strings.HasPrefix(line, "data: ") {
					t.Errorf("a line that is no data: %q", line)
				}
			}
			if rec.Ending != call.Refused || rec.Offering != "one/m" {
				t.Errorf("record %s", rec.Ending)
			}
		}},
		"at the very moment of a failure": {func(x *visit) { time.Sleep(15*time.Second - time.Millisecond); x.Reply(500, jsonType, vendorWords) }, func(t *testing.T, got reply, rec call.Record) {
			if got.Status == 200 {
				if !strings.Contains(got.Body, `data: {"error":`) {
					t.Errorf("got 200 %q", got.Body)
				}
				return
			}
			refused(t, got, 502, "upstream_error")
		}},
		"within a stream": {func(x *visit) {
			x.Stream(streamType, helloEvent)
			time.Sleep(late)
			x.Chunks(moreEvent, finishEvent, doneEvent)
			x.End()
		}, func(t *testing.T, got reply, rec call.Record) {
			if got.Body != helloEvent+keepAlive+moreEvent+finishEvent+doneEvent || rec.Ending != call.Complete {
				t.Errorf("got %q", got.Body)
			}
		}},
		"never in a unary call": {func(x *visit) { time.Sleep(late); x.Reply(200, jsonType, spoken("hi")) }, func(t *testing.T, got reply, rec call.Record) {
			if got.Body != spoken("hi") {
				t.Errorf("got %q", got.Body)
			}
		}},
	} {
		v := newVendor(t, row.script)
		r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
		body, n := chat(`"stream":true`), 1
		switch name {
		case "never in a unary call":
			body = chat()
		case "at the very moment of a failure":
			n = 8
		}
		done := make(chan reply, n)
		for range n {
			go func() { done <- r.Post("/v1/chat/completions", body) }()
		}
		checks = append(checks, func() {
			t.Run(name, func(t *testing.T) {
				for range n {
					got := <-done
					row.check(t, got, r.Record())
				}
			})
		})
	}
	for _, check := range checks { // all have been waiting together
		check()
	}
}
