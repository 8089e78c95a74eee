package main

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bulkhead/adapter/prometheus"
	"bulkhead/catalog"
	"bulkhead/estate"
)

// What a day brings is told while an estate is in force, once, and counted.
func TestStudy_TellsWhatADayBringsWhileTheEstateIsInForce(t *testing.T) {
	written := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	files, err := estate.Example(catalog.Unclassified, written)
	if err != nil {
		t.Fatal(err)
	}
	e, report := estate.Parse(files)
	if e == nil {
		t.Fatal(report.Err())
	}
	var log bytes.Buffer
	s := &server{log: slog.New(slog.NewTextHandler(&log, nil)), metrics: prometheus.New(prometheus.Build{})}
	scrape := func() string {
		w := httptest.NewRecorder()
		s.metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return w.Body.String()
	}
	s.loadedEstate(e, report.Findings, written)
	if text := scrape(); log.Len() > 0 || strings.Contains(text, "bulkhead_estate_findings{") {
		t.Errorf("on its day the example has findings: %s", log.String())
	}
	soon := written.AddDate(0, 0, 340) // documents on audiences end on day 365
	s.study(soon)
	if n := strings.Count(log.String(), "code=expiring"); n < 4 || !strings.Contains(log.String(), "NW-EXAMPLE-21, expires on") {
		t.Errorf("%d told: %s", n, log.String())
	}
	if text := scrape(); !strings.Contains(text, `bulkhead_estate_findings{code="expiring"}`) {
		t.Errorf("not counted: %s", text)
	}
	told := log.Len()
	s.study(soon.Add(time.Hour))
	if log.Len() != told {
		t.Errorf("told twice: %s", log.String()[told:])
	}
	s.loadedEstate(e, report.Findings, soon)
	if log.Len() == told {
		t.Error("a load tells nothing")
	}
	s.study(written)
	if strings.Contains(scrape(), "bulkhead_estate_findings{") {
		t.Error("what is no longer found is still counted")
	}
}
