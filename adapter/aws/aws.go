// Package aws signs Bulkhead in at AWS: it signs requests with Signature
// Version 4, by an access key of the estate or by whatever the default
// credential chain of the AWS SDK finds (environment, shared files, web
// identity, container and instance roles).
//
// It is not where requests are sent: package egress sends them, and hands in the
// client through which the chain may ask the hosts that the estate names. It is
// the only package that knows aws-sdk-go-v2, of which it uses the signer and the
// chain, not the service clients. Begin with [New].
package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/smithy-go/logging"

	"bulkhead/wire"
)

// DefaultService is the name that requests to Bedrock are signed for.
const DefaultService = "bedrock"

// shortestSecret is the least that FIPS mode takes for a key of HMAC, 112 bits,
// without the four bytes that the scheme puts before it. Real ones have 40.
const shortestSecret = 10

// Options say how to sign.
type Options struct {
	Region  string
	Service string // empty: DefaultService
	FIPS    bool   // the chain asks FIPS endpoints

	AccessKey, Secret string // both empty: the default chain

	Client *http.Client // what the chain asks through; needed for it
	Now    func() time.Time
}

// Signer signs requests. Its methods may be used at once from many goroutines.
type Signer struct {
	credentials sdk.CredentialsProvider
	signer      *v4.Signer
	region      string
	service     string
	now         func() time.Time
}

// New makes a signer. It reads the environment and shared files where the chain
// is used, and asks nobody: that is done when the first request is signed.
func New(ctx context.Context, o Options) (*Signer, error) {
	s := &Signer{signer: v4.NewSigner(), region: o.Region, service: o.Service, now: o.Now}
	if s.service == "" {
		s.service = DefaultService
	}
	if s.now == nil {
		s.now = time.Now
	}
	if o.AccessKey != "" {
		fixed := sdk.Credentials{AccessKeyID: o.AccessKey, SecretAccessKey: o.Secret, Source: "estate"}
		s.credentials = sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) { return fixed, nil })
		return s, usable(fixed)
	}
	if o.Client == nil {
		return nil, errors.New("the default credential chain of AWS needs a client")
	}
	fips := sdk.FIPSEndpointStateUnset
	if o.FIPS {
		fips = sdk.FIPSEndpointStateEnabled
	}
	c, err := config.LoadDefaultConfig(ctx, config.WithRegion(o.Region), config.WithHTTPClient(o.Client),
		config.WithUseFIPSEndpoint(fips), config.WithRetryMaxAttempts(2), config.WithLogger(logging.Nop{}),
		// Of all providers only the one of containers does not take the client of the others.
		config.WithEndpointCredentialOptions(func(p *endpointcreds.Options) { p.HTTPClient = o.Client }))
	if err != nil {
		return nil, fmt.Errorf("the default credential chain of AWS: %w", err)
	}
	for _, source := range c.ConfigSources {
		if profile, ok := source.(config.SharedConfig); ok && runs(&profile) {
			return nil, errors.New("the profile of AWS runs a command (credential_process), which could ask anybody; use another source of credentials")
		}
	}
	s.credentials = c.Credentials
	return s, nil
}

// runs reports whether a profile gets its credentials from a command.
func runs(p *config.SharedConfig) bool {
	return p != nil && (p.CredentialProcess != "" || runs(p.Source))
}

// usable refuses credentials that cannot sign.
func usable(c sdk.Credentials) error {
	if len(c.SecretAccessKey) < shortestSecret {
		return errors.New("the secret access key is too short to be one of AWS")
	}
	return nil
}

// Sign gives the header fields that sign a POST of a JSON body to target.
func (s *Signer) Sign(ctx context.Context, target string, body wire.Splice) ([][2]string, error) {
	c, err := s.credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("credentials of AWS: %w", err)
	}
	if err := usable(c); err != nil {
		return nil, err
	}
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	if _, err := body.WriteTo(h); err != nil {
		return nil, err
	}
	sum := hex.EncodeToString(h.Sum(nil))
	r := &http.Request{Method: http.MethodPost, URL: u, Host: u.Host, Header: http.Header{
		"Content-Type":         {"application/json"},
		"X-Amz-Content-Sha256": {sum},
	}}
	if err := s.signer.SignHTTP(ctx, c, r, sum, s.service, s.region, s.now()); err != nil {
		return nil, fmt.Errorf("sign for AWS: %w", err)
	}
	fields := make([][2]string, 0, 4)
	for _, name := range [...]string{"Authorization", "X-Amz-Date", "X-Amz-Content-Sha256", "X-Amz-Security-Token"} {
		if v := r.Header.Get(name); v != "" {
			fields = append(fields, [2]string{name, v})
		}
	}
	return fields, nil
}
