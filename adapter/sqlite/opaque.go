package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"bulkhead/state"
)

var _ state.Store = (*Store)(nil)

// expiredAtOnce is how many expired rows go with one write, so that none waits
// long for those of a day.
const expiredAtOnce = 1000

// whose is of which kind and workload rows are.
type whose struct {
	kind     state.Kind
	workload string
}

// sizes are counts of what is in opaque_state, kept beside it: to count the
// rows of a workload would cost more than to write one.
type sizes struct {
	mu sync.Mutex // held while rows are written
	of map[whose]state.Size
}

// opaqueWrite is one transaction and what it changes of the sizes.
type opaqueWrite struct {
	tx  *sql.Tx
	of  map[whose]state.Size
	all [2]state.Size
}

// PutState implements state.Store.
func (s *Store) PutState(ctx context.Context, rows []state.Row, now time.Time, l state.Limits) (all [2]state.Size, err error) {
	s.sizes.mu.Lock()
	defer s.sizes.mu.Unlock()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return all, fmt.Errorf("keep state: %w", err)
	}
	defer tx.Rollback() // after a commit it does nothing
	w := &opaqueWrite{tx: tx}
	if err := w.load(ctx, s.sizes.of); err != nil {
		return all, fmt.Errorf("keep state: %w", err)
	}
	if err := w.put(ctx, rows, now, l); err != nil {
		return all, fmt.Errorf("keep state: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return all, fmt.Errorf("keep state: %w", err)
	}
	s.sizes.of = w.of
	return w.all, nil
}

// load takes the sizes from before, or counts at first.
func (w *opaqueWrite) load(ctx context.Context, before map[whose]state.Size) error {
	if w.of = maps.Clone(before); before == nil {
		w.of = map[whose]state.Size{}
		rows, err := w.tx.QueryContext(ctx, `SELECT kind, workload, count(*), sum(length(box)) FROM opaque_state GROUP BY kind, workload`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var of whose
			var size state.Size
			if err := rows.Scan(&of.kind, &of.workload, &size.Count, &size.Bytes); err != nil {
				return err
			}
			w.of[of] = size
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	for of, size := range w.of {
		w.all[of.kind].Count += size.Count
		w.all[of.kind].Bytes += size.Bytes
	}
	return nil
}

func (w *opaqueWrite) put(ctx context.Context, rows []state.Row, now time.Time, l state.Limits) error {
	touched := map[whose]bool{}
	for i := range rows {
		row := &rows[i]
		if err := w.remove(ctx, `key = ?`, row.Key[:]); err != nil {
			return err
		}
		if _, err := w.tx.ExecContext(ctx, `INSERT INTO opaque_state (kind, workload, key, box, expires) VALUES (?, ?, ?, ?, ?)`,
			int(row.Kind), row.Workload, row.Key[:], row.Box, row.Expires.UnixMilli()); err != nil {
			return err
		}
		of := whose{row.Kind, row.Workload}
		w.count(of, 1, int64(len(row.Box)))
		touched[of] = true
	}
	if err := w.remove(ctx, `seq IN (SELECT seq FROM opaque_state WHERE expires <= ? LIMIT ?)`, now.UnixMilli(), expiredAtOnce); err != nil {
		return err
	}
	for of := range touched {
		most := l[of.kind].Workload
		for have := w.of[of]; !have.Within(most); have = w.of[of] {
			if err := w.remove(ctx, `seq IN (SELECT seq FROM opaque_state WHERE kind = ? AND workload = ? ORDER BY seq LIMIT ?)`,
				int(of.kind), of.workload, max(1, have.Count-most.Count)); err != nil {
				return err
			}
		}
	}
	for kind := range w.all {
		most := l[kind].Total
		for have := w.all[kind]; !have.Within(most); have = w.all[kind] {
			if err := w.remove(ctx, `seq IN (SELECT seq FROM opaque_state WHERE kind = ? ORDER BY seq LIMIT ?)`, kind, max(1, have.Count-most.Count)); err != nil {
				return err
			}
		}
	}
	return nil
}

// remove deletes the rows of a condition, which is ours, and counts them off.
func (w *opaqueWrite) remove(ctx context.Context, where string, args ...any) error {
	rows, err := w.tx.QueryContext(ctx, `DELETE FROM opaque_state WHERE `+where+` RETURNING kind, workload, length(box)`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var of whose
		var bytes int64
		if err := rows.Scan(&of.kind, &of.workload, &bytes); err != nil {
			return err
		}
		w.count(of, -1, -bytes)
	}
	return rows.Err()
}

func (w *opaqueWrite) count(of whose, rows, bytes int64) {
	size := w.of[of]
	size.Count, size.Bytes = size.Count+rows, size.Bytes+bytes
	if w.of[of] = size; size.Count == 0 {
		delete(w.of, of)
	}
	w.all[of.kind].Count += rows
	w.all[of.kind].Bytes += bytes
}

// FindState implements state.Store.
func (s *Store) FindState(ctx context.Context, key state.Key, now time.Time) (*state.Row, error) {
	row := state.Row{Key: key}
	var expires int64
	err := s.db.QueryRowContext(ctx, `SELECT kind, workload, box, expires FROM opaque_state WHERE key = ? AND expires > ?`, key[:], now.UnixMilli()).
		Scan(&row.Kind, &row.Workload, &row.Box, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find state: %w", err)
	}
	row.Expires = time.UnixMilli(expires).UTC()
	return &row, nil
}

// HeldState implements state.Store.
func (s *Store) HeldState(ctx context.Context, now time.Time) (held []state.Held, err error) {
	s.sizes.mu.Lock()
	defer s.sizes.mu.Unlock()
	if _, err := s.db.ExecContext(ctx, `DELETE FROM opaque_state WHERE expires <= ?`, now.UnixMilli()); err != nil {
		return nil, fmt.Errorf("count state: %w", err)
	}
	rows, err := s.db.QueryContext(ctx, `SELECT kind, workload, count(*), sum(length(box)), max(expires) FROM opaque_state GROUP BY kind, workload`)
	if err != nil {
		return nil, fmt.Errorf("count state: %w", err)
	}
	defer rows.Close()
	s.sizes.of = map[whose]state.Size{}
	for rows.Next() {
		var h state.Held
		var until int64
		if err := rows.Scan(&h.Kind, &h.Workload, &h.Count, &h.Bytes, &until); err != nil {
			return nil, fmt.Errorf("count state: %w", err)
		}
		h.Until = time.UnixMilli(until).UTC()
		held = append(held, h)
		s.sizes.of[whose{h.Kind, h.Workload}] = h.Size
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count state: %w", err)
	}
	return held, nil
}
