package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"time"
	"unicode/utf8"
)

// What an AWS event stream (application/vnd.amazon.eventstream) may say of a
// frame's size, as the vendor's own SDKs bound it: botocore/eventstream.py.
const (
	maxFrameHeaders = 128 << 10 // bytes of one frame's headers
	maxFramePayload = 24 << 20  // bytes of one frame's payload
	maxHeaderCount  = 128       // headers of one frame; ours, so that a frame costs what it weighs
	maxHeaderValue  = 1<<16 - 1 // bytes of one header's value: its length has two bytes
	prelude         = 12        // total length, headers length, checksum of both
	frameOverhead   = prelude + 4
)

// Why a stream of frames cannot be read on. After one of them the place of the
// next frame is unknown: fail the stream.
var (
	ErrFrameChecksum  = errors.New("an event stream frame whose checksum does not match")
	ErrFrameMalformed = errors.New("an event stream frame that is not well formed")
	ErrFrameTooLarge  = errors.New("an event stream frame over the limit")
)

// HeaderType is the type of a frame header's value, as it stands on the wire.
type HeaderType byte

// The types of header values.
const (
	HeaderTrue HeaderType = iota
	HeaderFalse
	HeaderInt8
	HeaderInt16
	HeaderInt32
	HeaderInt64
	HeaderBytes
	HeaderText // UTF-8
	HeaderTime // milliseconds since 1970, UTC
	HeaderUUID // 16 bytes
)

// FrameHeader is one header of a frame. Its slices are valid as long as the
// frame's.
type FrameHeader struct {
	Name  []byte
	Type  HeaderType
	Value []byte // big-endian; empty for the two truths
}

// Bool gives the value of a truth; false for another type.
func (h FrameHeader) Bool() bool { return h.Type == HeaderTrue }

// Int gives the value of an integer, or a time in milliseconds; zero for
// another type.
func (h FrameHeader) Int() int64 {
	switch h.Type {
	case HeaderInt8:
		return int64(int8(h.Value[0]))
	case HeaderInt16:
		return int64(int16(binary.BigEndian.Uint16(h.Value)))
	case HeaderInt32:
		return int64(int32(binary.BigEndian.Uint32(h.Value)))
	case HeaderInt64, HeaderTime:
		return int64(binary.BigEndian.Uint64(h.Value))
	}
	return 0
}

// Time gives the value of a time, in UTC; the zero time for another type.
func (h FrameHeader) Time() time.Time {
	if h.Type != HeaderTime {
		return time.Time{}
	}
	return time.UnixMilli(h.Int()).UTC()
}

// Frame is one message of an AWS event stream
// (https://smithy.io/2.0/aws/amazon-eventstream.html, as of 2026) with the bytes
// it came in. Its slices are valid until the next call of [FrameReader.Next] or
// [FrameReader.Fill].
type Frame struct {
	Raw     []byte // as it came, checksums included
	Headers []FrameHeader
	Payload []byte
}

// Text gives the text of the header of a name; nil if there is none, or it is
// of another type.
func (f *Frame) Text(name string) []byte {
	for i := range f.Headers {
		if h := &f.Headers[i]; h.Type == HeaderText && string(h.Name) == name {
			return h.Value
		}
	}
	return nil
}

// FrameReader cuts an AWS event stream into frames without changing a byte, and
// checks both checksums of each. Reads may split it anywhere.
//
// Use: Fill, then Next until it says no, then Fill again, as with
// [EventReader]; at the end Rest gives what came of a frame that did not end.
type FrameReader struct {
	src        io.Reader
	buf        []byte
	start, end int // what is held: buf[start:end]
	need       int // bytes of the frame at start; zero: its prelude is not checked yet
	max        int
	headers    []FrameHeader
	err        error
}

// Reset begins a new stream whose frames may have max bytes. buf is used for
// as long as frames fit, and grown beyond; it is nil for one of its own.
func (r *FrameReader) Reset(src io.Reader, buf []byte, max int) {
	if cap(buf) < prelude {
		buf = make([]byte, 4096)
	}
	clear(r.headers[:cap(r.headers)]) // they point into the last stream's buffer
	*r = FrameReader{src: src, buf: buf[:cap(buf)], max: max, headers: r.headers[:0]}
}

// Fill waits for more bytes: one read. It gives io.EOF when there are none
// left, ErrFrameTooLarge when a frame does not fit, or the source's error.
func (r *FrameReader) Fill() error {
	if r.err != nil {
		return r.err
	}
	if r.start > 0 {
		copy(r.buf, r.buf[r.start:r.end])
		r.end -= r.start
		r.start = 0
	}
	if r.end == len(r.buf) {
		if len(r.buf) >= max(r.max, prelude) {
			return ErrFrameTooLarge
		}
		// By doubling, not to what the prelude announces: memory is used by
		// those who send, not by those who promise.
		bigger := make([]byte, min(2*len(r.buf), max(r.max, prelude)))
		copy(bigger, r.buf[:r.end])
		r.buf = bigger
	}
	n, err := r.src.Read(r.buf[r.end:])
	r.end += n
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return err
}

// Next gives the next whole frame of what is held. An error is one of this
// file's, and stays.
func (r *FrameReader) Next() (f Frame, ok bool, err error) {
	if r.err != nil {
		return Frame{}, false, r.err
	}
	held := r.buf[r.start:r.end]
	if r.need == 0 {
		if len(held) < prelude {
			return Frame{}, false, nil
		}
		if r.need, r.err = r.measure(held); r.err != nil {
			return Frame{}, false, r.err
		}
	}
	if len(held) < r.need {
		return Frame{}, false, nil
	}
	raw := held[:r.need:r.need]
	sum := len(raw) - 4
	if crc32.ChecksumIEEE(raw[:sum]) != binary.BigEndian.Uint32(raw[sum:]) {
		r.err = ErrFrameChecksum
		return Frame{}, false, r.err
	}
	body := prelude + int(binary.BigEndian.Uint32(raw[4:]))
	if r.headers, r.err = appendHeaders(r.headers[:0], raw[prelude:body]); r.err != nil {
		return Frame{}, false, r.err
	}
	r.start += r.need
	r.need = 0
	return Frame{Raw: raw, Headers: r.headers, Payload: raw[body:sum:sum]}, true, nil
}

// Rest is what is held of a frame whose end has not come.
func (r *FrameReader) Rest() []byte { return r.buf[r.start:r.end] }

// measure checks a prelude and gives the length of its frame.
func (r *FrameReader) measure(b []byte) (int, error) {
	if crc32.ChecksumIEEE(b[:8]) != binary.BigEndian.Uint32(b[8:]) {
		return 0, ErrFrameChecksum // before the lengths are believed
	}
	total, headers := int64(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint32(b[4:]))
	switch {
	case total < frameOverhead || headers > total-frameOverhead:
		return 0, ErrFrameMalformed
	case headers > maxFrameHeaders || total-headers-frameOverhead > maxFramePayload || total > int64(r.max):
		return 0, ErrFrameTooLarge
	}
	return int(total), nil
}

// widths are the sizes of values by type; negative: two bytes of length precede.
var widths = [...]int{HeaderTrue: 0, HeaderFalse: 0, HeaderInt8: 1, HeaderInt16: 2, HeaderInt32: 4, HeaderInt64: 8, HeaderBytes: -1, HeaderText: -1, HeaderTime: 8, HeaderUUID: 16}

// appendHeaders reads the headers of a frame. A name that comes twice could
// mean either, so it is refused.
func appendHeaders(dst []FrameHeader, b []byte) ([]FrameHeader, error) {
	for len(b) > 0 {
		n := int(b[0])
		if n == 0 || len(b) < 1+n+1 || len(dst) == maxHeaderCount {
			return dst, ErrFrameMalformed
		}
		h := FrameHeader{Name: b[1 : 1+n : 1+n], Type: HeaderType(b[1+n])}
		b = b[2+n:]
		if int(h.Type) >= len(widths) {
			return dst, ErrFrameMalformed
		}
		width := widths[h.Type]
		if width < 0 {
			if len(b) < 2 {
				return dst, ErrFrameMalformed
			}
			width, b = int(binary.BigEndian.Uint16(b)), b[2:]
		}
		if len(b) < width {
			return dst, ErrFrameMalformed
		}
		h.Value, b = b[:width:width], b[width:]
		if !utf8.Valid(h.Name) || h.Type == HeaderText && !utf8.Valid(h.Value) {
			return dst, ErrFrameMalformed
		}
		for i := range dst {
			if bytes.Equal(dst[i].Name, h.Name) {
				return dst, ErrFrameMalformed
			}
		}
		dst = append(dst, h)
	}
	return dst, nil
}
