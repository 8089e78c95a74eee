package ledger

import (
	"context"
	"maps"
	"slices"
	"time"

	"bulkhead/ledger/tiles"
)

// rate is how many refusals of a workload have an entry in this minute.
type rate struct {
	since time.Time
	n     int
}

// countedNames is of how many workloads the refusals over the limit are told apart.
const countedNames = 500

// Refuse writes down that an authenticated call was refused, and gives the
// entry's index once it is durable. Over the limit of its workload it is
// counted instead, and the index is -1.
func (l *Log) Refuse(ctx context.Context, r *Refusal) (int64, error) {
	refusal := *r
	now := l.o.Now()
	stamp(&refusal.At, now)
	if !l.within(refusal.Workload, now) {
		return -1, nil
	}
	return l.single(ctx, refusal.append(nil), nil)
}

// within counts a refusal against its workload's minute.
func (l *Log) within(workload string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.rates[workload]
	if w == nil || now.Sub(w.since) >= time.Minute || now.Before(w.since) {
		if w == nil && len(l.rates) >= 10*countedNames {
			clear(l.rates)
		}
		w = &rate{since: now}
		l.rates[workload] = w
	}
	if w.n++; w.n <= l.o.RefusalsPerMinute {
		return true
	}
	l.counting(now)
	if _, known := l.counted.refused[workload]; !known && len(l.counted.refused) >= countedNames {
		l.counted.lost++
		return false
	}
	if l.counted.refused == nil {
		l.counted.refused = map[string]int64{}
	}
	l.counted.refused[workload]++
	return false
}

// CountUnauthenticated counts a request whose sender is not known. Such
// requests share one entry a minute.
func (l *Log) CountUnauthenticated() {
	now := l.o.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counting(now)
	l.counted.unauthenticated++
}

// CountMalformed counts a request that could not be read.
func (l *Log) CountMalformed() {
	now := l.o.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counting(now)
	l.counted.malformed++
}

// counting begins a minute of counts if none runs. The lock is held.
func (l *Log) counting(now time.Time) {
	if l.counted.empty() {
		l.counted.since = now
	}
}

// countMinute writes the counts down if their minute is over.
func (l *Log) countMinute() {
	now := l.o.Now()
	l.mu.Lock()
	over := !l.counted.empty() && now.Sub(l.counted.since) >= time.Minute
	l.mu.Unlock()
	if over {
		l.countNow()
	}
}

// countNow writes the counts down. What they do not fit in, a log that cannot
// write, keeps them.
func (l *Log) countNow() {
	now := l.o.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counted.empty() || l.writes() != nil {
		return
	}
	names := slices.Sorted(maps.Keys(l.counted.refused))
	for {
		entry := l.counted.append(nil, now, names)
		if len(entry) <= tiles.MaxEntry {
			l.add(l.awaited(len(entry)+2), entry)
			break
		}
		for _, n := range names[len(names)/2:] {
			l.counted.lost += l.counted.refused[n]
		}
		names = names[:len(names)/2]
	}
	l.counted = counts{}
	l.nudge()
}
