package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"bulkhead/console"
)

// runReload is `bulkhead reload`: it has the running server read its estate anew. It returns the exit code: 0 if the
// estate on disk is in force, 1 if it was refused and the old one stays, 2 usage, 3 if no server could be asked.
func runReload(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags, data, parse := commandFlags("reload", "usage: bulkhead reload [flags]\n")
	digest := flags.String("digest", "", "the `digest` that the estate must have, as bulkhead check prints it; another is refused")
	asJSON := flags.Bool("json", false, "write one JSON object instead of text")
	rest, code := parse(args, stdout, stderr)
	if code >= 0 {
		return code
	}
	if len(rest) > 0 {
		fmt.Fprintf(stderr, "bulkhead reload: unexpected %q; the server knows its estate, write: bulkhead reload --digest DIGEST, or bulkhead reload\n", rest[0])
		return 2
	}
	c, err := reachServer(ctx, *data)
	if errors.Is(err, errNoOwner) {
		fmt.Fprintf(stderr, "bulkhead reload: %v, so nothing is to be reloaded; name its folder with --data, or start one: bulkhead serve\n", err)
		return 3
	}
	if err != nil {
		return explain(stderr, "reload", err)
	}
	defer c.Close()
	var done console.Reloaded
	if err := c.do(ctx, http.MethodPost, "/reload", console.Reload{Digest: *digest}, &done); err != nil {
		return explain(stderr, "reload", err)
	}
	switch {
	case *asJSON:
		err = json.NewEncoder(stdout).Encode(done)
	case done.Old == done.New:
		_, err = fmt.Fprintf(stdout, "estate %s is in force, as before\n", done.New)
	default:
		_, err = fmt.Fprintf(stdout, "estate %s is in force; it was %s\n", done.New, done.Old)
	}
	if err != nil {
		return explain(stderr, "reload", err)
	}
	return 0
}
