package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"bulkhead/route"
)

// How many lines there may be about one circuit: so many at once, and then one
// each time that circuitEvery has passed, with the count of what it stands for.
const (
	circuitAtOnce = 4
	circuitEvery  = 30 * time.Second
)

// circuitLog writes down that circuits open and close. The calls that find it
// out only leave word: one goroutine, in run, writes. Its zero value is ready.
type circuitLog struct {
	mu   sync.Mutex
	wake chan struct{} // made with the first word that is left, or by run
	news map[[2]string]*circuitNews
}

// circuitNews is what is to be said of one circuit.
type circuitNews struct {
	last    route.Change
	changes int // not yet written
	left    int // lines that may be written at once
	since   time.Time
}

// told leaves word of a change.
func (l *circuitLog) told(c route.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.news[[2]string{c.Endpoint, c.Offering}]
	if n == nil {
		if l.news == nil {
			l.news = map[[2]string]*circuitNews{}
		}
		n = &circuitNews{left: circuitAtOnce}
		l.news[[2]string{c.Endpoint, c.Offering}] = n // as many as estates had
	}
	n.last = c
	n.changes++
	select {
	case l.waker() <- struct{}{}:
	default:
	}
}

func (l *circuitLog) waker() chan struct{} {
	if l.wake == nil {
		l.wake = make(chan struct{}, 1)
	}
	return l.wake
}

// run writes what there is to say, until ctx ends and all of it is said.
func (l *circuitLog) run(ctx context.Context, log *slog.Logger) {
	l.mu.Lock()
	wake := l.waker()
	l.mu.Unlock()
	timer := time.NewTimer(circuitEvery)
	defer timer.Stop()
	for {
		timer.Reset(l.write(ctx, log, time.Now()))
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
			l.write(ctx, log, time.Now().Add(circuitEvery))
			return
		}
	}
}

// write says what may be said now, and gives when there is more to say.
func (l *circuitLog) write(ctx context.Context, log *slog.Logger, now time.Time) time.Duration {
	var due []circuitNews
	next := circuitEvery
	l.mu.Lock()
	for _, n := range l.news {
		if gained := int(now.Sub(n.since) / circuitEvery); !n.since.IsZero() && gained > 0 {
			n.left, n.since = min(circuitAtOnce, n.left+gained), n.since.Add(time.Duration(gained)*circuitEvery)
		}
		switch {
		case n.changes == 0:
		case n.left == 0:
			next = min(next, n.since.Add(circuitEvery).Sub(now))
		default:
			if n.left == circuitAtOnce {
				n.since = now
			}
			due = append(due, *n)
			n.left, n.changes = n.left-1, 0
		}
	}
	l.mu.Unlock()
	for _, n := range due {
		level := slog.LevelWarn
		if n.last.State == route.Closed {
			level = slog.LevelInfo
		}
		attrs := []slog.Attr{slog.String("endpoint", n.last.Endpoint), slog.String("state", n.last.State.String())}
		if n.last.Offering != "" {
			attrs = append(attrs, slog.String("offering", n.last.Offering))
		}
		if n.last.Kind != "" {
			attrs = append(attrs, slog.String("kind", string(n.last.Kind)))
		}
		if n.changes > 1 { // the last of them is the one that is told
			attrs = append(attrs, slog.Int("changes", n.changes))
		}
		log.LogAttrs(ctx, level, "circuit", attrs...)
	}
	return max(next, time.Millisecond)
}

// circuitChanged takes a change of a circuit, on the way of the call that met it.
func (s *server) circuitChanged(c route.Change) {
	s.metrics.CircuitChanged(c)
	s.circuits.told(c)
}
