// Package verify checks a ledger from outside: from its public files alone, it
// derives the tree anew and holds it against the signed checkpoint, and reads
// every entry in order.
//
// A log that holds shows this: every admission has exactly one outcome, but
// for those that are open since the last start; every attempt has its start
// and lies in the permit of its admission; order and counts fit. Without a
// checkpoint or a key from another place it shows only that the log agrees
// with itself: who has the signing key can write another that does, too. It
// never shows that no call went around the log.
//
// It follows C2SP's tlog-tiles (package tiles) and knows nothing of how a log
// is written. Begin with [Log].
package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"bulkhead/ledger/tiles"
)

// Read gives a resource of a log by its path. What is not there is
// [fs.ErrNotExist]; any other error ends the verification.
type Read func(path string) ([]byte, error)

// Files reads a log from its folder, which its owner may be writing: partial
// tiles that went meanwhile are cut from wider ones.
func Files(folder fs.FS) Read {
	return func(name string) ([]byte, error) {
		b, err := fs.ReadFile(folder, name)
		r, parseErr := tiles.Parse(name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || parseErr != nil || r.Width == tiles.Width {
			return b, err
		}
		for _, width := range append(widths(folder, path.Dir(name)), tiles.Width) {
			wider := r
			wider.Width = width
			if b, err := fs.ReadFile(folder, wider.Path()); width > r.Width && err == nil {
				return r.Prefix(b)
			}
		}
		return nil, err
	}
}

// widths are those of the partial tiles in a folder.
func widths(folder fs.FS, dir string) []int {
	all, _ := fs.ReadDir(folder, dir) // none: there may be a full tile
	var out []int
	for _, e := range all {
		if n, err := strconv.Atoi(e.Name()); err == nil && n > 0 && n < tiles.Width {
			out = append(out, n)
		}
	}
	return out
}

// Options say what a log is held against.
type Options struct {
	Keys     []note.Verifier     // from another place than the log; none: the log's own
	Since    []byte              // a signed checkpoint of this log that was kept; none: nil
	Progress func(entries int64) // told now and then; may be nil
	Each     func(*Entry)        // given each entry in order; may be nil. What it learns holds only if the report has no fault
}

// Fault is the first thing that is wrong with a log.
type Fault struct {
	Index int64  // of the entry; -1: it is of no single entry
	Path  string // of the resource, where it is one
	What  string
}

// Error says where and what.
func (f *Fault) Error() string {
	s := f.What
	if f.Path != "" {
		s = f.Path + ": " + s
	}
	if f.Index >= 0 {
		s = fmt.Sprintf("entry %d: %s", f.Index, s)
	}
	return s
}

// Report is what was found.
type Report struct {
	Origin    string
	Size      int64
	Root      tlog.Hash
	Kinds     map[string]int64
	Open      int64 // calls that are open since the last start
	Unlisted  int64 // admissions whose permits were too long to name their offerings
	From, To  time.Time
	Banner    string // the ledger's marking, as the last start has it
	Keyed     bool   // checked with keys from another place
	Anchored  bool   // held against a checkpoint from another place
	Unchecked int    // signature lines of others, such as witnesses
	Fault     *Fault // nil: the log holds
}

// Protected reports whether the log was held against something that who holds
// its key could not have made to fit.
func (r *Report) Protected() bool { return r.Anchored && r.Fault == nil }

// Log verifies a log. The error says that it could not be read; what is wrong
// with it is in the report.
func Log(ctx context.Context, read Read, o Options) (*Report, error) {
	v := &verifier{read: read, o: o, report: &Report{Kinds: map[string]int64{}, Keyed: len(o.Keys) > 0}, calls: newCalls(), edge: &tiles.Edge{}}
	err := v.run(ctx)
	if errors.As(err, &v.report.Fault) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("verify ledger: %w", err)
	}
	return v.report, nil
}

type verifier struct {
	read   Read
	o      Options
	report *Report
	since  *tiles.Opened
	root   tlog.Hash // as signed
	calls  *calls
	edge   *tiles.Edge
}

func (v *verifier) run(ctx context.Context) error {
	if err := v.checkpoints(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for b := range v.bundles(ctx) {
		if err := v.bundle(b); err != nil {
			return err
		}
		if v.o.Progress != nil && b.n%64 == 0 {
			v.o.Progress(v.edge.Size)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := v.partials(); err != nil {
		return err
	}
	if err := v.roots(); err != nil {
		return err
	}
	if e := v.calls.expect; e != nil {
		return &Fault{e.Index, "", "the admission is not followed by the start of its first attempt"}
	}
	v.report.Open, v.report.Unlisted = int64(len(v.calls.open)), v.calls.unlisted
	return nil
}

// get reads a resource that must be there.
func (v *verifier) get(path string, first int64) ([]byte, error) {
	b, err := v.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Fault{first, path, "it is missing"}
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return b, nil
}

func (v *verifier) checkpoints() error {
	b, err := v.get(tiles.KeysPath, -1)
	if err != nil {
		return err
	}
	own, err := tiles.ParseKeys(b)
	if err != nil {
		return &Fault{-1, tiles.KeysPath, err.Error()}
	}
	if lines := strings.Fields(string(b)); strings.Join(lines, "\n")+"\n" != string(b) {
		return &Fault{-1, tiles.KeysPath, "it is not spelled as it is written"}
	}
	keys := slices.Clone(v.o.Keys)
	for _, k := range own { // a second signature by a key that was not given must hold as well
		if !slices.ContainsFunc(keys, func(o note.Verifier) bool { return o.Name() == k.Name() && o.KeyHash() == k.KeyHash() }) {
			keys = append(keys, k)
		}
	}
	if b, err = v.get(tiles.CheckpointPath, -1); err != nil {
		return err
	}
	c, err := tiles.OpenCheckpoint(b, keys...)
	if err != nil {
		return &Fault{-1, tiles.CheckpointPath, err.Error()}
	}
	r := v.report
	r.Origin, r.Size, r.Root, r.Unchecked, v.root = c.Origin, c.Size, c.Root, c.Unchecked, c.Root
	for _, k := range keys {
		if k.Name() != c.Origin {
			return &Fault{-1, tiles.CheckpointPath, fmt.Sprintf("it is of the log %q and the key is of %q", c.Origin, k.Name())}
		}
	}
	if c.Verified < len(keys) {
		return &Fault{-1, tiles.CheckpointPath, fmt.Sprintf("%d of %d keys have signed it", c.Verified, len(keys))}
	}
	if v.o.Since == nil {
		return nil
	}
	since, err := tiles.OpenCheckpoint(v.o.Since, keys...)
	switch {
	case err != nil:
		return &Fault{-1, "the checkpoint that was kept", err.Error()}
	case since.Origin != c.Origin:
		return &Fault{-1, "the checkpoint that was kept", fmt.Sprintf("it is of the log %q", since.Origin)}
	case since.Size > c.Size:
		return &Fault{c.Size, "", fmt.Sprintf("the log was rolled back: it has %d entries, and a checkpoint over %d was signed before", c.Size, since.Size)}
	case since.Size == c.Size && since.Root != c.Root:
		return forked(since.Size)
	}
	v.since, r.Anchored = &since, true
	return nil
}

func forked(size int64) error {
	return &Fault{-1, "", fmt.Sprintf("the log was forked: another history of its first %d entries was signed before", size)}
}

// bundle is 256 entries, read and parsed.
type bundle struct {
	n       int64
	entries []*Entry
	hashes  []tlog.Hash
	tile    []byte // the level-0 tile over them
	fault   error  // of the entry behind the last one here
}

// bundles reads the bundles ahead, a few at once, and gives them in order.
func (v *verifier) bundles(ctx context.Context) func(func(*bundle) bool) {
	return func(yield func(*bundle) bool) {
		ahead := make(chan chan *bundle, min(runtime.GOMAXPROCS(0), 8))
		count := (v.report.Size + tiles.Width - 1) / tiles.Width
		ctx, cancel := context.WithCancel(ctx)
		var loading sync.WaitGroup
		loading.Go(func() { // ends with its work or with ctx; awaited below
			defer close(ahead)
			for n := range count {
				one := make(chan *bundle, 1)
				select {
				case ahead <- one:
				case <-ctx.Done():
					return
				}
				loading.Go(func() { one <- v.load(n) }) // one holds its result: it never waits
			}
		})
		defer func() { cancel(); loading.Wait() }()
		for one := range ahead {
			if !yield(<-one) || ctx.Err() != nil {
				return
			}
		}
	}
}

// load reads a bundle and its tile.
func (v *verifier) load(n int64) *bundle {
	b := &bundle{n: n}
	first, wide := n*tiles.Width, tiles.Wide(0, n, v.report.Size)
	path := tiles.EntriesPath(n, v.report.Size)
	rest, err := v.get(path, first)
	if err != nil {
		b.fault = err
		return b
	}
	if b.tile, err = v.get(tiles.TilePath(0, n, v.report.Size), first); err != nil {
		b.fault = err
		return b
	}
	b.entries, b.hashes = make([]*Entry, 0, wide), make([]tlog.Hash, 0, wide)
	for i := range int64(wide) {
		var text []byte
		if text, rest, err = tiles.NextEntry(rest); err != nil {
			b.fault = &Fault{first + i, path, "it is missing: " + err.Error()}
			return b
		}
		h := tlog.RecordHash(text)
		if at := int(i) * tlog.HashSize; len(b.tile) >= at+tlog.HashSize && !bytes.Equal(b.tile[at:at+tlog.HashSize], h[:]) {
			b.fault = &Fault{first + i, path, "it does not have the hash that the tree has for it"}
			return b
		}
		e, err := ParseEntry(first+i, text)
		if err != nil {
			b.fault = &Fault{first + i, path, err.Error()}
			return b
		}
		b.entries, b.hashes = append(b.entries, e), append(b.hashes, h)
	}
	if len(rest) > 0 {
		b.fault = &Fault{first + int64(wide), path, "the bundle has more entries than the log"}
	} else if len(b.tile) != wide*tlog.HashSize {
		b.fault = &Fault{first, tiles.TilePath(0, n, v.report.Size), fmt.Sprintf("it has %d bytes and not %d", len(b.tile), wide*tlog.HashSize)}
	}
	return b
}

// bundle takes a bundle's entries, in order, into the tree and the calls.
func (v *verifier) bundle(b *bundle) error {
	for i, e := range b.entries {
		if err := v.meet(); err != nil {
			return err
		}
		var fault error
		v.edge.Add(b.hashes[i], func(level int, n int64, tile []byte) {
			if fault == nil {
				fault = v.tile(level, n, tile, b.tile)
			}
		})
		if fault != nil {
			return fault
		}
		if err := v.calls.next(e); err != nil {
			return &Fault{e.Index, "", err.Error()}
		}
		if v.o.Each != nil {
			v.o.Each(e)
		}
		r := v.report
		r.Kinds[e.Kind]++
		if r.From.IsZero() {
			r.From = e.At
		}
		r.To = e.At
		if e.Kind == "start" {
			r.Banner = e.Banner
		}
	}
	return b.fault
}

// tile holds a full tile against the one that the log has.
func (v *verifier) tile(level int, n int64, want, leaves []byte) error {
	path := tiles.Resource{Level: level, N: n, Width: tiles.Width}.Path()
	span := int64(1) << (tiles.Height * level) // entries under one hash
	got := leaves
	if level > 0 {
		var err error
		if got, err = v.get(path, n*tiles.Width*span); err != nil {
			return err
		}
	}
	return differ(path, got, want, n*tiles.Width, span)
}

// differ names the first entry under the first hash in which two tiles differ.
func differ(path string, got, want []byte, first, span int64) error {
	if bytes.Equal(got, want) {
		return nil
	}
	for i := 0; i*tlog.HashSize < len(want); i++ {
		end := (i + 1) * tlog.HashSize
		if len(got) < end || !bytes.Equal(got[i*tlog.HashSize:end], want[i*tlog.HashSize:end]) {
			return &Fault{(first + int64(i)) * span, path, "the tile does not have the hashes of its entries"}
		}
	}
	return &Fault{first * span, path, "the tile is longer than it must be"}
}

// partials holds the tiles that are not full against those that the log has.
func (v *verifier) partials() error {
	for level, want := range v.edge.Levels {
		n := v.edge.Size >> (tiles.Height * (level + 1))
		if len(want) == 0 {
			continue
		}
		path := tiles.TilePath(level, n, v.edge.Size)
		span := int64(1) << (tiles.Height * level)
		got, err := v.get(path, n*tiles.Width*span)
		if err != nil {
			return err
		}
		if err := differ(path, got, want, n*tiles.Width, span); err != nil {
			return err
		}
	}
	return nil
}

// meet compares the tree with the checkpoint that was kept, at its size.
func (v *verifier) meet() error {
	if v.since == nil || v.since.Size != v.edge.Size {
		return nil
	}
	root, err := v.edge.Root()
	if err != nil {
		return err
	}
	if root != v.since.Root {
		return forked(v.since.Size)
	}
	return nil
}

func (v *verifier) roots() error {
	if err := v.meet(); err != nil {
		return err
	}
	root, err := v.edge.Root()
	if err != nil {
		return err
	}
	if root != v.root {
		return &Fault{-1, tiles.CheckpointPath, fmt.Sprintf("the tree over %d entries does not have the hash that was signed", v.edge.Size)}
	}
	return nil
}
