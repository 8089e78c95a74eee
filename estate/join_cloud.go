package estate

import (
	"slices"
	"strings"

	"bulkhead/call"
	"bulkhead/catalog"
)

func (j *joiner) joinPartitions(file string, f *cloudFile) {
	for _, r := range f.Partitions.Rows {
		here, p := spot{file, r.at}, r.Value
		var fresh bool
		if known := j.tables.partitions[r.Name]; known != nil && known.Domain != "" {
			where := "shipped table"
			if shippedPartitions()[r.Name] == nil || shippedPartitions()[r.Name].Domain == "" {
				where = "estate's tables"
			}
			j.fault(here, Duplicate, "remove it; its domain and regions are known", "partition %s is in the %s already", quoted(r.Name), where)
		} else {
			fresh = j.declare("partition", r.Name, here)
		}
		domain := catalog.Domain(p.Domain.V)
		if domain != "" && j.domain() != "" && domain != j.domain() {
			j.fault(spot{file, p.Domain.at}, OtherDomain, "declare it in the estate of that domain",
				"partition %s lies in domain %s, this enclave in %s", quoted(r.Name), domain, j.domain())
		}
		j.inDomain(spot{file, p.Ceiling.at}, "the ceiling of partition "+quoted(r.Name), p.Ceiling.level(j.tables))
		if !fresh {
			continue
		}
		regions := map[string]string{}
		for _, region := range p.Regions.Rows {
			regions[region.Name] = region.Value.V
		}
		j.partitions[r.Name] = &partition{Name: r.Name, Cloud: f.Cloud.V, Domain: domain, Regions: regions}
		place := &catalog.Partition{Name: r.Name, Cloud: f.Cloud.V, Domain: domain, Ceiling: p.Ceiling.value(), Regions: regions,
			Declared: true, Source: here.source()}
		j.places[r.Name] = place
		j.est.Partitions = append(j.est.Partitions, place)
	}
}

// partition finds the partition of an endpoint and faults one that is unknown,
// another cloud's or in another domain.
func (j *joiner) partition(file, cloud string, ref text) *partition {
	if ref.V == "" {
		return nil
	}
	here, p := spot{file, ref.at}, j.partitions[ref.V]
	switch {
	case p == nil:
		if !j.lost["clouds"] {
			hint := "declare it: partitions: {" + ref.V + ": {domain: …, ceiling: …, regions: {…}}}"
			if near := nearest(ref.V, keysOf(j.partitions)); near != "" {
				hint = "did you mean \"" + near + "\"?"
			}
			j.fault(here, Dangling, hint, "no partition is called %s", quoted(ref.V))
		}
		return nil
	case p.Cloud != cloud && p.Cloud != "" && cloud != "":
		j.fault(here, Impossible, "move the endpoint into a file with cloud: "+p.Cloud, "partition %s is of cloud %s, not %s", quoted(ref.V), p.Cloud, cloud)
		return nil
	case p.Domain == "" && j.tables.partitions[p.Name] != nil && j.first["partition "+p.Name].file == "":
		j.fault(here, OtherDomain, "declare it with its domain: partitions: {"+ref.V+": {domain: …, ceiling: …, regions: {…}}}",
			"no public source states the domain of partition %s", quoted(ref.V))
		return nil
	case p.Domain != "" && j.domain() != "" && p.Domain != j.domain() && j.first["partition "+p.Name].file == "": // a declared one was faulted where it is declared
		j.fault(here, OtherDomain, "declare it in the estate of that domain", "partition %s lies in domain %s, this enclave in %s", quoted(ref.V), p.Domain, j.domain())
	}
	return p
}

func (j *joiner) joinEndpoints(file string, f *cloudFile) {
	for _, r := range f.Endpoints.Rows {
		here, e := spot{file, r.at}, r.Value
		fresh := j.declare("endpoint", r.Name, here)
		p := j.partition(file, f.Cloud.V, e.Partition)
		if p != nil {
			j.region(file, e.Region, p)
		}
		j.checkEndpoint(file, r)
		fips := j.host(file, f.Cloud.V, r, p)
		if !fresh {
			continue
		}
		j.where[r.Name] = p
		out := &catalog.Endpoint{
			Name: r.Name, Cloud: f.Cloud.V, Partition: e.Partition.V, In: j.place(p), Region: e.Region.V,
			FIPS: fips, Front: e.Fronts.value(file),
			URL: strings.TrimSuffix(e.URL.V, "/"), Dialect: e.Dialect.V, Surface: or(e.Surface.V, "v1"), APIVersion: e.APIVersion.V,
			Project: e.Project.V, Location: e.Location.V,
			Auth: e.Auth.value(), Limits: e.Limits.value(),
			HTTP: int(e.HTTP.V), Connections: int(e.Connections.V), StreamUsage: or(e.StreamUsage.V, "ask"),
			CAFile: e.CAFile.V, Client: catalog.TLSFiles{Cert: e.ClientCert.V, Key: e.ClientKey.V},
			Proxy: strings.TrimSuffix(e.Proxy.V, "/"), ServerName: e.ServerName.V, Source: here.source(),
		}
		if out.HTTP == 0 {
			out.HTTP = 1
		}
		j.endpoints[r.Name] = out
		j.est.Endpoints = append(j.est.Endpoints, out)
	}
}

// checkEndpoint faults fields of an endpoint that do not go together.
func (j *joiner) checkEndpoint(file string, r row[endpoint]) {
	e := r.Value
	j.auth(file, r)
	if e.Surface.V == "deployments" {
		if !e.APIVersion.written() {
			j.fault(spot{file, e.Surface.at}, MissingKey, "add api_version, such as 2024-10-21", "surface deployments of endpoint %s needs an api_version", quoted(r.Name))
		}
		if e.Dialect.V != "" && e.Dialect.V != "openai" && e.Dialect.V != "responses" {
			j.fault(spot{file, e.Surface.at}, Impossible, "remove surface", "dialect %s has no surface deployments", e.Dialect.V)
		}
	}
	j.surface(file, r)
	if e.ClientCert.written() != e.ClientKey.written() {
		s := spot{file, e.ClientCert.at}
		if !s.written() {
			s.at = e.ClientKey.at
		}
		j.fault(s, MissingKey, "write both client_cert and client_key, or neither", "endpoint %s has only half of a client certificate", quoted(r.Name))
	}
	if strings.HasPrefix(e.URL.V, "http://") {
		for key, t := range map[string]text{"ca_file": e.CAFile, "client_cert": e.ClientCert, "server_name": e.ServerName} {
			if t.written() {
				j.fault(spot{file, t.at}, Impossible, "write https:// in url, or remove "+key, "%s means nothing on plain http", key)
			}
		}
	}
}

// region faults a region that the partition does not have.
func (j *joiner) region(file string, ref text, p *partition) {
	if ref.V == "" || p.Regions[ref.V] != "" || len(p.Regions) == 0 {
		return // without regions, the partition has a fault of its own
	}
	if _, declared := p.Regions[ref.V]; declared {
		return // its country had a fault of its own
	}
	names := keysOf(p.Regions)
	slices.Sort(names)
	j.fault(spot{file, ref.at}, Dangling, suggest(ref.V, names, "region"), "partition %s has no region %s", quoted(p.Name), quoted(ref.V))
}

func (j *joiner) joinOfferings(file string, f *cloudFile) {
	for _, r := range f.Offerings.Rows {
		here, o := spot{file, r.at}, r.Value
		model, line := j.model(file, o.Model), j.contractLine(file, o.Line)
		switch c := o.DependsOn.Contract; {
		case c.V == catalog.NoContract && o.Line.written():
			j.fault(spot{file, c.at}, Impossible, "remove line, or the word none", "the offering is bought under no contract, and a line of one pays for it")
		case c.V != "" && c.V != catalog.NoContract && j.contracts[c.V] == nil:
			j.dangling(spot{file, c.at}, "contracts", "contract", c.V, keysOf(j.contracts))
		}
		authorisations, enabled := j.authorisations(file, o.Authorisations), o.Enablement.value(file)
		ends := j.endpoints[o.Endpoint.V]
		if ends == nil {
			if o.Endpoint.V != "" {
				j.dangling(spot{file, o.Endpoint.at}, "clouds", "endpoint", o.Endpoint.V, keysOf(j.endpoints))
			}
			continue
		}
		if p := j.where[ends.Name]; p != nil {
			for _, region := range o.Regions.Items {
				j.region(file, region, p)
			}
			j.profile(file, o, f.Cloud.V, p)
			j.moves(file, o, ends, p)
		}
		name := ends.Name + "/" + r.Name
		if !j.declare("offering", name, here) {
			continue
		}
		out := &catalog.Offering{Name: name, Model: model, Endpoint: ends, ID: o.ID.V, Regions: words(o.Regions),
			Handling: o.Handling.value(), DependsOn: o.DependsOn.value(), Price: o.Price.value(), Line: line, State: o.State.V, UnknownState: or(o.UnknownState.V, "drop"), Source: here.source(),
			Authorisations: authorisations, Enablement: enabled, Attestations: attestations(file, o.Attestations)}
		for _, g := range words(o.Grants) {
			out.Grants = append(out.Grants, call.Capability(g))
		}
		j.offerings[name] = out
		j.est.Offerings = append(j.est.Offerings, out)
	}
}

func (j *joiner) authorisations(file string, l list[bounded]) []catalog.Authorisation {
	var out []catalog.Authorisation
	for _, a := range l.Items {
		held := j.authorisation(file, a.authorisation)
		held.Ceiling = a.Ceiling.value()
		out = append(out, held)
	}
	return out
}

func (h handling) value() catalog.Handling {
	return catalog.Handling{Retention: known(h.Retention.V), CloudStaff: known(h.CloudStaff.V), VendorStaff: known(h.VendorStaff.V),
		HumanReview: h.HumanReview.V, Training: h.Training.V, Link: h.Link.V, Checked: h.Checked.V}
}

func (d dependencies) value() catalog.Dependencies {
	out := catalog.Dependencies{Infrastructure: d.Infrastructure.V, Account: d.Account.V, Contract: d.Contract.V, Path: d.Path.V}
	if out.Contract == catalog.NoContract {
		out.Contract, out.NoContract = "", true
	}
	return out
}

// value gives the price; cached input costs what input costs if nothing else
// is stated, so that it is never counted too low.
func (p price) value() catalog.Price {
	cached := p.CachedInput.V
	if !p.CachedInput.written() {
		cached = p.Input.V
	}
	return catalog.Price{Input: p.Input.V, CachedInput: cached, Output: p.Output.V, Known: p.written()}
}

// known turns the word unknown into nothing.
func known(word string) string {
	if word == "unknown" {
		return ""
	}
	return word
}

func or(word, otherwise string) string {
	if word == "" {
		return otherwise
	}
	return word
}
