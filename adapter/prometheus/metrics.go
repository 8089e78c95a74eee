// Package prometheus counts what happens and shows it in the text format that
// Prometheus and its kin scrape (https://prometheus.io/docs/instrumenting/exposition_formats/).
//
// Its one input is the record of a call, so that no number here can differ from
// the log; nothing in it is a prompt, a key or a caller. How many series there
// are is bounded by the estate: a workload, alias or offering that no estate of
// this process had is counted under the empty name, whatever callers send.
// Begin with [New].
package prometheus

import (
	"net/http"
	"strconv"

	prom "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"bulkhead/call"
	"bulkhead/catalog"
)

// Build says which Bulkhead this is.
type Build struct {
	Version string
	Commit  string
	Go      string // version of the compiler
}

// Metrics holds all series of one process, in a registry of its own. Its
// methods may be used at once from many goroutines. Make one with [New].
type Metrics struct {
	registry *prom.Registry

	calls     *prom.CounterVec
	attempts  *prom.CounterVec
	tokens    *prom.CounterVec
	unknown   *prom.CounterVec
	bytes     *prom.CounterVec
	duration  *prom.HistogramVec
	firstByte *prom.HistogramVec
	inFlight  prom.Gauge
	end       func() // made once, so that Begin allocates nothing
	estate    *prom.GaugeVec
	findings  *prom.GaugeVec
	reloads   *prom.CounterVec
	changes   *prom.CounterVec // of circuits
	shares    shares

	names     names
	byCall    cache[callKey, *callSeries]
	byAttempt cache[attemptKey, attemptSeries]
}

// Waits of people and models, from a simulated vendor's to the longest call.
var (
	durationBuckets  = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800}
	firstByteBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 600}
)

// New returns metrics that count nothing yet but what the process itself shows.
func New(b Build) *Metrics {
	m := &Metrics{registry: prom.NewRegistry()}
	counter := func(name, help string, labels ...string) *prom.CounterVec {
		v := prom.NewCounterVec(prom.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	gauge := func(name, help string, labels ...string) *prom.GaugeVec {
		v := prom.NewGaugeVec(prom.GaugeOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(v)
		return v
	}
	histogram := func(name, help string, buckets []float64) *prom.HistogramVec {
		v := prom.NewHistogramVec(prom.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"dialect", "action", "offering", "stream"})
		m.registry.MustRegister(v)
		return v
	}
	m.calls = counter("bulkhead_calls_total", "Calls that ended. status is the class sent to the caller; kind is why there was no reply, empty if there was one.",
		"dialect", "action", "workload", "alias", "offering", "status", "kind", "ending")
	m.attempts = counter("bulkhead_attempts_total", "Attempts at offerings. kind is why one failed, empty if it answered.", "offering", "kind")
	m.tokens = counter("bulkhead_tokens_total", "Tokens by direction, input or output. estimated: counted by Bulkhead because the vendor did not.",
		"direction", "workload", "offering", "estimated")
	m.unknown = counter("bulkhead_usage_unknown_total", "Calls that an offering served and whose tokens nobody knows.", "workload", "offering")
	m.bytes = counter("bulkhead_body_bytes_total", "Bytes of bodies by direction: in from callers, out to them.", "direction", "dialect")
	m.duration = histogram("bulkhead_call_duration_seconds", "From the arrival of a call to its end.", durationBuckets)
	m.firstByte = histogram("bulkhead_first_byte_seconds", "From the arrival of a call to the first byte of its reply.", firstByteBuckets)
	m.inFlight = gauge("bulkhead_calls_in_flight", "Calls being served now.").WithLabelValues()
	m.end = m.inFlight.Dec
	m.estate = gauge("bulkhead_estate_info", "The estate in force; always 1.", "enclave", "digest")
	m.findings = gauge("bulkhead_estate_findings", "What somebody should look at in the estate in force, by code of bulkhead check.", "code")
	m.reloads = counter("bulkhead_reloads_total", "Reloads of the estate by outcome, ok or refused.", "outcome")
	m.changes = counter("bulkhead_circuit_changes_total", "Changes of circuits by what they became, open or closed; one that opens again after a call was let through does not count. offering is empty for that of an endpoint.",
		"endpoint", "offering", "state")
	m.shares = newShares(counter)
	m.reloads.WithLabelValues("ok")
	m.reloads.WithLabelValues("refused") // there from the start, so that the first one is a change
	gauge("bulkhead_build_info", "The version that runs; always 1.", "version", "commit", "go").WithLabelValues(b.Version, b.Commit, b.Go).Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves all series.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Estate says which estate is in force from now on, and learns its names. Names
// of earlier ones stay known, for calls that began on them.
func (m *Metrics) Estate(e *catalog.Estate) {
	if m.names.learn(e) { // what an offering depends on has changed
		m.byCall.forget()
		m.byAttempt.forget()
	}
	m.estate.Reset()
	m.estate.WithLabelValues(e.Enclave.Name, e.Digest).Set(1)
}

// Findings says how many findings of each code the estate in force has; a code
// that is not there has none. Codes are few: they are words of the product.
func (m *Metrics) Findings(byCode map[string]int) {
	m.findings.Reset()
	for code, n := range byCode {
		m.findings.WithLabelValues(code).Set(float64(n))
	}
}

// Reload counts a reload, refused if err is not nil.
func (m *Metrics) Reload(err error) {
	outcome := "ok"
	if err != nil {
		outcome = "refused"
	}
	m.reloads.WithLabelValues(outcome).Inc()
}

// HeldBytes shows how many bytes of bodies are held, as f says when it is
// asked. It may be called once.
func (m *Metrics) HeldBytes(f func() int64) {
	m.registry.MustRegister(prom.NewGaugeFunc(prom.GaugeOpts{Name: "bulkhead_held_bytes", Help: "Bytes of request bodies held in memory now."},
		func() float64 { return float64(f()) }))
}

// Suspensions shows how many suspensions are in force, as f says when it is
// asked. It may be called once.
func (m *Metrics) Suspensions(f func() int) {
	m.registry.MustRegister(prom.NewGaugeFunc(prom.GaugeOpts{Name: "bulkhead_suspensions", Help: "Suspensions by operators that are in force now."},
		func() float64 { return float64(f()) }))
}

// Memory shows what is remembered of opaque state: the turns and bytes that are
// held now, and since the start what was kept, put back into requests, and could
// not be read or written. It may be called once.
func (m *Metrics) Memory(f func() (turns, bytes, kept, putBack, faults int64)) {
	gauge := func(name, help string, pick func(turns, bytes, kept, putBack, faults int64) int64) prom.Collector {
		return prom.NewGaugeFunc(prom.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(pick(f())) })
	}
	count := func(name, help string, pick func(turns, bytes, kept, putBack, faults int64) int64) prom.Collector {
		return prom.NewCounterFunc(prom.CounterOpts{Name: name, Help: help}, func() float64 { return float64(pick(f())) })
	}
	m.registry.MustRegister(
		gauge("bulkhead_state_turns", "Turns whose opaque state is kept for callers that cannot carry it.", func(turns, _, _, _, _ int64) int64 { return turns }),
		gauge("bulkhead_state_bytes", "Bytes of opaque state and of tags that are kept.", func(_, bytes, _, _, _ int64) int64 { return bytes }),
		count("bulkhead_state_kept_total", "Tags and turns of opaque state kept since the start.", func(_, _, kept, _, _ int64) int64 { return kept }),
		count("bulkhead_state_put_back_total", "Turns put back into requests since the start.", func(_, _, _, back, _ int64) int64 { return back }),
		count("bulkhead_state_faults_total", "Opaque state that could not be read or written.", func(_, _, _, _, faults int64) int64 { return faults }),
	)
}

// Ledger shows how many entries are durable, and whether the log can be relied
// upon, as the functions say when they are asked. It may be called once.
func (m *Metrics) Ledger(entries func() int64, ready func() bool) {
	m.registry.MustRegister(
		prom.NewGaugeFunc(prom.GaugeOpts{Name: "bulkhead_ledger_entries", Help: "Entries of the ledger that are durable."}, func() float64 { return float64(entries()) }),
		prom.NewGaugeFunc(prom.GaugeOpts{Name: "bulkhead_ledger_ready", Help: "1 if calls can be recorded; 0 if the ledger cannot be relied upon."}, func() float64 {
			return oneIf(ready())
		}))
}

// Begin counts a call in flight until end is called, once.
func (m *Metrics) Begin() (end func()) {
	m.inFlight.Inc()
	return m.end
}

// callKey is what tells the series of one call from those of another.
type callKey struct {
	dialect         string
	action          call.Action
	workload, alias string
	offering        string
	class           int // of the status: 2 for 2xx
	kind            string
	ending          call.Ending
	stream          bool
	estimated       bool
}

// callSeries are the series of calls that share a key, found once.
type callSeries struct {
	calls, input, output, unknown, in, out prom.Counter
	duration, firstByte                    prom.Observer
	share                                  shareSeries
}

type attemptKey struct{ offering, kind string }

// attemptSeries are the series of attempts that share a key.
type attemptSeries struct{ attempts, share prom.Counter }

// Observe counts a call that ended.
func (m *Metrics) Observe(r call.Record) {
	s := m.series(callKey{r.Dialect, r.Action, r.Workload, r.Alias, r.Offering, r.Status / 100, r.Kind, r.Ending, r.Stream, r.Usage.Estimated})
	s.calls.Inc()
	s.duration.Observe(r.Took.Seconds())
	if r.FirstByte > 0 {
		s.firstByte.Observe(r.FirstByte.Seconds())
	}
	add(s.in, r.BytesIn)
	add(s.out, r.BytesOut)
	if s.share.calls != nil {
		s.share.calls.Inc()
	}
	if r.Usage.Known {
		add(s.input, r.Usage.Input)
		add(s.output, r.Usage.Output)
		if s.share.calls != nil {
			add(s.share.input, r.Usage.Input)
			add(s.share.output, r.Usage.Output)
		}
	} else if r.Offering != "" {
		s.unknown.Inc()
	}
	for i := range r.Attempts {
		a := m.attempt(attemptKey{r.Attempts[i].Offering, r.Attempts[i].Kind})
		a.attempts.Inc()
		a.share.Inc()
	}
}

// add leaves out what is below nothing: a counter would panic, and a vendor's
// wrong number must not end the process.
func add(c prom.Counter, n int64) {
	if n > 0 {
		c.Add(float64(n))
	}
}

// series finds the series of a key, whose names are looked at only when they
// are met for the first time.
func (m *Metrics) series(k callKey) *callSeries {
	if s, ok := m.byCall.load(k); ok {
		return s
	}
	k.workload, k.alias, k.offering = m.names.bound(k.workload, k.alias, k.offering)
	return m.byCall.loadOrMake(k, m.makeSeries)
}

func (m *Metrics) makeSeries(k callKey) *callSeries {
	action, stream, estimated := string(k.action), strconv.FormatBool(k.stream), strconv.FormatBool(k.estimated)
	return &callSeries{
		calls:     m.calls.WithLabelValues(k.dialect, action, k.workload, k.alias, k.offering, class(k.class), k.kind, string(k.ending)),
		input:     m.tokens.WithLabelValues("input", k.workload, k.offering, estimated),
		output:    m.tokens.WithLabelValues("output", k.workload, k.offering, estimated),
		unknown:   m.unknown.WithLabelValues(k.workload, k.offering),
		in:        m.bytes.WithLabelValues("in", k.dialect),
		out:       m.bytes.WithLabelValues("out", k.dialect),
		duration:  m.duration.WithLabelValues(k.dialect, action, k.offering, stream),
		firstByte: m.firstByte.WithLabelValues(k.dialect, action, k.offering, stream),
		share:     m.shares.of(m.names.home(k.offering), k.offering != ""),
	}
}

// class writes 2 as 2xx; what is no status was never sent.
func class(c int) string {
	if c < 1 || c > 5 {
		return ""
	}
	return strconv.Itoa(c) + "xx"
}

func (m *Metrics) attempt(k attemptKey) attemptSeries {
	if a, ok := m.byAttempt.load(k); ok {
		return a
	}
	_, _, k.offering = m.names.bound("", "", k.offering)
	return m.byAttempt.loadOrMake(k, func(k attemptKey) attemptSeries {
		return attemptSeries{m.attempts.WithLabelValues(k.offering, k.kind), m.shares.attempt(m.names.home(k.offering))}
	})
}
