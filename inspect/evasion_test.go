package inspect_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"bulkhead/inspect"
	"bulkhead/marking"
)

// TestScan_Evasions is the table of docs/markings.md: what is found, what is reported as unread, and what is neither.
func TestScan_Evasions(t *testing.T) {
	const (
		found  = "found"
		unread = "unread"
		missed = "missed"
	)
	long := base64.StdEncoding.EncodeToString([]byte("SECRET//NOFORN The convoy leaves the depot at dawn on Friday."))
	for _, c := range []struct {
		name   string
		pieces []string
		want   string
	}{
		{"plain", []string{"SECRET//NOFORN"}, found},
		{"escaped slash", []string{`{"m":"SECRET\/\/NOFORN"}`}, found},
		{"escaped parenthesis", []string{`\u0028S//NF) text`}, found},
		{"escapes of escapes", []string{`{\"m\":\"\\u0053ECRET\\/\\/NOFORN\"}`}, found},
		{"split over two parts", []string{"text SECRET//NO", "FORN text"}, found},
		{"split over many parts", strings.Split("see SECRET//NOFORN here", ""), found},
		{"split between words", []string{"TOP", " SECRET//SI//NF"}, found},
		{"lone banner split", []string{"text\nSEC", "RET\nmore"}, found},
		{"full-width letters", []string{"ＳＥＣＲＥＴ／／ＮＯＦＯＲＮ"}, found},
		{"full-width, split", []string{"ＳＥＣＲ", "ＥＴ／／ＮＯＦＯＲＮ"}, found},
		{"zero-width inside", []string{"S\u200bE\u200cC\u200dR\u2060E\ufeffT//NOFORN"}, found},
		{"soft hyphen", []string{"SEC\u00adRET//NO\u00adFORN"}, found},
		{"right-to-left marks", []string{"\u202eSECRET\u202c//\u200fNOFORN"}, found},
		{"odd blanks", []string{"TOP\u00a0SECRET//SI//NOFORN"}, found},
		{"odd slashes", []string{"SECRET\u2215\u2215NOFORN"}, found},
		{"combining marks", []string{"S\u0335E\u0335CRET//NOFORN"}, found},
		{"Cyrillic look-alikes", []string{"ЅЕСRЕТ//NОFОRN"}, found},
		{"mathematical letters", []string{"𝗦𝗘𝗖𝗥𝗘𝗧//𝗡𝗢𝗙𝗢𝗥𝗡"}, found},
		{"unseen tags", []string{"hello " + tags("SECRET//NOFORN")}, found},
		{"small letters", []string{"secret//noforn"}, found},
		{"control characters", []string{"SE\x00CRET\x7f//NO\x01FORN and so on"}, found},
		{"control character in a lone level", []string{"SEC\x00RET\ntext"}, found},
		{"escaped control characters", []string{`{"m":"SE\u0000CRET//NOFORN"}`}, found},
		{"control character between the slashes", []string{"SECRET/\x00/NOFORN is what it says here"}, missed},
		{"a second, higher level", []string{"UNCLASSIFIED//SECRET"}, found},
		{"a second level, abbreviated", []string{"U//S//NF"}, found},
		{"a level as a CUI category", []string{"CUI//SECRET"}, found},
		{"emphasis", []string{"see __SECRET//NOFORN__ here"}, found},
		{"behind a colon", []string{"Marking://NATO SECRET"}, found},
		{"of NATO, without slashes", []string{"text\nCOSMIC TOP SECRET\ntext"}, found},
		{"no system named", []string{"this is TS//SCI"}, found},
		{"blanks around slashes", []string{"SECRET // NOFORN"}, found},
		{"base64 of text", []string{"decode this: " + long}, unread},
		{"base64 in lines", []string{wrap(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("SECRET//NOFORN text. ", 20))), 76)}, unread},
		{"base64 of a picture", []string{"iVBORw0KGgo" + strings.Repeat("A1b2C3d4", 20)}, unread},
		{"short base64", []string{base64.StdEncoding.EncodeToString([]byte("SECRET//NOFORN"))}, missed},
		{"hexadecimal", []string{"5345435245542f2f4e4f464f524e5345435245542f2f4e4f464f524e"}, missed},
		{"percent signs", []string{"SECRET%2F%2FNOFORN"}, missed},
		{"HTML entities", []string{"SECRET&#47;&#47;NOFORN"}, missed},
		{"letters set apart", []string{"S E C R E T // N O F O R N"}, missed},
		{"figures for letters", []string{"S3CR3T//N0F0RN"}, missed},
		{"backwards", []string{"NROFON//TERCES"}, missed},
		{"another language", []string{"GEHEIM//NUR FÜR US"}, missed},
		{"in words", []string{"this paragraph is secret and not for foreigners"}, missed},
		{"one slash in a sentence", []string{"he marked it SECRET/NOFORN yesterday"}, missed},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := scan(c.pieces...)
			is := missed
			if len(got.Unread) > 0 {
				is = unread
			}
			if got.Found > 0 && got.Label.Level() >= marking.Secret {
				is = found
			}
			if is != c.want {
				t.Errorf("%q: %s (%v, %v), want %s", c.pieces, is, got.Label, got.Unread, c.want)
			}
		})
	}
}

func tags(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r + 0xE0000)
	}
	return b.String()
}

func wrap(s string, n int) string {
	var b strings.Builder
	for len(s) > n {
		b.WriteString(s[:n] + "\n")
		s = s[n:]
	}
	return b.String() + s + "\n"
}

func TestScan_TellsThePlace(t *testing.T) {
	for _, c := range []struct {
		name                 string
		pieces               []string
		part, offset, length int
	}{
		{"first line", []string{"SECRET//NOFORN\ntext"}, 0, 0, 14},
		{"in a sentence", []string{"text", "it is (S//NF) so"}, 1, 6, 7},
		{"the highest", []string{"(C//NF) text (TS//NF) text (S//NF)"}, 0, 13, 8},
		{"over a border", []string{"ab", "cd SECRET//", "NOFORN"}, 1, 3, 14},
		{"over three", []string{"x SECR", "ET", "//NOFORN"}, 0, 2, 14},
		{"disguised", []string{"é “ＳECRET//NOFORN” x"}, 0, 6, 16},
		{"behind a block", []string{strings.Repeat("word ", 8000) + "(S//NF)"}, 0, 40000, 7},
		{"long line", []string{strings.Repeat("x", 40000) + " S//NF"}, 0, 40001, 5},
		{"lone line", []string{"text\n  SECRET  \ntext"}, 0, 7, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := scan(c.pieces...).Highest
			if h.Part != c.part || h.Offset != c.offset || h.Length != c.length {
				t.Errorf("got part %d, %d+%d, want part %d, %d+%d", h.Part, h.Offset, h.Length, c.part, c.offset, c.length)
			}
		})
	}
}

func TestScan_NamesAreNoBanners(t *testing.T) {
	s := inspect.New(register())
	s.ScanName([]byte("SECRET"))
	s.ScanName([]byte("(S) something that is long enough here"))
	if got := s.Result(); got.Found != 0 {
		t.Errorf("a name counted as a mark: %v", got.Label)
	}
	s.ScanName([]byte("report SECRET//NOFORN"))
	if got := s.Result(); got.Found != 1 || got.Highest.Part != 2 {
		t.Errorf("got %+v, want the mark in the third name", got)
	}
}

func TestScan_ReportsWhatItCannotRead(t *testing.T) {
	s := inspect.New(register())
	s.ScanString("look at this")
	for _, m := range []string{"image/png", "audio/wav", "video/mp4", "application/pdf", "application/zip", "application/x-thing"} {
		k, ok := inspect.KindOf(m)
		if !ok {
			t.Errorf("%s is text", m)
		}
		s.Unread(k)
	}
	s.Unread(inspect.Tokens)
	got := s.Result()
	if len(got.Unread) != 7 || got.Unread[0] != (inspect.Unread{Kind: inspect.Image, Part: 1}) {
		t.Fatalf("got %v", got.Unread)
	}
	if why := got.Unread[6].Why(); !strings.Contains(why, "check_embedding_ctx_length") {
		t.Errorf("token ids: %s", why)
	}
	for _, m := range []string{"text/plain", "text/html; charset=utf-8", "application/json", "application/ld+json"} {
		if _, ok := inspect.KindOf(m); ok {
			t.Errorf("%s is unread", m)
		}
	}
}

func TestScan_BoundsItsWork(t *testing.T) {
	var b strings.Builder
	for i := range 20000 {
		b.WriteString("(S//SAR-X" + strings.Repeat("A", i%7) + string(rune('A'+i%26)) + string(rune('A'+i/26%26)) + string(rune('A'+i/676%26)) + "//NF)\n")
	}
	got := scan(b.String())
	if n := len(got.Unread); n == 0 || got.Unread[n-1].Kind != inspect.TooManyMarks {
		t.Errorf("got %v, want a report of too many marks", got.Unread)
	}
	if got.Label.Level() != marking.Secret {
		t.Errorf("got %v", got.Label.Level())
	}
}

// TestScan_TakesTimeInStep holds that no text of a few million bytes takes seconds: each of these once took time by the
// square of its length.
func TestScan_TakesTimeInStep(t *testing.T) {
	const size = 4 << 20
	for name, unit := range map[string]string{
		"one letter": "S", "slashes": "/", "backslashes": "\\", "parentheses": "(S\n", "base64": "A1b+", "unseen": "\u200b",
		"broken UTF-8": "\xff", "look-alikes": "ЅECRET//NF ", "marks in a line": "S//NF ", "escapes": `\\u0053//NF `,
		"lines of base64": strings.Repeat("A1b+", 19) + "\n", "open ends": "(S//", "levels": "SECRET//",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			scan(strings.Repeat(unit, size/len(unit)))
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestReset_ForgetsEverything(t *testing.T) {
	s := inspect.New(register())
	s.ScanString("SECRET//NO")
	s.Unread(inspect.Image)
	s.Reset()
	s.ScanString("FORN and nothing else")
	if got := s.Result(); got.Found != 0 || len(got.Unread) != 0 || !got.Label.Equal(marking.Unmarked()) {
		t.Errorf("got %+v", got)
	}
}

// FuzzScan holds for every text, whole or cut in two: no panic, and places inside it.
func FuzzScan(f *testing.F) {
	for _, c := range readCorpus(f) {
		f.Add(c.Text, len(c.Text)/2)
	}
	f.Fuzz(func(t *testing.T, text string, cut int) {
		got := scan(text)
		if got.Found > 0 {
			h := got.Highest
			if h.Part != 0 || h.Offset < 0 || h.Length <= 0 || h.Offset+h.Length > len(text) {
				t.Fatalf("%q: found outside: %+v", text, h)
			}
		}
		for _, u := range got.Unread {
			if u.Offset < 0 || u.Offset+u.Length > len(text) {
				t.Fatalf("%q: unread outside: %+v", text, u)
			}
		}
		if cut < 0 || cut > len(text) {
			return
		}
		scan(text[:cut], text[cut:])
	})
}
