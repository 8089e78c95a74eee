package marking_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"bulkhead/marking"
)

// pick draws a sublist, in order.
func pick(t *rapid.T, name string, from ...string) []string {
	mask := rapid.Uint64().Draw(t, name)
	var out []string
	for i, s := range from {
		if mask>>i&1 != 0 {
			out = append(out, s)
		}
	}
	return out
}

// one draws one of the texts, the empty one among them.
func one(t *rapid.T, name string, from ...string) string {
	return rapid.SampledFrom(append([]string{""}, from...)).Draw(t, name)
}

func join(list []string, sep string) string {
	out := ""
	for i, s := range list {
		if i > 0 {
			out += sep
		}
		out += s
	}
	return out
}

// drawText draws a text that looks like a mark. Many are valid; those that are not must hold the laws too.
func drawText(t *rapid.T) (string, marking.Form) {
	seg := func(s string) string {
		if s == "" {
			return ""
		}
		return "//" + s
	}
	release := rapid.SampledFrom([]string{
		"", "NF", "NF", "RELIDO", "REL", "REL TO USA, GBR", "REL TO USA, AUS, GBR", "REL TO USA, FVEY", "REL TO USA, ACGU",
		"REL TO USA, GBR, NATO", "REL TO USA, XQZW", "DISPLAY ONLY AFG, IRQ", "DISPLAY ONLY IRQ",
		"REL TO USA, GBR/DISPLAY ONLY AFG", "REL TO USA, GBR/RELIDO", "REL TO USA",
	}).Draw(t, "release")
	before := pick(t, "before", "RS", "OC", "OC-USGOV", "IMC")
	switch rapid.IntRange(0, 9).Draw(t, "shape") {
	case 0:
		return rapid.SampledFrom([]string{
			"(//NS)", "(//CTS//BOHEMIA)", "(//NS//ATOMAL)", "(//NR)", "(//NU)", "(//GBR S)", "(//CAN GBR C)", "(//DEU R)", "(//FGI S)",
			"(//JOINT S GBR USA//REL TO USA, GBR)", "(//JOINT TS CAN GBR)",
		}).Draw(t, "foreign"), marking.Portion
	case 1, 2:
		cats := pick(t, "cats", "SP-CTI", "SP-EXPT", "SP-ZZZZ", "BUDG", "CTI", "PRVCY", "QQQQ")
		ldc := pick(t, "ldc", "AC", "DL ONLY", "FED ONLY", "FEDCON", "NF", "NOCON")
		return "(CUI" + seg(join(cats, "/")) + seg(join(ldc, "/")) + ")", marking.Portion
	}
	level := rapid.SampledFrom([]string{"U", "U", "C", "S", "TS", "TS"}).Draw(t, "level")
	sci := join(pick(t, "sci", one(t, "hcs", "HCS", "HCS-O", "HCS-P", "HCS-P JJJ"),
		one(t, "si", "SI", "SI-ABC", "SI-G", "SI-G ABCD", "SI-ABC-G ABCD EFGH"), one(t, "tk", "TK", "TK-BLFH", "TK-IDIT ABC", "TK-QQ")), "/")
	aea := one(t, "aea", "RD", "RD-CNWDI", "RD-SG 14 18", "FRD", "FRD-SG 20", "TFNI", "DCNI", "UCNI", "RD/FRD")
	after := pick(t, "after", "DSEN", "FISA")
	var dissem []string
	dissem = append(dissem, before...)
	if release == "NF" {
		dissem = append(dissem, release)
	}
	dissem = append(dissem, pick(t, "propin", "PR")...)
	if release != "NF" && release != "" {
		dissem = append(dissem, release)
	}
	dissem = append(dissem, after...)
	if level == "U" {
		dissem = append(pick(t, "fouo", "FOUO"), dissem...)
	}
	cui := ""
	if rapid.IntRange(0, 3).Draw(t, "cui") == 0 {
		cui = "//CUI" + seg(join(pick(t, "cats", "SP-CTI", "BUDG", "PRVCY"), "/"))
	}
	text := "(" + level + seg(clean(sci)) + seg(one(t, "sap", "SAR-BP", "SAR-BP/GB", "SAR-GB/MULTIPLE PROGRAMS")) + seg(aea) +
		seg(one(t, "fgi", "FGI", "FGI GBR", "FGI CAN GBR NATO")) + cui + seg(join(dissem, "/")) +
		seg(one(t, "nonic", "DS", "XD", "ND", "SBU", "SBU-NF", "LES", "LES-NF", "SSI", "LES/SSI", "ACCM-FOO")) + ")"
	return text, marking.Portion
}

// clean takes out the empty entries that one may have drawn.
func clean(s string) string {
	for len(s) > 0 && s[0] == '/' {
		s = s[1:]
	}
	for len(s) > 0 && s[len(s)-1] == '/' {
		s = s[:len(s)-1]
	}
	out := ""
	for i := range len(s) {
		if s[i] != '/' || s[i+1] != '/' {
			out += string(s[i])
		}
	}
	return out
}

func drawLabel(t *rapid.T, r *marking.Register) marking.Label {
	switch rapid.IntRange(0, 30).Draw(t, "odd") {
	case 0:
		return marking.Label{}
	case 1:
		return marking.Unmarked()
	}
	text, form := drawText(t)
	return r.Label(r.Parse(text, form).Mark)
}

func TestJoin_IsASemilattice(t *testing.T) {
	r := register()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawLabel(t, r), drawLabel(t, r), drawLabel(t, r)
		if x, y := a.Join(b), b.Join(a); !x.Equal(y) {
			t.Fatalf("not commutative: %v and %v", x, y)
		}
		if x, y := a.Join(b).Join(c), a.Join(b.Join(c)); !x.Equal(y) {
			t.Fatalf("not associative: %v and %v", x, y)
		}
		if !a.Join(a).Equal(a) {
			t.Fatalf("not idempotent: %v", a)
		}
		if !a.Join(marking.Unmarked()).Equal(a) {
			t.Fatalf("the bottom adds to %v", a)
		}
	})
}

func TestAtMost_IsTheOrderOfJoin(t *testing.T) {
	r := register()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawLabel(t, r), drawLabel(t, r), drawLabel(t, r)
		if got, want := a.AtMost(b), a.Join(b).Equal(b); got != want {
			t.Fatalf("AtMost %v, join says %v: %v and %v", got, want, a, b)
		}
		ab := a.Join(b)
		if !a.AtMost(a) || !a.AtMost(ab) || !b.AtMost(ab) {
			t.Fatalf("something was widened by joining %v and %v", a, b)
		}
		if a.AtMost(b) && b.AtMost(a) && !a.Equal(b) {
			t.Fatalf("not antisymmetric: %v and %v", a, b)
		}
		if abc := ab.Join(c); !a.AtMost(abc) {
			t.Fatalf("not transitive: %v", abc)
		}
	})
}

func drawSubject(t *rapid.T) marking.Subject {
	spec := marking.Spec{
		Clearance: rapid.SampledFrom([]string{"U", "C", "S", "TS", "TS"}).Draw(t, "clearance"),
		Readins: pick(t, "readins", "SI", "SI-G", "SI-ABC", "SI-G ABCD", "TK", "TK-BLFH", "HCS", "HCS-P", "SAR-BP", "SAR-GB", "RD",
			"RD-CNWDI", "SIGMA 14", "NATO", "ATOMAL", "BOHEMIA", "ACCM-FOO", "EXDIS", "NODIS", "AC", "DL ONLY"),
		Citizenship: pick(t, "citizenship", "AUS", "GBR", "IRQ", "USA"),
		Affiliation: rapid.SampledFrom([]string{"", "US-FED", "US-FED", "US-SLTT", "CONTRACTOR", "GBR-GOV", "IRQ-GOV"}).Draw(t, "affiliation"),
	}
	if rapid.Bool().Draw(t, "has controls") {
		spec.Controls = &marking.List{Names: pick(t, "controls", "ORCON", "PROPIN", "FISA", "FOUO", "LES", "UCNI", "RSEN")}
	}
	if rapid.Bool().Draw(t, "has cui") {
		spec.CUI = &marking.List{
			Names: pick(t, "categories", "SP-CTI", "PRVCY", "BUDG", "SP-ZZZZ"), Any: rapid.Bool().Draw(t, "any"),
		}
	}
	made := rapid.SampledFrom([]func(marking.Spec) (marking.Subject, error){
		marking.Person, marking.Audience, marking.Ceiling,
	}).Draw(t, "kind")
	s, err := made(spec)
	if err != nil {
		t.Fatalf("%v: %v", spec, err)
	}
	return s
}

func TestMay_IsMonotone(t *testing.T) {
	r := register()
	rapid.Check(t, func(t *rapid.T) {
		a, b, s := drawLabel(t, r), drawLabel(t, r), drawSubject(t)
		if all := a.Join(b); s.May(all).Allow && !(s.May(a).Allow && s.May(b).Allow) {
			t.Fatalf("may have %v but not its parts %v, %v", all, a, b)
		}
		if (&marking.Subject{}).May(a).Allow || s.May(marking.Label{}).Allow {
			t.Fatal("a zero value was allowed")
		}
	})
}

func TestCeilingSpec_AdmitsItsLabelAndAllBelow(t *testing.T) {
	r := register()
	rapid.Check(t, func(t *rapid.T) {
		text, form := drawText(t)
		read := r.Parse(text, form)
		if !read.Valid() || !read.Levelled {
			t.Skip("not a mark")
		}
		top := r.Label(read.Mark)
		spec, err := marking.CeilingSpec(top)
		if err != nil {
			t.Skip("nobody may have it")
		}
		s, err := marking.Ceiling(spec)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if v := s.May(top); !v.Allow {
			t.Fatalf("%s: its own ceiling refuses it: %s", text, v.Why())
		}
		// Nothing may rise above a ceiling by level or by whom it may be released to.
		other := drawLabel(t, r)
		if s.May(other).Allow && other.Level() > top.Level() && !read.Mark.Classified() {
			t.Fatalf("ceiling %s admits %v", text, other)
		}
	})
}

func TestLabel_SurvivesItsJSON(t *testing.T) {
	r := register()
	rapid.Check(t, func(t *rapid.T) {
		l := drawLabel(t, r).Join(drawLabel(t, r))
		b, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		var again marking.Label
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if !again.Equal(l) {
			t.Fatalf("%s reads as %v", b, again)
		}
	})
}

func TestMark_PrintsWhatItReads(t *testing.T) {
	valid := 0
	for _, profile := range []marking.Profile{marking.IC, marking.DoD, marking.Legacy} {
		r := marking.NewRegister(marking.Shipped(), profile)
		rapid.Check(t, func(t *rapid.T) {
			text, form := drawText(t)
			got := r.Parse(text, form)
			if !got.Valid() {
				return
			}
			valid++
			m := got.Mark
			if rapid.Bool().Draw(t, "as banner") && !(m.Controls.Has(marking.RELTO) && len(m.RelTo) == 0) {
				m.Form = marking.Banner
			}
			if bothWays.MatchString(r.Print(m)) {
				return // a banner would say a category
			}
			again := r.Parse(r.Print(m), m.Form)
			if d := cmp.Diff(m, again.Mark, cmp.AllowUnexported(marking.AEA{}), cmpopts.EquateEmpty()); d != "" || !again.Valid() {
				t.Fatalf("%q prints as %q, which reads otherwise: %v\n%s", text, r.Print(m), again.Errors, d)
			}
		})
	}
	if valid < 30 {
		t.Errorf("only %d valid marks were drawn", valid)
	}
}

var bothWays = regexp.MustCompile(`CUI//(FISA|PROPIN|SSI|NNPI)`)

func TestBanner_ClaimsNoMoreThanTheLabel(t *testing.T) {
	r := register()
	rapid.Check(t, func(t *rapid.T) {
		sum := marking.Unmarked()
		for range rapid.IntRange(1, 4).Draw(t, "portions") {
			text, form := drawText(t)
			got := r.Parse(text, form)
			if !got.Valid() {
				continue
			}
			sum = sum.Join(r.Label(got.Mark))
		}
		for _, form := range []marking.Form{marking.Banner, marking.Portion} {
			text := r.Banner(sum)
			if form == marking.Portion {
				text = r.Portion(sum)
			}
			got := r.Parse(text, form)
			if !got.Valid() {
				t.Fatalf("%v renders as %q: %v", sum, text, got.Errors)
			}
			l := r.Label(got.Mark)
			if l.Level() != sum.Level() {
				t.Fatalf("%q has another level than %v", text, sum)
			}
			// Right after CUI these words name a category and a control; a line cannot tell which.
			if !l.AtMost(sum) && !bothWays.MatchString(text) {
				t.Fatalf("%q claims more than its label %v", text, sum)
			}
		}
	})
}
