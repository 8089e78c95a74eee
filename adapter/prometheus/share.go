package prometheus

import (
	prom "github.com/prometheus/client_golang/prometheus"

	"bulkhead/catalog"
)

// home is what an offering depends on: what shares of the work are of.
type home struct{ vendor, cloud, partition string }

func homeOf(o *catalog.Offering) (h home) {
	if o.Model != nil {
		h.vendor = o.Model.Vendor
	}
	if o.Endpoint != nil {
		h.cloud, h.partition = o.Endpoint.Cloud, o.Endpoint.Partition
	}
	return h
}

// shares are what shares by vendor, cloud and partition are made of: each is a
// counter, so that whoever asks chooses the time and what is divided by what.
type shares struct{ calls, attempts, tokens *prom.CounterVec }

func newShares(counter func(name, help string, labels ...string) *prom.CounterVec) shares {
	return shares{
		calls:    counter("bulkhead_share_calls_total", "Calls that an offering served, by what it depends on.", "vendor", "cloud", "partition"),
		attempts: counter("bulkhead_share_attempts_total", "Attempts at offerings, by what they depend on.", "vendor", "cloud", "partition"),
		tokens:   counter("bulkhead_share_tokens_total", "Tokens by direction, input or output, by what the offering depends on.", "direction", "vendor", "cloud", "partition"),
	}
}

// shareSeries are the series of the calls of one offering.
type shareSeries struct{ calls, input, output prom.Counter }

// of finds the series of calls that an offering served; of those that none
// served nobody has a share.
func (s *shares) of(h home, served bool) (out shareSeries) {
	if served {
		out.calls = s.calls.WithLabelValues(h.vendor, h.cloud, h.partition)
		out.input = s.tokens.WithLabelValues("input", h.vendor, h.cloud, h.partition)
		out.output = s.tokens.WithLabelValues("output", h.vendor, h.cloud, h.partition)
	}
	return out
}

func (s *shares) attempt(h home) prom.Counter {
	return s.attempts.WithLabelValues(h.vendor, h.cloud, h.partition)
}
