package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// pending is the call a connection carries in an open loop: when it was due, in
// nanoseconds since the loop began, plus one; 0 while it carries none.
type pending struct {
	due  atomic.Int64
	dead atomic.Bool // the connection is lost and was not replaced
}

// openLoop sends calls when they are due, whatever became of those before. One
// pacer, on a thread of its own that the kernel wakes on time, writes each
// request itself; the reader of each connection times the answer from when the
// call was due. When no connection is free the pacer waits, and the calls that
// it then sends late count from when they were due: nothing is omitted.
func (l *load) openLoop() {
	start := time.Now()
	free := make(chan *caller, len(l.callers))
	var answered atomic.Int64
	var readers sync.WaitGroup
	for _, c := range l.callers {
		free <- c
		// Ends when the connections are closed below.
		readers.Go(func() { c.timeAnswers(start, free, &answered) })
	}

	total := int64(float64(l.job.Rate) * l.job.For.Seconds())
	sent := pace(start, total, time.Second/time.Duration(l.job.Rate), free, l.job.For+grace)

	for limit := time.Now().Add(grace); answered.Load() < sent && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
	l.close()
	readers.Wait()
	// What was never sent or never answered is not left out.
	l.callers[0].faults += int(total - answered.Load())
}

// pace sends total calls, one every interval, and gives how many it sent before
// limit had passed.
func pace(start time.Time, total int64, interval time.Duration, free <-chan *caller, limit time.Duration) int64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	wakeOnTime()
	giveUp := time.NewTimer(limit)
	defer giveUp.Stop()
	for i := range total {
		due := time.Duration(i) * interval
		sleepUntil(start.Add(due))
		var c *caller
		for c == nil || c.open.dead.Load() {
			select {
			case c = <-free:
			case <-giveUp.C:
				return i
			}
		}
		c.open.due.Store(int64(due) + 1)
		c.conn.Write(c.request) // its error is the reader's too
	}
	return total
}

// timeAnswers reads the answers of one connection until it is closed.
func (c *caller) timeAnswers(start time.Time, free chan<- *caller, answered *atomic.Int64) {
	for {
		err := c.receive()
		now := time.Since(start)
		due := c.open.due.Swap(0)
		if due == 0 { // closed, by us at the end or by the gateway before
			c.open.dead.Store(true)
			return
		}
		answered.Add(1)
		if err == nil {
			c.whole = append(c.whole, now-time.Duration(due-1))
		} else if !c.recover(err) {
			c.open.dead.Store(true)
			return
		}
		free <- c
	}
}
