package estate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bulkhead/catalog"
	"bulkhead/estate"
)

func TestParse_ReadsHowCallsAreCarried(t *testing.T) {
	est, report := estate.Parse(everyField(t))
	if est == nil {
		t.Fatal(report.Err())
	}
	want := catalog.Service{
		Order: catalog.ByWeight, Weights: map[string]int{"gov-west/gpt": 3, "hq/llama": 0}, Priority: catalog.HighPriority, Drillable: true,
		FailoverOn: []string{catalog.OnContentFilter, catalog.OnRefusal}, Attempts: 4, MaxAtomicReply: 16 << 20,
		Probe: catalog.Probe{Alias: "chat", Every: 30 * time.Second},
	}
	if diff := cmp.Diff(want, est.Workloads["letters"].Service); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
	if got, want := est.Enclave.Calls, (catalog.Calls{Concurrent: 5000, Wait: 2 * time.Second}); got != want {
		t.Errorf("calls %+v, want %+v", got, want)
	}

	again, err := estate.Restore(report.Canonical(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(est.Workloads["letters"].Service, again.Workloads["letters"].Service); diff != "" {
		t.Errorf("restored service (-was +is):\n%s", diff)
	}
	if again.Enclave.Calls != est.Enclave.Calls {
		t.Errorf("restored calls %+v, were %+v", again.Enclave.Calls, est.Enclave.Calls)
	}
}

func TestParse_CallsAreCarriedByPreferenceUnlessSaid(t *testing.T) {
	est, report := estate.Parse(base(t))
	if est == nil {
		t.Fatal(report.Err())
	}
	want := catalog.Service{Order: catalog.ByPreference, Priority: catalog.NormalPriority}
	if diff := cmp.Diff(want, est.Workloads["letters"].Service); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
	if got, want := est.Enclave.Calls, (catalog.Calls{Concurrent: 20_000, Waiting: 2_000, Wait: time.Second}); got != want {
		t.Errorf("calls %+v, want %+v", got, want)
	}
	files := base(t)
	files["workloads/letters.yaml"] = []byte(strings.Replace(string(files["workloads/letters.yaml"]), "aliases:", "probe: {alias: chat}\naliases:", 1))
	if est, report = estate.Parse(files); est == nil {
		t.Fatal(report.Err())
	}
	if got, want := est.Workloads["letters"].Service.Probe, (catalog.Probe{Alias: "chat", Every: 30 * time.Second}); got != want {
		t.Errorf("probe %+v, want %+v", got, want)
	}
}

func TestService_MovesOnOnlyWhatIsNamed(t *testing.T) {
	s := catalog.Service{FailoverOn: []string{catalog.OnRefusal}}
	if !s.MovesOn(catalog.OnRefusal) || s.MovesOn(catalog.OnContentFilter) {
		t.Errorf("moves on: refusal %v, content filter %v", s.MovesOn(catalog.OnRefusal), s.MovesOn(catalog.OnContentFilter))
	}
}
