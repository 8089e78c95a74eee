package policy

import (
	"maps"
	"net"
	"net/url"
	"reflect"
	"slices"

	"bulkhead/catalog"
	"bulkhead/marking"
)

// compiler makes an engine and gathers what stands in the way.
type compiler struct {
	*Engine
	problems []Problem
}

// bound is a subject that limits what something may have.
type bound struct {
	what    string // "partition own", "authorisation ATO-2026-114 (agency-ato)"
	subject marking.Subject
	source  catalog.Source
}

// offering is an offering with what was worked out of it.
type offering struct {
	*catalog.Offering
	own            bool   // on the agency's own machines
	place          *bound // the ceiling of a declared partition
	authorisations []authorised
	staff          [2]staff
	clear          bool // the address is plain http and not of this machine
	stances        map[string]*stance
	barred         []barring
	cloudOnly      []cited
}

// authorised is an authorisation with its meaning.
type authorised struct {
	*catalog.Authorisation
	bound
}

// workload is a workload with what was worked out of it.
type workload struct {
	*catalog.Workload
	audience marking.Subject
	ceiling  marking.Subject
	floor    marking.Label
	highest  marking.Label // that its ceiling was written as
	standard marking.Label // its default
	bars     map[int][]bar // exclusions, by offering
	purposes map[string]*catalog.Purpose
}

func (c *compiler) problem(s catalog.Source, hint, message string) {
	c.problems = append(c.problems, Problem{Source: s, Message: message, Hint: hint})
}

// label reads a banner, or a portion without its parentheses.
func (c *compiler) label(s string, at catalog.Source) marking.Label {
	reading := c.register.Read(s)
	if !reading.Valid() {
		c.problem(at, "write a banner such as U, CUI or SECRET//NOFORN", "\""+s+"\" is no marking")
		return marking.Label{}
	}
	l := c.register.Label(reading.Mark)
	if !slices.ContainsFunc(c.labels, l.Equal) {
		c.labels = append(c.labels, l)
	}
	return l
}

// spec gives a ceiling's meaning as the fields of a subject.
func (c *compiler) spec(x catalog.Ceiling, at catalog.Source) marking.Spec {
	if x.Banner == "" {
		spec := marking.Spec{Clearance: x.Clearance, Readins: x.Readins, Citizenship: x.Citizenship, Affiliation: x.Affiliation,
			Controls: listing(x.Controls), CUI: listing(x.CUI)}
		if !slices.ContainsFunc(c.ceilings, func(s marking.Spec) bool { return reflect.DeepEqual(s, spec) }) {
			c.ceilings = append(c.ceilings, spec)
		}
		return spec
	}
	spec, err := marking.CeilingSpec(c.label(x.Banner, at))
	if err != nil {
		c.problem(at, "write the ceiling as a subject: clearance, citizenship and so on", "the ceiling "+x.Banner+": "+err.Error())
	}
	return spec
}

func listing(l catalog.Listing) *marking.List {
	if !l.Set {
		return nil
	}
	return &marking.List{Any: l.Any, Names: l.Items}
}

// ceiling makes a subject of a ceiling; a bad one may have nothing.
func (c *compiler) ceiling(x catalog.Ceiling, at catalog.Source) marking.Subject {
	before := len(c.problems)
	spec := c.spec(x, at)
	if len(c.problems) > before {
		return marking.Subject{}
	}
	s, err := marking.Ceiling(spec)
	if err != nil {
		c.problem(at, "mend the ceiling", err.Error())
	}
	return s
}

// turning are markings at which the rules on handling change their mind.
var turning = [...]string{"UNCLASSIFIED", "CUI", "CUI//SP-EXPT", "CUI//NOCON", "CUI//FED ONLY", "CUI//FEDCON", "UNCLASSIFIED//NOFORN", "UNCLASSIFIED//PROPIN"}

func (c *compiler) compileEnclave() {
	e := &c.estate.Enclave
	for _, banner := range turning {
		if r := c.register.Parse(banner, marking.Banner); r.Valid() { // a replaced table may not have them all
			c.label(banner, e.Source)
		}
	}
	c.enclave = c.ceiling(e.Ceiling, e.Source)
	switch e.Domain {
	case catalog.Secret:
		c.domain = marking.Secret
	case catalog.TopSecret:
		c.domain = marking.TopSecret
	default:
		c.domain = marking.Unclassified
	}
}

func (c *compiler) compileOffering(o *catalog.Offering) offering {
	out := offering{Offering: o, own: o.Endpoint.Cloud == catalog.Own, stances: map[string]*stance{}, clear: travelsClear(o.Endpoint.URL)}
	if p := o.Endpoint.In; p != nil && p.Declared {
		out.place = &bound{"partition " + p.Name, c.ceiling(p.Ceiling, p.Source), p.Source}
	}
	for i := range o.Authorisations {
		a := &o.Authorisations[i]
		out.authorisations = append(out.authorisations, authorised{a,
			bound{"authorisation " + a.Document + " (" + a.Scheme + ")", c.ceiling(a.Ceiling, a.Source), a.Source}})
	}
	out.staff = staffOf(&o.Handling)
	out.barred, out.cloudOnly = c.conditionsOf(o)
	return out
}

func (c *compiler) compileWorkload(w *catalog.Workload) *workload {
	out := &workload{Workload: w, bars: map[int][]bar{}, purposes: map[string]*catalog.Purpose{}}
	spec := c.spec(w.Audience.Subject, w.Source)
	audience, err := marking.Audience(spec)
	if err != nil {
		c.problem(w.Source, "mend the audience", "the audience of workload "+w.Name+": "+err.Error())
	}
	out.audience = audience
	out.ceiling = c.ceiling(catalog.Ceiling{Banner: w.Marking.Ceiling}, w.Source)
	out.highest = c.label(w.Marking.Ceiling, w.Source)
	out.floor = c.label(w.Marking.Floor, w.Source)
	out.standard = c.label(w.Marking.Default, w.Source)
	if w.Marking.Unread != "" {
		c.label(w.Marking.Unread, w.Source)
	}
	for _, code := range w.Purposes {
		out.purposes[code] = c.findPurpose(code)
		if out.purposes[code] == nil {
			continue
		}
		for i := range c.offerings {
			if o := &c.offerings[i]; o.stances[code] == nil {
				o.stances[code] = c.stanceOn(o.Offering, out.purposes[code], code)
			}
		}
	}
	for i := range c.offerings {
		o := &c.offerings[i]
		if bars := c.barsOf(w, o.Offering); len(bars) > 0 {
			out.bars[i] = bars
		}
	}
	return out
}

// findPurpose gives the entry of the table that a code is of: itself, or the
// nearest above it that takes in codes below.
func (c *compiler) findPurpose(code string) *catalog.Purpose {
	for at := code; at != ""; at = above(at) {
		for i := range c.estate.Purposes {
			if p := &c.estate.Purposes[i]; p.Code == at && (at == code || p.Below) {
				return p
			}
		}
	}
	return nil
}

// above is the code over a code: benefits over benefits.casework, nothing over benefits.
func above(code string) string {
	for i := len(code) - 1; i > 0; i-- {
		if code[i] == '.' {
			return code[:i]
		}
	}
	return ""
}

// travelsClear reports whether calls to an address leave this machine unencrypted.
func travelsClear(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" {
		return err != nil || u.Scheme != "https"
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
