package estate

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// at is where a value was written; the zero value says that it was not.
type at struct{ Line, Column int }

func (a at) written() bool { return a.Line > 0 }

func (a *at) put(p at) { *a = p }

func place(n *yaml.Node) at { return at{n.Line, n.Column} }

// field is what a file kind says of one key: the struct tags of its Go field.
// They alone drive reading, faults and the JSON Schema.
type field struct {
	key      string
	required bool
	doc      string
	form     string   // the form of a text, or of the texts in a list; see formOf
	enum     []string // the words that are allowed
	keys     string   // the form of a map's keys
	min, max int64    // of a number, or of a list's length; max zero: none
	def      string   // what holds if the key is absent, in words
	hush     bool     // messages repeat nothing that is written here
	index    []int
}

// shape is a value that can be read from a node and described as JSON Schema.
// Plain structs need not implement it: their fields are read by their tags.
type shape interface {
	read(r *reader, n *yaml.Node, f field)
	schema(f field) map[string]any
}

// fieldsOf lists the keys that a struct reads, in order of declaration, those
// of embedded structs included.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for _, sf := range reflect.VisibleFields(t) {
		key, opts, _ := strings.Cut(sf.Tag.Get("key"), ",")
		if key == "" {
			continue
		}
		f := field{key: key, required: opts == "required", doc: sf.Tag.Get("doc"), form: sf.Tag.Get("form"),
			enum: strings.Fields(sf.Tag.Get("enum")), keys: sf.Tag.Get("keys"), def: sf.Tag.Get("default"),
			hush: sf.Tag.Get("hush") != "", index: sf.Index}
		f.min, _ = strconv.ParseInt(sf.Tag.Get("min"), 10, 64)
		f.max, _ = strconv.ParseInt(sf.Tag.Get("max"), 10, 64)
		fields = append(fields, f)
	}
	return fields
}

// reader turns the nodes of one file into values and remembers every fault.
type reader struct {
	*document
	report *Report
	tables *tables
	fields map[reflect.Type][]field // what fieldsOf gave before
}

func (r *reader) fault(p at, code Code, hint, format string, args ...any) {
	r.report.Faults = append(r.report.Faults, Remark{r.file, p.Line, p.Column, code, fmt.Sprintf(format, args...), hint})
}

// wrongType says that something else stands where the field's value belongs.
func (r *reader) wrongType(n *yaml.Node, f field, want, hint string) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		r.fault(place(n), WrongType, "write "+want+", or remove the key", "%s has no value", quoted(f.key))
		return
	}
	r.fault(place(n), WrongType, hint, "%s is %s where %s belongs", quoted(f.key), describe(n), want)
}

// into reads a node into what ptr points to: a shape, or a struct.
func (r *reader) into(ptr any, n *yaml.Node, f field) {
	if r.bad[n] {
		return
	}
	if s, ok := ptr.(shape); ok {
		s.read(r, n, f)
		return
	}
	if p, ok := ptr.(interface{ put(at) }); ok && n.Kind == yaml.MappingNode {
		p.put(place(n))
	}
	r.structure(reflect.ValueOf(ptr).Elem(), n, f)
}

// structure reads a map whose keys are fixed.
func (r *reader) structure(v reflect.Value, n *yaml.Node, f field) {
	fields := r.fields[v.Type()]
	if fields == nil {
		fields = fieldsOf(v.Type())
		r.fields[v.Type()] = fields
	}
	known := make([]string, len(fields))
	for i := range fields {
		known[i] = fields[i].key
	}
	if n.Kind != yaml.MappingNode {
		r.wrongType(n, f, "a map", "write its keys: "+strings.Join(known, ", "))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if r.bad[key] {
			continue
		}
		at := slices.Index(known, key.Value)
		if at < 0 {
			r.unknownKey(key, known, f.hush)
			continue
		}
		seen[key.Value] = true
		inner := fields[at]
		inner.hush = inner.hush || f.hush
		r.into(v.FieldByIndex(inner.index).Addr().Interface(), value, inner)
	}
	for _, inner := range fields {
		if !inner.required || seen[inner.key] {
			continue
		}
		hint := fmt.Sprintf("add %s: %s", inner.key, lowerFirst(inner.doc))
		if len(inner.enum) > 0 {
			hint += " (" + oneOf(inner.enum) + ")"
		}
		r.fault(place(n), MissingKey, hint, "key %q is missing", inner.key)
	}
}

func (r *reader) unknownKey(key *yaml.Node, known []string, hush bool) {
	name := quoted(key.Value)
	hint := "known keys here are " + strings.Join(known, ", ")
	if near := nearest(key.Value, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	} else if hush {
		name = "(not repeated here)"
	}
	r.fault(place(key), UnknownKey, hint, "unknown key %s", name)
}

// list is a sequence of values of one kind.
type list[T any] struct {
	at
	Items []T
}

func (l *list[T]) read(r *reader, n *yaml.Node, f field) {
	l.at = place(n)
	if n.Kind != yaml.SequenceNode {
		hint := "write a list: [ … ]"
		if isText(n) && !f.hush && len(n.Value) < 60 {
			hint = "write a list: [" + n.Value + "]"
		}
		r.wrongType(n, f, "a list", hint)
		return
	}
	if int64(len(n.Content)) < f.min {
		r.fault(l.at, Impossible, "write at least one entry", "%q is an empty list", f.key)
	}
	each := f
	each.required, each.min = false, 0
	seen := map[string]bool{}
	for _, c := range n.Content {
		var item T
		r.into(&item, c, each)
		if t, ok := any(item).(text); ok && t.V != "" {
			if seen[t.V] {
				r.fault(place(c), Duplicate, "remove one of them", "%s stands twice in %q", quoted(t.V), f.key)
				continue
			}
			seen[t.V] = true
		}
		l.Items = append(l.Items, item)
	}
}

func (l *list[T]) schema(f field) map[string]any {
	var item T
	each := f
	each.doc, each.def, each.min = "", "", 0
	s := described(f, map[string]any{"type": "array", "items": schemaOf(&item, each)})
	if _, ok := any(item).(text); ok {
		s["uniqueItems"] = true
	}
	if f.min > 0 {
		s["minItems"] = f.min
	}
	return s
}

// words gives the texts of a list that were read without a fault.
func words(l list[text]) []string {
	var out []string
	for _, t := range l.Items {
		if t.V != "" {
			out = append(out, t.V)
		}
	}
	return out
}

// row is one named entry of a table.
type row[T any] struct {
	at
	Name  string
	Value T
}

// table is a map whose keys are names that the agency chooses, in the order
// in which they were written.
type table[T any] struct {
	at
	Rows []row[T]
	lost bool // not every name could be read
}

func (t *table[T]) read(r *reader, n *yaml.Node, f field) {
	t.at = place(n)
	if n.Kind != yaml.MappingNode {
		t.lost = true
		r.wrongType(n, f, "a map", "write name: value pairs")
		return
	}
	if f.min > 0 && len(n.Content) == 0 {
		t.lost = true
		r.fault(t.at, Impossible, "write at least one entry", "%q is an empty map", f.key)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if r.bad[key] {
			t.lost = true
			continue
		}
		if f.keys != "" {
			if problem, hint := formOf(f.keys).check(r.tables, key.Value); problem != "" {
				t.lost = true
				r.fault(place(key), Impossible, hint, "key %s %s", quoted(key.Value), problem)
				continue
			}
		}
		entry := row[T]{at: place(key), Name: key.Value}
		each := f
		each.key, each.required = key.Value, false // min holds for lists within, too
		r.into(&entry.Value, value, each)
		t.Rows = append(t.Rows, entry)
	}
}

func (t *table[T]) schema(f field) map[string]any {
	var value T
	each := f
	each.doc, each.def, each.keys = "", "", ""
	s := described(f, map[string]any{"type": "object", "additionalProperties": schemaOf(&value, each)})
	if f.keys != "" {
		s["propertyNames"] = map[string]any{"pattern": formOf(f.keys).pattern}
	}
	if f.min > 0 {
		s["minProperties"] = f.min
	}
	return s
}

func lowerFirst(s string) string {
	if s == "" {
		return "its value"
	}
	s = strings.TrimSuffix(s, ".")
	if len(s) > 1 && s[1] >= 'A' && s[1] <= 'Z' {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
