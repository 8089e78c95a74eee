package estate_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/estate"
)

func TestShippedTables_AreWhole(t *testing.T) {
	var purposes struct {
		Edition, Source string
		Purposes        []catalog.Purpose
	}
	var terms struct {
		Edition, Note string
		Terms         []struct {
			Vendor, ID, Version, Source, Retrieved string
			Categories                             map[string]any
		}
	}
	for name, into := range map[string]any{"tables/purposes.json": &purposes, "tables/terms.json": &terms} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	low, categories := []string{}, []string{}
	for _, p := range purposes.Purposes {
		categories = append(categories, p.Category)
		if p.Risk == catalog.Low {
			low = append(low, p.Code)
		} else if p.Risk != catalog.High {
			t.Errorf("%s: risk %q", p.Code, p.Risk)
		}
	}
	if want := []string{"admin", "it", "health.admin", "science", "procurement", "public.chatbot"}; !slices.Equal(low, want) {
		t.Errorf("purposes of low risk %v, want %v", low, want)
	}
	if purposes.Edition == "" || purposes.Source == "" || terms.Edition == "" || len(terms.Terms) != 8 {
		t.Errorf("editions %q, %q; %d vendors", purposes.Edition, terms.Edition, len(terms.Terms))
	}
	for _, v := range terms.Terms {
		if _, err := time.Parse(time.DateOnly, v.Retrieved); err != nil || v.ID == "" || v.Version == "" || !regexp.MustCompile("^https://").MatchString(v.Source) {
			t.Errorf("%s: no id, version, source or date: %+v", v.Vendor, v)
		}
		for category := range v.Categories {
			if !slices.Contains(categories, category) {
				t.Errorf("%s: no purpose is of category %s", v.Vendor, category)
			}
		}
	}
}

// What the sources give only as general knowledge ships as unknown.
func TestShippedTerms_LeaveUnknownWhatIsOnlyHeard(t *testing.T) {
	files := base(t)
	replace(t, files, "vendors/openai.yaml", "terms:\n  - {id: usage, version: \"1\", source: \"https://openai.example/terms\", retrieved: 2026-01-01, purposes: {admin: allowed}}\n", "")
	est, report := estate.Parse(files)
	if est == nil {
		t.Fatal(report.Err())
	}
	terms := est.Vendors[slices.IndexFunc(est.Vendors, func(v *catalog.Vendor) bool { return v.Name == "openai" })].Terms
	if len(terms) != 1 || !terms[0].Shipped || terms[0].Adopted != (catalog.Adoption{}) {
		t.Fatalf("terms %+v", terms)
	}
	for code, want := range map[string]string{"admin": "allowed", "cyber.defence": "unknown", "intel.foreign.analysis": "unknown", "infra.operation": "unknown",
		"cyber.offence": "prohibited", "benefits.eligibility": "conditional", "mil.logistics": "unknown", "benefits.casework": "unknown"} {
		if got := terms[0].Purposes[code].Verdict; got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}

func TestHosts_PrivateEndpointsAreThePartitions(t *testing.T) {
	for _, host := range []string{"vpce-0a1b2c-3d4e.bedrock-runtime-fips.us-gov-west-1.vpce.amazonaws.com", "bedrock-runtime-fips.us-gov-west-1.api.aws"} {
		files := base(t)
		replace(t, files, "clouds/aws.yaml", "bedrock-runtime-fips.us-gov-west-1.amazonaws.com", host)
		est, report := estate.Parse(files)
		if est == nil {
			t.Errorf("%s: %v", host, report.Err())
		} else if e := est.Endpoints[0]; e.FIPS != "true" || e.In == nil || e.In.Name != "aws-us-gov" {
			t.Errorf("%s: %+v", host, e)
		}
	}
	files := base(t)
	replace(t, files, "clouds/aws.yaml", "bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "proxy.low.example")
	replace(t, files, "clouds/aws.yaml", "    dialect: openai\n", "    dialect: openai\n    fronts: {partition: aws-us-gov, attested_by: CISO, document: D9}\n")
	if est, report := estate.Parse(files); est == nil || est.Endpoints[0].Front.Document != "D9" {
		t.Errorf("a host that is attested: %v", report.Err())
	}
}
