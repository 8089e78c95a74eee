package estate

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"bulkhead/marking"
)

// tables are those that one reading of an estate goes by: the shipped ones,
// with the estate's own entries in place of those of the same name. They are
// made before anything that is read by them, and never change again.
type tables struct {
	marks      *marking.Register
	partitions map[string]*partition
	hosts      map[string][]*regexp.Regexp // of the partitions, in order of trial

	// unsure: a table or the profile could not be read whole, so that what a
	// marking may say is not known and none is faulted.
	unsure bool
}

// spare gives the shipped tables alone.
func spare() *tables {
	return &tables{marks: marking.NewRegister(marking.Shipped(), marking.IC), partitions: shippedPartitions(), hosts: hostPatterns()}
}

// tabler puts the tables in force together and faults entries that cannot be.
type tabler struct {
	*content
	report     *Report
	out        *tables
	partitions TableUse
}

// inForce makes the tables that the rest of the files is read by. enclave is
// the document that may choose a profile; nil if there is none.
func inForce(c *content, enclave *document, report *Report) *tables {
	t := &tabler{content: c, report: report, out: spare(), partitions: TableUse{Table: "partitions", Edition: partitionsEdition()}}
	t.out.partitions, t.out.hosts = maps.Clone(t.out.partitions), maps.Clone(t.out.hosts)
	t.out.unsure = c.lost["tables"]
	for _, f := range c.tables {
		t.edition(f)
		t.joinPartitions(f)
	}
	t.joinMarkings(enclave)
	report.table(t.partitions)
	return t.out
}

func (t *tabler) fault(s spot, code Code, hint, format string, args ...any) {
	t.report.Faults = append(t.report.Faults, s.remark(code, hint, format, args...))
}

// declare notes an entry, and faults the second of one name.
func (t *tabler) declare(what, name string, s spot) bool {
	if taken := t.content.declare(what, name, s); taken != nil {
		t.report.Faults = append(t.report.Faults, *taken)
		return false
	}
	return true
}

// edition faults entries of which nobody could say what they were taken from.
func (t *tabler) edition(f read[tableFile]) {
	for key, at := range map[string]at{"markings": f.value.Markings.at, "partitions": f.value.Partitions.at} {
		if at.written() && !f.value.Edition.written() {
			t.fault(spot{f.file, at}, MissingKey, `add edition: "…": what the entries were taken from and when`, "%q without an edition", key)
		}
	}
}

// joinMarkings makes the register: the shipped table with the entries of all
// files, by the profile that the enclave chose.
func (t *tabler) joinMarkings(enclave *document) {
	var entries []markingEntry
	var editions []string
	for _, f := range t.tables {
		own := t.markings(f)
		if len(own) > 0 && f.value.Edition.V != "" {
			editions = append(editions, f.value.Edition.V)
		}
		entries = append(entries, own...)
	}
	slices.SortStableFunc(entries, func(a, b markingEntry) int { return a.rank - b.rank })
	table := marking.Shipped()
	if len(entries) > 0 {
		table = t.replaced(table, entries, marking.TableData{Edition: strings.Join(editions, "; ")})
	}
	profile, programmes, ok := chosen(enclave)
	t.out.unsure = t.out.unsure || !ok
	t.out.marks = marking.NewRegister(table, profile).NamingAtMost(programmes)
	use := TableUse{Table: "markings", Edition: table.Edition(), Profile: profile.String()}
	for _, e := range entries {
		use.Entries = append(use.Entries, TableEntry{Kind: e.kind, Name: e.name, Replaces: e.shipped, Withdrawn: e.withdrawn, File: e.file, Line: e.Line})
	}
	t.report.table(use)
}

// markingEntry is one entry of a table of markings with its place.
type markingEntry struct {
	spot
	kind, name string
	rank       int // countries stand before the organisations that they are members of
	add        func(*marking.TableData)
	shipped    bool
	withdrawn  bool
	again      bool // a second one of its name: checked, never kept
}

// markings lists the entries of a file, those without a fault of their own.
func (t *tabler) markings(f read[tableFile]) []markingEntry {
	var out []markingEntry
	put := func(kind, name string, rank int, p at, shipped bool, add func(*marking.TableData)) *markingEntry {
		here := spot{f.file, p}
		if name == "" {
			return new(markingEntry)
		}
		out = append(out, markingEntry{spot: here, kind: kind, name: name, rank: rank, add: add, shipped: shipped, again: !t.declare(kind, name, here)})
		return &out[len(out)-1]
	}
	m, shipped := &f.value.Markings, marking.Shipped().Data()
	for _, c := range m.Countries.Items {
		put("country", c.V, 0, c.at, slices.Contains(shipped.Countries, c.V), func(d *marking.TableData) { d.Countries = append(d.Countries, c.V) })
	}
	for _, c := range m.CUI.Items {
		put("cui category", c.V, 0, c.at, slices.Contains(shipped.CUI, c.V), func(d *marking.TableData) { d.CUI = append(d.CUI, c.V) })
	}
	for _, c := range m.Withdrawn.Items {
		put("cui category", c.V, 1, c.at, true, func(d *marking.TableData) { d.Withdrawn = append(d.Withdrawn, c.V) }).withdrawn = true
	}
	for _, r := range m.Organisations.Rows {
		known := slices.ContainsFunc(shipped.Organisations, func(o marking.Organisation) bool { return o.Code == r.Name })
		own := marking.Organisation{Code: r.Name, Members: t.members(f.file, r.Value)}
		put("organisation", r.Name, 1, r.at, known, func(d *marking.TableData) { d.Organisations = append(d.Organisations, own) })
	}
	for _, r := range m.SCI.Rows {
		known := slices.ContainsFunc(shipped.SCI, func(s marking.SystemControl) bool { return s.System == r.Name })
		own, whole := r.Value.value(r.Name)
		if !whole {
			t.out.unsure = true // what is missing was faulted
			continue
		}
		put("sci system", r.Name, 1, r.at, known, func(d *marking.TableData) { d.SCI = append(d.SCI, own) })
	}
	return out
}

// members lists the countries of an organisation, and faults those that no table has.
func (t *tabler) members(file string, list list[text]) []string {
	var out []string
	for _, m := range list.Items {
		own := slices.ContainsFunc(t.tables, func(f read[tableFile]) bool { return slices.Contains(words(f.value.Markings.Countries), m.V) })
		switch {
		case m.V == "":
		case own || marking.Shipped().Country(m.V):
			out = append(out, m.V)
		default:
			t.fault(spot{file, m.at}, Dangling, suggest(m.V, marking.Shipped().Data().Countries, "country"), "no country of the table has code %s", quoted(m.V))
		}
	}
	return out
}

// replaced gives the table with the entries in it. Where they do not all fit,
// each is tried alone beside those that do, so that every fault has its place.
func (t *tabler) replaced(table *marking.Table, entries []markingEntry, over marking.TableData) *marking.Table {
	if over.Edition == "" {
		over.Edition = "no edition" // a fault of its own
	}
	all, again := over, false
	for _, e := range entries {
		e.add(&all)
		again = again || e.again
	}
	if whole, err := table.With(all); err == nil && !again {
		return whole
	}
	t.out.unsure = true
	good, last := over, table
	for _, e := range entries {
		next := clone(good)
		e.add(&next)
		with, err := table.With(next)
		if err == nil {
			if !e.again {
				good, last = next, with
			}
			continue
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			for _, said := range []string{"organisations: ", "withdrawn: ", "sci: ", e.name + ": "} {
				line = strings.TrimPrefix(line, said)
			}
			t.fault(e.spot, Impossible, "mend the entry", "%s %s: %s", e.kind, quoted(e.name), line)
		}
	}
	return last
}

func clone(d marking.TableData) marking.TableData {
	d.Countries, d.CUI, d.Withdrawn = slices.Clone(d.Countries), slices.Clone(d.CUI), slices.Clone(d.Withdrawn)
	d.Organisations, d.SCI = slices.Clone(d.Organisations), slices.Clone(d.SCI)
	return d
}

// chosen gives the profile and the number of programmes that a banner may name
// as enclave.yaml has them, before the rest of it can be read; a fault in them
// is told when it is.
func chosen(enclave *document) (p marking.Profile, programmes int, ok bool) {
	if enclave == nil {
		return marking.IC, 0, true
	}
	if enclave.root == nil || enclave.root.Kind != yaml.MappingNode {
		return marking.IC, 0, false
	}
	var e enclaveFile
	r := &reader{document: enclave, report: new(Report)}
	ok = true
	for i := 0; i+1 < len(enclave.root.Content); i += 2 {
		switch value := enclave.root.Content[i+1]; enclave.root.Content[i].Value {
		case "marking_profile":
			r.into(&e.MarkingProfile, value, field{key: "marking_profile"})
			p, ok = marking.ParseProfile(e.MarkingProfile.V)
		case "banner_programmes":
			r.into(&e.BannerProgrammes, value, field{key: "banner_programmes", min: 1, max: 99})
		}
	}
	return p, int(e.BannerProgrammes.V), ok
}
