// Command bulkhead is the gateway through which an agency uses AI models.
//
// One binary, one file a subcommand; wire.go builds the server by hand. Run
// `bulkhead help` for the list, `bulkhead SUBCOMMAND --help` for each.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// Exit codes, the same for every subcommand.
const (
	exitFine    = 0
	exitFinding = 1 // the question was answered, and the answer is no
	exitUsage   = 2
	exitFailed  = 3 // it could not run
)

// subcommand is one thing the binary does. run returns the exit code.
type subcommand struct {
	name, about string
	run         func(ctx context.Context, args []string, stdout, stderr io.Writer) int
}

func subcommands() []subcommand {
	return []subcommand{
		{"quickstart", "a worked estate with simulated vendors, a key and examples, in one command", runQuickstart},
		{"init", "write a worked estate to start from", runInit},
		{"check", "check an estate: faults, findings, digest", runCheck},
		{"explain", "which offerings may serve a call, and why not the others", runExplain},
		{"drill", "what a loss leaves: a vendor, a cloud, a contract; with --live for real", runDrill},
		{"plan", "what a changed estate makes possible and impossible", runPlan},
		{"schema", "JSON Schemas of the estate's files, for editors", runSchema},
		{"serve", "serve an estate", runServe},
		{"reload", "make a running server read its estate anew", runReload},
		{"suspend", "withdraw a vendor, cloud, partition, offering or model, at once", runSuspend},
		{"resume", "lift a suspension", runResume},
		{"suspensions", "what is and was withdrawn", runSuspensions},
		{"key", "create, list and revoke keys of workloads", runKey},
		{"marking", "read a marking: parse, join, dominates", runMarking},
		{"translate", "what would be sent to, or returned from, a vendor of another dialect", runTranslate},
		{"ledger", "check and read the record of calls: verify, show, replay, prove and more", runLedger},
		{"sim", "simulated vendors on loopback", runSim},
		{"version", "what this binary is, and which laws it does not enforce yet", runVersion},
	}
}

func main() { os.Exit(dispatch(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		help(stderr)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "--help", "-help":
		if len(args) > 1 {
			return dispatch(ctx, []string{args[1], "--help"}, stdout, stderr)
		}
		help(stdout)
		return exitFine
	}
	var names []string
	for _, c := range subcommands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
		names = append(names, c.name)
	}
	fmt.Fprintf(stderr, "bulkhead: there is no subcommand %q; there are: %s\n", args[0], strings.Join(names, ", "))
	return exitUsage
}

func help(w io.Writer) {
	fmt.Fprintln(w, "usage: bulkhead SUBCOMMAND [flags]")
	fmt.Fprintln(w)
	for _, c := range subcommands() {
		fmt.Fprintf(w, "  %-12s %s\n", c.name, c.about)
	}
	fmt.Fprintln(w, "\nStart with: bulkhead quickstart")
}

// parse reads a subcommand's flags and refuses anything beside them. ok is
// false where the subcommand should return code at once.
func parse(flags *flag.FlagSet, args []string, about string, stdout, stderr io.Writer) (code int, ok bool) {
	flags.SetOutput(io.Discard)
	usage := func(w io.Writer) {
		fmt.Fprintf(w, "usage: bulkhead %s [flags]\n%s\n\n", flags.Name(), about)
		flags.SetOutput(w)
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		usage(stdout)
		return exitFine, false
	case err != nil:
		fmt.Fprintf(stderr, "bulkhead %s: %v\n\n", flags.Name(), err)
		usage(stderr)
		return exitUsage, false
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "bulkhead %s: unexpected %q; everything is given by flags: bulkhead %s --help\n", flags.Name(), flags.Arg(0), flags.Name())
		return exitUsage, false
	}
	return exitFine, true
}
