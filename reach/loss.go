package reach

import (
	"fmt"
	"slices"
	"strings"

	"bulkhead/catalog"
)

// Kind is what can be lost.
type Kind string

// The kinds of losses.
const (
	Vendor         Kind = "vendor"
	Cloud          Kind = "cloud"
	Infrastructure Kind = "infrastructure" // whose machines offerings run on
	Partition      Kind = "partition"
	Region         Kind = "region"
	Model          Kind = "model" // vendor/name
	Offering       Kind = "offering"
	Contract       Kind = "contract"
)

// Kinds are all kinds of losses, in the order of [Study.Losses].
func Kinds() []Kind {
	return []Kind{Vendor, Cloud, Infrastructure, Partition, Region, Model, Offering, Contract}
}

// Loss is one thing that is no longer there.
type Loss struct {
	Kind Kind
	Name string
}

// ParseLoss reads kind=name.
func ParseLoss(text string) (Loss, error) {
	kind, name, ok := strings.Cut(text, "=")
	l := Loss{Kind(kind), name}
	if !ok || name == "" || !slices.Contains(Kinds(), l.Kind) {
		return Loss{}, fmt.Errorf("%q is no loss", text)
	}
	return l, nil
}

// String is kind=name.
func (l Loss) String() string { return string(l.Kind) + "=" + l.Name }

// takes reports whether an offering goes with the loss. What an offering depends
// on and does not state is shared with everything, so it goes with every loss of
// that kind; stated is then false. One that may move between several regions is
// lost with any of them, since nothing says that it lives without one.
func (l Loss) takes(o *catalog.Offering) (taken, stated bool) {
	names := dependencies(o, l.Kind)
	switch {
	case len(names) > 0:
	case l.Kind == Contract && o.DependsOn.NoContract:
		return false, true
	default:
		return true, false
	}
	return slices.Contains(names, l.Name), true
}

// dependencies are the names of a kind without which an offering is not there;
// none if it does not state them, or states that there are none.
func dependencies(o *catalog.Offering, k Kind) []string {
	var names []string
	switch k {
	case Vendor:
		names = []string{o.Model.Vendor}
	case Cloud:
		names = []string{o.Endpoint.Cloud}
	case Infrastructure:
		names = []string{o.DependsOn.Infrastructure}
	case Partition:
		names = []string{o.Endpoint.Partition}
	case Region:
		names = append([]string{o.Endpoint.Region}, o.Regions...)
	case Model:
		names = []string{o.Model.FullName()}
	case Offering:
		names = []string{o.Name}
	case Contract:
		names = []string{o.Contract()}
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}

// Losses is every single loss that offerings of the estate state, sorted by
// kind and name.
func (s *Study) Losses() []Loss {
	var all []Loss
	for _, k := range Kinds() {
		var names []string
		for _, o := range s.Engine.Estate().Offerings {
			names = append(names, dependencies(o, k)...)
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			all = append(all, Loss{k, name})
		}
	}
	return all
}
