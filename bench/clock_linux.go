package main

import (
	"os"
	"os/exec"
	"syscall"
	"time"
	"unsafe"
)

// wakeOnTime asks the kernel to wake the calling thread when its sleep is over,
// not up to 50 µs later as it may by default: prctl(2), PR_SET_TIMERSLACK.
func wakeOnTime() {
	const setTimerSlack = 29
	syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 1, 0)
}

// sleepUntil sleeps in the kernel: the runtime's own timers wake up to a
// millisecond late when nothing else goes on.
func sleepUntil(t time.Time) {
	for wait := time.Until(t); wait > 0; wait = time.Until(t) {
		ts := syscall.NsecToTimespec(int64(wait))
		syscall.Nanosleep(&ts, nil)
	}
}

// ownProcessorTime is what this process has used so far.
func ownProcessorTime() time.Duration {
	t, _ := processClock(os.Getpid())
	return t
}

// processClock reads the processor-time clock of a process, to the nanosecond;
// /proc tells it only in hundredths of a second. The number of the clock is as
// clock_getcpuclockid(3) makes it. ok is false if there is no such process.
func processClock(pid int) (t time.Duration, ok bool) {
	var ts syscall.Timespec
	id := int32(^pid<<3 | 2)
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, uintptr(id), uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano()), errno == 0
}

// dieWithParent has the kernel end cmd's process if this one is killed.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
