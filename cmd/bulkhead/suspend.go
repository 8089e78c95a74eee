package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"bulkhead/catalog"
	"bulkhead/console"
	"bulkhead/fault"
	studies "bulkhead/reach"
)

const suspendUsage = "usage: bulkhead suspend KIND=NAME --reason R --document D [flags]\nKIND is vendor, cloud, partition, offering or model.\n"

// runSuspend is `bulkhead suspend`: it withdraws something, in the running server at once, or in the data folder where
// none runs. It returns the exit code.
func runSuspend(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags, data, parse := commandFlags("suspend", suspendUsage)
	var ask console.NewSuspension
	flags.StringVar(&ask.Reason, "reason", "", "one `line`: why")
	flags.StringVar(&ask.Document, "document", "", "`name` of the document that orders it")
	at := flags.String("at", "", "`instant` from which it holds: a day such as 2027-01-31 (00:00 UTC), or RFC 3339; if absent, at once")
	flags.BoolVar(&ask.Cut, "cut", false, "end calls under way")
	drain := flags.Bool("drain", false, "let calls under way go on to their end, which is also done if neither is written")
	flags.Func("exempt", "`workload` that may go on for a while; may be repeated", func(w string) error { ask.Exempt = append(ask.Exempt, w); return nil })
	flags.StringVar(&ask.Approver, "approver", "", "`name` of who approved the exemption")
	flags.Func("only", "`workload` that it holds for, where it is not to hold for all; may be repeated", func(w string) error { ask.Only = append(ask.Only, w); return nil })
	ends := flags.String("ends", "", "`instant` at which it ends of itself, written as that of --at; if absent, it holds until bulkhead resume")
	expires := flags.String("expires", "", "`instant` at which the exemption ends, written as that of --at")
	dir := flags.String("estate", "./estate", "`folder` with the estate; looked at only where no server runs")
	rest, code := parse(args, stdout, stderr)
	if code >= 0 {
		return code
	}
	usage := func(format string, a ...any) int {
		fmt.Fprintf(stderr, "bulkhead suspend: "+format+"\n", a...)
		return exitUsage
	}
	switch {
	case len(rest) != 1:
		return usage("name one thing to withdraw, for example: bulkhead suspend vendor=acme --reason 'directive 7' --document NW-7")
	case ask.Cut && *drain:
		return usage("--cut and --drain exclude each other; write one")
	}
	if _, err := catalog.ParseSelector(rest[0]); err != nil {
		return usage("%v", err)
	}
	ask.Of = rest[0]
	for _, in := range []struct {
		flag, text string
		into       *string
	}{{"at", *at, &ask.At}, {"expires", *expires, &ask.Expires}, {"ends", *ends, &ask.Ends}} {
		if in.text == "" {
			continue
		}
		t, err := studyInstant(in.text, time.Now())
		if err != nil {
			return usage("--%s %v", in.flag, err)
		}
		*in.into = t.Format(time.RFC3339)
	}
	c, err := reachServer(ctx, *data)
	if errors.Is(err, errNoOwner) {
		known, code, err := offlineEstate(ctx, *dir)
		if err != nil {
			fmt.Fprintf(stderr, "bulkhead suspend: no server runs on %s, so the estate in %s says what there is, and it cannot be used:\n%v\n", *data, *dir, err)
			return code
		}
		if c, err = reach(ctx, *data, known); err != nil {
			return explain(stderr, "suspend", err)
		}
	} else if err != nil {
		return explain(stderr, "suspend", err)
	}
	defer c.Close()
	var made console.MadeSuspension
	if err := c.do(ctx, http.MethodPost, "/suspensions", ask, &made); err != nil {
		return explain(stderr, "suspend", err)
	}
	when := "from " + made.From.UTC().Format(time.RFC3339) + " on"
	if c.local {
		when += "; no server runs on " + *data + ", and the next one holds it"
	}
	if len(made.Only) > 0 {
		when += ", for the workload " + strings.Join(made.Only, ", ") + " alone"
	}
	if made.Ends != nil {
		when += ", until " + made.Ends.UTC().Format(time.RFC3339)
	}
	fmt.Fprintf(stdout, "%s: %s is suspended %s\ncovers %s; calls cut now: %d\nto end it: bulkhead resume %s\n", made.ID, made.Of, when, strings.Join(made.Offerings, ", "), made.CutCalls, made.ID)
	return exitFine
}

// runResume is `bulkhead resume`: it lifts a suspension. It returns the exit code.
func runResume(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	_, data, parse := commandFlags("resume", "usage: bulkhead resume ID [flags]\nID is what bulkhead suspensions shows.\n")
	rest, code := parse(args, stdout, stderr)
	if code >= 0 {
		return code
	}
	if len(rest) != 1 {
		fmt.Fprintln(stderr, "bulkhead resume: name one suspension by its id, as bulkhead suspensions shows it: bulkhead resume ID")
		return exitUsage
	}
	c, err := reachKeys(ctx, *data)
	if err != nil {
		return explain(stderr, "resume", err)
	}
	defer c.Close()
	var row console.SuspensionRow
	if err := c.do(ctx, http.MethodPost, "/suspensions/"+url.PathEscape(rest[0])+"/resume", nil, &row); err != nil {
		return explain(stderr, "resume", err)
	}
	fmt.Fprintf(stdout, "%s: %s is no longer suspended\n", row.ID, row.Of)
	return exitFine
}

// runSuspensions is `bulkhead suspensions`: what is and was withdrawn. It returns the exit code.
func runSuspensions(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags, data, parse := commandFlags("suspensions", "usage: bulkhead suspensions [flags]\n")
	asJSON := flags.Bool("json", false, "write one JSON object instead of text")
	rest, code := parse(args, stdout, stderr)
	if code >= 0 {
		return code
	}
	if len(rest) > 0 {
		fmt.Fprintf(stderr, "bulkhead suspensions: unexpected %q; it lists them all: bulkhead suspensions\n", rest[0])
		return exitUsage
	}
	c, err := reachKeys(ctx, *data)
	if err != nil {
		return explain(stderr, "suspensions", err)
	}
	defer c.Close()
	var all console.SuspensionRows
	if err := c.do(ctx, http.MethodGet, "/suspensions", nil, &all); err != nil {
		return explain(stderr, "suspensions", err)
	}
	if *asJSON {
		err = writeStudyJSON(stdout, all)
	} else {
		t := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tOF\tSTATE\tFROM\tENDS\tONLY\tEXEMPT\tDOCUMENT\tREASON")
		for _, r := range all.Suspensions {
			end := ""
			if r.Ends != nil {
				end = r.Ends.UTC().Format(time.RFC3339)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Of, r.State, r.From.UTC().Format(time.RFC3339), end, strings.Join(r.Only, ","), strings.Join(r.Exempt, ","), r.Document, r.Reason)
		}
		err = t.Flush()
	}
	if err != nil {
		return explain(stderr, "suspensions", err)
	}
	return exitFine
}

// explainSuspended lets the suspensions of a data folder count in an explanation.
func explainSuspended(ctx context.Context, data string, now time.Time, workload string, x *studies.Explanation) error {
	c, err := reachKeys(ctx, data)
	if err != nil {
		return err
	}
	defer c.Close()
	var all console.SuspensionRows
	if err := c.do(ctx, http.MethodGet, "/suspensions", nil, &all); err != nil {
		return err
	}
	for _, row := range all.Suspensions {
		what, err := catalog.ParseSelector(row.Of)
		if err != nil {
			return err
		}
		s := catalog.Suspension{What: what, From: row.From, Exempt: row.Exempt, Only: row.Only}
		if row.Ends != nil {
			s.Ends = *row.Ends
		}
		if row.ExemptUntil != nil {
			s.Until = *row.ExemptUntil
		}
		if row.Lifted != nil {
			s.Lifted = *row.Lifted
		}
		for i := range x.Rows {
			if r := &x.Rows[i]; s.Holds(workload, r.Offering, now) {
				r.Allowed = false
				r.Reasons = append(r.Reasons, fault.Reason{Offering: r.Offering.Name, Rule: "suspended", Why: "suspension " + row.ID + " of " + row.Of + " is in force (" + row.Document + ")"})
			}
		}
	}
	return nil
}
