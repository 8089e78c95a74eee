package gateway

import (
	"net/http"
	"sync"
	"time"

	"bulkhead/ledger"
)

// outlet is the way back to the caller. It counts what is released, and keeps
// a silent stream alive. Its lock lets the keep-alive timer and the call write
// in turn.
type outlet struct {
	mu      sync.Mutex
	w       http.ResponseWriter
	flusher http.Flusher
	begun   bool // the header is out
	early   bool // it went out with a keep-alive, before an offering had answered
	status  int
	written int64
	first   time.Time // when the first byte was released
	last    time.Time // when something was last released
	pulse   *time.Timer
	every   time.Duration
	beat    []byte
	set     func(http.Header) // what the header of a stream says
	limit   time.Duration     // how long the caller may take nothing
	writeBy time.Time         // when a write that is under way fails
	closed  bool
	http2   bool
	sealed  *ledger.Commitment // to what was released; nil: nobody asks
}

func (o *outlet) open(w http.ResponseWriter, r *http.Request) {
	o.w, o.limit, o.http2 = w, releaseWithin, r.ProtoMajor == 2
	o.flusher, _ = w.(http.Flusher)
}

// within says for how long the caller may take nothing of the reply before it
// counts as gone.
func (o *outlet) within(limit time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.limit = limit
}

// bound moves the deadline of writes, if it is near. It is set anew in every
// call, so that it need not be lifted for the connection's next one.
func (o *outlet) bound(now time.Time) {
	limit := o.limit
	if o.http2 {
		// There a deadline that passes ends the stream though no write is under
		// way, so it must lie beyond the keep-alives that move it.
		limit = max(limit, 3*o.every)
	}
	if o.writeBy.Sub(now) > limit/2 {
		return
	}
	o.writeBy = now.Add(limit)
	// A writer without deadlines is one of a test; the call's total bounds it.
	_ = http.NewResponseController(o.w).SetWriteDeadline(o.writeBy)
}

// keepAlive sends beat whenever nothing was released for every, from now on
// until close. The first one sends the header of a stream before it.
func (o *outlet) keepAlive(beat []byte, every time.Duration, set func(http.Header)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.beat, o.every, o.set, o.last = beat, every, set, time.Now()
	o.pulse = time.AfterFunc(every, o.tick)
}

// tick runs on the pulse timer; close ends it.
func (o *outlet) tick() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	if silent := time.Since(o.last); silent < o.every {
		o.pulse.Reset(o.every - silent)
		return
	}
	if !o.begun {
		o.early = true
		o.set(o.w.Header())
		o.start(http.StatusOK)
	}
	o.put(o.beat) // a caller who has gone is noticed by the call itself
	o.flush()
	o.pulse.Reset(o.every)
}

// start sends the header. The caller holds the lock.
func (o *outlet) start(status int) {
	o.bound(time.Now())
	o.begun, o.status = true, status
	o.w.WriteHeader(status)
}

// put releases bytes. The caller holds the lock.
func (o *outlet) put(b []byte) error {
	now := time.Now()
	o.bound(now)
	n, err := o.w.Write(b)
	o.written += int64(n)
	if o.sealed != nil {
		_, _ = o.sealed.Write(b[:max(n, 0)])
	}
	o.last = now
	if o.first.IsZero() {
		o.first = o.last
	}
	return err
}

// seal lets c be fed what is released from now on.
func (o *outlet) seal(c *ledger.Commitment) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sealed = c
}

// committed is the commitment to all that was released, and held after it, with
// the count of bytes. It ends the keep-alives and what is committed to.
func (o *outlet) committed(held []byte) (ledger.Digest, int64) {
	o.close()
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.sealed
	if o.sealed = nil; c == nil {
		return "", 0
	}
	_, _ = c.Write(held)
	return c.Digest(), c.Size()
}

func (o *outlet) flush() {
	if o.flusher != nil {
		o.flusher.Flush()
	}
}

// whole releases a reply that is all there.
func (o *outlet) whole(status int, b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.start(status)
	return o.put(b)
}

// begin releases the first part of a stream, without a flush. set is called
// before the header goes out; if a keep-alive has sent it, late is called.
func (o *outlet) begin(b []byte, set, late func(http.Header)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.early {
		late(o.w.Header())
	} else {
		set(o.w.Header())
		o.start(http.StatusOK)
	}
	return o.put(b)
}

// more releases further parts of a stream that has begun, without a flush.
func (o *outlet) more(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.put(b)
}

// push lets what was released leave at once.
func (o *outlet) push() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flush()
}

// hush ends the keep-alives and reports whether the header is out, so that a
// failure must be told in-band.
func (o *outlet) hush() (begun bool) {
	o.close()
	return o.begun
}

// close ends the keep-alives; from then on the call alone writes. It may be
// called more than once.
func (o *outlet) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if o.pulse != nil {
		o.pulse.Stop()
	}
}
