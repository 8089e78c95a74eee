package gateway_test

import (
	"fmt"
	"net/http"
	"reflect"
	"sort"
	"strings"
	"testing"
	"time"

	"bulkhead/ledger/ledgertest"
)

func TestHeaderUp_OnlyWhatTheListAllows(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL, Auth: "bearer"}))
	body := chat()
	c := r.dial()
	c.say(r.post(fmt.Sprintf("Content-Length: %d", len(body)),
		"Cookie: session=secret", "OpenAI-Organization: org-x", "OpenAI-Project: proj-x", "Idempotency-Key: k", "X-Idempotency-Key: k",
		"X-Forwarded-For: 10.0.0.1", "X-Forwarded-Host: h", "X-Forwarded-Proto: https", "Forwarded: for=10.0.0.1", "X-Real-IP: 10.0.0.1", "Via: 1.1 proxy",
		"Proxy-Authorization: Basic eA==", "Connection: keep-alive, X-Client-Request-Id", "Keep-Alive: timeout=5", "TE: trailers", "Upgrade: websocket",
		"Origin: https://example.gov", "Referer: https://example.gov/secret", "User-Agent: OpenAI/Python 2.0", "Accept: */*", "Accept-Encoding: gzip", "Accept-Language: en",
		"X-Stainless-Lang: python", "X-Stainless-Retry-Count: 2", "OpenAI-Beta: assistants=v2", "X-Request-Id: mine", "X-Client-Request-Id: client-1", "X-Ms-Client-Request-Id: client-2",
		"Bulkhead-Offering: x", "Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Baggage: a=b", "Authorization-Extra: x", "X-Anything: x",
		"Range: bytes=0-1", "If-Match: x", "Date: now", "X-Http-Method-Override: DELETE", "Content-Language: en", "Trailer: X-T") + body)
	got, err := c.read(5e9)
	if err != nil || got.Status != 200 {
		t.Fatal(got, err)
	}
	var lines []string
	for name := range v.Only().Header {
		lines = append(lines, name+": "+strings.Join(v.Only().Header[name], "|"))
	}
	sort.Strings(lines)
	want := []string{
		"Accept-Encoding: identity", "Accept: application/json", "Authorization: Bearer vendor-secret", fmt.Sprintf("Content-Length: %d", len(v.Only().Body)),
		"Content-Type: application/json", "User-Agent: Bulkhead/test", "X-Client-Request-Id: client-1", "X-Ms-Client-Request-Id: client-2",
	}
	sort.Strings(want)
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("the vendor was sent\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if rec := r.Record(); rec.SDKRetries != 2 {
		t.Errorf("the SDK's retries are %d in the record, want 2", rec.SDKRetries)
	}
}

func TestHeaderUp_ValuesThatCouldSplitAHeaderStay(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	for name, value := range map[string]string{"a tab": "a\tb", "beyond ASCII": "é", "very long": strings.Repeat("x", 5000)} {
		r.Post("/v1/chat/completions", chat(), "X-Client-Request-Id", value)
		seen := v.Seen()
		if got := seen[len(seen)-1].Header.Get("X-Client-Request-Id"); got != "" {
			t.Errorf("%s: sent on as %.40q", name, got)
		}
	}
	body := chat()
	c := r.dial()
	c.say(r.post(fmt.Sprintf("Content-Length: %d", len(body)), "X-Client-Request-Id: a", "X-Client-Request-Id: b") + body)
	if got, err := c.read(5e9); err != nil || got.Status != 200 {
		t.Fatal(got, err)
	}
	seen := v.Seen()
	if got := seen[len(seen)-1].Header["X-Client-Request-Id"]; len(got) > 1 {
		t.Errorf("two values: sent on as %q", got)
	}
}

func TestQueryUp_NothingOfTheCallersPasses(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}, offer{Name: "two", URL: strings.TrimSuffix(v.URL, "/v1"), Surface: "deployments", APIVersion: "2024-10-21"}))
	for _, path := range []string{"/v1/chat/completions?api-version=9&key=k&x=y", "/openai/deployments/chat/chat/completions?api-version=2099-01-01&debug=1", "/openai/v1/chat/completions?api-version=preview"} {
		if got := r.Post(path, chat()); got.Status != 200 {
			t.Fatalf("%s: got %d %s", path, got.Status, got.Body)
		}
	}
	for _, x := range v.Seen() {
		if x.Target() != "/v1/chat/completions" {
			t.Errorf("asked for %s", x.Target())
		}
	}
}

func TestHeaderDown_OnlyWhatTheListAllows(t *testing.T) {
	vendorHeader := strings.Join([]string{
		"Set-Cookie: __cf_bm=secret", "Server: cloudflare", "CF-Ray: 1", "Alt-Svc: h3=\":443\"", "Strict-Transport-Security: max-age=1", "X-Powered-By: x",
		"OpenAI-Organization: org-secret", "OpenAI-Project: proj-secret", "OpenAI-Processing-Ms: 12", "OpenAI-Version: 2020-10-01", "OpenAI-Model: m-1",
		"X-Ratelimit-Limit-Requests: 500", "X-Ratelimit-Reset-Tokens: 6ms", "Retry-After: 3", "X-Request-Id: req_vendor",
		"X-Ms-Region: East US", "Apim-Request-Id: apim-1", "Access-Control-Allow-Origin: *", "Via: 1.1 x", "ETag: x", "Cache-Control: public", "Date: Mon, 01 Jan 2001 00:00:00 GMT",
		"Bulkhead-Call: forged", "Bulkhead-Marking: U", "Bulkhead-Receipt: forged", "X-Upstream-Request-Id: forged", "X-Should-Retry: true", "Location: http://evil.example",
		"WWW-Authenticate: Bearer", "Content-Disposition: attachment", "Link: </x>", "Keep-Alive: timeout=1", "X-Amzn-Requestid: amzn-1", "Expires: 0", "Age: 1",
	}, "\r\n")
	allowed := map[string]string{
		"Openai-Processing-Ms": "12", "Openai-Version": "2020-10-01", "Openai-Model": "m-1", "X-Ms-Region": "East US",
		"X-Upstream-Request-Id": "req_vendor", "X-Upstream-Ratelimit-Limit-Requests": "500", "X-Upstream-Ratelimit-Reset-Tokens": "6ms", "X-Upstream-Retry-After": "3",
		"Bulkhead-Receipt": ledgertest.Origin + "/1", "Bulkhead-Offering": "one/m", "Bulkhead-Estate": "sha256:a", "Bulkhead-Marking": "UNCLASSIFIED", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	}
	for name, row := range map[string]struct {
		script func(*visit)
		body   string
		own    []string
	}{
		"unary": {func(x *visit) { x.Reply(200, jsonType+"\r\n"+vendorHeader, spoken("hi")) }, chat(), []string{"Content-Length"}},
		"stream": {func(x *visit) {
			x.Stream(streamType+"\r\n"+vendorHeader, helloEvent, finishEvent, doneEvent)
			x.End()
		}, chat(`"stream":true`), []string{"X-Accel-Buffering"}},
		"refusal": {func(x *visit) { x.Reply(400, jsonType+"\r\n"+vendorHeader, vendorWords) }, chat(), []string{"Content-Length", "X-Should-Retry"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVendor(t, row.script)
			r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
			got := r.Post("/v1/chat/completions", row.body)
			id := got.Header.Get("Bulkhead-Call")
			if len(id) != 26 || got.Header.Get("X-Request-Id") != id {
				t.Errorf("call %q, request id %q", id, got.Header.Get("X-Request-Id"))
			}
			ours := append([]string{"Bulkhead-Call", "Bulkhead-Receipt-Key", "X-Request-Id", "Content-Type", "Date"}, row.own...)
			for name, values := range got.Header {
				want, ok := allowed[name]
				for _, o := range ours {
					ok = ok || o == name && want == ""
				}
				if !ok || len(values) != 1 || want != "" && values[0] != want {
					t.Errorf("%s: %q", name, values)
				}
			}
			for name, want := range allowed {
				if got.Header.Get(name) != want {
					t.Errorf("%s is %q, want %q", name, got.Header.Get(name), want)
				}
			}
			if d, err := http.ParseTime(got.Header.Get("Date")); err != nil || time.Since(d) > time.Hour {
				t.Errorf("the date is the vendor's: %q", got.Header.Get("Date"))
			}
			if name == "refusal" && got.Header.Get("X-Should-Retry") != "false" {
				t.Errorf("x-should-retry %q", got.Header.Get("X-Should-Retry"))
			}
			if rec := r.Record(); rec.Attempts[0].Vendor != "req_vendor" {
				t.Errorf("attempt %+v", rec.Attempts[0])
			}
		})
	}
}

func TestHeaderDown_AzureCallersGetAzuresIds(t *testing.T) {
	v := newVendor(t, ok)
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	for _, path := range []string{"/openai/deployments/chat/chat/completions?api-version=x", "/openai/v1/chat/completions"} {
		got := r.Post(path, chat(), "X-Ms-Client-Request-Id", "client-7")
		if id := got.Header.Get("Bulkhead-Call"); got.Header.Get("Apim-Request-Id") != id || got.Header.Get("X-Ms-Client-Request-Id") != "client-7" {
			t.Errorf("%s: %v", path, got.Header)
		}
		if got := r.Post(path, "{}", "X-Ms-Client-Request-Id", "client-8"); got.Header.Get("X-Ms-Client-Request-Id") != "client-8" {
			t.Errorf("%s, refused: %v", path, got.Header)
		}
	}
	if got := r.Post("/v1/chat/completions", chat(), "X-Ms-Client-Request-Id", "c"); got.Header.Get("Apim-Request-Id") != "" {
		t.Errorf("an OpenAI caller got %v", got.Header)
	}
}

func TestVendorRefusal_IsNotCalledJSONIfItIsNone(t *testing.T) {
	const page = "<html><h1>413 Request Entity Too Large</h1></html>"
	v := newVendor(t, says(413, "Content-Type: text/html", page))
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	got := r.Post("/v1/chat/completions", chat())
	if got.Status != 413 {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	if typ := got.Header.Get("Content-Type"); got.Body == page && strings.Contains(typ, "json") {
		t.Errorf("HTML is called %s", typ)
	}
	if strings.Contains(got.Header.Get("Content-Type"), "html") {
		t.Error("a vendor's HTML is passed on as a page")
	}
	zipped := newVendor(t, says(400, jsonType+"\r\nContent-Encoding: gzip", "\x1f\x8b\x08\x00garbage"))
	r = start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: zipped.URL}))
	if got := r.Post("/v1/chat/completions", chat()); strings.Contains(got.Body, "\x1f\x8b") {
		t.Errorf("a gzip answer is passed on as %d %s, encoding %q", got.Status, got.Header.Get("Content-Type"), got.Header.Get("Content-Encoding"))
	}
}

func TestRetryAfter_InEveryForm(t *testing.T) {
	for _, row := range []struct {
		status   int
		header   string
		want, ms string
	}{
		{429, "Retry-After: 20", "20", "20000"},
		{429, "retry-after: 0.3", "1", "300"},
		{429, "Retry-After-Ms: 1500", "2", "1500"},
		{429, "Retry-After-Ms: 1500\r\nRetry-After: 9", "2", "1500"},
		{429, "Retry-After-Ms: 0\r\nRetry-After: 1", "1", "1000"},
		{429, "Retry-After: -5", "", ""},
		{429, "Retry-After: soon", "", ""},
		{429, "Retry-After: NaN", "", ""},
		{429, "Retry-After: Inf", "", ""},
		{429, "Retry-After: 999999999", "", ""},
		{429, "Retry-After: Mon, 01 Jan 2001 00:00:00 GMT", "", ""},
		{429, "", "", ""},
		{503, "Retry-After: 4", "4", "4000"},
		{529, "Retry-After: 4", "4", "4000"},
		{500, "Retry-After: 4", "", ""},
	} {
		v := newVendor(t, says(row.status, strings.TrimSuffix(jsonType+"\r\n"+row.header, "\r\n"), vendorWords))
		r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
		got := r.Post("/v1/chat/completions", chat())
		if a, b := got.Header.Get("Retry-After"), got.Header.Get("Retry-After-Ms"); a != row.want || b != row.ms {
			t.Errorf("%d %q: retry-after %q, -ms %q; want %q and %q", row.status, row.header, a, b, row.want, row.ms)
		}
	}
	at := time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)
	v := newVendor(t, says(429, jsonType+"\r\nRetry-After: "+at, vendorWords))
	r := start(t, estateOf("a", []string{"chat"}, offer{Name: "one", URL: v.URL}))
	got := r.Post("/v1/chat/completions", chat()).Header.Get("Retry-After")
	if got != "89" && got != "90" && got != "88" {
		t.Errorf("a date 90 s ahead becomes %q", got)
	}
}
