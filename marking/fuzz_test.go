package marking_test

import (
	"encoding/json"
	"testing"

	"bulkhead/marking"
)

// FuzzParse holds for every text: no panic, faults inside the text, and what is valid prints as something that is valid,
// reads the same and prints the same.
func FuzzParse(f *testing.F) {
	for _, c := range readCases(f) {
		f.Add(c.Text, c.Form == "portion")
	}
	ic, dod := register(), marking.NewRegister(marking.Shipped(), marking.DoD)
	f.Fuzz(func(t *testing.T, text string, portion bool) {
		form := marking.Banner
		if portion {
			form = marking.Portion
		}
		for _, r := range []*marking.Register{ic, dod} {
			got := r.Parse(text, form)
			for _, x := range append(got.Errors, got.Warnings...) {
				if x.Offset < 0 || x.Length < 0 || x.Offset+x.Length > len(text) {
					t.Fatalf("%q: fault outside the text: %v", text, x)
				}
			}
			l := r.Label(got.Mark)
			if !l.AtMost(l.Join(l)) || l.Join(marking.Unmarked()).Level() != l.Level() {
				t.Fatalf("%q: its label breaks the lattice", text)
			}
			if !got.Valid() {
				continue
			}
			printed := r.Print(got.Mark)
			again := r.Parse(printed, form)
			if !again.Valid() || r.Print(again.Mark) != printed || !r.Label(again.Mark).Equal(l) {
				t.Fatalf("%q prints as %q, which reads otherwise: %v", text, printed, again.Errors)
			}
		}
	})
}

// FuzzLabelJSON holds for every label that can be read: it is closed, and writes what it reads.
func FuzzLabelJSON(f *testing.F) {
	r := register()
	for _, c := range readCases(f) {
		b, err := json.Marshal(r.Label(r.Parse(c.Text, formOf(c.Form)).Mark))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var l, again marking.Label
		if json.Unmarshal(b, &l) != nil {
			return
		}
		if !l.Join(l).Equal(l) {
			t.Fatalf("%s is not closed", b)
		}
		out, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &again); err != nil || !again.Equal(l) {
			t.Fatalf("%s writes as %s: %v", b, out, err)
		}
		if banner := r.Banner(l); banner == "" {
			t.Fatalf("%s has no banner", b)
		}
	})
}

// FuzzSpec holds that no spec panics and none that is read admits the unknown.
func FuzzSpec(f *testing.F) {
	for _, s := range []string{
		`{"clearance":"TS","readins":["SI","SI-G","SIGMA 14"],"citizenship":["USA"],"affiliation":"US-FED"}`,
		`{"clearance":"U","citizenship":["USA","GBR"],"affiliation":"GBR-GOV","controls":["ORCON"],"cui":"any"}`,
		`{"clearance":"S","cui":["SP-CTI"],"controls":"any"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var spec marking.Spec
		if json.Unmarshal(b, &spec) != nil {
			return
		}
		for _, made := range []func(marking.Spec) (marking.Subject, error){marking.Person, marking.Audience, marking.Ceiling} {
			s, err := made(spec)
			if s.May(marking.Label{}).Allow || err != nil && s.May(marking.Unmarked()).Allow {
				t.Fatalf("%s admits what it must not", b)
			}
		}
	})
}

// FuzzTable holds that no table panics, and that what is read can be read by.
func FuzzTable(f *testing.F) {
	b, err := json.Marshal(marking.Shipped())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"edition":"x","sci":[{"system":"ZZ","min":"S","any":{"min_len":1,"max_len":2,"min":"TS"}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		data, err := marking.DecodeTable(b)
		if err != nil {
			return
		}
		table, err := marking.NewTable(data)
		if err != nil {
			return
		}
		r := marking.NewRegister(table, marking.IC)
		r.Label(r.Parse("TOP SECRET//SI-G ABCD/ZZ-A//REL TO USA, FVEY", marking.Banner).Mark)
	})
}
