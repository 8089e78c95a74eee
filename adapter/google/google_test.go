package google_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkhead/adapter/google"
)

// provider is Google's token endpoint, its STS and its metadata server, under
// every name.
type provider struct {
	mu    sync.Mutex
	asked []string // host and path
	forms []url.Values
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(b))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked, p.forms = append(p.asked, r.Host+r.URL.Path), append(p.forms, form)
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.Host == "169.254.169.254":
		if r.Header.Get("Metadata-Flavor") != "Google" || r.URL.Query().Get("scopes") != google.DefaultScope {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("Metadata-Flavor", "Google")
		fmt.Fprintf(w, `{"access_token":"machine-%d","expires_in":3599,"token_type":"Bearer"}`, len(p.asked))
	case form.Get("grant_type") != "":
		fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":3599,"token_type":"Bearer","issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}`, len(p.asked))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// start gives a client that reaches the provider alone, and a home without credentials.
func start(t *testing.T) (*provider, *http.Client) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	p := &provider{}
	secure, plain := httptest.NewTLSServer(p), httptest.NewServer(p)
	t.Cleanup(secure.Close)
	t.Cleanup(plain.Close)
	tr := &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("tcp", plain.Listener.Addr().String())
		},
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
			return tls.Dial("tcp", secure.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
		},
	}
	t.Cleanup(tr.CloseIdleConnections)
	return p, &http.Client{Transport: tr, Timeout: 5 * time.Second}
}

// account writes the credentials file of a service account.
func account(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "bulkhead@northwind.example", "private_key_id": "k1", "project_id": "p",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": "https://oauth2.googleapis.com/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestToken_ByAFileAsksItsTokenEndpoint(t *testing.T) {
	p, client := start(t)
	s, err := google.New(google.Options{Credentials: account(t), HTTP: client})
	if err != nil || len(p.asked) != 0 {
		t.Fatal(err, p.asked)
	}
	for n := 1; n <= 2; n++ { // each anew: whoever asks keeps them
		text, until, err := s.Token(t.Context())
		if err != nil || text != fmt.Sprintf("token-%d", n) || time.Until(until) < 50*time.Minute {
			t.Fatalf("%q until %v, %v", text, until, err)
		}
	}
	if p.asked[0] != "oauth2.googleapis.com/token" || !strings.HasPrefix(p.forms[0].Get("assertion"), "ey") {
		t.Errorf("asked %v with %v", p.asked, p.forms)
	}
}

func TestToken_FederatesWithAnotherIdentity(t *testing.T) {
	p, client := start(t)
	subject := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(subject, []byte("jwt"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := google.New(google.Options{HTTP: client, Credentials: fmt.Sprintf(`{"type":"external_account","audience":"//iam.googleapis.com/x",
		"subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"https://sts.googleapis.com/v1/token","credential_source":{"file":%q}}`, subject)})
	if err != nil {
		t.Fatal(err)
	}
	if text, _, err := s.Token(t.Context()); err != nil || text != "token-1" || p.asked[0] != "sts.googleapis.com/v1/token" || p.forms[0].Get("subject_token") != "jwt" {
		t.Errorf("%q, %v; asked %v", text, err, p.asked)
	}
}

func TestToken_DefaultsToTheEnvironmentThenTheMachine(t *testing.T) {
	p, client := start(t)
	s, err := google.New(google.Options{HTTP: client})
	if err != nil || len(p.asked) != 0 {
		t.Fatal(err, p.asked)
	}
	text, until, err := s.Token(t.Context())
	if err != nil || text != "machine-1" || time.Until(until) < 50*time.Minute {
		t.Fatalf("%q until %v, %v", text, until, err)
	}
	if want := "169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token"; p.asked[0] != want {
		t.Errorf("asked %s, want %s", p.asked[0], want)
	}
	file := filepath.Join(t.TempDir(), "google.json")
	if err := os.WriteFile(file, []byte(account(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	if s, err = google.New(google.Options{HTTP: client}); err != nil {
		t.Fatal(err)
	}
	if text, _, err := s.Token(t.Context()); err != nil || text != "token-2" {
		t.Errorf("by the environment: %q, %v", text, err)
	}
}

func TestNew_RefusesWhatItDoesNotRead(t *testing.T) {
	_, client := start(t)
	for name, text := range map[string]string{
		"no JSON":      "hunter2",
		"no type":      `{"private_key":"hunter2"}`,
		"another type": `{"type":"gdch_service_account","private_key":"hunter2"}`,
		"no key":       `{"type":"service_account","private_key":"hunter2","client_email":"a"}`,
	} {
		s, err := google.New(google.Options{Credentials: text, HTTP: client})
		if err == nil {
			_, _, err = s.Token(t.Context())
		}
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none"))
	if _, err := google.New(google.Options{HTTP: client}); err == nil {
		t.Error("a file that the environment names and that is not there is passed over")
	}
}
