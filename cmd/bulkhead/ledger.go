package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bulkhead/adapter/remotelog"
	"bulkhead/ledger"
	"bulkhead/ledger/tiles"
	"bulkhead/ledger/verify"
)

const ledgerUsage = `usage: bulkhead ledger verify DIR|URL [--key KEY|@FILE]... [--since FILE] [--json]
       bulkhead ledger show INDEX [--log DIR|URL] [--json]
       bulkhead ledger show --sealed INDEX [--log DIR]
       bulkhead ledger tail [-f] [-n N] [--log DIR|URL]
       bulkhead ledger export --format jsonl [--from INDEX|TIME] [--to INDEX|TIME] [--log DIR|URL]
       bulkhead ledger replay INDEX [--data DIR]
       bulkhead ledger prove RECEIPT --key K|@FILE --request FILE [--reply FILE] [--sent FILE] [--log DIR|URL] [--log-key KEY|@FILE] [--checkpoint FILE]
       bulkhead ledger attest --never vendor=V [--since TIME] [--data DIR]

verify  derives the log anew: tree, signatures, every entry in order; names the first fault
show    the entries of the call that entry INDEX is of, or the entry; with --sealed what a refusal of spillage or contamination
        keeps encrypted: the level and the place of the mark. It needs the data folder and its secrets
tail    the last entries; with -f the next ones too, as they are published
export  entries from one index or time to before another, between two lines with the ledger's marking
replay  decides the call of an admission or a refusal again, by the estate that was in force, and says whether it agrees
prove   shows that these bodies and a decision are those of a call in the log; RECEIPT is ORIGIN/INDEX, or a file from
        /ledger/receipts/INDEX; K is the reply's Bulkhead-Receipt-Key; --sent is what an offering was to get;
        --checkpoint is one that was kept elsewhere: that the log has it in its history, and how much of the call it has
attest  verifies the log, then signs that none of its attempts since TIME went to a model of V

A log is its own folder or the data folder that has it (default ./data), or the address that serves it.
TIME is a day such as 2027-01-31 (from 00:00 UTC) or an instant of RFC 3339.
exit: 0 fine, 1 the log is broken, the statement would be false, the decisions differ or it is not shown, 2 usage, 3 could not run
`

// runLedger is `bulkhead ledger`: it checks and reads the record of calls, without its owner. It returns the exit code.
func runLedger(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	verbs := map[string]func(context.Context, []string, io.Writer, io.Writer) (int, error){
		"verify": ledgerVerify, "show": ledgerShow, "tail": ledgerTail, "export": ledgerExport, "attest": ledgerAttest, "replay": ledgerReplay, "prove": ledgerProve,
	}
	if len(args) == 0 {
		fmt.Fprint(stderr, "bulkhead ledger: say what to do\n"+ledgerUsage)
		return exitUsage
	}
	verb := args[0]
	switch verb {
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, ledgerUsage)
		return exitFine
	}
	run := verbs[verb]
	if run == nil {
		fmt.Fprintf(stderr, "bulkhead ledger: there is no %q\n"+ledgerUsage, verb)
		return exitUsage
	}
	code, err := run(ctx, args[1:], stdout, stderr)
	var usage usageError
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, ledgerUsage)
		return exitFine
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "bulkhead ledger %s: %v\n%s", verb, err, ledgerUsage)
		return exitUsage
	case err != nil:
		fmt.Fprintf(stderr, "bulkhead ledger %s: %v\n", verb, err)
		return max(code, exitFinding)
	}
	return code
}

// usageError is a command line that says something that is not understood.
type usageError struct{ error }

func misused(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// ledgerFlags parses flags wherever they stand; what is no flag must be as many arguments as wanted.
func ledgerFlags(f *flag.FlagSet, args []string, wanted int, what string) ([]string, error) {
	f.SetOutput(io.Discard)
	rest, err := parseMixed(f, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil, err
	case err != nil:
		return nil, usageError{err}
	case len(rest) != wanted:
		return nil, misused("%s", what)
	}
	return rest, nil
}

// openedLog is a log that is read from outside.
type openedLog struct {
	read  verify.Read
	size  int64
	Close func()
}

// openRead finds a log: an address, its folder, or the data folder that has it.
func openRead(ctx context.Context, where string) (*openedLog, error) {
	if strings.HasPrefix(where, "http://") || strings.HasPrefix(where, "https://") {
		read, done, err := remotelog.Open(ctx, where)
		if err != nil {
			return nil, usageError{err}
		}
		return &openedLog{read: read, Close: done}, nil
	}
	dir := where
	if _, err := os.Stat(filepath.Join(where, ledger.LogName)); err == nil {
		dir = filepath.Join(where, ledger.LogName)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("there is no log in %s", where)
	}
	return &openedLog{read: verify.Files(os.DirFS(dir)), Close: func() {}}, nil
}

// grown reads how many entries are published.
func (l *openedLog) grown() error {
	b, err := l.read(tiles.CheckpointPath)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("there is no log here: it has no checkpoint")
	}
	if err != nil {
		return err
	}
	c, err := tiles.ReadCheckpoint(b)
	l.size = c.Size
	return err
}

func openSized(ctx context.Context, where string) (*openedLog, error) {
	l, err := openRead(ctx, where)
	if err != nil {
		return nil, err
	}
	return l, l.grown()
}

func ledgerVerify(ctx context.Context, args []string, stdout, _ io.Writer) (int, error) {
	f := flag.NewFlagSet("verify", flag.ContinueOnError)
	var o verify.Options
	f.Func("key", "verifier key, or @FILE", func(s string) error {
		if name, ok := strings.CutPrefix(s, "@"); ok {
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			s = string(b)
		}
		keys, err := tiles.ParseKeys([]byte(s))
		o.Keys = append(o.Keys, keys...)
		return err
	})
	since := f.String("since", "", "a checkpoint that was kept")
	asJSON := f.Bool("json", false, "")
	rest, err := ledgerFlags(f, args, 1, "name one log: bulkhead ledger verify ./data")
	if err != nil {
		return exitUsage, err
	}
	if *since != "" {
		if o.Since, err = os.ReadFile(*since); err != nil {
			return exitFailed, err
		}
	}
	l, err := openRead(ctx, rest[0])
	if err != nil {
		return exitFailed, err
	}
	defer l.Close()
	report, err := verify.Log(ctx, l.read, o)
	if err != nil {
		return exitFailed, err
	}
	code := exitFine
	if report.Fault != nil {
		code = exitFinding
	}
	if report.Banner == "" && l.grown() == nil { // it broke before its marking was read: mark what is said of it all the same
		if banner, err := bannerOf(ctx, l); err == nil {
			report.Banner = banner
		}
	}
	if *asJSON {
		return code, writeReportJSON(stdout, report)
	}
	return code, writeReport(stdout, report)
}

// protection says what the report rests on, in the words of the documentation.
func protection(r *verify.Report) string {
	switch {
	case r.Fault != nil:
		return "broken"
	case r.Protected():
		return "consistent with the checkpoint that was kept"
	}
	return "internally consistent; not protected against the key holder"
}

func writeReport(w io.Writer, r *verify.Report) error {
	out := &strings.Builder{}
	line := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	if r.Banner != "" {
		line("%s", r.Banner)
	}
	line("log      %s", r.Origin)
	if r.Fault != nil {
		line("BROKEN   %v", r.Fault)
	} else {
		line("entries  %d, from %s to %s", r.Size, r.From.Format(time.RFC3339), r.To.Format(time.RFC3339))
		line("calls    %d admitted, %d with an outcome, %d open since the last start", r.Kinds["admission"], r.Kinds["outcome"], r.Open)
		if r.Unlisted > 0 {
			line("         %d permits were too long to name their offerings; their attempts were not held against them", r.Unlisted)
		}
		line("root     %s", r.Root)
		key := "the log's own, not one from another place"
		if r.Keyed {
			key = "given"
		}
		line("key      %s", key)
		line("result   %s", protection(r))
	}
	if r.Banner != "" {
		line("%s", r.Banner)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func writeReportJSON(w io.Writer, r *verify.Report) error {
	type faultJSON struct {
		Index int64  `json:"index"`
		Path  string `json:"path,omitempty"`
		What  string `json:"what"`
	}
	out := struct {
		Banner    string           `json:"banner"`
		Origin    string           `json:"origin"`
		Entries   int64            `json:"entries"`
		Root      string           `json:"root"`
		Kinds     map[string]int64 `json:"kinds"`
		Open      int64            `json:"open"`
		Unlisted  int64            `json:"unlisted_permits"`
		Keyed     bool             `json:"key_given"`
		Result    string           `json:"result"`
		Fault     *faultJSON       `json:"fault"`
		BannerEnd string           `json:"banner_end"`
	}{r.Banner, r.Origin, r.Size, r.Root.String(), r.Kinds, r.Open, r.Unlisted, r.Keyed, protection(r), nil, r.Banner}
	if r.Fault != nil {
		out.Fault = &faultJSON{r.Fault.Index, r.Fault.Path, r.Fault.What}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

func ledgerShow(ctx context.Context, args []string, stdout, _ io.Writer) (int, error) {
	f := flag.NewFlagSet("show", flag.ContinueOnError)
	where := f.String("log", "./data", "")
	sealed := f.Bool("sealed", false, "")
	asJSON := f.Bool("json", false, "")
	rest, err := ledgerFlags(f, args, 1, "name one entry by its index: bulkhead ledger show 17")
	if err != nil {
		return exitUsage, err
	}
	_, index, err := receiptIndex(rest[0]) // a receipt is pasted as it is
	if err != nil {
		return exitUsage, err
	}
	l, err := openSized(ctx, *where)
	if err != nil {
		return exitFailed, err
	}
	defer l.Close()
	if *sealed {
		return showSealed(ctx, l, *where, index, stdout)
	}
	entries, err := callOf(ctx, l, index)
	if errors.Is(err, verify.ErrNoCall) {
		return exitFinding, err
	}
	if err != nil {
		return exitFailed, err
	}
	banner, err := bannerOf(ctx, l)
	if err != nil {
		return exitFailed, err
	}
	if *asJSON {
		return exitFine, writeLines(stdout, banner, l, index, slices.Values(entries))
	}
	return exitFine, showEntries(stdout, banner, entries)
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

// callOf gives the entries of the call that an entry is of, or the entry alone.
func callOf(ctx context.Context, l *openedLog, index int64) ([]*verify.Entry, error) {
	for e, err := range verify.Entries(ctx, l.read, l.size, index, index+1) {
		switch {
		case err != nil:
			return nil, err
		case e.Kind == "admission":
			return verify.Call(ctx, l.read, l.size, index)
		case e.Admission >= 0:
			return verify.Call(ctx, l.read, l.size, e.Admission)
		}
		return []*verify.Entry{e}, nil
	}
	return nil, fmt.Errorf("%w: the log has %d entries", verify.ErrNoCall, l.size)
}

// showEntries writes entries for people: their members, one a line.
func showEntries(w io.Writer, banner string, entries []*verify.Entry) error {
	out := &strings.Builder{}
	if banner != "" {
		fmt.Fprintln(out, banner)
	}
	for _, e := range entries {
		fmt.Fprintf(out, "%d  %s\n", e.Index, e.Kind)
		var members map[string]json.RawMessage
		if err := json.Unmarshal(e.Text, &members); err != nil {
			return err
		}
		for _, name := range sortedNames(members) {
			if name != "kind" && name != "v" {
				fmt.Fprintf(out, "    %-15s %s\n", name, strings.Trim(string(members[name]), `"`))
			}
		}
	}
	if banner != "" {
		fmt.Fprintln(out, banner)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func sortedNames(m map[string]json.RawMessage) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// bannerOf is the ledger's marking as its last start has it.
func bannerOf(ctx context.Context, l *openedLog) (string, error) {
	banner := ""
	for n := (l.size - 1) / tiles.Width; n >= 0; n-- {
		found := false
		for e, err := range verify.Entries(ctx, l.read, l.size, n*tiles.Width, (n+1)*tiles.Width) {
			if err != nil {
				return "", err
			}
			if e.Kind == "start" {
				banner, found = e.Banner, true
			}
		}
		if found {
			break
		}
	}
	return banner, nil
}
