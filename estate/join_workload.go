package estate

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"bulkhead/catalog"
	"bulkhead/dialect"
)

func (j *joiner) joinWorkload(file string, f *workloadFile) {
	here := spot{file, f.Workload.at}
	fresh := f.Workload.V != "" && j.declare("workload", f.Workload.V, here)
	w := &catalog.Workload{
		Name: f.Workload.V,
		Owner: catalog.Owner{Agency: f.Owner.Agency.V, Organisation: f.Owner.Organisation.V, Intelligence: f.Owner.Intelligence.V,
			NSS: f.Owner.NSS.V, SensitiveCustomer: f.Owner.SensitiveCustomer.V, Contractor: f.Owner.Contractor.V},
		Purposes: words(f.Purposes),
		Marking: catalog.MarkingRange{Default: f.Marking.Default.V, Floor: f.Marking.Floor.V, Ceiling: f.Marking.Ceiling.V,
			Unread: f.Marking.Unread.V, Found: f.Marking.Found.V},
		Audience: catalog.Audience{Subject: f.Audience.value(), Document: f.Audience.Document.V, Expires: f.Audience.Expires.V},
		Aliases:  map[string]*catalog.Alias{},
		Independence: catalog.Independence{Vendors: int(f.Independence.Vendors.V), Infrastructures: int(f.Independence.Infrastructures.V),
			Contracts: int(f.Independence.Contracts.V)},
		Delivery:      or(f.Delivery.V, "live"),
		UnknownFields: f.UnknownFields.V,
		AllowLosses:   words(f.AllowLosses),
		Limits:        f.Limits.value(),
		Class:         f.Class.V,
		DecisionRole:  f.DecisionRole.V,
		DataSubjects:  words(f.DataSubjects),
		Autonomy:      f.Autonomy.V,
		HighImpact: catalog.HighImpact{State: f.HighImpact.State.V, Reason: f.HighImpact.Reason.V, Practices: f.HighImpact.Practices.V,
			Expires: f.HighImpact.Expires.V, Source: spot{file, f.HighImpact.at}.source()},
		Competitors:   words(f.Competitors),
		Attestations:  attestations(file, f.Attestations),
		RefusalDetail: or(f.RefusalDetail.V, or(j.est.Enclave.RefusalDetail, "full")),
		Source:        here.source(),
	}
	for _, p := range f.Purposes.Items {
		j.purpose(spot{file, p.at}, p.V)
	}
	if w.UnknownFields == "" {
		w.UnknownFields = "refuse"
		if j.domain() == catalog.Unclassified && isPlainU(w.Marking.Default) {
			w.UnknownFields = "pass"
		}
	}
	for _, m := range []text{f.Marking.Default, f.Marking.Floor, f.Marking.Ceiling, f.Marking.Unread} {
		if m.V != "" {
			j.inDomain(spot{file, m.at}, "marking "+quoted(m.V), j.tables.level(m.V))
		}
	}
	for _, r := range f.Aliases.Rows {
		w.Aliases[r.Name] = j.alias(file, r)
	}
	w.Service = j.joinService(file, f, w)
	if fresh {
		j.est.Workloads[w.Name] = w
		j.report.Counts.Workloads++
	}
}

// embedding reports whether a model gives vectors.
func embedding(m *catalog.Model) bool {
	return m.Dimensions > 0 || slices.Contains(m.Capabilities, "embeddings")
}

// alias finds the models of an alias, and all offerings of each in order.
func (j *joiner) alias(file string, r row[list[text]]) *catalog.Alias {
	a := &catalog.Alias{Name: r.Name, Source: spot{file, r.at}.source()}
	for _, ref := range r.Value.Items {
		m := j.model(file, ref)
		if m == nil {
			continue
		}
		if len(a.Models) > 0 && (embedding(m) || embedding(a.Models[0])) {
			j.fault(spot{file, ref.at}, Impossible, "give it an alias of its own", "alias %s has an embeddings model beside another: vectors of one model mean nothing to another", quoted(r.Name))
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
	for i := range j.est.Enclave.Ledger.Copies {
		if ref := j.est.Enclave.Ledger.Copies[i].Secret; ref != "" {
			secrets = append(secrets, ref)
		}
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

// spoken reports whether this build carries calls of any dialect into a dialect.
func spoken(to string) bool {
	for _, into := range dialect.Carried() {
		if slices.Contains(into, to) {
			return true
		}
	}
	return false
}

func (j *joiner) remarkEndpoint(e *catalog.Endpoint) {
	if e.Dialect != "" && !spoken(e.Dialect) {
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
