package estate

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"bulkhead/catalog"
)

func (j *joiner) joinWorkload(file string, f *workloadFile) {
	here := spot{file, f.Workload.at}
	if f.Workload.V != "" && !j.declare("workload", f.Workload.V, here) {
		return
	}
	w := &catalog.Workload{
		Name: f.Workload.V,
		Owner: catalog.Owner{Agency: f.Owner.Agency.V, Organisation: f.Owner.Organisation.V, Intelligence: f.Owner.Intelligence.V,
			NSS: f.Owner.NSS.V, SensitiveCustomer: f.Owner.SensitiveCustomer.V},
		Purposes: words(f.Purposes),
		Marking: catalog.MarkingRange{Default: f.Marking.Default.V, Floor: f.Marking.Floor.V, Ceiling: f.Marking.Ceiling.V,
			Unread: f.Marking.Unread.V},
		Audience: catalog.Audience{Subject: f.Audience.value(), Document: f.Audience.Document.V, Expires: f.Audience.Expires.V},
		Aliases:  map[string]*catalog.Alias{},
		Independence: catalog.Independence{Vendors: int(f.Independence.Vendors.V), Infrastructures: int(f.Independence.Infrastructures.V),
			Contracts: int(f.Independence.Contracts.V)},
		Delivery:      or(f.Delivery.V, "live"),
		UnknownFields: f.UnknownFields.V,
		Limits:        f.Limits.value(),
		Source:        here.source(),
	}
	if w.UnknownFields == "" {
		w.UnknownFields = "refuse"
		if j.domain() == catalog.Unclassified && isPlainU(w.Marking.Default) {
			w.UnknownFields = "pass"
		}
	}
	for _, m := range []text{f.Marking.Default, f.Marking.Floor, f.Marking.Ceiling, f.Marking.Unread} {
		if m.V != "" {
			j.inDomain(spot{file, m.at}, "marking "+quoted(m.V), markingLevel(m.V))
		}
	}
	for _, r := range f.Aliases.Rows {
		w.Aliases[r.Name] = j.alias(file, r)
	}
	if w.Name != "" {
		j.est.Workloads[w.Name] = w
		j.report.Counts.Workloads++
	}
}

// alias finds the models of an alias, and all offerings of each in order.
func (j *joiner) alias(file string, r row[list[text]]) *catalog.Alias {
	a := &catalog.Alias{Name: r.Name, Source: spot{file, r.at}.source()}
	for _, ref := range r.Value.Items {
		m := j.model(file, ref)
		if m == nil {
			continue
		}
		a.Models = append(a.Models, m)
		for _, o := range j.est.Offerings { // sorted by name
			if o.Model == m {
				a.Offerings = append(a.Offerings, o)
			}
		}
	}
	return a
}

// joinExclusions checks what statuses, phase-outs and exemptions name.
func (j *joiner) joinExclusions(file string, f *exclusionFile) {
	ids := []string{}
	for _, s := range f.Statuses.Items {
		ids = append(ids, s.ID.V)
		j.declare("status or phase-out", s.ID.V, spot{file, s.ID.at})
		j.covers(file, s.Covers)
		if from, until := s.From.V, s.Until.V; !from.IsZero() && !until.IsZero() && !from.Before(until) {
			j.fault(spot{file, s.Until.at}, Impossible, "write an end after from", "status %s ends before it begins", quoted(s.ID.V))
		}
	}
	for _, p := range f.PhaseOuts.Items {
		ids = append(ids, p.ID.V)
		j.declare("status or phase-out", p.ID.V, spot{file, p.ID.at})
		j.covers(file, p.Covers)
	}
	for _, p := range f.PhaseOuts.Items {
		if p.Status.V != "" && !slices.Contains(ids, p.Status.V) {
			j.dangling(spot{file, p.Status.at}, "", "status of this file", p.Status.V, slices.Clone(ids))
		}
	}
	for _, e := range f.Exemptions.Items {
		if e.From.V != "" && !slices.Contains(ids, e.From.V) {
			j.dangling(spot{file, e.From.at}, "", "status or phase-out of this file", e.From.V, slices.Clone(ids))
		}
		for _, w := range e.Workloads.Items {
			if w.V != "" && j.est.Workloads[w.V] == nil {
				j.dangling(spot{file, w.at}, "workloads", "workload", w.V, keysOf(j.est.Workloads))
			}
		}
	}
}

func (j *joiner) covers(file string, c covers) {
	if c.written() && !c.Vendor.written() && !c.Model.written() && !c.Cloud.written() && !c.Offering.written() {
		j.fault(spot{file, c.at}, MissingKey, "name a vendor, product of a vendor, model, cloud or offering", "it covers nothing")
	}
	if c.Model.V != "" {
		j.model(file, c.Model)
	}
	if c.Offering.V != "" && j.offerings[c.Offering.V] == nil {
		j.dangling(spot{file, c.Offering.at}, "clouds", "offering", c.Offering.V, keysOf(j.offerings))
	}
}

// remark adds what is no fault: what cannot be reached, what is sent in the
// clear, what is not checked at load.
func (j *joiner) remark() {
	wanted := map[*catalog.Model]bool{}
	served := map[*catalog.Model]bool{}
	for _, o := range j.est.Offerings {
		served[o.Model] = true
	}
	for _, name := range slices.Sorted(maps.Keys(j.est.Workloads)) {
		w := j.est.Workloads[name]
		for _, name := range slices.Sorted(maps.Keys(w.Aliases)) {
			j.remarkAlias(w, w.Aliases[name], served)
			for _, m := range w.Aliases[name].Models {
				wanted[m] = true
			}
		}
	}
	for _, o := range j.est.Offerings {
		if o.Model != nil && !wanted[o.Model] {
			j.finding(o.Source, Unused, "add "+o.Model.FullName()+" to an alias, or remove the offering", "no workload can use offering %s", quoted(o.Name))
		}
	}
	var secrets []string
	for _, e := range j.est.Endpoints {
		if e.Auth.Secret != "" {
			secrets = append(secrets, e.Auth.Secret)
		}
		j.remarkEndpoint(e)
	}
	slices.Sort(secrets)
	if secrets = slices.Compact(secrets); len(secrets) > 0 {
		j.report.Notes = append(j.report.Notes, Remark{File: "clouds", Code: Unchecked,
			Message: fmt.Sprintf("secrets are looked up when they are used, not now: %s", strings.Join(secrets, ", ")),
			Hint:    "see that serve finds them"})
	}
}

func (j *joiner) remarkAlias(w *catalog.Workload, a *catalog.Alias, served map[*catalog.Model]bool) {
	if len(a.Offerings) == 0 && len(a.Models) > 0 {
		j.finding(a.Source, Unserved, "add an offering of one of its models", "alias %s of workload %s has no offering at all", quoted(a.Name), quoted(w.Name))
		return
	}
	for _, m := range a.Models {
		if !served[m] {
			j.finding(a.Source, Unserved, "add an offering of it, or remove it from the alias", "no offering has model %s of alias %s", quoted(m.FullName()), quoted(a.Name))
		}
	}
}

func (j *joiner) remarkEndpoint(e *catalog.Endpoint) {
	if e.Dialect != "openai" && e.Dialect != "" {
		j.report.Notes = append(j.report.Notes, Remark{e.Source.File, e.Source.Line, 1, NotBuilt,
			fmt.Sprintf("endpoint %s speaks %s, which this version does not", quoted(e.Name), e.Dialect), "its offerings are not eligible until then"})
	}
	u, err := url.Parse(e.URL)
	if err != nil || u.Scheme != "http" {
		return
	}
	ip := net.ParseIP(u.Hostname())
	if u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback()) {
		return
	}
	j.finding(e.Source, Exposed, "write https:// in url", "calls to endpoint %s would travel in the clear", quoted(e.Name))
}
