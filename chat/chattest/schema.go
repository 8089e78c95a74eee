package chattest

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"bulkhead/dialect"
)

// Listed fails t for everything that [Faults] finds.
func Listed(t *testing.T, table dialect.Fields, paths []string) {
	t.Helper()
	if len(paths) < 5 {
		t.Fatalf("the walk found %d fields; it is wrong", len(paths))
	}
	for _, f := range Faults(table, paths) {
		t.Error(f)
	}
}

// Faults names every path of a schema that the table does not list, every row
// that the schema does not have and that is not Beyond it, every row that is
// there twice, and every fate that is none.
func Faults(table dialect.Fields, paths []string) []string {
	var out []string
	for _, p := range paths {
		if !table.Lists(p) {
			out = append(out, "the schema's field "+p+" is not in the table")
		}
	}
	seen := map[string]bool{}
	for _, row := range table {
		if seen[row.Path] {
			out = append(out, "the table lists "+row.Path+" twice")
		}
		seen[row.Path] = true
		switch row.Fate {
		case dialect.FateCarried, dialect.FateApproximated, dialect.FateRefused, dialect.FateOwn:
		default:
			out = append(out, "the table gives "+row.Path+" no fate")
		}
		if !row.Beyond && !slices.ContainsFunc(paths, dialect.Fields{row}.Lists) {
			out = append(out, "the table lists "+row.Path+", which the schema does not have")
		}
	}
	return out
}

// object is a JSON object.
type object = map[string]any

// Load reads a JSON object, such as a vendor's schema in a test's own data.
func Load(t *testing.T, b []byte) map[string]any {
	t.Helper()
	var doc object
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// walk gathers paths; onPath holds what is being walked, so that a type within
// itself ends the walk.
type walk struct {
	found  map[string]bool
	onPath []string
}

func (w *walk) sorted() []string {
	out := make([]string, 0, len(w.found))
	for p := range w.found {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// within walks a named type, unless it is being walked.
func (w *walk) within(name string, do func()) {
	if slices.Contains(w.onPath, name) {
		return
	}
	w.onPath = append(w.onPath, name)
	do()
	w.onPath = w.onPath[:len(w.onPath)-1]
}

// member notes a field and gives its path.
func (w *walk) member(at, name string) string {
	path := strings.TrimPrefix(at+"."+name, ".")
	w.found[path] = true
	return path
}

// OpenAPI gives the paths of a schema of an OpenAPI document: properties by
// name, elements of arrays by [], variants of unions together.
func OpenAPI(t *testing.T, doc map[string]any, schema string) []string {
	t.Helper()
	components, _ := doc["components"].(object)
	schemas, _ := components["schemas"].(object)
	if schemas[schema] == nil {
		t.Fatalf("no schema %s", schema)
	}
	w := &walk{found: map[string]bool{}}
	var visit func(at string, v any)
	visit = func(at string, v any) {
		s, _ := v.(object)
		if ref, ok := s["$ref"].(string); ok {
			name := ref[strings.LastIndexByte(ref, '/')+1:]
			w.within(name, func() { visit(at, schemas[name]) })
		}
		for _, union := range []string{"allOf", "anyOf", "oneOf"} {
			variants, _ := s[union].([]any)
			for _, variant := range variants {
				visit(at, variant)
			}
		}
		if s["items"] != nil {
			visit(at+"[]", s["items"])
		}
		properties, _ := s["properties"].(object)
		for name, p := range properties {
			visit(w.member(at, name), p)
		}
	}
	visit("", object{"$ref": "#/components/schemas/" + schema})
	return w.sorted()
}

// Service gives the paths of a shape of an AWS service-2.json, without what
// stands in the URL or in headers.
func Service(t *testing.T, doc map[string]any, shape string) []string {
	t.Helper()
	shapes, _ := doc["shapes"].(object)
	if shapes[shape] == nil {
		t.Fatalf("no shape %s", shape)
	}
	w := &walk{found: map[string]bool{}}
	var visit func(at, name string)
	visit = func(at, name string) {
		s, _ := shapes[name].(object)
		w.within(name, func() {
			if list, ok := s["member"].(object); ok {
				visit(at+"[]", list["shape"].(string))
			}
			members, _ := s["members"].(object)
			for field, v := range members {
				m := v.(object)
				if m["location"] == nil {
					visit(w.member(at, field), m["shape"].(string))
				}
			}
		})
	}
	visit("", shape)
	return w.sorted()
}

// Proto gives the paths of a message of gemini-fields.json: field tables of
// protocol buffers by package, in JSON's names. Fields that hold maps or
// messages of other packages are leaves.
func Proto(t *testing.T, doc map[string]any, pkg, message string) []string {
	t.Helper()
	p, _ := doc[pkg].(object)
	messages, _ := p["messages"].(object)
	if messages[message] == nil {
		t.Fatalf("no message %s in %s", message, pkg)
	}
	w := &walk{found: map[string]bool{}}
	var visit func(at, name string)
	visit = func(at, name string) {
		m, _ := messages[name].(object)
		w.within(name, func() {
			fields, _ := m["fields"].([]any)
			for _, v := range fields {
				f := v.(object)
				path := w.member(at, f["json"].(string))
				if f["label"] == "repeated" {
					path += "[]"
				}
				typ := f["type"].(string)
				for scope := name; scope != ""; scope = scope[:max(0, strings.LastIndexByte(scope, '.'))] {
					if nested := scope + "." + typ; messages[nested] != nil {
						typ = nested
						break
					}
				}
				visit(path, typ)
			}
		})
	}
	visit("", message)
	return w.sorted()
}
