package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// bulkhead is the real binary, on an estate whose one endpoint is the scripted
// upstream, with access log and metrics as they are by default. The log goes to
// a file.
type bulkhead struct {
	as   string // its name in the tables
	lane lane
	path string // of the binary; built if empty
	dir  string
	key  string
	runs int
}

var _ competitor = (*bulkhead)(nil)

const (
	bulkheadPackage = "bulkhead/cmd/bulkhead"
	benchWorkload   = "bench"
	vendorSecret    = "BULKHEAD_BENCH_VENDOR_KEY"
)

func (b *bulkhead) name() string { return b.as }

func (b *bulkhead) prepare(ctx context.Context, dir string) (string, error) {
	b.dir = filepath.Join(dir, b.as)
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return "", err
	}
	if err := b.build(ctx); err != nil {
		return "", err
	}
	// The keys are made once; the data folder then serves every start.
	if err := b.writeEstate("127.0.0.1:1"); err != nil {
		return "", err
	}
	key, err := b.run(ctx, "key", "create", "--workload", benchWorkload, "--data", b.data())
	if err != nil {
		return "", err
	}
	if b.key = strings.TrimSpace(key); !strings.HasPrefix(b.key, "bk_") {
		return "", fmt.Errorf("bulkhead key create printed no key")
	}
	version, err := b.run(ctx, "version")
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(version, "\n")
	return strings.TrimSpace(first), nil
}

// build builds the binary, if none was given.
func (b *bulkhead) build(ctx context.Context) (err error) {
	if b.path != "" {
		b.path, err = filepath.Abs(b.path) // run changes folders
		return err
	}
	if err := exec.CommandContext(ctx, "go", "list", bulkheadPackage).Run(); err != nil {
		return fmt.Errorf("%w: no %s that go list could find", errNotHere, bulkheadPackage)
	}
	b.path = filepath.Join(filepath.Dir(b.dir), "built-bulkhead")
	if _, err := os.Stat(b.path); err == nil { // another lane of the same binary was here
		return nil
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", b.path, bulkheadPackage)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", bulkheadPackage, err, out)
	}
	return nil
}

// run runs a subcommand to its end and gives what it prints. It runs in the
// folder where the estate is, in the place that is looked in by default.
func (b *bulkhead) run(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, b.path, args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), vendorSecret+"=bench")
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("bulkhead %s: %w\n%s", strings.Join(args, " "), err, said.Bytes())
	}
	return string(out), nil
}

func (b *bulkhead) start(ctx context.Context, upstream string) (*gateway, error) {
	if err := b.writeEstate(upstream); err != nil {
		return nil, err
	}
	b.runs++
	logName := filepath.Join(b.dir, fmt.Sprintf("log-%d", b.runs))
	log, err := os.Create(logName)
	if err != nil {
		return nil, err
	}
	c, err := startChild(ctx, log, []string{vendorSecret + "=bench", "GOMAXPROCS=2"}, b.path, "serve",
		"--estate", b.estate(), "--data", b.data(), "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")
	if err != nil {
		log.Close()
		return nil, err
	}
	stop := func() {
		c.stop()
		log.Close()
		os.Remove(logName)
	}
	addr, err := c.ready("listen")
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, tail(logName))
		stop()
		return nil, err
	}
	return &gateway{addr: addr, lane: b.lane, key: b.key, pids: []int{c.pid()}, stop: stop}, nil
}

// tail is the end of a log file, for an error message.
func tail(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	return string(b[max(0, len(b)-1200):])
}

func (b *bulkhead) estate() string { return filepath.Join(b.dir, "estate") }
func (b *bulkhead) data() string   { return filepath.Join(b.dir, "data") }

// writeEstate writes the smallest estate that serves modelAsked from upstream.
func (b *bulkhead) writeEstate(upstream string) error {
	day := func(years int) string { return time.Now().AddDate(years, 0, 0).Format(time.DateOnly) }
	base, speaks := upstream+"/v1", "openai"
	if b.lane == laneOpenAIBedrock {
		base, speaks = upstream, "bedrock"
	}
	fill := strings.NewReplacer("BASE", base, "DIALECT", speaks, "ISSUED", day(-1), "EXPIRES", day(1),
		"ASKED", modelAsked, "OFFERED", modelOffered, "WORKLOAD", benchWorkload, "SECRET", vendorSecret)
	for name, text := range benchEstate {
		path := filepath.Join(b.estate(), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(fill.Replace(text)), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// benchEstate is the estate by file; words in capitals are filled in.
var benchEstate = map[string]string{
	"enclave.yaml": `enclave: bench
domain: unclassified
ceiling: {clearance: U, citizenship: [USA], affiliation: US-FED}
authorisation: {scheme: agency-ato, document: BENCH-1, official: "CIO", issued: ISSUED, expires: EXPIRES}
territory: [US]
crypto: none
incident_contact: "soc@bench.example"
`,
	"vendors/bench.yaml": `vendor: bench
models:
  OFFERED: {version: unpinned, modalities: [text], context: 400000, max_output: 16000, capabilities: [tools, json_schema]}
parties: {developer: {name: Bench, jurisdiction: US}}
terms:
  - {id: bench-usage, version: "1", source: "https://bench.example/terms", retrieved: ISSUED, adopted: {by: "Chief AI Officer", date: ISSUED}, purposes: {admin: allowed}}
`,
	"clouds/own.yaml": `cloud: own
partitions: {own: {domain: unclassified, ceiling: U, regions: {hq: US}}}
endpoints:
  hq: {partition: own, region: hq, url: "http://BASE", dialect: DIALECT, auth: {kind: bearer, secret: "env:SECRET"}}
offerings:
  script:
    model: bench/OFFERED
    endpoint: hq
    id: OFFERED
    regions: [hq]
    authorisations:
      - {scheme: agency-ato, document: BENCH-1, official: "CIO", issued: ISSUED, expires: EXPIRES, ceiling: U}
    handling: {retention: none, human_review: false, training: false, cloud_staff: us_citizens, vendor_staff: none, source: "https://bench.example/handling", checked: ISSUED}
    enablement: {state: enabled, by: bench, document: BENCH-1, from: ISSUED}
    depends_on: {infrastructure: own, account: bench, contract: bench, path: loopback}
    grants: []
    price: {input_per_mtok: 1.25, cached_input_per_mtok: 0.125, output_per_mtok: 10.00, currency: USD}
    line: bench/0001
`,
	"workloads/bench.yaml": `workload: WORKLOAD
owner: {agency: bench, organisation: bench, intelligence: false, nss: false, sensitive_customer: false}
purposes: [admin.drafting]
marking: {default: U, floor: U, ceiling: U}
audience: {clearance: U, citizenship: [USA], affiliation: US-FED, document: BENCH-1, expires: EXPIRES}
aliases:
  ASKED: [bench/OFFERED]
delivery: live
`,
	"contracts/bench.yaml": `contract: bench
lines: {"0001": {obligated: 1000000.00, not_to_exceed: 1000000.00, currency: USD, period: {from: ISSUED, to: EXPIRES}}}
`,
}
