package ingress_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// sign makes a request as AWS SDKs do.
func (r *rig) sign(method, target, body string, at time.Time, prepare func(*http.Request)) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.Addr+target, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if prepare != nil {
		prepare(req)
	}
	sum := sha256.Sum256([]byte(body))
	c := aws.Credentials{AccessKeyID: r.Access.ID, SecretAccessKey: string(r.Access.Secret)}
	if err := v4.NewSigner().SignHTTP(context.Background(), c, req, hex.EncodeToString(sum[:]), "bedrock", "us-gov-west-1", at); err != nil {
		r.t.Fatal(err)
	}
	return req
}

func tellsBody(body string) func(*http.Request) {
	sum := sha256.Sum256([]byte(body))
	return func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:])) }
}

// do sends a request over HTTP/1.1 or HTTP/2.
func (r *rig) do(req *http.Request, version int) reply {
	r.t.Helper()
	var p http.Protocols
	p.SetHTTP1(version == 1)
	p.SetUnencryptedHTTP2(version == 2)
	tr := &http.Transport{Protocols: &p}
	defer tr.CloseIdleConnections()
	res, err := tr.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(b)}
}

func TestSigned_IsLetInOnEveryServedRoute(t *testing.T) {
	r := start(t)
	for _, version := range []int{1, 2} {
		for name, tt := range map[string]struct{ method, target, body string }{
			"chat":   {"POST", "/v1/chat/completions", good},
			"azure":  {"POST", "/openai/deployments/a%2Fb/chat/completions?api-version=2024-10-21&x=%2B", good},
			"space":  {"POST", "/openai/deployments/with%20space/chat/completions", good},
			"models": {"GET", "/v1/models", ""},
			"one":    {"GET", "/v1/models/a%2Fb", ""},
			"head":   {"HEAD", "/v1/models", ""},
		} {
			for how, prepare := range map[string]func(*http.Request){"body told": tellsBody(tt.body), "body not told": nil} {
				got := r.do(r.sign(tt.method, tt.target, tt.body, time.Now(), prepare), version)
				if got.Status != 200 {
					t.Errorf("HTTP/%d, %s, %s: %d %s", version, name, how, got.Status, got.Body)
				}
				if rec := <-r.events; rec.Key == "" || rec.Workload != "w" {
					t.Errorf("%s: recorded as %q of %q", name, rec.Key, rec.Workload)
				}
			}
		}
	}
}

func TestSigned_IsRefusedBeforeAnythingIsSent(t *testing.T) {
	r := start(t)
	chat := "/v1/chat/completions"
	with := func(f func(*http.Request), at time.Duration) func() *http.Request {
		return func() *http.Request {
			req := r.sign("POST", chat, good, time.Now().Add(at), nil)
			if f != nil {
				f(req)
			}
			return req
		}
	}
	other := strings.Replace(good, "chat", "cha7", 1)
	for name, tt := range map[string]struct {
		make func() *http.Request
		want string
	}{
		"early":         {with(nil, 6*time.Minute), "Set the caller's clock"},
		"late":          {with(nil, -6*time.Minute), "Set the caller's clock"},
		"another path":  {with(func(q *http.Request) { q.URL.Path = "/openai/v1/chat/completions" }, 0), "not signed with"},
		"another query": {with(func(q *http.Request) { q.URL.RawQuery = "a=b" }, 0), "not signed with"},
		"another method": {func() *http.Request {
			q := r.sign("GET", "/v1/models", "", time.Now(), nil)
			q.Method = "HEAD"
			return q
		}, ""},
		"another body": {with(func(q *http.Request) { q.Body = io.NopCloser(strings.NewReader(other)) }, 0), "not signed with"},
		"body not as told": {func() *http.Request {
			q := r.sign("POST", chat, good, time.Now(), tellsBody(good))
			q.Body = io.NopCloser(strings.NewReader(other))
			return q
		}, "x-amz-content-sha256"},
		"a body to a list":  {func() *http.Request { q := r.sign("GET", "/v1/models", "{}", time.Now(), nil); return q }, "not signed with"},
		"a key beside":      {with(func(q *http.Request) { q.Header.Set("Api-Key", r.Key) }, 0), "do one"},
		"a session token":   {with(func(q *http.Request) { q.Header.Set("X-Amz-Security-Token", "t") }, 0), "AWS_SESSION_TOKEN"},
		"unsigned payload":  {with(func(q *http.Request) { q.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }, 0), "UNSIGNED-PAYLOAD"},
		"another scheme":    {with(func(q *http.Request) { q.Header.Set("Authorization", "AWS4-ECDSA-P256-SHA256 Credential=a") }, 0), "cannot be read"},
		"the id as a key":   {with(func(q *http.Request) { q.Header.Set("Authorization", "Bearer "+r.Access.ID) }, 0), "no key that is valid"},
		"the secret as one": {with(func(q *http.Request) { q.Header.Set("Authorization", "Bearer "+string(r.Access.Secret)) }, 0), "no key that is valid"},
	} {
		got := r.do(tt.make(), 1)
		if got.Status != 401 || got.Header.Get("Bulkhead-Error") != "unauthenticated" || !strings.Contains(got.Body, tt.want) {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
		if strings.Contains(got.Body, string(r.Access.Secret)) {
			t.Errorf("%s: the secret is repeated", name)
		}
		if rec := <-r.events; rec.Key != "" || rec.Workload != "" {
			t.Errorf("%s: recorded as %q of %q", name, rec.Key, rec.Workload)
		}
	}
	if n := r.asked.Load(); n != 0 {
		t.Errorf("the vendor was asked %d times", n)
	}
}

func TestSigned_AnUnknownKeyIsRefusedBeforeItsBody(t *testing.T) {
	r := start(t)
	r.Access.ID = r.Access.ID[:len(r.Access.ID)-4] + "AAAA"
	req := r.sign("POST", "/v1/chat/completions", good, time.Now(), nil)
	var head strings.Builder
	head.WriteString("POST /v1/chat/completions HTTP/1.1\r\nHost: " + r.Addr + "\r\nContent-Length: 30\r\n")
	req.Header.Write(&head)
	if got := r.raw(head.String() + "\r\n"); got.Status != 401 { // the body never comes
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

func TestSigned_TheRecordNamesNobodyUntilTheBodyProvesIt(t *testing.T) {
	r := start(t)
	for how, tt := range map[string]struct {
		prepare func(*http.Request)
		named   bool
	}{"body told": {tellsBody(good), true}, "body not told": {nil, false}} {
		req := r.sign("POST", "/v1/chat/completions", good, time.Now(), func(q *http.Request) {
			q.ContentLength = 99_999_999_999 // which is signed
			if tt.prepare != nil {
				tt.prepare(q)
			}
		})
		var head strings.Builder
		head.WriteString("POST /v1/chat/completions HTTP/1.1\r\nHost: " + r.Addr + "\r\nContent-Length: 99999999999\r\n")
		req.Header.Write(&head)
		if got := r.raw(head.String() + "\r\n"); got.Status != 413 { // refused before the body is read
			t.Errorf("%s: %d %s", how, got.Status, got.Body)
		}
		if rec := <-r.events; (rec.Key != "") != tt.named {
			t.Errorf("%s: recorded as of %q", how, rec.Key)
		}
	}
}
