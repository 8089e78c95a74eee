package estate

import (
	"path"
	"reflect"
	"strings"
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
	tables     []read[tableFile]
	fields     map[reflect.Type][]field
	lost       map[string]bool // folders in which a file could not be read as YAML
	first      map[string]spot // where a name was declared first
}

// declare notes the first place of a name; a further one gives its fault.
func (c *content) declare(what, name string, s spot) *Remark {
	key := what + " " + name
	if before, taken := c.first[key]; taken {
		m := s.remark(Duplicate, "give one of them another name", "%s %s is declared already at %s:%d:%d", what, quoted(name), before.file, before.Line, before.Column)
		return &m
	}
	c.first[key] = s
	return nil
}

// add reads a document as the kind of file that its folder says.
func (c *content) add(d *document, t *tables, report *Report) {
	folder := strings.TrimSuffix(path.Dir(d.file), ".")
	if d.root == nil || d.bad[d.root] {
		c.lost[folder] = true
		return
	}
	r := &reader{document: d, report: report, tables: t, fields: c.fields}
	for _, k := range kinds() {
		if k.folder != folder {
			continue
		}
		v := k.empty()
		r.into(v, d.root, field{key: k.name})
		c.keep(d.file, v)
		return
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
	case *tableFile:
		c.tables = append(c.tables, read[tableFile]{file, v})
	case *exclusionFile:
		c.exclusions = append(c.exclusions, read[exclusionFile]{file, v})
	}
}
