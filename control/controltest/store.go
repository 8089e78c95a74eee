// Package controltest holds what any [control.Store] owes its callers, as a
// suite that an implementation runs in a few lines, and a store in memory that
// the suite holds too, for tests that need one.
//
// Begin with [Store].
package controltest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/control"
	"bulkhead/identity"
)

// Memory is a store that forgets when it is dropped. The zero value is empty.
type Memory struct {
	mu          sync.Mutex
	keys        []identity.Key
	suspensions []catalog.Suspension
	drills      []keptDrill
}

var _ control.Store = (*Memory)(nil)

// InsertKey implements [control.Store].
func (m *Memory) InsertKey(ctx context.Context, key identity.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.keys, func(k identity.Key) bool { return k.ID == key.ID }) {
		return fmt.Errorf("key %s exists", key.ID)
	}
	m.keys = append(m.keys, key)
	return nil
}

// RevokeKey implements [control.Store].
func (m *Memory) RevokeKey(ctx context.Context, id string, at time.Time) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.keys {
		if m.keys[i].ID != id {
			continue
		}
		if m.keys[i].Revoked.IsZero() {
			m.keys[i].Revoked = at
		}
		return true, nil
	}
	return false, nil
}

// ListKeys implements [control.Store].
func (m *Memory) ListKeys(ctx context.Context) ([]identity.Key, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	keys := slices.Clone(m.keys)
	slices.SortFunc(keys, func(a, b identity.Key) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return keys, nil
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, int(7*time.Millisecond), time.UTC)

// key makes a key whose every field differs from that of another n.
func key(n int) identity.Key {
	k := identity.Key{
		ID: fmt.Sprintf("%s%c", strings.Repeat("k", 15), 'a'+n), Workload: fmt.Sprintf("workload-%d", n),
		Note: fmt.Sprintf("note %d: ü, 'quoted', \"twice\"; %%s --", n), Created: noon.Add(time.Duration(n) * time.Hour), Signs: n%2 == 1,
	}
	for i := range k.MAC {
		k.MAC[i] = byte(n*32 + i)
	}
	return k
}

// Store runs the suite on the store that open gives, a new and empty one at
// each time.
func Store(t *testing.T, open func(t *testing.T) control.Store) {
	for _, tt := range []struct {
		name string
		test func(t *testing.T, s control.Store)
	}{
		{"an empty store lists nothing", func(t *testing.T, s control.Store) { wantKeys(t, s) }},
		{"keys come back whole, the oldest first", comeBackWhole},
		{"an id is taken once", takenOnce},
		{"a revocation keeps its first instant", keepsFirstInstant},
		{"what is unknown is not found", unknownNotFound},
		{"a context that is over changes nothing", overChangesNothing},
		{"many at once lose nothing", manyAtOnce},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

func wantKeys(t *testing.T, s control.Store, want ...identity.Key) {
	t.Helper()
	got, err := s.ListKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d keys, want %d", len(got), len(want))
	}
	for i := range want {
		g, w := got[i], want[i]
		if !g.Created.Equal(w.Created) || !g.Expires.Equal(w.Expires) || !g.Revoked.Equal(w.Revoked) {
			t.Errorf("%v: times %v %v %v, want %v %v %v", w, g.Created, g.Expires, g.Revoked, w.Created, w.Expires, w.Revoked)
		}
		if g.Expires.IsZero() != w.Expires.IsZero() || g.Revoked.IsZero() != w.Revoked.IsZero() {
			t.Errorf("%v: never and at some time were mixed up", w)
		}
		if g.ID != w.ID || g.Workload != w.Workload || g.Note != w.Note || g.MAC != w.MAC || g.Signs != w.Signs {
			t.Errorf("got %+v %q, want %+v %q", g, g.Note, w, w.Note)
		}
	}
}

func insert(t *testing.T, s control.Store, keys ...identity.Key) {
	t.Helper()
	for _, k := range keys {
		if err := s.InsertKey(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
}

func comeBackWhole(t *testing.T, s control.Store) {
	never, some, far := key(0), key(1), key(2)
	some.Expires = noon.Add(90 * 24 * time.Hour)
	far.Expires = time.Date(9999, 12, 31, 23, 59, 59, int(999*time.Millisecond), time.UTC)
	insert(t, s, far, never, some)
	wantKeys(t, s, never, some, far)
}

func takenOnce(t *testing.T, s control.Store) {
	first, second := key(0), key(1)
	second.ID = first.ID
	insert(t, s, first)
	if err := s.InsertKey(t.Context(), second); err == nil {
		t.Error("an id was taken twice")
	}
	wantKeys(t, s, first)
}

func keepsFirstInstant(t *testing.T, s control.Store) {
	a, b := key(0), key(1)
	insert(t, s, a, b)
	for i := range 2 {
		if found, err := s.RevokeKey(t.Context(), a.ID, noon.Add(time.Duration(i)*time.Minute)); err != nil || !found {
			t.Fatalf("RevokeKey = %v, %v", found, err)
		}
	}
	a.Revoked = noon
	wantKeys(t, s, a, b)
}

func unknownNotFound(t *testing.T, s control.Store) {
	a := key(0)
	insert(t, s, a)
	for _, id := range []string{"", key(1).ID, "%", a.ID + " ", strings.ToUpper(a.ID), "' OR 1=1 --"} {
		if found, err := s.RevokeKey(t.Context(), id, noon); err != nil || found {
			t.Errorf("RevokeKey(%q) = %v, %v; want not found", id, found, err)
		}
	}
	wantKeys(t, s, a)
}

func overChangesNothing(t *testing.T, s control.Store) {
	a := key(0)
	insert(t, s, a)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.InsertKey(ctx, key(1)); err == nil {
		t.Error("a key was inserted")
	}
	if _, err := s.RevokeKey(ctx, a.ID, noon); err == nil {
		t.Error("a key was revoked")
	}
	if _, err := s.ListKeys(ctx); err == nil {
		t.Error("keys were listed")
	}
	wantKeys(t, s, a)
}

func manyAtOnce(t *testing.T, s control.Store) {
	var wg sync.WaitGroup
	var want []identity.Key
	for n := range 20 {
		k := key(n)
		revoked := k
		revoked.Revoked = noon
		want = append(want, revoked)
		wg.Go(func() {
			if err := s.InsertKey(t.Context(), k); err != nil {
				t.Error(err)
				return
			}
			if _, err := s.ListKeys(t.Context()); err != nil {
				t.Error(err)
			}
			if found, err := s.RevokeKey(t.Context(), k.ID, noon); err != nil || !found {
				t.Errorf("RevokeKey = %v, %v", found, err)
			}
		})
	}
	wg.Wait()
	wantKeys(t, s, want...)
}
