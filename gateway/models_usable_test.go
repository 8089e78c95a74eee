package gateway_test

import (
	"strings"
	"testing"

	"bulkhead/catalog"
)

func TestModels_ListOnlyWhatTheCallerMayUse(t *testing.T) {
	v := newVendor(t, ok)
	e := estateOf("a", []string{"chat", "embed", "withdrawn", "narrow"}, offer{Name: "one", URL: v.URL})
	w := e.Workloads["w"]
	gone := *w.Aliases["chat"].Offerings[0]
	gone.Index, gone.Name, gone.Enablement.State = len(e.Offerings), "one/gone", "withdrawn"
	low := *w.Aliases["chat"].Offerings[0]
	low.Index, low.Name = len(e.Offerings)+1, "one/low"
	low.Authorisations = append([]catalog.Authorisation(nil), low.Authorisations...)
	low.Authorisations[0].Ceiling.CUI = catalog.Listing{}
	e.Offerings = append(e.Offerings, &gone, &low)
	w.Aliases["withdrawn"].Offerings = []*catalog.Offering{&gone}
	w.Aliases["narrow"].Offerings = []*catalog.Offering{&low}
	r := start(t, e)
	for name, row := range map[string]struct {
		header []string
		want   string
	}{
		"by default":  {nil, "chat embed narrow"},
		"a marking":   {[]string{"Bulkhead-Marking", "CUI"}, "chat embed"},
		"a purpose":   {[]string{"Bulkhead-Purpose", "admin.drafting"}, "chat embed narrow"},
		"not its own": {[]string{"Bulkhead-Purpose", "health.admin"}, ""},
	} {
		got := r.Do("GET", "/v1/models", nil, row.header...)
		var have []string
		for _, name := range []string{"chat", "embed", "narrow", "withdrawn"} {
			if strings.Contains(got.Body, `"id":"`+name+`"`) {
				have = append(have, name)
			}
		}
		if got.Status != 200 || strings.Join(have, " ") != row.want {
			t.Errorf("%s: %d %s, want %s", name, got.Status, got.Body, row.want)
		}
	}
	refused(t, r.Do("GET", "/v1/models/withdrawn", nil), 403, "no_eligible_offering")
	refused(t, r.Do("GET", "/v1/models/chat", nil, "Bulkhead-Marking", "nonsense"), 400, "marking_invalid")
	if got := r.Do("GET", "/v1/models/chat", nil); got.Status != 200 {
		t.Error(got.Status, got.Body)
	}
}

func TestContext_WhatCannotFitGoesToALargerOne(t *testing.T) {
	small, large := newVendor(t, ok), newVendor(t, ok)
	e := estateOf("a", []string{"chat"}, offer{Name: "one", URL: small.URL}, offer{Name: "two", URL: large.URL})
	model := *e.Offerings[0].Model
	model.Name, model.Context = "little", 100
	e.Offerings[0].Model = &model
	e.Vendors[0].Models["little"] = &model
	e.Workloads["w"].Aliases["chat"].Models = append([]*catalog.Model{&model}, e.Workloads["w"].Aliases["chat"].Models...)
	r := start(t, e)
	body := func(n int) string {
		return `{"model":"chat","messages":[{"role":"user","content":"` + strings.Repeat("word ", n) + `"}]}`
	}
	r.Post("/v1/chat/completions", body(10))
	if got := r.Post("/v1/chat/completions", body(2000)); got.Header.Get("Bulkhead-Offering") != "two/m" || len(small.Seen()) != 1 {
		t.Errorf("%d from %s; the small one was asked %d times", got.Status, got.Header.Get("Bulkhead-Offering"), len(small.Seen()))
	}
}
