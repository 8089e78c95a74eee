package policy_test

import (
	"strings"
	"testing"

	"bulkhead/fault"
	"bulkhead/marking"
	"bulkhead/policy"
)

// label reads a banner, or a portion in parentheses.
func labelOf(t *testing.T, text string) marking.Label {
	t.Helper()
	r := marking.NewRegister(marking.Shipped(), marking.IC)
	form := marking.Banner
	if strings.HasPrefix(text, "(") {
		form = marking.Portion
	}
	reading := r.Parse(text, form)
	if !reading.Valid() {
		t.Fatalf("%q is no marking: %v", text, reading.Errors)
	}
	return r.Label(reading.Mark)
}

func TestMark_JoinsAndRefuses(t *testing.T) {
	for _, tt := range []struct {
		name            string
		declared, found string
		unread          string
		raise           bool   // the workload raises
		stands          string // what the workload takes for the unread
		want            string // effective
		refused         fault.Kind
	}{
		{name: "the workload's default", want: "CUI"},
		{name: "declared down to the floor", declared: "U", want: "UNCLASSIFIED"},
		{name: "declared as a portion", declared: "(CUI)", want: "CUI"},
		{name: "declared as a bare portion", declared: "CUI//SP-PRVCY", want: "CUI//SP-PRVCY"},
		{name: "declared above the ceiling", declared: "SECRET", refused: fault.AboveCeiling},
		{name: "declared nonsense", declared: "TOP SEKRIT", refused: fault.MarkingInvalid},
		{name: "found at what was declared", found: "(CUI)", want: "CUI"},
		{name: "found below", declared: "CUI", found: "(U)", want: "CUI"},
		{name: "found above what was declared", declared: "U", found: "(CUI)", refused: fault.Spillage},
		{name: "found above, and raised", declared: "U", found: "(CUI)", raise: true, want: "CUI"},
		{name: "raised never above the ceiling", declared: "U", found: "CUI//SP-CTI", raise: true, refused: fault.Spillage},
		{name: "found above the enclave", found: "(S//NF)", raise: true, refused: fault.Contamination},
		{name: "unread, and the workload does not say", unread: "an image", refused: fault.Unread},
		{name: "unread, taken for CUI", declared: "U", unread: "an image", stands: "CUI", want: "CUI"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSmall()
			s.letters.Marking.Ceiling = "CUI//SP-PRVCY"
			s.letters.Marking.Unread = tt.stands
			if tt.raise {
				s.letters.Marking.Found = "raise"
			}
			claim := policy.Claim{Workload: s.letters, Declared: tt.declared, Found: marking.Unmarked(), Unread: tt.unread}
			if tt.found != "" {
				claim.Found = labelOf(t, tt.found)
			}
			got, err := compile(t, s.Estate, policy.Options{}).Mark(claim)
			if tt.refused != "" {
				f := fault.From(err)
				if f == nil || f.Kind != tt.refused {
					t.Fatalf("got %v, want %s", err, tt.refused)
				}
				for _, word := range []string{"CTI", "NF", "NOFORN", "SECRET"} {
					if (f.Kind == fault.Spillage || f.Kind == fault.Contamination) && strings.Contains(f.Message, word) {
						t.Errorf("the refusal names what was found: %s", f.Message)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !got.Effective.Equal(labelOf(t, tt.want)) {
				t.Errorf("effective %v, want %s", got.Effective, tt.want)
			}
		})
	}
}
