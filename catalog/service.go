package catalog

import "time"

// Order is by what the offerings of one model are put in order. Models always
// go as the alias lists them.
type Order string

const (
	ByPreference Order = "preference" // as they stand in the alias
	ByPrice      Order = "price"      // the cheapest first
	ByLatency    Order = "latency"    // the one whose first content came soonest of late
	ByWeight     Order = "weight"     // by chance, each as often as its weight says
)

// Priority is who gives way when Bulkhead has more calls than it may carry.
type Priority string

const (
	HighPriority   Priority = "high"
	NormalPriority Priority = "normal"
	LowPriority    Priority = "low"
)

// Outcomes of an attempt that stand unless the workload says that the next
// offering is to be asked.
const (
	OnContentFilter = "content_filter" // the vendor's filter ended it
	OnRefusal       = "refusal"        // the vendor refused the request, or the model to answer
)

// Service is how a workload's calls are carried.
type Service struct {
	Order          Order          // empty: by preference
	Weights        map[string]int // by full name of the offering; with ByWeight alone. One not named has 1; 0 is asked after the others of its model
	Priority       Priority       // empty: normal
	Drillable      bool           // a live drill may withdraw what serves it
	FailoverOn     []string       // outcomes that move on, which would stand; see OnContentFilter
	Attempts       int            // most of one call; zero: the gateway's default
	MaxAtomicReply int64          // bytes of a reply that is delivered whole; zero: the gateway's default
	Probe          Probe
}

// MovesOn reports whether an outcome that would stand moves the call to the
// next offering.
func (s *Service) MovesOn(outcome string) bool {
	for _, o := range s.FailoverOn {
		if o == outcome {
			return true
		}
	}
	return false
}

// Probe makes a workload one for active health checks: each offering of one
// of its aliases is called at an interval. The zero value: it is none.
type Probe struct {
	Alias string
	Every time.Duration
}

// Calls bound how many calls are carried at once. The zero value: the
// gateway's defaults.
type Calls struct {
	Concurrent int           // under way at once
	Waiting    int           // that wait to begin; more are turned away
	Wait       time.Duration // longest wait
}
