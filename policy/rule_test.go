package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/fault"
	"bulkhead/marking"
	"bulkhead/policy"
)

func TestDecide_PermitsWhatNoRuleForbids(t *testing.T) {
	s := newSmall()
	d := compile(t, s.Estate, built).Decide(s.question(t))
	if got := permitted(d); !slices.Equal(got, []string{"gov/big", "hq/open"}) || d.Refusal != nil {
		t.Fatalf("permitted %v, refusal %v; want both offerings in the alias's order", got, d.Refusal)
	}
	if d.Permit.DeclaredDown() || d.Permit.Purpose() != "admin.drafting" || d.Permit.Estate() != "sha256:test" {
		t.Errorf("permit %+v", d.Permit)
	}
	if want := date("2027-06-01"); !d.Until.Equal(want) || !d.Permit.Until().Equal(want) {
		t.Errorf("holds until %v, want the audience's expiry %v", d.Until, want)
	}
}

// change is one change of the small estate or its question, and the rules that
// then forbid the GovCloud offering, or the call if ofCall is true.
type change struct {
	name   string
	estate func(s *small)
	ask    func(q *policy.Question)
	rules  []string
	ofCall bool
	kind   fault.Kind
	source string // of the first reason
}

func changes(t *testing.T) []change {
	marked := func(banner string) func(q *policy.Question) {
		return func(q *policy.Question) { q.Label = label(t, banner) }
	}
	onGov := func(f func(o *catalog.Offering)) func(s *small) { return func(s *small) { f(s.gov) } }
	return []change{
		{name: "pending", estate: onGov(func(o *catalog.Offering) { o.Enablement.State = "pending" }), rules: []string{"enablement"}, source: "clouds/aws.yaml:9"},
		{name: "withdrawn", estate: onGov(func(o *catalog.Offering) { o.Enablement.State = "withdrawn" }), rules: []string{"enablement"}},
		{name: "enabled tomorrow", estate: onGov(func(o *catalog.Offering) { o.Enablement.From = date("2026-11-24") }), rules: []string{"enablement"}},
		{name: "sensitive customer without notice", estate: func(s *small) { s.letters.Owner.SensitiveCustomer = true }, rules: []string{"notice"}},
		{name: "sensitive customer with a running clock", estate: func(s *small) {
			s.letters.Owner.SensitiveCustomer = true
			s.gov.Enablement.Notices = []catalog.Notice{{Sent: date("2026-11-01"), Days: 30, Document: "N"}}
		}, rules: []string{"notice"}},
		{name: "sensitive customer with another's notice", estate: func(s *small) {
			s.letters.Owner.SensitiveCustomer = true
			s.gov.Enablement.Notices = []catalog.Notice{{Sent: date("2026-01-01"), Days: 30, Workloads: []string{"other"}}}
		}, rules: []string{"notice"}},
		{name: "another domain", estate: func(s *small) { s.gov.Endpoint.In.Domain = catalog.Secret }, rules: []string{"domain"}},
		{name: "a domain that is not known", estate: func(s *small) { s.gov.Endpoint.In.Domain = "" }, rules: []string{"domain"}},
		{name: "a region abroad among several", estate: onGov(func(o *catalog.Offering) { o.Regions = append(o.Regions, "eu-west-1") }), rules: []string{"territory"}},
		{name: "a region that is not known", estate: onGov(func(o *catalog.Offering) { o.Regions = []string{"us-gov-moon-1"} }), rules: []string{"territory"}},
		{name: "in the clear", estate: func(s *small) { s.gov.Endpoint.URL = "http://10.0.0.1" }, rules: []string{"crypto"}},
		{name: "not the FIPS host", estate: func(s *small) { s.gov.Endpoint.FIPS = "false" }, rules: []string{"crypto"}},
		{name: "provider's authorisation expired", estate: onGov(func(o *catalog.Offering) { o.Authorisations[0].Expires = date("2026-11-23") }), rules: []string{"authorisation-dates"}, source: "clouds/x.yaml:11"},
		{name: "no authorisation of the agency", estate: onGov(func(o *catalog.Offering) { o.Authorisations = o.Authorisations[:1] }), rules: []string{"authorisation-dates"}, source: "clouds/aws.yaml:9"},
		{name: "no authorisation of the provider", estate: onGov(func(o *catalog.Offering) { o.Authorisations = o.Authorisations[1:] }), rules: []string{"authorisation-dates"}},
		{name: "one authorisation for U alone", estate: onGov(func(o *catalog.Offering) { o.Authorisations[0].Ceiling = catalog.Ceiling{Banner: "U"} }), rules: []string{"access-of-offering"}},
		{name: "ceiling without the category", estate: onGov(func(o *catalog.Offering) { o.Authorisations[1].Ceiling = catalog.Ceiling{Banner: "CUI"} }), ask: marked("CUI//SP-PRVCY"), rules: []string{"access-of-offering"}},
		{name: "training", estate: onGov(func(o *catalog.Offering) { o.Handling.Training = "" }), rules: []string{"handling"}},
		{name: "unknown staff and export control", estate: onGov(func(o *catalog.Offering) { o.Handling.CloudStaff = "" }), ask: marked("CUI//SP-EXPT"), rules: []string{"handling"}},
		{name: "prohibited", estate: func(s *small) { s.vendor.Terms[0].Purposes["admin"] = catalog.Term{Verdict: "prohibited"} }, rules: []string{"terms-purpose"}, source: "vendors/acme.yaml:7"},
		{name: "unadopted and of high risk", estate: func(s *small) { s.vendor.Terms[0].Adopted = catalog.Adoption{} }, ask: func(q *policy.Question) { q.Purpose = "benefits.casework" }, rules: []string{"terms-purpose"}},
		{name: "unknown and of high risk", estate: func(s *small) { delete(s.vendor.Terms[0].Purposes, "benefits") }, ask: func(q *policy.Question) { q.Purpose = "benefits.casework" }, rules: []string{"terms-purpose"}},
		{name: "an obligation that nobody attests", estate: func(s *small) {
			s.vendor.Terms[0].Purposes["admin"] = catalog.Term{Verdict: "conditional", Obligations: []string{"HUMAN_REVIEW"}}
		}, rules: []string{"obligations"}},
		{name: "an obligation whose gate is not built", estate: func(s *small) {
			s.vendor.Terms[0].Purposes["admin"] = catalog.Term{Verdict: "conditional", Obligations: []string{"NO_TOOLS"}}
		}, rules: []string{"obligations"}},
		{name: "organisation left out", estate: func(s *small) { s.vendor.Terms[0].Barred = catalog.Barred{Organisations: []string{"benefits"}} }, rules: []string{"organisation"}},
		{name: "competitor", estate: func(s *small) { s.letters.Competitors = []string{"aws"} }, rules: []string{"competitor"}},
		{name: "another dialect", estate: func(s *small) { s.gov.Endpoint.Dialect = "anthropic" }, rules: []string{"dialect"}},
		{name: "embeddings of a chat model", ask: func(q *policy.Question) { q.Action = call.Embeddings }, rules: []string{"action"}},
		{name: "a capability that the row does not grant", ask: func(q *policy.Question) {
			q.Needs = []policy.Need{{Capability: call.WebSearch, Field: "tools[0].type"}}
		}, rules: []string{"capability"}},
		{name: "a modality", ask: func(q *policy.Question) { q.Modalities = []string{"audio"} }, rules: []string{"modality"}},
		{name: "too long", ask: func(q *policy.Question) { q.LeastTokens = 1001 }, rules: []string{"context"}},
		{name: "status in force", estate: func(s *small) {
			s.Statuses = []*catalog.Status{{ID: "x", State: "in_force", Covers: catalog.Cover{Cloud: "aws"}, Source: catalog.Source{File: "exclusions/x.yaml", Line: 3}}}
		}, rules: []string{"status"}, source: "exclusions/x.yaml:3"},
		{name: "several at once", estate: func(s *small) {
			s.gov.Enablement.State, s.gov.Endpoint.FIPS, s.gov.Handling.Training = "pending", "false", "true"
		}, rules: []string{"enablement", "crypto", "handling"}},

		{name: "below the floor", estate: func(s *small) { s.letters.Marking.Floor = "CUI" }, ask: marked("UNCLASSIFIED"), rules: []string{"marking-floor"}, ofCall: true, kind: fault.BelowFloor, source: "workloads/letters.yaml:1"},
		{name: "above the ceiling", ask: marked("CUI//SP-CTI"), rules: []string{"marking-ceiling"}, ofCall: true, kind: fault.AboveCeiling},
		{name: "enclave's authorisation expired", estate: func(s *small) { s.Enclave.Authorisation.Expires = date("2026-11-23") }, rules: []string{"enclave-authorisation"}, ofCall: true, kind: fault.Denied},
		{name: "audience's document expired", estate: func(s *small) { s.letters.Audience.Expires = date("2026-11-23") }, rules: []string{"audience-dates"}, ofCall: true, kind: fault.Denied},
		{name: "audience may hold no CUI", estate: func(s *small) { s.letters.Audience.Subject.CUI = catalog.Listing{Set: true, Items: []string{"TAX"}} }, ask: marked("CUI//SP-PRVCY"), rules: []string{"access-of-subject"}, ofCall: true, kind: fault.Denied},
		{name: "a purpose that is not the workload's", ask: func(q *policy.Question) { q.Purpose = "mil.planning" }, rules: []string{"purpose"}, ofCall: true, kind: fault.Denied},
		{name: "a purpose that no table has", estate: func(s *small) { s.letters.Purposes = append(s.letters.Purposes, "gardening") }, ask: func(q *policy.Question) { q.Purpose = "gardening" }, rules: []string{"purpose"}, ofCall: true, kind: fault.Denied},
		{name: "high-impact without practices", estate: func(s *small) { s.letters.HighImpact.State = "yes" }, rules: []string{"high-impact"}, ofCall: true, kind: fault.Denied},
	}
}

func TestRules_EachForbidsByItself(t *testing.T) {
	for _, c := range changes(t) {
		t.Run(c.name, func(t *testing.T) {
			s := newSmall()
			if c.estate != nil {
				c.estate(s)
			}
			q := s.question(t)
			if c.ask != nil {
				c.ask(&q)
			}
			e := compile(t, s.Estate, built)
			d := e.Decide(q)
			name := s.gov.Name
			if c.ofCall {
				name = ""
				if d.Permit != nil || d.Refusal.Kind != c.kind {
					t.Errorf("decision %+v, want a refusal of kind %s", d, c.kind)
				}
			} else if slices.Contains(permitted(d), name) {
				t.Errorf("permitted %v", permitted(d))
			}
			if got := forbidding(d.Reasons, name); !slices.Equal(got, c.rules) {
				t.Errorf("forbidden by %v, want %v", got, c.rules)
			}
			if i := slices.IndexFunc(d.Reasons, func(r fault.Reason) bool { return r.Offering == name }); c.source != "" && i >= 0 && d.Reasons[i].Source != c.source {
				t.Errorf("source %q, want %q", d.Reasons[i].Source, c.source)
			}
			if v := e.Judge(q, s.gov); v.Allowed || !slices.Equal(forbidding(v.Reasons, name), c.rules) {
				t.Errorf("Judge says %+v", v)
			}
		})
	}
}

func TestRules_EveryRuleHasACase(t *testing.T) {
	var tested []string
	for _, c := range changes(t) {
		tested = append(tested, c.rules...)
	}
	// Tested elsewhere: enclave.go of this folder, agency_test.go, terms_test.go.
	tested = append(tested, "enclave-ceiling", "agency-policy", "deployment")
	for _, r := range policy.Rules() {
		if !slices.Contains(tested, r.Name) || r.Meaning == "" {
			t.Errorf("rule %s has no case, or no meaning", r.Name)
		}
	}
}

func TestDecide_NamesEveryOfferingAndWhatWouldServe(t *testing.T) {
	s := newSmall()
	s.gov.Enablement.State, s.own.Handling.Training = "withdrawn", "true"
	s.letters.Aliases["chat"].Offerings = []*catalog.Offering{s.gov}
	s.own.Handling.Training = "false"
	d := compile(t, s.Estate, built).Decide(s.question(t))
	if d.Refusal == nil || d.Refusal.Kind != fault.NoEligibleOffering || !d.Refusal.NoRetry {
		t.Fatalf("decision %+v", d)
	}
	for _, want := range []string{`alias "chat"`, "CUI", "gov/big: acme has withdrawn its enablement", `The alias "home" may serve it.`} {
		if !strings.Contains(d.Refusal.Message, want) {
			t.Errorf("message %q does not say %q", d.Refusal.Message, want)
		}
	}
}

func TestDecide_BriefSaysLessAndRecordsAll(t *testing.T) {
	s := newSmall()
	s.letters.RefusalDetail = "brief"
	s.gov.Enablement.State, s.own.Enablement.State = "pending", "pending"
	d := compile(t, s.Estate, built).Decide(s.question(t))
	if d.Refusal == nil || strings.Contains(d.Refusal.Message, "gov") || len(d.Refusal.Reasons) != 1 {
		t.Fatalf("refusal %+v", d.Refusal)
	}
	if r := d.Refusal.Reasons[0]; r.Rule != "enablement" || r.Offering != "" || r.Source != "" {
		t.Errorf("reason %+v", r)
	}
	if len(d.Reasons) != 2 || d.Reasons[0].Source == "" {
		t.Errorf("for the record: %+v", d.Reasons)
	}
}

func TestPermit_ProvesOneCallForAWhile(t *testing.T) {
	s := newSmall()
	d := compile(t, s.Estate, built).Decide(s.question(t))
	facts := [32]byte{1}
	if err := d.Permit.Check("C1", facts, today); err != policy.ErrUnbound {
		t.Errorf("unbound: %v", err)
	}
	p, err := d.Permit.Bind("C1", facts)
	if err != nil || p.Call() != "C1" || p.Facts() != facts {
		t.Fatal(p, err)
	}
	if err := p.Check("C1", facts, today); err != nil {
		t.Error(err)
	}
	if _, err := p.Bind("C2", facts); err == nil {
		t.Error("a permit was bound twice")
	}
	for name, err := range map[string]error{
		"another call":  p.Check("C2", facts, today),
		"other facts":   p.Check("C1", [32]byte{2}, today),
		"over":          p.Check("C1", facts, p.Until()),
		"zero":          new(policy.Permit).Check("", [32]byte{}, today),
		"nil":           (*policy.Permit)(nil).Check("", [32]byte{}, time.Time{}),
		"bound to none": func() error { _, err := d.Permit.Bind("", facts); return err }(),
		"zero bound":    func() error { _, err := new(policy.Permit).Bind("C1", facts); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if zero := new(policy.Permit); zero.Len() != 0 || zero.Offering(0) != nil || zero.Duties(0) != nil || zero.Estate() != "" {
		t.Error("the zero permit permits")
	}
	if p.Offering(2) != nil || p.Offering(-1) != nil {
		t.Error("an offering outside the permit")
	}
}

func TestDecide_RefusesWhatIsOfAnotherEstate(t *testing.T) {
	s, other := newSmall(), newSmall()
	e := compile(t, s.Estate, built)
	if d := e.Decide(other.question(t)); d.Permit != nil || d.Refusal.Kind != fault.Denied {
		t.Errorf("a workload of another estate: %+v", d)
	}
	q := s.question(t)
	q.Alias = other.letters.Aliases["chat"]
	if d := e.Decide(q); d.Permit != nil {
		t.Errorf("an alias of another estate: %+v", d)
	}
	if v := e.Judge(s.question(t), other.gov); v.Allowed {
		t.Error("an offering of another estate")
	}
}

// Nothing that is said to a caller names what it has not been read into.
func TestDecide_TextsNameNoReadIn(t *testing.T) {
	top := catalog.Ceiling{Clearance: "TS", Readins: []string{"SI", "SI-G", "SAR-BP"}, Citizenship: []string{"USA"}, Affiliation: "US-FED",
		CUI: catalog.Listing{Set: true, Any: true}, Controls: catalog.Listing{Set: true, Any: true}}
	s := newSmall()
	s.Enclave.Domain, s.Enclave.Ceiling = catalog.TopSecret, top
	for _, o := range s.Offerings {
		o.Endpoint.In.Domain = catalog.TopSecret
		o.Authorisations[0].Ceiling = catalog.Ceiling{Banner: "TOP SECRET//SI//NOFORN"}
	}
	s.letters.Marking = catalog.MarkingRange{Default: "UNCLASSIFIED", Floor: "UNCLASSIFIED", Ceiling: "TOP SECRET//SI-G//ORCON/NOFORN"}
	s.letters.Audience.Subject = catalog.Ceiling{Clearance: "TS", Citizenship: []string{"USA"}, Affiliation: "US-FED"}
	e := compile(t, s.Estate, built)
	person, err := policy.NewPerson(marking.Spec{Clearance: "S", Citizenship: []string{"USA"}, Affiliation: "US-FED"})
	if err != nil {
		t.Fatal(err)
	}
	for _, banner := range []string{"TOP SECRET//SI-G//ORCON/NOFORN", "TOP SECRET//SAR-BP//NOFORN", "SECRET//SI//NOFORN", "TOP SECRET//SI/TK//NOFORN"} {
		for _, p := range []*policy.Person{nil, person} {
			q := s.question(t)
			q.Label, q.Principal.Person = label(t, banner), p
			d := e.Decide(q)
			if d.Refusal == nil {
				t.Fatalf("%s: permitted", banner)
			}
			texts := d.Refusal.Message
			for _, r := range d.Refusal.Reasons {
				texts += "\n" + r.Why
			}
			for _, word := range []string{"SI", "TK", "SAR", "BP", "-G"} {
				if strings.Contains(texts, word) {
					t.Errorf("%s: %q is named:\n%s", banner, word, texts)
				}
			}
		}
	}
}
