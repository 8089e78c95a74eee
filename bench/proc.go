package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of times in /proc/PID/stat: USER_HZ is 100 on every
// architecture that Go runs on under Linux.
const clockTick = 10 * time.Millisecond

// procStat is what matters of /proc/PID/stat, proc_pid_stat(5).
type procStat struct {
	parent       int
	user, system time.Duration
}

func parseProcStat(b []byte) (procStat, error) {
	// The second field, the name in parentheses, may hold anything.
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return procStat{}, fmt.Errorf("no name in %.80q", b)
	}
	fields := strings.Fields(string(b[i+1:]))
	if len(fields) < 13 {
		return procStat{}, fmt.Errorf("%d fields after the name in %.80q", len(fields), b)
	}
	var n [3]int
	for k, at := range [...]int{1, 11, 12} { // ppid, utime, stime: fields 4, 14, 15
		v, err := strconv.Atoi(fields[at])
		if err != nil {
			return procStat{}, fmt.Errorf("field %d: %w", at+3, err)
		}
		n[k] = v
	}
	return procStat{parent: n[0], user: time.Duration(n[1]) * clockTick, system: time.Duration(n[2]) * clockTick}, nil
}

// memory is the resident memory of a process, in bytes: now, and the most so far.
type memory struct {
	Now, Peak int64
}

func parseProcStatus(b []byte) (memory, error) {
	var m memory
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		into := map[string]*int64{"VmRSS": &m.Now, "VmHWM": &m.Peak}[name]
		if into == nil {
			continue
		}
		kb, ok := strings.CutSuffix(strings.TrimSpace(value), " kB")
		n, err := strconv.ParseInt(strings.TrimSpace(kb), 10, 64)
		if !ok || err != nil {
			return m, fmt.Errorf("%s is %q", name, value)
		}
		*into = n << 10
	}
	if m.Now == 0 || m.Peak == 0 {
		return m, fmt.Errorf("no VmRSS or VmHWM")
	}
	return m, nil
}

// processorTime is what all of pids have used so far, in user and system mode.
func processorTime(pids []int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		if t, ok := processClock(pid); ok {
			sum += t
			continue
		}
		s, err := readStat(pid)
		if err != nil {
			return 0, err
		}
		sum += s.user + s.system
	}
	return sum, nil
}

// residentMemory adds up the memory of pids; pages that they share count in each.
func residentMemory(pids []int) (memory, error) {
	var sum memory
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return sum, err
		}
		m, err := parseProcStatus(b)
		if err != nil {
			return sum, fmt.Errorf("/proc/%d/status: %w", pid, err)
		}
		sum.Now += m.Now
		sum.Peak += m.Peak
	}
	return sum, nil
}

func readStat(pid int) (procStat, error) {
	name := fmt.Sprintf("/proc/%d/stat", pid)
	b, err := os.ReadFile(name)
	if err != nil {
		return procStat{}, err
	}
	s, err := parseProcStat(b)
	if err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// childrenOf lists the processes whose parent is pid.
func childrenOf(pid int) ([]int, error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, name := range names {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			continue
		}
		if s, err := readStat(child); err == nil && s.parent == pid {
			pids = append(pids, child)
		}
	}
	return pids, nil
}
