package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/estate"
	"bulkhead/fault"
	"bulkhead/policy"
	studies "bulkhead/reach"
)

const explainAbout = `Says for every offering of an alias whether it may serve a plain call, and if not, every rule that forbids it; with --call,
the same of a past call by the record.
exit: 0 something may serve, 1 nothing may, 2 usage, 3 could not run`

// explained is what explain --json writes. Fields are added, never renamed.
type explained struct {
	Estate    string         `json:"estate"`
	Digest    string         `json:"digest"`
	Workload  string         `json:"workload"`
	Alias     string         `json:"alias"`
	Marking   string         `json:"marking"`
	Purpose   string         `json:"purpose"`
	At        time.Time      `json:"at"`
	Until     *time.Time     `json:"until,omitempty"`
	Serving   int            `json:"serving"`
	Reasons   []fault.Reason `json:"reasons"`
	Offerings []explainedRow `json:"offerings"`
}

type explainedRow struct {
	Offering    string          `json:"offering"`
	Model       string          `json:"model"`
	Verdict     string          `json:"verdict"`
	Reasons     []fault.Reason  `json:"reasons"`
	Obligations []explainedDuty `json:"obligations"`
}

type explainedDuty struct {
	Obligation string `json:"obligation"`
	Means      string `json:"means"`
	By         string `json:"by,omitempty"`
	Document   string `json:"document,omitempty"`
	Source     string `json:"source,omitempty"`
}

// runExplain is `bulkhead explain`: which offerings may serve a call, and why not the others. It returns the exit code.
func runExplain(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("explain", flag.ContinueOnError)
	dir := flags.String("estate", "./estate", "`folder` with the estate")
	workload := flags.String("workload", "", "`name` of the workload that calls")
	alias := flags.String("alias", "", "`name` of the alias that it asks for")
	mark := flags.String("marking", "", "`banner` or portion of the call; if absent, the workload's default")
	purpose := flags.String("purpose", "", "`code` of the purpose; if absent, the workload's primary one")
	at := flags.String("at", "", "`instant` to ask about: a day such as 2027-01-31 (00:00 UTC), or RFC 3339; if absent, now")
	past := flags.String("call", "", "`id` of a call on the record: it is explained as it was asked, by its own estate and at its own time")
	asJSON := flags.Bool("json", false, "write one JSON object instead of text")
	data := flags.String("data", "", "data `folder`: with --call the ledger's, ./data if absent; else one whose suspensions count too, none if absent")
	if code, ok := parse(flags, args, explainAbout, stdout, stderr); !ok {
		return code
	}
	if *past != "" {
		return explainPast(ctx, flags, *past, cmp.Or(*data, "./data"), *asJSON, stdout, stderr)
	}
	if *workload == "" || *alias == "" {
		fmt.Fprintln(stderr, "bulkhead explain: say who calls, and for what; write: bulkhead explain --workload NAME --alias NAME")
		return exitUsage
	}
	now, err := studyInstant(*at, time.Now())
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead explain: --at %v\n", err)
		return exitUsage
	}
	s, err := openStudy(ctx, *dir, now)
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead explain: %v\n", err)
		return exitFailed
	}
	c, err := explainCase(s, *workload, *alias, mark, purpose)
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead explain: %v\n", err)
		return exitUsage
	}
	x := s.Explain(c)
	if *data != "" {
		instant := now
		if *at == "" {
			instant = time.Now() // not to the second: it may just have been ordered
		}
		if err := explainSuspended(ctx, *data, instant, c.Workload.Name, &x); err != nil {
			fmt.Fprintf(stderr, "bulkhead explain: %v\n", err)
			return exitFailed
		}
	}
	if *asJSON {
		err = writeStudyJSON(stdout, explainedOf(s, *dir, *mark, c, &x))
	} else {
		err = writeExplained(stdout, s, *mark, c, &x)
	}
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "bulkhead explain: %v\n", err)
		return exitFailed
	case x.Serving() == 0:
		return exitFinding
	}
	return exitFine
}

// explainCase finds what is asked about; mark and purpose that are empty become those of the workload.
func explainCase(s *studies.Study, workload, alias string, mark, purpose *string) (c studies.Case, err error) {
	est := s.Engine.Estate()
	w := est.Workloads[workload]
	if w == nil {
		return c, fmt.Errorf("the estate has no workload %q; write one of: %s", workload, nameList(est.Workloads))
	}
	a := w.Aliases[alias]
	if a == nil {
		return c, fmt.Errorf("workload %s has no alias %q; write one of: %s", workload, alias, nameList(w.Aliases))
	}
	if *mark == "" {
		*mark = w.Marking.Default
	}
	if *purpose == "" {
		*purpose = w.Purposes[0]
	}
	label, err := s.Label(*mark)
	if err != nil {
		return c, fmt.Errorf("--marking %w; write a banner such as CUI or SECRET//NOFORN", err)
	}
	return studies.Case{Workload: w, Alias: a, Purpose: *purpose, Label: label}, nil
}

func explainedOf(s *studies.Study, dir, mark string, c studies.Case, x *studies.Explanation) explained {
	out := explained{Estate: dir, Digest: s.Engine.Estate().Digest, Workload: c.Workload.Name, Alias: c.Alias.Name, Marking: mark, Purpose: c.Purpose,
		At: s.Now, Until: instantOrNil(x.Until), Serving: x.Serving(), Reasons: append([]fault.Reason{}, x.Call...), Offerings: []explainedRow{}}
	for _, r := range x.Rows {
		row := explainedRow{Offering: r.Offering.Name, Model: r.Offering.Model.FullName(), Verdict: "refused",
			Reasons: append([]fault.Reason{}, r.Reasons...), Obligations: []explainedDuty{}}
		if r.Allowed {
			row.Verdict = "allowed"
		}
		for _, d := range r.Duties {
			row.Obligations = append(row.Obligations, explainedDuty{string(d.Obligation), string(d.Means), d.By, d.Document, placeOf(d.Source)})
		}
		out.Offerings = append(out.Offerings, row)
	}
	return out
}

func writeExplained(w io.Writer, s *studies.Study, mark string, c studies.Case, x *studies.Explanation) error {
	fmt.Fprintf(w, "workload %s, alias %s, marking %s, purpose %s, at %s\n", c.Workload.Name, c.Alias.Name, mark, c.Purpose, s.Now.Format(time.RFC3339))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "OFFERING\tVERDICT\tRULE\tWHY\tSOURCE")
	for _, r := range x.Call {
		fmt.Fprintf(t, "(every one)\trefused\t%s\t%s\t%s\n", r.Rule, r.Why, r.Source)
	}
	for _, r := range x.Rows {
		var lines []string
		for _, d := range r.Duties {
			lines = append(lines, fmt.Sprintf("obligations\t%s\t%s", dutyText(d), placeOf(d.Source)))
		}
		for _, why := range r.Reasons {
			lines = append(lines, fmt.Sprintf("%s\t%s\t%s", why.Rule, why.Why, why.Source))
		}
		verdict := "allowed"
		switch {
		case r.Allowed && len(lines) == 0:
			lines = []string{"\t\t"}
		case !r.Allowed:
			verdict = "refused"
			if len(lines) == 0 {
				lines = []string{"\tas every one\t"}
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.Offering.Name, verdict, strings.Join(lines, "\n\t\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	last := fmt.Sprintf("%d of %s may serve", x.Serving(), count(len(x.Rows), "offering"))
	if !x.Until.IsZero() {
		last += "; a date may change this from " + x.Until.Format(time.RFC3339) + " on"
	}
	_, err := fmt.Fprintln(w, last)
	return err
}

func dutyText(d policy.Duty) string {
	text := fmt.Sprintf("%s is %s", d.Obligation, d.Means)
	if d.By != "" {
		text += " by " + d.By + ", " + d.Document
	}
	return text
}

// openStudy reads an estate and makes ready to ask about it.
func openStudy(ctx context.Context, dir string, now time.Time) (*studies.Study, error) {
	est, report, err := estate.Load(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("%w\nWrite the folder of an estate, or make one: bulkhead init %s", err, dir)
	}
	if n := len(report.Faults); n > 0 {
		return nil, fmt.Errorf("the estate in %s has %s, the first: %s\nSee all of them: bulkhead check %s", dir, count(n, "fault"), report.Faults[0], dir)
	}
	options := policy.Options{Dialects: dialect.Carried(), Gates: policy.Built(), Remembered: -1} // as the gateway decides
	engine, problems := policy.Compile(est, options)
	if len(problems) > 0 {
		return nil, errors.Join(errorsOf(problems)...)
	}
	return &studies.Study{Engine: engine, Dialect: string(dialect.OpenAI), Now: now, Options: options}, nil
}

func errorsOf(problems []policy.Problem) []error {
	var all []error
	for _, p := range problems {
		all = append(all, p)
	}
	return all
}

// studyInstant reads a day or an instant; empty is now. It is in UTC, to the second.
func studyInstant(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return now.UTC().Truncate(time.Second), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not read; write a day such as 2027-01-31, or an instant such as 2027-01-31T08:00:00Z", s)
}

func writeStudyJSON(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}

func instantOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func placeOf(s catalog.Source) string {
	if s.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", s.File, s.Line)
}

func nameList[T any](m map[string]T) string { return strings.Join(slices.Sorted(maps.Keys(m)), ", ") }
