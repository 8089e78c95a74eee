package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"bulkhead/identity"
)

// InsertKey adds a key. An id that exists is an error.
func (s *Store) InsertKey(ctx context.Context, key identity.Key) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO keys (id, workload, note, created, expires, revoked, mac, signs) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		key.ID, key.Workload, key.Note, key.Created.UnixMilli(), millis(key.Expires), millis(key.Revoked), key.MAC[:], key.Signs)
	if err != nil {
		return fmt.Errorf("insert key %s: %w", key.ID, err)
	}
	return nil
}

// RevokeKey ends a key and reports whether it exists. One that was revoked
// before keeps its instant.
func (s *Store) RevokeKey(ctx context.Context, id string, at time.Time) (found bool, err error) {
	res, err := s.db.ExecContext(ctx, `UPDATE keys SET revoked = coalesce(revoked, ?) WHERE id = ?`, at.UnixMilli(), id)
	if err != nil {
		return false, fmt.Errorf("revoke key: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("revoke key: %w", err)
	}
	return n > 0, nil
}

// ListKeys gives every key, the oldest first.
func (s *Store) ListKeys(ctx context.Context) (keys []identity.Key, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, workload, note, created, expires, revoked, mac, signs FROM keys ORDER BY created, id`)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var key identity.Key
		var created int64
		var expires, revoked sql.NullInt64
		var mac []byte
		if err := rows.Scan(&key.ID, &key.Workload, &key.Note, &created, &expires, &revoked, &mac, &key.Signs); err != nil {
			return nil, fmt.Errorf("list keys: %w", err)
		}
		key.Created, key.Expires, key.Revoked = time.UnixMilli(created).UTC(), instant(expires), instant(revoked)
		copy(key.MAC[:], mac)
		keys = append(keys, key)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return keys, nil
}

// millis and instant carry the zero time, which is never, as null.
func millis(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}

func instant(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return time.UnixMilli(ms.Int64).UTC()
}
