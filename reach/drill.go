package reach

import (
	"fmt"
	"maps"
	"slices"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/marking"
)

// Drill is what happens when all of some losses come at once.
type Drill struct {
	Losses    []Loss
	Withdrawn []Withdrawn // by name
	Outcomes  []Outcome   // by workload, alias and the workload's order of purposes
	Broken    []Broken
}

// Withdrawn is an offering that goes with a loss.
type Withdrawn struct {
	Offering *catalog.Offering
	By       Loss
	Stated   bool // false: it does not state what it depends on, so it goes with every loss of that kind
}

// Left is what a loss leaves of what served before.
type Left string

// What can be left.
const (
	Untouched  Left = "untouched"   // all that served before
	SameModel  Left = "same_model"  // the model that came first before, elsewhere
	OtherModel Left = "other_model" // models that stand in for it
	Nothing    Left = "nothing"     // stranded
	NoneBefore Left = "none_before" // nothing served before the loss either
)

// Outcome is what is left to an alias for a purpose: at the workload's default
// marking, and at its ceiling.
type Outcome struct {
	Workload         *catalog.Workload
	Alias            *catalog.Alias
	Purpose          string
	Default, Ceiling State
}

// State is which offerings serve plain calls before and after a loss.
type State struct {
	Marking       string
	Left          Left
	Before, After []*catalog.Offering // in the alias's order
}

// Stranded reports whether something served before at one of the markings, and
// nothing does now.
func (o *Outcome) Stranded() bool { return o.Default.Left == Nothing || o.Ceiling.Left == Nothing }

// Broken is a requirement of independence that was met at the workload's default
// marking and primary purpose, and is no longer.
type Broken struct {
	Workload      *catalog.Workload
	Alias         *catalog.Alias
	What          string // vendors, infrastructures or contracts
	Want          int
	Before, After int
}

// Findings counts what is stranded and what is broken.
func (d *Drill) Findings() (stranded, broken int) {
	for i := range d.Outcomes {
		if d.Outcomes[i].Stranded() {
			stranded++
		}
	}
	return stranded, len(d.Broken)
}

// Drill rehearses sets of losses, each set by itself and all of it at once. A
// loss takes offerings away and changes nothing else. The error is for a
// marking of the estate that cannot be read.
func (s *Study) Drill(sets ...[]Loss) ([]Drill, error) {
	before, err := s.outcomes()
	if err != nil {
		return nil, err
	}
	var out []Drill
	for _, losses := range sets {
		out = append(out, rehearse(s.Engine.Estate(), losses, before))
	}
	return out, nil
}

// outcomes is what serves while nothing is lost.
func (s *Study) outcomes() ([]Outcome, error) {
	var out []Outcome
	est := s.Engine.Estate()
	for _, name := range slices.Sorted(maps.Keys(est.Workloads)) {
		w := est.Workloads[name]
		standard, err := s.Label(w.Marking.Default)
		if err != nil {
			return nil, fmt.Errorf("workload %s: %w", name, err)
		}
		ceiling, err := s.Label(w.Marking.Ceiling)
		if err != nil {
			return nil, fmt.Errorf("workload %s: %w", name, err)
		}
		for _, alias := range slices.Sorted(maps.Keys(w.Aliases)) {
			for _, purpose := range w.Purposes {
				a := w.Aliases[alias]
				out = append(out, Outcome{w, a, purpose,
					State{Marking: w.Marking.Default, Before: s.serving(w, a, purpose, standard)},
					State{Marking: w.Marking.Ceiling, Before: s.serving(w, a, purpose, ceiling)}})
			}
		}
	}
	return out, nil
}

func (s *Study) serving(w *catalog.Workload, a *catalog.Alias, purpose string, l marking.Label) []*catalog.Offering {
	var out []*catalog.Offering
	c := Case{Workload: w, Alias: a, Purpose: purpose, Label: l}
	for _, o := range a.Offerings {
		if s.Engine.Judge(s.question(c, o), o).Allowed {
			out = append(out, o)
		}
	}
	return out
}

func rehearse(est *catalog.Estate, losses []Loss, before []Outcome) Drill {
	d := Drill{Losses: losses}
	gone := map[*catalog.Offering]bool{}
	for _, o := range est.Offerings {
		for _, l := range losses {
			if taken, stated := l.takes(o); taken && !gone[o] {
				gone[o] = true
				d.Withdrawn = append(d.Withdrawn, Withdrawn{o, l, stated})
			}
		}
	}
	for _, o := range before {
		o.Default.without(gone)
		o.Ceiling.without(gone)
		d.Outcomes = append(d.Outcomes, o)
		if o.Purpose == o.Workload.Purposes[0] {
			d.Broken = append(d.Broken, breaks(&o)...)
		}
	}
	return d
}

// without says what is left when offerings are gone.
func (s *State) without(gone map[*catalog.Offering]bool) {
	for _, o := range s.Before {
		if !gone[o] {
			s.After = append(s.After, o)
		}
	}
	switch {
	case len(s.Before) == 0:
		s.Left = NoneBefore
	case len(s.After) == len(s.Before):
		s.Left = Untouched
	case len(s.After) == 0:
		s.Left = Nothing
	case slices.ContainsFunc(s.After, func(o *catalog.Offering) bool { return o.Model == s.Before[0].Model }):
		s.Left = SameModel
	default:
		s.Left = OtherModel
	}
}

// breaks gives the requirements that an alias no longer meets. What is not
// stated is shared with everything, so it adds nothing. Aliases of embeddings are
// not counted, since nothing can stand in for their model.
func breaks(o *Outcome) []Broken {
	if len(o.Default.Before) > 0 && actionOf(o.Default.Before[0].Model) == call.Embeddings {
		return nil
	}
	want := o.Workload.Independence
	var out []Broken
	for _, c := range []struct {
		what string
		want int
		kind Kind
	}{{"vendors", want.Vendors, Vendor}, {"infrastructures", want.Infrastructures, Infrastructure}, {"contracts", want.Contracts, Contract}} {
		before, after := independent(o.Default.Before, c.kind), independent(o.Default.After, c.kind)
		if c.want > 1 && before >= c.want && after < c.want { // of less than two, all that can be said is stranded
			out = append(out, Broken{o.Workload, o.Alias, c.what, c.want, before, after})
		}
	}
	return out
}

// independent counts the names of a kind on which offerings depend; offerings
// that do not state theirs are together one at most. To depend on no contract is
// to be independent of all of them.
func independent(offerings []*catalog.Offering, k Kind) int {
	names := map[string]bool{}
	for _, o := range offerings {
		for _, n := range dependencies(o, k) {
			names[n] = true
		}
		if k == Contract && o.DependsOn.NoContract {
			names[catalog.NoContract] = true
		}
	}
	return max(len(names), min(1, len(offerings)))
}
