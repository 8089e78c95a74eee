package ledger

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Files is the disk under a log: nothing of the log reaches it by another way,
// so that tests can let it fail at any step. [Disk] is the real one.
//
// What an implementation owes: after [File.Sync] returned nil the bytes of the
// file survive a loss of power; after SyncDir returned nil so do the names in
// that folder. Rename replaces what was there, at once and as a whole.
type Files interface {
	Open(name string) (File, error)   // to read
	Create(name string) (File, error) // to write, empty, 0600
	Rename(from, to string) error
	Remove(name string) error
	Names(dir string) ([]string, error) // sorted; of a folder that is missing: none
	MkdirAll(dir string) error          // 0700
	SyncDir(dir string) error
	Room(dir string) (free, total int64, err error) // total 0: not known
}

// File is an open file of a log.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Sync() error
}

// Disk is the file system of the machine.
type Disk struct{}

var _ Files = Disk{}

type diskFile struct{ *os.File }

// Size is the file's length in bytes.
func (f diskFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Sync makes the file's bytes durable.
func (f diskFile) Sync() error { return syncData(f.File) }

// Open opens a file to read.
func (Disk) Open(name string) (File, error) { return open(name, os.O_RDONLY) }

// Create makes a file anew.
func (Disk) Create(name string) (File, error) {
	return open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func open(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

// Rename puts a file in the place of another.
func (Disk) Rename(from, to string) error { return os.Rename(from, to) }

// Remove removes a file.
func (Disk) Remove(name string) error { return os.Remove(name) }

// Names are the names in a folder.
func (Disk) Names(dir string) ([]string, error) {
	all, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.Name()
	}
	return names, err
}

// MkdirAll makes a folder and those above it.
func (Disk) MkdirAll(dir string) error { return os.MkdirAll(dir, 0o700) }

// SyncDir makes the names in a folder durable.
func (Disk) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Room is how many bytes are free to us, and how many the disk has.
func (Disk) Room(dir string) (free, total int64, err error) { return room(dir) }

// readFile reads a file whole.
func readFile(f Files, name string) (_ []byte, err error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	n, err := file.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if n == 0 {
		return b, nil
	}
	if k, err := file.ReadAt(b, 0); int64(k) < n {
		return nil, errors.Join(io.ErrUnexpectedEOF, err)
	}
	return b, nil
}

// writeFile puts data in the place of name, as a whole or not at all; if
// durable, it survives a loss of power once this returns.
func writeFile(f Files, name string, data []byte, durable bool) error {
	part := name + ".part"
	file, err := f.Create(part)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(data, 0)
	if err == nil && durable {
		err = syncFile(file)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, bareRemove(f, part))
	}
	if err := f.Rename(part, name); err != nil {
		return err
	}
	if durable {
		return syncDir(f, filepath.Dir(name))
	}
	return nil
}

func bareRemove(f Files, name string) error {
	if err := f.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// errSync marks a sync that failed: what is on the disk is not known then, and
// asking again would be told that all is well.
var errSync = errors.New("the disk did not confirm what was written")

func syncFile(f File) error {
	if err := f.Sync(); err != nil {
		return errors.Join(errSync, err)
	}
	return nil
}

func syncDir(f Files, dir string) error {
	if err := f.SyncDir(dir); err != nil {
		return errors.Join(errSync, err)
	}
	return nil
}
