package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"bulkhead/sim"
)

// runSim is `bulkhead sim`: it pretends to be AI vendors until ctx ends or the process is told to stop. It returns
// the exit code: 0 after a stop, 2 for a usage error, 3 if it could not run.
func runSim(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("sim", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	listen := flags.String("listen", "127.0.0.1:0", "loopback `address` to listen on; port 0 takes a free one")
	pace := flags.Duration("pace", 0, "`time` between two chunks of a stream, for example 20ms")
	key := flags.String("key", "", "the `key` that callers must send; without it any key is good")
	faults := flags.String("faults", "", "JSON `file` with a list of fault rules")
	usage := func(to io.Writer) {
		fmt.Fprintln(to, "usage: bulkhead sim [--listen 127.0.0.1:PORT] [--pace 20ms] [--key KEY] [--faults FILE]")
		flags.SetOutput(to)
		flags.PrintDefaults()
	}
	wrong := func(format string, a ...any) int {
		fmt.Fprintf(stderr, "bulkhead sim: "+format+"\n", a...)
		return 2
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		usage(stdout)
		return 0
	case err != nil:
		wrong("%v", err)
		usage(stderr)
		return 2
	case flags.NArg() > 0:
		return wrong("unexpected %q; everything is given by flags, for example: bulkhead sim --listen 127.0.0.1:8089", strings.Join(flags.Args(), " "))
	case *pace < 0:
		return wrong("--pace %v is negative; write for example: --pace 20ms", *pace)
	}

	s := sim.New(sim.Options{Key: *key, Pace: *pace})
	defer s.Close()
	if *faults != "" {
		if err := loadFaults(s, *faults); err != nil {
			return wrong("--faults %s: %v", *faults, err)
		}
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	url, err := s.Start(*listen)
	if errors.Is(err, sim.ErrNotLoopback) {
		return wrong("--listen: %v", err)
	}
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead sim: %v\n", err)
		return 3
	}
	fmt.Fprintf(stdout, "ready listen=%s\n", strings.TrimPrefix(url, "http://"))
	for _, v := range s.Vendors() {
		fmt.Fprintf(stdout, "%-12s %s\n", v.Name, s.BaseURL(url, v.Name))
	}
	fmt.Fprintf(stdout, "%-12s %s/_sim/ (faults, record, count, vendors)\n", "controls", url)
	<-ctx.Done()
	return 0
}

func loadFaults(s *sim.Sim, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	rules, err := sim.ReadRules(f)
	if err != nil {
		return err
	}
	return s.SetFaults(rules)
}
