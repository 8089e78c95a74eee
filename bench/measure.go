package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// options are what the command line decides.
type options struct {
	only    []string // names of cells and competitors; empty: all
	seconds float64
	rounds  int
	chunks  int
	gap     time.Duration
	path    string // of a Bulkhead binary already built
	beside  string // of another one; empty: none
}

// figure is what one competitor did in one cell of one round.
type figure struct {
	Cell       string
	Competitor string
	Round      int
	outcome
	GatewayCPU  time.Duration // processor time of all processes of the gateway
	UpstreamCPU time.Duration
	Idle        int64 // resident bytes before any call
	During      int64 // the most seen while calls were under way
	Peak        int64 // the most ever, by the kernel's account
}

// bench is a run under way.
type bench struct {
	options
	dir         string
	say         io.Writer // progress, for people
	competitors []competitor
	cells       []cell
	versions    [][2]string // competitor and version
	skipped     []string
	figures     []figure
}

// settle is how long a gateway stands idle before its idle memory is read, and
// warmUp how long it is called before anything counts.
const (
	settle = 300 * time.Millisecond
	warmUp = 400 * time.Millisecond
)

// prepare leaves in b the competitors that are here.
func (b *bench) prepare(ctx context.Context, all []competitor) error {
	for _, c := range all {
		version, err := c.prepare(ctx, b.dir)
		if errors.Is(err, errNotHere) {
			b.skipped = append(b.skipped, fmt.Sprintf("%s is skipped: %v", c.name(), err))
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.name(), err)
		}
		b.competitors = append(b.competitors, c)
		b.versions = append(b.versions, [2]string{c.name(), version})
	}
	return nil
}

// run measures every cell: all competitors are started anew, so that memory of
// one kind of load is not taken for that of another, and called in turn, round
// by round, so that what disturbs the machine disturbs all of them.
func (b *bench) run(ctx context.Context) error {
	up, err := startSelf(ctx, "upstream", "-chunks", fmt.Sprint(b.chunks), "-gap", b.gap.String())
	if err != nil {
		return err
	}
	defer up.stop()
	addr, err := up.ready("addr")
	if err != nil {
		return err
	}
	for _, c := range b.cells {
		if err := b.runWith(ctx, c, addr, up.pid()); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return nil
}

// runWith measures a cell with the upstream of all, or with one of its own.
func (b *bench) runWith(ctx context.Context, c cell, addr string, pid int) error {
	if !c.onDemand {
		return b.runCell(ctx, c, addr, pid, b.rounds)
	}
	up, err := startSelf(ctx, "upstream", "-chunks", fmt.Sprint(c.job.Chunks), "-gap", c.job.Gap.String())
	if err != nil {
		return err
	}
	defer up.stop()
	if addr, err = up.ready("addr"); err != nil {
		return err
	}
	return b.runCell(ctx, c, addr, up.pid(), 1)
}

// in is the competitors that are measured in a cell.
func (b *bench) in(c cell) []competitor {
	return slices.DeleteFunc(slices.Clone(b.competitors), func(comp competitor) bool { return !c.has(comp) })
}

func (b *bench) runCell(ctx context.Context, c cell, upstream string, upstreamPID, rounds int) error {
	competitors := b.in(c)
	gateways := make([]*gateway, len(competitors))
	idle := make([]memory, len(competitors))
	for i, comp := range competitors {
		g, err := comp.start(ctx, upstream)
		if err != nil {
			return fmt.Errorf("%s: %w", comp.name(), err)
		}
		defer g.stop()
		gateways[i] = g
	}
	if err := sleep(ctx, settle); err != nil {
		return err
	}
	for i, g := range gateways {
		var err error
		if idle[i], err = residentMemory(g.pids); err != nil {
			return err
		}
	}
	for round := range rounds {
		for i, comp := range competitors {
			f, err := b.measure(ctx, c.job, gateways[i], upstreamPID)
			if err != nil {
				return fmt.Errorf("%s: %w", comp.name(), err)
			}
			f.Cell, f.Competitor, f.Round, f.Idle = c.Name, comp.name(), round, idle[i].Now
			b.figures = append(b.figures, f)
			fmt.Fprintf(b.say, "%-11s round %d  %-13s %6d answers", c.Name, round+1, comp.name(), f.Calls)
			if f.Faults > 0 {
				fmt.Fprintf(b.say, "  %d FAULTS, the first: %.300s", f.Faults, f.Fault)
			}
			fmt.Fprintln(b.say)
		}
	}
	return nil
}

// measure lets a load generator do j on g, and reads the clocks of gateway and
// upstream right before its counted part begins and right after the last answer.
func (b *bench) measure(ctx context.Context, j job, g *gateway, upstreamPID int) (figure, error) {
	j.Addr, j.Key, j.Lane = g.addr, g.key, g.lane
	if j.For == 0 {
		j.For, j.Warm = time.Duration(b.seconds*float64(time.Second)), warmUp
	}
	var f figure
	gen, err := startSelf(ctx, "load")
	if err != nil {
		return f, err
	}
	defer gen.stop()
	if err := json.NewEncoder(gen.stdin).Encode(j); err != nil {
		return f, err
	}
	if _, err := gen.line(warmUp + 2*grace); err != nil {
		return f, err
	}
	cpu, err := processorTime(g.pids)
	if err != nil {
		return f, fmt.Errorf("the gateway is gone: %w", err)
	}
	upstreamCPU, err := processorTime([]int{upstreamPID})
	if err != nil {
		return f, err
	}
	fmt.Fprintln(gen.stdin, "begin")
	most := watchMemory(g.pids)
	line, err := gen.line(j.For + time.Duration(j.Chunks)*j.Gap + 2*grace)
	f.During = most()
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal([]byte(line), &f.outcome); err != nil {
		return f, fmt.Errorf("outcome: %w", err)
	}
	after, err := processorTime(g.pids)
	if err != nil {
		return f, fmt.Errorf("the gateway is gone: %w", err)
	}
	upstreamAfter, err := processorTime([]int{upstreamPID})
	if err != nil {
		return f, err
	}
	f.GatewayCPU, f.UpstreamCPU = after-cpu, upstreamAfter-upstreamCPU
	m, err := residentMemory(g.pids)
	f.Peak = m.Peak
	return f, err
}

// watchMemory looks at the memory of pids a few times a second until the
// function it returns is called, which gives the most it saw.
func watchMemory(pids []int) (most func() int64) {
	end, seen := make(chan struct{}), make(chan int64)
	go func() { // ends when most is called
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		var max int64
		for {
			if m, err := residentMemory(pids); err == nil && m.Now > max {
				max = m.Now
			}
			select {
			case <-tick.C:
			case <-end:
				seen <- max
				return
			}
		}
	}()
	return func() int64 {
		close(end)
		return <-seen
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// writeJSON writes every figure, one for each cell, competitor and round.
func (b *bench) writeJSON(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	enc := json.NewEncoder(f)
	enc.SetIndent("", " ")
	if err := enc.Encode(map[string]any{
		"machine": machine(), "versions": b.versions, "skipped": b.skipped, "seconds": b.seconds, "rounds": b.rounds, "figures": b.figures,
	}); err != nil {
		return err
	}
	return f.Close()
}
