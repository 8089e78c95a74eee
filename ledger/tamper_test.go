package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/ledger"
	"bulkhead/ledger/verify"
)

// TestOpen_NamesWhatWasChanged changes a byte, or removes a file, of a log that
// is not open. Opening it refuses by name, or what was confirmed is all there.
// Nothing between. It does so where the last entries are under a checkpoint
// and where they are in the write-ahead log alone.
func TestOpen_NamesWhatWasChanged(t *testing.T) {
	t.Run("published", func(t *testing.T) { namesWhatWasChanged(t, true) })
	t.Run("not published", func(t *testing.T) { namesWhatWasChanged(t, false) })
}

func namesWhatWasChanged(t *testing.T, published bool) {
	o := memOptions(t)
	big := canonical(t, `{"x":"`+strings.Repeat("y", 30_000)+`"}`)
	start, acks := base(t, o)
	more, _, err := work(start, o, "t", big)
	if err != nil {
		t.Fatal(err)
	}
	acks = append(acks, more...)
	start = die(t, start, o, &acks, published)
	names := slices.Sorted(maps.Keys(start.names))
	rng := rand.New(rand.NewPCG(7, 7))
	named := map[string]int{}
	rounds := 12
	if os.Getenv("BULKHEAD_LONG") != "" {
		rounds = 300
	}
	try := func(name, what string, change func(m *memFS)) {
		t.Helper()
		m := start.killed()
		change(m)
		err := holds(t, m, o, acks)
		var c *ledger.Corruption
		var f *verify.Fault
		switch {
		case err == nil:
		case errors.As(err, &c), errors.As(err, &f):
			named[name]++
		default:
			t.Errorf("%s %s: %v is no name for what is wrong", name, what, err)
		}
		if t.Failed() {
			t.Fatalf("%s %s", name, what)
		}
		// What the log rests on must be missed, whatever became of it.
		if err == nil && (strings.HasSuffix(name, "/checkpoint") || strings.HasSuffix(name, "/mark") || strings.HasSuffix(name, "/keys")) {
			t.Errorf("%s %s and the log opens", name, what)
		}
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".part") {
			continue // nothing rests on it
		}
		size := len(start.names[name].data)
		used := len(bytes.TrimRight(start.names[name].data, "\x00"))
		for range rounds {
			at, bit := rng.IntN(used), byte(1)<<rng.IntN(8)
			try(name, fmt.Sprintf("byte %d of %d is changed", at, used), func(m *memFS) { m.names[name].data[at] ^= bit })
		}
		try(name, "is removed", func(m *memFS) { delete(m.names, name) })
		for at := max(0, used-600); strings.Contains(name, "/wal/") && at < used; at += 1 + rng.IntN(4) { // the last batches of a segment
			try(name, fmt.Sprintf("byte %d of %d is changed", at, used), func(m *memFS) { m.names[name].data[at] ^= 1 << (at % 8) })
		}
		last := used - 1024 // a lost sector of the last batch looks like one that was not written
		if published {
			last = used
		}
		for at := headerBytes; strings.Contains(name, "/wal/") && at+sector < last; at += sector {
			try(name, fmt.Sprintf("has zeros from %d", at), func(m *memFS) { clear(m.names[name].data[at:min(size, at+sector)]) })
		}
		try(name, "is empty", func(m *memFS) { m.names[name].data = nil })
		cut := rng.IntN(size)
		try(name, fmt.Sprintf("is cut to %d of %d bytes", cut, size), func(m *memFS) { m.names[name].data = m.names[name].data[:cut] })
	}
	for _, must := range []string{"data/ledger/checkpoint", "data/ledger/mark", "data/ledger/keys", "data/ledger/tile/0/000", "data/ledger/tile/entries/000"} {
		if named[must] == 0 {
			t.Errorf("no change of %s was named", must)
		}
	}
	wal := 0
	for name, n := range named {
		if strings.Contains(name, "/wal/") {
			wal += n
		}
	}
	if wal < rounds {
		t.Errorf("only %d changes of the write-ahead log were named", wal)
	}
}

// headerBytes is where the batches of a segment begin.
const headerBytes = 32

// die lets the log die while it has entries that only the write-ahead log has,
// so that a change there matters.
func die(t *testing.T, m *memFS, o ledger.Options, acks *[]ack, published bool) *memFS {
	t.Helper()
	m = m.killed()
	o.Files = m
	l, err := ledger.Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		r, err := l.Admit(t.Context(), admission(call.ID(fmt.Sprintf("last-%d", i))), attempt("east/gpt"))
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Settle(t.Context(), r, &ledger.Outcome{Ending: call.Refused}); err != nil {
			t.Fatal(err)
		}
		*acks = append(*acks, ack{r.Index(), r.Call(), call.Refused})
	}
	if published {
		if err := l.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	after := m.killed()
	_ = l.Close(t.Context()) // the disk is dead for it
	return after
}

func TestLog_CountsWhatHasNoEntry(t *testing.T) {
	o := memOptions(t)
	o.Files = newMemFS()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	o.Now = func() time.Time { return now }
	o.RefusalsPerMinute, o.Interval = 2, 5*time.Millisecond
	l, err := ledger.Open("data", o)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(t.Context())
	var written, counted int
	for range 10 {
		for _, w := range []string{"a", "b"} {
			index, err := l.Refuse(t.Context(), &ledger.Refusal{Kind: "denied", Workload: w})
			if err != nil {
				t.Fatal(err)
			}
			if index < 0 {
				counted++
			} else {
				written++
			}
		}
		l.CountUnauthenticated()
	}
	if written != 4 || counted != 16 {
		t.Errorf("%d refusals were written and %d counted, want 4 and 16", written, counted)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(entriesOf(t, l), "\n")
	if !strings.Contains(all, `"refused":{"a":8,"b":8},"since":"2026-11-22T12:00:00.000000Z","unauthenticated":10,"v":1}`) {
		t.Errorf("the counts are not there: %s", all)
	}
}

// entriesOf reads the published entries of a log that may be closed.
func entriesOf(t *testing.T, l *ledger.Log) []string {
	t.Helper()
	var out []string
	for e, err := range verify.Entries(t.Context(), l.Read, l.Size(), 0, l.Size()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(e.Text))
	}
	return out
}
