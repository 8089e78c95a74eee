package estate

import (
	"go.yaml.in/yaml/v4"

	"bulkhead/catalog"
)

// listing is the word any, or a list of codes.
type listing struct {
	at
	Any   bool
	Items []string
}

func (l *listing) read(r *reader, n *yaml.Node, f field) {
	l.at = place(n)
	if isText(n) && n.Value == "any" {
		l.Any = true
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.wrongType(n, f, "any or a list", "write any, or a list such as [SP-PRVCY]")
		return
	}
	var codes list[text]
	codes.read(r, n, f)
	l.Items = words(codes)
}

func (l *listing) schema(f field) map[string]any {
	var codes list[text]
	inner := f
	inner.doc, inner.def = "", ""
	return described(f, map[string]any{"anyOf": []any{map[string]any{"const": "any"}, codes.schema(inner)}})
}

func (l listing) value() catalog.Listing {
	return catalog.Listing{Set: l.written(), Any: l.Any, Items: l.Items}
}

// subject bounds what something may have: clearance, read-ins, who it is.
type subject struct {
	at
	Clearance   text       `key:"clearance,required" enum:"U C S TS" doc:"Highest classification it may have"`
	Readins     list[text] `key:"readins" form:"readin" doc:"Compartments and programmes it is read into" default:"none"`
	Citizenship list[text] `key:"citizenship" form:"citizenship" doc:"Citizenships, as ISO 3166 codes of three letters" default:"unknown"`
	Affiliation text       `key:"affiliation" form:"affiliation" doc:"Whom it belongs to: US-FED, US-SLTT, CONTRACTOR or a country's government such as GBR-GOV" default:"unknown"`
	CUI         listing    `key:"cui" form:"cui" doc:"CUI categories it may have: any, or a list" default:"none"`
	Controls    listing    `key:"controls" form:"control" doc:"Dissemination controls it can keep: any, or a list" default:"none"`
}

func (s subject) value() catalog.Ceiling {
	return catalog.Ceiling{Clearance: s.Clearance.V, Readins: words(s.Readins), Citizenship: words(s.Citizenship),
		Affiliation: s.Affiliation.V, CUI: s.CUI.value(), Controls: s.Controls.value()}
}

// ceiling is a subject, or a banner as shorthand for one.
type ceiling struct {
	at
	Banner text
	Fields subject
}

func (c *ceiling) read(r *reader, n *yaml.Node, f field) {
	c.at = place(n)
	switch {
	case isText(n):
		c.Banner.read(r, n, field{key: f.key, form: "marking", doc: f.doc, hush: f.hush})
	case n.Kind == yaml.MappingNode:
		r.into(&c.Fields, n, f)
	default:
		r.wrongType(n, f, "a banner or a map", "write a banner such as CUI, or {clearance: U, …}")
	}
}

func (c *ceiling) schema(f field) map[string]any {
	return described(f, map[string]any{"anyOf": []any{
		map[string]any{"type": "string", "pattern": markingPattern, "description": "A banner, as shorthand"},
		schemaOf(&c.Fields, field{}),
	}})
}

func (c ceiling) value() catalog.Ceiling {
	if c.Banner.V != "" {
		return catalog.Ceiling{Banner: c.Banner.V}
	}
	return c.Fields.value()
}

// level is the classification that a ceiling reaches, or nothing.
func (c ceiling) level(t *tables) string {
	if c.Banner.V != "" {
		return t.level(c.Banner.V)
	}
	return c.Fields.Clearance.V
}

// term is what a policy says of a purpose: a word, or a map of obligations.
type term struct {
	at
	Verdict text
	Fields  conditions
}

type conditions struct {
	Conditional list[text] `key:"conditional,required" form:"obligation" min:"1" doc:"Obligations without which the purpose is not allowed"`
}

func verdictField(key string) field {
	return field{key: key, enum: []string{"allowed", "prohibited"}, doc: "Verdict"}
}

func (t *term) read(r *reader, n *yaml.Node, f field) {
	t.at = place(n)
	switch {
	case isText(n):
		t.Verdict.read(r, n, verdictField(f.key))
	case n.Kind == yaml.MappingNode:
		r.into(&t.Fields, n, f)
	default:
		r.wrongType(n, f, "a verdict", "write allowed, prohibited or {conditional: [OBLIGATION]}")
	}
}

func (t *term) schema(f field) map[string]any {
	return described(f, map[string]any{"anyOf": []any{t.Verdict.schema(verdictField("")), schemaOf(&t.Fields, field{})}})
}

func (t term) value() catalog.Term {
	if t.Verdict.V != "" {
		return catalog.Term{Verdict: t.Verdict.V}
	}
	return catalog.Term{Verdict: "conditional", Obligations: words(t.Fields.Conditional)}
}
