package estate

import (
	"maps"
	"slices"
	"strings"

	"bulkhead/catalog"
)

func (j *joiner) joinVendor(file string, f *vendorFile) {
	here := spot{file, f.Vendor.at}
	fresh := f.Vendor.V != "" && j.declare("vendor", f.Vendor.V, here)
	v := &catalog.Vendor{Name: f.Vendor.V, Models: map[string]*catalog.Model{}, Parties: map[string]catalog.Party{}, Source: here.source()}
	for _, r := range f.Models.Rows {
		m := r.Value
		version := m.Version.V
		if version == "" {
			version = "unpinned"
		}
		modalities := words(m.Modalities)
		if modalities == nil {
			modalities = []string{"text"}
		}
		if m.Context.V > 0 && m.MaxOutput.V > m.Context.V {
			j.fault(spot{file, m.MaxOutput.at}, Impossible, "write max_output no larger than context", "max_output of %s is more than its context", quoted(r.Name))
		}
		v.Models[r.Name] = &catalog.Model{Vendor: v.Name, Name: r.Name, Version: version, Modalities: modalities,
			Capabilities: words(m.Capabilities), Product: m.Product.V, Reasoning: m.Reasoning.V, Instructions: or(m.Instructions.V, "leading"), Context: m.Context.V, MaxOutput: m.MaxOutput.V, Dimensions: m.Dimensions.V,
			Source: spot{file, r.at}.source()}
	}
	for _, r := range f.Parties.Rows {
		v.Parties[r.Name] = catalog.Party{Name: r.Value.Name.V, Jurisdiction: r.Value.Jurisdiction.V}
	}
	if !fresh {
		return
	}
	j.vendors[v.Name] = v
	j.est.Vendors = append(j.est.Vendors, v)
}

func (j *joiner) terms(file string, t terms) catalog.Terms {
	return catalog.Terms{ID: t.ID.V, Version: t.Version.V, Text: t.Text.V, Link: t.Link.V, Retrieved: t.Retrieved.V,
		Adopted: catalog.Adoption{By: t.Adopted.By.V, Date: t.Adopted.Date.V}, Purposes: j.verdicts(file, t.Purposes),
		Barred: t.Excludes.value(), CloudOnly: t.CloudOnly.V, Source: spot{file, t.at}.source()}
}

// models lists all models that are declared, as vendor/name.
func (j *joiner) models() []string {
	var names []string
	for _, v := range j.vendors {
		for _, m := range v.Models {
			names = append(names, m.FullName())
		}
	}
	return names
}

// model finds vendor/name, or faults the reference.
func (j *joiner) model(file string, ref text) *catalog.Model {
	vendor, name, _ := strings.Cut(ref.V, "/")
	if ref.V == "" {
		return nil
	}
	if v := j.vendors[vendor]; v != nil && v.Models[name] != nil {
		return v.Models[name]
	}
	j.dangling(spot{file, ref.at}, "vendors", "model", ref.V, j.models())
	return nil
}

func (j *joiner) joinContract(file string, f *contractFile) {
	here := spot{file, f.Contract.at}
	fresh := f.Contract.V != "" && j.declare("contract", f.Contract.V, here)
	if f.Contract.V == catalog.NoContract {
		j.fault(here, Impossible, "give it another name", "no contract can be called %s, which says that there is none", quoted(f.Contract.V))
	}
	c := &catalog.Contract{Name: f.Contract.V, Lines: map[string]*catalog.Line{}, Source: here.source()}
	for _, r := range f.Lines.Rows {
		l := r.Value
		most := l.NotToExceed.V
		if !l.NotToExceed.written() {
			most = l.Obligated.V
		}
		if most < l.Obligated.V {
			j.fault(spot{file, l.NotToExceed.at}, Impossible, "write not_to_exceed no smaller than obligated",
				"not_to_exceed of line %s is less than the money obligated", quoted(r.Name))
		}
		if from, to := l.Period.From.V, l.Period.To.V; !from.IsZero() && !to.IsZero() && to.Before(from) {
			j.fault(spot{file, l.Period.To.at}, Impossible, "write a last day that is not before the first",
				"the period of line %s ends before it begins", quoted(r.Name))
		}
		c.Lines[r.Name] = &catalog.Line{Contract: c.Name, Number: r.Name, Obligated: l.Obligated.V, NotToExceed: most,
			PeriodFrom: l.Period.From.V, PeriodUntil: l.Period.To.V, Source: spot{file, r.at}.source()}
	}
	for _, o := range f.Overlays.Items {
		if o.Vendor.V != "" && j.vendors[o.Vendor.V] == nil {
			j.dangling(spot{file, o.Vendor.at}, "vendors", "vendor", o.Vendor.V, keysOf(j.vendors))
		}
		if o.Clause.written() != o.Approver.written() {
			j.fault(spot{file, o.at}, Impossible, "write clause and approver, or neither", "an overlay that supersedes terms needs both a clause and an approver")
		}
		c.Overlays = append(c.Overlays, &catalog.Overlay{Contract: c.Name, Vendor: o.Vendor.V, Clause: o.Clause.V, Approver: o.Approver.V,
			Purposes: j.verdicts(file, o.Purposes), Barred: o.Excludes.value(), CloudOnly: o.CloudOnly.V, Source: spot{file, o.at}.source()})
	}
	if !fresh {
		return
	}
	j.contracts[c.Name] = c
	j.est.Contracts = append(j.est.Contracts, c)
}

// contractLine finds contract/line, or faults the reference.
func (j *joiner) contractLine(file string, ref text) *catalog.Line {
	if ref.V == "" {
		return nil
	}
	contract, number, _ := strings.Cut(ref.V, "/")
	if c := j.contracts[contract]; c != nil && c.Lines[number] != nil {
		return c.Lines[number]
	}
	var declared []string
	for _, c := range j.contracts {
		for number := range c.Lines {
			declared = append(declared, c.Name+"/"+number)
		}
	}
	j.dangling(spot{file, ref.at}, "contracts", "contract line", ref.V, declared)
	return nil
}

func keysOf[T any](m map[string]T) []string { return slices.Collect(maps.Keys(m)) }
