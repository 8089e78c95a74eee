package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/fault"
	"bulkhead/marking"
	"bulkhead/policy"
)

const permitAll = "permit(principal, action, resource);\n"

// under compiles the small estate with a file of policies.
func (s *small) under(t testing.TB, text string) *policy.Engine {
	t.Helper()
	s.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: text}}
	return compile(t, s.Estate, built)
}

func TestAgency_PoliciesDecideAfterTheBuiltInRules(t *testing.T) {
	for _, c := range []struct {
		name, text string
		ask        func(q *policy.Question)
		want       []string // permitted
		why        string   // of the reason on gov/big
		source     string
	}{
		{name: "permit all", text: permitAll, want: []string{"gov/big", "hq/open"}},
		{name: "forbid one cloud", text: permitAll + "@id(\"no-aws\")\nforbid(principal, action, resource in Bulkhead::Cloud::\"aws\");\n", want: []string{"hq/open"}, why: "no-aws forbids", source: "policies/a.cedar:2"},
		{name: "nothing permits", text: "forbid(principal, action, resource in Bulkhead::Cloud::\"azure\");\n", why: "none of them permits"},
		{name: "permit one vendor's own machines", text: "permit(principal, action, resource) when { resource.own };\n", want: []string{"hq/open"}, why: "none of them permits"},
		{name: "by workload", text: permitAll + "forbid(principal in Bulkhead::Workload::\"letters\", action, resource) unless { resource.cloud_staff == \"none\" };\n", why: "forbids"},
		{name: "by organisation", text: permitAll + "forbid(principal in Bulkhead::Organisation::\"low/benefits\", action, resource);\n", why: "forbids"},
		{name: "by marking", text: permitAll + "forbid(principal, action, resource) when { context.call.marking.cui && !resource.own };\n", want: []string{"hq/open"}, why: "forbids"},
		{name: "by action", text: permitAll + "forbid(principal, action == Bulkhead::Action::\"embeddings\", resource);\n", want: []string{"gov/big", "hq/open"}},
		{name: "by group of actions", text: permitAll + "forbid(principal, action in Bulkhead::Action::\"use\", resource);\n", why: "forbids"},
		{name: "by key", text: permitAll + "forbid(principal == Bulkhead::Service::\"k\", action, resource);\n", why: "forbids"},
		{name: "an error of a forbid denies", text: permitAll + "forbid(principal, action, resource) when { resource.retention_days * 9223372036854775807 + 9223372036854775807 + 1 > 0 };\n", why: "cannot be evaluated", source: "policies/a.cedar:2"},
		{name: "an error of a permit denies", text: permitAll + "permit(principal, action, resource) when { 9223372036854775807 + resource.model.context + 1 > 0 };\n", why: "cannot be evaluated"},
		{name: "by time", text: permitAll + "forbid(principal, action, resource) when { context.now >= datetime(\"2026-11-23\") };\n", why: "forbids"},
		{name: "by time, later", text: permitAll + "forbid(principal, action, resource) when { context.now >= datetime(\"2026-12-01\") };\n", want: []string{"gov/big", "hq/open"}},
		{name: "a permit by time is enough", text: "permit(principal, action, resource) when { context.now < datetime(\"2026-12-01\") };\n", want: []string{"gov/big", "hq/open"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSmall()
			e := s.under(t, c.text)
			for round := range 2 { // fresh, then remembered
				d := e.Decide(s.question(t))
				if got := permitted(d); !slices.Equal(got, c.want) {
					t.Fatalf("round %d: permitted %v, want %v: %+v", round, got, c.want, d.Reasons)
				}
				i := slices.IndexFunc(d.Reasons, func(r fault.Reason) bool { return r.Offering == "gov/big" })
				if c.why == "" {
					continue
				}
				if i < 0 || d.Reasons[i].Rule != "agency-policy" || !strings.Contains(d.Reasons[i].Why, c.why) || c.source != "" && d.Reasons[i].Source != c.source {
					t.Errorf("round %d: reasons %+v, want %q at %q", round, d.Reasons, c.why, c.source)
				}
				v := e.Judge(s.question(t), s.gov)
				if v.Allowed || v.Reasons[0].Rule != "agency-policy" {
					t.Errorf("Judge says %+v", v)
				}
			}
		})
	}
}

func TestAgency_CannotPermitWhatARuleForbids(t *testing.T) {
	s := newSmall()
	s.gov.Enablement.State = "withdrawn"
	e := s.under(t, "permit(principal, action, resource) when { resource.name == \"gov/big\" };\n"+permitAll)
	if got := permitted(e.Decide(s.question(t))); !slices.Equal(got, []string{"hq/open"}) {
		t.Errorf("permitted %v", got)
	}
}

func TestAgency_PeopleAreKnownByTheirFacts(t *testing.T) {
	s := newSmall()
	e := s.under(t, permitAll+"forbid(principal is Bulkhead::Person, action, resource) when { principal.affiliation == \"CONTRACTOR\" };\n")
	q := s.question(t)
	for affiliation, want := range map[string]int{"US-FED": 2, "CONTRACTOR": 0} {
		p, err := policy.NewPerson(marking.Spec{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: affiliation})
		if err != nil {
			t.Fatal(err)
		}
		q.Principal.Person = p
		if d := e.Decide(q); d.Permit.Len() != want {
			t.Errorf("%s: %+v", affiliation, d.Reasons)
		}
	}
}

func TestPerson_MustHaveAccessToo(t *testing.T) {
	s := newSmall()
	e := compile(t, s.Estate, built)
	p, err := policy.NewPerson(marking.Spec{Clearance: "U", Citizenship: []string{"GBR"}, Affiliation: "GBR-GOV"})
	if err != nil {
		t.Fatal(err)
	}
	q := s.question(t)
	if e.Decide(q).Permit == nil {
		t.Fatal("the service alone is refused")
	}
	q.Principal.Person = p
	d := e.Decide(q)
	if d.Permit != nil || !slices.Equal(forbidding(d.Reasons, ""), []string{"access-of-subject"}) {
		t.Errorf("decision %+v", d)
	}
}

func TestAgency_SchemaIsOneAndWhole(t *testing.T) {
	if !strings.Contains(policy.Schema(), "namespace Bulkhead") {
		t.Error("no schema")
	}
	s := newSmall()
	for name, text := range map[string]string{
		"an attribute that is not there": "permit(principal, action, resource) when { resource.colour == \"red\" };",
		"a type that is not right":       "permit(principal, action, resource) when { resource.own == \"yes\" };",
		"an entity that is not there":    "permit(principal in Bulkhead::Team::\"a\", action, resource);",
		"an action that is not there":    "permit(principal, action == Bulkhead::Action::\"train\", resource);",
		"no policy at all":               "permit(principal",
	} {
		s.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: text}}
		if e, problems := policy.Compile(s.Estate, built); e != nil || len(problems) != 1 || problems[0].Source.File != "policies/a.cedar" || problems[0].Hint == "" {
			t.Errorf("%s: problems %+v", name, problems)
		}
	}
}

func TestMemory_RemembersUntilADateAndNoLonger(t *testing.T) {
	s := newSmall()
	e := compile(t, s.Estate, built)
	q := s.question(t)
	if e.Decide(q).Remembered {
		t.Fatal("a first verdict was remembered")
	}
	if !e.Decide(q).Remembered {
		t.Fatal("a second one was not")
	}
	q.Now = date("2027-06-01")
	if d := e.Decide(q); d.Remembered || d.Permit != nil {
		t.Errorf("after the audience's document: %+v", d)
	}
	q.Now = date("2027-06-01").Add(-time.Nanosecond)
	if d := e.Decide(q); d.Permit == nil {
		t.Errorf("just before: %+v", d)
	}
	q.Now = date("2025-12-31") // a clock that went back
	if d := e.Decide(q); d.Remembered || d.Permit != nil {
		t.Errorf("before the authorisations: %+v", d)
	}
}

func TestMemory_IsKeyedByEveryInput(t *testing.T) {
	person := func(affiliation string) *policy.Person {
		p, err := policy.NewPerson(marking.Spec{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: affiliation})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	s := newSmall()
	e := s.under(t, permitAll)
	first := s.question(t)
	for name, change := range map[string]func(q *policy.Question){
		"alias":      func(q *policy.Question) { q.Alias = s.letters.Aliases["home"] },
		"purpose":    func(q *policy.Question) { q.Purpose = "benefits.casework" },
		"label":      func(q *policy.Question) { q.Label = label(t, "CUI//SP-PRVCY") },
		"label, too": func(q *policy.Question) { q.Label = label(t, "CUI//NOCON") },
		"principal":  func(q *policy.Question) { q.Principal.ID = "l" },
		"person":     func(q *policy.Question) { q.Principal.Person = person("US-FED") },
		"action":     func(q *policy.Question) { q.Action = call.Embeddings },
		"dialect":    func(q *policy.Question) { q.Dialect = "anthropic" },
		"needs":      func(q *policy.Question) { q.Needs = []policy.Need{{Capability: call.Store, Field: "store"}} },
		"modalities": func(q *policy.Question) { q.Modalities = []string{"audio"} },
		"size":       func(q *policy.Question) { q.LeastTokens = 2000 },
	} {
		e.Decide(first)
		q := first
		change(&q)
		if d := e.Decide(q); d.Remembered {
			t.Errorf("%s: a verdict of another question was given", name)
		}
		if d := e.Decide(first); !d.Remembered {
			t.Errorf("%s: the first verdict was forgotten", name)
		}
	}
	q := first
	q.Purpose = "admin.drafting" // the primary, written out
	if !e.Decide(q).Remembered {
		t.Error("the same question in other words is not the same")
	}
}

func TestMemory_IsBounded(t *testing.T) {
	s := newSmall()
	o := built
	o.Remembered = 64
	s.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: permitAll}}
	e := compile(t, s.Estate, o)
	q := s.question(t)
	for i := range 5000 {
		q.Principal.ID = string(rune('a'+i%26)) + time.Duration(i).String()
		e.Decide(q)
		if n := e.RememberedVerdicts(); n > 64+1 {
			t.Fatalf("%d verdicts after %d questions", n, i)
		}
	}
	o.Remembered = -1
	e = compile(t, s.Estate, o)
	e.Decide(q)
	if e.Decide(q).Remembered || e.RememberedVerdicts() != 0 {
		t.Error("a verdict was remembered without a memory")
	}
}

func TestDecide_ManyAtOnce(t *testing.T) {
	s := newSmall()
	s.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: permitAll}}
	o := built
	o.Remembered = 32
	e := compile(t, s.Estate, o)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 500 {
				q := s.question(t)
				q.Principal.ID = fmt.Sprint((i + g) % 50)
				if i%3 == 0 {
					q.Purpose = "mil.planning"
				}
				if d := e.Decide(q); (d.Permit == nil) != (i%3 == 0) {
					t.Errorf("decision %+v", d)
				}
			}
		})
	}
	all.Wait()
}
