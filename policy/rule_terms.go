package policy

import (
	"slices"

	"bulkhead/catalog"
)

// The rules of what vendor and contract allow. Each forbids by c.forbid, or says
// nothing.

// ruled is what terms and contract say of the call's purpose; nothing where the
// purpose itself was refused.
func (c *cell) ruled() (*stance, ruling) {
	s := c.offering.stances[c.ask.purpose]
	if s == nil {
		return nil, ruling{unknown: true}
	}
	return s, s.at(c.ask.now)
}

func termsPurpose(c *cell) {
	s, r := c.ruled()
	if s == nil {
		c.forbid(c.offering.Source, "nothing is known of the purpose %q", c.ask.purpose)
		return
	}
	for i := range r.prohibited {
		c.forbid(r.prohibited[i].source, "%s prohibit the purpose %s", r.prohibited[i].document, s.code)
	}
	if s.low || len(r.prohibited) > 0 {
		return
	}
	vendor := c.engine.vendorSource(c.offering.Offering)
	switch {
	case r.unknown:
		c.forbid(vendor, "no terms of %s speak of the purpose %s, which is of high risk", c.offering.Model.Vendor, s.code)
	case r.unadopted:
		c.forbid(vendor, "nobody of the agency has adopted the terms of %s, and the purpose %s is of high risk", c.offering.Model.Vendor, s.code)
	}
}

func (e *Engine) vendorSource(o *catalog.Offering) catalog.Source {
	for _, v := range e.estate.Vendors {
		if v.Name == o.Model.Vendor {
			return v.Source
		}
	}
	return o.Source
}

func obligations(c *cell) {
	_, r := c.ruled()
	for i := range r.obligations {
		o := &r.obligations[i]
		d, why := c.meet(o.name)
		if d.Means == Unmet {
			c.forbid(o.source, "%s demand %s for the purpose %s: %s", o.document, o.name, c.ask.purpose, why)
			continue
		}
		c.duties = append(c.duties, d)
	}
}

func organisation(c *cell) {
	w := c.ask.workload
	for i := range c.offering.barred {
		b := &c.offering.barred[i]
		out := b.Intelligence && w.Owner.Intelligence || slices.Contains(b.Organisations, w.Owner.Organisation) || slices.Contains(b.Organisations, w.Owner.Agency)
		if !out {
			continue
		}
		why := "and name nothing that would lift it"
		if b.Unless != "" {
			d, unmet := c.meet(b.Unless)
			if d.Means != Unmet {
				c.duties = append(c.duties, d)
				continue
			}
			why = "unless " + string(b.Unless) + ": " + unmet
		}
		c.forbid(b.source, "%s leave out the organisation of workload %s, %s", b.document, w.Name, why)
	}
}

func deployment(c *cell) {
	if !c.offering.own {
		return
	}
	for _, only := range c.offering.cloudOnly {
		c.forbid(only.source, "%s allow the model in a cloud only, and this is the agency's own machine", only.document)
	}
}

func competitor(c *cell) {
	w := c.ask.workload
	for _, name := range [...]string{c.offering.Model.Vendor, c.offering.Endpoint.Cloud} {
		if slices.Contains(w.Competitors, name) {
			c.forbid(w.Source, "%s is a competitor that workload %s names", name, w.Name)
		}
	}
}
