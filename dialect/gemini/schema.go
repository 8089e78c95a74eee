package gemini

import (
	"bytes"
	"strings"

	"bulkhead/chat"
	"bulkhead/fault"
	"bulkhead/wire"
)

// schema reads a Schema message, which is a subset of OpenAPI 3.0 with types
// in capitals, and gives it as JSON Schema
// (https://ai.google.dev/api/caching#Schema, 2026). Where it orders properties
// that order is kept as it stands in the text; what it does not have stays as
// it is.
func (w *walker) schema() chat.Raw {
	if kind := w.s.Next(); kind != wire.Object {
		w.misfit(kind, "an object")
		return nil
	}
	return w.appendSchema(nil)
}

// appendSchema writes the schema that is read next.
func (w *walker) appendSchema(dst []byte) []byte {
	if w.s.Next() != wire.Object {
		return append(dst, w.slice()...)
	}
	w.s.Object()
	dst = append(dst, '{')
	begin := len(dst)
	var typ, union []byte
	nullable := false
	seen := map[string]bool{}
	member := func(n string) {
		if seen[n] {
			w.refuse(fault.Malformed, "%s has %q under two names; give it once.", w.field(), clip(n))
		}
		seen[n] = true
		if len(dst) > begin {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), n...), `":`...)
	}
	for raw := w.s.Name(); raw != nil; raw = w.s.Name() {
		kind := w.s.Next()
		switch n := camel(raw); n {
		case "type":
			typ = append(typ[:0], w.slice()...)
		case "nullable":
			nullable = kind == wire.True
			w.s.Skip()
		case "propertyOrdering":
			w.s.Skip()
		case "anyOf":
			union = w.appendSchemas(union[:0])
		case "items":
			member(n)
			dst = w.appendSchema(dst)
		case "properties", "defs":
			member(strings.Replace(n, "defs", "$defs", 1))
			dst = w.appendNamed(dst)
		case "ref":
			member("$ref")
			dst = append(dst, w.slice()...)
		case "example":
			member("examples")
			dst = append(append(append(dst, '['), w.slice()...), ']')
		case "maxItems", "minItems", "maxLength", "minLength", "maxProperties", "minProperties":
			member(n)
			dst = append(dst, bytes.Trim(w.slice(), `"`)...)
		default:
			name := quote(n)
			member(string(name[1 : len(name)-1]))
			dst = append(dst, w.slice()...)
		}
	}
	if t := strings.ToLower(string(typ)); t != "" && t != `"type_unspecified"` && t != "null" {
		member("type")
		if nullable && t != `"null"` {
			dst = append(append(append(dst, '['), t...), `,"null"]`...)
		} else {
			dst = append(dst, t...)
		}
	}
	if union != nil {
		if nullable && typ == nil && len(union) > 2 && union[0] == '[' {
			union = append(union[:len(union)-1], `,{"type":"null"}]`...)
		}
		member("anyOf")
		dst = append(dst, union...)
	}
	return append(dst, '}')
}

func (w *walker) appendSchemas(dst []byte) []byte {
	if w.s.Next() != wire.Array {
		return append(dst, w.slice()...)
	}
	dst = append(dst, '[')
	w.s.Array()
	for first := true; w.s.Element(); first = false {
		if !first {
			dst = append(dst, ',')
		}
		dst = w.appendSchema(dst)
	}
	return append(dst, ']')
}

// appendNamed writes a map from names to schemas.
func (w *walker) appendNamed(dst []byte) []byte {
	if w.s.Next() != wire.Object {
		return append(dst, w.slice()...)
	}
	dst = append(dst, '{')
	w.s.Object()
	for first, raw := true, w.s.Name(); raw != nil; raw, first = w.s.Name(), false {
		if !first {
			dst = append(dst, ',')
		}
		dst = append(append(dst, quote(string(raw))...), ':')
		dst = w.appendSchema(dst)
	}
	return append(dst, '}')
}
