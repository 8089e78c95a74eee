package azure_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkhead/adapter/azure"
)

// entra is an identity provider, or a metadata service, under every name.
type entra struct {
	mu    sync.Mutex
	hosts []string
	forms []url.Values
}

func (f *entra) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(b))
	f.mu.Lock()
	f.hosts = append(f.hosts, r.Host)
	if form.Get("grant_type") != "" {
		f.forms = append(f.forms, form)
	} else if r.URL.Path == "/metadata/identity/oauth2/token" {
		f.forms = append(f.forms, r.URL.Query())
	}
	n := len(f.forms)
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	base := "https://" + r.Host + "/t-1"
	switch {
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		json.NewEncoder(w).Encode(map[string]string{"token_endpoint": base + "/oauth2/v2.0/token", "authorization_endpoint": base + "/authorize", "issuer": base + "/v2.0"})
	case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token") && form.Get("client_secret") == "wrong":
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}`)
	case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
		fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3600,"access_token":"token-%d"}`, n)
	case r.URL.Path == "/metadata/identity/oauth2/token" && r.Header.Get("Metadata") == "true":
		fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":"3600","expires_on":"%d","resource":"x","access_token":"machine-%d"}`, time.Now().Add(time.Hour).Unix(), n)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// start gives a client that reaches it alone, whatever name is asked for.
func start(t *testing.T) (*entra, *http.Client) {
	t.Helper()
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		for _, prefix := range []string{"AZURE_", "IDENTITY_", "IMDS_", "MSI_"} {
			if strings.HasPrefix(name, prefix) {
				t.Setenv(name, "")
				os.Unsetenv(name)
			}
		}
	}
	f := &entra{}
	secure, plain := httptest.NewTLSServer(f), httptest.NewServer(f)
	t.Cleanup(secure.Close)
	t.Cleanup(plain.Close)
	tr := &http.Transport{
		DialContext: func(_ context.Context, _, _ string) (net.Conn, error) {
			return net.Dial("tcp", plain.Listener.Addr().String())
		},
		DialTLSContext: func(_ context.Context, _, _ string) (net.Conn, error) {
			return tls.Dial("tcp", secure.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		},
	}
	t.Cleanup(tr.CloseIdleConnections)
	return f, &http.Client{Transport: tr, Timeout: 5 * time.Second}
}

func TestClientCredentials_AskThePartitionsOwnAuthority(t *testing.T) {
	for _, tt := range []struct {
		name        string
		o           azure.Options
		host, scope string
	}{
		{"commercial", azure.Options{Partition: "AzureCloud"}, "login.microsoftonline.com", "https://cognitiveservices.azure.com/.default"},
		{"government", azure.Options{Partition: "AzureUSGovernment"}, "login.microsoftonline.us", "https://cognitiveservices.azure.us/.default"},
		{"apart", azure.Options{Partition: "own", Authority: "https://login.apart.example", Scope: "https://ai.apart.example/.default"}, "login.apart.example", "https://ai.apart.example/.default"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, client := start(t)
			tt.o.Tenant, tt.o.Client, tt.o.Secret, tt.o.HTTP = "t-1", "c-1", "s3cret", client
			s, err := azure.New(tt.o)
			if err != nil || len(f.hosts) != 0 {
				t.Fatal(err, f.hosts)
			}
			text, until, err := s.Token(t.Context())
			if err != nil || text != "token-1" {
				t.Fatalf("%q, %v", text, err)
			}
			if d := time.Until(until); d < 50*time.Minute || d > time.Hour {
				t.Errorf("it holds for %v", d)
			}
			for _, h := range f.hosts {
				if h != tt.host {
					t.Errorf("asked %s, want %s alone", h, tt.host)
				}
			}
			form := f.forms[0]
			if form.Get("client_id") != "c-1" || form.Get("client_secret") != "s3cret" || !strings.Contains(form.Get("scope"), tt.scope) {
				t.Errorf("asked with %v", form)
			}
		})
	}
}

func TestManagedIdentity_AsksTheMachine(t *testing.T) {
	for client, partition := range map[string]string{"": "AzureUSGovernment", "c-2": "AzureCloud"} {
		f, ask := start(t)
		s, err := azure.New(azure.Options{Partition: partition, Client: client, HTTP: ask})
		if err != nil {
			t.Fatal(err)
		}
		text, until, err := s.Token(t.Context())
		if err != nil || text != "machine-1" || time.Until(until) < 50*time.Minute {
			t.Fatalf("%q until %v, %v", text, until, err)
		}
		suffix := map[string]string{"AzureUSGovernment": ".azure.us", "AzureCloud": ".azure.com"}[partition]
		if q := f.forms[0]; q.Get("client_id") != client || q.Get("resource") != "https://cognitiveservices"+suffix {
			t.Errorf("asked with %v", q)
		}
		for _, h := range f.hosts {
			if h != "169.254.169.254" {
				t.Errorf("asked %s", h)
			}
		}
	}
}

func TestToken_SaysWhyThereIsNone(t *testing.T) {
	f, client := start(t)
	s, err := azure.New(azure.Options{Partition: "AzureCloud", Tenant: "t-1", Client: "c-1", Secret: "wrong", HTTP: client})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "AADSTS7000215") || strings.Contains(err.Error(), "wrong") {
		t.Errorf("%v after %d", err, len(f.forms))
	}
}

func TestNew_RefusesWhatItDoesNotKnow(t *testing.T) {
	_, client := start(t)
	for name, o := range map[string]azure.Options{
		"no scope":     {Partition: "own"},
		"no authority": {Partition: "own", Scope: "s", Tenant: "t-1", Client: "c-1", Secret: "x"},
		"plain http":   {Partition: "AzureCloud", Authority: "http://login.example", Tenant: "t-1", Client: "c-1", Secret: "x"},
		"bad tenant":   {Partition: "AzureCloud", Tenant: "t/../1", Client: "c-1", Secret: "x"},
	} {
		o.HTTP = client
		if _, err := azure.New(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
