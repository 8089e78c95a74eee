package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// table is a heading and rows under it, the first of them the columns' names.
type table struct {
	title string
	rows  [][]string
	notes []string
}

// report is a table for each cell.
func (b *bench) report() []table {
	var tables []table
	for _, c := range b.cells {
		t := table{title: c.Title, rows: [][]string{columns(c)}}
		for _, comp := range b.in(c) {
			t.rows = append(t.rows, b.row(c, comp.name()))
		}
		t.notes = b.verdicts(c)
		tables = append(tables, t)
	}
	return tables
}

func columns(c cell) []string {
	memory := []string{"MB idle", "MB during", "MB peak"}
	if c.streamed() {
		return append([]string{"", "µs/chunk", "× " + c.yardstick(), "chunks/s", "first byte p50 µs", "p99", "added p50", "added p99",
			"µs from chunk to chunk", "streams", "broken"}, memory...)
	}
	return append([]string{"", "µs/call", "× " + c.yardstick(), "calls/s", "p50 µs", "p99", "added p50", "added p99", "calls", "faults"}, memory...)
}

// row sums up what a competitor did in a cell: medians of the rounds.
func (b *bench) row(c cell, name string) []string {
	micros := func(of func(figure) time.Duration) func(figure) float64 {
		return func(f figure) float64 { return float64(of(f)) / float64(time.Microsecond) }
	}
	p50 := micros(func(f figure) time.Duration { return f.P50 })
	p99 := micros(func(f figure) time.Duration { return f.P99 })
	mid := func(value func(figure) float64) string { return number0(median(b.values(c, name, value))) }
	added := func(value func(figure) float64) string {
		return number0(median(b.against(c, name, nameDirect, value, func(a, d float64) float64 { return a - d })))
	}
	perUnit := func(f figure) float64 { return c.perUnit(f, f.GatewayCPU) }
	mega := func(of func(figure) int64) func(figure) float64 {
		return func(f figure) float64 { return float64(of(f)) / (1 << 20) }
	}
	row := []string{name, number1(median(b.values(c, name, perUnit))), number2(b.ratio(c, name)),
		mid(func(f figure) float64 { return float64(f.Calls*c.units()) / f.Elapsed.Seconds() }),
		mid(p50), mid(p99), added(p50), added(p99)}
	if c.streamed() {
		row = append(row, mid(micros(func(f figure) time.Duration { return f.ChunkP50 })))
	}
	row = append(row, fmt.Sprint(b.sum(c, name, func(f figure) int { return f.Calls })),
		fmt.Sprint(b.sum(c, name, func(f figure) int { return f.Faults })),
		mid(mega(func(f figure) int64 { return f.Idle })),
		mid(mega(func(f figure) int64 { return f.During })),
		mid(mega(func(f figure) int64 { return f.Peak })))
	if name == nameDirect { // it has no gateway to tell of
		for _, i := range []int{1, 2, 6, 7, len(row) - 3, len(row) - 2, len(row) - 1} {
			row[i] = "–"
		}
	}
	return row
}

// units is into how many parts the processor time of a call is divided.
func (c cell) units() int { return max(c.job.Chunks, 1) }

// perUnit is t per call, or per chunk where calls are streams, in microseconds.
func (c cell) perUnit(f figure, t time.Duration) float64 {
	return float64(t) / float64(time.Microsecond) / float64(f.Calls*c.units())
}

// rounds1 gives value for every round of one competitor in one cell.
func (b *bench) values(c cell, name string, value func(figure) float64) []float64 {
	var all []float64
	for _, f := range b.figures {
		if f.Cell == c.Name && f.Competitor == name && f.Calls > 0 {
			all = append(all, value(f))
		}
	}
	return all
}

// against combines the value of a competitor with that of another, round by
// round: what disturbed a round disturbed both.
func (b *bench) against(c cell, name, other string, value func(figure) float64, combine func(a, o float64) float64) []float64 {
	var all []float64
	for _, f := range b.figures {
		for _, o := range b.figures {
			if f.Cell == c.Name && o.Cell == c.Name && f.Round == o.Round && f.Competitor == name && o.Competitor == other &&
				f.Calls > 0 && o.Calls > 0 {
				all = append(all, combine(value(f), value(o)))
			}
		}
	}
	return all
}

// ratio is the processor time of a competitor in that of the cell's yardstick.
func (b *bench) ratio(c cell, name string) float64 {
	return median(b.against(c, name, c.yardstick(),
		func(f figure) float64 { return c.perUnit(f, f.GatewayCPU) },
		func(a, o float64) float64 { return a / o }))
}

func (b *bench) sum(c cell, name string, value func(figure) int) int {
	n := 0
	for _, f := range b.figures {
		if f.Cell == c.Name && f.Competitor == name {
			n += value(f)
		}
	}
	return n
}

// verdicts says of each goal of the cell whether this run met it, and what the
// first fault of each competitor was.
func (b *bench) verdicts(c cell) []string {
	var notes []string
	verdict := func(what string, got, goal float64) {
		word := "met"
		switch {
		case math.IsNaN(got):
			return
		case got > goal:
			word = "MISSED"
		}
		notes = append(notes, fmt.Sprintf("goal %s: %s (%s, at most %s)", word, what, number2(got), number2(goal)))
	}
	mega := func(of func(figure) int64) float64 {
		return median(b.values(c, nameBulkhead, func(f figure) float64 { return float64(of(f)) / (1 << 20) }))
	}
	if c.goal > 0 && c.lanes {
		for _, l := range []lane{laneAnthropicOpenAI, laneOpenAIBedrock} {
			verdict("processor time of "+string(l)+", × the relay lane", b.ratio(c, string(l)), c.goal)
		}
	} else if c.goal > 0 {
		verdict("processor time of bulkhead, × reverseproxy", b.ratio(c, nameBulkhead), c.goal)
	}
	verdict("idle memory of bulkhead, MB", mega(func(f figure) int64 { return f.Idle }), idleMemoryGoal>>20)
	if c.memoryGoal > 0 {
		verdict("peak memory of bulkhead, MB", mega(func(f figure) int64 { return f.Peak }), float64(c.memoryGoal>>20))
	}
	if c.streamGoal > 0 {
		verdict("resident memory of bulkhead for each open stream, KB", median(b.values(c, nameBulkhead, func(f figure) float64 {
			return float64(f.During-f.Idle) / float64(c.job.Callers) / (1 << 10)
		})), float64(c.streamGoal>>10))
	}
	for _, name := range []string{nameBulkhead, string(laneAnthropicOpenAI), string(laneOpenAIBedrock)} {
		if b.measured(c, name) {
			verdict("wrong answers and broken streams of "+name, float64(b.sum(c, name, func(f figure) int { return f.Faults })), 0)
		}
	}
	told := map[string]bool{}
	for _, f := range b.figures {
		if f.Cell == c.Name && f.Fault != "" && !told[f.Competitor] {
			told[f.Competitor] = true
			notes = append(notes, fmt.Sprintf("first fault of %s: %.300s", f.Competitor, f.Fault))
		}
	}
	return notes
}

// measured says that the competitor took part in the cell.
func (b *bench) measured(c cell, name string) bool {
	return slices.ContainsFunc(b.figures, func(f figure) bool { return f.Cell == c.Name && f.Competitor == name })
}

// bulkheadFaults counts the wrong answers and broken streams of Bulkhead, in
// every lane.
func (b *bench) bulkheadFaults() int {
	n := 0
	for _, f := range b.figures {
		switch f.Competitor {
		case nameBulkhead, string(laneAnthropicOpenAI), string(laneOpenAIBedrock):
			n += f.Faults
		}
	}
	return n
}

// printText writes tables in columns, for a terminal.
func printText(w io.Writer, tables []table) {
	for _, t := range tables {
		fmt.Fprintf(w, "\n%s\n", t.title)
		width := make([]int, len(t.rows[0]))
		for _, row := range t.rows {
			for i, cell := range row {
				width[i] = max(width[i], utf8.RuneCountInString(cell))
			}
		}
		for _, row := range t.rows {
			for i, cell := range row {
				pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
				if i == 0 {
					fmt.Fprint(w, "  ", cell, pad)
				} else {
					fmt.Fprint(w, "  ", pad, cell)
				}
			}
			fmt.Fprintln(w)
		}
		for _, note := range t.notes {
			fmt.Fprintf(w, "  %s\n", note)
		}
	}
}

// printMarkdown writes tables as docs/speed.md has them.
func printMarkdown(w io.Writer, tables []table) {
	for _, t := range tables {
		fmt.Fprintf(w, "\n## %s\n\n", t.title)
		for i, row := range t.rows {
			fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
			if i == 0 {
				fmt.Fprintf(w, "|---|%s\n", strings.Repeat("---:|", len(row)-1))
			}
		}
		for _, note := range t.notes {
			fmt.Fprintf(w, "\n%s\n", strings.ReplaceAll(note, "\n", " "))
		}
	}
}

func number0(v float64) string { return decimals(v, 0) }
func number1(v float64) string { return decimals(v, 1) }
func number2(v float64) string { return decimals(v, 2) }

func decimals(v float64, n int) string {
	if math.IsNaN(v) {
		return "–"
	}
	return fmt.Sprintf("%.*f", n, v)
}
