package faults_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkhead/call"
	"bulkhead/ledger/ledgertest"
	"bulkhead/sim"
)

func observe(*call.Record) {}

// TestMain lets many states be at once: most of their time is waiting.
func TestMain(m *testing.M) {
	flag.Parse()
	if n, err := strconv.Atoi(flag.Lookup("test.parallel").Value.String()); err == nil && n < atOnce {
		if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// words is what the vendors are asked to say; its length is that of no chunk.
var words = func() string {
	var all []string
	for i := range 48 {
		all = append(all, fmt.Sprintf("word%c%c", 'a'+i/7, 'a'+i%7))
	}
	return strings.Join(all, " ")
}()

// statuses of codes, in every dialect.
var statuses = map[string]int{"upstream_error": 502, "upstream_unavailable": 503, "upstream_timeout": 504, "upstream_rate_limited": 429, "": 400, "upstream_refused": 400}

// result is what was seen of a state's call.
type result struct {
	*state
	id       string // of the call
	offering string // that the reply names
	ending   ending
}

// TestFaults asks for the whole table in every lane: what the caller gets, what
// the vendors see, and what the ledger says.
func TestFaults(t *testing.T) {
	for _, l := range lanes[:laneMost] {
		t.Run(strings.ReplaceAll(l.String(), " ", "-"), func(t *testing.T) {
			t.Parallel()
			all := states()
			w := newWorld(t, l, all)
			var mu sync.Mutex
			var results []*result
			t.Run("states", func(t *testing.T) {
				for _, s := range all {
					t.Run(strings.ReplaceAll(s.name(), " ", "-"), func(t *testing.T) {
						if why := w.owed(s); why != "" {
							t.Skip(why)
						}
						t.Parallel()
						if r := w.hold(t, l, s); r != nil {
							mu.Lock()
							results = append(results, r)
							mu.Unlock()
						}
					})
				}
			})
			w.recorded(t, l, results)
		})
	}
}

// hold makes the call of a state and holds it against the table.
func (w *world) hold(t *testing.T, l lane, s *state) *result {
	caller := speakers[l.caller]
	got, err := w.call(s, caller, "say: "+words)
	if err != nil {
		t.Errorf("no reply: %v", err)
		return nil
	}
	want := s.want(l)
	r := &result{state: s, id: got.header.Get("Bulkhead-Call"), offering: got.header.Get("Bulkhead-Offering"), ending: want.ending}
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf(format+"\ngot %d from %q in %v, %v, error %q:\n%.300s", append(args, got.status, r.offering, got.took.Round(time.Millisecond), got.err, got.header.Get("Bulkhead-Error"), got.body)...)
	}
	if got.took > soon {
		fail("it took %v", got.took)
	}
	if got.err != nil {
		fail("the reply broke off")
	}
	switch want.ending {
	case whole, filtered:
		said, ok := caller.read(got.body)
		if s.stream && got.status == 200 {
			said, ok = caller.readStream(got.body), true
		}
		switch {
		case got.status != 200 || !ok || !said.whole || said.failed != "":
			fail("it is not whole: %+v", said)
		case want.ending == whole && said.text != words:
			fail("it is another answer: %+v", said)
		case want.ending == filtered && (said.text == words || slices.Contains([]string{"stop", "completed", "end_turn", "STOP"}, said.finish)):
			fail("it does not say that it was filtered: %+v", said)
		}
		if at := role(r.offering); !slices.Contains(strings.Fields(want.by), at) {
			fail("%q answered, want %s", at, want.by)
		}
	case refused:
		code := got.header.Get("Bulkhead-Error")
		switch {
		case want.codes == nil && (got.status != 400 || len(got.body) == 0):
			fail("want the vendor's refusal")
		case want.codes != nil && (!slices.Contains(want.codes, code) || got.status != statuses[code]):
			fail("want %v", want.codes)
		case want.codes != nil && code != "" && caller.code(got.body) != code:
			fail("the body says code %q", caller.code(got.body))
		case !json.Valid(got.body):
			fail("no JSON")
		case l.caller == "gemini" && codeOfGoogle(got.body) != got.status:
			fail("the body speaks of status %d", codeOfGoogle(got.body))
		}
		if code == "upstream_rate_limited" && s.row.gap > 0 && got.header.Get("Retry-After") == "" {
			fail("it does not say when to try again")
		}
	case cut:
		said := caller.readStream(got.body)
		switch {
		case got.status != 200 || said.whole && !endsWithout(l.caller, said) || said.failed == "":
			fail("it does not break off with an error: %+v", said)
		case said.text == "" || !strings.HasPrefix(words, said.text) && s.row.name != "infinite":
			fail("what came before is not what the vendor said: %+v", said)
		case s.row.inBand != nil && !slices.ContainsFunc(s.row.inBand, func(code string) bool { return inBand(said.failed, code) }):
			fail("the error does not say %v: %s", s.row.inBand, said.failed)
		}
	}
	w.seen(t, s, want)
	return r
}

// endsWithout reports whether a reader that goes by reasons alone was told one
// before the error: Google's streams have no end marker.
func endsWithout(dialect string, s said) bool { return dialect == "gemini" && s.finish == "" }

// inBand reports whether an error within a stream is of a code, in the
// dialect's words or by the code itself.
func inBand(words, code string) bool {
	if strings.Contains(words, code) {
		return true
	}
	return map[string]bool{
		"upstream_error": strings.Contains(words, "modelStreamErrorException"), "upstream_timeout": strings.Contains(words, "modelStreamErrorException"),
	}[code]
}

// want is what must come of a state.
func (s *state) want(l lane) verdict {
	v := s.row.alone
	if s.others {
		v = s.row.other
	}
	if s.row.late && s.stream && !s.atomic {
		return verdict{ending: cut, by: "first"}
	}
	if s.row.name == "prompt filter" && (l.first == "openai" || l.first == "responses") {
		return refusal(nil)
	}
	return v
}

// role is which of a state's offerings one is.
func role(offering string) string {
	at, _, _ := strings.Cut(offering, "/")
	_, at, _ = strings.Cut(at, "-")
	return at
}

// seen holds what the vendors saw of a state against the table.
func (w *world) seen(t *testing.T, s *state, want verdict) {
	times := w.asked(s)
	first := times["first"]
	asked := s.row.asked
	if n := len(first); n < asked[0] || n > asked[1] {
		t.Errorf("the first was asked %d times, want %d to %d", n, asked[0], asked[1])
	}
	for i := 1; i < len(first); i++ {
		if gap := first[i].Sub(first[i-1]); gap < s.row.gap {
			t.Errorf("it was asked again after %v, want %v", gap, s.row.gap)
		}
	}
	second, third := len(times["second"]), len(times["third"])
	switch {
	case !s.others && second+third > 0, second > 2, third > 1:
		t.Errorf("the others were asked %d and %d times", second, third)
	case s.others && want.by == "first" && second+third > 0:
		t.Errorf("the others were asked %d and %d times, though the first answers", second, third)
	case s.others && want.ending == refused && s.row.second == nil && second > 0:
		t.Errorf("the other was asked, though it cannot help")
	}
}

// asked gives when each of a state's offerings was asked.
func (w *world) asked(s *state) map[string][]time.Time {
	out := map[string][]time.Time{}
	for _, rec := range w.sim.Record() {
		if id, at, _ := strings.Cut(rec.Model, "-"); id == s.id {
			out[at] = append(out[at], rec.ArrivedAt)
		}
	}
	return out
}

// told is what the ledger has of a call.
type told struct {
	starts  []string // offerings
	outcome struct {
		Ended, Fault string
		Attempt      int
		Usage        *struct {
			Source        string
			Input, Output int64
		}
	}
	settled bool
}

// recorded holds the ledger against what was seen outside.
func (w *world) recorded(t *testing.T, l lane, results []*result) {
	calls, byIndex := map[string]*told{}, map[int64]*told{}
	for _, e := range ledgertest.Entries(t, w.ledger) {
		var m struct{ Call, Offering string }
		if err := json.Unmarshal(e.Text, &m); err != nil {
			t.Fatal(err)
		}
		switch e.Kind {
		case "admission":
			byIndex[e.Index] = &told{}
			calls[m.Call] = byIndex[e.Index]
		case "attempt-start":
			c := byIndex[e.Admission]
			c.starts = append(c.starts, m.Offering)
		case "outcome":
			c := byIndex[e.Admission]
			c.settled = true
			if err := json.Unmarshal(e.Text, &c.outcome); err != nil {
				t.Fatal(err)
			}
		}
	}
	tokens := int64(len(sim.Tokens(words)))
	for _, r := range results {
		c := calls[r.id]
		if c == nil || !c.settled {
			t.Errorf("%s: the ledger has %+v", r.name(), c)
			continue
		}
		times := w.asked(r.state)
		starts := map[string]int{}
		for _, o := range c.starts {
			starts[role(o)]++
		}
		for _, at := range []string{"first", "second", "third"} {
			if n := len(times[at]); n != starts[at] && (r.row.reach == "" || at != "first") {
				t.Errorf("%s: the %s was asked %d times, and the ledger has %d attempts at it", r.name(), at, n, starts[at])
			}
		}
		o := c.outcome
		endings := map[ending][]string{whole: {"complete"}, filtered: {"complete"}, refused: {"refused"}, cut: {"cut"}}
		if !slices.Contains(endings[r.ending], o.Ended) {
			t.Errorf("%s: the ledger says %q", r.name(), o.Ended)
		}
		if o.Attempt > len(c.starts) || o.Attempt > 0 && r.offering != "" && c.starts[o.Attempt-1] != r.offering {
			t.Errorf("%s: the reply is of %s, and the ledger says attempt %d of %v", r.name(), r.offering, o.Attempt, c.starts)
		}
		switch {
		case r.ending == whole && (o.Usage == nil || o.Usage.Source != "vendor" || o.Usage.Output != tokens || o.Usage.Input < tokens):
			t.Errorf("%s: usage %+v, want %d out", r.name(), o.Usage, tokens)
		case r.ending == cut && (o.Usage == nil || o.Usage.Output < 1 || o.Attempt != len(c.starts)):
			t.Errorf("%s: usage %+v of attempt %d", r.name(), o.Usage, o.Attempt)
		}
	}
	if held := w.gateway.Intake().Held(); held != 0 {
		t.Errorf("%s: %d bytes are held", l, held)
	}
}

// codeOfGoogle is the status that an error in Google's shape repeats.
func codeOfGoogle(b []byte) int {
	v, _ := parse(b)
	n, _ := v.at("error", "code").any.(float64)
	return int(n)
}
