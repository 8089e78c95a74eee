package marking_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"bulkhead/marking"
)

func readLabel(t *testing.T, text string) marking.Label {
	t.Helper()
	r := register()
	got := r.Parse(text, marking.Banner)
	if !got.Valid() {
		t.Fatalf("%s: %v", text, got.Errors)
	}
	return r.Label(got.Mark)
}

func TestMay_NamesTheRule(t *testing.T) {
	fed := marking.Spec{Clearance: "TS", Citizenship: []string{"USA"}, Affiliation: "US-FED"}
	with := func(change func(*marking.Spec)) marking.Spec {
		s := fed
		change(&s)
		return s
	}
	for _, c := range []struct {
		name    string
		made    func(marking.Spec) (marking.Subject, error)
		subject marking.Spec
		label   string
		rule    marking.Rule
		why     string
	}{
		{"ORCON for the government", marking.Person, with(func(s *marking.Spec) { s.Readins = []string{"SI", "SI-G", "SI-G ABCD"} }),
			"TOP SECRET//SI-G ABCD//ORCON/NOFORN", marking.RuleGranted, ""},
		{"a list narrows", marking.Person, with(func(s *marking.Spec) { s.Controls = &marking.List{Names: []string{"FISA"}} }),
			"SECRET//ORCON/NOFORN", marking.RuleControl, "ORCON"},
		{"a ceiling has no control", marking.Ceiling, fed, "SECRET//NOFORN/PROPIN", marking.RuleControl, "PROPIN"},
		{"a ceiling with any", marking.Ceiling, with(func(s *marking.Spec) { s.Controls = &marking.List{Any: true} }),
			"SECRET//NOFORN/PROPIN", marking.RuleGranted, ""},
		{"an audience has controls", marking.Audience, fed, "SECRET//NOFORN/PROPIN", marking.RuleGranted, ""},
		{"a ceiling has no CUI", marking.Ceiling, fed, "CUI", marking.RuleCUI, ""},
		{"an unknown category under any", marking.Person, fed, "CUI//SP-ZZZZ", marking.RuleCategory, "ZZZZ"},
		{"an unknown category by name", marking.Person, with(func(s *marking.Spec) { s.CUI = &marking.List{Names: []string{"SP-ZZZZ"}} }),
			"CUI//SP-ZZZZ", marking.RuleGranted, ""},
		{"basic is not specified", marking.Person, with(func(s *marking.Spec) { s.CUI = &marking.List{Names: []string{"CTI"}} }),
			"CUI//SP-CTI", marking.RuleCategory, "SP-CTI"},
		{"two citizenships and NOFORN", marking.Person, with(func(s *marking.Spec) { s.Citizenship = []string{"USA", "FRA"} }),
			"SECRET//NOFORN", marking.RuleRelease, "NOFORN"},
		{"two citizenships and a list", marking.Person, with(func(s *marking.Spec) { s.Citizenship = []string{"USA", "FRA"} }),
			"SECRET//REL TO USA, GBR", marking.RuleGranted, ""},
		{"an audience of two nations", marking.Audience, with(func(s *marking.Spec) { s.Citizenship = []string{"USA", "FRA"} }),
			"SECRET//REL TO USA, GBR", marking.RuleRelease, "REL TO"},
		{"foreign employer", marking.Person, with(func(s *marking.Spec) { s.Affiliation = "FRA-GOV" }),
			"SECRET//REL TO USA, GBR", marking.RuleRelease, "REL TO"},
		{"no employer", marking.Person, with(func(s *marking.Spec) { s.Affiliation = "" }), "SECRET//NOFORN", marking.RuleRelease, "NOFORN"},
		{"an opaque organisation", marking.Person, marking.Spec{Clearance: "S", Citizenship: []string{"FRA"}, Affiliation: "FRA-GOV"},
			"SECRET//REL TO USA, NATO", marking.RuleRelease, "REL TO"},
		{"no Q", marking.Person, fed, "SECRET//RD//NOFORN", marking.RuleAEA, "RD"},
		{"Q", marking.Person, with(func(s *marking.Spec) { s.Readins = []string{"Q", "SIGMA 14"} }), "SECRET//RD-SIGMA 14//NOFORN", marking.RuleGranted, ""},
		{"another SIGMA", marking.Person, with(func(s *marking.Spec) { s.Readins = []string{"Q", "SIGMA 14"} }),
			"SECRET//RD-SIGMA 15//NOFORN", marking.RuleAEA, "SIGMA"},
		{"FRD", marking.Person, fed, "SECRET//FRD//NOFORN", marking.RuleGranted, ""},
		{"NODIS", marking.Person, fed, "SECRET//NOFORN//NODIS", marking.RuleControl, "NODIS"},
		{"programme", marking.Person, fed, "SECRET//SAR-BP//NOFORN", marking.RuleReadin, "SAR-BP"},
		{"NATO read-in", marking.Person, with(func(s *marking.Spec) { s.Readins = []string{"NATO"} }), "//NATO SECRET", marking.RuleGranted, ""},
		{"SCI below its clearance", marking.Person, with(func(s *marking.Spec) { s.Clearance, s.Readins = "S", []string{"TK"} }),
			"SECRET//TK//NOFORN", marking.RuleSCIClearance, "TK"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := c.made(c.subject)
			if err != nil {
				t.Fatal(err)
			}
			v := s.May(readLabel(t, c.label))
			if v.Rule != c.rule || v.Allow != (c.rule == marking.RuleGranted) || !strings.Contains(v.Why(), c.why) {
				t.Errorf("got %v %s (%s), want %s about %q", v.Allow, v.Rule, v.Why(), c.rule, c.why)
			}
		})
	}
}

func TestPerson_TellsEveryFault(t *testing.T) {
	_, err := marking.Person(marking.Spec{
		Clearance: "Q", Readins: []string{"si"}, Citizenship: []string{"usa"}, Affiliation: "FED",
		Controls: &marking.List{Names: []string{"WOMBAT"}}, CUI: &marking.List{Names: []string{"sp-cti"}},
	})
	for _, want := range []string{"clearance", "readins", "citizenship", "affiliation", "controls", "cui"} {
		if err == nil || !strings.Contains(err.Error(), want+":") {
			t.Errorf("%v does not tell of %s", err, want)
		}
	}
}

func TestCeilingSpec_Expands(t *testing.T) {
	for text, want := range map[string]string{
		"UNCLASSIFIED":   `{"clearance":"U","controls":[]}`,
		"CUI":            `{"clearance":"U","controls":[],"cui":[]}`,
		"CUI//SP-PRVCY":  `{"clearance":"U","controls":[],"cui":["SP-PRVCY"]}`,
		"SECRET//NOFORN": `{"clearance":"S","citizenship":["USA"],"affiliation":"CONTRACTOR","controls":[]}`,
		"TOP SECRET//SI-G ABCD//ORCON/NOFORN": `{"clearance":"TS","readins":["SI","SI-G","SI-G ABCD"],"citizenship":["USA"],` +
			`"affiliation":"US-FED","controls":["ORCON"]}`,
		"SECRET//TK//NOFORN": `{"clearance":"TS","readins":["TK"],"citizenship":["USA"],"affiliation":"CONTRACTOR","controls":[]}`,
	} {
		spec, err := marking.CeilingSpec(readLabel(t, text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		var g, w any
		if json.Unmarshal(got, &g) != nil || json.Unmarshal([]byte(want), &w) != nil || !reflect.DeepEqual(g, w) {
			t.Errorf("%s expands to %s, want %s", text, got, want)
		}
	}
}

func TestUnmarshalLabel_RefusesWhatItDoesNotKnow(t *testing.T) {
	for _, bad := range []string{
		`{}`, `{"level":"R"}`, `{"level":"S","colour":"red"}`, `{"level":"S","controls":["NF"]}`, `{"level":"S","rel":["GBR"]}`,
		`{"level":"S","display":["GBR"]}`, `{"level":"S","readins":["si"]}`, `{"level":"S","aea":["XX"]}`, `{"level":"S"} {}`, `"S"`,
		`{"level":"S","sigma":[100]}`, `{"level":"S","cui_categories":["SP-"]}`, `{"level":"S","excluded":["ALL"]}`,
	} {
		l := marking.Unmarked()
		if err := json.Unmarshal([]byte(bad), &l); err == nil {
			t.Errorf("%s reads as %v", bad, l)
		}
	}
	// What is implied is added, however the label came.
	var l marking.Label
	if err := json.Unmarshal([]byte(`{"level":"TS","readins":["SI-G ABCD"],"cui_categories":["SP-CTI"]}`), &l); err != nil {
		t.Fatal(err)
	}
	if b, _ := json.Marshal(l); string(b) != `{"level":"TS","readins":["SI","SI-G","SI-G ABCD"],"cui":true,"cui_categories":["CTI","SP-CTI"]}` {
		t.Errorf("got %s", b)
	}
}

func TestTable_IsReplacedByEntry(t *testing.T) {
	over, err := marking.DecodeTable([]byte(`{"edition":"northwind 2026-11","cui":["ZZZZ"],
		"organisations":[{"code":"NATO","members":["FRA","GBR","USA"]}],
		"sci":[{"system":"77","min":"S"},{"system":"SI","min":"S"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	table, err := marking.Shipped().With(over)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(table.Edition(), "northwind 2026-11") {
		t.Errorf("edition %q", table.Edition())
	}
	r := marking.NewRegister(table, marking.IC)
	for text, want := range map[string]bool{
		"SECRET//77//NOFORN": true, "CONFIDENTIAL//SI//NOFORN": false, "SECRET//TK//NOFORN": true, "CUI//SP-ZZZZ": true,
	} {
		got := r.Parse(text, marking.Banner)
		if got.Valid() != want || want && len(got.Warnings) > 0 {
			t.Errorf("%s: %v, %v", text, got.Errors, got.Warnings)
		}
	}
	a := r.Label(r.Parse("SECRET//REL TO USA, NATO", marking.Banner).Mark)
	b := r.Label(r.Parse("SECRET//REL TO USA, FRA", marking.Banner).Mark)
	if got := r.Banner(a.Join(b)); got != "SECRET//REL TO USA, FRA" {
		t.Errorf("with NATO's members: %s", got)
	}
	if got := r.Banner(a); got != "SECRET//REL TO USA, NATO" {
		t.Errorf("NATO prints as %s", got)
	}
	for _, bad := range []string{
		`{}`, `{"edition":"x","countries":["usa"]}`, `{"edition":"x","organisations":[{"code":"ABCD","members":["ZZZ"]}]}`,
		`{"edition":"x","sci":[{"system":"A","min":"U"}]}`, `{"edition":"x","sci":[{"system":"A","min":"S","implies":["FISA"]}]}`,
		`{"edition":"x","cui":["a"]}`,
	} {
		data, err := marking.DecodeTable([]byte(bad))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := marking.NewTable(data); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
