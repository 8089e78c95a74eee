package estate

import (
	"path"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// read is one file as it was read: what it holds, and where it lies.
type read[T any] struct {
	file  string
	value *T
}

// content is all files of an estate, read and not yet joined up.
type content struct {
	enclave    *read[enclaveFile]
	vendors    []read[vendorFile]
	clouds     []read[cloudFile]
	contracts  []read[contractFile]
	workloads  []read[workloadFile]
	exclusions []read[exclusionFile]
	fields     map[reflect.Type][]field
	lost       map[string]bool // folders in which a file could not be read as YAML
}

// add reads a document as the kind of file that its folder says.
func (c *content) add(d *document, report *Report) {
	folder := strings.TrimSuffix(path.Dir(d.file), ".")
	if d.root == nil || d.bad[d.root] {
		c.lost[folder] = true
		return
	}
	r := &reader{document: d, report: report, fields: c.fields}
	for _, k := range kinds() {
		if k.folder != folder {
			continue
		}
		v := k.empty()
		r.into(v, d.root, field{key: k.name})
		c.keep(d.file, v)
		return
	}
	r.free(d.root)
	if d.root.Kind != yaml.MappingNode {
		r.fault(place(d.root), WrongType, "write name: value pairs", "is %s where a map belongs", describe(d.root))
	}
}

func (c *content) keep(file string, v any) {
	switch v := v.(type) {
	case *enclaveFile:
		c.enclave = &read[enclaveFile]{file, v}
	case *vendorFile:
		c.vendors = append(c.vendors, read[vendorFile]{file, v})
	case *cloudFile:
		c.clouds = append(c.clouds, read[cloudFile]{file, v})
	case *contractFile:
		c.contracts = append(c.contracts, read[contractFile]{file, v})
	case *workloadFile:
		c.workloads = append(c.workloads, read[workloadFile]{file, v})
	case *exclusionFile:
		c.exclusions = append(c.exclusions, read[exclusionFile]{file, v})
	}
}

// free checks a file whose keys are not fixed: that its scalars mean the same
// to every reader of YAML.
func (r *reader) free(n *yaml.Node) {
	if r.bad[n] {
		return
	}
	for _, c := range n.Content {
		r.free(c)
	}
	if n.Kind != yaml.ScalarNode {
		return
	}
	switch {
	case n.Tag == "!!null":
		r.fault(place(n), WrongType, "write a value, or remove the key", "there is no value here")
	case n.Tag == "!!bool" && n.Value != "true" && n.Value != "false":
		r.fault(place(n), WrongType, "write "+strings.ToLower(n.Value), "%s is not how booleans are written", quoted(n.Value))
	case (n.Tag == "!!int" || n.Tag == "!!float") && !isPlainNumber(n.Value):
		r.fault(place(n), WrongType, "write a plain decimal, or put it in quotes", "%s is not a plain number", quoted(n.Value))
	}
}
