package prometheus_test

import (
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"bulkhead/adapter/prometheus"
	"bulkhead/call"
	"bulkhead/catalog"
)

func anEstate(digest string, workload string) *catalog.Estate {
	return &catalog.Estate{
		Digest: digest, Enclave: catalog.Enclave{Name: "northwind-low"},
		Workloads: map[string]*catalog.Workload{workload: {Name: workload, Aliases: map[string]*catalog.Alias{"chat": {Name: "chat"}}}},
		Offerings: []*catalog.Offering{{Name: "gov-west/gpt"}, {Name: "own/llama"}},
	}
}

func newMetrics() *prometheus.Metrics {
	m := prometheus.New(prometheus.Build{Version: "v1.2.3", Commit: "abc", Go: "go1.26"})
	m.Estate(anEstate("sha256:11", "letters"))
	return m
}

func aRecord() call.Record {
	return call.Record{
		ID: "01J", Dialect: "openai", Action: call.Chat, Key: "aaaabbbbccccdddd", Workload: "letters", Alias: "chat", Stream: true,
		Offering: "gov-west/gpt", Status: 200, Ending: call.Complete,
		Attempts: []call.Attempt{{Offering: "own/llama", Kind: "upstream_error"}, {Offering: "gov-west/gpt", Status: 200}},
		Usage:    call.Usage{Known: true, Input: 100, Output: 20}, BytesIn: 300, BytesOut: 5000,
		FirstByte: 40 * time.Millisecond, Took: 3 * time.Second,
	}
}

func scrape(t *testing.T, m *prometheus.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	b, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("status %d, %v", w.Code, err)
	}
	return string(b)
}

func want(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			t.Errorf("missing %s\nthere is:\n%s", line, strings.Join(regexp.MustCompile(`(?m)^`+name+`[{ ].*$`).FindAllString(text, -1), "\n"))
		}
	}
}

func TestObserve_CountsEveryPartOfTheRecord(t *testing.T) {
	m := newMetrics()
	r := aRecord()
	m.Observe(r)
	m.Observe(r)
	r.Usage.Estimated, r.Stream = true, false
	m.Observe(r)
	r.Usage = call.Usage{}
	m.Observe(r)
	m.Observe(call.Record{Dialect: "openai", Action: call.Chat, Status: 401, Kind: "unauthenticated", Ending: call.Refused, BytesIn: 7})
	want(t, scrape(t, m),
		`bulkhead_calls_total{action="chat",alias="chat",dialect="openai",ending="complete",kind="",offering="gov-west/gpt",status="2xx",workload="letters"} 4`,
		`bulkhead_calls_total{action="chat",alias="",dialect="openai",ending="refused",kind="unauthenticated",offering="",status="4xx",workload=""} 1`,
		`bulkhead_attempts_total{kind="upstream_error",offering="own/llama"} 4`,
		`bulkhead_attempts_total{kind="",offering="gov-west/gpt"} 4`,
		`bulkhead_tokens_total{direction="input",estimated="false",offering="gov-west/gpt",workload="letters"} 200`,
		`bulkhead_tokens_total{direction="output",estimated="false",offering="gov-west/gpt",workload="letters"} 40`,
		`bulkhead_tokens_total{direction="output",estimated="true",offering="gov-west/gpt",workload="letters"} 20`,
		`bulkhead_usage_unknown_total{offering="gov-west/gpt",workload="letters"} 1`,
		`bulkhead_usage_unknown_total{offering="",workload=""} 0`,
		`bulkhead_body_bytes_total{dialect="openai",direction="in"} 1207`,
		`bulkhead_body_bytes_total{dialect="openai",direction="out"} 20000`,
		`bulkhead_call_duration_seconds_bucket{action="chat",dialect="openai",offering="gov-west/gpt",stream="true",le="2.5"} 0`,
		`bulkhead_call_duration_seconds_bucket{action="chat",dialect="openai",offering="gov-west/gpt",stream="true",le="5"} 2`,
		`bulkhead_first_byte_seconds_bucket{action="chat",dialect="openai",offering="gov-west/gpt",stream="true",le="0.05"} 2`,
		`bulkhead_first_byte_seconds_count{action="chat",dialect="openai",offering="gov-west/gpt",stream="false"} 2`,
		`bulkhead_first_byte_seconds_count{action="chat",dialect="openai",offering="",stream="false"} 0`,
		`bulkhead_call_duration_seconds_count{action="chat",dialect="openai",offering="",stream="false"} 1`,
	)
}

func TestObserve_IsBoundedByTheEstateWhateverCallersSend(t *testing.T) {
	m := newMetrics()
	m.Observe(aRecord())
	lines := strings.Count(scrape(t, m), "\n")
	for i := range 1000 {
		r := aRecord()
		r.Alias = fmt.Sprintf("gpt-%d\"\n\xff", i)
		m.Observe(r)
		r = aRecord()
		r.Workload, r.Offering = fmt.Sprint("w", i), fmt.Sprint("o", i)
		r.Attempts = []call.Attempt{{Offering: fmt.Sprint("o", i), Kind: "upstream_error"}}
		r.ID, r.Key = call.ID(fmt.Sprint(i)), fmt.Sprint(i)
		m.Observe(r)
	}
	text := scrape(t, m)
	if got := strings.Count(text, "\n"); got > lines+60 {
		t.Errorf("2000 calls of unknown names made %d lines of %d", got, lines)
	}
	want(t, text,
		`bulkhead_calls_total{action="chat",alias="",dialect="openai",ending="complete",kind="",offering="gov-west/gpt",status="2xx",workload="letters"} 1000`,
		`bulkhead_calls_total{action="chat",alias="chat",dialect="openai",ending="complete",kind="",offering="",status="2xx",workload=""} 1000`)
}

func TestObserve_LivesThroughNumbersThatCannotBe(t *testing.T) {
	m := newMetrics()
	r := aRecord()
	r.Usage.Input, r.Usage.Output, r.BytesIn, r.BytesOut = -5, -1<<63, -1, -1
	r.Took, r.FirstByte, r.Status = -time.Second, -1, -200
	m.Observe(r)
	want(t, scrape(t, m), `bulkhead_tokens_total{direction="input",estimated="false",offering="gov-west/gpt",workload="letters"} 0`)
}

func TestMetrics_TellOfTheProcess(t *testing.T) {
	m := newMetrics()
	held := int64(7)
	m.HeldBytes(func() int64 { return held })
	end := m.Begin()
	m.Begin()
	m.Reload(nil)
	m.Reload(errors.New("no"))
	m.Reload(errors.New("no"))
	m.Estate(anEstate("sha256:22", "other"))
	text := scrape(t, m)
	want(t, text,
		`bulkhead_calls_in_flight 2`, `bulkhead_held_bytes 7`,
		`bulkhead_estate_info{digest="sha256:22",enclave="northwind-low"} 1`,
		`bulkhead_reloads_total{outcome="ok"} 1`, `bulkhead_reloads_total{outcome="refused"} 2`,
		`bulkhead_build_info{commit="abc",go="go1.26",version="v1.2.3"} 1`)
	if strings.Contains(text, "sha256:11") {
		t.Error("two estates are said to be in force")
	}
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes"} {
		if !strings.Contains(text, "\n"+name+" ") {
			t.Errorf("%s is missing", name)
		}
	}
	end()
	held = 9
	m.Observe(aRecord()) // of the estate before
	want(t, scrape(t, m), `bulkhead_calls_in_flight 1`, `bulkhead_held_bytes 9`,
		`bulkhead_calls_total{action="chat",alias="chat",dialect="openai",ending="complete",kind="",offering="gov-west/gpt",status="2xx",workload="letters"} 1`)
}

func TestMetrics_AreSafeForManyAtOnce(t *testing.T) {
	m := newMetrics()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				end := m.Begin()
				r := aRecord()
				r.Kind = fmt.Sprint("kind", i%5)
				r.Workload = fmt.Sprint("w", g, i)
				m.Observe(r)
				end()
				if i%50 == 0 {
					m.Estate(anEstate(fmt.Sprint(i), fmt.Sprint("w", g, i)))
					scrape(t, m)
				}
			}
		})
	}
	wg.Wait()
	text := scrape(t, m)
	want(t, text, `bulkhead_calls_in_flight 0`, `bulkhead_attempts_total{kind="",offering="gov-west/gpt"} 1600`)
}

func BenchmarkObserve(b *testing.B) {
	m := newMetrics()
	r := aRecord()
	b.Run("known", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.Begin()()
			m.Observe(r)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				m.Observe(r)
			}
		})
	})
	r.Alias = "unknown"
	b.Run("unknown alias", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.Observe(r)
		}
	})
}
