package estate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/policy"
)

// Soon is how long before an expiry [Study] begins to tell of it.
const Soon = 30 * 24 * time.Hour

// Study tells what somebody should look at in an estate that loads: what has
// expired or soon will, workloads without a route, requirements that are not
// met, what can never be used. They are findings; none makes the estate bad.
// They depend on the day, so that they are asked for again while it is served.
func Study(engine *policy.Engine, now time.Time) []Remark {
	s := &study{engine: engine, est: engine.Estate(), now: now}
	s.dates()
	used := map[*catalog.Offering]bool{}
	for _, name := range sortedNames(s.est.Workloads) {
		w := s.est.Workloads[name]
		for _, alias := range sortedNames(w.Aliases) {
			s.alias(w, w.Aliases[alias], used)
		}
		s.terms(w)
	}
	for _, o := range s.est.Offerings {
		if inSomeAlias(s.est, o) && !used[o] {
			s.tell(o.Source, Unusable, "see bulkhead explain, or remove it", "no workload may use offering %s, for any of its purposes, at its default or floor", quoted(o.Name))
		}
	}
	for _, c := range engine.Idle() {
		s.tell(c.Source, Idle, "mend its scope, or remove it", "policy %s can never apply to any workload and offering", quoted(c.Policy))
	}
	for _, x := range s.est.Statuses {
		if x.State == "unknown" {
			s.tell(x.Source, StatusUnknown, "find out, and write its state", "the state of status %s is unknown, so it counts as in force", quoted(x.ID))
		}
	}
	report := Report{Findings: s.out}
	report.settle()
	return report.Findings
}

type study struct {
	engine *policy.Engine
	est    *catalog.Estate
	now    time.Time
	out    []Remark
}

func (s *study) tell(at catalog.Source, code Code, hint, format string, args ...any) {
	s.out = append(s.out, Remark{at.File, at.Line, 1, code, fmt.Sprintf(format, args...), hint})
}

// dates tells of what has expired, or will soon.
func (s *study) dates() {
	ends := func(at catalog.Source, what string, end time.Time) {
		switch {
		case end.IsZero() || s.now.Add(Soon).Before(end):
		case s.now.Before(end):
			s.tell(at, Expiring, "renew it, or plan without it", "%s expires on %s", what, end.Format(time.DateOnly))
		default:
			s.tell(at, Expired, "renew it, or remove what rests on it", "%s has expired on %s", what, end.Format(time.DateOnly))
		}
	}
	attested := func(list []catalog.Attestation) {
		for i := range list {
			ends(list[i].Source, "the attestation of "+string(list[i].Obligation)+", "+list[i].Document+",", list[i].Expires)
		}
	}
	a := &s.est.Enclave.Authorisation
	ends(a.Source, "the enclave's authorisation "+a.Document, a.Expires)
	for _, o := range s.est.Offerings {
		for i := range o.Authorisations {
			a := &o.Authorisations[i]
			if !outlived(o, a, s.now) {
				ends(a.Source, "authorisation "+a.Document+" of offering "+quoted(o.Name), a.Expires)
			}
		}
		attested(o.Attestations)
	}
	for _, w := range s.est.Workloads {
		ends(w.Source, "the document on the audience of workload "+quoted(w.Name)+", "+w.Audience.Document+",", w.Audience.Expires)
		ends(w.HighImpact.Source, "the document on the practices of workload "+quoted(w.Name)+", "+w.HighImpact.Practices+",", w.HighImpact.Expires)
		attested(w.Attestations)
	}
	for _, x := range s.est.Exemptions {
		ends(x.Source, "exemption "+quoted(x.ID), x.Expires)
	}
}

// outlived reports whether another authorisation of the same scheme outlives a.
func outlived(o *catalog.Offering, a *catalog.Authorisation, now time.Time) bool {
	return slices.ContainsFunc(o.Authorisations, func(b catalog.Authorisation) bool {
		return b.Scheme == a.Scheme && b.Expires.After(a.Expires) && !now.Before(b.Issued)
	})
}

// alias tells whether an alias leads anywhere, depends on too little, or will
// lose its last offering to a phase-out. What serves it is noted in used.
func (s *study) alias(w *catalog.Workload, a *catalog.Alias, used map[*catalog.Offering]bool) {
	var serve []*catalog.Offering
	for _, o := range a.Offerings {
		if s.serves(w, a, o, w.Marking.Default, w.Purposes[0], s.now) {
			serve = append(serve, o)
		}
		for _, purpose := range w.Purposes {
			if used[o] {
				break
			}
			used[o] = s.usable(w, a, o, w.Marking.Default, purpose) || s.usable(w, a, o, w.Marking.Floor, purpose)
		}
	}
	if len(serve) == 0 {
		if len(a.Offerings) > 0 { // else a finding of its own
			s.tell(a.Source, NoRoute, "see bulkhead explain", "no offering may serve alias %s of workload %s at its default marking and primary purpose", quoted(a.Name), quoted(w.Name))
		}
		return
	}
	if !embedding(serve[0].Model) { // nothing can stand in for the model of an embeddings alias
		s.independence(w, a, serve)
	}
	for _, at := range s.engine.Instants() {
		if !at.After(s.now) {
			continue
		}
		if !slices.ContainsFunc(serve, func(o *catalog.Offering) bool { return !s.barred(w, a, o, at) }) {
			s.tell(a.Source, Strands, "add another offering, or ask for an exemption", "phase-outs and statuses leave alias %s of workload %s without any offering from %s on", quoted(a.Name), quoted(w.Name), at.Format(time.DateOnly))
			return
		}
	}
}

// independence counts what an alias could lose. What an offering does not state
// it shares with everything, so it adds nothing.
func (s *study) independence(w *catalog.Workload, a *catalog.Alias, serve []*catalog.Offering) {
	for _, c := range []struct {
		what string
		want int
		of   func(o *catalog.Offering) string
	}{
		{"vendors", w.Independence.Vendors, func(o *catalog.Offering) string { return o.Model.Vendor }},
		{"infrastructures", w.Independence.Infrastructures, func(o *catalog.Offering) string { return o.DependsOn.Infrastructure }},
		{"contracts", w.Independence.Contracts, func(o *catalog.Offering) string {
			if o.DependsOn.NoContract {
				return catalog.NoContract
			}
			return o.Contract()
		}},
	} {
		var have []string
		for _, o := range serve {
			if name := c.of(o); name != "" && !slices.Contains(have, name) {
				have = append(have, name)
			}
		}
		if n := max(1, len(have)); n < c.want {
			slices.Sort(have)
			s.tell(a.Source, Dependent, "add an offering of another, or lower independence", "workload %s wants %d %s, and alias %s has %d%s", quoted(w.Name), c.want, c.what, quoted(a.Name), n, listed(have))
		}
	}
}

func listed(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": " + strings.Join(names, ", ")
}

// terms tells of purposes that a workload uses and terms do not cover.
func (s *study) terms(w *catalog.Workload) {
	told := map[string]bool{}
	for _, name := range sortedNames(w.Aliases) {
		for _, o := range w.Aliases[name].Offerings {
			for _, purpose := range w.Purposes {
				key := o.Model.Vendor + " " + purpose
				if told[key] {
					continue
				}
				switch at := s.engine.Standing(o, purpose, s.now); {
				case !at.Spoken && at.Risk == catalog.High:
					told[key] = true
					s.tell(w.Source, TermsMissing, "add the purpose to the vendor's terms, or a clause to its contract", "no terms of %s speak of %s, a purpose of workload %s", o.Model.Vendor, purpose, quoted(w.Name))
				case at.Spoken && !at.Adopted:
					told[key] = true
					s.tell(w.Source, TermsUnadopted, "let a named official adopt them", "nobody has adopted the terms of %s that speak of %s, a purpose of workload %s", o.Model.Vendor, purpose, quoted(w.Name))
				}
			}
		}
	}
}

// serves reports whether an offering may serve plain calls of a workload.
func (s *study) serves(w *catalog.Workload, a *catalog.Alias, o *catalog.Offering, banner, purpose string, at time.Time) bool {
	return len(s.reasons(w, a, o, banner, purpose, at)) == 0
}

// usable reports the same, whatever dialects the build carries: that is its
// affair, and told as a note.
func (s *study) usable(w *catalog.Workload, a *catalog.Alias, o *catalog.Offering, banner, purpose string) bool {
	return !slices.ContainsFunc(s.reasons(w, a, o, banner, purpose, s.now), func(r fault.Reason) bool { return r.Rule != "dialect" })
}

// barred reports whether a status or phase-out keeps an offering from a workload.
func (s *study) barred(w *catalog.Workload, a *catalog.Alias, o *catalog.Offering, at time.Time) bool {
	return slices.ContainsFunc(s.reasons(w, a, o, w.Marking.Default, w.Purposes[0], at), func(r fault.Reason) bool { return r.Rule == "status" })
}

// reasons are why an offering may not serve plain calls, in the dialect of
// callers that has the fewest.
func (s *study) reasons(w *catalog.Workload, a *catalog.Alias, o *catalog.Offering, banner, purpose string, at time.Time) []fault.Reason {
	q := policy.Question{Workload: w, Alias: a, Purpose: purpose, Label: s.engine.Register().Label(s.engine.Register().Read(banner).Mark), Action: call.Chat, Now: at}
	if embedding(o.Model) {
		q.Action = call.Embeddings
	}
	var least []fault.Reason
	for i, name := range sortedNames(dialect.Carried()) {
		q.Dialect = name
		if why := s.engine.Judge(q, o).Reasons; i == 0 || len(why) < len(least) {
			least = why
		}
	}
	return least
}

func inSomeAlias(e *catalog.Estate, o *catalog.Offering) bool {
	for _, w := range e.Workloads {
		for _, a := range w.Aliases {
			if slices.Contains(a.Offerings, o) {
				return true
			}
		}
	}
	return false
}

func sortedNames[T any](m map[string]T) []string {
	names := keysOf(m)
	slices.Sort(names)
	return names
}
