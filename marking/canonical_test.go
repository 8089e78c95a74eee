package marking_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"bulkhead/marking"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestPrint_Canonical holds the canonical form, and the label's banner and portion, of every valid case.
func TestPrint_Canonical(t *testing.T) {
	r := register()
	dod := marking.NewRegister(marking.Shipped(), marking.DoD)
	var b strings.Builder
	b.WriteString("# text | canonical | as a US banner | as a US portion | canonical under DoD, where it differs\n")
	lines := []string{}
	for _, c := range readCases(t) {
		lines = append(lines, c.Form+" "+c.Text)
	}
	lines = append(lines,
		"banner TOP SECRET//SAR-BUTTER POPCORN/SAR-ALPHA 7//NOFORN", "banner SECRET//NOFORN/DEA SENSITIVE/FISA",
		"banner SECRET//REL TO USA, GBR/FISA/DISPLAY ONLY AFG", "banner SECRET//REL TO USA, GBR/DISPLAY ONLY AFG/FISA",
		"banner CONFIDENTIAL//RD-N//NOFORN", "banner TOP SECRET//KDK-BLFH//NOFORN", "banner TOP SECRET//COMINT//NOFORN",
		"banner TOP SECRET//BOHEMIA//FGI AUS CAN DEU NATO//NOFORN", "banner SECRET//HCS-P/TK//FGI GBR//CUI//SP-AAAA/BBBB//NOFORN",
		"banner SECRET//SAR-BP//WAIVED//NOFORN", "banner CUI//PRIVILEGE//Attorney-Client/Attorney-WP", "portion (S//REL)",
		"portion (CUI//PRIVILEGE//AC/AWP)", "banner //FGI SECRET", "banner SECRET//NOFORN//NC2-ESI/ACCM-RED FOX",
		"banner TOP SECRET//TK-ZZ 1A 2B//NOFORN", "banner SECRET//REL TO USA, XQZW",
	)
	for _, line := range lines {
		form, text, _ := strings.Cut(line, " ")
		got := r.Parse(text, formOf(form))
		if !got.Valid() {
			continue
		}
		l := r.Label(got.Mark)
		fmt.Fprintf(&b, "%s | %s | %s | %s", text, got.Mark, r.Banner(l), r.Portion(l))
		if d := dod.Print(got.Mark); d != got.Mark.String() {
			fmt.Fprintf(&b, " | %s", d)
		}
		b.WriteByte('\n')
	}
	const path = "testdata/canonical.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		gotLines, wantLines := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
		for i := range min(len(gotLines), len(wantLines)) {
			if gotLines[i] != wantLines[i] {
				t.Fatalf("line %d\n got %s\nwant %s", i+1, gotLines[i], wantLines[i])
			}
		}
		t.Fatalf("got %d lines, want %d", len(gotLines), len(wantLines))
	}
}
