package reach_test

import (
	"slices"
	"testing"

	"bulkhead/reach"
)

func TestExplain_AgreesWithWhatIsDecided(t *testing.T) {
	served, refused := 0, 0
	for seed := range uint64(100) {
		d := newDice(seed)
		s := studyOf(t, d.estate(2, 6))
		for _, w := range s.Engine.Estate().Workloads {
			for _, a := range w.Aliases {
				for _, banner := range []string{"U", "CUI", "CUI//SP-PRVCY", "CUI//NOFORN"} {
					c := reach.Case{Workload: w, Alias: a, Purpose: w.Purposes[0], Label: label(t, banner)}
					x := s.Explain(c)
					permit := s.Engine.Decide(question(s, c)).Permit
					if x.Serving() != permit.Len() || len(x.Rows) != len(a.Offerings) {
						t.Fatalf("seed %d: explained %d of %d, decided %d of %d", seed, x.Serving(), len(x.Rows), permit.Len(), len(a.Offerings))
					}
					next := 0
					for i, r := range x.Rows {
						if r.Offering != a.Offerings[i] {
							t.Fatalf("seed %d: row %d is of %s, want %s", seed, i, r.Offering.Name, a.Offerings[i].Name)
						}
						if r.Allowed != (len(r.Reasons)+len(x.Call) == 0) {
							t.Errorf("seed %d: allowed %v for %v and %v", seed, r.Allowed, x.Call, r.Reasons)
						}
						if !r.Allowed {
							refused++
							continue
						}
						if served++; permit.Offering(next) != r.Offering {
							t.Errorf("seed %d: explained %s, decided %s", seed, r.Offering.Name, permit.Offering(next).Name)
						}
						next++
					}
				}
			}
		}
	}
	if served < 100 || refused < 100 {
		t.Errorf("%d served, %d refused: the dice are loaded", served, refused)
	}
}

func TestLabel_ReadsWhatCallsDeclare(t *testing.T) {
	s := studyOf(t, newDice(1).estate(1, 1))
	for _, text := range []string{"UNCLASSIFIED//NOFORN", "U//NF", "(U//NF)"} {
		if l, err := s.Label(text); err != nil || !l.Equal(label(t, "UNCLASSIFIED//NOFORN")) {
			t.Errorf("%s: %v, %v", text, l, err)
		}
	}
	if l, err := s.Label("PURPLE"); err == nil || l.Known() {
		t.Errorf("PURPLE: %v, %v", l, err)
	}
}

func TestExplain_TellsRulesOfTheCallApart(t *testing.T) {
	e := newDice(3).estate(1, 4)
	s := studyOf(t, e)
	w := e.Workloads["w000"]
	a := w.Aliases["x"]
	a.Offerings = e.Offerings // of any model
	x := s.Explain(reach.Case{Workload: w, Alias: a, Purpose: "gardening", Label: label(t, w.Marking.Floor)})
	var rules []string
	for _, r := range x.Call {
		rules = append(rules, r.Rule)
	}
	if !slices.Contains(rules, "purpose") {
		t.Errorf("the call is refused by %v, want purpose", rules)
	}
	for _, row := range x.Rows {
		for _, r := range row.Reasons {
			if r.Offering != row.Offering.Name {
				t.Errorf("%s has a reason of %q", row.Offering.Name, r.Offering)
			}
		}
	}
}
