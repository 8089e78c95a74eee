package aws_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bulkhead/adapter/aws"
	"bulkhead/identity"
	"bulkhead/wire"
)

const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

// bare takes what the machine of the test may have of AWS away.
func bare(t *testing.T) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
			os.Unsetenv(name)
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", none)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
}

// verified sends what a signer signed to a vendor that verifies as AWS does, and
// gives the signature as it arrived, and the session token.
func verified(t *testing.T, s *aws.Signer, path string) (got *identity.Signed, token string) {
	t.Helper()
	body := wire.Splice{Body: []byte(`{"a":2}`), Edits: []wire.Edit{{Span: wire.Span{Start: 1, End: 1}, With: []byte(`"x":1,`)}}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if token = r.Header.Get("X-Amz-Security-Token"); token != "" {
			if !strings.Contains(r.Header.Get("Authorization"), ";x-amz-security-token,") {
				t.Error("the session token is not signed")
			}
			return // our own verification takes none
		}
		path, query, _ := strings.Cut(r.RequestURI, "?")
		signed, err := identity.ParseSigned(identity.SignedRequest{Method: r.Method, Path: path, Query: query, Host: r.Host, Header: r.Header})
		if err != nil {
			t.Error(err)
			return
		}
		if sum := sha256.Sum256(b); signed.CheckTime(time.Now()) != nil || !signed.TellsBody() || !signed.MatchesBody(sum) || !signed.Verify(secret, sum) {
			t.Errorf("the signature of %s does not hold", r.RequestURI)
		}
		got = signed
	}))
	defer server.Close()
	fields, err := s.Sign(t.Context(), server.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, server.URL+path, bytes.NewReader(body.Append(nil)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream") // what a signature does not cover may be anything
	for _, f := range fields {
		r.Header.Set(f[0], f[1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return got, token
}

func TestSign_ByAKeyOfTheEstateIsVerified(t *testing.T) {
	bare(t)
	s, err := aws.New(t.Context(), aws.Options{Region: "us-gov-west-1", AccessKey: "AKIDEXAMPLE", Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/model/anthropic.claude-sonnet-4-v1%3A0/converse-stream",
		"/model/arn%3Aaws-us-gov%3Abedrock%3Aus-gov-west-1%3A1%3Ainference-profile%2Fx/invoke",
		"/openai/v1/chat/completions?a=b%2F&c",
	} {
		if got, _ := verified(t, s, path); got == nil || got.AccessKey != "AKIDEXAMPLE" || got.Region != "us-gov-west-1" || got.Service != "bedrock" {
			t.Errorf("%s: %+v", path, got)
		}
	}
	other, err := aws.New(t.Context(), aws.Options{Region: "us-east-1", Service: "execute-api", AccessKey: "AKIDEXAMPLE", Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := verified(t, other, "/"); got == nil || got.Service != "execute-api" {
		t.Errorf("another service: %+v", got)
	}
}

func TestNew_RefusesASecretThatCannotSign(t *testing.T) {
	bare(t)
	if _, err := aws.New(t.Context(), aws.Options{AccessKey: "AKIDEXAMPLE", Secret: "short"}); err == nil || !strings.Contains(err.Error(), "too short") {
		t.Errorf("a short secret: %v", err)
	}
	if _, err := aws.New(t.Context(), aws.Options{}); err == nil {
		t.Error("a chain without a client")
	}
}

func TestNew_RefusesAProfileThatRunsACommand(t *testing.T) {
	bare(t)
	ran := filepath.Join(t.TempDir(), "ran")
	for name, text := range map[string]string{
		"itself":     "[default]\ncredential_process = touch " + ran + "\n",
		"its source": "[default]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\n[profile base]\ncredential_process = touch " + ran + "\n",
	} {
		file := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("AWS_CONFIG_FILE", file)
		if _, err := aws.New(t.Context(), aws.Options{Region: "us-east-1", Client: &http.Client{Transport: &only{}}}); err == nil || !strings.Contains(err.Error(), "credential_process") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the command was run")
	}
}

// only is a client that reaches one server under every name it is asked for,
// and remembers the names.
type only struct {
	to    string
	asked atomic.Int64
	hosts chan string
}

func (o *only) RoundTrip(r *http.Request) (*http.Response, error) {
	o.asked.Add(1)
	select {
	case o.hosts <- r.URL.Host:
	default:
	}
	if o.to == "" {
		return nil, errors.New("nobody may be asked")
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", o.to
	return http.DefaultTransport.RoundTrip(r)
}

func chain(t *testing.T, o aws.Options, to http.HandlerFunc) (*aws.Signer, *only) {
	t.Helper()
	ask := &only{hosts: make(chan string, 100)}
	if to != nil {
		server := httptest.NewServer(to)
		t.Cleanup(server.Close)
		ask.to = strings.TrimPrefix(server.URL, "http://")
	}
	o.Client = &http.Client{Transport: ask, Timeout: 3 * time.Second}
	if o.Region == "" {
		o.Region = "us-gov-west-1"
	}
	s, err := aws.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if ask.asked.Load() != 0 {
		t.Error("somebody was asked before a request was signed")
	}
	return s, ask
}

func TestChain_EnvironmentAndFilesAskNobody(t *testing.T) {
	bare(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT")
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	s, ask := chain(t, aws.Options{}, nil)
	if got, _ := verified(t, s, "/model/a/converse"); got == nil || got.AccessKey != "AKIDENVIRONMENT" || ask.asked.Load() != 0 {
		t.Errorf("environment: %+v after %d questions", got, ask.asked.Load())
	}
	os.Unsetenv("AWS_ACCESS_KEY_ID")
	os.Unsetenv("AWS_SECRET_ACCESS_KEY")
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("[gov]\naws_access_key_id = AKIDFILE\naws_secret_access_key = "+secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	t.Setenv("AWS_PROFILE", "gov")
	s, ask = chain(t, aws.Options{}, nil)
	if got, _ := verified(t, s, "/model/a/converse"); got == nil || got.AccessKey != "AKIDFILE" || ask.asked.Load() != 0 {
		t.Errorf("file: %+v after %d questions", got, ask.asked.Load())
	}
}

// role is what container and instance services answer with.
func role(until time.Time) string {
	return fmt.Sprintf(`{"Code":"Success","AccessKeyId":"ASIAROLE","SecretAccessKey":%q,"Token":"session","Expiration":%q}`, secret, until.UTC().Format(time.RFC3339))
}

func TestChain_ContainerRoleIsKept(t *testing.T) {
	bare(t)
	t.Setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role")
	s, ask := chain(t, aws.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, role(time.Now().Add(time.Hour)))
	})
	for range 3 {
		if _, token := verified(t, s, "/model/a/converse"); token != "session" {
			t.Errorf("the session token that came is %q", token)
		}
	}
	if host := <-ask.hosts; host != "169.254.170.2" || ask.asked.Load() != 1 {
		t.Errorf("asked %s, %d times", host, ask.asked.Load())
	}
}

func TestChain_InstanceRole(t *testing.T) {
	bare(t)
	s, ask := chain(t, aws.Options{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/latest/api/token":
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
			io.WriteString(w, "metadata-session")
		case "/latest/meta-data/iam/security-credentials/", "/latest/meta-data/iam/security-credentials-extended/":
			io.WriteString(w, "bulkhead")
		default:
			if r.Header.Get("X-Aws-Ec2-Metadata-Token") != "metadata-session" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			io.WriteString(w, role(time.Now().Add(time.Hour)))
		}
	})
	if _, token := verified(t, s, "/model/a/converse"); token != "session" {
		t.Errorf("the session token that came is %q", token)
	}
	if host := <-ask.hosts; host != "169.254.169.254" {
		t.Errorf("asked %s", host)
	}
}

func TestChain_WebIdentityAsksTheRegionsOwnSTS(t *testing.T) {
	bare(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("jwt"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token)
	t.Setenv("AWS_ROLE_ARN", "arn:aws-us-gov:iam::123456789012:role/bulkhead")
	answer := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>
<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>session</SessionToken><Expiration>%s</Expiration>
</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, secret, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}
	for _, tt := range []struct {
		region string
		fips   bool
		want   string
	}{
		{"us-gov-west-1", false, "sts.us-gov-west-1.amazonaws.com"},
		{"us-gov-west-1", true, "sts.us-gov-west-1.amazonaws.com"},
		{"us-east-1", true, "sts-fips.us-east-1.amazonaws.com"},
		{"us-iso-east-1", false, "sts.us-iso-east-1.c2s.ic.gov"},
	} {
		s, ask := chain(t, aws.Options{Region: tt.region, FIPS: tt.fips}, answer)
		if _, token := verified(t, s, "/model/a/converse"); token != "session" {
			t.Errorf("%s: the session token that came is %q", tt.region, token)
		}
		if host := <-ask.hosts; host != tt.want {
			t.Errorf("%s, FIPS %v: asked %s, want %s", tt.region, tt.fips, host, tt.want)
		}
	}
}

func TestChain_WithNobodyToAskSaysSo(t *testing.T) {
	bare(t)
	s, _ := chain(t, aws.Options{}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if fields, err := s.Sign(ctx, "https://bedrock-runtime.us-gov-west-1.amazonaws.com/", wire.Splice{}); err == nil || !strings.Contains(err.Error(), "nobody may be asked") {
		t.Errorf("%v, %v", fields, err)
	}
}

func BenchmarkSign(b *testing.B) {
	s, err := aws.New(b.Context(), aws.Options{Region: "us-gov-west-1", AccessKey: "AKIDEXAMPLE", Secret: secret})
	if err != nil {
		b.Fatal(err)
	}
	body := wire.Splice{Body: bytes.Repeat([]byte("x"), 2<<10)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Sign(b.Context(), "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/model/us.anthropic.claude/converse", body); err != nil {
			b.Fatal(err)
		}
	}
}
