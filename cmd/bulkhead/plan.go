package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	studies "bulkhead/reach"
)

const planUsage = `usage: bulkhead plan OLD NEW [--no-new-flows] [flags]
Says which flows become possible and which impossible when the estate in NEW takes the place of the one in OLD.
exit: 0 fine, 1 with --no-new-flows: something becomes possible, 2 usage, 3 could not run

`

// planned is what plan --json writes. Fields are added, never renamed.
type planned struct {
	Old       string        `json:"old"`
	New       string        `json:"new"`
	OldDigest string        `json:"old_digest"`
	NewDigest string        `json:"new_digest"`
	At        time.Time     `json:"at"`
	Next      *time.Time    `json:"next,omitempty"`
	NewFlows  int           `json:"new_flows"`
	Classes   []string      `json:"classes"`
	Flows     []plannedFlow `json:"flows"`
}

type plannedFlow struct {
	Change    string             `json:"change"`
	New       bool               `json:"new"`
	Workload  string             `json:"workload"`
	Offering  string             `json:"offering"`
	Purpose   string             `json:"purpose"`
	Classes   []string           `json:"classes"`
	Elsewhere bool               `json:"elsewhere"`
	Before    []plannedCondition `json:"before"`
	After     []plannedCondition `json:"after"`
}

type plannedCondition struct {
	Policy  string `json:"policy"`
	Forbids bool   `json:"forbids"`
	Text    string `json:"text"`
	Source  string `json:"source"`
}

// runPlan is `bulkhead plan`: what a changed estate makes possible and impossible. It returns the exit code.
func runPlan(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("plan", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	strict := flags.Bool("no-new-flows", false, "end with 1 if anything becomes possible, or may")
	at := flags.String("at", "", "`instant` to ask about: a day such as 2027-01-31 (00:00 UTC), or RFC 3339; if absent, now")
	asJSON := flags.Bool("json", false, "write one JSON object instead of text")
	usage := func(w io.Writer) {
		fmt.Fprint(w, planUsage)
		flags.SetOutput(w)
		flags.PrintDefaults()
	}
	dirs, err := parseMixed(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage(stdout)
		return exitFine
	case err != nil:
		fmt.Fprintf(stderr, "bulkhead plan: %v\n", err)
		usage(stderr)
		return exitUsage
	case len(dirs) != 2:
		fmt.Fprintln(stderr, "bulkhead plan: name two folders, the estate in force and the one to come; for example: bulkhead plan ./estate ./estate-next")
		return exitUsage
	}
	now, err := studyInstant(*at, time.Now())
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead plan: --at %v\n", err)
		return exitUsage
	}
	var sides [2]*studies.Study
	for i, dir := range dirs {
		if sides[i], err = openStudy(ctx, dir, now); err != nil {
			fmt.Fprintf(stderr, "bulkhead plan: %v\n", err)
			return exitFailed
		}
	}
	p, err := studies.Compare(sides[0], sides[1])
	if err == nil && *asJSON {
		err = writeStudyJSON(stdout, plannedOf(dirs, sides, p))
	} else if err == nil {
		err = writePlan(stdout, dirs, now, p)
	}
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "bulkhead plan: %v\n", err)
		return exitFailed
	case *strict && p.NewFlows() > 0:
		return exitFinding
	}
	return exitFine
}

func plannedOf(dirs []string, sides [2]*studies.Study, p *studies.Plan) planned {
	out := planned{Old: dirs[0], New: dirs[1], OldDigest: sides[0].Engine.Estate().Digest, NewDigest: sides[1].Engine.Estate().Digest,
		At: sides[0].Now, Next: instantOrNil(p.Next), NewFlows: p.NewFlows(), Classes: classNames(p.Classes), Flows: []plannedFlow{}}
	for _, f := range p.Flows {
		row := plannedFlow{Change: string(f.Change), New: f.Change.New(), Workload: f.Workload, Offering: f.Offering, Purpose: f.Purpose,
			Classes: classNames(f.Classes), Elsewhere: f.Elsewhere, Before: []plannedCondition{}, After: []plannedCondition{}}
		for _, c := range f.Before {
			row.Before = append(row.Before, plannedCondition{c.Policy, c.Forbids, c.Text, placeOf(c.Source)})
		}
		for _, c := range f.After {
			row.After = append(row.After, plannedCondition{c.Policy, c.Forbids, c.Text, placeOf(c.Source)})
		}
		out.Flows = append(out.Flows, row)
	}
	return out
}

// classNames are the banners of classes, each once: a banner shows less than a label holds.
func classNames(classes []studies.Class) []string {
	names := []string{}
	for _, c := range classes {
		if !slices.Contains(names, c.Banner) {
			names = append(names, c.Banner)
		}
	}
	return names
}

func writePlan(w io.Writer, dirs []string, now time.Time, p *studies.Plan) error {
	fmt.Fprintf(w, "from %s to %s, at %s\n", dirs[0], dirs[1], now.Format(time.RFC3339))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(p.Flows) > 0 {
		fmt.Fprintln(t, "CHANGE\tWORKLOAD\tOFFERING\tPURPOSE\tMARKINGS")
	}
	for _, f := range p.Flows {
		sign, offering := "-", f.Offering
		if f.Change.New() {
			sign = "+"
		}
		if f.Elsewhere {
			offering += " (another place)"
		}
		fmt.Fprintf(t, "%s %s\t%s\t%s\t%s\t%s\n", sign, f.Change, f.Workload, offering, f.Purpose, strings.Join(classNames(f.Classes), "; "))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	out := &checkText{w: w}
	told := map[string]bool{}
	for _, f := range p.Flows {
		for _, c := range f.After {
			if text := strings.Join(strings.Fields(c.Text), " "); !told[text] {
				told[text] = true
				out.printf("depends on policy %s (%s): %s\n", c.Policy, placeOf(c.Source), text)
			}
		}
	}
	last := "no later date changes anything"
	if !p.Next.IsZero() {
		last = "a date changes something on " + p.Next.Format(time.RFC3339) + ": ask again with --at"
	}
	out.printf("%s become possible, %d impossible or narrowed; %s\n", count(p.NewFlows(), "flow"), len(p.Flows)-p.NewFlows(), last)
	return out.err
}
