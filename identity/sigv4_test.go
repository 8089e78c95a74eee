package identity_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"

	"bulkhead/fault"
	"bulkhead/identity"
)

const (
	suiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	suiteKey    = "AKIDEXAMPLE"
)

// suiteRequest reads a signed request of the vendor's test suite.
func suiteRequest(t testing.TB, name string) (identity.SignedRequest, []byte) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	head, body, ok := strings.Cut(string(b), "\n\n")
	lines := strings.Split(head, "\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	target := strings.TrimSuffix(rest, " HTTP/1.1")
	if !ok || target == rest {
		t.Fatal(name, "is not read")
	}
	r := identity.SignedRequest{Method: method, Header: map[string][]string{}}
	r.Path, r.Query, _ = strings.Cut(target, "?")
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		if name = textproto.CanonicalMIMEHeaderKey(name); name == "Host" {
			r.Host = value
			continue
		}
		r.Header[name] = append(r.Header[name], value)
	}
	return r, []byte(body)
}

func TestVerify_HoldsTheVendorsSuite(t *testing.T) {
	names, err := filepath.Glob("testdata/sigv4/*.txt")
	if err != nil || len(names) < 16 {
		t.Fatalf("%d cases, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			r, body := suiteRequest(t, name)
			s, err := identity.ParseSigned(r)
			if strings.Contains(name, "session-token") {
				if fault.From(err).Kind != fault.Unauthenticated || !strings.Contains(err.Error(), "AWS_SESSION_TOKEN") {
					t.Fatalf("a session token: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(filepath.Base(name), "botocore") {
				if s.AccessKey != suiteKey || s.Service != "bedrock" || s.TellsBody() {
					t.Errorf("read %+v", s)
				}
			} else if s.AccessKey != suiteKey || s.Region != "us-east-1" || s.Service != "service" || !s.At.Equal(time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)) {
				t.Errorf("read %+v", s)
			}
			sum := sha256.Sum256(body)
			if !s.Verify(suiteSecret, sum) || !s.MatchesBody(sum) {
				t.Error("the signature does not hold")
			}
			if s.Verify(suiteSecret+"x", sum) {
				t.Error("another secret holds")
			}
			if other := sha256.Sum256([]byte("other")); s.Verify(suiteSecret, other) && s.MatchesBody(other) {
				t.Error("another body holds")
			}
		})
	}
}

// signed signs a request as an AWS SDK does, and gives it as it arrives.
func signed(t testing.TB, target, body, access, secret, service string, at time.Time, prepare func(*http.Request)) (identity.SignedRequest, []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "https://gateway.example"+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if prepare != nil {
		prepare(req)
	}
	sum := sha256.Sum256([]byte(body))
	err = v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: access, SecretAccessKey: secret}, req, hex.EncodeToString(sum[:]), service, "us-gov-west-1", at)
	if err != nil {
		t.Fatal(err)
	}
	return received(t, req), []byte(body)
}

// received gives a request as a server has it.
func received(t testing.TB, req *http.Request) identity.SignedRequest {
	t.Helper()
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(wire.String(), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	r := identity.SignedRequest{Method: req.Method, Host: req.URL.Host, Header: http.Header{}}
	r.Path, r.Query, _ = strings.Cut(strings.Fields(lines[0])[1], "?")
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		http.Header(r.Header).Add(name, value)
	}
	return r
}

func TestVerify_HoldsWhatAnSDKSigns(t *testing.T) {
	for name, target := range map[string]string{
		"plain":     "/model/chat/converse",
		"version":   "/model/anthropic.claude-sonnet-4%3A0/converse-stream",
		"arn":       "/model/arn%3Aaws-us-gov%3Abedrock%3Aus-gov-west-1%3A123456789012%3Ainference-profile%2Fus-gov.anthropic.claude/invoke",
		"openai":    "/v1/chat/completions",
		"query":     "/openai/deployments/chat/chat/completions?api-version=2024-10-21&b=%2F+c&a=~",
		"gemini":    "/v1beta/models/gemini:streamGenerateContent?alt=sse",
		"space":     "/model/with%20space/converse",
		"utf-8":     "/model/%E1%88%B4/converse",
		"no path":   "/",
		"same name": "/x?b=2&b=1&a",
	} {
		r, body := signed(t, target, `{"a":1}`, suiteKey, suiteSecret, "bedrock", noon, nil)
		s, err := identity.ParseSigned(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !s.Verify(suiteSecret, sha256.Sum256(body)) {
			t.Errorf("%s: the signature of %s does not hold", name, target)
		}
		for what, change := range map[string]func(*identity.SignedRequest){
			"method": func(r *identity.SignedRequest) { r.Method = "GET" },
			"path":   func(r *identity.SignedRequest) { r.Path += "x" },
			"query":  func(r *identity.SignedRequest) { r.Query += "&x=1" },
			"host":   func(r *identity.SignedRequest) { r.Host = "other.example" },
			"type":   func(r *identity.SignedRequest) { r.Header["Content-Type"] = []string{"text/plain"} },
			"gone":   func(r *identity.SignedRequest) { delete(r.Header, "Content-Type") },
		} {
			changed := r
			changed.Header = http.Header(r.Header).Clone()
			change(&changed)
			if s, err := identity.ParseSigned(changed); err == nil && s.Verify(suiteSecret, sha256.Sum256(body)) {
				t.Errorf("%s: another %s holds", name, what)
			}
		}
	}
}

func TestVerify_AgreesWithAnSDKOnAnyRequest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		path := "/"
		for _, segment := range rapid.SliceOfN(rapid.StringN(1, 12, 40), 1, 4).Draw(rt, "path") {
			path += url.PathEscape(segment) + "/"
		}
		query := url.Values{}
		for range rapid.IntRange(0, 4).Draw(rt, "pairs") {
			query.Add(rapid.StringN(1, 6, 20).Draw(rt, "name"), rapid.String().Draw(rt, "value"))
		}
		secret := rapid.StringMatching(`[A-Za-z0-9/+]{40}`).Draw(rt, "secret")
		service := rapid.SampledFrom([]string{"bedrock", "execute-api", "s"}).Draw(rt, "service")
		field := rapid.StringMatching(`[ -~]{0,30}`).Draw(rt, "field")
		target := path
		if len(query) > 0 {
			target += "?" + query.Encode()
		}
		r, body := signed(t, target, rapid.String().Draw(rt, "body"), suiteKey, secret, service, noon, func(req *http.Request) {
			req.Header.Set("X-Thing", field)
		})
		r.Header["X-Thing"] = []string{field}
		s, err := identity.ParseSigned(r)
		if err != nil {
			rt.Fatal(err)
		}
		if !s.Verify(secret, sha256.Sum256(body)) {
			rt.Fatalf("the signature of %s does not hold", target)
		}
	})
}

// TestVerify_HoldsWhatIsSignedForHTTP2 verifies what @aws-sdk/client-bedrock-runtime
// 3.1164.0 signed: over HTTP/2, its default there, it covers :authority in place
// of host.
func TestVerify_HoldsWhatIsSignedForHTTP2(t *testing.T) {
	body := []byte(`{"messages":[{"role":"user","content":[{"text":"hi"}]}]}`)
	r := identity.SignedRequest{Method: "POST", Path: "/model/chat/converse", Host: "bulkhead.agency.example:8080", Header: http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {"56"}, "X-Amz-User-Agent": {"aws-sdk-js/3.1163.0"},
		"Amz-Sdk-Invocation-Id": {"9279f8b0-9782-4b21-9e66-7c31d622a472"}, "Amz-Sdk-Request": {"attempt=1; max=1"}, "X-Amz-Date": {"20261123T120000Z"},
		"X-Amz-Content-Sha256": {"c3335e07d6e89650bf94cb98664be69f8774dbc3198df221f113db0a59ea14f0"},
		"Authorization": {"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/us-gov-west-1/bedrock/aws4_request, " +
			"SignedHeaders=:authority;amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;x-amz-content-sha256;x-amz-date;x-amz-user-agent, " +
			"Signature=b170f876bca65aa15d558586f243bbf6133fd9ac2a970a5ac8f33c054ddce904"},
	}}
	s, err := identity.ParseSigned(r)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(body); !s.Verify(suiteSecret, sum) || !s.MatchesBody(sum) {
		t.Error("the signature does not hold")
	}
	r.Host = "other.example"
	if s, err = identity.ParseSigned(r); err != nil || s.Verify(suiteSecret, sha256.Sum256(body)) {
		t.Errorf("another host holds: %v", err)
	}
}

func TestParseSigned_RefusesByName(t *testing.T) {
	good, _ := signed(t, "/model/chat/converse", `{}`, suiteKey, suiteSecret, "bedrock", noon, nil)
	authorization := good.Header["Authorization"][0]
	for name, tt := range map[string]struct {
		change func(h http.Header)
		want   string
	}{
		"session token":     {func(h http.Header) { h.Set("X-Amz-Security-Token", "t") }, "AWS_SESSION_TOKEN"},
		"no date":           {func(h http.Header) { h.Del("X-Amz-Date") }, "X-Amz-Date"},
		"two dates":         {func(h http.Header) { h.Add("X-Amz-Date", "20261123T120000Z") }, "X-Amz-Date"},
		"date of HTTP":      {func(h http.Header) { h.Set("X-Amz-Date", "Mon, 23 Nov 2026 12:00:00 GMT") }, "X-Amz-Date"},
		"another day":       {func(h http.Header) { h.Set("X-Amz-Date", "20261124T120000Z") }, "another day"},
		"unsigned payload":  {func(h http.Header) { h.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }, "UNSIGNED-PAYLOAD"},
		"payload in chunks": {func(h http.Header) { h.Set("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") }, "as a whole"},
		"two payloads": {func(h http.Header) {
			h["X-Amz-Content-Sha256"] = []string{strings.Repeat("a", 64), strings.Repeat("b", 64)}
		}, "as a whole"},
		"host left out":  {func(h http.Header) { h.Set("Authorization", strings.Replace(authorization, ";host", "", 1)) }, "host"},
		"date left out":  {func(h http.Header) { h.Set("Authorization", strings.Replace(authorization, ";x-amz-date", "", 1)) }, "x-amz-date"},
		"another scheme": {func(h http.Header) { h.Set("Authorization", strings.Replace(authorization, "HMAC", "ECDSA-P256", 1)) }, "cannot be read"},
		"two":            {func(h http.Header) { h.Add("Authorization", authorization) }, "cannot be read"},
		"none":           {func(h http.Header) { h.Del("Authorization") }, "cannot be read"},
		"a part twice":   {func(h http.Header) { h.Set("Authorization", authorization+", SignedHeaders=host") }, "cannot be read"},
		"a part unknown": {func(h http.Header) { h.Set("Authorization", authorization+", X=y") }, "cannot be read"},
		"no signature": {func(h http.Header) {
			h.Set("Authorization", authorization[:strings.Index(authorization, ", Signature")])
		}, "cannot be read"},
		"short signature": {func(h http.Header) { h.Set("Authorization", authorization[:len(authorization)-1]) }, "cannot be read"},
		"names unsorted": {func(h http.Header) {
			h.Set("Authorization", strings.Replace(authorization, "host;x-amz-date", "x-amz-date;host", 1))
		}, "cannot be read"},
		"a name twice": {func(h http.Header) { h.Set("Authorization", strings.Replace(authorization, "host;", "host;host;", 1)) }, "cannot be read"},
		"short scope":  {func(h http.Header) { h.Set("Authorization", strings.Replace(authorization, "/aws4_request", "", 1)) }, "cannot be read"},
		"too many names": {func(h http.Header) {
			h.Set("Authorization", strings.Replace(authorization, "SignedHeaders=", "SignedHeaders="+strings.Repeat("a;", 100), 1))
		}, "cannot be read"},
	} {
		r := good
		r.Header = http.Header(good.Header).Clone()
		tt.change(r.Header)
		s, err := identity.ParseSigned(r)
		if s != nil || fault.From(err) == nil || fault.From(err).Kind != fault.Unauthenticated || !strings.Contains(fault.From(err).Message, tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestCheckTime_HoldsFiveMinutesEitherWay(t *testing.T) {
	r, _ := signed(t, "/x", "", suiteKey, suiteSecret, "bedrock", noon, nil)
	s, err := identity.ParseSigned(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{-5 * time.Minute, 0, 5 * time.Minute} {
		if err := s.CheckTime(noon.Add(d)); err != nil {
			t.Errorf("%v apart: %v", d, err)
		}
	}
	for _, d := range []time.Duration{-5*time.Minute - time.Second, 5*time.Minute + time.Second, 24 * time.Hour} {
		now := noon.Add(d)
		f := fault.From(s.CheckTime(now))
		if f == nil || f.Kind != fault.Unauthenticated || !strings.Contains(f.Message, "2026-11-23T12:00:00Z") || !strings.Contains(f.Message, now.Format(time.RFC3339)) {
			t.Errorf("%v apart: %v", d, f)
		}
	}
}

func FuzzParseSigned(f *testing.F) {
	good, _ := signed(f, "/model/a%2Fb/converse?x=%2", `{}`, suiteKey, suiteSecret, "bedrock", noon, nil)
	f.Add(good.Header["Authorization"][0], "20261123T120000Z", good.Path, good.Query, "")
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host;x-amz-date, Signature=00", "", "%", "%&=&+", "UNSIGNED-PAYLOAD")
	f.Fuzz(func(t *testing.T, authorization, date, path, query, payload string) {
		h := http.Header{"Authorization": {authorization}, "X-Amz-Date": {date}}
		if payload != "" {
			h["X-Amz-Content-Sha256"] = []string{payload}
		}
		s, err := identity.ParseSigned(identity.SignedRequest{Method: "POST", Path: path, Query: query, Host: "h", Header: h})
		if err != nil {
			if fault.From(err).Kind != fault.Unauthenticated {
				t.Fatalf("%v", err)
			}
			return
		}
		if s.Verify("a secret that nobody has chosen, see", sha256.Sum256(nil)) {
			t.Fatal("verified")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	r, body := signed(b, "/model/us.anthropic.claude%3A0/converse", `{"messages":[]}`, suiteKey, suiteSecret, "bedrock", noon, nil)
	sum := sha256.Sum256(body)
	b.ReportAllocs()
	for b.Loop() {
		s, err := identity.ParseSigned(r)
		if err != nil || !s.Verify(suiteSecret, sum) {
			b.Fatal(err)
		}
	}
}
