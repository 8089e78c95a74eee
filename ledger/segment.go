package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strconv"
)

// The write-ahead log is a row of segments, files of zeros into which batches
// of entries are written one after another. A segment begins with a header of
// 32 bytes; so does a batch. Numbers are big endian.
//
//	segment: "\x1eBHS1" 3 zeros, number (8), length of the file (8), zeros (3), CRC (4), "\n"
//	batch:   "\x1eBHB", index of the first entry (8), count (4), length of the payload (4), its CRC (4), zeros (3), CRC of these (4), "\n"
//	payload: the entries as in a bundle of tlog-tiles, then "\n"
//
// CRCs are CRC-32C; those of headers begin with the segment's number. A batch
// ends with a newline, and no sector of one is all zeros: so a batch that was
// not written in full can be told from one that was changed (see replay.go).
const (
	headerSize   = 32
	segmentMagic = "\x1eBHS1"
	batchMagic   = "\x1eBHB"
	sectorSize   = 512
)

func castagnoli(crc uint32, b []byte) uint32 {
	return crc32.Update(crc, crc32.MakeTable(crc32.Castagnoli), b)
}

// seal writes the CRC and the last byte of a header.
func seal(h []byte, segment int64) {
	binary.BigEndian.PutUint32(h[27:], castagnoli(uint32(segment), h[:27]))
	h[31] = '\n'
}

func sealed(h []byte, segment int64, magic string) bool {
	return len(h) >= headerSize && string(h[:len(magic)]) == magic && h[31] == '\n' &&
		binary.BigEndian.Uint32(h[27:]) == castagnoli(uint32(segment), h[:27])
}

// batchHeader is what stands before the entries of a batch.
type batchHeader struct {
	first int64
	count int
	size  int // of the payload, its last newline included
	crc   uint32
}

// put fills in the header of frame, which is header and payload.
func putBatch(frame []byte, segment, first int64, count int) {
	payload := frame[headerSize:]
	copy(frame, batchMagic)
	binary.BigEndian.PutUint64(frame[4:], uint64(first))
	binary.BigEndian.PutUint32(frame[12:], uint32(count))
	binary.BigEndian.PutUint32(frame[16:], uint32(len(payload)))
	binary.BigEndian.PutUint32(frame[20:], castagnoli(0, payload))
	seal(frame[:headerSize], segment)
}

func readBatchHeader(h []byte, segment int64) (batchHeader, bool) {
	if !sealed(h, segment, batchMagic) {
		return batchHeader{}, false
	}
	b := batchHeader{
		first: int64(binary.BigEndian.Uint64(h[4:])),
		count: int(binary.BigEndian.Uint32(h[12:])),
		size:  int(binary.BigEndian.Uint32(h[16:])),
		crc:   binary.BigEndian.Uint32(h[20:]),
	}
	return b, b.first >= 0 && b.count > 0 && b.size > 0
}

// segment is a file of the write-ahead log.
type segment struct {
	number int64
	file   File
	length int64
	end    int64 // where the next batch begins
}

func segmentName(n int64) string { return fmt.Sprintf("%016d", n) }

func parseSegmentName(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0 && segmentName(n) == s
}

// zeros is what a new segment is filled with, a part at a time.
const zeroPart = 1 << 20

// newSegment makes a segment, filled with zeros and durable, under a name that
// is not yet its own; [segment.place] gives it that. A file that is written in
// advance needs no new metadata when a batch is made durable.
func newSegment(f Files, dir string, number, length int64) (_ *segment, err error) {
	file, err := f.Create(filepath.Join(dir, segmentName(number)+".part"))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	zeros := make([]byte, min(length, zeroPart))
	for at := int64(0); at < length; at += int64(len(zeros)) {
		if _, err := file.WriteAt(zeros[:min(int64(len(zeros)), length-at)], at); err != nil {
			return nil, err
		}
		if err := syncFile(file); err != nil {
			return nil, err
		}
	}
	h := zeros[:headerSize]
	copy(h, segmentMagic)
	binary.BigEndian.PutUint64(h[8:], uint64(number))
	binary.BigEndian.PutUint64(h[16:], uint64(length))
	seal(h, number)
	if _, err := file.WriteAt(h, 0); err != nil {
		return nil, err
	}
	if err := syncFile(file); err != nil {
		return nil, err
	}
	return &segment{number: number, file: file, length: length, end: headerSize}, nil
}

// place gives a segment its name, durably.
func (s *segment) place(f Files, dir string) error {
	name := filepath.Join(dir, segmentName(s.number))
	if err := f.Rename(name+".part", name); err != nil {
		return err
	}
	return syncDir(f, dir)
}

// room is how long a frame may be that still fits.
func (s *segment) room() int64 { return s.length - s.end }

// write puts a frame behind the last and makes it durable.
func (s *segment) write(frame []byte) error {
	if _, err := s.file.WriteAt(frame, s.end); err != nil {
		return err
	}
	if err := syncFile(s.file); err != nil {
		return err
	}
	s.end += int64(len(frame))
	return nil
}

// openSegment opens a segment to read and checks its header.
func openSegment(f Files, dir string, number int64) (_ *segment, err error) {
	name := filepath.Join(dir, segmentName(number))
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	var h [headerSize]byte
	if _, err := file.ReadAt(h[:], 0); err != nil {
		return nil, corrupt(name, "its header cannot be read: %v", err)
	}
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	if !sealed(h[:], number, segmentMagic) || int64(binary.BigEndian.Uint64(h[8:])) != number {
		return nil, corrupt(name, "its header was changed")
	}
	if length := int64(binary.BigEndian.Uint64(h[16:])); length != size {
		return nil, corrupt(name, "it has %d bytes and was made with %d", size, length)
	}
	return &segment{number: number, file: file, length: size, end: headerSize}, nil
}

// read gives the batch at an offset: its header, and its entries as a bundle
// in buf, which grows if need be. ok is false if no intact batch is there.
func (s *segment) read(at int64, buf []byte) (h batchHeader, bundle, grown []byte, ok bool, err error) {
	var head [headerSize]byte
	if at+headerSize > s.length {
		return h, nil, buf, false, nil
	}
	if _, err := s.file.ReadAt(head[:], at); err != nil {
		return h, nil, buf, false, err
	}
	h, ok = readBatchHeader(head[:], s.number)
	if !ok || int64(h.size) > s.length-at-headerSize {
		return h, nil, buf, false, nil
	}
	if cap(buf) < h.size {
		buf = make([]byte, h.size)
	}
	buf = buf[:h.size]
	if _, err := s.file.ReadAt(buf, at+headerSize); err != nil {
		return h, nil, buf, false, err
	}
	if castagnoli(0, buf) != h.crc || !bytes.HasSuffix(buf, []byte{'\n'}) {
		return h, nil, buf, false, nil
	}
	return h, buf[:h.size-1], buf, true, nil
}

// Corruption says what of a log is not as it was written. The log is not
// opened: someone must look at it. Nothing is ever mended in silence.
type Corruption struct {
	Path string
	What string
}

// Error names the file and what is wrong with it.
func (c *Corruption) Error() string {
	return "the ledger was changed or damaged: " + c.Path + ": " + c.What
}

func corrupt(path, format string, args ...any) error {
	return &Corruption{path, fmt.Sprintf(format, args...)}
}
