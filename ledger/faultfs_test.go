package ledger_test

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"bulkhead/ledger"
)

// memFS is a disk in memory that keeps apart what was written and what would
// survive a loss of power, and that fails as it is told.
type memFS struct {
	mu    sync.Mutex
	names map[string]*memNode // as the process sees them
	disk  map[string]*memNode // as they are after a loss of power, but for pending
	dirs  map[string]bool
	ops   []nameOp // not yet durable, oldest first
	fault faultPlan
	n     int  // operations so far
	hit   bool // the fault has happened
	dead  bool // the machine is off: nothing happens any more
	full  bool
}

// nameOp changes names of one folder at once; nil removes.
type nameOp struct {
	dir string
	to  map[string]*memNode
}

type memNode struct {
	data   []byte
	synced []byte
	dirty  map[int]bool // sectors
}

const sector = 512

// faultPlan says what happens at the nth operation.
type faultPlan struct {
	kind string // fail, short, die, drop, full, flip, flipread; empty: nothing
	at   int
	rng  *rand.Rand
}

func newMemFS() *memFS {
	return &memFS{names: map[string]*memNode{}, disk: map[string]*memNode{}, dirs: map[string]bool{}}
}

var _ ledger.Files = (*memFS)(nil)

var errPowerless = errors.New("the machine is off")

// step counts an operation and says whether the fault is now.
func (m *memFS) step() (now bool, err error) {
	if m.dead {
		return false, errPowerless
	}
	m.n++
	if m.fault.kind != "" && m.n == m.fault.at {
		m.hit = true
		switch m.fault.kind {
		case "die":
			m.dead = true
		case "full":
			m.full = true
			return false, nil
		}
		return true, nil
	}
	return false, nil
}

// plain is for operations that either happen or fail as a whole.
func (m *memFS) plain() error {
	now, err := m.step()
	if err == nil && now {
		switch m.fault.kind {
		case "fail", "short", "drop":
			return syscall.EIO
		case "die":
			if m.fault.rng.IntN(2) == 0 { // it may still have happened
				return errPowerless
			}
		}
	}
	return err
}

func (m *memFS) Open(name string) (ledger.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.plain(); err != nil {
		return nil, err
	}
	n := m.names[name]
	if n == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memFile{m, n}, nil
}

func (m *memFS) Create(name string) (ledger.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.plain(); err != nil {
		return nil, err
	}
	if !m.dirs[filepath.Dir(name)] {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrNotExist}
	}
	n := &memNode{dirty: map[int]bool{}}
	m.rename(map[string]*memNode{name: n})
	return &memFile{m, n}, nil
}

func (m *memFS) rename(to map[string]*memNode) {
	op := nameOp{to: to}
	for name, n := range to {
		op.dir = filepath.Dir(name)
		if n == nil {
			delete(m.names, name)
		} else {
			m.names[name] = n
		}
	}
	m.ops = append(m.ops, op)
}

func (m *memFS) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.plain(); err != nil {
		return err
	}
	n := m.names[from]
	if n == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	m.rename(map[string]*memNode{from: nil, to: n})
	return nil
}

func (m *memFS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.plain(); err != nil {
		return err
	}
	if m.dirs[name] {
		for n := range m.names {
			if strings.HasPrefix(n, name+"/") {
				return syscall.ENOTEMPTY
			}
		}
		delete(m.dirs, name)
		return nil
	}
	if m.names[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	m.rename(map[string]*memNode{name: nil})
	return nil
}

func (m *memFS) Names(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.plain(); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for n := range m.names {
		if rest, ok := strings.CutPrefix(n, dir+"/"); ok {
			first, _, _ := strings.Cut(rest, "/")
			seen[first] = true
		}
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

func (m *memFS) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.plain(); err != nil {
		return err
	}
	for d := dir; d != "." && d != "/"; d = filepath.Dir(d) {
		m.dirs[d] = true
	}
	return nil
}

func (m *memFS) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.plain(); err != nil {
		return err
	}
	var rest []nameOp
	for _, op := range m.ops {
		if op.dir != dir {
			rest = append(rest, op)
			continue
		}
		apply(m.disk, op)
	}
	m.ops = rest
	return nil
}

func apply(names map[string]*memNode, op nameOp) {
	for name, n := range op.to {
		if n == nil {
			delete(names, name)
		} else {
			names[name] = n
		}
	}
}

func (m *memFS) Room(string) (free, total int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full {
		return 0, 1 << 40, nil
	}
	return 1 << 39, 1 << 40, nil
}

type memFile struct {
	m *memFS
	n *memNode
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	now, err := f.m.step()
	if err != nil {
		return 0, err
	}
	if now && (f.m.fault.kind == "fail" || f.m.fault.kind == "short") {
		return 0, syscall.EIO
	}
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[off:])
	if now && f.m.fault.kind == "flipread" {
		b[f.m.fault.rng.IntN(n)] ^= 1 << f.m.fault.rng.IntN(8)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	now, err := f.m.step()
	if err != nil {
		return 0, err
	}
	if f.m.full && off+int64(len(b)) > int64(len(f.n.data)) {
		return 0, syscall.ENOSPC
	}
	var fail error
	if now {
		r := f.m.fault.rng
		switch f.m.fault.kind {
		case "fail", "drop":
			return 0, syscall.EIO
		case "short":
			b, fail = b[:r.IntN(len(b)+1)], syscall.EIO
		case "die":
			b, fail = b[:r.IntN(len(b)+1)], errPowerless
		case "flip":
			b = slices.Clone(b)
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
	}
	end := off + int64(len(b))
	if grow := end - int64(len(f.n.data)); grow > 0 {
		f.n.data = append(f.n.data, make([]byte, grow)...)
	}
	copy(f.n.data[off:], b)
	for s := off / sector; s*sector < end; s++ {
		f.n.dirty[int(s)] = true
	}
	return len(b), fail
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	now, err := f.m.step()
	if err != nil {
		return err
	}
	if now {
		switch f.m.fault.kind {
		case "fail", "short":
			return syscall.EIO
		case "drop": // what was to be written is lost, and the next sync knows nothing of it
			f.n.dirty = map[int]bool{}
			return syscall.EIO
		case "die":
			return errPowerless
		}
	}
	f.n.flush(func(int) bool { return true }, true)
	return nil
}

// flush lets the sectors that keep chooses reach the disk.
func (n *memNode) flush(keep func(int) bool, size bool) {
	if size && len(n.synced) != len(n.data) {
		n.synced = append(n.synced[:min(len(n.synced), len(n.data))], make([]byte, max(0, len(n.data)-len(n.synced)))...)
	}
	for s := range n.dirty {
		from := s * sector
		if from < len(n.synced) && keep(s) {
			copy(n.synced[from:], n.data[from:min(len(n.data), from+sector)])
		}
	}
	n.dirty = map[int]bool{}
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.m.plain(); err != nil {
		return 0, err
	}
	return int64(len(f.n.data)), nil
}

func (f *memFile) Close() error { return nil }

// crash is the disk after a loss of power: of what was not synced any part is
// there, in any order.
func (m *memFS) crash(r *rand.Rand) *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
	after := newMemFS()
	after.dirs = maps.Clone(m.dirs)
	names := maps.Clone(m.disk)
	for _, op := range m.ops {
		if r.IntN(2) == 0 {
			apply(names, op)
		}
	}
	for name, n := range names {
		c := &memNode{data: slices.Clone(n.data), synced: slices.Clone(n.synced), dirty: maps.Clone(n.dirty)}
		c.flush(func(int) bool { return r.IntN(2) == 0 }, r.IntN(2) == 0)
		c.data = slices.Clone(c.synced)
		after.names[name], after.disk[name] = c, c
	}
	return after
}

// killed is the disk as another process finds it after the first has died: the
// machine went on, so that all that was written is there.
func (m *memFS) killed() *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
	after := newMemFS()
	after.dirs = maps.Clone(m.dirs)
	copies := map[*memNode]*memNode{}
	of := func(n *memNode) *memNode {
		if n != nil && copies[n] == nil {
			copies[n] = &memNode{slices.Clone(n.data), slices.Clone(n.synced), maps.Clone(n.dirty)}
		}
		return copies[n]
	}
	for name, n := range m.names {
		after.names[name] = of(n)
	}
	for name, n := range m.disk {
		after.disk[name] = of(n)
	}
	for _, op := range m.ops {
		to := map[string]*memNode{}
		for name, n := range op.to {
			to[name] = of(n)
		}
		after.ops = append(after.ops, nameOp{op.dir, to})
	}
	return after
}
