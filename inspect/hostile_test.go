package inspect_test

import (
	"testing"

	"bulkhead/marking"
)

// TestScan_CountsTheHighestThatCanBeRead holds texts that were written to be read too low, or to be taken for a mark.
func TestScan_CountsTheHighestThatCanBeRead(t *testing.T) {
	r := register()
	for text, want := range map[string]string{
		"CONFIDENTIAL//TOP SECRET":               "TOP SECRET//NOFORN",
		"UNCLASSIFIED//SECRET//NOFORN":           "SECRET//NOFORN",
		"(U) SECRET//NOFORN":                     "SECRET//NOFORN",
		"(U//TS//SI//NF) text of it":             "TOP SECRET//SI//NOFORN",
		"CUI//SECRET//NOFORN":                    "SECRET//CUI//NOFORN",
		"(TS//SI//NF)(S//NF)x":                   "TOP SECRET//SI//NOFORN",
		"SECRET///NOFORN":                        "SECRET//NOFORN",
		"SECRET/ /NOFORN":                        "SECRET//NOFORN",
		"( S // NF ) text":                       "SECRET//NOFORN",
		"TOP\tSECRET//SI":                        "TOP SECRET//SI//NOFORN",
		"tOp sEcReT//sI":                         "TOP SECRET//SI//NOFORN",
		"SECRET\u00a0//\u00a0NOFORN":             "SECRET//NOFORN",
		"<!-- SECRET//NOFORN -->":                "SECRET//NOFORN",
		"{\"marking\": \"SECRET//NOFORN\"}":      "SECRET//NOFORN",
		"_SECRET//NOFORN_":                       "SECRET//NOFORN",
		"**TS//SI//NF**":                         "TOP SECRET//SI//NOFORN",
		"éSECRET//NOFORNé":                       "SECRET//NOFORN",
		"\rSECRET//NOFORN\r":                     "SECRET//NOFORN",
		"Marking://COSMIC TOP SECRET//BOHEMIA":   "TOP SECRET//BOHEMIA//FGI NATO//NOFORN",
		"NATO SECRET":                            "SECRET//FGI NATO//NOFORN",
		"SECRET//REL TO USA FVEY":                "SECRET//NOFORN",
		"SECRET//SAR-MULTIPLE PROGRAMS":          "SECRET//SAR-MULTIPLE PROGRAMS//NOFORN",
		"see http://NS.example and https://C//x": "",
		"MY_SECRET//NOFORN":                      "",
		"C//C++ developer, S//S":                 "",
		"NATO SECRETARY GENERAL":                 "",
		"COSMIC TOP SECRETS OF COOKING":          "",
		"the SCI of TS":                          "",
		"std::U//C":                              "",
		"x\x00y and nothing else":                "",
		"https://NATO.example/SECRET//x":         "",
		"//TODO SECRET sauce, //FIXME C":         "",
		"if (a_S//b)":                            "",
		"ftp://JOINT SECRETARIAT of AUS and GBR": "",
	} {
		got := scan(text)
		banner := ""
		if !got.Label.Equal(marking.Unmarked()) {
			banner = r.Banner(got.Label)
		}
		if banner != want {
			t.Errorf("%q: read as %q, want %q", text, banner, want)
		}
	}
}
