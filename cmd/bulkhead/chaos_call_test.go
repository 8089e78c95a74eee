package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"bulkhead/wire"
)

// chaosDialect is how a caller asks in a dialect, and how it knows an answer.
type chaosDialect struct {
	name       string
	path       string         // %s: the alias
	streamPath string         // the same of a stream
	body       string         // %s: alias; what asks for a stream; text
	asks       string         // for a stream
	pieces     *regexp.Regexp // of the text, in a stream
	text       string         // before the text of a unary reply
	end        string         // what only a whole stream has
	broken     string         // what tells that it broke off
}

var chaosDialects = []chaosDialect{
	{"openai", "/v1/chat/completions", "/v1/chat/completions", `{"model":%q,%s"messages":[{"role":"user","content":"say: %s"}]}`, `"stream":true,`,
		regexp.MustCompile(`"content":"([^"]*)"`), `"content":"`, "data: [DONE]", `"error":`},
	{"responses", "/v1/responses", "/v1/responses", `{"model":%q,%s"input":"say: %s"}`, `"stream":true,`,
		regexp.MustCompile(`"response.output_text.delta"[^\n]*"delta":"([^"]*)"`), `"text":"`, "event: response.completed", "event: error"},
	{"anthropic", "/v1/messages", "/v1/messages", `{"model":%q,"max_tokens":500,%s"messages":[{"role":"user","content":"say: %s"}]}`, `"stream":true,`,
		regexp.MustCompile(`"text_delta","text":"([^"]*)"`), `"text":"`, "event: message_stop", "event: error"},
	{"gemini", "/v1beta/models/%s:generateContent", "/v1beta/models/%s:streamGenerateContent?alt=sse", `{%[2]s"contents":[{"role":"user","parts":[{"text":"say: %[3]s"}]}]}`, "",
		regexp.MustCompile(`"text":"([^"]*)"`), `"text":"`, `"finishReason":"`, `"error":`},
	{"bedrock", "/model/%s/converse", "/model/%s/converse-stream", `{%[2]s"messages":[{"role":"user","content":[{"text":"say: %[3]s"}]}]}`, "",
		regexp.MustCompile(`"delta":\{"text":"([^"]*)"`), `"text":"`, "latencyMs", "xception"},
}

// chaosText is what the n-th call asks to be said.
func chaosText(n int64) string {
	return fmt.Sprintf("number %d of chaos one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen end%d", n, n)
}

var chaosSaid = regexp.MustCompile(`number ([0-9]+) of chaos .* end([0-9]+)`)

// chaosNumber finds the number of a call in a body; it says false if the body
// is not whole.
func chaosNumber(body []byte) (n int64, ok bool) {
	m := chaosSaid.FindSubmatch(body)
	if m == nil || string(m[1]) != string(m[2]) {
		return 0, false
	}
	fmt.Sscan(string(m[1]), &n)
	return n, true
}

// chaosSize is the length of the n-th call's body: that of no other for long.
func chaosSize(n int64) int64 { return 600 + n%40_000 }

// call makes calls until ctx ends or the server is gone.
func (c *chaos) call(ctx context.Context) {
	for ctx.Err() == nil {
		n := c.next.Add(1)
		d := chaosDialects[n%5]
		stream, atomic := n/5%2 == 0, n/10%2 == 0
		alias := []string{"both", "both", "both", "hammer", "anvil"}[n/20%5]
		path, asks := d.path, ""
		if stream {
			path, asks = d.streamPath, d.asks
		}
		if strings.Contains(path, "%s") {
			path = fmt.Sprintf(path, alias)
		}
		body := fmt.Sprintf(d.body, alias, asks, chaosText(n))
		body += strings.Repeat(" ", int(chaosSize(n))-len(body))
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+path, strings.NewReader(body))
		if err != nil {
			c.t.Error(err)
			return
		}
		req.Header.Set("Authorization", "Bearer "+c.key)
		req.Header.Set("Content-Type", "application/json")
		if atomic {
			req.Header.Set("Bulkhead-Delivery", "atomic")
		}
		resp, err := c.client.Do(req)
		if err != nil {
			c.note("gone")
			return
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		c.note(c.judge(n, d, stream, resp, b, err))
	}
}

func (c *chaos) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[what]++
}

// judge says what became of a call, and holds what its client would take for
// complete against what was asked.
func (c *chaos) judge(n int64, d chaosDialect, stream bool, resp *http.Response, b []byte, err error) string {
	fail := func(what string) string {
		c.t.Errorf("call %d, %s, stream %v, from %s: %s: %d %v\n%.2000s", n, d.name, stream, resp.Header.Get("Bulkhead-Offering"), what, resp.StatusCode, err, b)
		return what
	}
	reply := chaosReply{resp.Header.Get("Bulkhead-Call"), resp.Header.Get("Bulkhead-Offering"), resp.Header.Get("Bulkhead-Receipt")}
	text := b
	if stream && d.name == "bedrock" && resp.StatusCode == 200 {
		text = chaosFrames(b)
	}
	said := ""
	for _, m := range d.pieces.FindAllSubmatch(text, -1) {
		said += string(m[1])
	}
	switch want := chaosText(n); {
	case resp.StatusCode != 200 && err == nil && len(b) > 0:
		return "told"
	case err != nil && !stream, resp.StatusCode != 200:
		return "gone"
	case !stream && bytes.Contains(b, []byte(d.text+want+`"`)), stream && bytes.Contains(text, []byte(d.end)) && said == want:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.got[n] = reply
		return "whole"
	case chaosFiltered.Match(text):
		return "filtered"
	case !stream:
		return fail("a unary reply that is another")
	case bytes.Contains(text, []byte(d.end)) && !bytes.Contains(text, []byte(d.broken)):
		return fail("wrongly complete")
	case !strings.HasPrefix(want, said):
		return fail("another text")
	case bytes.Contains(text, []byte(d.broken)) && resp.Request.Header.Get("Bulkhead-Delivery") == "atomic" && c.holds:
		return fail("cut, though it was to be whole")
	case bytes.Contains(text, []byte(d.broken)):
		return "cut in-band"
	case err != nil:
		return "gone"
	}
	return fail("cut without a word")
}

// chaosFiltered are the words for an answer that a vendor's filter stopped.
var chaosFiltered = regexp.MustCompile(`content_filter|"refusal"|SAFETY|response\.incomplete`)

// chaosFrames gives the payloads of frames with the types of exceptions.
func chaosFrames(b []byte) []byte {
	var r wire.FrameReader
	r.Reset(bytes.NewReader(b), nil, 1<<20)
	var out []byte
	for {
		f, ok, err := r.Next()
		switch {
		case err != nil:
			return append(out, err.Error()...)
		case ok:
			out = append(append(append(out, f.Payload...), f.Text(":exception-type")...), '\n')
		case r.Fill() != nil:
			return out
		}
	}
}
