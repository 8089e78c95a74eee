package gateway

import (
	"errors"
	"io"
	"math/bits"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"bulkhead/fault"
)

// Intake reads request bodies whole, within a budget of bytes that all calls
// of the process share. Bytes are counted as they arrive, so that a caller who
// announces much and sends nothing takes nothing from the others.
type Intake struct {
	budget atomic.Int64 // what may be held in all
	held   atomic.Int64
	pools  [maxClass + 1]sync.Pool // of *[]byte, by size class
}

const (
	firstRead = 4 << 10   // the smallest buffer
	trusted   = 256 << 10 // how much of an announced length is made room for once the first buffer is full
	minClass  = 12        // log2 of it
	maxClass  = 20        // buffers over a MiB are left to the garbage collector
)

// NewIntake allows budget bytes to be held at once.
func NewIntake(budget int64) *Intake {
	in := &Intake{}
	in.budget.Store(budget)
	return in
}

// SetBudget changes the budget; what is held already stays.
func (in *Intake) SetBudget(bytes int64) { in.budget.Store(bytes) }

// Held is the number of bytes held now.
func (in *Intake) Held() int64 { return in.held.Load() }

// take counts n more bytes, or refuses.
func (in *Intake) take(n int64) error {
	if in.held.Add(n) > in.budget.Load() {
		in.held.Add(-n)
		f := fault.New(fault.Overloaded, "Bulkhead holds as many bytes of calls as it may; try again shortly.")
		f.RetryAfter = time.Second
		return f
	}
	return nil
}

// give gives back what was taken.
func (in *Intake) give(n int64) { in.held.Add(-n) }

// body is what has been read of a caller or a vendor, and what it counts for.
type body struct {
	in    *Intake
	bytes []byte
	size  int64
	keep  bool // the bytes may be read for a moment after release: they serve no other
}

// read reads src to its end into memory. announced is its length, or negative;
// most is what it may have. overflow is what a longer one is refused with.
func (in *Intake) read(src io.Reader, announced, most int64, overflow *fault.Fault) (*body, error) {
	if announced > most {
		return nil, overflow
	}
	b := &body{in: in}
	want := int64(firstRead) // whatever is announced
	for {
		if err := b.grow(int(want)); err != nil {
			b.release()
			return nil, err
		}
		n, err := src.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if int64(len(b.bytes)) > most {
			b.release()
			return nil, overflow
		}
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			b.release()
			return nil, err
		}
		if want = int64(len(b.bytes)) + 1; want > firstRead && announced >= want {
			want = max(want, min(announced+1, trusted)) // one more, so that the end is met without growing
		}
	}
}

// grow makes room for want bytes, doubling what there is.
func (b *body) grow(want int) error {
	if want <= cap(b.bytes) {
		return nil
	}
	class := max(minClass, bits.Len(uint(want-1)))
	size := int64(1) << class
	if err := b.in.take(size - b.size); err != nil {
		return err
	}
	old := b.bytes
	b.size = size
	b.bytes = append(b.in.buffer(class), old...)
	b.in.recycle(old)
	return nil
}

// buffer gives an empty buffer of 1<<class bytes.
func (in *Intake) buffer(class int) []byte {
	if class <= maxClass {
		if p, ok := in.pools[class].Get().(*[]byte); ok {
			return (*p)[:0]
		}
	}
	return make([]byte, 0, 1<<class)
}

func (in *Intake) recycle(b []byte) {
	if class := bits.Len(uint(cap(b))) - 1; cap(b) > 0 && class <= maxClass {
		in.pools[class].Put(&b)
	}
}

// release gives back what the body counts for. Its bytes must not be used
// again. It may be called more than once.
func (b *body) release() {
	if b == nil || b.in == nil {
		return
	}
	b.in.held.Add(-b.size)
	if !b.keep {
		b.in.recycle(b.bytes)
	}
	b.in, b.bytes = nil, nil
}

// readRequest reads a caller's body within limits of size and time.
func (in *Intake) readRequest(w http.ResponseWriter, r *http.Request, max int64, within time.Duration) (*body, error) {
	overflow := fault.New(fault.TooLarge, "The body is over the limit of %d bytes.", max).Final()
	if r.ContentLength > max {
		return nil, overflow
	}
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(within)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	b, err := in.read(r.Body, r.ContentLength, max, overflow)
	var f *fault.Fault
	switch {
	case err == nil:
		if err := control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
			b.release()
			return nil, err
		}
		return b, nil
	case errors.As(err, &f):
		return nil, f
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fault.New(fault.Timeout, "The body did not arrive within %v.", within).Because(err)
	}
	return nil, fault.New(fault.Malformed, "The body broke off before its end, or is not framed as HTTP says.").Because(err).Final()
}
