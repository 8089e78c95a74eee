package egress_test

import (
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bulkhead/adapter/aws"
	"bulkhead/catalog"
	"bulkhead/egress"
	"bulkhead/identity"
	"bulkhead/wire"
)

func TestSigner_WhatAWSIsSentVerifies(t *testing.T) {
	const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	for _, version := range []int{1, 2} {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			path, query, _ := strings.Cut(r.RequestURI, "?")
			s, err := identity.ParseSigned(identity.SignedRequest{Method: r.Method, Path: path, Query: query, Host: r.Host, Header: r.Header})
			if sum := sha256.Sum256(b); err != nil || s.CheckTime(time.Now()) != nil || !s.MatchesBody(sum) || !s.Verify(secret, sum) {
				http.Error(w, "not signed", http.StatusForbidden)
			}
		}))
		var p http.Protocols
		p.SetHTTP1(true)
		p.SetUnencryptedHTTP2(true)
		server.Config.Protocols = &p
		server.Start()
		defer server.Close()
		s, err := aws.New(t.Context(), aws.Options{Region: "us-gov-west-1", AccessKey: "AKIDEXAMPLE", Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		d := signed(t, &catalog.Endpoint{Name: "e", URL: server.URL, HTTP: version, Auth: catalog.Auth{Kind: "aws"}}, s)
		for _, size := range []int{10, 100 << 10} { // one write, and several
			body := wire.Splice{Body: []byte(`{"a":"` + strings.Repeat("x", size) + `"}`), Edits: []wire.Edit{{Span: wire.Span{Start: 1, End: 1}, With: []byte(`"b":1,`)}}}
			r, err := d.Send(t.Context(), &egress.Request{Target: "/model/a%2Fb%3A0/converse-stream?x=%2F", Accept: "*/*", Header: [][2]string{{"X-Id", "1"}}, Body: body})
			if err != nil {
				t.Fatal(err)
			}
			said, _ := io.ReadAll(r.Body)
			r.Body.Close()
			if r.Status != 200 {
				t.Errorf("HTTP/%d, %d bytes: %d %s", version, size, r.Status, said)
			}
		}
	}
}
