package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"time"

	"bulkhead/estate"
)

// serveFlags are what `serve` and `quickstart` start a server with.
type serveFlags struct {
	estate, data    string
	listen, control string
	cert, key       string
	insecure        bool
	simulate        bool
	watch           bool
	drain           time.Duration
	pace            time.Duration
}

// runServe is `bulkhead serve`.
func runServe(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	var f serveFlags
	flags.StringVar(&f.estate, "estate", "./estate", "the estate's `folder`")
	flags.StringVar(&f.data, "data", "./data", "the data `folder`; made if there is none")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`address` of the data plane; port 0 takes a free one")
	flags.StringVar(&f.control, "control", "127.0.0.1:8081", "loopback `address` of health, readiness and metrics; port 0 takes a free one")
	flags.StringVar(&f.cert, "tls-cert", "", "PEM `file` with the certificate chain of the data plane")
	flags.StringVar(&f.key, "tls-key", "", "PEM `file` with its key")
	flags.BoolVar(&f.insecure, "insecure", false, "allow plain HTTP on an address that is not loopback")
	flags.BoolVar(&f.simulate, "simulate", false, "replace every endpoint of the estate by a simulated one")
	flags.BoolVar(&f.watch, "watch", false, "reload the estate when its files change")
	flags.DurationVar(&f.drain, "drain", time.Minute, "how long calls under way may go on after SIGTERM, for example 35m")
	if code, ok := parse(flags, args, "Serves an estate. Prints \"ready listen=ADDR control=ADDR\" once it does; SIGHUP reloads, SIGTERM drains.", stdout, stderr); !ok {
		return code
	}
	if err := f.validate(); err != nil {
		fmt.Fprintf(stderr, "bulkhead serve: %v\n", err)
		return exitUsage
	}
	collectLess()
	s, err := assemble(ctx, f, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead serve: %v\n", err)
		return exitOf(err)
	}
	printNotEnforced(stderr)
	fmt.Fprintf(stdout, "ready listen=%s control=%s\n", s.dataAddr(), s.controlAddr())
	if err := s.run(); err != nil {
		fmt.Fprintf(stderr, "bulkhead serve: %v\n", err)
		return exitFailed
	}
	return exitFine
}

// exitOf tells an estate with faults from a server that could not run.
func exitOf(err error) int {
	var faults *estate.FaultsError
	if errors.As(err, &faults) {
		return exitFinding
	}
	return exitFailed
}

// collectLess lets the heap grow to five times what lives before it is
// collected, unless the environment says otherwise. Next to nothing lives, so
// that it costs some 10 MB and saves a tenth of a small call.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

func (f *serveFlags) validate() error {
	if (f.cert == "") != (f.key == "") {
		return fmt.Errorf("--tls-cert and --tls-key go together; give both or neither")
	}
	if f.drain <= 0 {
		return fmt.Errorf("--drain %v; write how long calls may go on, for example --drain 35m", f.drain)
	}
	if !loopback(f.control) {
		return fmt.Errorf("--control %s: the control listener is for this machine alone; write for example --control 127.0.0.1:8081", f.control)
	}
	return nil
}

// loopback reports whether an address to listen on is this machine's alone.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
