package policy_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/marking"
	"bulkhead/policy"
)

// dice makes random estates and questions out of a few of everything, so that
// rules meet each other often. The calmer they are, the less is forbidden; they
// are calm but for one theme, so that most of what is refused is refused by it.
type dice struct {
	*rand.Rand
	calm int
	hot  string // the theme that is not calm
}

// on are the dice for a theme.
func (d dice) on(theme string) dice {
	if d.hot == theme {
		d.calm = 1
	}
	return d
}

// often gives the usual, and now and then something else.
func often[T any](d dice, usual T, others ...T) T {
	if d.IntN(1+d.calm) > 0 {
		return usual
	}
	return pick(d, others...)
}

func pick[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

func pickOf[T any](seed uint64, from ...T) T { return from[seed%uint64(len(from))] }

// one is true once in n, and less often in calm.
func (d dice) one(n int) bool { return d.IntN(n*d.calm) == 0 }

// some gives each of the words with a chance of one in n.
func (d dice) some(n int, words ...string) []string {
	var out []string
	for _, w := range words {
		if d.IntN(n) == 0 {
			out = append(out, w)
		}
	}
	return out
}

// day is one of ten days, on which everything happens.
func (d dice) day() time.Time { return date("2026-06-01").AddDate(0, 0, 7*d.IntN(10)) }

var banners = map[catalog.Domain][]string{
	catalog.Unclassified: {"UNCLASSIFIED", "CUI", "CUI//SP-PRVCY", "CUI//SP-EXPT", "CUI//NOCON", "CUI//FED ONLY", "CUI//FEDCON", "CUI//SP-CTI", "UNCLASSIFIED//NOFORN", "CUI//REL TO USA, GBR", "UNCLASSIFIED//PROPIN"},
	catalog.Secret:       {"UNCLASSIFIED", "CUI", "SECRET//NOFORN", "SECRET//REL TO USA, GBR", "CONFIDENTIAL//REL TO USA, FVEY", "SECRET//SI//NOFORN", "SECRET//NOFORN/PROPIN", "CUI//NOCON"},
}

// widest are the ceilings that leave most to the other rules.
var widest = map[catalog.Domain]string{catalog.Unclassified: "CUI//SP-CTI/SP-EXPT/SP-PRVCY//FED ONLY/NOFORN", catalog.Secret: "TOP SECRET//SI//NOFORN/PROPIN"}

func (d dice) ceiling(domain catalog.Domain) catalog.Ceiling {
	if d.one(4) {
		return catalog.Ceiling{Banner: pick(d, banners[domain]...)}
	}
	c := catalog.Ceiling{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: often(d, "US-FED", "CONTRACTOR"),
		CUI: catalog.Listing{Set: !d.one(8), Any: !d.one(4), Items: []string{"SP-PRVCY", "SP-EXPT"}}, Controls: catalog.Listing{Set: !d.one(8), Any: true}}
	if domain == catalog.Secret {
		c.Clearance = often(d, "S", "TS", "C")
		c.Readins = d.some(2, "SI")
	}
	return c
}

func (d dice) authorisation(scheme string, domain catalog.Domain) catalog.Authorisation {
	a := catalog.Authorisation{Scheme: scheme, Document: "D", Issued: date("2026-01-01"), Expires: date("2030-01-01"), Ceiling: d.ceiling(domain)}
	if d.one(6) {
		a.Issued = d.day()
	}
	if d.one(6) {
		a.Expires = d.day()
	}
	return a
}

func (d dice) term() catalog.Term {
	switch often(d, 2, 0, 1) {
	case 0:
		return say("prohibited")
	case 1:
		return say("conditional", pick(d, "HUMAN_REVIEW", "CONTRACT_MOD(P1)", "NO_TOOLS", "LOGGING(full)", "CLOUD_ONLY", "CLASSIFIER(x)"))
	}
	return say("allowed")
}

func (d dice) verdicts() map[string]catalog.Term {
	out := map[string]catalog.Term{}
	for _, code := range []string{"admin", "admin.drafting", "benefits", "benefits.casework", "mil.planning"} {
		if often(d, true, false) {
			out[code] = d.term()
		}
	}
	return out
}

func (d dice) barred() catalog.Barred {
	if !d.one(6) {
		return catalog.Barred{}
	}
	return catalog.Barred{Organisations: d.some(3, "benefits", "press"), Intelligence: d.one(2), Unless: catalog.Obligation(pick(d, "", "CONTRACT_MOD(P1)"))}
}

func (d dice) attestations() []catalog.Attestation {
	var out []catalog.Attestation
	for _, name := range d.some(2, "HUMAN_REVIEW", "CONTRACT_MOD(P1)", "CLASSIFIER(x)", "NO_TOOLS") {
		out = append(out, catalog.Attestation{Obligation: catalog.Obligation(name), Purposes: d.some(6, "admin.drafting"), Expires: pick(d, d.day(), date("2030-01-01"), date("2030-01-01"))})
	}
	return out
}

// estate makes an estate of up to three workloads and eight offerings.
func (d dice) estate() *catalog.Estate {
	domain := pick(d, catalog.Unclassified, catalog.Unclassified, catalog.Secret)
	e := &catalog.Estate{Digest: "sha256:x", Workloads: map[string]*catalog.Workload{}}
	e.Enclave = catalog.Enclave{Name: "e", Domain: domain, Ceiling: d.ceiling(domain), Authorisation: d.authorisation("agency-ato", domain),
		Territory: pick(d, []string{"US"}, []string{"US", "GB"}), Crypto: pick(d, "none", "fips", "cnsa1")}
	e.Purposes = []catalog.Purpose{{Code: "admin", Below: true, Risk: catalog.Low}, {Code: "benefits.casework", Risk: catalog.High}, {Code: "mil.planning", Risk: catalog.High}}
	for _, name := range []string{"acme", "bolt"} {
		v := &catalog.Vendor{Name: name, Models: map[string]*catalog.Model{}}
		for _, m := range []string{"a", "b"} {
			model := &catalog.Model{Vendor: name, Name: m, Modalities: often(d, []string{"text", "image"}, []string{"text"}), Product: pick(d, "", "P", "Q"), Context: pick(d, int64(0), 1000, 9000)}
			if d.one(8) {
				model.Capabilities = []string{"embeddings"}
			}
			v.Models[m] = model
		}
		for i := range often(d.on("terms"), 1, 0, 2, 3) {
			d := d.on("terms")
			t := catalog.Terms{ID: pick(d, "usage", "usage", "gov"), Version: fmt.Sprint(i), Retrieved: d.day(), Purposes: d.verdicts(), Barred: d.barred(), CloudOnly: d.one(10)}
			if !d.one(4) {
				t.Adopted = catalog.Adoption{By: "A", Date: often(d, date("2026-01-01"), d.day())}
			}
			v.Terms = append(v.Terms, t)
		}
		e.Vendors = append(e.Vendors, v)
	}
	for _, name := range []string{"k1", "k2"} {
		k := &catalog.Contract{Name: name, Lines: map[string]*catalog.Line{"1": {Contract: name, Number: "1"}}}
		for range often(d.on("terms"), 0, 1, 2) {
			d := d.on("terms")
			lay := &catalog.Overlay{Contract: name, Vendor: pick(d, "acme", "bolt"), Purposes: d.verdicts(), Barred: d.barred(), CloudOnly: d.one(10)}
			if d.one(2) {
				lay.Clause, lay.Approver = "C", "A"
			}
			k.Overlays = append(k.Overlays, lay)
		}
		e.Contracts = append(e.Contracts, k)
	}
	d.offerings(e, domain)
	for _, name := range []string{"letters", "press", "watch"}[:1+d.IntN(3)] {
		d.workload(e, name, domain)
	}
	d.exclusions(e)
	return e
}

func (d dice) offerings(e *catalog.Estate, domain catalog.Domain) {
	regions := map[string]string{"r1": "US", "r2": "US", "r3": "GB", "r4": ""}
	for i := range 1 + d.IntN(8) {
		cloud, dates, people, d := pick(d, "aws", "azure", "own"), d.on("dates"), d.on("people"), d.on("place")
		place := &catalog.Partition{Name: cloud + "-p", Cloud: cloud, Domain: domain, Regions: regions}
		if d.one(20) {
			place.Domain = catalog.TopSecret
		}
		if cloud == "own" || d.one(10) {
			place.Declared, place.Ceiling = true, d.ceiling(domain)
		}
		end := &catalog.Endpoint{Name: fmt.Sprint("e", i), Cloud: cloud, Partition: place.Name, In: place, Region: often(d, "r1", "r3"), FIPS: often(d, "true", "", "false"),
			URL: often(d, "https://h.example", "http://127.0.0.1:1", "http://h.example"), Dialect: often(d, "openai", "anthropic", "gemini")}
		v := pick(d, e.Vendors...)
		o := &catalog.Offering{Name: end.Name + "/o", Index: i, Endpoint: end, Model: v.Models[pick(d, "a", "b")], Regions: often(d, []string{"r1"}, []string{"r1", "r2"}, []string{"r1", "r3"}, []string{"r2"}, []string{"r4"}),
			Handling: catalog.Handling{CloudStaff: often(people, "none", "us_federal", "us_citizens", "us_persons", "anyone", ""), VendorStaff: often(people, "none", "us_citizens", "anyone", ""),
				Training: often(people, "false", "true", ""), HumanReview: often(people, "false", "true", "")},
			Enablement:   catalog.Enablement{State: often(dates, "enabled", "pending", "withdrawn"), From: often(dates, time.Time{}, d.day())},
			Attestations: d.attestations()}
		for _, scheme := range []string{"fedramp", "agency-ato", "dod-pa", "fedramp"} {
			if scheme == "dod-pa" && !d.one(4) || d.one(8) {
				continue
			}
			o.Authorisations = append(o.Authorisations, dates.authorisation(scheme, domain))
		}
		for range d.IntN(2) {
			o.Enablement.Notices = append(o.Enablement.Notices, catalog.Notice{Sent: d.day(), Days: d.IntN(20), Workloads: d.some(3, "letters", "press")})
		}
		for _, g := range d.some(2, "web_search", "store") {
			o.Grants = append(o.Grants, call.Capability(g))
		}
		switch d.IntN(3) {
		case 0:
			o.Line = e.Contracts[0].Lines["1"]
		case 1:
			o.DependsOn.Contract = "k2"
		}
		e.Offerings, e.Endpoints = append(e.Offerings, o), append(e.Endpoints, end)
	}
}

func (d dice) workload(e *catalog.Estate, name string, domain catalog.Domain) {
	d = d.on("dates")
	w := &catalog.Workload{Name: name, Owner: catalog.Owner{Agency: "low", Organisation: pick(d, "benefits", "press"), Intelligence: d.one(4), NSS: d.one(3), SensitiveCustomer: d.one(5), Contractor: d.one(4)},
		Purposes: [][]string{{"admin.drafting", "benefits.casework"}, {"benefits.casework", "mil.planning"}, {"admin", "gardening"}}[d.IntN(3)],
		Marking:  catalog.MarkingRange{Default: "UNCLASSIFIED", Floor: often(d, "UNCLASSIFIED", "CUI"), Ceiling: often(d, widest[domain], banners[domain][2:]...)},
		Audience: catalog.Audience{Subject: d.ceiling(domain), Expires: often(d, date("2030-01-01"), d.day())},
		Class:    pick(d, "", "critical", "routine"), Competitors: d.some(10, "acme", "aws"), Attestations: d.attestations(), Aliases: map[string]*catalog.Alias{}}
	if w.Audience.Subject.Banner != "" {
		w.Audience.Subject = catalog.Ceiling{Clearance: "S", Citizenship: []string{"USA"}, Affiliation: "US-FED"}
	}
	if d.one(8) {
		w.HighImpact = catalog.HighImpact{State: pick(d, "yes", "no"), Practices: pick(d, "", "D"), Expires: pick(d, time.Time{}, d.day())}
	}
	for _, alias := range []string{"x", "y"} {
		a := &catalog.Alias{Name: alias}
		for _, o := range e.Offerings {
			if !d.one(4) {
				a.Offerings = append(a.Offerings, o)
			}
		}
		w.Aliases[alias] = a
	}
	e.Workloads[name] = w
}

func (d dice) exclusions(e *catalog.Estate) {
	d = d.on("exclusions")
	cover := func() catalog.Cover {
		return pick(d, catalog.Cover{Vendor: "acme"}, catalog.Cover{Vendor: "bolt", Product: "P"}, catalog.Cover{Model: "acme/a"}, catalog.Cover{Cloud: "aws", Vendor: "acme"}, catalog.Cover{Offering: "e0/o"})
	}
	for i := range often(d, 0, 1, 2, 3) {
		s := &catalog.Status{ID: fmt.Sprint("s", i), State: pick(d, "in_force", "in_force", "unknown", "stayed", "vacated"), Covers: cover(),
			Binds: catalog.Binds{Organisations: d.some(6, "benefits", "low"), Contractors: d.one(6), NSS: d.one(8)}}
		if d.one(8) {
			s.Binds.Lines = []*catalog.Line{e.Contracts[0].Lines["1"]}
		}
		if d.IntN(2) == 0 {
			s.From = d.day()
		}
		if d.IntN(2) == 0 {
			s.Until = s.From.AddDate(0, 0, 1+d.IntN(60))
			if s.From.IsZero() {
				s.Until = d.day()
			}
		}
		e.Statuses = append(e.Statuses, s)
	}
	for i := range often(d, 0, 1, 2, 3) {
		p := &catalog.PhaseOut{ID: fmt.Sprint("p", i), Covers: cover()}
		if len(e.Statuses) > 0 && d.IntN(3) > 0 {
			p.Status = pick(d, e.Statuses...)
			p.Covers = p.Status.Covers
		}
		for range 1 + d.IntN(2) {
			p.Stages = append(p.Stages, catalog.Stage{From: d.day(), Workloads: d.some(3, "critical", "routine", "letters")})
		}
		e.PhaseOuts = append(e.PhaseOuts, p)
	}
	for i := range d.IntN(3) {
		x := &catalog.Exemption{ID: fmt.Sprint("x", i), Workloads: d.some(2, "letters", "press", "watch"), Expires: d.day()}
		if len(e.Statuses) > 0 && d.IntN(2) == 0 {
			x.Status = pick(d, e.Statuses...)
			x.Workloads = []string{"letters", "press"}
		} else if len(e.PhaseOuts) > 0 {
			x.PhaseOut = pick(d, e.PhaseOuts...)
		}
		e.Exemptions = append(e.Exemptions, x)
	}
}

// agencyRules are policies that estates may have, each in Cedar and in Go.
var agencyRules = []agencyRule{
	{permitAll, false, func(*policy.Question, string, *catalog.Offering) bool { return true }},
	{`permit(principal, action, resource) when { resource.own };`, false, func(_ *policy.Question, _ string, o *catalog.Offering) bool { return o.Endpoint.Cloud == "own" }},
	{`forbid(principal, action, resource in Bulkhead::Vendor::"acme") when { context.call.marking.cui };`, true, func(q *policy.Question, _ string, o *catalog.Offering) bool {
		return o.Model.Vendor == "acme" && q.Label.CUI()
	}},
	{`forbid(principal in Bulkhead::Organisation::"low/press", action, resource in Bulkhead::Cloud::"azure");`, true, func(q *policy.Question, _ string, o *catalog.Offering) bool {
		return q.Workload.Owner.Organisation == "press" && o.Endpoint.Cloud == "azure"
	}},
	{`forbid(principal, action, resource) when { context.now >= datetime("2026-07-01") && context.call.purpose like "benefits.*" };`, true, func(q *policy.Question, purpose string, _ *catalog.Offering) bool {
		return !q.Now.Before(date("2026-07-01")) && strings.HasPrefix(purpose, "benefits.")
	}},
	{`permit(principal, action, resource) when { context.now < datetime("2026-07-08") };`, false, func(q *policy.Question, _ string, _ *catalog.Offering) bool { return q.Now.Before(date("2026-07-08")) }},
	{`forbid(principal is Bulkhead::Person, action, resource) when { principal.id == "p2" && context.call.capabilities.contains("store") };`, true, func(q *policy.Question, _ string, _ *catalog.Offering) bool {
		return q.Principal.Person != nil && q.Principal.ID == "p2" && slices.ContainsFunc(q.Needs, func(n policy.Need) bool { return n.Capability == call.Store })
	}},
	{`forbid(principal == Bulkhead::Service::"p2", action, resource) when { resource.model.context != 1000 };`, true, func(q *policy.Question, _ string, o *catalog.Offering) bool {
		return q.Principal.Person == nil && q.Principal.ID == "p2" && o.Model.Context != 1000
	}},
	{`forbid(principal, action, resource) when { context.call.marking.level + 9223372036854775807 > 0 && resource.name == "e1/o" };`, true, func(q *policy.Question, _ string, o *catalog.Offering) bool {
		return q.Label.Level() > 0 || o.Name == "e1/o" // adding to the largest number fails, which denies
	}},
}

func (d dice) question(e *catalog.Estate, people []*policy.Person) policy.Question {
	w := e.Workloads[pick(d, sortedNames(e.Workloads)...)]
	d = d.on("call")
	q := policy.Question{Workload: w, Alias: w.Aliases[pick(d, "x", "y")], Label: read(pick(d, banners[e.Enclave.Domain]...)), Principal: policy.Principal{ID: pick(d, "p1", "p2")},
		Purpose: often(d, "", w.Purposes[0], w.Purposes[1], "mil.planning"), Action: often(d, call.Chat, call.Embeddings), Dialect: "openai", Now: d.day().Add(time.Duration(d.IntN(14)) * 12 * time.Hour)}
	if d.one(3) {
		q.Label = q.Label.Join(read(pick(d, banners[e.Enclave.Domain]...)))
	}
	if d.one(2) {
		q.Needs = []policy.Need{{Capability: pick(d, call.Store, call.WebSearch), Field: "f"}}
	}
	if d.one(2) {
		q.Modalities = []string{"text", "image"}
	}
	if d.one(2) {
		q.LeastTokens = pick(d, int64(1000), 1001, 20000)
	}
	if d.one(2) {
		q.Principal.Person = pick(d, people...)
	}
	return q
}

func sortedNames[T any](m map[string]T) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// personMay is the oracle's say on the person.
func personMay(q *policy.Question, people map[*policy.Person]marking.Spec) bool {
	if q.Principal.Person == nil {
		return true
	}
	s, err := marking.Person(people[q.Principal.Person])
	return err == nil && s.May(q.Label).Allow
}

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
		d := dice{rand.New(rand.NewPCG(seed, 4)), pickOf(seed, 30, 30, 30, 8, 1), pickOf(seed/5, "terms", "exclusions", "exclusions", "people", "dates", "place", "agency", "call")}
		e := d.estate()
		x := &oracle{e: e, built: policy.Options{Dialects: map[string][]string{"openai": {"openai", "gemini"}}, Gates: pick(d, nil, []policy.Gate{policy.Capture}, []policy.Gate{policy.NoTools, policy.Capture})}}
		if d.IntN(2) == 0 {
			text := ""
			for _, r := range agencyRules {
				if r.cedar == permitAll && d.IntN(4) > 0 || d.IntN(6) < often(d.on("agency"), 1, 3) {
					x.rules = append(x.rules, r)
					text += r.cedar + "\n"
				}
			}
			e.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: text}}
		}
		engine := compile(t, e, x.built)
		forgetful := x.built
		forgetful.Remembered = -1
		afresh := compile(t, e, forgetful)
		var last policy.Question
		for i := range perEstate {
			q := d.question(e, people)
			if i%2 == 1 { // the one before, but for one thing
				q = last
				if d.IntN(2) == 0 {
					q.Principal.ID = pick(d, "p1", "p2")
				} else {
					q.Now = q.Now.Add(time.Duration(d.IntN(28)-14) * 12 * time.Hour)
				}
			}
			last = q
			var want []string
			for _, o := range q.Alias.Offerings {
				if x.allows(q, o) && personMay(&q, specs) {
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
