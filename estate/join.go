package estate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bulkhead/catalog"
)

// joiner turns files into a catalogue: it finds what references point at, and
// faults what points nowhere, stands twice or lies in another domain.
type joiner struct {
	*content
	tables *tables
	report *Report
	est    *catalog.Estate

	vendors    map[string]*catalog.Vendor
	contracts  map[string]*catalog.Contract
	partitions map[string]*partition // shipped and declared
	endpoints  map[string]*catalog.Endpoint
	where      map[string]*partition // by endpoint; none if its partition had a fault
	places     map[string]*catalog.Partition
	offerings  map[string]*catalog.Offering
}

// spot is a place, with its file.
type spot struct {
	file string
	at
}

// markLost notes the folders in which a name could not be read, so that what
// refers to it is not faulted as well.
func (j *joiner) markLost() {
	mark := func(folder string, lost bool) {
		if lost {
			j.lost[folder] = true
		}
	}
	for _, v := range j.content.vendors {
		mark("vendors", v.value.Vendor.V == "" || !v.value.Models.written() || v.value.Models.lost)
	}
	for _, c := range j.content.contracts {
		mark("contracts", c.value.Contract.V == "" || !c.value.Lines.written() || c.value.Lines.lost)
	}
	for _, c := range j.content.clouds {
		mark("clouds", c.value.Endpoints.lost || c.value.Partitions.lost || c.value.Offerings.lost)
	}
	for _, w := range j.content.workloads {
		mark("workloads", w.value.Workload.V == "")
	}
}

// join builds the estate; it is whole only if the report has no faults.
func join(c *content, t *tables, report *Report) *catalog.Estate {
	j := &joiner{content: c, tables: t, report: report,
		est:        &catalog.Estate{Workloads: map[string]*catalog.Workload{}, Marks: t.marks},
		vendors:    map[string]*catalog.Vendor{},
		contracts:  map[string]*catalog.Contract{},
		partitions: maps.Clone(t.partitions),
		endpoints:  map[string]*catalog.Endpoint{},
		where:      map[string]*partition{},
		places:     map[string]*catalog.Partition{},
		offerings:  map[string]*catalog.Offering{},
	}
	j.markLost()
	j.joinEnclave()
	j.joinPurposes()
	for _, v := range c.vendors {
		j.joinVendor(v.file, v.value)
	}
	for _, k := range c.contracts {
		j.joinContract(k.file, k.value)
	}
	for _, cl := range c.clouds {
		j.joinPartitions(cl.file, cl.value)
	}
	for _, v := range c.vendors {
		j.joinTerms(v.file, v.value)
	}
	for _, cl := range c.clouds {
		j.joinEndpoints(cl.file, cl.value)
	}
	for _, cl := range c.clouds {
		j.joinOfferings(cl.file, cl.value)
	}
	j.sort()
	for _, w := range c.workloads {
		j.joinWorkload(w.file, w.value)
	}
	for _, x := range c.exclusions {
		j.joinExclusions(x.file, x.value)
	}
	j.checkNames()
	if len(report.Faults) == 0 {
		j.remark()
	}
	return j.est
}

func (j *joiner) fault(s spot, code Code, hint, format string, args ...any) {
	j.report.Faults = append(j.report.Faults, s.remark(code, hint, format, args...))
}

func (j *joiner) finding(s catalog.Source, code Code, hint, format string, args ...any) {
	p := spot{s.File, at{s.Line, 1}}
	j.report.Findings = append(j.report.Findings, p.remark(code, hint, format, args...))
}

func (s spot) remark(code Code, hint, format string, args ...any) Remark {
	return Remark{s.file, s.Line, s.Column, code, fmt.Sprintf(format, args...), hint}
}

func (s spot) source() catalog.Source { return catalog.Source{File: s.file, Line: s.Line} }

// declare notes the first place of a name and faults every further one.
func (j *joiner) declare(what, name string, s spot) bool {
	if taken := j.content.declare(what, name, s); taken != nil {
		j.report.Faults = append(j.report.Faults, *taken)
		return false
	}
	return true
}

// dangling faults a reference, unless a file that may declare what it names
// could not be read.
func (j *joiner) dangling(s spot, folder, what, name string, declared []string) {
	if j.lost[folder] {
		return
	}
	slices.Sort(declared)
	j.fault(s, Dangling, suggest(name, declared, what), "no %s is called %s", what, quoted(name))
}

// domain is the enclave's, or empty if it is not known.
func (j *joiner) domain() catalog.Domain { return j.est.Enclave.Domain }

func (j *joiner) joinEnclave() {
	if j.enclave == nil {
		return
	}
	file, f := j.enclave.file, j.enclave.value
	here := spot{file, f.Enclave.at}
	j.est.Enclave = catalog.Enclave{
		Name:            f.Enclave.V,
		Domain:          catalog.Domain(f.Domain.V),
		Ceiling:         f.Ceiling.value(),
		Authorisation:   j.authorisation(file, f.Authorisation),
		Territory:       words(f.Territory),
		Crypto:          f.Crypto.V,
		IncidentContact: f.IncidentContact.V,
		SystemUseNotice: f.SystemUseNotice.V,
		RefusalDetail:   or(f.RefusalDetail.V, "full"),
		TLS:             catalog.TLSFiles{Cert: f.TLS.Cert.V, Key: f.TLS.Key.V},
		Limits:          f.Limits.value(),
		MaxBodyBytes:    f.MaxBody.V,
		HeldBytes:       f.HeldBytes.V,
		BodyTimeout:     f.BodyTimeout.V,
		Source:          here.source(),
	}
	j.est.Enclave.Ledger = j.joinLedger(file, f.Ledger)
	j.inDomain(spot{file, f.Ceiling.at}, "the enclave's ceiling", f.Ceiling.level(j.tables))
	if f.HeldBytes.V > 0 && f.MaxBody.V > f.HeldBytes.V {
		j.fault(spot{file, f.MaxBody.at}, Impossible, "write max_body no larger than held_bytes", "max_body is more than all bodies together may hold")
	}
}

// inDomain faults a level that may not be in the enclave's domain.
func (j *joiner) inDomain(s spot, what, level string) {
	if aboveDomain(level, j.domain()) {
		j.fault(s, OtherDomain, "lower it, or declare it in the estate of that domain", "%s is above the domain %s", what, j.domain())
	}
}

func (j *joiner) authorisation(file string, a authorisation) catalog.Authorisation {
	if !a.Issued.V.IsZero() && !a.Expires.V.IsZero() && !a.Issued.V.Before(a.Expires.V) {
		j.fault(spot{file, a.Expires.at}, Impossible, "write an expiry after issued", "the authorisation expires before it is issued")
	}
	return catalog.Authorisation{Scheme: a.Scheme.V, Class: a.Class.V, Document: a.Document.V, Official: a.Official.V,
		Issued: a.Issued.V, Expires: a.Expires.V, Source: spot{file, a.at}.source()}
}

func (l limits) value() catalog.Limits {
	return catalog.Limits{Connect: l.Connect.V, Header: l.Header.V, FirstContent: l.FirstContent.V, Gap: l.Gap.V, Total: l.Total.V}
}

// sort puts what is in lists in order of names and numbers the offerings.
func (j *joiner) sort() {
	slices.SortFunc(j.est.Vendors, func(a, b *catalog.Vendor) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(j.est.Contracts, func(a, b *catalog.Contract) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(j.est.Partitions, func(a, b *catalog.Partition) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(j.est.Endpoints, func(a, b *catalog.Endpoint) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(j.est.Offerings, func(a, b *catalog.Offering) int { return strings.Compare(a.Name, b.Name) })
	for i, o := range j.est.Offerings {
		o.Index = i
	}
	j.report.Counts.Vendors = len(j.est.Vendors)
	j.report.Counts.Endpoints = len(j.est.Endpoints)
	j.report.Counts.Offerings = len(j.est.Offerings)
	j.report.Counts.Contracts = len(j.est.Contracts)
	for _, v := range j.est.Vendors {
		j.report.Counts.Models += len(v.Models)
	}
}
