package policytest

import (
	"slices"
	"strings"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/policy"
)

// rules are policies that estates may have, each in Cedar and in Go.
var rules = []AgencyRule{
	{"permit(principal, action, resource);", false, func(*policy.Question, string, *catalog.Offering) bool { return true }},
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

// Rules picks policies of the agency, and gives them as a file's text too; none
// as often as not.
func (d Dice) Rules() (picked []AgencyRule, text string) {
	if d.IntN(2) == 0 {
		return nil, ""
	}
	for i, r := range rules {
		if i == 0 && d.IntN(4) > 0 || d.IntN(6) < Often(d.on("agency"), 1, 3) {
			picked = append(picked, r)
			text += r.Cedar + "\n"
		}
	}
	return picked, text
}

// Question makes a question about an estate that the dice made, now and then by
// one of the people.
func (d Dice) Question(e *catalog.Estate, people []*policy.Person) policy.Question {
	w := e.Workloads[Pick(d, sortedNames(e.Workloads)...)]
	d = d.on("call")
	q := policy.Question{Workload: w, Alias: w.Aliases[Pick(d, "x", "y")], Label: Read(Pick(d, Banners[e.Enclave.Domain]...)), Principal: policy.Principal{ID: Pick(d, "p1", "p2")},
		Purpose: Often(d, "", w.Purposes[0], w.Purposes[1], "mil.planning"), Action: Often(d, call.Chat, call.Embeddings), Dialect: "openai", Now: d.Day().Add(time.Duration(d.IntN(14)) * 12 * time.Hour)}
	if d.one(3) {
		q.Label = q.Label.Join(Read(Pick(d, Banners[e.Enclave.Domain]...)))
	}
	if d.one(2) {
		q.Needs = []policy.Need{{Capability: Pick(d, call.Store, call.WebSearch), Field: "f"}}
	}
	if d.one(2) {
		q.Modalities = []string{"text", "image"}
	}
	if d.one(2) {
		q.LeastTokens = Pick(d, int64(1000), 1001, 20000)
	}
	if d.one(2) {
		q.Principal.Person = Pick(d, people...)
	}
	return q
}
