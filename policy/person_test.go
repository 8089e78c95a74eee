package policy_test

import (
	"strings"
	"testing"

	"bulkhead/catalog"
	"bulkhead/marking"
	"bulkhead/policy"
)

// A person does not widen what a workload's audience may have, nor the other
// way about: what is decided is decided for both.
func TestPerson_IsDecidedForTheMeetWithTheAudience(t *testing.T) {
	all := &marking.List{Any: true}
	federal := marking.Spec{Clearance: "S", Citizenship: []string{"USA"}, Affiliation: "US-FED", CUI: all, Controls: all}
	contractor := marking.Spec{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: "CONTRACTOR", CUI: all}
	foreign := marking.Spec{Clearance: "U", Citizenship: []string{"GBR"}, Affiliation: "GBR-GOV", CUI: all}
	narrow := catalog.Ceiling{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: "CONTRACTOR", CUI: catalog.Listing{Set: true}}
	wide := catalog.Ceiling{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: "US-FED", CUI: catalog.Listing{Set: true, Any: true}, Controls: catalog.Listing{Set: true, Any: true}}
	for _, c := range []struct {
		name     string
		audience catalog.Ceiling
		person   *marking.Spec
		banner   string
		why      string // of the refusal; empty: allowed
	}{
		{"the audience alone", wide, nil, "CUI//NOCON", ""},
		{"both may", wide, &federal, "CUI//NOCON", ""},
		{"the person may not", wide, &contractor, "CUI//NOCON", "the person who calls may not"},
		{"the audience may not, whoever the person is", narrow, &federal, "CUI//NOCON", "the audience of workload letters may not"},
		{"the audience has no category", narrow, &federal, "CUI//SP-PRVCY", "the audience of workload letters may not"},
		{"a foreign person", wide, &foreign, "CUI//NOFORN", "the person who calls may not"},
		{"a foreign person, and nothing that leaves out foreigners", wide, &foreign, "CUI", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSmall()
			s.letters.Audience.Subject = c.audience
			s.letters.Marking.Ceiling = "CUI//SP-PRVCY//FED ONLY/NOFORN"
			if strings.Contains(c.banner, "NOCON") {
				s.letters.Marking.Ceiling = "CUI//NOCON"
			}
			for _, o := range s.Offerings {
				o.Handling.CloudStaff = "us_federal"
			}
			q := s.question(t)
			q.Label = label(t, c.banner)
			if c.person != nil {
				p, err := policy.NewPerson(*c.person)
				if err != nil {
					t.Fatal(err)
				}
				q.Principal.Person = p
			}
			got := compile(t, s.Estate, built).Decide(q)
			switch {
			case c.why == "" && got.Permit == nil:
				t.Errorf("refused: %+v", got.Reasons)
			case c.why != "" && (got.Permit != nil || !strings.Contains(got.Refusal.Message, c.why)):
				t.Errorf("permit %v, refusal %v", got.Permit != nil, got.Refusal)
			}
		})
	}
}
