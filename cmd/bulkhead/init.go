package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"bulkhead/catalog"
	"bulkhead/estate"
)

// runInit is `bulkhead init`: it writes a worked estate to start from. It returns the exit code: 0 if it was written,
// 2 for a usage error, 3 if it could not be written.
func runInit(_ context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("init", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	domain := flags.String("domain", string(catalog.Unclassified), "`domain` of the enclave: unclassified or secret")
	usage := func(w io.Writer) {
		fmt.Fprintln(w, "usage: bulkhead init DIR [--domain unclassified|secret]")
		flags.SetOutput(w)
		flags.PrintDefaults()
	}
	rest, err := parseMixed(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage(stdout)
		return exitFine
	case err != nil:
		fmt.Fprintf(stderr, "bulkhead init: %v\n", err)
		usage(stderr)
		return exitUsage
	case len(rest) != 1:
		fmt.Fprintln(stderr, "bulkhead init: name one folder to write to, for example: bulkhead init ./estate")
		return exitUsage
	case *domain != string(catalog.Unclassified) && *domain != string(catalog.Secret):
		fmt.Fprintf(stderr, "bulkhead init: there is no worked estate for domain %q; write: bulkhead init %s --domain unclassified, or --domain secret\n", *domain, rest[0])
		return exitUsage
	}
	dir := rest[0]
	switch err := estate.Init(dir, catalog.Domain(*domain), time.Now()); {
	case errors.Is(err, estate.ErrNotEmpty):
		fmt.Fprintf(stderr, "bulkhead init: %v; name a new folder, for example: bulkhead init %s-example\n", err, dir)
		return exitFailed
	case err != nil:
		fmt.Fprintf(stderr, "bulkhead init: %v\n", err)
		return exitFailed
	}
	fmt.Fprintf(stdout, "wrote the estate of northwind, a fictional agency, into %s\ncheck it:  bulkhead check %s\nserve it with simulated vendors:  bulkhead serve --simulate --estate %s\n", dir, dir, dir)
	return exitFine
}
