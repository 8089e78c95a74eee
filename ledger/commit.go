package ledger

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"

	"bulkhead/fault"
	"bulkhead/ledger/tiles"
)

// maxBatch is how long a batch may grow before the next is begun.
const maxBatch = 1 << 20

// batch is a group of entries that are made durable together.
type batch struct {
	frame   []byte // header, payload
	first   int64
	count   int
	awaited bool          // someone waits for it, or will
	done    chan struct{} // closed when err says what became of it
	halt    chan struct{} // closed when it waits for a disk that has no room
	err     error
}

// scratch is where entries are written before the lock is taken.
type scratch struct{ b []byte }

var scratches = sync.Pool{New: func() any { return &scratch{make([]byte, 0, 4096)} }}

func getScratch() *scratch { return scratches.Get().(*scratch) }

func (s *scratch) put() {
	if cap(s.b) <= 64<<10 {
		scratches.Put(s)
	}
}

// writes says why nothing can be written, or nil. The lock is held, as for all
// that follow up to nudge.
func (l *Log) writes() error {
	if l.broken != nil {
		return l.broken
	}
	if l.closing {
		return errClosed
	}
	return nil
}

// admit takes the lock for n bytes that begin something. It waits while there
// is no room for them but may be: behind what is queued must remain a reserve
// for the ends of the calls that are open, here or in the next segment, so that
// a full disk stops what begins and nothing that ends. If it fails the lock is
// not held.
func (l *Log) admit(ctx context.Context, n int) error {
	l.mu.Lock()
	for {
		err := l.writes()
		if err == nil {
			after := l.queued + int64(n) + min(reserveBytes+int64(l.open.count)*reserveOfCall, l.o.SegmentBytes/4)
			if after <= l.room || l.spare != nil && after <= l.spare.room() {
				return nil
			}
			err = l.stuck
		}
		if err != nil {
			l.mu.Unlock()
			return unavailable(err)
		}
		moved := l.moved
		l.awaiting++
		l.mu.Unlock()
		select {
		case <-moved:
			err = nil
		case <-ctx.Done():
			err = fault.New(fault.Cancelled, "The call ended before it could be recorded.").Because(context.Cause(ctx))
		}
		l.mu.Lock()
		l.awaiting--
		if err != nil {
			l.mu.Unlock()
			return err
		}
	}
}

// move tells those who wait in admit to look again. The lock is held.
func (l *Log) move() {
	if l.awaiting > 0 {
		close(l.moved)
		l.moved = make(chan struct{})
	}
}

// What is kept in a segment for calls that are open while the log cannot grow.
const (
	reserveBytes  = 64 << 10
	reserveOfCall = 4 << 10
)

// awaited gives a batch in which n more bytes stand and for which the caller
// will wait; it nudges once it has given the lock back.
func (l *Log) awaited(n int) *batch {
	b := l.batch(n)
	b.awaited = true
	return b
}

// batch gives a batch in which n more bytes stand.
func (l *Log) batch(n int) *batch {
	if k := len(l.queue); k > 0 {
		if len(l.queue[k-1].frame)+n < maxBatch {
			return l.queue[k-1]
		}
		l.queue[k-1].awaited = true // what comes after it is waited for
	}
	b := &batch{first: l.next, done: make(chan struct{}), halt: l.halt}
	if k := len(l.spares); k > 0 {
		b.frame, l.spares = l.spares[k-1], l.spares[:k-1]
	} else {
		b.frame = make([]byte, 0, 64<<10)
	}
	b.frame = append(b.frame[:0], make([]byte, headerSize)...)
	l.queue = append(l.queue, b)
	return b
}

func (l *Log) add(b *batch, entry []byte) int64 {
	l.queued += int64(len(entry) + 2)
	b.frame = tiles.AppendEntry(b.frame, entry)
	return l.count(b)
}

func (l *Log) addLinked(b *batch, k link, head, tail []byte) int64 {
	at := len(b.frame)
	b.frame = appendLinked(append(b.frame, 0, 0), k, head, tail)
	n := len(b.frame) - at - 2
	b.frame[at], b.frame[at+1] = byte(n>>8), byte(n)
	l.queued += int64(n + 2)
	return l.count(b)
}

func (l *Log) count(b *batch) int64 {
	b.count++
	l.next++
	return l.next - 1
}

// nudge tells the committer that there is something to write.
func (l *Log) nudge() {
	select {
	case l.wake <- struct{}{}:
	default: // it has been told
	}
}

// wait waits until a batch is durable, or not to be, or ctx ends. Where the
// disk has no room, nobody waits for it: what is in the batch is written when
// there is.
func (l *Log) wait(ctx context.Context, b *batch) error {
	select {
	case <-b.done:
	case <-b.halt:
		return unavailable(errFull)
	case <-ctx.Done():
		return fault.New(fault.Cancelled, "The call ended before its record was durable.").Because(context.Cause(ctx))
	}
	if b.err != nil {
		return unavailable(b.err)
	}
	return nil
}

// commit writes batches until the log ends. A batch that is being written is
// no longer in the queue, so that those who come meanwhile form the next one;
// nobody waits for a timer.
func (l *Log) commit() {
	defer l.done.Done()
	for {
		l.gather()
		l.mu.Lock()
		var b *batch
		if len(l.queue) > 0 && l.queue[0].awaited && l.broken == nil {
			b = l.queue[0]
			l.queue[0] = nil
			l.queue = l.queue[1:]
		}
		l.writing = b
		l.mu.Unlock()
		if b == nil {
			select {
			case <-l.wake:
				continue
			case <-l.ctx.Done():
				return
			}
		}
		size := int64(len(b.frame) - headerSize)
		b.frame = append(b.frame, '\n')
		err := l.writeBatch(b)
		l.mu.Lock()
		l.queued -= size
		if err == nil {
			l.room = l.current.room()
			l.durable = position{l.current.number, l.current.end, b.first + int64(b.count)}
		}
		l.move()
		if len(l.spares) < 2 && cap(b.frame) <= 2*maxBatch {
			l.spares = append(l.spares, b.frame)
		}
		l.mu.Unlock()
		b.frame = nil
		if err != nil {
			l.breakDown(err, b)
			continue
		}
		close(b.done)
	}
}

// gather lets those who can run now add what they have before a batch is
// written: an fsync costs the processor as much for one entry as for thirty. It
// waits for no timer and for nobody who is not ready; where nobody is, it
// returns at once.
func (l *Log) gather() {
	for before := int64(-1); ; {
		l.mu.Lock()
		now := l.next
		l.mu.Unlock()
		if now == before {
			return
		}
		before = now
		runtime.Gosched()
	}
}

// writeBatch makes a batch durable, in the next segment if it does not fit.
func (l *Log) writeBatch(b *batch) error {
	if l.current.room() < int64(len(b.frame))+headerSize {
		if err := l.turn(b.first); err != nil {
			return err
		}
	}
	putBatch(b.frame, l.current.number, b.first, b.count)
	return l.current.write(b.frame)
}

// turn ends a segment and goes on in the next, which the preparer has made or
// is making.
func (l *Log) turn(next int64) error {
	var s *segment
	for s == nil {
		l.mu.Lock()
		s, l.spare = l.spare, nil
		l.waits = s == nil
		l.letGo()
		grown := l.grown
		l.mu.Unlock()
		if s != nil {
			break
		}
		select {
		case <-grown:
		case <-l.ctx.Done():
			return errClosed
		}
	}
	if err := s.place(l.files, l.wal()); err != nil {
		return err
	}
	var h [headerSize]byte
	putTurn(h[:], l.current.number, next)
	if err := l.current.write(h[:]); err != nil {
		return err
	}
	if err := l.current.file.Close(); err != nil {
		return err
	}
	l.current = s
	l.grow <- s.number + 1
	return nil
}

// letGo sends those home who wait for a disk that has no room. The lock is held.
func (l *Log) letGo() {
	if l.waits && l.stuck != nil {
		close(l.halt)
		l.halt = make(chan struct{})
	}
}

// breakDown ends all writing: what is on the disk is not known any more, and
// asking it again would be told that all is well. Only opening the log anew
// tells, by reading it.
func (l *Log) breakDown(err error, b *batch) {
	l.mu.Lock()
	if l.broken == nil {
		l.broken = err
	}
	failed := l.queue
	l.queue = nil
	l.move()
	broken := l.broken
	l.mu.Unlock()
	if b != nil {
		failed = append([]*batch{b}, failed...)
	}
	for _, f := range failed {
		f.err = broken
		close(f.done)
	}
}

// prepare makes segments ahead of their use. While the disk has no room it
// tries again each second: the log is stuck, not broken.
func (l *Log) prepare() {
	defer l.done.Done()
	for {
		var number int64
		select {
		case number = <-l.grow:
		case <-l.ctx.Done():
			return
		}
		for {
			s, err := newSegment(l.files, l.wal(), number, l.o.SegmentBytes)
			if errors.Is(err, errSync) && !errors.Is(err, syscall.ENOSPC) {
				l.breakDown(err, nil)
				return
			}
			l.mu.Lock()
			if l.stuck = err; err != nil {
				l.stuck = fmt.Errorf("%w: %w", errFull, err)
			}
			l.spare = s
			l.letGo()
			l.move()
			if err == nil {
				close(l.grown)
				l.grown = make(chan struct{})
			}
			l.mu.Unlock()
			if err == nil {
				break
			}
			select {
			case <-time.After(time.Second):
			case <-l.ctx.Done():
				return
			}
		}
	}
}
