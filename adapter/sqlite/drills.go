package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// PutDrill keeps the report of a drill, in the stead of what was kept of it.
func (s *Store) PutDrill(ctx context.Context, id string, began time.Time, report []byte) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO drills (id, began, report) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET report = excluded.report`,
		id, began.UnixMilli(), report)
	if err != nil {
		return fmt.Errorf("keep drill %s: %w", id, err)
	}
	return nil
}

// Drill gives the report of a drill, or nil if there is none.
func (s *Store) Drill(ctx context.Context, id string) (report []byte, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT report FROM drills WHERE id = ?`, id).Scan(&report)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read drill %s: %w", id, err)
	}
	return report, nil
}

// ListDrills gives the reports of all drills, the oldest first.
func (s *Store) ListDrills(ctx context.Context) (all [][]byte, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT report FROM drills ORDER BY began, id`)
	if err != nil {
		return nil, fmt.Errorf("list drills: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var report []byte
		if err := rows.Scan(&report); err != nil {
			return nil, fmt.Errorf("list drills: %w", err)
		}
		all = append(all, report)
	}
	return all, rows.Err()
}
