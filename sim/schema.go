package sim

import (
	"math"
	"slices"
	"strings"
)

// fill makes a JSON value that obeys a JSON Schema, filled from the prompt where its names, numbers and quotations
// fit. It knows type (also as a list), nullable, enum, const, $ref into the same schema (recursive ones end as soon
// as they can), anyOf, oneOf, allOf, properties, required, additionalProperties, minProperties, items, prefixItems,
// minItems, maxItems, uniqueItems, minimum, maximum, both exclusive bounds (numbers, or booleans as in draft 4),
// multipleOf, minLength, maxLength, pattern and the common formats.
// WARNING: not, if/then/else, contains, dependentSchemas and propertyNames are not looked at, and of oneOf the first
// branch is taken without a check that no other fits too.
func fill(schema any, h *hints, d *dice, which propertyRule) any {
	f := filler{root: schema, hints: h, dice: d, which: which}
	return f.value(schema, "", 0)
}

// propertyRule says which optional properties an object gets.
type propertyRule func(name string, schema object, h *hints) bool

// allProperties gives an object all its properties, as models do for structured output.
func allProperties(string, object, *hints) bool { return true }

// askedProperties gives an object only what the prompt speaks of, as models do for tool arguments.
func askedProperties(name string, schema object, h *hints) bool {
	if slices.ContainsFunc(schema.array("enum"), func(v any) bool {
		s, ok := v.(string)
		return ok && h.words[strings.ToLower(s)]
	}) {
		return true
	}
	return h.words[strings.ToLower(name)]
}

type filler struct {
	root  any
	hints *hints
	dice  *dice
	which propertyRule
}

// deep is the number of objects, arrays and references after which only what must be there is made.
const deep = 6

// bottom is where even a schema that demands its own endless repetition is given up; the value is null then.
const bottom = 64

func (f *filler) value(schema any, name string, depth int) any {
	s, ok := schema.(object)
	if !ok || depth > bottom {
		if schema == true {
			return f.text(object{}, name)
		}
		return nil
	}
	s = f.resolve(s, depth)
	if c, ok := s.get("const"); ok {
		return c
	}
	if choices := s.array("enum"); len(choices) > 0 {
		return f.choose(choices)
	}
	if branches := branchesOf(s); len(branches) > 0 {
		branch := f.branch(branches, depth)
		if b, ok := branch.(object); ok {
			branch = merge(s.without("anyOf", "oneOf"), b)
		}
		return f.value(branch, name, depth+1)
	}
	switch f.typeOf(s, depth) {
	case "object":
		return f.object(s, depth)
	case "array":
		return f.array(s, name, depth)
	case "integer":
		return f.number(s, true)
	case "number":
		return f.number(s, false)
	case "boolean":
		return f.hints.words[strings.ToLower(name)] || f.dice.below(2) == 1
	case "null":
		return nil
	default:
		return f.text(s, name)
	}
}

// resolve follows $ref and folds allOf in.
func (f *filler) resolve(s object, depth int) object {
	for range bottom {
		ref := s.text("$ref")
		if ref == "" {
			break
		}
		target, _ := f.lookup(ref).(object)
		s = merge(s.without("$ref"), target)
	}
	if all := s.array("allOf"); len(all) > 0 && depth <= bottom {
		s = s.without("allOf")
		for _, part := range all {
			if p, ok := part.(object); ok {
				s = merge(s, f.resolve(p, depth+1))
			}
		}
	}
	return s
}

// lookup finds what a JSON pointer within the schema ("#/$defs/Step") names.
func (f *filler) lookup(ref string) any {
	pointer, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	at := f.root
	for _, step := range strings.Split(pointer, "/")[1:] {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		switch v := at.(type) {
		case object:
			at, _ = v.get(step)
		case []any:
			n, ok := index(step)
			if !ok || n >= len(v) {
				return nil
			}
			at = v[n]
		default:
			return nil
		}
	}
	return at
}

func index(step string) (int, bool) {
	n := 0
	for _, c := range step {
		if c < '0' || c > '9' || n > 1<<20 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, step != ""
}

// merge gives a schema that demands what both demand.
func merge(a, b object) object {
	out := slices.Clone(a)
	for _, m := range b {
		i := slices.IndexFunc(out, func(o member) bool { return o.name == m.name })
		if i < 0 {
			out = append(out, m)
			continue
		}
		out[i].value = mergeKeyword(m.name, out[i].value, m.value)
	}
	return out
}

func mergeKeyword(name string, a, b any) any {
	x, xok := a.(float64)
	y, yok := b.(float64)
	switch {
	case name == "properties":
		ao, _ := a.(object)
		bo, _ := b.(object)
		return merge(ao, bo)
	case name == "required":
		aa, _ := a.([]any)
		ba, _ := b.([]any)
		return append(slices.Clone(aa), ba...)
	case xok && yok && (strings.HasPrefix(name, "min") || name == "exclusiveMinimum"):
		return max(x, y)
	case xok && yok && (strings.HasPrefix(name, "max") || name == "exclusiveMaximum"):
		return min(x, y)
	}
	ao, aok := a.(object)
	bo, bok := b.(object)
	if aok && bok { // two schemas of one property
		return merge(ao, bo)
	}
	return b
}

func (o object) without(names ...string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return slices.Contains(names, m.name) })
}

func branchesOf(s object) []any {
	if b := s.array("anyOf"); len(b) > 0 {
		return b
	}
	return s.array("oneOf")
}

// branch takes the first that is not null, and once deep the one that ends soonest.
func (f *filler) branch(branches []any, depth int) any {
	if depth > deep {
		return slices.MinFunc(branches, func(a, b any) int { return f.height(a, 0) - f.height(b, 0) })
	}
	for _, b := range branches {
		if o, ok := b.(object); !ok || o.text("type") != "null" {
			return b
		}
	}
	return branches[0]
}

// height estimates how many levels a schema demands at the least.
func (f *filler) height(schema any, level int) int {
	s, ok := schema.(object)
	if !ok || level > 8 {
		return level
	}
	s = f.resolve(s, 0)
	lowest := math.MaxInt
	for _, b := range branchesOf(s) {
		lowest = min(lowest, f.height(b, level+1))
	}
	if lowest < math.MaxInt {
		return lowest
	}
	highest := level
	for _, r := range s.array("required") {
		name, _ := r.(string)
		p, _ := s.object("properties").get(name)
		highest = max(highest, f.height(p, level+1))
	}
	if n, _ := s.number("minItems"); n > 0 {
		items, _ := s.get("items")
		highest = max(highest, f.height(items, level+1))
	}
	return highest
}

func (f *filler) typeOf(s object, depth int) string {
	t, _ := s.get("type")
	switch t := t.(type) {
	case string:
		if nullable, _ := s.get("nullable"); nullable == true && depth > deep {
			return "null"
		}
		return t
	case []any:
		if depth > deep && slices.Contains(t, any("null")) {
			return "null"
		}
		for _, one := range t {
			if name, ok := one.(string); ok && name != "null" {
				return name
			}
		}
		return "null"
	}
	for _, sign := range []struct{ keyword, means string }{
		{"properties", "object"}, {"required", "object"}, {"additionalProperties", "object"}, {"minProperties", "object"},
		{"items", "array"}, {"prefixItems", "array"}, {"minItems", "array"},
		{"minimum", "number"}, {"maximum", "number"}, {"multipleOf", "number"},
		{"exclusiveMinimum", "number"}, {"exclusiveMaximum", "number"},
	} {
		if _, ok := s.get(sign.keyword); ok {
			return sign.means
		}
	}
	return "string"
}

// choose takes the member of an enum that the prompt speaks of, else one by the dice.
func (f *filler) choose(choices []any) any {
	for _, c := range choices {
		if s, ok := c.(string); ok && f.hints.words[strings.ToLower(s)] {
			return c
		}
	}
	return pick(f.dice, choices)
}

func (f *filler) object(s object, depth int) object {
	properties, required := s.object("properties"), s.array("required")
	out := object{}
	for _, p := range properties {
		ps, _ := p.value.(object)
		must := slices.Contains(required, any(p.name))
		if p.value == false || !must && (depth > deep || !f.which(p.name, ps, f.hints)) {
			continue
		}
		out = append(out, member{p.name, f.value(p.value, p.name, depth+1)})
	}
	for _, r := range required { // what is demanded but not described
		name, ok := r.(string)
		if _, has := out.get(name); ok && !has {
			out = append(out, member{name, f.value(f.additional(s), name, depth+1)})
		}
	}
	least, _ := s.number("minProperties")
	for i := 0; len(out) < int(least) && i < 1<<12; i++ {
		name := "key" + plain(float64(i+1))
		value := f.additional(s)
		if i < len(properties) {
			name, value = properties[i].name, properties[i].value
		}
		if _, has := out.get(name); !has {
			out = append(out, member{name, f.value(value, name, depth+1)})
		}
	}
	if len(out) == 0 && len(properties) == 0 && depth <= deep && f.additional(s) != any(true) {
		// A map of described values: one entry shows what it holds.
		if most, ok := s.number("maxProperties"); !ok || most >= 1 {
			if _, isSchema := f.additional(s).(object); isSchema {
				out = append(out, member{"key1", f.value(f.additional(s), "key1", depth+1)})
			}
		}
	}
	return out
}

func (f *filler) additional(s object) any {
	a, ok := s.get("additionalProperties")
	if !ok {
		return true
	}
	return a
}

func (f *filler) array(s object, name string, depth int) []any {
	prefix := s.array("prefixItems")
	least, _ := s.number("minItems")
	n := max(int(least), len(prefix))
	if depth <= deep {
		n = max(n, 2)
	}
	if most, ok := s.number("maxItems"); ok {
		n = max(min(n, int(most)), int(least))
	}
	items, described := s.get("items")
	if tuple, ok := items.([]any); ok { // draft 4 and 7
		prefix, items = tuple, any(true)
		if rest, ok := s.get("additionalItems"); ok {
			items = rest
		}
	}
	if !described {
		items = true
	}
	if items == false {
		n = min(n, len(prefix))
	}
	unique, _ := s.get("uniqueItems")
	out := []any{}
	seen := map[string]bool{}
	for tries := 0; len(out) < n && tries < 20*n+20; tries++ {
		schema := items
		if len(out) < len(prefix) {
			schema = prefix[len(out)]
		}
		v := f.value(schema, name, depth+1)
		if key := string(encode(v)); unique == true {
			if seen[key] {
				continue
			}
			seen[key] = true
		}
		out = append(out, v)
	}
	return out
}
