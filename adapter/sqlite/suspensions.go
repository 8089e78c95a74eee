package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"bulkhead/catalog"
)

// InsertSuspension adds a suspension. An id that exists is an error.
func (s *Store) InsertSuspension(ctx context.Context, x catalog.Suspension) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO suspensions (id, kind, name, reason, document, cut, starts, ordered, by, exempt, approver, until, lifted, lifted_by, only_for, ends, drill)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		x.ID, x.What.Kind, x.What.Name, x.Reason, x.Document, x.Cut, x.From.UnixMilli(), x.Ordered.UnixMilli(), x.By,
		strings.Join(x.Exempt, "\n"), x.Approver, millis(x.Until), millis(x.Lifted), x.LiftedBy,
		strings.Join(x.Only, "\n"), millis(x.Ends), x.Drill)
	if err != nil {
		return fmt.Errorf("insert suspension %s: %w", x.ID, err)
	}
	return nil
}

// LiftSuspension ends a suspension and reports whether it exists. One that was
// lifted before keeps its instant.
func (s *Store) LiftSuspension(ctx context.Context, id string, at time.Time, by string) (found bool, err error) {
	res, err := s.db.ExecContext(ctx, `UPDATE suspensions SET lifted_by = CASE WHEN lifted IS NULL THEN ? ELSE lifted_by END, lifted = coalesce(lifted, ?) WHERE id = ?`,
		by, at.UnixMilli(), id)
	if err != nil {
		return false, fmt.Errorf("lift suspension: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("lift suspension: %w", err)
	}
	return n > 0, nil
}

// ListSuspensions gives every suspension, the oldest first.
func (s *Store) ListSuspensions(ctx context.Context) (all []catalog.Suspension, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, kind, name, reason, document, cut, starts, ordered, by, exempt, approver, until, lifted, lifted_by, only_for, ends, drill
		FROM suspensions ORDER BY ordered, id`)
	if err != nil {
		return nil, fmt.Errorf("list suspensions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var x catalog.Suspension
		var exempt, only string
		var from, ordered int64
		var until, lifted, ends sql.NullInt64
		if err := rows.Scan(&x.ID, &x.What.Kind, &x.What.Name, &x.Reason, &x.Document, &x.Cut, &from, &ordered, &x.By,
			&exempt, &x.Approver, &until, &lifted, &x.LiftedBy, &only, &ends, &x.Drill); err != nil {
			return nil, fmt.Errorf("list suspensions: %w", err)
		}
		if exempt != "" {
			x.Exempt = strings.Split(exempt, "\n")
		}
		if only != "" {
			x.Only = strings.Split(only, "\n")
		}
		x.Ends = instant(ends)
		x.From, x.Ordered = time.UnixMilli(from).UTC(), time.UnixMilli(ordered).UTC()
		x.Until, x.Lifted = instant(until), instant(lifted)
		all = append(all, x)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list suspensions: %w", err)
	}
	return all, nil
}
