package prometheus_test

import (
	"strings"
	"testing"

	"bulkhead/adapter/prometheus"
	"bulkhead/call"
	"bulkhead/catalog"
	"bulkhead/fault"
	"bulkhead/route"
)

// suppliedEstate is anEstate whose offerings come from somewhere.
func suppliedEstate(digest, cloud string) *catalog.Estate {
	e := anEstate(digest, "letters")
	e.Offerings[0].Model = &catalog.Model{Vendor: "openai", Name: "gpt"}
	e.Offerings[0].Endpoint = &catalog.Endpoint{Name: "gov-west", Cloud: cloud, Partition: cloud + "-us-gov"}
	e.Offerings[1].Model = &catalog.Model{Vendor: "meta", Name: "llama"}
	e.Offerings[1].Endpoint = &catalog.Endpoint{Name: "own", Cloud: "own", Partition: "hq"}
	return e
}

func TestObserve_CountsWhatSharesAreMadeOf(t *testing.T) {
	m := newMetrics()
	m.Estate(suppliedEstate("sha256:22", "aws"))
	for range 3 {
		m.Observe(aRecord()) // tried at own/llama, answered by gov-west/gpt
	}
	r := aRecord()
	r.Offering, r.Attempts, r.Usage = "own/llama", r.Attempts[:1], call.Usage{}
	m.Observe(r)
	r.Offering, r.Attempts, r.Kind = "", nil, "denied"
	m.Observe(r)
	text := scrape(t, m)
	want(t, text,
		`bulkhead_share_calls_total{cloud="aws",partition="aws-us-gov",vendor="openai"} 3`,
		`bulkhead_share_calls_total{cloud="own",partition="hq",vendor="meta"} 1`,
		`bulkhead_share_attempts_total{cloud="aws",partition="aws-us-gov",vendor="openai"} 3`,
		`bulkhead_share_attempts_total{cloud="own",partition="hq",vendor="meta"} 4`,
		`bulkhead_share_tokens_total{cloud="aws",direction="input",partition="aws-us-gov",vendor="openai"} 300`,
		`bulkhead_share_tokens_total{cloud="aws",direction="output",partition="aws-us-gov",vendor="openai"} 60`,
		`bulkhead_share_tokens_total{cloud="own",direction="input",partition="hq",vendor="meta"} 0`)
	if n := strings.Count(text, "\nbulkhead_share_calls_total{"); n != 2 {
		t.Errorf("%d series of calls, want those of two vendors alone", n)
	}

	m.Estate(suppliedEstate("sha256:33", "azure")) // the same name, elsewhere
	m.Observe(aRecord())
	want(t, scrape(t, m),
		`bulkhead_share_calls_total{cloud="aws",partition="aws-us-gov",vendor="openai"} 3`,
		`bulkhead_share_calls_total{cloud="azure",partition="azure-us-gov",vendor="openai"} 1`,
		`bulkhead_calls_total{action="chat",alias="chat",dialect="openai",ending="complete",kind="",offering="gov-west/gpt",status="2xx",workload="letters"} 4`)
}

func TestObserve_AllocatesNothingForWhatIsKnown(t *testing.T) {
	m := newMetrics()
	m.Estate(suppliedEstate("sha256:22", "aws"))
	r := aRecord()
	m.Observe(r)
	if n := testing.AllocsPerRun(100, func() { m.Observe(r) }); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

func TestCircuits_AreShownAsTheyStand(t *testing.T) {
	m := newMetrics()
	m.Estate(suppliedEstate("sha256:22", "aws"))
	now := []route.Standing{
		{Endpoint: "gov-west"}, {Endpoint: "gov-west", Offering: "gov-west/gpt", State: route.Open, Resting: true},
		{Endpoint: "own", State: route.HalfOpen}, {Endpoint: "own", Offering: "own/llama", Slow: true},
	}
	m.Circuits(func() []route.Standing { return now })
	m.CircuitChanged(route.Change{Endpoint: "gov-west", Offering: "gov-west/gpt", State: route.Open, Kind: fault.UpstreamError})
	m.CircuitChanged(route.Change{Endpoint: "own", State: route.Open})
	m.CircuitChanged(route.Change{Endpoint: "own", State: route.Closed})
	m.CircuitChanged(route.Change{Endpoint: "of no estate", State: route.Open})
	text := scrape(t, m)
	want(t, text,
		`bulkhead_circuit_state{endpoint="gov-west",offering=""} 0`,
		`bulkhead_circuit_state{endpoint="gov-west",offering="gov-west/gpt"} 2`,
		`bulkhead_circuit_state{endpoint="own",offering=""} 1`,
		`bulkhead_circuit_state{endpoint="own",offering="own/llama"} 0`,
		`bulkhead_offering_resting{endpoint="gov-west",offering="gov-west/gpt"} 1`,
		`bulkhead_offering_slow{endpoint="gov-west",offering="gov-west/gpt"} 0`,
		`bulkhead_offering_slow{endpoint="own",offering="own/llama"} 1`,
		`bulkhead_circuit_changes_total{endpoint="gov-west",offering="gov-west/gpt",state="open"} 1`,
		`bulkhead_circuit_changes_total{endpoint="own",offering="",state="closed"} 1`)
	if strings.Contains(text, "of no estate") {
		t.Error("an endpoint that no estate has is counted")
	}
	now = now[:2]
	if strings.Contains(scrape(t, m), `bulkhead_circuit_state{endpoint="own"`) {
		t.Error("an endpoint that is gone has a state")
	}
}

func TestLoad_IsShownByPriority(t *testing.T) {
	m := prometheus.New(prometheus.Build{})
	m.Load(func() route.Load {
		return route.Load{Waiting: map[catalog.Priority]int{catalog.LowPriority: 7}, Shed: map[catalog.Priority]int64{catalog.NormalPriority: 2, catalog.LowPriority: 40}}
	})
	want(t, scrape(t, m),
		`bulkhead_calls_waiting{priority="high"} 0`, `bulkhead_calls_waiting{priority="low"} 7`,
		`bulkhead_calls_shed_total{priority="high"} 0`, `bulkhead_calls_shed_total{priority="normal"} 2`, `bulkhead_calls_shed_total{priority="low"} 40`)
}
