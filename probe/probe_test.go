package probe_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bulkhead/catalog"
	"bulkhead/probe"
)

// book counts checks, and how many there are at once.
type book struct {
	mu    sync.Mutex
	made  map[probe.Target][]time.Time
	under map[string]int
	most  int
	takes time.Duration
	again atomic.Int64
}

func (b *book) check(ctx context.Context, t probe.Target) time.Duration {
	b.mu.Lock()
	if b.made == nil {
		b.made, b.under = map[probe.Target][]time.Time{}, map[string]int{}
	}
	b.made[t] = append(b.made[t], time.Now())
	b.under[t.Offering]++
	b.most = max(b.most, b.under[t.Offering])
	b.mu.Unlock()
	select {
	case <-time.After(b.takes):
	case <-ctx.Done():
	}
	b.mu.Lock()
	b.under[t.Offering]--
	b.mu.Unlock()
	return time.Duration(b.again.Load())
}

func (b *book) of(t probe.Target) []time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]time.Time(nil), b.made[t]...)
}

var (
	one   = probe.Target{Workload: "watch", Offering: "east/one", Every: 30 * time.Second}
	two   = probe.Target{Workload: "watch", Offering: "east/two", Every: 30 * time.Second}
	other = probe.Target{Workload: "desk", Offering: "east/one", Every: 30 * time.Second}
)

// run runs a rota beside f, in time that passes as it sleeps.
func run(t *testing.T, b *book, f func(r *probe.Rota)) {
	synctest.Test(t, func(t *testing.T) {
		r := probe.New(probe.Options{Check: b.check})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.Run(ctx)
		}()
		f(r)
		cancel()
		<-done
	})
}

func TestRota_ChecksEachAtItsIntervalSpreadByChance(t *testing.T) {
	b := &book{takes: time.Second}
	run(t, b, func(r *probe.Rota) {
		began := time.Now()
		r.Use([]probe.Target{one, two})
		time.Sleep(time.Hour)
		for _, target := range []probe.Target{one, two} {
			at := b.of(target)
			if len(at) < 100 || len(at) > 135 {
				t.Errorf("%v: %d checks an hour", target, len(at))
			}
			if at[0].Sub(began) > 30*time.Second {
				t.Errorf("%v: the first one after %v", target, at[0].Sub(began))
			}
			alike := 0
			for i := 1; i < len(at); i++ {
				gap := at[i].Sub(at[i-1])
				if gap < 27*time.Second || gap > 35*time.Second {
					t.Errorf("%v: %v between two checks", target, gap)
				}
				if i > 1 && gap == at[i-1].Sub(at[i-2]) {
					alike++
				}
			}
			if alike > len(at)/2 {
				t.Errorf("%v: the interval is the same each time", target)
			}
		}
	})
}

func TestRota_ChecksAnOfferingOneAtATime(t *testing.T) {
	b := &book{takes: 29 * time.Second}
	run(t, b, func(r *probe.Rota) {
		r.Use([]probe.Target{one, other})
		for range 20 { // also where what is declared changes
			time.Sleep(time.Minute)
			r.Use([]probe.Target{two})
			time.Sleep(time.Second)
			r.Use([]probe.Target{one, other})
		}
		n, m := len(b.of(one)), len(b.of(other))
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.most != 1 || n+m < 10 {
			t.Errorf("%d at once, %d and %d made", b.most, n, m)
		}
	})
}

func TestRota_FollowsTheCircuitAndWhatIsDeclared(t *testing.T) {
	b := &book{}
	run(t, b, func(r *probe.Rota) {
		time.Sleep(time.Hour)
		if len(b.of(one)) != 0 {
			t.Error("something is checked that nobody declared")
		}
		r.Use([]probe.Target{one})
		time.Sleep(30 * time.Second)
		b.again.Store(int64(2 * time.Second))
		time.Sleep(time.Minute)
		if n := len(b.of(one)); n < 13 || n > 32 {
			t.Errorf("%d checks while the circuit asks for one each two seconds, half of the time", n)
		}
		b.again.Store(1)
		before := len(b.of(one))
		time.Sleep(10 * time.Second)
		if n := len(b.of(one)) - before; n > 51 {
			t.Errorf("%d checks in ten seconds", n)
		}
		b.again.Store(int64(time.Hour)) // never later than declared
		before = len(b.of(one))
		time.Sleep(5 * time.Minute)
		if n := len(b.of(one)) - before; n < 8 {
			t.Errorf("%d checks in five minutes", n)
		}
		r.Use(nil)
		before = len(b.of(one))
		time.Sleep(time.Hour)
		if n := len(b.of(one)) - before; n > 1 {
			t.Errorf("%d checks of what is no longer declared", n)
		}
	})
}

func TestRota_EndsTheCheckUnderWayWhenItIsStopped(t *testing.T) {
	b := &book{takes: 1000 * time.Hour}
	run(t, b, func(r *probe.Rota) {
		r.Use([]probe.Target{one})
		time.Sleep(time.Minute)
	})
	if len(b.of(one)) != 1 || b.under["east/one"] != 0 {
		t.Errorf("%d made, %d under way", len(b.of(one)), b.under["east/one"])
	}
}

func TestTargets_AreTheOfferingsOfTheDeclaredAlias(t *testing.T) {
	alias := func(offerings ...string) *catalog.Alias {
		a := &catalog.Alias{}
		for _, o := range offerings {
			a.Offerings = append(a.Offerings, &catalog.Offering{Name: o})
		}
		return a
	}
	got := probe.Targets(&catalog.Estate{Workloads: map[string]*catalog.Workload{
		"desk":  {Name: "desk", Aliases: map[string]*catalog.Alias{"chat": alias("east/one")}},
		"watch": {Name: "watch", Aliases: map[string]*catalog.Alias{"all": alias("east/one", "east/two"), "chat": alias("east/three")}, Service: catalog.Service{Probe: catalog.Probe{Alias: "all", Every: 30 * time.Second}}},
	}})
	if len(got) != 2 || got[0] != one || got[1] != two {
		t.Errorf("%v", got)
	}
}
