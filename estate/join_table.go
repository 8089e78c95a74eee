package estate

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"bulkhead/catalog"
)

//go:embed tables/purposes.json
var purposesJSON []byte

//go:embed tables/terms.json
var termsJSON []byte

// purposeTable is the shipped table of purposes.
type purposeTable struct {
	Edition  string
	Purposes []struct {
		Code, Category, Title string
		Risk                  catalog.Risk
		Below                 bool
	}
}

// shippedTerms are a version of a real vendor's policy, by purpose category.
type shippedTerms struct {
	Vendor, ID, Version, Source, Retrieved, Note string
	Categories                                   map[string]json.RawMessage
}

var shippedPurposes = sync.OnceValue(func() (t purposeTable) {
	if err := json.Unmarshal(purposesJSON, &t); err != nil {
		panic("estate: the shipped table of purposes: " + err.Error())
	}
	return t
})

var shippedPolicies = sync.OnceValue(func() []shippedTerms {
	var t struct{ Terms []shippedTerms }
	if err := json.Unmarshal(termsJSON, &t); err != nil {
		panic("estate: the shipped table of terms: " + err.Error())
	}
	return t.Terms
})

// joinPurposes puts the table of purposes together: the shipped one, with the
// estate's own entries in place of those of the same code.
func (j *joiner) joinPurposes() {
	shipped := shippedPurposes()
	j.est.PurposeTable = shipped.Edition
	for _, p := range shipped.Purposes {
		j.est.Purposes = append(j.est.Purposes, catalog.Purpose{Code: p.Code, Below: p.Below, Category: p.Category, Risk: p.Risk, Title: p.Title})
	}
	use := TableUse{Table: "purposes", Edition: shipped.Edition}
	for _, f := range j.content.tables {
		for _, r := range f.value.Purposes.Rows {
			here := spot{f.file, r.at}
			if !j.declare("purpose", r.Name, here) {
				continue
			}
			use.Entries = append(use.Entries, TableEntry{Kind: "purpose", Name: r.Name, File: f.file, Line: r.at.Line,
				Replaces: slices.ContainsFunc(j.est.Purposes, func(p catalog.Purpose) bool { return p.Code == r.Name })})
			own := catalog.Purpose{Code: r.Name, Below: r.Value.Below.V, Category: r.Value.Category.V, Risk: catalog.Risk(r.Value.Risk.V),
				Title: r.Value.Title.V, Source: here.source()}
			j.est.Purposes = slices.DeleteFunc(j.est.Purposes, func(p catalog.Purpose) bool { return p.Code == own.Code })
			j.est.Purposes = append(j.est.Purposes, own)
		}
		if len(f.value.Purposes.Rows) > 0 && f.value.Edition.V != "" {
			use.Edition += "; " + f.value.Edition.V
		}
	}
	j.report.table(use)
	slices.SortFunc(j.est.Purposes, func(a, b catalog.Purpose) int { return strings.Compare(a.Code, b.Code) })
}

// purpose faults a code that the table does not have: calls for it would be
// denied.
func (j *joiner) purpose(s spot, code string) {
	if code == "" || j.lost["tables"] {
		return
	}
	names := []string{}
	for _, p := range j.est.Purposes {
		if p.Code == code || p.Below && strings.HasPrefix(code, p.Code+".") {
			return
		}
		names = append(names, p.Code)
	}
	j.dangling(s, "", "purpose", code, names)
}

// verdicts gives what a document says of each purpose, and faults codes that
// the table has neither itself nor below them.
func (j *joiner) verdicts(file string, t table[term]) map[string]catalog.Term {
	out := map[string]catalog.Term{}
	for _, r := range t.Rows {
		out[r.Name] = r.Value.value()
		if !slices.ContainsFunc(j.est.Purposes, func(p catalog.Purpose) bool { return strings.HasPrefix(p.Code, r.Name+".") }) {
			j.purpose(spot{file, r.at}, r.Name)
		}
	}
	return out
}

// joinTerms gives a vendor its terms: those that its file writes, or else the
// shipped ones; a shipped one that is adopted stands beside what is written.
func (j *joiner) joinTerms(file string, f *vendorFile) {
	v := j.vendors[f.Vendor.V]
	if v == nil || v.Source.File != file {
		v = &catalog.Vendor{Name: f.Vendor.V} // has a fault already, and what it says is checked all the same
	}
	written := map[string]at{}
	for _, t := range f.Terms.Items {
		key := t.ID.V + " " + t.Version.V
		if first := written[key]; first.written() && t.ID.V != "" && t.Version.V != "" {
			j.fault(spot{file, t.at}, Duplicate, "give one of them another version", "terms %s are written already at line %d", quoted(key), first.Line)
		} else {
			written[key] = t.at
		}
		v.Terms = append(v.Terms, j.terms(file, t))
	}
	taken := map[string]bool{}
	for _, a := range f.Adopts.Items {
		for _, s := range shippedPolicies() {
			if s.Vendor == v.Name && s.ID == a.ID.V && s.Version == a.Version.V {
				v.Terms = append(v.Terms, j.shippedTerms(s, catalog.Adoption{By: a.By.V, Date: a.Date.V}, spot{file, a.at}.source()))
				taken[s.ID] = true
			}
		}
		if !taken[a.ID.V] && a.ID.V != "" && a.Version.V != "" && v.Name != "" {
			var known []string
			for _, s := range shippedPolicies() {
				if s.Vendor == v.Name {
					known = append(known, s.ID+" "+s.Version)
				}
			}
			j.dangling(spot{file, a.ID.at}, "", "shipped policy of the vendor", a.ID.V+" "+a.Version.V, known)
		}
	}
	for _, s := range shippedPolicies() {
		if s.Vendor == v.Name && len(written) == 0 && !taken[s.ID] {
			v.Terms = append(v.Terms, j.shippedTerms(s, catalog.Adoption{}, v.Source))
		}
	}
}

// shippedTerms says of each purpose what the policy says of its category.
func (j *joiner) shippedTerms(s shippedTerms, by catalog.Adoption, at catalog.Source) catalog.Terms {
	retrieved, err := time.Parse(time.DateOnly, s.Retrieved)
	if err != nil {
		panic("estate: the shipped terms of " + s.Vendor + ": " + err.Error())
	}
	out := catalog.Terms{ID: s.ID, Version: s.Version, Text: s.Note, Link: s.Source, Retrieved: retrieved, Adopted: by,
		Purposes: map[string]catalog.Term{}, Shipped: true, Source: at}
	for _, p := range j.est.Purposes {
		raw, ok := s.Categories[p.Category]
		if !ok {
			out.Purposes[p.Code] = catalog.Term{Verdict: "unknown"} // not what a code above it says
			continue
		}
		var t struct{ Conditional []string }
		var word string
		if json.Unmarshal(raw, &word) == nil {
			out.Purposes[p.Code] = catalog.Term{Verdict: word}
		} else if err := json.Unmarshal(raw, &t); err == nil && len(t.Conditional) > 0 {
			out.Purposes[p.Code] = catalog.Term{Verdict: "conditional", Obligations: t.Conditional}
		} else {
			panic("estate: the shipped terms of " + s.Vendor + " on " + p.Category)
		}
	}
	return out
}

func (e excludes) value() catalog.Barred {
	return catalog.Barred{Organisations: words(e.Organisations), Intelligence: e.Intelligence.V, Unless: catalog.Obligation(e.Unless.V)}
}

func attestations(file string, l list[attestation]) []catalog.Attestation {
	var out []catalog.Attestation
	for _, a := range l.Items {
		out = append(out, catalog.Attestation{Obligation: catalog.Obligation(a.Obligation.V), By: a.By.V, Document: a.Document.V,
			Purposes: words(a.Purposes), Expires: a.Expires.V, Source: spot{file, a.at}.source()})
	}
	return out
}

func (e enablement) value(file string) catalog.Enablement {
	out := catalog.Enablement{State: e.State.V, By: e.By.V, Document: e.Document.V, From: e.From.V}
	for _, n := range e.Notices.Items {
		out.Notices = append(out.Notices, catalog.Notice{Workloads: words(n.Workloads), Sent: n.Sent.V, Days: int(n.Days.V),
			Document: n.Document.V, Source: spot{file, n.at}.source()})
	}
	return out
}

// checkNames faults names of vendors, clouds and workloads that nothing declares.
func (j *joiner) checkNames() {
	rivals := keysOf(j.vendors)
	for _, c := range j.clouds {
		rivals = append(rivals, c.value.Cloud.V)
	}
	slices.Sort(rivals)
	for _, w := range j.workloads {
		for _, c := range w.value.Competitors.Items {
			if c.V != "" && !slices.Contains(rivals, c.V) {
				j.dangling(spot{w.file, c.at}, "vendors", "vendor or cloud", c.V, slices.Compact(slices.Clone(rivals)))
			}
		}
	}
	for _, c := range j.clouds {
		for _, o := range c.value.Offerings.Rows {
			for _, n := range o.Value.Enablement.Notices.Items {
				for _, w := range n.Workloads.Items {
					if w.V != "" && j.est.Workloads[w.V] == nil {
						j.dangling(spot{c.file, w.at}, "workloads", "workload", w.V, keysOf(j.est.Workloads))
					}
				}
			}
		}
	}
}
