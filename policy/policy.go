// Package policy decides: which offerings may serve a call, and for every other
// one exactly which rules forbid it.
//
// It is closed by default. Every candidate of the alias is held against the
// built-in rules, one small function each, listed in rule.go in the order in
// which they are asked, and then against the agency's own Cedar policies, which
// can forbid more and can never permit what a built-in rule forbids. Whatever
// cannot be known counts as the worst, but for purposes of low risk.
//
// [Compile] works out once what does not depend on the call; [Engine.Decide]
// gives a [Permit] or a refusal with its reasons; [Engine.Judge] gives all
// reasons for one offering, for studies. The package knows nothing of routes,
// wire formats and connections. docs/policy.md is the page for officers.
package policy

import (
	"fmt"
	"slices"
	"time"

	"bulkhead/catalog"
	"bulkhead/marking"
)

// Options are what an engine needs beside the estate. The zero value is the
// strictest: no gate is built, nothing is translated.
type Options struct {
	// Gates are those that the path has built; an obligation that needs another is unmet.
	Gates []Gate
	// Dialects names, for each dialect of callers, those of endpoints into which
	// the build carries calls. What is not named is not carried.
	Dialects map[string][]string
	// Remembered bounds the verdicts that are remembered; zero is DefaultRemembered, below zero none.
	Remembered int
}

// DefaultRemembered is how many verdicts an engine remembers unless told.
const DefaultRemembered = 8192

// Problem is why an estate cannot be decided about. Column is zero where only
// the line is known.
type Problem struct {
	Source        catalog.Source
	Column        int
	Message, Hint string
}

// Error is the place and the message.
func (p Problem) Error() string {
	return fmt.Sprintf("%s:%d: %s", p.Source.File, p.Source.Line, p.Message)
}

// Engine decides for one estate. It is safe for concurrent use and does not
// change but for what it remembers.
type Engine struct {
	estate    *catalog.Estate
	options   Options
	register  *marking.Register // the estate's
	domain    marking.Level     // highest level of the enclave's domain
	enclave   marking.Subject
	offerings []offering // by catalog index
	workloads map[*catalog.Workload]*workload
	instants  []time.Time // sorted: when a date changes anything
	labels    []marking.Label
	ceilings  []marking.Spec
	contexts  []int64 // of the models, sorted: the sizes at which a call no longer fits
	agency    *agency // nil: no policies
	memory    *memory // nil: nothing is remembered
}

// Compile works out what does not depend on the call. With problems the engine
// is nil.
func Compile(estate *catalog.Estate, o Options) (*Engine, []Problem) {
	c := &compiler{Engine: &Engine{estate: estate, options: o, register: estate.Register(), workloads: map[*catalog.Workload]*workload{}}}
	c.compileEnclave()
	for _, o := range estate.Offerings {
		c.offerings = append(c.offerings, c.compileOffering(o))
	}
	for _, name := range sortedKeys(estate.Workloads) {
		w := estate.Workloads[name]
		c.workloads[w] = c.compileWorkload(w)
	}
	c.instants = instantsOf(estate)
	c.contexts = contextsOf(estate)
	c.agency = c.compilePolicies(estate)
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	if o.Remembered >= 0 {
		size := o.Remembered
		if size == 0 {
			size = DefaultRemembered
		}
		c.memory = newMemory(size)
	}
	return c.Engine, nil
}

// Estate is the estate that the engine decides for.
func (e *Engine) Estate() *catalog.Estate { return e.estate }

// Register reads and prints markings as the engine does: it is the estate's.
func (e *Engine) Register() *marking.Register { return e.register }

// Instants are the times, in order, at which a date of the estate changes what
// the built-in rules say; between two of them time changes nothing.
func (e *Engine) Instants() []time.Time { return slices.Clone(e.instants) }

// Labels are those that the estate names, as bounds and ceilings, and those at
// which the rules on handling turn: with [Engine.Ceilings] the constants at which
// the built-in rules change along the lattice of markings.
func (e *Engine) Labels() []marking.Label { return slices.Clone(e.labels) }

// Ceilings are the subjects that the estate writes out by their fields, those of
// audiences included.
func (e *Engine) Ceilings() []marking.Spec { return slices.Clone(e.ceilings) }

// span gives the instants between which now lies: from is the last one that is
// not after it, until the first after it; zero where there is none.
func (e *Engine) span(now time.Time) (from, until time.Time) {
	i, found := slices.BinarySearchFunc(e.instants, now, time.Time.Compare)
	if found {
		i++
	}
	if i > 0 {
		from = e.instants[i-1]
	}
	if i < len(e.instants) {
		until = e.instants[i]
	}
	return from, until
}
