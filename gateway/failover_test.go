package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
)

// trouble is how a vendor can fail before any content has come, what the
// attempt is called, and what a caller gets where there is no other vendor.
type trouble struct {
	name   string
	script func(*visit)
	status int // to the caller
	code   string
	retry  string // x-should-retry where there is no other vendor
}

func says(status int, header, body string) func(*visit) {
	return func(x *visit) { x.Reply(status, header, body) }
}

const vendorWords = `{"error":{"message":"org-secret-words","type":"t","param":null,"code":"c"}}`

// troubles are those of unary calls and streams alike.
func troubles() []trouble {
	all := []trouble{
		{"hangs up at once", func(x *visit) { x.Hang() }, 502, "upstream_error", ""},
		{"resets", func(x *visit) { x.Reset() }, 502, "upstream_error", ""},
		{"hangs up within the header", func(x *visit) { x.Say("HTTP/1.1 200 OK\r\nConte"); x.Hang() }, 502, "upstream_error", ""},
		{"speaks no HTTP", func(x *visit) { x.Say("220 smtp.example.gov ready\r\n\r\n"); x.Hang() }, 502, "upstream_error", ""},
		{"says nothing", func(x *visit) { x.AwaitGone(5 * time.Second) }, 504, "upstream_timeout", ""},
		{"has a header that never ends", func(x *visit) {
			x.ended = true
			x.Say("HTTP/1.1 200 OK\r\n")
			for i := 0; i < 100_000 && x.Say(fmt.Sprintf("X-%d: %s\r\n", i, strings.Repeat("x", 100))); i++ {
			}
		}, 502, "upstream_error", ""},
		{"has a header line that never ends", func(x *visit) {
			x.ended = true
			x.Say("HTTP/1.1 200 OK\r\nX: ")
			for i := 0; i < 10_000 && x.Say(strings.Repeat("x", 1000)); i++ {
			}
		}, 502, "upstream_error", ""},
		{"informs without end", func(x *visit) {
			x.ended = true
			for x.Say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") {
			}
		}, 502, "upstream_error", ""},
		{"switches protocols", func(x *visit) {
			x.Say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
			x.Hang()
		}, 502, "upstream_error", ""},
		{"answers in gzip", func(x *visit) { x.Reply(200, jsonType+"\r\n"+streamType+"\r\nContent-Encoding: gzip", "\x1f\x8b\x08") }, 502, "upstream_error", ""},
		{"answers in HTML", says(200, "Content-Type: text/html", "<html>login</html>"), 502, "upstream_error", ""},
		{"answers with nothing", says(200, jsonType, ""), 502, "upstream_error", ""},
		{"has no content", func(x *visit) { x.Say("HTTP/1.1 204 No Content\r\n\r\n") }, 502, "upstream_error", ""},
		{"has an error in a 200", says(200, jsonType, vendorWords), 502, "upstream_error", ""},
		{"is framed in two ways", func(x *visit) {
			x.Say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n{}  ")
			x.Hang()
		}, 502, "upstream_error", ""},
		{"sends a broken chunk", func(x *visit) {
			x.Say(head(200, jsonType, "Transfer-Encoding: chunked") + "zz\r\n{}\r\n0\r\n\r\n")
			x.Hang()
		}, 502, "upstream_error", ""},
		{"is used up", says(429, jsonType, `{"error":{"message":"You exceeded your current quota org-secret-words","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`), 429, "upstream_rate_limited", "false"},
	}
	for _, s := range []struct {
		status, to int
		code       string
	}{
		{201, 502, "upstream_error"}, {202, 502, "upstream_error"}, {206, 502, "upstream_error"},
		{301, 502, "upstream_error"}, {302, 502, "upstream_error"}, {304, 502, "upstream_error"}, {307, 502, "upstream_error"}, {308, 502, "upstream_error"},
		{401, 502, "upstream_misconfigured"}, {402, 502, "upstream_misconfigured"}, {403, 502, "upstream_misconfigured"},
		{404, 502, "upstream_misconfigured"}, {405, 502, "upstream_misconfigured"}, {410, 502, "upstream_misconfigured"},
		{408, 504, "upstream_timeout"}, {409, 502, "upstream_error"}, {418, 502, "upstream_error"}, {424, 502, "upstream_error"},
		{429, 429, "upstream_rate_limited"},
		{500, 502, "upstream_error"}, {501, 502, "upstream_error"}, {502, 502, "upstream_error"}, {503, 503, "upstream_unavailable"},
		{504, 504, "upstream_timeout"}, {520, 502, "upstream_error"}, {529, 503, "upstream_unavailable"}, {599, 502, "upstream_error"},
	} {
		retry := ""
		if s.code == "upstream_misconfigured" {
			retry = "false"
		}
		all = append(all, trouble{fmt.Sprintf("answers %d", s.status), func(x *visit) {
			if s.status == 304 {
				x.Say(head(304, "Location: http://127.0.0.1:1/"))
				return
			}
			x.Reply(s.status, jsonType+"\r\nLocation: http://127.0.0.1:1/elsewhere", vendorWords)
		}, s.to, s.code, retry})
	}
	return all
}

// streamTroubles are those that only streams can have.
func streamTroubles() []trouble {
	stream := func(parts ...string) func(*visit) {
		return func(x *visit) { x.Stream(streamType, parts...); x.End() }
	}
	return []trouble{
		{"streams JSON", says(200, jsonType, spoken("hi")), 502, "upstream_error", ""},
		{"streams nothing", stream(), 502, "upstream_error", ""},
		{"ends before the content", stream(roleEvent), 502, "upstream_error", ""},
		{"ends within the first event", stream(roleEvent[:20]), 502, "upstream_error", ""},
		{"fails before the content", stream(roleEvent, vendorError, doneEvent), 502, "upstream_error", ""},
		{"sends no JSON", stream("data: <html>\n\n", doneEvent), 502, "upstream_error", ""},
		{"sends pings only", func(x *visit) { x.Stream(streamType, roleEvent); pingOn(x, ": ping\n\n") }, 504, "upstream_timeout", ""},
		{"stalls before the content", func(x *visit) { x.Stream(streamType, roleEvent); x.AwaitGone(5 * time.Second) }, 504, "upstream_timeout", ""},
		{"resets before the content", func(x *visit) { x.Stream(streamType, roleEvent); time.Sleep(10 * time.Millisecond); x.Reset() }, 502, "upstream_error", ""},
		{"sends an endless event", func(x *visit) {
			x.Stream(streamType)
			x.ended = true
			for x.Chunks("data: " + strings.Repeat("x", 64<<10)) {
			}
		}, 502, "upstream_error", ""},
		{"sends endless comments", func(x *visit) {
			x.Stream(streamType)
			x.ended = true
			for x.Chunks(strings.Repeat(": nothing to say\n\n", 4000)) {
			}
		}, 502, "upstream_error", ""},
	}
}

// limits are short for vendors that fall silent, and long for those that say
// too much, whose own bounds must end it.
func (row trouble) limits() catalog.Limits {
	if strings.Contains(row.name, "end") && !strings.Contains(row.name, "sends pings") && row.code == "upstream_error" {
		return catalog.Limits{}
	}
	return quick
}

var quick = catalog.Limits{Connect: time.Second, Header: 300 * time.Millisecond, FirstContent: 300 * time.Millisecond, Gap: 300 * time.Millisecond}

func TestVendorInTrouble_IsToldAndTheNextOneAsked(t *testing.T) {
	for _, stream := range []bool{false, true} {
		all := troubles()
		if stream {
			all = append(all, streamTroubles()...)
		}
		for _, row := range all {
			t.Run(fmt.Sprintf("%s, stream %v", row.name, stream), func(t *testing.T) {
				t.Parallel()
				row.alone(t, stream)
				row.withAnother(t, stream)
			})
		}
	}
}

// asks is how often an offering in such trouble is asked by one call.
func (row trouble) asks() int {
	if row.name == "answers 500" || row.name == "resets" {
		return 2
	}
	return 1
}

func (row trouble) alone(t *testing.T, stream bool) {
	v := newVendor(t, row.script)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL, Auth: "bearer", Limits: row.limits()}))
	got := r.Post("/v1/chat/completions", chat(fmt.Sprintf(`"stream":%v`, stream)))
	refused(t, got, row.status, row.code)
	if strings.Contains(got.Body, "secret") || strings.Contains(got.Body, "127.0.0.1") || strings.Contains(r.Logs.String(), "secret-words") {
		t.Errorf("the vendor's words or address are told: %s\n%s", got.Body, r.Logs)
	}
	if should := got.Header.Get("X-Should-Retry"); should != row.retry {
		t.Errorf("x-should-retry is %q, want %q", should, row.retry)
	}
	rec := r.Record()
	if rec.Ending != call.Refused || rec.Kind != row.code || len(rec.Attempts) != row.asks() || rec.Attempts[0].Kind != row.code || rec.Attempts[0].Offering != "one/m" {
		t.Errorf("record %+v", rec)
	}
	if n := len(v.Seen()); n != row.asks() {
		t.Errorf("the vendor was asked %d times", n)
	}
}

func (row trouble) withAnother(t *testing.T, stream bool) {
	v, second := newVendor(t, row.script), newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL, Limits: row.limits()}, offer{Name: "two", URL: second.URL, ID: "other-id"}))
	got := r.Post("/v1/chat/completions", chat(fmt.Sprintf(`"stream":%v`, stream)))
	want := spoken("Hello")
	if stream {
		want = roleEvent + helloEvent + finishEvent + doneEvent
	}
	if got.Status != 200 || got.Body != want || got.Header.Get("Bulkhead-Offering") != "two/m" {
		t.Errorf("with another vendor: got %d from %q: %s", got.Status, got.Header.Get("Bulkhead-Offering"), got.Body)
	}
	rec := r.Record()
	if rec.Ending != call.Complete || rec.Offering != "two/m" || len(rec.Attempts) != row.asks()+1 || rec.Attempts[0].Kind != row.code || rec.Attempts[row.asks()].Kind != "" || rec.Attempts[row.asks()].Status != 200 {
		t.Errorf("record %+v", rec)
	}
	if len(v.Seen()) != row.asks() || !strings.Contains(string(second.Only().Body), `"model":"other-id"`) {
		t.Errorf("asked %d times, then sent %s", len(v.Seen()), second.Only().Body)
	}
}

func TestFailover_NeverAfterContentAndNeverForTheCallersFault(t *testing.T) {
	for name, row := range map[string]struct {
		script func(*visit)
		stream bool
		status int
	}{
		"400":                   {says(400, jsonType, vendorWords), false, 400},
		"413":                   {says(413, jsonType, vendorWords), false, 413},
		"422":                   {says(422, jsonType, vendorWords), false, 422},
		"400 of a stream":       {says(400, jsonType, vendorWords), true, 400},
		"cut after content":     {func(x *visit) { x.Stream(streamType, helloEvent); x.End() }, true, 200},
		"reset after content":   {func(x *visit) { x.Stream(streamType, helloEvent); time.Sleep(30 * time.Millisecond); x.Reset() }, true, 200},
		"error after content":   {func(x *visit) { x.Stream(streamType, helloEvent, vendorError); x.End() }, true, 200},
		"silence after content": {func(x *visit) { x.Stream(streamType, helloEvent); x.AwaitGone(5 * time.Second) }, true, 200},
		"no JSON after content": {func(x *visit) { x.Stream(streamType, helloEvent, "data: {\n\n"); x.End() }, true, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, second := newVendor(t, row.script), newVendor(t, ok)
			r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL, Limits: quick}, offer{Name: "two", URL: second.URL}))
			got := r.Post("/v1/chat/completions", chat(fmt.Sprintf(`"stream":%v`, row.stream)))
			rec := r.Record()
			if len(v.Seen()) != 1 || len(second.Seen()) != 0 || len(rec.Attempts) != 1 {
				t.Errorf("asked %d and %d times, attempts %+v", len(v.Seen()), len(second.Seen()), rec.Attempts)
			}
			if row.status != 200 {
				if got.Status != row.status || got.Body != vendorWords || got.Header.Get("X-Should-Retry") != "false" || rec.Status != row.status || rec.Ending != call.Refused || rec.Kind != "upstream_refused" {
					t.Errorf("got %d %s, header %v, record %+v", got.Status, got.Body, got.Header, rec)
				}
				return
			}
			cutInBand(t, got, rec)
			if !strings.HasPrefix(got.Body, helloEvent) {
				t.Errorf("got %q", got.Body)
			}
		})
	}
}

func TestFailover_TellsOfTheLimitThatPassesWhenAllFail(t *testing.T) {
	limited := newVendor(t, says(429, jsonType+"\r\nRetry-After: 7", vendorWords))
	broken := newVendor(t, says(502, jsonType, vendorWords))
	nowhere := newVendor(t, ok)
	nowhere.Close()
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: limited.URL}, offer{Name: "three", URL: nowhere.URL}, offer{Name: "two", URL: broken.URL}))
	got := r.Post("/v1/chat/completions", chat())
	refused(t, got, 429, "upstream_rate_limited")
	if got.Header.Get("Retry-After") != "7" {
		t.Errorf("retry-after %q", got.Header.Get("Retry-After"))
	}
	rec := r.Record()
	var kinds []string
	for _, a := range rec.Attempts {
		kinds = append(kinds, a.Offering+" "+a.Kind)
	}
	if want := "one/m upstream_rate_limited, three/m upstream_unavailable, two/m upstream_error"; strings.Join(kinds, ", ") != want {
		t.Errorf("attempts %q, want %q", kinds, want)
	}
}
