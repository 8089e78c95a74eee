package console

import (
	"net/http"
	"time"

	"bulkhead/catalog"
	"bulkhead/fault"
)

// NewSuspension asks to withdraw something (POST /suspensions). Instants are
// RFC 3339; empty: at once, and no exemption.
type NewSuspension struct {
	Of       string   `json:"of"` // kind=name
	Reason   string   `json:"reason"`
	Document string   `json:"document"`
	At       string   `json:"at,omitzero"`
	Cut      bool     `json:"cut,omitzero"`
	Exempt   []string `json:"exempt,omitempty"`
	Approver string   `json:"approver,omitzero"`
	Expires  string   `json:"expires,omitzero"`
	Only     []string `json:"only,omitempty"` // workloads; empty: all
	Ends     string   `json:"ends,omitzero"`  // empty: when it is lifted
}

// MadeSuspension is the answer.
type MadeSuspension struct {
	SuspensionRow
	Offerings []string `json:"offerings"` // of the estate in force that it covers
	CutCalls  int      `json:"cut_calls"` // attempts under way that it ended at once
}

// SuspensionRows is what there is and was (GET /suspensions), the oldest first.
type SuspensionRows struct {
	Suspensions []SuspensionRow `json:"suspensions"`
}

// SuspensionRow is one suspension.
type SuspensionRow struct {
	ID          string     `json:"id"`
	Of          string     `json:"of"`
	State       string     `json:"state"` // scheduled, in_force, ended or lifted
	Reason      string     `json:"reason"`
	Document    string     `json:"document"`
	Cut         bool       `json:"cut"` // false: calls under way may end
	From        time.Time  `json:"from"`
	Ordered     time.Time  `json:"ordered"`
	By          string     `json:"by"`
	Exempt      []string   `json:"exempt,omitempty"`
	Approver    string     `json:"approver,omitzero"`
	ExemptUntil *time.Time `json:"exempt_until,omitempty"`
	Only        []string   `json:"only,omitempty"` // absent: it holds for all workloads
	Ends        *time.Time `json:"ends,omitempty"` // absent: it holds until it is lifted
	Drill       string     `json:"drill,omitzero"` // id of the live drill that it is part of
	Lifted      *time.Time `json:"lifted,omitempty"`
	LiftedBy    string     `json:"lifted_by,omitzero"`
}

func suspensionRow(x catalog.Suspension, now time.Time) SuspensionRow {
	r := SuspensionRow{ID: x.ID, Of: x.What.String(), State: "scheduled", Reason: x.Reason, Document: x.Document, Cut: x.Cut,
		From: x.From, Ordered: x.Ordered, By: x.By, Exempt: x.Exempt, Approver: x.Approver, LiftedBy: x.LiftedBy, Only: x.Only, Drill: x.Drill}
	if !x.Ends.IsZero() {
		r.Ends = &x.Ends
	}
	if !x.Until.IsZero() {
		r.ExemptUntil = &x.Until
	}
	switch {
	case !x.Lifted.IsZero():
		r.State, r.Lifted = "lifted", &x.Lifted
	case x.Over(now):
		r.State = "ended"
	case x.InForce(now):
		r.State = "in_force"
	}
	return r
}

func (s commands) suspend(w http.ResponseWriter, r *http.Request) {
	var ask NewSuspension
	if f := readJSON(w, r, &ask); f != nil {
		writeFault(w, f)
		return
	}
	made, err := s.withdraw(r, ask)
	if err != nil {
		writeFault(w, fault.From(err))
		return
	}
	writeJSON(w, http.StatusCreated, made)
}

func (s commands) withdraw(r *http.Request, ask NewSuspension) (made MadeSuspension, err error) {
	x := catalog.Suspension{Reason: ask.Reason, Document: ask.Document, Cut: ask.Cut, Exempt: ask.Exempt, Approver: ask.Approver, Only: ask.Only}
	if x.What, err = catalog.ParseSelector(ask.Of); err != nil {
		return made, fault.New(fault.Malformed, "What is withdrawn: %v.", err).At("of")
	}
	for _, in := range []struct {
		field, text string
		into        *time.Time
	}{{"at", ask.At, &x.From}, {"expires", ask.Expires, &x.Until}, {"ends", ask.Ends, &x.Ends}} {
		if in.text == "" {
			continue
		}
		if *in.into, err = time.Parse(time.RFC3339, in.text); err != nil || in.into.IsZero() {
			return made, fault.New(fault.Malformed, "%q is no instant such as 2027-01-31T00:00:00Z.", in.text).At(in.field)
		}
	}
	done, err := s.control.Suspend(r.Context(), caller(r), x)
	if err != nil {
		return made, err
	}
	return MadeSuspension{suspensionRow(done.Suspension, s.now()), done.Offerings, done.Cut}, nil
}

func (s commands) listSuspensions(w http.ResponseWriter, r *http.Request) {
	list, err := s.control.ListSuspensions(r.Context())
	if err != nil {
		writeFault(w, fault.From(err))
		return
	}
	all := SuspensionRows{Suspensions: []SuspensionRow{}}
	for _, x := range list {
		all.Suspensions = append(all.Suspensions, suspensionRow(x, s.now()))
	}
	writeJSON(w, http.StatusOK, all)
}

func (s commands) resume(w http.ResponseWriter, r *http.Request) {
	x, err := s.control.Resume(r.Context(), caller(r), r.PathValue("id"))
	if err != nil {
		writeFault(w, fault.From(err))
		return
	}
	writeJSON(w, http.StatusOK, suspensionRow(x, s.now()))
}
