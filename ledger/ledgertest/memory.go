// Package ledgertest opens logs for tests of what stands on one: quick, in
// memory, and failing when told to. What a log owes its disk is tested in
// package ledger itself.
package ledgertest

import (
	"context"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"bulkhead/ledger"
	"bulkhead/ledger/verify"
)

// Origin is the name of every log that [Open] opens.
const Origin = "ledger.example.gov/test"

// Memory is a disk in memory. The zero Memory is empty and ready; it may be
// used by many goroutines at once, as its Fail is called.
type Memory struct {
	// Fail, if set, is asked before each operation ("open", "create", "rename",
	// "remove", "names", "mkdir", "syncdir", "read", "write", "sync"); what it
	// gives is what the operation fails with. Set it through [Memory.Break].
	fail func(op string) error

	mu    sync.Mutex
	files map[string]*node
	dirs  map[string]bool
	room  int64 // free bytes of 1 << 40; zero: all
}

type node struct{ data []byte }

var _ ledger.Files = (*Memory)(nil)

// Break lets each later operation fail with what fail gives for it; nil mends.
func (m *Memory) Break(fail func(op string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = fail
}

// Leave says how many of 1 << 40 bytes are free.
func (m *Memory) Leave(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.room = bytes
}

// begin takes the lock and makes ready; its caller unlocks.
func (m *Memory) begin(op string) error {
	m.mu.Lock()
	if m.files == nil {
		m.files, m.dirs = map[string]*node{}, map[string]bool{}
	}
	if m.fail != nil {
		return m.fail(op)
	}
	return nil
}

// Open opens a file to read.
func (m *Memory) Open(name string) (ledger.File, error) {
	defer m.mu.Unlock()
	if err := m.begin("open"); err != nil {
		return nil, err
	}
	if n := m.files[name]; n != nil {
		return &file{m, n}, nil
	}
	return nil, missing("open", name)
}

func missing(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// Create makes a file anew.
func (m *Memory) Create(name string) (ledger.File, error) {
	defer m.mu.Unlock()
	if err := m.begin("create"); err != nil {
		return nil, err
	}
	if !m.dirs[filepath.Dir(name)] {
		return nil, missing("create", name)
	}
	n := &node{}
	m.files[name] = n
	return &file{m, n}, nil
}

// Rename puts a file in the place of another.
func (m *Memory) Rename(from, to string) error {
	defer m.mu.Unlock()
	if err := m.begin("rename"); err != nil {
		return err
	}
	n := m.files[from]
	if n == nil {
		return missing("rename", from)
	}
	delete(m.files, from)
	m.files[to] = n
	return nil
}

// Remove removes a file or a folder.
func (m *Memory) Remove(name string) error {
	defer m.mu.Unlock()
	if err := m.begin("remove"); err != nil {
		return err
	}
	if m.files[name] == nil && !m.dirs[name] {
		return missing("remove", name)
	}
	delete(m.files, name)
	delete(m.dirs, name)
	return nil
}

// Names are the names in a folder.
func (m *Memory) Names(dir string) ([]string, error) {
	defer m.mu.Unlock()
	if err := m.begin("names"); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for name := range m.files {
		if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
			first, _, _ := strings.Cut(rest, "/")
			seen[first] = true
		}
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

// MkdirAll makes a folder and those above it.
func (m *Memory) MkdirAll(dir string) error {
	defer m.mu.Unlock()
	if err := m.begin("mkdir"); err != nil {
		return err
	}
	for ; dir != "." && dir != "/"; dir = filepath.Dir(dir) {
		m.dirs[dir] = true
	}
	return nil
}

// SyncDir makes the names in a folder durable.
func (m *Memory) SyncDir(string) error {
	defer m.mu.Unlock()
	return m.begin("syncdir")
}

// Room is what [Memory.Leave] said.
func (m *Memory) Room(string) (free, total int64, err error) {
	defer m.mu.Unlock()
	err = m.begin("room")
	if m.room > 0 {
		return m.room, 1 << 40, err
	}
	return 1 << 40, 1 << 40, err
}

type file struct {
	m *Memory
	n *node
}

func (f *file) ReadAt(b []byte, off int64) (int, error) {
	defer f.m.mu.Unlock()
	if err := f.m.begin("read"); err != nil {
		return 0, err
	}
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(b []byte, off int64) (int, error) {
	defer f.m.mu.Unlock()
	if err := f.m.begin("write"); err != nil {
		return 0, err
	}
	if grow := off + int64(len(b)) - int64(len(f.n.data)); grow > 0 {
		f.n.data = append(f.n.data, make([]byte, grow)...)
	}
	return copy(f.n.data[off:], b), nil
}

func (f *file) Sync() error {
	defer f.m.mu.Unlock()
	return f.m.begin("sync")
}

func (f *file) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return int64(len(f.n.data)), nil
}

func (f *file) Close() error { return nil }

// Open opens a log on files, which may be nil for a disk of its own, and closes
// it when the test ends.
func Open(t testing.TB, files *Memory) *ledger.Log {
	t.Helper()
	if files == nil {
		files = &Memory{}
	}
	data := filepath.Join(t.TempDir(), "data") // of the keys alone
	release, err := ledger.Own(data)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ledger.LoadKeys(data, Origin, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(data, ledger.Options{Origin: Origin, Keys: keys, Program: "test", Files: files, SegmentBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		files.Break(nil)
		if err := l.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Log("close the log: ", err)
		}
	})
	return l
}

// Entries publishes a log, verifies it from the first entry to the last, and
// gives them. No call may be open.
func Entries(t testing.TB, l *ledger.Log) []*verify.Entry {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if err := l.Publish(ctx); err != nil {
		t.Errorf("publish the log: %v", err)
		return nil
	}
	var out []*verify.Entry
	report, err := verify.Log(ctx, l.Read, verify.Options{Each: func(e *verify.Entry) {
		kept := *e
		kept.Text = slices.Clone(e.Text)
		out = append(out, &kept)
	}})
	switch {
	case err != nil:
		t.Errorf("read the log: %v", err)
	case report.Fault != nil:
		t.Errorf("the log is not whole: %v", report.Fault)
	case report.Open > 0:
		t.Errorf("%d calls have no outcome", report.Open)
	}
	return out
}
