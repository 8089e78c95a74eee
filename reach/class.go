package reach

import (
	"encoding/json"
	"fmt"
	"slices"

	"bulkhead/catalog"
	"bulkhead/marking"
)

// Class is a cell of the lattice of markings, by its least label: one that the
// constants of two estates and of the built-in rules tell apart from others.
type Class struct {
	Banner string
	Label  marking.Label
}

// ofRules are the markings that the built-in rule of handling tells apart.
var ofRules = []string{"UNCLASSIFIED//NOFORN", "UNCLASSIFIED//PROPIN", "CUI//FED ONLY", "CUI//FEDCON", "CUI//NOCON", "CUI//SP-EXPT"}

// classes gathers the cells: the labels that the estates name, each part of them
// and of their ceilings by itself, and what the rules look at; each by itself and
// on top of each floor. A rule that forbids a label forbids it for one of its
// parts, so that these tell of every label between floor and ceiling whether
// something changed; but for a release to a list of countries, which is cut only
// where the estates name it.
func classes(sides ...*Study) ([]Class, error) {
	var set labelSet
	floors := labelSet{}
	for _, s := range sides {
		for _, l := range s.Engine.Labels() {
			set.add(l)
			if err := set.addParts(l); err != nil {
				return nil, err
			}
		}
		for _, text := range ofRules {
			if l, err := s.Label(text); err == nil { // an agency's table need not have it
				set.add(l)
			}
		}
		est := s.Engine.Estate()
		for _, c := range ceilings(est) {
			set.addCeiling(&c)
		}
		for _, w := range est.Workloads {
			l, err := s.Label(w.Marking.Floor)
			if err != nil {
				return nil, fmt.Errorf("workload %s: %w", w.Name, err)
			}
			floors.add(l)
		}
	}
	set.add(marking.Unmarked())
	for _, l := range slices.Clone(set) {
		for _, f := range floors {
			set.add(l.Join(f))
		}
	}
	slices.SortStableFunc(set, func(a, b marking.Label) int { return size(a) - size(b) })
	register := sides[len(sides)-1].Engine.Register()
	var out []Class
	for _, l := range set {
		out = append(out, Class{register.Banner(l), l})
	}
	return out, nil
}

// labelSet holds labels of different meanings.
type labelSet []marking.Label

func (s *labelSet) add(l marking.Label) {
	if l.Known() && !slices.ContainsFunc(*s, l.Equal) {
		*s = append(*s, l)
	}
}

// addForm adds the label of a form as labels are stored; whatever it implies is
// added, and what can be no label is left out.
func (s *labelSet) addForm(form map[string]any) {
	if form["level"] == nil {
		form["level"] = "U"
	}
	raw, err := json.Marshal(form)
	if err != nil {
		return
	}
	var l marking.Label
	if json.Unmarshal(raw, &l) == nil {
		s.add(l)
	}
}

// addParts adds each part of a label by itself.
func (s *labelSet) addParts(l marking.Label) error {
	raw, err := l.MarshalJSON()
	if err != nil {
		return err
	}
	var form map[string]any
	if err := json.Unmarshal(raw, &form); err != nil {
		return err
	}
	release := map[string]any{}
	for name, value := range form {
		switch list, _ := value.([]any); {
		case name == "rel" || name == "display" || name == "no_relido": // one part, whatever its form
			release[name] = value
		case name == "excluded": // by FED ONLY, FEDCON or NOCON, which are of the rules
		case list == nil:
			s.addForm(map[string]any{name: value})
		default:
			for _, item := range list {
				s.addForm(map[string]any{name: []any{item}})
			}
		}
	}
	if release["rel"] != nil {
		s.addForm(release)
	}
	return nil
}

// addCeiling adds the parts that a ceiling of fields names.
func (s *labelSet) addCeiling(c *catalog.Ceiling) {
	if c.Clearance != "" {
		s.addForm(map[string]any{"level": c.Clearance})
	}
	for _, r := range c.Readins {
		s.addForm(map[string]any{"readins": []string{r}})
	}
	for _, x := range c.CUI.Items {
		s.addForm(map[string]any{"cui": true, "cui_categories": []string{x}})
	}
	if c.CUI.Set {
		s.addForm(map[string]any{"cui": true})
	}
	for _, x := range c.Controls.Items {
		if control, ok := marking.ParseControl(x); ok {
			s.addForm(map[string]any{"controls": []string{control.String()}})
		}
	}
}

// ceilings are all that an estate writes, and the audiences.
func ceilings(e *catalog.Estate) []catalog.Ceiling {
	out := []catalog.Ceiling{e.Enclave.Ceiling}
	for _, o := range e.Offerings {
		if o.Endpoint.In != nil && o.Endpoint.In.Declared {
			out = append(out, o.Endpoint.In.Ceiling)
		}
		for i := range o.Authorisations {
			out = append(out, o.Authorisations[i].Ceiling)
		}
	}
	for _, w := range e.Workloads {
		out = append(out, w.Audience.Subject)
	}
	return out
}

// size orders labels so that one comes after all that are below it.
func size(l marking.Label) int {
	raw, _ := l.MarshalJSON() // only the order of what is shown hangs on it
	return len(raw)
}
