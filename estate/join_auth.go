package estate

import (
	"net/url"
	"slices"
	"strings"

	"bulkhead/catalog"
)

func (a auth) value() catalog.Auth {
	return catalog.Auth{Kind: a.Kind.V, Secret: a.Secret.V, Hosts: words(a.Hosts), AccessKey: a.AccessKey.V, Service: a.Service.V,
		Tenant: a.Tenant.V, Client: a.Client.V, Authority: strings.TrimSuffix(a.Authority.V, "/"), Scope: a.Scope.V}
}

// authKeys are the keys of auth that mean something for a kind, beside kind.
func authKeys(kind string) []string {
	switch kind {
	case "bearer", "api-key", "x-api-key", "x-goog-api-key":
		return []string{"secret"}
	case "aws":
		return []string{"secret", "hosts", "access_key", "service"}
	case "azure":
		return []string{"secret", "hosts", "tenant", "client", "authority", "scope"}
	case "google":
		return []string{"secret", "hosts", "scope"}
	}
	return nil
}

// auth faults what does not go together in how Bulkhead signs in.
func (j *joiner) auth(file string, r row[endpoint]) {
	a := r.Value.Auth
	name := quoted(r.Name)
	for _, k := range []struct {
		key string
		at  at
	}{{"secret", a.Secret.at}, {"hosts", a.Hosts.at}, {"access_key", a.AccessKey.at}, {"service", a.Service.at}, {"tenant", a.Tenant.at},
		{"client", a.Client.at}, {"authority", a.Authority.at}, {"scope", a.Scope.at}} {
		switch {
		case !k.at.written() || a.Kind.V == "" || slices.Contains(authKeys(a.Kind.V), k.key):
		case k.key == "secret":
			j.fault(spot{file, k.at}, Impossible, "remove the secret, or write kind: bearer or api-key", "auth of endpoint %s has a secret that nothing sends", name)
		default:
			j.fault(spot{file, k.at}, Impossible, "remove it", "%s means nothing in auth of kind %s", k.key, a.Kind.V)
		}
	}
	needs := len(authKeys(a.Kind.V)) == 1 || a.AccessKey.written() || a.Tenant.written()
	if needs && !a.Secret.written() {
		j.fault(spot{file, a.at}, MissingKey, "add secret: \"env:NAME\" or \"file:PATH\"", "auth of endpoint %s has no secret", name)
	}
	missing := func(key, hint string) {
		j.fault(spot{file, a.at}, MissingKey, hint, "auth of endpoint %s has no %s", name, key)
	}
	switch a.Kind.V {
	case "aws":
		if a.Secret.written() && !a.AccessKey.written() {
			missing("access_key", "add access_key, the id whose secret it is, or remove the secret for the default credential chain")
		}
	case "azure":
		j.entra(file, r, missing)
	case "google":
		if len(a.Hosts.Items) == 0 {
			missing("hosts", "add hosts: [169.254.169.254] for the metadata server, or [oauth2.googleapis.com] for a credentials file")
		}
	}
	j.signInHosts(file, a)
}

// entra faults what does not go together in a sign-in at Microsoft Entra.
func (j *joiner) entra(file string, r row[endpoint], missing func(key, hint string)) {
	a, place := r.Value.Auth, r.Value.Partition.V
	authority := a.Authority.V
	switch place {
	case "AzureCloud":
		authority = or(authority, "https://login.microsoftonline.com")
	case "AzureUSGovernment":
		authority = or(authority, "https://login.microsoftonline.us")
	default:
		if !a.Scope.written() {
			missing("scope", "add scope, what tokens are asked for; it is known for AzureCloud and AzureUSGovernment alone")
		}
		if a.Tenant.written() && authority == "" {
			missing("authority", "add authority, the URL of the identity provider; it is known for AzureCloud and AzureUSGovernment alone")
		}
	}
	switch {
	case a.Tenant.written() && !a.Client.written():
		missing("client", "add client, the id of the application")
	case a.Secret.written() && !a.Tenant.written():
		missing("tenant", "add tenant and client, or remove the secret for a managed identity")
	}
	if strings.HasPrefix(a.Authority.V, "http://") {
		j.fault(spot{file, a.Authority.at}, Impossible, "write https://", "an identity provider is asked over TLS alone")
	}
	want := "169.254.169.254"
	if u, err := url.Parse(authority); a.Tenant.written() && err == nil && u.Hostname() != "" {
		want = u.Hostname()
		if len(a.Hosts.Items) > 0 && !slices.Contains(words(a.Hosts), want) {
			j.fault(spot{file, a.Hosts.at}, Impossible, "add "+want, "sign-in asks %s, which hosts does not name", quoted(want))
		}
	}
	if len(a.Hosts.Items) == 0 {
		missing("hosts", "add hosts: ["+want+"], which sign-in asks")
	}
}

// signInHosts faults hosts of another domain, as far as the table knows them.
func (j *joiner) signInHosts(file string, a auth) {
	for _, t := range a.Hosts.Items {
		for _, h := range j.tables.hostsOf(t.V) {
			if h.partition.Domain != "" && j.domain() != "" && h.partition.Domain != j.domain() {
				j.fault(spot{file, t.at}, OtherDomain, "remove it", "the host is of partition %s, in another domain", quoted(h.partition.Name))
			}
		}
	}
}
