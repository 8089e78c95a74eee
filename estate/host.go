package estate

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"bulkhead/catalog"
)

// host is what a host name says of itself by the table in force.
type host struct {
	partition *partition
	region    string // empty: the name does not tell
	fips      string // true or false; empty: hosts of the partition do not tell
}

// hostPatterns gives the shipped partitions' patterns of host names.
var hostPatterns = sync.OnceValue(func() map[string][]*regexp.Regexp {
	out := map[string][]*regexp.Regexp{}
	for name, p := range shippedPartitions() {
		for _, pattern := range p.Hosts {
			out[name] = append(out[name], regexp.MustCompile(pattern))
		}
	}
	return out
})

// hostsOf reads a host name by the table in force: once for each partition that
// claims it, in order of their names; none if it is no host of the table.
func (t *tables) hostsOf(name string) (all []host) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for _, at := range slices.Sorted(maps.Keys(t.hosts)) {
		for _, pattern := range t.hosts[at] {
			m := pattern.FindStringSubmatch(name)
			if m == nil {
				continue
			}
			h := host{partition: t.partitions[at]}
			if i := pattern.SubexpIndex("region"); i > 0 {
				h.region = m[i]
			}
			if i := pattern.SubexpIndex("fips"); i > 0 && (m[i] != "" || len(h.partition.FIPSRegions) > 0) {
				h.fips = "false"
				if m[i] != "" {
					h.fips = "true"
				}
			}
			all = append(all, h)
			break
		}
	}
	return all
}

// host holds an endpoint's address against the table in force: it must be of the
// endpoint's partition and region, and in an enclave that demands FIPS the FIPS
// one. It gives whether the host is a FIPS one, as far as hosts tell.
func (j *joiner) host(file, cloud string, r row[endpoint], p *partition) (fips string) {
	e := r.Value
	u, err := url.Parse(e.URL.V)
	if err != nil || e.URL.V == "" || p == nil {
		return "" // a fault of its own
	}
	here := spot{file, e.URL.at}
	if front := e.Fronts; front.written() && front.Partition.V != "" && front.Partition.V != e.Partition.V {
		j.fault(spot{file, front.Partition.at}, WrongHost, "write the endpoint's partition", "the host stands before partition %s, the endpoint is in %s", quoted(front.Partition.V), quoted(e.Partition.V))
	}
	claims := j.tables.hostsOf(u.Hostname())
	shipped := j.tables.partitions[e.Partition.V]
	if len(claims) > 1 {
		j.fault(here, WrongHost, "make hosts of the tables narrower", "the host is one of partition %s and one of partition %s", quoted(claims[0].partition.Name), quoted(claims[1].partition.Name))
		return ""
	}
	var h host
	known := len(claims) == 1
	if known {
		h = claims[0]
	}
	switch {
	case !known && shipped == nil: // a declared partition: the agency says what its hosts are
		return ""
	case !known:
		if !e.Fronts.written() {
			j.fault(here, WrongHost, "write the partition's own host, or add fronts: {partition: "+e.Partition.V+", attested_by: …, document: …}",
				"the host is none of partition %s", quoted(e.Partition.V))
		}
		return ""
	case h.partition.Name != e.Partition.V && shipped == nil && h.partition.Domain == j.domain() && cloud != catalog.Own:
		// The agency's own name for a known place: it may have its reasons, and someone should look.
		j.finding(here.source(), WrongHost, "put the endpoint into that partition", "the host is of partition %s, and the endpoint is in %s, which is declared here", quoted(h.partition.Name), quoted(e.Partition.V))
		if h.fips == "false" && j.est.Enclave.Crypto != "none" {
			j.notFIPS(here)
		}
	case h.partition.Name != e.Partition.V:
		code := WrongHost
		if h.partition.Domain != j.domain() {
			code = OtherDomain
		}
		j.fault(here, code, "write the partition that the host is of", "the host is of partition %s, the endpoint is in %s", quoted(h.partition.Name), quoted(e.Partition.V))
	case h.region != "" && e.Region.V != "" && h.region != e.Region.V:
		j.fault(here, WrongHost, "write the region that the host is in", "the host is in region %s, the endpoint in %s", quoted(h.region), quoted(e.Region.V))
	case h.fips == "true" && len(h.partition.FIPSRegions) > 0 && !slices.Contains(h.partition.FIPSRegions, or(h.region, e.Region.V)):
		j.fault(here, WrongHost, "use one of "+strings.Join(h.partition.FIPSRegions, ", "), "no FIPS host is listed for region %s", quoted(or(h.region, e.Region.V)))
	case h.fips == "false" && j.est.Enclave.Crypto != "none" && j.est.Enclave.Crypto != "":
		j.notFIPS(here)
	}
	return h.fips
}

func (j *joiner) notFIPS(s spot) {
	j.fault(s, WrongHost, "write the FIPS host, such as bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "the host is not a FIPS one, and the enclave demands crypto %s", j.est.Enclave.Crypto)
}

// place gives a partition as the catalogue has it; shipped ones are made once.
func (j *joiner) place(p *partition) *catalog.Partition {
	if p == nil {
		return nil
	}
	if j.places[p.Name] == nil {
		j.places[p.Name] = &catalog.Partition{Name: p.Name, Cloud: p.Cloud, Domain: p.Domain, Regions: p.Regions}
	}
	return j.places[p.Name]
}

func (f front) value(file string) catalog.Front {
	if !f.written() {
		return catalog.Front{}
	}
	return catalog.Front{Partition: f.Partition.V, AttestedBy: f.AttestedBy.V, Document: f.Document.V, Source: spot{file, f.at}.source()}
}
