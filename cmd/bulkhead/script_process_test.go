package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// processes are what a story runs.
type processes struct {
	env     []string // of the story, as it began
	running map[string]*process
}

type processesKey struct{}

func of(ts *testscript.TestScript) *processes { return ts.Value(processesKey{}).(*processes) }

// process is one program that runs beside a story. Its Wait is done by a
// goroutine that ends with it; the story's end kills it.
type process struct {
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has ended
}

// command prepares [NAME=value…] PROGRAM ARG….
func (p *processes) command(ctx context.Context, ts *testscript.TestScript, args []string) *exec.Cmd {
	env := append([]string(nil), p.env...)
	for len(args) > 0 && strings.Contains(args[0], "=") {
		env, args = append(env, args[0]), args[1:]
	}
	if len(args) == 0 {
		ts.Fatalf("name a program to run")
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(env, "PWD="+cmd.Dir)
	return cmd
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 2, -1, "exits CODE [NAME=value...] PROGRAM ARG...")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := of(ts).command(ctx, ts, args[1:])
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	err := cmd.Run()
	if ctx.Err() != nil {
		ts.Fatalf("it had not ended after %v", patience)
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if got := ending(cmd.ProcessState); got != args[0] {
		ts.Fatalf("it ended with %s, want %s", got, args[0])
	}
}

// ending is an exit code, or the name of the signal that ended a process.
func ending(s *os.ProcessState) string {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return w.Signal().String()
	}
	return fmt.Sprint(s.ExitCode())
}

var (
	readyLine   = regexp.MustCompile(`(?m)^ready listen=(\S+)(?: control=(\S+))?$`)
	isAWordOnly = regexp.MustCompile(`^[a-z0-9]+$`)
)

// begin runs a program beside the story; nobody waits for it to be ready.
func begin(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 2, -1, "begin NAME [NAME=value...] PROGRAM ARG...")
	launch(ts, args)
}

// launch runs a program whose output goes to files by its name.
func launch(ts *testscript.TestScript, args []string) (p *process, out string) {
	name := args[0]
	if !isAWordOnly.MatchString(name) {
		ts.Fatalf("%q is no name for a process", name)
	}
	all := of(ts)
	if old := all.running[name]; old != nil && !old.hasEnded() {
		ts.Fatalf("%s runs already", name)
	}
	cmd := all.command(context.Background(), ts, args[1:])
	stdout, err := os.Create(ts.MkAbs(name + ".out"))
	ts.Check(err)
	defer stdout.Close()
	stderr, err := os.Create(ts.MkAbs(name + ".err"))
	ts.Check(err)
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	ts.Check(cmd.Start())
	p = &process{cmd: cmd, gone: make(chan struct{})}
	go func() { cmd.Wait(); close(p.gone) }()
	all.running[name] = p
	ts.Defer(func() { cmd.Process.Kill(); <-p.gone })
	return p, stdout.Name()
}

func start(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 2, -1, "start NAME [NAME=value...] PROGRAM ARG...")
	p, stdout := launch(ts, args)
	name, cmd := args[0], p.cmd
	says, ok := soon(stdout, func(out string) bool { return readyLine.MatchString(out) || p.hasEnded() })
	ready := readyLine.FindStringSubmatch(says)
	if !ok || ready == nil {
		cmd.Process.Kill()
		<-p.gone
		why, _ := os.ReadFile(ts.MkAbs(name + ".err"))
		ts.Fatalf("%s is not ready (%s)\n%s%s", name, cmd.ProcessState, says, why)
	}
	scheme := "http://"
	if strings.Contains(strings.Join(args, " "), "--tls-cert") {
		scheme = "https://"
	}
	ts.Setenv(name, scheme+ready[1])
	ts.Setenv(name+"_pid", fmt.Sprint(cmd.Process.Pid))
	if ready[2] != "" {
		ts.Setenv(name+"_control", "http://"+ready[2])
	}
}

func (p *process) hasEnded() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

func named(ts *testscript.TestScript, name string) *process {
	p := of(ts).running[name]
	if p == nil {
		ts.Fatalf("nothing was started as %q", name)
	}
	return p
}

var signals = map[string]os.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}

func signalTo(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 2, 2, "signal NAME HUP|INT|TERM|KILL")
	s, ok := signals[args[1]]
	if !ok {
		ts.Fatalf("no signal %s", args[1])
	}
	ts.Check(named(ts, args[0]).cmd.Process.Signal(s))
}

func ended(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 2, 2, "ended NAME CODE|SIGNAL")
	p := named(ts, args[0])
	select {
	case <-p.gone:
	case <-time.After(patience):
		ts.Fatalf("after %v %s still runs:\n%s", patience, args[0], ts.ReadFile(args[0]+".err"))
	}
	if got := ending(p.cmd.ProcessState); got != args[1] {
		ts.Fatalf("%s ended with %s, want %s:\n%s", args[0], got, args[1], ts.ReadFile(args[0]+".err"))
	}
}

func running(ts *testscript.TestScript, neg bool, args []string) {
	wantArgs(ts, neg, args, 1, 1, "running NAME")
	if p := named(ts, args[0]); p.hasEnded() {
		ts.Fatalf("%s has ended (%s):\n%s", args[0], p.cmd.ProcessState, ts.ReadFile(args[0]+".err"))
	}
}
