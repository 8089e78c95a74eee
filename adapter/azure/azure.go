// Package azure signs Bulkhead in at Azure: it gets tokens from Microsoft Entra
// for an application of the agency (client credentials) or for the machine that
// Bulkhead runs on (managed identity).
//
// It is the only package that knows azidentity. Tokens are kept by whoever asks
// for them; requests are sent by package egress, which hands in the client that
// reaches the hosts that the estate names and no others. Begin with [New].
package azure

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Options say who signs in, and where.
type Options struct {
	Authority string // URL of the identity provider; empty: that of the partition
	Scope     string // what tokens are for; empty: that of the partition
	Partition string // AzureCloud, AzureUSGovernment

	Tenant, Client, Secret string // of the application; without Tenant: a managed identity, the one of Client if it is given

	HTTP *http.Client
}

// SignIn gets tokens. Its methods may be used at once from many goroutines.
type SignIn struct {
	credential azcore.TokenCredential
	scope      string
}

// home is where the identities of a partition are, and what tokens for its
// cognitive services are for: azcore's cloud package; for the scopes
// https://learn.microsoft.com/azure/ai-foundry/openai/how-to/managed-identity and
// AzureOpenAIAudience of the Azure SDK for .NET, November 2026.
func home(partition string) (authority, scope string) {
	switch partition {
	case "AzureCloud":
		return cloud.AzurePublic.ActiveDirectoryAuthorityHost, "https://cognitiveservices.azure.com/.default"
	case "AzureUSGovernment":
		return cloud.AzureGovernment.ActiveDirectoryAuthorityHost, "https://cognitiveservices.azure.us/.default"
	}
	return "", ""
}

// New makes a sign-in; it asks nobody yet.
func New(o Options) (*SignIn, error) {
	authority, scope := home(o.Partition)
	if o.Authority != "" {
		authority = o.Authority
	}
	if o.Scope != "" {
		scope = o.Scope
	}
	if scope == "" {
		return nil, fmt.Errorf("what tokens of partition %s are for is not known; write auth.scope", o.Partition)
	}
	client := azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: authority},
		Transport: o.HTTP,
		Retry:     policy.RetryOptions{MaxRetries: 2, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: 2 * time.Second},
		Telemetry: policy.TelemetryOptions{Disabled: true},
	}
	s := &SignIn{scope: scope}
	var err error
	if o.Tenant == "" {
		managed := azidentity.ManagedIdentityCredentialOptions{ClientOptions: client}
		if o.Client != "" {
			managed.ID = azidentity.ClientID(o.Client)
		}
		s.credential, err = azidentity.NewManagedIdentityCredential(&managed)
	} else {
		if authority == "" {
			return nil, fmt.Errorf("where the identities of partition %s are is not known; write auth.authority", o.Partition)
		}
		// Without discovery nobody but the authority is asked: to ask the public
		// cloud whether it knows the authority would fail in networks apart.
		s.credential, err = azidentity.NewClientSecretCredential(o.Tenant, o.Client, o.Secret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: client, DisableInstanceDiscovery: true})
	}
	if err != nil {
		return nil, fmt.Errorf("sign-in at Azure: %w", err)
	}
	return s, nil
}

// Token gets a token and the instant of its end.
func (s *SignIn) Token(ctx context.Context) (text string, until time.Time, err error) {
	t, err := s.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{s.scope}})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("token of Azure: %w", err)
	}
	return t.Token, t.ExpiresOn, nil
}
