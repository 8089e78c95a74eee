package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bulkhead/sim"
)

// chaos is the real server among vendors that fail, while it is suspended,
// reloaded and killed, and what was seen of it from outside.
type chaos struct {
	t      *testing.T
	dir    string
	bin    string
	key    string
	sim    *sim.Sim
	rng    *rand.Rand // of the director alone
	client *http.Client

	url, control string // of the server that runs
	holds        bool   // it knows of delivery: it refuses a word that is none
	next         atomic.Int64
	read         int64 // entries of the ledger that were held against what was seen

	mu     sync.Mutex
	got    map[int64]chaosReply // by number
	quiet  []lull
	counts map[string]int // what became of calls
}

// chaosReply is a reply that a client took for complete.
type chaosReply struct{ call, offering, receipt string }

// lull is a time in which a partition's vendors must not be asked.
type lull struct {
	partition string
	from, to  time.Time
}

// chaosVendor is an endpoint, what it offers, and the kind of vendor behind it.
type chaosVendor struct {
	name, partition, dialect, model string
	kind                            sim.Kind
}

var chaosVendors = []chaosVendor{
	{"west-openai", "west", "openai", "hammer", sim.OpenAI}, {"west-anthropic", "west", "anthropic", "hammer", sim.Anthropic}, {"west-gemini", "west", "gemini", "hammer", sim.Gemini},
	{"east-bedrock", "east", "bedrock", "anvil", sim.Bedrock}, {"east-responses", "east", "responses", "anvil", sim.OpenAI}, {"east-openai", "east", "openai", "anvil", sim.Compatible},
}

// TestChaos makes thousands of calls while vendors fail and recover, are
// suspended and resumed, the estate is replaced and the server is killed:
// seconds in every run, ten minutes with BULKHEAD_LONG=1 (make chaos).
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("chaos takes its time")
	}
	rounds, lives, life, callers := 1, 2, 2500*time.Millisecond, 24
	if os.Getenv("BULKHEAD_LONG") == "1" {
		rounds, lives, life, callers = 12, 4, 8*time.Second, 48
	}
	for round := range rounds { // each with a ledger of its own, so that none grows large
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) { chaosRound(t, lives, life, callers) })
	}
}

// chaosRound lets the server be killed so many times, and then end in order.
func chaosRound(t *testing.T, lives int, life time.Duration, callers int) {
	c := newChaos(t)
	for n := range lives {
		kill := c.begin()
		c.check(n) // what the last life left
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range callers {
			all.Go(func() { c.call(ctx) })
		}
		c.direct(life)
		kill(syscall.SIGKILL)
		stop()
		all.Wait()
		c.client.CloseIdleConnections()
	}
	c.last(lives, callers, life)
	t.Logf("%d calls: %v", c.next.Load(), c.counts)
	if c.next.Load() < int64(300*lives) || c.counts["whole"] < int(c.next.Load())/10 || c.counts["told"] < lives || c.counts["cut in-band"] < 1 || c.counts["unknown"] < 1 {
		t.Error("too little happened")
	}
}

// last is a life that ends in order: all is quiet at its end, and what it holds
// is what it held before.
func (c *chaos) last(number, callers int, life time.Duration) {
	kill := c.begin()
	c.check(number)
	c.still()
	idle := c.await("idle after its start", func(m map[string]float64) bool { return m["bulkhead_calls_in_flight"] == 0 })
	var resident [2]float64
	for half := range resident {
		ctx, stop := context.WithCancel(c.t.Context())
		var all sync.WaitGroup
		for range callers {
			all.Go(func() { c.call(ctx) })
		}
		c.direct(life)
		c.still()
		stop()
		all.Wait()
		c.client.CloseIdleConnections()
		m := c.await("idle", func(m map[string]float64) bool {
			return m["bulkhead_calls_in_flight"] == 0 && m["bulkhead_held_bytes"] == 0 && m["go_goroutines"] <= idle["go_goroutines"]+chaosConnections
		})
		resident[half] = m["process_resident_memory_bytes"]
		c.t.Logf("goroutines %.0f, before %.0f; resident %.1f MiB, before %.1f", m["go_goroutines"], idle["go_goroutines"], resident[half]/(1<<20), idle["process_resident_memory_bytes"]/(1<<20))
	}
	if resident[1] > 1.3*resident[0]+16<<20 {
		c.t.Errorf("memory grows: %.1f MiB, then %.1f", resident[0]/(1<<20), resident[1]/(1<<20))
	}
	kill(syscall.SIGTERM)
	c.check(number + 1)
}

// chaosConnections is for what idle connections to vendors keep.
const chaosConnections = 20

func newChaos(t *testing.T) *chaos {
	c := &chaos{t: t, dir: t.TempDir(), got: map[int64]chaosReply{}, counts: map[string]int{}, rng: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))}
	c.client = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second}
	c.bin = filepath.Join(c.dir, "bulkhead")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, c.bin); err != nil { // called by this name the test is the program
		t.Fatal(err)
	}
	var vendors []sim.Vendor
	for _, v := range chaosVendors {
		vendors = append(vendors, sim.Vendor{Name: v.name, Kind: v.kind, Models: []sim.Model{{ID: v.model}}})
	}
	c.sim = sim.New(sim.Options{Vendors: vendors, MaxRecords: 1 << 20})
	t.Cleanup(func() { c.sim.Close() })
	root, err := c.sim.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.writeEstate(root)
	out, err := c.run("key", "create", "--workload", "letters", "--estate", filepath.Join(c.dir, "estate"), "--data", filepath.Join(c.dir, "data"))
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c.key = strings.TrimSpace(out)
	return c
}

// run is a command of the program.
func (c *chaos) run(args ...string) (string, error) {
	cmd := exec.Command(c.bin, args...)
	cmd.Env = append(os.Environ(), "CHAOS_SECRET=chaos-secret")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, errs.Bytes())
	}
	return string(out), err
}

// writeEstate is the small estate with two partitions, six endpoints, and two
// models that may stand in for each other.
func (c *chaos) writeEstate(root string) {
	dir := filepath.Join(c.dir, "estate")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "harbour"))); err != nil {
		c.t.Fatal(err)
	}
	cloud := "cloud: own\npartitions:\n  west: {domain: unclassified, ceiling: U, regions: {w: US}}\n  east: {domain: unclassified, ceiling: U, regions: {e: US}}\nendpoints:\n"
	offerings := "offerings:\n"
	for _, v := range chaosVendors {
		url := c.sim.BaseURL(root, v.name)
		if v.dialect == "bedrock" {
			url = strings.TrimSuffix(url, "/openai/v1")
		}
		cloud += fmt.Sprintf("  %s: {partition: %s, region: %.1s, url: %q, dialect: %s, auth: {kind: bearer, secret: \"env:CHAOS_SECRET\"}, limits: {header: 1s, first_content: 1s, gap: 1s}}\n",
			v.name, v.partition, v.partition, url, v.dialect)
		offerings += fmt.Sprintf("  %[2]s-at-%[1]s:\n    model: meta/%[2]s\n    endpoint: %[1]s\n    id: %[2]s\n    regions: [%.1[3]s]\n    authorisations:\n"+
			"      - {scheme: agency-ato, document: ATO-1, official: \"CIO\", issued: 2026-01-01, expires: 2126-01-01, ceiling: U}\n    enablement: {state: enabled, by: harbour}\n", v.name, v.model, v.partition)
	}
	c.put("clouds/own.yaml", cloud+offerings)
	vendor, err := os.ReadFile(filepath.Join(dir, "vendors", "meta.yaml"))
	if err != nil {
		c.t.Fatal(err)
	}
	models := "models:\n  hammer: {version: unpinned, modalities: [text], context: 128000, max_output: 4096}\n  anvil: {version: unpinned, modalities: [text], context: 128000, max_output: 4096}\n"
	text := string(vendor)
	c.put("vendors/meta.yaml", text[:strings.Index(text, "models:")]+models+text[strings.Index(text, "terms:"):])
	c.aliases("[meta/hammer, meta/anvil]")
}

// aliases writes the workload, whose alias both may go anywhere and whose
// others to one model alone.
func (c *chaos) aliases(both string) {
	text, err := os.ReadFile(filepath.Join("testdata", "harbour", "workloads", "letters.yaml"))
	if err != nil {
		c.t.Fatal(err)
	}
	s := string(text)
	c.put("workloads/letters.yaml", s[:strings.Index(s, "aliases:")]+"aliases:\n  both: "+both+"\n  hammer: [meta/hammer]\n  anvil: [meta/anvil]\n")
}

func (c *chaos) put(name, text string) {
	if err := os.WriteFile(filepath.Join(c.dir, "estate", name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// begin starts the server and waits until it is ready.
func (c *chaos) begin() (end func(syscall.Signal)) {
	c.t.Helper()
	cmd := exec.Command(c.bin, "serve", "--estate", filepath.Join(c.dir, "estate"), "--data", filepath.Join(c.dir, "data"), "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "CHAOS_SECRET=chaos-secret")
	log, err := os.Create(filepath.Join(c.dir, "serve.log"))
	if err != nil {
		c.t.Fatal(err)
	}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, _ := out.Read(buf)
	m := readyLine.FindSubmatch(buf[:n])
	end = func(s syscall.Signal) {
		_ = cmd.Process.Signal(s)
		err := cmd.Wait()
		log.Close()
		if s == syscall.SIGTERM && err != nil {
			c.t.Errorf("it did not end in order: %v", err)
		}
	}
	if m == nil {
		end(syscall.SIGKILL)
		text, _ := os.ReadFile(log.Name())
		c.t.Fatalf("not ready: %s\n%s", buf[:n], text)
	}
	c.url, c.control = "http://"+string(m[1]), "http://"+string(m[2])
	req, err := http.NewRequest(http.MethodPost, c.url+"/v1/chat/completions", strings.NewReader(`{"model":"none","messages":[]}`))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Bulkhead-Delivery", "neither")
	resp, err := c.client.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	resp.Body.Close()
	c.holds = resp.StatusCode == http.StatusBadRequest
	return end
}

var suspensionID = regexp.MustCompile(`(?m)^(sus-\S+):`)

// direct lets things happen for a while.
func (c *chaos) direct(life time.Duration) {
	until := time.Now().Add(life)
	for turn := 0; time.Now().Before(until); turn++ {
		switch {
		case turn%4 == 3:
			c.withdraw(chaosVendors[c.rng.IntN(2)*3].partition, c.rng.IntN(2) == 0)
		case turn%4 == 1:
			c.aliases([]string{"[meta/hammer, meta/anvil]", "[meta/anvil, meta/hammer]"}[c.rng.IntN(2)])
			if out, err := c.run("reload", "--data", filepath.Join(c.dir, "data")); err != nil {
				c.t.Errorf("reload: %v %s", err, out)
			}
		}
		if err := c.sim.SetFaults(c.trouble()); err != nil {
			c.t.Error(err)
		}
		time.Sleep(time.Duration(150+c.rng.IntN(200)) * time.Millisecond)
	}
}

// withdraw suspends a partition for a moment, and notes from when to when its
// vendors must not be asked: what was on its way then has come.
func (c *chaos) withdraw(partition string, cut bool) {
	args := []string{"suspend", "partition=" + partition, "--reason", "chaos", "--document", "C-1", "--data", filepath.Join(c.dir, "data")}
	if cut {
		args = append(args, "--cut")
	}
	out, err := c.run(args...)
	from := time.Now()
	m := suspensionID.FindStringSubmatch(out)
	if err != nil || m == nil {
		c.t.Errorf("suspend: %v %s", err, out)
		return
	}
	time.Sleep(600 * time.Millisecond)
	to := time.Now()
	if out, err = c.run("resume", m[1], "--data", filepath.Join(c.dir, "data")); err != nil {
		c.t.Errorf("resume: %v %s", err, out)
	}
	c.quiet = append(c.quiet, lull{partition, from.Add(250 * time.Millisecond), to})
}

// trouble is what goes wrong for a while: with each vendor something, or nothing.
func (c *chaos) trouble() []sim.Rule {
	short := sim.Duration(2 * time.Millisecond)
	all := []sim.Fault{
		{Status: 503}, {Status: 500}, {Status: 429, Headers: map[string]string{"Retry-After": "1"}}, {ResetBeforeHeader: true}, {DelayHeader: sim.Duration(time.Hour)},
		{CutAfterChunks: new(5)}, {ResetAfterChunks: new(7)}, {StallAfterChunks: new(6)}, {MalformedChunk: 6}, {CorruptChunk: 7}, {NoEndMarker: true},
		{ErrorAfterChunks: new(0), ErrorStatus: 503}, {ErrorAfterChunks: new(6), ErrorStatus: 503}, {Pace: short}, {Drip: 40, Pace: short}, {Status: 400}, {Filter: "answer"}, {DelayFirstChunk: sim.Duration(time.Hour)},
	}
	var out []sim.Rule
	for i, v := range chaosVendors {
		if c.rng.IntN(3) == 0 {
			continue
		}
		out = append(out, sim.Rule{Match: sim.Match{Vendor: v.name, Probability: 0.1 + c.rng.Float64()*0.6, Seed: uint64(i) + c.rng.Uint64()>>1}, Fault: all[c.rng.IntN(len(all))]})
	}
	return out
}

// still ends all troubles.
func (c *chaos) still() {
	if err := c.sim.SetFaults(nil); err != nil {
		c.t.Error(err)
	}
}

// await reads the server's metrics until they are as they must be.
func (c *chaos) await(what string, good func(map[string]float64) bool) map[string]float64 {
	c.t.Helper()
	var m map[string]float64
	for begun := time.Now(); time.Since(begun) < 30*time.Second; time.Sleep(100 * time.Millisecond) {
		resp, err := http.Get(c.control + "/metrics")
		if err != nil {
			c.t.Fatal(err)
		}
		var b bytes.Buffer
		_, _ = b.ReadFrom(resp.Body)
		resp.Body.Close()
		m = map[string]float64{}
		for line := range strings.Lines(b.String()) {
			var name string
			var v float64
			if n, _ := fmt.Sscan(line, &name, &v); n == 2 && !strings.HasPrefix(name, "#") {
				m[name] = v
			}
		}
		if good(m) {
			return m
		}
	}
	c.t.Errorf("it is not %s: %v goroutines, %v calls in flight, %v bytes held", what, m["go_goroutines"], m["bulkhead_calls_in_flight"], m["bulkhead_held_bytes"])
	return m
}
