package main

import (
	"fmt"
	"math"
	"syscall"
	"time"
)

// cell is one kind of load: a table of the report.
type cell struct {
	Name  string
	Title string
	job   job
	// goal is how much processor time Bulkhead may use, in that of
	// httputil.ReverseProxy in the same run; 0: none is set.
	goal float64
	// memoryGoal is the most resident memory Bulkhead may have meanwhile, in
	// bytes; 0: none is set.
	memoryGoal int64
	// streamGoal is the most resident memory, in bytes, that a stream may cost
	// Bulkhead while it is open; 0: none is set.
	streamGoal int64
	// lanes cells compare the lanes of Bulkhead, and nothing else, and goal is
	// then in the processor time of the relay lane in the same run.
	lanes bool
	// onDemand cells are measured if they are named alone, in one round, with an
	// upstream of their own pace and for their own time.
	onDemand bool
}

const (
	idleMemoryGoal   = 60 << 20
	streamMemoryGoal = 100 << 20
	openStreamGoal   = 64 << 10
)

// Streams of the cell streams-10000: slow, so that what is measured is memory,
// and long enough that all of them are open at once.
const (
	manyStreams = 10_000
	manyChunks  = 16
	manyGap     = time.Second
)

// most gives how many streams a gateway can have open here, each with a
// descriptor to its caller and one to the upstream, up to manyStreams.
func most() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return manyStreams
	}
	return int(min(manyStreams, max(limit.Max, 1000)/2-200, math.MaxInt32))
}

// cells lists every kind of load, in the order they are measured.
func cells(chunks int, gap time.Duration) []cell {
	unary := func(name, title string, body, callers, rate int, goal float64) cell {
		return cell{Name: name, Title: title, goal: goal, job: job{BodyBytes: body, Callers: callers, Rate: rate}}
	}
	return []cell{
		unary("small", "unary, 300 B, closed loop of 32", smallBodyBytes, 32, 0, 1.1),
		unary("large-16", "unary, 100 KB, closed loop of 16", largeBodyBytes, 16, 0, 1.2),
		unary("large-32", "unary, 100 KB, closed loop of 32", largeBodyBytes, 32, 0, 1.2),
		unary("small-500", "unary, 300 B, 500 calls/s", smallBodyBytes, 128, 500, 0),
		unary("small-2000", "unary, 300 B, 2,000 calls/s", smallBodyBytes, 128, 2000, 0),
		unary("large-500", "unary, 100 KB, 500 calls/s", largeBodyBytes, 128, 500, 0),
		unary("large-2000", "unary, 100 KB, 2,000 calls/s", largeBodyBytes, 128, 2000, 0),
		{Name: "streams", Title: "200 concurrent streams", goal: 1.0, memoryGoal: streamMemoryGoal,
			job: job{BodyBytes: smallBodyBytes, Callers: 200, Chunks: chunks, Gap: gap}},
		{Name: "translate-small", Title: "lanes: unary, 300 B, closed loop of 32", lanes: true, goal: 2.5,
			job: job{BodyBytes: smallBodyBytes, Callers: 32}},
		{Name: "translate-streams", Title: "lanes: 200 concurrent streams", lanes: true, goal: 1.5,
			job: job{BodyBytes: smallBodyBytes, Callers: 200, Chunks: chunks, Gap: gap}},
		{Name: "streams-10000", Title: fmt.Sprintf("%d streams open at once, a chunk a second each", most()), onDemand: true, streamGoal: openStreamGoal,
			job: job{BodyBytes: smallBodyBytes, Callers: most(), Chunks: manyChunks, Gap: manyGap, Late: true, For: manyChunks*manyGap + time.Second}},
	}
}

// has says that the competitor is measured in the cell.
func (c cell) has(comp competitor) bool {
	b, ours := comp.(*bulkhead)
	if c.lanes {
		return ours
	}
	return !ours || b.lane == laneRelay
}

// yardstick is the competitor that ratios are taken to.
func (c cell) yardstick() string {
	if c.lanes {
		return nameBulkhead
	}
	return nameReverseProxy
}

// streamed says that the cell counts streams and chunks, not unary calls.
func (c cell) streamed() bool { return c.job.Chunks > 0 }
