package marking

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// labelJSON is the form in which labels are stored, logged and passed on.
type labelJSON struct {
	Level      string   `json:"level"`
	Readins    []string `json:"readins,omitempty"`
	AEA        []string `json:"aea,omitempty"`
	Sigma      []int    `json:"sigma,omitempty"`
	FGI        []string `json:"fgi,omitempty"`
	Concealed  bool     `json:"fgi_concealed,omitempty"`
	CUI        bool     `json:"cui,omitempty"`
	Categories []string `json:"cui_categories,omitempty"`
	Controls   []string `json:"controls,omitempty"`
	Excluded   []string `json:"excluded,omitempty"`
	// Rel is absent where nobody has limited the release; Display where it is the same as Rel.
	Rel      []string `json:"rel,omitempty"`
	Display  []string `json:"display,omitempty"`
	NoRELIDO bool     `json:"no_relido,omitempty"`
}

var (
	aeaNames      = [...]string{"RD", "CNWDI", "FRD", "DCNI", "UCNI", "TFNI"}
	audienceNames = [...]string{"US-FED", "US-SLTT", "CONTRACTOR", "FOREIGN"}
)

// labelControls are those that a label may hold; release, audience and what stands for two are kept elsewhere in it.
const labelControls = ControlSet(1<<numControls-1) &^
	(releaseSet | 1<<SBUNOFORN | 1<<LESNOFORN | 1<<FEDONLY | 1<<FEDCON | 1<<NOCON)

// MarshalJSON is the label in its own form, with sets sorted. It holds all that the label means; the zero label is null.
func (l Label) MarshalJSON() ([]byte, error) {
	if !l.known {
		return []byte("null"), nil
	}
	j := labelJSON{
		Level: l.level.String(), Readins: l.needs, Sigma: l.sigma.numbers(), FGI: codeStrings(l.fgi), Concealed: l.concealed,
		CUI: l.cui, Categories: l.categories, NoRELIDO: l.noRELIDO,
		AEA: bitNames(uint(l.aea), aeaNames[:]), Excluded: bitNames(uint(l.excluded), audienceNames[:]),
	}
	for c := range l.controls.All {
		j.Controls = append(j.Controls, c.String())
	}
	if !l.open {
		j.Rel = codeStrings(l.rel)
		if !slices.Equal(l.rel, l.disp) {
			j.Display = codeStrings(l.disp)
		}
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads the label's own form, strictly. Whatever its parts imply is added, so that a label is closed
// however it came; null is the zero label.
func (l *Label) UnmarshalJSON(b []byte) error {
	if string(bytes.TrimSpace(b)) == "null" {
		*l = Label{}
		return nil
	}
	var j labelJSON
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&j); err != nil {
		return fmt.Errorf("label: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("label: more than one value")
	}
	out, err := j.label()
	if err != nil {
		return fmt.Errorf("label: %w", err)
	}
	*l = out
	return nil
}

func (j labelJSON) label() (Label, error) {
	l := Label{known: true, cui: j.CUI || len(j.Categories) > 0, concealed: j.Concealed, noRELIDO: j.NoRELIDO}
	var ok bool
	if l.level, ok = ParseLevel(j.Level); !ok || l.level == Restricted {
		return Label{}, fmt.Errorf("level: %q", j.Level)
	}
	aea, ok := namedBits(j.AEA, aeaNames[:])
	if !ok {
		return Label{}, fmt.Errorf("aea: %q", j.AEA)
	}
	if l.aea = aeaKinds(aea); l.aea&aeaCNWDI != 0 {
		l.aea |= aeaRD
	}
	excluded, ok := namedBits(j.Excluded, audienceNames[:])
	if !ok {
		return Label{}, fmt.Errorf("excluded: %q", j.Excluded)
	}
	l.excluded = audience(excluded)
	for _, n := range j.Sigma {
		if n < 1 || n > 99 {
			return Label{}, fmt.Errorf("sigma: %d", n)
		}
		l.sigma.add(n)
	}
	for _, n := range j.Controls {
		c, ok := ParseControl(n)
		if !ok || !labelControls.Has(c) {
			return Label{}, fmt.Errorf("controls: %q", n)
		}
		l.controls |= setOf(c)
	}
	if err := l.readNames(j); err != nil {
		return Label{}, err
	}
	if err := l.readRelease(j); err != nil {
		return Label{}, err
	}
	l.close()
	return l, nil
}

// readNames takes over read-ins and categories with what they are below.
func (l *Label) readNames(j labelJSON) error {
	needs := slices.Clone(j.Readins)
	for _, n := range j.Readins {
		if !readinName(n) {
			return fmt.Errorf("readins: %q", n)
		}
		switch {
		case n == "ATOMAL" || n == "BALK" || n == "BOHEMIA":
			needs = append(needs, "NATO")
		case sciReadin(n):
			if system, _, below := strings.Cut(n, "-"); below {
				needs = append(needs, system)
			}
			if parent, _, below := strings.Cut(n, " "); below {
				needs = append(needs, parent)
			}
		}
	}
	l.needs = normal(needs)
	categories := slices.Clone(j.Categories)
	for _, c := range j.Categories {
		base, unknown := strings.CutPrefix(c, "?")
		if base, specified := strings.CutPrefix(base, "SP-"); !categoryName(base) || unknown && specified {
			return fmt.Errorf("cui_categories: %q", c)
		}
		categories = append(categories, strings.TrimPrefix(base, "SP-"))
	}
	l.categories = normal(categories)
	return nil
}

// readinName reports whether a label may need n: words of letters and digits, or anything known to nobody.
func readinName(n string) bool {
	if unknown, ok := strings.CutPrefix(n, "?"); ok {
		return unknown != ""
	}
	for part := range strings.SplitSeq(n, "-") {
		for word := range strings.SplitSeq(part, " ") {
			if word == "" || !alnum(word) {
				return false
			}
		}
	}
	return true
}

func (l *Label) readRelease(j labelJSON) error {
	read := func(list []string) ([]code, error) {
		var out []code
		for _, s := range list {
			if len(s) < 2 || len(s) > 4 || !upperAlpha(s) {
				return nil, fmt.Errorf("not a country or organisation: %q", s)
			}
			out = append(out, packCode(s))
		}
		return normal(out), nil
	}
	var err error
	if l.fgi, err = read(j.FGI); err != nil {
		return err
	}
	if l.open = len(j.Rel) == 0; l.open {
		if len(j.Display) > 0 {
			return errors.New("display without rel")
		}
		return nil
	}
	if l.rel, err = read(j.Rel); err != nil {
		return err
	}
	if l.disp, err = read(j.Display); err != nil {
		return err
	}
	if l.disp = union(l.rel, l.disp); !contains(l.rel, usa) {
		return errors.New("rel without USA")
	}
	return nil
}

func bitNames(bits uint, names []string) []string {
	var out []string
	for i, n := range names {
		if bits>>i&1 != 0 {
			out = append(out, n)
		}
	}
	return out
}

func namedBits(list, names []string) (uint, bool) {
	var out uint
	for _, n := range list {
		i := slices.Index(names, n)
		if i < 0 {
			return 0, false
		}
		out |= 1 << i
	}
	return out, true
}
