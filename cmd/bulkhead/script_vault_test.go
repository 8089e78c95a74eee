package main

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// vault serves a second place until the story ends.
func vault(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 4, 4, "vault NAME DIR CA TOKEN")
	dir := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(dir, 0o755))
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := filepath.Join(dir, path.Base(r.URL.Path))
		switch {
		case r.Header.Get("Authorization") != "Bearer "+args[3]:
			http.Error(w, "who are you?", http.StatusUnauthorized)
		case r.Method == http.MethodGet:
			http.ServeFile(w, r, name)
		case r.Method == http.MethodPut:
			body, err := io.ReadAll(r.Body)
			if err == nil {
				err = os.WriteFile(name, body, 0o600)
			}
			if err != nil {
				http.Error(w, "not kept", http.StatusInternalServerError)
			}
		}
	}))
	ts.Defer(server.Close)
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), root, 0o600))
	ts.Setenv(args[0], server.URL)
}
