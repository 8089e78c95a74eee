package estate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v4"

	"bulkhead/catalog"
)

// ErrOtherTables says that an estate was in force with shipped tables that are
// not those of this build: ask the release that wrote it.
var ErrOtherTables = errors.New("the shipped tables were others")

// Restore makes an estate anew of its canonical bytes ([Report.Canonical]), to
// decide as it decided. It has the digest of the bytes, and every value. Lines of
// sources are not in them: they are those of lines ([Report.Lines]), or 1 where
// lines is nil or not of this estate. An estate that was in force with other
// shipped tables is [ErrOtherTables].
func Restore(bytes, lines []byte) (*catalog.Estate, error) {
	var kept struct {
		Form   string                    `json:"form"`
		Files  map[string]jsontext.Value `json:"files"`
		Tables map[string]string         `json:"tables"`
	}
	if err := json.Unmarshal(bytes, &kept, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("restore estate: %w", err)
	}
	if kept.Form != canonicalForm {
		return nil, fmt.Errorf("restore estate: it has the form %q, and this build reads %s", kept.Form, canonicalForm)
	}
	for name, table := range shipped() {
		if was := kept.Tables[name]; was != digest(table) {
			return nil, fmt.Errorf("restore estate: %w: %s was %s and is %s here", ErrOtherTables, name, or(was, "none"), digest(table))
		}
	}
	report := &Report{}
	docs, texts := map[string]*document{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(kept.Files)) {
		if path.Ext(name) == ".cedar" {
			var text string
			if err := json.Unmarshal(kept.Files[name], &text); err != nil {
				return nil, fmt.Errorf("restore estate: %s: %w", name, err)
			}
			texts[name] = text
			continue
		}
		root, err := nodeOf(kept.Files[name])
		if err != nil {
			return nil, fmt.Errorf("restore estate: %s: %w", name, err)
		}
		docs[name] = &document{file: name, root: root, bad: map[*yaml.Node]bool{}}
	}
	putLines(docs, digest(bytes), lines)
	est, report := assemble(docs, texts, report)
	if err := report.Err(); err != nil {
		return nil, fmt.Errorf("restore estate: this build finds faults in it: %w", err)
	}
	if est.Digest != digest(bytes) {
		return nil, fmt.Errorf("restore estate: its bytes have the digest %s, and what they hold %s", digest(bytes), est.Digest)
	}
	return est, nil
}

// nodeOf reads JSON, whose names are unique, as the node that YAML would have
// given for the same value.
func nodeOf(value jsontext.Value) (*yaml.Node, error) {
	d := jsontext.NewDecoder(bytes.NewReader(value))
	n, err := nextNode(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows its value")
	}
	return n, nil
}

func nextNode(d *jsontext.Decoder) (*yaml.Node, error) {
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Line: 1, Column: 1}
	switch t.Kind() {
	case '{', '[':
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		if t.Kind() == '[' {
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
		for k := d.PeekKind(); k != '}' && k != ']'; k = d.PeekKind() {
			inner, err := nextNode(d)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, inner)
		}
		_, err := d.ReadToken()
		return n, err
	case '"':
		n.Tag = "!!str"
	case '0':
		if n.Tag = "!!int"; strings.Contains(t.String(), ".") {
			n.Tag = "!!float"
		}
	case 't', 'f':
		n.Tag = "!!bool"
	default:
		n.Tag = "!!null"
	}
	n.Kind, n.Value = yaml.ScalarNode, t.String()
	return n, nil
}
