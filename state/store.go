package state

import (
	"context"
	"time"
)

// Kind is what a row holds.
type Kind int

// The kinds of row.
const (
	TagRow  Kind = iota // whose a blob is
	TurnRow             // blocks that a caller cannot carry
	kinds   = 2
)

// Row is one thing that is remembered. Its box says nothing to a store.
type Row struct {
	Kind     Kind
	Workload string
	Key      Key
	Box      []byte
	Expires  time.Time // the instant from which it is not known any more
}

// Size is a count of rows and the bytes of their boxes.
type Size struct{ Count, Bytes int64 }

func (s *Size) add(o Size) { s.Count += o.Count; s.Bytes += o.Bytes }

// Within reports whether a size is no more than another.
func (s Size) Within(o Size) bool { return s.Count <= o.Count && s.Bytes <= o.Bytes }

// Limit bounds the rows of one kind, of each workload and of all.
type Limit struct{ Workload, Total Size }

// Limits are those of each kind.
type Limits [kinds]Limit

// Limits gives the bound for each kind of row.
func (b Bound) Limits() Limits {
	turns := Size{max(1, b.Turns), max(1, b.Bytes)}
	tags := Size{turns.Count * tagsATurn, turns.Bytes}
	share := func(s Size) Limit {
		return Limit{Workload: Size{max(1, s.Count/shareOf), max(1, s.Bytes/shareOf)}, Total: s}
	}
	return Limits{TagRow: share(tags), TurnRow: share(turns)}
}

// Held is what a store has of a workload.
type Held struct {
	Kind     Kind
	Workload string
	Size
	Until time.Time // when the last of it expires
}

// Store keeps rows. Its methods may be used at once from many goroutines; what
// PutState has returned from is as durable as the store is.
type Store interface {
	// PutState keeps rows, all or none; one at a key that is taken replaces
	// what is there and counts as new. Then rows that expired go, and the
	// oldest of each workload and of all until they are within the limits. It
	// gives the sizes of all that is left.
	PutState(ctx context.Context, rows []Row, now time.Time, l Limits) ([2]Size, error)

	// FindState gives the row at a key, nil if there is none that has not expired.
	FindState(ctx context.Context, key Key, now time.Time) (*Row, error)

	// HeldState lets go of what has expired and gives what is left.
	HeldState(ctx context.Context, now time.Time) ([]Held, error)
}
