package ledger

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"bulkhead/ledger/tiles"
)

// publisher turns durable entries into tiles and signed checkpoints. It reads
// them back from the write-ahead log, so that it holds one bundle and the
// tree's edge however far behind it is. Its goroutine alone uses it, and Open
// before there is one.
type publisher struct {
	files Files
	dir   string
	keys  *Keys
	log   string // origin

	edge    *tiles.Edge
	bundle  []byte // entries of the bundle that is not full
	pending []resource
	spare   [][]byte

	reading *segment // of the write-ahead log, with its own file
	buf     []byte
	needed  []segmentStart // segments that are not removed yet, oldest first

	checkpoint int64 // size of the newest; -1: none
	signed     []byte
	partials   [][]string // of the last checkpoints, oldest first
	unsynced   []string   // files that are written and not durable
	dirs       map[string]bool
	settled    time.Time
}

type segmentStart struct{ number, first int64 }

// resource is a full tile or bundle that is to be written.
type resource struct {
	path string
	data []byte
}

// take adds an entry to the tree.
func (p *publisher) take(entry []byte) {
	p.bundle = tiles.AppendEntry(p.bundle, entry)
	p.edge.Add(tlog.RecordHash(entry), func(level int, n int64, tile []byte) {
		if level == 0 {
			p.keep(tiles.Resource{Entries: true, N: n, Width: tiles.Width}.Path(), p.bundle)
			p.bundle = p.bundle[:0]
		}
		p.keep(tiles.Resource{Level: level, N: n, Width: tiles.Width}.Path(), tile)
	})
}

func (p *publisher) keep(path string, data []byte) {
	var b []byte
	if k := len(p.spare); k > 0 {
		b, p.spare = p.spare[k-1], p.spare[:k-1]
	}
	p.pending = append(p.pending, resource{path, append(b[:0], data...)})
}

// flush writes the full tiles that wait to be. What cannot be written stays.
func (p *publisher) flush() error {
	for len(p.pending) > 0 {
		r := p.pending[0]
		if err := p.put(r.path, r.data); err != nil {
			return err
		}
		p.unsynced = append(p.unsynced, r.path)
		if len(p.spare) < 4 {
			p.spare = append(p.spare, r.data)
		}
		p.pending = slices.Delete(p.pending, 0, 1)
	}
	return nil
}

// put writes a file of the public tree; it is not durable yet.
func (p *publisher) put(name string, data []byte) error {
	full := filepath.Join(p.dir, filepath.FromSlash(name))
	dir := filepath.Dir(full)
	if !p.dirs[dir] {
		if err := p.files.MkdirAll(dir); err != nil {
			return err
		}
		if len(p.dirs) > 64 {
			clear(p.dirs)
		}
		p.dirs[dir] = true
	}
	return writeFile(p.files, full, data, false)
}

// advance reads the write-ahead log up to a durable position.
func (p *publisher) advance(to position) error {
	for p.edge.Size < to.index {
		h, bundle, grown, ok, err := p.reading.read(p.reading.end, p.buf)
		p.buf = grown
		if err != nil {
			return err
		}
		if !ok {
			if p.reading.number >= to.segment {
				return corrupt(segmentName(p.reading.number), "the batch from entry %d is not as it was written", p.edge.Size)
			}
			if err := p.follow(p.reading.number+1, p.edge.Size); err != nil {
				return err
			}
			continue
		}
		for range h.count {
			entry, rest, err := tiles.NextEntry(bundle)
			if err != nil {
				return err
			}
			bundle = rest
			p.take(entry)
		}
		p.reading.end += headerSize + int64(h.size)
		if err := p.flush(); err != nil {
			return err
		}
	}
	return nil
}

// follow goes on reading in another segment, whose first entry is known.
func (p *publisher) follow(number, first int64) error {
	s, err := openSegment(p.files, filepath.Join(p.dir, walName), number)
	if err != nil {
		return err
	}
	if p.reading != nil {
		if err := p.reading.file.Close(); err != nil {
			return errors.Join(err, s.file.Close())
		}
	}
	p.reading = s
	p.needed = append(p.needed, segmentStart{number, first})
	return nil
}

// sign publishes a checkpoint over all that was taken, with the partial tiles
// that belong to it. Readers see it whole or not at all.
func (p *publisher) sign() error {
	if err := p.flush(); err != nil {
		return err
	}
	size := p.edge.Size
	if size == p.checkpoint {
		return nil
	}
	var part []string
	put := func(name string, data []byte) error {
		part = append(part, name)
		return p.put(name, data)
	}
	for level, tile := range p.edge.Levels {
		n := size >> (tiles.Height * (level + 1))
		if len(tile) == 0 {
			continue
		}
		if err := put(tiles.TilePath(level, n, size), tile); err != nil {
			return err
		}
		if level == 0 {
			if err := put(tiles.EntriesPath(n, size), p.bundle); err != nil {
				return err
			}
		}
	}
	root, err := p.edge.Root()
	if err != nil {
		return err
	}
	signed, err := tiles.Checkpoint{Origin: p.log, Size: size, Root: root}.Sign(p.keys.Signers...)
	if err != nil {
		return fmt.Errorf("sign checkpoint: %w", err)
	}
	if err := writeFile(p.files, filepath.Join(p.dir, tiles.CheckpointPath), signed, true); err != nil {
		return err
	}
	p.checkpoint, p.signed = size, signed
	p.partials = append(p.partials, part)
	return p.prune()
}

// keptPartials is of how many checkpoints the partial tiles stay as files, for
// those who read the folder beside us. [Log.Read] derives older ones.
const keptPartials = 4

func (p *publisher) prune() error {
	for len(p.partials) > keptPartials {
		var still []string
		for _, later := range p.partials[1:] {
			still = append(still, later...)
		}
		for _, name := range p.partials[0] {
			if slices.Contains(still, name) {
				continue
			}
			full := filepath.Join(p.dir, filepath.FromSlash(name))
			if err := bareRemove(p.files, full); err != nil {
				return err
			}
			if r, err := tiles.Parse(name); err == nil && tiles.Wide(r.Level, r.N, p.edge.Size) == tiles.Width {
				_ = p.files.Remove(filepath.Dir(full)) // goes with its last file; it is in nobody's way until then
				delete(p.dirs, filepath.Dir(full))
			}
		}
		p.partials = p.partials[1:]
	}
	return nil
}

// adopt takes over the partial tiles that an earlier process left at its last
// checkpoint, so that they go when their time has come.
func (p *publisher) adopt() error {
	var part []string
	for level := -1; p.checkpoint > 0 && level < len(p.edge.Levels); level++ {
		r := tiles.Resource{Entries: level < 0, Level: max(level, 0), Width: 1}
		r.N = p.checkpoint >> (tiles.Height * (r.Level + 1))
		names, err := p.files.Names(filepath.Dir(filepath.Join(p.dir, filepath.FromSlash(r.Path()))))
		if err != nil {
			return err
		}
		for _, n := range names {
			part = append(part, path.Dir(r.Path())+"/"+n)
		}
	}
	if len(part) > 0 {
		p.partials = append(p.partials, part)
	}
	return nil
}

// settle makes the full tiles durable, then the mark that says so, and removes
// the segments that nothing needs any more.
func (p *publisher) settle(m mark) error {
	if err := p.sync(); err != nil {
		return err
	}
	m.Tiles = p.checkpoint - p.checkpoint%tiles.Width
	m.Checkpoint = p.checkpoint
	keep := 0 // the last segment that begins at or before the first entry that is needed
	for i, s := range p.needed {
		if s.first <= m.Tiles {
			keep = i
		}
	}
	m.Segment = p.needed[keep].number
	if err := m.write(p.files, p.dir); err != nil {
		return err
	}
	for _, s := range p.needed[:keep] {
		if err := bareRemove(p.files, filepath.Join(p.dir, walName, segmentName(s.number))); err != nil {
			return err
		}
	}
	p.needed = p.needed[keep:]
	return nil
}

// sync makes the full tiles durable that are not yet.
func (p *publisher) sync() error {
	touched := map[string]bool{}
	for _, name := range p.unsynced {
		full := filepath.Join(p.dir, filepath.FromSlash(name))
		f, err := p.files.Open(full)
		if err != nil {
			return err
		}
		if err := errors.Join(syncFile(f), f.Close()); err != nil {
			return err
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			touched[dir] = true
		}
		touched["."] = true
	}
	for dir := range touched {
		if err := syncDir(p.files, filepath.Join(p.dir, filepath.FromSlash(dir))); err != nil {
			return err
		}
	}
	p.unsynced = p.unsynced[:0]
	return nil
}

// settleEvery and settleFiles bound how far the mark may lag behind.
const (
	settleEvery = 10 * time.Second
	settleFiles = 512
)

// publishing is the publisher's goroutine.
func (l *Log) publishing() {
	defer l.done.Done()
	tick := time.NewTicker(l.o.Interval)
	defer tick.Stop()
	for {
		var asked chan<- error
		select {
		case <-tick.C:
		case asked = <-l.publish:
		case <-l.ctx.Done():
			return
		}
		l.countMinute()
		err := l.publishOnce()
		if asked != nil {
			asked <- err
		}
	}
}

func (l *Log) publishOnce() error {
	p := l.tree
	l.mu.Lock()
	to, broken := l.durable, l.broken
	l.mu.Unlock()
	if broken != nil {
		return broken
	}
	before := p.checkpoint
	err := p.advance(to)
	if err == nil {
		err = p.sign()
	}
	if err == nil && p.checkpoint != before && l.o.Published != nil {
		l.o.Published(slices.Clone(p.signed))
	}
	if err == nil && (len(p.unsynced) >= settleFiles || len(p.needed) > 1 || time.Since(p.settled) >= settleEvery && p.checkpoint != before) {
		err = l.settleTree()
	}
	return l.told(err)
}

// told keeps the publisher's error where readiness sees it; one that says that
// the disk or the log cannot be trusted ends all writing.
func (l *Log) told(err error) error {
	var c *Corruption
	if errors.As(err, &c) || errors.Is(err, errSync) && !errors.Is(err, syscall.ENOSPC) {
		l.breakDown(err, nil)
	}
	l.mu.Lock()
	l.unpublished = err
	l.mu.Unlock()
	return err
}

// settleTree settles the tree with the calls that are open now, once what they
// have written so far is durable.
func (l *Log) settleTree() error {
	m, b := l.openCalls()
	if b != nil {
		l.nudge()
		select {
		case <-b.done:
		case <-l.ctx.Done():
			return errClosed
		}
		if b.err != nil {
			return b.err
		}
	}
	if err := l.tree.settle(m); err != nil {
		return err
	}
	l.tree.settled = time.Now()
	return nil
}

// openCalls is the part of a mark that the log's state gives, and the batch
// that must be durable before it holds.
func (l *Log) openCalls() (mark, *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := mark{Entries: l.next, Change: l.change, Banner: l.o.Banner, Marking: l.o.Marking, Open: make([]openCall, 0, l.open.count)}
	for r := l.open.oldest; r != nil; r = r.newer {
		m.Open = append(m.Open, openCall{r.index, r.call, r.previous, r.attempts})
	}
	if k := len(l.queue); k > 0 {
		l.queue[k-1].awaited = true
		return m, l.queue[k-1]
	}
	return m, l.writing
}

// Publish signs a checkpoint over all that is durable now, if there is none
// yet; checkpoints come by themselves at each interval.
func (l *Log) Publish(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case l.publish <- answer:
	case <-l.ctx.Done():
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-answer:
		return err
	case <-l.ctx.Done():
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}
