package main

import (
	"io"
	"sync"
	"time"
)

// logWriter gathers log lines and writes them together, at the latest after a
// tenth of a second: one write a call is a tenth of a small call's cost. What a
// crash can lose of it is log, not record.
type logWriter struct {
	mu    sync.Mutex
	to    io.Writer
	buf   []byte
	timer *time.Timer // set while lines wait
}

const (
	logWait  = 100 * time.Millisecond
	logBytes = 32 << 10
)

// Write takes one line.
func (l *logWriter) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, line...)
	switch {
	case len(l.buf) >= logBytes:
		return len(line), l.flush()
	case l.timer == nil:
		l.timer = time.AfterFunc(logWait, func() { l.Flush() })
	}
	return len(line), nil
}

// Flush writes what waits. The timer calls it, and so does the server's end.
func (l *logWriter) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flush()
}

func (l *logWriter) flush() error {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if len(l.buf) == 0 {
		return nil
	}
	_, err := l.to.Write(l.buf)
	l.buf = l.buf[:0]
	return err
}
