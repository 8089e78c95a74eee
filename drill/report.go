package drill

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bulkhead/money"
)

// Limits are what ends a drill at once. They are looked at for each alias by
// itself, over the last minute. Zero: no limit.
type Limits struct {
	Errors  float64 `json:"errors,omitzero"`  // share of failed calls, of those answered or failed; from three failures on
	Latency float64 `json:"latency,omitzero"` // median wait for the first byte, as a multiple of that before
	Cost    float64 `json:"cost,omitzero"`    // cost of an answered call, as a multiple of that before
}

// What must have been seen before a limit counts.
const (
	fewestFailures = 3
	fewestAnswers  = 5
)

// breach says which limit is passed; empty: none.
func (l Limits) breach(lately, before *tally) string {
	if share := lately.share(); l.Errors > 0 && lately.failed >= fewestFailures && share > l.Errors {
		return fmt.Sprintf("%d of the %d calls of the last minute failed, more than %s", lately.failed, lately.failed+lately.answered, percent(l.Errors))
	}
	if l.Latency > 0 && lately.answered >= fewestAnswers && before.answered >= fewestAnswers {
		if now, then := lately.quantile(0.5), before.quantile(0.5); float64(now) > l.Latency*float64(then) {
			return fmt.Sprintf("half of the calls of the last minute waited %v or more for the first byte, more than %s times the %v before", now.Round(time.Millisecond), number(l.Latency), then.Round(time.Millisecond))
		}
	}
	if l.Cost > 0 && lately.priced >= fewestAnswers && before.priced >= fewestAnswers {
		if now, then := float64(lately.cost)/float64(lately.priced), float64(before.cost)/float64(before.priced); now > l.Cost*then {
			return fmt.Sprintf("a call of the last minute cost %s, more than %s times the %s before", dollars(now), number(l.Cost), dollars(then))
		}
	}
	return ""
}

func (t *tally) share() float64 {
	if t.failed == 0 {
		return 0
	}
	return float64(t.failed) / float64(t.failed+t.answered)
}

func dollars(micro float64) string { return money.Amount(micro).String() + " USD" }
func number(f float64) string      { return strconv.FormatFloat(f, 'g', -1, 64) }
func percent(f float64) string     { return number(f*100) + " %" }

// Outcome is how a drill ended.
type Outcome string

// What a drill comes to.
const (
	Running     Outcome = "running"
	Ended       Outcome = "ended"       // its time was over
	Stopped     Outcome = "stopped"     // by a stop condition, a person, or the server's end
	Interrupted Outcome = "interrupted" // the server died; the next one put everything back
)

// Verdict is what a drill did to the callers of an alias.
type Verdict string

// The verdicts, best first.
const (
	Untouched Verdict = "untouched"  // nothing that serves it was withdrawn
	Survived  Verdict = "survived"   // every call that should have been answered was
	NotCalled Verdict = "not_called" // nobody called, so nothing was shown
	Impaired  Verdict = "impaired"   // some calls were answered, some failed
	Stranded  Verdict = "stranded"   // no call was answered
	Unknown   Verdict = "unknown"    // what was counted died with the server
)

// Report is what a drill was and did. Its JSON is an outside form: fields are
// added, never renamed.
type Report struct {
	ID          string     `json:"id"`
	Marking     string     `json:"marking"` // banner of what the report says
	Outcome     Outcome    `json:"outcome"`
	Why         string     `json:"why,omitzero"` // it did not end by its time
	Estate      string     `json:"estate"`       // digest, when it began
	Withdrawn   []string   `json:"withdrawn"`    // kind=name
	Covered     []string   `json:"covered"`      // offerings
	Workloads   []string   `json:"workloads"`
	Reason      string     `json:"reason"`
	Document    string     `json:"document"`
	Approver    string     `json:"approver"`
	By          string     `json:"by"`
	EndedBy     string     `json:"ended_by,omitzero"`
	Began       time.Time  `json:"began"`
	Until       time.Time  `json:"until"`
	Ended       *time.Time `json:"ended,omitzero"`
	Stop        Limits     `json:"stop"`
	Suspensions []string   `json:"suspensions"` // ids
	Aliases     []Alias    `json:"aliases"`
}

// Alias is what a drill did to the callers of an alias.
type Alias struct {
	Workload    string   `json:"workload"`
	Alias       string   `json:"alias"`
	Verdict     Verdict  `json:"verdict"`
	Withdrawn   []string `json:"withdrawn"` // offerings of it that were
	Left        []string `json:"left"`      // offerings of it that were not
	Before      Figures  `json:"before"`    // ten minutes before the drill, or less if the server ran for less
	During      Figures  `json:"during"`
	FirstAnswer *int64   `json:"first_answer_ms,omitzero"` // from the drill's begin to the end of the first call that was answered
	LastFailure *int64   `json:"last_failure_ms,omitzero"` // to the last that failed: how long recovery took, if calls were answered later
}

// Figures are counts of calls, waits in milliseconds, and costs in US dollars.
type Figures struct {
	Calls        int64            `json:"calls"`
	Answered     int64            `json:"answered"`
	Failed       int64            `json:"failed"`    // cut, or not answered though nothing was wrong with them
	Refused      int64            `json:"refused"`   // by a rule, or by the vendor as they stood
	Cancelled    int64            `json:"cancelled"` // the caller went away
	FirstByteP50 int64            `json:"first_byte_p50_ms"`
	FirstByteP95 int64            `json:"first_byte_p95_ms"`
	Input        int64            `json:"input_tokens"`
	Output       int64            `json:"output_tokens"`
	Cost         string           `json:"cost_usd"`
	Priced       int64            `json:"priced"` // answered calls that are in the cost; of the others price or tokens are not known
	ByOffering   map[string]int64 `json:"by_offering"`
}

func (t *tally) figures() Figures {
	f := Figures{Answered: t.answered, Failed: t.failed, Refused: t.refused, Cancelled: t.cancelled, Calls: t.answered + t.failed + t.refused + t.cancelled,
		FirstByteP50: ceilMS(t.quantile(0.5)), FirstByteP95: ceilMS(t.quantile(0.95)), Input: t.input, Output: t.output, Cost: t.cost.String(), Priced: t.priced,
		ByOffering: map[string]int64{}}
	for name, n := range t.by {
		f.ByOffering[name] = n
	}
	return f
}

func ceilMS(d time.Duration) int64 { return int64((d + time.Millisecond - 1) / time.Millisecond) }

// Judge sets the verdict of an alias by what is withdrawn, left and counted.
func (a *Alias) Judge() {
	switch d := a.During; {
	case len(a.Withdrawn) == 0:
		a.Verdict = Untouched
	case d.Answered+d.Failed == 0:
		a.Verdict = NotCalled
	case d.Failed == 0:
		a.Verdict = Survived
	case d.Answered == 0:
		a.Verdict = Stranded
	default:
		a.Verdict = Impaired
	}
}

// Clean reports whether the drill went to its end and stranded nobody.
func (r *Report) Clean() bool {
	return r.Outcome == Ended && !slices.ContainsFunc(r.Aliases, func(a Alias) bool { return a.Verdict == Stranded || a.Verdict == Impaired })
}

// JSON is the report as it is kept: indented, in the order of its fields, ending
// in a newline. The ledger has its SHA-256.
func (r *Report) JSON() ([]byte, error) {
	b, err := json.Marshal(r, json.Deterministic(true), jsontext.WithIndent("  "))
	return append(b, '\n'), err
}

// Parse reads what [Report.JSON] wrote.
func Parse(b []byte) (*Report, error) {
	r := &Report{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("report of a drill: %w", err)
	}
	return r, nil
}

// Markdown is the report for people, between two lines of its marking.
func (r *Report) Markdown() []byte {
	b := &bytes.Buffer{}
	line := func(format string, a ...any) { fmt.Fprintf(b, format+"\n", a...) }
	line("%s\n", r.Marking)
	line("# Live drill %s: %s\n", r.ID, r.Outcome)
	if r.Why != "" {
		line("%s: %s.\n", title(r.Outcome), cell(r.Why))
	}
	line("| | |\n|---|---|")
	ended := "not yet"
	if r.Ended != nil {
		ended = r.Ended.UTC().Format(time.RFC3339)
	}
	for _, row := range [][2]string{
		{"withdrawn", strings.Join(r.Withdrawn, ", ")}, {"offerings", strings.Join(r.Covered, ", ")}, {"for the workloads", strings.Join(r.Workloads, ", ")},
		{"reason", r.Reason}, {"document", r.Document}, {"approved by", r.Approver}, {"ordered by", r.By}, {"ended by", r.EndedBy},
		{"began", r.Began.UTC().Format(time.RFC3339)}, {"was to end", r.Until.UTC().Format(time.RFC3339)}, {"ended", ended},
		{"stop conditions", r.Stop.String()}, {"estate", r.Estate}, {"suspensions", strings.Join(r.Suspensions, ", ")},
	} {
		if row[1] != "" {
			line("| %s | %s |", row[0], cell(row[1]))
		}
	}
	line("\n## Who survived on what\n")
	line("| workload | alias | verdict | answered by | withdrawn | left | first answer | last failure |\n|---|---|---|---|---|---|---|---|")
	for _, a := range r.Aliases {
		line("| %s | %s | %s | %s | %s | %s | %s | %s |", cell(a.Workload), cell(a.Alias), strings.ReplaceAll(string(a.Verdict), "_", " "), by(a.During.ByOffering),
			cell(strings.Join(a.Withdrawn, ", ")), cell(strings.Join(a.Left, ", ")), after(a.FirstAnswer), after(a.LastFailure))
	}
	line("\n## Before and during\n")
	line("| workload | alias | | calls | answered | failed | refused | cancelled | first byte p50 | p95 | tokens in | out | cost USD |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, a := range r.Aliases {
		for _, f := range []struct {
			when string
			Figures
		}{{"before", a.Before}, {"during", a.During}} {
			line("| %s | %s | %s | %d | %d | %d | %d | %d | %s | %s | %d | %d | %s |", cell(a.Workload), cell(a.Alias), f.when, f.Calls, f.Answered, f.Failed, f.Refused, f.Cancelled,
				wait(f.FirstByteP50), wait(f.FirstByteP95), f.Input, f.Output, f.price())
		}
	}
	line("\n%s", r.Marking)
	return b.Bytes()
}

// String is the limits in words.
func (l Limits) String() string {
	var parts []string
	if l.Errors > 0 {
		parts = append(parts, "more than "+percent(l.Errors)+" failed")
	}
	if l.Latency > 0 {
		parts = append(parts, "first byte later than "+number(l.Latency)+" times before")
	}
	if l.Cost > 0 {
		parts = append(parts, "dearer than "+number(l.Cost)+" times before")
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, "; ")
}

func (f *Figures) price() string {
	switch {
	case f.Priced == f.Answered:
		return f.Cost
	case f.Priced == 0:
		return "not known"
	}
	return fmt.Sprintf("%s for %d of them", f.Cost, f.Priced)
}

func title(o Outcome) string { return strings.ToUpper(string(o[:1])) + string(o[1:]) }

func wait(ms int64) string {
	if ms == 0 {
		return "–"
	}
	return "≤ " + strconv.FormatInt(ms, 10) + " ms"
}

func after(ms *int64) string {
	if ms == nil {
		return "–"
	}
	return (time.Duration(*ms) * time.Millisecond).String()
}

func by(m map[string]int64) string {
	var parts []string
	for name, n := range m {
		parts = append(parts, fmt.Sprintf("%s (%d)", cell(name), n))
	}
	slices.Sort(parts)
	if len(parts) == 0 {
		return "nobody"
	}
	return strings.Join(parts, ", ")
}

// cell keeps a text within its cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
