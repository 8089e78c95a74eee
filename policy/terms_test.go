package policy_test

import (
	"slices"
	"testing"
	"time"

	"bulkhead/catalog"
	"bulkhead/policy"
)

// judge gives the rules that forbid the GovCloud offering for a purpose.
func (s *small) judge(t *testing.T, purpose string, now time.Time) ([]string, policy.Verdict) {
	t.Helper()
	q := s.question(t)
	q.Purpose, q.Now = purpose, now
	v := compile(t, s.Estate, built).Judge(q, s.gov)
	return forbidding(v.Reasons, s.gov.Name), v
}

func say(verdict string, obligations ...string) catalog.Term {
	return catalog.Term{Verdict: verdict, Obligations: obligations}
}

func TestTerms_LayersAndRisk(t *testing.T) {
	const low, high = "admin.drafting", "benefits.casework"
	lay := func(clause string, term catalog.Term) func(s *small) {
		return func(s *small) {
			o := &catalog.Overlay{Contract: "k1", Vendor: "acme", Purposes: map[string]catalog.Term{"benefits.casework": term}, Source: catalog.Source{File: "contracts/k1.yaml", Line: 5}}
			if clause != "" {
				o.Clause, o.Approver = clause, "CO"
			}
			s.contract.Overlays = append(s.contract.Overlays, o)
		}
	}
	term := func(purpose string, term catalog.Term) func(s *small) {
		return func(s *small) { s.vendor.Terms[0].Purposes[purpose] = term }
	}
	unadopted := func(s *small) { s.vendor.Terms[0].Adopted = catalog.Adoption{} }
	silent := func(s *small) { s.vendor.Terms = nil }
	for _, c := range []struct {
		name    string
		purpose string
		estate  []func(s *small)
		want    []string
	}{
		{"allowed and adopted", high, nil, nil},
		{"no terms, high", high, []func(*small){silent}, []string{"terms-purpose"}},
		{"no terms, low", low, []func(*small){silent}, nil},
		{"unadopted, high", high, []func(*small){unadopted}, []string{"terms-purpose"}},
		{"unadopted, low", low, []func(*small){unadopted}, nil},
		{"unadopted and prohibited, low", low, []func(*small){unadopted, term("admin", say("prohibited"))}, []string{"terms-purpose"}},
		{"unknown, high", high, []func(*small){term("benefits", say("unknown"))}, []string{"terms-purpose"}},
		{"the nearer code counts", high, []func(*small){term("benefits", say("prohibited")), term("benefits.casework", say("allowed"))}, nil},
		{"a clause tightens", high, []func(*small){lay("", say("prohibited"))}, []string{"terms-purpose"}},
		{"a clause without approval cannot loosen", high, []func(*small){term("benefits", say("prohibited")), lay("", say("allowed"))}, []string{"terms-purpose"}},
		{"a clause cannot stand for terms that are unadopted", high, []func(*small){unadopted, lay("", say("allowed"))}, []string{"terms-purpose"}},
		{"a clause supersedes", high, []func(*small){term("benefits", say("prohibited")), lay("C-5", say("allowed"))}, nil},
		{"a clause supersedes unadopted terms", high, []func(*small){unadopted, lay("C-5", say("allowed"))}, nil},
		{"of two superseding clauses the stricter", high, []func(*small){lay("C-5", say("allowed")), lay("C-6", say("prohibited"))}, []string{"terms-purpose"}},
		{"tightened after superseding", high, []func(*small){lay("C-5", say("allowed")), lay("", say("prohibited"))}, []string{"terms-purpose"}},
		{"another contract's clause", high, []func(*small){term("benefits", say("prohibited")), lay("C-5", say("allowed")), func(s *small) { s.gov.Line = &catalog.Line{Contract: "k2"} }}, []string{"terms-purpose"}},
		{"obligation of a clause", high, []func(*small){lay("", say("conditional", "HUMAN_REVIEW"))}, []string{"obligations"}},
		{"two policies, the stricter", high, []func(*small){func(s *small) {
			s.vendor.Terms = append(s.vendor.Terms, catalog.Terms{ID: "gov", Version: "1", Purposes: map[string]catalog.Term{"benefits": say("prohibited")}})
		}}, []string{"terms-purpose"}},
		{"two policies, one silent", high, []func(*small){func(s *small) {
			s.vendor.Terms = append(s.vendor.Terms, catalog.Terms{ID: "gov", Version: "1"})
		}}, nil},
		{"a newer version that nobody adopted does not loosen", high, []func(*small){term("benefits", say("prohibited")), func(s *small) {
			s.vendor.Terms = append(s.vendor.Terms, catalog.Terms{ID: "acme-usage", Version: "2", Retrieved: date("2026-11-01"), Purposes: map[string]catalog.Term{"benefits": say("allowed")}})
		}}, []string{"terms-purpose"}},
		{"nor does it tighten", high, []func(*small){func(s *small) {
			s.vendor.Terms = append(s.vendor.Terms, catalog.Terms{ID: "acme-usage", Version: "2", Retrieved: date("2026-11-01"), Purposes: map[string]catalog.Term{"benefits": say("prohibited")}})
		}}, nil},
		{"the version adopted last", high, []func(*small){func(s *small) {
			s.vendor.Terms = append(s.vendor.Terms, catalog.Terms{ID: "acme-usage", Version: "2", Adopted: catalog.Adoption{By: "A", Date: date("2026-11-01")}, Purposes: map[string]catalog.Term{"benefits": say("prohibited")}})
		}}, []string{"terms-purpose"}},
		{"adopted tomorrow", high, []func(*small){func(s *small) { s.vendor.Terms[0].Adopted.Date = date("2026-11-24") }}, []string{"terms-purpose"}},
		{"organisation left out unless attested", high, []func(*small){func(s *small) {
			s.letters.Owner.Intelligence = true
			s.vendor.Terms[0].Barred = catalog.Barred{Intelligence: true, Unless: "CONTRACT_MOD(P2)"}
		}}, []string{"organisation"}},
		{"and attested", high, []func(*small){func(s *small) {
			s.letters.Owner.Intelligence = true
			s.vendor.Terms[0].Barred = catalog.Barred{Intelligence: true, Unless: "CONTRACT_MOD(P2)"}
			s.gov.Attestations = []catalog.Attestation{{Obligation: "CONTRACT_MOD(P2)", Expires: date("2027-01-01")}}
		}}, nil},
		{"cloud only, in a cloud", high, []func(*small){func(s *small) { s.vendor.Terms[0].CloudOnly = true }}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSmall()
			for _, f := range c.estate {
				f(s)
			}
			if got, v := s.judge(t, c.purpose, today); !slices.Equal(got, c.want) {
				t.Errorf("forbidden by %v, want %v: %+v", got, c.want, v.Reasons)
			}
		})
	}
}

func TestTerms_CloudOnlyKeepsOffOwnMachines(t *testing.T) {
	s := newSmall()
	s.vendor.Terms[0].CloudOnly = true
	v := compile(t, s.Estate, built).Judge(s.question(t), s.own)
	if got := forbidding(v.Reasons, s.own.Name); !slices.Equal(got, []string{"deployment"}) {
		t.Errorf("forbidden by %v", got)
	}
}

func TestObligations_HowEachIsMet(t *testing.T) {
	const purpose = "benefits.casework"
	for _, c := range []struct {
		name, obligation string
		estate           func(s *small)
		gates            []policy.Gate
		want             policy.Means // empty: unmet
	}{
		{name: "nobody attests", obligation: "HUMAN_REVIEW"},
		{name: "the workload attests", obligation: "HUMAN_REVIEW", want: policy.Attested, estate: func(s *small) {
			s.letters.Attestations = []catalog.Attestation{{Obligation: "HUMAN_REVIEW", By: "A", Document: "D", Expires: date("2026-11-24")}}
		}},
		{name: "until today", obligation: "HUMAN_REVIEW", estate: func(s *small) {
			s.letters.Attestations = []catalog.Attestation{{Obligation: "HUMAN_REVIEW", Expires: date("2026-11-23")}}
		}},
		{name: "without expiry", obligation: "HUMAN_REVIEW", estate: func(s *small) {
			s.letters.Attestations = []catalog.Attestation{{Obligation: "HUMAN_REVIEW"}}
		}},
		{name: "for another purpose", obligation: "HUMAN_REVIEW", estate: func(s *small) {
			s.letters.Attestations = []catalog.Attestation{{Obligation: "HUMAN_REVIEW", Purposes: []string{"admin.drafting"}, Expires: date("2027-01-01")}}
		}},
		{name: "another argument", obligation: "CONTRACT_MOD(P2)", estate: func(s *small) {
			s.letters.Attestations = []catalog.Attestation{{Obligation: "CONTRACT_MOD(P1)", Expires: date("2027-01-01")}}
		}},
		{name: "a gate that is built", obligation: "LOGGING(full)", gates: []policy.Gate{policy.Capture}, want: policy.Enforced},
		{name: "a gate that is not, and a word for it", obligation: "NO_TOOLS", gates: []policy.Gate{policy.Capture}, estate: func(s *small) {
			s.letters.Attestations = []catalog.Attestation{{Obligation: "NO_TOOLS", Expires: date("2027-01-01")}}
		}},
		{name: "what has to be probed, and a word for it", obligation: "CLASSIFIER(x)", estate: func(s *small) {
			s.gov.Attestations = []catalog.Attestation{{Obligation: "CLASSIFIER(x)", Expires: date("2027-01-01")}}
		}},
		{name: "in a cloud", obligation: "CLOUD_ONLY", want: policy.Decided},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSmall()
			s.vendor.Terms[0].Purposes["benefits"] = say("conditional", c.obligation)
			if c.estate != nil {
				c.estate(s)
			}
			q := s.question(t)
			q.Purpose = purpose
			o := built
			o.Gates = c.gates
			d := compile(t, s.Estate, o).Decide(q)
			if c.want == "" {
				if got := forbidding(d.Reasons, s.gov.Name); !slices.Equal(got, []string{"obligations"}) {
					t.Errorf("forbidden by %v: %+v", got, d.Reasons)
				}
				return
			}
			duties := d.Permit.Duties(0)
			if len(duties) != 1 || duties[0].Means != c.want || string(duties[0].Obligation) != c.obligation {
				t.Errorf("duties %+v, want %s; %+v", duties, c.want, d.Reasons)
			}
		})
	}
}

func TestExclusions_TheStrictestOfThoseThatBind(t *testing.T) {
	vendor := catalog.Cover{Vendor: "acme"}
	status := func(id, state string) *catalog.Status {
		return &catalog.Status{ID: id, Authority: "Board", Document: id + "-doc", State: state, Covers: vendor, Source: catalog.Source{File: "exclusions/x.yaml", Line: 2}}
	}
	stages := func(class string, from string) []catalog.Stage {
		s := catalog.Stage{From: date(from)}
		if class != "" {
			s.Workloads = []string{class}
		}
		return []catalog.Stage{s}
	}
	for _, c := range []struct {
		name   string
		estate func(s *small)
		barred bool
	}{
		{"in force", func(s *small) { s.Statuses = []*catalog.Status{status("a", "in_force")} }, true},
		{"unknown counts as in force", func(s *small) { s.Statuses = []*catalog.Status{status("a", "unknown")} }, true},
		{"stayed", func(s *small) { s.Statuses = []*catalog.Status{status("a", "stayed")} }, false},
		{"enjoined, vacated, lifted, expired", func(s *small) {
			s.Statuses = []*catalog.Status{status("a", "enjoined"), status("b", "vacated"), status("c", "lifted"), status("d", "expired")}
		}, false},
		{"one stayed, one in force", func(s *small) {
			s.Statuses = []*catalog.Status{status("a", "stayed"), status("b", "in_force")}
		}, true},
		{"from tomorrow", func(s *small) {
			a := status("a", "in_force")
			a.From = date("2026-11-24")
			s.Statuses = []*catalog.Status{a}
		}, false},
		{"until today", func(s *small) {
			a := status("a", "in_force")
			a.Until = date("2026-11-23")
			s.Statuses = []*catalog.Status{a}
		}, false},
		{"of another model", func(s *small) {
			a := status("a", "in_force")
			a.Covers = catalog.Cover{Vendor: "acme", Model: "acme/open"}
			s.Statuses = []*catalog.Status{a}
		}, false},
		{"of a product that nobody states", func(s *small) {
			a := status("a", "in_force")
			a.Covers = catalog.Cover{Vendor: "acme", Product: "Mirage"}
			s.Statuses = []*catalog.Status{a}
		}, true},
		{"of another product", func(s *small) {
			a := status("a", "in_force")
			a.Covers = catalog.Cover{Vendor: "acme", Product: "Mirage"}
			s.gov.Model.Product = "Big"
			s.Statuses = []*catalog.Status{a}
		}, false},
		{"binds another organisation", func(s *small) {
			a := status("a", "in_force")
			a.Binds.Organisations = []string{"navy"}
			s.Statuses = []*catalog.Status{a}
		}, false},
		{"binds contractors alone", func(s *small) {
			a := status("a", "in_force")
			a.Binds.Contractors = true
			s.Statuses = []*catalog.Status{a}
		}, false},
		{"binds contractors, and the workload is one", func(s *small) {
			a := status("a", "in_force")
			a.Binds.Contractors, a.Binds.Organisations = true, []string{"navy"}
			s.letters.Owner.Contractor = true
			s.Statuses = []*catalog.Status{a}
		}, true},
		{"binds national security systems only", func(s *small) {
			a := status("a", "in_force")
			a.Binds.NSS = true
			s.Statuses = []*catalog.Status{a}
		}, false},
		{"binds another line", func(s *small) {
			a := status("a", "in_force")
			a.Binds.Lines = []*catalog.Line{{Contract: "k9"}}
			s.Statuses = []*catalog.Status{a}
		}, false},
		{"binds a line, and none is stated", func(s *small) {
			a := status("a", "in_force")
			a.Binds.Lines = []*catalog.Line{{Contract: "k9"}}
			s.gov.Line = nil
			s.Statuses = []*catalog.Status{a}
		}, true},
		{"phased out later", func(s *small) {
			a := status("a", "in_force")
			s.Statuses = []*catalog.Status{a}
			s.PhaseOuts = []*catalog.PhaseOut{{ID: "p", Status: a, Covers: vendor, Stages: stages("", "2027-01-01")}}
		}, false},
		{"phased out by now", func(s *small) {
			a := status("a", "in_force")
			s.Statuses = []*catalog.Status{a}
			s.PhaseOuts = []*catalog.PhaseOut{{ID: "p", Status: a, Covers: vendor, Stages: stages("", "2026-11-01")}}
		}, true},
		{"a stage that comes before its status", func(s *small) {
			a := status("a", "in_force")
			a.From = date("2026-12-01")
			s.Statuses = []*catalog.Status{a}
			s.PhaseOuts = []*catalog.PhaseOut{{ID: "p", Status: a, Covers: vendor, Stages: stages("", "2026-11-01")}}
		}, false},
		{"a phase-out for another class gives no time", func(s *small) {
			a := status("a", "in_force")
			s.letters.Class = "routine"
			s.Statuses = []*catalog.Status{a}
			s.PhaseOuts = []*catalog.PhaseOut{{ID: "p", Status: a, Covers: vendor, Stages: stages("critical", "2027-01-01")}}
		}, true},
		{"without a class the first stage counts", func(s *small) {
			s.PhaseOuts = []*catalog.PhaseOut{{ID: "p", Covers: vendor, Stages: append(stages("critical", "2026-11-01"), stages("", "2027-01-01")...)}}
		}, true},
		{"with a class its own stage counts", func(s *small) {
			s.letters.Class = "routine"
			s.PhaseOuts = []*catalog.PhaseOut{{ID: "p", Covers: vendor, Stages: append(stages("critical", "2026-11-01"), stages("routine", "2027-01-01")...)}}
		}, false},
		{"a phase-out of a stayed status rests", func(s *small) {
			a := status("a", "stayed")
			s.Statuses = []*catalog.Status{a}
			s.PhaseOuts = []*catalog.PhaseOut{{ID: "p", Status: a, Covers: vendor, Stages: stages("", "2026-11-01")}}
		}, false},
		{"two statuses, one stayed, one phased out by now", func(s *small) {
			a, b := status("a", "stayed"), status("b", "in_force")
			s.Statuses = []*catalog.Status{a, b}
			s.PhaseOuts = []*catalog.PhaseOut{{ID: "p", Status: a, Covers: vendor, Stages: stages("", "2027-06-01")},
				{ID: "q", Status: b, Covers: vendor, Stages: stages("", "2026-11-01")}}
		}, true},
		{"exempted", func(s *small) {
			a := status("a", "in_force")
			s.Statuses = []*catalog.Status{a}
			s.Exemptions = []*catalog.Exemption{{ID: "e", Status: a, Workloads: []string{"letters"}, Expires: date("2026-12-01")}}
		}, false},
		{"exempted until today", func(s *small) {
			a := status("a", "in_force")
			s.Statuses = []*catalog.Status{a}
			s.Exemptions = []*catalog.Exemption{{ID: "e", Status: a, Workloads: []string{"letters"}, Expires: date("2026-11-23")}}
		}, true},
		{"exempted from one of two", func(s *small) {
			a, b := status("a", "in_force"), status("b", "unknown")
			s.Statuses = []*catalog.Status{a, b}
			s.Exemptions = []*catalog.Exemption{{ID: "e", Status: a, Workloads: []string{"letters"}, Expires: date("2026-12-01")}}
		}, true},
		{"exempted from the phase-out", func(s *small) {
			a := status("a", "in_force")
			p := &catalog.PhaseOut{ID: "p", Status: a, Covers: vendor, Stages: stages("", "2026-11-01")}
			s.Statuses, s.PhaseOuts = []*catalog.Status{a}, []*catalog.PhaseOut{p}
			s.Exemptions = []*catalog.Exemption{{ID: "e", PhaseOut: p, Workloads: []string{"letters"}, Expires: date("2026-12-01")}}
		}, false},
		{"another workload's exemption", func(s *small) {
			a := status("a", "in_force")
			s.Statuses = []*catalog.Status{a}
			s.Exemptions = []*catalog.Exemption{{ID: "e", Status: a, Workloads: []string{"other"}, Expires: date("2026-12-01")}}
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSmall()
			c.estate(s)
			got, v := s.judge(t, "", today)
			if want := c.barred; slices.Equal(got, []string{"status"}) != want || v.Allowed == want {
				t.Errorf("forbidden by %v, barred should be %v: %+v", got, want, v.Reasons)
			}
		})
	}
}
