// Package bulkhead_test holds the plan of the house: which package is on which
// floor, who may import whom, and who may listen, dial and touch files. When it
// fails it prints the reason for the ban, not only the ban.
package bulkhead_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors says where each package lives. Imports go to lower floors only.
var floors = map[string]int{
	"ledger/tiles":      0, // how a log lies in files, for those who write and those who check
	"ledger/verify":     1, // what an outsider checks a log with; it imports no more than they would want
	"ledger/ledgertest": 3, // opens logs for the tests of what stands on one
	"fault":             0, "marking": 0, "money": 0, "chat": 0, "wire": 0,
	"chat/chattest": 2, // makes random conversations and walks vendors' schemas; for the dialects' tests alone
	"identity":      1, "catalog": 1, "call": 1, "dialect": 1,
	"dialect/openai": 2, "dialect/bedrock": 2, "dialect/anthropic": 2, "dialect/responses": 2, "dialect/gemini": 2, "drill": 2, "inspect": 2, "policy": 2, "probe": 2, "route": 2, "ledger": 2, "state": 2,
	"egress": 3, "reach": 3, "sim": 3, "adapter/aws": 3, "adapter/azure": 3, "adapter/copier": 3, "adapter/google": 3, "adapter/prometheus": 3, "adapter/remotelog": 3, "adapter/secret": 3, "adapter/sqlite": 3,
	"gateway": 4, "control": 4,
	"state/statetest":     3, // the suite that any store of state runs; for tests alone
	"policy/policytest":   3, // random estates, and an oracle of what may be served; for tests alone
	"translate":           3, // the table of the dialects; what stands between two of them
	"dialect/crossing":    4, // what no single dialect can test; for tests alone
	"control/controltest": 5, // the suite that any store of control runs; for tests alone
	"ingress":             5, "console": 5, "estate": 5,
	"cmd/bulkhead": 6,
}

// sameFloor are the imports within a floor that the plan has, and why.
var sameFloor = map[[2]string]string{
	{"catalog", "call"}: "an offering's row grants capabilities, which are words of a call",
	{"dialect", "call"}: "a refusal carries the call's id",
	{"chat", "fault"}:   "a stream ends in a fault, and what cannot be carried is refused as one",
}

// beside are folders that are no part of the product: they measure and test it.
var beside = []string{"bench", "clients", "e2e", "faults"}

// everywhere are the modules that any floor may use.
var everywhere = []string{"github.com/go-json-experiment/json", "golang.org/x/"}

// owners says which package alone may import a module, one place for each dependency.
var owners = map[string]string{
	"go.yaml.in/yaml/":              "estate",
	"modernc.org/sqlite":            "adapter/sqlite",
	"github.com/prometheus/":        "adapter/prometheus",
	"github.com/aws/":               "adapter/aws",
	"github.com/Azure/":             "adapter/azure",
	"cloud.google.com/":             "adapter/google",
	"github.com/cedar-policy/cedar": "policy",
	"pgregory.net/rapid":            "chat/chattest",
}

// uses are calls that only some packages may make.
var uses = []struct {
	names   []string // package.Function
	allowed []string
	why     string
}{
	{[]string{"net.Listen", "net.ListenTCP", "net.ListenUnix", "http.ListenAndServe", "http.ListenAndServeTLS", "http.Serve", "http.ServeTLS"},
		[]string{"ingress", "console", "sim"},
		"only the faces and the simulated vendors listen, so that there is no door beside the path of a call"},
	{[]string{"net.Dial", "net.DialTimeout", "net.DialTCP", "net.DialUnix", "net.Dialer", "tls.Dial", "tls.Client", "http.Get", "http.Post", "http.DefaultClient", "http.DefaultTransport", "http.Client", "http.Transport"},
		[]string{"egress", "adapter/"},
		"only egress and the adapters dial, so that no byte leaves but through the door (law 3); cmd dials control.sock alone, in socket.go"},
	{[]string{"os.Open", "os.OpenFile", "os.Create", "os.CreateTemp", "os.ReadFile", "os.WriteFile", "os.ReadDir", "os.Mkdir", "os.MkdirAll", "os.MkdirTemp", "os.Remove", "os.RemoveAll", "os.Rename", "os.Stat", "os.Lstat", "os.Chmod", "os.Symlink", "os.DirFS", "os.OpenRoot"},
		[]string{"ledger", "estate", "adapter/", "console", "cmd/"},
		"below cmd only ledger, estate and the adapters touch files, and console its socket; others get readers and writers"},
}

// except are files that a ban of uses does not hold, and why.
var except = map[string]string{
	"cmd/bulkhead/socket.go": "the one place from which cmd dials: control.sock",
	"console/socket.go":      "asks an earlier owner's control.sock whether it still answers, before it is removed",
}

// banned are package names that say nothing.
var banned = []string{"util", "utils", "common", "types", "core", "base", "models", "helpers", "pkg", "internal"}

// source is one file of the product.
type source struct {
	pkg, file string
	ast       *ast.File
	fset      *token.FileSet
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			if base := path.Base(name); name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules" || slices.Contains(beside, name)) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		out = append(out, source{path.Dir(name), name, f, fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("found %d files; the walk is wrong", len(out))
	}
	return out
}

func TestFloors_EveryPackageHasOne(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		if seen[s.pkg] {
			continue
		}
		seen[s.pkg] = true
		if _, ok := floors[s.pkg]; !ok {
			t.Errorf("%s is on no floor: give it one in floors_test.go, and say in the commit why the house needs it", s.pkg)
		}
		for _, part := range strings.Split(s.pkg, "/") {
			if slices.Contains(banned, part) {
				t.Errorf("%s: a package named %q says nothing of what it holds", s.pkg, part)
			}
		}
	}
}

func TestFloors_ImportsGoDown(t *testing.T) {
	for _, s := range sources(t) {
		for _, spec := range s.ast.Imports {
			what, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			at := s.fset.Position(spec.Pos())
			if rest, ours := strings.CutPrefix(what, "bulkhead/"); ours {
				here, there := floors[s.pkg], floors[rest]
				if there < here || sameFloor[[2]string{s.pkg, rest}] != "" {
					continue
				}
				t.Errorf("%v: %s (floor %d) imports %s (floor %d): imports go to lower floors only, never sideways, so that a change below cannot surprise above and there is no circle", at, s.pkg, here, rest, there)
				continue
			}
			if first, _, _ := strings.Cut(what, "/"); !strings.Contains(first, ".") {
				if what == "C" || what == "plugin" {
					t.Errorf("%v: %s: no cgo, no plugins: one static binary that can be read", at, what)
				}
				continue
			}
			allowed := slices.ContainsFunc(everywhere, func(m string) bool { return strings.HasPrefix(what, m) })
			for module, owner := range owners {
				allowed = allowed || strings.HasPrefix(what, module) && s.pkg == owner
			}
			if !allowed {
				t.Errorf("%v: %s imports %s: each dependency is in one place, named in owners, so that it can be replaced there", at, s.pkg, what)
			}
		}
	}
}

func TestFloors_OnlySomeListenDialAndTouchFiles(t *testing.T) {
	for _, s := range sources(t) {
		if except[s.file] != "" {
			continue
		}
		names := map[string]string{} // local name → package
		for _, spec := range s.ast.Imports {
			what, _ := strconv.Unquote(spec.Path.Value)
			local := path.Base(what)
			if spec.Name != nil {
				local = spec.Name.Name
			}
			names[local] = what
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if !ok || names[x.Name] == "" {
				return true
			}
			name := path.Base(names[x.Name]) + "." + sel.Sel.Name
			for _, u := range uses {
				if !slices.Contains(u.names, name) || slices.ContainsFunc(u.allowed, func(p string) bool { return s.pkg == p || strings.HasSuffix(p, "/") && strings.HasPrefix(s.pkg+"/", p) }) {
					continue
				}
				t.Errorf("%v: %s uses %s: %s", s.fset.Position(sel.Pos()), s.pkg, name, u.why)
			}
			return true
		})
	}
}

func TestFloors_NothingHappensAtImport(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%v: init: what a thing needs it is given, by hand, in wire.go; nothing happens because something is imported", s.fset.Position(f.Pos()))
			}
		}
	}
}
