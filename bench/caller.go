package main

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"time"
)

// caller is one connection that carries one call at a time, and what it saw.
type caller struct {
	*exchange
	end time.Time // the deadline of every connection

	mu     sync.Mutex // over a change of conn, against close
	conn   net.Conn
	closed bool

	reader *answerReader
	check  *streamCheck
	got    []byte
	firstB time.Time // when the first byte of the body came

	whole, first, perChunk []time.Duration
	faults                 int
	fault                  error // the first

	open pending // used by the open loop alone
}

// dial opens the connection, or opens it anew.
func (c *caller) dial() error {
	conn, err := net.DialTimeout("tcp", c.addr, 5*time.Second)
	if err != nil {
		return err
	}
	conn.SetDeadline(c.end)
	// A large request must leave in one write, or the open loop would wait for
	// the gateway to read it.
	conn.(*net.TCPConn).SetWriteBuffer(512 << 10)
	if err := c.replace(conn); err != nil {
		return err
	}
	c.reader = newAnswerReader(conn)
	if c.check == nil {
		c.check = newStreamCheck(c.events)
		c.got = make([]byte, 0, 2*len(c.answer)+1024*c.chunks)
		c.whole = make([]time.Duration, 0, 1<<14)
	}
	return nil
}

// replace puts conn in the place of the connection there was.
func (c *caller) replace(conn net.Conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		conn.Close()
		return net.ErrClosed
	}
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn = conn
	return nil
}

// close ends the connection for good, whoever uses it.
func (c *caller) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.conn != nil {
		c.conn.Close()
	}
}

// loop calls until the time is up; a call under way is finished.
func (c *caller) loop(until time.Time) {
	for sent := time.Now(); sent.Before(until) && len(c.whole) < maxSamples; {
		_, err := c.conn.Write(c.request)
		if err == nil {
			err = c.receive()
		}
		now := time.Now()
		switch {
		case err == nil && c.chunks > 0:
			c.first = append(c.first, c.firstB.Sub(sent))
			c.perChunk = append(c.perChunk, now.Sub(c.firstB)/time.Duration(c.chunks))
		case err == nil:
			c.whole = append(c.whole, now.Sub(sent))
		case !c.recover(err):
			return
		}
		sent = now
	}
}

// recover notes a fault and replaces the connection. It says whether it is any
// use to go on.
func (c *caller) recover(err error) bool {
	c.faults++
	if c.fault == nil {
		c.fault = err
	}
	return c.faults < maxFaults && c.dial() == nil
}

// receive reads one answer and says what is wrong with it. After an error the
// connection is of no use.
func (c *caller) receive() error {
	h, err := c.reader.head()
	if err != nil {
		return err
	}
	c.firstB = time.Time{}
	streamed := c.events != nil && h.status == 200
	if streamed {
		c.check.reset()
		err = c.reader.body(h, c.takeEvents)
	} else {
		c.got = c.got[:0]
		err = c.reader.body(h, c.takeBytes)
	}
	switch {
	case h.status != 200:
		return fmt.Errorf("status %d: %.400s", h.status, c.got)
	case err != nil && streamed:
		return fmt.Errorf("stream cut after %d of %d events: %w", c.check.next, len(c.check.want), err)
	case err != nil:
		return err
	case streamed:
		if err := c.check.done(); err != nil {
			return err
		}
	case c.words != nil:
		if err := inOrder(c.got, c.words); err != nil {
			return err
		}
	case !bytes.Equal(c.got, c.answer):
		return fmt.Errorf("another answer than was sent: %.400q", c.got)
	}
	if h.closing {
		return errClosing
	}
	return nil
}

func (c *caller) takeEvents(b []byte) {
	if c.firstB.IsZero() {
		c.firstB = time.Now()
	}
	c.check.feed(b)
}

// takeBytes keeps the body, though never much more than the one expected.
func (c *caller) takeBytes(b []byte) {
	if c.firstB.IsZero() {
		c.firstB = time.Now()
	}
	if len(c.got) < cap(c.got) {
		c.got = append(c.got, b...)
	}
}
