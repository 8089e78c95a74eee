package marking_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"bulkhead/marking"
)

// TestParse_Hostile holds lines that were written to be read as less than they say.
func TestParse_Hostile(t *testing.T) {
	r := register()
	for _, c := range []struct {
		text string
		code marking.Code // the first error; empty: valid
		want string       // the banner of the label
	}{
		{"CONFIDENTIAL//TOP SECRET", marking.ErrCategoryRepeat, "TOP SECRET//NOFORN"},
		{"UNCLASSIFIED//SECRET", marking.ErrCategoryRepeat, "SECRET//NOFORN"},
		{"SECRET//NOFORN//UNCLASSIFIED", marking.ErrCategoryRepeat, "SECRET//NOFORN"},
		{"CUI//SECRET//NOFORN", marking.ErrCategoryRepeat, "SECRET//CUI//NOFORN"},
		{"CUI//SP-CTI/TOP SECRET", marking.ErrCategoryRepeat, "TOP SECRET//CUI//SP-CTI//NOFORN"},
		{"SECRET//SAR-SECRET//NOFORN", "", "SECRET//SAR-SECRET//NOFORN"},
		{"//USA SECRET", marking.ErrFGIUSA, "SECRET//NOFORN"},
		{"//GBR USA SECRET//REL TO USA, GBR", marking.ErrFGIUSA, "SECRET//FGI GBR//REL TO USA, GBR"},
		{"//JOINT SECRET GBR", marking.ErrNoClassification, "SECRET//FGI GBR//NOFORN"},
		{"//JOINT SECRET USA//REL TO USA, GBR", marking.ErrNoClassification, "SECRET//REL TO USA, GBR"},
		{"SECRET//REL TO USA, GBR//NOFORN", marking.ErrCategoryRepeat, "SECRET//NOFORN"},
		{"SECRET//NOFORN/REL TO USA, FVEY", marking.ErrNOFORNConflict, "SECRET//NOFORN"},
		{"SECRET//REL TO USA, XXX", marking.ErrUnknownCountry, "SECRET//NOFORN"},
		{"SECRET//REL TO GBR", marking.ErrRelToUSAFirst, "SECRET//NOFORN"},
		{"SECRET//DISPLAY ONLY USA", "", "SECRET//NOFORN"},
		{"CUI//NOFORN/REL TO USA, GBR", marking.ErrNOFORNConflict, "CUI//NOFORN"},
		{"CUI//FED ONLY/FEDCON", marking.ErrCUILDCConflict, "CUI//FED ONLY"},
		{"SECRET//SAR-MULTIPLE PROGRAMS//NOFORN", "", "SECRET//SAR-MULTIPLE PROGRAMS//NOFORN"},
		{"SECRET//FRD-CNWDI//NOFORN", marking.ErrAEACNWDIParent, "SECRET//RD-CNWDI//NOFORN"},
		{"TOP SECRET//HCS-P//RELIDO", marking.ErrNeedsNOFORN, "TOP SECRET//HCS-P//NOFORN"},
		{"TOP SECRET//SI-G//ORCON-USGOV/NOFORN", marking.ErrSIGNeedsORCON, "TOP SECRET//SI-G//ORCON/NOFORN"},
		{"//FGI SECRET//NOFORN", marking.ErrNonUSNOFORN, "SECRET//FGI//NOFORN"},
		{"//NATO TOP SECRET", marking.ErrNATOLevel, "TOP SECRET//FGI NATO//NOFORN"},
		{"SECRET\u2215\u2215NOFORN", marking.ErrNoClassification, "UNCLASSIFIED"},
		{"SECRET\x00//NOFORN", marking.ErrNoClassification, "UNCLASSIFIED//NOFORN"},
	} {
		got := r.Parse(c.text, marking.Banner)
		if c.code == "" != got.Valid() || !got.Valid() && !slices.ContainsFunc(got.Errors, func(f marking.Fault) bool { return f.Code == c.code }) {
			t.Errorf("%q: errors %v, want %q", c.text, got.Errors, c.code)
		}
		if banner := r.Banner(r.Label(got.Mark)); banner != c.want {
			t.Errorf("%q: means %s, want %s", c.text, banner, c.want)
		}
	}
}

// TestMay_Hostile holds subjects that were written to have more than they may.
func TestMay_Hostile(t *testing.T) {
	r := register()
	fed := `"citizenship":["USA"],"affiliation":"US-FED"`
	for _, c := range []struct {
		name, subject, label string
		ceiling, want        bool
	}{
		{"the unknown read-in by its own name", `{"clearance":"TS",` + fed + `,"readins":["SAR-MULTIPLE PROGRAMS"]}`, "SECRET//SAR-MULTIPLE PROGRAMS//NOFORN", false, false},
		{"one of several programmes", `{"clearance":"S",` + fed + `,"readins":["SAR-A"]}`, "SECRET//SAR-A/B//NOFORN", false, false},
		{"the compartment without its system", `{"clearance":"TS",` + fed + `,"readins":["SI-G"]}`, "TOP SECRET//SI-G//ORCON/NOFORN", false, false},
		{"SCI below TOP SECRET", `{"clearance":"S",` + fed + `,"readins":["SI"]}`, "SECRET//SI//NOFORN", false, false},
		{"two citizenships for NOFORN", `{"clearance":"S","citizenship":["USA","GBR"],"affiliation":"US-FED"}`, "SECRET//NOFORN", false, false},
		{"two citizenships for REL TO", `{"clearance":"S","citizenship":["USA","GBR"],"affiliation":"US-FED"}`, "SECRET//REL TO USA, GBR", false, true},
		{"a citizen of a listed country who works for another", `{"clearance":"S","citizenship":["GBR"],"affiliation":"DEU-GOV"}`, "SECRET//REL TO USA, GBR", false, false},
		{"an organisation that is only opaque", `{"clearance":"S","citizenship":["NATO"],"affiliation":"NATO-GOV"}`, "SECRET//REL TO USA, FVEY", false, false},
		{"display only", `{"clearance":"S","citizenship":["AFG"],"affiliation":"AFG-GOV"}`, "SECRET//DISPLAY ONLY AFG", false, false},
		{"no affiliation", `{"clearance":"S","citizenship":["USA"]}`, "SECRET//NOFORN", false, false},
		{"any CUI, unknown category", `{"clearance":"U",` + fed + `,"cui":"any"}`, "CUI//SP-QQQQ", false, false},
		{"unknown category by name", `{"clearance":"U",` + fed + `,"cui":["SP-QQQQ"]}`, "CUI//SP-QQQQ", false, true},
		{"specified by basic", `{"clearance":"U",` + fed + `,"cui":["CTI"]}`, "CUI//SP-CTI", false, false},
		{"a ceiling that says nothing of CUI", `{"clearance":"TS",` + fed + `,"controls":"any"}`, "CUI", true, false},
		{"a ceiling that says nothing of controls", `{"clearance":"TS",` + fed + `,"cui":"any"}`, "SECRET//ORCON/NOFORN", true, false},
		{"a contractor and PROPIN", `{"clearance":"S","citizenship":["USA"],"affiliation":"CONTRACTOR"}`, "SECRET//NOFORN/PROPIN", false, false},
		{"RD without Q", `{"clearance":"TS",` + fed + `}`, "SECRET//RD//NOFORN", false, false},
		{"NATO by citizenship", `{"clearance":"S","citizenship":["GBR"],"affiliation":"GBR-GOV"}`, "//NATO SECRET//REL TO USA, GBR", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var spec marking.Spec
			if err := json.Unmarshal([]byte(c.subject), &spec); err != nil {
				t.Fatal(err)
			}
			made := marking.Person
			if c.ceiling {
				made = marking.Ceiling
			}
			s, err := made(spec)
			if err != nil {
				t.Fatal(err)
			}
			got := s.May(r.Label(r.Read(c.label).Mark))
			if got.Allow != c.want {
				t.Errorf("%s and %s: %v (%s), want %v", c.subject, c.label, got.Allow, got.Why(), c.want)
			}
		})
	}
}

// TestBanner_NamesAtMost holds that a banner which leaves programmes unnamed never means less than the label, and that
// nothing but the banner changes.
func TestBanner_NamesAtMost(t *testing.T) {
	r := register()
	few := r.NamingAtMost(3)
	label := func(r *marking.Register, s string) marking.Label { return r.Label(r.Read(s).Mark) }
	three, four := "(S//SAR-A/B/C//NF)", "(S//SAR-A/B/C/D//NF)"
	for _, c := range []struct{ text, all, some string }{
		{three, "SECRET//SAR-A/B/C//NOFORN", "SECRET//SAR-A/B/C//NOFORN"},
		{four, "SECRET//SAR-A/B/C/D//NOFORN", "SECRET//SAR-MULTIPLE PROGRAMS//NOFORN"},
		{"(S//SAR-A/MULTIPLE PROGRAMS//NF)", "SECRET//SAR-A/MULTIPLE PROGRAMS//NOFORN", "SECRET//SAR-A/MULTIPLE PROGRAMS//NOFORN"},
	} {
		if got := r.Banner(label(r, c.text)); got != c.all {
			t.Errorf("%s: %s, want %s", c.text, got, c.all)
		}
		if got := few.Banner(label(few, c.text)); got != c.some {
			t.Errorf("%s, three at most: %s, want %s", c.text, got, c.some)
		}
		if !label(few, c.text).Equal(label(r, c.text)) || few.Portion(label(few, c.text)) != r.Portion(label(r, c.text)) {
			t.Errorf("%s: the number of names changes more than the banner", c.text)
		}
	}
	// Who reads only the banner may have it no sooner than who has the label: nobody may.
	cleared := marking.Spec{Clearance: "S", Citizenship: []string{"USA"}, Affiliation: "US-FED", Readins: []string{"SAR-A", "SAR-B", "SAR-C", "SAR-D"}}
	s, err := marking.Person(cleared)
	if err != nil {
		t.Fatal(err)
	}
	if !s.May(label(few, four)).Allow || s.May(label(few, few.Banner(label(few, four)))).Allow {
		t.Error("the banner without names is not above the label")
	}
	if _, err := marking.CeilingSpec(label(r, "SECRET//SAR-MULTIPLE PROGRAMS//NOFORN")); err == nil {
		t.Error("a ceiling of unnamed programmes stands for somebody")
	}
	got := marking.NewRegister(marking.Shipped(), marking.DoD).NamingAtMost(3)
	if b := got.Banner(label(got, three)); b != "SECRET//SAR-A/SAR-B/SAR-C//NOFORN" {
		t.Errorf("under dod: %s", b)
	}
}

// TestTable_With holds what entries may do to a table, and what they may not.
func TestTable_With(t *testing.T) {
	with := func(d marking.TableData) (*marking.Table, error) {
		d.Edition = "agency, 2026"
		return marking.Shipped().With(d)
	}
	table, err := with(marking.TableData{CUI: []string{"WIDGET"}, Withdrawn: []string{"PRVCY"}, Countries: []string{"XKX"},
		Organisations: []marking.Organisation{{Code: "NATO", Members: []string{"USA", "GBR", "XKX"}}},
		SCI:           []marking.SystemControl{{System: "SI", Min: "TS"}, {System: "QW", Title: "QUIET WATER", Min: "S", Implies: []string{"NOFORN"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(table.Edition(), "; agency, 2026") {
		t.Errorf("edition %q", table.Edition())
	}
	r := marking.NewRegister(table, marking.IC)
	for text, want := range map[string]marking.Code{
		"CUI//SP-WIDGET":                "",
		"CUI//SP-PRVCY":                 marking.WarnUnknownEntry,
		"SECRET//REL TO USA, XKX, NATO": "",
		"SECRET//QUIET WATER//NOFORN":   "",
		"SECRET//SI//NOFORN":            marking.ErrLevelTooLow,
		"SECRET//QW//RELIDO":            marking.ErrNeedsNOFORN,
		"TOP SECRET//SI-QQ//NOFORN":     marking.WarnUnknownEntry,
	} {
		got := r.Parse(text, marking.Banner)
		all := append(got.Errors, got.Warnings...)
		if want == "" && len(all) > 0 || want != "" && !slices.ContainsFunc(all, func(f marking.Fault) bool { return f.Code == want }) {
			t.Errorf("%s: %v, want %q", text, all, want)
		}
	}
	if a, b := r.Label(r.Read("SECRET//REL TO USA, NATO").Mark), r.Label(r.Read("SECRET//REL TO USA, XKX").Mark); !a.AtMost(b) {
		t.Error("a member is not among those of its organisation")
	}
	for name, d := range map[string]marking.TableData{
		"a country as an organisation": {Organisations: []marking.Organisation{{Code: "GBR"}}},
		"a member that no table has":   {Organisations: []marking.Organisation{{Code: "QQQQ", Members: []string{"QQQ"}}}},
		"withdrawn and added":          {CUI: []string{"PRVCY"}, Withdrawn: []string{"PRVCY"}},
		"withdrawn, never there":       {Withdrawn: []string{"NEVER"}},
		"a control as a system":        {SCI: []marking.SystemControl{{System: "NOFORN", Min: "S"}}},
		"a level as a system":          {SCI: []marking.SystemControl{{System: "SECRET", Min: "S"}}},
		"another system's title":       {SCI: []marking.SystemControl{{System: "QW", Title: "TALENT KEYHOLE", Min: "S"}}},
		"a title that is never read":   {SCI: []marking.SystemControl{{System: "QW", Title: "Quiet-Water", Min: "S"}}},
		"a system on UNCLASSIFIED":     {SCI: []marking.SystemControl{{System: "QW", Min: "U"}}},
		"lengths out of order":         {SCI: []marking.SystemControl{{System: "QW", Min: "S", Any: &marking.Shape{MinLen: 3, MaxLen: 2, Min: "S"}}}},
		"a compartment twice":          {SCI: []marking.SystemControl{{System: "QW", Min: "S", Compartments: []marking.Part{{ID: "A", Min: "S"}, {ID: "A", Min: "TS"}}}}},
	} {
		if _, err := with(d); err == nil {
			t.Errorf("%s: is taken", name)
		}
	}
}
