// Package copier takes the ledger's signed checkpoints to second places, so
// that a log that its owner rolls back, cuts or writes anew is found by whoever
// kept them.
//
// It never holds up the log: [Copier.Offer] leaves the newest checkpoint in a
// slot of one and returns; each place has a goroutine of its own that takes it
// from there. What a place cannot take is tried again with the newest, never
// queued, and stops no call. A place is a [Folder] or an [Address]. What lies
// there already is looked at first: a place that has seen another history of
// the log, or a longer one, takes nothing, and says so.
//
// Begin with [New].
package copier

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"bulkhead/ledger/tiles"
	"bulkhead/ledger/verify"
)

// DefaultEvery is the least time between two checkpoints at a place that says
// none; retryWithin bounds how long a place that failed is left alone.
const (
	DefaultEvery = time.Minute
	retryWithin  = time.Minute
)

// Place is where checkpoints are kept, by name. It is used by one goroutine at
// a time, and need not know what it keeps.
type Place interface {
	// Read gives what is kept under a name: [fs.ErrNotExist] if nothing is,
	// [ErrUnreadable] if the place gives nothing out.
	Read(ctx context.Context, name string) ([]byte, error)
	// Write keeps data under a name, as a whole or not at all, in the place of what
	// was there. Once it returned nil the data are there for good.
	Write(ctx context.Context, name string, data []byte) error
}

// ErrUnreadable says that a place takes and gives nothing out, as one may that
// only adds. What lies there is not looked at.
var ErrUnreadable = errors.New("the place gives nothing out")

// ErrDiverged says that a place has a checkpoint that does not fit the log: it
// was rolled back, or its history is another. Keep both as evidence, and find
// out which; trying again does not help.
var ErrDiverged = errors.New("the log is not the one that was copied here before")

// Target is a place, and how often it gets a checkpoint.
type Target struct {
	Name  string // as people know it: the folder or the address
	Key   string // all that it is made of; another key is another target
	Every time.Duration
	Place Place
}

// State says how a target does.
type State struct {
	Name     string
	Copied   int64     // size of the checkpoint that was taken there last by this process; -1: none
	Behind   int64     // entries of the newest checkpoint that are not covered there
	Last     time.Time // when it was; zero: never
	Failures int64     // since the target is configured
	Err      error     // why the last try failed; nil: it did not
}

// Options are what a Copier is given; all have defaults.
type Options struct {
	Now  func() time.Time
	Told func(s State) // of each try, after it; must not wait

	// Keys and Log are those of the log: what lies at a place must be signed by the
	// keys, and be in the history of the log as Log reads it. Without keys only the
	// sizes and hashes of checkpoints are held against each other.
	Keys []note.Verifier
	Log  verify.Read
}

// Copier takes checkpoints to the targets in use. Its methods may be used by
// many goroutines at once.
type Copier struct {
	o       Options
	ctx     context.Context // ends all work
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	newest  *checkpoint // nil: none yet
	targets []*target
	last    context.Context // of the tries while it is closed; nil: it is not
	closing chan struct{}
}

// checkpoint is a signed checkpoint with what it says.
type checkpoint struct {
	tiles.Checkpoint
	signed []byte
}

// target is a Target and how it does; its copier's lock guards the latter.
type target struct {
	Target
	state State
	kept  []byte        // what it took last; its goroutine alone uses it
	wake  chan struct{} // of one: there is something new
	stop  context.CancelFunc
}

// New returns a copier without targets.
func New(o Options) *Copier {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Told == nil {
		o.Told = func(State) {}
	}
	c := &Copier{o: o, closing: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Offer hands over the newest checkpoint; it waits for nothing. What is no
// checkpoint is left out.
func (c *Copier) Offer(signed []byte) {
	head, err := tiles.ReadCheckpoint(signed)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.newest = &checkpoint{head, signed}
	for _, t := range c.targets {
		t.nudge()
	}
}

func (t *target) nudge() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Use puts targets in the stead of those before. One with the key of one before
// goes on as it was. After [Copier.Close] it does nothing.
func (c *Copier) Use(targets []Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil {
		return
	}
	before := map[string]*target{}
	for _, t := range c.targets {
		before[t.Key] = t
	}
	c.targets = nil
	for _, t := range targets {
		if same := before[t.Key]; same != nil {
			c.targets = append(c.targets, same)
			delete(before, t.Key)
			continue
		}
		c.targets = append(c.targets, c.begin(t))
	}
	for _, t := range before {
		t.stop()
	}
}

// begin starts a target's goroutine, which ends by its stop or by Close.
func (c *Copier) begin(what Target) *target {
	if what.Every <= 0 {
		what.Every = DefaultEvery
	}
	t := &target{Target: what, state: State{Name: what.Name, Copied: -1}, wake: make(chan struct{}, 1)}
	ctx, stop := context.WithCancel(c.ctx)
	t.stop = stop
	c.running.Go(func() {
		defer stop()
		c.run(ctx, t)
	})
	t.nudge()
	return t
}

// run takes what is newest to a target, at once and then as often as it wants.
func (c *Copier) run(ctx context.Context, t *target) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.closing:
			if newest := c.due(t); newest != nil {
				_ = c.try(c.last, t, newest) // Close says what is left
			}
			return
		case <-t.wake:
		}
		newest := c.due(t)
		if newest == nil {
			continue
		}
		wait := t.Every
		if c.try(ctx, t, newest) != nil {
			wait = min(wait, retryWithin)
			t.nudge()
		}
		select {
		case <-time.After(wait):
		case <-c.closing:
		case <-ctx.Done():
		}
	}
}

// tryTime bounds one try.
const tryTime = 2 * time.Minute

// due is the newest checkpoint, if a target does not have it.
func (c *Copier) due(t *target) *checkpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.newest == nil || c.newest.Size == t.state.Copied {
		return nil
	}
	return c.newest
}

// try takes a checkpoint to a target, and tells how that went.
func (c *Copier) try(ctx context.Context, t *target, newest *checkpoint) error {
	stopped := ctx
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	err := c.keep(ctx, t, newest)
	c.mu.Lock()
	if err != nil && stopped.Err() != nil && c.last == nil { // the target is in use no longer
		c.mu.Unlock()
		return err
	}
	s := &t.state
	if s.Err = err; err != nil {
		s.Failures++
	} else {
		s.Copied, s.Last = newest.Size, c.o.Now()
	}
	told := c.stateOf(t)
	c.mu.Unlock()
	c.o.Told(told)
	return err
}

// Names of what is kept: the newest checkpoint as the log has it, and each one
// under its size.
func nameOf(size int64) string { return tiles.CheckpointPath + "." + strconv.FormatInt(size, 10) }

// keep looks at what the target has, and puts a checkpoint there: first under
// its size, for good, then as the newest.
func (c *Copier) keep(ctx context.Context, t *target, newest *checkpoint) error {
	older, err := read(ctx, t.Place, tiles.CheckpointPath)
	if err != nil {
		return err
	}
	if older != nil && !bytes.Equal(older, t.kept) {
		if err := c.fits(older, newest); err != nil {
			return err
		}
	}
	name := nameOf(newest.Size)
	same, err := read(ctx, t.Place, name)
	switch {
	case err != nil:
		return err
	case same != nil:
		if err := c.fits(same, newest); err != nil {
			return err
		}
	default:
		if err := t.Place.Write(ctx, name, newest.signed); err != nil {
			return err
		}
	}
	if !bytes.Equal(older, newest.signed) {
		if err := t.Place.Write(ctx, tiles.CheckpointPath, newest.signed); err != nil {
			return err
		}
	}
	t.kept = newest.signed
	return nil
}

// read gives what is kept under a name; nil: nothing, or it cannot be known.
func read(ctx context.Context, p Place, name string) ([]byte, error) {
	b, err := p.Read(ctx, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrUnreadable) {
		return nil, nil
	}
	return b, err
}

// fits says whether a checkpoint that lies at a place is one of this log, in
// the history of its newest.
func (c *Copier) fits(signed []byte, newest *checkpoint) error {
	older, err := tiles.ReadCheckpoint(signed)
	if err == nil && older.Origin != newest.Origin {
		return fmt.Errorf("%w: there are checkpoints of the log %s; give this one, %s, a place of its own", ErrDiverged, older.Origin, newest.Origin)
	}
	if err == nil && len(c.o.Keys) > 0 {
		_, err = tiles.OpenCheckpoint(signed, c.o.Keys...)
	}
	if err != nil {
		return fmt.Errorf("%w: what lies there is not signed by this log's key; if the log was begun anew, give it a place of its own: %w", ErrDiverged, err)
	}
	if c.o.Log == nil && older.Size < newest.Size {
		return nil
	}
	err = verify.Consistent(c.o.Log, older, newest.Checkpoint)
	if f := (*verify.Fault)(nil); errors.As(err, &f) {
		return fmt.Errorf("%w: %w", ErrDiverged, f)
	}
	return err
}

// State says how each target does, in the order of their configuration.
func (c *Copier) State() []State {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]State, len(c.targets))
	for i, t := range c.targets {
		out[i] = c.stateOf(t)
	}
	return out
}

// stateOf is called with the lock.
func (c *Copier) stateOf(t *target) State {
	s := t.state
	if c.newest != nil {
		s.Behind = c.newest.Size - max(s.Copied, 0)
	}
	return s
}

// Close takes the newest checkpoint to each target that does not have it, and
// ends all work: when that is done, or with ctx. What ctx cut is an error.
func (c *Copier) Close(ctx context.Context) error {
	c.mu.Lock()
	if c.last != nil {
		c.mu.Unlock()
		return nil
	}
	c.last = ctx
	close(c.closing)
	c.mu.Unlock()
	over := make(chan struct{})
	go func() { c.running.Wait(); close(over) }() // ends with them: they end with c.ctx
	select {
	case <-over:
	case <-ctx.Done():
	}
	c.cancel()
	<-over
	var left []error
	for _, s := range c.State() {
		if s.Behind > 0 {
			left = append(left, fmt.Errorf("the last checkpoint is not at %s: %w", s.Name, cmp.Or(s.Err, ctx.Err())))
		}
	}
	return errors.Join(left...)
}
