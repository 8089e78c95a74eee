package estate

import (
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v4"
)

// linesForm names the layout of the lines that are kept beside canonical bytes.
const linesForm = "bulkhead-estate-lines-1"

// keptLines are the lines on which the parts of an estate's YAML files stood:
// of each file its value, and where that is a map each key and its value, where
// it is a list each item, in the order of the canonical bytes. They are a help
// for whoever reads a rule's place; nothing is decided by them, the digest does
// not cover them, and files of another layout with the same digest have others.
type keptLines struct {
	Form   string           `json:"form"`
	Estate string           `json:"estate"` // digest
	Files  map[string][]int `json:"files"`
}

func linesOf(docs map[string]*document, digest string) []byte {
	kept := keptLines{Form: linesForm, Estate: digest, Files: map[string][]int{}}
	for name, d := range docs {
		var lines []int
		inOrder(d.root, func(n *yaml.Node) { lines = append(lines, n.Line) })
		kept.Files[name] = lines
	}
	out, err := json.Marshal(kept, json.Deterministic(true))
	if err != nil {
		panic("estate: lines that are no JSON: " + err.Error()) // file names were checked to be UTF-8
	}
	return out
}

// inOrder visits a value and what is in it, in the order of the canonical bytes.
func inOrder(n *yaml.Node, visit func(*yaml.Node)) {
	visit(n)
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			inOrder(c, visit)
		}
		return
	}
	at := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		at[n.Content[i].Value] = i
	}
	for _, key := range slices.Sorted(maps.Keys(at)) {
		visit(n.Content[at[key]])
		inOrder(n.Content[at[key]+1], visit)
	}
}

// putLines gives the nodes of restored files the lines that were kept; lines
// that are not of these files change nothing.
func putLines(docs map[string]*document, digest string, lines []byte) {
	var kept keptLines
	if len(lines) == 0 || json.Unmarshal(lines, &kept) != nil || kept.Form != linesForm || kept.Estate != digest {
		return
	}
	for name, d := range docs {
		count := 0
		inOrder(d.root, func(*yaml.Node) { count++ })
		of := kept.Files[name]
		if len(of) != count || slices.ContainsFunc(of, func(line int) bool { return line < 1 }) {
			continue
		}
		inOrder(d.root, func(n *yaml.Node) { n.Line, of = of[0], of[1:] })
	}
}
