package estate

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v4"
)

// canonicalForm names the layout of the canonical bytes, so that a later one
// can never give the same digest for other content.
const canonicalForm = "bulkhead-estate-1"

// canonical writes all content of an estate as one line of JSON:
//
//	{"form":"bulkhead-estate-1","files":{NAME:CONTENT,…},"tables":{NAME:DIGEST,…}}
//
// Names and keys are sorted bytewise. A YAML file's content is its value as
// JSON: text, true and false as they are, numbers as plain decimals without
// superfluous zeros, so that neither comments nor layout nor order of keys
// count, and every value does. A Cedar file's content is its text.
func canonical(docs map[string]*document, texts map[string]string, tables map[string][]byte) []byte {
	out := []byte(`{"form":"` + canonicalForm + `","files":{`)
	names := slices.AppendSeq(slices.Collect(maps.Keys(docs)), maps.Keys(texts))
	slices.Sort(names)
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendText(out, name), ':')
		if d := docs[name]; d != nil {
			out = appendNode(out, d.root)
		} else {
			out = appendText(out, texts[name])
		}
	}
	out = append(out, `},"tables":{`...)
	for i, name := range slices.Sorted(maps.Keys(tables)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendText(out, name), ':')
		out = appendText(out, digest(tables[name]))
	}
	return append(out, "}}"...)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// appendText writes a JSON string; what was read is UTF-8, so it cannot fail.
func appendText(out []byte, s string) []byte {
	out, err := jsontext.AppendQuote(out, s)
	if err != nil {
		panic("estate: text that is not UTF-8 after it was checked: " + err.Error())
	}
	return out
}

func appendNode(out []byte, n *yaml.Node) []byte {
	switch n.Kind {
	case yaml.MappingNode:
		index := map[string]*yaml.Node{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			index[n.Content[i].Value] = n.Content[i+1]
		}
		out = append(out, '{')
		for i, key := range slices.Sorted(maps.Keys(index)) {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(appendText(out, key), ':')
			out = appendNode(out, index[key])
		}
		return append(out, '}')
	case yaml.SequenceNode:
		out = append(out, '[')
		for i, item := range n.Content {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendNode(out, item)
		}
		return append(out, ']')
	}
	switch n.Tag {
	case "!!bool":
		return append(out, n.Value...)
	case "!!int", "!!float":
		return append(out, plainNumber(n.Value)...)
	}
	return appendText(out, n.Value)
}

// isPlainNumber reports whether a scalar is written as a plain decimal: digits
// without leading zeros, with a minus before and decimals after if need be.
func isPlainNumber(s string) bool {
	whole, frac, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	if whole == "" || (len(whole) > 1 && whole[0] == '0') || (point && frac == "") {
		return false
	}
	return strings.Trim(whole+frac, "0123456789") == ""
}

// plainNumber drops the zeros at the end of decimals, and the sign of zero.
func plainNumber(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}
