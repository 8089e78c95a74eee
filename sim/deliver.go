package sim

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// watch notes when the caller goes away while the call is being answered. The returned function ends the watch; it
// must run before the handler returns, since the server then ends the context of its own.
func (x *exchange) watch() (stop func()) {
	ended := context.AfterFunc(x.r.Context(), x.left)
	return func() {
		ended()
		// The end of the watch can overtake the context's own news.
		if x.r.Context().Err() != nil {
			x.left()
		}
	}
}

func (x *exchange) left() {
	if x.sim.base.Err() != nil {
		return // it is we who go away
	}
	x.sim.log.update(x.rec, func(rec *Record) {
		if rec.LeftAt.IsZero() && !rec.Complete {
			rec.LeftAt = x.sim.opts.Now()
		}
	})
}

// wait sleeps, and sends a comment at each interval if the fault asks for it and the stream has begun. It is false if
// the caller left or the vendors were closed.
func (x *exchange) wait(d time.Duration, out *output) bool {
	return x.waitFor(time.After(d), out)
}

func (x *exchange) waitFor(done <-chan time.Time, out *output) bool {
	var alive <-chan time.Time
	if x.fault.KeepAlive > 0 && out != nil {
		t := time.NewTicker(time.Duration(x.fault.KeepAlive))
		defer t.Stop()
		alive = t.C
	}
	for {
		select {
		case <-done:
			return true
		case <-alive:
			if x.route.op == opConverse {
				continue // it has none
			}
			out.write(x.vendor.Kind.keepAlive())
		case <-x.r.Context().Done():
			return false
		case <-x.sim.base.Done():
			return false
		}
	}
}

// deliver sends rep as the fault lets it.
func (x *exchange) deliver(rep *reply) {
	f := x.fault
	if f.DelayHeader > 0 && !x.wait(time.Duration(f.DelayHeader), nil) {
		return
	}
	if f.ResetBeforeHeader {
		x.reset()
	}
	h := x.w.Header()
	x.sim.vendorHeaders(x.vendor, x.r, h, x.id, x.model, rep.status, x.sim.opts.Now().Sub(x.began))
	h.Set("Content-Type", "application/json")
	if rep.stream != nil {
		h.Set("Content-Type", x.vendor.streamType())
		if x.vendor.Kind == Compatible {
			h.Set("Cache-Control", "no-cache")
		}
	}
	for name, values := range rep.header {
		h[name] = values
	}
	out := &output{x: x, w: x.w}
	if f.Gzip {
		h.Set("Content-Encoding", "gzip")
		out.zip = gzip.NewWriter(x.w)
	} else if rep.stream == nil && rep.status != http.StatusNoContent && !f.Endless && f.ErrorAfterChunks == nil {
		h.Set("Content-Length", strconv.Itoa(len(rep.body)))
	}
	x.w.WriteHeader(rep.status)
	x.sim.log.update(x.rec, func(rec *Record) { rec.Status, rec.RepliedAt = rep.status, x.sim.opts.Now() })
	if rep.stream == nil {
		x.deliverBody(rep.body, out)
		return
	}
	out.flush()
	x.deliverStream(rep.stream, out)
}

func (x *exchange) deliverBody(body []byte, out *output) {
	f := x.fault
	if f.ErrorAfterChunks != nil && *f.ErrorAfterChunks == 0 { // an error where the status says that all is well
		body = x.refusal(f.errorStatus()).body
		f.ErrorAfterChunks, x.fault.ErrorAfterChunks = nil, nil
	}
	if f.DelayFirstChunk > 0 {
		out.flush()
		if !x.wait(time.Duration(f.DelayFirstChunk), nil) {
			return
		}
	}
	if f.Endless {
		for piece := []byte(`{"padding":"`); out.write(piece) && x.wait(x.pace(), nil); {
			piece = bytes.Repeat([]byte("x"), 1<<10)
		}
		return
	}
	if !x.before(0, out) {
		return
	}
	body = x.spoilt(1, body, nil)
	last := out.last
	if x.fault.stopsAfter(1) {
		last = out.write
	}
	if !last(body) || !x.before(1, out) {
		return
	}
	out.close()
}

// deliverStream sends the events one by one at the pace.
func (x *exchange) deliverStream(s *stream, out *output) {
	f, pace := x.fault, x.pace()
	if f.NoEndMarker {
		s.chunks = s.chunks[:max(0, len(s.chunks)-s.marks)]
	}
	if f.DelayFirstChunk > 0 && !x.wait(time.Duration(f.DelayFirstChunk), out) {
		return
	}
	for i, chunk := range s.chunks {
		if i > 0 && pace > 0 && !x.wait(pace, out) {
			return
		}
		if !x.before(i, out) {
			return
		}
		sent := out.send(x.spoilt(i+1, chunk, s), 1, false)
		for f.Endless && i == len(s.chunks)/2 && sent { // the same piece of the answer, for ever
			sent = x.wait(pace, out) && out.send(s.frame(i, chunk), 1, false)
		}
		if !sent {
			return
		}
	}
	if !x.before(len(s.chunks), out) {
		return
	}
	end := []byte("data: [DONE]\n\n")
	if s.framing != nil {
		end = s.end
	}
	if f.NoEndMarker {
		end = nil
	}
	if out.last(end) {
		out.close()
	}
}

// before applies what the fault says shall happen when n chunks have been sent. It is false if nothing more is to be
// sent. Cut and reset do not return.
func (x *exchange) before(n int, out *output) bool {
	f := x.fault
	at := func(p *int) bool { return p != nil && *p == n }
	if at(f.StallAfterChunks) {
		out.flush()
		var over <-chan time.Time
		if f.StallFor > 0 {
			over = time.After(time.Duration(f.StallFor))
		}
		if !x.waitFor(over, out) {
			return false
		}
	}
	switch {
	case at(f.CutAfterChunks):
		out.flush()
		x.cut()
	case at(f.ResetAfterChunks):
		out.flush()
		x.reset()
	case at(f.ErrorAfterChunks):
		out.write(x.failure(n))
		out.close()
		return false
	case at(f.EndAfterChunks):
		out.close()
		return false
	}
	return true
}

// cut closes the connection in the midst of the body; over HTTP/2 it resets the stream.
func (x *exchange) cut() { panic(http.ErrAbortHandler) }

// reset ends the connection with a TCP reset; over HTTP/2 it resets the stream.
func (x *exchange) reset() {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // so that Close sends RST and not FIN
	}
	conn.Close()
	panic(http.ErrAbortHandler)
}

// output writes a reply's body and keeps the record of it. What a caller can have seen is in the record already: the
// record is written before the bytes go, and corrected if they did not.
type output struct {
	x      *exchange
	w      http.ResponseWriter
	zip    *gzip.Writer
	sent   int
	chunks int
}

// write sends b at once; it is false when the caller is gone. At the byte where the fault cuts or resets, it does not
// return.
func (o *output) write(b []byte) bool { return o.send(b, 0, false) }

// last is write for the end of a reply that was sent as meant.
func (o *output) last(b []byte) bool { return o.send(b, 0, true) }

func (o *output) send(b []byte, chunks int, last bool) bool {
	cut, then := o.limit()
	if cut >= 0 && o.sent+len(b) > cut {
		o.put(b[:max(0, cut-o.sent)], 0, false)
		then()
	}
	return o.put(b, chunks, last)
}

func (o *output) limit() (at int, then func()) {
	f := o.x.fault
	switch {
	case f.CutAfterBytes != nil:
		return *f.CutAfterBytes, o.x.cut
	case f.ResetAfterBytes != nil:
		return *f.ResetAfterBytes, o.x.reset
	}
	return -1, nil
}

func (o *output) put(b []byte, chunks int, last bool) bool {
	o.sent, o.chunks = o.sent+len(b), o.chunks+chunks
	o.x.sim.log.update(o.x.rec, func(rec *Record) {
		rec.BytesSent, rec.Chunks = o.sent, o.chunks
		if last {
			rec.Complete, rec.EndedAt = rec.LeftAt.IsZero(), o.x.sim.opts.Now()
		}
	})
	var w io.Writer = o.w
	if o.zip != nil {
		w = o.zip
	}
	if o.drip(w, b) {
		return true
	}
	o.sent, o.chunks = o.sent-len(b), o.chunks-chunks
	o.x.sim.log.update(o.x.rec, func(rec *Record) { rec.BytesSent, rec.Chunks, rec.Complete = o.sent, o.chunks, false })
	o.x.left()
	return false
}

// drip writes b at once, or so many bytes at a time as the fault says.
func (o *output) drip(w io.Writer, b []byte) bool {
	n := len(b)
	if o.x.fault.Drip > 0 {
		n = o.x.fault.Drip
	}
	for len(b) > n {
		if _, err := w.Write(b[:n]); err != nil || !o.flush() || !o.x.wait(o.x.pace(), nil) {
			return false
		}
		b = b[n:]
	}
	_, err := w.Write(b)
	return err == nil && o.flush()
}

func (o *output) flush() bool {
	if o.zip != nil && o.zip.Flush() != nil {
		return false
	}
	return http.NewResponseController(o.w).Flush() == nil
}

func (o *output) close() {
	if o.zip != nil {
		_ = o.zip.Close() // that the caller is gone is seen by its context
	}
}

// event frames one chunk as a server-sent event.
func event(chunk []byte) []byte {
	out := make([]byte, 0, len(chunk)+8)
	out = append(out, "data: "...)
	out = append(out, chunk...)
	return append(out, "\n\n"...)
}

// spoilt gives the nth piece of a reply, framed, as the fault lets it be.
func (x *exchange) spoilt(n int, chunk []byte, s *stream) []byte {
	if x.fault.MalformedChunk == n {
		chunk = broken(s, chunk)
	}
	if s != nil {
		chunk = s.frame(n-1, chunk)
	}
	if x.fault.CorruptChunk == n {
		chunk[len(chunk)/2] = 0xff // of a frame the checksums no longer match
	}
	return chunk
}

// broken gives JSON that ends in its midst; the name of an event that frames it stays.
func broken(s *stream, chunk []byte) []byte {
	if s != nil && s.binary {
		name, payload, _ := bytes.Cut(chunk, []byte(":"))
		return append(append(name, ':'), payload[:len(payload)*2/3]...)
	}
	return chunk[:len(chunk)*2/3]
}

// pace is the time between two pieces of the reply.
func (x *exchange) pace() time.Duration {
	if x.fault.Pace > 0 {
		return time.Duration(x.fault.Pace)
	}
	return x.sim.opts.Pace
}
