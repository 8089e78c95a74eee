package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"bulkhead/catalog"
	"bulkhead/estate"
)

// findings are what somebody should look at in the estate in force. They depend
// on the day, so they are asked for at each load and then every hour.
type findings struct {
	mu     sync.Mutex
	estate *catalog.Estate // nil: none yet
	loaded []estate.Remark // those of the load itself
	told   map[string]bool // in the log, since that load
}

// loadedEstate tells what is found in an estate that is in force from now on.
func (s *server) loadedEstate(e *catalog.Estate, loaded []estate.Remark, now time.Time) {
	s.findings.mu.Lock()
	s.findings.estate, s.findings.loaded, s.findings.told = e, loaded, map[string]bool{}
	s.findings.mu.Unlock()
	s.study(now)
}

// study counts what is found on a day, and logs what was not found before.
func (s *server) study(now time.Time) {
	f := &s.findings
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := map[string]int{}
	for _, found := range append(f.loaded[:len(f.loaded):len(f.loaded)], studied(f.estate, now)...) {
		counts[string(found.Code)]++
		if text := found.String(); !f.told[text] {
			f.told[text] = true
			s.log.Warn("estate", slog.String("code", string(found.Code)), slog.String("finding", text))
		}
	}
	s.metrics.Findings(counts)
}

// studyHourly does so every hour until ctx ends.
func (s *server) studyHourly(ctx context.Context) {
	clock := time.NewTicker(time.Hour)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-clock.C:
			s.study(now)
		}
	}
}
