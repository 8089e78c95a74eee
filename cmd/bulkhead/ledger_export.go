package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"iter"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"bulkhead/ledger"
	"bulkhead/ledger/tiles"
	"bulkhead/ledger/verify"
)

// exportLine begins and ends what is taken out of a log.
type exportLine struct {
	Banner string `json:"banner"`
	Origin string `json:"origin"`
	From   int64  `json:"from"`
	Export string `json:"export"` // begin, end
	Count  *int64 `json:"entries,omitempty"`
}

// writeLines writes entries as JSON lines, as they stand in the log with their index, between two lines with the marking.
func writeLines(w io.Writer, banner string, l *openedLog, from int64, entries iter.Seq[*verify.Entry]) error {
	b, err := l.read(tiles.CheckpointPath)
	if err != nil {
		return err
	}
	c, err := tiles.ReadCheckpoint(b)
	if err != nil {
		return err
	}
	out := json.NewEncoder(w)
	if err := out.Encode(exportLine{Banner: banner, Origin: c.Origin, From: from, Export: "begin"}); err != nil {
		return err
	}
	var count int64
	for e := range entries {
		count++
		if err := writeEntryLine(w, e); err != nil {
			return err
		}
	}
	return out.Encode(exportLine{Banner: banner, Origin: c.Origin, From: from, Export: "end", Count: &count})
}

// writeEntryLine writes an entry as it stands in the log, with its index before it.
func writeEntryLine(w io.Writer, e *verify.Entry) error {
	_, err := fmt.Fprintf(w, "{\"index\":%d,\"entry\":%s}\n", e.Index, e.Text)
	return err
}

func ledgerTail(ctx context.Context, args []string, stdout, _ io.Writer) (int, error) {
	f := flag.NewFlagSet("tail", flag.ContinueOnError)
	where := f.String("log", "./data", "")
	follow := f.Bool("f", false, "")
	count := f.Int64("n", 10, "")
	if _, err := ledgerFlags(f, args, 0, "everything is given by flags: bulkhead ledger tail --log ./data"); err != nil {
		return exitUsage, err
	}
	if *count < 0 {
		return exitUsage, misused("-n %d is no number of entries", *count)
	}
	l, err := openSized(ctx, *where)
	if err != nil {
		return exitFailed, err
	}
	defer l.Close()
	banner, err := bannerOf(ctx, l)
	if err != nil {
		return exitFailed, err
	}
	mark := func() {
		if banner != "" {
			fmt.Fprintln(stdout, banner)
		}
	}
	mark()
	defer mark()
	for from := max(0, l.size-*count); ; {
		for e, err := range verify.Entries(ctx, l.read, l.size, from, l.size) {
			if err != nil {
				return exitFailed, err
			}
			if err := writeEntryLine(stdout, e); err != nil {
				return exitFailed, err
			}
			from = e.Index + 1
		}
		if !*follow {
			return exitFine, nil
		}
		select {
		case <-ctx.Done():
			return exitFine, nil
		case <-time.After(500 * time.Millisecond):
		}
		if err := l.grown(); err != nil {
			return exitFailed, err
		}
	}
}

func ledgerExport(ctx context.Context, args []string, stdout, _ io.Writer) (int, error) {
	f := flag.NewFlagSet("export", flag.ContinueOnError)
	where := f.String("log", "./data", "")
	format := f.String("format", "jsonl", "")
	fromText, toText := f.String("from", "0", ""), f.String("to", "", "")
	if _, err := ledgerFlags(f, args, 0, "everything is given by flags: bulkhead ledger export --format jsonl --from 2027-01-01"); err != nil {
		return exitUsage, err
	}
	if *format != "jsonl" {
		return exitUsage, misused("there is no format %q; there is jsonl", *format)
	}
	l, err := openSized(ctx, *where)
	if err != nil {
		return exitFailed, err
	}
	defer l.Close()
	from, err := l.place(ctx, *fromText)
	if err != nil {
		return exitFailed, err
	}
	to := l.size
	if *toText != "" {
		if to, err = l.place(ctx, *toText); err != nil {
			return exitFailed, err
		}
	}
	banner, err := bannerOf(ctx, l)
	if err != nil {
		return exitFailed, err
	}
	var broken error
	err = writeLines(stdout, banner, l, from, func(yield func(*verify.Entry) bool) {
		for e, err := range verify.Entries(ctx, l.read, l.size, from, to) {
			if broken = err; err != nil || !yield(e) {
				return
			}
		}
	})
	if broken != nil {
		return exitFailed, fmt.Errorf("the export is not whole: %w", broken)
	}
	return exitCode(err), err
}

func exitCode(err error) int {
	if err != nil {
		return exitFailed
	}
	return exitFine
}

// place reads an index, or finds the first entry at or after a time. Entries are in the order in which they were
// written down; their times are looked for by halves, bundle by bundle.
func (l *openedLog) place(ctx context.Context, text string) (int64, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return min(n, l.size), nil
	}
	t, err := parseSince(text)
	if err != nil {
		return 0, usageError{err}
	}
	var broken error
	n := sort.Search(int((l.size+tiles.Width-1)/tiles.Width), func(n int) bool {
		last := min(int64(n+1)*tiles.Width, l.size) - 1
		for e, err := range verify.Entries(ctx, l.read, l.size, last, last+1) {
			if broken = err; err != nil {
				return true
			}
			return !e.At.Before(t)
		}
		return true
	})
	if broken != nil {
		return 0, broken
	}
	for e, err := range verify.Entries(ctx, l.read, l.size, int64(n)*tiles.Width, l.size) {
		if err != nil {
			return 0, err
		}
		if !e.At.Before(t) {
			return e.Index, nil
		}
	}
	return l.size, nil
}

func parseSince(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no index, day (2027-01-31) or instant of RFC 3339", text)
}

func ledgerAttest(ctx context.Context, args []string, stdout, _ io.Writer) (int, error) {
	f := flag.NewFlagSet("attest", flag.ContinueOnError)
	data := f.String("data", "./data", "")
	never, sinceText := f.String("never", "", ""), f.String("since", "", "")
	if _, err := ledgerFlags(f, args, 0, "everything is given by flags: bulkhead ledger attest --never vendor=NAME --since 2027-01-01"); err != nil {
		return exitUsage, err
	}
	vendor, ok := strings.CutPrefix(*never, "vendor=")
	if !ok || vendor == "" || strings.ContainsAny(vendor, "/ \t\n") {
		return exitUsage, misused("say what never happened: --never vendor=NAME")
	}
	var since time.Time
	if *sinceText != "" {
		var err error
		if since, err = parseSince(*sinceText); err != nil {
			return exitUsage, usageError{err}
		}
	}
	l, err := openRead(ctx, *data)
	if err != nil {
		return exitFailed, err
	}
	defer l.Close()
	attempts := attemptsAway{vendor: vendor, since: since}
	report, err := verify.Log(ctx, l.read, verify.Options{Each: attempts.see})
	switch {
	case err != nil:
		return exitFailed, err
	case report.Fault != nil:
		return exitFinding, fmt.Errorf("nothing is attested over a log that is broken: %w", report.Fault)
	case attempts.against != nil:
		return exitFinding, attempts.against
	}
	keys, err := ledger.ReadKeys(*data, report.Origin)
	if err != nil {
		return exitFailed, err
	}
	signed, err := note.Sign(&note.Note{Text: attestation(report, vendor, since, attempts.count)}, keys.Signers...)
	if err != nil {
		return exitFailed, err
	}
	_, err = stdout.Write(signed)
	return exitCode(err), err
}

// attemptsAway counts the attempts since a time, none of which may have gone to a model of the vendor. One that does
// not name its model could have.
type attemptsAway struct {
	vendor  string
	since   time.Time
	count   int64
	against error // the first entry that speaks against it
}

func (a *attemptsAway) see(e *verify.Entry) {
	if e.Kind != "attempt-start" || e.At.Before(a.since) || a.against != nil {
		return
	}
	a.count++
	switch maker, _, named := strings.Cut(e.Model, "/"); {
	case !named:
		a.against = fmt.Errorf("entry %d does not say of which vendor its model is, so that nothing can be said of all", e.Index)
	case strings.EqualFold(maker, a.vendor):
		a.against = fmt.Errorf("the statement would be false: entry %d is an attempt of call %s at %s, a model of %s", e.Index, e.Call, e.Model, a.vendor)
	}
}

// attestation is the text that is signed. It speaks of attempts in this log and of nothing else.
func attestation(r *verify.Report, vendor string, since time.Time, count int64) string {
	from := "the beginning of this log"
	if !since.IsZero() {
		from = since.Format(time.RFC3339)
	}
	lines := []string{
		"bulkhead ledger attestation v1",
		"log: " + r.Origin,
		fmt.Sprintf("entries: %d", r.Size),
		"root: sha256:" + r.Root.String(),
		"newest entry: " + r.To.Format(time.RFC3339),
		fmt.Sprintf("statement: of the %d attempts that this log records since %s, none names a model of the vendor %s", count, from, vendor),
		"this statement is limited to calls that went through this log; it says nothing of calls that went another way",
	}
	if r.Banner != "" {
		lines = slices.Concat([]string{r.Banner}, lines, []string{r.Banner})
	}
	return strings.Join(lines, "\n") + "\n"
}
