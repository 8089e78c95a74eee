package reach

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"bulkhead/catalog"
	"bulkhead/policy"
)

// Change is what an estate does to a flow.
type Change string

// The changes, in the order in which they are shown. The first three make
// something possible that was not.
const (
	Conditional Change = "conditional" // was forbidden, now depends on something
	Reworded    Change = "reworded"    // depended on something, and now on something else
	Possible    Change = "possible"    // was forbidden or depended on something, now allowed
	Narrowed    Change = "narrowed"    // was allowed, now depends on something
	Impossible  Change = "impossible"  // was allowed or depended on something, now forbidden
)

var changes = []Change{Conditional, Reworded, Possible, Narrowed, Impossible}

// New reports whether the change makes something possible, or may.
func (c Change) New() bool { return c == Conditional || c == Reworded || c == Possible }

// Flow is data of a workload's, of some classes, for a purpose, to an offering.
type Flow struct {
	Change                      Change
	Workload, Offering, Purpose string
	Classes                     []Class            // for which the change is the same
	Before, After               []policy.Condition // what it depended on, and what it depends on now
	// Elsewhere: an offering of this name was there before, or is there now, and
	// is another: another model, cloud, partition, address or region.
	Elsewhere bool
}

// Plan is what one estate in the place of another makes possible and impossible.
type Plan struct {
	Classes []Class   // that were told apart
	Flows   []Flow    // that changed: first what is newly possible, conditional before all
	Next    time.Time // first instant after Now at which a date of either estate changes something; zero: none
}

// NewFlows counts the flows that become possible, or may.
func (p *Plan) NewFlows() int {
	n := 0
	for i := range p.Flows {
		if p.Flows[i].Change.New() {
			n++
		}
	}
	return n
}

// Compare says which flows become possible and impossible when after takes the
// place of before. A flow is allowed as a plain call is; the agency's policies
// are evaluated as far as they go without a caller, the rest of the call and the
// time. The error is for what Compile of package policy finds, or for a marking
// of an estate that cannot be read.
func Compare(before, after *Study) (*Plan, error) {
	cells, err := classes(before, after)
	if err != nil {
		return nil, err
	}
	old, err := before.flows(cells)
	if err != nil {
		return nil, err
	}
	now, err := after.flows(cells)
	if err != nil {
		return nil, err
	}
	p := &Plan{Classes: cells}
	for _, s := range []*Study{before, after} {
		for _, t := range s.Engine.Instants() {
			if t.After(s.Now) && (p.Next.IsZero() || t.Before(p.Next)) {
				p.Next = t
			}
		}
	}
	moved := elsewhere(before.Engine.Estate(), after.Engine.Estate())
	keys := maps.Clone(old)
	maps.Copy(keys, now)
	for k := range keys {
		p.compare(k, moved[k.offering], old[k], now[k])
	}
	slices.SortFunc(p.Flows, func(a, b Flow) int {
		return cmp.Or(slices.Index(changes, a.Change)-slices.Index(changes, b.Change), strings.Compare(a.Workload, b.Workload),
			strings.Compare(a.Offering, b.Offering), strings.Compare(a.Purpose, b.Purpose), strings.Compare(a.Classes[0].Banner, b.Classes[0].Banner))
	})
	return p, nil
}

// elsewhere names the offerings of both estates that are not the same place.
func elsewhere(before, after *catalog.Estate) map[string]bool {
	out := map[string]bool{}
	place := map[string]string{}
	for _, o := range before.Offerings {
		place[o.Name] = placeOf(o)
	}
	for _, o := range after.Offerings {
		if was, ok := place[o.Name]; ok && was != placeOf(o) {
			out[o.Name] = true
		}
	}
	return out
}

// placeOf is where an offering sends data.
func placeOf(o *catalog.Offering) string {
	regions := append([]string{o.Endpoint.Region}, o.Regions...)
	slices.Sort(regions)
	return strings.Join(append([]string{o.Model.FullName(), o.Model.Version, o.ID, o.Endpoint.Cloud, o.Endpoint.Partition, o.Endpoint.URL, o.Endpoint.Proxy}, slices.Compact(regions)...), "\n")
}

// compare notes what changed between the states of one flow by class; a side that
// has no such flow is nil.
func (p *Plan) compare(k flowKey, moved bool, old, now []state) {
	if moved {
		p.note(k, true, old, nil)
		p.note(k, true, nil, now)
		return
	}
	p.note(k, false, old, now)
}

func (p *Plan) note(k flowKey, moved bool, old, now []state) {
	type group struct {
		change        Change
		before, after string
	}
	at := map[group]int{}
	for i, c := range p.Classes {
		var was, is state
		if old != nil {
			was = old[i]
		}
		if now != nil {
			is = now[i]
		}
		change := changeOf(was, is)
		if change == "" {
			continue
		}
		g := group{change, was.text(), is.text()}
		n, known := at[g]
		if !known {
			n = len(p.Flows)
			at[g] = n
			p.Flows = append(p.Flows, Flow{Change: change, Workload: k.workload, Offering: k.offering, Purpose: k.purpose, Before: was.rest, After: is.rest, Elsewhere: moved})
		}
		p.Flows[n].Classes = append(p.Flows[n].Classes, c)
	}
}

// changeOf is empty where nothing changed.
func changeOf(was, is state) Change {
	switch {
	case is.word == was.word && (is.word != depends || is.text() == was.text()):
		return ""
	case is.word == forbidden:
		return Impossible
	case is.word == allowed:
		return Possible
	case was.word == forbidden:
		return Conditional
	case was.word == allowed:
		return Narrowed
	default:
		return Reworded
	}
}
