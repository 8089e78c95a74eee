package policy

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/marking"
)

// memory holds verdicts, a bounded number of them: two generations, of which the
// older one goes when the younger one is full.
type memory struct {
	mu           sync.RWMutex
	size         int // of a generation
	young, old   map[key][]memo
	youngEntries int
}

// key is every input of a verdict but the marking, which is compared, and the
// time, which has to lie within the verdict's span.
type key struct {
	workload                                   *catalog.Workload
	alias                                      *catalog.Alias
	purpose, principal, person, dialect, needs string
	modalities                                 string
	action                                     call.Action
	oversized                                  int // how many models' contexts the call cannot fit
	level                                      marking.Level
	cui                                        bool
}

// memo is a verdict and the marking that it was about.
type memo struct {
	label   marking.Label
	verdict *verdict
}

// markings is how many markings are remembered for one key, so that none takes
// long to find.
const markings = 16

func newMemory(size int) *memory {
	return &memory{size: max(1, size/2), young: map[key][]memo{}}
}

func (e *Engine) keyOf(q *Question) key {
	k := key{workload: q.Workload, alias: q.Alias, purpose: q.purpose(), dialect: q.Dialect, action: q.Action,
		level: q.Label.Level(), cui: q.Label.CUI()}
	if e.agency != nil {
		k.principal = q.Principal.ID
	}
	if q.Principal.Person != nil {
		k.person = q.Principal.Person.key
	}
	for _, n := range q.Needs {
		k.needs += strconv.Quote(string(n.Capability)) + strconv.Quote(n.Field)
	}
	for _, m := range q.Modalities {
		k.modalities += strconv.Quote(m)
	}
	if q.LeastTokens > 0 {
		k.oversized, _ = slices.BinarySearch(e.contexts, q.LeastTokens)
	}
	return k
}

// find gives a verdict that holds now, or nil.
func (m *memory) find(k key, l marking.Label, now time.Time) *verdict {
	m.mu.RLock()
	v := among(m.young[k], l, now)
	aged := false
	if v == nil {
		v = among(m.old[k], l, now)
		aged = v != nil
	}
	m.mu.RUnlock()
	if aged {
		m.keep(k, l, v)
	}
	return v
}

func among(memos []memo, l marking.Label, now time.Time) *verdict {
	for i := range memos {
		if v := memos[i].verdict; within(now, v.from, v.until) && memos[i].label.Equal(l) {
			return v
		}
	}
	return nil
}

// keep remembers a verdict, in place of one for the same marking that no longer
// holds if there is one.
func (m *memory) keep(k key, l marking.Label, v *verdict) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.youngEntries >= m.size {
		m.old, m.young, m.youngEntries = m.young, map[key][]memo{}, 0
	}
	// Readers hold the slices they found, so what is in one is never changed.
	had := m.young[k]
	memos := make([]memo, 0, len(had)+1)
	for _, x := range had {
		if !x.label.Equal(l) {
			memos = append(memos, x)
		}
	}
	if len(memos) == markings {
		memos = append(memos[:0], memos[1:]...)
	}
	memos = append(memos, memo{l, v})
	m.young[k] = memos
	m.youngEntries += len(memos) - len(had)
}

// RememberedVerdicts is how many verdicts the engine remembers.
func (e *Engine) RememberedVerdicts() int {
	m := e.memory
	if m == nil {
		return 0
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	n := 0
	for _, memos := range m.young {
		n += len(memos)
	}
	for _, memos := range m.old {
		n += len(memos)
	}
	return n
}
