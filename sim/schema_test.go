package sim_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/go-json-experiment/json"

	"bulkhead/sim"
)

// obeys fails unless text obeys schema by an independent validator.
func obeys(t testing.TB, schema, text string) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatalf("schema %s: %v", schema, err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("mem:schema", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("mem:schema")
	if err != nil {
		t.Fatalf("schema %s: %v", schema, err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("not JSON: %s", text)
	}
	if err := compiled.Validate(value); err != nil {
		t.Errorf("%s\ndoes not obey %s:\n%v", text, schema, err)
	}
}

func (s *site) structured(model, prompt, schema string, more ...string) response {
	s.t.Helper()
	return s.chat(ask(model, prompt, append(more, `"response_format":{"type":"json_schema","json_schema":{"name":"reply","schema":`+schema+`}}`)...))
}

func TestSchema_IsObeyed(t *testing.T) {
	s := start(t, sim.Options{})
	for name, schema := range map[string]string{
		"scalars":         `{"type":"object","properties":{"s":{"type":"string"},"i":{"type":"integer"},"n":{"type":"number"},"b":{"type":"boolean"},"z":{"type":"null"}},"required":["s","i","n","b","z"],"additionalProperties":false}`,
		"enum and const":  `{"type":"object","properties":{"e":{"enum":["a",1,null]},"c":{"const":{"x":[1]}}},"required":["e","c"]}`,
		"nested":          `{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{"b":{"type":"array","items":{"type":"integer","minimum":3,"maximum":4},"minItems":3}},"required":["b"]}}},"required":["a"]}`,
		"refs":            `{"$defs":{"Step":{"type":"object","properties":{"why":{"type":"string"}},"required":["why"],"additionalProperties":false}},"type":"object","properties":{"steps":{"type":"array","items":{"$ref":"#/$defs/Step"},"minItems":1}},"required":["steps"]}`,
		"recursive":       `{"$defs":{"node":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]},"kids":{"type":"array","items":{"$ref":"#/$defs/node"}}},"required":["v","next","kids"],"additionalProperties":false}},"$ref":"#/$defs/node"}`,
		"root recursive":  `{"type":"object","properties":{"next":{"anyOf":[{"type":"null"},{"$ref":"#"}]}},"required":["next"],"additionalProperties":false}`,
		"anyOf":           `{"type":"object","properties":{"x":{"anyOf":[{"type":"null"},{"type":"string","minLength":50},{"type":"integer"}]}},"required":["x"]}`,
		"oneOf":           `{"oneOf":[{"type":"integer","minimum":5},{"type":"string"}]}`,
		"allOf":           `{"allOf":[{"type":"object","properties":{"a":{"type":"integer","minimum":1}},"required":["a"]},{"properties":{"a":{"maximum":2},"b":{"type":"string"}},"required":["b"]}]}`,
		"type list":       `{"type":"object","properties":{"x":{"type":["null","integer"],"minimum":7}},"required":["x"]}`,
		"bounds":          `{"type":"object","properties":{"a":{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":0.001},"b":{"type":"integer","multipleOf":7,"minimum":50,"maximum":60},"c":{"type":"number","maximum":-1000.5},"d":{"type":"integer","exclusiveMinimum":4,"exclusiveMaximum":6}},"required":["a","b","c","d"]}`,
		"lengths":         `{"type":"object","properties":{"long":{"type":"string","minLength":300},"short":{"type":"string","maxLength":3},"one":{"type":"string","minLength":1,"maxLength":1}},"required":["long","short","one"]}`,
		"formats":         `{"type":"object","properties":{"a":{"type":"string","format":"date"},"b":{"type":"string","format":"date-time"},"c":{"type":"string","format":"time"},"d":{"type":"string","format":"email"},"e":{"type":"string","format":"uuid"},"f":{"type":"string","format":"uri"},"g":{"type":"string","format":"ipv4"},"h":{"type":"string","format":"ipv6"},"i":{"type":"string","format":"hostname"},"j":{"type":"string","format":"duration"}},"required":["a","b","c","d","e","f","g","h","i","j"]}`,
		"pattern":         `{"type":"object","properties":{"a":{"type":"string","pattern":"^[A-Z]{2}-\\d{4}(?:/[a-f]+)?$"},"b":{"type":"string","pattern":"^(foo|bar)+$","minLength":12},"c":{"type":"string","pattern":"\\w+@\\w+"}},"required":["a","b","c"]}`,
		"unique":          `{"type":"array","items":{"type":"integer","minimum":1,"maximum":4},"uniqueItems":true,"minItems":4}`,
		"tuple":           `{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":false,"minItems":2}`,
		"map":             `{"type":"object","additionalProperties":{"type":"integer","minimum":9},"minProperties":3}`,
		"undescribed":     `{"type":"object","required":["ghost"]}`,
		"no type":         `{"properties":{"a":{"minimum":3}},"required":["a"]}`,
		"escaped pointer": `{"$defs":{"a/b":{"type":"integer"}},"type":"object","properties":{"x":{"$ref":"#/$defs/a~1b"}},"required":["x"]}`,
		"at most none":    `{"type":"array","items":{"type":"string"},"maxItems":0}`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, prompt := range []string{"Solve 8x + 31 = 2 for Ada Lovelace", "hi", `Use "quoted text" and 3 and 55 and Rome`} {
				res := s.structured("gpt-4o", prompt, schema)
				v := decode(t, res.body)
				if res.StatusCode != 200 || v.str("choices", 0, "finish_reason") != "stop" {
					t.Fatalf("%d %s", res.StatusCode, res.body)
				}
				obeys(t, schema, v.str("choices", 0, "message", "content"))
			}
		})
	}
}

func TestSchema_IsFilledFromThePrompt(t *testing.T) {
	s := start(t, sim.Options{})
	const schema = `{"type":"object","properties":{"name":{"type":"string"},"when":{"type":"string","format":"date"},"people":{"type":"integer","minimum":1},"mood":{"enum":["glum","happy"]}},"required":["name","when","people","mood"]}`
	got := decode(t, s.structured("gpt-4o", "Alice meets 12 happy friends on 2027-03-09", schema).body).str("choices", 0, "message", "content")
	if want := `{"name":"Alice","when":"2027-03-09","people":12,"mood":"happy"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestSchema_IsObeyedWhateverItIs draws schemas of the kinds that strict mode has, nested at will.
func TestSchema_IsObeyedWhateverItIs(t *testing.T) {
	s := start(t, sim.Options{})
	rapid.Check(t, func(rt *rapid.T) {
		schema := drawSchema(rt, 3)
		raw, err := json.Marshal(map[string]any{"type": "object", "properties": map[string]any{"x": schema}, "required": []string{"x"}, "additionalProperties": false})
		if err != nil {
			rt.Fatal(err)
		}
		prompt := rapid.SampledFrom([]string{"hello", "17 and 4 for Bob", "Weather in Rome"}).Draw(rt, "prompt")
		res := s.structured("gpt-4o", prompt, string(raw))
		if res.StatusCode != 200 {
			rt.Fatalf("%s: %d %s", raw, res.StatusCode, res.body)
		}
		obeys(t, string(raw), decode(t, res.body).str("choices", 0, "message", "content"))
		if t.Failed() {
			rt.FailNow()
		}
	})
}

func drawSchema(rt *rapid.T, depth int) map[string]any {
	kinds := []string{"string", "integer", "number", "boolean", "enum"}
	if depth > 0 {
		kinds = append(kinds, "object", "array", "anyOf", "nullable")
	}
	number := func(name string) int { return rapid.IntRange(-50, 50).Draw(rt, name) }
	switch kind := rapid.SampledFrom(kinds).Draw(rt, "kind"); kind {
	case "string":
		low := rapid.IntRange(0, 40).Draw(rt, "low")
		return map[string]any{"type": "string", "minLength": low, "maxLength": low + rapid.IntRange(0, 20).Draw(rt, "more")}
	case "integer", "number":
		low := number("low")
		return map[string]any{"type": kind, "minimum": low, "maximum": low + rapid.IntRange(0, 9).Draw(rt, "more")}
	case "enum":
		return map[string]any{"enum": []any{"red", "green", number("choice")}}
	case "object":
		properties, required := map[string]any{}, []string{}
		for i := range rapid.IntRange(0, 3).Draw(rt, "properties") {
			name := fmt.Sprintf("p%d", i)
			properties[name] = drawSchema(rt, depth-1)
			required = append(required, name)
		}
		return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
	case "array":
		low := rapid.IntRange(0, 3).Draw(rt, "low")
		return map[string]any{"type": "array", "items": drawSchema(rt, depth-1), "minItems": low, "maxItems": low + rapid.IntRange(0, 2).Draw(rt, "more")}
	case "anyOf":
		return map[string]any{"anyOf": []any{map[string]any{"type": "null"}, drawSchema(rt, depth-1)}}
	case "nullable":
		return map[string]any{"type": []string{"string", "null"}}
	default:
		return map[string]any{"type": kind}
	}
}

func TestTools_ArgumentsObeyTheirSchema(t *testing.T) {
	s := start(t, sim.Options{})
	const schema = `{"type":"object","properties":{"who":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},"born":{"type":"string","format":"date"}},"required":["name","born"],"additionalProperties":false},"minItems":2},"code":{"type":"string","pattern":"^[A-Z]{3}$"},"size":{"type":"integer","minimum":1,"maximum":3}},"required":["who","code","size"],"additionalProperties":false}`
	body := ask("gpt-4o", "Please book 9 seats", `"tools":[{"type":"function","function":{"name":"book_seats","strict":true,"parameters":`+schema+`}}]`)
	obeys(t, schema, decode(t, s.chat(body).body).str("choices", 0, "message", "tool_calls", 0, "function", "arguments"))
}

func TestSchema_StrictModeWantsClosedObjects(t *testing.T) {
	s := start(t, sim.Options{})
	strict := func(schema string) response {
		return s.chat(ask("gpt-4o", "hi", `"response_format":{"type":"json_schema","json_schema":{"name":"r","strict":true,"schema":`+schema+`}}`))
	}
	for _, schema := range []string{
		`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`,
		`{"type":"object","properties":{"a":{"type":"string"}},"required":[],"additionalProperties":false}`,
		`{"type":"object","properties":{"a":{"allOf":[{"type":"string"}]}},"required":["a"],"additionalProperties":false}`,
		`{"type":"object","properties":{"a":{"type":"array","items":{"type":"object"}}},"required":["a"],"additionalProperties":false}`,
	} {
		res := strict(schema)
		if res.StatusCode != 400 || !bytes.Contains(res.body, []byte(`"code":"invalid_json_schema"`)) {
			t.Errorf("%s: got %d %s", schema, res.StatusCode, res.body)
		}
	}
}
