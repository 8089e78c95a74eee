package policy_test

import (
	"slices"
	"testing"

	"bulkhead/policy"
)

func TestLean_SaysWhatIsOpen(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       policy.Leaning // Rest by ids alone
	}{
		{"permit all", permitAll, policy.Leaning{Permitted: true}},
		{"forbidden by cloud", `forbid(principal, action, resource in Bulkhead::Cloud::"aws");`, policy.Leaning{Forbidden: true}},
		{"another cloud", `forbid(principal, action, resource in Bulkhead::Cloud::"azure");`, policy.Leaning{}},
		{"by marking", `forbid(principal, action, resource) when { context.call.marking.cui };`, policy.Leaning{Forbidden: true}},
		{"by workload", `permit(principal in Bulkhead::Workload::"letters", action, resource) when { !principal.workload.nss };`, policy.Leaning{Permitted: true}},
		{"another workload", `forbid(principal in Bulkhead::Workload::"other", action, resource);`, policy.Leaning{}},
		{"by capability", `@id("x") forbid(principal, action, resource) when { resource.cloud_staff == "us_citizens" && context.call.capabilities.contains("store") };`, policy.Leaning{Rest: []policy.Condition{{Policy: "x", Forbids: true}}}},
		{"by time", `@id("x") permit(principal, action, resource) when { context.now < datetime("2027-01-01") };`, policy.Leaning{Rest: []policy.Condition{{Policy: "x"}}}},
		{"by key", `@id("x") forbid(principal == Bulkhead::Service::"k", action, resource);`, policy.Leaning{Rest: []policy.Condition{{Policy: "x", Forbids: true}}}},
		{"by key, elsewhere", `@id("x") forbid(principal == Bulkhead::Service::"k", action, resource in Bulkhead::Cloud::"azure");`, policy.Leaning{}},
		{"by person", `@id("x") forbid(principal, action, resource) when { principal is Bulkhead::Person && principal.clearance > 2 };`, policy.Leaning{Rest: []policy.Condition{{Policy: "x", Forbids: true}}}},
		{"can only fail", `permit(principal, action, resource) when { 9223372036854775807 + resource.model.context > 0 };`, policy.Leaning{Forbidden: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSmall()
			got := s.under(t, c.text+"\n").Lean(s.question(t), s.gov)
			if got.Forbidden != c.want.Forbidden || got.Permitted != c.want.Permitted || !slices.EqualFunc(got.Rest, c.want.Rest, func(a, b policy.Condition) bool {
				return a.Policy == b.Policy && a.Forbids == b.Forbids && a.Text != "" && a.Source.Line > 0
			}) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	s := newSmall()
	if got := compile(t, s.Estate, built).Lean(s.question(t), s.gov); !got.Permitted || got.Forbidden || got.Rest != nil {
		t.Errorf("without policies: %+v", got)
	}
}

func TestIdle_FindsPoliciesThatCanNeverApply(t *testing.T) {
	s := newSmall()
	e := s.under(t, permitAll+`
@id("no-such-workload") forbid(principal in Bulkhead::Workload::"gone", action, resource);
@id("no-such-cloud") forbid(principal, action, resource in Bulkhead::Cloud::"gone");
@id("never") forbid(principal, action, resource) when { resource.own && resource.vendor == Bulkhead::Vendor::"gone" };
@id("a-key") forbid(principal == Bulkhead::Service::"k", action, resource);
@id("sometimes") forbid(principal, action, resource) when { context.call.marking.level > 3 };
`)
	var got []string
	for _, c := range e.Idle() {
		got = append(got, c.Policy)
	}
	if want := []string{"no-such-workload", "no-such-cloud", "never"}; !slices.Equal(got, want) {
		t.Errorf("idle %v, want %v", got, want)
	}
}
