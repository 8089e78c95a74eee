package reach_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/marking"
	"bulkhead/policy"
	"bulkhead/reach"
)

func date(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// today is the day of the tests.
var today = date("2026-11-23")

var register = marking.NewRegister(marking.Shipped(), marking.IC)

func label(t testing.TB, banner string) marking.Label {
	t.Helper()
	r := register.Parse(banner, marking.Banner)
	if banner == "U" {
		r = register.Parse("(U)", marking.Portion)
	}
	if !r.Valid() {
		t.Fatalf("%s: %v", banner, r.Errors)
	}
	return register.Label(r.Mark)
}

// studyOf makes ready to ask about an estate today.
func studyOf(t testing.TB, e *catalog.Estate) *reach.Study {
	t.Helper()
	options := policy.Options{Dialects: map[string][]string{"openai": {"openai"}}, Remembered: -1}
	engine, problems := policy.Compile(e, options)
	for _, p := range problems {
		t.Error(p)
	}
	if engine == nil {
		t.FailNow()
	}
	return &reach.Study{Engine: engine, Dialect: "openai", Now: today, Options: options}
}

// dice make random estates of the same names, so that two of them can be held
// against each other.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 7))} }

func pick[T any](d dice, from ...T) T { return from[d.IntN(len(from))] }

// often gives the usual four times in five.
func often[T any](d dice, usual T, others ...T) T {
	if d.IntN(5) > 0 {
		return usual
	}
	return pick(d, others...)
}

func (d dice) ceiling() catalog.Ceiling {
	if d.IntN(3) == 0 {
		return catalog.Ceiling{Banner: pick(d, "CUI", "CUI//SP-PRVCY", "CUI//SP-CTI/SP-PRVCY//NOFORN", "U", "CUI//REL TO USA, GBR")}
	}
	return catalog.Ceiling{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: often(d, "US-FED", "CONTRACTOR"),
		CUI: catalog.Listing{Set: true, Any: d.IntN(2) == 0, Items: pick(d, []string{"SP-PRVCY"}, []string{"SP-CTI", "PRVCY"}, nil)}, Controls: catalog.Listing{Set: true, Any: d.IntN(4) > 0, Items: []string{"NOFORN"}}}
}

func wide() catalog.Ceiling {
	return catalog.Ceiling{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: "US-FED", CUI: catalog.Listing{Set: true, Any: true}, Controls: catalog.Listing{Set: true, Any: true}}
}

func inForce(scheme string, c catalog.Ceiling, line int) catalog.Authorisation {
	return catalog.Authorisation{Scheme: scheme, Document: scheme + "-1", Issued: date("2026-01-01"), Expires: date("2028-01-01"), Ceiling: c, Source: catalog.Source{File: "clouds/x.yaml", Line: line}}
}

// estate makes an estate of some workloads and offerings.
func (d dice) estate(workloads, offerings int) *catalog.Estate {
	e := &catalog.Estate{Digest: "sha256:x", Workloads: map[string]*catalog.Workload{}}
	e.Enclave = catalog.Enclave{Name: "e", Domain: catalog.Unclassified, Ceiling: often(d, wide(), d.ceiling()), Authorisation: inForce("agency-ato", wide(), 4), Territory: []string{"US"}, Crypto: "none"}
	e.Purposes = []catalog.Purpose{{Code: "admin", Below: true, Risk: catalog.Low}, {Code: "mil.planning", Risk: catalog.High}}
	for _, vendor := range []string{"acme", "bolt"} {
		v := &catalog.Vendor{Name: vendor, Models: map[string]*catalog.Model{}, Terms: []catalog.Terms{{ID: "usage", Version: "1", Adopted: catalog.Adoption{By: "A", Date: date("2026-01-01")},
			Purposes: map[string]catalog.Term{"mil.planning": {Verdict: pick(d, "allowed", "prohibited")}, "admin": {Verdict: often(d, "allowed", "prohibited")}}}}}
		for _, name := range []string{"a", "b", "c"} {
			v.Models[name] = &catalog.Model{Vendor: vendor, Name: name, Modalities: []string{"text"}}
		}
		v.Models["c"].Capabilities = []string{"embeddings"}
		e.Vendors = append(e.Vendors, v)
	}
	regions := map[string]string{"r1": "US", "r2": "US", "r3": "GB"}
	for i := range offerings {
		cloud := pick(d, "aws", "azure", "own")
		end := &catalog.Endpoint{Name: fmt.Sprintf("e%03d", i), Cloud: cloud, Partition: cloud + "-p", Region: pick(d, "r1", "r2"), URL: "https://h.example", Dialect: often(d, "openai", "gemini"),
			In: &catalog.Partition{Name: cloud + "-p", Cloud: cloud, Domain: catalog.Unclassified, Regions: regions}}
		o := &catalog.Offering{Name: end.Name + "/o", Index: i, Endpoint: end, Model: pick(d, e.Vendors...).Models[often(d, pick(d, "a", "b"), "c")], Regions: often(d, []string{end.Region}, []string{"r1", "r2"}, []string{end.Region, "r3"}),
			Authorisations: []catalog.Authorisation{inForce("fedramp", often(d, wide(), d.ceiling()), 11), inForce("agency-ato", d.ceiling(), 12)},
			Handling:       catalog.Handling{CloudStaff: often(d, "us_citizens", "anyone", "us_federal"), VendorStaff: often(d, "none", "us_citizens", ""), Training: often(d, "false", "")},
			Enablement:     catalog.Enablement{State: often(d, "enabled", "withdrawn")},
			DependsOn:      catalog.Dependencies{Infrastructure: pick(d, cloud, cloud, "shared", ""), Contract: pick(d, "k1", "k2", "")}, Source: catalog.Source{File: "clouds/x.yaml", Line: 9}}
		o.DependsOn.NoContract = o.DependsOn.Contract == "" && d.IntN(2) == 0
		e.Offerings, e.Endpoints = append(e.Offerings, o), append(e.Endpoints, end)
	}
	for i := range workloads {
		d.workload(e, fmt.Sprintf("w%03d", i))
	}
	return e
}

func (d dice) workload(e *catalog.Estate, name string) {
	floor := pick(d, "U", "U", "CUI")
	w := &catalog.Workload{Name: name, Owner: catalog.Owner{Agency: "low", Organisation: "o"}, Purposes: pick(d, []string{"admin.drafting", "mil.planning"}, []string{"mil.planning"}, []string{"admin.drafting"}),
		Marking:  catalog.MarkingRange{Floor: floor, Default: pick(d, floor, "CUI"), Ceiling: pick(d, "CUI", "CUI//SP-CTI/SP-PRVCY//NOFORN", "CUI//SP-PRVCY", "CUI//REL TO USA, GBR")},
		Audience: catalog.Audience{Subject: catalog.Ceiling{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: often(d, "US-FED", "CONTRACTOR")}, Expires: often(d, date("2028-01-01"), date("2026-01-02"))},
		Aliases:  map[string]*catalog.Alias{}, Independence: catalog.Independence{Vendors: 1 + d.IntN(3), Infrastructures: 1 + d.IntN(3), Contracts: 1 + d.IntN(3)},
		Competitors: often(d, nil, []string{"acme"}), Source: catalog.Source{File: "workloads/" + name + ".yaml", Line: 1}}
	for _, alias := range []string{"x", "y"} {
		a := &catalog.Alias{Name: alias}
		for _, v := range e.Vendors {
			for _, m := range []string{"a", "b"} {
				if d.IntN(3) == 0 {
					continue
				}
				a.Models = append(a.Models, v.Models[m])
				for _, o := range e.Offerings {
					if o.Model == v.Models[m] {
						a.Offerings = append(a.Offerings, o)
					}
				}
			}
		}
		w.Aliases[alias] = a
	}
	e.Workloads[name] = w
}

// question is what a plain call of chat asks.
func question(s *reach.Study, c reach.Case) policy.Question {
	return policy.Question{Workload: c.Workload, Alias: c.Alias, Purpose: c.Purpose, Label: c.Label, Action: call.Chat, Dialect: s.Dialect, Now: s.Now}
}
