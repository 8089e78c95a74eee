package policy

import (
	"slices"
	"strings"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
)

// The rules of what an offering is. Each forbids by c.forbid, or says nothing.

func enablement(c *cell) {
	e := &c.offering.Enablement
	switch {
	case e.State == "pending":
		c.forbid(c.offering.Source, "its enablement by %s is pending", e.By)
	case e.State == "withdrawn":
		c.forbid(c.offering.Source, "%s has withdrawn its enablement", e.By)
	case e.State != "enabled":
		c.forbid(c.offering.Source, "nothing says that it is enabled")
	case c.ask.now.Before(e.From):
		c.forbid(c.offering.Source, "it is enabled by %s from %s on", e.By, day(e.From))
	}
}

func notice(c *cell) {
	w := c.ask.workload
	if !w.Owner.SensitiveCustomer || c.offering.own { // on the agency's own machines no vendor enables anything
		return
	}
	why := "no notice of it was sent to the vendor"
	at := c.offering.Source
	for i := range c.offering.Enablement.Notices {
		n := &c.offering.Enablement.Notices[i]
		switch {
		case len(n.Workloads) > 0 && !slices.Contains(n.Workloads, w.Name):
		case n.Sent.IsZero() || c.ask.now.Before(n.Until()):
			why, at = "the clock of the vendor's notice "+n.Document+" runs until "+day(n.Until()), n.Source
		default:
			return
		}
	}
	c.forbid(at, "workload %s is a sensitive customer: %s", w.Name, why)
}

func status(c *cell) {
	bars := c.ask.workload.bars[c.offering.Index]
	for i := range bars {
		if bars[i].holds(c.ask.now) {
			c.forbid(bars[i].source, "%s", bars[i].why)
		}
	}
}

func domain(c *cell) {
	e, p := &c.engine.estate.Enclave, c.offering.Endpoint.In
	switch {
	case p == nil || p.Domain == "":
		c.forbid(c.offering.Endpoint.Source, "nothing says in which domain its partition %s lies", c.offering.Endpoint.Partition)
	case p.Domain != e.Domain:
		c.forbid(c.offering.Endpoint.Source, "its partition %s lies in the domain %s, this enclave in %s", p.Name, p.Domain, e.Domain)
	case c.ask.Label.Level() > c.engine.domain:
		c.forbid(e.Source, "the marking is above the domain %s", e.Domain)
	}
}

func territory(c *cell) {
	e, o := &c.engine.estate.Enclave, c.offering
	if o.Endpoint.In == nil || len(o.Regions) == 0 {
		c.forbid(o.Source, "nothing says in which countries it runs")
		return
	}
	inside := func(region string, at catalog.Source, what string) {
		switch country := o.Endpoint.In.Regions[region]; {
		case country == "":
			c.forbid(at, "%s %s is in a country that is not known", what, region)
		case !slices.Contains(e.Territory, country):
			c.forbid(at, "%s %s is in %s, and the territory is %s", what, region, country, strings.Join(e.Territory, ", "))
		}
	}
	for _, region := range o.Regions {
		inside(region, o.Source, "its region")
	}
	if !slices.Contains(o.Regions, o.Endpoint.Region) {
		inside(o.Endpoint.Region, o.Endpoint.Source, "its endpoint's region")
	}
}

func crypto(c *cell) {
	demand := c.engine.estate.Enclave.Crypto
	if demand == "none" {
		return
	}
	if c.offering.clear {
		c.forbid(c.offering.Endpoint.Source, "its endpoint is reached in the clear, and the enclave demands %s", demand)
	}
	if c.offering.Endpoint.FIPS == "false" {
		c.forbid(c.offering.Endpoint.Source, "its endpoint's host is not the FIPS one, and the enclave demands %s", demand)
	}
}

// authorisationDates asks for an authorisation in force on each side, and for
// one in force of every scheme that is written, since what holds is what all of
// them allow.
func authorisationDates(c *cell) {
	provider, agency := false, false
	for i := range c.offering.authorisations {
		a := &c.offering.authorisations[i]
		if why := outOfDate(a.Authorisation, c.ask.now); why == "" {
			provider, agency = provider || !a.Agency(), agency || a.Agency()
		} else if !c.renewed(a) {
			c.forbid(a.Authorisation.Source, "%s %s", a.what, why)
		}
	}
	if !agency {
		c.forbid(c.offering.Source, "no authorisation of the agency is in force")
	}
	if !provider && !c.offering.own {
		c.forbid(c.offering.Source, "no authorisation of its provider is in force")
	}
}

// renewed reports whether another authorisation of the same scheme is in force.
func (c *cell) renewed(a *authorised) bool {
	for i := range c.offering.authorisations {
		if b := &c.offering.authorisations[i]; b.Scheme == a.Scheme && outOfDate(b.Authorisation, c.ask.now) == "" {
			return true
		}
	}
	return false
}

func accessOfOffering(c *cell) {
	if p := c.offering.place; p != nil {
		if v := p.subject.May(c.ask.Label); !v.Allow {
			c.forbid(p.source, "its %s is not for the marking: %s", p.what, reads(v))
		}
	}
	for i := range c.offering.authorisations {
		a := &c.offering.authorisations[i]
		if outOfDate(a.Authorisation, c.ask.now) != "" {
			continue // for the rule of dates
		}
		if v := a.subject.May(c.ask.Label); !v.Allow {
			c.forbid(a.source, "its %s is not for the marking: %s", a.what, reads(v))
		}
	}
}

func handling(c *cell) {
	for i := range c.offering.staff {
		s := &c.offering.staff[i]
		for _, part := range s.mayNot(&c.ask.content) {
			c.forbid(c.offering.Source, "%s may see data and may be %s: the marking leaves them out by %s", s.who, s.words, part)
		}
	}
	if c.offering.Handling.Training != "false" && !c.ask.content.plain {
		word := "it is not known that data are not used for training"
		if c.offering.Handling.Training == "true" {
			word = "data are used for training"
		}
		c.forbid(c.offering.Source, "%s, and the marking is more than unclassified and open", word)
	}
}

// The rules of what a model can do.

func dialectCarried(c *cell) {
	ours := c.offering.Endpoint.Dialect
	if !slices.Contains(c.engine.options.Dialects[c.ask.Dialect], ours) {
		c.forbid(c.offering.Endpoint.Source, "its endpoint speaks the dialect %s, into which this build does not translate", ours)
	}
}

func actionServed(c *cell) {
	m := c.offering.Model
	embeds := slices.Contains(m.Capabilities, "embeddings") || m.Dimensions > 0
	switch c.ask.Action {
	case call.Embeddings:
		if !embeds {
			c.forbid(m.Source, "the model %s gives no embeddings", m.FullName())
		}
	case call.Chat, call.CountTokens:
		if embeds {
			c.forbid(m.Source, "the model %s gives embeddings and does not chat", m.FullName())
		}
	default:
		c.forbid(m.Source, "nothing serves the action %q", c.ask.Action)
	}
}

func capability(c *cell) {
	for _, n := range c.ask.Needs {
		if !c.offering.Granted(n.Capability) {
			c.forbid(c.offering.Source, "its row does not grant %s, which %s uses", n.Capability, n.Field)
		}
	}
}

func modality(c *cell) {
	for _, m := range c.ask.modalities() {
		if !slices.Contains(c.offering.Model.Modalities, m) {
			c.forbid(c.offering.Model.Source, "the model %s does not take %s", c.offering.Model.FullName(), m)
		}
	}
}

func context(c *cell) {
	if m := c.offering.Model; m.Context > 0 && c.ask.LeastTokens > m.Context {
		c.forbid(m.Source, "the call cannot fit the context of the model %s, %d tokens", m.FullName(), m.Context)
	}
}

// outOfDate says why an authorisation does not hold at an instant, or nothing.
func outOfDate(a *catalog.Authorisation, now time.Time) string {
	switch {
	case a.Issued.IsZero() || a.Expires.IsZero():
		return "states no dates"
	case now.Before(a.Issued):
		return "holds from " + day(a.Issued) + " on"
	case !now.Before(a.Expires):
		return "has expired on " + day(a.Expires)
	}
	return ""
}

func named(a *catalog.Authorisation) string {
	return "authorisation " + a.Document + " (" + a.Scheme + ")"
}

func day(t time.Time) string { return t.Format(time.DateOnly) }
