package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/estate"
	"bulkhead/ledger"
	"bulkhead/ledger/verify"
	"bulkhead/marking"
	"bulkhead/policy"
)

// decided is what an admission or a refusal says of the decision about a call.
type decided struct {
	Kind      string `json:"kind"`
	Call      string `json:"call"`
	Principal string `json:"principal"`
	Workload  string `json:"workload"`
	Alias     string `json:"alias"`
	Purpose   string `json:"purpose"`
	Action    string `json:"action"`
	Dialect   string `json:"dialect"`
	Estate    string `json:"estate"`

	Marking struct { // of an admission
		Effective json.RawMessage `json:"effective"`
	} `json:"marking"`
	Permit struct {
		Digest    string          `json:"digest"`
		Count     int64           `json:"count"`
		Offerings []string        `json:"offerings"`
		Detail    json.RawMessage `json:"detail"`
	} `json:"permit"`

	Effective json.RawMessage `json:"effective"` // of a refusal
	Fault     string          `json:"fault"`
	Digest    string          `json:"digest"`
	Asked     json.RawMessage `json:"asked"`

	entry *verify.Entry
	index int64
}

// errUndecided is for entries that no decision stands behind.
var errUndecided = errors.New("nothing was decided there that could be decided again")

// decidedIn reads the decision that an entry holds.
func decidedIn(e *verify.Entry) (*decided, error) {
	d := &decided{entry: e, index: e.Index}
	if e.Kind != "admission" && e.Kind != "refusal" {
		return nil, fmt.Errorf("entry %d is no admission and no refusal but %s: %w", e.Index, e.Kind, errUndecided)
	}
	if err := json.Unmarshal(e.Text, d); err != nil {
		return nil, fmt.Errorf("entry %d: %w", e.Index, err)
	}
	if e.Kind == "admission" {
		d.Effective, d.Digest, d.Asked = d.Marking.Effective, d.Permit.Digest, d.Permit.Detail
	}
	if d.Digest == "" {
		return nil, fmt.Errorf("entry %d is a refusal (%s) that did not come from the decision: %w", e.Index, d.Fault, errUndecided)
	}
	return d, nil
}

// again is a decision made anew by the estate that it was made by.
type again struct {
	engine   *policy.Engine
	options  policy.Options
	question policy.Question
	decision policy.Decision
}

// decideAgain makes the decision of an entry anew, by the estate that the data folder keeps.
func decideAgain(data string, d *decided) (*again, error) {
	kept, err := ledger.Estate(data, d.Estate)
	if err != nil {
		return nil, err
	}
	est, err := estate.Restore(kept, ledger.EstateLines(data, d.Estate))
	if errors.Is(err, estate.ErrOtherTables) {
		return nil, fmt.Errorf("%w\nReplay it with the release that decided it; the start before entry %d names it", err, d.index)
	}
	if err != nil {
		return nil, err
	}
	a := &again{options: policy.Options{Dialects: dialect.Carried(), Gates: policy.Built(), Remembered: -1}} // as the gateway decides
	var problems []policy.Problem
	if a.engine, problems = policy.Compile(est, a.options); len(problems) > 0 {
		return nil, errors.Join(errorsOf(problems)...)
	}
	if a.question, err = d.question(est); err != nil {
		return nil, err
	}
	a.decision = a.engine.Decide(a.question)
	return a, nil
}

// question is what was asked, of an estate made anew.
func (d *decided) question(est *catalog.Estate) (q policy.Question, err error) {
	var label marking.Label
	if len(d.Effective) == 0 {
		return q, fmt.Errorf("entry %d does not say which marking was decided about: it did not fit", d.index)
	}
	if err := json.Unmarshal(d.Effective, &label); err != nil {
		return q, fmt.Errorf("entry %d: its marking: %w", d.index, err)
	}
	w := est.Workloads[d.Workload]
	if w == nil || w.Aliases[d.Alias] == nil {
		return q, fmt.Errorf("the estate %s has no workload %q with an alias %q", d.Estate, d.Workload, d.Alias)
	}
	q = policy.Question{Workload: w, Alias: w.Aliases[d.Alias], Purpose: d.Purpose, Label: label, Principal: policy.Principal{ID: d.Principal},
		Action: call.Action(d.Action), Dialect: d.Dialect, Now: d.entry.At}
	if len(d.Asked) == 0 {
		return q, fmt.Errorf("entry %d does not say what was asked: it did not fit", d.index)
	}
	return q, q.Recall(d.Asked)
}

// difference says how a decision made anew differs from the one on the record; nothing: they agree.
func (d *decided) difference(a *again) []string {
	var out []string
	differ := func(what, was, is string) {
		if was != is {
			out = append(out, fmt.Sprintf("%s: on the record %s, decided again %s", what, orWord(was, "(none)"), orWord(is, "(none)")))
		}
	}
	form := a.decision.Form()
	differ("digest", d.Digest, string(ledger.DigestOf(form.Digest)))
	kind := ""
	if a.decision.Refusal != nil {
		kind = string(a.decision.Refusal.Kind)
	}
	differ("refusal", d.Fault, kind)
	if d.Kind == "refusal" {
		return out
	}
	differ("count of offerings", strconv.FormatInt(d.Permit.Count, 10), strconv.Itoa(len(form.Offerings)))
	if !slices.Equal(d.Permit.Offerings, form.Offerings) && (len(d.Permit.Offerings) > 0 || d.Permit.Count == 0) {
		differ("offerings", strings.Join(d.Permit.Offerings, ", "), strings.Join(form.Offerings, ", "))
	}
	return out
}

func ledgerReplay(ctx context.Context, args []string, stdout, _ io.Writer) (int, error) {
	f := flag.NewFlagSet("replay", flag.ContinueOnError)
	data := f.String("data", "./data", "")
	rest, err := ledgerFlags(f, args, 1, "name one admission or refusal by its index: bulkhead ledger replay 17")
	if err != nil {
		return exitUsage, err
	}
	_, index, err := receiptIndex(rest[0])
	if err != nil {
		return exitUsage, err
	}
	l, err := openSized(ctx, *data)
	if err != nil {
		return exitFailed, err
	}
	defer l.Close()
	entry, err := l.entry(ctx, index)
	if err != nil {
		return exitFailed, err
	}
	d, err := decidedIn(entry)
	if err != nil {
		return exitFailed, err
	}
	a, err := decideAgain(*data, d)
	if err != nil {
		return exitFailed, err
	}
	banner, err := bannerOf(ctx, l)
	if err != nil {
		return exitFailed, err
	}
	differences := d.difference(a)
	if err := writeReplay(stdout, banner, d, a, differences); err != nil {
		return exitFailed, err
	}
	if len(differences) > 0 {
		return exitFinding, nil
	}
	return exitFine, nil
}

func writeReplay(w io.Writer, banner string, d *decided, a *again, differences []string) error {
	out := &strings.Builder{}
	line := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	if banner != "" {
		line("%s", banner)
	}
	line("entry      %d, %s of call %s at %s", d.index, d.Kind, d.Call, d.entry.At.Format("2006-01-02T15:04:05.000000Z"))
	line("estate     %s", d.Estate)
	line("question   workload %s, alias %s, purpose %s, %s in %s", d.Workload, d.Alias, d.Purpose, d.Action, d.Dialect)
	form := a.decision.Form()
	if a.decision.Refusal != nil {
		line("decided    refused, %s", a.decision.Refusal.Kind)
	} else {
		line("decided    allowed at %s", strings.Join(form.Offerings, ", "))
	}
	for _, text := range differences {
		line("DIFFERENT  %s", text)
	}
	if len(differences) == 0 {
		line("result     agrees with the record: %s", d.Digest)
	} else {
		line("result     does not agree with the record")
	}
	if banner != "" {
		line("%s", banner)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// receiptIndex reads an index, or a receipt as callers get it: ORIGIN/INDEX.
func receiptIndex(s string) (origin string, index int64, err error) {
	origin, text, found := cutLast(s, "/")
	if !found {
		origin, text = "", s
	}
	if index, err = strconv.ParseInt(text, 10, 64); err != nil || index < 0 {
		return "", 0, misused("%q is no index, nor a receipt such as low.ledger.bulkhead/17", s)
	}
	return origin, index, nil
}

// entry reads the entry at an index.
func (l *openedLog) entry(ctx context.Context, index int64) (*verify.Entry, error) {
	for e, err := range verify.Entries(ctx, l.read, l.size, index, index+1) {
		return e, err
	}
	return nil, fmt.Errorf("the log has %d entries and none at %d", l.size, index)
}
