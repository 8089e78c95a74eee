package route_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bulkhead/catalog"
	"bulkhead/fault"
	"bulkhead/route"
)

func turnstile(concurrent, waiting int, wait time.Duration) *route.Turnstile {
	t := &route.Turnstile{}
	t.Bound(catalog.Calls{Concurrent: concurrent, Waiting: waiting, Wait: wait})
	return t
}

func TestTurnstile_LetsInByPriorityThenInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := turnstile(1, 10, time.Minute)
		leave, err := turn.Enter(t.Context(), catalog.NormalPriority)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var came []string
		var all sync.WaitGroup
		for _, p := range []catalog.Priority{catalog.LowPriority, catalog.NormalPriority, catalog.HighPriority, "", catalog.HighPriority} {
			all.Go(func() {
				leave, err := turn.Enter(t.Context(), p)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				came = append(came, string(p))
				mu.Unlock()
				leave()
			})
			synctest.Wait()
		}
		leave()
		all.Wait()
		same(t, "turns", came, "high", "high", "normal", "", "low")
		if l := turn.Load(); l.Under != 0 || l.Waiting[catalog.HighPriority]+l.Waiting[catalog.NormalPriority]+l.Waiting[catalog.LowPriority] != 0 {
			t.Errorf("left behind: %+v", l)
		}
	})
}

func refusedBy(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if f := fault.From(err); f == nil || f.Kind != kind || kind == fault.Overloaded && f.RetryAfter < time.Second {
		t.Errorf("got %v, want %s", err, kind)
	}
}

func TestTurnstile_AFullLineTurnsAwayItsLowest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := turnstile(1, 2, time.Minute)
		leave, _ := turn.Enter(t.Context(), catalog.LowPriority)
		results := make(chan error, 3)
		enter := func(p catalog.Priority) {
			go func() {
				leave, err := turn.Enter(t.Context(), p)
				if err == nil {
					leave()
				}
				results <- err
			}()
			synctest.Wait()
		}
		enter(catalog.LowPriority)
		enter(catalog.NormalPriority)
		_, err := turn.Enter(t.Context(), catalog.LowPriority)
		refusedBy(t, err, fault.Overloaded)
		enter(catalog.HighPriority) // takes the place of the low one
		refusedBy(t, <-results, fault.Overloaded)
		_, err = turn.Enter(t.Context(), catalog.NormalPriority)
		refusedBy(t, err, fault.Overloaded)
		leave()
		for range 2 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if shed := turn.Load().Shed; shed[catalog.LowPriority] != 2 || shed[catalog.NormalPriority] != 1 || shed[catalog.HighPriority] != 0 {
			t.Errorf("turned away %v", shed)
		}
	})
}

func TestTurnstile_NobodyWaitsLongerThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := turnstile(1, 2, 3*time.Second)
		leave, _ := turn.Enter(t.Context(), "")
		begun := time.Now()
		_, err := turn.Enter(t.Context(), catalog.HighPriority)
		refusedBy(t, err, fault.Overloaded)
		if d := time.Since(begun); d != 3*time.Second {
			t.Errorf("turned away after %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = turn.Enter(ctx, "")
		refusedBy(t, err, fault.Cancelled)
		if l := turn.Load(); l.Waiting[catalog.NormalPriority]+l.Waiting[catalog.HighPriority] != 0 || l.Shed[catalog.HighPriority] != 1 || l.Shed[catalog.NormalPriority] != 0 {
			t.Errorf("left behind: %+v", l)
		}
		leave()
	})
}

func TestTurnstile_BoundsMayChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := turnstile(1, 3, time.Minute)
		leave, _ := turn.Enter(t.Context(), "")
		results := make(chan error, 3)
		for range 3 {
			go func() {
				_, err := turn.Enter(t.Context(), "")
				results <- err
			}()
		}
		synctest.Wait()
		turn.Bound(catalog.Calls{Concurrent: 2, Waiting: 1, Wait: time.Minute})
		synctest.Wait()
		in, out := 0, 0
		for range 2 {
			if err := <-results; err == nil {
				in++
			} else {
				out++
			}
		}
		if in != 1 || out != 1 {
			t.Errorf("%d came in, %d were turned away; want one of each", in, out)
		}
		leave()
		if err := <-results; err != nil {
			t.Error(err)
		}
	})
}

func TestTurnstile_HoldsItsBoundsUnderLoad(t *testing.T) {
	turn := turnstile(8, 16, 5*time.Millisecond)
	var under, most, in atomic.Int64
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 9))
			for range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(8))*time.Millisecond)
				leave, err := turn.Enter(ctx, []catalog.Priority{catalog.HighPriority, "", catalog.LowPriority}[random.IntN(3)])
				if err == nil {
					in.Add(1)
					for n := under.Add(1); ; {
						if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
							break
						}
					}
					time.Sleep(time.Duration(random.IntN(200)) * time.Microsecond)
					under.Add(-1)
					leave()
				}
				cancel()
			}
		})
	}
	all.Wait()
	if l := turn.Load(); l.Under != 0 || most.Load() > 8 || in.Load() == 0 {
		t.Errorf("left %+v; %d came in, %d at once", l, in.Load(), most.Load())
	}
}

func BenchmarkTurnstile(b *testing.B) {
	turn := &route.Turnstile{}
	b.ReportAllocs()
	for b.Loop() {
		leave, err := turn.Enter(b.Context(), catalog.NormalPriority)
		if err != nil {
			b.Fatal(err)
		}
		leave()
	}
}
