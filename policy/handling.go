package policy

import (
	"encoding/json"
	"slices"
	"strings"

	"bulkhead/catalog"
	"bulkhead/marking"
)

// content is what rules ask of a marking beside access: what of it looks at
// those who handle it.
type content struct {
	plain    bool // unclassified, without CUI and without any control
	released bool // its release leaves somebody out: NOFORN, REL TO, RELIDO, DISPLAY ONLY
	propin   bool
	export   bool            // export-controlled CUI
	excluded map[string]bool // affiliations that FED ONLY, NOCON or FEDCON leaves out
	parts    parts
}

// parts are a label's own, as its JSON form has them.
type parts struct {
	Readins    []string `json:"readins"`
	AEA        []string `json:"aea"`
	FGI        []string `json:"fgi"`
	Categories []string `json:"cui_categories"`
	Controls   []string `json:"controls"`
	Excluded   []string `json:"excluded"`
	Rel        []string `json:"rel"`
}

// contentOf takes a label apart by its JSON form, which holds all that it means.
func contentOf(l marking.Label) content {
	var p parts
	raw, err := l.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	if err != nil || !l.Known() {
		// What is not known is not released to anybody.
		return content{released: true, propin: true, export: true, excluded: map[string]bool{"US-SLTT": true, "CONTRACTOR": true, "FOREIGN": true}}
	}
	c := content{parts: p, plain: l.AtMost(marking.Unmarked()), released: len(p.Rel) > 0, propin: slices.Contains(p.Controls, marking.PROPIN.String()), excluded: map[string]bool{}}
	for _, a := range p.Excluded {
		c.excluded[a] = true
	}
	for _, name := range p.Categories {
		switch strings.TrimPrefix(strings.TrimPrefix(name, "?"), "SP-") {
		case "EXPT", "EXPTR":
			c.export = true
		}
	}
	return c
}

// staff are people who may see data at an offering, by the least that is known
// of them: whether all are citizens of the US, persons of the US, and of the
// federal government.
type staff struct {
	who                        string // "the cloud's staff"
	nobody                     bool
	citizens, persons, federal bool
	words                      string
}

// staffOf gives the staff of cloud and vendor. Reviewers are the vendor's staff,
// so that review by people belies a row that says nobody.
func staffOf(h *catalog.Handling) [2]staff {
	cloud, vendor := staffBy("the cloud's staff", h.CloudStaff), staffBy("the vendor's staff", h.VendorStaff)
	if vendor.nobody && h.HumanReview == "true" {
		vendor = staffBy("the vendor's reviewers", "anyone")
	}
	return [2]staff{cloud, vendor}
}

func staffBy(who, word string) staff {
	s := staff{who: who}
	switch word {
	case "none":
		s.nobody = true
	case "us_federal":
		s.citizens, s.persons, s.federal, s.words = true, true, true, "citizens of the US in federal service"
	case "us_citizens":
		s.citizens, s.persons, s.words = true, true, "citizens of the US"
	case "us_persons":
		s.persons, s.words = true, "persons of the US, not all citizens"
	case "anyone":
		s.words = "anyone"
	default:
		s.words = "unknown, which counts as anyone"
	}
	return s
}

// mayNot names what of the content leaves the staff out.
func (s *staff) mayNot(c *content) []string {
	if s.nobody {
		return nil
	}
	var out []string
	if c.released && !s.citizens {
		out = append(out, "its release (NOFORN, REL TO, RELIDO or DISPLAY ONLY)")
	}
	// People who are no federal employees are taken for a contractor's: of them
	// a cloud's and a vendor's staff are.
	if !s.federal && (c.excluded["CONTRACTOR"] || c.excluded["FOREIGN"] && !s.persons) {
		out = append(out, "its limited dissemination (FED ONLY, NOCON or FEDCON)")
	}
	if c.propin && !s.federal {
		out = append(out, "PROPIN")
	}
	if c.export && !s.persons {
		out = append(out, "its export-controlled CUI")
	}
	return out
}
