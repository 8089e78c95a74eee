// Package policytest holds, for tests alone, what package policy and the path of
// a call are tried against: [Dice] that make estates and questions, and an
// [Oracle] that says slowly, and by other means than the engine, what may be
// served.
package policytest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
)

// Dice makes random estates and questions out of a few of everything, so that
// rules meet each other often. The calmer they are, the less is forbidden; they
// are calm but for one theme, so that most of what is refused is refused by it.
type Dice struct {
	*rand.Rand
	Calm  int
	Hot   string    // the theme that is not calm
	First time.Time // of the ten weeks in which everything happens
}

// NewDice are the dice of a seed. Of five seeds three are calm.
func NewDice(seed uint64) Dice {
	pick := func(n uint64, from ...string) string { return from[n%uint64(len(from))] }
	return Dice{Rand: rand.New(rand.NewPCG(seed, 4)), Calm: []int{30, 30, 30, 8, 1}[seed%5], First: date("2026-06-01"),
		Hot: pick(seed/5, "terms", "exclusions", "exclusions", "people", "dates", "place", "agency", "call")}
}

// on are the dice for a theme.
func (d Dice) on(theme string) Dice {
	if d.Hot == theme {
		d.Calm = 1
	}
	return d
}

// Often gives the usual, and now and then something else.
func Often[T any](d Dice, usual T, others ...T) T {
	if d.IntN(1+d.Calm) > 0 {
		return usual
	}
	return Pick(d, others...)
}

// Pick gives one of several.
func Pick[T any](d Dice, from ...T) T { return from[d.IntN(len(from))] }

// one is true once in n, and less often in calm.
func (d Dice) one(n int) bool { return d.IntN(n*d.Calm) == 0 }

// some gives each of the words with a chance of one in n.
func (d Dice) some(n int, words ...string) []string {
	var out []string
	for _, w := range words {
		if d.IntN(n) == 0 {
			out = append(out, w)
		}
	}
	return out
}

// Day is one of ten days, on which everything happens.
func (d Dice) Day() time.Time { return d.First.AddDate(0, 0, 7*d.IntN(10)) }

// before and after are long before and after the ten weeks.
func (d Dice) before() time.Time { return d.First.AddDate(0, -5, 0) }
func (d Dice) after() time.Time  { return d.First.AddDate(3, 7, 0) }

// Banners are markings that estates and questions are made of, by domain.
var Banners = map[catalog.Domain][]string{
	catalog.Unclassified: {"UNCLASSIFIED", "CUI", "CUI//SP-PRVCY", "CUI//SP-EXPT", "CUI//NOCON", "CUI//FED ONLY", "CUI//FEDCON", "CUI//SP-CTI", "UNCLASSIFIED//NOFORN", "CUI//REL TO USA, GBR", "UNCLASSIFIED//PROPIN"},
	catalog.Secret:       {"UNCLASSIFIED", "CUI", "SECRET//NOFORN", "SECRET//REL TO USA, GBR", "CONFIDENTIAL//REL TO USA, FVEY", "SECRET//SI//NOFORN", "SECRET//NOFORN/PROPIN", "CUI//NOCON"},
}

// widest are the ceilings that leave most to the other rules.
var widest = map[catalog.Domain]string{catalog.Unclassified: "CUI//SP-CTI/SP-EXPT/SP-PRVCY//FED ONLY/NOFORN", catalog.Secret: "TOP SECRET//SI//NOFORN/PROPIN"}

func (d Dice) ceiling(domain catalog.Domain) catalog.Ceiling {
	if d.one(4) {
		return catalog.Ceiling{Banner: Pick(d, Banners[domain]...)}
	}
	c := catalog.Ceiling{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: Often(d, "US-FED", "CONTRACTOR"),
		CUI: catalog.Listing{Set: !d.one(8), Any: !d.one(4), Items: []string{"SP-PRVCY", "SP-EXPT"}}, Controls: catalog.Listing{Set: !d.one(8), Any: true}}
	if domain == catalog.Secret {
		c.Clearance = Often(d, "S", "TS", "C")
		c.Readins = d.some(2, "SI")
	}
	return c
}

func (d Dice) authorisation(scheme string, domain catalog.Domain) catalog.Authorisation {
	a := catalog.Authorisation{Scheme: scheme, Document: "D", Issued: d.before(), Expires: d.after(), Ceiling: d.ceiling(domain)}
	if d.one(6) {
		a.Issued = d.Day()
	}
	if d.one(6) {
		a.Expires = d.Day()
	}
	return a
}

func (d Dice) term() catalog.Term {
	switch Often(d, 2, 0, 1) {
	case 0:
		return catalog.Term{Verdict: "prohibited"}
	case 1:
		return catalog.Term{Verdict: "conditional", Obligations: []string{Pick(d, "HUMAN_REVIEW", "CONTRACT_MOD(P1)", "NO_TOOLS", "LOGGING(full)", "CLOUD_ONLY", "CLASSIFIER(x)")}}
	}
	return catalog.Term{Verdict: "allowed"}
}

func (d Dice) verdicts() map[string]catalog.Term {
	out := map[string]catalog.Term{}
	for _, code := range []string{"admin", "admin.drafting", "benefits", "benefits.casework", "mil.planning"} {
		if Often(d, true, false) {
			out[code] = d.term()
		}
	}
	return out
}

func (d Dice) barred() catalog.Barred {
	if !d.one(6) {
		return catalog.Barred{}
	}
	return catalog.Barred{Organisations: d.some(3, "benefits", "press"), Intelligence: d.one(2), Unless: catalog.Obligation(Pick(d, "", "CONTRACT_MOD(P1)"))}
}

func (d Dice) attestations() []catalog.Attestation {
	var out []catalog.Attestation
	for _, name := range d.some(2, "HUMAN_REVIEW", "CONTRACT_MOD(P1)", "CLASSIFIER(x)", "NO_TOOLS") {
		out = append(out, catalog.Attestation{Obligation: catalog.Obligation(name), Purposes: d.some(6, "admin.drafting"), Expires: Pick(d, d.Day(), d.after(), d.after())})
	}
	return out
}

// Estate makes an estate of up to three workloads and eight offerings.
func (d Dice) Estate() *catalog.Estate {
	domain := Pick(d, catalog.Unclassified, catalog.Unclassified, catalog.Secret)
	e := &catalog.Estate{Digest: "sha256:x", Workloads: map[string]*catalog.Workload{}}
	e.Enclave = catalog.Enclave{Name: "e", Domain: domain, Ceiling: d.ceiling(domain), Authorisation: d.authorisation("agency-ato", domain),
		Territory: Pick(d, []string{"US"}, []string{"US", "GB"}), Crypto: Pick(d, "none", "fips", "cnsa1")}
	e.Purposes = []catalog.Purpose{{Code: "admin", Below: true, Risk: catalog.Low}, {Code: "benefits.casework", Risk: catalog.High}, {Code: "mil.planning", Risk: catalog.High}}
	for _, name := range []string{"acme", "bolt"} {
		v := &catalog.Vendor{Name: name, Models: map[string]*catalog.Model{}}
		for _, m := range []string{"a", "b"} {
			model := &catalog.Model{Vendor: name, Name: m, Modalities: Often(d, []string{"text", "image"}, []string{"text"}), Product: Pick(d, "", "P", "Q"), Context: Pick(d, int64(0), 1000, 9000)}
			if d.one(8) {
				model.Capabilities = []string{"embeddings"}
			}
			v.Models[m] = model
		}
		for i := range Often(d.on("terms"), 1, 0, 2, 3) {
			d := d.on("terms")
			t := catalog.Terms{ID: Pick(d, "usage", "usage", "gov"), Version: fmt.Sprint(i), Retrieved: d.Day(), Purposes: d.verdicts(), Barred: d.barred(), CloudOnly: d.one(10)}
			if !d.one(4) {
				t.Adopted = catalog.Adoption{By: "A", Date: Often(d, d.before(), d.Day())}
			}
			v.Terms = append(v.Terms, t)
		}
		e.Vendors = append(e.Vendors, v)
	}
	for _, name := range []string{"k1", "k2"} {
		k := &catalog.Contract{Name: name, Lines: map[string]*catalog.Line{"1": {Contract: name, Number: "1"}}}
		for range Often(d.on("terms"), 0, 1, 2) {
			d := d.on("terms")
			lay := &catalog.Overlay{Contract: name, Vendor: Pick(d, "acme", "bolt"), Purposes: d.verdicts(), Barred: d.barred(), CloudOnly: d.one(10)}
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

func (d Dice) offerings(e *catalog.Estate, domain catalog.Domain) {
	regions := map[string]string{"r1": "US", "r2": "US", "r3": "GB", "r4": ""}
	for i := range 1 + d.IntN(8) {
		cloud, dates, people, d := Pick(d, "aws", "azure", "own"), d.on("dates"), d.on("people"), d.on("place")
		place := &catalog.Partition{Name: cloud + "-p", Cloud: cloud, Domain: domain, Regions: regions}
		if d.one(20) {
			place.Domain = catalog.TopSecret
		}
		if cloud == "own" || d.one(10) {
			place.Declared, place.Ceiling = true, d.ceiling(domain)
		}
		end := &catalog.Endpoint{Name: fmt.Sprint("e", i), Cloud: cloud, Partition: place.Name, In: place, Region: Often(d, "r1", "r3"), FIPS: Often(d, "true", "", "false"),
			URL: Often(d, "https://h.example", "http://127.0.0.1:1", "http://h.example"), Dialect: Often(d, "openai", "anthropic", "gemini")}
		v := Pick(d, e.Vendors...)
		o := &catalog.Offering{Name: end.Name + "/o", Index: i, Endpoint: end, Model: v.Models[Pick(d, "a", "b")], Regions: Often(d, []string{"r1"}, []string{"r1", "r2"}, []string{"r1", "r3"}, []string{"r2"}, []string{"r4"}),
			Handling: catalog.Handling{CloudStaff: Often(people, "none", "us_federal", "us_citizens", "us_persons", "anyone", ""), VendorStaff: Often(people, "none", "us_citizens", "anyone", ""),
				Training: Often(people, "false", "true", ""), HumanReview: Often(people, "false", "true", "")},
			Enablement:   catalog.Enablement{State: Often(dates, "enabled", "pending", "withdrawn"), From: Often(dates, time.Time{}, d.Day())},
			Attestations: d.attestations()}
		for _, scheme := range []string{"fedramp", "agency-ato", "dod-pa", "fedramp"} {
			if scheme == "dod-pa" && !d.one(4) || d.one(8) {
				continue
			}
			o.Authorisations = append(o.Authorisations, dates.authorisation(scheme, domain))
		}
		for range d.IntN(2) {
			o.Enablement.Notices = append(o.Enablement.Notices, catalog.Notice{Sent: d.Day(), Days: d.IntN(20), Workloads: d.some(3, "letters", "press")})
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

func (d Dice) workload(e *catalog.Estate, name string, domain catalog.Domain) {
	d = d.on("dates")
	w := &catalog.Workload{Name: name, Owner: catalog.Owner{Agency: "low", Organisation: Pick(d, "benefits", "press"), Intelligence: d.one(4), NSS: d.one(3), SensitiveCustomer: d.one(5), Contractor: d.one(4)},
		Purposes: [][]string{{"admin.drafting", "benefits.casework"}, {"benefits.casework", "mil.planning"}, {"admin", "gardening"}}[d.IntN(3)],
		Marking:  catalog.MarkingRange{Default: "UNCLASSIFIED", Floor: Often(d, "UNCLASSIFIED", "CUI"), Ceiling: Often(d, widest[domain], Banners[domain][2:]...)},
		Audience: catalog.Audience{Subject: d.ceiling(domain), Expires: Often(d, d.after(), d.Day())},
		Class:    Pick(d, "", "critical", "routine"), Competitors: d.some(10, "acme", "aws"), Attestations: d.attestations(), Aliases: map[string]*catalog.Alias{}}
	if w.Audience.Subject.Banner != "" {
		w.Audience.Subject = catalog.Ceiling{Clearance: "S", Citizenship: []string{"USA"}, Affiliation: "US-FED"}
	}
	if d.one(8) {
		w.HighImpact = catalog.HighImpact{State: Pick(d, "yes", "no"), Practices: Pick(d, "", "D"), Expires: Pick(d, time.Time{}, d.Day())}
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

func (d Dice) exclusions(e *catalog.Estate) {
	d = d.on("exclusions")
	cover := func() catalog.Cover {
		return Pick(d, catalog.Cover{Vendor: "acme"}, catalog.Cover{Vendor: "bolt", Product: "P"}, catalog.Cover{Model: "acme/a"}, catalog.Cover{Cloud: "aws", Vendor: "acme"}, catalog.Cover{Offering: "e0/o"})
	}
	for i := range Often(d, 0, 1, 2, 3) {
		s := &catalog.Status{ID: fmt.Sprint("s", i), State: Pick(d, "in_force", "in_force", "unknown", "stayed", "vacated"), Covers: cover(),
			Binds: catalog.Binds{Organisations: d.some(6, "benefits", "low"), Contractors: d.one(6), NSS: d.one(8)}}
		if d.one(8) {
			s.Binds.Lines = []*catalog.Line{e.Contracts[0].Lines["1"]}
		}
		if d.IntN(2) == 0 {
			s.From = d.Day()
		}
		if d.IntN(2) == 0 {
			s.Until = s.From.AddDate(0, 0, 1+d.IntN(60))
			if s.From.IsZero() {
				s.Until = d.Day()
			}
		}
		e.Statuses = append(e.Statuses, s)
	}
	for i := range Often(d, 0, 1, 2, 3) {
		p := &catalog.PhaseOut{ID: fmt.Sprint("p", i), Covers: cover()}
		if len(e.Statuses) > 0 && d.IntN(3) > 0 {
			p.Status = Pick(d, e.Statuses...)
			p.Covers = p.Status.Covers
		}
		for range 1 + d.IntN(2) {
			p.Stages = append(p.Stages, catalog.Stage{From: d.Day(), Workloads: d.some(3, "critical", "routine", "letters")})
		}
		e.PhaseOuts = append(e.PhaseOuts, p)
	}
	for i := range d.IntN(3) {
		x := &catalog.Exemption{ID: fmt.Sprint("x", i), Workloads: d.some(2, "letters", "press", "watch"), Expires: d.Day()}
		if len(e.Statuses) > 0 && d.IntN(2) == 0 {
			x.Status = Pick(d, e.Statuses...)
			x.Workloads = []string{"letters", "press"}
		} else if len(e.PhaseOuts) > 0 {
			x.PhaseOut = Pick(d, e.PhaseOuts...)
		}
		e.Exemptions = append(e.Exemptions, x)
	}
}

func date(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func sortedNames[T any](m map[string]T) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
