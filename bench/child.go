package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// child is a process that the bench started and will end.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	cancel context.CancelFunc
}

// startChild starts a program. What it says on standard error goes to log. It
// ends with stop, with ctx, or when this process is killed.
func startChild(ctx context.Context, log io.Writer, env []string, name string, args ...string) (*child, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 3 * time.Second // after which it is killed
	dieWithParent(cmd)
	c := &child{cmd: cmd, cancel: cancel}
	stdin, err := cmd.StdinPipe()
	if err == nil {
		c.stdin = stdin
		var stdout io.ReadCloser
		if stdout, err = cmd.StdoutPipe(); err == nil {
			c.stdout = bufio.NewReader(stdout)
			err = cmd.Start()
		}
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return c, nil
}

// startSelf starts this program in one of its sub-modes.
func startSelf(ctx context.Context, mode string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startChild(ctx, os.Stderr, []string{"GOMAXPROCS=2"}, self, append([]string{mode}, args...)...)
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// line reads the next line of what the child prints, for at most limit.
func (c *child) line(limit time.Duration) (string, error) {
	late := time.AfterFunc(limit, c.cancel)
	defer late.Stop()
	s, err := c.stdout.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s ended or said nothing within %v", c.cmd.Path, limit)
	}
	return strings.TrimSuffix(s, "\n"), nil
}

// ready reads the line `ready … name=ADDR …` and gives ADDR. What the child
// prints after it is dropped.
func (c *child) ready(name string) (string, error) {
	s, err := c.line(30 * time.Second)
	if err != nil {
		return "", err
	}
	words := strings.Fields(s)
	if len(words) > 0 && words[0] == "ready" {
		for _, w := range words[1:] {
			if addr, ok := strings.CutPrefix(w, name+"="); ok {
				go io.Copy(io.Discard, c.stdout) // ends when stop closes the pipe
				return addr, nil
			}
		}
	}
	return "", fmt.Errorf("%s: got %q, want ready … %s=ADDR", c.cmd.Path, s, name)
}

// stop ends the child and waits until it is gone.
func (c *child) stop() {
	c.stdin.Close()
	c.cancel()
	c.cmd.Wait()
}

// untilStdinEnds is a context that ends when standard input does: when the
// process that started this one stops it, or is no more.
func untilStdinEnds() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // ends with the process at the latest
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx, cancel
}
