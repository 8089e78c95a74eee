package inspect_test

import (
	"strings"
	"testing"

	"bulkhead/inspect"
	"bulkhead/marking"
)

func register() *marking.Register { return marking.NewRegister(marking.Shipped(), marking.IC) }

func scan(pieces ...string) inspect.Result {
	s := inspect.New(register())
	for _, p := range pieces {
		s.ScanString(p)
	}
	return s.Result()
}

func repeated(s string, size int) string { return strings.Repeat(s, size/len(s)+1)[:size] }

const prose = `The board met on Tuesday to review the maintenance plan for the coming year, and it was agreed that the
older pumps should be replaced first. Staff asked whether the contract (signed in March) covers parts and labour; the
answer was yes, with the exceptions listed in annex B. Nobody objected, so the chair moved to the next item and asked
for a show of hands. The minutes of the last meeting were accepted without changes by all who were there that day.
`

const code = "func (s *Server) Handle(w http.ResponseWriter, r *http.Request) {\n\t// read the body whole, see https://example.org/why\n" +
	"\tb, err := io.ReadAll(r.Body)\n\tif err != nil {\n\t\thttp.Error(w, \"cannot read\\n\", 400)\n\t\treturn\n\t}\n\ts.next(w, b)\n}\n"

const accents = "Le comité s’est réuni mardi — tous étaient présents — pour examiner le plan d’entretien de l’année à venir, et l’on a décidé…\n"

const cyrillic = "Комиссия собралась во вторник, чтобы рассмотреть план работ на будущий год, и решила начать с насосов.\n"

// marked is text full of marks: a portion mark every forty bytes or so, and banners.
const marked = `TOP SECRET//SI-G ABCD/TK//ORCON/NOFORN
(U) Short paragraph of a summary here.
(S//NF) The first item is described in a line.
(C//REL TO USA, FVEY) The second item follows now.
(TS//SI//NF) The third item is not much longer.
(CUI//SP-CTI) A line about controlled things.
(S//REL TO USA, GBR) The last item of the list.
(U//FOUO) A line of old.
`

// lines is a chat as applications send it: short lines, quotes, paths.
const lines = "The clerk asked: \"When is the hearing?\" and was told that it had been moved.\n" +
	"- item one, still open\n\t- below it, a path such as C:\\temp\n\nLe café est fermé. Nobody objected to that.\n"

// dense is nothing but marks.
const dense = "(S//NF) (C//REL TO USA, FVEY) (TS//SI//NF) (U//FOUO) SECRET//NOFORN\n"

// BenchmarkScan: at least 2 GB/s on text without candidates and 300 MB/s on text full of them.
func BenchmarkScan(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"prose", prose}, {"lines", lines}, {"code", code}, {"accents", accents}, {"cyrillic", cyrillic}, {"marked", marked}, {"dense", dense},
	} {
		text := repeated(c.text, 1<<20)
		b.Run(c.name, func(b *testing.B) {
			s := inspect.New(register())
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				s.Reset()
				s.ScanString(text)
				s.Result()
			}
		})
	}
}

// BenchmarkScanSmall is a call of one short prompt.
func BenchmarkScanSmall(b *testing.B) {
	s := inspect.New(register())
	b.ReportAllocs()
	for b.Loop() {
		s.Reset()
		s.ScanString(prose[:300])
		s.Result()
	}
}
