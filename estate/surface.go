package estate

import (
	"slices"

	"bulkhead/catalog"
)

// surface faults a form of paths that the endpoint's dialect has not, and what
// means nothing on it.
func (j *joiner) surface(file string, r row[endpoint]) {
	e := r.Value
	only := map[string][]string{"invoke": {"anthropic", "bedrock"}, "vertex": {"gemini", "anthropic"}}[e.Surface.V]
	if only != nil && e.Dialect.V != "" && !slices.Contains(only, e.Dialect.V) {
		j.fault(spot{file, e.Surface.at}, Impossible, "remove surface, or write dialect: "+oneOf(only), "dialect %s has no surface %s", e.Dialect.V, e.Surface.V)
	}
	if e.Surface.V == "vertex" {
		if !e.Project.written() {
			j.fault(spot{file, e.Surface.at}, MissingKey, "add project, the id of the Google project", "surface vertex of endpoint %s needs a project", quoted(r.Name))
		}
		return
	}
	if e.Surface.written() && e.Surface.V == "" {
		return // it had a fault of its own
	}
	for _, k := range []struct {
		key string
		at  at
	}{{"project", e.Project.at}, {"location", e.Location.at}} {
		if k.at.written() {
			j.fault(spot{file, k.at}, Impossible, "remove it, or write surface: vertex", "%s means nothing on another surface than vertex", k.key)
		}
	}
}

// moves faults an offering on Vertex AI that lists fewer regions than its
// endpoint's location can mean: a region is itself; us and eu move between the
// regions of a continent, global between all
// (https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations, 2026).
func (j *joiner) moves(file string, o offering, e *catalog.Endpoint, p *partition) {
	if e.Location == "" || len(o.Regions.Items) == 0 || len(p.Regions) == 0 {
		return
	}
	here, listed := spot{file, o.Regions.at}, words(o.Regions)
	_, region := p.Regions[e.Location]
	switch {
	case region && !slices.Contains(listed, e.Location):
		j.fault(here, Impossible, "add "+e.Location, "location of endpoint %s is %s, which is not listed", quoted(e.Name), e.Location)
	case region:
	case e.Location == "global":
		for _, name := range sortedNames(p.Regions) {
			if !slices.Contains(listed, name) {
				j.fault(here, Impossible, "list every region of the partition, or write a region as location", "location global of endpoint %s may move to every region of partition %s, and %s is not listed", quoted(e.Name), quoted(p.Name), name)
				return
			}
		}
	case len(listed) < 2:
		j.fault(here, Impossible, "list all regions that it may move to, or write a region as location", "location %s of endpoint %s is no region of partition %s but moves between several, and only one is listed", e.Location, quoted(e.Name), quoted(p.Name))
	}
}
