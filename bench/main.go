// Bench measures what Bulkhead costs, side by side with what one would use in
// its stead: nginx as a plain reverse proxy, httputil.ReverseProxy, and no
// gateway at all, in one run on one machine, on loopback.
//
//	go run ./bench              everything, less than six minutes
//	go run ./bench --quick      one short round, to see that it works
//	go run ./bench --only small,streams,direct,reverseproxy,bulkhead
//
// Four kinds of process take part: this one, which starts the others and reads
// their clocks; the scripted upstream (upstream.go); one process or more for each
// gateway (competitor.go and its siblings); and a load generator for each
// measurement (load.go, openloop.go), which checks every byte of every answer.
// The first, second and last are as cheap as could be made, since they share the
// machine with what is measured. The figure to compare is processor time of the
// gateway alone, within one table; other times mean little on another machine.
// Begin reading at measure.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	// The kernel ends the processes we start when the thread that started them
	// ends (dieWithParent); the first thread of a process lasts.
	runtime.LockOSThread()
	var err error
	mode := ""
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch mode {
	case "upstream":
		err = runUpstream(os.Args[2:])
	case "reverseproxy":
		err = runReverseProxy(os.Args[2:])
	case "load":
		err = runLoad()
	default:
		err = runBench(os.Args[1:])
	}
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	case errors.Is(err, errFaults):
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(3)
	}
}

var (
	errUsage  = errors.New("usage")
	errFaults = errors.New("bulkhead gave wrong answers or broken streams")
)

// longestRun bounds a run, whatever was asked for.
const longestRun = 30 * time.Minute

// runBench measures, and prints what it found.
func runBench(args []string) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "`names` of cells and competitors, comma-separated; of either kind all, if none is named")
	flags.Float64Var(&o.seconds, "seconds", 2.5, "length of each measurement")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds; figures are medians over them")
	flags.IntVar(&o.chunks, "chunks", 100, "tokens of a stream, one a chunk")
	flags.DurationVar(&o.gap, "gap", 5*time.Millisecond, "time between two chunks")
	flags.StringVar(&o.path, "bulkhead", "", "`path` of a binary to measure, instead of building one")
	flags.StringVar(&o.beside, "beside", "", "`path` of a second binary of Bulkhead to measure, such as that of an earlier commit; its name is beside")
	quick := flags.Bool("quick", false, "one round of one second")
	jsonName := flags.String("json", "", "write every figure to this `file`")
	markdown := flags.Bool("markdown", false, "print Markdown, as docs/speed.md has it")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if *quick {
		o.rounds, o.seconds = 1, 1
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	if flags.NArg() > 0 || o.seconds < 0.1 || o.seconds > 60 || o.rounds < 1 || o.rounds > 100 ||
		o.chunks < 1 || o.chunks > 1000 || o.gap < 0 || o.gap > time.Second {
		return fmt.Errorf("%w: no arguments; seconds 0.1 to 60, rounds 1 to 100, chunks 1 to 1000, gap 0 to 1s", errUsage)
	}

	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	ctx, stop := context.WithTimeout(ctx, longestRun)
	defer stop()
	b, err := measureAll(ctx, o)
	if err != nil {
		return err
	}
	if *jsonName != "" {
		if err := b.writeJSON(*jsonName); err != nil {
			return err
		}
	}
	b.print(os.Stdout, *markdown)
	if b.bulkheadFaults() > 0 {
		return errFaults
	}
	return nil
}

// measureAll runs all that o asks for, in a folder that it removes.
func measureAll(ctx context.Context, o options) (*bench, error) {
	chosen, cs, err := choose(o)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bulkhead-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, dir: dir, say: os.Stderr, cells: cs}
	if err := b.prepare(ctx, chosen); err != nil {
		return nil, err
	}
	return b, b.run(ctx)
}

// choose gives the competitors and cells that o.only names, or all of a kind of
// which it names none.
func choose(o options) ([]competitor, []cell, error) {
	allCompetitors, allCells := competitors(o.path, o.beside), cells(o.chunks, o.gap)
	var names []string
	for _, c := range allCompetitors {
		names = append(names, c.name())
	}
	for _, c := range allCells {
		names = append(names, c.Name)
	}
	for _, name := range o.only {
		if !slices.Contains(names, name) {
			return nil, nil, fmt.Errorf("%w: --only knows no %q; it knows %s", errUsage, name, strings.Join(names, " "))
		}
	}
	cs := slices.DeleteFunc(slices.Clone(allCompetitors), func(c competitor) bool { return !slices.Contains(o.only, c.name()) })
	if len(cs) == 0 {
		cs = allCompetitors
	}
	ls := slices.DeleteFunc(slices.Clone(allCells), func(c cell) bool { return !slices.Contains(o.only, c.Name) })
	if len(ls) == 0 {
		ls = slices.DeleteFunc(allCells, func(c cell) bool { return c.onDemand })
	}
	return cs, ls, nil
}

// print writes what was measured, where and how, and the tables.
func (b *bench) print(w io.Writer, markdown bool) {
	bullet := ""
	if markdown {
		bullet = "- "
	}
	fmt.Fprintf(w, "%s%s\n", bullet, machine())
	for _, v := range b.versions {
		fmt.Fprintf(w, "%s%s: %s\n", bullet, v[0], v[1])
	}
	for _, s := range b.skipped {
		fmt.Fprintf(w, "%s%s\n", bullet, s)
	}
	fmt.Fprintf(w, "%s%s: medians of %d rounds of %.1f s, gateways in turn within a round; load generator, scripted upstream "+
		"(answers of %d B; %d chunks, %v apart) and gateway share the machine, each held to 2 processors; "+
		"µs are processor time of the gateway alone, added is against direct in the same round\n",
		bullet, time.Now().UTC().Format(time.DateOnly), b.rounds, b.seconds, len(chatAnswer()), b.chunks, b.gap)
	if markdown {
		printMarkdown(w, b.report())
	} else {
		printText(w, b.report())
	}
}

// machine names the machine, as far as it says what it is.
func machine() string {
	model := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	kernel := runtime.GOOS
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel += " " + strings.TrimSpace(string(b))
	}
	return fmt.Sprintf("%s, %d processors, %s, %s", model, runtime.NumCPU(), kernel, runtime.Version())
}
