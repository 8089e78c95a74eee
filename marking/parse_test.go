package marking_test

import (
	"testing"

	"bulkhead/marking"
)

// TestParse_TellsEachFault holds the codes of testdata/codes.md that the shared cases leave out, and the place of faults.
func TestParse_TellsEachFault(t *testing.T) {
	r := register()
	for _, c := range []struct {
		text         string
		form         marking.Form
		code         marking.Code
		offset, size int
	}{
		{"", marking.Banner, marking.ErrEmpty, 0, 0},
		{"   ", marking.Banner, marking.ErrEmpty, 0, 3},
		{"()", marking.Portion, marking.ErrEmpty, 0, 2},
		{"SECRET//FRD-CNWDI//NOFORN", marking.Banner, marking.ErrAEACNWDIParent, 8, 9},
		{"SECRET//CNWDI//NOFORN", marking.Banner, marking.ErrAEACNWDIParent, 8, 5},
		{"SECRET//RD-SIGMA 20 18//NOFORN", marking.Banner, marking.ErrAEASigma, 8, 14},
		{"(CONTROLLED)", marking.Portion, marking.ErrCUIPortionControl, 1, 10},
		{"TOP SECRET//HCS-O//NOFORN", marking.Banner, marking.ErrHCSNeedsORCON, 12, 5},
		{"TOP SECRET//HCS-P JJJ//NOFORN", marking.Banner, marking.ErrHCSNeedsORCON, 12, 9},
		{"//JOINT SECRET CAN USA", marking.Banner, marking.ErrJointNeedsRelTo, 2, 20},
		{"SECRET//FED ONLY", marking.Banner, marking.ErrLDCWithoutCUI, 8, 8},
		{"//COSMIC SECRET", marking.Banner, marking.ErrNATOLevel, 2, 13},
		{"//NATO TOP SECRET", marking.Banner, marking.ErrNATOLevel, 2, 15},
		{"//NATO SECRET//BOHEMIA", marking.Banner, marking.ErrNATOLevel, 2, 11},
		{"SECRET//REL TO", marking.Banner, marking.ErrRelToEmpty, 8, 6},
		{"SECRET//REL", marking.Banner, marking.ErrRelToEmpty, 8, 3},
		{"SECRET//REL TO GBR, USA", marking.Banner, marking.ErrRelToUSAFirst, 8, 15},
		{"SECRET//REL TO GBR", marking.Banner, marking.ErrRelToUSAFirst, 8, 10},
		{"TOP SECRET//TK/SI//NOFORN", marking.Banner, marking.ErrSCIOrder, 15, 2},
		{"TOP SECRET//SI-G EFGH ABCD//ORCON/NOFORN", marking.Banner, marking.ErrSCIOrder, 12, 14},
		{"TOP SECRET//SI-G-ABC//ORCON/NOFORN", marking.Banner, marking.ErrSCIOrder, 12, 8},
		{"SECRET//REL TO USA, XYZ", marking.Banner, marking.ErrUnknownCountry, 8, 15},
		{"SECRET//REL TO USA,GBR", marking.Banner, marking.ErrListSeparator, 8, 14},
		{"SECRET//ORCON//NOFORN", marking.Banner, marking.ErrCategoryRepeat, 15, 6},
		{"SECRET/NOFORN", marking.Banner, marking.ErrBadSeparator, 6, 1},
		{"SECRET//NF", marking.Banner, marking.ErrForm, 8, 2},
		{"(S//NOFORN)", marking.Portion, marking.ErrForm, 4, 6},
		{"CUI//BUDG/BUDG", marking.Banner, marking.ErrDuplicate, 10, 4},
		{"SECRET//NOFORN/RELIDO", marking.Banner, marking.ErrRELIDOConflict, 15, 6},
		{"SECRET//RELIDO/DISPLAY ONLY AFG", marking.Banner, marking.ErrRELIDOConflict, 8, 6},
		{"  SECRET//NOFORN", marking.Banner, marking.ErrWhitespace, 0, 2},
		{"TOP  SECRET//NOFORN", marking.Banner, marking.ErrWhitespace, 0, 11},
		{"TOP SECRET//XYZ-ABC//NOFORN", marking.Banner, marking.ErrUnknownToken, 12, 7},
		{"SECRET//WAIVED//NOFORN", marking.Banner, marking.ErrUnknownToken, 8, 6},
		{"CUI//SBU", marking.Banner, marking.ErrLegacyMarking, 5, 3},
		{"(CUI//FED ONLY/AC)", marking.Portion, marking.ErrCUILDCOrder, 15, 2},
		{"UNCLASSIFIED//RD//NOFORN", marking.Banner, marking.ErrLevelTooLow, 14, 2},
	} {
		t.Run(c.text, func(t *testing.T) {
			got := r.Parse(c.text, c.form)
			for _, f := range got.Errors {
				if f.Code == c.code {
					if f.Offset != c.offset || f.Length != c.size {
						t.Errorf("%s at %d+%d, want %d+%d", f.Code, f.Offset, f.Length, c.offset, c.size)
					}
					return
				}
			}
			t.Errorf("got %v, want %s", got.Errors, c.code)
		})
	}
}

func TestParse_Warns(t *testing.T) {
	r := register()
	for text, want := range map[string]marking.Code{
		"UNCLASSIFIED//NOFORN":                        marking.WarnProfile,
		"CONFIDENTIAL//RD-N//NOFORN":                  marking.WarnProfile,
		"TOP SECRET//KDK-BLFH//NOFORN":                marking.WarnLegacy,
		"SECRET//HCS//NOFORN":                         marking.WarnLegacy,
		"SECRET//TK-QQ//NOFORN":                       marking.WarnUnknownEntry,
		"CUI//SP-QQQ":                                 marking.WarnUnknownEntry,
		"SECRET//REL TO USA, QQQQ":                    marking.WarnUnknownEntry,
		"UNCLASSIFIED//FOUO":                          marking.WarnLegacyCUI,
		"CUI//PRVCY//Attorney-Client":                 marking.WarnProfile,
		"SECRET//SI-EU//NOFORN":                       "",
		"TOP SECRET//SI-ECRU//NOFORN":                 "",
		"TOP SECRET//RESERVE-ABC//NOFORN":             "",
		"SECRET//SPECIAL ACCESS REQUIRED-X Y//NOFORN": "",
	} {
		got := r.Parse(text, marking.Banner)
		if want == "" {
			if len(got.Warnings) > 0 {
				t.Errorf("%s: %v", text, got.Warnings)
			}
			continue
		}
		if !got.Valid() || len(got.Warnings) != 1 || got.Warnings[0].Code != want {
			t.Errorf("%s: got %v and %v, want %s", text, got.Errors, got.Warnings, want)
		}
	}
}

// TestParse_ProfileSwitches holds the table of disagreements.
func TestParse_ProfileSwitches(t *testing.T) {
	for _, c := range []struct {
		text            string
		ic, dod, legacy bool
	}{
		{"UNCLASSIFIED//NOFORN", true, false, true},
		{"CONFIDENTIAL//RD-CNWDI//NOFORN", false, true, false},
		{"SECRET//RD-SIGMA 77//NOFORN", false, true, true},
		{"SECRET//EXDIS", false, true, false},
		{"SECRET//ORCON//NOFORN", false, true, false},
		{"SECRET//NOFORN//ORCON", false, false, false}, // parted, but still in order
		{"SECRET//SI//TK//NOFORN", false, false, false},
		{"SECRET//REL TO USA CAN", false, true, false},
		{"SECRET//REL TO USA,CAN", false, true, false},
		{"//GBR,CAN SECRET", false, false, false},
		{"SECRET//SAR-A/SAR-B//NOFORN", true, true, true},
		{"SECRET//REL TO USA, GBR/DISPLAY ONLY AFG/FISA", true, true, true},
	} {
		for p, want := range map[marking.Profile]bool{marking.IC: c.ic, marking.DoD: c.dod, marking.Legacy: c.legacy} {
			got := marking.NewRegister(marking.Shipped(), p).Parse(c.text, marking.Banner)
			if got.Valid() != want {
				t.Errorf("%s under %s: got %v, want valid %v", c.text, p, got.Errors, want)
			}
		}
	}
}

func TestLabel_TakesTheWorst(t *testing.T) {
	r := register()
	noforn := r.Label(r.Parse("SECRET//NOFORN", marking.Banner).Mark)
	for _, text := range []string{"(S//REL)", "(S)", "(S//REL TO CAN)", "s//nf", "(S//NF/REL TO USA, GBR)"} {
		if got := r.Label(r.Parse(text, marking.Portion).Mark); !noforn.AtMost(got) {
			t.Errorf("%s is %v, want at least NOFORN", text, got)
		}
	}
	banner := r.Parse("SECRET//REL TO USA, GBR", marking.Banner).Mark
	if got := r.Label(r.Parse("(C//REL)", marking.Portion).Mark.Resolve(banner)); r.Banner(got) != "CONFIDENTIAL//REL TO USA, GBR" {
		t.Errorf("a bare REL under its banner is %v", got)
	}
	// What a control implies is in the label even where an invalid mark leaves it out.
	if got := r.Label(r.Parse("TOP SECRET//SI-G", marking.Banner).Mark); r.Banner(got) != "TOP SECRET//SI-G//ORCON/NOFORN" {
		t.Errorf("SI-G is %v", got)
	}
	// Absorbed parts leave the banner and stay in the label.
	a, b := r.Label(r.Parse("(U//FOUO)", marking.Portion).Mark), r.Label(r.Parse("(S//NF)", marking.Portion).Mark)
	if sum := a.Join(b); r.Banner(sum) != "SECRET//NOFORN" || sum.Equal(b) || !a.AtMost(sum) {
		t.Errorf("FOUO was lost from %v", sum)
	}
	// UCNI forces NOFORN on what is classified.
	a, b = r.Label(r.Parse("(U//DCNI)", marking.Portion).Mark), r.Label(r.Parse("(S//REL TO USA, GBR)", marking.Portion).Mark)
	if got := r.Banner(a.Join(b)); got != "SECRET//NOFORN" {
		t.Errorf("UCNI and REL TO join to %s", got)
	}
}
