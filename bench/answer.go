package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// answerReader reads HTTP/1.1 answers from one connection, just enough of the
// protocol for what gateways send: a body by length or in chunks. It owns its
// buffers and allocates nothing after they have grown to the largest answer.
type answerReader struct {
	src        io.Reader
	buf        []byte
	start, end int // unread bytes are buf[start:end]
}

func newAnswerReader(src io.Reader) *answerReader {
	return &answerReader{src: src, buf: make([]byte, 32<<10)}
}

// answerHead is what matters of the head of an answer.
type answerHead struct {
	status  int
	length  int // -1: chunked
	closing bool
}

// head reads the head of the next answer.
func (r *answerReader) head() (answerHead, error) {
	h := answerHead{length: -1}
	line, err := r.line()
	if err != nil {
		return h, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return h, fmt.Errorf("not an HTTP/1.1 status line: %q", line)
	}
	if h.status, err = decimal(line[9:12]); err != nil {
		return h, fmt.Errorf("status: %w", err)
	}
	framed := false
	for {
		if line, err = r.line(); err != nil {
			return h, err
		}
		if len(line) == 0 {
			break
		}
		if v, ok := headerValue(line, "content-length"); ok {
			if h.length, err = decimal(v); err != nil {
				return h, fmt.Errorf("content-length: %w", err)
			}
			framed = true
		} else if v, ok := headerValue(line, "transfer-encoding"); ok {
			if !bytes.EqualFold(v, []byte("chunked")) {
				return h, fmt.Errorf("transfer-encoding %q", v)
			}
			framed = true
		} else if v, ok := headerValue(line, "connection"); ok {
			h.closing = bytes.EqualFold(v, []byte("close"))
		}
	}
	if !framed {
		return h, errors.New("answer with neither Content-Length nor chunks")
	}
	return h, nil
}

// body gives the body of h to take, piece by piece as it arrives, in bytes that
// are valid only during the call.
func (r *answerReader) body(h answerHead, take func([]byte)) error {
	if h.length >= 0 {
		return r.pass(h.length, take)
	}
	for {
		line, err := r.line()
		if err != nil {
			return err
		}
		size, err := hexadecimal(line)
		if err != nil {
			return fmt.Errorf("chunk size: %w", err)
		}
		if size == 0 {
			return r.trailer()
		}
		if err := r.pass(size, take); err != nil {
			return err
		}
		if line, err = r.line(); err != nil {
			return err
		}
		if len(line) != 0 {
			return fmt.Errorf("%q after a chunk", line)
		}
	}
}

// trailer skips what stands between the last chunk and the end of the answer.
func (r *answerReader) trailer() error {
	for {
		line, err := r.line()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return nil
		}
	}
}

// pass gives n bytes to take.
func (r *answerReader) pass(n int, take func([]byte)) error {
	for n > 0 {
		if r.start == r.end {
			if err := r.fill(); err != nil {
				return err
			}
		}
		k := min(n, r.end-r.start)
		take(r.buf[r.start : r.start+k])
		r.start += k
		n -= k
	}
	return nil
}

// line gives the next line without its end, valid until the next read.
func (r *answerReader) line() ([]byte, error) {
	searched := 0
	for {
		if i := bytes.IndexByte(r.buf[r.start+searched:r.end], '\n'); i >= 0 {
			line := r.buf[r.start : r.start+searched+i]
			r.start += searched + i + 1
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		searched = r.end - r.start
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads once, behind the unread bytes. The end of the source is always
// unexpected here: an answer says itself where it ends.
func (r *answerReader) fill() error {
	if r.start > 0 {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	if r.end == len(r.buf) {
		return errors.New("a line longer than the buffer")
	}
	n, err := r.src.Read(r.buf[r.end:])
	r.end += n
	if n > 0 {
		return nil
	}
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// headerValue gives the value of line if it is the header name, which is given
// in lower case.
func headerValue(line []byte, name string) ([]byte, bool) {
	if len(line) <= len(name) || line[len(name)] != ':' {
		return nil, false
	}
	for i := range len(name) {
		c := line[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != name[i] {
			return nil, false
		}
	}
	return bytes.TrimSpace(line[len(name)+1:]), true
}

func decimal(b []byte) (int, error)     { return number(b, 10) }
func hexadecimal(b []byte) (int, error) { return number(b, 16) }

// number reads a whole number of at most 9 digits without allocating.
func number(b []byte, base int) (int, error) {
	if len(b) == 0 || len(b) > 9 {
		return 0, fmt.Errorf("%q is not a number", b)
	}
	n := 0
	for _, c := range b {
		d := base
		switch {
		case '0' <= c && c <= '9':
			d = int(c - '0')
		case 'a' <= c && c <= 'f':
			d = int(c-'a') + 10
		case 'A' <= c && c <= 'F':
			d = int(c-'A') + 10
		}
		if d >= base {
			return 0, fmt.Errorf("%q is not a number", b)
		}
		n = n*base + d
	}
	return n, nil
}
