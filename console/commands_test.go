package console_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"bulkhead/console"
	"bulkhead/control"
	"bulkhead/control/controltest"
	"bulkhead/identity"
)

type desk struct {
	http.Handler
	ring  *identity.Keyring
	store *brittle
}

// brittle is a store whose inserts can be made to fail.
type brittle struct {
	controltest.Memory
	err error
}

func (b *brittle) InsertKey(ctx context.Context, k identity.Key) error {
	if b.err != nil {
		return b.err
	}
	return b.Memory.InsertKey(ctx, k)
}

func newDesk(t *testing.T) desk {
	t.Helper()
	ring, store := identity.NewKeyring(bytes.Repeat([]byte{7}, 32)), &brittle{}
	c, err := control.New(t.Context(), control.Options{
		Store: store, Keys: ring, Workloads: func() []string { return []string{"letters"} },
		Reload: func(_ context.Context, _ control.By, accept func(string) error) (string, string, error) {
			if err := accept("sha256:22"); err != nil {
				return "sha256:11", "", err
			}
			return "sha256:11", "sha256:22", nil
		},
		Status: func() control.Status { return control.Status{Version: "v1", PID: 7} },
	})
	if err != nil {
		t.Fatal(err)
	}
	return desk{console.Commands(c), ring, store}
}

func (d desk) do(t *testing.T, method, path, body string, into any) int {
	t.Helper()
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
	if err := json.Unmarshal(w.Body.Bytes(), into, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("%s %s: %d %s: %v", method, path, w.Code, w.Body, err)
	}
	return w.Code
}

func TestCommands_MakeListAndRevokeKeys(t *testing.T) {
	d := newDesk(t)
	var made console.MadeKey
	if status := d.do(t, "POST", "/keys", `{"workload":"letters","note":"mail room"}`, &made); status != 201 {
		t.Fatalf("status %d", status)
	}
	p, err := d.ring.Identify(identity.Credential(made.Key), time.Now())
	if err != nil || p.Key != made.ID {
		t.Fatalf("Identify = %+v, %v; made %q", p, err, made.ID)
	}
	until := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	var second, third console.MadeKey
	d.do(t, "POST", "/keys", `{"workload":"letters","expires":"`+until.Format(time.RFC3339)+`"}`, &second)
	d.do(t, "POST", "/keys", `{"workload":"letters","expires":"never"}`, &third)
	var revoked console.RevokedKey
	if status := d.do(t, "POST", "/keys/"+made.ID+"/revoke", "", &revoked); status != 200 || revoked.ID != made.ID {
		t.Errorf("revoke: %d %+v", status, revoked)
	}
	if _, err := d.ring.Identify(identity.Credential(made.Key), time.Now()); err == nil {
		t.Error("the key holds after it was revoked")
	}
	var all console.Keys
	d.do(t, "GET", "/keys", "", &all)
	rows := map[string]console.KeyRow{}
	for _, r := range all.Keys {
		rows[r.ID] = r
	}
	if r := rows[made.ID]; r.State != "revoked" || r.Revoked == nil || r.Note != "mail room" || r.Workload != "letters" {
		t.Errorf("first: %+v", r)
	}
	if days := rows[made.ID].Expires.Sub(rows[made.ID].Created).Hours() / 24; days != 90 {
		t.Errorf("it was made for %v days, want 90", days)
	}
	if r := rows[second.ID]; r.State != "active" || r.Expires == nil || !r.Expires.Equal(until) || r.Revoked != nil {
		t.Errorf("second: %+v", r)
	}
	if r := rows[third.ID]; r.State != "active" || r.Expires != nil {
		t.Errorf("third: %+v", r)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest("GET", "/keys", nil))
	for _, secret := range []string{made.Key[20:], second.Key[20:], third.Key[20:], "mac", "MAC"} {
		if strings.Contains(w.Body.String(), secret) {
			t.Errorf("the list holds %q", secret)
		}
	}
}

func TestCommands_MakeAccessKeys(t *testing.T) {
	d := newDesk(t)
	var refused console.Failure
	if status := d.do(t, "POST", "/keys", `{"workload":"letters","kind":"gold"}`, &refused); status != 400 || refused.Error.Field != "kind" {
		t.Errorf("an unknown kind: %d %+v", status, refused)
	}
	if status := d.do(t, "POST", "/keys", `{"workload":"letters","kind":"aws"}`, &refused); status != 503 {
		t.Errorf("without a store key: %d %+v", status, refused)
	}
	d.ring.UseStoreKey(make([]byte, identity.StoreKeyBytes))
	var made console.MadeKey
	if status := d.do(t, "POST", "/keys", `{"workload":"letters","kind":"aws"}`, &made); status != 201 {
		t.Fatalf("status %d", status)
	}
	if id, ok := identity.ParseAccessKeyID(made.AccessKeyID); !ok || id != made.ID || made.Key != "" || len(made.SecretAccessKey) != 40 {
		t.Errorf("made %+v", made)
	}
	var all console.Keys
	if d.do(t, "GET", "/keys", "", &all); len(all.Keys) != 1 || all.Keys[0].Kind != "aws" || all.Keys[0].ID != made.ID {
		t.Errorf("listed %+v", all)
	}
}

func TestCommands_ReloadAndStatus(t *testing.T) {
	d := newDesk(t)
	var got console.Reloaded
	for _, body := range []string{`{}`, `{"digest":"sha256:22"}`} {
		if status := d.do(t, "POST", "/reload", body, &got); status != 200 || got != (console.Reloaded{Old: "sha256:11", New: "sha256:22"}) {
			t.Errorf("%s: %d %+v", body, status, got)
		}
	}
	var s control.Status
	if status := d.do(t, "GET", "/status", "", &s); status != 200 || s.Version != "v1" || s.PID != 7 {
		t.Errorf("status: %d %+v", status, s)
	}
}

func TestCommands_RefuseInOneShape(t *testing.T) {
	d := newDesk(t)
	d.store.err = errors.New("disk full")
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		code, say                string
	}{
		{"unknown workload", "POST", "/keys", `{"workload":"leters"}`, 422, "unknown_workload", "It has: letters."},
		{"no body", "POST", "/keys", ``, 400, "malformed", "cannot be read"},
		{"not JSON", "POST", "/keys", `workload=letters`, 400, "malformed", "cannot be read"},
		{"unknown field", "POST", "/keys", `{"workload":"letters","ttl":"90d"}`, 400, "malformed", "same version"},
		{"field twice", "POST", "/keys", `{"workload":"letters","workload":"other"}`, 400, "malformed", "cannot be read"},
		{"bad instant", "POST", "/keys", `{"workload":"letters","expires":"90d"}`, 400, "malformed", "2027-01-31T00:00:00Z"},
		{"the zero instant is not never", "POST", "/keys", `{"workload":"letters","expires":"0001-01-01T00:00:00Z"}`, 400, "malformed", "never"},
		{"in the past", "POST", "/keys", `{"workload":"letters","expires":"2020-01-01T00:00:00Z"}`, 400, "malformed", "expired already"},
		{"large", "POST", "/keys", `{"note":"` + strings.Repeat("x", 65<<10) + `"}`, 413, "too_large", "65536"},
		{"store fails", "POST", "/keys", `{"workload":"letters"}`, 503, "store_unavailable", "No key was made"},
		{"unknown key", "POST", "/keys/aaaaaaaaaaaaaaaa/revoke", ``, 404, "no_such_key", "key list"},
		{"other digest", "POST", "/reload", `{"digest":"sha256:33"}`, 409, "digest_differs", "sha256:22"},
		{"wrong method on keys", "DELETE", "/keys", ``, 405, "method_not_allowed", "Use GET, POST"},
		{"wrong method on revoke", "GET", "/keys/aaaaaaaaaaaaaaaa/revoke", ``, 405, "method_not_allowed", "Use POST"},
		{"reload by GET", "GET", "/reload", ``, 405, "method_not_allowed", "Use POST"},
		{"unknown route", "GET", "/nothing", ``, 404, "no_such_route", "same version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var f console.Failure
			status := d.do(t, tt.method, tt.path, tt.body, &f)
			if status != tt.status || string(f.Error.Code) != tt.code || !strings.Contains(f.Error.Message, tt.say) {
				t.Errorf("got %d %+v; want %d %s that says %q", status, f.Error, tt.status, tt.code, tt.say)
			}
		})
	}
	if n := len(d.ring.List()); n != 0 {
		t.Errorf("%d keys were made", n)
	}
	var f console.Failure
	if d.do(t, "POST", "/keys", `{"workload":"letters"}`, &f); f.Error.Cause != "disk full" {
		t.Errorf("the operator is not told the cause: %+v", f)
	}
}
