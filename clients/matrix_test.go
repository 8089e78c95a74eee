package clients_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// driver is one client of the matrix: a program that tries every case against
// every alias it is told of, and says of each what came of it.
type driver struct {
	name    string // in its lines and in the page
	native  string // the alias whose offering speaks what the client speaks
	foreign string // the one other that ordinary runs keep
	command func(t *testing.T) *exec.Cmd
}

// drivers are all clients of the matrix, in the order of the page.
func drivers() []driver {
	return slices.Concat(pythonDrivers(), nodeDrivers(), goDrivers(), javaDrivers())
}

// The aliases of testdata/matrix, each with one offering of that dialect, and
// what is tried at each. Both are in the order of the page.
var (
	matrixAliases = []string{"on-openai", "on-responses", "on-anthropic", "on-bedrock", "on-gemini"}
	matrixCases   = []string{"unary", "stream", "tools", "tools-stream", "structured", "image", "reasoning", "usage", "errors", "embeddings"}
)

// cell is one line that a driver prints.
type cell struct {
	Client  string `json:"client"`
	Version string `json:"version"`
	Alias   string `json:"alias"`
	Case    string `json:"case"`
	Result  string `json:"result"` // pass, refused, none, fail
	Why     string `json:"why"`    // of a refusal its code and what it names
}

// refusal begins the reason of a refused cell: only Bulkhead's own words that a
// pair of dialects has no form for what was asked count as such.
var refusal = regexp.MustCompile(`^unsupported_(parameter|route): `)

// matrixTime is how long one driver may take.
const matrixTime = 8 * time.Minute

// TestMatrix_NativeAndForeign holds every client of the matrix to what the page
// says of it, against an offering of its own dialect and of one other.
func TestMatrix_NativeAndForeign(t *testing.T) {
	skipShort(t)
	page := readMatrix(t)
	for _, d := range drivers() {
		t.Run(d.name, func(t *testing.T) {
			cmd := d.command(t)
			t.Parallel() // what one waits for, the next can use
			for _, c := range runDriver(t, d.name, cmd, []string{d.native, d.foreign}) {
				t.Run(c.Alias+"/"+c.Case, func(t *testing.T) {
					if c.Result == "fail" {
						t.Error(c.Why)
					}
					if said := page[c.Client][c.Case][c.Alias]; said != c.Result {
						t.Errorf("docs/matrix.md says %q, and it is %q (%s); write it anew with make matrix", said, c.Result, c.Why)
					}
				})
			}
		})
	}
}

// TestMatrix_WritesThePage runs the whole matrix and writes docs/matrix.md, for
// make matrix; elsewhere it is left out.
func TestMatrix_WritesThePage(t *testing.T) {
	if os.Getenv("BULKHEAD_MATRIX") != "write" {
		t.Skip("writes docs/matrix.md; run it as make matrix")
	}
	byClient := map[string][]cell{}
	t.Run("clients", func(t *testing.T) {
		for _, d := range drivers() {
			t.Run(d.name, func(t *testing.T) { byClient[d.name] = runDriver(t, d.name, d.command(t), matrixAliases) })
		}
	})
	if t.Failed() {
		t.Fatal("the page is left as it was: cells are missing")
	}
	var all [][]cell
	for _, d := range drivers() {
		if byClient[d.name] == nil {
			t.Fatalf("the page is left as it was: %s did not run", d.name)
		}
		all = append(all, byClient[d.name])
	}
	if err := os.WriteFile(matrixPage, matrixText(all), 0o644); err != nil {
		t.Fatal(err)
	}
}

// runDriver runs the command of a client in a world of its own and gives one cell for each
// alias and case, in the order of the page. A cell that is missing, told twice
// or not asked for fails the test.
func runDriver(t *testing.T, name string, cmd *exec.Cmd, aliases []string) []cell {
	t.Helper()
	cmd.Env = append(newMatrixWorld(t), "MATRIX_ALIASES="+strings.Join(aliases, ","), "MATRIX_CASES="+strings.Join(matrixCases, ","))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	said := map[[2]string]cell{}
	lines := bufio.NewScanner(&stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c cell
		if bad := json.Unmarshal(lines.Bytes(), &c); bad != nil {
			t.Errorf("no cell: %v: %s", bad, lines.Text())
			continue
		}
		at := [2]string{c.Alias, c.Case}
		switch _, twice := said[at]; {
		case twice:
			t.Errorf("%s %s is told twice", c.Alias, c.Case)
		case !slices.Contains(aliases, c.Alias) || !slices.Contains(matrixCases, c.Case):
			t.Errorf("%s %s was not asked for", c.Alias, c.Case)
		case c.Client != name || c.Version == "":
			t.Errorf("%s %s is told of %q %q, want a version of %s", c.Alias, c.Case, c.Client, c.Version, name)
		case c.Result != "pass" && c.Why == "", c.Result == "refused" && !refusal.MatchString(c.Why),
			!slices.Contains([]string{"pass", "refused", "none", "fail"}, c.Result):
			t.Errorf("%s %s is %q because of %q", c.Alias, c.Case, c.Result, c.Why)
		}
		c.Why = scrubbed(c.Why)
		said[at] = c
	}
	var out []cell
	for _, c := range matrixCases {
		for _, a := range aliases {
			found, ok := said[[2]string{a, c}]
			if !ok {
				t.Errorf("the cell %s %s is missing", a, c)
				continue
			}
			out = append(out, found)
		}
	}
	if err != nil || t.Failed() {
		t.Fatalf("the driver ended with %v and said:\n%s", err, stderr.String())
	}
	return out
}

var (
	callID  = regexp.MustCompile(`\s*\bCall [0-9A-Za-z]{20,}\.?`)
	address = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	blanks  = regexp.MustCompile(`\s+`)
)

// scrubbed is a reason without what differs from run to run.
func scrubbed(why string) string {
	why = address.ReplaceAllString(callID.ReplaceAllString(why, ""), "ADDRESS")
	return strings.TrimSpace(blanks.ReplaceAllString(why, " "))
}

// newMatrixWorld starts vendors and a gateway over testdata/matrix, and gives
// the environment of a driver.
func newMatrixWorld(t *testing.T) []string {
	t.Helper()
	sim := startSim(t)
	estate, data := estateFrom(t, "testdata/matrix", sim)
	key := createKey(t, "matrix", estate, data)
	pair := createPair(t, "matrix", estate, data)
	return append(cleanEnv(), "BULKHEAD_SIM="+sim, "BULKHEAD_KEY="+key, "BULKHEAD_AWS_ID="+pair["AWS_ACCESS_KEY_ID"],
		"BULKHEAD_AWS_SECRET="+pair["AWS_SECRET_ACCESS_KEY"], "BULKHEAD_URL="+serve(t, estate, data))
}
