package main

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

func TestParseProcStat(t *testing.T) {
	const rest = ` S 4015 77 77 0 -1 4194560 1525 0 3 0 131 42 7 9 20 0 8 0 12345 1270000000 5012 18446744073709551615 1 1`
	for _, name := range []string{"bulkhead", "nginx: worker", "a) S 1 (b", ""} {
		got, err := parseProcStat([]byte("77 (" + name + ")" + rest + "\n"))
		want := procStat{parent: 4015, user: 1310 * time.Millisecond, system: 420 * time.Millisecond}
		if err != nil || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", name, got, err, want)
		}
	}
	for _, bad := range []string{"", "77 (a", "77 (a) S 1 2", "77 (a) S x 77 77 0 -1 4194560 1525 0 3 0 131 42 7"} {
		if got, err := parseProcStat([]byte(bad)); err == nil {
			t.Errorf("%q: got %+v, want an error", bad, got)
		}
	}
}

func TestParseProcStatus(t *testing.T) {
	const status = "Name:\tnginx\nVmPeak:\t   99999 kB\nVmHWM:\t   22016 kB\nVmRSS:\t   18004 kB\nRssAnon:\t    3000 kB\n"
	got, err := parseProcStatus([]byte(status))
	if want := (memory{Now: 18004 << 10, Peak: 22016 << 10}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "VmHWM:\t   22016 kB\n", "VmHWM:\t 1 kB\nVmRSS:\t many kB\n", "VmHWM:\t 1 kB\nVmRSS:\t 2 MB\n"} {
		if got, err := parseProcStatus([]byte(bad)); err == nil {
			t.Errorf("%q: got %+v, want an error", bad, got)
		}
	}
}

func TestProcessorTime_OfAnotherProcessAgreesWithItsOwnAccount(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	cmd := exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo; read wait")
	stdin, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stdout.Read(make([]byte, 1)) // its work is done
	got, err := processorTime([]int{cmd.Process.Pid})
	if err != nil {
		t.Fatal(err)
	}
	children, err := childrenOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, pid := range children {
		found = found || pid == cmd.Process.Pid
	}
	if !found {
		t.Errorf("childrenOf: got %v, want %d among them", children, cmd.Process.Pid)
	}
	stdin.Close()
	cmd.Wait()
	want := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if got <= 0 || (got-want).Abs() > 50*time.Millisecond {
		t.Errorf("got %v, want about %v", got, want)
	}
	if _, err := processorTime([]int{cmd.Process.Pid}); err == nil {
		t.Error("of a process that is gone: got no error")
	}
}
