package gateway_test

import (
	"strings"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
)

const vendorError = `data: {"error":{"message":"boom","type":"server_error","param":null,"code":null}}` + "\n\n"

// streamed runs one streaming call against a vendor that sends parts, with a
// pause between them, and ends the body in order.
func streamed(t *testing.T, request string, parts ...string) (reply, call.Record) {
	t.Helper()
	v := newVendor(t, func(x *visit) {
		x.Stream(streamType)
		for _, p := range parts {
			x.Chunks(p)
			time.Sleep(5 * time.Millisecond)
		}
		x.End()
	})
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	got := r.Post("/v1/chat/completions", request)
	return got, r.Record()
}

// cutInBand checks that a stream that had begun ended in an error event, not as
// something complete.
func cutInBand(t *testing.T, got reply, rec call.Record) {
	t.Helper()
	if got.Status != 200 || strings.Contains(got.Body, "[DONE]") || !strings.Contains(got.Body, `data: {"error":`) || !strings.HasSuffix(got.Body, "\n\n") {
		t.Errorf("the caller got %d, %q; want an error event and no end marker", got.Status, got.Body)
	}
	if rec.Ending != call.Cut || rec.Kind == "" {
		t.Errorf("the record says %q, kind %q; want %q and a kind", rec.Ending, rec.Kind, call.Cut)
	}
}

func TestStream_AVendorsOwnErrorEndsIt(t *testing.T) {
	begun := roleEvent + helloEvent
	for name, parts := range map[string][]string{
		"alone":                          {begun, vendorError},
		"in one part with the rest":      {begun + vendorError},
		"then the end marker":            {begun, vendorError, doneEvent},
		"with the end marker in one":     {begun, vendorError + doneEvent},
		"all in one":                     {begun + vendorError + doneEvent},
		"then more content":              {begun, vendorError + moreEvent + finishEvent + doneEvent},
		"with usage in it":               {begun, `data: {"error":{"message":"boom"},"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}` + "\n\n", doneEvent},
		"as a word":                      {begun, `data: {"error":"boom"}` + "\n\n", doneEvent},
		"named by the event line":        {begun, "event: error\n" + `data: {"message":"boom","code":500}` + "\n\n", doneEvent},
		"named, with no data after that": {begun, "event: error\n" + `data: {"error":{"message":"boom"}}` + "\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, rec := streamed(t, chat(`"stream":true`), parts...)
			if !strings.HasPrefix(got.Body, begun) || !strings.Contains(got.Body, "boom") {
				t.Errorf("the caller got %q", got.Body)
			}
			if i := strings.Index(got.Body, "boom"); strings.Contains(got.Body[max(0, i):], "there") {
				t.Errorf("content went on after the error: %q", got.Body)
			}
			if got.Status != 200 || strings.Contains(got.Body, "[DONE]") {
				t.Errorf("the caller got %d, %q; want no end marker", got.Status, got.Body)
			}
			if rec.Ending != call.Cut || rec.Kind != "upstream_error" {
				t.Errorf("the record says %q, kind %q", rec.Ending, rec.Kind)
			}
		})
	}
}

func TestStream_WithoutItsEndMarkerIsCut(t *testing.T) {
	begun := roleEvent + helloEvent
	for name, parts := range map[string][]string{
		"nothing after the finish":   {begun, finishEvent},
		"nothing after the usage":    {begun, finishEvent, usageEvent},
		"half an event":              {begun, moreEvent[:20]},
		"an event without its blank": {begun, strings.TrimRight(moreEvent, "\n")},
		"half an end marker":         {begun, finishEvent, "data: [DON"},
		"another end marker":         {begun, finishEvent, "data: DONE\n\n"},
		"an event that is no JSON":   {begun, "data: {oops\n\n", doneEvent},
		"an event that is a list":    {begun, "data: []\n\n", doneEvent},
	} {
		t.Run(name, func(t *testing.T) {
			got, rec := streamed(t, chat(`"stream":true`), parts...)
			cutInBand(t, got, rec)
			if !strings.HasPrefix(got.Body, begun) {
				t.Errorf("what had come before is not there: %q", got.Body)
			}
		})
	}
}

func TestStream_EndsInWhateverFormTheMarkerHas(t *testing.T) {
	begun := roleEvent + helloEvent + finishEvent
	for name, marker := range map[string]string{
		"as usual":               doneEvent,
		"without the blank line": "data: [DONE]\n",
		"without a line end":     "data: [DONE]",
		"without the space":      "data:[DONE]\n\n",
		"neither":                "data:[DONE]",
		"CRLF":                   "data: [DONE]\r\n\r\n",
		"CR":                     "data: [DONE]\r\r",
		"CRLF, half":             "data: [DONE]\r\n",
		"after a comment":        ": bye\ndata: [DONE]\n\n",
		"then more":              doneEvent + ": bye\n\n",
		"with an event line":     "event: done\ndata: [DONE]\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, rec := streamed(t, chat(`"stream":true`), begun, marker)
			if got.Status != 200 || !strings.HasPrefix(got.Body, begun) || !strings.Contains(got.Body[len(begun):], "[DONE]") {
				t.Errorf("got %d %q", got.Status, got.Body)
			}
			blank := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(got.Body)
			if !strings.HasSuffix(blank, "\n\n") {
				t.Errorf("the last event has no blank line after it: %q", got.Body[len(begun):])
			}
			if rec.Ending != call.Complete || rec.Finish != "stop" {
				t.Errorf("record %q, finish %q", rec.Ending, rec.Finish)
			}
		})
	}
}

func TestStream_OtherLineEndsPassUntouched(t *testing.T) {
	for name, end := range map[string]string{"CRLF": "\r\n", "CR": "\r"} {
		t.Run(name, func(t *testing.T) {
			stream := strings.ReplaceAll(": hi\n\n"+roleEvent+helloEvent+"event: ping\ndata: {}\n\n"+moreEvent+finishEvent+doneEvent, "\n", end)
			var bytes []string
			for i := range len(stream) {
				bytes = append(bytes, stream[i:i+1])
			}
			v := newVendor(t, func(x *visit) { x.Stream(streamType, bytes...); x.End() })
			r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
			if got := r.Post("/v1/chat/completions", chat(`"stream":true`)); got.Body != stream {
				t.Errorf("got  %q\nwant %q", got.Body, stream)
			}
		})
	}
}

func TestStream_UsageIsTakenLastAndDroppedOnlyAlone(t *testing.T) {
	cumulative := func(n string) string {
		return `data: {"id":"c1","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}],"usage":{"prompt_tokens":3,"completion_tokens":` + n + `}}` + "\n\n"
	}
	ask := `"stream_options":{"include_usage":true}`
	nullUsage := `data: {"id":"c1","choices":[],"usage":null}` + "\n\n"
	tail := finishEvent + doneEvent
	for name, row := range map[string]struct {
		asks          []string
		vendor, want  string
		output        int64
		estimatedUsed bool
	}{
		"on every chunk":             {nil, cumulative("1") + cumulative("2") + cumulative("7") + tail, cumulative("1") + cumulative("2") + cumulative("7") + tail, 7, false},
		"on every chunk and alone":   {nil, cumulative("1") + cumulative("2") + finishEvent + usageEvent + doneEvent, cumulative("1") + cumulative("2") + tail, 2, false},
		"alone, asked for":           {[]string{ask}, helloEvent + finishEvent + usageEvent + doneEvent, helloEvent + finishEvent + usageEvent + doneEvent, 2, false},
		"alone, not asked for":       {nil, helloEvent + finishEvent + usageEvent + doneEvent, helloEvent + tail, 2, false},
		"alone, declined":            {[]string{`"stream_options":{"include_usage":false}`}, helloEvent + finishEvent + usageEvent + doneEvent, helloEvent + tail, 2, false},
		"twice, not asked for":       {nil, helloEvent + finishEvent + usageEvent + usageEvent + doneEvent, helloEvent + tail, 2, false},
		"empty chunk without usage":  {nil, `data: {"choices":[],"prompt_filter_results":[]}` + "\n\n" + helloEvent + tail, `data: {"choices":[],"prompt_filter_results":[]}` + "\n\n" + helloEvent + tail, 2, true},
		"empty chunk with null":      {nil, nullUsage + helloEvent + tail, nullUsage + helloEvent + tail, 2, true},
		"none at all":                {nil, helloEvent + tail, helloEvent + tail, 2, true},
		"before the content, alone":  {nil, usageEvent + helloEvent + tail, helloEvent + tail, 2, false},
		"choices absent, asked":      {[]string{ask}, helloEvent + finishEvent + `data: {"usage":{"prompt_tokens":3,"completion_tokens":9}}` + "\n\n" + doneEvent, helloEvent + finishEvent + `data: {"usage":{"prompt_tokens":3,"completion_tokens":9}}` + "\n\n" + doneEvent, 9, false},
		"negative is no count":       {nil, helloEvent + finishEvent + `data: {"choices":[],"usage":{"prompt_tokens":-3,"completion_tokens":9}}` + "\n\n" + doneEvent, helloEvent + finishEvent + `data: {"choices":[],"usage":{"prompt_tokens":-3,"completion_tokens":9}}` + "\n\n" + doneEvent, 2, true},
		"total that says more":       {[]string{ask}, helloEvent + finishEvent + `data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":15}}` + "\n\n" + doneEvent, helloEvent + finishEvent + `data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":15}}` + "\n\n" + doneEvent, 12, false},
		"beside choices that matter": {nil, helloEvent + `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}` + "\n\n" + doneEvent, helloEvent + `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}` + "\n\n" + doneEvent, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, rec := streamed(t, chat(append(row.asks, `"stream":true`)...), row.vendor)
			if got.Body != row.want {
				t.Errorf("got  %q\nwant %q", got.Body, row.want)
			}
			if !rec.Usage.Known || rec.Usage.Estimated != row.estimatedUsed || rec.Usage.Output != row.output || rec.Ending != call.Complete {
				t.Errorf("record %+v, %s", rec.Usage, rec.Ending)
			}
		})
	}
}

func TestStream_UsageIsAskedAsTheEndpointSays(t *testing.T) {
	for _, row := range []struct{ mode, more, want string }{
		{"ask", `"stream":true`, `{"stream_options":{"include_usage":true},"model":"vendor-model","messages":[{"role":"user","content":"hi"}],"stream":true}`},
		{"", `"stream":true`, `{"stream_options":{"include_usage":true},"model":"vendor-model","messages":[{"role":"user","content":"hi"}],"stream":true}`},
		{"always", `"stream":true`, `{"model":"vendor-model","messages":[{"role":"user","content":"hi"}],"stream":true}`},
		{"never", `"stream":true`, `{"model":"vendor-model","messages":[{"role":"user","content":"hi"}],"stream":true}`},
		{"ask", `"stream":false`, `{"model":"vendor-model","messages":[{"role":"user","content":"hi"}],"stream":false}`},
		{"ask", `"stream":true,"stream_options": {}`, `{"model":"vendor-model","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options": {"include_usage":true}}`},
		{"ask", `"stream":true,"stream_options":null`, `{"model":"vendor-model","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}}`},
		{"ask", `"stream":true,"stream_options":{"include_obfuscation":false}`, `{"model":"vendor-model","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}`},
		{"ask", `"stream":true,"stream_options":{"include_usage" : null}`, `{"model":"vendor-model","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage" : true}}`},
		{"ask", `"stream":true,"stream_options":{"include_usage":true}`, `{"model":"vendor-model","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}}`},
	} {
		t.Run(row.mode+" "+row.more, func(t *testing.T) {
			v := newVendor(t, func(x *visit) {
				if strings.Contains(row.more, "true") {
					x.Stream(streamType, helloEvent, finishEvent, doneEvent)
					x.End()
					return
				}
				x.Reply(200, jsonType, spoken("Hello"))
			})
			r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL, StreamUsage: row.mode}))
			if got := r.Post("/v1/chat/completions", chat(row.more)); got.Status != 200 {
				t.Fatalf("got %d %s", got.Status, got.Body)
			}
			if got := string(v.Only().Body); got != row.want {
				t.Errorf("sent %s\nwant %s", got, row.want)
			}
		})
	}
}

func TestStream_SilenceIsTold(t *testing.T) {
	short := catalog.Limits{FirstContent: 150 * time.Millisecond, Gap: 150 * time.Millisecond, Header: 150 * time.Millisecond}
	ping := ": ping\n\n"
	for name, row := range map[string]struct {
		script func(*visit)
		begun  bool
	}{
		"before the header":       {func(x *visit) { x.AwaitGone(5 * time.Second) }, false},
		"within the header":       {func(x *visit) { x.Say("HTTP/1.1 200 OK\r\nContent-"); x.AwaitGone(5 * time.Second) }, false},
		"before the first event":  {func(x *visit) { x.Stream(streamType); x.AwaitGone(5 * time.Second) }, false},
		"before the content":      {func(x *visit) { x.Stream(streamType, roleEvent); x.AwaitGone(5 * time.Second) }, false},
		"but for pings":           {func(x *visit) { x.Stream(streamType, roleEvent); pingOn(x, ping) }, false},
		"after content":           {func(x *visit) { x.Stream(streamType, roleEvent, helloEvent); x.AwaitGone(5 * time.Second) }, true},
		"after content, pinging":  {func(x *visit) { x.Stream(streamType, roleEvent, helloEvent); pingOn(x, ping) }, true},
		"within an event":         {func(x *visit) { x.Stream(streamType, helloEvent, moreEvent[:30]); x.AwaitGone(5 * time.Second) }, true},
		"before the end marker":   {func(x *visit) { x.Stream(streamType, helloEvent, finishEvent); x.AwaitGone(5 * time.Second) }, true},
		"a byte at a time within": {func(x *visit) { x.Stream(streamType, helloEvent); pingOn(x, "x") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVendor(t, row.script)
			r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL, Limits: short}))
			begun := time.Now()
			got := r.Post("/v1/chat/completions", chat(`"stream":true`))
			took, rec := time.Since(begun), r.Record()
			if took < 140*time.Millisecond || took > 2*time.Second {
				t.Errorf("told after %v", took)
			}
			if rec.Kind != "upstream_timeout" {
				t.Errorf("record says %q", rec.Kind)
			}
			if row.begun {
				cutInBand(t, got, rec)
				return
			}
			refused(t, got, 504, "upstream_timeout")
			if rec.Ending != call.Refused {
				t.Errorf("record says %q", rec.Ending)
			}
		})
	}
}

// pingOn sends s every 30 ms until the other side goes.
func pingOn(x *visit, s string) {
	x.ended = true
	for range 150 {
		if !x.Chunks(s) {
			return
		}
		time.Sleep(30 * time.Millisecond)
	}
}
