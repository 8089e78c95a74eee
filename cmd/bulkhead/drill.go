package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"bulkhead/catalog"
	studies "bulkhead/reach"
)

const drillAbout = `Rehearses a loss: what is left to each workload, and which requirements of independence break.
exit: 0 nothing is stranded or broken, 1 something is, 2 usage, 3 could not run
` + drillLiveAbout

// drilled is what drill --json writes. Fields are added, never renamed.
type drilled struct {
	Estate string      `json:"estate"`
	Digest string      `json:"digest"`
	At     time.Time   `json:"at"`
	OK     bool        `json:"ok"`
	Drills []drillJSON `json:"drills"`
}

type drillJSON struct {
	Losses    []string           `json:"losses"`
	Withdrawn []drillWithdrawn   `json:"withdrawn"`
	Aliases   []drillAlias       `json:"aliases"`
	Broken    []drillRequirement `json:"broken"`
}

type drillWithdrawn struct {
	Offering string `json:"offering"`
	By       string `json:"by"`
	Stated   bool   `json:"stated"`
}

type drillAlias struct {
	Workload string     `json:"workload"`
	Alias    string     `json:"alias"`
	Purpose  string     `json:"purpose"`
	Default  drillState `json:"default"`
	Ceiling  drillState `json:"ceiling"`
}

type drillState struct {
	Marking string   `json:"marking"`
	Left    string   `json:"left"`
	Before  []string `json:"before"`
	After   []string `json:"after"`
}

type drillRequirement struct {
	Workload string `json:"workload"`
	Alias    string `json:"alias"`
	What     string `json:"what"`
	Wanted   int    `json:"wanted"`
	Before   int    `json:"before"`
	After    int    `json:"after"`
}

// runDrill is `bulkhead drill`: what a loss leaves. It returns the exit code.
func runDrill(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("drill", flag.ContinueOnError)
	dir := flags.String("estate", "./estate", "`folder` with the estate")
	var losses []studies.Loss
	var unknown error // of what only a live drill can withdraw
	var withdraw []string
	flags.Func("withdraw", "`loss` such as vendor=NAME; may be repeated, and all come at once", func(text string) error {
		l, err := studies.ParseLoss(text)
		if _, bad := catalog.ParseSelector(text); err != nil && bad != nil { // the kinds of live drills are others
			return fmt.Errorf("write KIND=NAME with one of the kinds %s", drillKinds())
		}
		if losses, withdraw = append(losses, l), append(withdraw, text); err != nil {
			unknown = fmt.Errorf("write --withdraw KIND=NAME with one of the kinds %s", drillKinds())
		}
		return nil
	})
	var live liveFlags
	live.define(flags)
	all := flags.Bool("all", false, "every single loss, one by one")
	at := flags.String("at", "", "`instant` to ask about: a day such as 2027-01-31 (00:00 UTC), or RFC 3339; if absent, now")
	asJSON := flags.Bool("json", false, "write one JSON object instead of text")
	if code, ok := parse(flags, args, drillAbout+"\nkinds of losses: "+drillKinds(), stdout, stderr); !ok {
		return code
	}
	if live.asked() {
		return live.run(ctx, withdraw, *asJSON, stdout, stderr)
	}
	now, err := studyInstant(*at, time.Now())
	switch {
	case unknown != nil:
		fmt.Fprintf(stderr, "bulkhead drill: %v\n", unknown)
		return exitUsage
	case err != nil:
		fmt.Fprintf(stderr, "bulkhead drill: --at %v\n", err)
		return exitUsage
	case *all == (len(losses) > 0):
		fmt.Fprintln(stderr, "bulkhead drill: say what is lost; write: bulkhead drill --withdraw vendor=NAME, or bulkhead drill --all")
		return exitUsage
	}
	s, err := openStudy(ctx, *dir, now)
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead drill: %v\n", err)
		return exitFailed
	}
	sets, err := drillSets(s.Losses(), losses)
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead drill: %v\n", err)
		return exitUsage
	}
	drills, err := s.Drill(sets...)
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead drill: %v\n", err)
		return exitFailed
	}
	ok := !slices.ContainsFunc(drills, func(d studies.Drill) bool { stranded, broken := d.Findings(); return stranded+broken > 0 })
	if *asJSON {
		err = writeStudyJSON(stdout, drilledOf(s, *dir, ok, drills))
	} else {
		err = writeDrills(stdout, drills)
	}
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "bulkhead drill: %v\n", err)
		return exitFailed
	case !ok:
		return exitFinding
	}
	return exitFine
}

func drillKinds() string {
	var names []string
	for _, k := range studies.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// drillSets gives what is lost together: what was asked for, or each single loss by itself if nothing was.
func drillSets(known, asked []studies.Loss) ([][]studies.Loss, error) {
	var sets [][]studies.Loss
	for _, l := range known {
		sets = append(sets, []studies.Loss{l})
	}
	if len(asked) == 0 {
		return sets, nil
	}
	for _, l := range asked {
		if slices.Contains(known, l) {
			continue
		}
		var names []string
		for _, k := range known {
			if k.Kind == l.Kind {
				names = append(names, k.Name)
			}
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("no offering of the estate states its %s", l.Kind)
		}
		return nil, fmt.Errorf("no offering depends on the %s %q; write one of: %s", l.Kind, l.Name, strings.Join(names, ", "))
	}
	return [][]studies.Loss{asked}, nil
}

func drilledOf(s *studies.Study, dir string, ok bool, drills []studies.Drill) drilled {
	out := drilled{Estate: dir, Digest: s.Engine.Estate().Digest, At: s.Now, OK: ok, Drills: []drillJSON{}}
	for i := range drills {
		d := drillJSON{Losses: lossNames(drills[i].Losses), Withdrawn: []drillWithdrawn{}, Aliases: []drillAlias{}, Broken: []drillRequirement{}}
		for _, w := range drills[i].Withdrawn {
			d.Withdrawn = append(d.Withdrawn, drillWithdrawn{w.Offering.Name, w.By.String(), w.Stated})
		}
		for _, o := range drills[i].Outcomes {
			d.Aliases = append(d.Aliases, drillAlias{o.Workload.Name, o.Alias.Name, o.Purpose, drillStateOf(&o.Default), drillStateOf(&o.Ceiling)})
		}
		for _, b := range drills[i].Broken {
			d.Broken = append(d.Broken, drillRequirement{b.Workload.Name, b.Alias.Name, b.What, b.Want, b.Before, b.After})
		}
		out.Drills = append(out.Drills, d)
	}
	return out
}

func drillStateOf(s *studies.State) drillState {
	return drillState{s.Marking, string(s.Left), offeringNames(s.Before), offeringNames(s.After)}
}

func offeringNames(list []*catalog.Offering) []string {
	names := []string{}
	for _, o := range list {
		names = append(names, o.Name)
	}
	return names
}

func lossNames(losses []studies.Loss) []string {
	names := []string{}
	for _, l := range losses {
		names = append(names, l.String())
	}
	return names
}

// writeDrills writes each loss with what it touches.
func writeDrills(w io.Writer, drills []studies.Drill) error {
	out := &checkText{w: w}
	stranded, broken := 0, 0
	for i := range drills {
		d := &drills[i]
		out.printf("%s takes %s%s\n", strings.Join(lossNames(d.Losses), " and "), count(len(d.Withdrawn), "offering"), withdrawnText(d.Withdrawn))
		if out.err == nil {
			out.err = writeOutcomes(w, d.Outcomes)
		}
		for _, b := range d.Broken {
			out.printf("broken: workload %s wants %d %s, and alias %s is left with %d of %d\n", b.Workload.Name, b.Want, b.What, b.Alias.Name, b.After, b.Before)
		}
		out.printf("\n")
		s, b := d.Findings()
		stranded, broken = stranded+s, broken+b
	}
	out.printf("%s: %d stranded, %s broken\n", count(len(drills), "drill"), stranded, count(broken, "requirement"))
	return out.err
}

func withdrawnText(list []studies.Withdrawn) string {
	var names []string
	for _, x := range list {
		name := x.Offering.Name
		if !x.Stated {
			name += " (its " + string(x.By.Kind) + " is not stated)"
		}
		names = append(names, name)
	}
	return ": " + strings.Join(names, ", ")
}

func writeOutcomes(w io.Writer, outcomes []studies.Outcome) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	touched := 0
	for i := range outcomes {
		o := &outcomes[i]
		if settled(o.Default.Left) && settled(o.Ceiling.Left) {
			continue
		}
		if touched++; touched == 1 {
			fmt.Fprintln(t, "WORKLOAD\tALIAS\tPURPOSE\tAT DEFAULT\tAT CEILING")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", o.Workload.Name, o.Alias.Name, o.Purpose, stateText(&o.Default), stateText(&o.Ceiling))
	}
	if rest := len(outcomes) - touched; rest > 0 && touched > 0 {
		fmt.Fprintf(t, "%d more: no change\n", rest)
	} else if touched == 0 {
		fmt.Fprintln(t, "no workload loses anything")
	}
	return t.Flush()
}

// settled reports whether a loss changed nothing.
func settled(l studies.Left) bool { return l == studies.Untouched || l == studies.NoneBefore }

func stateText(s *studies.State) string {
	text := s.Marking + ": " + strings.ReplaceAll(string(s.Left), "_", " ")
	if s.Left == studies.SameModel || s.Left == studies.OtherModel {
		text += " (" + strings.Join(offeringNames(s.After), ", ") + ")"
	}
	return text
}
