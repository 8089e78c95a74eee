package prometheus

import (
	prom "github.com/prometheus/client_golang/prometheus"

	"bulkhead/catalog"
	"bulkhead/route"
)

// CircuitChanged counts that a circuit opened, or that it closed again. What an
// estate of this process has no name for is not counted.
func (m *Metrics) CircuitChanged(c route.Change) {
	_, _, offering := m.names.bound("", "", c.Offering)
	endpoint := m.names.endpoint(c.Endpoint)
	if endpoint != "" && offering == c.Offering {
		m.changes.WithLabelValues(endpoint, offering, c.State.String()).Inc()
	}
}

// Circuits shows the state of every circuit, as f says when it is asked. It may
// be called once.
func (m *Metrics) Circuits(f func() []route.Standing) {
	m.registry.MustRegister(&circuits{
		ask:     f,
		state:   prom.NewDesc("bulkhead_circuit_state", "State of a circuit: 0 closed, 1 half-open, 2 open. offering is empty for that of an endpoint.", []string{"endpoint", "offering"}, nil),
		resting: prom.NewDesc("bulkhead_offering_resting", "1 if the offering's vendor asked to be left alone for a while, so that it is asked last.", []string{"endpoint", "offering"}, nil),
		slow:    prom.NewDesc("bulkhead_offering_slow", "1 if the offering is slow of late, so that it is asked after the others.", []string{"endpoint", "offering"}, nil),
	})
}

// circuits asks for all of them at once: those that go with a reload have no
// series any more.
type circuits struct {
	ask                  func() []route.Standing
	state, resting, slow *prom.Desc
}

var _ prom.Collector = (*circuits)(nil)

// Describe says which series there are.
func (c *circuits) Describe(out chan<- *prom.Desc) {
	out <- c.state
	out <- c.resting
	out <- c.slow
}

// Collect gives them for each endpoint and offering.
func (c *circuits) Collect(out chan<- prom.Metric) {
	for _, s := range c.ask() {
		out <- prom.MustNewConstMetric(c.state, prom.GaugeValue, stateValue(s.State), s.Endpoint, s.Offering)
		if s.Offering != "" {
			out <- prom.MustNewConstMetric(c.resting, prom.GaugeValue, oneIf(s.Resting), s.Endpoint, s.Offering)
			out <- prom.MustNewConstMetric(c.slow, prom.GaugeValue, oneIf(s.Slow), s.Endpoint, s.Offering)
		}
	}
}

// stateValue is a state as a number: the more, the less comes through.
func stateValue(s route.State) float64 {
	switch s {
	case route.Open:
		return 2
	case route.HalfOpen:
		return 1
	}
	return 0
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Load shows which calls wait for their turn and were turned away, as f says
// when it is asked. It may be called once.
func (m *Metrics) Load(f func() route.Load) {
	m.registry.MustRegister(&load{
		ask:     f,
		waiting: prom.NewDesc("bulkhead_calls_waiting", "Calls that wait for their turn now, by priority of their workload.", []string{"priority"}, nil),
		shed:    prom.NewDesc("bulkhead_calls_shed_total", "Calls that were turned away since there were too many, by priority of their workload.", []string{"priority"}, nil),
	})
}

// load asks for all priorities at once, so that they are of one moment.
type load struct {
	ask           func() route.Load
	waiting, shed *prom.Desc
}

var _ prom.Collector = (*load)(nil)

// Describe says which series there are.
func (l *load) Describe(out chan<- *prom.Desc) {
	out <- l.waiting
	out <- l.shed
}

// Collect gives them for each priority.
func (l *load) Collect(out chan<- prom.Metric) {
	now := l.ask()
	for _, p := range []catalog.Priority{catalog.HighPriority, catalog.NormalPriority, catalog.LowPriority} {
		out <- prom.MustNewConstMetric(l.waiting, prom.GaugeValue, float64(now.Waiting[p]), string(p))
		out <- prom.MustNewConstMetric(l.shed, prom.CounterValue, float64(now.Shed[p]), string(p))
	}
}
