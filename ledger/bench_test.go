package ledger_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/ledger"
)

// BenchmarkLog_Entries writes whole calls of four entries from 256 callers and
// reports durable entries a second.
func BenchmarkLog_Entries(b *testing.B) {
	for _, callers := range []int{1, 32, 256} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			data := filepath.Join(b.TempDir(), "data")
			o := logOptions(b, data)
			o.SegmentBytes, o.Interval = 16<<20, time.Second
			l := openLog(b, data, o)
			var n atomic.Int64
			var wg sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			before := processor(b)
			for range callers {
				wg.Go(func() {
					for n.Add(1) <= int64(b.N) {
						if err := oneCall(b.Context(), l, "01JABCDEFGHJKMNPQRSTVWXYZ0"); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64((processor(b)-before).Microseconds())/float64(b.N), "cpu-µs/call")
			b.ReportMetric(float64(4*b.N)/b.Elapsed().Seconds(), "entries/s")
			if err := l.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// processor is the time that this process has had of the processors.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLog_Commit sets the time of one durable admission beside that of
// the disk's own fdatasync of as many bytes, in turns.
func BenchmarkLog_Commit(b *testing.B) {
	data := filepath.Join(b.TempDir(), "data")
	o := logOptions(b, data)
	o.SegmentBytes = 64 << 20
	l := openLog(b, data, o)
	defer l.Close(b.Context())
	f, err := os.Create(filepath.Join(data, "plain"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 8<<20)); err != nil || f.Sync() != nil {
		b.Fatal(err)
	}
	var ours, plain []time.Duration
	block := make([]byte, 1200)
	for i := range b.N {
		start := time.Now()
		if _, err := f.WriteAt(block, int64(i*1200%(7<<20))); err != nil {
			b.Fatal(err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
		plain = append(plain, time.Since(start))
		start = time.Now()
		r, err := l.Admit(b.Context(), admission(call.ID("01JABCDEFGHJKMNPQRSTVWXYZ0")), attempt("east/gpt"))
		if err != nil {
			b.Fatal(err)
		}
		ours = append(ours, time.Since(start))
		if err := l.Settle(b.Context(), r, &ledger.Outcome{Ending: call.Refused}); err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(ours)
	slices.Sort(plain)
	b.ReportMetric(float64(ours[len(ours)/2].Microseconds()), "admit-p50-µs")
	b.ReportMetric(float64(plain[len(plain)/2].Microseconds()), "fdatasync-p50-µs")
}
