package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bulkhead/estate"
)

// runSchema is `bulkhead schema`: it writes the JSON Schemas of an estate's files. It returns the exit code: 0 if they
// were written, 2 for a usage error, 3 if they could not be written.
func runSchema(_ context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("schema", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dir := flags.String("dir", "", "`folder` to write KIND.schema.json files to, for editors")
	usage := func(w io.Writer) {
		fmt.Fprintf(w, "usage: bulkhead schema [KIND] [--dir DIR]\nkinds: %s\n", strings.Join(estate.Kinds(), ", "))
		flags.SetOutput(w)
		flags.PrintDefaults()
	}
	rest, err := parseMixed(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage(stdout)
		return exitFine
	case err != nil:
		fmt.Fprintf(stderr, "bulkhead schema: %v\n", err)
		usage(stderr)
		return exitUsage
	case len(rest) > 1:
		fmt.Fprintln(stderr, "bulkhead schema: name one kind of file, or none for all; for example: bulkhead schema cloud")
		return exitUsage
	case len(rest) == 1 && !slices.Contains(estate.Kinds(), rest[0]):
		fmt.Fprintf(stderr, "bulkhead schema: no kind of file is called %q; write one of %s\n", rest[0], strings.Join(estate.Kinds(), ", "))
		return exitUsage
	}
	kinds := estate.Kinds()
	if len(rest) == 1 {
		kinds = rest
	}
	if *dir != "" {
		err = writeSchemas(*dir, kinds, stdout)
	} else {
		err = printSchemas(stdout, kinds, len(rest) == 1)
	}
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead schema: %v\n", err)
		return exitFailed
	}
	return exitFine
}

// printSchemas writes the one schema asked for, or an object of all by kind.
func printSchemas(w io.Writer, kinds []string, one bool) error {
	all := map[string]json.RawMessage{}
	for _, k := range kinds {
		schema, err := estate.Schema(k)
		if err != nil {
			return err
		}
		if one {
			_, err = w.Write(schema)
			return err
		}
		all[k] = schema
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(all)
}

func writeSchemas(dir string, kinds []string, stdout io.Writer) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, k := range kinds {
		schema, err := estate.Schema(k)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, k+".schema.json")
		if err := os.WriteFile(file, schema, 0o644); err != nil {
			return err
		}
		fmt.Fprintln(stdout, file)
	}
	return nil
}
