package main

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"bulkhead/fault"
	"bulkhead/route"
)

// lineBuffer keeps what several goroutines write until it is taken.
type lineBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lineBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lineBuffer) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.all.Reset()
	return strings.FieldsFunc(b.all.String(), func(r rune) bool { return r == '\n' })
}

// A change of a circuit is a line in the log, and one that flaps is no flood.
func TestCircuits_AreLoggedWithoutAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lineBuffer
		var l circuitLog
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		lines := func() []string {
			synctest.Wait()
			return out.take()
		}
		go func() {
			defer close(done)
			l.run(ctx, slog.New(slog.NewTextHandler(&out, nil)))
		}()
		synctest.Wait()

		l.told(route.Change{Endpoint: "east", Offering: "east/gpt", State: route.Open, Kind: fault.UpstreamError})
		got := lines()
		if len(got) != 1 || !strings.HasSuffix(got[0], `level=WARN msg=circuit endpoint=east state=open offering=east/gpt kind=upstream_error`) {
			t.Fatalf("opened: %q", got)
		}
		l.told(route.Change{Endpoint: "east", Offering: "east/gpt", State: route.Closed})
		if got = lines(); len(got) != 1 || !strings.HasSuffix(got[0], `level=INFO msg=circuit endpoint=east state=closed offering=east/gpt`) {
			t.Fatalf("closed: %q", got)
		}

		said := 0
		for n := range 610 { // a minute of up and down, ten times a second
			l.told(route.Change{Endpoint: "east", Offering: "east/gpt", State: []route.State{route.Open, route.Closed}[n%2]})
			time.Sleep(100 * time.Millisecond)
			said += len(lines())
		}
		if said < 3 || said > 6 {
			t.Errorf("%d lines about a circuit that flaps for a minute", said)
		}
		l.told(route.Change{Endpoint: "west", State: route.Open})
		if got = lines(); len(got) != 1 || !strings.Contains(got[0], "endpoint=west state=open") {
			t.Errorf("another's change waits for it: %q", got)
		}
		time.Sleep(time.Hour)
		if got = lines(); len(got) != 1 || !strings.Contains(got[0], "state=closed") || !strings.Contains(got[0], "changes=") {
			t.Errorf("how it ended is not told: %q", got)
		}

		for range 6 {
			l.told(route.Change{Endpoint: "west", State: route.Open})
			lines()
		}
		l.told(route.Change{Endpoint: "west", State: route.Closed})
		if got = lines(); len(got) != 0 {
			t.Errorf("past its measure: %q", got)
		}
		cancel()
		<-done
		if got = lines(); len(got) != 1 || !strings.Contains(got[0], "endpoint=west state=closed") {
			t.Errorf("the end leaves unsaid: %q", got)
		}
	})
}
