package catalog_test

import (
	"testing"
	"time"

	"bulkhead/catalog"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func gov() *catalog.Offering {
	return &catalog.Offering{
		Name: "gov-west/gpt", Model: &catalog.Model{Vendor: "openai", Name: "gpt"},
		Endpoint: &catalog.Endpoint{Name: "gov-west", Cloud: "aws", Partition: "aws-us-gov"},
	}
}

func TestSuspension_CoversWhatItsSelectorNames(t *testing.T) {
	for text, want := range map[string]bool{
		"vendor=openai": true, "vendor=anthropic": false, "cloud=aws": true, "cloud=azure": false,
		"partition=aws-us-gov": true, "partition=aws": false, "offering=gov-west/gpt": true, "offering=gov-west": false,
		"model=openai/gpt": true, "model=gpt": false,
	} {
		what, err := catalog.ParseSelector(text)
		if err != nil || what.String() != text {
			t.Errorf("ParseSelector(%q) = %v, %v", text, what, err)
		}
		if got := (&catalog.Suspension{What: what}).Covers(gov()); got != want {
			t.Errorf("%s covers gov-west/gpt: %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{"", "vendor", "vendor=", "=openai", "region=us", "Vendor=openai"} {
		if s, err := catalog.ParseSelector(text); err == nil {
			t.Errorf("ParseSelector(%q) = %v, want an error", text, s)
		}
	}
	if unknown := (&catalog.Suspension{What: catalog.Selector{Kind: "galaxy", Name: "x"}}); !unknown.Covers(gov()) {
		t.Error("a kind that is not known covers nothing; it must cover everything")
	}
}

func TestSuspension_HoldsFromItsInstantUntilItIsLifted(t *testing.T) {
	s := &catalog.Suspension{What: catalog.Selector{Kind: "cloud", Name: "aws"}, From: noon, Exempt: []string{"letters"}, Until: noon.Add(time.Hour)}
	lifted := *s
	lifted.Lifted = noon.Add(30 * time.Minute)
	for name, row := range map[string]struct {
		s        *catalog.Suspension
		workload string
		after    time.Duration
		want     bool
	}{
		"before":                  {s, "desk", -time.Millisecond, false},
		"at its instant":          {s, "desk", 0, true},
		"later":                   {s, "desk", 48 * time.Hour, true},
		"exempt":                  {s, "letters", 0, false},
		"exempt, to the last":     {s, "letters", time.Hour - time.Millisecond, false},
		"the exemption has ended": {s, "letters", time.Hour, true},
		"before it was lifted":    {&lifted, "desk", 30*time.Minute - 1, true},
		"lifted":                  {&lifted, "desk", 30 * time.Minute, false},
	} {
		if got := row.s.Holds(row.workload, gov(), noon.Add(row.after)); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
	for after, want := range map[time.Duration]time.Time{-1: noon, 0: noon.Add(time.Hour), time.Hour: {}} {
		if got := s.Next(noon.Add(after)); !got.Equal(want) {
			t.Errorf("Next(noon%+v) = %v, want %v", after, got, want)
		}
	}
	if next := lifted.Next(noon); !next.IsZero() {
		t.Errorf("what was lifted begins again at %v", next)
	}
}

func TestSuspension_HoldsForItsWorkloadsAloneAndEndsOfItself(t *testing.T) {
	s := &catalog.Suspension{What: catalog.Selector{Kind: "cloud", Name: "aws"}, From: noon, Only: []string{"letters"}, Ends: noon.Add(time.Hour)}
	for _, row := range []struct {
		workload string
		after    time.Duration
		want     bool
	}{
		{"letters", -1, false}, {"letters", 0, true}, {"letters", time.Hour - 1, true}, {"letters", time.Hour, false},
		{"desk", 0, false}, {"", 0, false},
	} {
		if got := s.Holds(row.workload, gov(), noon.Add(row.after)); got != row.want {
			t.Errorf("%q after %v: %v, want %v", row.workload, row.after, got, row.want)
		}
	}
	if next := s.Next(noon.Add(time.Hour)); !next.IsZero() {
		t.Errorf("Next after its end: %v", next)
	}
}
