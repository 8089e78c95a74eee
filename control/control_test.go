package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkhead/control"
	"bulkhead/control/controltest"
	"bulkhead/fault"
	"bulkhead/identity"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)

// house is a controller with all that stands around it.
type house struct {
	*control.Controller
	store   *failing
	ring    *identity.Keyring
	clock   time.Time
	changes []control.Change
}

// failing is a store that can be told to fail.
type failing struct {
	controltest.Memory
	err  error
	lift error // of suspensions
}

func (f *failing) InsertKey(ctx context.Context, k identity.Key) error {
	if f.err != nil {
		return f.err
	}
	return f.Memory.InsertKey(ctx, k)
}

func (f *failing) RevokeKey(ctx context.Context, id string, at time.Time) (bool, error) {
	if f.err != nil {
		return false, f.err
	}
	return f.Memory.RevokeKey(ctx, id, at)
}

func (f *failing) ListKeys(ctx context.Context) ([]identity.Key, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.Memory.ListKeys(ctx)
}

func newHouse(t *testing.T, edit func(*control.Options)) *house {
	t.Helper()
	h := &house{store: &failing{}, ring: identity.NewKeyring(bytes.Repeat([]byte{7}, 32)), clock: noon}
	o := control.Options{
		Store: h.store, Keys: h.ring, Workloads: func() []string { return []string{"zebra", "letters"} },
		Now:  func() time.Time { return h.clock },
		Told: func(_ context.Context, c control.Change) { h.changes = append(h.changes, c) },
	}
	if edit != nil {
		edit(&o)
	}
	c, err := control.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	h.Controller = c
	return h
}

func (h *house) lets(text string) bool {
	_, err := h.ring.Identify(identity.Credential(text), h.clock)
	return err == nil
}

func wantKind(t *testing.T, err error, kind fault.Kind, say string) {
	t.Helper()
	var f *fault.Fault
	if !errors.As(err, &f) || f.Kind != kind || !strings.Contains(f.Message, say) {
		t.Errorf("got %v; want kind %s that says %q", err, kind, say)
	}
}

func TestCreateKey_HoldsAtOnceAndIsStored(t *testing.T) {
	h := newHouse(t, nil)
	text, id, err := h.CreateKey(t.Context(), control.By{}, "letters", "for the mail room", nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.ring.Identify(identity.Credential(text), h.clock)
	if err != nil || p.Workload != "letters" || p.Key != id {
		t.Errorf("Identify = %+v, %v", p, err)
	}
	keys, err := h.ListKeys(t.Context())
	if err != nil || len(keys) != 1 || keys[0].ID != id || keys[0].Note != "for the mail room" {
		t.Fatalf("ListKeys = %v, %v", keys, err)
	}
	ms := noon.Truncate(time.Millisecond)
	if !keys[0].Created.Equal(ms) || !keys[0].Expires.Equal(ms.Add(90*24*time.Hour)) {
		t.Errorf("created %v, expires %v; want 90 days from %v", keys[0].Created, keys[0].Expires, ms)
	}
	h.clock = keys[0].Expires
	if h.lets(text) {
		t.Error("the key holds at the instant of its expiry")
	}
}

func TestCreateKey_TakesAnInstantOrNever(t *testing.T) {
	h := newHouse(t, nil)
	text, _, err := h.CreateKey(t.Context(), control.By{}, "letters", "", control.At(time.Time{}))
	if err != nil {
		t.Fatal(err)
	}
	until := noon.Add(time.Hour)
	if _, _, err = h.CreateKey(t.Context(), control.By{}, "letters", "", control.At(until)); err != nil {
		t.Fatal(err)
	}
	keys, _ := h.ListKeys(t.Context())
	if !slices.ContainsFunc(keys, func(k identity.Key) bool { return k.Expires.Equal(until.Truncate(time.Millisecond)) }) {
		t.Errorf("%v: none expires at %v", keys, until)
	}
	h.clock = noon.AddDate(500, 0, 0)
	if !h.lets(text) {
		t.Error("a key that never expires has expired")
	}
}

func TestCreateKey_RefusesAndLeavesNothing(t *testing.T) {
	h := newHouse(t, nil)
	for name, tt := range map[string]struct {
		workload, note string
		until          control.Until
		kind           fault.Kind
		say            string
	}{
		"unknown workload": {"leters", "", nil, control.UnknownWorkload, `no workload "leters". It has: letters, zebra.`},
		"no workload":      {"", "", nil, control.UnknownWorkload, "letters, zebra"},
		"long note":        {"letters", strings.Repeat("x", 201), nil, fault.Malformed, "200 bytes"},
		"note with escape": {"letters", "a\x1b[2J", nil, fault.Malformed, "printable"},
		"note of lines":    {"letters", "a\nb", nil, fault.Malformed, "one line"},
		"note not UTF-8":   {"letters", "a\xff", nil, fault.Malformed, "printable"},
		"in the past":      {"letters", "", control.For(-time.Hour), fault.Malformed, "expired already"},
		"too short":        {"letters", "", control.For(time.Nanosecond), fault.Malformed, "expired already"},
	} {
		t.Run(name, func(t *testing.T) {
			text, id, err := h.CreateKey(t.Context(), control.By{}, tt.workload, tt.note, tt.until)
			wantKind(t, err, tt.kind, tt.say)
			if text != "" || id != "" || len(h.ring.List()) != 0 {
				t.Errorf("something was made: %q, %v", id, h.ring.List())
			}
		})
	}
	_, _, err := h.CreateKey(t.Context(), control.By{}, "letters", "", control.At(noon.Add(-time.Second)))
	wantKind(t, err, fault.Malformed, "expired already, at 2026-11-23T11:59:59Z")
	_, _, err = h.CreateKey(t.Context(), control.By{}, "letters", "", control.At(noon.AddDate(9000, 0, 0)))
	wantKind(t, err, fault.Malformed, "never")
	if keys, _ := h.store.ListKeys(t.Context()); len(keys) != 0 {
		t.Errorf("stored: %v", keys)
	}
	empty := newHouse(t, func(o *control.Options) { o.Workloads = func() []string { return nil } })
	_, _, err = empty.CreateKey(t.Context(), control.By{}, "letters", "", nil)
	wantKind(t, err, control.UnknownWorkload, "It has none.")
}

func TestRevokeKey_HoldsFromTheNextCall(t *testing.T) {
	h := newHouse(t, nil)
	text, id, _ := h.CreateKey(t.Context(), control.By{}, "letters", "", nil)
	other, _, _ := h.CreateKey(t.Context(), control.By{}, "letters", "", nil)
	for range 2 {
		if err := h.RevokeKey(t.Context(), control.By{}, id); err != nil {
			t.Fatal(err)
		}
		if h.lets(text) || !h.lets(other) {
			t.Error("not this key, or not only this key, was revoked")
		}
		h.clock = h.clock.Add(time.Hour)
	}
	keys, _ := h.ListKeys(t.Context())
	if i := slices.IndexFunc(keys, func(k identity.Key) bool { return k.ID == id }); !keys[i].Revoked.Equal(noon.Truncate(time.Millisecond)) {
		t.Errorf("stored as revoked at %v, want the first instant", keys[i].Revoked)
	}
	wantKind(t, h.RevokeKey(t.Context(), control.By{}, "aaaaaaaaaaaaaaaa"), control.NoSuchKey, "key list")
	// Someone may paste the whole key; it must not come back in the message.
	err := h.RevokeKey(t.Context(), control.By{}, other)
	wantKind(t, err, control.NoSuchKey, "between the two underscores")
	if strings.Contains(err.Error(), other) {
		t.Error("the refusal repeats the key")
	}
}

func TestChanges_AreNotMadeWhenTheStoreFails(t *testing.T) {
	h := newHouse(t, nil)
	text, id, _ := h.CreateKey(t.Context(), control.By{}, "letters", "", nil)
	h.store.err = errors.New("disk full")

	lost, _, err := h.CreateKey(t.Context(), control.By{}, "letters", "", nil)
	wantKind(t, err, fault.StoreUnavailable, "No key was made")
	if !errors.Is(err, h.store.err) || lost != "" || len(h.ring.List()) != 1 {
		t.Errorf("CreateKey = %q, %v; ring %v", lost, err, h.ring.List())
	}
	err = h.RevokeKey(t.Context(), control.By{}, id)
	wantKind(t, err, fault.StoreUnavailable, "NOT revoked")
	if !h.lets(text) {
		t.Error("the running process revoked what the store did not")
	}
	_, err = h.ListKeys(t.Context())
	wantKind(t, err, fault.StoreUnavailable, "could not be read")
}

func TestChanges_AreFinishedThoughTheCallerWentAway(t *testing.T) {
	h := newHouse(t, nil)
	text, id, _ := h.CreateKey(t.Context(), control.By{}, "letters", "", nil)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.RevokeKey(gone, control.By{}, id); err != nil || h.lets(text) {
		t.Errorf("RevokeKey = %v; the key holds: %v", err, h.lets(text))
	}
}

func TestNew_FillsTheKeyringFromTheStore(t *testing.T) {
	h := newHouse(t, nil)
	text, _, _ := h.CreateKey(t.Context(), control.By{}, "letters", "", nil)
	revokedText, revokedID, _ := h.CreateKey(t.Context(), control.By{}, "letters", "", nil)
	if err := h.RevokeKey(t.Context(), control.By{}, revokedID); err != nil {
		t.Fatal(err)
	}
	later := &house{ring: identity.NewKeyring(bytes.Repeat([]byte{7}, 32)), clock: noon}
	later.ring.Put(identity.Key{ID: "left over"})
	if _, err := control.New(t.Context(), control.Options{Store: h.store, Keys: later.ring}); err != nil {
		t.Fatal(err)
	}
	if !later.lets(text) || later.lets(revokedText) || len(later.ring.List()) != 2 {
		t.Errorf("after a restart: %v", later.ring.List())
	}
	h.store.err = io.ErrUnexpectedEOF
	if _, err := control.New(t.Context(), control.Options{Store: h.store, Keys: later.ring}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("New = %v", err)
	}
}

// Store and keyring must end alike whatever the order of many changes.
func TestChanges_KeepStoreAndKeyringAlike(t *testing.T) {
	h := newHouse(t, func(o *control.Options) { o.Told = nil })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 20 {
				if _, _, err := h.CreateKey(t.Context(), control.By{}, "letters", "", nil); err != nil {
					t.Error(err)
				}
				keys, err := h.ListKeys(t.Context())
				if err != nil || len(keys) == 0 {
					t.Errorf("ListKeys = %v, %v", keys, err)
					return
				}
				if err := h.RevokeKey(t.Context(), control.By{}, keys[(i*7)%len(keys)].ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	stored, _ := h.ListKeys(t.Context())
	if ring := h.ring.List(); !slices.Equal(stored, ring) || len(ring) != 160 {
		t.Errorf("%d keys on the ring and %d in the store differ", len(ring), len(stored))
	}
}

// estate pretends to be a loader: it knows what lies on disk and what is in force.
type estate struct {
	inForce, onDisk string
	broken          error
}

func (e *estate) reload(_ context.Context, _ control.By, accept func(string) error) (string, string, error) {
	if e.broken != nil {
		return e.inForce, "", e.broken
	}
	if err := accept(e.onDisk); err != nil {
		return e.inForce, "", err
	}
	old := e.inForce
	e.inForce = e.onDisk
	return old, e.inForce, nil
}

func TestReload_PutsOnlyTheWantedEstateInForce(t *testing.T) {
	for name, tt := range map[string]struct {
		want   string
		broken error
		kind   fault.Kind // empty: it is in force after
		say    string
	}{
		"any":                {want: ""},
		"the one on disk":    {want: "sha256:22"},
		"without its prefix": {want: "22"},
		"another":            {want: "sha256:33", kind: control.DigestDiffers, say: "sha256:22, not sha256:33"},
		"a part of it":       {want: "sha256:2", kind: control.DigestDiffers},
		"a broken one":       {broken: errors.New("clouds/aws.yaml:3:5: no such model"), kind: control.EstateRefused, say: "clouds/aws.yaml:3:5: no such model"},
		"a fault of its own": {broken: fmt.Errorf("load: %w", fault.New(fault.StoreUnavailable, "no disk")), kind: fault.StoreUnavailable, say: "no disk"},
	} {
		t.Run(name, func(t *testing.T) {
			e := &estate{inForce: "sha256:11", onDisk: "sha256:22", broken: tt.broken}
			h := newHouse(t, func(o *control.Options) { o.Reload = e.reload })
			from, to, err := h.Reload(t.Context(), control.By{}, tt.want)
			if tt.kind == "" {
				if err != nil || from != "sha256:11" || to != "sha256:22" || e.inForce != to {
					t.Errorf("Reload = %q, %q, %v; in force %q", from, to, err, e.inForce)
				}
			} else {
				wantKind(t, err, tt.kind, tt.say)
				if from != "sha256:11" || to != "sha256:11" || e.inForce != "sha256:11" {
					t.Errorf("Reload = %q, %q; in force %q, want the old one", from, to, e.inForce)
				}
			}
			if len(h.changes) != 1 || h.changes[0].What != "estate_reload" || (h.changes[0].Err == nil) != (tt.kind == "") {
				t.Errorf("told %+v", h.changes)
			}
		})
	}
	_, _, err := newHouse(t, nil).Reload(t.Context(), control.By{}, "")
	wantKind(t, err, control.NotServing, "No server runs")
}

func TestTold_HearsOfEveryChangeAndOfNoSecret(t *testing.T) {
	h := newHouse(t, nil)
	text, id, _ := h.CreateKey(t.Context(), control.By{}, "letters", "", nil)
	h.CreateKey(t.Context(), control.By{}, "nobody", "", nil)
	h.RevokeKey(t.Context(), control.By{}, id)
	h.RevokeKey(t.Context(), control.By{}, text)
	var got []string
	for _, c := range h.changes {
		got = append(got, fmt.Sprint(c.What, " ", c.Key == id, " ", c.Workload, " ", c.Err == nil))
	}
	want := []string{"key_create true letters true", "key_create false nobody false", "key_revoke true  true", "key_revoke false  false"}
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	if all := fmt.Sprintf("%+v %v", h.changes, h.ring.List()); strings.Contains(all, text[20:]) {
		t.Error("a change holds the secret")
	}
}

func TestStatus_CountsEachKeyOnce(t *testing.T) {
	h := newHouse(t, func(o *control.Options) {
		o.Status = func() control.Status { return control.Status{Version: "v1", Estate: "sha256:11", PID: 7} }
	})
	h.CreateKey(t.Context(), control.By{}, "letters", "", control.For(time.Hour))
	h.CreateKey(t.Context(), control.By{}, "letters", "", control.For(3*time.Hour))
	h.CreateKey(t.Context(), control.By{}, "letters", "", control.At(time.Time{}))
	_, id, _ := h.CreateKey(t.Context(), control.By{}, "letters", "", control.For(time.Hour))
	h.RevokeKey(t.Context(), control.By{}, id)
	h.clock = noon.Add(2 * time.Hour)
	got := h.Status(t.Context())
	if got.Keys != (control.KeyCount{Active: 2, Expired: 1, Revoked: 1}) || got.Version != "v1" || got.PID != 7 || got.Estate != "sha256:11" {
		t.Errorf("Status = %+v", got)
	}
}
