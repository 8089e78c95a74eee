package ingress

import (
	"net/http"
	"strings"

	"bulkhead/fault"
	"bulkhead/identity"
)

// signed finds the AWS signature of a request; nil: it has none. One beside a
// key is as good as none.
func signed(r *http.Request, beside identity.Credential) (*identity.Signed, error) {
	found := false
	for _, v := range r.Header["Authorization"] {
		found = found || strings.HasPrefix(v, "AWS4-")
	}
	if !found {
		return nil, nil
	}
	if beside != "" {
		return nil, fault.New(fault.Unauthenticated, "The request carries a key and is signed too; do one.").Final()
	}
	// As it was sent: EscapedPath may write it in another way.
	path, query, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(path, "/") { // absolute form, RFC 9112, section 3.2.2
		path, query = r.URL.EscapedPath(), r.URL.RawQuery
	}
	return identity.ParseSigned(identity.SignedRequest{Method: r.Method, Path: path, Query: query, Host: r.Host, Header: r.Header})
}
