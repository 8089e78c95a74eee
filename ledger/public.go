package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"bulkhead/fault"
	"bulkhead/ledger/tiles"
	"bulkhead/ledger/verify"
)

// Proof gives the receipt of the call whose admission is at an index: its
// entries so far, each with the proof that it is in the tree of the newest
// checkpoint, which is published for this if need be. An index without an
// admission is a [fault.NoSuchRoute].
func (l *Log) Proof(ctx context.Context, admission int64) (*verify.Receipt, error) {
	if err := l.Publish(ctx); err != nil {
		return nil, unavailable(err)
	}
	r, err := verify.Prove(ctx, l.Read, admission)
	switch {
	case errors.Is(err, verify.ErrNoCall):
		return nil, fault.New(fault.NoSuchRoute, "The ledger has no admission at index %d.", admission).Because(err)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.Internal, "The ledger lacks a part of itself; the operators' log has the cause.").Because(err)
	case err != nil:
		return nil, err
	}
	r.Banner, r.BannerEnd = l.o.Banner, l.o.Banner
	return r, nil
}

// Read gives a resource of the public log by its path, as tlog-tiles has it:
// checkpoint, keys, tile/…. Anything else is [fs.ErrNotExist]. Partial tiles
// that are no longer files are cut from wider ones.
func (l *Log) Read(name string) ([]byte, error) { return readPublic(l.files, l.dir, name) }

// ReadPublic is [Log.Read] of the log in a data folder, which may be open.
func ReadPublic(data, name string) ([]byte, error) {
	return readPublic(Disk{}, filepath.Join(data, LogName), name)
}

func readPublic(f Files, dir, name string) ([]byte, error) {
	missing := &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	if name == tiles.CheckpointPath || name == tiles.KeysPath {
		return readFile(f, filepath.Join(dir, name))
	}
	r, err := tiles.Parse(name)
	if err != nil {
		return nil, missing
	}
	at := func(r tiles.Resource) string { return filepath.Join(dir, filepath.FromSlash(r.Path())) }
	b, err := readFile(f, at(r))
	if err == nil || !errors.Is(err, fs.ErrNotExist) || r.Width == tiles.Width {
		return b, err
	}
	whole := r
	whole.Width = tiles.Width
	if b, err = readFile(f, at(whole)); err == nil {
		return r.Prefix(b)
	}
	names, err := f.Names(filepath.Dir(at(r)))
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		wider := r
		if _, err := fmt.Sscanf(n, "%d", &wider.Width); err != nil || wider.Width < r.Width || filepath.Base(at(wider)) != n {
			continue
		}
		if b, err := readFile(f, at(wider)); err == nil {
			return r.Prefix(b)
		}
	}
	return nil, missing
}
