package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"bulkhead/ledger/tiles"
	"bulkhead/ledger/verify"
	"bulkhead/marking"
	studies "bulkhead/reach"
)

// explainPast explains a call that is on the record. It returns the exit code.
func explainPast(ctx context.Context, flags *flag.FlagSet, id, data string, asJSON bool, stdout, stderr io.Writer) int {
	fail := func(code int, err error) int {
		fmt.Fprintf(stderr, "bulkhead explain: %v\n", err)
		return code
	}
	var beside error
	flags.Visit(func(f *flag.Flag) {
		if f.Name != "call" && f.Name != "data" && f.Name != "json" {
			beside = fmt.Errorf("--%s goes with no --call: the record says what was asked; write: bulkhead explain --call %s", f.Name, id)
		}
	})
	if beside != nil {
		return fail(exitUsage, beside)
	}
	l, err := openSized(ctx, data)
	if err != nil {
		return fail(exitFailed, err)
	}
	defer l.Close()
	entry, err := l.decisionOf(ctx, id)
	if err != nil {
		return fail(exitFailed, err)
	}
	d, err := decidedIn(entry)
	if err != nil {
		return fail(exitFailed, err)
	}
	a, err := decideAgain(data, d)
	if err != nil {
		return fail(exitFailed, err)
	}
	q := a.question
	s := &studies.Study{Engine: a.engine, Dialect: q.Dialect, Now: q.Now, Options: a.options}
	c := studies.Case{Workload: q.Workload, Alias: q.Alias, Purpose: q.Purpose, Label: q.Label}
	x, mark := s.ExplainCall(q), marking.NewRegister(marking.Shipped(), marking.IC).Banner(q.Label)
	if asJSON {
		err = writePastJSON(ctx, stdout, l, explainedOf(s, data, mark, c, &x))
	} else {
		err = writePast(ctx, stdout, l, d, func(w io.Writer) error { return writeExplained(w, s, mark, c, &x) })
	}
	switch {
	case err != nil:
		return fail(exitFailed, err)
	case x.Serving() == 0:
		return exitFinding
	}
	return exitFine
}

// writePastJSON writes the same for programs, with the ledger's marking at its beginning and its end.
func writePastJSON(ctx context.Context, w io.Writer, l *openedLog, x explained) error {
	banner, err := bannerOf(ctx, l)
	if err != nil {
		return err
	}
	return writeStudyJSON(w, struct {
		Banner string `json:"banner"`
		explained
		BannerEnd string `json:"banner_end"`
	}{banner, x, banner})
}

// writePast writes what a call came to between two lines with the ledger's marking.
func writePast(ctx context.Context, w io.Writer, l *openedLog, d *decided, table func(io.Writer) error) error {
	banner, err := bannerOf(ctx, l)
	if err != nil {
		return err
	}
	mark := func() error {
		if banner == "" {
			return nil
		}
		_, err := fmt.Fprintln(w, banner)
		return err
	}
	what := "was admitted"
	if d.Kind == "refusal" {
		what = "was refused, " + d.Fault
	}
	if err := mark(); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "call %s %s (entry %d), by estate %s\n", d.Call, what, d.index, d.Estate); err != nil {
		return err
	}
	return errors.Join(table(w), mark())
}

// decisionOf finds the admission or the refusal of a call, the newest entries first.
func (l *openedLog) decisionOf(ctx context.Context, id string) (*verify.Entry, error) {
	for n := (l.size - 1) / tiles.Width; n >= 0; n-- {
		for e, err := range verify.Entries(ctx, l.read, l.size, n*tiles.Width, min(l.size, (n+1)*tiles.Width)) {
			if err != nil {
				return nil, err
			}
			if e.Call == id && (e.Kind == "admission" || e.Kind == "refusal") {
				return e, nil
			}
		}
	}
	return nil, fmt.Errorf("the log has no call %s among its %d entries", id, l.size)
}
