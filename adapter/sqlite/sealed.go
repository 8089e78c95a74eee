package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// InsertSealed keeps what was sealed of the refusal at an entry of a log. A
// second one of the same entry is an error.
func (s *Store) InsertSealed(ctx context.Context, log string, entry int64, box []byte) error {
	if _, err := s.db.ExecContext(ctx, `INSERT INTO sealed (log, entry, box) VALUES (?, ?, ?)`, log, entry, box); err != nil {
		return fmt.Errorf("keep sealed record %d: %w", entry, err)
	}
	return nil
}

// HasSealed reports whether anything is sealed.
func (s *Store) HasSealed(ctx context.Context) (has bool, err error) {
	if err := s.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sealed)`).Scan(&has); err != nil {
		return false, fmt.Errorf("look for sealed records: %w", err)
	}
	return has, nil
}

// ReadSealed gives what was sealed of an entry, nil if there is nothing, from
// the database at a path. It changes nothing and needs no ownership, so that it
// works beside the process that owns the folder.
func ReadSealed(ctx context.Context, path, log string, entry int64) (box []byte, err error) {
	path, err = filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read sealed record: %w", err)
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "trusted_schema(OFF)"}}.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("read sealed record: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.QueryRowContext(ctx, `SELECT box FROM sealed WHERE log = ? AND entry = ?`, log, entry).Scan(&box)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read sealed record %d: %w", entry, err)
	}
	return box, nil
}
