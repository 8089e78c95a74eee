// Package estate reads the folder in which an agency declares what it has: the
// enclave, vendors, clouds, contracts and workloads, as reviewed YAML files.
//
// Reading is strict: a key that nothing reads, a word that is not allowed, a
// reference to what is not declared are faults, and all faults of a folder are
// told in one run, each with its place and what to write instead. What it
// makes is a [catalog.Estate] that never changes again, with a digest over its
// content. It decides nothing about calls.
//
// Each kind of file is one Go struct (kind.go, kind_cloud.go) whose tags drive
// reading, faults and [Schema]. Begin with [Load]; [Watcher] tells of changes
// and [Init] writes a worked example. docs/estate.md is the page for those who
// write an estate.
package estate

import (
	"context"
	"maps"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"bulkhead/catalog"
	"bulkhead/policy"
)

// Load reads the estate in a folder. The estate is nil if the report has
// faults; the error is for a folder that could not be read at all, or that
// kept changing ([ErrUnsettled]). The folder may be a symbolic link, which is
// resolved once. Paths of files that the estate names, secrets included, are
// absolute in what is returned; those files are not opened.
func Load(ctx context.Context, dir string) (*catalog.Estate, *Report, error) {
	snap, real, err := readSettled(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	est, report := build(snap)
	if est != nil {
		absolute(est, real)
	}
	return est, report, nil
}

// Parse reads an estate from files in memory, by path relative to the folder
// and with slashes. Paths that it names stay as they are written.
func Parse(files map[string][]byte) (*catalog.Estate, *Report) {
	snap := &snapshot{files: map[string][]byte{}}
	for name, data := range files {
		dir, base := path.Split(name)
		end, known := folders()[strings.TrimSuffix(dir, "/")]
		switch {
		case ignored(base):
		case name == "enclave.yaml", known && path.Ext(base) == end:
			snap.files[name] = data
		default:
			snap.faults = append(snap.faults, Remark{File: name, Code: Unreadable, Message: "is a file that nothing reads", Hint: fileHint(name)})
		}
	}
	return build(snap)
}

// build turns a snapshot into an estate, or into faults.
func build(snap *snapshot) (*catalog.Estate, *Report) {
	report := &Report{Faults: snap.faults}
	report.Counts.Files = len(snap.files)
	docs, texts := map[string]*document{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(snap.files)) {
		data := snap.files[name]
		if path.Ext(name) == ".cedar" {
			texts[name] = policyText(name, data, report)
			continue
		}
		docs[name] = parse(name, data, report)
	}
	return assemble(docs, texts, report)
}

// assemble joins the documents of an estate. Those of tables are read first:
// they say what the others' words mean.
func assemble(docs map[string]*document, texts map[string]string, report *Report) (*catalog.Estate, *Report) {
	content := &content{fields: map[reflect.Type][]field{}, lost: map[string]bool{}, first: map[string]spot{}}
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		if path.Dir(name) == "tables" {
			content.add(docs[name], spare(), report)
		}
	}
	tables := inForce(content, docs["enclave.yaml"], report)
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		if path.Dir(name) != "tables" {
			content.add(docs[name], tables, report)
		}
	}
	if docs["enclave.yaml"] == nil {
		report.Faults = append(report.Faults, Remark{File: "enclave.yaml", Code: MissingKey, Message: "is missing",
			Hint: "write it; bulkhead init DIR shows a worked example"})
	}
	est := join(content, tables, report)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		est.Policies = append(est.Policies, catalog.PolicyFile{Name: name, Text: texts[name]})
	}
	if len(report.Faults) == 0 {
		decidable(est, report)
	}
	report.settle()
	if len(report.Faults) > 0 {
		report.Tables = nil
		return nil, report
	}
	report.canonical = canonical(docs, texts, shipped())
	report.Digest = digest(report.canonical)
	report.lines = linesOf(docs, report.Digest)
	est.Digest = report.Digest
	return est, report
}

// policyText checks that a Cedar file is text and not empty; what it says is
// read by package policy.
func policyText(name string, data []byte, report *Report) string {
	if line, col := badUTF8(data); line > 0 {
		report.Faults = append(report.Faults, Remark{name, line, col, Syntax, "is not UTF-8 text", "save the file as UTF-8"})
		return ""
	}
	text := string(data)
	if !utf8.ValidString(text) || strings.TrimSpace(text) == "" {
		report.Faults = append(report.Faults, Remark{name, 1, 1, Syntax, "is empty", "write a policy, or remove the file"})
	}
	return text
}

// decidable faults what nothing can be decided about: a policy that is not
// Cedar or not of the schema, a ceiling or audience without a meaning.
func decidable(est *catalog.Estate, report *Report) {
	_, problems := policy.Compile(est, policy.Options{Remembered: -1})
	for _, p := range problems {
		report.Faults = append(report.Faults, Remark{p.Source.File, p.Source.Line, max(1, p.Column), Undecidable, p.Message, p.Hint})
	}
}

// absolute resolves the paths that an estate names against its folder.
func absolute(est *catalog.Estate, dir string) {
	resolve := func(p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	resolve(&est.Enclave.TLS.Cert)
	resolve(&est.Enclave.TLS.Key)
	for i := range est.Enclave.Ledger.Copies {
		c := &est.Enclave.Ledger.Copies[i]
		resolve(&c.Folder)
		resolve(&c.CAFile)
		resolve(&c.Client.Cert)
		resolve(&c.Client.Key)
		if p, ok := strings.CutPrefix(c.Secret, "file:"); ok {
			resolve(&p)
			c.Secret = "file:" + p
		}
	}
	for _, e := range est.Endpoints {
		resolve(&e.CAFile)
		resolve(&e.Client.Cert)
		resolve(&e.Client.Key)
		if p, ok := strings.CutPrefix(e.Auth.Secret, "file:"); ok {
			resolve(&p)
			e.Auth.Secret = "file:" + p
		}
	}
}
