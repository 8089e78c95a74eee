// Package statetest is the suite that any [state.Store] runs: it holds a store
// against a plain model of what the interface says, under random writes.
package statetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bulkhead/state"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Store holds a store to its interface. open makes an empty one.
func Store(t *testing.T, open func(t *testing.T) state.Store) {
	t.Run("finds what it was given", func(t *testing.T) { finds(t, open(t)) })
	t.Run("forgets what expired", func(t *testing.T) { expires(t, open(t)) })
	t.Run("keeps within bounds, the oldest goes", func(t *testing.T) { bounds(t, open(t)) })
	t.Run("does as the model does", func(t *testing.T) { models(t, open) })
}

// wide are limits that nothing here comes near.
var wide = state.Bound{Turns: 1 << 20, Bytes: 1 << 40}.Limits()

func key(n int) (k state.Key) {
	copy(k[:], fmt.Sprintf("key %d", n))
	return k
}

func row(n int, workload string, life time.Duration) state.Row {
	return state.Row{Kind: state.TurnRow, Workload: workload, Key: key(n), Box: bytes.Repeat([]byte{byte(n)}, 10+n%7), Expires: noon.Add(life)}
}

func finds(t *testing.T, s state.Store) {
	a, b := row(1, "w", time.Hour), row(2, "x", 2*time.Hour)
	b.Kind = state.TagRow
	sizes, err := s.PutState(t.Context(), []state.Row{a, b}, noon, wide)
	if err != nil || sizes != [2]state.Size{state.TagRow: {Count: 1, Bytes: 12}, state.TurnRow: {Count: 1, Bytes: 11}} {
		t.Errorf("%v, %v", sizes, err)
	}
	for _, want := range []state.Row{a, b} {
		got, err := s.FindState(t.Context(), want.Key, noon)
		if err != nil || got == nil || got.Kind != want.Kind || got.Workload != want.Workload || !bytes.Equal(got.Box, want.Box) || !got.Expires.Equal(want.Expires) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	if got, err := s.FindState(t.Context(), key(3), noon); got != nil || err != nil {
		t.Errorf("what was never kept: %+v, %v", got, err)
	}
	a.Box, a.Workload = []byte("other"), "y" // replaced, another's by now
	if sizes, err = s.PutState(t.Context(), []state.Row{a}, noon, wide); err != nil || sizes[state.TurnRow] != (state.Size{Count: 1, Bytes: 5}) {
		t.Errorf("%v, %v", sizes, err)
	}
	if got, _ := s.FindState(t.Context(), a.Key, noon); got == nil || string(got.Box) != "other" || got.Workload != "y" {
		t.Errorf("%+v", got)
	}
	held, err := s.HeldState(t.Context(), noon)
	if err != nil || len(held) != 2 {
		t.Errorf("%+v, %v", held, err)
	}
	for _, h := range held {
		if h.Kind == state.TurnRow && (h.Workload != "y" || h.Count != 1 || h.Bytes != 5 || !h.Until.Equal(a.Expires)) {
			t.Errorf("%+v", h)
		}
	}
}

func expires(t *testing.T, s state.Store) {
	rows := []state.Row{row(1, "w", time.Minute), row(2, "w", time.Hour)}
	if _, err := s.PutState(t.Context(), rows, noon, wide); err != nil {
		t.Fatal(err)
	}
	at := noon.Add(time.Minute) // the instant itself is too late
	if got, err := s.FindState(t.Context(), key(1), at.Add(-time.Millisecond)); got == nil || err != nil {
		t.Errorf("before: %v, %v", got, err)
	}
	if got, err := s.FindState(t.Context(), key(1), at); got != nil || err != nil {
		t.Errorf("after: %v, %v", got, err)
	}
	sizes, err := s.PutState(t.Context(), []state.Row{row(3, "w", 2*time.Hour)}, at, wide)
	if err != nil || sizes[state.TurnRow].Count != 2 {
		t.Errorf("%v, %v: what expired is still there", sizes, err)
	}
	held, err := s.HeldState(t.Context(), noon.Add(time.Hour))
	if err != nil || len(held) != 1 || held[0].Count != 1 {
		t.Errorf("%v, %v", held, err)
	}
}

func bounds(t *testing.T, s state.Store) {
	limits := wide
	limits[state.TurnRow] = state.Limit{Workload: state.Size{Count: 3, Bytes: 1000}, Total: state.Size{Count: 5, Bytes: 1000}}
	put := func(n int, workload string, box int) state.Size {
		r := row(n, workload, time.Hour)
		r.Box = make([]byte, box)
		sizes, err := s.PutState(t.Context(), []state.Row{r}, noon, limits)
		if err != nil {
			t.Fatal(err)
		}
		return sizes[state.TurnRow]
	}
	there := func(want ...int) {
		t.Helper()
		for n := range 20 {
			got, err := s.FindState(t.Context(), key(n), noon)
			if err != nil || (got != nil) != slices.Contains(want, n) {
				t.Errorf("row %d: %v, %v", n, got != nil, err)
			}
		}
	}
	for n := range 5 {
		put(n, "greedy", 1)
	}
	there(2, 3, 4) // a workload's own oldest go
	for n := range 3 {
		put(5+n, "other", 1)
	}
	there(3, 4, 5, 6, 7) // then the oldest of all
	if got := put(8, "third", 996); got.Bytes > 1000 {
		t.Errorf("%d bytes", got.Bytes)
	}
	there(4, 5, 6, 7, 8)
	if got := put(9, "third", 2000); got.Bytes > 1000 { // too large for any bound: it goes itself
		t.Errorf("%d bytes", got.Bytes)
	}
	there(4, 5, 6, 7)
}

// models writes at random into a store and into a list of rows.
func models(t *testing.T, open func(t *testing.T) state.Store) {
	for seed := range uint64(12) {
		s, rnd := open(t), rand.New(rand.NewPCG(seed, 1))
		limits := wide
		limits[state.TurnRow] = state.Limit{Workload: state.Size{Count: 1 + rnd.Int64N(6), Bytes: 60 + rnd.Int64N(200)}, Total: state.Size{Count: 1 + rnd.Int64N(12), Bytes: 60 + rnd.Int64N(400)}}
		var model []state.Row
		now := noon
		for range 60 {
			now = now.Add(time.Duration(rnd.IntN(3)) * time.Minute)
			var rows []state.Row
			used := map[int]bool{}
			for range 1 + rnd.IntN(3) {
				if n := rnd.IntN(30); !used[n] {
					used[n] = true
					r := row(n, string(rune('a'+rnd.IntN(3))), 0)
					r.Expires = now.Add(time.Hour) // one life, so that the oldest expires first
					rows = append(rows, r)
				}
			}
			sizes, err := s.PutState(t.Context(), rows, now, limits)
			if err != nil {
				t.Fatal(err)
			}
			model = after(model, rows, now, limits[state.TurnRow])
			var want state.Size
			for _, r := range model {
				want.Count, want.Bytes = want.Count+1, want.Bytes+int64(len(r.Box))
			}
			if sizes[state.TurnRow] != want {
				t.Fatalf("seed %d: %+v, the model has %+v", seed, sizes[state.TurnRow], want)
			}
			for n := range 30 {
				got, err := s.FindState(t.Context(), key(n), now)
				at := slices.IndexFunc(model, func(r state.Row) bool { return r.Key == key(n) })
				if err != nil || (got != nil) != (at >= 0) || got != nil && got.Workload != model[at].Workload {
					t.Fatalf("seed %d, row %d: %+v, %v; in the model at %d", seed, n, got, err, at)
				}
			}
		}
	}
}

// after is what the interface says of a write.
func after(model, rows []state.Row, now time.Time, l state.Limit) []state.Row {
	for _, r := range rows {
		model = append(slices.DeleteFunc(model, func(m state.Row) bool { return m.Key == r.Key }), r)
	}
	model = slices.DeleteFunc(model, func(m state.Row) bool { return !now.Before(m.Expires) })
	shrink := func(of func(state.Row) bool, most state.Size) {
		for {
			var have state.Size
			oldest := -1
			for i, m := range model {
				if of(m) {
					if oldest < 0 {
						oldest = i
					}
					have.Count, have.Bytes = have.Count+1, have.Bytes+int64(len(m.Box))
				}
			}
			if have.Within(most) {
				return
			}
			model = slices.Delete(model, oldest, oldest+1)
		}
	}
	for _, r := range rows {
		shrink(func(m state.Row) bool { return m.Workload == r.Workload }, l.Workload)
	}
	shrink(func(state.Row) bool { return true }, l.Total)
	return model
}
