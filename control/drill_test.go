package control_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/control"
	"bulkhead/drill"
	"bulkhead/fault"
)

// drilled is a wharf whose estate has a workload that agreed to drills, and one that did not.
func drilled(t *testing.T) *wharf {
	t.Helper()
	w := &wharf{}
	acme := &catalog.Offering{Name: "west/anvil", Model: &catalog.Model{Vendor: "acme", Name: "anvil"}, Endpoint: &catalog.Endpoint{Name: "west", Cloud: "aws", Partition: "gov"}}
	globex := &catalog.Offering{Name: "south/hammock", Model: &catalog.Model{Vendor: "globex", Name: "hammock"}, Endpoint: &catalog.Endpoint{Name: "south", Cloud: "azure", Partition: "gov"}}
	e := &catalog.Estate{Digest: "sha256:e", Offerings: []*catalog.Offering{acme, globex}, Workloads: map[string]*catalog.Workload{}}
	for _, name := range []string{"letters", "desk"} {
		e.Workloads[name] = &catalog.Workload{Name: name, Service: catalog.Service{Drillable: name == "letters"}, Aliases: map[string]*catalog.Alias{"chat": {Name: "chat", Offerings: e.Offerings}}}
	}
	w.house = newHouse(t, func(o *control.Options) {
		w.attach(o, acme, globex)
		o.Workloads = func() []string { return []string{"letters", "desk"} }
		o.Drills, o.Watch, o.Estate, o.Banner = o.Store.(*failing), drill.NewWatch(), func() *catalog.Estate { return e }, func() string { return "CUI" }
		o.Watch.Use(e)
	})
	return w
}

var ofAcmeForLetters = control.NewDrill{Withdraw: []catalog.Selector{ofAcme.What}, Workloads: []string{"letters"}, For: time.Minute, Reason: "yearly", Document: "NW-9", Approver: "CIO"}

func TestDrill_IsRecordedBeforeItHoldsAndAtItsEnd(t *testing.T) {
	w := drilled(t)
	w.order = nil
	d, err := w.StartDrill(t.Context(), operator, ofAcmeForLetters)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"record drill_start", "record suspend", "hold 1"}; !slices.Equal(w.order, want) {
		t.Errorf("it went %q, want %q", w.order, want)
	}
	if s := w.inForce[0]; s.Drill != d.ID || !slices.Equal(s.Only, []string{"letters"}) || !s.Ends.Equal(d.Until) {
		t.Errorf("in force is %+v", s)
	}
	if a := d.Aliases[0]; !slices.Equal(a.Withdrawn, []string{"west/anvil"}) || !slices.Equal(a.Left, []string{"south/hammock"}) {
		t.Errorf("of the alias is said %+v", a)
	}
	if _, err := w.StartDrill(t.Context(), operator, ofAcmeForLetters); fault.From(err).Kind != control.DrillUnderWay {
		t.Errorf("a second drill: %v", err)
	}
	w.order = nil
	w.lost = errors.New("disk full")
	if _, err := w.StopDrill(t.Context(), operator, d.ID); fault.From(err).Kind != fault.LedgerUnavailable {
		t.Errorf("an end that is not on the record: %v", err)
	}
	w.lost = nil
	b, err := w.StopDrill(t.Context(), operator, d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"record resume", "hold 0", "record drill_end"}; !slices.Equal(w.order, want) {
		t.Errorf("its end went %q, want %q", w.order, want)
	}
	r, err := drill.Parse(b)
	if err != nil || r.Outcome != drill.Stopped || r.Marking != "CUI" || w.recorded[len(w.recorded)-1].Digest == "" {
		t.Errorf("%v: the report is %+v", err, r)
	}
	if again, err := w.StopDrill(t.Context(), operator, d.ID); err != nil || string(again) != string(b) {
		t.Errorf("to stop it again gives %v", err)
	}
}

func TestDrill_ThatCannotBeRecordedWithdrawsNothing(t *testing.T) {
	w := drilled(t)
	w.lost = errors.New("disk full")
	_, err := w.StartDrill(t.Context(), operator, ofAcmeForLetters)
	if fault.From(err).Kind != fault.LedgerUnavailable || len(w.inForce) != 0 {
		t.Errorf("%v, and %d suspensions are in force", err, len(w.inForce))
	}
	w.lost = nil
	if _, err := w.StartDrill(t.Context(), operator, ofAcmeForLetters); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

func TestDrill_OfWhoDidNotAgreeIsRefused(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*control.NewDrill)
		want   fault.Kind
	}{
		"not drillable":  {func(d *control.NewDrill) { d.Workloads = []string{"letters", "desk"} }, control.NotDrillable},
		"unknown":        {func(d *control.NewDrill) { d.Workloads = []string{"nobody"} }, control.UnknownWorkload},
		"nobody":         {func(d *control.NewDrill) { d.Workloads = nil }, fault.Malformed},
		"nothing":        {func(d *control.NewDrill) { d.Withdraw = nil }, fault.Malformed},
		"not there":      {func(d *control.NewDrill) { d.Withdraw[0].Name = "acmee" }, control.NothingCovered},
		"too long":       {func(d *control.NewDrill) { d.For = 25 * time.Hour }, fault.Malformed},
		"no time":        {func(d *control.NewDrill) { d.For = 0 }, fault.Malformed},
		"no approver":    {func(d *control.NewDrill) { d.Approver = " " }, fault.Malformed},
		"no such share":  {func(d *control.NewDrill) { d.Stop.Errors = 1.5 }, fault.Malformed},
		"a limit of one": {func(d *control.NewDrill) { d.Stop.Cost = 0.5 }, fault.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			w := drilled(t)
			ask := ofAcmeForLetters
			ask.Withdraw = slices.Clone(ask.Withdraw)
			row.change(&ask)
			if _, err := w.StartDrill(t.Context(), operator, ask); fault.From(err).Kind != row.want || len(w.recorded) != 0 || len(w.inForce) != 0 {
				t.Errorf("%v, recorded %d, in force %d; want %s and nothing", err, len(w.recorded), len(w.inForce), row.want)
			}
		})
	}
}
