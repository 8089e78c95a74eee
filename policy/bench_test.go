package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"bulkhead/catalog"
	"bulkhead/policy"
)

// crowd is the small estate with twenty offerings behind the alias.
func crowd() *small {
	s := newSmall()
	alias := s.letters.Aliases["chat"]
	for len(s.Offerings) < 20 {
		o := *s.gov
		o.Index = len(s.Offerings)
		o.Name = fmt.Sprintf("gov/big-%d", o.Index)
		s.Offerings, alias.Offerings = append(s.Offerings, &o), append(alias.Offerings, &o)
	}
	return s
}

// twenty are policies of the kinds that agencies write; none forbids the question.
func twenty() string {
	var b strings.Builder
	b.WriteString(permitAll)
	for i := range 19 {
		switch i % 5 {
		case 0:
			fmt.Fprintf(&b, "forbid(principal in Bulkhead::Workload::\"other-%d\", action, resource in Bulkhead::Cloud::\"aws\");\n", i)
		case 1:
			fmt.Fprintf(&b, "forbid(principal, action, resource) when { context.call.marking.categories.contains(\"TAX\") && resource.retention_days > %d };\n", i)
		case 2:
			fmt.Fprintf(&b, "forbid(principal, action, resource) when { principal.workload.nss && !resource.schemes.contains(\"dod-pa-%d\") };\n", i)
		case 3:
			fmt.Fprintf(&b, "forbid(principal, action, resource) unless { resource.countries == [\"US\"] || context.call.purpose like \"science.%d*\" };\n", i)
		case 4:
			fmt.Fprintf(&b, "forbid(principal, action == Bulkhead::Action::\"chat\", resource is Bulkhead::Offering in Bulkhead::Vendor::\"acme\") when { context.call.capabilities.contains(\"web_search\") && resource.vendor.jurisdictions.contains(\"F%d\") };\n", i)
		}
	}
	return b.String()
}

func benchDecide(b *testing.B, s *small, o policy.Options, want int) {
	e := compile(b, s.Estate, o)
	q := s.question(b)
	if d := e.Decide(q); d.Permit.Len() != want {
		b.Fatalf("%d offerings permitted, want %d: %+v", d.Permit.Len(), want, d.Reasons)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Decide(q)
	}
}

func forgetful() policy.Options {
	o := built
	o.Remembered = -1
	return o
}

func BenchmarkDecide_Remembered(b *testing.B) {
	s := crowd()
	s.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: twenty()}}
	benchDecide(b, s, built, 20)
}

func BenchmarkDecide_FreshWithoutPolicies(b *testing.B) { benchDecide(b, crowd(), forgetful(), 20) }

func BenchmarkDecide_FreshWithTwentyPolicies(b *testing.B) {
	s := crowd()
	s.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: twenty()}}
	benchDecide(b, s, forgetful(), 20)
}

func BenchmarkDecide_FreshRefusedEverywhere(b *testing.B) {
	s := crowd()
	s.Policies = []catalog.PolicyFile{{Name: "policies/a.cedar", Text: twenty()}}
	for _, o := range s.Offerings {
		o.Enablement.State, o.Handling.Training = "pending", "true"
	}
	benchDecide(b, s, forgetful(), 0)
}

func BenchmarkCompile(b *testing.B) {
	s := crowd()
	b.ReportAllocs()
	for b.Loop() {
		compile(b, s.Estate, built)
	}
}
