package reach

import (
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/fault"
	"bulkhead/policy"
)

// flowKey names a flow but for its class.
type flowKey struct{ workload, offering, purpose string }

// word is what may be said of a flow; the zero word forbids.
type word uint8

const (
	forbidden word = iota
	depends
	allowed
)

// state is a flow at one class.
type state struct {
	word word
	rest []policy.Condition // of what depends
}

// text tells one rest from another.
func (s state) text() string {
	var all []string
	for _, c := range s.rest {
		all = append(all, c.Text)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// flows gives the states by class of every flow that is not forbidden for all.
func (s *Study) flows(cells []Class) (map[flowKey][]state, error) {
	bare, err := s.bare()
	if err != nil {
		return nil, err
	}
	est := s.Engine.Estate()
	fits := s.fits(bare, cells)
	names := slices.Sorted(maps.Keys(est.Workloads))
	parts := make([]map[flowKey][]state, len(names))
	next := make(chan int)
	var workers sync.WaitGroup // they end with this function
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				f := &flowing{Study: s, bare: bare, cells: cells, fits: fits, lean: s.leanings(), out: map[flowKey][]state{}}
				f.workload(est.Workloads[names[i]])
				parts[i] = f.out
			}
		})
	}
	for i := range names {
		next <- i
	}
	close(next)
	workers.Wait()
	out := map[flowKey][]state{}
	for _, p := range parts {
		maps.Copy(out, p)
	}
	return out, nil
}

// bare is an engine of the built-in rules alone.
func (s *Study) bare() (*policy.Engine, error) {
	est := s.Engine.Estate()
	if len(est.Policies) == 0 {
		return s.Engine, nil
	}
	without := *est
	without.Policies = nil
	o := s.Options
	o.Remembered = -1
	engine, problems := policy.Compile(&without, o)
	var errs []error
	for _, p := range problems {
		errs = append(errs, p)
	}
	return engine, errors.Join(errs...)
}

// ofMarking are the rules of package policy that hold an offering against the
// marking. They look at nothing of the workload, and no other rule of offerings
// looks at the marking; so flows are worked out of two small tables rather than
// one large one. That this is so, the tests hold against Judge.
var ofMarking = []string{"domain", "access-of-offering", "handling"}

// fits says, by index of the offering and class, whether no rule of ofMarking
// forbids it.
func (s *Study) fits(bare *policy.Engine, cells []Class) [][]bool {
	est := s.Engine.Estate()
	out := make([][]bool, len(est.Offerings))
	for _, w := range est.Workloads {
		for i, o := range est.Offerings {
			for _, c := range cells {
				reasons := bare.Judge(s.question(Case{Workload: w, Purpose: w.Purposes[0], Label: c.Label}, o), o).Reasons
				out[i] = append(out[i], !slices.ContainsFunc(reasons, func(r fault.Reason) bool { return slices.Contains(ofMarking, r.Rule) }))
			}
		}
		break // it is the same for every one
	}
	return out
}

// flowing works out the flows of one workload.
type flowing struct {
	*Study
	bare  *policy.Engine
	cells []Class
	fits  [][]bool
	lean  *leanings // nil: no policies
	out   map[flowKey][]state
}

func (f *flowing) workload(w *catalog.Workload) {
	for _, purpose := range w.Purposes {
		for _, name := range slices.Sorted(maps.Keys(w.Aliases)) {
			a := w.Aliases[name]
			if len(a.Offerings) == 0 {
				continue
			}
			var admitted []int
			for i, c := range f.cells {
				if f.admits(Case{w, a, purpose, c.Label}) {
					admitted = append(admitted, i)
				}
			}
			if len(admitted) > 0 {
				f.alias(Case{w, a, purpose, f.cells[admitted[0]].Label}, admitted)
			}
		}
	}
}

// admits reports whether no rule of the call forbids it.
func (f *flowing) admits(k Case) bool {
	o := k.Alias.Offerings[0]
	return !slices.ContainsFunc(f.bare.Judge(f.question(k, o), o).Reasons, func(r fault.Reason) bool { return r.Offering == "" })
}

// alias notes the flows of an alias, at the classes that the call's own rules
// admit. It asks for all offerings of an action together, since what an engine
// makes ready for a call is then made ready once.
func (f *flowing) alias(k Case, admitted []int) {
	barred := map[call.Action]map[string]bool{}
	for _, o := range k.Alias.Offerings {
		q := f.question(k, o)
		if barred[q.Action] == nil {
			barred[q.Action] = map[string]bool{}
			for _, r := range f.bare.Decide(q).Reasons {
				if !slices.Contains(ofMarking, r.Rule) {
					barred[q.Action][r.Offering] = true
				}
			}
		}
		if barred[q.Action][o.Name] {
			continue
		}
		for _, class := range admitted {
			if f.fits[o.Index][class] {
				q.Label = f.cells[class].Label
				f.note(q, o, class)
			}
		}
	}
}

// note notes a flow that the built-in rules allow, if the agency's policies may.
func (f *flowing) note(q policy.Question, o *catalog.Offering, class int) {
	s := state{word: allowed}
	if f.lean != nil {
		s = f.lean.state(q, o, class)
	}
	if s.word == forbidden {
		return
	}
	key := flowKey{q.Workload.Name, o.Name, q.Purpose}
	if f.out[key] == nil {
		f.out[key] = make([]state, len(f.cells))
	}
	f.out[key][class] = s
}

// leanings remembers what the agency's policies lean to, where they cannot tell
// calls apart.
type leanings struct {
	engine                  *policy.Engine
	readsMarking, readsCode bool
	known                   map[leaningKey]state
}

type leaningKey struct {
	workload *catalog.Workload
	offering *catalog.Offering
	purpose  string
	class    int
}

// leanings are made for one worker at a time. A policy that never says marking
// or purpose cannot read it; one with escapes may say anything.
func (s *Study) leanings() *leanings {
	l := &leanings{engine: s.Engine, known: map[leaningKey]state{}}
	for _, p := range s.Engine.Estate().Policies {
		escaped := strings.Contains(p.Text, `\`)
		l.readsMarking = l.readsMarking || escaped || strings.Contains(p.Text, "marking")
		l.readsCode = l.readsCode || escaped || strings.Contains(p.Text, "purpose")
	}
	if len(s.Engine.Estate().Policies) == 0 {
		return nil
	}
	return l
}

func (l *leanings) state(q policy.Question, o *catalog.Offering, class int) state {
	k := leaningKey{workload: q.Workload, offering: o}
	if l.readsMarking {
		k.class = class
	}
	if l.readsCode {
		k.purpose = q.Purpose
	}
	s, ok := l.known[k]
	if !ok {
		s = stateOf(l.engine.Lean(q, o))
		l.known[k] = s
	}
	return s
}

// stateOf is what a leaning comes to. A policy of which something is left can
// still forbid, or fail and so deny, even if another permits.
func stateOf(l policy.Leaning) state {
	permits := l.Permitted
	for _, c := range l.Rest {
		permits = permits || !c.Forbids
	}
	switch {
	case l.Forbidden || !permits:
		return state{}
	case len(l.Rest) > 0:
		return state{depends, l.Rest}
	}
	return state{word: allowed}
}
