package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/estate"
	"bulkhead/marking"
	"bulkhead/policy"
)

// runCheck is `bulkhead check`: it reads an estate and says everything there is to say about it. It returns the exit
// code: 0 fine, warnings or not, 1 faults or findings, 2 usage, 3 if the folder could not be read.
func runCheck(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dir := flags.String("estate", "./estate", "`folder` with the estate; may be given without the flag")
	asJSON := flags.Bool("json", false, "write one JSON object instead of text")
	usage := func(w io.Writer) {
		fmt.Fprintln(w, "usage: bulkhead check [DIR | --estate DIR] [--json]")
		flags.SetOutput(w)
		flags.PrintDefaults()
	}
	rest, err := parseMixed(flags, args)
	named := false
	flags.Visit(func(f *flag.Flag) { named = named || f.Name == "estate" })
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage(stdout)
		return exitFine
	case err != nil:
		fmt.Fprintf(stderr, "bulkhead check: %v\n", err)
		usage(stderr)
		return exitUsage
	case len(rest) > 1 || (len(rest) == 1 && named):
		fmt.Fprintf(stderr, "bulkhead check: one estate at a time; write: bulkhead check %s\n", rest[0])
		return exitUsage
	case len(rest) == 1:
		*dir = rest[0]
	}
	e, report, err := estate.Load(ctx, *dir)
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead check: %v\nWrite the folder of an estate, or make one: bulkhead init %s\n", err, *dir)
		return exitFailed
	}
	report.Findings = append(report.Findings, studied(e, time.Now())...)
	ok := len(report.Faults) == 0 && len(report.Findings) == 0
	var ceilings []ceilingMeaning
	var signIns []signInNote
	if e != nil {
		ceilings, signIns = ceilingsOf(e), signInsOf(e)
	}
	if *asJSON {
		err = writeCheckJSON(stdout, *dir, ok, report, ceilings, signIns)
	} else {
		err = writeCheckText(stdout, *dir, report, ceilings, signIns)
	}
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "bulkhead check: %v\n", err)
		return exitFailed
	case !ok:
		return exitFinding
	}
	return exitFine
}

// studied gives what somebody should look at in an estate on a day; nothing for
// one that is bad.
func studied(e *catalog.Estate, now time.Time) []estate.Remark {
	if e == nil {
		return nil
	}
	engine, problems := policy.Compile(e, policy.Options{Dialects: dialect.Carried(), Gates: policy.Built(), Remembered: -1})
	if len(problems) > 0 {
		return nil // told as faults at load
	}
	return estate.Study(engine, now)
}

// writeCheckJSON writes the report with the folder and the verdict before it.
func writeCheckJSON(w io.Writer, dir string, ok bool, report *estate.Report, ceilings []ceilingMeaning, signIns []signInNote) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Estate string `json:"estate"`
		OK     bool   `json:"ok"`
		*estate.Report
		Ceilings []ceilingMeaning `json:"ceilings,omitempty"` // what banners written as ceilings stand for
		SignIns  []signInNote     `json:"sign_ins,omitempty"` // endpoints that sign in by more than a fixed field
	}{dir, ok, report, ceilings, signIns})
}

// writeCheckTable says of a table what the estate has in place of the shipped
// entries, and by whose rules marks are read if not by the IC's.
func writeCheckTable(out *checkText, t estate.TableUse) {
	for _, e := range t.Entries {
		how := "is added"
		switch {
		case e.Withdrawn:
			how = "is withdrawn"
		case e.Replaces:
			how = "replaces the shipped entry"
		}
		out.printf("%s:%d: %s %s %s\n", e.File, e.Line, e.Kind, e.Name, how)
	}
	if len(t.Entries) > 0 {
		out.printf("table of %s: %s\n", t.Table, t.Edition)
	}
	if t.Profile != "" && t.Profile != marking.IC.String() {
		out.printf("markings are read by profile %s\n", t.Profile)
	}
}

func writeCheckText(w io.Writer, dir string, report *estate.Report, ceilings []ceilingMeaning, signIns []signInNote) error {
	out := &checkText{w: w}
	for _, m := range report.Faults {
		out.printf("%s\n", m)
	}
	for _, m := range report.Findings {
		out.printf("%s (finding)\n", m)
	}
	for _, m := range report.Warnings {
		out.printf("warning: %s\n", m)
	}
	for _, m := range report.Notes {
		out.printf("%s (note)\n", m)
	}
	if n := len(report.Faults); n > 0 {
		out.printf("%s: %s, %s; the estate is bad and would not be served\n", dir, count(n, "fault"), count(len(report.Findings), "finding"))
		return out.err
	}
	for _, t := range report.Tables {
		writeCheckTable(out, t)
	}
	for _, c := range ceilings {
		out.printf("%s\n", c)
	}
	for _, n := range signIns {
		out.printf("%s\n", n)
	}
	c := report.Counts
	out.printf("%s: %s\n", dir, report.Digest)
	out.printf("%s, %s, %s, %s, %s, %s from %s; %s, %s\n", count(c.Vendors, "vendor"), count(c.Models, "model"), count(c.Endpoints, "endpoint"),
		count(c.Offerings, "offering"), count(c.Contracts, "contract"), count(c.Workloads, "workload"), count(c.Files, "file"),
		count(len(report.Findings), "finding"), count(len(report.Notes), "note"))
	if n := len(report.Warnings); n > 0 {
		out.printf("%s; the estate is fine without\n", count(n, "warning"))
	}
	return out.err
}

// checkText remembers the first error of a series of prints.
type checkText struct {
	w   io.Writer
	err error
}

func (t *checkText) printf(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format, args...)
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// parseMixed parses flags wherever they stand among the arguments and gives the arguments that are no flags. What
// follows "--" is no flag.
func parseMixed(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		left := flags.Args()
		if len(left) == 0 {
			return rest, nil
		}
		if n := len(args) - len(left); n > 0 && args[n-1] == "--" {
			return append(rest, left...), nil
		}
		rest, args = append(rest, left[0]), left[1:]
	}
}
