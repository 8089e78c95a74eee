package marking_test

import (
	"testing"

	"bulkhead/marking"
)

var (
	sinkReading marking.Reading
	sinkLabel   marking.Label
	sinkVerdict marking.Verdict
	sinkBool    bool
	sinkString  string
)

// BenchmarkParse: under 2 µs for a banner.
func BenchmarkParse(b *testing.B) {
	r := register()
	for _, text := range []string{
		"SECRET//NOFORN", "CUI//SP-CTI/SP-EXPT//NOFORN", "SECRET//REL TO USA, AUS, CAN, GBR, NZL",
		"TOP SECRET//SI-ABC-G ABCD EFGH/TK//FGI CAN GBR//RSEN/ORCON/NOFORN",
	} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sinkReading = r.Parse(text, marking.Banner)
			}
		})
	}
}

func label(b *testing.B, r *marking.Register, text string) marking.Label {
	got := r.Parse(text, marking.Banner)
	if !got.Valid() {
		b.Fatal(got.Errors)
	}
	return r.Label(got.Mark)
}

// BenchmarkJoin: under 500 ns.
func BenchmarkJoin(b *testing.B) {
	r := register()
	for _, pair := range [][2]string{
		{"CUI//PRVCY", "UNCLASSIFIED"},
		{"SECRET//REL TO USA, FVEY", "SECRET//REL TO USA, GBR, JPN"},
		{"TOP SECRET//SI-G ABCD//ORCON/NOFORN", "TOP SECRET//HCS-P/SI-ABC/TK//RSEN/ORCON/NOFORN"},
	} {
		x, y := label(b, r, pair[0]), label(b, r, pair[1])
		b.Run(pair[0]+" "+pair[1], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sinkLabel = x.Join(y)
			}
		})
	}
}

func BenchmarkAtMost(b *testing.B) {
	r := register()
	x, y := label(b, r, "TOP SECRET//SI-G ABCD//ORCON/NOFORN"), label(b, r, "TOP SECRET//SI-ABC-G ABCD/TK//RSEN/ORCON/NOFORN")
	b.ReportAllocs()
	for b.Loop() {
		sinkBool = x.AtMost(y)
	}
}

func mayBench() (marking.Subject, []string) {
	s, err := marking.Person(marking.Spec{
		Clearance: "TS", Readins: []string{"HCS", "HCS-P", "NATO", "SI", "SI-ABC", "SI-G", "SI-G ABCD", "TK"},
		Citizenship: []string{"USA"}, Affiliation: "US-FED",
	})
	if err != nil {
		panic(err)
	}
	return s, []string{
		"UNCLASSIFIED", "CUI//SP-CTI/SP-EXPT/PRVCY//FED ONLY", "SECRET//REL TO USA, FVEY",
		"TOP SECRET//HCS-P/SI-ABC-G ABCD/TK//FGI GBR NATO//RSEN/ORCON/NOFORN",
	}
}

// BenchmarkMay: under 100 ns and without allocation.
func BenchmarkMay(b *testing.B) {
	r := register()
	s, texts := mayBench()
	for _, text := range texts {
		l := label(b, r, text)
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sinkVerdict = s.May(l)
			}
			if !sinkVerdict.Allow {
				b.Fatal(sinkVerdict.Why())
			}
		})
	}
}

func BenchmarkBanner(b *testing.B) {
	r := register()
	l := label(b, r, "TOP SECRET//SI-ABC-G ABCD EFGH/TK//FGI CAN GBR//RSEN/ORCON/NOFORN")
	b.ReportAllocs()
	for b.Loop() {
		sinkString = r.Banner(l)
	}
}

func TestMay_AllocatesNothing(t *testing.T) {
	r := register()
	s, texts := mayBench()
	for _, text := range append(texts, "SECRET//SAR-XX//NOFORN") {
		l := r.Label(r.Parse(text, marking.Banner).Mark)
		if n := testing.AllocsPerRun(100, func() { sinkVerdict = s.May(l) }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}
