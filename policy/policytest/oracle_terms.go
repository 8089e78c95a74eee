package policytest

import (
	"slices"
	"strings"
	"time"

	"bulkhead/catalog"
	"bulkhead/policy"
)

// spoken is the nearest thing a document says of a purpose.
func spoken(purposes map[string]catalog.Term, purpose string) (catalog.Term, bool) {
	parts := strings.Split(purpose, ".")
	for n := len(parts); n > 0; n-- {
		if t, ok := purposes[strings.Join(parts[:n], ".")]; ok {
			return t, t.Verdict != "unknown"
		}
	}
	return catalog.Term{}, false
}

func (x *Oracle) termsAllow(w *catalog.Workload, o *catalog.Offering, purpose string, entry *catalog.Purpose, now time.Time) bool {
	var vendor *catalog.Vendor
	for _, v := range x.Estate.Vendors {
		if v.Name == o.Model.Vendor {
			vendor = v
		}
	}
	var lays []*catalog.Overlay
	contract := o.DependsOn.Contract
	if o.Line != nil {
		contract = o.Line.Contract
	}
	for _, k := range x.Estate.Contracts {
		for _, lay := range k.Overlays {
			if k.Name == contract && lay.Vendor == o.Model.Vendor {
				lays = append(lays, lay)
			}
		}
	}
	// What the terms of the vendor say: each policy in the version that counts.
	var said []catalog.Term
	adopted := false
	byID := map[string][]catalog.Terms{}
	for _, t := range vendor.Terms {
		byID[t.ID] = append(byID[t.ID], t)
	}
	for _, versions := range byID {
		order := func(a, b catalog.Terms) int {
			inA, inB := !a.Adopted.Date.IsZero() && !now.Before(a.Adopted.Date), !b.Adopted.Date.IsZero() && !now.Before(b.Adopted.Date)
			switch {
			case inA && !inB:
				return -1
			case inB && !inA:
				return 1
			case inA:
				return b.Adopted.Date.Compare(a.Adopted.Date)
			}
			return b.Retrieved.Compare(a.Retrieved)
		}
		slices.SortFunc(versions, order)
		for _, v := range versions {
			if t, ok := spoken(v.Purposes, purpose); ok && order(versions[0], v) == 0 {
				said = append(said, t)
				adopted = adopted || !v.Adopted.Date.IsZero() && !now.Before(v.Adopted.Date)
			}
		}
	}
	var instead, besides []catalog.Term
	for _, lay := range lays {
		t, ok := spoken(lay.Purposes, purpose)
		switch {
		case !ok && len(t.Verdict) == 0:
		case lay.Clause != "" && lay.Approver != "":
			instead = append(instead, t)
		default:
			besides = append(besides, t)
		}
	}
	if len(instead) > 0 {
		said, adopted = instead, true
	}
	if entry.Risk != catalog.Low && (len(said) == 0 || !adopted) {
		return false
	}
	for _, t := range append(said, besides...) {
		if t.Verdict == "prohibited" {
			return false
		}
		for _, name := range t.Obligations {
			if t.Verdict == "conditional" && !x.met(w, o, purpose, name, now) {
				return false
			}
		}
	}
	// Who is left out, and where it may run.
	out := func(b catalog.Barred) bool {
		hit := b.Intelligence && w.Owner.Intelligence || slices.Contains(b.Organisations, w.Owner.Organisation) || slices.Contains(b.Organisations, w.Owner.Agency)
		return hit && (b.Unless == "" || !x.met(w, o, purpose, string(b.Unless), now))
	}
	own := o.Endpoint.Cloud == "own"
	for _, t := range vendor.Terms {
		if out(t.Barred) || own && t.CloudOnly {
			return false
		}
	}
	for _, lay := range lays {
		if out(lay.Barred) || own && lay.CloudOnly {
			return false
		}
	}
	return true
}

func (x *Oracle) met(w *catalog.Workload, o *catalog.Offering, purpose, obligation string, now time.Time) bool {
	enforcers := map[string]policy.Gate{"NO_TOOLS": "no_tools", "ATOMIC_DELIVERY": "atomic", "CAPTURE": "capture", "LOGGING": "capture", "RATE_LIMIT": "rate"}
	name, _, _ := strings.Cut(obligation, "(")
	switch gate, enforced := enforcers[name]; {
	case enforced:
		return slices.Contains(x.Built.Gates, gate)
	case name == "CLASSIFIER" || name == "SAFETY_FILTER":
		return false
	case name == "CLOUD_ONLY":
		return o.Endpoint.Cloud != "own"
	}
	for _, a := range append(slices.Clone(w.Attestations), o.Attestations...) {
		if string(a.Obligation) == obligation && now.Before(a.Expires) && (len(a.Purposes) == 0 || slices.Contains(a.Purposes, purpose)) {
			return true
		}
	}
	return false
}
