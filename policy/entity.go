package policy

import (
	"math"
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/marking"
)

// The entities of the schema, made of the estate once and of a call each time.

func uid(kind, id string) types.EntityUID {
	return types.NewEntityUID(types.EntityType("Bulkhead::"+kind), types.String(id))
}

func set(words []string) types.Set {
	values := make([]types.Value, len(words))
	for i, w := range words {
		values[i] = types.String(w)
	}
	return types.NewSet(values...)
}

func str(s string) types.String { return types.String(s) }

// worldOf makes the entities that do not depend on the call.
func worldOf(e *Engine) types.EntityMap {
	world := types.EntityMap{}
	put := func(id types.EntityUID, attributes types.RecordMap, parents ...types.EntityUID) {
		world[id] = types.Entity{UID: id, Parents: types.NewEntityUIDSet(parents...), Attributes: types.NewRecord(attributes)}
	}
	use := uid("Action", "use")
	put(use, nil)
	put(uid("Action", string(call.Chat)), nil, use)
	put(uid("Action", string(call.Embeddings)), nil, use)
	for _, v := range e.estate.Vendors {
		var lands []string
		for _, p := range v.Parties {
			lands = append(lands, p.Jurisdiction)
		}
		put(uid("Vendor", v.Name), types.RecordMap{"jurisdictions": set(lands)})
		for _, m := range v.Models {
			put(uid("Model", m.FullName()), types.RecordMap{"version": str(m.Version), "product": str(m.Product), "capabilities": set(m.Capabilities),
				"modalities": set(m.Modalities), "context": types.Long(m.Context)}, uid("Vendor", v.Name))
		}
	}
	for i := range e.offerings {
		putOffering(&e.offerings[i], put)
	}
	for _, w := range e.estate.Workloads {
		agency, organisation := uid("Agency", w.Owner.Agency), uid("Organisation", w.Owner.Agency+"/"+w.Owner.Organisation)
		put(agency, nil)
		put(organisation, nil, agency)
		put(uid("Workload", w.Name), types.RecordMap{"name": str(w.Name), "class": str(w.Class), "purposes": set(w.Purposes),
			"intelligence": types.Boolean(w.Owner.Intelligence), "nss": types.Boolean(w.Owner.NSS),
			"sensitive_customer": types.Boolean(w.Owner.SensitiveCustomer), "contractor": types.Boolean(w.Owner.Contractor),
			"decision_role": str(w.DecisionRole), "data_subjects": set(w.DataSubjects), "autonomy": str(w.Autonomy),
			"high_impact": str(w.HighImpact.State), "delivery": str(w.Delivery), "unknown_fields": str(w.UnknownFields)}, organisation)
	}
	return world
}

func putOffering(o *offering, put func(types.EntityUID, types.RecordMap, ...types.EntityUID)) {
	cloud, partition := uid("Cloud", o.Endpoint.Cloud), uid("Partition", o.Endpoint.Partition)
	model, vendor := uid("Model", o.Model.FullName()), uid("Vendor", o.Model.Vendor)
	var domain string
	var countries, schemes, classes, grants []string
	if p := o.Endpoint.In; p != nil {
		domain = string(p.Domain)
		for _, r := range o.Regions {
			countries = append(countries, p.Regions[r])
		}
	}
	for i := range o.Authorisations {
		a := &o.Authorisations[i]
		schemes, classes = append(schemes, a.Scheme), append(classes, a.Scheme+"/"+a.Class)
	}
	for _, g := range o.Grants {
		grants = append(grants, string(g))
	}
	line := ""
	if o.Line != nil {
		line = o.Line.Contract + "/" + o.Line.Number
	}
	put(cloud, nil)
	put(partition, types.RecordMap{"domain": str(domain)}, cloud)
	h := &o.Handling
	put(uid("Offering", o.Name), types.RecordMap{"name": str(o.Name), "model": model, "vendor": vendor, "partition": partition, "cloud": cloud,
		"endpoint": str(o.Endpoint.Name), "own": types.Boolean(o.own), "dialect": str(o.Endpoint.Dialect), "regions": set(o.Regions),
		"countries": set(countries), "schemes": set(schemes), "classes": set(classes), "retention": str(h.Retention),
		"retention_days": types.Long(retentionDays(h.Retention)), "human_review": str(h.HumanReview), "training": str(h.Training),
		"cloud_staff": str(h.CloudStaff), "vendor_staff": str(h.VendorStaff), "infrastructure": str(o.DependsOn.Infrastructure),
		"contract": str(o.Contract()), "line": str(line), "grants": set(grants)}, model, vendor, partition, cloud)
}

// unknownDays stands for a retention that nobody stated.
const unknownDays = 1_000_000

func retentionDays(word string) int64 {
	if word == "none" {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(word, "d"), 10, 64)
	if err != nil || n < 0 || n > unknownDays {
		return unknownDays
	}
	return n
}

// request is a call as policies see it, with the entities that it adds to the world.
type request struct {
	world           types.EntityMap
	principal, call types.Entity
	action          types.EntityUID
	context         types.Record
}

// Get finds an entity.
func (r *request) Get(id types.EntityUID) (types.Entity, bool) {
	switch id {
	case r.principal.UID:
		return r.principal, true
	case r.call.UID:
		return r.call, true
	}
	e, ok := r.world[id]
	return e, ok
}

// at is the request for one offering.
func (r *request) at(o *catalog.Offering) cedar.Request {
	return cedar.Request{Principal: r.principal.UID, Action: r.action, Resource: uid("Offering", o.Name), Context: r.context}
}

func (g *agency) request(a *ask) *request {
	w := uid("Workload", a.workload.Name)
	action := a.Action
	if action == call.CountTokens { // what is counted is sent: whoever may not chat may not count
		action = call.Chat
	}
	out := &request{world: g.world, action: uid("Action", string(action))}
	facts := types.RecordMap{"id": str(a.Principal.ID), "workload": w}
	kind := "Service"
	if p := a.Principal.Person; p != nil {
		kind = "Person"
		level, _ := marking.ParseLevel(p.spec.Clearance)
		facts["clearance"], facts["citizenship"] = types.Long(level), set(p.spec.Citizenship)
		facts["affiliation"], facts["readins"] = str(p.spec.Affiliation), set(p.spec.Readins)
	}
	out.principal = types.Entity{UID: uid(kind, a.Principal.ID), Parents: types.NewEntityUIDSet(w), Attributes: types.NewRecord(facts)}
	capabilities := make([]string, len(a.Needs))
	for i, n := range a.Needs {
		capabilities[i] = string(n.Capability)
	}
	out.call = types.Entity{UID: uid("Call", "this"), Attributes: types.NewRecord(types.RecordMap{
		"alias": str(a.aliasName()), "purpose": str(a.purpose), "dialect": str(a.Dialect), "marking": a.content.record(a.Label),
		"capabilities": set(capabilities), "modalities": set(a.modalities())})}
	out.context = types.NewRecord(types.RecordMap{"call": out.call.UID, "now": types.NewDatetimeFromMillis(clampMillis(a.now.UnixMilli()))})
	return out
}

func clampMillis(ms int64) int64 { return min(max(ms, math.MinInt64/2), math.MaxInt64/2) }

// record is a marking as policies see it.
func (c *content) record(l marking.Label) types.Record {
	return types.NewRecord(types.RecordMap{"level": types.Long(l.Level()), "cui": types.Boolean(l.CUI()),
		"categories": set(c.parts.Categories), "controls": set(c.parts.Controls), "readins": set(c.parts.Readins), "fgi": set(c.parts.FGI),
		"limited": types.Boolean(c.released), "released_to": set(c.parts.Rel), "excluded": set(c.parts.Excluded)})
}
