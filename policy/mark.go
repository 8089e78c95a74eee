package policy

import (
	"strings"

	"bulkhead/catalog"
	"bulkhead/fault"
	"bulkhead/marking"
)

// Claim is what a call says of its marking, and what was found in it.
type Claim struct {
	Workload *catalog.Workload
	Declared string        // a banner, or a portion with or without its parentheses; empty: the workload's default
	Found    marking.Label // covers every mark in the text; [marking.Unmarked] where there is none
	Unread   string        // why something could not be read; empty: all was
}

// Marking is a call's marking and what it was made of.
type Marking struct {
	Declared  marking.Label
	Found     marking.Label
	Effective marking.Label // the join of all
	Raised    bool          // found above what was declared, and the workload allows that
}

// Mark gives the marking of a call: declared, joined with what was found and
// with what stands for the unread. It refuses with MarkingInvalid, BelowFloor,
// AboveCeiling, Spillage, Contamination or Unread. The last three say nothing
// of the text, its place or, for contamination, its level.
func (e *Engine) Mark(c Claim) (Marking, error) {
	w := e.workloads[c.Workload]
	if w == nil {
		return Marking{}, fault.New(fault.Denied, "The workload is not one of the estate.").Final()
	}
	m := Marking{Declared: w.standard, Found: c.Found}
	if c.Declared != "" {
		var err error
		if m.Declared, err = e.declared(c.Declared); err != nil {
			return Marking{}, err
		}
	}
	if !w.floor.AtMost(m.Declared) {
		return Marking{}, fault.New(fault.BelowFloor, "The call is declared below %s, the floor of workload %s.", w.Marking.Floor, w.Name).At("Bulkhead-Marking").Final()
	}
	if !w.ceiling.May(m.Declared).Allow {
		return Marking{}, fault.New(fault.AboveCeiling, "The call is declared above %s, the ceiling of workload %s.", w.Marking.Ceiling, w.Name).At("Bulkhead-Marking").Final()
	}
	m.Effective = m.Declared.Join(m.Found)
	if !m.Found.AtMost(m.Declared) {
		if !e.enclave.May(m.Effective).Allow {
			return Marking{}, e.incident(fault.Contamination, "The call holds a mark that may not be in this enclave at all. Nothing was sent. Do not send it again; isolate what it came from.")
		}
		if w.Marking.Found != "raise" || !w.ceiling.May(m.Effective).Allow || !w.audience.May(m.Effective).Allow {
			return Marking{}, e.incident(fault.Spillage, "The call holds a mark above what was declared for it. Nothing was sent.")
		}
		m.Raised = true
	}
	if c.Unread != "" {
		if w.Marking.Unread == "" {
			return Marking{}, fault.New(fault.Unread, "The call holds what cannot be read for marks, and workload %s does not say what to take it for: %s.", w.Name, strings.TrimSuffix(c.Unread, ".")).Final()
		}
		stands, err := e.declared(w.Marking.Unread)
		if err != nil {
			return Marking{}, err
		}
		m.Effective = m.Effective.Join(stands)
	}
	return m, nil
}

// declared reads a marking as a banner or a portion.
func (e *Engine) declared(text string) (marking.Label, error) {
	reading := e.register.Read(text)
	if !reading.Valid() {
		return marking.Label{}, fault.New(fault.MarkingInvalid, "The marking declared is none: %s (%s). Write a banner such as CUI or SECRET//NOFORN.", reading.Errors[0].Message, reading.Errors[0].Code).At("Bulkhead-Marking").Final()
	}
	return e.register.Label(reading.Mark), nil
}

// incident is a refusal that someone must look into.
func (e *Engine) incident(kind fault.Kind, message string) error {
	if contact := e.estate.Enclave.IncidentContact; contact != "" {
		message += " Tell " + contact + "."
	}
	return fault.New(kind, "%s", message).Final()
}
