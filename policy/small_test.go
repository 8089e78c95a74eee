package policy_test

import (
	"slices"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/fault"
	"bulkhead/marking"
	"bulkhead/policy"
)

// today is the day of the tests.
var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func date(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

var register = marking.NewRegister(marking.Shipped(), marking.IC)

func label(t testing.TB, banner string) marking.Label {
	t.Helper()
	r := register.Parse(banner, marking.Banner)
	if !r.Valid() {
		t.Fatalf("%s: %v", banner, r.Errors)
	}
	return register.Label(r.Mark)
}

// small is an estate in which everything that is asked of it is allowed: a
// GovCloud offering of one vendor and one on the agency's own machines.
type small struct {
	*catalog.Estate
	gov, own *catalog.Offering
	letters  *catalog.Workload
	vendor   *catalog.Vendor
	contract *catalog.Contract
}

func newSmall() *small {
	at := func(file string, line int) catalog.Source { return catalog.Source{File: file, Line: line} }
	full := catalog.Ceiling{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: "US-FED",
		CUI: catalog.Listing{Set: true, Any: true}, Controls: catalog.Listing{Set: true, Any: true}}
	auth := func(scheme string, line int) catalog.Authorisation {
		return catalog.Authorisation{Scheme: scheme, Document: scheme + "-1", Official: "O", Issued: date("2026-01-01"), Expires: date("2028-01-01"),
			Ceiling: full, Source: at("clouds/x.yaml", line)}
	}
	clean := catalog.Handling{Retention: "none", CloudStaff: "us_citizens", VendorStaff: "none", HumanReview: "false", Training: "false"}
	s := &small{Estate: &catalog.Estate{Digest: "sha256:test", Workloads: map[string]*catalog.Workload{}}}
	s.Enclave = catalog.Enclave{Name: "low", Domain: catalog.Unclassified, Ceiling: full, Authorisation: auth("agency-ato", 4),
		Territory: []string{"US"}, Crypto: "fips", Source: at("enclave.yaml", 1)}
	s.Purposes = []catalog.Purpose{{Code: "admin", Below: true, Category: "ADMIN", Risk: catalog.Low},
		{Code: "benefits.casework", Category: "BENEFITS", Risk: catalog.High}, {Code: "mil.planning", Category: "MIL", Risk: catalog.High}}
	big := &catalog.Model{Vendor: "acme", Name: "big", Version: "1", Modalities: []string{"text", "image"}, Context: 1000, Source: at("vendors/acme.yaml", 3)}
	open := &catalog.Model{Vendor: "acme", Name: "open", Version: "1", Modalities: []string{"text"}, Source: at("vendors/acme.yaml", 4)}
	s.vendor = &catalog.Vendor{Name: "acme", Models: map[string]*catalog.Model{"big": big, "open": open}, Source: at("vendors/acme.yaml", 1),
		Parties: map[string]catalog.Party{"developer": {Name: "Acme", Jurisdiction: "US"}},
		Terms: []catalog.Terms{{ID: "acme-usage", Version: "1", Adopted: catalog.Adoption{By: "CAIO", Date: date("2026-02-01")}, Source: at("vendors/acme.yaml", 7),
			Purposes: map[string]catalog.Term{"admin": {Verdict: "allowed"}, "benefits": {Verdict: "allowed"}}}}}
	s.Vendors = []*catalog.Vendor{s.vendor}
	govPart := &catalog.Partition{Name: "aws-us-gov", Cloud: "aws", Domain: catalog.Unclassified, Regions: map[string]string{"us-gov-west-1": "US", "eu-west-1": "IE"}}
	ownPart := &catalog.Partition{Name: "hq", Cloud: "own", Domain: catalog.Unclassified, Ceiling: full, Declared: true,
		Regions: map[string]string{"hq": "US"}, Source: at("clouds/own.yaml", 2)}
	s.contract = &catalog.Contract{Name: "k1", Lines: map[string]*catalog.Line{}}
	line := &catalog.Line{Contract: "k1", Number: "0001"}
	s.contract.Lines["0001"] = line
	s.Contracts = []*catalog.Contract{s.contract}
	gov := &catalog.Endpoint{Name: "gov", Cloud: "aws", Partition: "aws-us-gov", In: govPart, Region: "us-gov-west-1", FIPS: "true",
		URL: "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", Dialect: "openai", Source: at("clouds/aws.yaml", 3)}
	hq := &catalog.Endpoint{Name: "hq", Cloud: "own", Partition: "hq", In: ownPart, Region: "hq", URL: "http://127.0.0.1:8000", Dialect: "openai", Source: at("clouds/own.yaml", 5)}
	s.Endpoints = []*catalog.Endpoint{gov, hq}
	s.gov = &catalog.Offering{Name: "gov/big", Index: 0, Model: big, Endpoint: gov, ID: "big", Regions: []string{"us-gov-west-1"},
		Authorisations: []catalog.Authorisation{auth("fedramp", 11), auth("agency-ato", 12)}, Handling: clean, Line: line,
		Enablement: catalog.Enablement{State: "enabled", By: "acme", From: date("2026-01-01")}, Source: at("clouds/aws.yaml", 9)}
	s.own = &catalog.Offering{Name: "hq/open", Index: 1, Model: open, Endpoint: hq, ID: "open", Regions: []string{"hq"},
		Authorisations: []catalog.Authorisation{auth("agency-ato", 21)}, Handling: clean,
		Enablement: catalog.Enablement{State: "enabled", By: "low"}, Source: at("clouds/own.yaml", 9)}
	s.Offerings = []*catalog.Offering{s.gov, s.own}
	s.letters = &catalog.Workload{Name: "letters", Owner: catalog.Owner{Agency: "low", Organisation: "benefits"},
		Purposes: []string{"admin.drafting", "benefits.casework"}, Marking: catalog.MarkingRange{Default: "CUI", Floor: "U", Ceiling: "CUI//SP-EXPT/SP-PRVCY"},
		Audience: catalog.Audience{Subject: catalog.Ceiling{Clearance: "U", Citizenship: []string{"USA"}, Affiliation: "US-FED"}, Document: "A1", Expires: date("2027-06-01")},
		Delivery: "live", UnknownFields: "refuse", RefusalDetail: "full", Source: at("workloads/letters.yaml", 1), Aliases: map[string]*catalog.Alias{}}
	s.letters.Aliases["chat"] = &catalog.Alias{Name: "chat", Models: []*catalog.Model{big, open}, Offerings: []*catalog.Offering{s.gov, s.own}}
	s.letters.Aliases["home"] = &catalog.Alias{Name: "home", Models: []*catalog.Model{open}, Offerings: []*catalog.Offering{s.own}}
	s.Workloads["letters"] = s.letters
	return s
}

// built are the options of the tests: callers of one dialect, no gates.
var built = policy.Options{Dialects: map[string][]string{"openai": {"openai"}}}

func compile(t testing.TB, e *catalog.Estate, o policy.Options) *policy.Engine {
	t.Helper()
	engine, problems := policy.Compile(e, o)
	for _, p := range problems {
		t.Error(p)
	}
	if engine == nil {
		t.FailNow()
	}
	return engine
}

// question asks for a chat of CUI, for the workload's primary purpose.
func (s *small) question(t testing.TB) policy.Question {
	return policy.Question{Workload: s.letters, Alias: s.letters.Aliases["chat"], Label: label(t, "CUI"), Principal: policy.Principal{ID: "k"},
		Action: call.Chat, Dialect: "openai", Now: today}
}

// permitted gives the names of what a decision permits.
func permitted(d policy.Decision) []string {
	var out []string
	for i := range d.Permit.Len() {
		out = append(out, d.Permit.Offering(i).Name)
	}
	return out
}

// forbidding gives the rules that forbade an offering, or the call if it is "".
func forbidding(reasons []fault.Reason, offering string) []string {
	var out []string
	for _, r := range reasons {
		if r.Offering == offering && !slices.Contains(out, r.Rule) {
			out = append(out, r.Rule)
		}
	}
	return out
}
