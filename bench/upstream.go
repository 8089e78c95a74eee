package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// runUpstream is the sub-mode that plays the vendor: it answers every chat call
// with the scripted reply, parses as little HTTP/1.1 as that takes, and writes
// bytes made once. It ends when its standard input does.
func runUpstream(args []string) error {
	flags := flag.NewFlagSet("upstream", flag.ContinueOnError)
	chunks := flags.Int("chunks", 100, "tokens of a stream, one a chunk")
	gap := flags.Duration("gap", 5*time.Millisecond, "time between two chunks")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("upstream: %w", err)
	}
	ctx, stop := untilStdinEnds()
	defer stop()
	u := newUpstream(*chunks, *gap)
	fmt.Printf("ready addr=%s\n", ln.Addr())
	return u.serve(ctx, ln)
}

// upstream is the scripted vendor.
type upstream struct {
	gap    time.Duration
	unary  []byte   // a whole answer, head included
	writes [][]byte // a streamed answer: one element, one write
}

func newUpstream(chunks int, gap time.Duration) *upstream {
	answer := chatAnswer()
	u := &upstream{gap: gap}
	u.unary = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: req_bench1\r\nContent-Length: %d\r\n\r\n%s",
		len(answer), answer)

	// As vendors do, the role leaves with the first token; the finish, the
	// usage and the end leave together.
	events := chatEvents(chunks)
	first := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n" +
		"Cache-Control: no-cache\r\nX-Request-Id: req_bench2\r\nTransfer-Encoding: chunked\r\n\r\n")
	u.writes = append(u.writes, append(first, chunked(events[:2]...)...))
	for i := range chunks - 1 {
		u.writes = append(u.writes, chunked(events[2+i]))
	}
	u.writes = append(u.writes, append(chunked(events[chunks+1:]...), "0\r\n\r\n"...))
	return u
}

// chunked is events as one HTTP chunk.
func chunked(events ...[]byte) []byte {
	var b []byte
	for _, e := range events {
		b = fmt.Appendf(b, "data: %s\n\n", e)
	}
	return fmt.Appendf(nil, "%x\r\n%s\r\n", len(b), b)
}

// serve accepts until ctx ends; each connection has a goroutine that ends with
// the connection, or with the process.
func (u *upstream) serve(ctx context.Context, ln net.Listener) error {
	context.AfterFunc(ctx, func() { ln.Close() })
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("upstream: accept: %w", err)
		}
		go func() {
			defer conn.Close()
			if err := u.answerAll(conn); err != nil {
				fmt.Fprintln(os.Stderr, "upstream:", err)
			}
		}()
	}
}

var wantsStream = []byte(`"stream":true`)

// answerAll reads requests from one connection and answers them, until the
// other side closes it.
func (u *upstream) answerAll(conn net.Conn) error {
	r := bufio.NewReaderSize(conn, 64<<10)
	front := make([]byte, 512)
	for {
		length, err := requestHead(r)
		if closed(err) {
			return nil
		}
		if err != nil {
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			return err
		}
		seen := front[:min(length, len(front))]
		if _, err := io.ReadFull(r, seen); err != nil {
			return nil // the caller gave up
		}
		if _, err := r.Discard(length - len(seen)); err != nil {
			return nil
		}
		if bytes.Contains(seen, wantsStream) {
			err = u.stream(conn)
		} else {
			_, err = conn.Write(u.unary)
		}
		if err != nil {
			return nil
		}
	}
}

// stream writes one streamed answer at its pace. A write that is late does not
// put off those after it.
func (u *upstream) stream(conn net.Conn) error {
	due := time.Now()
	for _, b := range u.writes {
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		if _, err := conn.Write(b); err != nil {
			return err
		}
		due = due.Add(u.gap)
	}
	return nil
}

// requestHead reads the head of one request and gives the length of its body.
// It refuses what this upstream does not speak: another route, a chunked body.
func requestHead(r *bufio.Reader) (int, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(line, []byte("POST "+chatPath+" ")) {
		return 0, fmt.Errorf("no such route: %q", line)
	}
	length := -1
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if value, ok := headerValue(line, "content-length"); ok {
			if length, err = decimal(value); err != nil {
				return 0, fmt.Errorf("content-length: %w", err)
			}
		}
	}
	if length < 0 {
		return 0, errors.New("request without Content-Length")
	}
	return length, nil
}

func closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, new(*net.OpError))
}
