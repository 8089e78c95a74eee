package estate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// maxDepth is how deeply lists and maps may be nested.
const maxDepth = 64

// document is one YAML file as it was written.
type document struct {
	file string
	root *yaml.Node          // nil if the file could not be read as YAML at all
	bad  map[*yaml.Node]bool // nodes that already have a fault
}

// parse reads one file as a single YAML 1.2 document and refuses what reviewers
// would have to puzzle out: anchors, merge keys, tags, directives, repeated
// keys, further documents.
func parse(file string, data []byte, report *Report) *document {
	d := &document{file: file, bad: map[*yaml.Node]bool{}}
	if line, col := badUTF8(data); line > 0 {
		report.Faults = append(report.Faults, Remark{file, line, col, Syntax, "is not UTF-8 text", "save the file as UTF-8"})
		return d
	}
	docs, directives, err := documents(data)
	if err != nil {
		report.Faults = append(report.Faults, syntaxFault(file, data, err))
		return d
	}
	if directives > 0 {
		report.Faults = append(report.Faults, Remark{file, directives, 1, Syntax, "directives (%YAML, %TAG) are not read",
			"remove the line; files are YAML 1.2"})
	}
	if len(docs) == 0 || (docs[0].Kind == yaml.ScalarNode && docs[0].Tag == "!!null") {
		report.Faults = append(report.Faults, Remark{file, 1, 1, Syntax, "is empty", "write its content, or remove the file"})
		return d
	}
	for _, extra := range docs[1:] {
		report.Faults = append(report.Faults, Remark{file, extra.Line, extra.Column, Syntax,
			"is a second document in the file", "put what follows \"---\" into a file of its own"})
	}
	d.root = docs[0]
	d.inspect(d.root, report)
	return d
}

// documents gives the root of every document, and the line of the first
// directive or zero.
func documents(data []byte) (roots []*yaml.Node, directives int, err error) {
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithV4Defaults(), yaml.WithUniqueKeys(false),
		yaml.WithStreamNodes(), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		return nil, 0, err
	}
	for {
		n := new(yaml.Node)
		if err := loader.Load(n); errors.Is(err, io.EOF) {
			return roots, directives, nil
		} else if err != nil {
			return nil, 0, err
		}
		switch {
		case n.Kind == yaml.StreamNode && n.Stream != nil && (n.Stream.Version != nil || len(n.Stream.TagDirectives) > 0):
			directives = directiveLine(data)
		case n.Kind == yaml.DocumentNode && len(n.Content) == 1:
			roots = append(roots, n.Content[0])
		}
	}
}

func directiveLine(data []byte) int {
	for i, line := range bytes.Split(data, []byte("\n")) {
		if bytes.HasPrefix(line, []byte("%")) {
			return i + 1
		}
	}
	return 1
}

// syntaxFault says in our words, where we have some, what the parser found.
func syntaxFault(file string, data []byte, err error) Remark {
	m := Remark{File: file, Line: 1, Column: 1, Code: Syntax, Message: "is not YAML", Hint: "check the indentation, brackets and quotes here"}
	var at *yaml.LoadError
	if !errors.As(err, &at) {
		return m
	}
	if at.Mark.Line > 0 {
		m.Line, m.Column = at.Mark.Line, max(1, at.Mark.Column)
	}
	switch {
	case strings.Contains(at.Message, "max depth"):
		m.Message, m.Hint = fmt.Sprintf("is nested more than %d levels deep", maxDepth), "no file of an estate needs that"
	case tabIndented(data, m.Line):
		m.Message, m.Hint = "has a tab in the indentation", "indent with spaces"
	case at.Message != "" && utf8.ValidString(at.Message):
		m.Message = "is not YAML: " + at.Message
	}
	return m
}

// tabIndented reports whether the white space that begins a line has a tab.
func tabIndented(data []byte, line int) bool {
	lines := bytes.SplitN(data, []byte("\n"), line+1)
	if line < 1 || line > len(lines) {
		return false
	}
	rest := bytes.TrimLeft(lines[line-1], " ")
	return bytes.HasPrefix(rest, []byte("\t"))
}

// badUTF8 gives the place of the first byte that is not UTF-8, or zeros.
func badUTF8(data []byte) (line, col int) {
	if utf8.Valid(data) {
		return 0, 0
	}
	line, col = 1, 1
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && n == 1:
			return line, col
		case r == '\n':
			line, col = line+1, 1
		default:
			col++
		}
		data = data[n:]
	}
	return 0, 0
}

// inspect faults what is well-formed YAML and yet not read here.
func (d *document) inspect(n *yaml.Node, report *Report) {
	fault := func(n *yaml.Node, message, hint string) {
		d.bad[n] = true
		report.Faults = append(report.Faults, Remark{d.file, n.Line, n.Column, Syntax, message, hint})
	}
	switch {
	case n.Kind == yaml.AliasNode:
		fault(n, "is an alias (*)", "write the value out")
		return
	case n.Anchor != "":
		fault(n, "has an anchor (&)", "write the value out where it is needed")
	case n.Style&yaml.TaggedStyle != 0 || (strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!")):
		fault(n, "has a tag (!)", "remove the tag")
	}
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			d.inspect(c, report)
		}
		return
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		first, repeated := lines[key.Value]
		switch {
		case key.Kind == yaml.AliasNode:
			fault(key, "is an alias (*)", "write the key out")
		case key.Kind != yaml.ScalarNode:
			fault(key, "is a key that is not text", "write a plain word as the key")
		case key.Tag == "!!merge":
			fault(key, "is a merge key (<<)", "write the keys out")
		case key.Anchor != "":
			fault(key, "has an anchor (&)", "write the key without it")
		case key.Style&yaml.TaggedStyle != 0:
			fault(key, "has a tag (!)", "remove the tag")
		case !isText(key):
			fault(key, "is a key that YAML does not read as text", "put the key in quotes")
		case repeated:
			report.Faults = append(report.Faults, Remark{d.file, key.Line, key.Column, Duplicate,
				fmt.Sprintf("key %s stands here twice, first on line %d", quoted(key.Value), first), "remove one of them"})
			d.bad[key] = true
		default:
			lines[key.Value] = key.Line
		}
		d.inspect(value, report)
	}
}

// isText reports whether YAML 1.2 reads the scalar as text. A date is text.
func isText(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == "!!str" || n.Tag == "!!timestamp" || n.Tag == "")
}

// quoted renders a short text for a message; long ones are cut.
func quoted(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// describe names what stands at a node, without its content.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a map"
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "a boolean"
	case "!!int", "!!float":
		return "a number"
	}
	return "text"
}
