package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The stories in testdata/script run the binary as its users do: this test's
// own executable, which is bulkhead when it is called by that name. Beside
// testscript's commands they have those of storyCommands.

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bulkhead": main})
}

func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                storyCommands(),
		Setup: func(env *testscript.Env) error {
			env.Values[processesKey{}] = &processes{env: append([]string(nil), env.Vars...), running: map[string]*process{}}
			return nil
		},
	})
}

// patience is how long a story waits for what should happen soon.
const patience = 15 * time.Second

// storyCommands are what the stories have beside testscript's own commands.
func storyCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		// exits CODE [NAME=value…] PROGRAM ARG…: runs it; it must end with CODE.
		"exits": exits,
		// start NAME [NAME=value…] PROGRAM ARG…: runs it until the story ends, its output in NAME.out and NAME.err.
		// When it says that it is ready, $NAME is its URL and $NAME_control that of its control listener,
		// $NAME_pid its number.
		"start": start,
		// begin NAME [NAME=value…] PROGRAM ARG…: runs a program that does not say ready.
		"begin": begin,
		// signal NAME HUP|INT|TERM|KILL
		"signal": signalTo,
		// ended NAME CODE|SIGNAL: waits until it has ended, with that code or by that signal.
		"ended": ended,
		// running NAME: it has not ended.
		"running": running,
		// call [-ca FILE] [-h NAME:VALUE…] METHOD URL [KEY [BODY|@FILE]]: one HTTP call; status, header and body become stdout.
		"call": callURL,
		// refused METHOD URL KEY BODY: the same call is turned away by a server that goes down: draining, or no connection.
		"refused": refused,
		// stream NAME URL KEY BODY: a streaming call beside the story, its events in NAME.sse as they come; once it is
		// over, NAME.end says "whole", or what broke it.
		"stream": stream,
		// curled FILE: runs the first line of FILE that begins with curl, as it stands.
		"curled": curled,
		// harbour DIR URL: writes the small estate of testdata/harbour, with URL as its one endpoint.
		"harbour": harbour,
		// soon NAME DURATION: $NAME becomes the instant that is so far away.
		"soon": instant,
		// answers STATUS METHOD URL KEY: waits until the call is answered with the status.
		"answers": answers,
		// edit FILE OLD NEW: replaces the first OLD; \n in NEW begins a line.
		"edit": edit,
		// forge DATA OLD NEW: replaces a text in the newest entries of a log by one as long.
		"forge": forge,
		// keep NAME PATTERN FILE: $NAME becomes what the pattern's group matches.
		"keep": keep,
		// nth NAME N PATTERN FILE: waits until the file has the pattern N times; $NAME becomes the last one's group.
		"nth": nth,
		// await PATTERN FILE: waits until the file has it.
		"await": await,
		// logged FILE NAME=value…: waits for a log line with these fields, which becomes stdout.
		"logged": logged,
		// json FILE PATH [PATTERN]: the value at PATH, such as faults.0.line, is there, and matches.
		"json": jsonAt,
		// block FILE HEADING TO: writes what stands under a line of FILE, up to an empty line, to TO.
		"block": block,
		// vault NAME DIR CA TOKEN: a place that keeps in DIR what is put there by https with the token; $NAME is its URL, CA
		// becomes its root.
		"vault": vault,
		// certificate CERT KEY: writes a certificate of 127.0.0.1 that signs itself, and its key.
		"certificate": certificate,
		// mode FILE OCTAL: the permissions of a file or folder.
		"mode": mode,
	}
}

func wantArgs(ts *testscript.TestScript, neg bool, args []string, least, most int, usage string) {
	if neg || len(args) < least || most >= 0 && len(args) > most {
		ts.Fatalf("usage: %s", usage)
	}
}

func harbour(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 2, 2, "harbour DIR URL")
	const from = "testdata/harbour"
	ts.Check(filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(ts.MkAbs(args[0]), strings.TrimPrefix(path, from))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, bytes.ReplaceAll(text, []byte("VENDOR"), []byte(args[1])), 0o644)
	}))
}

func edit(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 3, 3, "edit FILE OLD NEW")
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not have %q:\n%s", args[0], args[1], text)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], strings.ReplaceAll(args[2], `\n`, "\n"), 1)), 0o644))
}

func keep(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 3, 3, "keep NAME PATTERN FILE")
	m := pattern(ts, args[1]).FindStringSubmatch(ts.ReadFile(args[2]))
	if len(m) != 2 {
		ts.Fatalf("%s does not have %s with one group", args[2], args[1])
	}
	ts.Setenv(args[0], m[1])
}

func nth(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 4, 4, "nth NAME N PATTERN FILE")
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	re := pattern(ts, args[2])
	text, ok := soon(ts.MkAbs(args[3]), func(text string) bool { return len(re.FindAllString(text, -1)) >= n })
	if !ok {
		ts.Fatalf("after %v %s does not have %s %d times:\n%s", patience, args[3], args[2], n, text)
	}
	ts.Setenv(args[0], re.FindAllStringSubmatch(text, -1)[n-1][1])
}

func instant(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 2, 2, "soon NAME DURATION")
	d, err := time.ParseDuration(args[1])
	ts.Check(err)
	ts.Setenv(args[0], time.Now().Add(d).UTC().Format(time.RFC3339))
}

func pattern(ts *testscript.TestScript, text string) *regexp.Regexp {
	re, err := regexp.Compile("(?m)" + text)
	ts.Check(err)
	return re
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 2, 2, "await PATTERN FILE")
	re := pattern(ts, args[0])
	text, ok := soon(ts.MkAbs(args[1]), re.MatchString)
	if !ok {
		ts.Fatalf("after %v %s does not have %s:\n%s", patience, args[1], args[0], text)
	}
}

// soon reads a file until it is as wanted, or patience ends.
func soon(file string, wanted func(string) bool) (text string, ok bool) {
	for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		raw, err := os.ReadFile(file)
		if err == nil && wanted(string(raw)) {
			return string(raw), true
		}
		if time.Now().After(until) {
			return string(raw), false
		}
	}
}

func logged(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 2, -1, "logged FILE NAME=value...")
	var found string
	text, ok := soon(ts.MkAbs(args[0]), func(log string) bool {
		for line := range strings.Lines(log) {
			if hasFields(line, args[1:]) {
				found = line
				return true
			}
		}
		return false
	})
	if !ok {
		ts.Fatalf("after %v %s has no line with %s:\n%s", patience, args[0], strings.Join(args[1:], " "), text)
	}
	fmt.Fprint(ts.Stdout(), found)
}

func hasFields(line string, fields []string) bool {
	var got map[string]any
	if json.Unmarshal([]byte(line), &got) != nil {
		return false
	}
	for _, f := range fields {
		name, want, _ := strings.Cut(f, "=")
		if v, ok := got[name]; !ok || fmt.Sprint(v) != want {
			return false
		}
	}
	return true
}

func jsonAt(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 2, 3, "json FILE PATH [PATTERN]")
	var at any
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	d.UseNumber()
	ts.Check(d.Decode(&at))
	for step := range strings.SplitSeq(args[1], ".") {
		switch v := at.(type) {
		case map[string]any:
			at = v[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i < 0 || i >= len(v) {
				ts.Fatalf("%s: there is no %s: the list has %d", args[1], step, len(v))
			}
			at = v[i]
		default:
			ts.Fatalf("%s: there is no %s in %v", args[1], step, at)
		}
		if at == nil {
			ts.Fatalf("%s: there is no %s", args[1], step)
		}
	}
	if len(args) == 3 && !pattern(ts, args[2]).MatchString(fmt.Sprint(at)) {
		ts.Fatalf("%s is %v, want %s", args[1], at, args[2])
	}
}

func block(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 3, 3, "block FILE HEADING TO")
	_, rest, ok := strings.Cut(ts.ReadFile(args[0]), "\n"+args[1])
	_, rest, more := strings.Cut(rest, "\n")
	if !ok || !more {
		ts.Fatalf("%s has no line that begins with %q", args[0], args[1])
	}
	text, _, _ := strings.Cut(rest, "\n\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(text+"\n"), 0o644))
}

func mode(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 2, 2, "mode FILE OCTAL")
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s is %s, want %s", args[0], got, args[1])
	}
}
