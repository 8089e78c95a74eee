package policytest

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/marking"
	"bulkhead/policy"
)

// Oracle says, slowly and by other means than the engine, whether an offering
// may serve a call. It was written from the requirements; it shares no code with
// the package, and where the two differ one of them is wrong.
type Oracle struct {
	Estate *catalog.Estate
	Built  policy.Options
	Rules  []AgencyRule
	People map[*policy.Person]marking.Spec // what is known of those who ask
}

var register = marking.NewRegister(marking.Shipped(), marking.IC)

// AgencyRule is a policy of the agency in Cedar, and the same in Go.
type AgencyRule struct {
	Cedar  string
	Forbid bool
	Holds  func(q *policy.Question, purpose string, o *catalog.Offering) bool
}

// Read gives the marking of a banner; it panics for what is none.
func Read(banner string) marking.Label {
	r := register.Parse(banner, marking.Banner)
	if !r.Valid() {
		panic(banner)
	}
	return register.Label(r.Mark)
}

// MayHave holds a ceiling against a marking.
func MayHave(c catalog.Ceiling, l marking.Label) bool {
	if c.Banner != "" {
		spec, err := marking.CeilingSpec(Read(c.Banner))
		if err != nil {
			panic(err)
		}
		s, err := marking.Ceiling(spec)
		return err == nil && s.May(l).Allow
	}
	s, err := marking.Ceiling(specOf(c))
	return err == nil && s.May(l).Allow
}

func specOf(c catalog.Ceiling) marking.Spec {
	s := marking.Spec{Clearance: c.Clearance, Readins: c.Readins, Citizenship: c.Citizenship, Affiliation: c.Affiliation}
	if c.CUI.Set {
		s.CUI = &marking.List{Any: c.CUI.Any, Names: c.CUI.Items}
	}
	if c.Controls.Set {
		s.Controls = &marking.List{Any: c.Controls.Any, Names: c.Controls.Items}
	}
	return s
}

func on(now, first, end time.Time) bool { return now.Compare(first) >= 0 && now.Compare(end) < 0 }

// Allows reports whether an offering may serve a call.
func (x *Oracle) Allows(q policy.Question, o *catalog.Offering) bool {
	w, purpose := q.Workload, q.Purpose
	if purpose == "" {
		purpose = w.Purposes[0]
	}
	entry := x.entry(purpose)
	return x.callAllowed(&q, purpose, entry) && x.personMay(&q) &&
		x.enabled(&q, o) && !x.excluded(w, o, q.Now) && x.place(o) && x.authorised(&q, o) && x.handled(&q, o) &&
		x.termsAllow(w, o, purpose, entry, q.Now) && x.able(&q, o) && x.agency(&q, purpose, o)
}

func (x *Oracle) entry(purpose string) *catalog.Purpose {
	var best *catalog.Purpose
	for i := range x.Estate.Purposes {
		p := &x.Estate.Purposes[i]
		if p.Code == purpose {
			return p
		}
		if p.Below && strings.HasPrefix(purpose, p.Code+".") && (best == nil || len(p.Code) > len(best.Code)) {
			best = p
		}
	}
	return best
}

func (x *Oracle) callAllowed(q *policy.Question, purpose string, entry *catalog.Purpose) bool {
	w := q.Workload
	audience, err := marking.Audience(specOf(w.Audience.Subject))
	if err != nil {
		panic(err)
	}
	switch {
	case !q.Label.Join(Read(w.Marking.Floor)).Equal(q.Label),
		!MayHave(catalog.Ceiling{Banner: w.Marking.Ceiling}, q.Label),
		!MayHave(x.Estate.Enclave.Ceiling, q.Label),
		!on(q.Now, x.Estate.Enclave.Authorisation.Issued, x.Estate.Enclave.Authorisation.Expires),
		!q.Now.Before(w.Audience.Expires),
		!audience.May(q.Label).Allow,
		!slices.Contains(w.Purposes, purpose), entry == nil:
		return false
	}
	if h := w.HighImpact; h.State == "yes" && (h.Practices == "" || !h.Expires.IsZero() && !q.Now.Before(h.Expires)) {
		return false
	}
	return true
}

func (x *Oracle) personMay(q *policy.Question) bool {
	if q.Principal.Person == nil {
		return true
	}
	s, err := marking.Person(x.People[q.Principal.Person])
	return err == nil && s.May(q.Label).Allow
}

func (x *Oracle) enabled(q *policy.Question, o *catalog.Offering) bool {
	if o.Enablement.State != "enabled" || q.Now.Before(o.Enablement.From) {
		return false
	}
	if !q.Workload.Owner.SensitiveCustomer || o.Endpoint.Cloud == "own" {
		return true
	}
	for _, n := range o.Enablement.Notices {
		mine := len(n.Workloads) == 0 || slices.Contains(n.Workloads, q.Workload.Name)
		if mine && !q.Now.Before(n.Sent.Add(time.Duration(n.Days)*24*time.Hour)) {
			return true
		}
	}
	return false
}

// excluded asks each authority in turn, as an officer would.
func (x *Oracle) excluded(w *catalog.Workload, o *catalog.Offering, now time.Time) bool {
	about := func(c catalog.Cover) bool {
		return !(c.Vendor != "" && c.Vendor != o.Model.Vendor || c.Cloud != "" && c.Cloud != o.Endpoint.Cloud ||
			c.Model != "" && c.Model != o.Model.Vendor+"/"+o.Model.Name || c.Offering != "" && c.Offering != o.Name ||
			c.Product != "" && o.Model.Product != "" && c.Product != o.Model.Product)
	}
	exempt := func(s *catalog.Status, p *catalog.PhaseOut) bool {
		for _, e := range x.Estate.Exemptions {
			named := s != nil && e.Status == s || p != nil && e.PhaseOut == p
			if named && slices.Contains(e.Workloads, w.Name) && now.Before(e.Expires) {
				return true
			}
		}
		return false
	}
	// reached says whether a phase-out is for the workload at all, and whether its day has come.
	reached := func(p *catalog.PhaseOut) (forIt, come bool) {
		for _, s := range p.Stages {
			if len(s.Workloads) == 0 || w.Class == "" || slices.Contains(s.Workloads, w.Class) || slices.Contains(s.Workloads, w.Name) {
				forIt, come = true, come || !now.Before(s.From)
			}
		}
		return forIt, come
	}
	for _, s := range x.Estate.Statuses {
		if s.State != "in_force" && s.State != "unknown" || now.Before(s.From) || !s.Until.IsZero() && !now.Before(s.Until) || !about(s.Covers) {
			continue
		}
		b := s.Binds
		someone := len(b.Organisations) > 0 || b.Contractors
		me := slices.Contains(b.Organisations, w.Owner.Organisation) || slices.Contains(b.Organisations, w.Owner.Agency) ||
			b.Contractors && (w.Owner.Contractor || w.Audience.Subject.Affiliation == "CONTRACTOR")
		if someone && !me || b.NSS && !w.Owner.NSS || len(b.Lines) > 0 && o.Line != nil && !slices.Contains(b.Lines, o.Line) || exempt(s, nil) {
			continue
		}
		planned, over := false, false
		for _, p := range x.Estate.PhaseOuts {
			if p.Status == s && about(p.Covers) {
				forIt, come := reached(p)
				planned, over = planned || forIt, over || forIt && come && !exempt(nil, p)
			}
		}
		if !planned || over {
			return true
		}
	}
	for _, p := range x.Estate.PhaseOuts {
		if p.Status == nil && about(p.Covers) && !exempt(nil, p) {
			if _, come := reached(p); come {
				return true
			}
		}
	}
	return false
}

func (x *Oracle) place(o *catalog.Offering) bool {
	p := o.Endpoint.In
	if p.Domain != x.Estate.Enclave.Domain {
		return false
	}
	for _, r := range append([]string{o.Endpoint.Region}, o.Regions...) {
		if !slices.Contains(x.Estate.Enclave.Territory, p.Regions[r]) {
			return false
		}
	}
	open := strings.HasPrefix(o.Endpoint.URL, "http://") && !strings.Contains(o.Endpoint.URL, "//127.")
	return x.Estate.Enclave.Crypto == "none" || !open && o.Endpoint.FIPS != "false"
}

// authorised: on each side somebody's document is in force, none of any scheme
// has run out, and whatever is in force is for the marking.
func (x *Oracle) authorised(q *policy.Question, o *catalog.Offering) bool {
	top := map[catalog.Domain]marking.Level{catalog.Unclassified: marking.Unclassified, catalog.Secret: marking.Secret, catalog.TopSecret: marking.TopSecret}
	if q.Label.Level() > top[x.Estate.Enclave.Domain] || o.Endpoint.In.Declared && !MayHave(o.Endpoint.In.Ceiling, q.Label) {
		return false
	}
	current := map[string]bool{}
	for _, a := range o.Authorisations {
		if on(q.Now, a.Issued, a.Expires) {
			current[a.Scheme] = true
			if !MayHave(a.Ceiling, q.Label) {
				return false
			}
		}
	}
	sides := map[bool]bool{}
	for _, a := range o.Authorisations {
		if !current[a.Scheme] {
			return false
		}
		sides[a.Scheme == "agency-ato"] = true
	}
	return sides[true] && (sides[false] || o.Endpoint.Cloud == "own")
}

// handled makes people of the staff, and asks whether they may have the parts of
// the marking that are about people.
func (x *Oracle) handled(q *policy.Question, o *catalog.Offering) bool {
	h := o.Handling
	if h.Training != "false" && !q.Label.Equal(marking.Unmarked()) && !q.Label.AtMost(marking.Unmarked()) {
		return false
	}
	var parts map[string]any
	raw, _ := q.Label.MarshalJSON()
	if err := json.Unmarshal(raw, &parts); err != nil {
		panic(err)
	}
	about := map[string]any{"level": "U"}
	for _, k := range []string{"rel", "display", "excluded"} {
		if parts[k] != nil {
			about[k] = parts[k]
		}
	}
	exported := false
	if list, ok := parts["controls"].([]any); ok && slices.Contains(list, any("PR")) {
		about["controls"] = []string{"PR"}
	}
	if list, ok := parts["cui_categories"].([]any); ok {
		exported = slices.Contains(list, any("EXPT")) || slices.Contains(list, any("EXPTR"))
	}
	raw, _ = json.Marshal(about)
	var part marking.Label
	if err := part.UnmarshalJSON(raw); err != nil {
		panic(err)
	}
	people := map[string]marking.Spec{
		"us_federal":  {Citizenship: []string{"USA"}, Affiliation: "US-FED"},
		"us_citizens": {Citizenship: []string{"USA"}, Affiliation: "CONTRACTOR"},
		"us_persons":  {Citizenship: []string{"USA", "ZZZ"}, Affiliation: "CONTRACTOR"},
		"anyone":      {}, "": {},
	}
	vendor := h.VendorStaff
	if vendor == "none" && h.HumanReview == "true" {
		vendor = "anyone"
	}
	for _, word := range []string{h.CloudStaff, vendor} {
		if word == "none" {
			continue
		}
		spec := people[word]
		spec.Clearance = "TS"
		s, err := marking.Audience(spec)
		if err != nil {
			panic(err)
		}
		if !s.May(part).Allow || exported && (word == "anyone" || word == "") {
			return false
		}
	}
	return true
}

func (x *Oracle) able(q *policy.Question, o *catalog.Offering) bool {
	m := o.Model
	embeds := m.Dimensions > 0 || slices.Contains(m.Capabilities, "embeddings")
	if slices.Contains(q.Workload.Competitors, m.Vendor) || slices.Contains(q.Workload.Competitors, o.Endpoint.Cloud) ||
		!slices.Contains(x.Built.Dialects[q.Dialect], o.Endpoint.Dialect) || embeds != (q.Action == call.Embeddings) ||
		m.Context > 0 && q.LeastTokens > m.Context {
		return false
	}
	for _, n := range q.Needs {
		if !slices.Contains(o.Grants, n.Capability) {
			return false
		}
	}
	for _, want := range q.Modalities {
		if !slices.Contains(m.Modalities, want) {
			return false
		}
	}
	return slices.Contains(m.Modalities, "text") || len(q.Modalities) > 0
}

func (x *Oracle) agency(q *policy.Question, purpose string, o *catalog.Offering) bool {
	permitted := len(x.Rules) == 0
	for _, r := range x.Rules {
		if r.Holds(q, purpose, o) {
			if r.Forbid {
				return false
			}
			permitted = true
		}
	}
	return permitted
}
