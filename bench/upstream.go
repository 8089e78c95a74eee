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

	// the same of Bedrock's Converse
	converse       []byte
	converseWrites [][]byte
}

func newUpstream(chunks int, gap time.Duration) *upstream {
	u := &upstream{gap: gap, unary: whole(chatAnswer()), converse: whole(converseAnswer())}
	var events [][]byte
	for _, e := range chatEvents(chunks) {
		events = append(events, fmt.Appendf(nil, "data: %s\n\n", e))
	}
	u.writes = written("text/event-stream; charset=utf-8", events, chunks)
	u.converseWrites = written("application/vnd.amazon.eventstream", converseFrames(chunks), chunks)
	return u
}

// whole is a unary answer, head included.
func whole(answer []byte) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: req_bench1\r\nContent-Length: %d\r\n\r\n%s",
		len(answer), answer)
}

// written is events as they are written, head included: a start, chunks tokens,
// and the end.
func written(contentType string, events [][]byte, chunks int) [][]byte {
	// As vendors do, the role leaves with the first token; the finish, the
	// usage and the end leave together.
	first := []byte("HTTP/1.1 200 OK\r\nContent-Type: " + contentType + "\r\n" +
		"Cache-Control: no-cache\r\nX-Request-Id: req_bench2\r\nTransfer-Encoding: chunked\r\n\r\n")
	writes := [][]byte{append(first, chunked(events[:2]...)...)}
	for i := range chunks - 1 {
		writes = append(writes, chunked(events[2+i]))
	}
	return append(writes, append(chunked(events[chunks+1:]...), "0\r\n\r\n"...))
}

// chunked is events as one HTTP chunk.
func chunked(events ...[]byte) []byte {
	b := bytes.Join(events, nil)
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
		asked, length, err := requestHead(r)
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
		switch {
		case asked == conversePath:
			_, err = conn.Write(u.converse)
		case asked == converseStreamPath:
			err = u.stream(conn, u.converseWrites)
		case bytes.Contains(seen, wantsStream):
			err = u.stream(conn, u.writes)
		default:
			_, err = conn.Write(u.unary)
		}
		if err != nil {
			return nil
		}
	}
}

// stream writes one streamed answer at its pace. A write that is late does not
// put off those after it.
func (u *upstream) stream(conn net.Conn, writes [][]byte) error {
	due := time.Now()
	for _, b := range writes {
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

// routeAsked is the route that a request line names, or empty.
func routeAsked(line []byte) string {
	for _, route := range [...]string{chatPath, conversePath, converseStreamPath} {
		if rest, ok := bytes.CutPrefix(line, []byte("POST ")); ok && len(rest) > len(route) && string(rest[:len(route)]) == route && rest[len(route)] == ' ' {
			return route
		}
	}
	return ""
}

// requestHead reads the head of one request and gives its route and the length
// of its body. It refuses what this upstream does not speak: another route, a
// chunked body.
func requestHead(r *bufio.Reader) (string, int, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return "", 0, err
	}
	asked := routeAsked(line)
	if asked == "" {
		return "", 0, fmt.Errorf("no such route: %q", line)
	}
	length := -1
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return "", 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if value, ok := headerValue(line, "content-length"); ok {
			if length, err = decimal(value); err != nil {
				return "", 0, fmt.Errorf("content-length: %w", err)
			}
		}
	}
	if length < 0 {
		return "", 0, errors.New("request without Content-Length")
	}
	return asked, length, nil
}

func closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, new(*net.OpError))
}
