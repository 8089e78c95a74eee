// Package sqlite keeps Bulkhead's own state in one file, state.db: today the
// keys of services, behind [bulkhead/control.Store], what operators have
// withdrawn, behind [bulkhead/control.Suspensions], and what is remembered of
// opaque state, behind [bulkhead/state.Store].
//
// It is the only package that knows SQL. The driver is SQLite itself in pure Go
// (modernc.org/sqlite). What a method has returned from is on disk: the
// database runs with a write-ahead log and synchronous=FULL. One process has it
// open at a time, the owner of the data folder. Begin with [Open].
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// ErrNewer says that the database was written by a newer Bulkhead: run that
// one, or go back to a backup from before it.
var ErrNewer = errors.New("the database is newer than this bulkhead")

// Store is an open state.db. Its methods may be used at once from many
// goroutines. Make one with [Open].
type Store struct {
	db    *sql.DB
	sizes sizes
}

// Open opens the database at a path, makes it if it is missing, for its owner
// alone (0600), and brings its tables up to date. The folder must exist. A
// database that is newer than this binary is left as it is: [ErrNewer].
func Open(path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	// SQLite gives its log the mode of the database, so that one is made first.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db, err := sql.Open("sqlite", dataSource(path))
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	// One connection: the owner is one process, its writes are few, and a
	// second connection could only wait for the first.
	db.SetMaxOpenConns(1)
	if err := migrate(context.Background(), db); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), db.Close())
	}
	return &Store{db: db}, nil
}

// dataSource writes a path as a URI (https://www.sqlite.org/uri.html), whose
// escapes carry every character that a file name may have.
func dataSource(path string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"_txlock": {"immediate"}, // a transaction that will write says so at its start
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "trusted_schema(OFF)"},
	}.Encode()}
	return u.String()
}

// Close folds the log into the database and closes it.
func (s *Store) Close() error { return s.db.Close() }

//go:embed migrations/*.sql
var migrations embed.FS

// migrate applies the numbered files that the database does not have yet, each
// in one transaction with its number, so that a crash leaves it applied or not.
// The number is kept in PRAGMA user_version.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Glob(migrations, "migrations/*.sql") // sorted by name
	if err != nil {
		return err
	}
	var have int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&have); err != nil {
		return err
	}
	if have > len(files) {
		return fmt.Errorf("%w: it has version %d and this bulkhead knows versions up to %d", ErrNewer, have, len(files))
	}
	for i := have; i < len(files); i++ {
		if err := apply(ctx, db, files[i], i+1); err != nil {
			return fmt.Errorf("migration %s: %w", files[i], err)
		}
	}
	return nil
}

func apply(ctx context.Context, db *sql.DB, file string, number int) error {
	text, err := migrations.ReadFile(file)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit it does nothing
	if _, err := tx.ExecContext(ctx, string(text)); err != nil {
		return err
	}
	// A pragma takes no parameters; the number is ours.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", number)); err != nil {
		return err
	}
	return tx.Commit()
}
