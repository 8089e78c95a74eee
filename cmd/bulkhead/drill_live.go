package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/catalog"
	"bulkhead/console"
	"bulkhead/drill"
)

const drillLiveAbout = `With --live it withdraws for real, in the running server, for the workloads named, which the estate must mark drillable; puts all back when
the time is over, when a stop condition is met, on Ctrl-C, and when the server ends; and leaves a report. --withdraw then takes vendor, cloud,
partition, offering or model. Exit 1: somebody was stranded or calls failed, or it was stopped.`

// liveFlags are what `bulkhead drill` takes for live drills.
type liveFlags struct {
	live, detach, list  bool
	data, stop, report  string
	ask                 console.NewDrill
	errs, latency, cost string
	length              time.Duration
}

func (f *liveFlags) define(flags *flag.FlagSet) {
	flags.BoolVar(&f.live, "live", false, "withdraw for real")
	flags.DurationVar(&f.length, "for", 10*time.Minute, "live: how long, from 1s to 24h")
	flags.Func("workload", "live: `workload` that is drilled; may be repeated", func(w string) error { f.ask.Workloads = append(f.ask.Workloads, w); return nil })
	flags.StringVar(&f.ask.Approver, "approver", "", "live: `name` of who approved it")
	flags.StringVar(&f.ask.Reason, "reason", "live drill", "live: one `line`: why")
	flags.StringVar(&f.ask.Document, "document", "", "live: `name` of the document that orders or permits it")
	flags.StringVar(&f.errs, "stop-errors", "25%", "live: stop when more than this `share` of an alias's calls of the last minute failed, from three on; 100% is never")
	flags.StringVar(&f.latency, "stop-latency", "", "live: stop when the median wait for the first byte is more than so many `times` that before, such as 3x")
	flags.StringVar(&f.cost, "stop-cost", "", "live: stop when a call costs more than so many `times` what it did before, such as 2x")
	flags.BoolVar(&f.detach, "detach", false, "live: return once it has begun")
	flags.StringVar(&f.stop, "stop", "", "stop the live drill with this `id`, and print its report")
	flags.StringVar(&f.report, "report", "", "print the report of the live drill with this `id`")
	flags.BoolVar(&f.list, "list", false, "list live drills")
	flags.StringVar(&f.data, "data", "./data", "data `folder` of the server; for live drills")
}

// asked reports whether it is about live drills at all.
func (f *liveFlags) asked() bool { return f.live || f.list || f.stop != "" || f.report != "" }

// run does what is asked of live drills. It returns the exit code.
func (f *liveFlags) run(ctx context.Context, withdraw []string, asJSON bool, stdout, stderr io.Writer) int {
	usage := func(format string, a ...any) int {
		fmt.Fprintf(stderr, "bulkhead drill: "+format+"\n", a...)
		return exitUsage
	}
	n := 0
	for _, one := range []bool{f.live, f.list, f.stop != "", f.report != ""} {
		if one {
			n++
		}
	}
	if n > 1 {
		return usage("--live, --list, --stop and --report exclude each other; write one")
	}
	if f.live {
		if err := f.complete(withdraw); err != nil {
			return usage("%v", err)
		}
	}
	reach := reachKeys
	if f.live || f.stop != "" {
		reach = reachServer
	}
	c, err := reach(ctx, f.data)
	if errors.Is(err, errNoOwner) {
		fmt.Fprintf(stderr, "bulkhead drill: a live drill needs a running server: %v; name its data folder with --data\n", err)
		return exitFailed
	} else if err != nil {
		return explain(stderr, "drill", err)
	}
	defer c.Close()
	switch {
	case f.list:
		return listDrills(ctx, c, asJSON, stdout, stderr)
	case f.report != "":
		return showDrill(ctx, c, http.MethodGet, f.report, "", asJSON, stdout, stderr)
	case f.stop != "":
		return showDrill(ctx, c, http.MethodPost, f.stop, "/stop", asJSON, stdout, stderr)
	}
	var begun drill.Report
	if err := c.do(ctx, http.MethodPost, "/drills", f.ask, &begun); err != nil {
		return explain(stderr, "drill", err)
	}
	fmt.Fprintf(stderr, "%s: %s withdrawn for %s until %s\nto end it before: bulkhead drill --stop %[1]s\n", begun.ID, strings.Join(begun.Withdrawn, ", "), strings.Join(begun.Workloads, ", "), begun.Until.UTC().Format(time.RFC3339))
	if f.detach {
		fmt.Fprintln(stdout, begun.ID)
		return exitFine
	}
	return f.await(ctx, c, begun.ID, asJSON, stdout, stderr)
}

// complete checks what is typed for a live drill.
func (f *liveFlags) complete(withdraw []string) (err error) {
	switch {
	case len(withdraw) == 0:
		return errors.New("say what is withdrawn, for example: bulkhead drill --live --withdraw cloud=aws --workload letters --approver CIO --document NW-7")
	case len(f.ask.Workloads) == 0:
		return errors.New("name the workloads that are drilled, with --workload")
	}
	for _, text := range withdraw {
		if _, err := catalog.ParseSelector(text); err != nil {
			return fmt.Errorf("--withdraw %w", err)
		}
	}
	f.ask.Withdraw, f.ask.For = withdraw, f.length.String()
	if f.ask.Stop.Errors, err = strconv.ParseFloat(strings.TrimSuffix(f.errs, "%"), 64); err != nil || !strings.HasSuffix(f.errs, "%") {
		return fmt.Errorf("--stop-errors %q; write a share such as 10%%", f.errs)
	}
	f.ask.Stop.Errors /= 100
	for _, in := range []struct {
		flag, text string
		into       *float64
	}{{"latency", f.latency, &f.ask.Stop.Latency}, {"cost", f.cost, &f.ask.Stop.Cost}} {
		if in.text == "" {
			continue
		}
		if *in.into, err = strconv.ParseFloat(strings.TrimSuffix(in.text, "x"), 64); err != nil || !strings.HasSuffix(in.text, "x") {
			return fmt.Errorf("--stop-%s %q; write a multiple such as 3x", in.flag, in.text)
		}
	}
	return nil
}

// await waits for the end of a drill and prints its report; a signal ends the drill.
func (f *liveFlags) await(ctx context.Context, c *commander, id string, asJSON bool, stdout, stderr io.Writer) int {
	signalled, deafen := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer deafen()
	for {
		select {
		case <-signalled.Done():
			deafen()
			return showDrill(context.WithoutCancel(ctx), c, http.MethodPost, id, "/stop", asJSON, stdout, stderr)
		case <-time.After(200 * time.Millisecond):
		}
		var raw jsontext.Value
		err := c.do(ctx, http.MethodGet, "/drills/"+url.PathEscape(id), nil, &raw)
		if err != nil {
			fmt.Fprintf(stderr, "bulkhead drill: the server is gone, and the next one puts everything back, or it comes back of itself at the drill's end; then: bulkhead drill --report %s\ncause: %v\n", id, err)
			return exitFailed
		}
		if r, err := drill.Parse(raw); err != nil {
			return explain(stderr, "drill", err)
		} else if r.Outcome != drill.Running {
			return writeDrillReport(raw, asJSON, stdout, stderr)
		}
	}
}

func showDrill(ctx context.Context, c *commander, method, id, verb string, asJSON bool, stdout, stderr io.Writer) int {
	var raw jsontext.Value
	if err := c.do(ctx, method, "/drills/"+url.PathEscape(id)+verb, nil, &raw); err != nil {
		return explain(stderr, "drill", err)
	}
	return writeDrillReport(raw, asJSON, stdout, stderr)
}

// writeDrillReport prints a report; as JSON to the byte as it is kept. It returns the exit code.
func writeDrillReport(raw jsontext.Value, asJSON bool, stdout, stderr io.Writer) int {
	r, err := drill.Parse(raw)
	if err != nil {
		return explain(stderr, "drill", err)
	}
	out := append(raw, '\n')
	if !asJSON {
		out = r.Markdown()
	}
	if _, err := stdout.Write(out); err != nil {
		return explain(stderr, "drill", err)
	}
	if r.Outcome != drill.Running && !r.Clean() {
		return exitFinding
	}
	return exitFine
}

func listDrills(ctx context.Context, c *commander, asJSON bool, stdout, stderr io.Writer) int {
	var all console.DrillRows
	if err := c.do(ctx, http.MethodGet, "/drills", nil, &all); err != nil {
		return explain(stderr, "drill", err)
	}
	var err error
	if asJSON {
		err = writeStudyJSON(stdout, all)
	} else {
		t := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tOUTCOME\tBEGAN\tUNTIL\tWITHDRAWN\tWORKLOADS\tAPPROVER\tDOCUMENT")
		for _, r := range all.Drills {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Outcome, r.Began.UTC().Format(time.RFC3339), r.Until.UTC().Format(time.RFC3339), strings.Join(r.Withdrawn, ","), strings.Join(r.Workloads, ","), r.Approver, r.Document)
		}
		err = t.Flush()
	}
	if err != nil {
		return explain(stderr, "drill", err)
	}
	return exitFine
}
