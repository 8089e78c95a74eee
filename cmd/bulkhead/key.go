package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"bulkhead/console"
	"bulkhead/estate"
	"bulkhead/fault"
	"bulkhead/identity"
	"bulkhead/ledger"
)

const keyUsage = `usage:
  bulkhead key create --workload W [--aws] [--note N] [--expires 90d|2027-01-31|never] [--data DIR] [--estate DIR]
  bulkhead key list [--json] [--data DIR]
  bulkhead key revoke ID [--data DIR]
`

// runKey is `bulkhead key`: it makes, lists and revokes the keys of workloads, through the server that owns the data
// folder, where they take effect at once, or in the folder itself where no server runs. It returns the exit code:
// 0 done, 1 refused, 2 usage, 3 could not run.
func runKey(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, "bulkhead key: say what to do\n"+keyUsage)
		return 2
	}
	switch name, rest := args[0], args[1:]; name {
	case "create":
		return runKeyCreate(ctx, rest, stdout, stderr)
	case "list":
		return runKeyList(ctx, rest, stdout, stderr)
	case "revoke":
		return runKeyRevoke(ctx, rest, stdout, stderr)
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, keyUsage)
		return 0
	default:
		fmt.Fprintf(stderr, "bulkhead key: there is no %q\n"+keyUsage, name)
		return 2
	}
}

// commandFlags is a flag set that has --data, and a way to parse it that says what was wrong.
func commandFlags(command, usage string) (flags *flag.FlagSet, data *string, parse func(args []string, stdout, stderr io.Writer) ([]string, int)) {
	flags = flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	data = flags.String("data", "./data", "data `folder`")
	return flags, data, func(args []string, stdout, stderr io.Writer) (rest []string, code int) {
		rest, err := parseMixed(flags, args)
		if err == nil {
			return rest, -1
		}
		to := stdout // help that was asked for
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(stderr, "bulkhead %s: %v\n", command, err)
			to, code = stderr, 2
		}
		fmt.Fprint(to, usage)
		flags.SetOutput(to)
		flags.PrintDefaults()
		return nil, code
	}
}

func runKeyCreate(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags, data, parse := commandFlags("key create", "usage: bulkhead key create --workload W [flags]\nThe key is printed on stdout, once, and nothing else is.\n")
	workload := flags.String("workload", "", "`name` of the workload in the estate that the key is for")
	aws := flags.Bool("aws", false, "make a pair that AWS SDKs sign with, and print AWS_ACCESS_KEY_ID=… and AWS_SECRET_ACCESS_KEY=… instead")
	note := flags.String("note", "", "a `line` for people: who has the key, what for")
	expires := flags.String("expires", "90d", "`when` it stops working: a number of days such as 90d, a day such as 2027-01-31 (from 00:00 UTC of that day), or never")
	dir := flags.String("estate", "./estate", "`folder` with the estate; looked at only where no server runs")
	rest, code := parse(args, stdout, stderr)
	if code >= 0 {
		return code
	}
	until, err := parseExpires(*expires, time.Now())
	switch {
	case len(rest) > 0:
		fmt.Fprintf(stderr, "bulkhead key create: unexpected %q; everything is given by flags, for example: bulkhead key create --workload %s\n", rest[0], rest[0])
		return 2
	case *workload == "":
		fmt.Fprintln(stderr, "bulkhead key create: a key is for a workload of the estate; write: bulkhead key create --workload NAME")
		return 2
	case err != nil:
		fmt.Fprintf(stderr, "bulkhead key create: --expires %v\n", err)
		return 2
	}
	c, err := reachServer(ctx, *data)
	if errors.Is(err, errNoOwner) {
		at, code, err := offlineEstate(ctx, *dir) // before the folder is taken: others may be waiting for it
		if err != nil {
			fmt.Fprintf(stderr, "bulkhead key create: no server runs on %s, so the estate in %s says which workloads there are, and it cannot be used:\n%v\n", *data, *dir, err)
			return code
		}
		c, err = reach(ctx, *data, at)
		if err != nil {
			return explain(stderr, "key create", err)
		}
	} else if err != nil {
		return explain(stderr, "key create", err)
	}
	defer c.Close()
	ask := console.NewKey{Workload: *workload, Note: *note, Expires: "never"}
	if !until.IsZero() {
		ask.Expires = until.Format(time.RFC3339)
	}
	if *aws {
		ask.Kind = "aws"
	}
	var made console.MadeKey
	if err := c.do(ctx, http.MethodPost, "/keys", ask, &made); err != nil {
		return explain(stderr, "key create", err)
	}
	text := made.Key
	if *aws {
		text = "AWS_ACCESS_KEY_ID=" + made.AccessKeyID + "\nAWS_SECRET_ACCESS_KEY=" + made.SecretAccessKey
	}
	if _, err := fmt.Fprintln(stdout, text); err != nil {
		fmt.Fprintf(stderr, "bulkhead key create: the key could not be shown (%v) and cannot be shown again; revoke it: bulkhead key revoke %s\n", err, made.ID)
		return 3
	}
	fmt.Fprintf(stderr, "key %s for workload %s, expires %s. It is not shown again. To end it: bulkhead key revoke %s\n", made.ID, *workload, ask.Expires, made.ID)
	return 0
}

// parseExpires reads 90d, 2027-01-31, an instant of RFC 3339 or never; the zero time is never.
func parseExpires(s string, now time.Time) (time.Time, error) {
	if s == "never" {
		return time.Time{}, nil
	}
	var until time.Time
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > 36_500 {
			return until, fmt.Errorf("%q is no number of days from 1d to 36500d", s)
		}
		return now.UTC().AddDate(0, 0, n).Truncate(time.Second), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		if !t.After(now) {
			return until, fmt.Errorf("%s is in the past", s)
		}
		return t.UTC(), nil
	}
	return until, fmt.Errorf("%q is not read; write a number of days such as 90d, a day such as 2027-01-31, or never", s)
}

// offlineEstate reads which workloads an estate has; code is the exit code for the error.
func offlineEstate(ctx context.Context, dir string) (at offline, code int, err error) {
	est, report, err := estate.Load(ctx, dir)
	if err != nil {
		return at, 3, err
	}
	if err := report.Err(); err != nil {
		return at, 1, err
	}
	return offline{slices.Sorted(maps.Keys(est.Workloads)), &est.Enclave, est.Offerings}, 0, nil
}

// reachKeys is reach for commands that need keys to be there already.
func reachKeys(ctx context.Context, data string) (*commander, error) {
	c, err := reachServer(ctx, data)
	if !errors.Is(err, errNoOwner) {
		return c, err
	}
	if _, err := os.Stat(filepath.Join(data, ledger.StateName)); err != nil {
		return nil, fmt.Errorf("there are no keys in %s (%w); name the data folder of the server with --data", data, err)
	}
	return reach(ctx, data, offline{})
}

func runKeyList(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags, data, parse := commandFlags("key list", "usage: bulkhead key list [flags]\n")
	asJSON := flags.Bool("json", false, "write one JSON object instead of text")
	rest, code := parse(args, stdout, stderr)
	if code >= 0 {
		return code
	}
	if len(rest) > 0 {
		fmt.Fprintf(stderr, "bulkhead key list: unexpected %q; it lists all keys: bulkhead key list\n", rest[0])
		return 2
	}
	c, err := reachKeys(ctx, *data)
	if err != nil {
		return explain(stderr, "key list", err)
	}
	defer c.Close()
	var all console.Keys
	if err := c.do(ctx, http.MethodGet, "/keys", nil, &all); err != nil {
		return explain(stderr, "key list", err)
	}
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(all)
	} else {
		err = writeKeys(stdout, all.Keys)
	}
	if err != nil {
		return explain(stderr, "key list", err)
	}
	return 0
}

func writeKeys(w io.Writer, rows []console.KeyRow) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tWORKLOAD\tKIND\tSTATE\tCREATED\tEXPIRES\tNOTE")
	for _, r := range rows {
		expires := "never"
		if r.Expires != nil {
			expires = r.Expires.UTC().Format("2006-01-02 15:04Z")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Workload, r.Kind, r.State, r.Created.UTC().Format("2006-01-02 15:04Z"), expires, r.Note)
	}
	return t.Flush()
}

func runKeyRevoke(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	_, data, parse := commandFlags("key revoke", "usage: bulkhead key revoke ID [flags]\nID is what key list shows, the whole key, or the id of an access key.\n")
	rest, code := parse(args, stdout, stderr)
	if code >= 0 {
		return code
	}
	if len(rest) != 1 {
		fmt.Fprintln(stderr, "bulkhead key revoke: name one key by its id, as bulkhead key list shows it: bulkhead key revoke ID")
		return 2
	}
	id := rest[0]
	if whole, _, ok := identity.ParseKey(id); ok {
		id = whole // a key that was found where it should not be is pasted as it is
	} else if of, ok := identity.ParseAccessKeyID(id); ok {
		id = of
	} else if strings.HasPrefix(id, "bk_") {
		return explain(stderr, "key revoke", fault.New(fault.Malformed, "This is a part of a key; write its id, the 16 characters after bk_."))
	}
	c, err := reachKeys(ctx, *data)
	if err != nil {
		return explain(stderr, "key revoke", err)
	}
	defer c.Close()
	var revoked console.RevokedKey
	if err := c.do(ctx, http.MethodPost, "/keys/"+url.PathEscape(id)+"/revoke", nil, &revoked); err != nil {
		return explain(stderr, "key revoke", err)
	}
	when := "it is refused from the next call on"
	if c.local {
		when = "no server runs on " + *data + "; the next one refuses it"
	}
	fmt.Fprintf(stdout, "key %s is revoked: %s\n", revoked.ID, when)
	return 0
}
