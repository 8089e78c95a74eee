package ledger

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"slices"

	"bulkhead/ledger/tiles"
)

// turnMagic begins the header that ends a segment: the log goes on in the next.
const turnMagic = "\x1eBHT"

func putTurn(h []byte, segment, next int64) {
	copy(h, turnMagic)
	binary.BigEndian.PutUint64(h[4:], uint64(next))
	seal(h, segment)
}

// walNumbers lists the segments of a write-ahead log, and what else lies there.
func walNumbers(f Files, dir string) (numbers []int64, others []string, err error) {
	names, err := f.Names(dir)
	for _, name := range names {
		if n, ok := parseSegmentName(name); ok {
			numbers = append(numbers, n)
		} else {
			others = append(others, name)
		}
	}
	slices.Sort(numbers)
	return numbers, others, err
}

// replay reads the write-ahead log from a mark on.
type replay struct {
	files Files
	dir   string
	base  int64  // entries before this one are in durable tiles
	next  int64  // index of the entry that is to come
	torn  int64  // bytes of batches that were not written in full
	held  []byte // the bundle that is not full: what a later segment may state again

	visit func(index int64, entry []byte) error
	full  func(n int64) (bundle []byte, err error) // a full bundle, held against its tile
}

// run reads the segments in order and hands each entry on once. It fails with
// a [Corruption] on anything but whole batches, one after another, up to one
// that was not written in full, and so never acknowledged.
func (r *replay) run(numbers []int64) error {
	turned := false
	for i, n := range numbers {
		name := filepath.Join(r.dir, segmentName(n))
		if i > 0 && n != numbers[i-1]+1 {
			return corrupt(filepath.Join(r.dir, segmentName(numbers[i-1]+1)), "it is missing")
		}
		s, err := openSegment(r.files, r.dir, n)
		if err != nil {
			return err
		}
		turned, err = r.segment(s, name)
		if err2 := s.file.Close(); err == nil {
			err = err2
		}
		if err != nil {
			return err
		}
	}
	if turned {
		return corrupt(filepath.Join(r.dir, segmentName(numbers[len(numbers)-1]+1)), "it is missing, and the log went on there")
	}
	return nil
}

func (r *replay) segment(s *segment, name string) (turned bool, err error) {
	var buf []byte
	for {
		h, bundle, grown, ok, err := s.read(s.end, buf)
		buf = grown
		if err != nil {
			return false, err
		}
		if !ok {
			return r.tail(s, name)
		}
		if s.end == headerSize && h.first%tiles.Width == 0 {
			if err := r.fill(h.first); err != nil {
				return false, err
			}
		}
		if h.first > r.next {
			return false, corrupt(name, "entries %d to %d are missing", r.next, h.first-1)
		}
		if err := r.batch(name, h, bundle); err != nil {
			return false, err
		}
		s.end += headerSize + int64(h.size)
	}
}

// batch hands on the entries of a batch that are new, and compares those that
// are stated again.
func (r *replay) batch(name string, h batchHeader, bundle []byte) error {
	for index := h.first; index < h.first+int64(h.count); index++ {
		entry, rest, err := tiles.NextEntry(bundle)
		if err != nil {
			return corrupt(name, "the batch from entry %d is not whole", h.first)
		}
		bundle = rest
		switch {
		case index < r.base:
		case index < r.next:
			if was := r.heldEntry(index); was == nil || !bytes.Equal(was, entry) {
				return corrupt(name, "entry %d is not what it was before", index)
			}
		default:
			if err := r.take(entry); err != nil {
				return err
			}
		}
	}
	if len(bundle) > 0 {
		return corrupt(name, "the batch from entry %d has more than its entries", h.first)
	}
	return nil
}

func (r *replay) take(entry []byte) error {
	if err := r.visit(r.next, entry); err != nil {
		return err
	}
	r.next++
	r.held = tiles.AppendEntry(r.held, entry)
	if r.next%tiles.Width == 0 {
		r.held = r.held[:0]
	}
	return nil
}

// fill takes the entries before a segment's first from full bundles. A segment
// that recovery made begins with a bundle, and those before it were durable
// when it got its name. The segments that they came from need not have been:
// they may have been read from memory, and lost with it.
func (r *replay) fill(to int64) error {
	for r.next < to {
		rest, err := r.full(r.next / tiles.Width)
		if err != nil {
			return err
		}
		for i := r.next - r.next%tiles.Width; len(rest) > 0; i++ {
			entry, more, err := tiles.NextEntry(rest)
			if err != nil {
				return err
			}
			rest = more
			if i < r.next {
				if was := r.heldEntry(i); i >= r.base && !bytes.Equal(was, entry) {
					return corrupt(tiles.Resource{Entries: true, N: i / tiles.Width, Width: tiles.Width}.Path(), "entry %d is not what it was before", i)
				}
				continue
			}
			if err := r.take(entry); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *replay) heldEntry(index int64) []byte {
	from := r.next - r.next%tiles.Width
	if index < from {
		return nil
	}
	rest := r.held
	for {
		entry, more, err := tiles.NextEntry(rest)
		if err != nil || index == from {
			return entry
		}
		rest, from = more, from+1
	}
}

// tail judges what follows the last intact batch of a segment: zeros, the turn
// to the next segment, a batch that was not written in full, or damage.
//
// There is one writer, which begins a batch only when the one before is
// durable. So what follows a batch shows that it was acknowledged; and a batch
// whose write was cut short, or of which a sector never reached the disk, has
// a sector of zeros or ends in one, which an intact batch never has. All else
// is damage, and is named.
func (r *replay) tail(s *segment, name string) (turned bool, err error) {
	rest := make([]byte, s.length-s.end)
	if len(rest) == 0 {
		return false, nil
	}
	if _, err := s.file.ReadAt(rest, s.end); err != nil {
		return false, err
	}
	if sealed(rest, s.number, turnMagic) {
		if at := int64(binary.BigEndian.Uint64(rest[4:])); at != r.next {
			return false, corrupt(name, "entries %d to %d are missing", r.next, at-1)
		}
		if !zero(rest[headerSize:]) {
			return false, corrupt(name, "something stands behind its end")
		}
		return true, nil
	}
	if zero(rest) {
		return false, nil
	}
	for from := 1; ; { // what a later batch follows was acknowledged
		at := bytes.Index(rest[from:], []byte("\x1eBH"))
		if at < 0 {
			break
		}
		from += at
		if later := rest[from:]; sealed(later, s.number, batchMagic) || sealed(later, s.number, turnMagic) {
			return false, corrupt(name, "the batch from entry %d was changed", r.next)
		}
		from++
	}
	extent := rest
	if h, ok := readBatchHeader(rest, s.number); ok {
		if h.first != r.next || headerSize+h.size > len(rest) {
			return false, corrupt(name, "the batch from entry %d says what it cannot be", r.next)
		}
		extent = rest[:headerSize+h.size]
		if !zero(rest[len(extent):]) {
			return false, corrupt(name, "something stands behind the batch from entry %d", r.next)
		}
	} else if lost := min(headerSize, len(rest)); !zeroSector(rest[:lost], s.end) && rest[lost-1] != 0 {
		return false, corrupt(name, "the batch from entry %d was changed", r.next)
	} else {
		extent = bytes.TrimRight(rest, "\x00")
		r.torn += int64(len(extent))
		return false, nil
	}
	if extent[len(extent)-1] != 0 && !zeroSector(extent, s.end) {
		return false, corrupt(name, "the batch from entry %d was changed", r.next)
	}
	r.torn += int64(len(extent))
	return false, nil
}

// zeroSector reports whether a sector's part of b, which stands at an offset of
// its file, is all zeros.
func zeroSector(b []byte, at int64) bool {
	for len(b) > 0 {
		n := min(len(b), int(sectorSize-at%sectorSize))
		if zero(b[:n]) {
			return true
		}
		b, at = b[n:], at+int64(n)
	}
	return false
}

func zero(b []byte) bool {
	for len(b) > 0 && b[0] == 0 {
		if n := len(b) / 2; n > 0 && bytes.Equal(b[:n], b[len(b)-n:]) && len(b) > 64 {
			b = b[:len(b)-n] // what is equal to its other half needs one look
			continue
		}
		b = b[1:]
	}
	return len(b) == 0
}
