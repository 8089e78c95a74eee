package clients_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// pages are the folder of what is tested here, seen from this one.
const pages = "../docs/clients"

// block is one fenced block of a page.
type block struct {
	line     int
	language string
	text     string
	env      []string // what the page has exported so far
	prints   string   // the block of text that follows, if one does
	quiet    bool     // no such block follows
}

// TestPages runs every block of code in docs/clients as it stands, against
// quickstart. Of the pages only the address and the keys are replaced; a block
// of text that follows is what it must print, with … for what may differ.
func TestPages(t *testing.T) {
	skipShort(t)
	found, err := filepath.Glob(pages + "/*.md")
	if err != nil || len(found) == 0 {
		t.Fatalf("no pages in %s: %v", pages, err)
	}
	q := startQuickstart(t)
	for _, path := range found {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			ran := 0
			for _, b := range blocks(string(text)) {
				if b.language == "text" || b.text == "" {
					continue
				}
				ran++
				t.Run(b.language+" at line "+strconv.Itoa(b.line), func(t *testing.T) { q.run(t, b) })
			}
			if ran == 0 {
				t.Error("the page shows no code")
			}
		})
	}
}

// TestQuickstart_ExamplesWorkAsPrinted runs what quickstart tells a newcomer
// to try.
func TestQuickstart_ExamplesWorkAsPrinted(t *testing.T) {
	skipShort(t)
	q := startQuickstart(t)
	examples := map[string]string{}
	language := ""
	for _, line := range q.printed {
		switch {
		case strings.HasPrefix(line, "# curl"):
			language = "sh"
		case strings.HasPrefix(line, "# Python"):
			language = "python"
		case strings.HasPrefix(line, "// Node"):
			language = "js"
		case line == "":
			language = ""
		}
		if language != "" {
			examples[language] += line + "\n"
		}
	}
	for _, language := range []string{"sh", "python", "js"} {
		t.Run(language, func(t *testing.T) {
			if examples[language] == "" {
				t.Fatalf("quickstart printed no such example:\n%s", strings.Join(q.printed, "\n"))
			}
			if out := q.execute(t, block{language: language, text: examples[language]}); !strings.Contains(out, "simulated answer") {
				t.Errorf("got %q, want a simulated answer", out)
			}
		})
	}
}

// quickstart is a running `bulkhead quickstart`.
type quickstart struct {
	printed []string
	url     string
	key     string
	pair    map[string]string // to sign with, by the names of their variables
}

var keyPattern = regexp.MustCompile(`bk_[a-z2-7]{16}_[a-z2-7]{52}`)

func startQuickstart(t *testing.T) quickstart {
	t.Helper()
	dir := t.TempDir()
	out := start(t, nil, "Stop with", "quickstart", "--dir", dir, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--pace", "2ms")
	q := quickstart{printed: out, url: "http://" + field(t, out[0], "listen"), key: keyPattern.FindString(strings.Join(out, "\n"))}
	if q.key == "" {
		t.Fatalf("quickstart printed no key:\n%s", strings.Join(out, "\n"))
	}
	q.pair = createPair(t, "quickstart", filepath.Join(dir, "estate"), filepath.Join(dir, "data"))
	return q
}

// blocks finds the fenced blocks of a page and what each stands in.
func blocks(page string) []block {
	var out []block
	var env []string
	var open *block
	n := 0
	for line := range strings.Lines(page) {
		n++
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open == nil:
			open = &block{line: n, language: fence, quiet: true}
		case isFence:
			if open.language == "text" && len(out) > 0 {
				out[len(out)-1].prints, out[len(out)-1].quiet = open.text, false
			}
			if open.language == "sh" {
				open.text, env = exports(open.text, env)
			}
			open.env = env
			out = append(out, *open)
			open = nil
		case open != nil:
			open.text += line
		}
	}
	return out
}

// exports takes the lines that set variables out of a block for the shell. A
// block that sets any replaces what the page had set before.
func exports(text string, before []string) (rest string, env []string) {
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(line, "export "); ok {
			env = append(env, strings.TrimSpace(v))
			continue
		}
		rest += line
	}
	if env == nil {
		env = before
	}
	return rest, env
}

func (q quickstart) run(t *testing.T, b block) {
	if b.language == "sh" && strings.Contains(b.text, " install ") || strings.Contains(b.text, "go get ") {
		pinned(t, b.text)
		return
	}
	if b.language == "xml" {
		pinnedJava(t, b.text)
		return
	}
	out := q.execute(t, b)
	if b.quiet {
		return
	}
	want := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(b.prints)), "…", "(?s:.*?)") + "$")
	if got := strings.TrimSpace(out); !want.MatchString(got) {
		t.Errorf("the page says that this prints\n%s\nand it printed\n%s", b.prints, got)
	}
}

// execute runs a block in its language and gives what it printed.
func (q quickstart) execute(t *testing.T, b block) string {
	t.Helper()
	here := strings.NewReplacer("http://127.0.0.1:8080", q.url, "bk_…", q.key)
	dir := t.TempDir()
	var cmd *exec.Cmd
	var goBuild []string // what the matrix's program was built with, so that packages are compiled once
	write := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(here.Replace(b.text)), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const most = 2 * time.Minute
	switch b.language {
	case "sh":
		curl := strings.Contains(b.text, "curl ")
		if _, err := exec.LookPath("curl"); err != nil && curl {
			missing(t, "there is no curl")
		}
		cmd = within(t, most, "sh", "-eu", write("block.sh"))
	case "python":
		cmd = within(t, most, pythonWith(t, "python-matrix", matrixPins), "-B", write("block.py"))
	case "js":
		node, folder := nodeWithPackages(t, "node/none")
		dir = folder
		cmd = within(t, most, node, write("block.mjs"))
	case "go":
		module := "matrix/go"
		if goBuild = []string{"CGO_ENABLED=0"}; strings.Contains(b.text, "openai-go") {
			module, goBuild = "go", nil
		}
		goWithModules(t, module)
		if err := copyFiles(dir, module+"/go.mod", module+"/go.sum"); err != nil {
			t.Fatal(err)
		}
		write("main.go")
		cmd = within(t, 2*most, "go", "run", ".")
	case "java":
		tools := javaWithPackages(t)
		cmd = within(t, most, tools.java, "-XX:TieredStopAtLevel=1", "-cp", tools.packages, write("Main.java"))
	default:
		t.Fatalf("no test runs blocks of %q; write sh, python, js, go, java, xml or text", b.language)
	}
	cmd.Dir, cmd.Env = dir, append(cleanEnv(), goBuild...)
	for _, kv := range b.env {
		if name, value, _ := strings.Cut(kv, "="); value == "…" {
			kv = name + "=" + q.pair[name]
		}
		cmd.Env = append(cmd.Env, strings.Trim(here.Replace(kv), `"`))
	}
	out, err := cmd.Output()
	if err != nil {
		said := ""
		if e, ok := err.(*exec.ExitError); ok {
			said = string(e.Stderr)
		}
		t.Fatalf("%v\n%s%s", err, out, said)
	}
	return string(out)
}

// pinned sees that what a page tells to install is what the suites run with.
func pinned(t *testing.T, text string) {
	t.Helper()
	var pins strings.Builder
	for _, f := range []string{matrixPins, "node/v7/package.json", "node/v6/package.json", "go/go.mod", "matrix/go/go.mod"} {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		pins.Write(b)
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 3 {
			t.Errorf("%q installs nothing", line)
			continue
		}
		for _, name := range words[2:] {
			if !strings.Contains(pins.String(), name) {
				t.Errorf("%q is not among the pins of the suites", name)
			}
		}
	}
}

// pinnedJava sees the same of what a page has for a pom.xml.
func pinnedJava(t *testing.T, text string) {
	t.Helper()
	pins, err := os.ReadFile("matrix/java/pom.xml")
	if err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if !strings.Contains(strings.Join(strings.Fields(string(pins)), ""), strings.Join(strings.Fields(block), "")) {
			t.Errorf("this is not among the pins of the matrix:\n%s", block)
		}
	}
}
