// Package reach studies who can reach what: what may serve a call and why not
// ([Study.Explain]), what a loss leaves ([Study.Drill]), and what a changed estate
// makes possible and impossible ([Compare]).
//
// Studies are pure: they ask a [policy.Engine] about plain calls at one instant,
// read no files, send nothing and prove nothing. What they say of a call, the
// engine says of it when it comes, unless an estate or a date has changed. Begin
// with [Study]; docs/studies.md is the page for those who read the answers.
package reach

import (
	"fmt"
	"slices"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/fault"
	"bulkhead/marking"
	"bulkhead/policy"
)

// Study asks one engine about plain calls: text, no tools, nothing of law 1 that
// must be granted, by a key of the workload. Each offering is asked for what its
// model does, chat or embeddings.
type Study struct {
	Engine  *policy.Engine
	Dialect string    // the callers'
	Now     time.Time // the instant that is asked about
	// Options are those with which Engine was compiled; only [Compare] asks for them.
	Options policy.Options
}

// Case is what a plain call is made of.
type Case struct {
	Workload *catalog.Workload // of the engine's estate
	Alias    *catalog.Alias    // of the workload
	Purpose  string
	Label    marking.Label
}

// Row says what may be said of one offering of an alias.
type Row struct {
	Offering *catalog.Offering
	Allowed  bool
	Reasons  []fault.Reason // every rule that forbids it here
	Duties   []policy.Duty  // if it is allowed: obligations, and how they are met
}

// Explanation says which offerings of an alias may serve a call, and why not
// the others.
type Explanation struct {
	Call  []fault.Reason // every rule that forbids the call wherever it goes
	Rows  []Row          // one an offering, in the alias's order
	Until time.Time      // first instant at which a date may change it; zero: none
}

// Serving counts the offerings that may serve the call.
func (x *Explanation) Serving() int {
	n := 0
	for i := range x.Rows {
		if x.Rows[i].Allowed {
			n++
		}
	}
	return n
}

// Explain holds every offering of the alias against every rule.
func (s *Study) Explain(c Case) Explanation {
	return s.explain(c.Alias, func(o *catalog.Offering) policy.Question { return s.question(c, o) })
}

// ExplainCall is [Study.Explain] for a question as a call asked it, at its own time.
func (s *Study) ExplainCall(q policy.Question) Explanation {
	return s.explain(q.Alias, func(*catalog.Offering) policy.Question { return q })
}

func (s *Study) explain(a *catalog.Alias, question func(*catalog.Offering) policy.Question) Explanation {
	var out Explanation
	for i, o := range a.Offerings {
		v := s.Engine.Judge(question(o), o)
		row := Row{Offering: o, Allowed: v.Allowed, Duties: v.Duties}
		for _, r := range v.Reasons {
			switch {
			case r.Offering != "":
				row.Reasons = append(row.Reasons, r)
			case i == 0: // the same for each
				out.Call = append(out.Call, r)
			}
		}
		out.Rows, out.Until = append(out.Rows, row), v.Until
	}
	return out
}

// Label reads a marking as calls declare it: a banner, or a portion with or
// without its parentheses.
func (s *Study) Label(text string) (marking.Label, error) {
	r := s.Engine.Register()
	reading := r.Read(text)
	if !reading.Valid() {
		return marking.Label{}, fmt.Errorf("%q is no marking: %s", text, reading.Errors[0].Message)
	}
	return r.Label(reading.Mark), nil
}

func (s *Study) question(c Case, o *catalog.Offering) policy.Question {
	return policy.Question{Workload: c.Workload, Alias: c.Alias, Purpose: c.Purpose, Label: c.Label, Action: actionOf(o.Model),
		Dialect: s.Dialect, Now: s.Now}
}

// actionOf is what a model is asked for.
func actionOf(m *catalog.Model) call.Action {
	if m.Dimensions > 0 || slices.Contains(m.Capabilities, "embeddings") {
		return call.Embeddings
	}
	return call.Chat
}
