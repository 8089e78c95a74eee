package control_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/control"
	"bulkhead/fault"
)

// wharf is a house whose estate has offerings, and a gateway that takes what is put in force.
type wharf struct {
	*house
	inForce  []catalog.Suspension
	index    int64
	order    []string
	recorded []control.Change
	lost     error // of the record
}

func newWharf(t *testing.T) *wharf {
	t.Helper()
	w := &wharf{}
	offering := func(endpoint, cloud, vendor, model string) *catalog.Offering {
		return &catalog.Offering{Name: endpoint + "/" + model, Model: &catalog.Model{Vendor: vendor, Name: model}, Endpoint: &catalog.Endpoint{Name: endpoint, Cloud: cloud, Partition: cloud + "-gov"}}
	}
	w.house = newHouse(t, func(o *control.Options) {
		w.attach(o, offering("west", "aws", "acme", "anvil"), offering("east", "azure", "acme", "anvil"), offering("south", "azure", "globex", "hammock"))
	})
	return w
}

func (w *wharf) attach(o *control.Options, offerings ...*catalog.Offering) {
	o.Suspensions = o.Store.(*failing)
	o.Offerings = func() []*catalog.Offering { return offerings }
	o.Suspend = func(all []catalog.Suspension, index int64) int {
		w.inForce, w.index = all, index
		w.order = append(w.order, fmt.Sprint("hold ", len(all)))
		return 3
	}
	o.Record = func(_ context.Context, c control.Change) (int64, error) {
		if w.lost != nil {
			return 0, w.lost
		}
		w.order = append(w.order, "record "+c.What)
		w.recorded = append(w.recorded, c)
		return int64(40 + len(w.recorded)), nil
	}
}

func (f *failing) InsertSuspension(ctx context.Context, s catalog.Suspension) error {
	if f.err != nil {
		return f.err
	}
	return f.Memory.InsertSuspension(ctx, s)
}

func (f *failing) LiftSuspension(ctx context.Context, id string, at time.Time, by string) (bool, error) {
	if f.lift != nil {
		return false, f.lift
	}
	return f.Memory.LiftSuspension(ctx, id, at, by)
}

var ofAcme = catalog.Suspension{What: catalog.Selector{Kind: "vendor", Name: "acme"}, Reason: "directive 7", Document: "NW-7"}

var operator = control.By{Who: "uid 7", Via: "socket"}

func TestSuspend_IsStoredThenRecordedThenHolds(t *testing.T) {
	w := newWharf(t)
	w.order = nil
	done, err := w.Suspend(t.Context(), operator, ofAcme)
	if err != nil {
		t.Fatal(err)
	}
	ms := noon.Truncate(time.Millisecond)
	if !slices.Equal(done.Offerings, []string{"west/anvil", "east/anvil"}) || done.Cut != 3 || !done.From.Equal(ms) || done.By != "uid 7 by socket" || !strings.HasPrefix(done.ID, "sus-") {
		t.Errorf("Suspend = %+v", done)
	}
	if strings.Join(w.order, ", ") != "record suspend, hold 1" || w.index != 41 || w.inForce[0].ID != done.ID {
		t.Errorf("order %v, index %d, in force %+v", w.order, w.index, w.inForce)
	}
	if c := w.recorded[0]; c.By != operator || c.Suspension.ID != done.ID || c.Suspension.Reason != "directive 7" {
		t.Errorf("recorded %+v", c)
	}
	stored, _ := w.ListSuspensions(t.Context())
	if len(stored) != 1 || stored[0].ID != done.ID {
		t.Errorf("stored %+v", stored)
	}

	w.order, w.clock = nil, noon.Add(time.Hour)
	lifted, err := w.Resume(t.Context(), operator, done.ID)
	if err != nil || !lifted.Lifted.Equal(ms.Add(time.Hour)) || strings.Join(w.order, ", ") != "record resume, hold 0" || w.index != 42 {
		t.Errorf("Resume = %+v, %v; order %v", lifted, err, w.order)
	}
	if again, err := w.Resume(t.Context(), operator, done.ID); err != nil || !again.Lifted.Equal(lifted.Lifted) || len(w.recorded) != 2 {
		t.Errorf("a second time: %+v, %v, %d recorded", again, err, len(w.recorded))
	}
	_, err = w.Resume(t.Context(), operator, "sus-none")
	wantKind(t, err, control.NoSuchSuspension, "bulkhead suspensions")
}

func TestSuspend_HoldsAgainAfterARestart(t *testing.T) {
	w := newWharf(t)
	kept, _ := w.Suspend(t.Context(), operator, ofAcme)
	gone, _ := w.Suspend(t.Context(), operator, ofAcme)
	if _, err := w.Resume(t.Context(), operator, gone.ID); err != nil {
		t.Fatal(err)
	}
	later := &wharf{}
	o := control.Options{Store: w.store, Keys: w.ring}
	later.attach(&o)
	if _, err := control.New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if len(later.inForce) != 1 || later.inForce[0].ID != kept.ID || later.index != -1 {
		t.Errorf("in force %+v, index %d", later.inForce, later.index)
	}
}

func TestSuspend_RefusesAndLeavesNothing(t *testing.T) {
	w := newWharf(t)
	for name, tt := range map[string]struct {
		change func(*catalog.Suspension)
		kind   fault.Kind
		say    string
	}{
		"a misspelt vendor":      {func(s *catalog.Suspension) { s.What.Name = "acmee" }, control.NothingCovered, "It has, of that kind: acme, globex."},
		"another kind":           {func(s *catalog.Suspension) { s.What.Kind = "galaxy" }, fault.Malformed, "vendor, cloud, partition"},
		"no reason":              {func(s *catalog.Suspension) { s.Reason = " " }, fault.Malformed, "reason is missing"},
		"no document":            {func(s *catalog.Suspension) { s.Document = "" }, fault.Malformed, "document is missing"},
		"a reason of two lines":  {func(s *catalog.Suspension) { s.Reason = "a\nb" }, fault.Malformed, "one line"},
		"an exemption for good":  {func(s *catalog.Suspension) { s.Exempt, s.Approver = []string{"letters"}, "CIO" }, fault.Malformed, "has an end"},
		"nobody's exemption":     {func(s *catalog.Suspension) { s.Exempt, s.Until = []string{"letters"}, noon.Add(time.Hour) }, fault.Malformed, "approver is missing"},
		"an exemption of nobody": {func(s *catalog.Suspension) { s.Approver = "CIO" }, fault.Malformed, "nobody is exempted"},
		"an unknown workload": {func(s *catalog.Suspension) {
			s.Exempt, s.Approver, s.Until = []string{"leters"}, "CIO", noon.Add(time.Hour)
		}, control.UnknownWorkload, "letters, zebra"},
	} {
		t.Run(name, func(t *testing.T) {
			s := ofAcme
			tt.change(&s)
			_, err := w.Suspend(t.Context(), operator, s)
			wantKind(t, err, tt.kind, tt.say)
		})
	}
	if all, _ := w.ListSuspensions(t.Context()); len(all)+len(w.inForce)+len(w.recorded) > 0 {
		t.Errorf("stored %v, in force %v, recorded %v", all, w.inForce, w.recorded)
	}
}

func TestSuspend_NarrowsThoughTheRecordFailsAndNeverWidens(t *testing.T) {
	w := newWharf(t)
	w.lost = errors.New("disk full")
	done, err := w.Suspend(t.Context(), operator, ofAcme)
	wantKind(t, err, fault.LedgerUnavailable, "is in force, but")
	if len(w.inForce) != 1 || w.index != -1 {
		t.Errorf("in force %+v, index %d", w.inForce, w.index)
	}
	_, err = w.Resume(t.Context(), operator, done.ID)
	wantKind(t, err, fault.LedgerUnavailable, "stays in force")
	w.lost, w.store.lift = nil, errors.New("disk full")
	_, err = w.Resume(t.Context(), operator, done.ID)
	wantKind(t, err, fault.StoreUnavailable, "stays in force")
	if len(w.inForce) != 1 || len(w.recorded) != 2 || w.recorded[1].What != "suspend" {
		t.Errorf("in force %+v; recorded %+v", w.inForce, w.recorded)
	}
	w.store.err = errors.New("disk full")
	_, err = w.Suspend(t.Context(), operator, ofAcme)
	wantKind(t, err, fault.StoreUnavailable, "Nothing is suspended")
}
