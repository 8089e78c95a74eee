package controltest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/control"
)

var _ control.Suspensions = (*Memory)(nil)

// InsertSuspension implements [control.Suspensions].
func (m *Memory) InsertSuspension(ctx context.Context, s catalog.Suspension) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.suspensions, func(o catalog.Suspension) bool { return o.ID == s.ID }) {
		return fmt.Errorf("suspension %s exists", s.ID)
	}
	m.suspensions = append(m.suspensions, s)
	return nil
}

// LiftSuspension implements [control.Suspensions].
func (m *Memory) LiftSuspension(ctx context.Context, id string, at time.Time, by string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.suspensions {
		if s := &m.suspensions[i]; s.ID == id {
			if s.Lifted.IsZero() {
				s.Lifted, s.LiftedBy = at, by
			}
			return true, nil
		}
	}
	return false, nil
}

// ListSuspensions implements [control.Suspensions].
func (m *Memory) ListSuspensions(ctx context.Context) ([]catalog.Suspension, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.Clone(m.suspensions)
	slices.SortFunc(all, func(a, b catalog.Suspension) int {
		if c := a.Ordered.Compare(b.Ordered); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

// suspension makes one whose every field differs from that of another n.
func suspension(n int) catalog.Suspension {
	s := catalog.Suspension{
		ID: fmt.Sprintf("sus-%04d", n), What: catalog.Selector{Kind: "vendor", Name: fmt.Sprintf("vendor-%d", n)},
		Reason: fmt.Sprintf("reason %d: ü, 'quoted'; --", n), Document: fmt.Sprintf("D-%d", n), Cut: n%2 == 1,
		From: noon.Add(time.Duration(n) * time.Minute), Ordered: noon.Add(time.Duration(n) * time.Second), By: fmt.Sprintf("uid %d by socket", n),
	}
	if n%3 == 1 {
		s.Exempt, s.Approver, s.Until = []string{"letters", "desk"}[:1+n%2], "CIO", noon.Add(time.Hour)
	}
	if n%4 == 2 {
		s.Drill, s.Only, s.Ends = "drl-a", []string{"desk", "letters"}[:1+n%4/3], noon.Add(2*time.Hour)
	}
	return s
}

// Suspensions runs the suite on the store that open gives, a new and empty one
// at each time.
func Suspensions(t *testing.T, open func(t *testing.T) control.Suspensions) {
	for _, tt := range []struct {
		name string
		test func(t *testing.T, s control.Suspensions)
	}{
		{"an empty store has no suspensions", func(t *testing.T, s control.Suspensions) { wantSuspensions(t, s) }},
		{"suspensions come back whole, the oldest first", suspensionsComeBack},
		{"the end of a suspension keeps its first instant", liftKeepsFirst},
		{"a context that is over suspends nothing", overSuspendsNothing},
		{"many suspensions at once lose nothing", manySuspensions},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

func wantSuspensions(t *testing.T, s control.Suspensions, want ...catalog.Suspension) {
	t.Helper()
	got, err := s.ListSuspensions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func suspensionsComeBack(t *testing.T, s control.Suspensions) {
	for _, n := range []int{4, 0, 3, 1, 2} {
		if err := s.InsertSuspension(t.Context(), suspension(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.InsertSuspension(t.Context(), suspension(2)); err == nil {
		t.Error("an id was taken twice")
	}
	wantSuspensions(t, s, suspension(0), suspension(1), suspension(2), suspension(3), suspension(4))
}

func liftKeepsFirst(t *testing.T, s control.Suspensions) {
	a, b := suspension(0), suspension(1)
	if err := s.InsertSuspension(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := s.InsertSuspension(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if found, err := s.LiftSuspension(t.Context(), a.ID, noon.Add(time.Duration(i)*time.Minute), fmt.Sprint("person ", i)); err != nil || !found {
			t.Fatalf("LiftSuspension = %v, %v", found, err)
		}
	}
	for _, id := range []string{"", "%", "SUS-0000", "' OR 1=1 --"} {
		if found, err := s.LiftSuspension(t.Context(), id, noon, "x"); err != nil || found {
			t.Errorf("LiftSuspension(%q) = %v, %v", id, found, err)
		}
	}
	a.Lifted, a.LiftedBy = noon, "person 0"
	wantSuspensions(t, s, a, b)
}

func overSuspendsNothing(t *testing.T, s control.Suspensions) {
	if err := s.InsertSuspension(t.Context(), suspension(0)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.InsertSuspension(ctx, suspension(1)); err == nil {
		t.Error("a suspension was inserted")
	}
	if _, err := s.LiftSuspension(ctx, suspension(0).ID, noon, "x"); err == nil {
		t.Error("a suspension was lifted")
	}
	if _, err := s.ListSuspensions(ctx); err == nil {
		t.Error("suspensions were listed")
	}
	wantSuspensions(t, s, suspension(0))
}

func manySuspensions(t *testing.T, s control.Suspensions) {
	var wg sync.WaitGroup
	var want []catalog.Suspension
	for n := range 20 {
		x := suspension(n)
		lifted := x
		lifted.Lifted, lifted.LiftedBy = noon, "x"
		want = append(want, lifted)
		wg.Go(func() {
			if err := s.InsertSuspension(t.Context(), x); err != nil {
				t.Error(err)
			}
			if found, err := s.LiftSuspension(t.Context(), x.ID, noon, "x"); err != nil || !found {
				t.Errorf("LiftSuspension = %v, %v", found, err)
			}
		})
	}
	wg.Wait()
	wantSuspensions(t, s, want...)
}

var _ control.Drills = (*Memory)(nil)

// PutDrill implements [control.Drills].
func (m *Memory) PutDrill(ctx context.Context, id string, began time.Time, report []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.drills {
		if m.drills[i].id == id {
			m.drills[i].report = slices.Clone(report)
			return ctx.Err()
		}
	}
	m.drills = append(m.drills, keptDrill{id, began, slices.Clone(report)})
	slices.SortStableFunc(m.drills, func(a, b keptDrill) int { return a.began.Compare(b.began) })
	return ctx.Err()
}

// Drill implements [control.Drills].
func (m *Memory) Drill(ctx context.Context, id string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.drills {
		if d.id == id {
			return slices.Clone(d.report), ctx.Err()
		}
	}
	return nil, ctx.Err()
}

// ListDrills implements [control.Drills].
func (m *Memory) ListDrills(ctx context.Context) (all [][]byte, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.drills {
		all = append(all, slices.Clone(d.report))
	}
	return all, ctx.Err()
}

type keptDrill struct {
	id     string
	began  time.Time
	report []byte
}
