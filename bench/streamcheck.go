package main

import (
	"bytes"
	"fmt"
)

// streamCheck compares a stream of server-sent events, fed in any pieces, with
// the events that were sent: every one present, unchanged, in order, and
// nothing after the last. Comment lines may stand between events.
type streamCheck struct {
	want  [][]byte
	next  int    // index in want of the event that must come now
	part  []byte // an event not yet whole
	fault error  // the first
}

func newStreamCheck(want [][]byte) *streamCheck {
	return &streamCheck{want: want, part: make([]byte, 0, 4<<10)}
}

// reset makes c ready for the next stream.
func (c *streamCheck) reset() {
	c.next, c.part, c.fault = 0, c.part[:0], nil
}

// feed takes the next bytes of the body.
func (c *streamCheck) feed(b []byte) {
	for c.fault == nil && len(b) > 0 {
		i := bytes.Index(b, []byte("\n\n"))
		if len(c.part) == 0 && i >= 0 {
			c.event(b[:i])
			b = b[i+2:]
			continue
		}
		// An event came in pieces, and its end may lie across two of them.
		known := len(c.part)
		c.part = append(c.part, b...)
		i = bytes.Index(c.part[max(known-1, 0):], []byte("\n\n"))
		if i < 0 {
			return
		}
		end := max(known-1, 0) + i
		c.event(c.part[:end])
		b = b[end+2-known:]
		c.part = c.part[:0]
	}
}

// event checks one event.
func (c *streamCheck) event(e []byte) {
	for len(e) > 0 && e[0] == ':' { // a comment
		i := bytes.IndexByte(e, '\n')
		if i < 0 {
			return
		}
		e = e[i+1:]
	}
	data, ok := bytes.CutPrefix(e, []byte("data: "))
	switch {
	case len(e) == 0:
	case !ok:
		c.fault = fmt.Errorf("event %d is no data: %.120q", c.next, e)
	case c.next == len(c.want):
		c.fault = fmt.Errorf("more after the last event: %.120q", data)
	case !bytes.Equal(data, c.want[c.next]):
		c.fault = fmt.Errorf("event %d: got %.400q, want %.400q", c.next, data, c.want[c.next])
	default:
		c.next++
	}
}

// done says what was wrong with the stream that has now ended.
func (c *streamCheck) done() error {
	switch {
	case c.fault != nil:
		return c.fault
	case len(c.part) > 0:
		return fmt.Errorf("the stream ends within an event: %.120q", c.part)
	case c.next < len(c.want):
		return fmt.Errorf("the stream ends after %d of %d events", c.next, len(c.want))
	}
	return nil
}
