package main

import (
	"context"
	"crypto/fips140"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// release is the version of this source; builds from a repository add its state.
const release = "0.1.0-dev"

// law is one of the laws of the design that this build does not enforce yet.
type law struct {
	Law     int    `json:"law"`
	Name    string `json:"name"`
	Missing string `json:"missing"`
}

// notEnforced is what an operator must know before trusting this build. A law
// leaves the list with the commit that brings its gate.
func notEnforced() []law {
	return []law{
		{3, "one door", "there is one path and one door, which demands permit and receipt; it does not demand a hold yet."},
		{4, "money", "lines and prices are read, and nothing is reserved or counted against them yet."},
	}
}

type versionInfo struct {
	Version     string `json:"version"`
	Go          string `json:"go"`
	Platform    string `json:"platform"`
	Revision    string `json:"revision,omitempty"`
	Modified    bool   `json:"modified,omitempty"`
	FIPS        bool   `json:"fips_mode"`
	FIPSModule  string `json:"fips_module,omitempty"`
	NotEnforced []law  `json:"laws_not_enforced"`
}

func thisVersion() versionInfo {
	v := versionInfo{Version: release, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, FIPS: fips140.Enabled(), NotEnforced: notEnforced()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			case "GOFIPS140":
				v.FIPSModule = s.Value
			}
		}
	}
	return v
}

// runVersion is `bulkhead version`.
func runVersion(_ context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("version", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "print JSON")
	if code, ok := parse(flags, args, "Prints what this binary is, and which laws it does not enforce yet.", stdout, stderr); !ok {
		return code
	}
	v := thisVersion()
	if *asJSON {
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			fmt.Fprintf(stderr, "bulkhead version: %v\n", err)
			return exitFailed
		}
		fmt.Fprintln(stdout, string(b))
		return exitFine
	}
	fmt.Fprintf(stdout, "bulkhead %s %s %s %s\n", v.Version, v.Go, v.Platform, v.Revision)
	printNotEnforced(stdout)
	return exitFine
}

// printNotEnforced says in words what this build does not do yet.
func printNotEnforced(w io.Writer) {
	fmt.Fprintln(w, "not enforced yet:")
	for _, l := range notEnforced() {
		fmt.Fprintf(w, "  law %d, %s: %s\n", l.Law, l.Name, l.Missing)
	}
}
