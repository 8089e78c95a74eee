package reach_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"bulkhead/catalog"
	"bulkhead/marking"
	"bulkhead/reach"
)

func compare(t testing.TB, before, after *catalog.Estate) *reach.Plan {
	t.Helper()
	p, err := reach.Compare(studyOf(t, before), studyOf(t, after))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// possible asks the engine itself whether a flow is allowed.
func possible(s *reach.Study, workload, offering, purpose string, l marking.Label) bool {
	w := s.Engine.Estate().Workloads[workload]
	if w == nil || !slices.Contains(w.Purposes, purpose) {
		return false
	}
	for _, a := range w.Aliases {
		for _, o := range a.Offerings {
			if o.Name == offering {
				return s.Engine.Judge(question(s, reach.Case{Workload: w, Alias: a, Purpose: purpose, Label: l}), o).Allowed
			}
		}
	}
	return false
}

// sameEndpoints makes offerings of two estates the same places, so that brute
// force by name is right.
func sameEndpoints(old, now *catalog.Estate) {
	for i, o := range now.Offerings {
		from := old.Offerings[i]
		o.Endpoint, o.Regions = from.Endpoint, from.Regions
		for _, v := range now.Vendors {
			if v.Name == from.Model.Vendor {
				o.Model = v.Models[from.Model.Name]
			}
		}
	}
	for _, w := range now.Workloads {
		for _, a := range w.Aliases {
			a.Offerings = slices.DeleteFunc(slices.Clone(now.Offerings), func(o *catalog.Offering) bool { return !slices.Contains(a.Models, o.Model) })
		}
	}
}

// TestCompare_EqualsBruteForce holds a plan against Judge over all cells of both
// estates, and at labels between the cells: whatever is newly allowed anywhere is
// told.
func TestCompare_EqualsBruteForce(t *testing.T) {
	seen := map[reach.Change]int{}
	between := 0
	for seed := range uint64(60) {
		old, now := newDice(seed).estate(2, 5), newDice(seed+1000).estate(2, 5)
		sameEndpoints(old, now)
		a, b := studyOf(t, old), studyOf(t, now)
		plan, err := reach.Compare(a, b)
		if err != nil {
			t.Fatal(err)
		}
		told := map[string]reach.Change{}
		opened := map[string]bool{}
		for _, f := range plan.Flows {
			flow := f.Workload + " " + f.Offering + " " + f.Purpose
			opened[flow] = opened[flow] || f.Change.New()
			for _, c := range f.Classes {
				told[flow+" "+c.Label.String()+fmt.Sprint(slices.IndexFunc(plan.Classes, func(x reach.Class) bool { return x.Label.Equal(c.Label) }))] = f.Change
				seen[f.Change]++
			}
		}
		var labels []marking.Label
		for _, x := range []string{"U", "CUI", "CUI//NOCON", "CUI//FED ONLY", "CUI//PRVCY", "CUI//SP-PRVCY", "CUI//SP-CTI", "CUI//SP-EXPT", "UNCLASSIFIED//NOFORN", "UNCLASSIFIED//PROPIN"} {
			for _, y := range []string{"U", "CUI//SP-PRVCY", "UNCLASSIFIED//NOFORN"} {
				labels = append(labels, label(t, x).Join(label(t, y)))
			}
		}
		for _, w := range slices.Sorted(maps.Keys(old.Workloads)) {
			for _, o := range old.Offerings {
				for _, purpose := range []string{"admin.drafting", "mil.planning"} {
					flow := w + " " + o.Name + " " + purpose
					for i, c := range plan.Classes {
						was, is := possible(a, w, o.Name, purpose, c.Label), possible(b, w, o.Name, purpose, c.Label)
						want := reach.Change("")
						if is && !was {
							want = reach.Possible
						} else if was && !is {
							want = reach.Impossible
						}
						if got := told[flow+" "+c.Label.String()+fmt.Sprint(i)]; got != want {
							t.Fatalf("seed %d: %s at %s: told %q, brute force says %q", seed, flow, c.Banner, got, want)
						}
					}
					for _, l := range labels {
						if possible(b, w, o.Name, purpose, l) && !possible(a, w, o.Name, purpose, l) {
							between++
							if !opened[flow] {
								t.Fatalf("seed %d: %s becomes possible at %s, and the plan has nothing new of it; classes %v", seed, flow, l, plan.Classes)
							}
						}
					}
				}
			}
		}
	}
	if seen[reach.Possible] < 100 || seen[reach.Impossible] < 100 || between < 100 {
		t.Errorf("%v, %d between: the dice are loaded", seen, between)
	}
}

func TestCompare_OfTheSameEstateIsEmpty(t *testing.T) {
	for seed := range uint64(10) {
		if p := compare(t, newDice(seed).estate(3, 6), newDice(seed).estate(3, 6)); len(p.Flows) > 0 || len(p.Classes) < 2 {
			t.Errorf("seed %d: %d flows changed over %d classes", seed, len(p.Flows), len(p.Classes))
		}
	}
}

func TestCompare_AnotherPlaceUnderTheSameNameIsAnotherFlow(t *testing.T) {
	old, now := newDice(5).estate(2, 5), newDice(5).estate(2, 5)
	for _, o := range now.Offerings {
		o.Endpoint.URL = "https://elsewhere.example"
	}
	p := compare(t, old, now)
	opened, closed := 0, 0
	for _, f := range p.Flows {
		if !f.Elsewhere {
			t.Errorf("%+v is not elsewhere", f)
		}
		if f.Change == reach.Possible {
			opened++
		} else if f.Change == reach.Impossible {
			closed++
		}
	}
	if opened == 0 || opened != closed || p.NewFlows() != opened {
		t.Errorf("%d opened, %d closed, %d new", opened, closed, p.NewFlows())
	}
}

const permitAll = "permit(principal, action, resource);\n"

func TestCompare_ShowsWhatDependsOnMore(t *testing.T) {
	forbidTools := permitAll + `@id("x") forbid(principal, action, resource) when { context.call.capabilities.contains("store") };`
	forbidTime := permitAll + `@id("y") forbid(principal, action, resource) when { context.now < datetime("2027-01-01") };`
	for _, c := range []struct {
		name, before, after string
		want                reach.Change
		fresh               bool
	}{
		{"nothing", forbidTools, forbidTools, "", false},
		{"forbidden, now conditional", `forbid(principal, action, resource);`, forbidTools, reach.Conditional, true},
		{"another condition", forbidTools, forbidTime, reach.Reworded, true},
		{"conditional, now allowed", forbidTools, permitAll, reach.Possible, true},
		{"forbidden, now allowed", `permit(principal, action, resource) when { context.call.marking.level > 4 };`, "", reach.Possible, true},
		{"allowed, now conditional", "", forbidTools, reach.Narrowed, false},
		{"conditional, now forbidden", forbidTools, `forbid(principal, action, resource) when { context.call.purpose like "*" };`, reach.Impossible, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			old, now := newDice(5).estate(2, 5), newDice(5).estate(2, 5)
			for e, text := range map[*catalog.Estate]string{old: c.before, now: c.after} {
				if text != "" {
					e.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: text}}
				}
			}
			p := compare(t, old, now)
			if (len(p.Flows) == 0) != (c.want == "") {
				t.Fatalf("%d flows changed, want %q", len(p.Flows), c.want)
			}
			for _, f := range p.Flows {
				if f.Change != c.want || f.Change.New() != c.fresh {
					t.Errorf("%s %s: %s, want %s", f.Workload, f.Offering, f.Change, c.want)
				}
				if (f.Change == reach.Conditional || f.Change == reach.Narrowed) && (len(f.After) != 1 || !strings.Contains(f.After[0].Text, "store")) {
					t.Errorf("depends on %+v, want what stores", f.After)
				}
			}
		})
	}
}

// TestCompare_PutsConditionalNewFlowsFirst in an estate in which some flows open
// with a condition, some without.
func TestCompare_PutsConditionalNewFlowsFirst(t *testing.T) {
	old, now := newDice(5).estate(3, 8), newDice(5).estate(3, 8)
	old.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: `forbid(principal, action, resource);`}}
	now.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: permitAll + `forbid(principal, action, resource) when { resource.own && context.call.dialect == "x" };`}}
	p := compare(t, old, now)
	var got []reach.Change
	for _, f := range p.Flows {
		got = append(got, f.Change)
	}
	if got = slices.Compact(got); !slices.Equal(got, []reach.Change{reach.Conditional, reach.Possible}) {
		t.Errorf("shown as %v", got)
	}
}

// BenchmarkCompare is of 200 workloads that each name 300 offerings, over 12
// classes that matter to them.
func BenchmarkCompare(b *testing.B) {
	for _, policies := range []int{0, 20} {
		b.Run(fmt.Sprintf("policies=%d", policies), func(b *testing.B) {
			sides := make([]*reach.Study, 2)
			for i := range sides {
				e := newDice(1).estate(200, 300)
				for _, w := range e.Workloads {
					w.Marking = catalog.MarkingRange{Floor: "U", Default: "U", Ceiling: "CUI//SP-CTI/SP-PRVCY//NOFORN"}
					w.Purposes = []string{"admin.drafting"}
					w.Aliases = map[string]*catalog.Alias{"x": {Name: "x", Offerings: e.Offerings}}
				}
				if i == 1 {
					e.Offerings[0].Enablement.State = "withdrawn"
				}
				if policies > 0 {
					text := permitAll
					for n := range policies - 1 {
						text += fmt.Sprintf("forbid(principal in Bulkhead::Workload::\"w%03d\", action, resource) when { context.call.marking.cui && context.call.capabilities.contains(\"store\") };\n", n)
					}
					e.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: text}}
				}
				sides[i] = studyOf(b, e)
			}
			var p *reach.Plan
			for b.Loop() {
				var err error
				if p, err = reach.Compare(sides[0], sides[1]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(p.Classes)), "classes")
		})
	}
}

// TestCompare_PartialEvaluationAgreesWithJudge holds what opens where nothing was
// possible before against whole evaluations of plain calls: what is told as
// possible is, and what is possible is told, if only as conditional.
func TestCompare_PartialEvaluationAgreesWithJudge(t *testing.T) {
	seen := map[reach.Change]int{}
	texts := []string{permitAll, `permit(principal, action, resource) when { resource.own };`, `forbid(principal, action, resource in Bulkhead::Vendor::"acme") when { context.call.marking.cui };`,
		`forbid(principal in Bulkhead::Workload::"w000", action, resource) when { context.call.alias == "x" };`, `permit(principal, action, resource) when { context.call.purpose like "admin*" && context.call.modalities.contains("text") };`,
		`forbid(principal == Bulkhead::Service::"k", action, resource);`, `forbid(principal, action, resource) when { context.call.marking.level + 9223372036854775807 > 0 && resource.own };`}
	for seed := range uint64(120) {
		d := newDice(seed + 5000)
		text := ""
		for _, x := range texts {
			if d.IntN(2) == 0 {
				text += x + "\n"
			}
		}
		old, now := newDice(seed).estate(2, 5), newDice(seed).estate(2, 5)
		old.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: `forbid(principal, action, resource);`}}
		now.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: text + `forbid(principal in Bulkhead::Workload::"none", action, resource);`}}
		s := studyOf(t, now)
		p, err := reach.Compare(studyOf(t, old), s)
		if err != nil {
			t.Fatal(err)
		}
		told := map[string]reach.Change{}
		for _, f := range p.Flows {
			seen[f.Change]++
			for _, c := range f.Classes {
				told[f.Workload+f.Offering+f.Purpose+c.Banner] = f.Change
			}
		}
		for name := range now.Workloads {
			for _, o := range now.Offerings {
				for _, purpose := range []string{"admin.drafting", "mil.planning"} {
					for _, c := range p.Classes {
						is, got := possible(s, name, o.Name, purpose, c.Label), told[name+o.Name+purpose+c.Banner]
						if is && got == "" || got == reach.Possible && !is {
							t.Fatalf("seed %d: %s %s %s %s: told %q, Judge says %v\n%s", seed, name, o.Name, purpose, c.Banner, got, is, text)
						}
					}
				}
			}
		}
	}
	if seen[reach.Possible] < 20 || seen[reach.Conditional] < 20 {
		t.Errorf("%v: the dice are loaded", seen)
	}
}
