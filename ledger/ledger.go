// Package ledger is the tamper-evident record of every call, and the owner of
// the data folder in which it lies.
//
// No byte of a call leaves before [Log.Admit] has returned: the admission and
// the start of the first attempt are durable then. No reply is completed
// before [Log.Settle] has returned. After a crash [Open] gives each open
// admission the outcome unknown before anything is served. When the log cannot
// write, every call of it fails with [fault.LedgerUnavailable], and so does
// the call that asked.
//
// Entries are JSON objects in the canonical form of RFC 8785; they form a
// Merkle tree (RFC 6962) in the layout of C2SP's tlog-tiles (package tiles),
// which package verify checks from outside. In front of the tree is a
// write-ahead log with group commit. docs/adr/0004-ledger.md says why, and
// what its recovery rests on.
//
// Begin with [Own], then [Open].
package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"bulkhead/call"
	"bulkhead/fault"
	"bulkhead/ledger/tiles"
)

// Names of what lies in the ledger's own folder, beside the public tree.
const (
	LogName = "ledger" // folder in the data folder
	walName = "wal"    // folder: the write-ahead log
)

// Options are what a log is given. Origin and Keys are needed, the rest has defaults.
type Options struct {
	Origin  string // the log's name, as a URL without scheme: ledger.example.gov/low
	Keys    *Keys
	Program string // what writes: name and version
	Marking JSON   // of the ledger itself, as label JSON; absent: as the log had it before
	Banner  string // the same as a banner, for people

	Now       func() time.Time        // default time.Now
	Published func(checkpoint []byte) // told of each new checkpoint; must not wait

	Files             Files         // default [Disk]
	SegmentBytes      int64         // of the write-ahead log; default 16 MiB, at least 256 KiB
	Interval          time.Duration // between checkpoints; default a second
	RefusalsPerMinute int           // entries of one workload; more are counted. Default 600
}

// Keys sign the checkpoints of a log, and let others check them.
type Keys struct {
	Signers   []note.Signer
	Verifiers []string // verifier keys, in the order of the signers
}

// Log is an open ledger. Its methods may be used by many goroutines at once.
type Log struct {
	o     Options
	files Files
	dir   string // the ledger's own folder
	data  string // the data folder

	mu          sync.Mutex
	next        int64 // index of the next entry
	queue       []*batch
	writing     *batch   // what the committer has taken out of the queue
	spares      [][]byte // frames to be used again
	queued      int64    // bytes in queue
	room        int64    // bytes left in the current segment after the last commit
	durable     position
	broken      error // why nothing may be written any more
	stuck       error // why the log cannot grow now
	unpublished error // why the last checkpoint could not be written
	closing     bool
	waits       bool          // the committer waits for a segment
	spare       *segment      // made and not yet used
	grown       chan struct{} // closed when there is a spare
	moved       chan struct{} // closed when there is more room, or can be none
	awaiting    int           // how many wait for moved
	halt        chan struct{} // of the batches that are begun now: closed when they wait for room
	open        receipts      // admissions without an outcome, oldest first
	change      int64         // index of the last change; -1: none
	counted     counts
	rates       map[string]*rate

	wake    chan struct{}      // to the committer: there is something to write
	grow    chan int64         // to the preparer: make the segment of this number
	publish chan chan<- error  // to the publisher
	stop    context.CancelFunc // ends the goroutines
	ctx     context.Context    // of the goroutines
	done    sync.WaitGroup

	current *segment // the committer's alone
	tree    *publisher
}

// position is a place in the write-ahead log: entries before index are durable.
type position struct {
	segment, end, index int64
}

// receipts is a list of open calls in the order of their admissions.
type receipts struct {
	oldest, newest *Receipt
	count          int
}

func (l *receipts) add(r *Receipt) {
	r.older = l.newest
	if l.newest != nil {
		l.newest.newer = r
	} else {
		l.oldest = r
	}
	l.newest = r
	l.count++
}

func (l *receipts) remove(r *Receipt) {
	if r.older != nil {
		r.older.newer = r.newer
	} else {
		l.oldest = r.newer
	}
	if r.newer != nil {
		r.newer.older = r.older
	} else {
		l.newest = r.older
	}
	r.older, r.newer = nil, nil
	l.count--
}

// Receipt is the proof that a call is on the record: its admission and the
// start of its first attempt are durable. [Log.Admit] alone makes one; the
// zero value proves nothing and is refused. It belongs to one call and is not
// safe for use by several goroutines at once.
type Receipt struct {
	log      *Log
	call     call.ID
	facts    Digest
	index    int64
	previous int64 // the call's last entry
	attempts int
	offering string // of the last attempt whose start is durable
	settled  bool

	older, newer *Receipt
}

// Call is the call that the receipt is for.
func (r *Receipt) Call() call.ID { return r.call }

// Facts is the digest of the call's facts, as the admission has it.
func (r *Receipt) Facts() Digest { return r.facts }

// Index is the index of the admission in the log.
func (r *Receipt) Index() int64 { return r.index }

// Attempt is the number of attempts whose start is durable.
func (r *Receipt) Attempt() int { return r.attempts }

// Offering is the offering of the last attempt whose start is durable: the one
// to which bytes may go now. It is empty once the outcome is written.
func (r *Receipt) Offering() string {
	if r.settled {
		return ""
	}
	return r.offering
}

// Name is what the caller is told: ORIGIN/INDEX.
func (r *Receipt) Name() string { return fmt.Sprintf("%s/%d", r.log.o.Origin, r.index) }

func (r *Receipt) usable(l *Log) error {
	switch {
	case r == nil || r.log == nil:
		return defect("a receipt that no admission gave")
	case r.log != l:
		return defect("the receipt is of another log")
	case r.settled:
		return defect("call " + string(r.call) + " has its outcome already")
	}
	return nil
}

// defect is a fault of whoever called.
func defect(what string) error { return fault.From(errors.New("ledger: " + what)) }

func unavailable(cause error) error {
	return fault.New(fault.LedgerUnavailable, "The record of calls cannot be written, and no call is made without it.").Because(fmt.Errorf("ledger: %w", cause))
}

var (
	errClosed = errors.New("the log is closed")
	errFull   = errors.New("the disk has no room for the log to grow")
	errLong   = fmt.Errorf("the entry would be longer than %d bytes", tiles.MaxEntry)
)

// Admit writes down an admission and the start of its first attempt, and
// returns when both are durable. The receipt must be given to [Log.Settle]
// whatever becomes of the call. If ctx ends first, or the disk has no room, the
// call is settled by Admit itself, and no receipt is given.
func (l *Log) Admit(ctx context.Context, a *Admission, s *AttemptStart) (*Receipt, error) {
	if a.Call == "" || s.Offering == "" {
		return nil, defect("an admission needs a call id and an offering")
	}
	now := l.o.Now()
	adm, start := *a, *s
	stamp(&adm.At, now)
	stamp(&start.At, now)
	scratch := getScratch()
	defer scratch.put()
	scratch.b = adm.append(scratch.b[:0])
	size := len(scratch.b)
	out, split := start.append(scratch.b, adm.Call, 1)
	scratch.b = out
	if size > tiles.MaxEntry || len(out)-size > tiles.MaxEntry-linkRoom {
		return nil, unavailable(errLong)
	}
	r := &Receipt{log: l, call: adm.Call, facts: adm.Facts, attempts: 1, offering: start.Offering}
	if err := l.admit(ctx, len(out)); err != nil {
		return nil, err
	}
	b := l.awaited(len(out) + 2*linkRoom)
	r.index = l.add(b, out[:size])
	r.previous = l.addLinked(b, link{r.index, r.index}, out[size:split], out[split:])
	l.open.add(r)
	l.mu.Unlock()
	l.nudge()
	if err := l.wait(ctx, b); err != nil {
		l.abandon(r, fault.From(err).Kind)
		return nil, err
	}
	return r, nil
}

// abandon settles a call whose admission is awaited no longer.
func (l *Log) abandon(r *Receipt, why fault.Kind) {
	o := Outcome{At: l.o.Now(), Ending: call.Refused, Kind: why}
	if why == fault.Cancelled {
		o.Ending = call.Gone
	}
	_, _ = l.settle(r, &o) // a log that cannot write gives it the outcome unknown when it is opened again
}

// Start writes down a further attempt and returns when that is durable.
func (l *Log) Start(ctx context.Context, r *Receipt, s *AttemptStart) error {
	if err := r.usable(l); err != nil {
		return err
	}
	if s.Offering == "" {
		return defect("an attempt needs an offering")
	}
	start := *s
	stamp(&start.At, l.o.Now())
	r.offering = "" // until it is durable, bytes may go nowhere
	scratch := getScratch()
	defer scratch.put()
	out, split := start.append(scratch.b[:0], r.call, r.attempts+1)
	scratch.b = out
	if len(out) > tiles.MaxEntry-linkRoom {
		return unavailable(errLong)
	}
	l.mu.Lock()
	if err := l.writes(); err != nil {
		l.mu.Unlock()
		return unavailable(err)
	}
	b := l.awaited(len(out) + linkRoom)
	r.previous = l.addLinked(b, link{r.index, r.previous}, out[:split], out[split:])
	r.attempts++
	l.mu.Unlock()
	l.nudge()
	if err := l.wait(ctx, b); err != nil {
		return err
	}
	r.offering = start.Offering
	return nil
}

// AttemptEnd writes down how an attempt ended. It waits for nothing: the entry
// is durable with the next of the call, which is its outcome at the latest.
func (l *Log) AttemptEnd(r *Receipt, n *AttemptEnd) error {
	if err := r.usable(l); err != nil {
		return err
	}
	end := *n
	stamp(&end.At, l.o.Now())
	if end.Attempt == 0 {
		end.Attempt = r.attempts
	}
	scratch := getScratch()
	defer scratch.put()
	out, split := end.append(scratch.b[:0], r.call)
	scratch.b = out
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writes(); err != nil {
		return unavailable(err)
	}
	r.previous = l.addLinked(l.batch(len(out)+linkRoom), link{r.index, r.previous}, out[:split], out[split:])
	return nil // no nudge: it rides with what comes
}

// Settle writes down how a call ended and returns when that is durable. Of a
// call there is one outcome: the receipt is used up, even if ctx ends first or
// the disk has no room; the outcome may then still be written. Give a ctx that
// outlives the caller.
func (l *Log) Settle(ctx context.Context, r *Receipt, o *Outcome) error {
	if err := r.usable(l); err != nil {
		return err
	}
	b, err := l.settle(r, o)
	if err != nil {
		return err
	}
	return l.wait(ctx, b)
}

func (l *Log) settle(r *Receipt, o *Outcome) (*batch, error) {
	outcome := *o
	stamp(&outcome.At, l.o.Now())
	scratch := getScratch()
	defer scratch.put()
	out, split := outcome.append(scratch.b[:0], r.call)
	scratch.b = out
	if len(out) > tiles.MaxEntry-linkRoom {
		return nil, unavailable(errLong)
	}
	l.mu.Lock()
	if err := l.writes(); err != nil {
		l.mu.Unlock()
		return nil, unavailable(err)
	}
	b := l.awaited(len(out) + linkRoom)
	l.addLinked(b, link{r.index, r.previous}, out[:split], out[split:])
	r.settled = true
	l.open.remove(r)
	l.mu.Unlock()
	l.nudge()
	return b, nil
}

// Change writes down that something was changed, and gives the entry's index
// once it is durable.
func (l *Log) Change(ctx context.Context, c *Change) (int64, error) {
	change := *c
	stamp(&change.At, l.o.Now())
	return l.single(ctx, change.append(nil), func(index int64) { l.change = index })
}

// LastChange is the index of the last change; below zero there is none.
func (l *Log) LastChange() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.change
}

// single writes one entry that belongs to no admission.
func (l *Log) single(ctx context.Context, entry []byte, then func(index int64)) (int64, error) {
	if len(entry) > tiles.MaxEntry {
		return 0, unavailable(errLong)
	}
	if err := l.admit(ctx, len(entry)); err != nil {
		return 0, err
	}
	b := l.awaited(len(entry) + 2)
	index := l.add(b, entry)
	if then != nil {
		then(index)
	}
	l.mu.Unlock()
	l.nudge()
	return index, l.wait(ctx, b)
}

func stamp(at *time.Time, now time.Time) {
	if at.IsZero() {
		*at = now
	}
}

// Ready says why the log cannot be relied upon for further calls, or nil: it
// is broken or closed, cannot grow, or its disk has five hundredths left.
func (l *Log) Ready() error {
	l.mu.Lock()
	err := l.writes()
	err = cmp.Or(err, l.stuck, l.unpublished)
	l.mu.Unlock()
	if err != nil {
		return err
	}
	free, total, err := l.files.Room(l.dir)
	if err != nil {
		return fmt.Errorf("room for the ledger: %w", err)
	}
	if total > 0 && free < total/20 {
		return fmt.Errorf("%w: %d of %d bytes are free", errFull, free, total)
	}
	return nil
}

// Size is the number of entries that are durable.
func (l *Log) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.durable.index
}

// Origin is the log's name.
func (l *Log) Origin() string { return l.o.Origin }

func (l *Log) wal() string { return filepath.Join(l.dir, walName) }
