package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bulkhead/adapter/sqlite"
	"bulkhead/control"
	"bulkhead/control/controltest"
	"bulkhead/identity"
)

var (
	_ control.Store       = (*sqlite.Store)(nil)
	_ control.Suspensions = (*sqlite.Store)(nil)
	_ control.Drills      = (*sqlite.Store)(nil)
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// TestMain lets the test binary be a process that stores a key and dies before
// it closes anything.
func TestMain(m *testing.M) {
	if path := os.Getenv("BULKHEAD_TEST_STORE_AND_DIE"); path != "" {
		s, err := sqlite.Open(path)
		if err == nil {
			err = s.InsertKey(noCtx{}, someKey(1))
		}
		if err == nil {
			_, err = s.RevokeKey(noCtx{}, someKey(0).ID, noon)
		}
		fmt.Println(err)
		os.Exit(9)
	}
	os.Exit(m.Run())
}

// noCtx is a context that never ends, for the process that has no test.
type noCtx struct{}

func (noCtx) Deadline() (time.Time, bool) { return time.Time{}, false }
func (noCtx) Done() <-chan struct{}       { return nil }
func (noCtx) Err() error                  { return nil }
func (noCtx) Value(any) any               { return nil }

func someKey(n int) identity.Key {
	return identity.Key{ID: strings.Repeat("k", 15) + string(rune('a'+n)), Workload: "w", Created: noon.Add(time.Duration(n) * time.Hour)}
}

func open(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStore_IsAStoreOfKeys(t *testing.T) {
	controltest.Store(t, func(t *testing.T) control.Store { return open(t, filepath.Join(t.TempDir(), "state.db")) })
	controltest.Suspensions(t, func(t *testing.T) control.Suspensions { return open(t, filepath.Join(t.TempDir(), "state.db")) })
}

func TestOpen_MakesAFileForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	if err := s.InsertKey(t.Context(), someKey(0)); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(path + "*")
	if len(files) < 2 {
		t.Errorf("%v: there is no write-ahead log", files)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want 0600", f, info.Mode(), err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	os.Chmod(path, 0o644) // as after a careless restore
	open(t, path)
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("%v after opening, want 0600", info.Mode())
	}
}

func TestOpen_TakesAnyFileName(t *testing.T) {
	for _, name := range []string{"a b", "50%", "q?x=1", "h#1", "ü", "%41", "a&b;c", "'"} {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		s := open(t, filepath.Join(dir, "state.db"))
		if err := s.InsertKey(t.Context(), someKey(0)); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if info, err := os.Stat(filepath.Join(dir, "state.db")); err != nil || info.Size() == 0 {
			t.Errorf("%q: the database is not where it was asked for: %v", name, err)
		}
	}
}

func TestOpen_IsDurableWhenTheProcessDies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	if err := s.InsertKey(t.Context(), someKey(0)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "BULKHEAD_TEST_STORE_AND_DIE="+path)
	out, err := cmd.Output()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 9 || !bytes.Equal(out, []byte("<nil>\n")) {
		t.Fatalf("%v: %s", err, out)
	}
	keys, err := open(t, path).ListKeys(t.Context())
	if err != nil || len(keys) != 2 || !keys[0].Revoked.Equal(noon) || keys[1].ID != someKey(1).ID {
		t.Errorf("ListKeys = %v, %v", keys, err)
	}
}

func TestOpen_HasWhatItPromises(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	open(t, path).Close()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var mode string
	var version int
	if err := db.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal mode %q, %v", mode, err)
	}
	files, _ := filepath.Glob("migrations/*.sql")
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil || version != len(files) || version == 0 {
		t.Errorf("version %d, %v; want the number of migrations, %d", version, err, len(files))
	}
	for i, f := range files { // the number in the name is the version it makes
		if !strings.HasPrefix(filepath.Base(f), fmt.Sprintf("%04d_", i+1)) {
			t.Errorf("%s stands at place %d", f, i+1)
		}
	}
}

func TestOpen_RefusesANewerDatabaseAndLeavesIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	if err := s.InsertKey(t.Context(), someKey(0)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA user_version = 9000"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := sqlite.Open(path); !errors.Is(err, sqlite.ErrNewer) || !strings.Contains(err.Error(), "version 9000") || !strings.Contains(err.Error(), path) {
		t.Errorf("Open = %v; want ErrNewer with version and path", err)
	}
	db, _ = sql.Open("sqlite", path)
	defer db.Close()
	var n int
	if err := db.QueryRow("SELECT count(*) FROM keys").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d keys left, %v", n, err)
	}
}

func TestOpen_RefusesWhatIsNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	text := []byte(strings.Repeat("this is a letter, not a database\n", 100))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(path); err == nil || !strings.Contains(err.Error(), "not a database") {
		t.Errorf("Open = %v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(after, text) {
		t.Error("the file was changed")
	}
	if _, err := sqlite.Open(filepath.Join(t.TempDir(), "no", "state.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is missing: %v", err)
	}
}
