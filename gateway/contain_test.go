package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/gateway"
	"bulkhead/identity"
)

// siege is a gateway under random calls while its estate changes, and what the
// vendors saw of them.
type siege struct {
	*rig
	listeners []*vendor
	keys      map[string]string // by workload
	ids       map[string]string // of those keys

	mu     sync.Mutex
	worlds []*world
	seen   map[string][]sight // by the call's token

	decided, permitted, refused, served, rehearsed, failedOver atomic.Int64
}

// sight is one request as a vendor saw it.
type sight struct {
	listener int
	target   string
	body     []byte
}

var (
	tokenIn  = regexp.MustCompile(`call-\d{9}`)
	estateIn = regexp.MustCompile(`^/v1/estate(\d+)/(?:chat/completions|embeddings|v1/messages|v1beta/models/[^/]+:\w+(?:\?alt=sse)?)$`)
)

// TestContainment_NothingReachesAVendorOutsideThePermit sends random calls by
// random estates, which are replaced in mid-run, to vendors that fail now and
// then, and holds what each vendor saw against an oracle that shares no code
// with the product.
func TestContainment_NothingReachesAVendorOutsideThePermit(t *testing.T) {
	rounds, calls := 1, 10_000
	if os.Getenv("BULKHEAD_LONG") == "1" {
		rounds, calls = 20, 50_000 // each with a ledger of its own, so that none grows large
	}
	for r := range rounds {
		t.Run(fmt.Sprint("round ", r), func(t *testing.T) { besiege(t, r*calls, calls) })
	}
}

// besiege makes so many calls, numbered from a number on.
func besiege(t *testing.T, from, calls int) {
	s := newSiege(t, from/25)
	var next atomic.Int64
	next.Store(int64(from))
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for n := next.Add(1); n <= int64(from+calls) && !t.Failed(); n = next.Add(1) {
				if n%25 == 0 {
					s.reload(int(n / 25))
				}
				s.try(uint64(n))
			}
		})
	}
	workers.Wait()
	t.Logf("%d decided: %d permitted, of which %d served and %d rehearsed; %d refused; %d failed over", s.decided.Load(), s.permitted.Load(), s.served.Load(),
		s.rehearsed.Load(), s.refused.Load(), s.failedOver.Load())
	if p, r := s.permitted.Load(), s.refused.Load(); !t.Failed() && (p < int64(calls)/20 || r < int64(calls)/20 || s.served.Load() < p/3 || s.rehearsed.Load() < p/20 || s.failedOver.Load() < p/50) {
		t.Error("the dice are loaded")
	}
}

func newSiege(t *testing.T, number int) *siege {
	s := &siege{keys: map[string]string{}, ids: map[string]string{}, seen: map[string][]sight{}}
	for i := range offeringsMost {
		s.listeners = append(s.listeners, newVendor(t, func(x *visit) { s.meet(i, x) }))
	}
	ring := identity.NewKeyring(bytes.Repeat([]byte{7}, identity.PepperBytes))
	for _, name := range []string{"letters", "press", "watch"} {
		key, text := ring.Mint(nil, name, "", time.Now(), time.Time{})
		ring.Put(key)
		s.keys[name], s.ids[name] = text, key.ID
	}
	first := newWorld(number, s.listeners)
	s.worlds = []*world{first}
	s.rig = start(t, first.estate, func(o *gateway.Options) {
		o.Keys, o.Observe = ring, func(*call.Record) {} // a million records would be much to keep
	})
	return s
}

// meet is what the vendor behind a listener does: it notes what it sees, and
// mostly answers.
func (s *siege) meet(listener int, x *visit) {
	token := string(tokenIn.Find(x.Body))
	s.mu.Lock()
	s.seen[token] = append(s.seen[token], sight{listener, x.Target(), bytes.Clone(x.Body)})
	s.mu.Unlock()
	x.vendor.mu.Lock()
	x.vendor.seen = nil // it is noted here
	x.vendor.mu.Unlock()
	switch n := len(token); {
	case n > 0 && (int(token[n-1])+listener)%5 == 0:
		x.Reply(500, jsonType, `{"error":{"message":"no","type":"server_error"}}`)
	case n > 0 && (int(token[n-2])+listener)%9 == 0:
		x.Reset()
	case strings.HasSuffix(x.Target(), "/embeddings"):
		x.Reply(200, jsonType, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`)
	default:
		ok(x)
	}
}

// reload puts another estate in force, while calls are under way.
func (s *siege) reload(number int) {
	x := newWorld(number, s.listeners)
	s.mu.Lock()
	s.worlds = append(s.worlds[max(0, len(s.worlds)-100):], x) // calls under way are of the last few
	s.mu.Unlock()
	if problems, err := s.Gateway.Use(x.estate, nil); err != nil || len(problems) > 0 {
		s.t.Errorf("estate %d: %v %v", number, err, problems)
	}
}

// inForce gives the newest world, or that of a digest.
func (s *siege) inForce(digest string) *world {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range slices.Backward(s.worlds) {
		if digest == "" || x.estate.Digest == digest {
			return x
		}
	}
	return nil
}

// try makes one call and holds it against the oracle.
func (s *siege) try(n uint64) {
	c := newOutgoing(rand.New(rand.NewPCG(n, 9)), fmt.Sprintf("call-%09d", n), s.inForce(""))
	before := time.Now()
	got := s.Post(c.path(), c.body, c.header(s.keys[c.workload])...)
	x := s.inForce(got.Header.Get("Bulkhead-Estate"))
	want := c.allowed(x, s.ids[c.workload], before)
	if !slices.Equal(want, c.allowed(x, s.ids[c.workload], time.Now())) {
		return // a day began in between
	}
	s.mu.Lock()
	seen := s.seen[c.token]
	delete(s.seen, c.token)
	stray := s.seen[""]
	s.mu.Unlock()
	told := func() string {
		return fmt.Sprintf("call %+v\nby estate %d may reach %v; answered %d %s", c, x.number, want, got.Status, got.Body)
	}
	if len(stray) > 0 {
		s.t.Errorf("a vendor saw what no call sent: %s %s", stray[0].target, stray[0].body)
		return
	}
	for _, v := range seen {
		s.hold(c, x, want, v, told)
	}
	s.decided.Add(1)
	switch {
	case len(want) == 0 && (got.Status < 400 || len(seen) > 0):
		s.t.Errorf("nothing may serve it, and %d vendors saw it: %s", len(seen), told())
	case len(want) == 0:
		s.refused.Add(1)
	case c.dry:
		s.permitted.Add(1)
		s.rehearsed.Add(1)
		if listed := rehearsed(got.Body); len(seen) > 0 || got.Status != 200 || !slices.Equal(listed, slices.Sorted(slices.Values(want))) {
			s.t.Errorf("a dry run reached %d vendors and lists %v: %s", len(seen), listed, told())
		}
	default:
		s.permitted.Add(1)
		if len(seen) == 0 && !(got.Status == 400 && strings.Contains(got.Body, "unsupported_parameter") && foreign(x, want)) {
			s.t.Errorf("no vendor saw it: %s", told())
		}
		if len(seen) > 1 {
			s.failedOver.Add(1)
		}
		if got.Status == 200 {
			s.served.Add(1)
		}
	}
}

// foreign reports whether every one of the offerings speaks another dialect
// than the caller, so that the call may hold what cannot be carried there.
func foreign(x *world, names []string) bool {
	for _, o := range x.estate.Offerings {
		if slices.Contains(names, o.Name) && o.Endpoint.Dialect == "openai" {
			return false
		}
	}
	return true
}

// hold holds what one vendor saw against what it may see.
func (s *siege) hold(c *outgoing, x *world, want []string, v sight, told func() string) {
	m := estateIn.FindStringSubmatch(v.target)
	if m == nil || m[1] != fmt.Sprint(x.number) || v.listener >= len(x.estate.Offerings) {
		s.t.Errorf("listener %d saw %s: %s", v.listener, v.target, told())
		return
	}
	o := x.estate.Offerings[v.listener]
	var body struct {
		Model string
		Store *bool
	}
	if err := json.Unmarshal(v.body, &body); err != nil {
		s.t.Errorf("%s saw what is no JSON: %v: %s", o.Name, err, told())
	}
	switch {
	case c.dry:
		s.t.Errorf("%s saw a dry run: %s", o.Name, told())
	case !slices.Contains(want, o.Name):
		s.t.Errorf("%s saw what it may not: %s", o.Name, told())
	case strings.TrimPrefix(body.Model, "models/") != o.ID && (body.Model != "" || !strings.Contains(v.target, "/"+o.ID)): // some dialects name it in the path
		s.t.Errorf("%s was asked for %q: %s", o.Name, body.Model, told())
	case body.Store != nil && *body.Store && !slices.Contains(o.Grants, call.Store):
		s.t.Errorf("%s was told to store and is not granted it: %s", o.Name, told())
	}
}

// rehearsed are the offerings that a dry run lists, sorted.
func rehearsed(body string) []string {
	var d struct{ Offerings []struct{ Offering string } }
	if json.Unmarshal([]byte(body), &d) != nil {
		return nil
	}
	var out []string
	for _, o := range d.Offerings {
		out = append(out, o.Offering)
	}
	slices.Sort(out)
	return out
}
