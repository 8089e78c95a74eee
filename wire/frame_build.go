package wire

import (
	"encoding/binary"
	"hash/crc32"
	"time"
	"unicode/utf8"
)

// FrameBuilder writes one frame of an AWS event stream behind what a buffer
// holds: headers, then payload, then End. It allocates nothing where the buffer
// has room. Make one with [BeginFrame].
type FrameBuilder struct {
	b       []byte
	start   int // of the frame in b
	payload int // where the payload begins; zero: not yet
	headers int // how many
	err     error
}

// BeginFrame begins a frame behind dst.
func BeginFrame(dst []byte) FrameBuilder {
	return FrameBuilder{b: append(dst, make([]byte, prelude)...), start: len(dst)}
}

// header begins a header; its value is appended next.
func (f *FrameBuilder) header(name string, t HeaderType) {
	if len(name) == 0 || len(name) > 255 || !utf8.ValidString(name) || f.payload > 0 || f.headers == maxHeaderCount || f.has(name) {
		f.err = ErrFrameMalformed
	}
	f.headers++
	f.b = append(append(append(f.b, byte(len(name))), name...), byte(t))
}

// has reports whether a header of the name was written.
func (f *FrameBuilder) has(name string) bool {
	for b := f.b[f.start+prelude:]; f.err == nil && len(b) > 0; {
		n := int(b[0])
		if string(b[1:1+n]) == name {
			return true
		}
		width := widths[b[1+n]]
		b = b[2+n:]
		if width < 0 {
			width = 2 + int(binary.BigEndian.Uint16(b))
		}
		b = b[width:]
	}
	return false
}

// Bool writes a header that is a truth.
func (f *FrameBuilder) Bool(name string, v bool) {
	if v {
		f.header(name, HeaderTrue)
		return
	}
	f.header(name, HeaderFalse)
}

// Int8 writes a header of eight bits.
func (f *FrameBuilder) Int8(name string, v int8) {
	f.header(name, HeaderInt8)
	f.b = append(f.b, byte(v))
}

// Int16 writes a header of 16 bits.
func (f *FrameBuilder) Int16(name string, v int16) {
	f.header(name, HeaderInt16)
	f.b = binary.BigEndian.AppendUint16(f.b, uint16(v))
}

// Int32 writes a header of 32 bits.
func (f *FrameBuilder) Int32(name string, v int32) {
	f.header(name, HeaderInt32)
	f.b = binary.BigEndian.AppendUint32(f.b, uint32(v))
}

// Int64 writes a header of 64 bits.
func (f *FrameBuilder) Int64(name string, v int64) {
	f.header(name, HeaderInt64)
	f.b = binary.BigEndian.AppendUint64(f.b, uint64(v))
}

// Time writes a header that is an instant, to the millisecond.
func (f *FrameBuilder) Time(name string, v time.Time) {
	f.header(name, HeaderTime)
	f.b = binary.BigEndian.AppendUint64(f.b, uint64(v.UnixMilli()))
}

// UUID writes a header that is a UUID.
func (f *FrameBuilder) UUID(name string, v [16]byte) {
	f.header(name, HeaderUUID)
	f.b = append(f.b, v[:]...)
}

// Text writes a header of at most 65,535 bytes of UTF-8.
func (f *FrameBuilder) Text(name, v string) {
	f.header(name, HeaderText)
	if !utf8.ValidString(v) || len(v) > maxHeaderValue {
		f.err, v = ErrFrameMalformed, ""
	}
	f.b = append(binary.BigEndian.AppendUint16(f.b, uint16(len(v))), v...)
}

// Bytes writes a header of at most 65,535 bytes.
func (f *FrameBuilder) Bytes(name string, v []byte) {
	f.header(name, HeaderBytes)
	if len(v) > maxHeaderValue {
		f.err, v = ErrFrameMalformed, nil
	}
	f.b = append(binary.BigEndian.AppendUint16(f.b, uint16(len(v))), v...)
}

// Payload adds to the payload; no header may follow.
func (f *FrameBuilder) Payload(p []byte) {
	f.endHeaders()
	f.b = append(f.b, p...)
}

func (f *FrameBuilder) endHeaders() {
	if f.payload == 0 {
		f.payload = len(f.b)
	}
}

// End writes lengths and checksums and gives the buffer with the frame behind
// what it held. Where the frame cannot be written it gives the buffer as it was
// and why: ErrFrameMalformed for names and values that no header may have, or
// in another order; ErrFrameTooLarge for more bytes than a frame may have.
func (f *FrameBuilder) End() ([]byte, error) {
	f.endHeaders()
	frame := f.b[f.start:]
	headers := f.payload - f.start - prelude
	if f.err == nil && (headers > maxFrameHeaders || len(f.b)-f.payload > maxFramePayload) {
		f.err = ErrFrameTooLarge
	}
	if f.err != nil {
		return f.b[:f.start], f.err
	}
	binary.BigEndian.PutUint32(frame, uint32(len(frame)+4))
	binary.BigEndian.PutUint32(frame[4:], uint32(headers))
	binary.BigEndian.PutUint32(frame[8:], crc32.ChecksumIEEE(frame[:8]))
	return binary.BigEndian.AppendUint32(f.b, crc32.ChecksumIEEE(frame)), nil
}
