package prometheus

import (
	"time"

	prom "github.com/prometheus/client_golang/prometheus"
)

// LedgerCopy says how a second place of the ledger's checkpoints does.
type LedgerCopy struct {
	To       string    // as the estate has it
	Last     time.Time // when it took one; zero: never by this process
	Failures int64
	Behind   int64 // entries that its newest checkpoint does not cover
}

// LedgerCopies shows the second places of checkpoints, as f says when it is
// asked. It may be called once.
func (m *Metrics) LedgerCopies(f func() []LedgerCopy) {
	m.registry.MustRegister(&ledgerCopies{
		ask:      f,
		last:     prom.NewDesc("bulkhead_ledger_copy_last_success_seconds", "When the second place took a checkpoint last, in seconds since 1970; 0: not since the start.", []string{"to"}, nil),
		failures: prom.NewDesc("bulkhead_ledger_copy_failures_total", "Tries to take a checkpoint to the second place that failed.", []string{"to"}, nil),
		behind:   prom.NewDesc("bulkhead_ledger_copy_behind_entries", "Published entries that the newest checkpoint at the second place does not cover.", []string{"to"}, nil),
	})
}

// ledgerCopies asks for all second places at once, so that one that goes with a
// reload has no series any more.
type ledgerCopies struct {
	ask                    func() []LedgerCopy
	last, failures, behind *prom.Desc
}

var _ prom.Collector = (*ledgerCopies)(nil)

// Describe says which series there are.
func (c *ledgerCopies) Describe(out chan<- *prom.Desc) {
	out <- c.last
	out <- c.failures
	out <- c.behind
}

// Collect gives them for each second place.
func (c *ledgerCopies) Collect(out chan<- prom.Metric) {
	for _, p := range c.ask() {
		last := 0.0
		if !p.Last.IsZero() {
			last = float64(p.Last.UnixMilli()) / 1000
		}
		out <- prom.MustNewConstMetric(c.last, prom.GaugeValue, last, p.To)
		out <- prom.MustNewConstMetric(c.failures, prom.CounterValue, float64(p.Failures), p.To)
		out <- prom.MustNewConstMetric(c.behind, prom.GaugeValue, float64(p.Behind), p.To)
	}
}
