package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bulkhead/catalog"
	"bulkhead/control"
	"bulkhead/estate"
)

// runQuickstart is `bulkhead quickstart`.
func runQuickstart(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	dir := flags.String("dir", "./quickstart", "`folder` for the estate and the data; an estate that is there is kept")
	listen := flags.String("listen", "127.0.0.1:8080", "`address` of the data plane; port 0 takes a free one")
	watched := flags.String("control", "127.0.0.1:8081", "loopback `address` of health, readiness and metrics; port 0 takes a free one")
	pace := flags.Duration("pace", 15*time.Millisecond, "`time` between two chunks of a simulated stream")
	local := flags.String("local", os.Getenv("OPENAI_COMPATIBLE_URL"), "base `URL` of an OpenAI-compatible server on this machine or network, such as http://127.0.0.1:11434/v1 (default: $OPENAI_COMPATIBLE_URL)")
	model := flags.String("local-model", os.Getenv("OPENAI_COMPATIBLE_MODEL"), "`name` of the model it serves (default: $OPENAI_COMPATIBLE_MODEL)")
	const about = "Starts simulated vendors and a gateway in front of them, makes a key and prints what to try.\nWith OPENAI_API_KEY, or AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY, or --local, real offerings stand beside the simulated ones."
	if code, ok := parse(flags, args, about, stdout, stderr); !ok {
		return code
	}
	f := serveFlags{
		estate: filepath.Join(*dir, "estate"), data: filepath.Join(*dir, "data"),
		listen: *listen, control: *watched, simulate: true, watch: true, drain: 5 * time.Second, pace: *pace,
	}
	if err := f.validate(); err != nil {
		fmt.Fprintf(stderr, "bulkhead quickstart: %v\n", err)
		return exitUsage
	}
	real, err := realOfferings(*local, *model)
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead quickstart: %v\n", err)
		return exitUsage
	}
	if err := prepare(f.estate, real); err != nil {
		fmt.Fprintf(stderr, "bulkhead quickstart: %v\n", err)
		return exitFailed
	}
	s, err := assemble(ctx, f, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead quickstart: %v\n", err)
		return exitOf(err)
	}
	key, err := quickstartKey(ctx, s.controller)
	if err != nil {
		s.close()
		fmt.Fprintf(stderr, "bulkhead quickstart: make a key: %v\n", err)
		return exitFailed
	}
	printNotEnforced(stderr)
	fmt.Fprintf(stdout, "ready listen=%s control=%s\n", s.dataAddr(), s.controlAddr())
	printExamples(stdout, "http://"+s.dataAddr(), s.controlAddr(), key, *dir, real)
	if err := s.run(); err != nil {
		fmt.Fprintf(stderr, "bulkhead quickstart: %v\n", err)
		return exitFailed
	}
	return exitFine
}

// offered is a real model that quickstart was given.
type offered struct {
	alias, model, url, surface, version, auth, secret string
}

// realOfferings finds what the environment and the flags give.
func realOfferings(local, model string) ([]offered, error) {
	var out []offered
	if os.Getenv("OPENAI_API_KEY") != "" {
		out = append(out, offered{alias: "openai", model: orWord(os.Getenv("OPENAI_MODEL"), "gpt-4o-mini"), url: "https://api.openai.com/v1", auth: "bearer", secret: "env:OPENAI_API_KEY"})
	}
	if endpoint := os.Getenv("AZURE_OPENAI_ENDPOINT"); endpoint != "" && os.Getenv("AZURE_OPENAI_API_KEY") != "" {
		o := offered{alias: "azure", model: os.Getenv("AZURE_OPENAI_DEPLOYMENT"), url: strings.TrimSuffix(endpoint, "/") + "/openai/v1", auth: "api-key", secret: "env:AZURE_OPENAI_API_KEY"}
		if v := os.Getenv("OPENAI_API_VERSION"); v != "" {
			o.url, o.surface, o.version = strings.TrimSuffix(endpoint, "/"), "deployments", v
		}
		if o.model == "" {
			return nil, errors.New("AZURE_OPENAI_ENDPOINT is set; set AZURE_OPENAI_DEPLOYMENT to the deployment's name too, or unset the first")
		}
		out = append(out, o)
	}
	if local != "" {
		if model == "" {
			return nil, errors.New("--local is set; give the model's name too: --local-model NAME")
		}
		out = append(out, offered{alias: "local", model: model, url: strings.TrimSuffix(local, "/"), auth: "none"})
	}
	if local == "" && model != "" && os.Getenv("OPENAI_COMPATIBLE_MODEL") == "" {
		return nil, errors.New("--local-model is set; give the server's URL too: --local URL")
	}
	for _, o := range out {
		if u, err := url.Parse(o.url); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("%q is no base URL; write for example http://127.0.0.1:11434/v1", o.url)
		}
	}
	return out, nil
}

func orWord(v, otherwise string) string {
	if v == "" {
		return otherwise
	}
	return v
}

// prepare writes a worked estate if there is none, and the quickstart's own
// workload and real offerings, which follow what is given at each start.
func prepare(dir string, real []offered) error {
	if err := estate.Init(dir, catalog.Unclassified, time.Now()); errors.Is(err, estate.ErrNotEmpty) {
		if _, err := os.Stat(filepath.Join(dir, "enclave.yaml")); err != nil {
			return fmt.Errorf("%s holds something, and it is no estate; name another folder: --dir DIR", dir)
		}
	} else if err != nil {
		return err
	}
	aliases := "  chat: [openai/gpt-5.4, openai/gpt-4o, meta/llama-3.3-70b]\n  embed: [openai/text-embedding-3-small]\n"
	models, endpoints, offerings := "", "", ""
	for _, o := range real {
		aliases += fmt.Sprintf("  %s: [quickstart/%s]\n", o.alias, o.alias)
		models += fmt.Sprintf("  %s: {version: unpinned, modalities: [text, image, audio, file]}\n", o.alias)
		endpoints += fmt.Sprintf("  real-%s: {partition: quickstart, region: here, url: %q, dialect: openai, auth: {kind: %s%s}%s}\n",
			o.alias, o.url, o.auth, optional(", secret: ", o.secret), optional(", surface: ", o.surface)+optional(", api_version: ", o.version))
		offerings += fmt.Sprintf(realOffering, o.alias, o.model, day(0), day(1))
	}
	const by = "# Written by `bulkhead quickstart` at each start; edit a copy.\n"
	files := map[string]string{
		"workloads/quickstart.yaml": by + fmt.Sprintf(quickstartWorkload, day(1)) + aliases,
	}
	if len(real) > 0 {
		files["vendors/quickstart.yaml"] = by + "vendor: quickstart\nmodels:\n" + models
		files[realFile] = by + "cloud: quickstart\npartitions:\n  quickstart: {domain: unclassified, ceiling: U, regions: {here: US}}\nendpoints:\n" + endpoints + "offerings:\n" + offerings
	}
	for _, name := range []string{"workloads/quickstart.yaml", "vendors/quickstart.yaml", realFile} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		text, wanted := files[name]
		if !wanted {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// quickstartWorkload is the workload of a quickstart, but for its aliases.
const quickstartWorkload = `workload: quickstart
owner: {agency: northwind, organisation: quickstart}
purposes: [admin.drafting]
marking: {default: U, floor: U, ceiling: U, unread: U}
audience: {clearance: U, citizenship: [USA], affiliation: CONTRACTOR, document: NW-EXAMPLE-1, expires: %s}
aliases:
`

// realOffering is a row for a model that is not simulated: unclassified calls,
// under example documents, with nothing promised by vendor or cloud but that
// data do not become training data.
const realOffering = `  %[1]s:
    model: quickstart/%[1]s
    endpoint: real-%[1]s
    id: %[2]q
    regions: [here]
    authorisations:
      - {scheme: provider-terms, document: NW-EXAMPLE-2, official: "the provider", issued: %[3]s, expires: %[4]s, ceiling: U}
      - {scheme: agency-ato, document: NW-EXAMPLE-1, official: "CIO", issued: %[3]s, expires: %[4]s, ceiling: U}
    handling: {training: false, cloud_staff: anyone, vendor_staff: anyone, source: "example, not checked with the provider", checked: %[3]s}
    enablement: {state: enabled, by: northwind}
`

// day is today's date, years on.
func day(years int) string { return time.Now().UTC().AddDate(years, 0, 0).Format(time.DateOnly) }

func optional(label, v string) string {
	if v == "" {
		return ""
	}
	return label + fmt.Sprintf("%q", v)
}

// printExamples prints what works as it stands: a curl line, Python, Node.
func printExamples(w io.Writer, base, control, key, dir string, real []offered) {
	fmt.Fprintf(w, `
Simulated vendors answer behind Bulkhead; their words mean nothing, their wire is real.
The estate is in %[4]s/estate: edit it and it is reloaded. Health and metrics: http://%[3]s

# curl
curl -sS %[1]s/v1/chat/completions -H "Authorization: Bearer %[2]s" -H "Content-Type: application/json" -d '{"model":"chat","messages":[{"role":"user","content":"Say hello"}]}'

# Python (pip install openai)
from openai import OpenAI
client = OpenAI(base_url="%[1]s/v1", api_key="%[2]s")
for event in client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "Say hello"}], stream=True):
    print(event.choices[0].delta.content or "" if event.choices else "", end="", flush=True)
print()

// Node, as hello.mjs (npm install openai)
import OpenAI from "openai";
const client = new OpenAI({ baseURL: "%[1]s/v1", apiKey: "%[2]s" });
const reply = await client.chat.completions.create({ model: "chat", messages: [{ role: "user", content: "Say hello" }] });
console.log(reply.choices[0].message.content);
`, base, key, control, dir)
	for _, o := range real {
		fmt.Fprintf(w, "\nA real offering: alias %q is %s at %s\n", o.alias, o.model, o.url)
	}
	fmt.Fprintln(w, "\nStop with Ctrl-C.")
}

// quickstartKey makes the key that quickstart shows.
func quickstartKey(ctx context.Context, c *control.Controller) (string, error) {
	key, _, err := c.CreateKey(ctx, control.By{Via: "command"}, "quickstart", "made by quickstart", control.For(30*24*time.Hour))
	return key, err
}
