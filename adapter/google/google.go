// Package google signs Bulkhead in at Google Cloud: it gets access tokens by
// application default credentials, which are a file that the estate or the
// environment names (a service account, workload identity federation, a user),
// or else the metadata server of the machine that Bulkhead runs on.
//
// It is the only package that knows Google's libraries for this. Tokens are kept
// by whoever asks for them; requests are sent by package egress, which hands in
// the client that reaches the hosts that the estate names and no others: the
// library's own search for a metadata server uses a client of its own, and is
// not used. Begin with [New].
package google

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"cloud.google.com/go/compute/metadata"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// DefaultScope is what tokens are for where nobody says otherwise.
const DefaultScope = "https://www.googleapis.com/auth/cloud-platform"

// Options say who signs in.
type Options struct {
	Credentials string // text of a credentials file; empty: where the environment says, or the metadata server
	Scope       string // empty: DefaultScope
	HTTP        *http.Client
}

// SignIn gets tokens. Its methods may be used at once from many goroutines.
type SignIn struct {
	file  []byte // text of a credentials file; nil: the machine's own account
	kind  google.CredentialsType
	scope string
	http  *http.Client
}

// kinds are the credentials files that are read. A file may name hosts, which
// the client holds against the estate's.
var kinds = []google.CredentialsType{google.ServiceAccount, google.AuthorizedUser, google.ExternalAccount, google.ImpersonatedServiceAccount}

// New makes a sign-in; it may read files and asks nobody yet.
func New(o Options) (*SignIn, error) {
	if o.Scope == "" {
		o.Scope = DefaultScope
	}
	text := []byte(o.Credentials)
	if len(text) == 0 {
		var err error
		if text, err = fromEnvironment(); err != nil {
			return nil, fmt.Errorf("application default credentials: %w", err)
		}
	}
	if len(text) == 0 {
		return &SignIn{scope: o.Scope, http: o.HTTP}, nil
	}
	var head struct {
		Type google.CredentialsType `json:"type"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, errors.New("the credentials of Google are no JSON") // its words could hold some of them
	}
	if !slices.Contains(kinds, head.Type) {
		return nil, fmt.Errorf("credentials of Google of the type %q are not read", head.Type)
	}
	s := &SignIn{text, head.Type, o.Scope, o.HTTP}
	_, err := s.source(context.Background())
	return s, err
}

// source reads the credentials file. The library's sources keep tokens until
// seconds before their end, so one is made for each token.
func (s *SignIn) source(ctx context.Context) (oauth2.TokenSource, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, s.http) // where the library takes its client from
	c, err := google.CredentialsFromJSONWithType(ctx, s.file, s.kind, s.scope)
	if err != nil {
		return nil, fmt.Errorf("credentials of Google: %w", err)
	}
	return c.TokenSource, nil
}

// fromEnvironment reads the file that the environment names, or the one that
// Google's own tool leaves; nothing where there is neither.
func fromEnvironment() ([]byte, error) {
	if name := os.Getenv("GOOGLE_APPLICATION_CREDENTIALS"); name != "" {
		return os.ReadFile(name)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, nil // a user without a home has no such file
	}
	b, err := os.ReadFile(filepath.Join(home, ".config", "gcloud", "application_default_credentials.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Token gets a token and the instant of its end. WARNING: not every kind of
// credentials file heeds ctx; the client's own limit always holds.
func (s *SignIn) Token(ctx context.Context) (text string, until time.Time, err error) {
	if s.file == nil {
		return s.machine(ctx)
	}
	source, err := s.source(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	t, err := source.Token()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("token of Google: %w", err)
	}
	return t.AccessToken, t.Expiry, nil
}

// machine asks the metadata server for a token of the machine's own account
// (https://cloud.google.com/compute/docs/access/authenticate-workloads, 2026).
func (s *SignIn) machine(ctx context.Context) (text string, until time.Time, err error) {
	begun := time.Now()
	answer, err := metadata.NewClient(s.http).GetWithContext(ctx, "instance/service-accounts/default/token?scopes="+url.QueryEscape(s.scope))
	if err != nil {
		return "", time.Time{}, fmt.Errorf("token of Google's metadata server: %w", err)
	}
	var said struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(answer), &said); err != nil || said.AccessToken == "" {
		return "", time.Time{}, errors.New("token of Google's metadata server: it gave none")
	}
	return said.AccessToken, begun.Add(time.Duration(said.ExpiresIn) * time.Second), nil
}
