package estate

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"bulkhead/catalog"
)

// joinPartitions puts a file's partitions into the table. What an entry says of
// a partition that the shipped table has is added to it, region by region;
// hosts are never taken away, since a host that no partition claims could
// stand for any.
func (t *tabler) joinPartitions(f read[tableFile]) {
	for _, r := range f.value.Partitions.Rows {
		here, e := spot{f.file, r.at}, r.Value
		fresh := t.declare("partition entry", r.Name, here)
		known := shippedPartitions()[r.Name]
		p := &partition{Name: r.Name, Cloud: e.Cloud.V, Domain: catalog.Domain(e.Domain.V), Regions: map[string]string{}}
		switch {
		case known == nil:
			for key, v := range map[string]bool{"cloud": e.Cloud.written(), "domain": e.Domain.written(), "regions": e.Regions.written()} {
				if !v {
					t.fault(here, MissingKey, "add "+key, "partition %s is new to the table and has no %s", quoted(r.Name), key)
				}
			}
		case p.Cloud != "" && p.Cloud != known.Cloud:
			t.fault(spot{f.file, e.Cloud.at}, Impossible, "give it a name of its own", "partition %s is of cloud %s", quoted(r.Name), known.Cloud)
		case p.Domain != "" && known.Domain != "" && p.Domain != known.Domain:
			t.fault(spot{f.file, e.Domain.at}, OtherDomain, "remove domain; networks do not move", "partition %s lies in domain %s", quoted(r.Name), known.Domain)
		}
		if known != nil {
			p.Cloud, p.Domain = known.Cloud, catalog.Domain(or(string(known.Domain), string(p.Domain)))
			p.Regions, p.Hosts, p.FIPSRegions = maps.Clone(known.Regions), known.Hosts, known.FIPSRegions
		}
		for _, region := range e.Regions.Rows {
			p.Regions[region.Name] = region.Value.V
		}
		p.FIPSRegions = slices.Concat(p.FIPSRegions, words(e.FIPSRegions))
		for _, region := range e.FIPSRegions.Items {
			if _, ok := p.Regions[region.V]; !ok && region.V != "" && !e.Regions.lost {
				t.fault(spot{f.file, region.at}, Dangling, suggest(region.V, slices.Sorted(maps.Keys(p.Regions)), "region"), "partition %s has no region %s", quoted(r.Name), quoted(region.V))
			}
		}
		if e.FIPSHosts.written() && len(p.FIPSRegions) == 0 {
			t.fault(spot{f.file, e.FIPSHosts.at}, MissingKey, "add fips_regions", "partition %s has FIPS hosts in no region", quoted(r.Name))
		}
		if !fresh {
			continue
		}
		t.out.partitions[r.Name] = p
		t.out.hosts[r.Name] = slices.Concat(t.out.hosts[r.Name], hostRegexps(words(e.FIPSHosts), true), hostRegexps(words(e.Hosts), false))
		t.partitions.Entries = append(t.partitions.Entries, TableEntry{Kind: "partition", Name: r.Name, Replaces: known != nil, File: f.file, Line: here.Line})
	}
	if len(f.value.Partitions.Rows) > 0 {
		t.partitions.Edition += "; " + f.value.Edition.V
	}
}

// hostPattern is how an entry writes a host: plain, with * for one part and
// {region} for the region.
const hostPattern = `^([a-z0-9-]+|\*|[a-z0-9-]*\{region\}[a-z0-9-]*)(\.([a-z0-9-]+|\*|[a-z0-9-]*\{region\}[a-z0-9-]*))*\.[a-z0-9-]+\.[a-z]+$`

// hostRegexps turns hosts as entries write them into patterns.
func hostRegexps(hosts []string, fips bool) []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, h := range hosts {
		expr := regexp.QuoteMeta(h)
		expr = strings.ReplaceAll(expr, `\*`, `[a-z0-9-]+`)
		expr = strings.Replace(expr, `\{region\}`, `(?P<region>[a-z0-9-]+)`, 1)
		if fips {
			expr = `(?P<fips>` + expr + `)`
		} else {
			expr = `(?P<fips>)` + expr // never a FIPS one, and says so
		}
		out = append(out, regexp.MustCompile("^"+expr+"$"))
	}
	return out
}

// hostProblem refuses a pattern that names the region twice.
func hostProblem(s string) (problem, hint string) {
	if strings.Count(s, "{region}") > 1 {
		return "names the region twice", "write {region} once"
	}
	return "", ""
}
