// Package state is the memory of opaque state: whose each signature and each
// sealed block is that a vendor's reply minted, and, where a caller's dialect
// has no place for them, the blocks themselves until the conversation goes on.
//
// Of a blob that the caller carries only a keyed tag is kept, an HMAC under a
// key from the store key; of a block that the caller cannot carry a box,
// AES-256-GCM under another. Both are of one workload, a block of one subject
// besides: what another shows is not known. All of it is bounded, expires, and
// may be lost: a conversation then goes on without its state, which is what an
// expired one does too. Nothing here decides where state may go; the gateway
// does, by the families that [Memory.Minter] gives.
//
// Begin with [Memory]; [Store] is what outlives the process.
package state

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"bulkhead/chat"
)

// KeyBytes is the length of the key that a memory is opened with.
const KeyBytes = 32

// Owner is whose conversation it is.
type Owner struct {
	Workload string
	Subject  string // the principal; blocks go back to it alone
}

// Minted is what one reply minted.
type Minted struct {
	Family string   // of the offering that gave it
	Blobs  []string // as they were written
	Turns  []Turn   // that the caller cannot carry, one a choice
}

// Terms say how long what is minted is kept, and how much of it.
type Terms struct {
	Tags  time.Duration // whose a blob is
	Turns time.Duration // blocks that callers cannot carry
	Bound
}

// Bound is the most that is kept; the oldest goes. A workload may have a
// quarter of each, so that none can push out all others'.
type Bound struct {
	Turns int64 // count; of tags there may be twenty times as many
	Bytes int64 // of turns
}

// Defaults are the terms of an estate that says nothing.
var Defaults = Terms{Tags: 30 * 24 * time.Hour, Turns: 24 * time.Hour, Bound: Bound{Turns: 50_000, Bytes: 256 << 20}}

// front bounds what is held in memory besides; both are some tens of MiB.
var front = Bound{Turns: 4 << 10, Bytes: 32 << 20}

const (
	tagsATurn     = 20
	shareOf       = 4
	maxTurnBytes  = 4 << 20 // of one turn; a larger one is not kept
	maxBlobs      = 256     // of one reply
	maxCallsATurn = 256
)

// ErrTooLarge says that a turn was not kept, because of its size.
var ErrTooLarge = errors.New("the turn is too large to be kept")

// Options are what a memory needs.
type Options struct {
	Key   []byte           // of [KeyBytes], and of nothing else
	Store Store            // nil: nothing outlives the process
	Now   func() time.Time // nil: time.Now
}

// Memory remembers. It is safe for concurrent use. Make one with [New].
type Memory struct {
	tags  [KeyBytes]byte
	seal  cipher.AEAD
	store Store // nil: there is none
	now   func() time.Time

	front *Local
	held  [kinds]atomic.Pointer[Size] // in the store
	stats struct{ kept, putBack, faults atomic.Int64 }

	mu   sync.Mutex
	has  map[string]time.Time // until when a workload has turns, at most
	next *batch               // that is being gathered
	disk sync.Mutex           // held while a batch is written
}

// New opens a memory over what its store holds.
func New(ctx context.Context, o Options) (*Memory, error) {
	m := &Memory{store: o.Store, now: o.Now, front: NewLocal(), has: map[string]time.Time{}}
	if m.now == nil {
		m.now = time.Now
	}
	if err := m.derive(o.Key); err != nil {
		return nil, err
	}
	sizes := [kinds]Size{}
	if m.store != nil {
		held, err := m.store.HeldState(ctx, m.now())
		if err != nil {
			return nil, fmt.Errorf("open memory of state: %w", err)
		}
		for _, h := range held {
			if h.Kind < 0 || h.Kind >= kinds {
				continue
			}
			sizes[h.Kind].add(h.Size)
			if h.Kind == TurnRow {
				m.has[h.Workload] = h.Until
			}
		}
	}
	for k := range sizes {
		m.held[k].Store(&sizes[k])
	}
	return m, nil
}

// Keep remembers what a reply minted. When it returns without an error, that is
// durable as far as the store is; with one, this process still knows it.
func (m *Memory) Keep(ctx context.Context, o Owner, minted Minted, t Terms) error {
	now := m.now()
	var rows []Row
	var errs error
	seen := map[Key]bool{}
	add := func(kind Kind, key Key, text []byte, life time.Duration) {
		if !seen[key] && life > 0 {
			seen[key] = true
			rows = append(rows, Row{Kind: kind, Workload: o.Workload, Key: key, Box: m.seal.Seal(nil, nil, text, key.bound(kind)), Expires: now.Add(life)})
		}
	}
	for _, blob := range minted.Blobs[:min(len(minted.Blobs), maxBlobs)] {
		add(TagRow, m.tag(o.Workload, blob), []byte(minted.Family), t.Tags)
	}
	for i := range minted.Turns {
		turn := &minted.Turns[i]
		turn.Family = minted.Family
		first, ok := turn.first()
		if !ok {
			continue
		}
		text, err := turn.encode()
		if err != nil {
			errs = errors.Join(errs, err)
			continue
		}
		add(TurnRow, m.turn(o, first), text, t.Turns)
	}
	if len(rows) == 0 {
		return errs
	}
	m.stats.kept.Add(int64(len(rows)))
	m.note(o.Workload, rows)
	_, _ = m.front.PutState(ctx, rows, now, front.Limits()) // it cannot fail
	if m.store == nil {
		return errs
	}
	return errors.Join(errs, m.write(ctx, rows, t.Limits()))
}

// note keeps until when a workload has turns.
func (m *Memory) note(workload string, rows []Row) {
	for i := range rows {
		if rows[i].Kind == TurnRow {
			m.mu.Lock()
			if rows[i].Expires.After(m.has[workload]) {
				m.has[workload] = rows[i].Expires
			}
			m.mu.Unlock()
		}
	}
}

// HasTurns reports whether blocks may be kept for a workload: without them
// nobody need look through its conversations.
func (m *Memory) HasTurns(workload string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	until, has := m.has[workload]
	if has && !m.now().Before(until) {
		delete(m.has, workload)
		return false
	}
	return has
}

// Minter gives the family that minted a blob, empty if it is not known to the
// workload.
func (m *Memory) Minter(ctx context.Context, o Owner, blob string) (family string, err error) {
	text, err := m.find(ctx, TagRow, m.tag(o.Workload, blob))
	return string(text), err
}

// Turn gives the blocks that stood beside a call and that the caller could not
// carry, nil if there are none. The call must be as the model made it, but for
// white space and order of its arguments.
func (m *Memory) Turn(ctx context.Context, o Owner, c chat.ToolCall) (*Turn, error) {
	text, err := m.find(ctx, TurnRow, m.turn(o, c))
	if text == nil {
		return nil, err
	}
	t, err := Decode(text)
	if err != nil {
		m.stats.faults.Add(1)
		return nil, err
	}
	return t, nil
}

// PutBack counts turns that were put back into a request.
func (m *Memory) PutBack(turns int) { m.stats.putBack.Add(int64(turns)) }

// find opens the box at a key; nil if there is none, or it does not open.
func (m *Memory) find(ctx context.Context, kind Kind, key Key) ([]byte, error) {
	now := m.now()
	row, err := m.front.FindState(ctx, key, now)
	if err == nil && row == nil && m.store != nil {
		if row, err = m.store.FindState(ctx, key, now); err != nil {
			m.stats.faults.Add(1)
			return nil, err
		}
		if row != nil {
			_, _ = m.front.PutState(ctx, []Row{*row}, now, front.Limits())
		}
	}
	if row == nil || err != nil {
		return nil, err
	}
	text, err := m.seal.Open(nil, nil, row.Box, key.bound(kind))
	if err != nil {
		m.stats.faults.Add(1)
		return nil, fmt.Errorf("a box of the memory of state does not open: %w", err)
	}
	return text, nil
}

// batch is what several calls have to write, in one transaction.
type batch struct {
	rows  []Row
	taken bool
	err   error
}

// write makes rows durable together with those of the calls that come while an
// earlier batch is being written.
func (m *Memory) write(ctx context.Context, rows []Row, l Limits) error {
	m.mu.Lock()
	if m.next == nil {
		m.next = &batch{}
	}
	b := m.next
	b.rows = append(b.rows, rows...)
	m.mu.Unlock()

	m.disk.Lock()
	defer m.disk.Unlock()
	if b.taken { // by the first of us who got here
		return b.err
	}
	m.mu.Lock()
	b.taken, m.next = true, nil
	m.mu.Unlock()
	sizes, err := m.store.PutState(ctx, b.rows, m.now(), l)
	if err != nil {
		m.stats.faults.Add(1)
		b.err = fmt.Errorf("keep state: %w", err)
		return b.err
	}
	for k := range sizes {
		m.held[k].Store(&sizes[k])
	}
	return nil
}

// Stats say how much is remembered. They name nobody.
type Stats struct {
	Tags, Turns Size  // in the store, as of its last write; without one, in memory
	Front       int64 // bytes in memory
	Kept        int64 // tags and turns kept since the start
	PutBack     int64 // turns put back into requests since the start
	Faults      int64 // boxes that did not open, and reads and writes that failed
}

// Stats gives the sizes of now.
func (m *Memory) Stats() Stats {
	inFront := m.front.sizes()
	s := Stats{Tags: *m.held[TagRow].Load(), Turns: *m.held[TurnRow].Load(), Front: inFront[TagRow].Bytes + inFront[TurnRow].Bytes,
		Kept: m.stats.kept.Load(), PutBack: m.stats.putBack.Load(), Faults: m.stats.faults.Load()}
	if m.store == nil {
		s.Tags, s.Turns = inFront[TagRow], inFront[TurnRow]
	}
	return s
}
