package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"bulkhead/adapter/aws"
	"bulkhead/adapter/azure"
	"bulkhead/adapter/google"
	"bulkhead/catalog"
	"bulkhead/egress"
)

// signIn makes the signer of an endpoint by the kind of its auth. Nothing is asked yet.
func (s *server) signIn(e *catalog.Endpoint, ask *egress.Asker) (egress.Signer, error) {
	secret := ""
	if e.Auth.Secret != "" {
		var err error
		if secret, err = s.secret(e.Auth.Secret); err != nil {
			return nil, fmt.Errorf("its secret %s: %w", e.Auth.Secret, err)
		}
	}
	switch e.Auth.Kind {
	case "aws":
		return aws.New(context.Background(), aws.Options{
			Region: e.Region, Service: e.Auth.Service, FIPS: e.FIPS == "true", AccessKey: e.Auth.AccessKey, Secret: secret, Client: ask,
		})
	case "azure":
		from, err := azure.New(azure.Options{
			Partition: e.Partition, Authority: e.Auth.Authority, Scope: e.Auth.Scope,
			Tenant: e.Auth.Tenant, Client: e.Auth.Client, Secret: secret, HTTP: ask,
		})
		return tokens(from, err)
	case "google":
		from, err := google.New(google.Options{Credentials: secret, Scope: e.Auth.Scope, HTTP: ask})
		return tokens(from, err)
	}
	return nil, nil
}

// tokens keeps what a sign-in gives.
func tokens(from interface {
	Token(ctx context.Context) (text string, until time.Time, err error)
}, err error) (egress.Signer, error) {
	if err != nil {
		return nil, err
	}
	return egress.NewTokens(func(ctx context.Context) (egress.Token, error) {
		text, until, err := from.Token(ctx)
		return egress.Token{Text: text, Until: until}, err
	}, nil), nil
}

// signInNote is what an endpoint's sign-in may ask, for check.
type signInNote struct {
	Endpoint string   `json:"endpoint"`
	Kind     string   `json:"kind"`
	Hosts    []string `json:"hosts"` // none: nobody is asked
}

func (n signInNote) String() string {
	if len(n.Hosts) == 0 {
		return fmt.Sprintf("endpoint %s signs in (%s) and asks nobody for it", n.Endpoint, n.Kind)
	}
	return fmt.Sprintf("endpoint %s signs in (%s) and may ask %s", n.Endpoint, n.Kind, strings.Join(n.Hosts, ", "))
}

// signInsOf lists the endpoints whose sign-in is more than a fixed field.
func signInsOf(e *catalog.Estate) []signInNote {
	var notes []signInNote
	for _, p := range e.Endpoints {
		switch p.Auth.Kind {
		case "aws", "azure", "google":
			notes = append(notes, signInNote{p.Name, p.Auth.Kind, append([]string{}, p.Auth.Hosts...)})
		}
	}
	return notes
}
