package policy_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/marking"
	"bulkhead/policy"
	"bulkhead/policy/policytest"
)

// TestDecide_AgreesWithTheOracle holds the engine, fresh, remembered and offering
// by offering, against an oracle that shares nothing with it.
func TestDecide_AgreesWithTheOracle(t *testing.T) {
	decisions := 10_000
	if os.Getenv("BULKHEAD_LONG") == "1" {
		decisions = 1_000_000
	}
	specs := map[*policy.Person]marking.Spec{}
	var people []*policy.Person
	for _, s := range []marking.Spec{{Clearance: "TS", Citizenship: []string{"USA"}, Affiliation: "US-FED"}, {Clearance: "U", Citizenship: []string{"USA"}, Affiliation: "CONTRACTOR"}, {Clearance: "S", Citizenship: []string{"GBR"}, Affiliation: "GBR-GOV"}} {
		p, err := policy.NewPerson(s)
		if err != nil {
			t.Fatal(err)
		}
		specs[p], people = s, append(people, p)
	}
	const perEstate = 25
	permits, refusals, remembered := 0, 0, 0
	for seed := range uint64(decisions / perEstate) {
		d := policytest.NewDice(seed)
		e := d.Estate()
		x := &policytest.Oracle{Estate: e, People: specs,
			Built: policy.Options{Dialects: map[string][]string{"openai": {"openai", "gemini"}}, Gates: policytest.Pick(d, nil, []policy.Gate{policy.Capture}, []policy.Gate{policy.NoTools, policy.Capture})}}
		var text string
		if x.Rules, text = d.Rules(); text != "" {
			e.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: text}}
		}
		engine := compile(t, e, x.Built)
		forgetful := x.Built
		forgetful.Remembered = -1
		afresh := compile(t, e, forgetful)
		var last policy.Question
		for i := range perEstate {
			q := d.Question(e, people)
			if i%2 == 1 { // the one before, but for one thing
				q = last
				if d.IntN(2) == 0 {
					q.Principal.ID = policytest.Pick(d, "p1", "p2")
				} else {
					q.Now = q.Now.Add(time.Duration(d.IntN(28)-14) * 12 * time.Hour)
				}
			}
			last = q
			var want []string
			for _, o := range q.Alias.Offerings {
				if x.Allows(q, o) {
					want = append(want, o.Name)
				}
				if v := engine.Judge(q, o); v.Allowed != slices.Contains(want, o.Name) || v.Allowed != (len(v.Reasons) == 0) {
					t.Fatalf("seed %d: %s: the oracle says %v, Judge %+v\nquestion %+v %s", seed, o.Name, slices.Contains(want, o.Name), v, q, q.Label)
				}
			}
			var forms []*policy.Form
			for range 2 {
				got := engine.Decide(q)
				if names := permitted(got); !slices.Equal(names, want) || (got.Permit == nil) != (got.Refusal != nil) {
					t.Fatalf("seed %d: permitted %v, the oracle says %v (remembered %v): %+v\nquestion %+v %s", seed, names, want, got.Remembered, got.Reasons, q, q.Label)
				}
				for _, o := range q.Alias.Offerings {
					if !slices.Contains(want, o.Name) && len(forbidding(got.Reasons, o.Name))+len(forbidding(got.Reasons, "")) == 0 {
						t.Fatalf("seed %d: nothing says why %s is refused", seed, o.Name)
					}
				}
				if got.Remembered {
					remembered++
				}
				forms = append(forms, got.Form())
			}
			if again := afresh.Decide(q); again.Form().Digest != forms[0].Digest || forms[1].Digest != forms[0].Digest || !slices.Equal(forms[0].Offerings, want) {
				t.Fatalf("seed %d: decided afresh the form is\n%s\nand was\n%s\nand remembered\n%s", seed, again.Form().JSON, forms[0].JSON, forms[1].JSON)
			}
			if len(want) > 0 {
				permits++
			} else {
				refusals++
			}
		}
	}
	t.Logf("%d permits, %d refusals, %d remembered", permits, refusals, remembered)
	if permits < decisions/20 || refusals < decisions/20 || remembered < decisions/2 {
		t.Errorf("%d permits, %d refusals, %d remembered: the dice are loaded", permits, refusals, remembered)
	}
}
