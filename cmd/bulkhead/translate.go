package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"bulkhead/call"
	"bulkhead/chat"
	"bulkhead/dialect"
	"bulkhead/fault"
	"bulkhead/translate"
	"bulkhead/wire"
)

const translateAbout = `Shows exactly what would be sent to a vendor, or returned to a caller, of another dialect.

kinds: request  FILE is the body of a caller's request in --from; what a vendor of --to would be sent
       reply    FILE is the body of a vendor's reply in --from; what a caller of --to would get
       stream   FILE is the raw bytes of a vendor's streamed reply
--to chat prints the canonical form (docs/canonical.md). What would be sent is on standard output;
losses, refusals and capabilities that the request asks for are on standard error, or in --json.
FILE - is standard input. exit: 0 translated, 1 refused or broken, 2 usage, 3 could not run`

// hub is the name of the canonical form among the dialects.
const hub = "chat"

// translation is what `bulkhead translate` is asked, and what came of it: the
// documented JSON of --json.
type translation struct {
	From     string            `json:"from"`
	To       string            `json:"to"`
	Kind     string            `json:"kind"`
	Method   string            `json:"method,omitempty"`
	Path     string            `json:"path,omitempty"`
	Header   map[string]string `json:"header,omitempty"`
	Body     json.RawMessage   `json:"body,omitempty"` // the JSON itself; of a stream its text
	Bytes    []byte            `json:"body_base64,omitempty"`
	Needs    []translateNeed   `json:"needs,omitempty"`
	Unknown  []string          `json:"unknown_fields,omitempty"`
	Losses   []chat.Loss       `json:"losses,omitempty"`
	Refusal  *translateRefusal `json:"refusal,omitempty"`
	from, to translate.Dialect
	out      []byte
	asked    translateAsked
}

type translateNeed struct {
	Capability call.Capability `json:"capability"`
	Field      string          `json:"field"`
}

type translateRefusal struct {
	Code    fault.Kind `json:"code"`
	Field   string     `json:"field,omitempty"`
	Message string     `json:"message"`
}

// translateAsked are the flags that stand for what an offering's row would say.
type translateAsked struct {
	model, surface, version, reasoning string
	maxOutput                          int64
	stream                             bool
	allowed                            []string
}

func (a *translateAsked) upstream() *dialect.Upstream {
	return &dialect.Upstream{Model: a.model, Surface: a.surface, APIVersion: a.version, Reasoning: a.reasoning, MaxTokens: a.maxOutput, AskUsage: true}
}

// runTranslate is `bulkhead translate`. It returns the exit code.
func runTranslate(_ context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("translate", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var t translation
	flags.StringVar(&t.From, "from", "", "`dialect` that FILE is in: "+dialectNames())
	flags.StringVar(&t.To, "to", "", "`dialect` to translate to: "+dialectNames()+", or chat for the canonical form")
	flags.StringVar(&t.Kind, "kind", "request", "`kind` of what FILE holds: request, reply or stream")
	asJSON := flags.Bool("json", false, "write one JSON object instead")
	allow := flags.String("allow", "", "`fields` whose loss is allowed, with commas, as in a workload's entry")
	flags.StringVar(&t.asked.model, "model", "", "`id` of the vendor's model; if absent, what the request asks for")
	flags.BoolVar(&t.asked.stream, "stream", false, "the request asks for a stream, where its dialect says so in the path")
	flags.Int64Var(&t.asked.maxOutput, "max-output", 4096, "`tokens` that the model may give at most, for dialects that must say so")
	flags.StringVar(&t.asked.reasoning, "reasoning", "", "how the model is told to reason: `effort`, budget or adaptive; if absent, not known")
	flags.StringVar(&t.asked.surface, "surface", "v1", "`surface` of the endpoint, such as v1 or deployments")
	flags.StringVar(&t.asked.version, "api-version", "", "`version` of the API that the endpoint is asked for")
	usage := func(w io.Writer) {
		fmt.Fprintf(w, "usage: bulkhead translate --from DIALECT --to DIALECT [--kind request|reply|stream] [--json] FILE\n%s\n\n", translateAbout)
		flags.SetOutput(w)
		flags.PrintDefaults()
	}
	rest, err := parseMixed(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage(stdout)
		return exitFine
	case err != nil:
		fmt.Fprintf(stderr, "bulkhead translate: %v\n", err)
		usage(stderr)
		return exitUsage
	}
	if *allow != "" {
		t.asked.allowed = strings.Split(*allow, ",")
	}
	if hint := t.check(rest); hint != "" {
		fmt.Fprintf(stderr, "bulkhead translate: %s\n", hint)
		return exitUsage
	}
	text, err := readArgument(rest[0])
	if err != nil {
		fmt.Fprintf(stderr, "bulkhead translate: %v\n", err)
		return exitFailed
	}
	failed := t.do(text)
	if failed != nil {
		f := fault.From(failed)
		t.Refusal = &translateRefusal{f.Kind, f.Field, f.Message}
	}
	if err := t.write(stdout, stderr, *asJSON); err != nil {
		fmt.Fprintf(stderr, "bulkhead translate: %v\n", err)
		return exitFailed
	}
	if failed != nil {
		return exitFinding
	}
	return exitFine
}

func dialectNames() string {
	var names []string
	for _, d := range translate.Dialects() {
		names = append(names, string(d.Name))
	}
	return strings.Join(names, ", ")
}

// check finds the dialects; it gives what to type instead where they are none.
func (t *translation) check(files []string) string {
	var ok bool
	if t.from, ok = translate.Of(dialect.Name(t.From)); !ok {
		return fmt.Sprintf("there is no dialect %q to translate from; write --from with one of: %s", t.From, dialectNames())
	}
	if t.to, ok = translate.Of(dialect.Name(t.To)); !ok && t.To != hub {
		return fmt.Sprintf("there is no dialect %q to translate to; write --to with one of: %s, %s", t.To, dialectNames(), hub)
	}
	if !slices.Contains([]string{"request", "reply", "stream"}, t.Kind) {
		return fmt.Sprintf("there is no kind %q; write --kind request, reply or stream", t.Kind)
	}
	if len(files) != 1 {
		return "name one file, for example: bulkhead translate --from " + t.From + " --to " + t.To + " request.json"
	}
	return ""
}

// readArgument reads a file, or standard input for -.
func readArgument(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(name)
}

func (t *translation) do(text []byte) error {
	switch t.Kind {
	case "request":
		return t.request(text)
	case "reply":
		return t.reply(text)
	}
	return t.stream(text)
}

// request takes a caller's request through the gates' scan and the hub.
func (t *translation) request(body []byte) error {
	var s wire.Scanner
	in := &dialect.Inbound{Action: call.Chat, Model: t.asked.model, Stream: t.asked.stream, Body: body}
	read, err := t.from.Reader.Read(in, &s, dialect.Listener{})
	if err != nil {
		return err
	}
	asked := read.Asked()
	for _, n := range asked.Needs {
		t.Needs = append(t.Needs, translateNeed{n.Capability, n.Field})
	}
	t.Unknown = asked.Unknown
	r, err := t.from.Server.Decode(in, &s)
	if err != nil {
		return err
	}
	if t.To == hub {
		t.out, err = chat.Marshal(r)
		return err
	}
	if t.asked.model == "" {
		t.asked.model = r.Model
	}
	l := t.from.Losses(t.to.Name, t.asked.allowed)
	out, err := t.from.Request(r, t.to, t.asked.upstream(), l)
	t.Losses = l.List()
	if err != nil {
		return err
	}
	t.Method, t.Path, t.out = out.Method, out.Path, out.Body
	for name := range out.Header {
		if t.Header == nil {
			t.Header = map[string]string{}
		}
		t.Header[name] = out.Header.Get(name)
	}
	return nil
}

// answering stands for the call that the reply would answer.
func (t *translation) answering(l *chat.Losses) *dialect.Answering {
	return &dialect.Answering{Call: "00000000000000000000000000", Created: time.Now(), Model: t.asked.model, Request: &chat.Request{Usage: true, Stream: t.Kind == "stream"}, Loss: l}
}

func (t *translation) reply(body []byte) error {
	r, err := t.from.Client.Reply(body, new(wire.Scanner), t.asked.upstream())
	if err != nil {
		return err
	}
	if t.To == hub {
		t.out, err = chat.Marshal(r)
		return err
	}
	l := chat.NewLosses(t.To, nil, t.asked.allowed)
	t.out, err = t.to.Server.Reply(nil, r, t.answering(l))
	t.Losses = l.List()
	return err
}

func (t *translation) stream(text []byte) error {
	decoder := t.from.Client.Stream(t.asked.upstream())
	if t.To == hub {
		var failed error
		err := translate.Events(decoder, bytes.NewReader(text), func(e *chat.Event) error {
			line, err := chat.Marshal(e)
			t.out = append(append(t.out, line...), '\n')
			if e.Fault != nil {
				failed = e.Fault
			}
			return err
		})
		if err == nil && failed != nil {
			return failed
		}
		return err
	}
	l := chat.NewLosses(t.To, nil, t.asked.allowed)
	var err error
	t.out, err = translate.Stream(nil, decoder, bytes.NewReader(text), t.to.Server.Stream(t.answering(l)))
	t.Losses = l.List()
	return err
}

// write tells what came of it.
func (t *translation) write(stdout, stderr io.Writer, asJSON bool) error {
	if asJSON {
		if err := t.embody(); err != nil {
			return err
		}
		return writeStudyJSON(stdout, t)
	}
	for _, n := range t.Needs {
		fmt.Fprintf(stderr, "needs    %s, by %s: an offering must grant it\n", n.Capability, n.Field)
	}
	for _, name := range t.Unknown {
		fmt.Fprintf(stderr, "unknown  %s: passes or is refused as the workload's unknown_fields says\n", name)
	}
	for _, l := range t.Losses {
		fmt.Fprintf(stderr, "lost     %s: %s for %s\n", l.Field, l.Action, l.Target)
	}
	if t.Refusal != nil {
		fmt.Fprintf(stderr, "refused  %s: %s\n", t.Refusal.Code, t.Refusal.Message)
	}
	if t.Path != "" {
		fmt.Fprintf(stdout, "%s %s\n", t.Method, t.Path)
		names := make([]string, 0, len(t.Header))
		for name := range t.Header {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			fmt.Fprintf(stdout, "%s: %s\n", name, t.Header[name])
		}
		fmt.Fprintln(stdout)
	}
	if _, err := stdout.Write(t.out); err != nil || len(t.out) == 0 || t.Kind == "stream" {
		return err
	}
	_, err := fmt.Fprintln(stdout)
	return err
}

// embody puts what was written where --json has it.
func (t *translation) embody() error {
	var err error
	switch {
	case len(t.out) == 0:
	case t.Kind != "stream":
		t.Body = t.out
	case utf8.Valid(t.out):
		t.Body, err = json.Marshal(string(t.out))
	default:
		t.Bytes = t.out
	}
	return err
}
