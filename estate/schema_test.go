package estate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"bulkhead/catalog"
	"bulkhead/estate"
)

// schemas compiles the schema of every kind of file.
func schemas(t testing.TB) map[string]*jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	out := map[string]*jsonschema.Schema{}
	for _, kind := range estate.Kinds() {
		raw, err := estate.Schema(kind)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		name := "https://bulkhead.example/" + kind
		if err := compiler.AddResource(name, doc); err != nil {
			t.Fatal(err)
		}
		if out[kind], err = compiler.Compile(name); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// kindOf names the kind of a file, or gives nothing for one without a schema.
func kindOf(file string) string {
	return map[string]string{".": "enclave", "vendors": "vendor", "clouds": "cloud", "contracts": "contract",
		"workloads": "workload", "exclusions": "exclusion"}[path.Dir(file)]
}

// value gives what an editor's YAML reader sees at a node.
func value(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return value(n.Content[0])
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = value(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		items := []any{}
		for _, c := range n.Content {
			items = append(items, value(c))
		}
		return items
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true"
	case "!!int", "!!float":
		return json.Number(n.Value)
	}
	return n.Value
}

// everyField is an estate in which each kind of file has each of its keys.
func everyField(t testing.TB) map[string][]byte {
	files := base(t)
	_, found := sections(t, "testdata/every_field.txtar")
	for _, f := range found {
		files[f.name] = []byte(f.data)
	}
	return files
}

func TestSchema_AcceptsEveryEstateThatLoads(t *testing.T) {
	all := schemas(t)
	for name, files := range map[string]map[string][]byte{
		"base": base(t), "every field": everyField(t),
		"unclassified": example(t, catalog.Unclassified), "secret": example(t, catalog.Secret),
	} {
		if est, report := estate.Parse(files); est == nil {
			t.Errorf("%s has faults:\n%v", name, report.Err())
		}
		for file, doc := range trees(t, files) {
			if kindOf(file) == "" {
				continue
			}
			if err := all[kindOf(file)].Validate(value(doc)); err != nil {
				t.Errorf("%s: %s: %v", name, file, err)
			}
		}
	}
}

// mutations gives variants of a document: a key deleted, renamed or given a
// value of another type, or of every other type if thorough. What each did is
// its name.
func mutations(t testing.TB, files map[string][]byte, file string, thorough bool) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	var places []string
	visit(tree(t, files[file]), "", func(_ *yaml.Node, at string) { places = append(places, at) })
	change := func(name, place string, f func(n *yaml.Node)) {
		doc := tree(t, files[file])
		visit(doc, "", func(n *yaml.Node, at string) {
			if at == place {
				f(n)
			}
		})
		out[name+" "+place] = doc
	}
	for _, place := range places {
		change("map at", place, func(n *yaml.Node) { *n = yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle} })
		if !thorough {
			continue
		}
		change("number at", place, func(n *yaml.Node) { *n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: "7"} })
		change("word at", place, func(n *yaml.Node) { *n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "~bogus~"} })
		change("empty text at", place, func(n *yaml.Node) { *n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle} })
		change("truth at", place, func(n *yaml.Node) { *n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"} })
		change("nothing at", place, func(n *yaml.Node) { *n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"} })
		change("list at", place, func(n *yaml.Node) { *n = yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle} })
	}
	for _, place := range places {
		n := 0
		visit(tree(t, files[file]), "", func(m *yaml.Node, at string) {
			if at == place && m.Kind == yaml.MappingNode {
				n = len(m.Content) / 2
			}
		})
		for i := range n {
			change(fmt.Sprintf("no key %d in", i), place, func(m *yaml.Node) { m.Content = append(m.Content[:2*i], m.Content[2*i+2:]...) })
			change(fmt.Sprintf("another key %d in", i), place, func(m *yaml.Node) { m.Content[2*i].Value += "~z" })
		}
	}
	return out
}

// What the schema refuses, Load refuses: an editor never shows red where the
// loader is content. So a key that goes missing or changes its type is a fault,
// unless the schema calls it optional; a renamed one is always noticed.
func TestSchema_RefusesNothingThatLoads(t *testing.T) {
	all := schemas(t)
	for name, files := range map[string]map[string][]byte{
		"every field": everyField(t), "unclassified": example(t, catalog.Unclassified), "secret": example(t, catalog.Secret),
	} {
		t.Run(name, func(t *testing.T) {
			refused, loaded := 0, 0
			for file := range trees(t, files) {
				if kindOf(file) == "" {
					continue
				}
				for what, doc := range mutations(t, files, file, name == "every field") {
					err := all[kindOf(file)].Validate(value(doc))
					est, report := estate.Parse(with(t, files, file, doc))
					if err != nil {
						refused++
					}
					if est == nil {
						continue
					}
					loaded++
					if err != nil {
						t.Errorf("%s: %s: loads, but the schema refuses it: %v", file, what, err)
					}
					if strings.HasPrefix(what, "another key") && !freeKey(what) {
						t.Errorf("%s: %s: loads with a renamed key: %v", file, what, report.Findings)
					}
				}
			}
			t.Logf("%d variants refused by the schemas, %d load", refused, loaded)
			if refused < 500 || loaded < 40 {
				t.Error("too few variants to show anything")
			}
		})
	}
}

// freeKey reports whether a place is a map whose keys the agency chooses.
func freeKey(name string) bool {
	for _, end := range []string{".models", ".parties", ".purposes", ".aliases", ".lines", ".regions", ".endpoints", ".offerings", ".partitions"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

func TestSchema_DescribesEveryKey(t *testing.T) {
	for _, kind := range estate.Kinds() {
		raw, err := estate.Schema(kind)
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		described(t, kind, doc)
	}
	if _, err := estate.Schema("clouds"); err == nil || !strings.Contains(err.Error(), `did you mean "cloud"?`) {
		t.Errorf("error %v, want one that suggests cloud", err)
	}
}

func described(t *testing.T, at string, doc any) {
	switch doc := doc.(type) {
	case []any:
		for _, d := range doc {
			described(t, at, d)
		}
	case map[string]any:
		if doc["type"] == "object" && doc["additionalProperties"] == nil {
			t.Errorf("%s: further keys are not said to be refused", at)
		}
		properties, _ := doc["properties"].(map[string]any)
		for key, p := range properties {
			if text, _ := p.(map[string]any)["description"].(string); len(text) < 5 {
				t.Errorf("%s.%s has no description", at, key)
			}
			described(t, at+"."+key, p)
		}
		for _, key := range []string{"items", "anyOf", "additionalProperties"} {
			described(t, at, doc[key])
		}
	}
}
