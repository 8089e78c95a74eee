package estate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// Kinds lists the kinds of files that have a JSON Schema.
func Kinds() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

// Schema gives the JSON Schema (draft 2020-12) of a kind of file, indented and
// with a final newline. It is for editors and refuses nothing that Load takes;
// Load also refuses what a schema cannot say.
func Schema(name string) ([]byte, error) {
	for _, k := range kinds() {
		if k.name != name {
			continue
		}
		s := schemaOf(k.empty(), field{})
		s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
		s["title"] = "Bulkhead estate: " + k.name
		s["description"] = k.doc
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(s); err != nil {
			return nil, fmt.Errorf("write the schema of %s: %w", name, err)
		}
		return out.Bytes(), nil
	}
	return nil, fmt.Errorf("no kind of file is called %s: %s", quoted(name), suggest(name, Kinds(), "kind"))
}

// schemaOf describes a shape, or a struct by its tags.
func schemaOf(ptr any, f field) map[string]any {
	if s, ok := ptr.(shape); ok {
		return s.schema(f)
	}
	v := reflect.ValueOf(ptr).Elem()
	properties, required := map[string]any{}, []string{}
	for _, inner := range fieldsOf(v.Type()) {
		properties[inner.key] = schemaOf(v.FieldByIndex(inner.index).Addr().Interface(), inner)
		if inner.required {
			required = append(required, inner.key)
		}
	}
	s := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return described(f, s)
}

// described adds what the field is for, and what holds without it.
func described(f field, s map[string]any) map[string]any {
	if f.doc == "" {
		return s
	}
	s["description"] = f.doc + "."
	if f.def != "" {
		s["description"] = f.doc + ". If absent: " + f.def + "."
	}
	return s
}
