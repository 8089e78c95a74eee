// Package gateway is the path of a call: one function, [Gateway.Serve], that
// every call to a vendor goes through.
//
// It reads top to bottom: accept, identify, read, plan, send, relay, settle.
// What each step does to bytes is in the packages below it; how calls come in
// and what the routes are is in package ingress. Begin with serve.go.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/dialect"
	"bulkhead/egress"
	"bulkhead/identity"
	"bulkhead/inspect"
	"bulkhead/ledger"
	"bulkhead/marking"
	"bulkhead/policy"
	"bulkhead/route"
	"bulkhead/state"
	"bulkhead/wire"
)

// Limits of a call where estate, endpoint and workload do not say.
const (
	DefaultMaxBody   = 32 << 20
	DefaultHeld      = 512 << 20
	DefaultBodyTime  = 60 * time.Second
	maxReplyBytes    = 256 << 20 // of a unary reply; it counts against the held bytes
	maxEventBytes    = 16 << 20  // of one event of a stream
	keepAliveAfter   = 15 * time.Second
	maxAttempts      = 6
	bytesAToken      = 4 // for estimates where a vendor counts nothing
	openingEventsMax = 1 << 20
	releaseWithin    = 2 * time.Minute        // how long a caller may take nothing of a reply
	failuresInARow   = 10                     // that open an offering's circuit
	unreachedInARow  = 5                      // failures to connect that open an endpoint's
	leaveWithin      = 500 * time.Millisecond // how long a refused body is read on
)

var defaultLimits = catalog.Limits{
	Header:       600 * time.Second,
	FirstContent: 120 * time.Second,
	Gap:          120 * time.Second,
	Total:        30 * time.Minute,
}

// reasoningSilence is what models that reason may be silent for.
const reasoningSilence = 600 * time.Second

// Options are what a gateway needs.
type Options struct {
	Keys    *identity.Keyring
	Ledger  *ledger.Log         // the record of calls; without one every call is refused
	Begin   func() (end func()) // called once a call, at its beginning and its end
	Observe func(*call.Record)  // called once a call, at its end
	// Seal keeps what a refusal of spillage or contamination, at an index of the
	// ledger, does not say there; nil: nowhere. The refusal stands if it fails.
	Seal   func(ctx context.Context, index int64, s Sealed) error
	Log    *slog.Logger // for causes that only operators may see
	Egress egress.Options
	Health route.HealthOptions // the zero value: the defaults; ten failures in a row, five to connect
	Now    func() time.Time    // nil: time.Now
	Random io.Reader           // nil: the system's

	// State remembers whose opaque state is, and what of it callers cannot
	// carry; nil: nothing is remembered, and callers' bytes are not looked at.
	State *state.Memory

	// KeepAlive is the silence of a stream after which a comment is sent, and
	// with it the header. Zero: 15 seconds; much less would make failures
	// in-band that could have been statuses.
	KeepAlive time.Duration
}

// Sealed is what stands behind a refusal of spillage or contamination: the
// place and the level of the highest mark, never the text.
type Sealed struct {
	Call   call.ID `json:"call"`
	Kind   string  `json:"kind"`
	Level  string  `json:"level"`  // banner of the highest mark
	Marks  int     `json:"marks"`  // how many were found
	Part   int     `json:"part"`   // which piece of text of the request, from 0, in its order
	Offset int     `json:"offset"` // byte of the piece, escapes undone
	Length int     `json:"length"`
}

// Gateway carries calls. It is safe for concurrent use.
type Gateway struct {
	options     Options
	intake      *Intake
	now         func() time.Time
	current     atomic.Pointer[Snapshot]
	swap        sync.Mutex // held while a snapshot is replaced
	suspensions suspensions
	health      *route.Health   // of offerings and endpoints, across estates
	turnstile   route.Turnstile // that calls come in by
	scratch     sync.Pool       // of *scratch
}

// Snapshot is an estate with all that is made of it: the engine that decides,
// the readers of marks, the doors to its endpoints. A call uses one from its
// beginning to its end.
type Snapshot struct {
	Estate  *catalog.Estate
	engine  *policy.Engine
	doors   *egress.Doors
	ways    []way     // by offering index
	readers sync.Pool // of *inspect.Scanner

	register *marking.Register
	labels   renderings
	subjects map[string]ledger.JSON // that calls are decided for, by workload
	change   int64                  // index of the ledger's entry that put the estate in force; -1: none
}

// scratch is what a call needs for a while and another can use after it.
type scratch struct {
	scan   wire.Scanner
	events wire.EventReader
	buf    []byte // the event reader's first buffer
}

// New makes a gateway that serves nothing until an estate is put in with [Gateway.Use].
func New(o Options) *Gateway {
	g := &Gateway{options: o, intake: NewIntake(DefaultHeld), now: o.Now}
	if g.now == nil {
		g.now = time.Now
	}
	g.suspensions.now = g.now
	o.Health.InARow, o.Health.Unreached = orElse(o.Health.InARow, failuresInARow), orElse(o.Health.Unreached, unreachedInARow)
	g.health = route.NewHealth(o.Health)
	g.options.KeepAlive = orElse(o.KeepAlive, keepAliveAfter)
	if g.options.Begin == nil {
		g.options.Begin = func() func() { return func() {} }
	}
	g.scratch.New = func() any { return &scratch{buf: make([]byte, 8<<10)} }
	return g
}

// Intake is the budget of held bytes.
func (g *Gateway) Intake() *Intake { return g.intake }

// Health is what is known of offerings and endpoints.
func (g *Gateway) Health() *route.Health { return g.health }

// Load is how many calls are carried, wait and were turned away.
func (g *Gateway) Load() route.Load { return g.turnstile.Load() }

// Estate is the estate that new calls see; nil before the first.
func (g *Gateway) Estate() *catalog.Estate {
	if s := g.current.Load(); s != nil {
		return s.Estate
	}
	return nil
}

// Use replaces the estate that new calls see; calls under way keep theirs. It
// gives, for each endpoint that cannot be used, why. Doors to endpoints that
// did not change are kept with their connections; the others let go of theirs
// as their calls end. The error is for an estate that cannot be decided about,
// or is what record gave; the one in force stays then. record, which may be nil,
// is called once the estate is known to be fit and before it holds; it gives the
// index of the ledger's entry that says so.
func (g *Gateway) Use(e *catalog.Estate, record func() (int64, error)) ([]error, error) {
	g.swap.Lock()
	defer g.swap.Unlock()
	engine, faults := policy.Compile(e, policy.Options{Dialects: dialect.Carried(), Gates: policy.Built()})
	if len(faults) > 0 {
		err := make([]error, len(faults))
		for i, f := range faults {
			err[i] = f
		}
		return nil, errors.Join(err...)
	}
	next := &Snapshot{Estate: e, engine: engine, ways: make([]way, len(e.Offerings)), register: engine.Register(), subjects: subjectsOf(e), change: -1}
	if record != nil {
		var err error
		if next.change, err = record(); err != nil {
			return nil, err
		}
	}
	next.readers.New = func() any { return inspect.New(next.register) }
	for i, o := range e.Offerings {
		next.ways[i] = wayTo(o)
	}
	var before *egress.Doors
	if old := g.current.Load(); old != nil {
		before = old.doors
	}
	var problems []error
	next.doors, problems = egress.OpenAll(e, before, g.options.Egress)
	g.intake.SetBudget(orElse(e.Enclave.HeldBytes, DefaultHeld))
	g.turnstile.Bound(e.Enclave.Calls)
	g.health.Use(e)
	g.current.Store(next)
	if before != nil {
		before.CloseBut(next.doors)
	}
	return problems, nil
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// limits gives the bounds of a call at an offering: the strictest of workload,
// endpoint and enclave that say anything, else the defaults.
func limits(e *catalog.Estate, w *catalog.Workload, o *catalog.Offering) catalog.Limits {
	out := defaultLimits
	for _, c := range o.Model.Capabilities {
		if c == "reasoning" {
			out.FirstContent, out.Gap = reasoningSilence, reasoningSilence
		}
	}
	pick := func(d time.Duration, l ...time.Duration) time.Duration {
		var least time.Duration
		for _, v := range l {
			if v > 0 && (least == 0 || v < least) {
				least = v
			}
		}
		return orElse(least, d)
	}
	a, b, c := o.Endpoint.Limits, w.Limits, e.Enclave.Limits
	out.Header = pick(out.Header, a.Header, b.Header, c.Header)
	out.FirstContent = pick(out.FirstContent, a.FirstContent, b.FirstContent, c.FirstContent)
	out.Gap = pick(out.Gap, a.Gap, b.Gap, c.Gap)
	out.Total = pick(out.Total, a.Total, b.Total, c.Total)
	return out
}

// Inbound is a call as ingress found it by its route and header.
type Inbound struct {
	Dialect    dialect.Name
	Action     call.Action
	Route      string // pattern of the route
	Alias      string // from the URL; empty: the body names it
	Stream     bool   // from the URL, where the dialect has it there
	Surface    string // SurfaceInvoke; empty: the dialect's own
	Azure      bool   // by one of Azure's URLs
	Credential identity.Credential
	Signed     *identity.Signed // instead of a credential; nil: the request is not signed
	Refusal    error            // what ingress refuses it with, if it does

	check *check // a call that Bulkhead makes itself; nil: it came from outside
}

// Serve carries one call and writes its reply, whatever it is, to w.
func (g *Gateway) Serve(w http.ResponseWriter, r *http.Request, in Inbound) {
	defer g.options.Begin()()
	s := g.begin(w, r, in)
	if err := s.guard(r.Context()); err != nil {
		s.refuse(err)
	}
	s.settle()
	if s.gone {
		panic(http.ErrAbortHandler) // ends the connection, or the HTTP/2 stream, without a word
	}
}

// guard turns a defect of ours into a refusal, so that one call's panic is
// told to its caller and to the operators, and ends nothing else.
func (s *serving) guard(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.scratch = s.g.scratch.New().(*scratch) // the old one may be half written
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return s.serve(ctx)
}
