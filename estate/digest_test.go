package estate_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"bulkhead/catalog"
	"bulkhead/estate"
)

// trees parses the YAML files of an estate.
func trees(t testing.TB, files map[string][]byte) map[string]*yaml.Node {
	t.Helper()
	docs := map[string]*yaml.Node{}
	for name, data := range files {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		docs[name] = tree(t, data)
	}
	return docs
}

func tree(t testing.TB, data []byte) *yaml.Node {
	t.Helper()
	doc := new(yaml.Node)
	if err := yaml.Unmarshal(data, doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// with gives the files with one of them written anew.
func with(t testing.TB, files map[string][]byte, name string, doc *yaml.Node) map[string][]byte {
	t.Helper()
	data, err := yaml.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	out := maps.Clone(files)
	out[name] = data
	return out
}

// visit calls f for each node under n, with where it is.
func visit(n *yaml.Node, path string, f func(n *yaml.Node, path string)) {
	f(n, path)
	for i, c := range n.Content {
		step := fmt.Sprintf("%s[%d]", path, i)
		if n.Kind == yaml.MappingNode {
			if i%2 == 0 {
				continue
			}
			step = path + "." + n.Content[i-1].Value
		}
		visit(c, step, f)
	}
}

func digestOf(t testing.TB, files map[string][]byte) string {
	t.Helper()
	est, report := estate.Parse(files)
	if est == nil {
		t.Fatalf("faults:\n%v", report.Err())
	}
	return est.Digest
}

func TestDigest_IsOverTheCanonicalBytes(t *testing.T) {
	_, report := estate.Parse(base(t))
	sum := sha256.Sum256(report.Canonical())
	if want := "sha256:" + hex.EncodeToString(sum[:]); report.Digest != want {
		t.Errorf("digest %s, want %s", report.Digest, want)
	}
	var content struct {
		Form   string
		Files  map[string]any
		Tables map[string]string
	}
	if err := json.Unmarshal(report.Canonical(), &content); err != nil {
		t.Fatal(err)
	}
	if content.Form != "bulkhead-estate-1" || len(content.Files) != len(base(t)) || len(content.Tables) != 5 {
		t.Errorf("canonical content: form %q, %d files, tables %v", content.Form, len(content.Files), content.Tables)
	}
	if strings.ContainsAny(string(report.Canonical()), "\n\t") {
		t.Error("canonical bytes have layout")
	}
}

func TestDigest_StaysWhenOnlyLayoutChanges(t *testing.T) {
	files := base(t)
	want := digestOf(t, files)
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		shuffled := map[string][]byte{"README.md": []byte(fmt.Sprint(seed))}
		for name, doc := range trees(t, files) {
			visit(doc, "", func(n *yaml.Node, _ string) {
				n.HeadComment = "comment"
				n.Style ^= yaml.FlowStyle * yaml.Style(random.IntN(2)) // block and flow
				if n.Kind == yaml.MappingNode {
					random.Shuffle(len(n.Content)/2, func(i, j int) {
						n.Content[2*i], n.Content[2*j] = n.Content[2*j], n.Content[2*i]
						n.Content[2*i+1], n.Content[2*j+1] = n.Content[2*j+1], n.Content[2*i+1]
					})
				}
				if n.Kind == yaml.ScalarNode {
					n.HeadComment = ""
				}
			})
			shuffled = with(t, shuffled, name, doc)
		}
		if got := digestOf(t, shuffled); got != want {
			t.Fatalf("seed %d: digest changed with the layout", seed)
		}
	}
	more := maps.Clone(files)
	more["contracts/jwcc.yaml"] = bytes.ReplaceAll(more["contracts/jwcc.yaml"], []byte("250000.00"), []byte("250000"))
	if got := digestOf(t, more); got != want {
		t.Error("digest changed with zeros that say nothing")
	}
}

// Every scalar is changed in turn; those changes that load must show.
func TestDigest_ChangesWithEveryValue(t *testing.T) {
	files := example(t, catalog.Unclassified)
	files["policies/a.cedar"] = []byte("permit(principal, action, resource);\n")
	files["tables/purposes.yaml"] = []byte("purposes: {gardens: {category: GARDENS, risk: low, below: true, title: x}}\n")
	want, loaded := digestOf(t, files), 0
	for name := range trees(t, files) {
		visit(tree(t, files[name]), "", func(_ *yaml.Node, path string) {
			doc := tree(t, files[name])
			changed := false
			visit(doc, "", func(n *yaml.Node, at string) {
				if at == path && n.Kind == yaml.ScalarNode {
					n.Value, changed = other(n), true
				}
			})
			if !changed {
				return
			}
			est, report := estate.Parse(with(t, files, name, doc))
			if est == nil {
				return
			}
			loaded++
			if report.Digest == want {
				t.Errorf("%s%s changed, the digest did not", name, path)
			}
		})
	}
	if loaded < 100 {
		t.Errorf("only %d changed estates loaded; this test shows too little", loaded)
	}
	files["policies/a.cedar"] = []byte("permit(principal, action, resource) ;\n")
	if digestOf(t, files) == want {
		t.Error("a policy changed, the digest did not")
	}
	delete(files, "policies/a.cedar")
	if digestOf(t, files) == want {
		t.Error("a policy went, the digest did not")
	}
}

// other gives another value that is likely to be possible.
func other(n *yaml.Node) string {
	switch {
	case n.Value == "true":
		return "false"
	case n.Value == "false":
		return "true"
	case n.Tag == "!!int" || n.Tag == "!!float":
		return n.Value + "1"
	case strings.HasPrefix(n.Value, "20") && strings.Count(n.Value, "-") == 2:
		return n.Value[:9] + string(n.Value[9]^1)
	}
	return n.Value + "x"
}
